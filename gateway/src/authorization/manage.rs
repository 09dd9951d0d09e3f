//! What somebody approved, and how they end it: <https://hl7.org/fhir/smart-app-launch/conformance.html> (`management_endpoint`).

use std::collections::{BTreeSet, HashSet};

use hyper::HeaderMap;
use reqwest::Url;
use smart::scope::Scopes;

use super::approval::{Step, words};
use super::{AuthorizationServer, PATHS, Problem};
use crate::auth::scopes::parsed;
use crate::clock::Clock;
use crate::http::query;
use crate::logins::login_address;
use crate::pages::{self, Markup, Page, html};
use crate::store::clients::{Approval, Client};

impl AuthorizationServer {
    /// The list, or what a form of it ends.
    pub(super) async fn manage(&self, headers: &HeaderMap, form: Option<&str>) -> Result<Step, Problem> {
        let unavailable = |_| Problem::unavailable();
        let Some(session) = self.logins.session(headers).await.map_err(unavailable)? else {
            return Ok(Step::nobody(pages::see_other(&login_address(PATHS.manage))));
        };
        let account = &session.account;
        let store = &self.gateway.store;
        // What an administrator approved is the person's to end, by whichever of their accounts the app knows them.
        let mut approvals = store.exchanged_for(account).await.map_err(unavailable)?;
        let own = store.approvals_of(account.organization, &account.id).await.map_err(unavailable)?;
        approvals.extend(own.into_iter().filter(|approval| approval.approved.exchange.is_none()));
        approvals.sort_by_key(|approval| std::cmp::Reverse(approval.created_ms));
        each_app_once(&mut approvals);
        let refused = store.refused_by(account).await.map_err(unavailable)?;
        let page = match form {
            None => {
                let (mut shown, mut closed) = (Vec::new(), Vec::new());
                for approval in approvals {
                    shown.push((self.name_of(&approval.client).await?, approval));
                }
                for client in refused {
                    closed.push((self.name_of(&client).await?, client));
                }
                list((&shown, &closed), &account.name, &self.logins.csrf(&session))
            }
            Some(form) if !self.logins.check_csrf(headers, &session, query::value(form, "csrf").as_deref()) => {
                pages::problem(hyper::StatusCode::FORBIDDEN, "The form was not made for your login. Nothing was ended.")
            }
            Some(form) => {
                // Of their own alone: what a form says is looked for among them.
                let id = query::value(form, "end").unwrap_or_default();
                if let Some(approval) = approvals.iter().find(|approval| *approval.id == *id) {
                    match approval.approved.exchange {
                        // It would be there again with the next token that the app exchanges.
                        Some(_) => store.refuse_exchange(account, &approval.client).await.map_err(unavailable)?,
                        None => {
                            let by = &account.id;
                            store.end_approval(account.organization, &approval.id, by).await.map_err(unavailable)?;
                        }
                    }
                    self.issued.forget_all();
                }
                let again = query::value(form, "again").unwrap_or_default();
                if refused.iter().any(|client| *client == *again) {
                    store.allow_exchange(account, &again).await.map_err(unavailable)?;
                }
                pages::see_other(PATHS.manage)
            }
        };
        Ok(Step { account: Some(session.account), client: None, purpose: None, page })
    }

    async fn name_of(&self, client: &str) -> Result<String, Problem> {
        let found = self.gateway.store.client(client).await.map_err(|_| Problem::unavailable())?;
        Ok(found.map_or_else(|| client.to_owned(), |client| name(&client)))
    }
}

/// What an app is called; of one that registered itself that is its own word, and where it leads tells it from others.
fn name(client: &Client) -> String {
    if !client.is_registered {
        return client.name.clone();
    }
    // All of them: it says itself which it uses.
    let host = |uri: &String| Url::parse(uri).ok().and_then(|url| url.host_str().map(ToOwned::to_owned));
    let hosts: BTreeSet<String> =
        client.redirects.iter().map(|uri| host(uri).unwrap_or_else(|| "an app on a device".to_owned())).collect();
    let hosts: Vec<String> = hosts.into_iter().collect();
    format!("{} (registered itself, {})", client.name, hosts.join(", "))
}

/// Of what came of exchanges the latest for each client: one end is the end of all.
fn each_app_once(approvals: &mut Vec<Approval>) {
    let mut seen = HashSet::new();
    approvals.retain(|approval| approval.approved.exchange.is_none() || seen.insert(approval.client.clone()));
}

/// What counts, each with the app's name.
type Counting = [(String, Approval)];
/// Apps that somebody has closed out: name and id.
type ClosedOut = [(String, String)];

fn list((approvals, closed): (&Counting, &ClosedOut), person: &str, csrf: &str) -> Page {
    let one = |(client, approval): &(String, Approval)| -> Markup {
        let scopes: Scopes = parsed(&approval.approved.scopes);
        let ends = Clock::format(approval.approved.expires_ms);
        html! {
            section.session {
                h2 { (client) }
                @if approval.approved.exchange.is_some() {
                    p {
                        "Since " (day(&Clock::format(approval.created_ms))) ", whenever you are logged in to the app. Your clinic let the app in \
                         for everybody who uses it; you can close it out for yourself."
                    }
                } @else {
                    p { "Since " (day(&Clock::format(approval.created_ms))) ", until " (day(&ends)) "." }
                }
                ul {
                    @for scope in scopes.resources() { li { (words::subject(scope)) span.detail { (words::deed(scope)) } } }
                    @if scopes.is_empty() { li { "Nothing but who you are" } }
                }
                form method="post" action=(PATHS.manage) {
                    input type="hidden" name="csrf" value=(csrf);
                    button.second name="end" value=(approval.id) { "End the access of " (client) }
                }
            }
        }
    };
    let body = html! {
        p { "You are logged in as " strong { (person) } "." }
        @if approvals.is_empty() {
            p { "No app has access for you." }
        }
        @for approval in approvals { (one(approval)) }
        @for (client, id) in closed {
            section.session {
                h2 { (client) }
                p { "You have closed this app out. It sees nothing of yours by your login there." }
                form method="post" action=(PATHS.manage) {
                    input type="hidden" name="csrf" value=(csrf);
                    button.second name="again" value=(id) { "Let " (client) " in again" }
                }
            }
        }
        p { a href="/oauth/account" { "Your login" } }
    };
    pages::page("Apps with access", &body)
}

/// The day of an instant.
fn day(instant: &str) -> &str {
    instant.split('T').next().unwrap_or(instant)
}
