//! The model's own faults: `known.toml`, which only shrinks.

use serde::Deserialize;

/// The list.
#[derive(Deserialize)]
pub(crate) struct Known {
    /// Its entries.
    #[serde(default, rename = "known")]
    pub(crate) entries: Vec<Entry>,
}

/// A fault of the model's.
#[derive(Deserialize)]
pub(crate) struct Entry {
    /// What the fault's text holds.
    pub(crate) error: String,
    /// What the resource's text holds.
    mentions: String,
    /// Why it is not the gateway's.
    reason: String,
}

impl Known {
    /// Reads the list that lies beside the oracle.
    pub(crate) fn load() -> Result<Self, String> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/known.toml");
        let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        let known: Self = toml::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
        match known.entries.iter().find(|entry| entry.reason.len() < 10) {
            Some(entry) => Err(format!("{path}: \"{}\" has no reason", entry.error)),
            None => Ok(known),
        }
    }
}

impl Entry {
    /// Whether this is the fault.
    pub(crate) fn explains(&self, line: &str, fault: &str) -> bool {
        fault.contains(&self.error) && line.contains(&self.mentions)
    }
}
