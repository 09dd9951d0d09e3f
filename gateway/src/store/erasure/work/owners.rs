//! Whose something is that says of no patient by itself: for holds, and for the record.

use std::collections::{BTreeMap, BTreeSet};

use mappers::json::{Document, Kind};
use mappers::references::{self, Bases, Reference};
use mappers::search;

use super::beside::binaries_in;
use super::{Working, patients_in};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::dialect;
use crate::store::entry;
use crate::store::erasure::perhaps_own;

/// Versions that are read at a time.
const PAGE: i64 = 200;

/// Type and id.
type Identity = (Box<str>, Box<str>);

/// What a resource refers to that says of no patient, or less than all: a Provenance tells of all its targets, and a Binary is
/// protected like its context.
pub(super) fn referred(body: &str, is_nobodys: bool, bases: &Bases) -> BTreeSet<Identity> {
    let Ok(document) = Document::parse(body.as_bytes()) else { return BTreeSet::new() };
    let kind = document.root().member("resourceType").and_then(|kind| kind.string());
    if !is_nobodys && !matches!(kind.as_deref(), Some("Binary" | "Provenance")) {
        return BTreeSet::new();
    }
    let elements = (1..document.size()).filter_map(|index| document.element(index));
    let texts = elements.filter(|element| element.kind() == Kind::String && element.is_named("reference"));
    let identity = |text: &str| match references::parse(text) {
        Reference::Local { kind, id, .. } => Some((kind.into(), id.into())),
        _ => perhaps_own(bases, text).map(|(kind, id)| (kind.into(), id.into())),
    };
    texts.filter_map(|text| identity(&text.string()?)).collect()
}

impl Working<'_> {
    /// Whose these are, as far as they are here.
    pub(super) async fn patients_of(
        &self,
        connection: &mut Connection,
        identities: &BTreeSet<Identity>,
    ) -> Result<BTreeSet<Box<str>>, DbError> {
        let wanted: Vec<(&str, &str)> = identities.iter().map(|(kind, id)| (&**kind, &**id)).collect();
        let found = entry::by_identity(self.core, connection, self.organization, &wanted, false).await?;
        let persons = identities.iter().filter(|(kind, _)| &**kind == "Patient").map(|(_, id)| id.clone());
        Ok(persons.chain(found.into_values().filter_map(|entry| entry.patient)).collect())
    }

    /// Whose the resources are, or were, that name Binaries that go.
    pub(super) async fn patients_who_name(&self, connection: &mut Connection) -> Result<BTreeSet<Box<str>>, DbError> {
        let whole = self.erased.values().map(|entry| (&*entry.kind, &*entry.id));
        let single = self.versions.values().map(|(kind, id)| (&**kind, &**id));
        let binaries: BTreeSet<&str> =
            whole.chain(single).filter(|(kind, _)| *kind == "Binary").map(|(_, id)| id).collect();
        let mut patients = BTreeSet::new();
        if binaries.is_empty() {
            return Ok(patients);
        }
        let bases = self.core.bases();
        // In the order of the rows, as copies are looked for.
        let sql = format!(
            "select v.rid, v.version, v.body, d.patient from resource_versions v join directory d on d.rid = v.rid \
             where +v.organization_id = $1 and (v.rid, v.version) > ($2, $3) and {} order by v.rid, v.version limit {PAGE}",
            dialect::contains(connection.engine(), "v.body", "'Binary/'")
        );
        let (mut rid, mut version) = (0, 0);
        loop {
            let args = [Arg::Int(self.organization.0), Arg::Int(rid), Arg::Int(version)];
            let page = connection.fetch(&sql, &args).await?;
            for row in &page {
                (rid, version) = (row.int(0).unwrap_or_default(), row.int(1).unwrap_or_default());
                let body = row.text(2).unwrap_or_default();
                let names = |id: String| binaries.contains(&*id) || binaries.contains(id.trim_end_matches('.'));
                if binaries_in(body).any(names) {
                    patients.extend(row.text(3).map(Box::from));
                    patients.extend(patients_in(body, &bases));
                }
            }
            if page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
                return Ok(patients);
            }
        }
    }

    /// Whose the items of the plan are: what says of nobody is the one patient's whose data is touched, where that is one.
    pub(super) async fn owners(
        &self,
        connection: &mut Connection,
        patients: &BTreeSet<Box<str>>,
    ) -> Result<BTreeMap<String, Box<str>>, DbError> {
        let only = patients.first().filter(|_| patients.len() == 1).map(|patient| &**patient);
        let otherwise = self.target.patient().or(only);
        let bases = self.core.bases();
        let mut owners = BTreeMap::new();
        for entry in self.erased.values() {
            let patient = entry.patient.as_deref().or(otherwise).map(Box::from);
            owners.extend(patient.map(|patient| (format!("{}/{}", entry.kind, entry.id), patient)));
        }
        for ((rid, version), (kind, id)) in &self.versions {
            let sql = "select body from resource_versions where rid = $1 and version = $2 and organization_id = $3";
            let args = [Arg::Int(*rid), Arg::Int(*version), Arg::Int(self.organization.0)];
            let row = connection.fetch_optional(sql, &args).await?;
            let body = row.as_ref().and_then(|row| row.text(0)).unwrap_or_default();
            let own = Document::parse(body.as_bytes()).ok().and_then(|document| {
                let named = search::facts(kind, document.root()).patient?;
                let at_home = perhaps_own(&bases, &named).map(|(_, id)| Box::from(id));
                Some(at_home.unwrap_or_else(|| Box::from(&*named)))
            });
            let patient = own.or_else(|| otherwise.map(Box::from));
            owners.extend(patient.map(|patient| (format!("{kind}/{id}/_history/{version}"), patient)));
        }
        Ok(owners)
    }
}
