//! A record as it is read.

use super::super::record;
use super::Key;
use crate::store::connection::Row;

/// A record of the trail. What the trail does not say is `None`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    /// Whose data.
    pub(crate) organization: i64,
    /// The chain; 0 for records from before there were chains.
    pub(crate) chain: i64,
    /// The place in the chain; of a record without one its key.
    pub(crate) place: i64,
    pub(crate) request: String,
    pub(crate) caller: String,
    pub(crate) purpose: String,
    pub(crate) interaction: String,
    /// The resource: type, id, version.
    pub(crate) kind: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) version: Option<i64>,
    /// Whose record, as the id of a Patient.
    pub(crate) patient: Option<String>,
    /// The HTTP status.
    pub(crate) status: u16,
    pub(crate) decision: String,
    /// The client program.
    pub(crate) client: Option<String>,
    /// On whose behalf: references with spaces between.
    pub(crate) on_behalf: Option<String>,
    /// Where the request came from.
    pub(crate) source: Option<String>,
    /// Policies and Consents that were decided on, with spaces between.
    pub(crate) policy: Option<String>,
}

impl Entry {
    /// Reads a row of [`record::names`] and `seq`.
    pub(super) fn of(row: &Row) -> Self {
        let place = |name: &str| record::COLUMNS.iter().position(|(column, _)| *column == name).unwrap_or_default();
        let text = |name: &str| row.text(place(name)).map(ToOwned::to_owned);
        let number = |name: &str| row.int(place(name));
        let seq = row.int(record::COLUMNS.len()).unwrap_or_default();
        let (chain, at_place) = number("chain").zip(number("place")).unwrap_or((0, seq));
        Self {
            key: Key { at: number("at").unwrap_or_default(), seq },
            organization: number("organization_id").unwrap_or_default(),
            chain,
            place: at_place,
            request: text("request").unwrap_or_default(),
            caller: text("caller").unwrap_or_default(),
            purpose: text("purpose").unwrap_or_default(),
            interaction: text("interaction").unwrap_or_default(),
            kind: text("type"),
            id: text("id"),
            version: number("version"),
            patient: text("patient"),
            status: number("status").and_then(|status| u16::try_from(status).ok()).unwrap_or_default(),
            decision: text("decision").unwrap_or_default(),
            client: text("client"),
            on_behalf: text("on_behalf"),
            source: text("source"),
            policy: text("policy"),
        }
    }

    /// The id of its AuditEvent.
    pub(crate) fn name(&self) -> String {
        name(self.chain, self.place)
    }

    /// The words of a text that stand apart by spaces.
    pub(crate) fn words(text: Option<&str>) -> impl Iterator<Item = &str> {
        text.unwrap_or_default().split_ascii_whitespace()
    }
}

/// What every id of the trail's AuditEvent resources begins with.
const PREFIX: &str = "audit-";

fn name(chain: i64, place: i64) -> String {
    format!("{PREFIX}{chain}-{place}")
}

/// Chain and place that an id names, where it is one of the trail's AuditEvent resources: no client can have it.
pub(crate) fn place(id: &str) -> Option<(i64, i64)> {
    let (chain, place) = id.strip_prefix(PREFIX)?.split_once('-')?;
    let (chain, place) = (chain.parse().ok()?, place.parse().ok()?);
    // Numbers are written in one way.
    (name(chain, place) == id).then_some((chain, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_chain_and_place_in_one_spelling() {
        assert_eq!(place(&name(9_007_199_254_740_991, 12)), Some((9_007_199_254_740_991, 12)));
        for other in ["audit-1", "audit-01-2", "audit-1-+2", "audit-1-2-3", "audit--1-2", "Audit-1-2", "audit-1-2 "] {
            assert_eq!(place(other), None, "{other}");
        }
    }
}
