//! Accounts for a terminal and as JSON, without anything secret.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::store::accounts::{Account, Link};

/// What it is now, in a word.
fn state(account: &Account, now_ms: i64) -> &'static str {
    if account.disabled_ms.is_some() {
        "disabled"
    } else if account.locked_until_ms.is_some_and(|until| now_ms < until) {
        "locked"
    } else if account.password_set_ms.is_some() {
        "active"
    } else if account.activation_until_ms.is_some_and(|until| now_ms < until) {
        "invited"
    } else {
        "without password"
    }
}

fn roles(account: &Account) -> Vec<&'static str> {
    account.roles.iter().map(|role| role.as_str()).collect()
}

/// An account as JSON.
pub(super) fn json(account: &Account, now_ms: i64) -> Value {
    let mut shown = json!({
        "id": account.id,
        "login": account.login,
        "name": account.name,
        "organization": account.organization.0,
        "roles": roles(account),
        "actors": account.actors,
        "state": state(account, now_ms),
        "failedAttempts": account.failures,
        "mustChangePassword": account.must_change,
        "secondFactor": account.has_second_factor(),
        "recoveryCodesLeft": account.recovery_left,
        "created": Clock::format(account.created_ms),
        "createdBy": account.created_by,
    });
    let optional = [
        ("fhirUser", account.fhir_user().map(str::to_owned)),
        ("passwordSet", account.password_set_ms.map(Clock::format)),
        ("lockedUntil", account.locked_until_ms.filter(|until| now_ms < *until).map(Clock::format)),
        ("activationUntil", account.activation_until_ms.map(Clock::format)),
        ("changed", account.changed_ms.map(Clock::format)),
        ("changedBy", account.changed_by.clone()),
        ("disabled", account.disabled_ms.map(Clock::format)),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            shown[name] = value.into();
        }
    }
    shown
}

/// An account in a line of a list.
pub(super) fn line(account: &Account, now_ms: i64) -> String {
    let actors = if account.actors.is_empty() { "-".to_owned() } else { account.actors.join(",") };
    format!(
        "{}  {}  {}  {}  {actors}  ({})\n",
        account.id,
        state(account, now_ms),
        account.login,
        roles(account).join(","),
        account.name
    )
}

/// An account in full.
pub(super) fn text(account: &Account, now_ms: i64) -> String {
    let mut text = String::new();
    let mut row = |title: &str, value: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{title:<16}{value}");
    };
    row("account id", &account.id);
    row("login name", &account.login);
    row("name", &account.name);
    row("state", state(account, now_ms));
    row("roles", &roles(account).join(" "));
    row("in FHIR", &if account.actors.is_empty() { "nobody".to_owned() } else { account.actors.join(" ") });
    match account.password_set_ms {
        Some(set) => row("password", &format!("set on {}", Clock::format(set))),
        None => row("password", "none"),
    }
    if let Some(until) = account.activation_until_ms {
        row("link", &format!("counts until {}", Clock::format(until)));
    }
    if account.has_second_factor() {
        row("second factor", &format!("on, {} recovery codes left", account.recovery_left));
    } else {
        row("second factor", "off");
    }
    row("added", &format!("{} by {}", Clock::format(account.created_ms), account.created_by));
    if let (Some(at), Some(by)) = (account.changed_ms, &account.changed_by) {
        row("changed", &format!("{} by {by}", Clock::format(at)));
    }
    text
}

/// Whom a provider knows it as.
pub(super) fn link_json(link: &Link) -> Value {
    json!({
        "provider": link.provider,
        "subject": link.subject,
        "byClaim": link.asserted,
        "created": Clock::format(link.created_ms),
        "createdBy": link.created_by,
    })
}

/// The same as a line.
pub(super) fn link_line(link: &Link) -> String {
    let how = if link.asserted { "by its claims" } else { "by an administrator" };
    format!("{:<16}{} as {} ({how}, {})\n", "login by", link.provider, link.subject, Clock::format(link.created_ms))
}
