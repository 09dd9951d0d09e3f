//! Accounts of people whom a provider outside of here knows: tied by an administrator to a subject there, or made and kept by what the
//! provider's trusted claims say.

mod claims;

use consent::{OrganizationId, Permit};

pub(in crate::store) use self::claims::forgotten;
use self::claims::{Taken, heard, kept, made, narrowed};
use super::{Account, AccountError, Role, columns, held, sessions};
use crate::store::Store;
use crate::store::connection::{Arg, Connection, DbError, DbErrorKind, Row};
use crate::store::dialect;
use crate::store::providers::{COLUMNS, Provider};

/// Who somebody is here, by what a provider says that is trusted for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Persona {
    /// What people call this person.
    pub name: String,
    /// What this person is here.
    pub roles: Vec<Role>,
    /// Who this is in FHIR.
    pub actor: String,
}

/// A tie of an account to somebody whom a provider knows.
#[derive(Clone, Debug)]
pub struct Link {
    /// The provider's id.
    pub provider: String,
    /// Who, to its issuer.
    pub subject: String,
    /// The account's id.
    pub account: String,
    /// Whether the account is as the provider's claims say.
    pub asserted: bool,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// Who made it.
    pub created_by: String,
}

/// What a provider says something by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Word {
    /// A login, just now, by a token that was signed then (seconds since 1970): what it says counts.
    Login(i64),
    /// An ID token that an app has, signed then: it counts as a login does, but where a later one was seen already.
    Held(i64),
    /// An access token, which may be from before: it changes nothing.
    Token,
}

/// What a provider's word has done to an account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deed {
    /// It was made.
    Made,
    /// It is somebody else in FHIR, or has other roles.
    Changed,
    /// It is nobody's any more by the provider's claims: sessions and what was approved have ended.
    Ended,
}

/// Whom a provider vouches for.
#[derive(Clone, Debug, Default)]
pub struct Vouched {
    /// The account, where there is one that counts.
    pub account: Option<Account>,
    /// What was done, to the account of that id.
    pub deed: Option<(Deed, String)>,
}

impl Vouched {
    fn of(account: Option<Account>) -> Self {
        Self { account, deed: None }
    }
}

impl Store {
    /// The account of somebody whom a provider vouches for by a login or an ID token; none where there is none for that subject, or no more.
    ///
    /// An account that an administrator has tied is as the administrator made it. One that is of the provider's claims is made at the first
    /// login and is what they say from then on; where they say something else, what was approved before ends. `persona` is what they say. An ID token that is older than
    /// what the account is by changes nothing, and opens it as far as it says the same.
    ///
    /// # Errors
    /// What is claimed cannot be kept; or the store does not answer.
    pub async fn account_of_subject(
        &self,
        provider: &Provider,
        subject: &str,
        said: (Word, Option<&Persona>),
    ) -> Result<Vouched, AccountError> {
        self.vouched_for(provider, subject, said).await
    }

    async fn vouched_for(
        &self,
        provider: &Provider,
        subject: &str,
        said: (Word, Option<&Persona>),
    ) -> Result<Vouched, AccountError> {
        match self.vouched(provider, subject, said).await {
            // Two who are here for the first time at once: the other one has made it.
            Err(Taken::Unique) => self.vouched(provider, subject, said).await.map_err(AccountError::from),
            found => found.map_err(AccountError::from),
        }
    }

    /// The account of somebody whose access token a provider has given; `None` where there is none for that subject, or it is disabled.
    ///
    /// A token may be older than what the provider says now, or say less to one client than to another: it makes an account at the first
    /// time, changes none, and opens one of the provider's claims as far as it says the same: the roles that are in both.
    ///
    /// # Errors
    /// What is claimed cannot be kept; or the store does not answer.
    pub async fn account_of_bearer(
        &self,
        provider: &Provider,
        subject: &str,
        persona: Option<&Persona>,
    ) -> Result<Vouched, AccountError> {
        let organization = provider.organization;
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let sql = format!(
            "select l.asserted, {} from outside_links l join accounts a on a.organization_id = l.organization_id and a.id = l.account \
             where l.organization_id = $1 and l.provider = $2 and l.subject = $3",
            columns("a")
        );
        let args = [Arg::Int(organization.0), Arg::Text(&provider.id), Arg::Text(subject)];
        let row = connection.fetch_optional(&sql, &args).await?;
        connection.end_read().await?;
        drop(connection);
        let known = row.and_then(|row| Some((row.int(0)?, Account::of(&row, 1)?)));
        let (asserted, account, deed) = match (known, persona) {
            (Some((asserted, account)), _) => (asserted, account, None),
            (None, Some(_)) => match self.vouched_for(provider, subject, (Word::Token, persona)).await? {
                Vouched { account: Some(account), deed } => (1, account, deed),
                nobody @ Vouched { account: None, .. } => return Ok(nobody),
            },
            (None, None) => return Ok(Vouched::default()),
        };
        if account.disabled_ms.is_some() {
            return Ok(Vouched::default());
        }
        let account =
            if asserted == 0 { Some(account) } else { persona.and_then(|persona| narrowed(account, persona)) };
        Ok(Vouched { account, deed })
    }

