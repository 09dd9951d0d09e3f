//! What is told of the codings of one concept: each by itself, and then all of them together.

use std::collections::HashMap;
use std::sync::Arc;

use mappers::concepts::{Coding as Written, Concept, MARK};
use mappers::json::write_string;
use releases::Kept;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use terminology::library::Library;
use terminology::normalize::{self, Coded, Coding};

use super::kept::{Meaning, Normalizing, Target};
use super::shown::is_near;
use crate::audit::merkle::hex;

/// How many codings are remembered.
const MOST: usize = 20_000;
/// Longer ones are not, in bytes.
const LONGEST: usize = 500;
/// The bytes of an id.
const ID: usize = 16;

/// What was told of a coding, as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Told {
    /// By what it says.
    pub(super) id: Box<str>,
    pub(super) system: Box<str>,
    pub(super) version: Box<str>,
    pub(super) code: Box<str>,
    pub(super) display: Box<str>,
    pub(super) verdict: Verdict,
    /// The candidates as JSON; empty where there is nothing to decide.
    pub(super) listed: Box<str>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// It means this.
    Standard { coding: Coding, method: Box<str>, equivalence: Box<str>, source: Box<str> },
    /// Somebody has to decide.
    Review { candidates: Vec<Coding>, why: Box<str> },
}

impl Told {
    fn new(written: &Written<'_>, verdict: Verdict) -> Self {
        let [system, version, code, display] =
            [&written.system, &written.version, &written.code, &written.display].map(|text| Box::from(&**text));
        let listed = match &verdict {
            Verdict::Review { candidates, .. } => {
                json!(candidates.iter().map(described).collect::<Vec<_>>()).to_string()
            }
            Verdict::Standard { .. } => String::new(),
        };
        let mut told = Self { id: "".into(), system, version, code, display, verdict, listed: listed.into() };
        told.id = told.digest().into();
        told
    }

    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        let mut add = |text: Option<&str>| {
            digest.update(text.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
            digest.update(text.unwrap_or_default());
        };
        [&self.system, &self.version, &self.code, &self.display].into_iter().for_each(|text| add(Some(text)));
        match &self.verdict {
            Verdict::Standard { coding, method, equivalence, source } => {
                add(Some(&coding.system));
                add(coding.version.as_deref());
                add(Some(&coding.code));
                add(coding.display.as_deref());
                [method, equivalence, source].into_iter().for_each(|text| add(Some(text)));
            }
            Verdict::Review { why, .. } => {
                add(Some(why));
                add(Some(&self.listed));
            }
        }
        hex(&digest.finalize()[..ID])
    }

    /// The coding that stands among those of the resource.
    pub(super) fn coding(&self) -> Option<String> {
        let Verdict::Standard { coding, .. } = &self.verdict else { return None };
        let (version, display) = (coding.version.as_deref(), coding.display.as_deref());
        Some(coding_text(&self.id, &coding.system, version, &coding.code, display))
    }

    /// Whether it is shown among the codings of the resource.
    pub(super) fn is_shown(&self) -> bool {
        matches!(&self.verdict, Verdict::Standard { equivalence, .. } if is_near(equivalence))
    }
}

/// A coding of ours, with what marks it.
pub(super) fn coding_text(id: &str, system: &str, version: Option<&str>, code: &str, display: Option<&str>) -> String {
    let mut out = format!(r#"{{"extension":[{{"url":"{MARK}","valueId":"{id}"}}]"#).into_bytes();
    for (name, text) in [("system", Some(system)), ("version", version), ("code", Some(code)), ("display", display)] {
        let Some(text) = text.filter(|text| !text.is_empty()) else { continue };
        out.push(b',');
        write_string(&mut out, name);
        out.push(b':');
        write_string(&mut out, text);
    }
    out.extend_from_slice(br#","userSelected":false}"#);
    String::from_utf8(out).unwrap_or_default()
}

/// A coding as JSON.
pub(super) fn described(coding: &Coding) -> serde_json::Value {
    let members = [
        ("system", Some(coding.system.as_str())),
        ("version", coding.version.as_deref()),
        ("code", Some(coding.code.as_str())),
        ("display", coding.display.as_deref()),
    ];
    members.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
}

type Standards = &'static [&'static str];

/// What the releases have told of codings.
#[derive(Debug, Default)]
pub(super) struct Known {
    releases: Arc<[Kept]>,
    told: HashMap<(Standards, [Box<str>; 3]), Arc<normalize::Told>>,
}

impl Known {
    /// Goes by these releases from now on.
    pub(super) fn telling(&mut self, releases: Arc<[Kept]>) -> Telling<'_> {
        if !Arc::ptr_eq(&self.releases, &releases) {
            self.told.clear();
            self.releases = releases;
        }
        Telling { known: self, library: None }
    }

    fn library(&self) -> Library {
        let mut library = Library::default();
        self.releases.iter().for_each(|kept| library.add_system(Arc::clone(&kept.system)));
        library
    }
}

/// Telling what one resource's codes mean.
pub(super) struct Telling<'k> {
    known: &'k mut Known,
    /// Of this resource alone: it notes what it was asked for.
    library: Option<Library>,
}

