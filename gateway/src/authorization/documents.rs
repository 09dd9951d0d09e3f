//! What everybody may know: where clients find what, and the keys of ID tokens.

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};
use smart::metadata::{Features, Metadata, Site};

use super::{AuthorizationServer, Challenge, PATHS, Part, Problem, Reply};
use crate::signing;

/// Where apps find how the EHR looks.
pub(super) const STYLE: &str = "/oauth/smart-style.json";

impl AuthorizationServer {
    /// What everybody may know.
    pub async fn document(&self, part: Part) -> Reply {
        match part {
            Part::OpenIdConfiguration => self.openid_configuration(&self.site_now().await),
            Part::KeySet => self.key_set().await,
            Part::SmartConfiguration => document(&self.site_now().await.smart_configuration()),
            Part::ServerMetadata => document(&self.site_now().await.authorization_server()),
            Part::Style => Reply::json(StatusCode::OK, &style()),
            _ => Problem::unavailable().into(),
        }
    }

    /// What is there now: an exchange of tokens where a provider's are exchanged. Of what cannot be told nothing is said.
    async fn site_now(&self) -> Site<'_> {
        let mut site = site(&self.origin, self.registration.is_some());
        site.features.token_exchange = self.gateway.store.has_exchanges().await.unwrap_or(false);
        site
    }

    /// Where OpenID Connect is to be found, if it is there.
    fn openid_configuration(&self, site: &Site<'_>) -> Reply {
        match site.openid_configuration() {
            Some(found) => match serde_json::to_vec(&found) {
                Ok(body) => kept(body.into()),
                Err(_) => Problem::unavailable().into(),
            },
            None => {
                let says = "there is no OpenID Connect here: nobody logs in";
                Problem { status: StatusCode::NOT_FOUND, ..Problem::new("not_found", says) }.into()
            }
        }
    }

    async fn key_set(&self) -> Reply {
        match self.signer.key_set().await {
            Ok(body) => kept(body),
            Err(error) => {
                tracing::warn!(%error, "the key set cannot be shown");
                Problem::unavailable().into()
            }
        }
    }
}

/// What is there, at an origin; `registration`: programs register themselves.
pub fn site(origin: &str, registration: bool) -> Site<'_> {
    let features = Features {
        backend_services: true,
        symmetric_clients: true,
        authorize: true,
        ehr_launch: true,
        public_clients: true,
        asymmetric_clients: true,
        offline: true,
        online: true,
        response_issuer: true,
        management: true,
        introspection: true,
        revocation: true,
        openid: true,
        registration,
        standalone_encounter: true,
        ..Features::default()
    };
    Site { issuer: origin, base: origin, paths: PATHS, features }
}

/// What anybody may keep for a while.
fn kept(body: Bytes) -> Reply {
    Reply::Json { status: StatusCode::OK, body, challenge: Challenge::None, kept_s: signing::KEPT_S, wait_s: 0 }
}

/// <https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#styling>
fn style() -> Value {
    json!({
        "color_background": "#ffffff",
        "color_error": "#a3180f",
        "color_highlight": "#0b57a4",
        "color_modal_backdrop": "#10171d",
        "color_success": "#1b6e3c",
        "color_text": "#16202a",
        "dim_border_radius": "5px",
        "dim_font_size": "16px",
        "dim_spacing_size": "20px",
        "font_family_body": "system-ui, sans-serif",
        "font_family_heading": "system-ui, sans-serif",
    })
}

fn document(metadata: &Metadata) -> Reply {
    match serde_json::to_value(metadata) {
        Ok(document) => Reply::json(StatusCode::OK, &document),
        Err(_) => Problem::unavailable().into(),
    }
}
