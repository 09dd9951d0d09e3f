//! Removing: rows of the clinic's tables, and of the gateway's own.

use std::collections::BTreeSet;

use super::Working;
use crate::store::accounts::forgotten;
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::consents;
use crate::store::dialect;
use crate::store::erasure::plan::Choices;
use crate::store::index;
use crate::store::normalizing;
use crate::store::pools::APPLICATION_ROLE;
use crate::store::security::ERASER;

fn of_rid(table: &str) -> String {
    format!("delete from {table} where rid in (select k.rid from {{keys}}) and organization_id = $1")
}

impl Working<'_> {
    /// Every row, and whether the constraints of the tables allow it.
    pub(super) async fn remove(&mut self, connection: &mut Connection, choices: Choices) -> Result<(), DbError> {
        let updated_ms = self.core.clock.now_ms();
        let removed = self.eraser().remove(connection, &self.doomed, choices.unmapped, updated_ms).await?;
        self.plan.tables.extend(removed);
        self.internal(connection).await?;
        match dialect::check_constraints(connection.engine()) {
            Some(sql) => connection.script(sql).await,
            None => Ok(()),
        }
    }

    /// The rows of the gateway's own tables.
    async fn internal(&mut self, connection: &mut Connection) -> Result<(), DbError> {
        let rids: Vec<i64> = self.erased.keys().copied().collect();
        let revoked = self.consenting();
        let rules = match revoked.is_empty() {
            true => None,
            false => Some(consents::begin_for(connection, self.organization, revoked).await?),
        };
        for table in index::TABLES.iter().chain(&normalizing::TABLES).chain(&["consent_rule_related", "consent_rules"])
        {
            self.delete(connection, table, &of_rid(table), &rids).await?;
        }
        for (rid, version) in self.versions.keys() {
            normalizing::forget(connection, self.organization, *rid, *version).await?;
        }
        let rows = normalizing::forget_unused(connection, self.organization).await?;
        self.count("normalizations", rows);
        self.of_patient(connection).await?;
        self.marks(connection).await?;
        self.delete_versions(connection, &rids).await?;
        self.delete(connection, "directory", &of_rid("directory"), &rids).await?;
        if let Some(rules) = rules {
            rules.finish(self.core, connection, self.organization).await?;
        }
        Ok(())
    }

    /// Other patients whose Consents go, or what those stand on.
    fn consenting(&self) -> BTreeSet<Box<str>> {
        let entries = self.erased.values().filter(|entry| consents::STAND_ON.contains(&&*entry.kind));
        entries
            .filter_map(|entry| entry.patient.clone())
            .filter(|patient| Some(&**patient) != self.target.patient())
            .collect()
    }

    /// What is kept by the patient's id alone.
    async fn of_patient(&mut self, connection: &mut Connection) -> Result<(), DbError> {
        let Some(patient) = self.target.patient() else { return Ok(()) };
        let args = [Arg::Int(self.organization.0), Arg::Text(patient)];
        for (table, sql) in [
            (
                "consent_rule_related",
                "delete from consent_rule_related where organization_id = $1 and rid in \
                 (select rid from consent_rules where organization_id = $1 and patient = $2)",
            ),
            ("consent_rules", "delete from consent_rules where organization_id = $1 and patient = $2"),
            // What somebody let apps see of this record; tokens count with it alone.
            ("oauth_approvals", "delete from oauth_approvals where organization_id = $1 and patient = $2"),
        ] {
            let rows = connection.execute(sql, &args).await?;
            self.count(table, rows);
        }
        // Whoever comes after under this id is somebody else than who logs in as this one; and so for relatives, who go along.
        let is_theirs = "replace(' ' || actors || ' ', $3, '') <> ' ' || actors || ' '";
        self.close(connection, &format!(" Patient/{patient} "), is_theirs).await?;
        let relatives = self.erased.values().filter(|entry| &*entry.kind == "RelatedPerson");
        let relatives: Vec<String> = relatives.map(|entry| format!("RelatedPerson/{}", entry.id)).collect();
        for relative in &relatives {
            self.close(connection, relative, "actors = $3").await?;
            self.part(connection, relative).await?;
        }
        // What was decided until now is told from what is decided on whoever comes after.
        let sql = "update consent_epochs set epoch = epoch + 1 where organization_id = $1 and patient = $2";
        connection.execute(sql, &args).await.map(drop)
    }

    /// Closes the accounts of which a condition holds (of a text, `$3`).
    async fn close(&mut self, connection: &mut Connection, actor: &str, is_theirs: &str) -> Result<(), DbError> {
        let now_ms = self.core.clock.now_ms();
        let args_of = [Arg::Int(self.organization.0), Arg::Int(now_ms), Arg::Text(actor)];
        let sql = format!(
            "delete from account_sessions where organization_id = $1 and $2 > 0 and account in \
             (select id from accounts where organization_id = $1 and {is_theirs})"
        );
        let sessions = connection.execute(&sql, &args_of).await?;
        self.count("account_sessions", sessions);
        let sql = format!(
            "delete from oauth_refusals where organization_id = $1 and $2 > 0 and account in \
             (select id from accounts where organization_id = $1 and {is_theirs})"
        );
        let refusals = connection.execute(&sql, &args_of).await?;
        self.count("oauth_refusals", refusals);
        // Whom a provider knows by a name is known no longer; and does not come back as whoever has this id then.
        let sql = format!(
            "select l.provider, l.subject, p.issuer from outside_links l join outside_providers p on p.id = l.provider \
             where l.organization_id = $1 and $2 > 0 and l.account in (select id from accounts where organization_id = $1 and {is_theirs})"
        );
        for row in connection.fetch(&sql, &args_of).await? {
            let [Some(provider), Some(subject), Some(issuer)] = [0, 1, 2].map(|column| row.text(column)) else {
                continue;
            };
            let forgotten = forgotten(issuer, subject);
            let sql =
                "update outside_links set subject = $4 where organization_id = $1 and provider = $2 and subject = $3";
            let args = [Arg::Int(self.organization.0), Arg::Text(provider), Arg::Text(subject), Arg::Text(&forgotten)];
            connection.execute(sql, &args).await?;
        }
        let sql = format!(
            "update accounts set disabled = coalesce(disabled, $2), changed = $2, changed_by = 'erasure', revision = revision + 1, \
             name = 'erased', actors = '', password = null, totp_secret = null, recovery = '', activation = null, activation_until = null \
             where organization_id = $1 and {is_theirs}"
        );
        let accounts = connection.execute(&sql, &args_of).await?;
        self.count("accounts", accounts);
        Ok(())
    }

    /// Of who is somebody else besides the account stays, without this one.
    async fn part(&mut self, connection: &mut Connection, actor: &str) -> Result<(), DbError> {
        let sql = "update accounts set actors = trim(replace(' ' || actors || ' ', ' ' || $3 || ' ', ' ')), changed = $2, \
                   changed_by = 'erasure', revision = revision + 1 \
                   where organization_id = $1 and replace(' ' || actors || ' ', ' ' || $3 || ' ', '') <> ' ' || actors || ' '";
        let args = [Arg::Int(self.organization.0), Arg::Int(self.core.clock.now_ms()), Arg::Text(actor)];
        let accounts = connection.execute(sql, &args).await?;
        self.count("accounts", accounts);
        Ok(())
    }

    /// What encounters pass on.
    async fn marks(&mut self, connection: &mut Connection) -> Result<(), DbError> {
        let encounters: Vec<Box<str>> =
            self.erased.values().filter(|entry| &*entry.kind == "Encounter").map(|entry| entry.id.clone()).collect();
        let keys: Vec<Arg<'_>> = encounters.iter().map(|id| Arg::Text(id)).collect();
        let sql = "delete from encounter_labels where organization_id = $1 and encounter in (select k.id from {keys})";
        let args = [Arg::Int(self.organization.0)];
        let rows = bulk::execute_by_keys(connection, sql, &args, &[("id", BulkType::Text)], &keys).await?;
        self.count("encounter_labels", rows);
        Ok(())
    }

    /// Versions, under the one role that may remove them.
    async fn delete_versions(&mut self, connection: &mut Connection, rids: &[i64]) -> Result<(), DbError> {
        let engine = connection.engine();
        if let Some(sql) = dialect::act_as(engine, ERASER) {
            connection.script(&sql).await?;
        }
        self.delete(connection, "resource_versions", &of_rid("resource_versions"), rids).await?;
        let mut single = 0;
        for (rid, version) in self.versions.keys() {
            let sql = "delete from resource_versions where rid = $1 and version = $2 and organization_id = $3";
            let args = [Arg::Int(*rid), Arg::Int(*version), Arg::Int(self.organization.0)];
            single += connection.execute(sql, &args).await?;
        }
        self.count("resource_versions", single);
        self.delete(connection, "consent_versions", &of_rid("consent_versions"), rids).await?;
        if let Some(patient) = self.target.patient() {
            // Nobody else may remove them: whose glass was broken and why, what was to be told, which Consents held when.
            for table in ["break_glass_grants", "notifications", "consent_versions"] {
                let sql = format!("delete from {table} where organization_id = $1 and patient = $2");
                let rows = connection.execute(&sql, &[Arg::Int(self.organization.0), Arg::Text(patient)]).await?;
                self.count(table, rows);
            }
        }
        self.plan.versions = self.plan.tables.get("resource_versions").copied().unwrap_or_default();
        if let Some(sql) = dialect::act_as(engine, APPLICATION_ROLE) {
            connection.script(&sql).await?;
        }
        Ok(())
    }

    async fn delete(
        &mut self,
        connection: &mut Connection,
        table: &str,
        sql: &str,
        rids: &[i64],
    ) -> Result<(), DbError> {
        let keys: Vec<Arg<'_>> = rids.iter().copied().map(Arg::Int).collect();
        let args = [Arg::Int(self.organization.0)];
        let rows = bulk::execute_by_keys(connection, sql, &args, &[("rid", BulkType::Int)], &keys).await?;
        self.count(table, rows);
        Ok(())
    }

    fn count(&mut self, table: &str, rows: u64) {
        if rows > 0 {
            *self.plan.tables.entry(table.to_owned()).or_default() += rows;
        }
    }
}
