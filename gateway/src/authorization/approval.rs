//! Between the authorization endpoint and the code: who logged in chooses whose record it is about, and what of it the app gets
//! (<https://hl7.org/fhir/smart-app-launch/app-launch.html>).
//!
//! The address has the handle of the request, and nothing of anybody: names that are looked for, and who is chosen, go by forms. What a
//! form says is looked at anew each time: it is granted only what may be had, and the patient is one whom this account may choose.

mod choice;
mod page;
mod visit;
pub(super) mod words;

use std::time::Duration;

use consent::Purpose;
use hyper::{HeaderMap, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use smart::authorize::Target;
use smart::scope::{ContextKind, Other, Scopes};

use self::choice::chosen;
use self::visit::Visit;
use super::authorize::{CONTINUE, UnderWay};
use super::person::{About, PatientShown, Role, purpose, role};
use super::token::CodeContent;
use super::{AuthorizationServer, Problem};
use crate::auth::scopes::parsed;
use crate::http::query;
use crate::logins::{Session, login_address};
use crate::pages::{self, Page};
use crate::store::accounts::Account;
use crate::store::clients::{Approved, Client, Handle, HandleKind, NewApproval};

/// How long what was approved counts where no refresh token goes with it.
const ONCE: Duration = Duration::from_secs(3_600);
/// How long it may count, in days; the first is what is chosen where nobody says.
pub(super) const DAYS: [u32; 4] = [90, 1, 30, 365];
/// The most fields of a form.
const MOST: usize = 400;
/// The longest name that is looked for, in characters.
const LONGEST: usize = 100;

/// An authorization under way, and who is at it.
pub(super) struct Here {
    handle: Handle,
    /// As the address has it.
    request: String,
    under_way: UnderWay,
    client: Client,
    session: Session,
    purpose: Purpose,
    is_patient: bool,
    /// Whom they act for, who act for others: ids of patients.
    acting: Option<Vec<Box<str>>>,
}

/// What came of a step: who was at it, for which client, and the page.
pub(super) struct Step {
    pub(super) account: Option<Account>,
    pub(super) client: Option<Client>,
    pub(super) purpose: Option<Purpose>,
    pub(super) page: Page,
}

impl Step {
    pub(super) fn nobody(page: Page) -> Self {
        Self { account: None, client: None, purpose: None, page }
    }
}

/// A form, each field as often as it comes.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn read(text: &str) -> Option<Self> {
        let fields = query::pairs(text).map(|(name, value)| (name.into_owned(), value.into_owned()));
        let fields: Vec<_> = fields.take(MOST + 1).collect();
        (fields.len() <= MOST).then_some(Self(fields))
    }

    fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Which encounter, and whether there shall be none.
    fn visit(&self) -> (&str, &str) {
        (self.get("encounter"), self.get("without"))
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| &**value)
    }
}

impl AuthorizationServer {
    /// A step: the page of it, or what a form does. `form`: `None` for a GET.
    pub(super) async fn approval(
        &self,
        headers: &HeaderMap,
        query: &str,
        form: Option<&str>,
        about: About<'_>,
    ) -> Result<Step, Problem> {
        let Some(fields) = Fields::read(form.unwrap_or(query)) else {
            return Ok(Step::nobody(page::stopped("The form is too large", StatusCode::BAD_REQUEST)));
        };
        let here = match self.here(headers, fields.get("request")).await? {
            Ok(here) => *here,
            Err(step) => return Ok(*step),
        };
        let page = match (form, fields.get("action")) {
            (None, _) => self.first(&here, about).await?,
            (Some(_), _) if !self.logins.check_csrf(headers, &here.session, Some(fields.get("csrf"))) => {
                page::foreign()
            }
            (Some(_), "deny") => self.deny(&here).await?,
            (Some(_), "find") => self.find(&here, fields.get("q"), about).await?,
            (Some(_), "choose") => self.choose(&here, fields.get("patient"), fields.visit(), about).await?,
            (Some(_), "approve") => self.approve(&here, &fields, about).await?,
            (Some(_), _) => page::stopped("The form is not one of ours", StatusCode::BAD_REQUEST),
        };
        Ok(Step { account: Some(here.session.account), client: Some(here.client), purpose: Some(here.purpose), page })
    }

