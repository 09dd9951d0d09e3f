//! CVX and MVX: the CDC's tables of vaccines and of who makes them. Pipes, no header, UTF-16 or UTF-8, codes with spaces behind them
//! (<https://www2.cdc.gov/vaccines/iis/iisstandards/vaccines.asp>).

pub(crate) mod date;

use std::io::Read as _;

use serde_json::{Value, json};
use terminology::index::{Draft, Kind};

use self::date::date;
use crate::Loaded;
use crate::fault::Fault;
use crate::reading::Progress;
use crate::report::Report;
use crate::source::{File, Source};
use crate::text::fault;

/// The most bytes of such a table: the real ones have fewer than a hundred thousand.
const LARGEST: u64 = 16 << 20;

/// What may be said of a code's standing.
const STATUSES: [&str; 5] = ["Active", "Inactive", "Pending", "Non-US", "Never Active"];

/// Which of the tables.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Which {
    /// Vaccines.
    Cvx,
    /// Who makes them.
    Mvx,
}

/// What the fields of a row are called, after the code and the name.
impl Which {
    fn properties(self) -> &'static [(&'static str, Kind)] {
        match self {
            Self::Cvx => &[
                ("fullName", Kind::String),
                ("notes", Kind::String),
                ("status", Kind::String),
                ("nonvaccine", Kind::Boolean),
                ("lastUpdated", Kind::DateTime),
            ],
            Self::Mvx => &[("notes", Kind::String), ("status", Kind::String), ("lastUpdated", Kind::DateTime)],
        }
    }

    fn says(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Cvx => ("CVX", "cvx.txt", "http://hl7.org/fhir/sid/cvx", "urn:oid:2.16.840.1.113883.12.292"),
            Self::Mvx => ("MVX", "mvx.txt", "http://hl7.org/fhir/sid/mvx", "urn:oid:2.16.840.1.113883.12.227"),
        }
    }

    /// Whether a line is a row of it.
    fn is_row(self, line: &str) -> bool {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let status = if self == Self::Cvx { 4 } else { 3 };
        let is_code = |code: &str| match self {
            Self::Cvx => (1..=4).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit()),
            Self::Mvx => (1..=8).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        };
        is_code(fields[0]) && fields.get(status).is_some_and(|text| STATUSES.contains(text))
    }
}

/// A whole table as text. The CDC's own are UTF-16 with a mark of the order of bytes.
fn decoded(source: &Source, file: &File) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    source.read(file, |from| {
        let read = from.take(LARGEST + 1).read_to_end(&mut bytes);
        read.map(|_| ()).map_err(|error| Fault::Read { file: file.name.clone(), error })
    })?;
    if bytes.len() as u64 > LARGEST {
        return Err(fault(file, 1, format!("the file is larger than {LARGEST} bytes")));
    }
    let wide = |rest: &[u8], pair: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks::<2>();
        let text = String::from_utf16(&pairs.iter().map(|two| pair(*two)).collect::<Vec<u16>>());
        text.ok().filter(|_| odd.is_empty()).ok_or_else(|| fault(file, 1, "it is not UTF-16, though it begins so"))
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes).map(|text| text.trim_start_matches('\u{feff}').to_owned()).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            fault(file, memchr::memchr_iter(b'\n', before).count() as u64 + 1, "it is neither UTF-8 nor UTF-16")
        }),
    }
}

