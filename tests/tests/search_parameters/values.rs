//! The words by which a value is asked for.

use crate::definitions::Found;
use gateway_tests::Json;

/// How a query asks for a value, by the kind of the parameter, and (where the test can tell) what it has to equal.
pub(crate) fn asked(kind: &str, found: &Found) -> Vec<String> {
    let (value, hint) = (&found.json, found.hint.as_str());
    match kind {
        "token" => tokens(value),
        "string" => texts(value),
        "date" => dates(value, hint),
        "number" => numbers(value).map(str::to_owned).into_iter().collect(),
        "quantity" => quantities(value),
        "reference" => references(value),
        "uri" => value.as_str().map(escaped).into_iter().collect(),
        "special" => positions(value),
        other => panic!("{other}"),
    }
}

/// A value that nothing has.
pub(crate) fn nowhere(kind: &str) -> &'static str {
    match kind {
        "token" => "zz-none",
        "string" => "zzzz none",
        "date" => "1801-01-01",
        "number" | "quantity" => "-98765.4321",
        "reference" => "http://zz.example/none",
        "uri" => "urn:zz:none",
        // The place that is farthest from all land.
        "special" => "-48.8767|-123.3933|1|km",
        other => panic!("{other}"),
    }
}

/// `\`, `,`, `|` and `$` mean something in a query.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(',', "\\,").replace('|', "\\|").replace('$', "\\$")
}

/// Percent-encoded, every byte that is no letter or digit.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

const CONTACT: [&str; 7] = ["email", "fax", "other", "pager", "phone", "sms", "url"];

fn tokens(value: &Json) -> Vec<String> {
    match value {
        Json::String(code) => vec![escaped(code)],
        Json::Bool(yes) => vec![yes.to_string()],
        Json::Object(_) if value.at("coding").is_some() => value.items("coding").iter().flat_map(tokens).collect(),
        Json::Object(_) => {
            let system = value.str("system");
            let Some(code) = value.str("code").or_else(|| value.str("value")) else { return Vec::new() };
            if value.at("code").is_none() && system.is_some_and(|system| CONTACT.contains(&system)) {
                return vec![escaped(code)];
            }
            let system = system.map(escaped).unwrap_or_default();
            vec![format!("{system}|{}", escaped(code)), escaped(code)]
        }
        _ => Vec::new(),
    }
}

fn texts(value: &Json) -> Vec<String> {
    match value {
        Json::String(text) => {
            let start: String = text.trim().chars().take(30).collect();
            vec![escaped(start.to_uppercase().trim_end())]
        }
        Json::Object(members) => {
            const PARTS: [&str; 12] = [
                "city",
                "country",
                "district",
                "family",
                "given",
                "line",
                "postalCode",
                "prefix",
                "state",
                "suffix",
                "text",
                "none",
            ];
            let parts = members.iter().filter(|(name, _)| PARTS.contains(&name.as_str()));
            parts
                .flat_map(|(_, value)| {
                    if let Json::Array(items) = value { items.iter().flat_map(texts).collect() } else { texts(value) }
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

fn dates(value: &Json, hint: &str) -> Vec<String> {
    if let Some(text) = value.as_str() {
        return if hint.is_empty() || hint.contains("Date") || hint == "Instant" {
            ["", "ge", "le"].map(|prefix| format!("{prefix}{text}")).to_vec()
        } else {
            Vec::new()
        };
    }
    // Some of a range is at its first and at its last time; one without end goes on after every time.
    let mut asked = Vec::new();
    for end in [value.str("start"), value.str("end")].into_iter().flatten() {
        asked.extend([format!("ge{end}"), format!("le{end}")]);
    }
    match (value.str("start"), value.str("end")) {
        (Some(_), None) => asked.push("gt9000-01-01".to_owned()),
        (None, Some(_)) => asked.push("lt1001-01-01".to_owned()),
        _ => {}
    }
    if let Some(event) = value.str("event.0") {
        asked.push(format!("ge{event}"));
    }
    asked
}

fn numbers(value: &Json) -> Option<&str> {
    if let Json::Number(text) = value { Some(text) } else { None }
}

fn quantities(value: &Json) -> Vec<String> {
    if let Some(low) = value.str("low.value") {
        return vec![format!("ge{low}")];
    }
    let Some(number) = value.str("value") else { return Vec::new() };
    if value.at("comparator").is_some() {
        return Vec::new();
    }
    let mut asked = vec![number.to_owned()];
    if let Some(currency) = value.str("currency") {
        asked.push(format!("{number}|urn:iso:std:iso:4217|{currency}"));
    }
    if let Some(code) = value.str("code") {
        asked.push(format!("{number}|{}|{}", escaped(value.str("system").unwrap_or_default()), escaped(code)));
    }
    if let Some(unit) = value.str("unit") {
        asked.push(format!("{number}||{}", escaped(unit)));
    }
    asked
}

/// Where a Location is, give or take a metre.
fn positions(value: &Json) -> Vec<String> {
    let place = value.str("latitude").zip(value.str("longitude"));
    place.map(|(latitude, longitude)| format!("{latitude}|{longitude}|1|m")).into_iter().collect()
}

fn references(value: &Json) -> Vec<String> {
    let text = value.as_str().or_else(|| value.str("reference"));
    let Some(text) = text.filter(|text| !text.starts_with('#')) else { return Vec::new() };
    let plain = text.split("/_history/").next().unwrap();
    vec![escaped(plain)]
}