    /// What is under way, and who is at it; or where they have to go first.
    async fn here(&self, headers: &HeaderMap, request: &str) -> Result<Result<Box<Here>, Box<Step>>, Problem> {
        let store = &self.gateway.store;
        let unavailable = |_| Problem::unavailable();
        let stop = |page| Ok(Err(Box::new(Step::nobody(page))));
        let handle = store.handle(HandleKind::Request, request).await.map_err(unavailable)?;
        let Some(handle) = handle.filter(|handle| !handle.is_used) else { return stop(page::too_late()) };
        let Ok(under_way) = serde_json::from_str::<UnderWay>(&handle.content) else { return stop(page::too_late()) };
        let client = store.client(&handle.client).await.map_err(unavailable)?;
        let client =
            client.filter(|client| client.disabled_ms.is_none() && client.redirects.contains(&under_way.redirect_uri));
        let Some(client) = client else { return stop(page::too_late()) };
        let here = format!("{CONTINUE}?request={request}");
        let Some(session) = self.logins.session(headers).await.map_err(unavailable)? else {
            return stop(pages::see_other(&login_address(&here)));
        };
        let account = &session.account;
        let launched_for = under_way.launch.as_ref().and_then(|launch| launch.account.as_ref());
        let fits = account.organization == client.organization && launched_for.is_none_or(|id| *id == account.id);
        let known = role(account).filter(|_| fits).and_then(|role| Some((role, purpose(&client, role)?)));
        let Some((role, purpose)) = known else {
            let page = page::not_for_them(&account.name, &client.name, &self.logins.csrf(&session), &here);
            let step = Step { account: Some(session.account), client: Some(client), purpose: None, page };
            return Ok(Err(Box::new(step)));
        };
        let is_patient = matches!(role, Role::Patient(_) | Role::Proxy);
        let acting = match role {
            Role::Proxy => Some(self.acting(account).await?.into_iter().map(|one| one.patient).collect()),
            Role::Patient(_) | Role::Staff => None,
        };
        let request = request.to_owned();
        Ok(Ok(Box::new(Here { handle, request, under_way, client, purpose, is_patient, acting, session })))
    }

    /// The first page: the approval where it is known whose record it is about, else who may be chosen.
    async fn first(&self, here: &Here, about: About<'_>) -> Result<Page, Problem> {
        match (self.patient_known(here), needs_patient(&parsed(&here.under_way.scopes))) {
            (Some(patient), _) => self.choose(here, &patient, ("", ""), about).await,
            (None, _) if here.acting.is_some() => {
                let of = (&here.session.account, &here.client);
                let found = self.acted_for(of, here.purpose, about).await?;
                Ok(page::whom(&self.frame(here), &found))
            }
            (None, false) => Ok(self.ask(here, None, &Visit::NotAsked, None)),
            (None, true) => Ok(page::picker(&self.frame(here), "", None)),
        }
    }

    /// Whose record it is about where nobody has to choose: the EHR has said so, or it is a patient's own.
    fn patient_known(&self, here: &Here) -> Option<String> {
        let launched = here.under_way.launch.as_ref().and_then(|launch| launch.patient.clone());
        launched.or_else(|| match role(&here.session.account) {
            Some(Role::Patient(own)) => Some(own.to_owned()),
            // Who acts for one patient has no choice.
            _ => match here.acting.as_deref() {
                Some([one]) => Some(one.to_string()),
                _ => None,
            },
        })
    }

    async fn find(&self, here: &Here, text: &str, about: About<'_>) -> Result<Page, Problem> {
        if here.is_patient || self.patient_known(here).is_some() {
            return self.first(here, about).await;
        }
        let text: String = text.trim().chars().take(LONGEST).collect();
        if text.is_empty() {
            return Ok(page::picker(&self.frame(here), "", None));
        }
        let of = (&here.session.account, &here.client);
        let found = self.patients_like(of, here.purpose, &text, about).await?;
        Ok(page::picker(&self.frame(here), &text, Some(&found)))
    }

    /// The approval for a patient, where this account may choose that one.
    async fn choose(&self, here: &Here, id: &str, visit: (&str, &str), about: About<'_>) -> Result<Page, Problem> {
        let Some(patient) = self.chosen_patient(here, id, about).await? else {
            return Ok(page::stopped("This record cannot be chosen", StatusCode::FORBIDDEN));
        };
        Ok(match self.chosen_visit(here, (id, visit), about).await? {
            None => page::stopped("This visit cannot be chosen", StatusCode::FORBIDDEN),
            Some(Visit::Open) => {
                let found = self.visits(here, id, about).await?;
                page::visits(&self.frame(here), &patient, &found)
            }
            Some(visit) => self.ask(here, Some(&patient), &visit, None),
        })
    }

    async fn chosen_patient(&self, here: &Here, id: &str, about: About<'_>) -> Result<Option<PatientShown>, Problem> {
        let known = self.patient_known(here);
        if known.as_deref().is_some_and(|known| known != id) || !mappers::references::is_id(id) {
            return Ok(None);
        }
        let by_ehr = here.under_way.launch.as_ref().is_some_and(|launch| launch.patient.is_some());
        let of = (&here.session.account, &here.client);
        let found = self.patient(of, here.purpose, (id, by_ehr), about).await?;
        let encounter = here.under_way.launch.as_ref().and_then(|launch| launch.encounter.as_deref());
        if let (Some(_), Some(encounter)) = (&found, encounter)
            && self.encounter(of, here.purpose, (id, encounter), about).await?.is_none()
        {
            return Ok(None);
        }
        Ok(found)
    }

    fn ask(&self, here: &Here, patient: Option<&PatientShown>, visit: &Visit, wrong: Option<&str>) -> Page {
        page::approval(&self.frame(here), &parsed(&here.under_way.scopes), (patient, visit), wrong)
            .forms_to(&here.under_way.redirect_uri)
    }