    async fn vouched(
        &self,
        provider: &Provider,
        subject: &str,
        (word, persona): (Word, Option<&Persona>),
    ) -> Result<Vouched, Taken> {
        let organization = provider.organization;
        let core = self.core();
        let mut connection = core.pools.writer().await.map_err(AccountError::from)?;
        connection.begin_write(Some(organization.0)).await?;
        let done = async {
            // Whoever changes or removes the provider waits for this, or this finds that done: what was read of a token by what it was
            // before vouches for nobody.
            let locked = dialect::for_share(connection.engine());
            let sql = format!("select {COLUMNS} from outside_providers where id = $1 and removed is null{locked}");
            let now = connection.fetch_optional(&sql, &[Arg::Text(&provider.id)]).await?;
            if !now.as_ref().and_then(Provider::of).is_some_and(|now| now.vouches_as(provider)) {
                return Ok(Vouched::default());
            }
            let sql = "select l.account, l.asserted, (select max(m.said) from outside_links m \
                       where m.organization_id = l.organization_id and m.account = l.account) \
                       from outside_links l where l.organization_id = $1 and l.provider = $2 and l.subject = $3";
            let args = [Arg::Int(organization.0), Arg::Text(&provider.id), Arg::Text(subject)];
            let Some(link) = connection.fetch_optional(sql, &args).await? else {
                return match persona {
                    Some(persona) => {
                        let now_ms = core.clock.now_ms();
                        made(&mut connection, provider, subject, (word, persona), now_ms).await
                    }
                    None => Ok(Vouched::default()),
                };
            };
            let id = link.text(0).unwrap_or_default().to_owned();
            let account = held(&mut connection, organization, &id).await.map_err(AccountError::from)?;
            let Some(account) = account.filter(|account| account.disabled_ms.is_none()) else {
                return Ok(Vouched::default());
            };
            let (is_tied, said) = (link.int(1) == Some(0), link.int(2));
            match word {
                _ if is_tied => return Ok(Vouched::of(Some(account))),
                Word::Token => return Ok(Vouched::of(Some(account))),
                Word::Held(signed_s) if said.is_some_and(|said| signed_s < said) => {
                    return Ok(Vouched::of(persona.and_then(|persona| narrowed(account, persona))));
                }
                Word::Held(signed_s) | Word::Login(signed_s) if said.is_none_or(|said| signed_s > said) => {
                    heard(&mut connection, provider, subject, signed_s).await?;
                }
                Word::Held(_) | Word::Login(_) => {}
            }
            kept(&mut connection, provider, account, persona, core.clock.now_ms()).await
        };
        let done = done.await;
        if done.is_err() {
            connection.rollback_if_open().await;
        }
        let vouched = done?;
        connection.commit().await?;
        Ok(vouched)
    }

    /// Ties an account to a subject of a provider.
    ///
    /// # Errors
    /// There is no such account or provider, or the subject is tied already; or the store does not answer.
    pub async fn link_account(
        &self,
        permit: &Permit,
        id: &str,
        (provider, subject): (&str, &str),
        by: &str,
    ) -> Result<(), AccountError> {
        let subject = check_subject(subject)?;
        self.alter_account(permit, id, by, async |connection, account, (organization, now_ms, by)| {
            if account.disabled_ms.is_some() {
                return Err(AccountError::Refused("it is disabled: `account enable` first".to_owned()));
            }
            let sql = "insert into outside_links (organization_id, provider, subject, account, asserted, created, created_by) \
                       select organization_id, id, $3, $4, 0, cast($5 as bigint), $6 from outside_providers \
                       where organization_id = $1 and id = $2 and removed is null";
            let args = [
                Arg::Int(organization.0),
                Arg::Text(provider),
                Arg::Text(subject),
                Arg::Text(id),
                Arg::Int(now_ms),
                Arg::Text(by),
            ];
            let linked = connection.execute(sql, &args).await.map_err(|error| match error.kind {
                DbErrorKind::Unique => AccountError::Refused(
                    "that subject is tied to an account already: `account show` says of an account whom it is tied to".to_owned(),
                ),
                _ => error.into(),
            })?;
            if linked == 0 {
                let says = "there is no provider of that id; `provider list` shows those that are";
                return Err(AccountError::Refused(says.to_owned()));
            }
            Ok(())
        })
        .await
    }

