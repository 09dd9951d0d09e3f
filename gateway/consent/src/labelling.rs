//! The labelling step: which security labels a resource carries, from its codes, what its client said, and its encounter.
//!
//! Pure: codes are looked up in tables (the built-in one, and rows of a user's own), nothing else is asked. What the result
//! means to a decision is in RULINGS.md (C8 to C10, D1, D4).

#[rustfmt::skip]
mod table;

use std::collections::HashMap;

use crate::labels::{ACT_CODE, CONFIDENTIALITY, Labels};

/// The version of the built-in table and of the rules of this file: another one labels everything anew.
pub const VERSION: &str = "1";

/// Systems of codes that mean the same: what a row of the first says holds for the others, too.
const ALIASES: [(&str, &[&str]); 4] = [
    (
        table::ICD_10_CM,
        &[
            "urn:oid:2.16.840.1.113883.6.90",
            "http://hl7.org/fhir/sid/icd-10",
            "urn:oid:2.16.840.1.113883.6.3",
            "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
            "http://fhir.de/CodeSystem/dimdi/icd-10-gm",
        ],
    ),
    (table::ICD_9_CM, &["urn:oid:2.16.840.1.113883.6.103", "http://terminology.hl7.org/CodeSystem/icd9cm"]),
    (table::LOINC, &["urn:oid:2.16.840.1.113883.6.1"]),
    (table::RXNORM, &["urn:oid:2.16.840.1.113883.6.88"]),
];

/// A code and its system (empty: none).
pub type Coding<'s> = (&'s str, &'s str);

/// What the step asks of a resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'s> {
    /// The codings that are no labels of the resource, its contained resources' as well.
    pub codings: &'s [Coding<'s>],
    /// The labels that its client gave it.
    pub given: &'s [Coding<'s>],
    /// Labels of its parts (contained resources, entries), and those that the provisions of a Consent speak of.
    pub within: &'s [Coding<'s>],
    /// It is, or has, text or an attachment of which no code tells what it is about.
    pub text: bool,
    /// What the encounter passes on ([`Labelling::passed_on`]); `None` where it is not known what that was about.
    pub encounter: Option<Labels>,
}

/// Tables of codes and labels.
#[derive(Clone, Debug, Default)]
pub struct Labelling {
    systems: HashMap<Box<str>, Codes>,
}

/// The codes of one system.
#[derive(Clone, Debug, Default)]
struct Codes {
    /// Dots and small letters say nothing.
    is_icd: bool,
    exact: HashMap<Box<str>, Labels>,
    prefixes: HashMap<Box<str>, Labels>,
    /// The lengths of prefixes, a bit for each.
    lengths: u64,
}

/// The longest code that is looked up, and the longest prefix.
const LONGEST: usize = 63;

/// Why a row cannot be one of a table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unfit {
    /// The code is empty, has space around it, or is too long.
    Code,
    /// The label is no sensitivity, no level above N, and not 42CFRPart2.
    Label,
    /// The prefix is nothing but `*`, or longer than a code.
    Prefix,
    /// The system is no address (`http://...`, `urn:...`).
    System,
}

impl Unfit {
    /// What is wrong, and what would be right.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Code => "a code has 1 to 63 characters and no space around it",
            Self::Label => {
                "the label is not known: give a sensitivity of v3-ActCode (SUD, HIV, MH, SEX, SDV, GDIS, STD, ...), \
                 R or V, or 42CFRPart2"
            }
            Self::Prefix => "a prefix has 1 to 62 characters before its *, and no other *",
            Self::System => "the system is no address: give it as in Coding.system (http://snomed.info/sct)",
        }
    }
}

