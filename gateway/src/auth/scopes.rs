//! Granted scopes as what the store keeps to: types, and values that index rows must have.

use consent::Scoped;
use consent::scoped::{Alternatives, Deed, Token, Types};
use mappers::search::parameters::{self, ParameterKind};
use smart::permission::{Conjunction, Reach, TypeReach, reach};
use smart::scope::{Action, Condition, ContextKind, Scopes, Unknown};

use crate::store::index_key;

/// What scopes of the context `system/` let a client do; `None` where they cannot be read.
pub(super) fn of_system(text: &str) -> Option<Scoped> {
    let scopes = Scopes::parse(text, Unknown::Ignore, &|kind| parameters::resource_type(kind).is_some()).ok()?;
    let reached = |deed| types(&reach(scopes.resources(), ContextKind::System, action(deed)));
    Some(Scoped::new(reached))
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
    let all = |conjunction: &Conjunction| conjunction.iter().map(|condition| token(kind, condition)).collect();
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
        let [Token { paths, system, code }] = &tokens[..] else { panic!("{tokens:?}") };
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
}
