//! What people here have and take: problems, drugs, allergies and vaccines, with their codes.

/// `RxNorm`.
pub(super) const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
/// ICD-10-CM.
pub(super) const ICD10: &str = "http://hl7.org/fhir/sid/icd-10-cm";
/// LOINC.
pub(super) const LOINC: &str = "http://loinc.org";
/// Vaccines.
pub(super) const CVX: &str = "http://hl7.org/fhir/sid/cvx";

/// A drug: `RxNorm` code and name, its ingredient, milligrams a dose, doses a day.
#[derive(Debug, PartialEq)]
pub(super) struct Drug {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) ingredient: (&'static str, &'static str),
    pub(super) dose: f64,
    pub(super) per_day: i64,
}

const fn drug(
    code: &'static str,
    name: &'static str,
    ingredient: (&'static str, &'static str),
    dose: f64,
    per_day: i64,
) -> Drug {
    Drug { code, name, ingredient, dose, per_day }
}

/// Every drug the clinic prescribes.
pub(super) const FORMULARY: &[&Drug] = &[
    &LISINOPRIL,
    &LISINOPRIL_STRONG,
    &METFORMIN,
    &SIMVASTATIN,
    &ALLOPURINOL,
    &IRON,
    &CLOPIDOGREL,
    &OMEPRAZOLE,
    &SERTRALINE,
    &AMOXICILLIN,
    &AZITHROMYCIN,
    &IBUPROFEN,
    &ACETAMINOPHEN,
];

const LISINOPRIL: Drug = drug("314076", "lisinopril 10 MG Oral Tablet", ("29046", "lisinopril"), 10.0, 1);
const LISINOPRIL_STRONG: Drug = drug("314077", "lisinopril 20 MG Oral Tablet", ("29046", "lisinopril"), 20.0, 1);
const METFORMIN: Drug = drug("861007", "metformin hydrochloride 500 MG Oral Tablet", ("6809", "metformin"), 500.0, 2);
const SIMVASTATIN: Drug = drug("312961", "simvastatin 20 MG Oral Tablet", ("36567", "simvastatin"), 20.0, 1);
const ALLOPURINOL: Drug = drug("197319", "allopurinol 100 MG Oral Tablet", ("519", "allopurinol"), 100.0, 1);
const IRON: Drug = drug("310325", "ferrous sulfate 325 MG Oral Tablet", ("24947", "ferrous sulfate"), 325.0, 1);
const CLOPIDOGREL: Drug = drug("309362", "clopidogrel 75 MG Oral Tablet", ("32968", "clopidogrel"), 75.0, 1);
const OMEPRAZOLE: Drug =
    drug("198051", "omeprazole 20 MG Delayed Release Oral Capsule", ("7646", "omeprazole"), 20.0, 1);
const SERTRALINE: Drug = drug("312941", "sertraline 50 MG Oral Tablet", ("36437", "sertraline"), 50.0, 1);
const AMOXICILLIN: Drug = drug("308191", "amoxicillin 500 MG Oral Capsule", ("723", "amoxicillin"), 500.0, 3);
const AZITHROMYCIN: Drug = drug("308460", "azithromycin 250 MG Oral Tablet", ("18631", "azithromycin"), 250.0, 1);
const IBUPROFEN: Drug = drug("310965", "ibuprofen 200 MG Oral Tablet", ("5640", "ibuprofen"), 400.0, 3);
/// Also what is given at the clinic itself against pain and fever.
pub(super) const ACETAMINOPHEN: Drug =
    drug("313782", "acetaminophen 325 MG Oral Tablet", ("161", "acetaminophen"), 650.0, 3);

/// What a long problem does to measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Effect {
    Pressure,
    Sugar,
    Lipids,
    Uric,
    Blood,
    Mood,
    None,
}

