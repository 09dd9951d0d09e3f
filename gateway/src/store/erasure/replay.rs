//! Doing again what a database from a backup lacks: what was erased since is erased again, Consents that were revoked since are
//! revoked again, before anything is served. The journal says what that is; it holds no resource, so a Consent that came to deny
//! something denies everything until somebody enters it again.

mod steps;

use std::collections::BTreeSet;

use bytes::Bytes;
use consent::{ALWAYS, Directive, OrganizationId, Permit, Rule};
use mappers::json::Document;
use mappers::patch;
use mappers::references::Bases;
use serde_json::json;

use super::ErasureError;
use super::plan::{Choices, Plan, Target};
use super::record::{self, PURPOSE, Purge, State, Written};
use super::request::note_content;
use super::{hold::end, lock, work};
use crate::audit::heads::Signer;
use crate::clock::Clock;
use crate::store::Store;
use crate::store::connection::Connection;
use crate::store::consents;
use crate::store::core::Core;
use crate::store::entry;
use crate::store::error::StoreError;
use crate::store::incident::Kind;
use crate::store::journal::{self, Entry, Erasure, Mark, Revoked};
use crate::store::types::{Change, Found, Operation};
use steps::{Findings, Lacking, Step};

/// How often work that collided is tried again.
const TRIES: usize = 5;

/// What was done again.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Replayed {
    /// Targets that were erased again.
    pub erased: Vec<String>,
    /// Consents that were revoked again, and of these those that deny everything until they are entered again.
    pub revoked: Vec<String>,
    /// See `revoked`.
    pub denying: Vec<String>,
    /// Targets of erasures of which nobody knows whether they were done: this database says nothing of them.
    pub unsure: Vec<String>,
}

impl Replayed {
    /// Nothing was to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.erased.is_empty() && self.revoked.is_empty()
    }
}

impl Store {
    /// Holds the journal against the database, and does again what the database lacks of the permit's organization.
    ///
    /// # Errors
    /// The journal is damaged, or something cannot be done again: then nothing may be served.
    pub async fn replay(&self, permit: &Permit) -> Result<Replayed, ErasureError> {
        let failed = |error: journal::JournalError| ErasureError::Failed(error.to_string());
        let organization = permit.organization();
        let entries = self.core().journal.entries().await.map_err(failed)?;
        let entries: Vec<Entry> = entries.into_iter().filter(|entry| entry.organization == organization.0).collect();
        if entries.is_empty() {
            return Ok(Replayed::default());
        }
        let Findings { steps, said, settled, unsaid, void, unsure } =
            steps::find(entries, |names| self.noted(organization, names)).await?;
        let (journal, clock) = (&self.core().journal, &self.core().clock);
        journal.mark(clock, organization.0, &said, Mark::Done).await.map_err(failed)?;
        if !unsure.is_empty() {
            // Before the journal forgets that it does not know.
            let counts = [("erasures", unsure.len() as u64)];
            self.record_incident(permit, Kind::UncertainErasure, &counts).await?;
        }
        journal.mark(clock, organization.0, &void, Mark::Void).await.map_err(failed)?;
        let replayed = Replayed { unsure, ..self.again(permit, steps).await? };
        self.note(organization, &settled).await?;
        journal.mark(clock, organization.0, &unsaid, Mark::Done).await.map_err(failed)?;
        Ok(replayed)
    }

    /// Those of the entries that the database has; once nobody is about to commit one, where that could be (`surely`).
    async fn noted(
        &self,
        organization: OrganizationId,
        (names, surely): (Vec<Box<str>>, bool),
    ) -> Result<BTreeSet<Box<str>>, ErasureError> {
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        let mut connection = if surely { self.core().pools.lone().await? } else { self.core().pools.reader().await? };
        match surely {
            // All that write are excluded: what they meant to commit is there now, or never will be.
            true => connection.begin_erasure(organization.0).await?,
            false => connection.begin_read(Some(organization.0)).await?,
        }
        let noted = journal::noted(&mut connection, organization.0, &names).await;
        match surely {
            true => connection.rollback_if_open().await,
            false => connection.end_read().await?,
        }
        Ok(noted?)
    }

