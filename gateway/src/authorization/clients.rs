//! The organization's clients over HTTP, for a program that an administrator has registered so (`client add --administrator`): what
//! `fhir-gateway client` does at the command line, by the same checks, on the same record.
//!
//! Whoever looks after clients could make itself whatever it likes. So administrators are made, changed and ended at the command line
//! alone: a program that is taken over can be ended by somebody, and ends nobody who could.

use consent::{Caller, CallerKind, Permit, Purpose};
use hyper::StatusCode;
use ipnet::IpNet;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::record::Who;
use super::{AuthorizationServer, Problem, Reply, Sent};
use crate::http::source::network;
use crate::store::clients::{Change, Client, ClientError, Keys, New, new_id, over_http};

/// For how long the secret before counts where nobody says, in seconds.
const KEEP_SECONDS: u32 = 86_400;

/// What is done with clients.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Deed {
    /// A new one.
    Add,
    /// Another name, other scopes, purposes, keys.
    Change,
    /// Ends one for good.
    Disable,
    /// All of them.
    List,
    /// Ends its tokens, and what people approved for it.
    RevokeTokens,
    /// Another secret.
    RotateSecret,
    /// One of them.
    Show,
}

impl Deed {
    /// What the audit trail calls it, here as at the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "client-add",
            Self::Change => "client-change",
            Self::Disable => "client-disable",
            Self::List => "client-list",
            Self::RevokeTokens => "client-revoke-tokens",
            Self::RotateSecret => "client-rotate-secret",
            Self::Show => "client-show",
        }
    }
}

/// A client that is to be, or what is to change of one: named as a client is told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Said {
    id: Option<String>,
    name: Option<String>,
    scopes: Option<Vec<String>>,
    purposes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "said")]
    default_purpose: Option<Option<String>>,
    actors: Option<Vec<String>>,
    officer: Option<bool>,
    redirect_uris: Option<Vec<String>>,
    exchanges: Option<Vec<String>>,
    networks: Option<Vec<String>>,
    jwks: Option<Value>,
    jwks_url: Option<String>,
    #[serde(default)]
    secret: bool,
    #[serde(default)]
    public: bool,
    provider: Option<String>,
}

/// What is there, also where it is null.
fn said<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Who reads the trail of all is not made by whoever has a token.
const OFFICER: &str = "a privacy officer's client is made and changed at the command line alone (client add --officer)";

/// How long the secret before counts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Keeping {
    keep_seconds: Option<u32>,
}

impl Said {
    fn read(text: &str) -> Result<Self, Problem> {
        serde_json::from_str(text).map_err(|error| {
            // What stands there is not repeated: it may be a secret.
            let place = format!("line {}, column {}", error.line(), error.column());
            wrong(format!(
                "send a JSON object of name, scopes, purposes, defaultPurpose, actors, redirectUris, exchanges, networks, and of a new client id and \
                 one of jwks, jwksUrl, secret, public and provider; it cannot be read as that at {place}"
            ))
        })
    }

    /// Its public keys, and how many ways it has to show that it is itself.
    fn keys(&self) -> (Option<Keys>, usize) {
        let keys = self.jwks.as_ref().map(|set| Keys::Inline(set.to_string()));
        let keys = keys.or_else(|| self.jwks_url.clone().map(Keys::Url));
        let ways = [self.jwks.is_some(), self.jwks_url.is_some(), self.secret, self.public, self.provider.is_some()];
        (keys, ways.into_iter().filter(|way| *way).count())
    }

    fn client(self) -> Result<New, Problem> {
        let (keys, ways) = self.keys();
        if ways != 1 {
            return Err(wrong(
                "say how it shows that it is itself: one of jwks, jwksUrl, secret (true), public (true) and provider",
            ));
        }
        let id = self.id.map_or_else(new_id, Ok).map_err(|_| Problem::unavailable())?;
        Ok(New {
            id,
            name: self.name.ok_or_else(|| wrong("name is missing: what people call it"))?,
            keys,
            public: self.public,
            provider: self.provider,
            redirects: self.redirect_uris.unwrap_or_default(),
            exchanges: self.exchanges.unwrap_or_default(),
            scopes: self.scopes.unwrap_or_default().join(" "),
            purposes: purposes(&self.purposes.unwrap_or_default())?,
            default_purpose: self.default_purpose.flatten().as_deref().map(purpose).transpose()?,
            actors: self.actors.unwrap_or_default(),
            officer: self.officer.unwrap_or_default(),
            networks: networks(&self.networks.unwrap_or_default())?,
            administrator: false,
        })
    }

