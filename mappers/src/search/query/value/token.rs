//! Tokens: <https://hl7.org/fhir/R4/search.html#token>.

use crate::search::query::split::{split_unescaped, unescape};

/// A token. At least one half is there and not empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenValue {
    /// `None` = any system or none; empty = values without a system.
    pub system: Option<Box<str>>,
    /// `None` = any code of the system.
    pub code: Option<Box<str>>,
}

/// How a code may stand to another one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CodeRelation {
    /// It subsumes the other one (`:above`).
    Above,
    /// The other one subsumes it (`:below`).
    Below,
    /// It is in a value set (`:in`); the value's code is the set's address.
    In,
}

/// Reads one token, still escaped: `code`, `system|code`, `|code` or `system|`.
pub(in crate::search::query) fn token(text: &str) -> Result<TokenValue, &'static str> {
    let parts = split_unescaped(text, '|');
    let value = match parts[..] {
        [code] => TokenValue { system: None, code: Some(unescape(code)) },
        [system, ""] => TokenValue { system: Some(unescape(system)), code: None },
        [system, code] => TokenValue { system: Some(unescape(system)), code: Some(unescape(code)) },
        _ => return Err("has more than one |; write a | that belongs to the value as \\|"),
    };
    if value.code.is_none() && value.system.as_deref() == Some("") {
        return Err("is only a |; give a system, a code, or both");
    }
    Ok(value)
}

/// Reads `system|code|value` of `:of-type`, as the token that stands for it: the type's system, and its code and the value
/// joined by `|`.
pub(in crate::search::query) fn typed_identifier(text: &str) -> Result<TokenValue, &'static str> {
    match split_unescaped(text, '|')[..] {
        [system, code, value] if !code.is_empty() && !value.is_empty() => {
            let code = format!("{}|{}", unescape(code), unescape(value)).into();
            Ok(TokenValue { system: (!system.is_empty()).then(|| unescape(system)), code: Some(code) })
        }
        _ => Err("is not the type's system, the type's code and the identifier's value, joined by |"),
    }
}
