//! Asking for an erasure, approving and rejecting it. The plan is made anew when it is approved: what was not shown is not
//! erased.

use std::collections::BTreeMap;

use consent::{OrganizationId, Permit};
use serde_json::json;

use super::hold::{self, end};
use super::plan::{Choices, Plan, Target};
use super::record::{self, PURPOSE, Purge, State, Written};
use super::regime::Preset;
use super::work::{self, Work};
use super::{EXPIRES_MS, ErasureError, is_same, lock, name, organization, reason};
use crate::audit::heads::Signer;
use crate::clock::Clock;
use crate::store::Store;
use crate::store::alert::{self, Alert};
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Engine};
use crate::store::core::Core;
use crate::store::journal::{self, Act, Erasure};

/// How often work that collided with another program is tried again.
const TRIES: usize = 5;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What is to be erased.
    pub target: Target,
    /// What goes with it.
    pub choices: Choices,
    /// Under which law.
    pub preset: Preset,
    /// For how many years after its last write a record is kept.
    pub retention_years: i64,
    /// Who asks.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// An erasure that is ready to commit, for whoever writes the audit trail first.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The request.
    pub purge: Purge,
    /// What goes.
    pub plan: Plan,
    /// Whose the plan's items are (the patient's id), as far as it is known.
    pub owners: BTreeMap<String, Box<str>>,
}

impl Store {
    /// Writes a request and shows its plan; its id. Nothing is erased, and nothing is written where something stands in the way
    /// (the plan says what).
    ///
    /// # Errors
    /// It cannot be asked for like this; or the store does not answer.
    pub async fn request_purge(&self, permit: &Permit, asked: &Asked) -> Result<(Option<String>, Plan), ErasureError> {
        let organization = organization(permit)?;
        let (by, why) = (name(&asked.by)?, reason(&asked.reason)?);
        if let Some(wanted) = asked.preset.objects_to(why) {
            return Err(ErasureError::Refused(wanted));
        }
        let core = self.core();
        let now_ms = core.clock.now_ms();
        let retention = (asked.preset, asked.retention_years, why);
        let work = self.rehearse(organization, &asked.target, asked.choices, retention).await?;
        if !work.plan.obstacles(asked.choices).is_empty() {
            return Ok((None, work.plan));
        }
        let purge = Purge {
            id: core.ids.next(),
            target: asked.target.to_string(),
            preset: asked.preset.to_string(),
            retention_years: asked.retention_years,
            include_copies: asked.choices.copies,
            include_unmapped: asked.choices.unmapped,
            reason: why.to_owned(),
            requested_by: by.to_owned(),
            requested: Clock::format(now_ms),
            expires: Clock::format(now_ms + EXPIRES_MS),
            state: State::Waiting,
            decided_by: None,
            decided: None,
            plan: None,
            certificate: None,
        };
        let plan = serde_json::to_string(&work.plan).map_err(|error| ErasureError::Failed(error.to_string()))?;
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let written = Written {
            purge: &purge,
            requested_ms: now_ms,
            plan: Some(&plan),
            state: "waiting",
            decided_ms: None,
            signed: None,
        };
        let done = record::insert(&mut connection, organization, &written).await.map_err(ErasureError::from);
        end(&mut connection, done).await?;
        Ok((Some(purge.id), work.plan))
    }

