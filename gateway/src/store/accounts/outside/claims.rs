//! Accounts as a provider's trusted claims make them, keep them, and end what came of them.

use super::super::administer::words;
use super::super::{Account, AccountError, Role, check, held, sessions};
use super::{Deed, Persona, Vouched, Word, end};
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
) -> Result<Vouched, Taken> {
    let organization = provider.organization;
    if was_closed(connection, provider, subject).await? {
        return Ok(Vouched::default());
    }
    let (roles, actors) = check::persona(&persona.roles, std::slice::from_ref(&persona.actor))?;
    let (id, by) = (new_id().map_err(AccountError::from)?, voucher(provider));
    // One that nobody types, and that is the same for the same person, by whichever provider of the issuer.
    let login = format!("outside{}.{:.40}", organization.0, hash_of(&format!("{} {subject}", provider.issuer)));
    let sql = "select id from accounts where organization_id = $1 and login = $2";
    let before = connection.fetch_optional(sql, &[Arg::Int(organization.0), Arg::Text(&login)]).await?;
    if let Some(before) = before.as_ref().and_then(|row| row.text(0)) {
        let account = held(connection, organization, before).await.map_err(AccountError::from)?;
        let Some(account) = account.filter(|account| account.disabled_ms.is_none()) else {
            return Ok(Vouched::default());
        };
        let sql = "select max(said) from outside_links where organization_id = $1 and account = $2";
        let args = [Arg::Int(organization.0), Arg::Text(&account.id)];
        let latest = connection.fetch_optional(sql, &args).await?.and_then(|row| row.int(0));
        link(connection, provider, subject, (&account.id, word), now_ms).await?;
        match word {
            Word::Token => return Ok(Vouched::of(Some(account))),
            // By the provider of before a later word may have counted.
            Word::Held(signed_s) if latest.is_some_and(|latest| signed_s < latest) => {
                return Ok(Vouched::of(narrowed(account, persona)));
            }
            Word::Held(_) | Word::Login(_) => {}
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
    link(connection, provider, subject, (&id, word), now_ms).await?;
    let account = held(connection, organization, &id).await.map_err(AccountError::from)?;
    Ok(Vouched { account, deed: Some((Deed::Made, id)) })
}

async fn link(
    connection: &mut Connection,
    provider: &Provider,
    subject: &str,
    (account, word): (&str, Word),
    now_ms: i64,
) -> Result<(), DbError> {
    let sql = "insert into outside_links (organization_id, provider, subject, account, asserted, created, created_by, said) \
               values ($1, $2, $3, $4, 1, $5, $6, $7)";
    let said = match word {
        Word::Login(signed_s) | Word::Held(signed_s) => Some(signed_s),
        Word::Token => None,
    };
    let by = voucher(provider);
    let args = [
        Arg::Int(provider.organization.0),
        Arg::Text(&provider.id),
        Arg::Text(subject),
        Arg::Text(account),
        Arg::Int(now_ms),
        Arg::Text(&by),
        Arg::int(said),
    ];
    connection.execute(sql, &args).await.map(drop)
}

/// Remembers when the latest word was signed: an older one changes nothing.
pub(super) async fn heard(
    connection: &mut Connection,
    provider: &Provider,
    subject: &str,
    signed_s: i64,
) -> Result<(), DbError> {
    let sql = "update outside_links set said = $4 where organization_id = $1 and provider = $2 and subject = $3";
    let args = [Arg::Int(provider.organization.0), Arg::Text(&provider.id), Arg::Text(subject), Arg::Int(signed_s)];
    connection.execute(sql, &args).await.map(drop)
}

/// An account of the provider's claims as they are now; `None` where they say no longer who that is.
pub(super) async fn kept(
    connection: &mut Connection,
    provider: &Provider,
    account: Account,
    persona: Option<&Persona>,
    now_ms: i64,
) -> Result<Vouched, Taken> {
    let (organization, by) = (account.organization, voucher(provider));
    let Some(persona) = persona else {
        if account.roles.is_empty() {
            return Ok(Vouched::default());
        }
        // What that was goes as well: a token from before would find it the same. Who it was stays, for an erasure to find it by.
        let sql = "update accounts set roles = '' where organization_id = $1 and id = $2";
        connection.execute(sql, &[Arg::Int(organization.0), Arg::Text(&account.id)]).await?;
        end(connection, organization, &account.id, (now_ms, &by)).await?;
        return Ok(Vouched { account: None, deed: Some((Deed::Ended, account.id)) });
    };
    let (roles, actors) = check::persona(&persona.roles, std::slice::from_ref(&persona.actor))?;
    if account.roles == roles && account.actors == actors {
        return Ok(Vouched::of(Some(account)));
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
    let changed = held(connection, organization, &account.id).await.map_err(AccountError::from)?;
    Ok(Vouched { account: changed, deed: Some((Deed::Changed, account.id)) })
}