/// The file with the table, and its text. One that is no text is another one; one that cannot be read is an error.
fn table(source: &Source, which: Which) -> Result<Option<(&File, String)>, Fault> {
    let named = which.says().0.to_ascii_lowercase();
    let is_text = |file: &&File| file.base().to_ascii_lowercase().ends_with(".txt") && file.size <= LARGEST;
    let is_it = |text: &str| text.lines().take(2).any(|line| which.is_row(line));
    let mut files: Vec<&File> = source.files().iter().filter(is_text).collect();
    files.sort_by_key(|file| !file.base().to_ascii_lowercase().contains(&named));
    for file in files {
        match decoded(source, file) {
            Ok(text) if is_it(&text) => return Ok(Some((file, text))),
            Err(fault @ Fault::Read { .. }) => return Err(fault),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(None)
}

/// A table of that name that cannot be decoded.
fn spoilt(source: &Source, which: Which) -> Option<Fault> {
    let named = source.files().iter().find(|file| file.base().eq_ignore_ascii_case(which.says().1));
    named.and_then(|file| decoded(source, file).err())
}

/// Whether the source has the table.
///
/// # Errors
/// [`Fault::Read`]: a file that may be it cannot be read.
pub fn is_there(source: &Source, which: Which) -> Result<bool, Fault> {
    Ok(table(source, which)?.is_some())
}

/// Reads a table. Where the version is not given, it is the day of the latest change.
///
/// # Errors
/// [`Fault`]: the table is not there, is neither UTF-8 nor UTF-16, or a row has too few fields.
pub fn load(source: &Source, which: Which, version: Option<&str>, progress: Progress<'_>) -> Result<Loaded, Fault> {
    let (name, usual, ..) = which.says();
    let Some((file, text)) = table(source, which)? else {
        return Err(spoilt(source, which).unwrap_or(Fault::Missing { release: name, file: usual }));
    };
    let lines: Vec<(u64, &str)> = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).collect();
    let lines = match lines.as_slice() {
        // Some tables have a header after all.
        [(_, first), rest @ ..] if !which.is_row(first) && first.to_ascii_lowercase().contains("code") => rest,
        lines => lines,
    };
    let dates = lines.iter().filter_map(|(_, line)| date(line.split('|').nth(which.properties().len() + 1)?));
    let latest = dates.max();
    let mut report = Report::default();
    let mut draft = Draft::new(header(which, version.or(latest.as_deref())));
    for (line, text) in lines {
        row(which, file, (*line, text), &mut draft, &mut report)?;
    }
    let rows = lines.len() as u64;
    progress(&file.name, rows);
    report.read(&file.name, rows);
    Ok(Loaded { draft, report })
}

fn row(
    which: Which,
    file: &File,
    (line, text): (u64, &str),
    draft: &mut Draft,
    report: &mut Report,
) -> Result<(), Fault> {
    let fields: Vec<&str> = text.split('|').map(str::trim).collect();
    let properties = which.properties();
    let wanted = properties.len() + 2;
    let [code, display, rest @ ..] = fields.as_slice() else {
        return Err(fault(file, line, format!("it has one field, not {wanted}")));
    };
    if rest.len() < properties.len() || code.is_empty() {
        return Err(fault(file, line, format!("it has {} fields, not {wanted}, or no code", fields.len())));
    }
    if draft.find(code).is_some() {
        report.odd(&file.name, line, format!("{code} comes twice; the first counts"));
        return Ok(());
    }
    let at = draft.concept(code)?;
    draft.display(at, display)?;
    for (&(name, kind), text) in properties.iter().zip(rest).filter(|(_, text)| !text.is_empty()) {
        match (name, kind) {
            ("fullName", _) if text == display => {}
            ("fullName", _) => draft.designation(at, "en-US", "", text)?,
            (_, Kind::Boolean) => match text.to_ascii_lowercase().as_str() {
                flag @ ("true" | "false") => draft.property(at, name, kind, flag)?,
                _ => report.odd(&file.name, line, format!("{name} is {text}, neither true nor false; skipped")),
            },
            (_, Kind::DateTime) => match date(text) {
                Some(date) => draft.property(at, name, kind, &date)?,
                None => report.odd(&file.name, line, format!("{text} is no date; skipped")),
            },
            _ => draft.property(at, name, kind, text)?,
        }
        if name == "status" && ["Inactive", "Never Active"].contains(text) {
            draft.property(at, "inactive", Kind::Boolean, "true")?;
        }
        if name == "status" && !STATUSES.contains(text) {
            report.odd(&file.name, line, format!("{text} is no known status; kept"));
        }
    }
    Ok(())
}

fn header(which: Which, version: Option<&str>) -> Value {
    let (name, _, url, oid) = which.says();
    let inactive = format!("{}inactive", terminology::model::code_system::PROPERTIES);
    let own = json!({ "code": "inactive", "uri": inactive, "type": "boolean" });
    let others = which.properties().iter().filter(|(name, _)| *name != "fullName");
    let others = others.map(|(name, kind)| {
        let kind = kind.element().trim_start_matches("value");
        json!({ "code": name, "type": format!("{}{}", kind[..1].to_ascii_lowercase(), &kind[1..]) })
    });
    let mut header = json!({
        "resourceType": "CodeSystem",
        "url": url,
        "identifier": [{ "system": "urn:ietf:rfc:3986", "value": oid }],
        "name": name,
        "title": name,
        "status": "active",
        "language": "en-US",
        "caseSensitive": false,
        "content": "complete",
        "property": std::iter::once(own).chain(others).collect::<Vec<Value>>(),
    });
    if let Some(version) = version {
        header["version"] = version.into();
    }
    header
}