    fn change(self) -> Result<Change, Problem> {
        let (keys, ways) = self.keys();
        if self.id.is_some() || ways > 1 || ways != usize::from(keys.is_some()) {
            return Err(wrong(
                "neither its id nor how it shows that it is itself changes: of keys, others (jwks or jwksUrl)",
            ));
        }
        Ok(Change {
            name: self.name,
            keys,
            scopes: self.scopes.map(|scopes| scopes.join(" ")),
            purposes: self.purposes.map(|codes| purposes(&codes)).transpose()?,
            default_purpose: match self.default_purpose {
                Some(Some(code)) => Some(Some(purpose(&code)?)),
                Some(None) => Some(None),
                None => None,
            },
            actors: self.actors,
            officer: self.officer,
            redirects: self.redirect_uris,
            exchanges: self.exchanges,
            provider: self.provider,
            networks: self.networks.map(|said| networks(&said)).transpose()?,
        })
    }
}

fn purpose(code: &str) -> Result<Purpose, Problem> {
    let known = || Purpose::ALL.map(Purpose::code).join(", ");
    Purpose::parse(code).ok_or_else(|| wrong(format!("a purpose is one of {}", known())))
}

fn purposes(codes: &[String]) -> Result<Vec<Purpose>, Problem> {
    codes.iter().map(|code| purpose(code)).collect()
}

fn networks(said: &[String]) -> Result<Vec<IpNet>, Problem> {
    said.iter().map(|text| network(text)).collect::<Result<_, _>>().map_err(wrong)
}

/// Whoever has an administrator's token from elsewhere makes nothing that is answered there.
fn within(own: &[IpNet], said: &[IpNet]) -> Result<(), Problem> {
    let is_within = |net: &IpNet| own.iter().any(|own| own.contains(net));
    if own.is_empty() || (!said.is_empty() && said.iter().all(is_within)) {
        return Ok(());
    }
    Err(refused(
        "an administrator's client that is answered from some networks lets others be answered from these alone",
    ))
}

fn wrong(says: impl Into<String>) -> Problem {
    Problem::new("invalid_request", says)
}

fn refused(says: &str) -> Problem {
    Problem { status: StatusCode::FORBIDDEN, ..Problem::new("access_denied", says) }
}

fn not_there() -> Problem {
    let says = "there is no client of that id here";
    Problem { status: StatusCode::NOT_FOUND, ..Problem::new("not_found", says) }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Invalid(says) => wrong(over_http(&says)),
            ClientError::Refused(says) => {
                Self { status: StatusCode::CONFLICT, ..Self::new("conflict", over_http(&says)) }
            }
            ClientError::Store(_) => Self::unavailable(),
        }
    }
}

impl AuthorizationServer {
    /// Does something with the organization's clients, for an administrator's program.
    pub(super) async fn administer(&self, deed: Deed, sent: &Sent<'_>, text: &str) -> Reply {
        let Some(known) = sent.sender else {
            let says = "this takes the token of an administrator's client (client add --administrator)";
            return self.on_record(sent.part.name(), sent, &Who::Nobody, Problem::no_token(says).into()).await;
        };
        let caller = &known.caller;
        // Whom a path names; a new one has its id once it is there.
        let mut about = match deed {
            Deed::Add | Deed::List => None,
            _ => sent.path.split('/').nth(3).map(ToOwned::to_owned),
        };
        let reply = match self.administrator(caller).await {
            Ok(permit) if known.refused.is_none() => self.done(deed, &permit, (caller, text), &mut about).await,
            Ok(_) => Err(wrong("X-Purpose-Of-Use names none of the token's purposes")),
            Err(problem) => Err(problem),
        };
        let reply: Reply = reply.unwrap_or_else(Into::into);
        let who = Who::Administrator(Box::new(Caller::clone(caller)), known.purpose, about);
        self.on_record(sent.part.name(), sent, &who, reply).await
    }

    /// Leave to look after the clients of a caller's organization, where it is an administrator's program. That is looked up anew each
    /// time: whoever is none any more is none at once.
    async fn administrator(&self, caller: &Caller) -> Result<Permit, Problem> {
        let says = "this is for an administrator's client (client add --administrator)";
        if caller.kind != CallerKind::System {
            return Err(refused(says));
        }
        let client = self.gateway.store.client(&caller.id).await.map_err(|_| Problem::unavailable())?;
        let is_one = |client: &Client| {
            client.administrator && client.disabled_ms.is_none() && client.organization == caller.organization
        };
        if !client.as_ref().is_some_and(is_one) {
            return Err(refused(says));
        }
        self.gateway.upkeep(caller.organization).map_err(|_| Problem::unavailable())
    }

