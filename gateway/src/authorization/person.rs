//! Whoever logged in, as a caller: what the pages look up for them goes by the same decision and is on the same record as what an app
//! asks.

use consent::{Caller, CallerKind, Purpose};
use mappers::references::{Reference, parse};
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;

use super::{AuthorizationServer, Problem};
use crate::auth::scopes::of_account;
use crate::interaction::{Payload, Request, audited};
use crate::router::{self, Destination, Verb};
use crate::store::ActsFor;
use crate::store::accounts::Account;
use crate::store::clients::Client;

/// The HTTP request that a page is looked up for.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    /// Its name.
    pub(super) request_id: &'a str,
    /// The address that it came from.
    pub(super) source: Option<IpAddr>,
}

/// The most patients that a search shows.
const SHOWN: usize = 20;

/// What somebody is to the record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role<'a> {
    /// A patient, whose own record it is.
    Patient(&'a str),
    /// Somebody who is related to patients, and acts for those over whom they have authority.
    Proxy,
    /// Somebody at work.
    Staff,
}

/// What an account is to the record, by the first of its references; `None` where that is nothing that anything could be approved by.
pub(crate) fn role(account: &Account) -> Option<Role<'_>> {
    match parse(account.fhir_user()?) {
        Reference::Local { kind: "Patient", id, .. } => Some(Role::Patient(id)),
        Reference::Local { kind: "RelatedPerson", .. } => Some(Role::Proxy),
        Reference::Local { kind: "Practitioner" | "PractitionerRole" | "Person", .. } => Some(Role::Staff),
        _ => None,
    }
}

/// Why a client asks for somebody: patients ask for their own, people at work for what the client is registered for.
pub(crate) fn purpose(client: &Client, role: Role<'_>) -> Option<Purpose> {
    match role {
        Role::Patient(_) | Role::Proxy => Some(Purpose::Patrqt).filter(|purpose| client.purposes.contains(purpose)),
        Role::Staff => {
            let at_work = |purpose: &Purpose| *purpose != Purpose::Patrqt;
            let others = || client.purposes.iter().copied().filter(at_work);
            client.default_purpose.filter(at_work).or_else(|| others().next().filter(|_| others().count() == 1))
        }
    }
}

/// A patient, as a page shows one.
#[derive(Clone, Debug)]
pub(super) struct PatientShown {
    /// The id.
    pub(super) id: String,
    /// What they are called.
    pub(super) name: String,
    /// When they were born, as written.
    pub(super) born: Option<String>,
    /// Administrative gender.
    pub(super) gender: Option<String>,
}

impl PatientShown {
    fn of(patient: &Value) -> Option<Self> {
        let id = patient["id"].as_str()?.to_owned();
        let names = patient["name"].as_array().map(Vec::as_slice).unwrap_or_default();
        let usual = names.iter().find(|name| name["use"] == "official").or_else(|| names.first());
        let name = usual.map(spoken).filter(|name| !name.is_empty());
        let text = |member: &str| patient[member].as_str().map(ToOwned::to_owned);
        Some(Self {
            name: name.unwrap_or_else(|| format!("Patient {id}")),
            born: text("birthDate"),
            gender: text("gender"),
            id,
        })
    }
}

fn spoken(name: &Value) -> String {
    if let Some(text) = name["text"].as_str() {
        return text.to_owned();
    }
    let given = name["given"].as_array().into_iter().flatten().filter_map(Value::as_str);
    given.chain(name["family"].as_str()).collect::<Vec<_>>().join(" ")
}

impl AuthorizationServer {
    /// Somebody who looks at the pages for a client, as a caller.
    async fn looking(&self, account: &Account, client: &Client, patient: Option<&str>) -> Result<Caller, Problem> {
        let scopes = "user/Patient.rs patient/Patient.rs patient/Encounter.rs";
        let acting = self.acting(account).await?;
        let scoped = of_account(account, scopes, patient, self.gateway.staff_reach, &acting);
        let scoped = scoped.ok_or_else(Problem::unavailable)?;
        Ok(Caller {
            id: account.id.clone(),
            client: Some(client.id.clone()),
            kind: CallerKind::User,
            organization: account.organization,
            actors: account.actors.clone(),
            officer: false,
            scoped: Some(Arc::new(scoped)),
        })
    }

    /// For whom somebody acts now.
    pub(super) async fn acting(&self, account: &Account) -> Result<Vec<ActsFor>, Problem> {
        let found = self.gateway.store.acts_for(account.organization, &account.proxies()).await;
        found.map_err(|_| Problem::unavailable())
    }

