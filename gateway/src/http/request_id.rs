//! X-Request-Id: the client's where it is harmless, else one of ours. It is what log lines carry instead of data.

use std::sync::atomic::{AtomicU64, Ordering};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// The header.
pub const NAME: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id we echo.
const LONGEST: usize = 64;

/// Gives requests their ids: a start that differs from process to process, and a counter.
#[derive(Debug)]
pub struct RequestIds {
    start: u64,
    count: AtomicU64,
}

impl RequestIds {
    /// Ids that begin with the process's start (ms).
    pub fn new(started_ms: i64) -> Self {
        Self { start: started_ms.unsigned_abs(), count: AtomicU64::new(0) }
    }

    /// The id of a request.
    pub fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(NAME) {
            Some(id) if is_harmless(id.as_bytes()) => id.clone(),
            _ => self.fresh(),
        }
    }

    fn fresh(&self) -> HeaderValue {
        let text = format!("{:x}-{:x}", self.start, self.count.fetch_add(1, Ordering::Relaxed));
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("-"))
    }
}

/// Nothing that a log, a shell or a page could take for more than a name.
fn is_harmless(id: &[u8]) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_echoed_only_when_harmless() {
        let ids = RequestIds::new(255);
        let mut headers = HeaderMap::new();
        assert_eq!(ids.of(&headers), "ff-0");
        headers.insert(NAME, "abc-1.2_x".parse().unwrap());
        assert_eq!(ids.of(&headers), "abc-1.2_x");
        headers.insert(NAME, "a<script>".parse().unwrap());
        assert_eq!(ids.of(&headers), "ff-1");
    }
}