impl Labelling {
    /// The table that comes with the gateway.
    #[must_use]
    pub fn built_in() -> Self {
        let mut labelling = Self::default();
        for (system, label, codes) in table::TABLE {
            for code in *codes {
                // A test holds that each of them fits.
                let _ = labelling.add(system, code, label);
            }
        }
        labelling
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.systems.values().map(|codes| codes.exact.len() + codes.prefixes.len()).sum()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a row: what has this code (or, with `*` at its end, one that begins so) has this label. It takes nothing back.
    ///
    /// # Errors
    /// [`Unfit`] says what is wrong with it.
    pub fn add(&mut self, system: &str, code: &str, label: &str) -> Result<(), Unfit> {
        let label = label_of(label).ok_or(Unfit::Label)?;
        if !(system.starts_with("http://") || system.starts_with("https://") || system.starts_with("urn:"))
            || system.contains(char::is_whitespace)
        {
            return Err(Unfit::System);
        }
        if code.is_empty() || code.trim() != code || code.len() > LONGEST {
            return Err(Unfit::Code);
        }
        let (code, is_prefix) = code.strip_suffix('*').map_or((code, false), |start| (start, true));
        if is_prefix && code.is_empty() || code.contains('*') {
            return Err(Unfit::Prefix);
        }
        let codes = self.systems.entry(canonical(system).into()).or_default();
        codes.is_icd = [table::ICD_10_CM, table::ICD_9_CM].contains(&canonical(system));
        let mut plain = [0; LONGEST];
        let code = codes.spelling(code, &mut plain);
        if code.is_empty() {
            return Err(Unfit::Code);
        }
        if is_prefix {
            codes.lengths |= 1 << code.len();
        }
        let code = Box::from(code);
        let known = if is_prefix { &mut codes.prefixes } else { &mut codes.exact }.entry(code).or_default();
        *known = *known | label;
        Ok(())
    }

    /// What the tables say of a code.
    #[must_use]
    pub fn of_code(&self, (system, code): Coding<'_>) -> Labels {
        let Some(codes) = self.systems.get(canonical(system)) else { return Labels::NONE };
        let mut plain = [0; LONGEST];
        codes.of(codes.spelling(code, &mut plain))
    }

    /// The labels of a resource, with exactly one level; never empty. More codings never make it less.
    #[must_use]
    pub fn label(&self, subject: &Subject<'_>) -> Labels {
        let given = union(subject.given, |(system, code)| Labels::of_coding(system, code));
        let within = union(subject.within, |(system, code)| raising(Labels::of_coding(system, code)));
        let coded = union(subject.codings, |coding| self.of_code(coding) | label_among_codes(coding));
        let mut labels = given | within | coded;
        match subject.encounter {
            _ if !subject.text => {}
            Some(encounter) => labels = labels | Self::passed_on(encounter),
            None if given.has_level() => {}
            None => labels = labels | Labels::UNCLASSIFIED,
        }
        if !given.has_level() {
            // Parts say R or V, or nothing of the level.
            labels = labels | Labels::NORMAL;
        }
        labels.settled()
    }

    /// What an encounter has of the labels of a resource in it, and its notes have of these: sensitivities, levels above N,
    /// and what is not understood.
    #[must_use]
    pub fn passed_on(labels: Labels) -> Labels {
        raising(Labels::from_bits(labels.bits() & !Labels::UNCLASSIFIED.bits()))
    }
}

impl Labelling {
    /// The labels of what is or has text, `own` being those that it has by itself, in an encounter with this mark: what is
    /// passed on there, with N among it where it is known what the encounter was about.
    #[must_use]
    pub fn heard(own: Labels, mark: Labels) -> Labels {
        let told = if mark.meets(Labels::NORMAL) { Labels::UNCLASSIFIED.bits() } else { 0 };
        let labels = Labels::from_bits(own.bits() & !told) | Self::passed_on(mark);
        labels.settled()
    }
}

impl Codes {
    /// The code as it is looked up.
    fn spelling<'c>(&self, code: &'c str, plain: &'c mut [u8; LONGEST]) -> &'c str {
        let is_plain = |byte: u8| byte != b'.' && !byte.is_ascii_lowercase();
        if !self.is_icd || code.bytes().all(is_plain) {
            return code;
        }
        let mut length = 0;
        for byte in code.bytes().filter(|byte| *byte != b'.').take(LONGEST) {
            plain[length] = byte.to_ascii_uppercase();
            length += 1;
        }
        // What is cut, or is no code at all, is in no table.
        std::str::from_utf8(&plain[..length]).unwrap_or_default()
    }

    fn of(&self, code: &str) -> Labels {
        let mut found = self.exact.get(code).copied().unwrap_or_default();
        let mut lengths = self.lengths;
        while lengths != 0 {
            let length = lengths.trailing_zeros() as usize;
            lengths &= lengths - 1;
            match code.get(..length) {
                Some(start) => found = found | self.prefixes.get(start).copied().unwrap_or_default(),
                None if length > code.len() => break,
                None => {}
            }
        }
        found
    }
}

/// The system that stands for those that mean the same.
fn canonical(system: &str) -> &str {
    let alias = ALIASES.iter().find(|(_, others)| others.contains(&system));
    alias.map_or(system, |(first, _)| first)
}

fn union<'s>(codings: &[Coding<'s>], label: impl Fn(Coding<'s>) -> Labels) -> Labels {
    codings.iter().fold(Labels::NONE, |found, coding| found | label(*coding))
}

/// Labels without the levels that are not above N.
fn raising(labels: Labels) -> Labels {
    const LOW: i64 = Labels::NORMAL.bits() | (Labels::NORMAL.bits() - 1);
    Labels::from_bits(labels.bits() & !LOW)
}

/// A label that stands among the codes (a provision's, an inline label): what is none of ours says nothing there.
fn label_among_codes((system, code): Coding<'_>) -> Labels {
    let is_label = system == CONFIDENTIALITY || system == ACT_CODE;
    let label = if is_label { raising(Labels::of_coding(system, code)) } else { Labels::NONE };
    // A level's system has other codes in other editions; only `meta.security` must be understood.
    Labels::from_bits(label.bits() & !Labels::UNKNOWN.bits())
}

/// The label that a table may give.
fn label_of(code: &str) -> Option<Labels> {
    let labels = raising(Labels::of_coding(CONFIDENTIALITY, code) | Labels::of_coding(ACT_CODE, code));
    let labels = Labels::from_bits(labels.bits() & !Labels::UNKNOWN.bits());
    (!labels.is_empty()).then_some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_built_in_table_fits_and_says_its_label() {
        let built_in = Labelling::built_in();
        for (system, label, codes) in table::TABLE {
            for code in *codes {
                assert_eq!(Labelling::default().add(system, code, label), Ok(()), "{system} {code}");
                let labels = built_in.of_code((system, code.trim_end_matches('*')));
                assert!(labels.codes().any(|found| found == *label), "{system} {code}");
            }
        }
    }
}