    /// Requests and what became of them, the latest first.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn purges(&self, permit: &Permit) -> Result<Vec<Purge>, ErasureError> {
        let organization = permit.organization();
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let purges = record::all(&mut connection, organization, self.core().clock.now_ms()).await?;
        connection.end_read().await?;
        Ok(purges)
    }

    /// One request.
    ///
    /// # Errors
    /// There is none of that id; or the store does not answer.
    pub async fn purge(&self, permit: &Permit, id: &str) -> Result<Purge, ErasureError> {
        let organization = permit.organization();
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let purge = record::one(&mut connection, organization, id, self.core().clock.now_ms(), false).await;
        connection.end_read().await?;
        purge
    }

    /// Rejects a request.
    ///
    /// # Errors
    /// There is none that waits; or the store does not answer.
    pub async fn reject_purge(&self, permit: &Permit, id: &str, by: &str) -> Result<(), ErasureError> {
        let (organization, by) = (organization(permit)?, name(by)?);
        let now_ms = self.core().clock.now_ms();
        let mut connection = self.core().pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let work = async |connection: &mut Connection| {
            lock(connection, organization).await?;
            let purge = record::one(connection, organization, id, now_ms, true).await?;
            if purge.state != State::Waiting {
                return Err(ErasureError::Refused(format!("request {id} does not wait: it is {}", word(purge.state))));
            }
            let sql = "update purges set state = 'rejected', decided_by = $3, decided = $4, plan = null \
                       where organization_id = $1 and id = $2";
            let args = [Arg::Int(organization.0), Arg::Text(id), Arg::Text(by), Arg::Int(now_ms)];
            connection.execute(sql, &args).await?;
            Ok(())
        };
        let done = work(&mut connection).await;
        end(&mut connection, done).await
    }

    /// Approves a request and erases. `on_record` writes the audit trail before the transaction commits; where it cannot,
    /// nothing is erased.
    ///
    /// # Errors
    /// The same person asked for it, it does not wait any more, something stands in the way, or more would go than was shown;
    /// or the store does not answer.
    pub async fn approve_purge(
        &self,
        permit: &Permit,
        id: &str,
        by: &str,
        on_record: impl AsyncFn(&Approval) -> Result<(), String>,
    ) -> Result<Approval, ErasureError> {
        let (organization, by) = (organization(permit)?, name(by)?);
        if !self.claim_journal(false).await? {
            return Err(ErasureError::Refused(
                "the database has its journal in another data directory: give the --data-dir that the server has (or, where that \
                 one is lost, `restore-replay --claim`)"
                    .to_owned(),
            ));
        }
        let mut tries = 0;
        loop {
            self.drain_all(organization).await?;
            let mut connection = self.core().pools.lone().await?;
            connection.begin_erasure(organization.0).await?;
            self.core().addresses.learn_now(&mut connection, organization).await?;
            let done = self.approve(&mut connection, organization, (id, by), &on_record).await;
            match done {
                Err(ErasureError::Store(crate::store::StoreError::Contention)) if tries < TRIES => {
                    connection.rollback_if_open().await;
                    tries += 1;
                }
                Err(error) => {
                    connection.rollback_if_open().await;
                    return Err(error);
                }
                Ok(approval) => return Ok(approval),
            }
        }
    }

    async fn approve(
        &self,
        connection: &mut Connection,
        organization: OrganizationId,
        (id, by): (&str, &str),
        on_record: &impl AsyncFn(&Approval) -> Result<(), String>,
    ) -> Result<Approval, ErasureError> {
        let core = self.core();
        let now_ms = core.clock.now_ms();
        lock(connection, organization).await?;
        let purge = record::one(connection, organization, id, now_ms, true).await?;
        if purge.state != State::Waiting {
            return Err(ErasureError::Refused(format!("request {id} does not wait: it is {}", word(purge.state))));
        }
        if is_same(&purge.requested_by, by) {
            return Err(ErasureError::Refused(format!(
                "{} has asked for it: another person has to approve it",
                purge.requested_by
            )));
        }
        let unreadable = || ErasureError::Failed("the request cannot be read".to_owned());
        let target = Target::parse(&purge.target).ok_or_else(unreadable)?;
        let preset = Preset::parse(&purge.preset).ok_or_else(unreadable)?;
        let shown = purge.plan.clone().ok_or_else(unreadable)?;
        let choices = Choices { copies: purge.include_copies, unmapped: purge.include_unmapped };
        let retention = (preset, purge.retention_years, &*purge.reason);
        let work = weighed(core, connection, organization, &target, choices, retention).await?;
        let obstacles = work.plan.obstacles(choices);
        if !obstacles.is_empty() {
            return Err(ErasureError::Refused(obstacles.join("\n")));
        }
        if !shown.covers(&work.plan) {
            return Err(ErasureError::Refused(
                "there is more to erase than was shown, or it was written since: ask for it again (`purge request`)"
                    .to_owned(),
            ));
        }
        let purge = Purge { decided_by: Some(by.to_owned()), decided: Some(Clock::format(now_ms)), ..purge };
        let approval = Approval { purge, plan: work.plan.clone(), owners: work.owners.clone() };
        let (certificate, signer, signature) = self.certify(organization, &approval, preset)?;
        let sql = "update purges set state = 'erased', decided_by = $3, decided = $4, plan = null, certificate = $5, \
                   signer = $6, signature = $7 where organization_id = $1 and id = $2";
        let args = [
            Arg::Int(organization.0),
            Arg::Text(id),
            Arg::Text(by),
            Arg::Int(now_ms),
            Arg::Text(&certificate),
            Arg::Text(&signer),
            Arg::Text(&signature),
        ];
        connection.execute(sql, &args).await?;
        let told = Alert::new(alert::Kind::ErasureApproved, id, now_ms)
            .naming("purge", id)
            .counting("resources", approval.plan.items.len() as u64)
            .counting("versions", approval.plan.versions);
        alert::tell(connection, organization, &core.told.id(), &told).await?;
        note_content(connection, organization, id, &work).await?;
        let act = Act::Erase(Erasure {
            purge: id.into(),
            target: approval.purge.target.clone(),
            copies: choices.copies,
            unmapped: choices.unmapped,
            preset: approval.purge.preset.clone(),
            requested_by: approval.purge.requested_by.clone(),
            approved_by: by.to_owned(),
        });
        on_record(&approval).await.map_err(ErasureError::Failed)?;
        let failed = |error: journal::JournalError| ErasureError::Failed(error.to_string());
        let entries = core.journal.intend(&core.clock, organization.0, vec![act]).await.map_err(failed)?;
        let noted = journal::note(connection, organization.0, &entries, now_ms).await;
        let committed = match noted {
            Ok(()) => connection.commit().await,
            Err(error) => Err(error),
        };
        journal::settle(&core.journal, &core.clock, organization.0, &entries, &committed).await;
        committed.map_err(|error| match error {
            // Another program has referred to one of the rows meanwhile.
            error if error.is_misfit() => ErasureError::Store(crate::store::StoreError::Contention),
            error => error.into(),
        })?;
        Ok(approval)
    }

    /// What an erasure would take, in a transaction that is rolled back.
    async fn rehearse(
        &self,
        organization: OrganizationId,
        target: &Target,
        choices: Choices,
        retention: (Preset, i64, &str),
    ) -> Result<Work, ErasureError> {
        self.drain_all(organization).await?;
        let core = self.core();
        let mut connection = core.pools.lone().await?;
        connection.begin_erasure(organization.0).await?;
        core.addresses.learn_now(&mut connection, organization).await?;
        let work = weighed(core, &mut connection, organization, target, choices, retention).await;
        connection.rollback_if_open().await;
        work
    }

    /// The certificate's text, who signs it, and the signature.
    fn certify(
        &self,
        organization: OrganizationId,
        approval: &Approval,
        preset: Preset,
    ) -> Result<(String, String, String), ErasureError> {
        let core = self.core();
        let (purge, plan) = (&approval.purge, &approval.plan);
        let vacuum = match core.pools.engine() {
            Engine::Postgres => Some(
                "PostgreSQL keeps what was removed in its files until VACUUM has been there, and in archived logs and backups \
                 until they go: run VACUUM on the tables named here",
            ),
            Engine::Sqlite => None,
        };
        let text = json!({
            "type": "fhir-gateway erasure certificate",
            "id": purge.id,
            "organization": organization.0,
            "target": purge.target,
            "preset": purge.preset,
            "reason": purge.reason,
            "requestedBy": purge.requested_by,
            "requested": purge.requested,
            "approvedBy": purge.decided_by,
            "approved": purge.decided,
            "plan": plan.hash(),
            "erased": {
                "resources": plan.items.keys().collect::<Vec<_>>(),
                "types": plan.types(),
                "versions": plan.versions,
                "rows": plan.tables,
                "content": plan.content,
                "copies": plan.copies,
            },
            "moved": plan.moved,
            "binariesLeft": plan.kept,
            "referencesLeft": { "count": plan.references_count, "resources": plan.references },
            "kept": preset.keeps(),
            "note": vacuum,
        })
        .to_string();
        let failed = |error: std::io::Error| ErasureError::Failed(format!("the key that signs certificates: {error}"));
        let signer = Signer::open(core.journal.data_dir()).map_err(failed)?;
        let signature = signer.sign_for(PURPOSE, &text);
        Ok((text, signer.name, signature))
    }
}

