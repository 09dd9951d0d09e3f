//! The control words that stand for texts: `$uuid$`, `$choice:a|b$` and the like.

/// What `$version$` is.
pub(crate) const FHIR_VERSION: &str = "4.0.1";

/// Whether a text is what a template says.
///
/// # Panics
/// At a control word that nobody here knows: a case with it would mean nothing.
pub(crate) fn fits(template: &str, text: &str) -> bool {
    let template = template.replace("$version$", FHIR_VERSION);
    let word = template.strip_prefix('$').and_then(|word| word.strip_suffix('$'));
    let Some(word) = word else { return template == text };
    match word.split_once(':') {
        None => is_of_kind(word, text),
        Some(("choice", choices)) => choices.split('|').any(|choice| choice == text),
        Some(("external", number)) => number.split_once(':').is_none_or(|(_, fragments)| contains(text, fragments)),
        Some(("fragments", fragments)) => contains(text, fragments),
        Some(_) => panic!("what is {template}?"),
    }
}

/// Whether every fragment is in a text, in letters of either case.
fn contains(text: &str, fragments: &str) -> bool {
    let text = text.to_lowercase();
    fragments.split('|').all(|fragment| text.contains(&fragment.to_lowercase()))
}

fn is_of_kind(kind: &str, text: &str) -> bool {
    match kind {
        "" => true,
        "date" => is_date(text) || is_instant(text),
        "id" => {
            (1..=64).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        }
        "instant" => is_instant(text),
        "semver" => is_semver(text),
        "string" => text.trim() == text,
        "token" => {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            text.bytes().next().is_some_and(is_word) && text.bytes().all(|byte| is_word(byte) || b".-".contains(&byte))
        }
        "url" => {
            ["http://", "https://", "www."].iter().any(|start| text.strip_prefix(start).is_some_and(is_rest_of_url))
        }
        "uuid" => text.strip_prefix("urn:uuid:").is_some_and(is_uuid),
        _ => panic!("what is ${kind}$?"),
    }
}

fn is_rest_of_url(rest: &str) -> bool {
    let mut bytes = rest.bytes();
    bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-+&@#/%?=~_|!:,.;".contains(&byte)) && !rest.is_empty()
}

/// In small letters, as R4's uuid is.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn is_date(text: &str) -> bool {
    has_shape(text, "0000-00-00") && (1..=12).contains(&number(&text[5..7])) && (1..=31).contains(&number(&text[8..10]))
}

/// To the second or finer, and with a zone.
fn is_instant(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let Some((time, zone)) = time.split_at_checked(8) else { return false };
    let is_time =
        has_shape(time, "00:00:00") && number(&time[..2]) < 24 && number(&time[3..5]) < 60 && number(&time[6..]) <= 60;
    let zone = match zone.strip_prefix('.') {
        None => zone,
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if !(1..=9).contains(&(fraction.len() - zone.len())) {
                return false;
            }
            zone
        }
    };
    let is_zone = zone == "Z"
        || zone
            .strip_prefix(['+', '-'])
            .is_some_and(|zone| has_shape(zone, "00:00") && number(&zone[..2]) <= 14 && number(&zone[3..]) < 60);
    is_date(date) && is_time && is_zone
}

/// `MAJOR.MINOR.PATCH`, with a pre-release or build metadata or without.
fn is_semver(text: &str) -> bool {
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
    let is_number = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    let is_tail = |tail: Option<&str>| {
        let is_part =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        tail.is_none_or(|tail| tail.split('.').all(is_part))
    };
    core.split('.').count() == 3 && core.split('.').all(is_number) && is_tail(pre) && is_tail(build)
}

/// Whether a text has digits where the shape has them, and its other characters.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(byte, wanted): (u8, u8)| if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

fn number(digits: &str) -> u32 {
    digits.parse().expect("two digits")
}

/// Whether what is marked `$optional$` with this may be absent: `!mode`, `version:N`, `warning:...`.
///
/// # Panics
/// At a mark that nobody here knows.
pub(crate) fn is_optional(mark: &str, modes: &[&str]) -> bool {
    if let Some(mode) = mark.strip_prefix('!') {
        return !modes.contains(&mode);
    }
    match mark.split_once(':') {
        Some(("version", version)) => FHIR_VERSION.starts_with(version),
        Some(("warning", _)) => true,
        _ => panic!("what is $optional$ {mark}?"),
    }
}