/// A problem that stays.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    /// In how many of a hundred people, from what age.
    pub(super) percent: i64,
    pub(super) from_age: i64,
    pub(super) drug: &'static Drug,
    /// What some need instead of it later.
    pub(super) stronger: Option<&'static Drug>,
    pub(super) effect: Effect,
    /// Whether treatment ends it.
    pub(super) resolves: bool,
    /// What a note says of it: subjective, and plan.
    pub(super) complaint: &'static str,
    pub(super) advice: &'static str,
}

/// Problems that stay.
pub(super) const PROBLEMS: &[Problem] = &[
    Problem {
        code: "I10",
        name: "Essential (primary) hypertension",
        percent: 42,
        from_age: 35,
        drug: &LISINOPRIL,
        stronger: Some(&LISINOPRIL_STRONG),
        effect: Effect::Pressure,
        resolves: false,
        complaint: "No headache, no chest pain; measures blood pressure at home.",
        advice: "Less salt, thirty minutes of walking on most days, blood pressure diary.",
    },
    Problem {
        code: "E11.9",
        name: "Type 2 diabetes mellitus without complications",
        percent: 22,
        from_age: 38,
        drug: &METFORMIN,
        stronger: None,
        effect: Effect::Sugar,
        resolves: false,
        complaint: "No thirst, no numbness of the feet; no low blood sugar.",
        advice: "HbA1c at every visit, eye examination once a year, daily look at the feet.",
    },
    Problem {
        code: "E78.5",
        name: "Hyperlipidemia, unspecified",
        percent: 30,
        from_age: 30,
        drug: &SIMVASTATIN,
        stronger: None,
        effect: Effect::Lipids,
        resolves: false,
        complaint: "No muscle pain.",
        advice: "Mediterranean diet; lipids once a year.",
    },
    Problem {
        code: "M10.9",
        name: "Gout, unspecified",
        percent: 7,
        from_age: 40,
        drug: &ALLOPURINOL,
        stronger: None,
        effect: Effect::Uric,
        resolves: false,
        complaint: "No attack since the last visit.",
        advice: "Plenty of water, little alcohol and red meat.",
    },
    Problem {
        code: "D50.9",
        name: "Iron deficiency anemia, unspecified",
        percent: 12,
        from_age: 18,
        drug: &IRON,
        stronger: None,
        effect: Effect::Blood,
        resolves: true,
        complaint: "Tired in the afternoons.",
        advice: "Iron on an empty stomach; blood count at the next visit.",
    },
    Problem {
        code: "I25.10",
        name: "Atherosclerotic heart disease of native coronary artery without angina pectoris",
        percent: 8,
        from_age: 55,
        drug: &CLOPIDOGREL,
        stronger: None,
        effect: Effect::None,
        resolves: false,
        complaint: "No chest pain on exertion, climbs two flights of stairs.",
        advice: "Emergency number when chest pain lasts more than five minutes.",
    },
    Problem {
        code: "K21.9",
        name: "Gastro-esophageal reflux disease without esophagitis",
        percent: 14,
        from_age: 25,
        drug: &OMEPRAZOLE,
        stronger: None,
        effect: Effect::None,
        resolves: false,
        complaint: "Heartburn once or twice a week.",
        advice: "No late meals; head of the bed raised.",
    },
    Problem {
        code: "F32.A",
        name: "Depression, unspecified",
        percent: 14,
        from_age: 20,
        drug: &SERTRALINE,
        stronger: None,
        effect: Effect::Mood,
        resolves: false,
        complaint: "Mood is steadier, sleeps through most nights, no thoughts of self-harm.",
        advice: "Talk therapy continues; diary of mood.",
    },
];

/// An illness that passes.
#[derive(Debug)]
pub(super) struct Illness {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) days: i64,
    /// Its drug, and what those get who must not have it.
    pub(super) drugs: &'static [&'static Drug],
    pub(super) complaint: &'static str,
    pub(super) finding: (&'static str, &'static str),
    /// What else it might be: ICD-10-CM code and name.
    pub(super) instead: (&'static str, &'static str),
    pub(super) fever: bool,
}