/// The work, with what stands in its way.
async fn weighed(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    target: &Target,
    choices: Choices,
    (preset, years, why): (Preset, i64, &str),
) -> Result<Work, ErasureError> {
    let mut work = work::perform(core, connection, organization, target, choices).await?;
    work.plan.holds = hold::in_force(connection, organization, &work.patients).await?;
    let birth_date = work.birth_date.as_deref();
    work.plan.retained = preset.retains(why, years, work.last_write, birth_date, core.clock.now_ms());
    Ok(work)
}

/// Notes what is to go from outside the database once the transaction has committed.
pub(super) async fn note_content(
    connection: &mut Connection,
    organization: OrganizationId,
    purge: &str,
    work: &Work,
) -> Result<(), DbError> {
    let columns = [
        ("organization_id", BulkType::Int),
        ("purge", BulkType::Text),
        ("kind", BulkType::Text),
        ("name", BulkType::Text),
    ];
    let row = |(object, name): &'_ (bool, String)| (if *object { "object" } else { "file" }, name.clone());
    let rows: Vec<(&str, String)> = work.content.iter().map(row).collect();
    let values: Vec<Arg<'_>> = rows
        .iter()
        .flat_map(|(kind, name)| [Arg::Int(organization.0), Arg::Text(purge), Arg::Text(kind), Arg::Text(name)])
        .collect();
    bulk::insert_rows(connection, "erased_content", &columns, &values, "").await.map(drop)
}

fn word(state: State) -> &'static str {
    match state {
        State::Done | State::Erased => "done",
        State::Expired => "expired after 7 days; ask for it again",
        State::Rejected => "rejected",
        State::Waiting => "waiting",
    }
}
