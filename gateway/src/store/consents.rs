//! The patients' Consents as rules that SQL can ask, row by row (`consent_rules`): made anew for a patient within the
//! transaction of whatever changes one of the patient's Consents, so that a revocation holds from its commit on.

mod acting;
mod alarm;
mod bases;
pub mod explain;
pub mod glass;
pub(crate) mod notice;
pub(crate) mod predicate;
mod proxies;
mod reach;
pub(crate) mod redaction;
pub mod report;
mod rows;
mod sight;
mod stored;

use std::collections::{BTreeMap, BTreeSet};

use consent::{Directive, OrganizationId, in_force};
use mappers::json::Document;

pub use self::acting::ActsFor;

use self::proxies::{Authorities, Givers, givers};
use self::rows::Table;
use crate::store::bulk::{self, BulkColumn, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::emit::Snapshot;
use crate::store::journal::{Revocation, Revoked};
use crate::store::types::Method;
pub(crate) use alarm::Alarm;
pub use alarm::EVERY as ALARM_EVERY;
pub(crate) use bases::bases;
pub(crate) use sight::{Sight, sights};
pub(crate) use stored::make_all_anew;

/// The type that rules are made of.
pub(crate) const KIND: &str = "Consent";
/// Who may permit in a patient's place.
const PROXY: &str = "RelatedPerson";

/// What a patient's rules are made of.
pub(crate) const STAND_ON: [&str; 3] = [KIND, PROXY, "Patient"];

/// Patients whose Consents change.
#[derive(Default)]
pub(crate) struct Changes {
    patients: BTreeSet<Box<str>>,
    /// Versions of Consents (row id, version) that hold from now on for the patients that they are of, or were.
    versions: Vec<(Box<str>, i64, i64)>,
}

/// Whose rules the snapshots change: those whose Consents they were, and will be, and those who have Consents and of whom a proxy,
/// or the birth date, may be another now. Nothing is asked where none does. Their epochs are taken, in order, so that of two
/// transactions the later sees what the earlier did.
pub(crate) async fn begin(
    connection: &mut Connection,
    organization: OrganizationId,
    snapshots: &[Snapshot],
) -> Result<Changes, DbError> {
    let of_patients: Vec<&Snapshot> =
        snapshots.iter().filter(|snapshot| [KIND, PROXY].contains(&&*snapshot.kind)).collect();
    let mut patients: BTreeSet<Box<str>> =
        of_patients.iter().filter_map(|snapshot| snapshot.facts.patient.clone()).collect();
    let args = [Arg::Int(organization.0)];
    let consents: Vec<&Snapshot> = snapshots.iter().filter(|snapshot| &*snapshot.kind == KIND).collect();
    let version = |patient: &str, snapshot: &Snapshot| (patient.into(), snapshot.rid, snapshot.version);
    let mut versions: Vec<(Box<str>, i64, i64)> =
        consents.iter().filter_map(|snapshot| Some(version(snapshot.facts.patient.as_deref()?, snapshot))).collect();
    let known: Vec<Arg<'_>> =
        of_patients.iter().filter(|snapshot| !snapshot.fresh).map(|snapshot| Arg::Int(snapshot.rid)).collect();
    if !known.is_empty() {
        let sql = "select d.patient, d.rid from {keys} join directory d on d.rid = k.rid where d.organization_id = $1";
        let rows = bulk::fetch_by_keys(connection, sql, &args, &[("rid", BulkType::Int)], &known).await?;
        for row in &rows {
            let (Some(before), Some(rid)) = (row.text(0), row.int(1)) else { continue };
            patients.insert(before.into());
            let moved = consents.iter().find(|snapshot| snapshot.rid == rid);
            let moved = moved.filter(|snapshot| snapshot.facts.patient.as_deref() != Some(before));
            versions.extend(moved.map(|snapshot| version(before, snapshot)));
        }
    }
    // Who is new has no Consents yet, or none that a proxy could permit by.
    let persons: Vec<Arg<'_>> = snapshots
        .iter()
        .filter(|snapshot| &*snapshot.kind == "Patient" && !snapshot.fresh)
        .map(|snapshot| Arg::Text(&snapshot.id))
        .collect();
    if !persons.is_empty() {
        let sql =
            "select e.patient from {keys} join consent_epochs e on e.organization_id = $1 and e.patient = k.patient";
        let rows = bulk::fetch_by_keys(connection, sql, &args, &[("patient", BulkType::Text)], &persons).await?;
        patients.extend(rows.iter().filter_map(|row| row.text(0).map(Box::from)));
    }
    take(connection, organization, &patients).await?;
    Ok(Changes { patients, versions })
}

/// The Consents among snapshots that do not permit any more what they may have permitted: for the journal. A Consent that only
/// permits is none of them.
pub(crate) fn revocations(snapshots: &[Snapshot]) -> Vec<Revocation> {
    let consents = snapshots.iter().filter(|snapshot| &*snapshot.kind == KIND);
    let revocation = |snapshot: &Snapshot| {
        let how = if snapshot.method == Method::Delete { Revoked::Deleted } else { revoked(&snapshot.body)? };
        Some(Revocation {
            patient: snapshot.facts.patient.clone(),
            consent: snapshot.id.clone(),
            version: snapshot.version,
            how,
        })
    };
    consents.filter_map(revocation).collect()
}

/// How a Consent's text revokes; `None` where it only permits.
pub(crate) fn revoked(body: &[u8]) -> Option<Revoked> {
    // What cannot be read permits nothing.
    let Ok(document) = Document::parse(body) else { return Some(Revoked::Inactive) };
    match Directive::read(document.root(), "") {
        None => Some(Revoked::Inactive),
        Some(directive) if directive.rules.iter().any(|rule| rule.deny) => Some(Revoked::Denies),
        Some(_) => None,
    }
}

/// Patients whose rules are to be made anew because a Consent of theirs, or what it stood on, has gone altogether.
pub(crate) async fn begin_for(
    connection: &mut Connection,
    organization: OrganizationId,
    patients: BTreeSet<Box<str>>,
) -> Result<Changes, DbError> {
    take(connection, organization, &patients).await?;
    Ok(Changes { patients, versions: Vec::new() })
}

/// Patients whose Consents are taken to be somebody else's from now on, or to name others: with the versions (row id, version) that
/// hold for whoever has got or lost one.
pub(crate) async fn begin_moved(
    connection: &mut Connection,
    organization: OrganizationId,
    patients: BTreeSet<Box<str>>,
    versions: Vec<(Box<str>, i64, i64)>,
) -> Result<Changes, DbError> {
    take(connection, organization, &patients).await?;
    Ok(Changes { patients, versions })
}

/// Whether another program's changes of Consents, or of what they stand on, wait: the outbox was settled as far as it could be.
pub(crate) async fn are_waiting(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
) -> Result<bool, DbError> {
    let maps = STAND_ON.into_iter().flat_map(|kind| core.maps_of(kind));
    let tables: BTreeSet<String> = maps.map(|map| dialect::literal(&core.map(*map).table)).collect();
    let tables: Vec<String> = tables.into_iter().collect();
    if tables.is_empty() {
        return Ok(false);
    }
    let sql = format!(
        "select exists(select 1 from outbox where organization_id = $1 and map_table in ({}))",
        tables.join(", ")
    );
    let row = connection.fetch_optional(&sql, &[Arg::Int(organization.0)]).await?;
    Ok(row.is_some_and(|row| row.flag(0)))
}

/// Takes the patients' epochs, in order.
async fn take(
    connection: &mut Connection,
    organization: OrganizationId,
    patients: &BTreeSet<Box<str>>,
) -> Result<(), DbError> {
    if patients.is_empty() {
        return Ok(());
    }
    // An epoch that stands in the audit trail is never given again: its row outlives even the patient.
    let sql = "insert into consent_epochs (organization_id, patient, epoch) \
         select $1, k.patient, 1 + coalesce((select max(v.epoch) from consent_versions v \
             where v.organization_id = $1 and v.patient = k.patient), 0) \
         from {keys} where k.patient is not null order by k.patient \
         on conflict (organization_id, patient) do update set epoch = consent_epochs.epoch + 1";
    let keys: Vec<Arg<'_>> = patients.iter().map(|patient| Arg::Text(patient)).collect();
    let args = [Arg::Int(organization.0)];
    bulk::execute_by_keys(connection, sql, &args, &[("patient", BulkType::Text)], &keys).await.map(drop)
}

impl Changes {
    /// Makes the rules of these patients anew, from their Consents as they are now.
    pub(crate) async fn finish(
        self,
        core: &Core,
        connection: &mut Connection,
        organization: OrganizationId,
    ) -> Result<(), DbError> {
        if self.patients.is_empty() {
            return Ok(());
        }
        self.keep(connection, organization).await?;
        let args = [Arg::Int(organization.0)];
        let columns: [BulkColumn<'_>; 1] = [("patient", BulkType::Text)];
        let keys: Vec<Arg<'_>> = self.patients.iter().map(|patient| Arg::Text(patient)).collect();
        for sql in [
            "delete from consent_rule_related where organization_id = $1 and rid in \
             (select r.rid from {keys} join consent_rules r on r.organization_id = $1 and r.patient = k.patient)",
            "delete from consent_rules where organization_id = $1 and patient in (select k.patient from {keys})",
        ] {
            bulk::execute_by_keys(connection, sql, &args, &columns, &keys).await?;
        }
        // A process that only reads has not learnt of a new one yet, and may be the one that makes rules anew.
        core.addresses.learn_now(connection, organization).await?;
        stored::note_unknown_law(core, connection, organization).await?;
        let mut rules = Table::default();
        for (patient, directives) in directives(core, connection, organization, &self.patients).await? {
            for directive in in_force(directives) {
                rules.add(&patient, &directive);
            }
        }
        rules.write(connection, organization).await
    }

    /// Writes down what holds in the epochs that have begun.
    async fn keep(&self, connection: &mut Connection, organization: OrganizationId) -> Result<(), DbError> {
        const COLUMNS: [BulkColumn<'static>; 3] =
            [("patient", BulkType::Text), ("rid", BulkType::Int), ("version", BulkType::Int)];
        let sql = "insert into consent_versions (organization_id, patient, epoch, rid, version) \
             select $1, k.patient, e.epoch, k.rid, k.version from {keys} \
             join consent_epochs e on e.organization_id = $1 and e.patient = k.patient";
        let mut keys = Vec::with_capacity(3 * self.versions.len());
        for (patient, rid, version) in &self.versions {
            keys.extend([Arg::Text(patient), Arg::Int(*rid), Arg::Int(*version)]);
        }
        bulk::execute_by_keys(connection, sql, &[Arg::Int(organization.0)], &COLUMNS, &keys).await.map(drop)
    }
}

/// The Consents of patients as they are now, each under its row id.
async fn directives(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    patients: &BTreeSet<Box<str>>,
) -> Result<BTreeMap<Box<str>, Vec<Directive>>, DbError> {
    let join = dialect::join_in_order(connection.engine());
    let current = format!(
        "select d.patient, d.rid, v.body from {{keys}} {join} directory d on d.organization_id = $1 and d.type = 'Consent' \
         and d.patient = k.patient and d.deleted = 0 \
         {join} resource_versions v on v.rid = d.rid and v.version = d.version order by d.patient, d.rid"
    );
    let keys: Vec<Arg<'_>> = patients.iter().map(|patient| Arg::Text(patient)).collect();
    let (args, columns) = ([Arg::Int(organization.0)], [("patient", BulkType::Text)]);
    let rows = bulk::fetch_by_keys(connection, &current, &args, &columns, &keys).await?;
    let bases = core.bases();
    let mut read: Vec<(Box<str>, Directive, Givers)> = Vec::new();
    for row in &rows {
        let (patient, name) = (row.text(0).unwrap_or_default(), row.int(1).unwrap_or_default().to_string());
        let Ok(document) = Document::parse(row.text(2).unwrap_or_default().as_bytes()) else { continue };
        let Some(mut directive) = Directive::read(document.root(), &name) else { continue };
        if bases.are_unknown() {
            // An import before anything was served: an address may be this server's, and then names somebody here.
            directive.away_from_home();
        } else {
            directive.at_home(&bases);
        }
        read.push((patient.into(), directive, givers(document.root(), patient, &bases)));
    }
    let proxies = read.iter().filter_map(|(patient, _, givers)| match givers {
        Givers::Proxies(ids) => Some(ids.iter().map(|id| (patient.clone(), id.clone()))),
        _ => None,
    });
    let authorities = Authorities::load(core, connection, organization, &proxies.flatten().collect()).await?;
    let mut found: BTreeMap<Box<str>, Vec<Directive>> = BTreeMap::new();
    for (patient, mut directive, givers) in read {
        match givers {
            Givers::Patient => {}
            Givers::Proxies(ids) => directive.by_proxy(&authorities.windows(&patient, &ids)),
            Givers::Others => directive.by_proxy(&[]),
        }
        found.entry(patient).or_default().push(directive);
    }
    Ok(found)
}
