//! The value of a primitive as JSON writes it.

use crate::json::write_string;
use crate::structure::Primitive;

/// Appends a value of XML as the JSON of its type. Whether the type allows it is the structure checker's to say; here only
/// what JSON could not hold is refused.
///
/// # Errors
/// What to write instead.
pub(super) fn write(out: &mut Vec<u8>, primitive: Primitive, text: &str) -> Result<(), &'static str> {
    match primitive {
        Primitive::Boolean if matches!(text, "true" | "false") => out.extend_from_slice(text.as_bytes()),
        Primitive::Boolean => return Err("write true or false"),
        Primitive::Decimal if is_number(text) => out.extend_from_slice(text.as_bytes()),
        Primitive::Decimal => {
            return Err("write digits, with a point and digits behind it where there are decimals: 1.0, -0.5, 1e3");
        }
        Primitive::Integer | Primitive::PositiveInt | Primitive::UnsignedInt if is_whole(text) => {
            out.extend_from_slice(text.as_bytes());
        }
        Primitive::Integer | Primitive::PositiveInt | Primitive::UnsignedInt => {
            return Err("write a whole number, without leading zeros, + or a decimal point");
        }
        _ => write_string(out, text),
    }
    Ok(())
}

/// A number of JSON, which has the form of an R4 decimal.
fn is_number(text: &str) -> bool {
    let mantissa_end = text.find(['e', 'E']).unwrap_or(text.len());
    let (mantissa, exponent) = text.split_at(mantissa_end);
    let (whole, decimals) =
        mantissa.split_once('.').map_or((mantissa, None), |(whole, decimals)| (whole, Some(decimals)));
    let exponent = exponent.get(1..).map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    is_whole(whole) && decimals.is_none_or(digits) && exponent.is_none_or(digits)
}

fn is_whole(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    digits(text) && (text == "0" || !text.starts_with('0'))
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(primitive: Primitive, text: &str) -> Option<String> {
        let mut out = Vec::new();
        write(&mut out, primitive, text).ok()?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn numbers_keep_their_text() {
        for text in ["0", "-0.0", "1.0", "1.10", "1E+2", "1e-3", "123456789012345678901234567890.5"] {
            assert_eq!(json(Primitive::Decimal, text).as_deref(), Some(text));
        }
        for text in ["", "-", "+1", "01", ".5", "1.", "1e", "1e+", "NaN", "INF", " 1", "0x1", "1,0", "1.0.0", "٣"] {
            assert_eq!(json(Primitive::Decimal, text), None, "{text}");
        }
        assert_eq!(json(Primitive::Integer, "-5").as_deref(), Some("-5"));
        for text in ["1.0", "1e3", "007", "+5", ""] {
            assert_eq!(json(Primitive::PositiveInt, text), None, "{text}");
        }
    }

    #[test]
    fn other_values_are_strings() {
        assert_eq!(json(Primitive::Boolean, "true").as_deref(), Some("true"));
        assert_eq!(json(Primitive::Boolean, "1"), None);
        assert_eq!(json(Primitive::Code, "5").as_deref(), Some("\"5\""));
        assert_eq!(json(Primitive::String, "a\"\n").as_deref(), Some(r#""a\"\n""#));
    }
}
