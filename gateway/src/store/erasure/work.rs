//! The erasure itself, within one open transaction: what is the record's is found, and removed from every table. A plan is the
//! same work rolled back, so that what is shown is what is done.
//!
//! What else there will be of a record hooks in here: files of exports and tokens whose context is the patient are to be found
//! and removed in [`perform`], counted in [`Plan::tables`], their files noted as other content is.

mod beside;
mod owners;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use consent::OrganizationId;
use mappers::json::{Document, Element, Kind};
use mappers::references::Bases;
use mappers::search;
use sha2::{Digest, Sha256};

use super::copies::{self, Holding, Sought};
use super::perhaps_own;
use super::plan::{Choices, MOST_REFERENCES, Plan, Target};
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Engine};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::entry::{self, Entry};
use crate::store::rows::erase::{Doomed, Eraser};

/// What was done, for those who decide whether it stays done.
pub(super) struct Work {
    pub(super) plan: Plan,
    /// What is to go from outside the database: whether it is an object, and its name.
    pub(super) content: BTreeSet<(bool, String)>,
    /// Everybody whose data is touched.
    pub(super) patients: BTreeSet<Box<str>>,
    /// Whose the plan's items are, as far as it is known.
    pub(super) owners: BTreeMap<String, Box<str>>,
    /// The last write of what goes, in milliseconds since 1970.
    pub(super) last_write: i64,
    /// The patient's date of birth as it is written, where a record is known to be somebody's.
    pub(super) birth_date: Option<String>,
}

/// Erases, in the open transaction.
pub(super) async fn perform(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    target: &Target,
    choices: Choices,
) -> Result<Work, DbError> {
    let mut work = Working {
        core,
        organization,
        target,
        erased: BTreeMap::new(),
        versions: BTreeMap::new(),
        doomed: Doomed::default(),
        plan: Plan::default(),
    };
    match target {
        Target::Version(kind, id, version) => work.one_version(connection, kind, id, *version).await?,
        Target::Patient(_) | Target::Resource(..) => work.whole(connection).await?,
    }
    if !work.erased.is_empty() || !work.versions.is_empty() {
        work.copies(connection, choices).await?;
    }
    work.finish(connection, choices).await
}

struct Working<'w> {
    core: &'w Core,
    organization: OrganizationId,
    target: &'w Target,
    /// Resources that go, by row id of the directory.
    erased: BTreeMap<i64, Entry>,
    /// Single versions that go, and of what.
    versions: BTreeMap<(i64, i64), (Box<str>, Box<str>)>,
    doomed: Doomed,
    plan: Plan,
}

