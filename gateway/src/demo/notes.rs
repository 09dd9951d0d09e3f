//! SOAP notes with vital signs, as the clinic's own program would write them: rows, not resources.

use jiff::civil::Date;

use super::person::Person;
use super::random::Random;

/// What sets the notes' stream of numbers apart from the patients'.
const STREAM: u64 = 0x50A9;

/// A note of one visit.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// The patient's id, as a resource.
    pub patient: String,
    /// The practitioner's id, as a resource.
    pub practitioner: &'static str,
    /// The encounter's id, as a resource.
    pub encounter: String,
    /// The day of the visit.
    pub day: Date,
    /// What the patient says.
    pub subjective: &'static str,
    /// What was found.
    pub objective: &'static str,
    /// What it means.
    pub assessment: &'static str,
    /// What is to be done.
    pub plan: &'static str,
    /// Measured at the visit.
    pub vitals: Vitals,
}

/// Vital signs; what was not measured is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Vitals {
    /// Beats a minute.
    pub heart_rate: i64,
    /// Millimetres of mercury.
    pub systolic: i64,
    /// Millimetres of mercury.
    pub diastolic: i64,
    /// Breaths a minute.
    pub respiratory_rate: i64,
    /// Degrees Celsius, one decimal.
    pub temperature: Option<String>,
    /// Percent.
    pub oxygen_saturation: i64,
    /// Kilograms, one decimal.
    pub weight: String,
    /// Centimetres.
    pub height: i64,
    /// Kilograms a square metre, one decimal.
    pub bmi: String,
}

/// Texts of a note: subjective, objective, assessment, plan.
const TEXTS: &[[&str; 4]] = &[
    [
        "Feels well. Takes the medication as prescribed. No chest pain, no shortness of breath.",
        "Alert, in no distress. Heart regular, lungs clear.",
        "Stable chronic conditions.",
        "Continue the current medication. Laboratory tests before the next visit.",
    ],
    [
        "Dull ache in the lower back for two weeks, worse after sitting.",
        "Mild tenderness over the lumbar muscles. Straight leg raise negative.",
        "Mechanical low back pain without red flags.",
        "Stay active, physical therapy, review in six weeks.",
    ],
    [
        "Tired in the afternoons, sleeps six hours a night.",
        "Normal examination.",
        "Fatigue, probably lack of sleep.",
        "Blood count and glucose today, sleep hygiene discussed.",
    ],
    [
        "Came for the annual visit and the influenza vaccine. No complaints.",
        "Normal examination.",
        "Healthy adult.",
        "Vaccine given today. Return in a year.",
    ],
];

/// The notes of the first `n` patients of a seed, in the order of patients and visits.
#[must_use]
pub fn notes(seed: u64, n: usize) -> Vec<Note> {
    (0..n).flat_map(|index| of(&Person::new(seed, index), Random::new(seed ^ STREAM, index))).collect()
}

fn of(person: &Person, mut random: Random) -> Vec<Note> {
    let height = if person.female { random.between(152, 178) } else { random.between(164, 193) };
    let base = random.within(19.5, 33.0) * (height as f64 / 100.0).powi(2);
    let note = |visit: &super::person::Visit| {
        let [subjective, objective, assessment, plan] = *random.pick(TEXTS);
        let systolic = random.between(104, 152);
        let weight = base + random.within(-2.0, 2.0);
        Note {
            patient: person.id.clone(),
            practitioner: person.practitioner,
            encounter: visit.id.clone(),
            day: visit.day,
            subjective,
            objective,
            assessment,
            plan,
            vitals: Vitals {
                heart_rate: random.between(54, 98),
                systolic,
                diastolic: systolic - random.between(36, 58),
                respiratory_rate: random.between(12, 19),
                temperature: random.chance(80).then(|| format!("{:.1}", random.within(36.2, 37.4))),
                oxygen_saturation: random.between(94, 99),
                weight: format!("{weight:.1}"),
                height,
                bmi: format!("{:.1}", weight / (height as f64 / 100.0).powi(2)),
            },
        }
    };
    person.visits.iter().map(note).collect()
}
