//! How somebody closes a client out that exchanges ID tokens about them, and lets it in again: for all accounts that are the same person in
//! FHIR, for who logs in here by a password need not know that a provider's claims have made another one.

use super::approvals::{Approval, COLUMNS};
use crate::store::Store;
use crate::store::accounts::Account;
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::dialect;
use crate::store::error::StoreError;

/// The most that is listed.
const LISTED: i64 = 200;

/// Types of whom an account is one person: several people may be one organization.
const PEOPLE: [&str; 4] = ["Patient/", "Person/", "Practitioner/", "RelatedPerson/"];

/// Who an account is in FHIR, if that is a person; else nothing.
pub(super) fn person(account: &Account) -> &str {
    account.fhir_user().filter(|user| PEOPLE.iter().any(|kind| user.starts_with(kind))).unwrap_or_default()
}

/// The accounts of a person, that of $2 first of all: of an organization $1, and the text of the placeholder that says who that is.
fn accounts(columns: &str, person: &str) -> String {
    let person = format!("cast({person} as text)");
    format!(
        "select {columns} from accounts b where b.organization_id = $1 and (b.id = $2 or ({person} <> '' \
         and (b.actors = {person} or substr(b.actors, 1, length({person}) + 1) = {person} || ' ')))"
    )
}

/// Whether the person of an account has closed a client out, within an open transaction that holds the account.
pub(super) async fn is_refused(connection: &mut Connection, account: &Account, client: &str) -> Result<bool, DbError> {
    let sql = format!(
        "select 1 from oauth_refusals r where r.organization_id = $1 and r.client = $3 and r.account in ({}) limit 1",
        accounts("b.id", "$4")
    );
    let args =
        [Arg::Int(account.organization.0), Arg::Text(&account.id), Arg::Text(client), Arg::Text(person(account))];
    Ok(connection.fetch_optional(&sql, &args).await?.is_some())
}

impl Store {
    /// Closes a client out, for the person of an account: what came of exchanges ends, and none is made for them any more.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn refuse_exchange(&self, account: &Account, client: &str) -> Result<(), StoreError> {
        let core = self.core();
        let now_ms = core.clock.now_ms();
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(account.organization.0)).await?;
        let work = async |connection: &mut Connection| -> Result<(), DbError> {
            let organization = account.organization.0;
            let locked = dialect::for_update(connection.engine());
            let sql = format!("{} order by b.id{locked}", accounts("b.id", "$3"));
            let args = [Arg::Int(organization), Arg::Text(&account.id), Arg::Text(person(account))];
            connection.fetch(&sql, &args).await?;
            // Of each account: one that is somebody else's later takes nothing of that along.
            let sql = format!(
                "insert into oauth_refusals (organization_id, account, client, created) {} on conflict (account, client) do nothing",
                accounts("b.organization_id, b.id, cast($3 as text), cast($4 as bigint)", "$5")
            );
            let args = [
                Arg::Int(organization),
                Arg::Text(&account.id),
                Arg::Text(client),
                Arg::Int(now_ms),
                Arg::Text(person(account)),
            ];
            connection.execute(&sql, &args).await?;
            let theirs = accounts("b.id", "$5");
            let sql = format!(
                "update oauth_tokens set revoked = $4 where organization_id = $1 and revoked is null and approval in \
                 (select a.id from oauth_approvals a where a.organization_id = $1 and a.client = $3 and a.exchange is not null \
                  and a.account in ({theirs}))"
            );
            connection.execute(&sql, &args).await?;
            let sql = format!(
                "update oauth_approvals set ended = $4, ended_by = $2 where organization_id = $1 and client = $3 \
                 and exchange is not null and ended is null and account in ({theirs})"
            );
            connection.execute(&sql, &args).await.map(drop)
        };
        let done = work(&mut connection).await;
        if done.is_err() {
            connection.rollback_if_open().await;
        }
        done?;
        Ok(connection.commit().await?)
    }

    /// Lets a client in again, for the person of an account.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn allow_exchange(&self, account: &Account, client: &str) -> Result<(), StoreError> {
        let sql = format!(
            "delete from oauth_refusals where organization_id = $1 and client = $3 and account in ({})",
            accounts("b.id", "$4")
        );
        let args =
            [Arg::Int(account.organization.0), Arg::Text(&account.id), Arg::Text(client), Arg::Text(person(account))];
        self.write(account.organization, &sql, &args).await.map(drop)
    }

    /// The clients that the person of an account has closed out.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn refused_by(&self, account: &Account) -> Result<Vec<String>, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(account.organization.0)).await?;
        let sql = format!(
            "select client from oauth_refusals where organization_id = $1 and account in ({}) \
             group by client order by max(created) desc, client limit {LISTED}",
            accounts("b.id", "$3")
        );
        let args = [Arg::Int(account.organization.0), Arg::Text(&account.id), Arg::Text(person(account))];
        let rows = connection.fetch(&sql, &args).await?;
        connection.end_read().await?;
        Ok(rows.iter().filter_map(|row| row.text(0).map(ToOwned::to_owned)).collect())
    }

    /// What was approved in the stead of the person of an account, and counts: by whichever of their accounts, the latest first.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn exchanged_for(&self, account: &Account) -> Result<Vec<Approval>, StoreError> {
        let now_ms = self.core().clock.now_ms();
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(account.organization.0)).await?;
        let sql = format!(
            "select {COLUMNS} from oauth_approvals a where a.organization_id = $1 and a.exchange is not null and a.ended is null \
             and a.expires > $4 and a.account in ({}) order by a.created desc, a.id limit {LISTED}",
            accounts("b.id", "$3")
        );
        let args =
            [Arg::Int(account.organization.0), Arg::Text(&account.id), Arg::Text(person(account)), Arg::Int(now_ms)];
        let rows = connection.fetch(&sql, &args).await?;
        connection.end_read().await?;
        Ok(rows.iter().filter_map(|row| Approval::of(row, 0)).collect())
    }
}