    async fn done(
        &self,
        deed: Deed,
        permit: &Permit,
        (caller, text): (&Caller, &str),
        about: &mut Option<String>,
    ) -> Result<Reply, Problem> {
        let store = &self.gateway.store;
        let by = format!("client {}", caller.id);
        let now_ms = self.gateway.clock.now_ms();
        let unavailable = |_| Problem::unavailable();
        let id = about.clone().unwrap_or_default();
        let client = match deed {
            Deed::Add => {
                let mut new = Said::read(text)?.client()?.checked()?;
                if new.officer {
                    return Err(refused(OFFICER));
                }
                let own = self.of(permit, &caller.id).await?.networks;
                if new.networks.is_empty() {
                    // Where nothing is said it is answered where its administrator is.
                    new.networks = own.to_vec();
                }
                within(&own, &new.networks)?;
                let id = new.id.clone();
                *about = Some(id.clone());
                let secret = store.add_client(permit, new, &by).await?;
                let client = self.of(permit, &id).await?;
                let mut body = client.told(now_ms);
                if let Some(secret) = secret {
                    body["secret"] = secret.expose_secret().into();
                }
                return Ok(Reply::json(StatusCode::CREATED, &body));
            }
            Deed::List => {
                let clients = store.clients(permit).await.map_err(unavailable)?;
                let told: Vec<Value> = clients.iter().map(|client| client.told(now_ms)).collect();
                return Ok(Reply::json(StatusCode::OK, &json!({ "clients": told })));
            }
            _ => self.of(permit, &id).await?,
        };
        if deed != Deed::Show && client.administrator {
            return Err(refused("an administrator's client is changed and ended at the command line alone"));
        }
        if client.officer && matches!(deed, Deed::Change | Deed::RotateSecret) {
            return Err(refused(OFFICER));
        }
        let mut body = json!({ "id": id });
        match deed {
            Deed::Change => {
                let change = Said::read(text)?.change()?.checked()?;
                if change.officer == Some(true) {
                    return Err(refused(OFFICER));
                }
                if let Some(networks) = &change.networks {
                    within(&self.of(permit, &caller.id).await?.networks, networks)?;
                }
                let ended = store.change_client(permit, &id, change, &by).await?;
                body = self.of(permit, &id).await?.told(now_ms);
                body["endedTokens"] = ended.into();
            }
            Deed::Disable => body["endedTokens"] = store.disable_client(permit, &id, &by).await?.into(),
            Deed::RevokeTokens => body["endedTokens"] = store.revoke_tokens(permit, &id, &by).await?.into(),
            Deed::RotateSecret => {
                let text = if text.trim().is_empty() { "{}" } else { text };
                let keeping: Keeping = serde_json::from_str(text)
                    .map_err(|_| wrong("send a JSON object with keepSeconds: how long the secret before counts"))?;
                let keep = keeping.keep_seconds.unwrap_or(KEEP_SECONDS);
                body["secret"] = store.rotate_secret(permit, &id, keep, &by).await?.expose_secret().into();
            }
            _ => body = client.told(now_ms),
        }
        if matches!(deed, Deed::Change | Deed::Disable | Deed::RevokeTokens) {
            self.issued.forget_all();
        }
        Ok(Reply::json(StatusCode::OK, &body))
    }

    /// A client of the organization; of others there is none.
    async fn of(&self, permit: &Permit, id: &str) -> Result<Client, Problem> {
        let client = self.gateway.store.client(id).await.map_err(|_| Problem::unavailable())?;
        client.filter(|client| client.organization == permit.organization()).ok_or_else(not_there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(text: &str) -> Result<New, String> {
        let said = Said::read(text).map_err(|problem| problem.says)?;
        said.client().and_then(|new| new.checked().map_err(Problem::from)).map_err(|problem| problem.says)
    }

    #[test]
    fn a_client_has_one_way_to_show_that_it_is_itself() {
        let of = |more: &str| format!(r#"{{"name":"x","scopes":["system/*.rs"],"purposes":["TREAT"]{more}}}"#);
        assert!(new(&of(r#","secret":true"#)).is_ok() && new(&of(r#","jwksUrl":"https://c.example/k""#)).is_ok());
        for wrong in [
            "",
            r#","secret":true,"public":true"#,
            r#","secret":false"#,
            r#","jwksUrl":"https://c.example/k","secret":true"#,
        ] {
            assert!(new(&of(wrong)).is_err(), "{wrong}");
        }
        let said = new(&of(r#","secret":true,"administrator":true"#)).unwrap_err();
        assert!(said.contains("cannot be read"), "{said}");
        let said = new(r#"{"name":"x","scopes":["patient/*.rs"],"purposes":["TREAT"],"secret":true}"#).unwrap_err();
        assert!(said.contains("system/") && !said.contains("(--"), "{said}");
    }

    #[test]
    fn a_change_is_what_is_said_of_it() {
        let change = |text: &str| Said::read(text).and_then(Said::change);
        assert!(change(r#"{"defaultPurpose":null}"#).is_ok_and(|change| change.default_purpose == Some(None)));
        assert!(
            change(r#"{"name":"y"}"#).is_ok_and(|change| change.default_purpose.is_none() && change.scopes.is_none())
        );
        for wrong in [r#"{"id":"z"}"#, r#"{"secret":true}"#, r#"{"public":true}"#, r#"{"purposes":["x"]}"#, "[]", ""] {
            assert!(change(wrong).is_err(), "{wrong}");
        }
    }
}