    async fn again(&self, permit: &Permit, steps: Vec<Step>) -> Result<Replayed, ErasureError> {
        let organization = permit.organization();
        let mut replayed = Replayed::default();
        for step in steps {
            match step {
                Step::Erase { entry, at, erasure } => {
                    if let Some(consent) = self.step_back(permit, &entry, &at, &erasure).await? {
                        replayed.revoked.push(consent.clone());
                        replayed.denying.push(consent);
                    }
                    if self.erase_again(organization, &entry, &at, &erasure).await? {
                        replayed.erased.push(erasure.target);
                    }
                }
                Step::Revoke(lacking) => {
                    let name = format!("Consent/{}", lacking.revocation.consent);
                    let again = self.revoke_again(permit, &lacking).await.map_err(|error| {
                        let entry = lacking.entries.last().map(|entry| &**entry).unwrap_or_default();
                        // The file says which Consent it is: a log must not.
                        ErasureError::Failed(format!(
                            "entry {entry} of erasures.jsonl: the Consent cannot be revoked again here ({error}); do it by hand: \
                             delete it, or make it inactive, or make it deny everything, as the entry says"
                        ))
                    })?;
                    if again {
                        if lacking.revocation.how == Revoked::Denies {
                            replayed.denying.push(name.clone());
                        }
                        replayed.revoked.push(name);
                    }
                    self.note(organization, &lacking.entries).await?;
                }
            }
        }
        Ok(replayed)
    }

    /// Where the backup ends with the version that was erased, and has earlier ones: these stay, and the last of them counts
    /// again, as a later version than the one that goes. A Consent denies everything instead (it is returned): what followed is
    /// unknown, and an earlier text may permit more.
    async fn step_back(
        &self,
        permit: &Permit,
        entry: &str,
        at: &str,
        erasure: &Erasure,
    ) -> Result<Option<String>, ErasureError> {
        let Some(Target::Version(kind, id, version)) = Target::parse(&erasure.target) else { return Ok(None) };
        let is_last = async || match self.read(permit, &kind, &id).await {
            Ok(Found::Present(current)) => Ok(Some(current).filter(|current| current.version == version)),
            Ok(Found::Deleted(_) | Found::Unknown) => Ok(None),
            Err(error) => Err(ErasureError::from(error)),
        };
        let Some(current) = is_last().await? else { return Ok(None) };
        let Some(earlier) = self.earlier(permit.organization(), &kind, &id, version).await? else { return Ok(None) };
        let delete = || Operation::Delete { if_match: None };
        let mut denying_now = None;
        let operation = match (earlier, &current.basis.patient) {
            (_, Some(patient)) if &*kind == "Consent" => {
                denying_now = Some(format!("Consent/{id}"));
                update(denying(&id, patient, at, &self.core().bases()))
            }
            (Some(body), _) => update(body),
            (None, _) => delete(),
        };
        let submit = async |operation| {
            let change = Change { kind: kind.clone(), id: id.clone(), operation };
            self.submit(permit, vec![change]).await.map(drop).map_err(|error| {
                ErasureError::Failed(format!(
                    "entry {entry} of erasures.jsonl: the version that was erased is the last one of its resource again, and \
                     no later one can be written ({error}); write one into its row by hand"
                ))
            })
        };
        submit(operation).await?;
        if is_last().await?.is_some() {
            // The earlier text says the same.
            submit(delete()).await?;
        }
        Ok(denying_now)
    }

    /// The last version before one: its text, none for a deletion.
    async fn earlier(
        &self,
        organization: OrganizationId,
        kind: &str,
        id: &str,
        version: i64,
    ) -> Result<Option<Option<Vec<u8>>>, ErasureError> {
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let sql = "select v.deleted, v.body from directory d join resource_versions v on v.rid = d.rid \
                   where d.organization_id = $1 and d.type = $2 and d.id = $3 and v.version < $4 order by v.version desc limit 1";
        let args = [organization.0.into(), kind.into(), id.into(), version.into()];
        let row = connection.fetch_optional(sql, &args).await?;
        connection.end_read().await?;
        Ok(row.map(|row| (!row.flag(0)).then(|| row.text(1).unwrap_or_default().as_bytes().to_vec())))
    }

