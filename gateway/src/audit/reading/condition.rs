//! What must hold of a record, as SQL for both engines.

use crate::store::condition::Query;
use crate::store::connection::{Arg, Engine};
use crate::store::dialect;

/// Columns of text that are asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Column {
    Caller,
    Id,
    Interaction,
    Kind,
    OnBehalf,
    Patient,
    Policy,
    Request,
    Source,
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Id => "id",
            Self::Interaction => "interaction",
            Self::Kind => "type",
            Self::OnBehalf => "on_behalf",
            Self::Patient => "patient",
            Self::Policy => "policy",
            Self::Request => "request",
            Self::Source => "source",
        }
    }
}

/// Where conditions are asked.
pub(super) struct Scope {
    /// The table of records.
    pub(super) table: String,
    /// The placeholder of the organization.
    pub(super) organization: String,
    /// On PostgreSQL a record is found by the key of its partition, on SQLite by its row's.
    pub(super) engine: Engine,
}

impl Scope {
    /// The columns of a record's key.
    fn key(&self) -> &'static str {
        match self.engine {
            Engine::Postgres => "at, seq",
            Engine::Sqlite => "seq",
        }
    }
}

/// What must hold of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    /// All of these; without any, every record.
    All(Vec<Self>),
    /// One of these; without any, no record.
    Any(Vec<Self>),
    /// It happened within: milliseconds since 1970, the end excluded; `i64::MIN` and `i64::MAX` are open ends.
    At(i64, i64),
    /// The text holds this somewhere, whatever the case of its letters (lower case here).
    Contains(Column, Box<str>),
    /// It is this record: chain (0 for those from before there were chains) and place.
    Entry(i64, i64),
    /// The text is this.
    Is(Column, Box<str>),
    /// The text is one of these.
    IsOneOf(Column, Vec<&'static str>),
    /// This does not hold.
    Not(Box<Self>),
    /// It is about this Patient: the record of it, or whoever asked for the Patient by id.
    OfPatient(Box<str>),
    /// It is about one of these patients, found by the index of patients.
    Own(Vec<Box<str>>),
    /// It is the organization's.
    Organization(i64),
    /// The text begins so, whatever the case of its letters (lower case here).
    Starts(Column, Box<str>),
    /// The status of the answer is within, the end excluded.
    Status(u16, u16),
    /// There is something in the column.
    There(Column),
    /// One of the words of the text, which stand apart by spaces, is this.
    Word(Column, Box<str>),
    /// One of the words begins so.
    WordStarts(Column, Box<str>),
}

impl Condition {
    /// Every record.
    pub(crate) fn always() -> Self {
        Self::All(Vec::new())
    }

    /// No record.
    pub(crate) fn never() -> Self {
        Self::Any(Vec::new())
    }

    /// Every record or none.
    pub(crate) fn constant(holds: bool) -> Self {
        if holds { Self::always() } else { Self::never() }
    }

