//! Rules as rows of `consent_rules`.

use std::fmt::Write;

use consent::{Data, Directive, FENCE, Labels, Meaning, OrganizationId, Rule, asking, fenced};

use crate::store::bulk::{self, Batch, BulkColumn, BulkType};
use crate::store::connection::{Arg, Connection, DbError};

const RULES: &[BulkColumn<'static>] = &[
    ("patient", BulkType::Text),
    ("rid", BulkType::Int),
    ("position", BulkType::Int),
    ("deny", BulkType::Int),
    ("nested", BulkType::Int),
    ("valid_from", BulkType::Int),
    ("valid_until", BulkType::Int),
    ("actors", BulkType::Text),
    ("purposes", BulkType::Text),
    ("actions", BulkType::Int),
    ("classes", BulkType::Text),
    ("codes", BulkType::Text),
    ("labels", BulkType::Int),
    ("not_labels", BulkType::Int),
    ("psychotherapy", BulkType::Int),
    ("data_from", BulkType::Int),
    ("data_until", BulkType::Int),
    ("data", BulkType::Text),
];

const RELATED: &[BulkColumn<'static>] =
    &[("rid", BulkType::Int), ("position", BulkType::Int), ("type", BulkType::Text), ("id", BulkType::Text)];

/// Rows of rules on their way.
#[derive(Default)]
pub(super) struct Table {
    rules: Vec<(Box<str>, i64, i64, Rule)>,
}

impl Table {
    pub(super) fn add(&mut self, patient: &str, directive: &Directive) {
        let rid = directive.name.parse().unwrap_or_default();
        for (position, rule) in (0..).zip(&directive.rules) {
            self.rules.push((patient.into(), rid, position, rule.clone()));
        }
    }

    pub(super) async fn write(&self, connection: &mut Connection, organization: OrganizationId) -> Result<(), DbError> {
        if self.rules.is_empty() {
            return Ok(());
        }
        let texts: Vec<Texts> = self.rules.iter().map(|(.., rule)| Texts::of(rule)).collect();
        let mut values = Vec::new();
        let mut related = Vec::new();
        for ((patient, rid, position, rule), texts) in self.rules.iter().zip(&texts) {
            let int = |value: Option<i64>| value.map_or(Arg::Null, Arg::Int);
            values.extend([
                Arg::Text(patient),
                Arg::Int(*rid),
                Arg::Int(*position),
                Arg::Int(i64::from(rule.deny)),
                Arg::Int(i64::from(rule.nested)),
                Arg::Int(rule.period.0),
                Arg::Int(rule.period.1),
                Arg::text(texts.actors.as_deref()),
                Arg::text(texts.purposes.as_deref()),
                int(rule.actions.map(i64::from)),
                Arg::text(texts.classes.as_deref()),
                Arg::text(texts.codes.as_deref()),
                int(rule.labels.map(Labels::bits)),
                int(Some(rule.except.bits()).filter(|bits| *bits != 0)),
                Arg::Int(i64::from(rule.psychotherapy)),
                int(rule.data_period.map(|(from, _)| from)),
                int(rule.data_period.map(|(_, until)| until)),
                Arg::text(texts.data.as_deref()),
            ]);
            for data in rule.data.iter().flatten().filter(|data| data.meaning == Meaning::Related) {
                related.extend([Arg::Int(*rid), Arg::Int(*position), Arg::Text(&data.kind), Arg::Text(&data.id)]);
            }
        }
        let conflict = "on conflict do nothing";
        let batches = [
            Batch { table: "consent_rules", columns: RULES, values, conflict: "" },
            Batch { table: "consent_rule_related", columns: RELATED, values: related, conflict },
        ];
        bulk::insert_together(connection, organization.0, &batches).await
    }
}

/// The lists of a rule as SQL looks through them.
struct Texts {
    actors: Option<String>,
    purposes: Option<String>,
    classes: Option<String>,
    codes: Option<String>,
    data: Option<String>,
}

impl Texts {
    fn of(rule: &Rule) -> Self {
        let list = |values: &Option<Vec<String>>| Some(values.as_ref()?.iter().map(|value| fenced(value)).collect());
        let codes = |codes: &Vec<(String, String)>| {
            codes.iter().fold(String::new(), |mut text, (system, code)| {
                let _ = write!(text, "{FENCE}{system}{}{code}{FENCE}", asking::BETWEEN);
                text
            })
        };
        let data = |data: &Vec<Data>| {
            data.iter().map(|data| fenced(&format!("{} {}/{}", sign(data.meaning), data.kind, data.id))).collect()
        };
        Self {
            actors: list(&rule.actors),
            purposes: list(&rule.purposes),
            classes: list(&rule.classes),
            codes: rule.codes.as_ref().map(codes),
            data: rule.data.as_ref().map(data),
        }
    }
}

/// How a meaning stands in `consent_rules.data`.
fn sign(meaning: Meaning) -> char {
    match meaning {
        Meaning::AuthoredBy => 'a',
        Meaning::Dependents => 'd',
        Meaning::Instance => 'i',
        Meaning::Related => 'r',
    }
}
