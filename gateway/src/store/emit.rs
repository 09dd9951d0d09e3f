//! The last step of every write: directory, versions and index, for any number of resources in a handful of
//! statements.

use std::borrow::Cow;

use bytes::Bytes;
use consent::OrganizationId;
use mappers::json::Element;
use mappers::references::Bases;
use mappers::search;

use crate::store::bulk::{self, Batch, BulkColumn, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::consents;
use crate::store::core::Core;
use crate::store::entry::Place;
use crate::store::index::{self, Index};
use crate::store::labelling::{Mark, encounters};
use crate::store::normalizing;
use crate::store::types::Method;

/// A resource's new current version, ready to be stored.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The directory's row id.
    pub(crate) rid: i64,
    /// The directory has no such row yet.
    pub(crate) fresh: bool,
    /// The resource type.
    pub(crate) kind: Box<str>,
    /// The logical id.
    pub(crate) id: Box<str>,
    /// Where it lives now.
    pub(crate) place: Place,
    /// The new version.
    pub(crate) version: i64,
    /// When, in ms.
    pub(crate) updated_ms: i64,
    /// How.
    pub(crate) method: Method,
    /// The body as served; empty for a deletion.
    pub(crate) body: Bytes,
    /// What consent asks.
    pub(crate) facts: Facts,
    /// What searches find it by.
    pub(crate) index: Index,
    /// What the directory keeps for rows that cannot keep it themselves.
    pub(crate) side: Side,
}

impl Snapshot {
    /// The key of its row; the id where it has none.
    pub(crate) fn key(&self) -> &str {
        self.place.key(&self.id)
    }
}

/// What the directory keeps beside a mapped row.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Side {
    /// Residue, where the row has no column for it.
    pub(crate) residue: Option<Box<str>>,
    /// Column texts that stand for values kept in the residue.
    pub(crate) shadow: Option<Box<str>>,
    /// What an operator should look at.
    pub(crate) flag: Option<Box<str>>,
}

const DIRECTORY: &[BulkColumn<'static>] = &[
    ("rid", BulkType::Int),
    ("type", BulkType::Text),
    ("id", BulkType::Text),
    ("map", BulkType::Text),
    ("key", BulkType::Text),
    ("version", BulkType::Int),
    ("updated", BulkType::Int),
    ("deleted", BulkType::Int),
    ("patient", BulkType::Text),
    ("author", BulkType::Text),
    ("encounter", BulkType::Text),
    ("occurred", BulkType::Text),
    ("span_low", BulkType::Int),
    ("span_high", BulkType::Int),
    ("labels", BulkType::Int),
    ("labels_ever", BulkType::Int),
    ("hears", BulkType::Int),
    ("residue", BulkType::Text),
    ("shadow", BulkType::Text),
    ("flag", BulkType::Text),
];

/// What is deleted keeps its labels: its history has them still.
const ON_CONFLICT: &str = "on conflict (rid) do update set map = excluded.map, key = excluded.key, \
     version = excluded.version, updated = excluded.updated, deleted = excluded.deleted, patient = excluded.patient, \
     moved = case when directory.patient <> coalesce(excluded.patient, '') then 1 else directory.moved end, \
     author = excluded.author, encounter = excluded.encounter, occurred = excluded.occurred, \
     span_low = excluded.span_low, span_high = excluded.span_high, \
     labels = case when excluded.deleted = 1 or directory.labels = 0 then directory.labels else excluded.labels end, \
     labels_ever = directory.labels_ever | excluded.labels_ever, hears = excluded.hears, \
     residue = excluded.residue, shadow = excluded.shadow, flag = excluded.flag";

const VERSIONS: &[BulkColumn<'static>] = &[
    ("rid", BulkType::Int),
    ("version", BulkType::Int),
    ("type", BulkType::Text),
    ("id", BulkType::Text),
    ("updated", BulkType::Int),
    ("method", BulkType::Text),
    ("deleted", BulkType::Int),
    ("body", BulkType::Body),
];