    /// The patients whom somebody acts for, as a page shows them.
    pub(super) async fn acted_for(
        &self,
        (account, client): (&Account, &Client),
        purpose: Purpose,
        about: About<'_>,
    ) -> Result<Vec<PatientShown>, Problem> {
        let mut found = Vec::new();
        for one in self.acting(account).await?.iter().take(SHOWN) {
            found.extend(self.patient((account, client), purpose, (&one.patient, false), about).await?);
        }
        Ok(found)
    }

    /// What a page looks up; `None` where it is not there, or not to be seen by them.
    async fn look(
        &self,
        caller: &Caller,
        purpose: Purpose,
        (path, query): (&str, &str),
        about: About<'_>,
    ) -> Result<Option<Value>, Problem> {
        let Destination::Found(place) = router::find(Some(Verb::Get), path) else { return Ok(None) };
        let About { request_id, source } = about;
        let request =
            Request { query: query.into(), safe: true, request_id: request_id.into(), source, ..Request::at(&place) };
        match audited::perform(&self.endpoint, caller, purpose, &request).await {
            Ok(answer) => match answer.payload {
                Payload::Resource(body) => serde_json::from_slice(&body).map(Some).map_err(|_| Problem::unavailable()),
                _ => Ok(None),
            },
            Err(failure) if failure.status.is_server_error() => Err(Problem::unavailable()),
            Err(_) => Ok(None),
        }
    }

    /// A patient whom they may choose; `None` for everybody else. `by_ehr`: the EHR has said that this record is open.
    pub(super) async fn patient(
        &self,
        (account, client): (&Account, &Client),
        purpose: Purpose,
        (id, by_ehr): (&str, bool),
        about: About<'_>,
    ) -> Result<Option<PatientShown>, Problem> {
        if matches!(role(account), Some(Role::Patient(own)) if own != id) {
            return Ok(None);
        }
        let caller = self.looking(account, client, Some(id).filter(|_| by_ehr)).await?;
        let found = self.look(&caller, purpose, (&format!("/fhir/Patient/{id}"), ""), about).await?;
        Ok(found.as_ref().and_then(PatientShown::of))
    }

    /// An encounter that is the patient's, and theirs to see.
    pub(super) async fn encounter(
        &self,
        (account, client): (&Account, &Client),
        purpose: Purpose,
        (patient, encounter): (&str, &str),
        about: About<'_>,
    ) -> Result<Option<Value>, Problem> {
        let caller = self.looking(account, client, Some(patient)).await?;
        self.look(&caller, purpose, (&format!("/fhir/Encounter/{encounter}"), ""), about).await
    }

    /// The patient's latest encounters that are theirs to see.
    pub(super) async fn encounters(
        &self,
        (account, client): (&Account, &Client),
        purpose: Purpose,
        patient: &str,
        about: About<'_>,
    ) -> Result<Vec<Value>, Problem> {
        let caller = self.looking(account, client, Some(patient)).await?;
        let query = format!("patient={}&_count={SHOWN}&_sort=-date&_total=none", url_encoded(patient));
        let bundle = self.look(&caller, purpose, ("/fhir/Encounter", &query), about).await?.unwrap_or_default();
        let entries = bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_one = |resource: &&Value| resource["resourceType"] == "Encounter";
        Ok(entries.iter().map(|entry| &entry["resource"]).filter(is_one).cloned().collect())
    }

    /// The patients of somebody at work whose name, or one of whose identifiers, is like this.
    pub(super) async fn patients_like(
        &self,
        (account, client): (&Account, &Client),
        purpose: Purpose,
        text: &str,
        about: About<'_>,
    ) -> Result<Vec<PatientShown>, Problem> {
        let caller = self.looking(account, client, None).await?;
        let value: String = url_encoded(text);
        let mut found: Vec<PatientShown> = Vec::new();
        for parameter in ["name", "identifier"] {
            let query = format!("{parameter}={value}&_count={SHOWN}&_sort=name&_total=none");
            let bundle = self.look(&caller, purpose, ("/fhir/Patient", &query), about).await?.unwrap_or_default();
            for entry in bundle["entry"].as_array().into_iter().flatten() {
                let patient = PatientShown::of(&entry["resource"]);
                found.extend(patient.filter(|patient| found.iter().all(|known| known.id != patient.id)));
            }
        }
        found.truncate(SHOWN);
        Ok(found)
    }
}

/// A value of a search: one, whatever is in it.
fn url_encoded(text: &str) -> String {
    let escaped: String =
        text.chars().flat_map(|one| "\\,$|".contains(one).then_some('\\').into_iter().chain([one])).collect();
    escaped.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
