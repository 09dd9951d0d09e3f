//! ID tokens that an app holds already, of issuers that an administrator trusts, for access tokens: token exchange
//! (<https://www.rfc-editor.org/rfc/rfc8693>).
//!
//! Nobody sees a page. An administrator who let a client exchange a provider's ID tokens (`client add --exchange`) approved, in the stead
//! of whom they are about, all that the client is registered for: as is usual for an organization's own apps. It is an approval as any
//! other, marked as one of an exchange: whoever it is about finds it among theirs, and closes the client out there, until they let it in
//! again. What comes of it is bounded as always: by the client's scopes, by what the account may, by whose record it is. There is no refresh
//! token: the app exchanges the next ID token, and an access token never counts for longer than what it was given for.

use std::net::IpAddr;

use consent::Purpose;
use hyper::StatusCode;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use smart::grant::{INVALID_SCOPE, grant};
use smart::outside::OutsideError;
use smart::scope::{Other, Scopes};

use super::super::form::Form;
use super::super::person::{Role, purpose, role};
use super::super::record::Who;
use super::super::{AuthorizationServer, PATHS, Problem, Reply, Sent};
use super::exchange::LIFETIME;
use crate::auth::scopes::{parsed, read};
use crate::metrics::Grant;
use crate::outside::{Held, LoginError, Unvouched, vouched};
use crate::store::accounts::{Account, Word};
use crate::store::clients::{Client, Exchanged, NewApproval};

/// The grant.
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// What the audit trail calls it: what an administrator approved in somebody's stead.
const RECORDED: &str = "token-exchange";
/// What comes of it.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// What may be shown for it. Supabase calls the same token an access token.
const SUBJECTS: [&str; 3] =
    ["urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:jwt", ACCESS_TOKEN];
/// Where a token is to be shown: parameters that may come more than once (RFC 8693, 2.1).
const PLACES: [&str; 2] = ["resource", "audience"];
/// For how long what was approved counts, in milliseconds: 90 days; it is made anew when less than a third is left.
const LISTED_MS: i64 = 90 * 86_400_000;

/// Scopes that come to nothing here: there is no launch, no ID token and no refresh token.
const WITHOUT: [&str; 6] = ["launch", "launch/encounter", "offline_access", "online_access", "openid", "profile"];

/// One sentence for everybody who is nobody here: whoever asks learns no more.
fn nobody() -> Problem {
    let says = "whoever the subject_token is about has no account here by the provider's claims, or it is closed, or a login of theirs would \
                have to show a second factor here";
    Problem::new("invalid_request", says)
}

impl AuthorizationServer {
    /// Answers an exchange; `None` where the form asks for something else.
    pub(in crate::authorization) async fn token_exchange(&self, sent: &Sent<'_>, form: &str) -> Option<Reply> {
        let form =
            Form::read_several(form, &PLACES).ok().filter(|form| form.get("grant_type") == Some(TOKEN_EXCHANGE))?;
        let (who, reply) = match self.shown(sent, &form).await {
            Ok(shown) => {
                let client = shown.client;
                match self.exchanged(&client, &form, sent.source).await {
                    Ok((account, purpose, reply)) => (Who::Person(account, Some(Box::new(client)), purpose), reply),
                    Err(problem) => {
                        let purpose = client.default_purpose.unwrap_or(Purpose::Hoperat);
                        (Who::Known(client, purpose), problem.into())
                    }
                }
            }
            Err(mut problem) => {
                let who = problem.of.take().map_or(Who::Nobody, |client| Who::NotShown(*client));
                (who, problem.into())
            }
        };
        Some(self.on_record(RECORDED, sent, &who, reply).await)
    }

