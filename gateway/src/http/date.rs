//! Instants as HTTP writes them (RFC 9110 5.6.7); those of FHIR are [`crate::clock::Clock`]'s.

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// `Sat, 21 Nov 2026 05:27:00 GMT`: whole seconds, rounded down.
pub fn http_date(ms: i64) -> Option<String> {
    let instant = Timestamp::from_second(ms.div_euclid(1000)).ok()?;
    rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&instant).ok()
}

/// The second that an HTTP date names, in ms.
pub fn parse_http_date(text: &str) -> Option<i64> {
    let instant = rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    Some(instant.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_both_ways() {
        assert_eq!(http_date(784_111_777_999).as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777_000));
        assert_eq!(parse_http_date("yesterday"), None);
    }
}
