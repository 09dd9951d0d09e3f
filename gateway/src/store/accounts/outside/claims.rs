//! Accounts as a provider's trusted claims make them, keep them, and end what came of them.

use super::super::administer::words;
use super::super::{Account, AccountError, Role, check, held, sessions};
use super::{Persona, Word, end};
use crate::store::clients::{hash_of, new_id};
use crate::store::connection::{Arg, Connection, DbError, DbErrorKind};
use crate::store::providers::Provider;

/// Why there is no account.
pub(super) enum Taken {
    /// Somebody else has made one meanwhile.
    Unique,
    Other(AccountError),
}

impl From<Taken> for AccountError {
    fn from(taken: Taken) -> Self {
        match taken {
            Taken::Unique => Self::Refused("the account was made by another login at once; log in again".to_owned()),
            Taken::Other(error) => error,
        }
    }
}

impl From<AccountError> for Taken {
    fn from(error: AccountError) -> Self {
        Self::Other(error)
    }
}

impl From<DbError> for Taken {
    fn from(error: DbError) -> Self {
        if error.kind == DbErrorKind::Unique { Self::Unique } else { Self::Other(error.into()) }
    }
}

/// Who vouches, as the column that says who changed an account has it.
fn voucher(provider: &Provider) -> String {
    format!("provider {}", provider.id)
}

/// An account as far as a token says the same of who that is.
pub(super) fn narrowed(account: Account, persona: &Persona) -> Option<Account> {
    let roles: Vec<Role> = account.roles.iter().copied().filter(|role| persona.roles.contains(role)).collect();
    let is_same = account.actors == [persona.actor.as_str()] && !roles.is_empty();
    is_same.then_some(Account { roles, ..account })
}

/// What a subject is remembered as after an erasure: it names nobody, and nobody comes back by it.
pub(in crate::store) fn forgotten(issuer: &str, subject: &str) -> String {
    format!("erased {}", hash_of(&format!("{issuer} {subject}")))
}

/// Whether somebody of that issuer's has had an account that was closed: by whichever provider, also one that was removed.
async fn was_closed(connection: &mut Connection, provider: &Provider, subject: &str) -> Result<bool, DbError> {
    let sql = "select 1 from outside_links l join outside_providers p on p.id = l.provider \
               join accounts a on a.organization_id = l.organization_id and a.id = l.account \
               where l.organization_id = $1 and l.subject in ($2, $3) and p.issuer = $4 and a.disabled is not null limit 1";
    let forgotten = forgotten(&provider.issuer, subject);
    let args =
        [Arg::Int(provider.organization.0), Arg::Text(subject), Arg::Text(&forgotten), Arg::Text(&provider.issuer)];
    Ok(connection.fetch_optional(sql, &args).await?.is_some())
}

/// The account of somebody who is here for the first time. Nobody logs in to it by a password.
pub(super) async fn made(
    connection: &mut Connection,
    provider: &Provider,
    subject: &str,
    (word, persona): (Word, &Persona),
    now_ms: i64,
) -> Result<Option<Account>, Taken> {
    let organization = provider.organization;
    if was_closed(connection, provider, subject).await? {
        return Ok(None);
    }
    let (roles, actors) = check::persona(&persona.roles, std::slice::from_ref(&persona.actor))?;
    let (id, by) = (new_id().map_err(AccountError::from)?, voucher(provider));
    // One that nobody types, and that is the same for the same person, by whichever provider of the issuer.
    let login = format!("outside{}.{:.40}", organization.0, hash_of(&format!("{} {subject}", provider.issuer)));
    let sql = "select id from accounts where organization_id = $1 and login = $2";
    let before = connection.fetch_optional(sql, &[Arg::Int(organization.0), Arg::Text(&login)]).await?;
    if let Some(before) = before.as_ref().and_then(|row| row.text(0)) {
        let account = held(connection, organization, before).await.map_err(AccountError::from)?;
        let Some(account) = account.filter(|account| account.disabled_ms.is_none()) else { return Ok(None) };
        link(connection, provider, subject, &account.id, now_ms).await?;
        if word == Word::Token {
            return Ok(Some(account));
        }
        return kept(connection, provider, account, Some(persona), now_ms).await;
    }
    let (login, name) = (check::login(&login)?, check::name(&persona.name)?);
    let (roles, actors) = (words(&roles), actors.join(" "));
    let sql = "insert into accounts (organization_id, id, login, name, must_change, roles, actors, failures, recovery, \
               created, created_by, revision) values ($1, $2, $3, $4, 0, $5, $6, 0, '', $7, $8, 1)";
    let args = [
        Arg::Int(organization.0),
        Arg::Text(&id),
        Arg::Text(&login),
        Arg::Text(&name),
        Arg::Text(&roles),
        Arg::Text(&actors),
        Arg::Int(now_ms),
        Arg::Text(&by),
    ];
    connection.execute(sql, &args).await?;
    link(connection, provider, subject, &id, now_ms).await?;
    Ok(held(connection, organization, &id).await.map_err(AccountError::from)?)
}

async fn link(
    connection: &mut Connection,
    provider: &Provider,
    subject: &str,
    account: &str,
    now_ms: i64,
) -> Result<(), DbError> {
    let sql = "insert into outside_links (organization_id, provider, subject, account, asserted, created, created_by) \
               values ($1, $2, $3, $4, 1, $5, $6)";
    let by = voucher(provider);
    let args = [
        Arg::Int(provider.organization.0),
        Arg::Text(&provider.id),
        Arg::Text(subject),
        Arg::Text(account),
        Arg::Int(now_ms),
        Arg::Text(&by),
    ];
    connection.execute(sql, &args).await.map(drop)
}

/// An account of the provider's claims as they are now; `None` where they say no longer who that is.
pub(super) async fn kept(
    connection: &mut Connection,
    provider: &Provider,
    account: Account,
    persona: Option<&Persona>,
    now_ms: i64,
) -> Result<Option<Account>, Taken> {
    let (organization, by) = (account.organization, voucher(provider));
    let Some(persona) = persona else {
        end(connection, organization, &account.id, (now_ms, &by)).await?;
        return Ok(None);
    };
    let (roles, actors) = check::persona(&persona.roles, std::slice::from_ref(&persona.actor))?;
    if account.roles == roles && account.actors == actors {
        return Ok(Some(account));
    }
    let (name, words_of_roles, actors) = (check::name(&persona.name)?, words(&roles), actors.join(" "));
    let sql = "update accounts set name = $3, roles = $4, actors = $5, changed = $6, changed_by = $7, revision = revision + 1 \
               where organization_id = $1 and id = $2";
    let args = [
        Arg::Int(organization.0),
        Arg::Text(&account.id),
        Arg::Text(&name),
        Arg::Text(&words_of_roles),
        Arg::Text(&actors),
        Arg::Int(now_ms),
        Arg::Text(&by),
    ];
    connection.execute(sql, &args).await?;
    sessions::end_everything(connection, organization, &account.id, (now_ms, &by)).await?;
    Ok(held(connection, organization, &account.id).await.map_err(AccountError::from)?)
}
