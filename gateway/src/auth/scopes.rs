//! Granted scopes as what the store keeps to: types, and values that index rows must have.

use clap::ValueEnum;
use consent::scoped::{Alternatives, Bound, Condition as Limit, Deed, End, Lies, Text, Time, Token, Types};
use consent::{NOBODYS, Scoped};
use mappers::references::{self, Reference};
use mappers::search::parameters::{self, ParameterKind};
use mappers::search::query::{self, DateValue, IndexTest, Prefix, StringMatch, Test, Values};
use smart::permission::{Conjunction, Reach, TypeReach, reach};
use smart::scope::{Action, Condition, ContextKind, ScopeError, Scopes, Unknown};

use crate::store::ActsFor;
use crate::store::accounts::{Account, Permission};
use crate::store::{index_key, start_of};

/// The scopes that a text has; those that nobody knows are left out.
pub(crate) fn read(text: &str) -> Result<Scopes, ScopeError> {
    Scopes::parse(text, Unknown::Ignore, &|kind| parameters::resource_type(kind).is_some())
}

/// The same of a text of ours; of one that cannot be read, none.
pub(crate) fn parsed(text: &str) -> Scopes {
    read(text).unwrap_or_default()
}

/// What scopes of the context `system/` let a client do; `None` where they cannot be read.
pub(super) fn of_system(text: &str) -> Option<Scoped> {
    let scopes = read(text).ok()?;
    let reached = |deed| types(&reach(scopes.resources(), ContextKind::System, action(deed)));
    Some(Scoped::new(reached))
}

/// Whose records people at work reach by scopes that begin with `user/`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum StaffReach {
    /// Those of patients whom they care for: an encounter, an appointment, a care team, an episode, a plan or the patient's own record
    /// names them, or their organization where they come with one.
    #[default]
    Care,
    /// All of the organization's.
    Organization,
}

/// What scopes let a program do for somebody with this account; `None` where they cannot be read. `acting`: for whom somebody acts who is
/// related to patients.
pub fn of_account(
    account: &Account,
    text: &str,
    patient: Option<&str>,
    reach: StaffReach,
    acting: &[ActsFor],
) -> Option<Scoped> {
    let references = || account.actors.iter().filter_map(|actor| local(actor));
    let own: Vec<Box<str>> = references().filter(|(kind, _)| *kind == "Patient").map(|(_, id)| id.into()).collect();
    let is_own = |kind: &str| matches!(kind, "Patient" | "RelatedPerson");
    let is_patient = account.is_patient() || account.fhir_user().and_then(local).is_none_or(|(kind, _)| is_own(kind));
    let is_proxy = !account.proxies().is_empty();
    // Whoever has become another patient has not taken the former one's record along; nor has who acts for a patient no longer.
    let patient: Option<Vec<Limit>> = patient.and_then(|id| match acting.iter().find(|one| *one.patient == *id) {
        Some(one) if is_proxy => Some(acted(one)),
        _ if is_proxy || (is_patient && !own.iter().any(|own| **own == *id)) => None,
        _ => Some(vec![Limit::Patients(vec![id.into()])]),
    });
    let user = match reach {
        _ if is_proxy => UserReach::Within(acting.iter().map(acted).collect()),
        _ if is_patient => UserReach::Within(vec![vec![Limit::Patients(own)]]),
        StaffReach::Organization => UserReach::Organization,
        StaffReach::Care => {
            let at_work = references().filter(|(kind, _)| !is_own(kind));
            UserReach::Within(vec![vec![Limit::Care(at_work.map(|(kind, id)| (kind.into(), id.into())).collect())]])
        }
    };
    let scopes = read(text).ok()?;
    Some(Scoped::new(|deed| {
        let needed = match deed {
            Deed::Create | Deed::Update => Permission::WritePhi,
            Deed::Delete => Permission::DeletePhi,
            Deed::Read | Deed::Search => Permission::ReadPhi,
        };
        if account.may(needed) { of_person(&scopes, patient.as_deref(), &user, deed) } else { Types::none() }
    }))
}

/// What belongs to a patient for whom somebody acts, as far as that reaches.
fn acted(one: &ActsFor) -> Vec<Limit> {
    vec![Limit::Patients(vec![one.patient.clone()]), Limit::Without(one.hidden.bits())]
}

fn local(reference: &str) -> Option<(&'static str, &str)> {
    match references::parse(reference) {
        Reference::Local { kind, id, .. } => Some((kind, id)),
        _ => None,
    }
}

/// Whom a user's scopes are about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum UserReach {
    /// The whole organization.
    Organization,
    /// What all of one of these hold of: it belongs to whom they care for, to themselves, or to whom they act for.
    Within(Vec<Vec<Limit>>),
}