    fn frame<'h>(&self, here: &'h Here) -> page::Frame<'h> {
        page::Frame {
            client: &here.client.name,
            person: &here.session.account.name,
            request: &here.request,
            csrf: self.logins.csrf(&here.session),
            redirect_uri: &here.under_way.redirect_uri,
            registered_itself: here.client.is_registered,
        }
    }

    fn target<'h>(&'h self, under_way: &'h UnderWay) -> Target<'h> {
        Target { redirect_uri: &under_way.redirect_uri, state: Some(&under_way.state), issuer: &self.origin }
    }

    async fn deny(&self, here: &Here) -> Result<Page, Problem> {
        let done = self.gateway.store.use_handle(&here.handle).await.map_err(|_| Problem::unavailable())?;
        let target =
            self.target(&here.under_way).with_error("access_denied", "the person did not approve what the app asks");
        Ok(if done { pages::see_other(&target) } else { page::too_late() })
    }

    async fn approve(&self, here: &Here, fields: &Fields, about: About<'_>) -> Result<Page, Problem> {
        let on: Vec<String> = fields.all("scope").map(ToOwned::to_owned).collect();
        let granted = chosen(&here.under_way.scopes, &on);
        let asked = parsed(&here.under_way.scopes);
        let id = fields.get("patient");
        let patient = if needs_patient(&asked) || here.acting.is_some() || self.patient_known(here).is_some() {
            match self.chosen_patient(here, id, about).await? {
                Some(patient) => Some(patient),
                None => return Ok(page::stopped("This record cannot be chosen", StatusCode::FORBIDDEN)),
            }
        } else {
            None
        };
        let visit = match &patient {
            Some(patient) => self.chosen_visit(here, (&patient.id, fields.visit()), about).await?,
            None => Some(Visit::NotAsked),
        };
        let Some(visit) = visit else {
            return Ok(page::stopped("This visit cannot be chosen", StatusCode::FORBIDDEN));
        };
        if granted.resources().is_empty() && !asked.resources().is_empty() {
            let wrong = "Choose at least one kind of records that the app may see, or deny its request.";
            return Ok(self.ask(here, patient.as_ref(), &visit, Some(wrong)));
        }
        let context = (patient.map(|patient| patient.id), visit.shown().map(|visit| visit.id.clone()));
        let new = self.new_approval(here, &granted, context, fields.get("days"));
        let UnderWay { redirect_uri, challenge, nonce, launch, .. } = here.under_way.clone();
        let content = serde_json::to_string(&CodeContent { redirect_uri, challenge, nonce });
        let content = content.map_err(|_| Problem::unavailable())?;
        let launch = launch.map(|launch| launch.as_handle(&here.client));
        let kept = self.gateway.store.keep_approval(&here.client, &here.handle, launch.as_ref(), &new, &content).await;
        Ok(match kept.map_err(|_| Problem::unavailable())? {
            Approved::Code(code) => pages::see_other(&self.target(&here.under_way).with_code(code.expose_secret())),
            Approved::TooLate => page::too_late(),
        })
    }

    fn new_approval(
        &self,
        here: &Here,
        granted: &Scopes,
        (patient, encounter): (Option<String>, Option<String>),
        days: &str,
    ) -> NewApproval {
        let now_ms = self.gateway.clock.now_ms();
        let session = &here.session;
        let days = days.parse().ok().filter(|days| DAYS.contains(days)).unwrap_or(DAYS[0]);
        let (offline, online) = (granted.has(Other::OfflineAccess), granted.has(Other::OnlineAccess));
        let expires_ms = match (offline, online) {
            (true, _) => now_ms + i64::from(days) * 86_400_000,
            (false, true) => session.expires_ms,
            (false, false) => now_ms + i64::try_from(ONCE.as_millis()).unwrap_or_default(),
        };
        let launch = here.under_way.launch.as_ref();
        let mut context =
            launch.map_or_else(|| json!({ "need_patient_banner": true }), |launch| launch.context.clone());
        if granted.has(Other::FhirUser) || granted.has(Other::Profile) {
            context["fhirUser"] = session.account.fhir_user().map_or(Value::Null, Value::from);
        }
        NewApproval {
            account: session.account.id.clone(),
            scopes: granted.to_string(),
            purpose: here.purpose,
            patient,
            encounter: launch.and_then(|launch| launch.encounter.clone()).or(encounter),
            context: context.to_string(),
            session: (online && !offline).then(|| session.hash().to_owned()),
            exchange: None,
            authenticated_ms: session.authenticated_ms,
            expires_ms,
        }
    }
}

/// Whether it has to be known whose record it is about.
fn needs_patient(scopes: &Scopes) -> bool {
    scopes.has(Other::LaunchPatient)
        || visit::is_asked(scopes)
        || scopes.resources().iter().any(|scope| scope.context() == ContextKind::Patient)
}
