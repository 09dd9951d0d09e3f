//! The note of a visit: a Composition whose sections name what was said, found, thought and planned.

use jiff::ToSpan;

use super::catalogue::{Effect, ICD10, Illness, LOINC};
use super::json::{Json, Resource, code, concept, decimal, object, period, reference, words};
use super::medication;
use super::person::{TODAY, status};
use super::random::Random;
use super::story::{Course, Reason, Story, Visit};

/// Observations of the note, in what words the observations of its state say it.
const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";

/// A note with what its sections name, section by section.
struct Note<'s> {
    story: &'s Story,
    visit: &'s Visit,
    /// `final`, `amended` or `preliminary`.
    state: &'static str,
    sections: [Vec<Resource>; 4],
    texts: [String; 4],
}

/// What is measured at a visit; it drifts with the story.
pub(super) struct Vitals {
    pub(super) heart_rate: i64,
    pub(super) respiratory_rate: i64,
    pub(super) temperature: f64,
    pub(super) saturation: i64,
    pub(super) systolic: i64,
    pub(super) diastolic: i64,
    pub(super) weight: f64,
}

impl Vitals {
    /// Of a visit.
    pub(super) fn of(story: &Story, visit: &Visit, random: &mut Random) -> Self {
        let fever = matches!(visit.reason, Reason::Illness(illness) if illness.fever);
        let usual = 108.0 + (story.person.index % 7) as f64 * 2.5;
        let systolic = story.level(Effect::Pressure, visit).unwrap_or(usual) + random.within(-3.5, 3.5);
        let years = f64::from((visit.day - story.visits[0].day).get_days()) / 365.0;
        let drift = if story.has(Effect::Sugar, visit.number) { -0.9 } else { 0.35 };
        Self {
            heart_rate: if fever { random.between(88, 104) } else { random.between(58, 84) },
            respiratory_rate: random.between(12, 18),
            temperature: if fever { random.within(38.1, 39.0) } else { random.within(36.3, 37.2) },
            saturation: random.between(95, 99),
            systolic: systolic.round() as i64,
            diastolic: (systolic * 0.62).round() as i64 + random.between(-3, 3),
            weight: story.person.weight + drift * years + random.within(-0.6, 0.6),
        }
    }
}

/// The note and all that it names; what it assessed is given back for the encounter.
pub(super) fn resources(story: &Story, visit: &Visit, random: &mut Random, out: &mut Vec<Resource>) -> Vec<Json> {
    let is_last = visit.number + 1 == story.visits.len();
    let state = match story.person.index % 4 {
        1 if is_last => "preliminary",
        2 if visit.number % 5 == 3 => "amended",
        _ => "final",
    };
    let mut note = Note { story, visit, state, sections: Default::default(), texts: Default::default() };
    let vitals = Vitals::of(story, visit, random);
    note.subjective();
    note.objective(&vitals);
    let assessed = if state == "preliminary" { Vec::new() } else { note.assessment() };
    if state != "preliminary" {
        note.plan();
    }
    note.write_texts(&vitals);
    if matches!(visit.reason, Reason::Illness(illness) if illness.fever) {
        out.push(medication::given_here(&story.person, visit, vitals.temperature, random));
    }
    out.push(note.composition());
    out.extend(note.sections.into_iter().flatten());
    assessed
}

impl<'s> Note<'s> {
    fn active(&self) -> impl Iterator<Item = (usize, &'s Course)> {
        let visit = self.visit.number;
        self.story.courses.iter().enumerate().filter(move |(_, course)| course.is_active(visit))
    }