    /// Notes entries whose work is done by other transactions: done twice it is the same.
    async fn note(&self, organization: OrganizationId, entries: &[Box<str>]) -> Result<(), ErasureError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut connection = self.core().pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let noted = journal::note(&mut connection, organization.0, entries, self.core().clock.now_ms()).await;
        end(&mut connection, noted.map_err(ErasureError::from)).await
    }

    /// Whether there was something to erase.
    async fn erase_again(
        &self,
        organization: OrganizationId,
        entry: &str,
        at: &str,
        erasure: &Erasure,
    ) -> Result<bool, ErasureError> {
        let mut tries = 0;
        loop {
            self.drain_all(organization).await?;
            let mut connection = self.core().pools.lone().await?;
            connection.begin_erasure(organization.0).await?;
            self.core().addresses.learn_now(&mut connection, organization).await?;
            let done = self.erase_in(&mut connection, organization, entry, at, erasure).await;
            let done = match done {
                Ok(erased) => connection.commit().await.map(|()| erased).map_err(ErasureError::from),
                Err(error) => Err(error),
            };
            match done {
                Ok(erased) => return Ok(erased),
                Err(ErasureError::Store(StoreError::Contention)) if tries < TRIES => {
                    connection.rollback_if_open().await;
                    tries += 1;
                }
                Err(error) => {
                    connection.rollback_if_open().await;
                    return Err(error);
                }
            }
        }
    }

    /// As it was decided then: neither holds nor periods are asked again. False where nothing of it is here.
    async fn erase_in(
        &self,
        connection: &mut Connection,
        organization: OrganizationId,
        entry: &str,
        at: &str,
        erasure: &Erasure,
    ) -> Result<bool, ErasureError> {
        let core = self.core();
        let now_ms = core.clock.now_ms();
        let unreadable = || ErasureError::Failed("an erasure of the journal cannot be read".to_owned());
        let target = Target::parse(&erasure.target).ok_or_else(unreadable)?;
        let choices = Choices { copies: erasure.copies, unmapped: erasure.unmapped };
        lock(connection, organization).await?;
        let decided = "update purges set state = 'done', plan = null where organization_id = $1 and id = $2 and state = 'waiting'";
        let args = [organization.0.into(), (&*erasure.purge).into()];
        connection.execute(decided, &args).await?;
        journal::note(connection, organization.0, &[entry.into()], now_ms).await?;
        let Some(target) = as_it_is(core, connection, organization, target).await? else { return Ok(false) };
        let work = work::perform(core, connection, organization, &target, choices).await?;
        let obstacles = obstacles(&target, &work.plan, choices);
        if !obstacles.is_empty() {
            return Err(ErasureError::Failed(format!(
                "entry {entry} of erasures.jsonl: the database has again what was erased, and it cannot be erased again here: {}",
                obstacles.join("; ")
            )));
        }
        if work.plan.items.is_empty() && work.content.is_empty() {
            // What is not here needs no certificate.
            return Ok(false);
        }
        let text = json!({
            "type": "fhir-gateway erasure certificate",
            "id": erasure.purge,
            "organization": organization.0,
            "target": erasure.target,
            "preset": erasure.preset,
            "requestedBy": erasure.requested_by,
            "approvedBy": erasure.approved_by,
            "approved": at,
            "again": Clock::format(now_ms),
            "erased": {
                "resources": work.plan.items.keys().collect::<Vec<_>>(),
                "types": work.plan.types(),
                "versions": work.plan.versions,
                "rows": work.plan.tables,
                "content": work.plan.content,
            },
            "copiesLeft": if choices.copies { BTreeSet::new() } else { work.plan.copies.clone() },
            "note": "done again in a database that was restored from a backup of before the erasure",
        })
        .to_string();
        let failed = |error: std::io::Error| ErasureError::Failed(format!("the key that signs certificates: {error}"));
        let signer = Signer::open(core.journal.data_dir()).map_err(failed)?;
        let signature = signer.sign_for(PURPOSE, &text);
        // The backup may have the request as it was when it waited.
        let id = core.ids.next();
        let purge = Purge {
            id: id.clone(),
            target: erasure.target.clone(),
            preset: erasure.preset.clone(),
            retention_years: 0,
            include_copies: erasure.copies,
            include_unmapped: erasure.unmapped,
            reason: format!("again, after a restore: {}", erasure.purge),
            requested_by: erasure.requested_by.clone(),
            requested: at.to_owned(),
            expires: at.to_owned(),
            state: State::Erased,
            decided_by: Some(erasure.approved_by.clone()),
            decided: Some(Clock::format(now_ms)),
            plan: None,
            certificate: None,
        };
        let written = Written {
            purge: &purge,
            requested_ms: Clock::parse(at).unwrap_or(now_ms),
            plan: None,
            state: "erased",
            decided_ms: Some(now_ms),
            signed: Some((&text, &signer.name, &signature)),
        };
        record::insert(connection, organization, &written).await?;
        note_content(connection, organization, &id, &work).await?;
        Ok(true)
    }

    /// Whether there was something to revoke.
    async fn revoke_again(&self, permit: &Permit, lacking: &Lacking) -> Result<bool, ErasureError> {
        let Lacking { at, revocation, surely, .. } = lacking;
        let (kind, id) = ("Consent", &*revocation.consent);
        let current = match self.read(permit, kind, id).await? {
            Found::Present(version) => Some((version.version, version.body)),
            Found::Deleted(_) | Found::Unknown => None,
        };
        let how = current.as_ref().and_then(|(_, body)| consents::revoked(body));
        let operation = match (revocation.how, current) {
            (Revoked::Deleted | Revoked::Inactive, None) => return Ok(false),
            // Nobody knows whether it was done: what denies goes on to deny.
            (Revoked::Deleted | Revoked::Inactive, Some(_)) if !surely && how == Some(Revoked::Denies) => {
                return Ok(false);
            }
            (Revoked::Deleted, Some(_)) => Operation::Delete { if_match: None },
            (Revoked::Inactive, Some(_)) if how == Some(Revoked::Inactive) => return Ok(false),
            (Revoked::Inactive, Some((_, body))) => update(inactive(&body)?),
            // An older text that denies may deny less.
            (Revoked::Denies, Some((version, body)))
                if how == Some(Revoked::Denies) && (version >= revocation.version || denies_all(&body)) =>
            {
                return Ok(false);
            }
            (Revoked::Denies, _) => match &revocation.patient {
                Some(patient) => update(denying(id, patient, at, &self.core().bases())),
                None => return Ok(false),
            },
        };
        let change = Change { kind: kind.into(), id: id.into(), operation };
        self.submit(permit, vec![change]).await.map_err(|error| ErasureError::Failed(error.to_string()))?;
        Ok(true)
    }
}

