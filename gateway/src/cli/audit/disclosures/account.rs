//! What is accounted for, and what the law leaves out.

use jiff::civil::Date;
use serde::Serialize;

use crate::audit::reading::Entry;
use crate::clock::Clock;

/// The accounting of a patient's record: 45 CFR 164.528 (<https://www.ecfr.gov/current/title-45/section-164.528>).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Account {
    pub(super) patient: String,
    /// The first and the last day (UTC).
    pub(super) from: String,
    pub(super) to: String,
    /// When the report was made.
    pub(super) made: String,
    /// Whether it has every access and change, or only what the law wants.
    pub(super) all: bool,
    /// Records of this time from before then were dropped (`audit retain`): what they say is not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dropped_before: Option<String>,
    pub(super) disclosures: Vec<Disclosure>,
    /// Accesses that the law leaves out, and that are not listed: without `all`.
    pub(super) left_out: u64,
}

/// One record of the trail: when, to whom, what, and why (164.528(b)(2)).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Disclosure {
    /// When (UTC).
    pub(super) at: String,
    /// Who received it: on whose behalf was asked, and else the caller. Ids; the trail has no names.
    pub(super) recipient: String,
    /// Who asked: the caller's identifier.
    pub(super) caller: String,
    /// The program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<String>,
    /// Where the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    /// What was done: read, search, update, ...
    pub(super) interaction: String,
    /// With what: `Observation/1/_history/2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<String>,
    /// Why, as a code of v3-ActReason.
    pub(super) purpose: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// What was decided: `permit`, or a word that begins so and says more.
    pub(super) decision: String,
    /// The name of the request.
    pub(super) request: String,
    /// The record of the trail, as the id of its `AuditEvent`.
    pub(super) event: String,
    /// The paragraph that leaves it out of the accounting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left_out_by: Option<&'static str>,
}

/// Why a record is not accounted for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Exception {
    /// It shows nothing to anyone: who creates, changes or deletes knows what was written. 164.528 is about disclosures.
    Change,
    /// To the patient.
    OwnAccess,
    /// Treatment, payment, health care operations.
    Tpo,
}

impl Exception {
    /// What leaves a record out, ruled by its purpose of use and by who received it:
    ///
    /// - TREAT, ETREAT and BTG (treatment, in an emergency, and behind the broken glass), HPAYMT (payment) and HOPERAT
    ///   (operations): 164.528(a)(1)(i), which names 164.506. Emergency treatment is treatment.
    /// - PATRQT (the patient's own request), and whatever is shown to `Patient/ID` itself: 164.528(a)(1)(ii).
    ///
    /// Everything else is accounted for, also HRESCH and PUBHLTH, and every purpose that this list does not know: an account
    /// that is too long is a nuisance, one that is too short breaks the law. So are disclosures under an authorization
    /// (164.528(a)(1)(iv)), limited data sets (viii), directories and people involved in the care (v), national security (vi)
    /// and custody (vii): the trail does not tell that a disclosure was one of these.
    fn of(entry: &Entry, patient: &str) -> Option<Self> {
        // What Consents would have denied, or a broken glass alone showed, is for the account whatever it was for.
        let is_plain = &*entry.decision == "permit";
        let own = |word: &str| word.strip_prefix("Patient/") == Some(patient);
        match (&*entry.purpose, entry.action()) {
            // What was there before may have been shown: only what was made by it, or removed, shows nothing to anybody.
            (_, 'C') if entry.status == 201 => Some(Self::Change),
            (_, 'D') => Some(Self::Change),
            ("PATRQT", _) => Some(Self::OwnAccess),
            _ if Entry::words(entry.on_behalf.as_deref()).any(own) => Some(Self::OwnAccess),
            ("TREAT" | "ETREAT" | "BTG" | "HPAYMT" | "HOPERAT", _) if is_plain => Some(Self::Tpo),
            _ => None,
        }
    }

    fn paragraph(self) -> &'static str {
        match self {
            Self::Change => "no disclosure: a change",
            Self::OwnAccess => "164.528(a)(1)(ii)",
            Self::Tpo => "164.528(a)(1)(i)",
        }
    }
}

impl Account {
    pub(super) fn new(patient: &str, from: Date, to: Date, all: bool, now_ms: i64) -> Self {
        Self {
            patient: patient.to_owned(),
            from: from.to_string(),
            to: to.to_string(),
            made: Clock::format(now_ms),
            all,
            dropped_before: None,
            disclosures: Vec::new(),
            left_out: 0,
        }
    }

    /// Takes a record about the patient.
    pub(super) fn take(&mut self, entry: &Entry) {
        let exception = Exception::of(entry, &self.patient);
        if exception.is_some() && !self.all {
            self.left_out += 1;
            return;
        }
        let version = entry.version.map(|version| format!("/_history/{version}")).unwrap_or_default();
        let resource = match (&entry.kind, &entry.id) {
            (Some(kind), Some(id)) => Some(format!("{kind}/{id}{version}")),
            (Some(kind), None) => Some(kind.clone()),
            (None, _) => None,
        };
        self.disclosures.push(Disclosure {
            at: Clock::format(entry.key.at),
            recipient: entry.on_behalf.clone().unwrap_or_else(|| entry.caller.clone()),
            caller: entry.caller.clone(),
            client: entry.client.clone(),
            address: entry.source.clone(),
            interaction: entry.interaction.clone(),
            resource,
            purpose: entry.purpose.clone(),
            status: entry.status,
            decision: entry.decision.clone(),
            request: entry.request.clone(),
            event: entry.name(),
            left_out_by: exception.map(Exception::paragraph),
        });
    }

    pub(super) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// The words for a purpose of use; its code where there are none.
pub(super) fn purpose(code: &str) -> &str {
    match code {
        "BTG" => "emergency, the glass was broken",
        "ETREAT" => "emergency treatment",
        "HOPERAT" => "health care operations",
        "HPAYMT" => "payment",
        "HRESCH" => "research",
        "PATRQT" => "at the patient's request",
        "PUBHLTH" => "public health",
        "TREAT" => "treatment",
        other => other,
    }
}
