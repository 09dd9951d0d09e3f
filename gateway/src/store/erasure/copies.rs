//! Copies of what is erased, in what is not: entries of stored Bundles, contained resources, and past versions of resources
//! that were the patient's and are somebody else's now. All versions are looked through, a page at a time.

use std::collections::{BTreeMap, BTreeSet};

use mappers::json::{Document, Element, Kind};
use mappers::references::Bases;
use mappers::search;

use super::perhaps_own;
use super::plan::Target;
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::dialect;
use crate::store::entry::Entry;

/// Versions that are read at a time.
const PAGE: i64 = 200;

/// What a copy is known by.
pub(super) struct Sought<'s> {
    pub(super) target: &'s Target,
    pub(super) erased: &'s BTreeMap<i64, Entry>,
    /// Type and id of everything that is erased.
    pub(super) identities: BTreeSet<(&'s str, &'s str)>,
    /// Identifiers of the patient, in any version: system and value.
    pub(super) identifiers: BTreeSet<(String, String)>,
    pub(super) bases: &'s Bases,
}

/// A version that holds what is erased.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Holding {
    pub(super) rid: i64,
    pub(super) version: i64,
    pub(super) kind: Box<str>,
    pub(super) id: Box<str>,
    /// It is the version that is served.
    pub(super) current: bool,
    /// It was the patient's own; else it is a copy.
    pub(super) own: bool,
}

/// The patient's identifiers in a version of the Patient.
pub(super) fn identifiers(patient: Element<'_>) -> impl Iterator<Item = (String, String)> {
    let identifiers = patient.member("identifier").into_iter().flat_map(|list| list.children());
    identifiers.filter_map(|identifier| {
        let text = |name| identifier.member(name).and_then(|value: Element<'_>| value.string());
        let value = text("value").filter(|value| !value.is_empty())?;
        // A value without a system says too little: "1" is many people's.
        Some((text("system").filter(|system| !system.is_empty())?.into_owned(), value.into_owned()))
    })
}

/// Looks through all versions of the organization.
pub(super) async fn find(
    connection: &mut Connection,
    organization: i64,
    sought: &Sought<'_>,
) -> Result<Vec<Holding>, DbError> {
    let engine = connection.engine();
    let (kind, id) = sought.target.identity();
    let own = format!("{kind}/{id}");
    // In the order of the rows, from where the last page ended (`+`: by no index of organizations, which would be read through for
    // each page). Whoever has a copy has the resource's id, or (a Bundle made elsewhere) the patient's identifiers.
    let sql = format!(
        "select v.rid, v.version, v.type, v.id, v.body, d.version, d.patient from resource_versions v \
         join directory d on d.rid = v.rid \
         where +v.organization_id = $1 and (v.rid, v.version) > ($2, $3) and v.deleted = 0 \
         and (v.type in ('Bundle', 'Parameters') or {} or {} or {}) order by v.rid, v.version limit {PAGE}",
        dialect::contains(engine, "v.body", "'\"contained\"'"),
        dialect::contains(engine, "v.body", "$4"),
        dialect::contains(engine, "v.body", "$5"),
    );
    // In other resources' bodies a patient is named by a reference, or by the id alone in a resource that is embedded.
    let alone = format!("\"{id}\"");
    let (mut rid, mut version) = (0, 0);
    let mut found = Vec::new();
    loop {
        let args = [Arg::Int(organization), Arg::Int(rid), Arg::Int(version), Arg::Text(&own), Arg::Text(&alone)];
        let page = connection.fetch(&sql, &args).await?;
        for row in &page {
            (rid, version) = (row.int(0).unwrap_or_default(), row.int(1).unwrap_or_default());
            if sought.erased.contains_key(&rid) {
                continue;
            }
            let (kind, id) = (row.text(2).unwrap_or_default(), row.text(3).unwrap_or_default());
            // A stored Bundle goes where the record goes that it is a copy of: the directory knows whose.
            let is_whole = kind == "Bundle" && row.text(6).is_some() && row.text(6) == sought.target.patient();
            let holds = || sought.holds(kind, id, row.text(4).unwrap_or_default());
            if let Some(is_own) = if is_whole { Some(false) } else { holds() } {
                let current = row.int(5) == Some(version);
                let (kind, id) = (kind.into(), id.into());
                found.push(Holding { rid, version, kind, id, current, own: is_own });
            }
        }
        if page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            return Ok(found);
        }
    }
}

impl Sought<'_> {
    /// Whether a version holds what is erased: as its own (true) or as a copy.
    fn holds(&self, kind: &str, id: &str, body: &str) -> Option<bool> {
        let document = Document::parse(body.as_bytes()).ok()?;
        let root = document.root();
        // A single version is erased as such: what its own resource says in other versions is not it.
        if let Target::Version(own_kind, own_id, _) = self.target
            && (kind, id) == (own_kind, own_id)
        {
            return None;
        }
        if !matches!(kind, "Bundle" | "Patient")
            && let Some(is_certain) = self.is_of_patient(kind, root)
        {
            return Some(is_certain);
        }
        let embedded = (1..document.size()).filter_map(|index| document.element(index));
        let mut embedded = embedded.filter(|element| element.kind() == Kind::Object);
        embedded.any(|element| self.is_it(element)).then_some(false)
    }

    /// Whether an embedded resource is one that is erased, or about the patient who is.
    fn is_it(&self, element: Element<'_>) -> bool {
        let text = |name: &str| element.member(name).and_then(|value| value.string());
        let Some(kind) = text("resourceType") else { return false };
        let id = text("id");
        let is_same = id.as_deref().is_some_and(|id| self.identities.contains(&(&*kind, id)));
        if let Target::Version(_, _, version) = self.target {
            let meta = element.member("meta").and_then(|meta| meta.member("versionId")).and_then(|id| id.string());
            return is_same && meta.as_deref() == Some(&*version.to_string());
        }
        is_same
            || self.is_of_patient(&kind, element).is_some()
            || (&*kind == "Patient" && identifiers(element).any(|identifier| self.identifiers.contains(&identifier)))
    }

    /// Whether a resource is about the patient: for certain (true), or if an address is ours that may be somebody else's.
    fn is_of_patient(&self, kind: &str, element: Element<'_>) -> Option<bool> {
        let patient = self.target.patient()?;
        let named = search::facts(kind, element).patient?;
        match perhaps_own(self.bases, &named) {
            Some((_, id)) => (id == patient).then_some(!self.bases.are_unknown()),
            None => (*named == *patient).then_some(true),
        }
    }
}
