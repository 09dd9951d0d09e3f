//! XML at the edge: bodies that come become JSON, answers become XML. <https://hl7.org/fhir/R4/xml.html>

use bytes::Bytes;
use hyper::StatusCode;
use mappers::json::{Document, MAX_DEPTH};
use mappers::xml::{self, Layout};

use crate::outcome::{Code, Failure};

/// How deep an answer may be. What is stored has the depth of what is sent; a searchset, a history or Parameters add 3, the
/// batch that asks for one 3 more, and members that rows put around a value of their own a few.
const DEPTH: usize = MAX_DEPTH + 32;

/// From here on the work goes to a thread that may block.
const ELSEWHERE: usize = 64 * 1024;

/// The JSON of a body in XML.
///
/// # Errors
/// 400, with the place: no XML, or not what R4 says of the type.
pub async fn read(body: Bytes) -> Result<Bytes, Failure> {
    apart(body, |body| Ok(xml::read(body)?)).await
}

/// A resource as XML; in lines for people.
///
/// # Errors
/// 406: the resource has what XML cannot tell.
pub async fn write(body: Bytes, pretty: bool) -> Result<Bytes, Failure> {
    let layout = if pretty { Layout::Indented } else { Layout::Compact };
    apart(body, move |body| {
        let document = Document::parse_within(body, DEPTH).map_err(|_| Failure::internal())?;
        xml::write(document.root(), layout).map_err(|unwritable| {
            let details = format!(
                "XML cannot tell this resource: {}. Ask for JSON with Accept: application/fhir+json.",
                unwritable.details
            );
            Failure::new(StatusCode::NOT_ACCEPTABLE, Code::NotSupported, details).at(&unwritable.expression)
        })
    })
    .await
}

/// Long texts are converted where nobody waits for the thread.
async fn apart(
    body: Bytes,
    convert: impl Fn(&[u8]) -> Result<Vec<u8>, Failure> + Send + 'static,
) -> Result<Bytes, Failure> {
    if body.len() < ELSEWHERE {
        return Ok(convert(&body)?.into());
    }
    let converted = tokio::task::spawn_blocking(move || convert(&body)).await;
    Ok(converted.unwrap_or_else(|_| Err(Failure::internal()))?.into())
}