/// Stores the snapshots, once notes have the labels of their encounters. A directory row that appeared meanwhile, or a version that exists already, is a unique
/// violation: the caller runs its transaction again.
pub(crate) async fn emit(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    snapshots: &mut [Snapshot],
) -> Result<(), DbError> {
    if snapshots.is_empty() {
        return Ok(());
    }
    let marks: Vec<&mut Mark> = snapshots.iter_mut().map(|snapshot| &mut snapshot.facts.mark).collect();
    encounters::pass_on(connection, organization, marks).await?;
    let snapshots = &*snapshots;
    let stale: Vec<i64> = snapshots.iter().filter(|snapshot| !snapshot.fresh).map(|snapshot| snapshot.rid).collect();
    index::forget(connection, &stale).await?;
    let directory = |(fresh, conflict)| {
        let part = snapshots.iter().filter(|snapshot| snapshot.fresh == fresh);
        let values: Vec<Arg<'_>> = part.flat_map(|snapshot| directory_row(core, snapshot)).collect();
        Batch { table: "directory", columns: DIRECTORY, values, conflict }
    };
    let mut batches: Vec<Batch<'_>> = [(true, ""), (false, ON_CONFLICT)].map(directory).into();
    batches.retain(|batch| !batch.values.is_empty());
    let values = snapshots.iter().flat_map(version_row).collect();
    batches.push(Batch { table: "resource_versions", columns: VERSIONS, values, conflict: "" });
    let rows: Vec<(i64, &Index)> = snapshots.iter().map(|snapshot| (snapshot.rid, &snapshot.index)).collect();
    batches.extend(index::batches(&rows));
    let told = snapshots.iter().map(|snapshot| normalizing::Of {
        rid: snapshot.rid,
        version: snapshot.version,
        turn: 0,
        at_ms: snapshot.updated_ms,
        rows: snapshot.index.normalized(),
    });
    batches.extend(normalizing::batches(&told.collect::<Vec<_>>()));
    let consents = consents::begin(connection, organization, snapshots).await?;
    bulk::insert_together(connection, organization.0, &batches).await?;
    connection.revokes(organization.0, consents::revocations(snapshots));
    consents.finish(core, connection, organization).await
}

/// What consent asks of one resource.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The patient whose data it is.
    pub(crate) patient: Option<Box<str>>,
    pub(crate) author: Option<Box<str>>,
    occurred: Option<Box<str>>,
    /// All instants of the clinical time, in ticks, the end excluded.
    span: Option<(i64, i64)>,
    /// Its labels and its encounter.
    pub(crate) mark: Mark,
}

impl Facts {
    /// The facts of a resource under the id it will have; `bases` are where we are served.
    pub(crate) fn of(kind: &str, id: &str, element: Element<'_>, bases: &Bases) -> Self {
        let facts = search::facts(kind, element);
        let of_ours = |text: &str| bases.own(text).map(|(_, id)| Box::from(id));
        let named = |text: Option<Cow<'_, str>>| text.map(|text| of_ours(&text).unwrap_or_else(|| Box::from(&*text)));
        let encounter = match kind {
            "Binary" => encounter_of_binary(element, bases),
            "Encounter" => Some(id.into()),
            _ => named(facts.encounter),
        };
        Self {
            patient: match kind {
                "Bundle" => patient_of_bundle(element).and_then(|text| named(Some(text))),
                "Patient" => Some(id.into()),
                _ => named(facts.patient),
            },
            // An author's type says who it is.
            author: facts.author.map(|text| Box::from(bases.below(&text).unwrap_or(&text))),
            occurred: facts.occurred.map(|text| Box::from(&*text)),
            span: facts.span,
            mark: Mark { encounter, ..Mark::default() },
        }
    }

    /// With its labels, as far as they are its own.
    pub(crate) fn labelled(mut self, core: &Core, kind: &str, element: Element<'_>) -> Self {
        core.labellings.label(kind, element, &mut self.mark);
        self
    }

    /// What is left of the facts once the resource is deleted: history still asks whose it was.
    pub(crate) fn of_deleted(patient: Option<Box<str>>) -> Self {
        Self { patient, ..Self::default() }
    }
}

