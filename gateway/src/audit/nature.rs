//! What kind of event a record is of, in the terms of AuditEvent: from its interaction to codes, and back to conditions.

use super::reading::{Column, Condition, Entry};

/// `AuditEvent.subtype`: <https://hl7.org/fhir/R4/valueset-audit-event-sub-type.html>.
pub(crate) const INTERACTIONS: &str = "http://hl7.org/fhir/restful-interaction";
/// `AuditEvent.type` of what came over HTTP.
pub(crate) const TYPES: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
/// `AuditEvent.type` of what was done at the command line, and roles of agents.
pub(crate) const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
/// Who works at the command line.
const OPERATOR: &str = "operator";

/// Interactions as the trail names them, with their code and their action. Operations (`$...`) are `operation` and `E`.
const KNOWN: [(&str, &str, char); 13] = [
    ("capabilities", "capabilities", 'R'),
    ("create", "create", 'C'),
    ("delete", "delete", 'D'),
    ("delete-conditional", "delete", 'D'),
    ("history", "history", 'R'),
    ("patch", "patch", 'U'),
    ("patch-conditional", "patch", 'U'),
    ("read", "read", 'R'),
    ("search", "search", 'E'),
    ("transaction", "transaction", 'E'),
    ("update", "update", 'U'),
    ("update-conditional", "update", 'U'),
    ("vread", "vread", 'R'),
];

/// What was done where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A command other than an import.
    Command,
    /// An import at the command line.
    Import,
    /// An exchange over HTTP.
    Rest,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Command, Self::Import, Self::Rest];

    /// System, code and display of `AuditEvent.type`.
    pub(crate) fn coding(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Command => (DICOM, "110100", "Application Activity"),
            Self::Import => (DICOM, "110107", "Import"),
            Self::Rest => (TYPES, "rest", "Restful Operation"),
        }
    }

    fn condition(self) -> Condition {
        let operator = Condition::Is(Column::Caller, OPERATOR.into());
        let writes = Condition::IsOneOf(Column::Interaction, vec!["create", "delete", "update"]);
        match self {
            Self::Command => Condition::All(vec![operator, Condition::Not(Box::new(writes))]),
            Self::Import => Condition::All(vec![operator, writes]),
            Self::Rest => Condition::Not(Box::new(operator)),
        }
    }
}

impl Entry {
    /// What was done where.
    pub(crate) fn nature(&self) -> Kind {
        match (&*self.caller, &*self.interaction) {
            (OPERATOR, "create" | "delete" | "update") => Kind::Import,
            (OPERATOR, _) => Kind::Command,
            _ => Kind::Rest,
        }
    }

    /// The code of the interaction; a command that is no import has none.
    pub(crate) fn subtype(&self) -> Option<&'static str> {
        (self.nature() != Kind::Command).then(|| known(&self.interaction).1)
    }

    /// Create, read, update, delete or execute. An update that made the resource created it.
    pub(crate) fn action(&self) -> char {
        match known(&self.interaction) {
            (_, "update", _) if self.status == 201 => 'C',
            (_, _, action) => action,
        }
    }

    /// 0 success, 4 the request was refused or wrong, 8 the server failed.
    pub(crate) fn outcome(&self) -> char {
        match self.status {
            ..400 => '0',
            400..500 => '4',
            500.. => '8',
        }
    }
}

fn known(interaction: &str) -> (&'static str, &'static str, char) {
    KNOWN.into_iter().find(|(name, ..)| *name == interaction).unwrap_or(("", "operation", 'E'))
}

/// Of these interactions, or operations too.
fn interactions(chosen: impl Fn(&str, char) -> bool) -> Condition {
    let names = KNOWN.iter().filter(|(_, code, action)| chosen(code, *action)).map(|(name, ..)| *name).collect();
    let mut any = vec![Condition::IsOneOf(Column::Interaction, names)];
    if chosen("operation", 'E') {
        let all = KNOWN.iter().map(|(name, ..)| *name).collect();
        any.push(Condition::Not(Box::new(Condition::IsOneOf(Column::Interaction, all))));
    }
    Condition::Any(any)
}

/// Records with this `AuditEvent.action`.
pub(crate) fn of_action(code: &str) -> Condition {
    let made = || Condition::All(vec![interactions(|code, _| code == "update"), Condition::Status(201, 202)]);
    let plain = |wanted: char| interactions(move |_, action| action == wanted);
    match code {
        "C" => Condition::Any(vec![plain('C'), made()]),
        "U" => Condition::All(vec![plain('U'), Condition::Not(Box::new(made()))]),
        "R" | "D" | "E" => plain(code.chars().next().unwrap_or('E')),
        _ => Condition::never(),
    }
}

/// Records with this `AuditEvent.outcome`.
pub(crate) fn of_outcome(code: &str) -> Condition {
    match code {
        "0" => Condition::Status(0, 400),
        "4" => Condition::Status(400, 500),
        "8" => Condition::Status(500, u16::MAX),
        _ => Condition::never(),
    }
}

/// Records with this `AuditEvent.type`.
pub(crate) fn of_kind(system: Option<&str>, code: Option<&str>) -> Condition {
    let fits = |kind: &Kind| {
        let (own_system, own_code, _) = kind.coding();
        system.is_none_or(|system| system == own_system) && code.is_none_or(|code| code == own_code)
    };
    Condition::Any(Kind::ALL.into_iter().filter(fits).map(Kind::condition).collect())
}

/// Records with this `AuditEvent.subtype`.
pub(crate) fn of_subtype(system: Option<&str>, code: Option<&str>) -> Condition {
    if system.is_some_and(|system| system != INTERACTIONS) {
        return Condition::never();
    }
    let there = Condition::Not(Box::new(Kind::Command.condition()));
    match code {
        None => there,
        Some(wanted) => Condition::All(vec![there, interactions(|code, _| code == wanted)]),
    }
}