/// What of a target is here, as the backup has it. A version that has a later one goes alone, the only version of its resource
/// with the resource; of one that the backup does not have yet, or that says no more than that the resource was deleted, there
/// is nothing to erase.
async fn as_it_is(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    target: Target,
) -> Result<Option<Target>, ErasureError> {
    let Target::Version(kind, id, version) = &target else { return Ok(Some(target)) };
    let wanted = [(&**kind, &**id)];
    let found = entry::by_identity(core, connection, organization, &wanted, true).await?;
    let Some(entry) = found.into_values().next() else { return Ok(None) };
    if entry.version > *version {
        return Ok(Some(target));
    }
    if entry.version < *version || entry.deleted {
        return Ok(None);
    }
    let sql = "select 1 from resource_versions where rid = $1 and version <> $2 and organization_id = $3 limit 1";
    let args = [entry.rid.into(), (*version).into(), organization.0.into()];
    if connection.fetch_optional(sql, &args).await?.is_some() {
        // Another program has been here since a later version was written.
        return Err(ErasureError::Store(StoreError::Contention));
    }
    Ok(Some(Target::Resource(kind.clone(), id.clone())))
}

/// Why nothing was removed, or not all: where one of these is, it is not erased.
fn obstacles(target: &Target, plan: &Plan, choices: Choices) -> Vec<String> {
    // What a SearchParameter defines nobody could delete before a server runs; it is of no record.
    let other = plan.other.iter().filter(|_| target.identity().0 != "SearchParameter");
    let readonly = plan.readonly.iter().map(|(table, rows)| {
        format!("{rows} rows of {table} are not the gateway's to remove (readonly): remove them by hand")
    });
    let unmapped = plan.unmapped.iter().filter(|_| !choices.unmapped).map(|(table, rows)| {
        format!("{rows} rows of {table}, which has no map, refer to rows that go: remove them by hand")
    });
    other.cloned().chain(readonly).chain(unmapped).collect()
}

