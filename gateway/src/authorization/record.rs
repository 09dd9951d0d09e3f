//! The record of an exchange: who asked, and what came of it, before anybody is answered.

use std::sync::Arc;

use consent::{Caller, OrganizationId, Purpose};
use hyper::StatusCode;

use super::{Asked, AuthorizationServer, Problem, Reply, Sent};
use crate::audit::{AuditError, Circumstances, Decision, Event, address};
use crate::gateway::DEFAULT_ORGANIZATION;
use crate::interaction::audited::NOBODY;
use crate::store::accounts::Account;
use crate::store::clients::Client;

/// Who asked.
pub(super) enum Who {
    /// A client that has shown that it is, and why it asked.
    Known(Client, Purpose),
    /// Somebody who logged in, for a client, and why.
    Person(Box<Account>, Option<Box<Client>>, Purpose),
    /// Somebody who said to be this client.
    NotShown(Client),
    /// A program that registers itself, by the token of that id, or looks after its registration.
    Registering {
        /// Whose client it becomes.
        organization: OrganizationId,
        /// The id of the token, or its own; none where it came without.
        by: Option<String>,
        /// Its id, where it has one.
        client: Option<String>,
    },
    /// An administrator's program, about a client.
    Administrator(Box<Caller>, Purpose, Option<String>),
    /// Nobody knows.
    Nobody,
}

impl AuthorizationServer {
    /// The reply, once it is on record: nobody is given what is not.
    pub(super) async fn recorded(&self, sent: &Sent<'_>, (client, reply): Asked) -> Reply {
        let against = reply.as_ref().err().and_then(|problem| problem.of.as_deref().cloned());
        let reply: Reply = reply.unwrap_or_else(Into::into);
        let who = match (client, against) {
            (Some((client, purpose)), _) => Who::Known(client, purpose),
            (None, Some(client)) => Who::NotShown(client),
            (None, None) => Who::Nobody,
        };
        self.on_record(sent.part.name(), sent, &who, reply).await
    }

    /// The same, of an interaction by its name, and of whom it is known who asked.
    pub(super) async fn on_record(&self, interaction: &'static str, sent: &Sent<'_>, who: &Who, reply: Reply) -> Reply {
        if self.record(interaction, sent, who, &reply).await.is_err() { Problem::unavailable().into() } else { reply }
    }

    /// Puts an exchange on record: who asked, and what came of it.
    async fn record(
        &self,
        interaction: &'static str,
        sent: &Sent<'_>,
        who: &Who,
        reply: &Reply,
    ) -> Result<(), AuditError> {
        let Sent { request, source, .. } = *sent;
        let status = reply.status();
        let store = &self.gateway.store;
        let of = |organization: OrganizationId, caller: &str, purpose| Circumstances {
            source: source.map(address),
            ..Circumstances::unknown(organization, caller, request, purpose)
        };
        let is_refused = status.is_client_error();
        let about: Option<Box<str>> = match who {
            Who::Administrator(_, _, client) => client.as_deref().map(Into::into),
            _ => None,
        };
        let (of, decision) = match who {
            Who::Known(client, purpose) => {
                if is_refused {
                    store.refused(client.organization, &client.id);
                }
                let known = Circumstances {
                    client: Some(client.id.as_str().into()),
                    on_behalf: (!client.actors.is_empty()).then(|| client.actors.join(" ").into()),
                    ..of(client.organization, &client.id, *purpose)
                };
                (known, if status.is_success() { Decision::Permit } else { Decision::Refused })
            }
            Who::Person(account, client, purpose) => {
                if is_refused {
                    store.refused(account.organization, &account.id);
                }
                let known = Circumstances {
                    client: client.as_ref().map(|client| client.id.as_str().into()),
                    on_behalf: (!account.actors.is_empty()).then(|| account.actors.join(" ").into()),
                    ..of(account.organization, &account.id, *purpose)
                };
                (known, if is_refused || status.is_server_error() { Decision::Refused } else { Decision::Permit })
            }
            Who::NotShown(client) => {
                if is_refused {
                    store.refused(client.organization, &client.id);
                }
                let said = Circumstances {
                    client: Some(client.id.as_str().into()),
                    ..of(client.organization, NOBODY, Purpose::Treat)
                };
                (said, Decision::Unauthenticated)
            }
            Who::Registering { organization, by, client } => {
                if status == StatusCode::UNAUTHORIZED {
                    store.refused_stranger(source);
                }
                let caller = by.as_deref().unwrap_or(NOBODY);
                let of = Circumstances {
                    client: client.as_deref().map(Into::into),
                    ..of(*organization, caller, Purpose::Patrqt)
                };
                let decision = match status {
                    StatusCode::UNAUTHORIZED => Decision::Unauthenticated,
                    status if status.is_success() => Decision::Permit,
                    _ => Decision::Refused,
                };
                (of, decision)
            }
            Who::Administrator(caller, purpose, _) => {
                if is_refused {
                    store.refused(caller.organization, &caller.id);
                }
                let known = Circumstances {
                    client: caller.client.as_deref().map(Into::into),
                    on_behalf: (!caller.actors.is_empty()).then(|| caller.actors.join(" ").into()),
                    ..of(caller.organization, &caller.id, *purpose)
                };
                (known, if status.is_success() { Decision::Permit } else { Decision::Refused })
            }
            Who::Nobody => {
                if status == StatusCode::UNAUTHORIZED {
                    store.refused_stranger(source);
                }
                (of(DEFAULT_ORGANIZATION, NOBODY, Purpose::Treat), Decision::Unauthenticated)
            }
        };
        let event = Event {
            of: Arc::new(of),
            interaction,
            kind: None,
            id: about,
            version: None,
            patient: None,
            epoch: None,
            status: status.as_u16(),
            at_ms: self.gateway.clock.now_ms(),
            decision,
        };
        self.gateway.audit.record(event).await
    }
}
