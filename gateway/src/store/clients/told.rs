//! Clients as JSON, without anything secret: at the command line and over HTTP.

use serde_json::{Value, json};

use super::{Client, Keys};
use crate::clock::Clock;

impl Client {
    /// Until when the secret before counts, where it still does.
    pub(crate) fn secret_before_until(&self, now_ms: i64) -> Option<String> {
        self.secret_until_ms.filter(|until| *until > now_ms).map(Clock::format)
    }

    /// The codes of its purposes.
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        self.purposes.iter().map(|purpose| purpose.code()).collect()
    }

    /// The client: `id`, `name`, `organization`, `kind`, `scopes`, `purposes`, `defaultPurpose`, `actors`, `redirectUris`, `exchanges`, `networks`, `officer`,
    /// `administrator`, `registeredItself` (then `used`), `jwks` or `jwksUrl`, `state` (active or disabled), and when what was done by whom.
    pub(crate) fn told(&self, now_ms: i64) -> Value {
        let mut told = json!({
            "id": self.id,
            "name": self.name,
            "organization": self.organization.0,
            "kind": self.kind.as_str(),
            "scopes": self.scopes.split(' ').collect::<Vec<_>>(),
            "purposes": self.codes(),
            "actors": self.actors,
            "redirectUris": self.redirects,
            "exchanges": self.exchanges,
            "networks": self.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "officer": self.officer,
            "administrator": self.administrator,
            "registeredItself": self.is_registered,
            "created": Clock::format(self.created_ms),
            "createdBy": self.created_by,
            "state": if self.disabled_ms.is_some() { "disabled" } else { "active" },
        });
        let optional = [
            ("defaultPurpose", self.default_purpose.map(|purpose| purpose.code().to_owned())),
            ("secretBeforeUntil", self.secret_before_until(now_ms)),
            ("changed", self.changed_ms.map(Clock::format)),
            ("changedBy", self.changed_by.clone()),
            ("disabled", self.disabled_ms.map(Clock::format)),
            ("used", self.used_ms.map(Clock::format)),
            ("provider", self.provider.clone()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                told[name] = value.into();
            }
        }
        match &self.keys {
            Some(Keys::Inline(text)) => told["jwks"] = serde_json::from_str(text).unwrap_or_default(),
            Some(Keys::Url(url)) => told["jwksUrl"] = url.as_str().into(),
            None => {}
        }
        told
    }
}
