//! Parameters of an address or a form: `application/x-www-form-urlencoded`.

use std::borrow::Cow;

/// The parameters in order, decoded. A `%` that starts no escape stands for itself.
pub fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// The last value of a parameter.
pub fn value<'q>(query: &'q str, name: &str) -> Option<Cow<'q, str>> {
    // Most queries are empty or hold no parameter of ours.
    if !query.contains(name) {
        return None;
    }
    pairs(query).filter(|(key, _)| key == name).last().map(|(_, value)| value)
}

/// The query without the parameters that `drop` names, as it was sent.
pub fn without(query: &str, drop: impl Fn(&str) -> bool) -> String {
    let kept = query.split('&').filter(|pair| {
        let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
        !pair.is_empty() && !drop(&decode(name))
    });
    let mut out = String::with_capacity(query.len());
    for pair in kept {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(pair);
    }
    out
}

/// Undoes percent-encoding and `+`. Bytes that are no UTF-8 become replacement characters, which match nothing.
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'+' => out.push(b' '),
            b'%' => match escape(&bytes[at..]) {
                Some(byte) => {
                    out.push(byte);
                    at += 2;
                }
                None => out.push(b'%'),
            },
            byte => out.push(byte),
        }
        at += 1;
    }
    Cow::Owned(String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn escape(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    u8::try_from(digit(1)? * 16 + digit(2)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_in_order() {
        let found: Vec<_> = pairs("a=1&b=x%20y+z&&c&a=%zz").collect();
        let expected = [("a", "1"), ("b", "x y z"), ("c", ""), ("a", "%zz")];
        assert_eq!(found.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>(), expected);
        assert_eq!(value("_count=1&_count=2", "_count").as_deref(), Some("2"));
        assert_eq!(decode("%ff"), "\u{fffd}");
    }

    #[test]
    fn a_query_goes_without_what_is_dropped() {
        assert_eq!(
            without("code=a%7Cb&_cursor=x&%5Fcursor=y&_count=2", |name| name == "_cursor"),
            "code=a%7Cb&_count=2"
        );
    }
}
