//! Which encounter it is about, where an app asks for one (`launch/encounter`) and no EHR has said: one of the patient's, as far as
//! whoever chooses may see them, or none.

use serde_json::Value;
use smart::scope::{Other, Scopes};

use super::Here;
use crate::auth::scopes::parsed;
use crate::authorization::person::About;
use crate::authorization::{AuthorizationServer, Problem};

/// An encounter, as a page shows one.
#[derive(Clone, Debug)]
pub(super) struct VisitShown {
    /// The id.
    pub(super) id: String,
    /// What it was or is.
    pub(super) what: String,
    /// The day it began, as written.
    pub(super) began: Option<String>,
    /// What became of it.
    pub(super) status: Option<String>,
}

impl VisitShown {
    fn of(encounter: &Value) -> Option<Self> {
        let id = encounter["id"].as_str()?.to_owned();
        let kind = &encounter["type"][0];
        let class = &encounter["class"];
        let words = [&kind["text"], &kind["coding"][0]["display"], &class["display"], &class["code"]];
        let what = words.into_iter().find_map(Value::as_str).unwrap_or("Visit").to_owned();
        let began = encounter["period"]["start"].as_str().and_then(|start| start.get(..10)).map(ToOwned::to_owned);
        Some(Self { id, what, began, status: encounter["status"].as_str().map(ToOwned::to_owned) })
    }
}

/// Which encounter somebody has chosen.
pub(super) enum Visit {
    /// Nobody is asked: no app wants one, or the EHR has said.
    NotAsked,
    /// Not yet.
    Open,
    /// None.
    Without,
    /// This one.
    Of(VisitShown),
}

impl Visit {
    /// The encounter.
    pub(super) fn shown(&self) -> Option<&VisitShown> {
        match self {
            Self::Of(visit) => Some(visit),
            Self::NotAsked | Self::Open | Self::Without => None,
        }
    }
}

/// Whether an app asks for one.
pub(super) fn is_asked(scopes: &Scopes) -> bool {
    scopes.has(Other::LaunchEncounter)
}

impl AuthorizationServer {
    /// What a form says of the encounter, looked at anew; `None` for one that is not the patient's, or not for them to see.
    pub(super) async fn chosen_visit(
        &self,
        here: &Here,
        (patient, (id, without)): (&str, (&str, &str)),
        about: About<'_>,
    ) -> Result<Option<Visit>, Problem> {
        let by_ehr = here.under_way.launch.as_ref().is_some_and(|launch| launch.encounter.is_some());
        if by_ehr || !is_asked(&parsed(&here.under_way.scopes)) {
            return Ok(Some(Visit::NotAsked));
        }
        if id.is_empty() {
            return Ok(Some(if without.is_empty() { Visit::Open } else { Visit::Without }));
        }
        if !mappers::references::is_id(id) {
            return Ok(None);
        }
        let of = (&here.session.account, &here.client);
        let found = self.encounter(of, here.purpose, (patient, id), about).await?;
        Ok(found.as_ref().and_then(VisitShown::of).map(Visit::Of))
    }

    /// The latest encounters of a patient that somebody may see.
    pub(super) async fn visits(
        &self,
        here: &Here,
        patient: &str,
        about: About<'_>,
    ) -> Result<Vec<VisitShown>, Problem> {
        let of = (&here.session.account, &here.client);
        let found = self.encounters(of, here.purpose, patient, about).await?;
        Ok(found.iter().filter_map(VisitShown::of).collect())
    }
}