/// What scopes of the contexts `patient/` and `user/` let a program do for somebody who logged in.
///
/// `patient/` reaches what belongs to the patient in context, and of types that are nobody's (F4) all, to be read alone; `user/` what the
/// user reaches, and the patient in context (whom the user was let choose, or the EHR has said).
fn of_person(scopes: &Scopes, patient: Option<&[Limit]>, user: &UserReach, deed: Deed) -> Types {
    let of = |context| types(&reach(scopes.resources(), context, action(deed)));
    let mut reached = match user {
        UserReach::Organization => of(ContextKind::User),
        UserReach::Within(limits) => {
            let all = of(ContextKind::User);
            let limits = limits.iter().map(Vec::as_slice).chain(patient);
            limits.fold(Types::none(), |reached, limit| reached.or(&limited(&all, limit, deed)))
        }
    };
    if let Some(patient) = patient {
        reached = reached.or(&limited(&of(ContextKind::Patient), patient, deed));
    }
    reached
}

/// What nobody writes who may write of some patients alone: what tells who did what, whoever it is about.
const NEVER_WRITTEN: [&str; 2] = ["AuditEvent", "Provenance"];

/// What of these is within a limit besides: of types that are nobody's everything, to be read; what is written is somebody's.
fn limited(types: &Types, limit: &[Limit], deed: Deed) -> Types {
    let is_read = matches!(deed, Deed::Read | Deed::Search);
    let within = |kind: &str, alternatives: &Alternatives| {
        if NOBODYS.contains(&kind) {
            return alternatives.clone();
        }
        let and = |alternative: &Vec<Limit>| alternative.iter().chain(limit).cloned().collect();
        if alternatives.is_empty() { vec![limit.to_vec()] } else { alternatives.iter().map(and).collect() }
    };
    let is_acting = limit.iter().any(|limit| matches!(limit, Limit::Without(_)));
    let may_be = |kind: &str| match kind {
        // They tell of what is hidden from whoever acts for somebody.
        "AuditEvent" | "Provenance" if is_acting => false,
        // What is in a stored Bundle may be several patients', and it is shown whole.
        "Bundle" => false,
        // Who a patient is begins and ends elsewhere.
        "Patient" => !matches!(deed, Deed::Create | Deed::Delete),
        kind => is_read || !(NOBODYS.contains(&kind) || NEVER_WRITTEN.contains(&kind)),
    };
    let every = || {
        let kinds = parameters::resource_types().iter().filter(|kind| may_be(kind));
        kinds.map(|kind| (Box::from(*kind), within(kind, &Vec::new())))
    };
    match types {
        Types::All => Types::Only(every().collect()),
        Types::Only(types) => {
            let types = types.iter().filter(|(kind, _)| may_be(kind));
            Types::Only(types.map(|(kind, alternatives)| (kind.clone(), within(kind, alternatives))).collect())
        }
    }
}

/// Whether every condition of some scopes is one that we can keep to: on a token, a text, a date, or of types (`_type`).
///
/// # Errors
/// The first that is not, and which are.
pub fn are_kept(scopes: &Scopes) -> Result<(), String> {
    for scope in scopes.resources() {
        let kept = |kind: &str, condition: &Condition| kept(kind, condition).is_some();
        for condition in scope.conditions() {
            let is_kept = match scope.kind() {
                Some(kind) => kept(kind, &condition),
                // What a type has no parameter for is not reached of it.
                None => parameters::resource_types().iter().any(|kind| kept(kind, &condition)),
            };
            if !is_kept {
                return Err(format!(
                    "{scope}: this condition on {} cannot be kept to. One value of a parameter of tokens, texts or dates can (category, \
                     code, name, birthdate), without a modifier; give a scope for each",
                    condition.0
                ));
            }
        }
    }
    Ok(())
}

fn action(deed: Deed) -> Action {
    match deed {
        Deed::Create => Action::Create,
        Deed::Read => Action::Read,
        Deed::Update => Action::Update,
        Deed::Delete => Action::Delete,
        Deed::Search => Action::Search,
    }
}

fn types(reach: &Reach) -> Types {
    let Reach::Types(reached) = reach else { return Types::All };
    let mut types = Types::none();
    for TypeReach { kind, alternatives } in reached {
        let kinds = kind.as_deref().map_or_else(|| parameters::resource_types().to_vec(), |kind| vec![kind]);
        for kind in kinds {
            if let Some(alternatives) = self::alternatives(kind, alternatives) {
                types = types.or(&Types::Only([(kind.into(), alternatives)].into()));
            }
        }
    }
    types
}