    async fn exchanged(
        &self,
        client: &Client,
        form: &Form,
        source: Option<IpAddr>,
    ) -> Result<(Box<Account>, Purpose, Reply), Problem> {
        if client.exchanges.is_empty() {
            let says = "this client may exchange no tokens: an administrator allows it (client add|change --exchange PROVIDER)";
            return Err(Problem::new("unauthorized_client", says));
        }
        let token = self.asked(form)?;
        let held = self.logins.outside().held(token, client).await;
        let held = held.map_err(|error| refused(&error, client))?;
        let account = self.account_of(&held, source).await?;
        let role = role(&account).ok_or_else(nobody)?;
        let purpose = purpose(client, role).ok_or_else(|| {
            let says = "the client has no purpose of use for such a person: patients take PATRQT, people at work another one (--purpose, \
                        --default-purpose)";
            Problem::new("unauthorized_client", says)
        })?;
        let patient = match role {
            Role::Patient(id) => Some(id.to_owned()),
            Role::Staff => None,
            // There is no page on which they could choose.
            Role::Proxy => {
                let says = format!(
                    "whoever this is about acts for others, and says for whom when they let an app in at {}{}",
                    self.origin, PATHS.authorize
                );
                return Err(Problem::new("invalid_request", says));
            }
        };
        let (approved, granted) = scopes(client, patient.is_some(), form.get("scope"))?;
        let now_ms = self.gateway.clock.now_ms();
        let mut context = json!({});
        if patient.is_some() {
            context["need_patient_banner"] = true.into();
        }
        if approved.has(Other::FhirUser) {
            context["fhirUser"] = account.fhir_user().map_or(Value::Null, Value::from);
        }
        let new = NewApproval {
            account: account.id.clone(),
            scopes: approved.to_string(),
            purpose,
            patient,
            encounter: None,
            context: context.to_string(),
            session: None,
            exchange: Some(held.provider.id.clone()),
            authenticated_ms: held.auth_time_s.unwrap_or(held.signed_s).saturating_mul(1000),
            expires_ms: now_ms + LISTED_MS,
        };
        let lifetime_ms = i64::try_from(LIFETIME.as_millis()).unwrap_or_default();
        let until_ms = held.expires_ms.min(now_ms + lifetime_ms);
        let text = granted.to_string();
        let unavailable = |_| Problem::unavailable();
        let store = &self.gateway.store;
        let given = store.exchange(client, &account, &new, (&text, until_ms)).await.map_err(unavailable)?;
        let (access, approval) = match given {
            Exchanged::Token(access, approval) => (access, approval),
            Exchanged::Refused => {
                let says = format!(
                    "whoever this is about has closed the client out, and lets it in again at {}{}",
                    self.origin, PATHS.manage
                );
                // RFC 8693, 2.2.2: a token that is not acceptable, for whatever reason.
                return Err(Problem::new("invalid_request", says));
            }
            // Who was changed meanwhile shows anew that it is itself.
            Exchanged::Changed => return Err(Problem::invalid_client()),
        };
        self.issued.given(access.secret.expose_secret());
        // That one comes again is allowed while it counts, and shows in the metrics.
        let whose = format!("(exchange) {}", client.id);
        let is_first =
            store.use_once(client.organization, &whose, token, held.expires_ms).await.map_err(unavailable)?;
        self.issuing.issued(if is_first { Grant::TokenExchange } else { Grant::TokenExchangeAgain });
        let left_ms = access.expires_ms - self.gateway.clock.now_ms();
        let mut body = json!({
            "access_token": access.secret.expose_secret(),
            "issued_token_type": ACCESS_TOKEN,
            "expires_in": left_ms.max(0).unsigned_abs().div_ceil(1000),
            "scope": text,
            "token_type": "Bearer",
        });
        for (name, value) in self.context(&approval) {
            // `fhirUser` is the account's; said where it was asked for.
            if name != "fhirUser" || granted.has(Other::FhirUser) {
                body[name] = value;
            }
        }
        Ok((Box::new(account), purpose, Reply::json(StatusCode::OK, &body)))
    }