impl Working<'_> {
    fn eraser(&self) -> Eraser<'_> {
        Eraser { core: self.core, organization: self.organization, patient: self.target.patient() }
    }

    async fn one_version(
        &mut self,
        connection: &mut Connection,
        kind: &str,
        id: &str,
        version: i64,
    ) -> Result<(), DbError> {
        let Some(entry) =
            self.those(connection, "d.type = $2 and d.id = $3", &[Arg::Text(kind), Arg::Text(id)]).await?.pop()
        else {
            return Ok(());
        };
        let sql = "select 1 from resource_versions where rid = $1 and version = $2 and organization_id = $3";
        let args = [Arg::Int(entry.rid), Arg::Int(version), Arg::Int(self.organization.0)];
        if connection.fetch_optional(sql, &args).await?.is_none() {
            return Ok(());
        }
        if entry.version <= version {
            self.plan.other =
                Some("it is the last version: write a later one first, or erase the resource whole".to_owned());
        } else if entry.place.map().is_some_and(|map| self.core.map(map).append_only.is_some()) {
            self.plan.other = Some(
                "its table keeps a row for every change and says of none which version it was: erase the resource whole"
                    .to_owned(),
            );
        }
        self.versions.insert((entry.rid, version), (kind.into(), id.into()));
        Ok(())
    }

    async fn whole(&mut self, connection: &mut Connection) -> Result<(), DbError> {
        let (kind, id) = self.target.identity();
        let of_patient = "d.type <> 'Bundle' and (d.patient = $3 or (d.type = $2 and d.id = $3))";
        let condition = if self.target.patient().is_some() { of_patient } else { "d.type = $2 and d.id = $3" };
        let found = self.those(connection, condition, &[Arg::Text(kind), Arg::Text(id)]).await?;
        self.take(connection, found).await?;
        if self.target.patient().is_some() {
            self.binaries(connection).await?;
        }
        self.provenances(connection).await?;
        if kind == "SearchParameter" {
            let sql = "select 1 from search_parameters where organization_id = $1 and id = $2 limit 1";
            let args = [Arg::Int(self.organization.0), Arg::Text(id)];
            if connection.fetch_optional(sql, &args).await?.is_some() {
                self.plan.other =
                    Some("it defines a search parameter: delete it, and erase it once it is gone".to_owned());
            }
        }
        Ok(())
    }

    async fn those(
        &self,
        connection: &mut Connection,
        condition: &str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Entry>, DbError> {
        let args: Vec<Arg<'_>> = [Arg::Int(self.organization.0)].into_iter().chain(args.iter().copied()).collect();
        entry::those(self.core, connection, condition, &args).await
    }

    /// Adds resources with their rows.
    async fn take(&mut self, connection: &mut Connection, found: Vec<Entry>) -> Result<(), DbError> {
        let fresh: Vec<i64> =
            found.iter().map(|entry| entry.rid).filter(|rid| !self.erased.contains_key(rid)).collect();
        self.erased.extend(found.into_iter().map(|entry| (entry.rid, entry)));
        let (mut doomed, mut erased) = (std::mem::take(&mut self.doomed), std::mem::take(&mut self.erased));
        let done = self.eraser().doom(connection, &mut doomed, &mut erased, &fresh).await;
        (self.doomed, self.erased) = (doomed, erased);
        done
    }

    /// Every version's text of what goes, some at a time.
    async fn each_body(&self, connection: &mut Connection, mut each: impl FnMut(&str)) -> Result<(), DbError> {
        const AT_ONCE: usize = 64;
        let rids: Vec<i64> = self.erased.keys().copied().collect();
        for rids in rids.chunks(AT_ONCE) {
            let keys: Vec<Arg<'_>> = rids.iter().copied().map(Arg::Int).collect();
            let sql =
                "select v.body from {keys} join resource_versions v on v.rid = k.rid where v.organization_id = $1";
            let args = [Arg::Int(self.organization.0)];
            let rows = bulk::fetch_by_keys(connection, sql, &args, &[("rid", BulkType::Int)], &keys).await?;
            rows.iter().filter_map(|row| row.text(0)).for_each(&mut each);
        }
        for (rid, version) in self.versions.keys() {
            let sql = "select body from resource_versions where rid = $1 and version = $2";
            let row = connection.fetch_optional(sql, &[Arg::Int(*rid), Arg::Int(*version)]).await?;
            row.iter().filter_map(|row| row.text(0)).for_each(&mut each);
        }
        Ok(())
    }

    /// Looks for copies and for what was the patient's once; takes them too where that is wanted.
    async fn copies(&mut self, connection: &mut Connection, choices: Choices) -> Result<(), DbError> {
        let mut identifiers = BTreeSet::new();
        if self.target.patient().is_some() {
            self.each_body(connection, |body| {
                if let Ok(document) = Document::parse(body.as_bytes())
                    && is_patient(document.root())
                {
                    identifiers.extend(copies::identifiers(document.root()));
                }
            })
            .await?;
        }
        let bases = self.core.bases();
        let target = self.target.identity();
        let found = {
            let identities = self.erased.values().map(|entry| (&*entry.kind, &*entry.id)).chain([target]).collect();
            let sought = Sought { target: self.target, erased: &self.erased, identities, identifiers, bases: &bases };
            copies::find(connection, self.organization.0, &sought).await?
        };
        let mut whole = BTreeSet::new();
        for Holding { rid, version, kind, id, current, own } in found {
            if !own {
                self.plan.copies.insert(format!("{kind}/{id}/_history/{version}"));
            }
            match (own || choices.copies, current) {
                (true, true) => drop(whole.insert(rid)),
                (true, false) => drop(self.versions.insert((rid, version), (kind, id))),
                (false, _) => {}
            }
        }
        for rid in whole {
            let found = self.those(connection, "d.rid = $2", &[Arg::Int(rid)]).await?;
            self.take(connection, found).await?;
        }
        let erased = &self.erased;
        self.versions.retain(|(rid, _), _| !erased.contains_key(rid));
        Ok(())
    }

    async fn finish(mut self, connection: &mut Connection, choices: Choices) -> Result<Work, DbError> {
        let (last_write, patients) = (self.last_write(connection).await?, self.patients(connection).await?);
        let birth_date = self.birth_date(connection, &patients).await?;
        let owners = self.owners(connection, &patients).await?;
        self.references(connection).await?;
        let outside = self.content(connection).await?;
        let mut content = BTreeSet::new();
        let is_in_the_way = !self.doomed.readonly.is_empty() || !(self.doomed.unmapped.is_empty() || choices.unmapped);
        if is_in_the_way {
            // The tables would refuse: it is only told what there is.
            self.plan.tables = Eraser::counted(&self.doomed);
            content = outside;
        } else {
            self.remove(connection, choices).await?;
            for (object, name) in outside {
                if !self.eraser().is_named(connection, object, &name).await? {
                    content.insert((object, name));
                }
            }
        }
        if content.iter().any(|(object, _)| *object) && !self.core.contents.has_objects() {
            let wanted = "its rows name objects: give the --content-store that the server is given";
            self.plan.other.get_or_insert_with(|| wanted.to_owned());
        }
        self.plan.content = content.len() as u64;
        self.plan.moved = self.doomed.moved.values().cloned().collect();
        self.plan.unmapped = self.doomed.unmapped.clone();
        self.plan.readonly = self.doomed.readonly.clone();
        for entry in self.erased.values() {
            self.plan.items.insert(format!("{}/{}", entry.kind, entry.id), entry.version);
        }
        for ((_, version), (kind, id)) in &self.versions {
            self.plan.items.insert(format!("{kind}/{id}/_history/{version}"), *version);
        }
        Ok(Work { plan: self.plan, content, patients, owners, last_write, birth_date })
    }

    /// The files and objects of the record: those that its rows name, and those that rows named once. What a row does not name
    /// any more is known by its bytes alone: they are those of a version that goes.
    async fn content(&self, connection: &mut Connection) -> Result<BTreeSet<(bool, String)>, DbError> {
        let mut found = self.eraser().content(connection, &self.doomed).await?;
        let mut digests: BTreeSet<(u64, [u8; 32])> = BTreeSet::new();
        self.each_body(connection, |body| digests.extend(attached(body))).await?;
        found.extend(self.core.contents.of_bytes(&digests).await.map_err(|error| {
            tracing::error!(%error, "the content directory cannot be looked through");
            DbError::fault("the content directory cannot be looked through")
        })?);
        Ok(found)
    }

    /// Whose data is touched: of every version that goes, and of all that is in it; of what says of nobody, whose it is by what it
    /// refers to and by what names it.
    async fn patients(&self, connection: &mut Connection) -> Result<BTreeSet<Box<str>>, DbError> {
        let mut patients: BTreeSet<Box<str>> = self.erased.values().filter_map(|entry| entry.patient.clone()).collect();
        patients.extend(self.target.patient().map(Box::from));
        let bases = self.core.bases();
        let mut referred = BTreeSet::new();
        self.each_body(connection, |body| {
            let own = patients_in(body, &bases);
            referred.extend(owners::referred(body, own.is_empty(), &bases));
            patients.extend(own);
        })
        .await?;
        patients.extend(self.patients_of(connection, &referred).await?);
        patients.extend(self.patients_who_name(connection).await?);
        for rid in self.doomed.moved.keys() {
            let found = self.those(connection, "d.rid = $2", &[Arg::Int(*rid)]).await?;
            patients.extend(found.into_iter().filter_map(|entry| entry.patient));
        }
        Ok(patients)
    }

    async fn last_write(&self, connection: &mut Connection) -> Result<i64, DbError> {
        let rids: BTreeSet<i64> =
            self.erased.keys().copied().chain(self.versions.keys().map(|(rid, _)| *rid)).collect();
        let keys: Vec<Arg<'_>> = rids.into_iter().map(Arg::Int).collect();
        let sql = "select max(d.updated) from {keys} join directory d on d.rid = k.rid where d.organization_id = $1";
        let args = [Arg::Int(self.organization.0)];
        let rows = bulk::fetch_by_keys(connection, sql, &args, &[("rid", BulkType::Int)], &keys).await?;
        Ok(rows.iter().filter_map(|row| row.int(0)).max().unwrap_or_default())
    }

    /// The date of birth of whose record it is; the youngest's, where it is several people's.
    async fn birth_date(
        &self,
        connection: &mut Connection,
        patients: &BTreeSet<Box<str>>,
    ) -> Result<Option<String>, DbError> {
        let mut latest: Option<String> = None;
        for patient in patients {
            let sql = "select v.body from directory d join resource_versions v on v.rid = d.rid \
                       where d.organization_id = $1 and d.type = 'Patient' and d.id = $2 and v.deleted = 0 \
                       order by v.version desc limit 1";
            let args = [Arg::Int(self.organization.0), Arg::Text(patient)];
            let Some(row) = connection.fetch_optional(sql, &args).await? else { continue };
            let Ok(document) = Document::parse(row.text(0).unwrap_or_default().as_bytes()) else { continue };
            let born = document.root().member("birthDate").and_then(|date| date.string());
            latest = latest.max(born.map(|date| date.into_owned()));
        }
        Ok(latest)
    }

    /// What goes on referring to what is erased.
    async fn references(&mut self, connection: &mut Connection) -> Result<(), DbError> {
        let keys: Vec<Arg<'_>> =
            self.erased.values().flat_map(|entry| [Arg::Text(&entry.kind), Arg::Text(&entry.id)]).collect();
        let referring = referring(connection.engine());
        let sql = format!("select distinct d.rid, d.type, d.id from {referring} where d.organization_id = $1");
        let args = [Arg::Int(self.organization.0)];
        let columns = [("type", BulkType::Text), ("id", BulkType::Text)];
        let rows = bulk::fetch_by_keys(connection, &sql, &args, &columns, &keys).await?;
        let others = rows.iter().filter(|row| !row.int(0).is_some_and(|rid| self.erased.contains_key(&rid)));
        let mut names: BTreeSet<String> = others
            .map(|row| format!("{}/{}", row.text(1).unwrap_or_default(), row.text(2).unwrap_or_default()))
            .collect();
        self.plan.references_count = names.len() as u64;
        while names.len() > MOST_REFERENCES {
            names.pop_last();
        }
        self.plan.references = names;
        Ok(())
    }
}

