//! JSON for people: two spaces a level, every token as it was.

use bytes::Bytes;

/// Indents minified JSON that we wrote ourselves.
pub fn indent(json: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in json.iter().copied().enumerate() {
        if in_string {
            out.push(byte);
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'{' | b'[' => {
                out.push(byte);
                if !matches!(json.get(at + 1), Some(b'}' | b']')) {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                if !matches!(json.get(at.wrapping_sub(1)), Some(b'{' | b'[')) {
                    depth = depth.saturating_sub(1);
                    line(&mut out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            _ => {
                in_string = byte == b'"';
                out.push(byte);
            }
        }
    }
    out.push(b'\n');
    out.into()
}

fn line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + 2 * depth, b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stay_and_lines_are_indented() {
        let json = br#"{"a":[1.10,{"b":"x\",{[:"}],"c":[],"d":{}}"#;
        let expected =
            "{\n  \"a\": [\n    1.10,\n    {\n      \"b\": \"x\\\",{[:\"\n    }\n  ],\n  \"c\": [],\n  \"d\": {}\n}\n";
        assert_eq!(indent(json), expected);
    }
}
