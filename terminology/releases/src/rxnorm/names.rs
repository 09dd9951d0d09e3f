//! Names of concepts, and which of them is shown.

use serde_json::json;
use terminology::index::{self, Draft, Kind, TooMuch};

use crate::delimited::Row;
use crate::fault::Fault;
use crate::reading::Reading;
use crate::source::File;

/// Columns of `RXNCONSO.RRF`.
const RXCUI: usize = 0;
const LAT: usize = 1;
const SAB: usize = 11;
const TTY: usize = 12;
const STR: usize = 14;
const SUPPRESS: usize = 16;
const WIDTH: usize = 18;

/// A number of a concept.
pub(super) fn number(row: &Row<'_>, text: &str) -> Result<u64, Fault> {
    let is_one =
        (1..=18).contains(&text.len()) && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_one).ok_or_else(|| row.wrong(format!("{text:?} is not a number of a concept")))
}

struct Name {
    at: u32,
    /// The normal name is 0.
    rank: u8,
    /// `O`, `E` or `Y`; zero where it is not suppressed.
    suppressed: u8,
    kind: u16,
    language: &'static str,
    start: usize,
    length: usize,
}

/// Names, gathered until all are there.
#[derive(Default)]
pub(super) struct Names {
    all: Vec<Name>,
    texts: String,
    kinds: index::Names,
}

/// How well a name of a term type suits to be shown. Each concept has one name of the type that says what it is (`SCD`, `IN`); the others
/// are the same for these.
fn rank(kind: &str) -> u8 {
    match kind {
        "PSN" => 1,
        "SY" => 2,
        "TMSY" => 3,
        "ET" => 4,
        _ => 0,
    }
}

impl Names {
    pub(super) fn add(
        &mut self,
        at: u32,
        kind: &str,
        (language, text): (&str, &str),
        suppress: &str,
    ) -> Result<(), TooMuch> {
        let place = self.kinds.of(kind)?;
        let language = match language {
            "ENG" => "en",
            "SPA" => "es",
            _ => "",
        };
        let suppressed = suppress.bytes().next().filter(|&letter| letter != b'N').unwrap_or_default();
        let (start, length) = (self.texts.len(), text.len());
        self.texts.push_str(text);
        self.all.push(Name { at, rank: rank(kind), suppressed, kind: place, language, start, length });
        Ok(())
    }

    /// Writes them down: the best as what is shown, the others beside it.
    pub(super) fn pour(mut self, draft: &mut Draft, are_retired: bool) -> Result<(), TooMuch> {
        let texts = self.texts;
        let text = |name: &Name| &texts[name.start..name.start + name.length];
        self.all.sort_by(|one, other| {
            let key = |name: &Name| (name.at, name.rank, name.suppressed, name.kind);
            key(one).cmp(&key(other)).then_with(|| text(one).cmp(text(other)))
        });
        self.all.dedup_by(|one, other| one.at == other.at && one.kind == other.kind && text(one) == text(other));
        let system = super::SYSTEM;
        let uses: Vec<String> =
            self.kinds.all().iter().map(|kind| json!({"system": system, "code": kind}).to_string()).collect();
        for names in self.all.chunk_by(|one, other| one.at == other.at) {
            let Some((best, others)) = names.split_first() else { continue };
            draft.display(best.at, text(best))?;
            for name in others.iter().filter(|name| text(name) != text(best)) {
                draft.designation(name.at, name.language, &uses[usize::from(name.kind)], text(name))?;
            }
            if are_retired || best.suppressed != 0 {
                draft.property(best.at, "inactive", Kind::Boolean, "true")?;
            }
            if !are_retired && best.suppressed != 0 {
                draft.property(best.at, "SUPPRESS", Kind::String, &char::from(best.suppressed).to_string())?;
            }
            let mut last = None;
            for name in names.iter().filter(|name| name.rank == 0) {
                if last.replace(name.kind) != Some(name.kind) {
                    draft.property(name.at, "TTY", Kind::String, self.kinds.name(name.kind))?;
                }
            }
        }
        Ok(())
    }
}

/// Reads the names, and with them which concepts there are.
pub(super) fn read(reading: &mut Reading<'_>, file: &File, draft: &mut Draft) -> Result<(), Fault> {
    let mut names = Names::default();
    reading.by_position(file, WIDTH, |row, _| {
        if row.get(SAB) != super::OWN {
            return Ok(());
        }
        number(row, row.get(RXCUI))?;
        let at = draft.concept(row.get(RXCUI))?;
        Ok(names.add(at, row.get(TTY), (row.get(LAT), row.get(STR)), row.get(SUPPRESS))?)
    })?;
    Ok(names.pour(draft, false)?)
}
