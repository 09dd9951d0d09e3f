//! What somebody approved, and how they end it: <https://hl7.org/fhir/smart-app-launch/conformance.html> (`management_endpoint`).

use hyper::HeaderMap;
use smart::scope::Scopes;

use super::approval::{Step, parsed, words};
use super::{AuthorizationServer, PATHS, Problem};
use crate::clock::Clock;
use crate::http::query;
use crate::logins::login_address;
use crate::pages::{self, Markup, Page, html};
use crate::store::clients::Approval;

impl AuthorizationServer {
    /// The list, or what a form of it ends.
    pub(super) async fn manage(&self, headers: &HeaderMap, form: Option<&str>) -> Result<Step, Problem> {
        let unavailable = |_| Problem::unavailable();
        let Some(session) = self.logins.session(headers).await.map_err(unavailable)? else {
            return Ok(Step::nobody(pages::see_other(&login_address(PATHS.manage))));
        };
        let account = &session.account;
        let store = &self.gateway.store;
        let approvals = store.approvals_of(account.organization, &account.id).await.map_err(unavailable)?;
        let page = match form {
            None => {
                let mut shown = Vec::new();
                for approval in approvals {
                    let client = store.client(&approval.client).await.map_err(unavailable)?;
                    shown.push((client.map_or_else(|| approval.client.clone(), |client| client.name), approval));
                }
                list(&shown, &account.name, &self.logins.csrf(&session))
            }
            Some(form) if !self.logins.check_csrf(headers, &session, query::value(form, "csrf").as_deref()) => {
                pages::problem(hyper::StatusCode::FORBIDDEN, "The form was not made for your login. Nothing was ended.")
            }
            Some(form) => {
                // Of their own alone: what a form says is looked for among them.
                let id = query::value(form, "end").unwrap_or_default();
                if let Some(approval) = approvals.iter().find(|approval| *approval.id == *id) {
                    store.end_approval(account.organization, &approval.id, &account.id).await.map_err(unavailable)?;
                    self.issued.forget_all();
                }
                pages::see_other(PATHS.manage)
            }
        };
        Ok(Step { account: Some(session.account), client: None, purpose: None, page })
    }
}

fn list(approvals: &[(String, Approval)], person: &str, csrf: &str) -> Page {
    let one = |(client, approval): &(String, Approval)| -> Markup {
        let scopes: Scopes = parsed(&approval.approved.scopes);
        let ends = Clock::format(approval.approved.expires_ms);
        html! {
            section.session {
                h2 { (client) }
                p { "Since " (day(&Clock::format(approval.created_ms))) ", until " (day(&ends)) "." }
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
            p { "No app has access by your approval." }
        }
        @for approval in approvals { (one(approval)) }
        p { a href="/oauth/account" { "Your login" } }
    };
    pages::page("Apps with access", &body)
}

/// The day of an instant.
fn day(instant: &str) -> &str {
    instant.split('T').next().unwrap_or(instant)
}