    fn illness(&self) -> Option<&'static Illness> {
        match self.visit.reason {
            Reason::Illness(illness) => Some(illness),
            _ => None,
        }
    }

    fn complaint(&self) -> &'static str {
        match self.visit.reason {
            Reason::Illness(illness) => illness.complaint,
            Reason::Annual => "Came for the annual visit.",
            _ => "Came for follow-up.",
        }
    }

    /// An Observation of a section; whoever asks adds code and value.
    fn observation(&mut self, section: usize, part: &str, minute: i64, members: &[(&str, Json)]) {
        let visit = self.visit;
        let body = object! {
            "status": if part.starts_with("vs") { "final" } else { self.state },
            "subject": self.story.person.reference(),
            "encounter": reference("Encounter", &visit.id),
            "effectiveDateTime": visit.at(minute),
        };
        self.sections[section].push(Resource::new("Observation", format!("{}-{part}", visit.id), body.with(members)));
    }

    fn performer(&self) -> (&'static str, Json) {
        ("performer", Json::from([self.story.person.provider()]))
    }

    fn subjective(&mut self) {
        let complaint = object! { "code": code(LOINC, "10154-3"), "valueString": self.complaint() };
        let mut told: Vec<&str> = self.active().map(|(_, course)| course.problem.complaint).collect();
        told.push("No other complaints.");
        let members = [
            ("code", code(LOINC, "10164-2")),
            self.performer(),
            ("valueString", told.join(" ").into()),
            ("component", Json::from([complaint])),
        ];
        self.observation(0, "hpi", 3, &members);
        let ill = self.illness().is_some();
        let general = if ill { "Feels unwell since it began." } else { "No fever, no loss of weight." };
        for (part, system, finding) in [
            ("ros-general", "Constitutional", general),
            ("ros-heart", "Cardiovascular", "No chest pain, no palpitations."),
            ("ros-lungs", "Respiratory", "No shortness of breath."),
        ] {
            let asked = object! {
                "coding": [object! { "system": LOINC, "code": "10187-3" }], "text": system,
            };
            self.observation(0, part, 4, &[("code", asked), self.performer(), ("valueString", finding.into())]);
        }
        let (story, visit) = (self.story, self.visit);
        if let Some(allergen) = story.person.allergen.filter(|allergen| allergen.code.is_none() && visit.number == 0) {
            let reported = super::history::allergy(&story.person, allergen, visit, &format!("{}-allergy", visit.id));
            self.sections[0].push(reported);
        }
        if self.state != "preliminary" && !ill {
            self.sections[0].extend(medication::told(story, visit));
        }
    }

    fn objective(&mut self, vitals: &Vitals) {
        let height = self.story.person.height;
        let bmi = vitals.weight / (height as f64 / 100.0).powi(2);
        for (part, loinc, value, unit, ucum) in [
            ("vs-hr", "8867-4", decimal(vitals.heart_rate as f64, 0), "beats/minute", "/min"),
            ("vs-rr", "9279-1", decimal(vitals.respiratory_rate as f64, 0), "breaths/minute", "/min"),
            ("vs-temp", "8310-5", decimal(vitals.temperature, 1), "Cel", "Cel"),
            ("vs-spo2", "2708-6", decimal(vitals.saturation as f64, 0), "%", "%"),
            ("vs-height", "8302-2", decimal(height as f64, 0), "cm", "cm"),
            ("vs-weight", "29463-7", decimal(vitals.weight, 1), "kg", "kg"),
            ("vs-bmi", "39156-5", decimal(bmi, 1), "kg/m2", "kg/m2"),
        ] {
            self.vital(part, loinc, ("valueQuantity", measured(value, unit, ucum)));
        }
        let pressure = |loinc: &str, value: i64| {
            let value = measured(decimal(value as f64, 0), "mm[Hg]", "mm[Hg]");
            object! { "code": code(LOINC, loinc), "valueQuantity": value }
        };
        let components = Json::from([pressure("8480-6", vitals.systolic), pressure("8462-4", vitals.diastolic)]);
        self.vital("vs-bp", "85354-9", ("component", components));
        let found = self.illness().map(|illness| illness.finding);
        let mut findings = vec![
            ("pe-general", "General", "Alert, in no distress.", "N"),
            ("pe-heart", "Heart", "Regular, no murmur.", "N"),
            ("pe-lungs", "Lungs", "Clear on both sides.", "N"),
        ];
        findings.extend(found.map(|(system, finding)| ("pe-found", system, finding, "A")));
        for (part, system, finding, letter) in findings {
            let examined = object! {
                "coding": [object! { "system": LOINC, "code": "29545-1" }], "text": system,
            };
            let members = [
                ("category", Json::from([category("exam")])),
                ("code", examined),
                self.performer(),
                ("valueString", finding.into()),
                ("interpretation", Json::from([code(INTERPRETATION, letter)])),
            ];
            self.observation(1, part, 12, &members);
        }
        if matches!(self.visit.reason, Reason::Annual) {
            let members = [
                ("category", Json::from([category("laboratory")])),
                ("code", concept(LOINC, "5804-0", "Protein [Mass/volume] in Urine by Test strip")),
                ("valueString", "Negative".into()),
                ("interpretation", Json::from([code(INTERPRETATION, "N")])),
            ];
            self.observation(1, "dipstick", 14, &members);
        }
    }

    fn vital(&mut self, part: &str, loinc: &str, value: (&'static str, Json)) {
        let members = [
            ("category", Json::from([category("vital-signs")])),
            ("code", code(LOINC, loinc)),
            self.performer(),
            value,
        ];
        self.observation(1, part, 6, &members);
    }

    fn assessment(&mut self) -> Vec<Json> {
        let (person, visit) = (&self.story.person, self.visit);
        let condition = |part: &str, (code, name): (&str, &str), verified: &str, more: &[(&str, Json)]| {
            let body = object! {
                "verificationStatus": status("condition-ver-status", verified),
                "category": [super::json::code("http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis")],
                "code": concept(ICD10, code, name),
                "subject": person.reference(),
                "encounter": reference("Encounter", &visit.id),
                "recordedDate": visit.at(16),
                "recorder": person.provider(),
            };
            Resource::new("Condition", format!("{}-{part}", visit.id), body.with(more))
        };
        let mut assessed = Vec::new();
        if let Some(illness) = self.illness() {
            let over = visit.day.saturating_add(illness.days.days());
            let is_over = over < TODAY;
            let more = [
                ("clinicalStatus", status("condition-clinical", if is_over { "resolved" } else { "active" })),
                ("severity", words("mild")),
                ("onsetDateTime", visit.at(0).into()),
                ("abatementDateTime", is_over.then(|| format!("{over}T12:00:00Z")).into()),
            ];
            assessed.push(condition("assessed", (illness.code, illness.name), "confirmed", &more));
            let rationale = Json::from([object! { "text": "Less likely: the examination does not fit." }]);
            let other = condition("instead", illness.instead, "differential", &[("note", rationale)]);
            self.sections[2].push(other);
        } else {
            for (number, course) in self.active() {
                let (code, name) = (course.problem.code, course.problem.name);
                let more = [("clinicalStatus", status("condition-clinical", "active"))];
                assessed.push(condition(&format!("assessed{}", number + 1), (code, name), "confirmed", &more));
            }
        }
        let references = assessed.iter().map(Resource::reference).collect();
        self.sections[2].extend(assessed);
        references
    }

    fn plan(&mut self) {
        let (story, visit) = (self.story, self.visit);
        let (person, encounter) = (&story.person, reference("Encounter", &visit.id));
        if let Some(illness) = self.illness()
            && let Some((_, prescribed)) = medication::of_illness(person, visit, illness)
        {
            self.sections[3].push(prescribed);
        }
        if matches!(visit.reason, Reason::Annual) && story.has(Effect::Sugar, visit.number) {
            let body = object! {
                "status": "active",
                "intent": "order",
                "priority": "routine",
                "code": words("Examination of the retina"),
                "subject": person.reference(),
                "encounter": encounter.clone(),
                "occurrenceDateTime": format!("{}T15:00:00Z", super::story::working_day(visit.day.saturating_add(30.days()))),
                "authoredOn": visit.at(18),
                "requester": person.provider(),
                "reasonCode": [words("Type 2 diabetes mellitus")],
            };
            self.sections[3].push(Resource::new("ServiceRequest", format!("{}-referral", visit.id), body));
        }
        if matches!(visit.reason, Reason::Illness(illness) if illness.code.starts_with('S')) {
            let body = object! {
                "status": "completed",
                "code": words("Elastic bandage of the ankle"),
                "subject": person.reference(),
                "encounter": encounter.clone(),
                "performedDateTime": visit.at(17),
                "recorder": person.provider(),
                "reasonCode": [words("Sprained ankle")],
            };
            self.sections[3].push(Resource::new("Procedure", format!("{}-bandage", visit.id), body));
        }
        let weeks = if self.illness().is_some() { 2 } else { 26 };
        let until = visit.day.saturating_add((weeks * 7 + 14).days());
        let advice: Vec<&str> = self.active().map(|(_, course)| course.problem.advice).collect();
        let advice =
            if advice.is_empty() { "Stay active; call when anything is unclear.".to_owned() } else { advice.join(" ") };
        let body = object! {
            "status": if until < TODAY { "completed" } else { "active" },
            "intent": "plan",
            "title": "Follow-up",
            "description": format!("Come back in {weeks} weeks."),
            "subject": person.reference(),
            "encounter": encounter,
            "period": period(
                format!("{}T00:00:00Z", visit.day.saturating_add((weeks * 7).days())), format!("{until}T00:00:00Z")),
            "created": visit.at(19),
            "author": person.provider(),
            "note": [object! { "text": advice }],
        };
        self.sections[3].push(Resource::new("CarePlan", format!("{}-followup", visit.id), body));
    }

    fn write_texts(&mut self, vitals: &Vitals) {
        let named: Vec<&str> = match self.illness() {
            Some(illness) => vec![illness.name],
            None => self.active().map(|(_, course)| course.problem.name).collect(),
        };
        let healthy = "Healthy adult.".to_owned();
        let told: Vec<&str> = self.active().map(|(_, course)| course.problem.complaint).collect();
        let drugs: Vec<String> =
            self.active().map(|(_, course)| course.drug(self.visit.number).name.to_owned()).collect();
        let plan = if drugs.is_empty() {
            "No regular medication.".to_owned()
        } else {
            format!("Continue: {}.", drugs.join("; "))
        };
        self.texts = [
            format!("{}\n{}", self.complaint(), told.join(" ")).trim_end().to_owned(),
            format!(
                "Blood pressure {}/{}, pulse {}, {:.1} degrees, {:.1} kg.\n{}",
                vitals.systolic,
                vitals.diastolic,
                vitals.heart_rate,
                vitals.temperature,
                vitals.weight,
                self.illness().map_or("Examination without findings.", |illness| illness.finding.1),
            ),
            if named.is_empty() { healthy } else { format!("{}.", named.join("; ")) },
            plan,
        ];
    }

    fn composition(&self) -> Resource {
        const SECTIONS: [(&str, &str); 4] =
            [("61150-9", "Subjective"), ("61149-1", "Objective"), ("51848-0", "Assessment"), ("18776-5", "Plan")];
        let (person, visit) = (&self.story.person, self.visit);
        let section = |((loinc, title), (entries, text)): ((&str, &str), (&Vec<Resource>, &String))| {
            let entries: Vec<Json> = entries.iter().map(Resource::reference).collect();
            let lines = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', "<br/>");
            object! {
                "title": title,
                "code": code(LOINC, loinc),
                "text": object! {
                    "status": "generated",
                    "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{lines}</div>"),
                },
                "entry": entries,
            }
        };
        let sections: Vec<Json> =
            SECTIONS.into_iter().zip(self.sections.iter().zip(&self.texts)).map(section).collect();
        let signed = object! { "mode": "legal", "time": visit.at(120), "party": person.provider() };
        let body = object! {
            "status": self.state,
            "type": code(LOINC, "11506-3"),
            "subject": person.reference(),
            "encounter": reference("Encounter", &visit.id),
            "date": visit.end(),
            "author": [person.provider()],
            "title": "Progress note",
            "attester": (self.state != "preliminary").then_some([signed]),
            "section": sections,
        };
        Resource::new("Composition", format!("{}-note", visit.id), body)
    }
}

fn category(code: &str) -> Json {
    super::json::code("http://terminology.hl7.org/CodeSystem/observation-category", code)
}

fn measured(value: Json, unit: &str, ucum: &str) -> Json {
    object! { "value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": ucum }
}
