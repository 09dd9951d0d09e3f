//! ICD-10-CM: the order file, lines of fixed width (<https://www.cms.gov/medicare/coding-billing/icd-10-codes>). The file has codes
//! without dots; FHIR's have them.

use serde_json::{Value, json};
use terminology::index::{Draft, Kind};

use crate::Loaded;
use crate::fault::Fault;
use crate::reading::Progress;
use crate::report::Report;
use crate::source::{File, Source};
use crate::text;

const FILE: &str = "icd10cm-order-YYYY.txt";

/// Where the short title begins and ends; what comes after is the long one.
const SHORT: (usize, usize) = (16, 76);

/// A line of the order file.
struct Line<'l> {
    code: &'l str,
    is_header: bool,
    short: &'l str,
    long: &'l str,
}

impl<'l> Line<'l> {
    fn of(text: &'l str) -> Result<Self, &'static str> {
        let order = cut(text, 0, 5);
        if order.len() != 5 || !order.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err("it does not begin with a number of five digits");
        }
        let code = cut(text, 6, 13).trim_end();
        if !is_code(code) {
            return Err("there is no code where one should be");
        }
        let is_header = match cut(text, 14, 15) {
            "0" => true,
            "1" => false,
            _ => return Err("it says neither 0 (a header) nor 1 (a code)"),
        };
        let (short, long) = (cut(text, SHORT.0, SHORT.1).trim(), cut(text, SHORT.1, usize::MAX).trim());
        if short.is_empty() || long.is_empty() {
            return Err("it is cut off: the titles are not there");
        }
        Ok(Self { code, is_header, short, long })
    }
}

/// Letters from one place to another one; what is not there is empty.
fn cut(text: &str, from: usize, to: usize) -> &str {
    let place = |nth: usize| text.char_indices().nth(nth).map_or(text.len(), |(at, _)| at);
    let (from, to) =
        if text.is_ascii() { (from.min(text.len()), to.min(text.len())) } else { (place(from), place(to)) };
    text.get(from..to).unwrap_or_default()
}

/// ICD-10-PCS has the same lines; its codes begin with two letters that are none of these.
fn is_code(code: &str) -> bool {
    let bytes = code.as_bytes();
    (3..=7).contains(&bytes.len())
        && bytes[0].is_ascii_uppercase()
        && bytes[1].is_ascii_digit()
        && bytes.iter().all(u8::is_ascii_alphanumeric)
}

/// The code with its dot.
pub(crate) fn dotted(code: &str) -> String {
    match code.split_at_checked(3) {
        Some((category, rest)) if !rest.is_empty() => format!("{category}.{rest}"),
        _ => code.to_owned(),
    }
}

/// The order file of the latest year.
fn order(source: &Source) -> Result<Option<&File>, Fault> {
    let mut found = Vec::new();
    for file in source.files().iter().filter(|file| file.base().to_ascii_lowercase().ends_with(".txt")) {
        if text::first(source, file)?.is_some_and(|line| Line::of(&line).is_ok()) {
            found.push(file);
        }
    }
    Ok(found.into_iter().max_by_key(|file| year(file.base())))
}

fn year(name: &str) -> Option<&str> {
    let is_year = |part: &&str| part.len() == 4 && part.starts_with("20");
    name.split(|letter: char| !letter.is_ascii_digit()).rfind(is_year)
}

/// Whether the source has an order file.
///
/// # Errors
/// [`Fault::Read`]: a file that may be it cannot be read.
pub fn is_there(source: &Source) -> Result<bool, Fault> {
    Ok(order(source)?.is_some())
}

/// Reads the order file. Where the version is not given, it is the year that the file is called by. `progress` hears the file's name
/// and how many rows of it were read.
///
/// # Errors
/// [`Fault`]: there is no such file, a line is not as wide as it should be, or something cannot be read.
pub fn load(source: &Source, version: Option<&str>, progress: Progress<'_>) -> Result<Loaded, Fault> {
    let file = order(source)?.ok_or(Fault::Missing { release: "ICD-10-CM", file: FILE })?;
    let mut report = Report::default();
    let version = version.or_else(|| year(file.base())).or_else(|| year(source.name()));
    if version.is_none() {
        report.odd(&file.name, 1, "its name does not tell the year; there is no version");
    }
    let mut draft = Draft::new(header(version));
    let rows = text::each(source, file, progress, |number, text| {
        let line = Line::of(text).map_err(|what| text::fault(file, number, what))?;
        let code = dotted(line.code);
        if draft.find(&code).is_some() {
            report.odd(&file.name, number, format!("{code} comes twice; the first counts"));
            return Ok(());
        }
        let at = draft.concept(&code)?;
        draft.display(at, line.long)?;
        if line.short != line.long {
            draft.designation(at, "en-US", "", line.short)?;
        }
        if line.is_header {
            draft.property(at, "notSelectable", Kind::Boolean, "true")?;
        }
        Ok(())
    })?;
    report.read(&file.name, rows);
    relate(&mut draft);
    Ok(Loaded { draft, report })
}

/// A code is below the longest one that it begins with.
fn relate(draft: &mut Draft) {
    let places = 0..u32::try_from(draft.len()).unwrap_or(u32::MAX);
    for at in places {
        let code = draft.code(at);
        let shorter = (3..code.len()).rev().filter_map(|end| code.get(..end));
        if let Some(parent) = shorter.filter_map(|prefix| draft.find(prefix)).next() {
            draft.parent(at, parent);
        }
    }
}

fn header(version: Option<&str>) -> Value {
    let own = |code: &str, kind: &str| {
        let uri = format!("{}{code}", terminology::model::code_system::PROPERTIES);
        json!({ "code": code, "uri": uri, "type": kind })
    };
    let mut header = json!({
        "resourceType": "CodeSystem",
        "url": "http://hl7.org/fhir/sid/icd-10-cm",
        "identifier": [{ "system": "urn:ietf:rfc:3986", "value": "urn:oid:2.16.840.1.113883.6.90" }],
        "name": "ICD10CM",
        "title": "ICD-10-CM",
        "status": "active",
        "language": "en-US",
        "caseSensitive": false,
        "hierarchyMeaning": "is-a",
        "content": "complete",
        "property": [own("parent", "code"), own("child", "code"), own("notSelectable", "boolean")],
    });
    if let Some(version) = version {
        header["version"] = version.into();
    }
    header
}