    /// The token that is shown, where all that is asked can be had here.
    fn asked<'f>(&self, form: &'f Form) -> Result<&'f str, Problem> {
        let wrong = |says: &str| Err(Problem::new("invalid_request", says));
        if form.get("actor_token").is_some() || form.get("actor_token_type").is_some() {
            return wrong("nobody acts for another one here: send no actor_token");
        }
        if form.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
            return wrong("requested_token_type has to be urn:ietf:params:oauth:token-type:access_token, or none");
        }
        // Where the token is to be shown: here, or nowhere.
        let is_here = |places: &str| places.split(' ').all(|place| place.trim_end_matches('/') == &*self.base);
        if PLACES.iter().any(|name| form.get(name).is_some_and(|place| !is_here(place))) {
            let says =
                format!("tokens of here are for {} alone: say that as resource or audience, or nothing", self.base);
            return Err(Problem::new("invalid_target", says));
        }
        match form.get("subject_token_type") {
            Some(kind) if SUBJECTS.contains(&kind) => {}
            _ => {
                return wrong(
                    "subject_token_type has to be urn:ietf:params:oauth:token-type:id_token (or jwt, or access_token of an issuer that calls it so)",
                );
            }
        }
        form.get("subject_token").ok_or_else(|| Problem::new("invalid_request", "subject_token is missing"))
    }

    /// The account of whom a token is about.
    async fn account_of(&self, held: &Held, source: Option<IpAddr>) -> Result<Account, Problem> {
        let Held { provider, subject, persona, second_factor, signed_s, .. } = held;
        if let Err(why) = persona {
            tracing::info!(provider = %provider.id, %why, "an ID token is of nobody here by its claims");
        }
        let persona = persona.as_ref().ok().and_then(Option::as_ref);
        let said = (Word::Held(*signed_s), persona);
        let vouched = match vouched(&self.gateway, provider, subject, said, source).await {
            Ok(vouched) => vouched,
            Err(Unvouched::Unavailable) => return Err(Problem::unavailable()),
            Err(Unvouched::NoAccount) => {
                tracing::warn!(provider = %provider.id, "what the provider claims of somebody can be no account");
                return Err(nobody());
            }
        };
        let account = vouched.account.ok_or_else(nobody)?;
        // What a login asks for an exchange does not go without: a second factor was shown to a provider that asks for one.
        let needs_second = self.gateway.logins.second_factor || account.has_second_factor();
        if needs_second && !second_factor { Err(nobody()) } else { Ok(account) }
    }
}

/// What an administrator approved of a client for such a person, and what of that is granted now.
fn scopes(client: &Client, is_patient: bool, asked: Option<&str>) -> Result<(Scopes, Scopes), Problem> {
    let refused = |says: String| Problem::new(INVALID_SCOPE, says);
    let fits = |word: &&str| {
        let is_of_patients = word.starts_with("patient/") || *word == Other::LaunchPatient.as_str();
        !word.starts_with("system/") && !WITHOUT.contains(word) && (is_patient || !is_of_patients)
    };
    let words: Vec<&str> = client.scopes.split(' ').filter(fits).collect();
    let approved = parsed(&words.join(" "));
    let asked = match asked {
        Some(asked) => read(asked).map_err(|error| refused(error.to_string()))?,
        None => approved.clone(),
    };
    let granted = grant(&asked, &approved).map_err(|error| refused(error.to_string()))?;
    if granted.resources().is_empty() && (!asked.resources().is_empty() || granted.is_empty()) {
        return Err(refused("nothing of what was asked for is allowed to this client for such a person".to_owned()));
    }
    Ok((approved, granted))
}

/// Why a token is not taken. What is wrong with it may be known to whoever holds it: nothing of it is in there.
fn refused(error: &LoginError, client: &Client) -> Problem {
    let says = match error {
        LoginError::Store(_) | LoginError::Unreachable => {
            tracing::warn!(client = %client.id, %error, "an ID token cannot be verified now");
            return Problem::unavailable();
        }
        LoginError::Provider => {
            "the subject_token is of no issuer whose tokens this client may exchange (client add|change --exchange PROVIDER)".to_owned()
        }
        LoginError::Whose => {
            "the subject_token's issuer has several names for apps, and which is this client's is not said: an administrator says so \
             (client change --exchange PROVIDER=NAME)"
                .to_owned()
        }
        LoginError::Token(OutsideError::Algorithm) => {
            "the subject_token's alg is none of RS256, RS384, ES256 and ES384. What is signed by a shared secret (HS256, as Supabase's legacy JWT \
             secret) proves nothing here: switch the issuer to asymmetric signing keys"
                .to_owned()
        }
        error => format!("subject_token: {error}"),
    };
    tracing::info!(client = %client.id, %error, "an ID token was not exchanged");
    Problem::new("invalid_request", says)
}