/// Illnesses that pass.
pub(super) const ILLNESSES: &[Illness] = &[
    Illness {
        code: "J01.90",
        name: "Acute sinusitis, unspecified",
        days: 10,
        drugs: &[&AMOXICILLIN, &AZITHROMYCIN],
        complaint: "Facial pressure and a blocked nose for ten days.",
        finding: ("Head and neck", "Tenderness over the left maxillary sinus, purulent discharge."),
        instead: ("J30.9", "Allergic rhinitis, unspecified"),
        fever: true,
    },
    Illness {
        code: "M54.50",
        name: "Low back pain, unspecified",
        days: 21,
        drugs: &[&IBUPROFEN, &ACETAMINOPHEN],
        complaint: "Dull ache in the lower back since lifting boxes, worse after sitting.",
        finding: ("Musculoskeletal", "Mild tenderness of the lumbar muscles, straight leg raise negative."),
        instead: ("M51.26", "Other intervertebral disc displacement, lumbar region"),
        fever: false,
    },
    Illness {
        code: "J06.9",
        name: "Acute upper respiratory infection, unspecified",
        days: 7,
        drugs: &[&ACETAMINOPHEN],
        complaint: "Sore throat, cough and a runny nose for three days.",
        finding: ("Head and neck", "Red throat without exudate, no swollen nodes."),
        instead: ("J02.0", "Streptococcal pharyngitis"),
        fever: true,
    },
    Illness {
        code: "S93.401A",
        name: "Sprain of unspecified ligament of right ankle, initial encounter",
        days: 28,
        drugs: &[&IBUPROFEN, &ACETAMINOPHEN],
        complaint: "Turned the right ankle on the stairs yesterday; can put weight on it.",
        finding: ("Musculoskeletal", "Swelling below the outer malleolus, no bony tenderness."),
        instead: ("S82.891A", "Other fracture of right lower leg, initial encounter for closed fracture"),
        fever: false,
    },
];

/// What somebody must not have.
#[derive(Debug)]
pub(super) struct Allergen {
    /// `RxNorm` ingredient; foods and dust have none here.
    pub(super) code: Option<&'static str>,
    pub(super) name: &'static str,
    pub(super) category: &'static str,
    pub(super) reaction: &'static str,
    pub(super) severity: &'static str,
    /// Ingredients that are not prescribed because of it.
    pub(super) excludes: &'static [&'static str],
}

/// Allergies.
pub(super) const ALLERGENS: &[Allergen] = &[
    Allergen {
        code: Some("7980"),
        name: "penicillin G",
        category: "medication",
        reaction: "Hives",
        severity: "moderate",
        excludes: &["723", "7980"],
    },
    Allergen {
        code: Some("5640"),
        name: "ibuprofen",
        category: "medication",
        reaction: "Swollen lips",
        severity: "moderate",
        excludes: &["5640"],
    },
    Allergen {
        code: Some("10180"),
        name: "sulfamethoxazole",
        category: "medication",
        reaction: "Rash",
        severity: "mild",
        excludes: &["10180"],
    },
    Allergen {
        code: None,
        name: "Peanuts",
        category: "food",
        reaction: "Swelling of the throat",
        severity: "severe",
        excludes: &[],
    },
    Allergen {
        code: None,
        name: "House dust mites",
        category: "environment",
        reaction: "Sneezing and itching eyes",
        severity: "mild",
        excludes: &[],
    },
];

/// The influenza vaccine of every autumn; others by age: CVX code, name, from what age.
pub(super) const INFLUENZA: (&str, &str) = ("140", "Influenza, seasonal, injectable, preservative free");
/// Tetanus, diphtheria, pertussis: once in these years.
pub(super) const TDAP: (&str, &str) = ("115", "Tdap");
/// From 50 years, two doses.
pub(super) const ZOSTER: (&str, &str) = ("187", "zoster vaccine recombinant");
/// From 65 years, once.
pub(super) const PNEUMOCOCCUS: (&str, &str) = (
    "216",
    "Pneumococcal conjugate vaccine 20-valent (PCV20), polysaccharide CRM197 conjugate, adjuvant, preservative free",
);
