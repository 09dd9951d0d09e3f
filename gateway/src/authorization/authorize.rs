//! The authorization endpoint: what an app asks, before anybody is asked about it
//! (<https://hl7.org/fhir/smart-app-launch/app-launch.html#obtain-authorization-code>).

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use smart::authorize::{self, Asked as AskedFor, Fault, Target};
use smart::grant::{INVALID_SCOPE, grant};
use smart::scope::Other;

use super::form::Form;
use super::launch::Launched;
use super::{AuthorizationServer, Problem};
use crate::auth::scopes::{parsed, read};
use crate::pages::{self, Page};
use crate::store::clients::{Client, HandleKind, NewHandle};

/// How long somebody may take to log in and approve.
const LIFETIME: Duration = Duration::from_secs(900);
/// Where it goes on, with the request's handle.
pub(super) const CONTINUE: &str = "/oauth/authorize/continue";

/// An authorization under way.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct UnderWay {
    /// Where the app is answered.
    pub(super) redirect_uri: String,
    /// What it wants to see again.
    pub(super) state: String,
    /// What it may get: of what it asks what it is registered for.
    pub(super) scopes: String,
    /// What its verifier has to make.
    pub(super) challenge: String,
    /// What the ID token has to have in it.
    pub(super) nonce: Option<String>,
    /// What the EHR has said.
    pub(super) launch: Option<Launched>,
}

impl AuthorizationServer {
    /// Begins: sends the browser on to where somebody logs in and approves, or back with an error; of an app that registered itself the error is shown on
    /// a page.
    pub(super) async fn authorize(&self, parameters: &str) -> Result<(Option<Client>, Page), Problem> {
        let form = Form::read(parameters)?;
        let client = self.client_to_answer(&form).await?;
        let redirect_uri = form.get("redirect_uri").unwrap_or_default();
        let target = Target { redirect_uri, state: form.get("state"), issuer: &self.origin };
        let page = match self.begin(&client, &form).await {
            Ok(handle) => pages::see_other(&format!("{CONTINUE}?request={handle}")),
            // Who registered it is a stranger: nobody is sent on under our address to theirs without having been told so.
            Err(fault) if client.is_registered => pages::problem(
                hyper::StatusCode::BAD_REQUEST,
                &format!(
                    "The app asked for access in a way that is not answered ({}). Nothing was given to it.",
                    fault.says
                ),
            ),
            Err(fault) => pages::see_other(&target.with_error(fault.error, &fault.says)),
        };
        Ok((Some(client), page))
    }

    /// The client, where it is known and `redirect_uri` is one of its own: nobody is sent anywhere else.
    async fn client_to_answer(&self, form: &Form) -> Result<Client, Problem> {
        let id = form.get("client_id").ok_or_else(|| Problem::new("invalid_request", "client_id is missing"))?;
        let client = self.gateway.store.client(id).await.map_err(|_| Problem::unavailable())?;
        let unknown = || Problem::new("invalid_client", "the app is not known here, or is disabled");
        let client = client.filter(|client| client.disabled_ms.is_none()).ok_or_else(unknown)?;
        let is_own = |uri: &str| client.redirects.iter().any(|own| own == uri);
        match form.get("redirect_uri") {
            Some(uri) if is_own(uri) => Ok(client),
            Some(_) => {
                let says = "redirect_uri is none of those that the app is registered with, to the letter";
                Err(Problem::new("invalid_request", says).against(client))
            }
            None => Err(Problem::new("invalid_request", "redirect_uri is missing").against(client)),
        }
    }

    async fn begin(&self, client: &Client, form: &Form) -> Result<String, Fault> {
        let asked = authorize::read(&self.base, |name| form.get(name))?;
        let launch = match &asked.launch {
            Some(launch) => Some(self.launched(client, launch).await?),
            None => None,
        };
        let scopes = allowed(client, &asked, launch.is_some())?;
        let AskedFor { state, challenge, nonce, .. } = asked;
        let redirect_uri = form.get("redirect_uri").unwrap_or_default().to_owned();
        let under_way = UnderWay { redirect_uri, state, scopes, challenge, nonce, launch };
        let content = serde_json::to_string(&under_way).map_err(|_| unavailable())?;
        let new = NewHandle {
            kind: HandleKind::Request,
            organization: client.organization,
            client: &client.id,
            approval: None,
            content: &content,
            lifetime: LIFETIME,
        };
        let handle = self.gateway.store.new_handle(new).await.map_err(|_| unavailable())?;
        Ok(handle.expose_secret().to_owned())
    }
}

/// The store does not answer.
pub(super) fn unavailable() -> Fault {
    Fault::new("temporarily_unavailable", "try again")
}

/// What an app may get of what it asks.
fn allowed(client: &Client, asked: &AskedFor, launched: bool) -> Result<String, Fault> {
    let refused = |says: String| Fault::new(INVALID_SCOPE, says);
    let wanted = read(&asked.scope).map_err(|error| refused(error.to_string()))?;
    let registered = parsed(&client.scopes);
    let granted = grant(&wanted, &registered.of_people()).map_err(|error| refused(error.to_string()))?;
    if launched && !granted.has(Other::Launch) {
        return Err(refused(
            "the launch of an EHR takes the scope launch, which the app has to ask for and be registered with"
                .to_owned(),
        ));
    }
    // Without a launch there is nothing that it could mean.
    let granted = if launched { granted } else { granted.without(Other::Launch) };
    if granted.is_empty() {
        return Err(refused("nothing of what was asked for is allowed to this client".to_owned()));
    }
    Ok(granted.to_string())
}
