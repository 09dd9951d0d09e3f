//! What an erasure takes with it, as it is shown to those who ask for it and approve it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Write as _};

use mappers::references::is_id;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What is to be erased.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// A patient: the Patient and all that is about it.
    Patient(Box<str>),
    /// One resource with all its versions.
    Resource(Box<str>, Box<str>),
    /// One version of a resource that has a later one.
    Version(Box<str>, Box<str>, i64),
}

impl Target {
    /// Reads `Type/ID` or `Type/ID/_history/N`; a Patient is a patient.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (kind, id) = (parts.next()?, parts.next()?);
        if !mappers::structure::is_resource_type(kind) || !is_id(id) {
            return None;
        }
        match (parts.next(), parts.next(), parts.next()) {
            (None, None, None) if kind == "Patient" => Some(Self::Patient(id.into())),
            (None, None, None) => Some(Self::Resource(kind.into(), id.into())),
            (Some("_history"), Some(version), None) => {
                let version = version.parse().ok().filter(|version| *version > 0)?;
                Some(Self::Version(kind.into(), id.into(), version))
            }
            _ => None,
        }
    }

    /// Type and id.
    #[must_use]
    pub fn identity(&self) -> (&str, &str) {
        match self {
            Self::Patient(id) => ("Patient", id),
            Self::Resource(kind, id) | Self::Version(kind, id, _) => (kind, id),
        }
    }

    /// The patient, where the whole record goes.
    pub(super) fn patient(&self) -> Option<&str> {
        match self {
            Self::Patient(id) => Some(id),
            Self::Resource(..) | Self::Version(..) => None,
        }
    }
}

impl Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id) = self.identity();
        write!(formatter, "{kind}/{id}")?;
        match self {
            Self::Version(_, _, version) => write!(formatter, "/_history/{version}"),
            Self::Patient(_) | Self::Resource(..) => Ok(()),
        }
    }
}

/// What goes beside the target, where it is there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Choices {
    /// Resources and versions that hold copies: stored Bundles, contained resources.
    pub copies: bool,
    /// Rows of tables without a map that refer to rows that go.
    pub unmapped: bool,
}

/// References that a plan names; it counts the others.
pub(super) const MOST_REFERENCES: usize = 1000;

/// What an erasure takes with it: ids and counts, nothing that a resource says.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Plan {
    /// The resources (`Type/ID`, with their last version) and single versions (`Type/ID/_history/N`).
    pub items: BTreeMap<String, i64>,
    /// How many versions.
    pub versions: u64,
    /// Rows by table.
    pub tables: BTreeMap<String, u64>,
    /// Files and objects.
    pub content: u64,
    /// Copies in resources that are no part of the record: with whose version it is.
    pub copies: BTreeSet<String>,
    /// Resources of others whose rows refer to rows that go: they move to the generic store as they are.
    pub moved: BTreeSet<String>,
    /// Resources that go on referring to what is erased: the text of their references is theirs.
    pub references: BTreeSet<String>,
    /// How many those are.
    pub references_count: u64,
    /// Binaries that the record names and that stay, for others name them too.
    #[serde(default)]
    pub kept: BTreeSet<String>,
    /// Rows of tables without a map that refer to rows that go.
    pub unmapped: BTreeMap<String, u64>,
    /// Rows in tables that the gateway may not change.
    pub readonly: BTreeMap<String, u64>,
    /// Holds in the way.
    pub holds: BTreeSet<String>,
    /// Why the law keeps it, where it does.
    pub retained: Option<String>,
    /// What else is in the way.
    pub other: Option<String>,
}

impl Plan {
    /// How many resources of which type.
    #[must_use]
    pub fn types(&self) -> BTreeMap<&str, u64> {
        let mut types = BTreeMap::new();
        for kind in self.items.keys().filter_map(|item| item.split('/').next()) {
            *types.entry(kind).or_default() += 1;
        }
        types
    }

    /// What stands in the way, each a sentence that says what to do.
    #[must_use]
    pub fn obstacles(&self, choices: Choices) -> Vec<String> {
        let mut found = Vec::new();
        if self.items.is_empty() {
            found.push("there is nothing to erase".to_owned());
        }
        found.extend(self.other.clone());
        for hold in &self.holds {
            found.push(format!("legal hold {hold} is in force; two people can lift it (`hold lift {hold}`)"));
        }
        found.extend(self.retained.clone());
        if !self.copies.is_empty() && !choices.copies {
            found.push(format!(
                "copies of it are in {}; erase them as well (--include-copies), or take them out first",
                list(&self.copies)
            ));
        }
        for (table, rows) in &self.readonly {
            found.push(format!("{rows} rows of {table} are not the gateway's to remove (readonly): remove them first"));
        }
        if !choices.unmapped {
            for (table, rows) in &self.unmapped {
                found.push(format!(
                    "{rows} rows of {table}, which has no map, refer to rows that go; remove them first, or have them \
                     removed (--include-unmapped)"
                ));
            }
        }
        found
    }

    /// The fingerprint of what goes.
    #[must_use]
    pub fn hash(&self) -> String {
        let goes = (&self.items, self.versions, &self.tables, self.content, &self.copies, &self.moved, &self.unmapped);
        let text = serde_json::to_string(&goes).unwrap_or_default();
        Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hash, byte| {
            let _ = write!(hash, "{byte:02x}");
            hash
        })
    }

    /// Whether everything that another plan takes is in this one, as it is, and no file has been lost sight of: whoever approved this one has seen it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        if self.hash() == other.hash() {
            return true;
        }
        let within = |other: &BTreeMap<String, u64>, own: &BTreeMap<String, u64>| {
            other.iter().all(|(table, rows)| own.get(table).is_some_and(|own| own >= rows))
        };
        other.items.iter().all(|(item, version)| self.items.get(item) == Some(version))
            && other.versions <= self.versions
            && within(&other.tables, &self.tables)
            && within(&other.unmapped, &self.unmapped)
            // Fewer files may only mean that nobody looked where they are.
            && other.content == self.content
            && other.copies.is_subset(&self.copies)
            && other.moved.is_subset(&self.moved)
    }
}

/// The first few of many names.
fn list(names: &BTreeSet<String>) -> String {
    const MOST: usize = 20;
    let mut text = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        let _ = write!(text, " and {} more", names.len() - MOST);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_they_are_written() {
        for text in ["Patient/1", "Observation/a", "Observation/a/_history/2"] {
            assert_eq!(Target::parse(text).unwrap().to_string(), text);
        }
        for text in
            ["Patient", "patient/1", "Observation/a/_history/0", "Observation/a/2", "Observation/a b", "Nothing/1", ""]
        {
            assert_eq!(Target::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_plan_covers_what_is_no_more_than_it() {
        let items =
            |items: &[(&str, i64)]| items.iter().map(|(item, version)| ((*item).to_owned(), *version)).collect();
        let shown = Plan { items: items(&[("Patient/1", 2), ("Observation/1", 1)]), versions: 3, ..Plan::default() };
        assert!(shown.covers(&shown));
        assert!(shown.covers(&Plan { items: items(&[("Patient/1", 2)]), versions: 2, ..Plan::default() }));
        assert!(!shown.covers(&Plan { items: items(&[("Patient/1", 3)]), ..shown.clone() }), "another version");
        assert!(!shown.covers(&Plan { items: items(&[("Patient/2", 2)]), ..shown.clone() }), "another resource");
        assert!(!shown.covers(&Plan { tables: BTreeMap::from([("t".to_owned(), 1)]), ..shown.clone() }), "more rows");
    }
}
