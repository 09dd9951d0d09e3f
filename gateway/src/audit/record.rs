//! A record's columns, and the bytes that are hashed.
//!
//! The canonical form of a row is the values of its columns in the order of [`COLUMNS`] without `mark`: for NULL the byte
//! 0; for text the byte 1, its length in bytes as 32 bits and its UTF-8; for an integer the byte 2 and its 64 bits. Numbers
//! are big-endian, integers in two's complement.

use std::borrow::Cow;

use super::Event;
use super::merkle::{self, Domain, Hash};
use crate::store::bulk::{BulkColumn, BulkType};
use crate::store::connection::{Arg, Row};

/// The columns of `audit_events` but for its key.
pub(super) const COLUMNS: [BulkColumn<'static>; 19] = [
    ("organization_id", BulkType::Int),
    ("at", BulkType::Int),
    ("request", BulkType::Text),
    ("caller", BulkType::Text),
    ("purpose", BulkType::Text),
    ("interaction", BulkType::Text),
    ("type", BulkType::Text),
    ("id", BulkType::Text),
    ("patient", BulkType::Text),
    ("status", BulkType::Int),
    ("decision", BulkType::Text),
    ("client", BulkType::Text),
    ("on_behalf", BulkType::Text),
    ("source", BulkType::Text),
    ("version", BulkType::Int),
    ("policy", BulkType::Text),
    ("chain", BulkType::Int),
    ("place", BulkType::Int),
    ("mark", BulkType::Int),
];
/// Where `place` stands.
pub(super) const PLACE: usize = COLUMNS.len() - 2;
/// Where `mark` stands.
pub(super) const MARK: usize = COLUMNS.len() - 1;

/// The columns' names, as a list in SQL.
pub(super) fn names() -> String {
    COLUMNS.map(|(name, _)| name).join(", ")
}

/// An event's texts, fit for both engines.
pub(super) struct Fields<'e> {
    event: &'e Event,
    request: Cow<'e, str>,
    caller: Cow<'e, str>,
    client: Option<Cow<'e, str>>,
    on_behalf: Option<Cow<'e, str>>,
    source: Option<&'e str>,
    id: Option<Cow<'e, str>>,
    patient: Option<Cow<'e, str>>,
    policy: Option<Cow<'e, str>>,
}

impl<'e> Fields<'e> {
    pub(super) fn of(event: &'e Event) -> Self {
        let Event { of: exchange, id, patient, .. } = event;
        Self {
            event,
            request: clean(&exchange.request),
            caller: clean(&exchange.caller),
            client: exchange.client.as_deref().map(clean),
            on_behalf: exchange.on_behalf.as_deref().map(clean),
            source: exchange.source.as_deref(),
            id: id.as_deref().map(clean),
            patient: patient.as_deref().map(clean),
            policy: exchange.policy.as_deref().map(|policy| versions(policy, event.epoch)),
        }
    }

    /// The leaf hash at a place of a chain.
    pub(super) fn leaf(&self, chain: i64, place: i64) -> Hash {
        merkle::hash(Domain::Leaf, &encode(&self.row(chain, place, None)[..MARK]))
    }

    /// The row at a place of a chain.
    pub(super) fn row(&self, chain: i64, place: i64, mark: Option<i64>) -> [Arg<'_>; COLUMNS.len()] {
        [
            Arg::Int(self.event.of.organization.0),
            Arg::Int(self.event.at_ms),
            Arg::Text(&self.request),
            Arg::Text(&self.caller),
            Arg::Text(self.event.of.purpose.code()),
            Arg::Text(self.event.interaction),
            Arg::text(self.event.kind.as_deref()),
            Arg::text(self.id.as_deref()),
            Arg::text(self.patient.as_deref()),
            Arg::Int(i64::from(self.event.status)),
            Arg::Text(self.event.decision.as_str()),
            Arg::text(self.client.as_deref()),
            Arg::text(self.on_behalf.as_deref()),
            Arg::text(self.source),
            self.event.version.map_or(Arg::Null, Arg::Int),
            Arg::text(self.policy.as_deref()),
            Arg::Int(chain),
            Arg::Int(place),
            mark.map_or(Arg::Null, Arg::Int),
        ]
    }
}

/// The policy's version, and after a slash the epoch of the patient's Consents.
fn versions(policy: &str, epoch: Option<i64>) -> Cow<'_, str> {
    epoch.map_or(Cow::Borrowed(policy), |epoch| Cow::Owned(format!("{policy}/{epoch}")))
}

/// The leaf hash of a stored row, whose first columns are [`COLUMNS`].
pub(super) fn leaf(row: &Row) -> Hash {
    let value = |(place, (_, kind)): (usize, &BulkColumn<'_>)| match kind {
        BulkType::Int => row.int(place).map_or(Arg::Null, Arg::Int),
        _ => Arg::text(row.text(place)),
    };
    let values: Vec<Arg<'_>> = COLUMNS[..MARK].iter().enumerate().map(value).collect();
    merkle::hash(Domain::Leaf, &encode(&values))
}

/// The first eight bytes of a leaf hash.
pub(super) fn mark(leaf: &Hash) -> i64 {
    leaf.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

/// The canonical form of values.
pub(super) fn encode(values: &[Arg<'_>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    for value in values {
        match value {
            Arg::Int(number) => {
                bytes.push(2);
                bytes.extend(number.to_be_bytes());
            }
            Arg::Text(text) => {
                bytes.push(1);
                bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
                bytes.extend(text.as_bytes());
            }
            _ => bytes.push(0),
        }
    }
    bytes
}

/// PostgreSQL has no NUL in text: one bad record must not keep its whole batch out.
fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use consent::{OrganizationId, Purpose};

    use super::super::{Circumstances, address};
    use super::*;

    #[test]
    fn the_canonical_form_is_the_documented_one() {
        let bytes = encode(&[Arg::Int(-2), Arg::Null, Arg::Text("\u{e9}"), Arg::Text("")]);
        let expected =
            [&[2, 255, 255, 255, 255, 255, 255, 255, 254, 0, 1, 0, 0, 0, 2, 0xc3, 0xa9][..], &[1, 0, 0, 0, 0]];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn an_address_is_one_however_it_arrived_and_an_epoch_follows_the_policy() {
        let exchange = |source: &str, policy: Option<&str>| Circumstances {
            source: source.parse().ok().map(address),
            policy: policy.map(Into::into),
            ..Circumstances::unknown(OrganizationId(1), "c", "r", Purpose::Treat)
        };
        let event = |of: Circumstances, epoch| Event { epoch, ..Event::new(of, "read", 200, 0) };
        for (source, policy, epoch, expected) in [
            ("192.0.2.7", Some("p@0"), Some(3), (Some("192.0.2.7"), Some("p@0/3"))),
            ("::ffff:192.0.2.7", Some("p@0"), Some(0), (Some("192.0.2.7"), Some("p@0/0"))),
            ("2001:DB8:0::1", Some("p@0"), None, (Some("2001:db8::1"), Some("p@0"))),
            ("", None, Some(3), (None, None)),
        ] {
            let event = event(exchange(source, policy), epoch);
            let fields = Fields::of(&event);
            assert_eq!((fields.source, fields.policy.as_deref()), expected);
        }
    }
}
