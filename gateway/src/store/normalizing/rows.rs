//! What is kept of what was told: each ruling once, and of which codings of which version it was told.

use consent::OrganizationId;
use mappers::concepts::Concept;

use super::Told;
use super::told::Verdict;
use crate::store::bulk::{Batch, BulkColumn, BulkType};
use crate::store::connection::{Arg, Connection, DbError};

/// The tables that hold something of a resource.
pub(crate) const TABLES: [&str; 1] = ["normalized_codings"];

/// What was told of one coding of a resource.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Row {
    /// Which of the resource's concepts.
    concept: i64,
    /// Which coding of it; -1 for its words.
    coding: i64,
    /// Where the concept stands.
    place: Box<str>,
    told: Told,
}

impl Row {
    pub(super) fn new((number, concept): (usize, &Concept<'_>), coding: Option<usize>, told: Told) -> Self {
        let coding = coding.and_then(|coding| i64::try_from(coding).ok()).unwrap_or(-1);
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        Self { concept: number, coding, place: concept.place().into(), told }
    }

    pub(super) fn concept(&self) -> usize {
        usize::try_from(self.concept).unwrap_or(usize::MAX)
    }

    /// Which concept, and which coding of it.
    pub(super) fn at(&self) -> (i64, i64) {
        (self.concept, self.coding)
    }

    pub(super) fn told(&self) -> &Told {
        &self.told
    }

    pub(super) fn is_standard(&self) -> bool {
        matches!(self.told.verdict, Verdict::Standard { .. })
    }
}

/// Removes what was told of one version.
pub(crate) async fn forget(
    connection: &mut Connection,
    organization: OrganizationId,
    rid: i64,
    version: i64,
) -> Result<(), DbError> {
    let sql = "delete from normalized_codings where organization_id = $1 and rid = $2 and version = $3";
    connection.execute(sql, &[Arg::Int(organization.0), Arg::Int(rid), Arg::Int(version)]).await.map(drop)
}

/// Removes what was told of nothing that is left: words may be somebody's. How many that were.
pub(crate) async fn forget_unused(connection: &mut Connection, organization: OrganizationId) -> Result<u64, DbError> {
    let sql = "delete from normalizations where organization_id = $1 and not exists (select 1 from normalized_codings c \
         where c.organization_id = $1 and c.normalization = normalizations.id)";
    connection.execute(sql, &[Arg::Int(organization.0)]).await
}

const TOLD: &[BulkColumn<'static>] = &[
    ("id", BulkType::Text),
    ("system", BulkType::Text),
    ("version", BulkType::Text),
    ("code", BulkType::Text),
    ("display", BulkType::Text),
    ("verdict", BulkType::Text),
    ("target_system", BulkType::Text),
    ("target_version", BulkType::Text),
    ("target_code", BulkType::Text),
    ("target_display", BulkType::Text),
    ("method", BulkType::Text),
    ("equivalence", BulkType::Text),
    ("source", BulkType::Text),
    ("why", BulkType::Text),
    ("candidates", BulkType::Text),
];

const CODINGS: &[BulkColumn<'static>] = &[
    ("rid", BulkType::Int),
    ("version", BulkType::Int),
    ("turn", BulkType::Int),
    ("concept", BulkType::Int),
    ("coding", BulkType::Int),
    ("place", BulkType::Text),
    ("normalization", BulkType::Text),
    ("at", BulkType::Int),
];

/// A version of which something was told.
pub(crate) struct Of<'s> {
    pub(crate) rid: i64,
    pub(crate) version: i64,
    /// How often it was looked at before.
    pub(crate) turn: i64,
    pub(crate) at_ms: i64,
    pub(crate) rows: &'s [Row],
}

/// What is kept of versions; empty where nothing was told.
pub(crate) fn batches<'s>(versions: &[Of<'s>]) -> Vec<Batch<'s>> {
    let rows = || versions.iter().flat_map(|of| of.rows.iter().map(move |row| (of, row)));
    // In one order: who writes the same ones waits, and does not wait for each other.
    let mut told: Vec<&'s Told> = rows().map(|(_, row)| &row.told).collect();
    if told.is_empty() {
        return Vec::new();
    }
    told.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    told.dedup_by(|one, other| one.id == other.id);
    let codings = rows().flat_map(|(of, row)| {
        let numbers = [of.rid, of.version, of.turn, row.concept, row.coding].map(Arg::Int);
        numbers.into_iter().chain([Arg::Text(&row.place), Arg::Text(&row.told.id), Arg::Int(of.at_ms)])
    });
    vec![
        Batch {
            table: "normalizations",
            columns: TOLD,
            values: told.into_iter().flat_map(row_of).collect(),
            conflict: "on conflict do nothing",
        },
        Batch { table: "normalized_codings", columns: CODINGS, values: codings.collect(), conflict: "" },
    ]
}

fn row_of(told: &Told) -> Vec<Arg<'_>> {
    let mut row: Vec<Arg<'_>> =
        [&told.id, &told.system, &told.version, &told.code, &told.display].map(|text| Arg::Text(text)).into();
    match &told.verdict {
        Verdict::Standard { coding, method, equivalence, source } => row.extend([
            Arg::Text("standard"),
            Arg::Text(&coding.system),
            Arg::text(coding.version.as_deref()),
            Arg::Text(&coding.code),
            Arg::text(coding.display.as_deref()),
            Arg::Text(method),
            Arg::Text(equivalence),
            Arg::Text(source),
            Arg::Null,
            Arg::Null,
        ]),
        Verdict::Review { why, .. } => {
            row.push(Arg::Text("review"));
            row.extend([Arg::Null; 7]);
            row.extend([Arg::Text(why), Arg::Text(&told.listed)]);
        }
    }
    row
}
