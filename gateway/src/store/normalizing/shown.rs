//! Resources as they are shown where an organization wants to see what their codes mean.

use std::collections::HashMap;

use consent::{OrganizationId, Permit};
use mappers::concepts;
use mappers::json::Document;
use terminology::normalize::targets;

use super::Mode;
use super::told::coding_text;
use crate::store::Store;
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::types::Version;

/// How near a code has to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Nearness {
    /// To be found, and for decisions: all that was told.
    Found,
    /// To be shown: codings of one concept are translations of each other.
    Shown,
}

impl Nearness {
    /// As a condition.
    fn sql(self) -> &'static str {
        match self {
            Self::Found => "",
            Self::Shown => " and n.equivalence in ('equal', 'equivalent')",
        }
    }
}

/// Whether a code of this nearness stands among those of a resource.
pub(super) fn is_near(equivalence: &str) -> bool {
    matches!(equivalence, "equal" | "equivalent")
}

/// Whether resources are shown with what their codes mean.
pub(crate) fn merges(core: &Core, organization: OrganizationId) -> bool {
    core.registry.in_force(organization).normalizing.mode == Mode::Merged
}

impl Store {
    /// Whether any organization's resources are shown with what their codes mean.
    pub(crate) fn merges_anywhere(&self) -> bool {
        self.core().registry.any(|in_force| in_force.normalizing.mode == Mode::Merged)
    }
}

/// Puts what was told among the codings of versions that are about to be shown.
pub(crate) async fn show(
    core: &Core,
    permit: &Permit,
    connection: &mut Connection,
    read: &mut [(i64, &mut Version)],
) -> Result<(), DbError> {
    let organization = permit.organization();
    if !merges(core, organization) {
        return Ok(());
    }
    let read = read.iter_mut().filter(|(_, version)| !version.body.is_empty() && targets::is_normalized(&version.kind));
    let mut shown: Vec<&mut (i64, &mut Version)> = read.collect();
    let keys: Vec<(i64, i64)> = shown.iter().map(|(rid, version)| (*rid, version.version)).collect();
    let codings = codings(connection, organization, &keys, Nearness::Shown).await?;
    for (rid, version) in &mut shown {
        let Some(codings) = codings.get(&(*rid, version.version)) else { continue };
        if let Some(whole) = with(&version.kind, &version.body, codings) {
            version.body = whole.into();
        }
    }
    Ok(())
}

/// A resource with codings, by the numbers of its concepts.
pub(super) fn with(kind: &str, body: &[u8], codings: &[(usize, String)]) -> Option<String> {
    let document = Document::parse(body).ok()?;
    let concepts = concepts::concepts(document.root(), &|names| !targets::of(kind, names).is_empty());
    let lent: Vec<(usize, &str)> = codings.iter().map(|(concept, coding)| (*concept, coding.as_str())).collect();
    Some(concepts::with(&document, &concepts, &lent))
}

pub(crate) type Codings = HashMap<(i64, i64), Vec<(usize, String)>>;

/// What was told of versions, by row id and version.
pub(crate) async fn codings(
    connection: &mut Connection,
    organization: OrganizationId,
    versions: &[(i64, i64)],
    nearness: Nearness,
) -> Result<Codings, DbError> {
    if versions.is_empty() {
        return Ok(Codings::new());
    }
    let sql = format!(
        "select c.rid, c.version, c.concept, n.id, n.target_system, n.target_version, n.target_code, n.target_display, c.coding \
         from {{keys}} join normalized_codings c on c.organization_id = $1 and c.rid = k.rid and c.version = k.version \
         and c.ended is null join normalizations n on n.organization_id = $1 and n.id = c.normalization \
         where n.verdict = 'standard'{}",
        nearness.sql()
    );
    let keys: Vec<Arg<'_>> = versions.iter().flat_map(|(rid, version)| [Arg::Int(*rid), Arg::Int(*version)]).collect();
    let columns = [("rid", BulkType::Int), ("version", BulkType::Int)];
    let mut rows = bulk::fetch_by_keys(connection, &sql, &[Arg::Int(organization.0)], &columns, &keys).await?;
    rows.sort_by_key(|row| (row.int(0), row.int(1), row.int(2), row.int(8)));
    let mut codings = Codings::new();
    for row in &rows {
        let number = |place| row.int(place).unwrap_or_default();
        let text = |place| row.text(place).unwrap_or_default();
        let coding = coding_text(text(3), text(4), row.text(5), text(6), row.text(7));
        let of = codings.entry((number(0), number(1))).or_default();
        of.push((usize::try_from(number(2)).unwrap_or(usize::MAX), coding));
    }
    Ok(codings)
}