impl Telling<'_> {
    /// What is told of a concept: which of its codings, `None` for its words, and what.
    pub(super) fn concept(
        &mut self,
        normalizing: &Normalizing,
        concept: &Concept<'_>,
        standards: Standards,
    ) -> Vec<(Option<usize>, Told)> {
        let words = Written { display: concept.text.clone(), ..Written::default() };
        let mut all: Vec<(Option<usize>, Written<'_>)> =
            concept.codings.iter().cloned().enumerate().map(|(number, coding)| (Some(number), coding)).collect();
        match &mut all[..] {
            [] if !standards.is_empty() => all.push((None, words)),
            // A code without a name of its own is called what the concept is called, where it is alone.
            [(_, only)] if only.display.is_empty() => only.display = words.display,
            _ => {}
        }
        let mut told: Vec<(Option<usize>, Verdict)> = Vec::new();
        for (number, written) in &all {
            let coded = Coded { system: &written.system, code: &written.code, display: &written.display };
            told.extend(self.verdict(normalizing, coded, standards).map(|verdict| (*number, verdict)));
        }
        together(&concept.codings, &mut told);
        let of = |number: Option<usize>| all.iter().find(|(of, _)| *of == number).map(|(_, written)| written);
        told.into_iter().filter_map(|(number, verdict)| Some((number, Told::new(of(number)?, verdict)))).collect()
    }

    fn verdict(&mut self, normalizing: &Normalizing, coded: Coded<'_>, standards: Standards) -> Option<Verdict> {
        let told = self.told(coded, standards);
        if matches!(&*told, normalize::Told::Kept(_)) {
            return None;
        }
        // Who decided knows more than releases do.
        match (normalizing.meaning(coded), &*told) {
            (Some(Meaning { target: None, .. }), _) => None,
            (Some(Meaning { target: Some(target), equivalence, source }), _) => {
                let coding = self.known_as(target);
                let method = if &**source == super::kept::REVIEWED { "reviewed" } else { "mapped" };
                let (equivalence, source) = (equivalence.clone(), source.clone());
                Some(Verdict::Standard { coding, method: method.into(), equivalence, source })
            }
            (None, normalize::Told::Standard { coding, method, equivalence, by }) => Some(Verdict::Standard {
                coding: coding.clone(),
                method: method.word().into(),
                equivalence: equivalence.as_str().into(),
                source: by.as_str().into(),
            }),
            (None, normalize::Told::Review { candidates, why }) => {
                Some(Verdict::Review { candidates: candidates.clone(), why: (*why).into() })
            }
            (None, _) => None,
        }
    }

    fn told(&mut self, coded: Coded<'_>, standards: Standards) -> Arc<normalize::Told> {
        let key = (standards, [coded.system, coded.code, coded.display].map(Box::from));
        if let Some(told) = self.known.told.get(&key) {
            return Arc::clone(told);
        }
        let library = self.library.get_or_insert_with(|| self.known.library());
        let told = Arc::new(normalize::normalize(library, coded, standards));
        if coded.system.len() + coded.code.len() + coded.display.len() <= LONGEST {
            if self.known.told.len() >= MOST {
                self.known.told.clear();
            }
            self.known.told.insert(key, Arc::clone(&told));
        }
        told
    }

    /// The code as the latest release that has it knows it.
    fn known_as(&mut self, target: &Target) -> Coding {
        let Target { system, code, display } = target;
        match &*self.told(Coded { system, code, display: "" }, &[]) {
            normalize::Told::Kept(coding) => coding.clone(),
            _ => Coding {
                system: system.to_string(),
                version: None,
                code: code.to_string(),
                display: display.as_deref().map(str::to_owned),
            },
        }
    }
}

const BESIDE: &str = "another code of that system stands beside it";
const SEVERAL: &str = "the codes of the concept mean several codes of one system";

/// What codings mean is held against what stands beside them: nothing is told twice, and where they disagree somebody has to decide.
fn together(codings: &[Written<'_>], told: &mut Vec<(Option<usize>, Verdict)>) {
    let meant: Vec<(usize, Coding)> = told
        .iter()
        .enumerate()
        .filter_map(|(at, (_, verdict))| match verdict {
            Verdict::Standard { coding, .. } => Some((at, coding.clone())),
            Verdict::Review { .. } => None,
        })
        .collect();
    let mut goes = vec![false; told.len()];
    for (at, coding) in &meant {
        let number = told[*at].0;
        let others = codings.iter().enumerate().filter(|(other, _)| Some(*other) != number);
        let of_system = |written: &Written<'_>| written.system == coding.system;
        let beside: Vec<&Written<'_>> =
            others.map(|(_, written)| written).filter(|written| of_system(written)).collect();
        let is_there = beside.iter().any(|written| written.code == coding.code);
        let is_told = meant.iter().any(|(other, same)| {
            other < at && !goes[*other] && same.system == coding.system && same.code == coding.code
        });
        if is_there || is_told {
            goes[*at] = true;
            continue;
        }
        let disagree = meant.iter().any(|(_, other)| other.system == coding.system && other.code != coding.code);
        let why = if !beside.is_empty() {
            Some(BESIDE)
        } else if disagree {
            Some(SEVERAL)
        } else {
            None
        };
        if let Some(why) = why {
            told[*at].1 = Verdict::Review { candidates: vec![coding.clone()], why: why.into() };
        }
    }
    let mut goes = goes.into_iter();
    told.retain(|_| !goes.next().unwrap_or_default());
}
