//! Strings: <http://hl7.org/fhirpath/N1/#string-manipulation>.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use regex::{Regex, RegexBuilder};

use super::Call;
use crate::fhirpath::EvaluationError;
use crate::fhirpath::evaluate::{BYTES, Outcome};
use crate::fhirpath::operators::boolean;
use crate::fhirpath::value::Value;

/// How large a compiled pattern may be, in bytes.
const PATTERN: usize = 1 << 20;
/// The work of compiling a pattern, beside that for each byte of it.
const COMPILED: usize = 1000;
/// Bytes of a pattern that make a text as much work again.
const STATES: usize = 32;

/// Calls a function on a string.
pub(super) fn call<'d>(call: &Call<'_, 'd, '_>) -> Outcome<'d> {
    if call.name == "join" {
        return join(call);
    }
    let Some(value) = call.one()? else { return Ok(Vec::new()) };
    let Value::String(text) = value else { return Err(EvaluationError::new("a string is needed here")) };
    call.evaluator.spend(1 + text.len() / BYTES)?;
    let string = |text: String| Ok(vec![Value::String(text.into())]);
    match call.name {
        "length" => return Ok(vec![Value::Integer(text.chars().count() as i64)]),
        "lower" => return string(text.to_lowercase()),
        "substring" => return substring(call, &text),
        "toChars" => {
            // Counted before they are made, as all that is larger than what it is made of.
            call.evaluator.spend(text.len())?;
            return Ok(text.chars().map(|one| Value::String(one.to_string().into())).collect());
        }
        "trim" => return string(text.trim().to_owned()),
        "upper" => return string(text.to_uppercase()),
        _ => {}
    }
    let Some(argument) = call.string(0)? else { return Ok(Vec::new()) };
    match call.name {
        "contains" => Ok(boolean(text.contains(&argument))),
        "endsWith" => Ok(boolean(text.ends_with(&argument))),
        "startsWith" => Ok(boolean(text.starts_with(&argument))),
        "indexOf" => Ok(position(&text, text.find(&argument))),
        "lastIndexOf" => Ok(position(&text, text.rfind(&argument))),
        "matches" => Ok(boolean(pattern(call, &argument, &text)?.is_match(&text))),
        "matchesFull" => Ok(boolean(pattern(call, &format!("^(?:{argument})$"), &text)?.is_match(&text))),
        "replace" | "replaceMatches" => {
            let Some(with) = call.string(1)? else { return Ok(Vec::new()) };
            call.evaluator.spend((1 + text.len()).saturating_mul(1 + with.len()) / BYTES)?;
            string(if call.name == "replace" {
                text.replace(&argument, &with)
            } else if argument.is_empty() {
                text.to_string()
            } else {
                pattern(call, &argument, &text)?.replace_all(&text, with.as_str()).into_owned()
            })
        }
        "split" => {
            call.evaluator.spend(text.matches(&*argument).count())?;
            Ok(text.split(&argument).map(|part| Value::String(part.into())).collect())
        }
        "decode" => decoded(&text, &argument).map_or_else(|| Ok(Vec::new()), string),
        "encode" => encoded(&text, &argument).map_or_else(|| Ok(Vec::new()), string),
        "escape" => escaped(&text, &argument).map_or_else(|| Ok(Vec::new()), string),
        "unescape" => unescaped(&text, &argument).map_or_else(|| Ok(Vec::new()), string),
        _ => Err(EvaluationError::new("there is no function of this name here")),
    }
}

fn join<'d>(call: &Call<'_, 'd, '_>) -> Outcome<'d> {
    if call.focus.is_empty() {
        return Ok(Vec::new());
    }
    let separator = call.string(0)?.unwrap_or_default();
    let mut joined = String::new();
    for (index, item) in call.focus.iter().enumerate() {
        call.evaluator.spend((item.weight() + separator.len()) / BYTES)?;
        if index > 0 {
            joined.push_str(&separator);
        }
        joined.push_str(&item.text().ok_or_else(|| EvaluationError::new("join takes strings"))?);
    }
    Ok(vec![Value::String(joined.into())])
}

fn substring<'d>(call: &Call<'_, 'd, '_>, text: &str) -> Outcome<'d> {
    let (Some(start), length) = (call.integer(0)?, call.integer(1)?) else { return Ok(Vec::new()) };
    let start = usize::try_from(start).ok().filter(|start| *start < text.chars().count());
    let Some(start) = start else { return Ok(Vec::new()) };
    let length = length.map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(0));
    Ok(vec![Value::String(text.chars().skip(start).take(length).collect::<String>().into())])
}

fn position<'d>(text: &str, byte: Option<usize>) -> Vec<Value<'d>> {
    vec![Value::Integer(byte.map_or(-1, |byte| text[..byte].chars().count() as i64))]
}

/// A pattern in single-line mode, for a text. The engine takes time in proportion to the text, and to the pattern.
fn pattern(call: &Call<'_, '_, '_>, pattern: &str, text: &str) -> Result<Rc<Regex>, EvaluationError> {
    call.evaluator.spend((text.len() / BYTES).saturating_mul(1 + pattern.len() / STATES))?;
    let mut last = call.evaluator.pattern.borrow_mut();
    if let Some((_, built)) = last.as_ref().filter(|(of, _)| of == pattern) {
        return Ok(Rc::clone(built));
    }
    call.evaluator.spend(COMPILED + pattern.len())?;
    let built = RegexBuilder::new(pattern).dot_matches_new_line(true).size_limit(PATTERN).build();
    let built = Rc::new(built.map_err(|_| EvaluationError::new("the pattern is no regular expression, or too large"))?);
    *last = Some((pattern.to_owned(), Rc::clone(&built)));
    Ok(built)
}

fn encoded(text: &str, format: &str) -> Option<String> {
    match format {
        "base64" => Some(STANDARD.encode(text)),
        "hex" => Some(text.bytes().map(|byte| format!("{byte:02x}")).collect()),
        "urlbase64" => Some(URL_SAFE.encode(text)),
        _ => None,
    }
}

fn decoded(text: &str, format: &str) -> Option<String> {
    let bytes = match format {
        "base64" => STANDARD.decode(text).ok()?,
        "hex" => {
            let digits = text.as_bytes();
            let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).ok());
            let bytes = pairs.map(|pair| u8::from_str_radix(pair.filter(|pair| pair.len() == 2)?, 16).ok());
            bytes.collect::<Option<Vec<u8>>>()?
        }
        // Some writers of it keep the alphabet of plain base64.
        "urlbase64" => URL_SAFE.decode(text.replace('+', "-").replace('/', "_")).ok()?,
        _ => return None,
    };
    String::from_utf8(bytes).ok()
}

const HTML: [(&str, &str); 5] = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];

fn escaped(text: &str, target: &str) -> Option<String> {
    match target {
        "html" => Some(HTML.iter().fold(text.to_owned(), |text, (plain, escape)| text.replace(plain, escape))),
        "json" => {
            let mut out = Vec::new();
            crate::json::write_string(&mut out, text);
            let quoted = String::from_utf8(out).ok()?;
            Some(quoted[1..quoted.len() - 1].to_owned())
        }
        _ => None,
    }
}

fn unescaped(text: &str, target: &str) -> Option<String> {
    match target {
        "html" => Some(HTML.iter().rev().fold(text.to_owned(), |text, (plain, escape)| text.replace(escape, plain))),
        "json" => Some(crate::json::unescape(text)),
        _ => None,
    }
}