    /// Unties an account from the subjects of a provider, and ends all sessions and what was approved; how many sessions.
    ///
    /// # Errors
    /// It is tied to none there; or the store does not answer.
    pub async fn unlink_account(
        &self,
        permit: &Permit,
        id: &str,
        provider: &str,
        by: &str,
    ) -> Result<u64, AccountError> {
        self.alter_account(permit, id, by, async |connection, account, (organization, now_ms, by)| {
            let sql = "select 1 from outside_links where organization_id = $1 and account = $2 and provider = $3 and asserted = 1";
            let args = [Arg::Int(organization.0), Arg::Text(id), Arg::Text(provider)];
            if connection.fetch_optional(sql, &args).await?.is_some() {
                let says = "the provider's claims make this account: it would be made anew. `account disable` keeps its owner out";
                return Err(AccountError::Refused(says.to_owned()));
            }
            let sql = "delete from outside_links where organization_id = $1 and account = $2 and provider = $3";
            if connection.execute(sql, &args).await? == 0 {
                return Err(AccountError::Refused(format!("{} is not tied to {provider}", account.login)));
            }
            Ok(end(connection, organization, id, (now_ms, by)).await?)
        })
        .await
    }

    /// The ties of an account.
    ///
    /// # Errors
    /// The permit does not cover accounts; or the store does not answer.
    pub async fn links(&self, permit: &Permit, account: &str) -> Result<Vec<Link>, AccountError> {
        let organization = permit.organization();
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let sql = "select provider, subject, account, asserted, created, created_by from outside_links \
                   where organization_id = $1 and account = $2 order by provider, subject";
        let rows = connection.fetch(sql, &[Arg::Int(organization.0), Arg::Text(account)]).await?;
        connection.end_read().await?;
        let link = |row: &Row| {
            let text = |column: usize| row.text(column).map(ToOwned::to_owned);
            Some(Link {
                provider: text(0)?,
                subject: text(1)?,
                account: text(2)?,
                asserted: row.int(3)? != 0,
                created_ms: row.int(4)?,
                created_by: text(5)?,
            })
        };
        Ok(rows.iter().filter_map(link).collect())
    }
}

/// The provider whose claims an account is of, while it is trusted.
pub(super) async fn asserting(
    connection: &mut Connection,
    organization: OrganizationId,
    account: &str,
) -> Result<Option<String>, DbError> {
    let sql = "select p.id from outside_links l join outside_providers p on p.id = l.provider \
               where l.organization_id = $1 and l.account = $2 and l.asserted = 1 and p.removed is null limit 1";
    let row = connection.fetch_optional(sql, &[Arg::Int(organization.0), Arg::Text(account)]).await?;
    Ok(row.and_then(|row| row.text(0).map(ToOwned::to_owned)))
}

/// Ends the sessions and approvals of everybody whom a provider vouches for, within an open transaction.
pub(in crate::store) async fn end_of_provider(
    connection: &mut Connection,
    organization: OrganizationId,
    provider: &str,
    (now_ms, by): (i64, &str),
) -> Result<(), DbError> {
    let sql =
        "select distinct account from outside_links where organization_id = $1 and provider = $2 order by account";
    let accounts = connection.fetch(sql, &[Arg::Int(organization.0), Arg::Text(provider)]).await?;
    for row in &accounts {
        let account = row.text(0).unwrap_or_default();
        end(connection, organization, account, (now_ms, by)).await?;
    }
    Ok(())
}

/// Ends the sessions and approvals of an account, also those that are about to begin.
async fn end(
    connection: &mut Connection,
    organization: OrganizationId,
    account: &str,
    (now_ms, by): (i64, &str),
) -> Result<u64, DbError> {
    let sql = "update accounts set revision = revision + 1, changed = $3, changed_by = $4 where organization_id = $1 and id = $2";
    let args = [Arg::Int(organization.0), Arg::Text(account), Arg::Int(now_ms), Arg::Text(by)];
    connection.execute(sql, &args).await?;
    sessions::end_everything(connection, organization, account, (now_ms, by)).await
}

fn check_subject(subject: &str) -> Result<&str, AccountError> {
    let fits = (1..=smart::outside::LONGEST_SUBJECT).contains(&subject.len()) && !subject.chars().any(char::is_control);
    if fits {
        Ok(subject)
    } else {
        Err(AccountError::Invalid(format!(
            "a subject has 1 to {} bytes, without line breaks: the claim sub of the provider's ID tokens (--subject)",
            smart::outside::LONGEST_SUBJECT
        )))
    }
}
