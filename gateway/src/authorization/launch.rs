//! Launches from an EHR: a program of the EHR says whose record is open, and gets what it sends along to the app
//! (<https://hl7.org/fhir/smart-app-launch/app-launch.html#launch-app-ehr-launch>).
//!
//! The standard leaves open how it does so. Here it is a form, sent by a client that has the scope `launch`, no `redirect_uri`, and shows who it is:
//!
//! `POST /oauth/launch`, with `app` (the client id of the app), `patient`, and where there is one `encounter`, `account` (who has to log
//! in), `intent`, `need_patient_banner` (`true`, `false`), `fhirContext` (JSON). It answers `{"launch": ..., "expires_in": 1200}`.

use std::time::Duration;

use consent::Purpose;
use hyper::StatusCode;
use mappers::references::is_id;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use smart::authorize::Fault;
use smart::scope::Other;

use super::authorize::unavailable;
use super::{Asked, AuthorizationServer, Problem, Reply, Sent};
use crate::auth::scopes::parsed;
use crate::store::clients::{Client, Handle, HandleKind, Kind, NewHandle};

/// How long an app may take to ask, and its user to log in and approve.
const LIFETIME: Duration = Duration::from_secs(1_200);
/// The longest `fhirContext`, in bytes.
const LONGEST: usize = 8 * 1024;

/// What an EHR has said.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Launched {
    /// The hash of its handle, which is used up by the approval.
    #[serde(default)]
    pub(super) handle: String,
    /// The app that it is for.
    pub(super) app: String,
    /// Whose record is open.
    pub(super) patient: Option<String>,
    /// Which encounter is.
    pub(super) encounter: Option<String>,
    /// Who has to log in.
    pub(super) account: Option<String>,
    /// What is in the token's answer beside.
    pub(super) context: Value,
}

impl Launched {
    /// Its handle, to be used up.
    pub(super) fn as_handle(&self, client: &Client) -> Handle {
        Handle {
            hash: self.handle.clone(),
            organization: client.organization,
            client: client.id.clone(),
            approval: None,
            content: String::new(),
            is_used: false,
        }
    }
}

impl AuthorizationServer {
    /// Takes what an EHR says, and gives what it sends along.
    pub(super) async fn launch(&self, sent: &Sent<'_>, form: &str) -> Asked {
        let (client, form) = match self.known(sent, form).await {
            Ok(known) => known,
            Err(problem) => return (None, Err(problem)),
        };
        let reply = self.launching(&client, &form).await;
        (Some((client, Purpose::Hoperat)), reply)
    }

    async fn launching(&self, client: &Client, form: &super::form::Form) -> Result<Reply, Problem> {
        // Who is launched has the scope as well: an app that could say itself whose record is open would not be bound by who may open it.
        let is_ehr = !matches!(client.kind, Kind::Outside | Kind::Public) && client.redirects.is_empty();
        if !is_ehr || !parsed(&client.scopes).has(Other::Launch) {
            let says = "launching takes a confidential client with the scope launch for which nobody logs in (no redirect_uri)";
            return Err(Problem::new("unauthorized_client", says));
        }
        let wrong = |says: &str| Problem::new("invalid_request", says);
        let app = form.get("app").ok_or_else(|| wrong("app is missing: the client id of the app that is launched"))?;
        let known = self.gateway.store.client(app).await.map_err(|_| Problem::unavailable())?;
        let fits = |app: &Client| app.organization == client.organization && app.disabled_ms.is_none();
        if !known.is_some_and(|app| fits(&app)) {
            return Err(wrong("app is no client of the organization"));
        }
        let id = |name: &str| match form.get(name) {
            Some(id) if is_id(id) => Ok(Some(id.to_owned())),
            Some(_) => Err(wrong("patient and encounter are ids, without a type")),
            None => Ok(None),
        };
        let (patient, encounter) = (id("patient")?, id("encounter")?);
        if encounter.is_some() && patient.is_none() {
            return Err(wrong("an encounter needs its patient"));
        }
        let mut context = json!({ "need_patient_banner": form.get("need_patient_banner") != Some("false") });
        if let Some(intent) = form.get("intent") {
            context["intent"] = intent.into();
        }
        if let Some(text) = form.get("fhirContext") {
            let read = || serde_json::from_str::<Vec<Value>>(text).ok().filter(|_| text.len() <= LONGEST);
            let entries = read().filter(|entries| entries.iter().all(Value::is_object));
            context["fhirContext"] =
                entries.ok_or_else(|| wrong("fhirContext is a JSON array of objects of at most 8 KiB"))?.into();
        }
        let account = form.get("account").map(ToOwned::to_owned);
        let launched = Launched { handle: String::new(), app: app.to_owned(), patient, encounter, account, context };
        let content = serde_json::to_string(&launched).map_err(|_| Problem::unavailable())?;
        let new = NewHandle {
            kind: HandleKind::Launch,
            organization: client.organization,
            client: &client.id,
            approval: None,
            content: &content,
            lifetime: LIFETIME,
        };
        let handle = self.gateway.store.new_handle(new).await.map_err(|_| Problem::unavailable())?;
        let body = json!({ "launch": handle.expose_secret(), "expires_in": LIFETIME.as_secs() });
        Ok(Reply::json(StatusCode::OK, &body))
    }

    /// What a launch stands for, for the app that sends it.
    pub(super) async fn launched(&self, client: &Client, launch: &str) -> Result<Launched, Fault> {
        let unknown = || {
            Fault::new(
                "invalid_request",
                "launch is not known here, has expired, was used, or is another app's: launch the app again from the EHR",
            )
        };
        let handle = self.gateway.store.handle(HandleKind::Launch, launch).await.map_err(|_| unavailable())?;
        let handle = handle.filter(|handle| !handle.is_used && handle.organization == client.organization);
        let handle = handle.ok_or_else(unknown)?;
        let launched: Launched = serde_json::from_str(&handle.content).map_err(|_| unknown())?;
        if launched.app != client.id {
            return Err(unknown());
        }
        Ok(Launched { handle: handle.hash, ..launched })
    }
}
