//! Clients for a terminal and as JSON, without anything secret.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::store::clients::{Client, Keys, Kind};

/// Until when the secret before counts, where it still does.
fn until(client: &Client, now_ms: i64) -> Option<String> {
    client.secret_until_ms.filter(|until| *until > now_ms).map(Clock::format)
}

fn codes(client: &Client) -> Vec<&'static str> {
    client.purposes.iter().map(|purpose| purpose.code()).collect()
}

/// A client as JSON.
pub(super) fn json(client: &Client, now_ms: i64) -> Value {
    let mut shown = json!({
        "id": client.id,
        "name": client.name,
        "organization": client.organization.0,
        "kind": client.kind.as_str(),
        "scopes": client.scopes.split(' ').collect::<Vec<_>>(),
        "purposes": codes(client),
        "actors": client.actors,
        "redirectUris": client.redirects,
        "exchanges": client.exchanges,
        "networks": client.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "officer": client.officer,
        "created": Clock::format(client.created_ms),
        "createdBy": client.created_by,
        "state": if client.disabled_ms.is_some() { "disabled" } else { "active" },
    });
    let optional = [
        ("defaultPurpose", client.default_purpose.map(|purpose| purpose.code().to_owned())),
        ("secretBeforeUntil", until(client, now_ms)),
        ("provider", client.provider.clone()),
        ("changed", client.changed_ms.map(Clock::format)),
        ("changedBy", client.changed_by.clone()),
        ("disabled", client.disabled_ms.map(Clock::format)),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            shown[name] = value.into();
        }
    }
    match &client.keys {
        Some(Keys::Inline(text)) => shown["jwks"] = serde_json::from_str(text).unwrap_or_default(),
        Some(Keys::Url(url)) => shown["jwksUrl"] = url.as_str().into(),
        None => {}
    }
    shown
}

/// A client in a line of a list.
pub(super) fn line(client: &Client) -> String {
    let state = if client.disabled_ms.is_some() { "disabled" } else { "active" };
    format!(
        "{}  {state}  {}  {}  {}  ({})\n",
        client.id,
        client.kind.as_str(),
        codes(client).join(","),
        client.scopes,
        client.name
    )
}

/// A client in full.
pub(super) fn text(client: &Client, now_ms: i64) -> String {
    let mut text = String::new();
    let mut row = |title: &str, value: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{title:<16}{value}");
    };
    row("client id", &client.id);
    row("name", &client.name);
    match (client.disabled_ms, &client.changed_by) {
        (Some(at), by) => {
            row("state", &format!("disabled on {} by {}", Clock::format(at), by.as_deref().unwrap_or_default()));
        }
        (None, _) => row("state", "active"),
    }
    row("kind", client.kind.as_str());
    match (&client.keys, client.kind) {
        (Some(Keys::Inline(keys)), _) => row("keys", &names(keys)),
        (Some(Keys::Url(url)), _) => row("keys", url),
        (None, Kind::ConfidentialSymmetric) if client.disabled_ms.is_some() => row("secret", "gone"),
        (None, Kind::ConfidentialSymmetric) => match until(client, now_ms) {
            Some(until) => row("secret", &format!("kept as a hash; the one before counts until {until}")),
            None => row("secret", "kept as a hash"),
        },
        (None, Kind::ConfidentialAsymmetric) => row("keys", "none"),
        (None, Kind::Outside) => row("tokens of", client.provider.as_deref().unwrap_or_default()),
        (None, Kind::Public) => row("secret", "none: it is public"),
    }
    for uri in &client.redirects {
        row("sent back to", uri);
    }
    for provider in &client.exchanges {
        row("exchanges of", provider);
    }
    for network in &client.networks {
        row("answered from", &network.to_string());
    }
    row("scopes", &client.scopes);
    let default = client.default_purpose.map_or_else(
        || "it has to say which".to_owned(),
        |purpose| format!("{} where it does not say", purpose.code()),
    );
    row("purposes", &format!("{} ({default})", codes(client).join(" ")));
    let actors = if client.actors.is_empty() { "nobody".to_owned() } else { client.actors.join(" ") };
    row("to Consents", &actors);
    row("privacy officer", if client.officer { "yes" } else { "no" });
    row("added", &format!("{} by {}", Clock::format(client.created_ms), client.created_by));
    if let (Some(at), Some(by)) = (client.changed_ms, &client.changed_by) {
        row("changed", &format!("{} by {by}", Clock::format(at)));
    }
    text
}

/// Which keys a set has.
fn names(keys: &str) -> String {
    let set: Value = serde_json::from_str(keys).unwrap_or_default();
    let name = |key: &Value| {
        let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        format!("{} ({})", text("kid"), text("alg"))
    };
    set["keys"].as_array().into_iter().flatten().map(name).collect::<Vec<_>>().join(", ")
}
