//! Reading a request's body within the limit, inflated where it is gzip.

use std::io::Read;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::{HeaderMap, StatusCode, header};

use crate::http::room::{Held, Room};
use crate::metrics::Count;
use crate::outcome::{Advice, Code, Failure};

/// From here on a body is inflated on a thread that may block: it may become a thousand times as long.
const INFLATE_ELSEWHERE: usize = 4 * 1024;

/// How much of a body that is too long is read and thrown away, so that the client reads our answer instead of a reset
/// connection.
const DISCARD: u64 = 128 * 1024 * 1024;

/// The longest we throw away.
const DISCARD_TIME: Duration = Duration::from_secs(10);

/// The whole body, inflated, and the room that it takes. `read` counts its bytes as they come.
///
/// # Errors
/// 503: there is no room. 413: longer than `limit` bytes, before or after inflation. 415: an encoding other than gzip. 400: broken gzip, or a
/// connection that ended early.
pub async fn collect(
    headers: &HeaderMap,
    mut body: Incoming,
    limit: usize,
    (room, read): (&Room, &Count),
) -> Result<(Bytes, Held), Failure> {
    let mut held = room.none();
    let gzip = is_gzip(headers)?;
    if body.size_hint().lower() > limit as u64 {
        unread(headers, &mut body).await;
        return Err(too_long(limit));
    }
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| interrupted())?.into_data() else { continue };
        read.add(data.len() as u64);
        let length = first.as_ref().map_or(0, Bytes::len) + rest.len();
        if length + data.len() > limit {
            drop((first, rest));
            discard(&mut body).await;
            return Err(too_long(limit));
        }
        if let Err(failure) = held.grow(length + data.len()).await {
            drop((first, rest, held));
            discard(&mut body).await;
            return Err(failure);
        }
        match &first {
            None if data.is_empty() => {}
            // Most bodies come in one frame and are not copied.
            None => first = Some(data),
            Some(start) => {
                if rest.is_empty() {
                    let expected = usize::try_from(body.size_hint().upper().unwrap_or(0)).unwrap_or(0);
                    rest.reserve((start.len() + data.len() + expected).min(limit));
                    rest.extend_from_slice(start);
                    first = Some(Bytes::new());
                }
                rest.extend_from_slice(&data);
            }
        }
    }
    let collected = if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() };
    if !gzip {
        return Ok((collected, held));
    }
    // Nobody knows how long it becomes.
    held.grow(collected.len() + limit).await?;
    let inflated = inflate(collected, limit).await?;
    held.shrink(inflated.len());
    Ok((inflated, held))
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, Failure> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else { return Ok(false) };
    match encoding.to_str().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(false),
        "gzip" | "x-gzip" => Ok(true),
        _ => Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::NotSupported,
            "Of content encodings the gateway takes gzip only.",
        )),
    }
}

async fn inflate(body: Bytes, limit: usize) -> Result<Bytes, Failure> {
    if body.len() < INFLATE_ELSEWHERE {
        return inflate_now(&body, limit);
    }
    tokio::task::spawn_blocking(move || inflate_now(&body, limit)).await.unwrap_or_else(|_| Err(Failure::internal()))
}

fn inflate_now(body: &[u8], limit: usize) -> Result<Bytes, Failure> {
    let mut out = Vec::with_capacity((body.len() * 4).min(limit));
    // One byte more than allowed tells a body at the limit from one beyond it.
    let read = MultiGzDecoder::new(body).take(limit as u64 + 1).read_to_end(&mut out);
    match read {
        Ok(length) if length > limit => Err(too_long(limit)),
        Ok(_) => Ok(out.into()),
        Err(_) => Err(Failure::bad_request(Code::Structure, "The body says Content-Encoding: gzip and is none.")),
    }
}

/// Throws a body away that nobody wants. Who waits for `100 Continue` has sent nothing yet and shall not begin.
pub(super) async fn unread(headers: &HeaderMap, body: &mut Incoming) {
    if !headers.contains_key(header::EXPECT) {
        discard(body).await;
    }
}

/// Reads on without keeping anything.
async fn discard(body: &mut Incoming) {
    let reading = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, |data| data.len() as u64);
            if seen > DISCARD {
                break;
            }
        }
    };
    // Past the time or the amount the connection is closed with the answer.
    let _ = tokio::time::timeout(DISCARD_TIME, reading).await;
}

fn too_long(limit: usize) -> Failure {
    Failure::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        Code::TooLong,
        format!(
            "The body is longer than the limit of {limit} bytes (after inflation). Send it in several requests, or load \
             it with `fhir-gateway import`."
        ),
    )
    .advising(Advice::Close)
}

fn interrupted() -> Failure {
    Failure::bad_request(Code::Structure, "The body ended before its length was reached.").advising(Advice::Close)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn inflation_is_bounded() {
        assert_eq!(inflate_now(&gzip(&[7; 1000]), 1000).unwrap().len(), 1000);
        assert_eq!(inflate_now(&gzip(&[7; 1001]), 1000).unwrap_err().status, 413);
        assert_eq!(inflate_now(&gzip(&vec![0; 1 << 24]), 1000).unwrap_err().status, 413, "a bomb");
        assert_eq!(inflate_now(b"no gzip at all", 1000).unwrap_err().status, 400);
    }

    #[test]
    fn only_gzip_is_an_encoding() {
        let mut headers = HeaderMap::new();
        assert!(!is_gzip(&headers).unwrap());
        headers.insert(header::CONTENT_ENCODING, "GZIP".parse().unwrap());
        assert!(is_gzip(&headers).unwrap());
        headers.insert(header::CONTENT_ENCODING, "br".parse().unwrap());
        assert_eq!(is_gzip(&headers).unwrap_err().status, 415);
    }
}
