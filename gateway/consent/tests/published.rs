//! Decision tables from published examples, and one of our own by the rows of RULINGS.md. Every expected letter is written by
//! hand, and both implementations are held to it.

#[path = "published/build.rs"]
mod build;
#[path = "published/hl7.rs"]
mod hl7;
#[path = "naive/decision.rs"]
mod naive;
#[path = "published/own.rs"]
mod own;
#[path = "published/pcf.rs"]
mod pcf;

use serde_json::Value;

use naive::{Asking, Coding, real, span};

/// A question of a table.
pub(crate) struct Question(Asking);

impl Question {
    /// Why (a code of v3-ActReason, or `system|code`), who, and when.
    pub(crate) fn new(purpose: &str, actors: &[&str], at: &str) -> Self {
        let purpose = build::purpose(purpose);
        let text = |name: &str| purpose[name].as_str().expect("text").to_owned();
        Self(Asking {
            actors: actors.iter().map(|&actor| actor.to_owned()).collect(),
            purpose: Some(Coding { system: text("system"), code: text("code") }),
            // A6: where BTG is the only purpose, the glass is broken, and it is the purpose too.
            break_glass: purpose == build::purpose("BTG"),
            action: "access".to_owned(),
            at_ms: span(at).expect("a time").0,
            statutes: ::consent::Statutes::default(),
        })
    }

    pub(crate) fn action(mut self, action: &str) -> Self {
        action.clone_into(&mut self.0.action);
        self
    }

    pub(crate) fn breaking_glass(mut self) -> Self {
        self.0.break_glass = true;
        self
    }
}

/// Questions by their letters, a letter for each resource, and why.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    questions: &'static str,
    expected: &'static str,
    why: &'static str,
}

pub(crate) fn row(questions: &'static str, expected: &'static str, why: &'static str) -> Row {
    Row { questions, expected, why }
}

/// Consents with what they let go.
pub(crate) struct Case {
    name: &'static str,
    consents: Vec<Value>,
    rows: Vec<Row>,
}

impl Case {
    pub(crate) fn new(name: &'static str, consent: build::Consent, rows: &[Row]) -> Self {
        Self { name, consents: vec![consent.0], rows: rows.to_vec() }
    }

    pub(crate) fn and(mut self, consent: build::Consent) -> Self {
        self.consents.push(consent.0);
        self
    }
}

/// Holds both implementations to the rows; how many cells there were.
fn hold(table: &str, cases: &[Case], resources: &[Value], question: fn(char) -> Question) -> usize {
    let mut cells = 0;
    let mut wrong = Vec::new();
    for case in cases {
        for row in &case.rows {
            assert_eq!(row.expected.len(), resources.len(), "{table}, {}, {}", case.name, row.questions);
            for letter in row.questions.chars() {
                let Question(asking) = question(letter);
                for (resource, expected) in resources.iter().zip(row.expected.chars()) {
                    assert!("PD".contains(expected));
                    cells += 1;
                    let id = &resource["id"];
                    let naive = naive::decide(&case.consents, resource, &asking);
                    let real = real(&case.consents, resource, &asking);
                    if real.permit != (expected == 'P') {
                        wrong.push(format!(
                            "real: {}, {letter}, {id}: {:?} and not {expected}: {}",
                            case.name, real.reasons, row.why
                        ));
                    }
                    if naive.permit != (expected == 'P') {
                        wrong.push(format!(
                            "naive: {}, {letter}, {id}: {} and not {expected}: {}",
                            case.name, naive.reason, row.why
                        ));
                    }
                }
            }
        }
    }
    println!("{table}: {cells} cells");
    assert!(wrong.is_empty(), "{table}: {} of {cells}\n  {}", wrong.len(), wrong.join("\n  "));
    cells
}

#[test]
fn ihe_pcf() {
    assert!(hold("IHE PCF", &pcf::cases(), &pcf::resources(), pcf::question) >= 500);
}

#[test]
fn hl7_examples() {
    assert!(hold("HL7", &hl7::cases(), &hl7::resources(), hl7::question) >= 100);
}

#[test]
fn rulings_row_by_row() {
    own::hold();
}