/// What refers to the keys, as tables to select from: by path, for the index knows targets within their paths only.
fn referring(engine: Engine) -> String {
    let join = dialect::join_in_order(engine);
    format!(
        "{{keys}} {join} (select distinct path from index_reference where organization_id = $1) p on true \
         {join} index_reference r on r.organization_id = $1 and r.path = p.path and r.target_id = k.id and r.target_type = k.type \
         {join} directory d on d.rid = r.rid"
    )
}

fn is_patient(root: Element<'_>) -> bool {
    root.member("resourceType").and_then(|kind| kind.string()).as_deref() == Some("Patient")
}

/// Whose a resource is, and whose everything is that it contains.
fn patients_in(body: &str, bases: &Bases) -> BTreeSet<Box<str>> {
    let Ok(document) = Document::parse(body.as_bytes()) else { return BTreeSet::new() };
    let elements = (0..document.size()).filter_map(|index| document.element(index));
    let patients = elements.filter(|element| element.kind() == Kind::Object).filter_map(|element| {
        let kind = element.member("resourceType").and_then(|kind| kind.string())?;
        let patient = search::facts(&kind, element).patient?;
        let at_home = perhaps_own(bases, &patient).map(|(_, id)| Box::from(id));
        Some(at_home.unwrap_or_else(|| Box::from(&*patient)))
    });
    patients.collect()
}

/// Length and digest of everything that is attached in a resource.
fn attached(body: &str) -> Vec<(u64, [u8; 32])> {
    use base64::Engine as _;
    let Ok(document) = Document::parse(body.as_bytes()) else { return Vec::new() };
    let elements = (1..document.size()).filter_map(|index| document.element(index));
    let data = elements.filter(|element| element.kind() == Kind::String && element.is_named("data"));
    let bytes = data.filter_map(|element| {
        let text: String = element.string()?.chars().filter(|character| !character.is_whitespace()).collect();
        base64::engine::general_purpose::STANDARD.decode(text).ok()
    });
    bytes.map(|bytes| (bytes.len() as u64, Sha256::digest(&bytes).into())).collect()
}
