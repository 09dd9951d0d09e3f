//! Granted scopes as what the store keeps to: types, and values that index rows must have.

use clap::ValueEnum;
use consent::scoped::{Alternatives, Condition as Limit, Deed, Token, Types};
use consent::{NOBODYS, Scoped};
use mappers::references::{self, Reference};
use mappers::search::parameters::{self, ParameterKind};
use smart::permission::{Conjunction, Reach, TypeReach, reach};
use smart::scope::{Action, Condition, ContextKind, Scopes, Unknown};

use crate::store::accounts::{Account, Permission};
use crate::store::index_key;

/// What scopes of the context `system/` let a client do; `None` where they cannot be read.
pub(super) fn of_system(text: &str) -> Option<Scoped> {
    let scopes = parsed(text)?;
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

/// What scopes let a program do for somebody with this account; `None` where they cannot be read.
pub fn of_account(account: &Account, text: &str, patient: Option<&str>, reach: StaffReach) -> Option<Scoped> {
    let references = || account.actors.iter().filter_map(|actor| local(actor));
    let own: Vec<Box<str>> = references().filter(|(kind, _)| *kind == "Patient").map(|(_, id)| id.into()).collect();
    let is_own = |kind: &str| matches!(kind, "Patient" | "RelatedPerson");
    let is_patient = account.is_patient() || account.fhir_user().and_then(local).is_none_or(|(kind, _)| is_own(kind));
    // Whoever has become another patient has not taken the former one's record along.
    let patient = patient.filter(|id| !is_patient || own.iter().any(|own| **own == **id));
    let user = match reach {
        _ if is_patient => UserReach::Within(Limit::Patients(own)),
        StaffReach::Organization => UserReach::Organization,
        StaffReach::Care => {
            let at_work = references().filter(|(kind, _)| !is_own(kind));
            UserReach::Within(Limit::Care(at_work.map(|(kind, id)| (kind.into(), id.into())).collect()))
        }
    };
    let scopes = parsed(text)?;
    Some(Scoped::new(|deed| {
        let needed = match deed {
            Deed::Create | Deed::Update => Permission::WritePhi,
            Deed::Delete => Permission::DeletePhi,
            Deed::Read | Deed::Search => Permission::ReadPhi,
        };
        if account.may(needed) { of_person(&scopes, patient, &user, deed) } else { Types::none() }
    }))
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
    /// These alone: whom they care for, or they themselves.
    Within(Limit),
}

/// What scopes of the contexts `patient/` and `user/` let a program do for somebody who logged in.
///
/// `patient/` reaches what belongs to the patient in context, to be read alone, and of types that are nobody's (F4) all; `user/` what the
/// user reaches, and the patient in context (whom the user was let choose, or the EHR has said). Both are of no use for writing but for
/// whole types: what is written would have to be looked at before and after.
fn of_person(scopes: &Scopes, patient: Option<&str>, user: &UserReach, deed: Deed) -> Types {
    let of = |context, deed| types(&reach(scopes.resources(), context, action(deed)));
    let of_patient = patient.map(|id| Limit::Patients(vec![id.into()]));
    {
        let is_read = matches!(deed, Deed::Read | Deed::Search);
        let mut reached = match user {
            UserReach::Organization => of(ContextKind::User, deed),
            UserReach::Within(_) if !is_read => Types::none(),
            UserReach::Within(limit) => {
                let all = of(ContextKind::User, deed);
                let own = limited(&all, limit);
                match &of_patient {
                    Some(patient) => own.or(&limited(&all, patient)),
                    None => own,
                }
            }
        };
        if let Some(patient) = of_patient.as_ref().filter(|_| is_read) {
            reached = reached.or(&limited(&of(ContextKind::Patient, deed), patient));
        }
        reached
    }
}

fn parsed(text: &str) -> Option<Scopes> {
    Scopes::parse(text, Unknown::Ignore, &|kind| parameters::resource_type(kind).is_some()).ok()
}

/// What of these is within a limit besides: of types that are nobody's everything.
fn limited(types: &Types, limit: &Limit) -> Types {
    let within = |kind: &str, alternatives: &Alternatives| {
        if NOBODYS.contains(&kind) {
            return alternatives.clone();
        }
        let and = |alternative: &Vec<Limit>| alternative.iter().cloned().chain([limit.clone()]).collect();
        if alternatives.is_empty() { vec![vec![limit.clone()]] } else { alternatives.iter().map(and).collect() }
    };
    // What is in a stored Bundle may be several patients', and it is shown whole.
    let has_one = |kind: &str| kind != "Bundle";
    let every = || {
        parameters::resource_types()
            .iter()
            .filter(|kind| has_one(kind))
            .map(|kind| (Box::from(*kind), within(kind, &Vec::new())))
    };
    match types {
        Types::All => Types::Only(every().collect()),
        Types::Only(types) => {
            let types = types.iter().filter(|(kind, _)| has_one(kind));
            Types::Only(types.map(|(kind, alternatives)| (kind.clone(), within(kind, alternatives))).collect())
        }
    }
}

/// Whether every condition of some scopes is one that we can keep to: on a token.
///
/// # Errors
/// The first that is not, and which are.
pub fn are_kept(scopes: &Scopes) -> Result<(), String> {
    for scope in scopes.resources() {
        let kept = |kind: &str, condition: &Condition| token(kind, condition).is_some();
        for condition in scope.conditions() {
            let is_kept = match scope.kind() {
                Some(kind) => kept(kind, &condition),
                // What a type has no parameter for is not reached of it.
                None => parameters::resource_types().iter().any(|kind| kept(kind, &condition)),
            };
            if !is_kept {
                return Err(format!(
                    "{scope}: this condition on {} cannot be kept to. One value of a parameter of tokens can (category, code, status); give a \
                     scope for each",
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
    let all = |conjunction: &Conjunction| {
        conjunction.iter().map(|condition| token(kind, condition).map(Limit::Token)).collect()
    };
    let kept: Alternatives = of.iter().filter_map(all).collect();
    // No alternative at all is the whole type, and none that can be kept to is nothing of it.
    (of.is_empty() || !kept.is_empty()).then_some(kept)
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
mod tests {
    use super::*;

    fn read(text: &str) -> Types {
        of_system(text).expect("scopes").to(Deed::Read).clone()
    }

    #[test]
    fn conditions_are_values_of_index_rows() {
        let Types::Only(types) = read("system/Observation.rs?category=urn:s|lab system/Patient.s") else {
            panic!("all")
        };
        assert_eq!(types.keys().map(|kind| &**kind).collect::<Vec<_>>(), ["Observation"]);
        let [tokens] = &types["Observation"][..] else { panic!("{types:?}") };
        let [Limit::Token(Token { paths, system, code })] = &tokens[..] else { panic!("{tokens:?}") };
        assert_eq!((system.as_deref(), code.as_deref()), (Some("urn:s"), Some("lab")));
        assert!(!paths.is_empty());
        assert_eq!(read("system/*.r"), Types::All);
        assert_eq!(read("patient/*.r user/*.r openid"), Types::none(), "another context is another's data");
    }

    #[test]
    fn what_cannot_be_kept_to_is_nothing() {
        for scopes in [
            "system/Observation.rs?date=2020",
            "system/Patient.rs?category=x",
            "system/Observation.rs?category=",
            "system/Observation.rs?nonsense=x",
        ] {
            let scopes = Scopes::parse(scopes, Unknown::Ignore, &|kind| parameters::resource_type(kind).is_some());
            let Ok(scopes) = scopes else { continue };
            assert!(are_kept(&scopes).is_err(), "{scopes}");
            assert_eq!(read(&scopes.to_string()), Types::none(), "{scopes}");
        }
        let both = "system/Observation.rs?category=a&date=2020 system/Observation.rs?category=b";
        let Types::Only(types) = read(both) else { panic!("all") };
        assert_eq!(types["Observation"].len(), 1, "of two alternatives the one that can be kept to");
    }

    #[test]
    fn a_condition_on_every_type_is_on_those_that_have_the_parameter() {
        let Types::Only(types) = read("system/*.rs?category=x") else { panic!("all") };
        assert!(types.contains_key("Observation") && types.contains_key("Condition") && !types.contains_key("Patient"));
        assert!(types.values().all(|alternatives| !alternatives.is_empty()));
        // A whole type beside it stays whole.
        let Types::Only(types) = read("system/*.rs?category=x system/Observation.r") else { panic!("all") };
        assert!(types["Observation"].is_empty() && !types["Condition"].is_empty());
    }

    #[test]
    fn a_patients_scopes_reach_what_is_theirs_and_what_is_nobodys() {
        let own = Limit::Patients(vec!["p".into()]);
        let user = UserReach::Within(own.clone());
        let of = |text, patient, deed| of_person(&parsed(text).expect("scopes"), patient, &user, deed);
        let Types::Only(all) = of("patient/*.cruds", Some("p"), Deed::Read) else { panic!("all") };
        assert_eq!(all.len(), parameters::resource_types().len() - 1, "all but Bundles");
        assert_eq!(all["Observation"], [[own]]);
        assert!(all["Practitioner"].is_empty());
        assert!(all.iter().all(|(kind, limits)| limits.is_empty() == NOBODYS.contains(&&**kind)));
        for deed in [Deed::Create, Deed::Update, Deed::Delete] {
            assert_eq!(of("patient/*.cruds user/*.cruds", Some("p"), deed), Types::none());
        }
        assert_eq!(of("patient/*.rs", None, Deed::Read), Types::none(), "nobody's");
        assert_eq!(of("system/*.rs", Some("p"), Deed::Read), Types::none(), "another context");
        let Types::Only(some) = of("patient/Observation.rs?category=x", Some("p"), Deed::Search) else { panic!("all") };
        let [alternative] = &some["Observation"][..] else { panic!("{some:?}") };
        assert!(matches!(&alternative[..], [Limit::Token(_), Limit::Patients(_)]));
    }

    #[test]
    fn a_users_scopes_reach_the_patient_in_context_too() {
        let care = UserReach::Within(Limit::Care(vec![("Practitioner".into(), "1".into())]));
        let of = |text, reach: &UserReach, deed| of_person(&parsed(text).expect("scopes"), Some("p"), reach, deed);
        let Types::Only(types) = of("user/Observation.rs", &care, Deed::Read) else { panic!("all") };
        assert_eq!(types["Observation"].len(), 2);
        for deed in [Deed::Update, Deed::Read] {
            assert!(of("user/Observation.cruds", &UserReach::Organization, deed).have_all(&["Observation"]));
        }
    }
}
