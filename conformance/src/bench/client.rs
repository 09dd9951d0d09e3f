//! A small HTTP client, for what happens beside the loads: seeding, and looking at one answer before it is measured.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::bench::server::TOKEN;
use crate::bench::within;

/// How long an exchange may take (a transaction of a hundred entries on a busy machine).
const SECONDS: u64 = 60;

/// Sends one request with the token of benchmark servers; the body of a 2xx.
///
/// # Errors
/// No answer, or another status.
pub async fn send(method: &str, url: &str, body: impl Into<Bytes>) -> Result<Bytes, String> {
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(header::CONTENT_TYPE, "application/fhir+json")
        .body(Full::new(body.into()))
        .map_err(|error| error.to_string())?;
    let exchange = async {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response: Response<_> = client.request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok((status, body))
    };
    let (status, body) = within(SECONDS, &format!("{method} {url}"), exchange).await?;
    match status {
        StatusCode::OK | StatusCode::CREATED => Ok(body),
        _ => Err(format!("{method} {url} answered {status}: {}", String::from_utf8_lossy(&body))),
    }
}