    /// Whether it can hold only of records that indexes find by their patient.
    pub(super) fn is_of_patients(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().any(Self::is_of_patients),
            Self::Any(parts) => !parts.is_empty() && parts.iter().all(Self::is_of_patients),
            Self::OfPatient(_) | Self::Own(_) => true,
            _ => false,
        }
    }

    /// The same for who may see records of these patients alone: what is asked about others is asked about nobody, so that no
    /// answer takes as long as others' records are many; and each is asked about once.
    pub(super) fn about(&self, own: &[Box<str>]) -> Self {
        let all = |parts: &[Self]| {
            let mut all: Vec<Self> = Vec::with_capacity(parts.len());
            for part in parts.iter().map(|part| part.about(own)) {
                if !all.contains(&part) {
                    all.push(part);
                }
            }
            all
        };
        match self {
            Self::All(parts) => Self::All(all(parts)),
            Self::Any(parts) => Self::Any(all(parts)),
            Self::Not(part) => Self::Not(Box::new(part.about(own))),
            Self::OfPatient(id) if !own.contains(id) => Self::never(),
            other => other.clone(),
        }
    }

    /// Appends it.
    pub(super) fn push<'c>(&'c self, query: &mut Query<'c>, scope: &Scope) {
        match self {
            Self::All(parts) => list(query, scope, parts, " and ", "true"),
            Self::Any(parts) => list(query, scope, parts, " or ", "false"),
            Self::At(from, until) => {
                let (from, until) = (query.arg(Arg::Int(*from)), query.arg(Arg::Int(*until)));
                query.push(&format!("(at >= {from} and at < {until})"));
            }
            Self::Contains(column, text) => {
                let (column, text) = (column.name(), query.arg(Arg::Text(text)));
                query.push(&format!("(replace(lower({column}), {text}, '') <> lower({column}))"));
            }
            Self::Entry(0, seq) => {
                let seq = query.arg(Arg::Int(*seq));
                query.push(&format!("(chain is null and seq = {seq})"));
            }
            Self::Entry(chain, place) => {
                let (chain, place) = (query.arg(Arg::Int(*chain)), query.arg(Arg::Int(*place)));
                query.push(&format!("(chain = {chain} and place = {place})"));
            }
            Self::Is(column, text) => {
                let text = query.arg(Arg::Text(text));
                query.push(&format!("{} = {text}", column.name()));
            }
            Self::IsOneOf(_, texts) if texts.is_empty() => query.push("false"),
            // Literals: an index of one type's rows serves a statement that says the type.
            Self::IsOneOf(column, texts) => {
                let texts: Vec<String> = texts.iter().map(|text| dialect::literal(text)).collect();
                match &texts[..] {
                    [text] => query.push(&format!("{} = {text}", column.name())),
                    texts => query.push(&format!("{} in ({})", column.name(), texts.join(", "))),
                }
            }
            Self::Not(part) => {
                query.push("(");
                part.push(query, scope);
                // Of what is not there it does not hold, either.
                query.push(") is not true");
            }
            // Each half has its index, and neither engine is left to find out that an OR has two.
            Self::OfPatient(id) => {
                let (Scope { table, organization, .. }, key) = (scope, scope.key());
                let id = query.arg(Arg::Text(id));
                query.push(&format!(
                    "({key}) in (select {key} from {table} where organization_id = {organization} and patient = {id} union all \
                     select {key} from {table} where organization_id = {organization} and type = 'Patient' and id = {id})"
                ));
            }
            Self::Own(ids) => {
                let (Scope { table, organization, .. }, key) = (scope, scope.key());
                let own = ids.iter().map(|id| {
                    let id = query.arg(Arg::Text(id));
                    format!("select {key} from {table} where organization_id = {organization} and patient = {id}")
                });
                let own: Vec<String> = own.collect();
                query.push(&format!("({key}) in ({})", own.join(" union all ")));
            }
            Self::Organization(organization) => {
                let organization = query.arg(Arg::Int(*organization));
                query.push(&format!("organization_id = {organization}"));
            }
            Self::Starts(column, text) => {
                let (column, text) = (column.name(), query.arg(Arg::Text(text)));
                query.push(&format!("(substr(lower({column}), 1, length({text})) = {text})"));
            }
            Self::Status(from, until) => {
                let (from, until) = (query.arg(Arg::Int((*from).into())), query.arg(Arg::Int((*until).into())));
                query.push(&format!("(status >= {from} and status < {until})"));
            }
            Self::There(column) => query.push(&format!("{} is not null", column.name())),
            Self::Word(column, word) => {
                let (column, word) = (column.name(), query.arg(Arg::Text(word)));
                // Neither engine's LIKE compares as the other's does.
                query.push(&format!(
                    "(replace(' ' || {column} || ' ', ' ' || {word} || ' ', '') <> ' ' || {column} || ' ')"
                ));
            }
            Self::WordStarts(column, start) => {
                let (column, start) = (column.name(), query.arg(Arg::Text(start)));
                query.push(&format!("(replace(' ' || {column}, ' ' || {start}, '') <> ' ' || {column})"));
            }
        }
    }
}

fn list<'c>(query: &mut Query<'c>, scope: &Scope, parts: &'c [Condition], between: &str, without: &str) {
    if parts.is_empty() {
        query.push(without);
        return;
    }
    query.push("(");
    for (number, part) in parts.iter().enumerate() {
        query.push(if number == 0 { "" } else { between });
        part.push(query, scope);
    }
    query.push(")");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_without_parts_are_constants_and_arguments_are_numbered() {
        let condition = Condition::All(vec![
            Condition::never(),
            Condition::always(),
            Condition::Not(Box::new(Condition::Is(Column::Patient, "a".into()))),
            Condition::Entry(0, 7),
        ]);
        let mut query = Query::default();
        condition.push(
            &mut query,
            &Scope { table: "t".to_owned(), organization: "$9".to_owned(), engine: Engine::Postgres },
        );
        assert_eq!(query.sql, "(false and true and (patient = $1) is not true and (chain is null and seq = $2))");
        assert_eq!(query.args.len(), 2);
    }
}
