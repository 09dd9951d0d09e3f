//! Clients for a terminal and as JSON, without anything secret.

use std::fmt::Write as _;

use serde_json::Value;

use crate::clock::Clock;
use crate::store::clients::{Client, Keys, Kind};

/// A client in a line of a list.
pub(super) fn line(client: &Client) -> String {
    let state = if client.disabled_ms.is_some() { "disabled" } else { "active" };
    let itself = if client.is_registered { "  registered itself" } else { "" };
    format!(
        "{}  {state}  {}  {}  {}  ({}){itself}\n",
        client.id,
        client.kind.as_str(),
        client.codes().join(","),
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
        (None, Kind::ConfidentialSymmetric) => match client.secret_before_until(now_ms) {
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
    row("purposes", &format!("{} ({default})", client.codes().join(" ")));
    let actors = if client.actors.is_empty() { "nobody".to_owned() } else { client.actors.join(" ") };
    row("to Consents", &actors);
    row("privacy officer", if client.officer { "yes" } else { "no" });
    row("administrator", if client.administrator { "of clients, over HTTP" } else { "no" });
    if client.is_registered {
        let used = client
            .used_ms
            .map_or_else(|| "nobody has used it".to_owned(), |at| format!("last used about {}", Clock::format(at)));
        row("registered", &format!("itself: nobody has checked what it says of itself; {used}"));
    }
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
