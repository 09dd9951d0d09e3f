//! The General Equivalence Mappings between ICD-9-CM and ICD-10-CM, in both directions. They were frozen in 2018, and say what a code
//! comes near to; only what they call exact may be taken for the same.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::fault::Fault;
use crate::icd10cm;
use crate::reading::Progress;
use crate::source::{File, Source};
use crate::text;

/// How many lines tell which way a file goes.
const TELLING: u64 = 1000;

/// From which system into which one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// From ICD-9-CM into ICD-10-CM.
    To10,
    /// From ICD-10-CM into ICD-9-CM.
    To9,
}

impl Way {
    fn names(self) -> [&'static str; 2] {
        let (nine, ten) = ("icd-9-cm", "icd-10-cm");
        if self == Self::To10 { [nine, ten] } else { [ten, nine] }
    }

    fn file(self) -> &'static str {
        if self == Self::To10 { "2018_I9gem.txt" } else { "2018_I10gem.txt" }
    }

    /// Both codes with their dots.
    fn dotted(self, source: &str, target: &str) -> [String; 2] {
        match self {
            Self::To10 => [nine(source), icd10cm::dotted(target)],
            Self::To9 => [icd10cm::dotted(source), nine(target)],
        }
    }
}

/// An ICD-9-CM code with its dot: after the third letter, in codes with E after the fourth.
fn nine(code: &str) -> String {
    match code.split_at_checked(if code.starts_with('E') { 4 } else { 3 }) {
        Some((category, rest)) if !rest.is_empty() => format!("{category}.{rest}"),
        _ => code.to_owned(),
    }
}

/// A line: two codes and five flags.
struct Line<'l> {
    source: &'l str,
    target: &'l str,
    flags: [u8; 5],
}

impl<'l> Line<'l> {
    fn of(text: &'l str) -> Option<Self> {
        let mut fields = text.split_ascii_whitespace();
        let (source, target, flags) = (fields.next()?, fields.next()?, fields.next()?);
        let flags: [u8; 5] = flags.as_bytes().try_into().ok()?;
        let is_code =
            |code: &str| (3..=7).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_fit = flags.iter().all(u8::is_ascii_digit)
            && flags[..3].iter().all(|flag| *flag <= b'1')
            && is_code(source)
            && (flags[1] == b'1' || is_code(target))
            && fields.next().is_none();
        is_fit.then(|| Self { source, target, flags: flags.map(|flag| flag - b'0') })
    }

    /// Which way it goes, where its codes tell: only ICD-9-CM's begin with a digit. Codes of seven letters may be ICD-10-PCS: they tell nothing.
    fn way(&self) -> Option<Way> {
        let is_nine = |code: &str| (3..=5).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
        let is_ten = |code: &str| code.len() <= 6 && matches!(code.as_bytes(), [b'A'..=b'Z', b'0'..=b'9', _, ..]);
        if is_nine(self.source) && is_ten(self.target) {
            return Some(Way::To10);
        }
        (is_ten(self.source) && is_nine(self.target)).then_some(Way::To9)
    }

    fn target(&self, code: String) -> Value {
        let [approximate, none, combination, scenario, choice] = self.flags;
        if none == 1 {
            return json!({ "equivalence": "unmatched", "comment": "The GEMs know no code for it" });
        }
        if combination == 1 {
            let comment = format!(
                "Only together with others: scenario {scenario}, one of each choice list; this is of list {choice}"
            );
            return json!({ "code": code, "equivalence": "inexact", "comment": comment });
        }
        if approximate == 1 {
            return json!({ "code": code, "equivalence": "inexact", "comment": "The GEMs call it approximate" });
        }
        json!({ "code": code, "equivalence": "equivalent" })
    }
}

fn way_of(source: &Source, file: &File) -> Option<Way> {
    let mut way = None;
    let silent: Progress<'_> = &mut |_, _| {};
    // A fault ends the look: the line that tells was found, or the file is another one.
    let _ = text::each(source, file, silent, |number, text| {
        let line = Line::of(text).ok_or_else(|| text::fault(file, number, "another file"))?;
        way = line.way();
        if way.is_some() || number >= TELLING { Err(text::fault(file, number, "told")) } else { Ok(()) }
    });
    way
}

fn file_of(source: &Source, way: Way) -> Option<&File> {
    let is_text = |file: &&File| file.base().to_ascii_lowercase().ends_with(".txt");
    source.files().iter().filter(is_text).find(|file| way_of(source, file) == Some(way))
}

/// Whether the source has the mappings of one way.
pub fn is_there(source: &Source, way: Way) -> bool {
    file_of(source, way).is_some()
}

/// Reads the mappings of one way as a `ConceptMap`. What they call approximate is `inexact`, and so is what counts only together with
/// other codes, whatever its flag says: nobody is to take it for the same.
///
/// # Errors
/// [`Fault`]: there is no such file, a line is not two codes with five flags, or something cannot be read.
pub fn load(source: &Source, way: Way, progress: Progress<'_>) -> Result<Value, Fault> {
    let file = file_of(source, way).ok_or_else(|| Fault::Missing { release: "The GEMs", file: way.file() })?;
    let mut elements: Vec<(String, Vec<Value>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    text::each(source, file, progress, |number, text| {
        let line = Line::of(text).ok_or_else(|| text::fault(file, number, "it is not two codes with five flags"))?;
        let [code, target] = way.dotted(line.source, line.target);
        let at = *places.entry(code.clone()).or_insert_with(|| {
            elements.push((code, Vec::new()));
            elements.len() - 1
        });
        elements[at].1.push(line.target(target));
        Ok(())
    })?;
    let elements = elements.into_iter().map(|(code, target)| json!({ "code": code, "target": target }));
    Ok(map(way, elements.collect()))
}

fn map(way: Way, elements: Vec<Value>) -> Value {
    let [from, to] = way.names();
    let system = |name: &str| format!("http://hl7.org/fhir/sid/{name}");
    json!({
        "resourceType": "ConceptMap",
        "url": format!("urn:fhir-gateway:gems:{from}-to-{to}"),
        "version": "2018",
        "name": format!("GEMs_{from}_to_{to}").replace('-', "_"),
        "title": "General Equivalence Mappings",
        "status": "active",
        "group": [{ "source": system(from), "target": system(to), "element": elements }],
    })
}