/// Whose the entries of a Bundle are: the first Patient in it, else whose the first entry is that is somebody's. A stored document
/// is a copy of a record, and goes where the record goes.
fn patient_of_bundle(bundle: Element<'_>) -> Option<Cow<'_, str>> {
    let entries = bundle.member("entry").into_iter().flat_map(|entries| entries.children());
    let resources = || entries.clone().filter_map(|entry| entry.member("resource"));
    let kind =
        |resource: Element<'_>| resource.member("resourceType").and_then(|kind| kind.string().map(Cow::into_owned));
    let person = resources().find(|resource| kind(*resource).as_deref() == Some("Patient"));
    let id = person.and_then(|person| person.member("id")).and_then(|id| id.string());
    id.or_else(|| resources().find_map(|resource| search::facts(&kind(resource)?, resource).patient))
}

/// The encounter that a Binary's content is protected like.
fn encounter_of_binary(binary: Element<'_>, bases: &Bases) -> Option<Box<str>> {
    let reference = binary.member("securityContext")?.member("reference")?.string()?;
    let own = bases.own(&reference).map(|(kind, id)| (kind, Box::from(id)));
    let relative =
        || reference.strip_prefix("Encounter/").map(|id| ("Encounter", id.split('/').next().unwrap_or(id).into()));
    own.or_else(relative).filter(|(kind, _)| *kind == "Encounter").map(|(_, id)| id)
}

fn directory_row<'s>(core: &'s Core, snapshot: &'s Snapshot) -> [Arg<'s>; 20] {
    let map = snapshot.place.map().map(|map| core.map(map).name.as_str());
    [
        Arg::Int(snapshot.rid),
        Arg::Text(&snapshot.kind),
        Arg::Text(&snapshot.id),
        Arg::text(map),
        Arg::Text(snapshot.place.key(&snapshot.id)),
        Arg::Int(snapshot.version),
        Arg::Int(snapshot.updated_ms),
        Arg::Int(i64::from(snapshot.method == Method::Delete)),
        Arg::text(snapshot.facts.patient.as_deref()),
        Arg::text(snapshot.facts.author.as_deref()),
        Arg::text(snapshot.facts.mark.encounter.as_deref()),
        Arg::text(snapshot.facts.occurred.as_deref()),
        snapshot.facts.span.map_or(Arg::Null, |(low, _)| Arg::Int(low)),
        snapshot.facts.span.map_or(Arg::Null, |(_, high)| Arg::Int(high)),
        Arg::Int(snapshot.facts.mark.labels.bits()),
        Arg::Int(snapshot.facts.mark.labels.bits()),
        Arg::Int(i64::from(snapshot.facts.mark.hears)),
        Arg::text(snapshot.side.residue.as_deref()),
        Arg::text(snapshot.side.shadow.as_deref()),
        Arg::text(snapshot.side.flag.as_deref()),
    ]
}

fn version_row(snapshot: &Snapshot) -> [Arg<'_>; 8] {
    [
        Arg::Int(snapshot.rid),
        Arg::Int(snapshot.version),
        Arg::Text(&snapshot.kind),
        Arg::Text(&snapshot.id),
        Arg::Int(snapshot.updated_ms),
        Arg::Text(snapshot.method.as_str()),
        Arg::Int(i64::from(snapshot.method == Method::Delete)),
        // Bodies come from `join` and `render`, which write UTF-8 only.
        Arg::Text(std::str::from_utf8(&snapshot.body).unwrap_or_default()),
    ]
}

/// Moves resources from their tables to the generic store: bodies and index rows stay what they are.
pub(crate) async fn demote(
    connection: &mut Connection,
    organization: OrganizationId,
    rids: &[i64],
) -> Result<(), DbError> {
    let keys: Vec<Arg<'_>> = rids.iter().copied().map(Arg::Int).collect();
    let moved = "update directory set map = null, key = id, residue = null, shadow = null \
         where organization_id = $1 and rid in (select k.rid from {keys})";
    bulk::execute_by_keys(connection, moved, &[Arg::Int(organization.0)], &[("rid", BulkType::Int)], &keys).await?;
    Ok(())
}
