//! `traceparent`: which trace a request is part of, as its client says: <https://www.w3.org/TR/trace-context/#traceparent-header>.
//!
//! What is not well-formed counts as none. Its ids are hexadecimal and nothing else, so the log may have them.

use hyper::HeaderMap;

/// The header.
const NAME: &str = "traceparent";
/// The length of one of version 00.
const LENGTH: usize = 55;
/// A later version may say more, and is no longer than this.
const LONGEST: usize = 128;

/// Which trace a request is part of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceParent<'h> {
    /// The trace: 32 hexadecimal digits.
    pub trace: &'h str,
    /// Who calls: 16 hexadecimal digits.
    pub span: &'h str,
    /// The caller keeps what it notes of this trace.
    pub sampled: bool,
}

impl<'h> TraceParent<'h> {
    /// What the headers say; `None` where that is nothing, not well-formed, or said twice.
    pub fn of(headers: &'h HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(NAME).iter();
        let value = values.next()?;
        if values.next().is_some() || value.len() > LONGEST {
            return None;
        }
        Self::parse(value.to_str().ok()?)
    }

    fn parse(text: &'h str) -> Option<Self> {
        // It is ASCII: a header's text is.
        let (version, rest) = text.split_at_checked(2)?;
        let is_known = match version {
            "00" => text.len() == LENGTH,
            // Never a version.
            "ff" => false,
            _ => text.len() == LENGTH || text.as_bytes().get(LENGTH) == Some(&b'-'),
        };
        let rest = rest.get(..LENGTH - 2)?;
        let mut parts = rest.strip_prefix('-')?.split('-');
        let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        let is_id = |id: &str, length| is_hex(id, length) && id.bytes().any(|digit| digit != b'0');
        let fits = is_known && is_hex(version, 2) && is_id(trace, 32) && is_id(span, 16) && is_hex(flags, 2);
        let sampled = fits && u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        fits.then_some(Self { trace, span, sampled })
    }
}

/// In lower case, as the standard asks.
fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn of(values: &[&str]) -> Option<(String, bool)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, value.parse().unwrap());
        }
        TraceParent::of(&headers).map(|parent| (parent.trace.to_owned(), parent.sampled))
    }

    #[test]
    fn what_is_well_formed_counts() {
        let known = Some((TRACE.to_owned(), true));
        assert_eq!(of(&[&format!("00-{TRACE}-b7ad6b7169203331-01")]), known);
        assert_eq!(of(&[&format!("00-{TRACE}-b7ad6b7169203331-00")]), Some((TRACE.to_owned(), false)));
        assert_eq!(of(&[&format!("cc-{TRACE}-b7ad6b7169203331-03")]), known, "a later version");
        assert_eq!(of(&[&format!("cc-{TRACE}-b7ad6b7169203331-01-what-comes")]), known, "a later version says more");
    }

    #[test]
    fn what_is_not_is_none() {
        let good = format!("00-{TRACE}-b7ad6b7169203331-01");
        for bad in [
            String::new(),
            "00".into(),
            "é".into(),
            good.to_uppercase(),
            format!("{good}-more"),
            format!("{good} "),
            format!("cc-{TRACE}-b7ad6b7169203331-01.more"),
            format!("ff-{TRACE}-b7ad6b7169203331-01"),
            format!("0g-{TRACE}-b7ad6b7169203331-01"),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-b7ad6b7169203331-0x"),
            format!("00-{TRACE}_b7ad6b7169203331-01"),
            format!("00-{}-b7ad6b7169203331-01", "Smith".repeat(6) + "ab"),
            format!("cc-{TRACE}-b7ad6b7169203331-01-{}", "x".repeat(LONGEST)),
        ] {
            let Ok(value) = hyper::header::HeaderValue::from_str(&bad) else { continue };
            let headers = HeaderMap::from_iter([(hyper::header::HeaderName::from_static(NAME), value)]);
            assert_eq!(TraceParent::of(&headers), None, "{bad}");
        }
        assert_eq!(of(&[&good, &good]), None, "said twice");
        assert_eq!(of(&[]), None);
    }
}