/// Whether a Consent leaves nothing that it does not deny.
fn denies_all(body: &[u8]) -> bool {
    let Ok(document) = Document::parse(body) else { return false };
    let Some(directive) = Directive::read(document.root(), "") else { return false };
    let is_bare = |rule: &Rule| {
        rule.period == ALWAYS
            && rule.actors.is_none()
            && rule.purposes.is_none()
            && rule.actions.is_none()
            && rule.classes.is_none()
            && rule.codes.is_none()
            && rule.labels.is_none()
            && rule.data_period.is_none()
            && rule.data.is_none()
    };
    directive.rules.iter().all(|rule| rule.deny) && directive.rules.iter().any(is_bare)
}

fn update(body: Vec<u8>) -> Operation {
    Operation::Update { body: Bytes::from(body), if_match: None, if_none_match: false }
}

fn inactive(body: &[u8]) -> Result<Vec<u8>, ErasureError> {
    const PATCH: &str = r#"[{"op":"add","path":"/status","value":"inactive"}]"#;
    let unreadable =
        || ErasureError::Failed("a Consent cannot be revoked again: its text cannot be changed".to_owned());
    let patch = Document::parse(PATCH.as_bytes()).map_err(|_| unreadable())?;
    patch::apply(body, &patch).map_err(|_| unreadable())
}

/// A Consent that denies everything: what exactly it denied the journal does not know. The patient is the fact that was kept: an id, or
/// an address, which may have become one of ours since.
fn denying(id: &str, patient: &str, at: &str, bases: &Bases) -> Vec<u8> {
    let patient = match bases.own(patient) {
        Some((_, id)) => format!("Patient/{id}"),
        None if patient.contains([':', '/']) => patient.to_owned(),
        None => format!("Patient/{patient}"),
    };
    json!({
        "resourceType": "Consent",
        "id": id,
        "status": "active",
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "patient": { "reference": patient },
        "dateTime": at,
        "policyRule": {
            "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT" }],
            "text": "Restored from a backup of before this Consent: it denies everything until it is entered again"
        },
        "provision": { "type": "deny" }
    })
    .to_string()
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_revoked_again_is_revoked() {
        let permit = br#"{"resourceType":"Consent","status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},"patient":{"reference":"Patient/p"},"provision":{"type":"permit"}}"#;
        assert_eq!(consents::revoked(permit), None);
        assert_eq!(consents::revoked(&inactive(permit).unwrap()), Some(Revoked::Inactive));
        let of = |patient: &str| {
            let text = denying("c", patient, "2026-01-01T00:00:00.000Z", &"http://home/fhir".into());
            let document = Document::parse(&text).unwrap();
            let named =
                document.root().member("patient").unwrap().member("reference").unwrap().string().unwrap().into_owned();
            (named, text.clone())
        };
        assert_eq!(of("http://home/fhir/Patient/p").0, "Patient/p");
        assert_eq!(of("http://there/fhir/Patient/p").0, "http://there/fhir/Patient/p");
        let (named, denies) = of("p");
        assert_eq!(named, "Patient/p");
        assert_eq!(consents::revoked(&denies), Some(Revoked::Denies));
        assert!(denies_all(&denies) && !denies_all(permit));
        let narrow = String::from_utf8(denies).unwrap().replace(r#""type":"deny""#, r#""type":"deny","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]"#);
        assert_eq!(consents::revoked(narrow.as_bytes()), Some(Revoked::Denies));
        assert!(!denies_all(narrow.as_bytes()), "it denies less");
    }
}