/// What must hold of a type; `None` where nothing of it is reached, for what cannot be asked of it does not hold.
fn alternatives(kind: &str, of: &[Conjunction]) -> Option<Alternatives> {
    let all = |conjunction: &Conjunction| -> Option<Vec<Limit>> {
        let limits: Option<Vec<Option<Limit>>> = conjunction.iter().map(|condition| kept(kind, condition)).collect();
        Some(limits?.into_iter().flatten().collect())
    };
    let kept: Alternatives = of.iter().filter_map(all).collect();
    // No condition at all is the whole type, and none that can be kept to is nothing of it.
    match of {
        [] => Some(Vec::new()),
        _ if kept.iter().any(Vec::is_empty) => Some(Vec::new()),
        _ => (!kept.is_empty()).then_some(kept),
    }
}

/// What a condition asks of the resources of a type: `None` where that cannot be asked, or holds of none; nothing more where it holds of all.
fn kept(kind: &str, condition: &Condition) -> Option<Option<Limit>> {
    let (name, value) = condition;
    if &**name == "_type" {
        return value.split(',').any(|named| named == kind).then_some(None);
    }
    let limit = token(kind, condition).map(Limit::Token).or_else(|| searched(kind, name, value));
    limit.map(Some)
}

/// One text or one date, read as searches read it.
fn searched(kind: &str, name: &str, value: &str) -> Option<Limit> {
    let definition = parameters::definition(kind, name)?;
    if value.contains([',', '$', '\\']) || !definition.is_supported() {
        return None;
    }
    let mut text = String::new();
    query::push(&mut text, name, value);
    let (search, ..) = query::parse(Some(kind), &text, query::Context::default()).ok()?;
    let [Test::Index(IndexTest { paths, values })] = &search.tests[..] else { return None };
    let paths = paths.clone();
    match values {
        Values::Strings(values) => {
            let [value] = &values[..] else { return None };
            let (start, is_whole) = start_of(&value.normal);
            let may_be = value.how == StringMatch::Start && is_whole && !start.is_empty();
            let to = format!("{start}{}", char::MAX).into();
            may_be.then(|| Limit::Text(Text { paths, from: start.into(), to }))
        }
        Values::Dates(values) => {
            let [value] = &values[..] else { return None };
            Some(Limit::Time(Time { paths, any: bounds(value)? }))
        }
        _ => None,
    }
}

/// How a range of time must lie, as searches have it (`store::search::date`); `ap` is another range each day.
fn bounds(value: &DateValue) -> Option<Vec<Vec<Bound>>> {
    let (low, high) = (value.low, value.high);
    let bound = |end, lies, tick| Bound { end, lies, tick };
    let one = |end, lies, tick| vec![vec![bound(end, lies, tick)]];
    Some(match value.prefix {
        Prefix::Approximately => return None,
        Prefix::EndsBefore => one(End::High, Lies::Until, low),
        Prefix::Equal => vec![vec![
            bound(End::Low, Lies::From, low),
            bound(End::Low, Lies::Before, high),
            bound(End::High, Lies::Until, high),
        ]],
        Prefix::Greater => one(End::High, Lies::After, high),
        Prefix::GreaterOrEqual => one(End::High, Lies::After, low),
        Prefix::Less => one(End::Low, Lies::Before, low),
        Prefix::LessOrEqual => one(End::Low, Lies::Before, high),
        Prefix::NotEqual => {
            vec![vec![bound(End::Low, Lies::Before, low)], vec![bound(End::High, Lies::After, high)]]
        }
        Prefix::StartsAfter => one(End::Low, Lies::From, high),
    })
}

/// `system|code`, `|code`, `system|`, `code`: <https://hl7.org/fhir/R4/search.html#token>.
fn token(kind: &str, condition: &Condition) -> Option<Token> {
    let (name, value) = condition;
    if value.contains([',', '$', '\\']) {
        // Several values, parts of one, or an escape: a scope for each value says the same.
        return None;
    }
    let definition = parameters::definition(kind, name)?;
    if definition.param_kind != ParameterKind::Token || !definition.is_supported() {
        return None;
    }
    let paths: Vec<i32> = definition.index_paths().collect();
    let (system, code) = match value.split_once('|') {
        Some((system, code)) => (Some(system), code),
        None => (None, &**value),
    };
    let key = |text: &str| index_key(text).into_owned().into_boxed_str();
    let code = Some(code).filter(|code| !code.is_empty()).map(key);
    let is_one = !paths.is_empty() && (code.is_some() || system.is_some_and(|system| !system.is_empty()));
    is_one.then(|| Token { paths, system: system.map(key), code })
}

#[cfg(test)]
mod tests;
