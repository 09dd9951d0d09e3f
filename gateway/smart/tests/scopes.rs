//! Scopes as clients spell them, and what is granted of them, by example. The laws are in `laws.rs`.

use smart::grant::{NotGranted, grant};
use smart::permission::{Extent, Reach, reach};
use smart::scope::{Action, Actions, ContextKind, Fault, LONGEST, MOST, Other, Scope, ScopeError, Scopes, Unknown};

const TYPES: [&str; 5] = ["Condition", "Encounter", "Observation", "Patient", "PractitionerRole"];
const LABORATORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory";

fn is_type(name: &str) -> bool {
    TYPES.contains(&name)
}

fn scope(text: &str) -> Result<Scope, Fault> {
    Scope::parse(text, &is_type)
}

fn read(text: &str) -> Result<Scopes, ScopeError> {
    Scopes::parse(text, Unknown::Ignore, &is_type)
}

fn granted(asked: &str, allowed: &str) -> Result<String, NotGranted> {
    grant(&read(asked).expect(asked), &read(allowed).expect(allowed)).map(|granted| granted.to_string())
}

#[test]
fn v1_scopes_mean_letters() {
    for (text, actions) in [("read", "rs"), ("write", "cud"), ("*", "cruds")] {
        let read = scope(&format!("system/Observation.{text}")).unwrap();
        assert_eq!((read.context(), read.kind()), (ContextKind::System, Some("Observation")));
        assert_eq!(read.actions().to_string(), actions);
    }
    assert_eq!(scope("user/*.read").unwrap().kind(), None);
}

#[test]
fn v2_scopes_have_letters_in_order_each_once() {
    for bits in 1_u8..32 {
        let actions: Actions = Action::ALL
            .into_iter()
            .enumerate()
            .filter(|(at, _)| bits >> at & 1 == 1)
            .map(|(_, action)| action)
            .collect();
        assert_eq!(scope(&format!("patient/Patient.{actions}")).unwrap().actions(), actions);
    }
    for wrong in ["", "sr", "rr", "rx", "Read", "READ", "R", "read,write", "r.s", "**", "reads", "rs ", "cruds*"] {
        let fault = scope(&format!("patient/Patient.{wrong}")).unwrap_err();
        assert!(fault == Fault::Actions || fault == Fault::Character && wrong.ends_with(' '), "{wrong}: {fault}");
    }
    assert_eq!(scope("patient/Patient").unwrap_err(), Fault::Actions);
}

#[test]
fn a_query_is_decoded_and_kept_as_it_was_asked() {
    let asked = "patient/Observation.rs?category=http%3A%2F%2Fterminology.hl7.org/CodeSystem/observation-category%7Claboratory\
                 &status=final&note=a%26b";
    let read = scope(asked).unwrap();
    let query: Vec<(&str, &str)> = read.query().iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(query, [("category", LABORATORY), ("status", "final"), ("note", "a&b")]);
    assert_eq!(read.to_string(), asked);
    assert_eq!(
        scope(&format!("patient/Observation.rs?category={LABORATORY}")).unwrap().query()[0].1.as_ref(),
        LABORATORY
    );
}

#[test]
fn a_condition_that_chooses_nothing_is_refused_not_left_out() {
    for query in [
        "",
        "category",
        "category=",
        "=x",
        "&",
        "status=final&",
        "a=%",
        "a=%2",
        "a=%zz",
        "a=%ff",
        "a=%00",
        "a=%0a",
        "_count=5",
        "_sort=date",
        "_include=Observation:subject",
        "_include:iterate=x",
        "_summary=true",
        "_elements=id",
        ":not=x",
    ] {
        assert_eq!(scope(&format!("patient/Observation.rs?{query}")).unwrap_err(), Fault::Query, "{query}");
    }
    assert_eq!(scope("patient/Observation.read?status=final").unwrap_err(), Fault::Query);
    let many = |count: usize| vec!["status=final"; count].join("&");
    assert!(scope(&format!("patient/Observation.rs?{}", many(16))).is_ok());
    assert_eq!(scope(&format!("patient/Observation.rs?{}", many(17))).unwrap_err(), Fault::Query);
}

#[test]
fn contexts_types_and_characters_that_there_are_not() {
    for (text, fault) in [
        ("group/Patient.rs", Fault::Context),
        ("Patient/Patient.rs", Fault::Context),
        ("patient/Unknown.rs", Fault::Type),
        ("patient/patient.rs", Fault::Type),
        ("patient/.rs", Fault::Type),
        ("patient/**.rs", Fault::Type),
        ("patient/Patient.rs\"", Fault::Character),
        ("patient/Pat\\ient.rs", Fault::Character),
        ("patient/P\u{e4}tient.rs", Fault::Character),
        ("patient/Patient.rs\n", Fault::Character),
        ("email", Fault::Unknown),
        ("launch/imagingstudy", Fault::Unknown),
        ("https://example.org/Patient.read", Fault::Unknown),
    ] {
        assert_eq!(scope(text).unwrap_err(), fault, "{text}");
    }
}

#[test]
fn a_list_is_bounded_and_has_each_scope_once() {
    let scopes = read("openid  launch/patient patient/*.rs openid patient/*.rs patient/*.read").unwrap();
    assert_eq!(scopes.to_string(), "openid launch/patient patient/*.rs patient/*.read");
    assert!(scopes.has(Other::LaunchPatient) && !scopes.has(Other::Launch));
    for other in Other::ALL {
        assert_eq!(read(other.as_str()).unwrap().others(), [other]);
    }
    let long = |bytes: usize| format!("patient/Patient.rs?name={}", "a".repeat(bytes - 24));
    assert_eq!(long(LONGEST).len(), LONGEST);
    assert!(read(&long(LONGEST)).is_ok());
    assert_eq!(read(&long(LONGEST + 1)).unwrap_err(), ScopeError::TooLong);
    assert!(read(&vec!["openid"; MOST].join(" ")).is_ok());
    assert_eq!(read(&vec!["openid"; MOST + 1].join(" ")).unwrap_err(), ScopeError::TooMany);
    assert!(read("").unwrap().is_empty());
}

#[test]
fn one_scope_that_cannot_be_read_refuses_the_list_and_an_error_repeats_nothing_of_it() {
    let error = read("openid patient/Patient.rs patient/Secret.rs").unwrap_err();
    assert_eq!(error, ScopeError::At { at: 3, fault: Fault::Type });
    assert!(!error.to_string().contains("Secret"), "{error}");
}

#[test]
fn scopes_that_smart_has_not_are_left_out_of_a_request_and_refused_in_a_registration() {
    let text = "email patient/Patient.rs https://example.org/x";
    assert_eq!(read(text).unwrap().to_string(), "patient/Patient.rs");
    let refused = Scopes::parse(text, Unknown::Refuse, &is_type).unwrap_err();
    assert_eq!(refused, ScopeError::At { at: 1, fault: Fault::Unknown });
}

#[test]
fn what_is_covered_is_granted_as_it_was_asked() {
    let asked = "openid patient/Observation.read patient/Observation.rs patient/Condition.rs?b=2&a=1";
    assert_eq!(granted(asked, "openid profile patient/*.cruds").unwrap(), asked);
    // By several allowed scopes together, too.
    assert_eq!(granted("system/Patient.rs", "system/Patient.r system/*.s").unwrap(), "system/Patient.rs");
    assert_eq!(granted("system/*.rs", "system/Patient.s system/*.r").unwrap(), "system/*.r system/Patient.s");
    assert_eq!(granted("system/Patient.rs", "system/Patient.r system/Patient.s").unwrap(), "system/Patient.rs");
}

#[test]
fn what_is_covered_in_part_is_granted_in_part() {
    for (asked, allowed, expected) in [
        ("system/Observation.cruds", "system/*.rs", "system/Observation.rs"),
        ("system/Observation.*", "system/*.rs", "system/Observation.read"),
        ("system/*.read", "system/Patient.rs system/Observation.rs", "system/Observation.read system/Patient.read"),
        ("system/*.rs", "system/Patient.read", "system/Patient.rs"),
        ("system/Patient.read", "system/*.r", "system/Patient.r"),
        ("user/Patient.rs?name=a", "user/*.rs", "user/Patient.rs?name=a"),
        (
            "user/Patient.rs",
            "user/Patient.rs?name=a user/Patient.rs?name=b",
            "user/Patient.rs?name=a user/Patient.rs?name=b",
        ),
        ("user/Patient.read", "user/Patient.rs?name=a%20b", "user/Patient.rs?name=a%20b"),
        ("user/Patient.rs?b=2&a=1", "user/Patient.cruds?a=1&b=2&a=1", "user/Patient.rs?b=2&a=1"),
        ("user/Patient.rs?b=2", "user/Patient.rs?a=1", "user/Patient.rs?a=1&b=2"),
        ("user/Patient.rs", "user/Patient.rs user/Patient.rs?a=1", "user/Patient.rs"),
    ] {
        assert_eq!(granted(asked, allowed).unwrap(), expected, "{asked} of {allowed}");
    }
}

/// `smart-fetch` asks for a scope for each type that it knows, those that we do not give among them.
#[test]
fn a_scope_of_which_nothing_is_allowed_is_left_out_beside_others() {
    let asked = "system/Patient.read system/PractitionerRole.read openid";
    assert_eq!(granted(asked, "system/Patient.rs").unwrap(), "system/Patient.read");
    assert_eq!(granted("patient/Patient.rs openid", "openid").unwrap(), "openid");
}

#[test]
fn nothing_of_what_was_asked_is_invalid_scope() {
    assert_eq!(granted("", "system/*.rs").unwrap_err(), NotGranted::NothingAsked);
    assert_eq!(granted("email", "system/*.rs").unwrap_err(), NotGranted::NothingAsked);
    assert_eq!(granted("system/Patient.rs", "system/Observation.rs").unwrap_err(), NotGranted::NothingAllowed);
    assert_eq!(granted("user/Patient.rs", "system/*.cruds patient/*.cruds").unwrap_err(), NotGranted::NothingAllowed);
    assert_eq!(granted("openid", "").unwrap_err(), NotGranted::NothingAllowed);
}

/// `bdt` asks for changes only, and expects a refusal.
#[test]
fn only_changes_and_none_allowed_is_invalid_scope_whatever_else_is_granted() {
    for asked in ["system/Patient.write", "system/Patient.c system/Observation.ud", "openid system/Patient.cud"] {
        assert_eq!(granted(asked, "openid system/*.rs").unwrap_err(), NotGranted::NoChange, "{asked}");
    }
    assert_eq!(granted("system/Patient.write", "system/*.rs system/*.u").unwrap(), "system/Patient.u");
    assert_eq!(granted("system/Patient.write system/Patient.read", "system/*.rs").unwrap(), "system/Patient.read");
}

#[test]
fn more_than_could_be_asked_again_is_not_granted() {
    let conditions =
        |name: &str, count: usize| (0..count).map(|at| format!("user/*.rs?{name}={at}")).collect::<Vec<_>>().join(" ");
    let of = |asked: usize, allowed: usize| granted(&conditions("a", asked), &conditions("b", allowed));
    assert_eq!(read(&of(17, 17).unwrap()).unwrap().len(), 17 * 17);
    assert_eq!(of(18, 17).unwrap_err(), NotGranted::TooMuch);
    let one = |names: std::ops::Range<usize>| {
        format!("user/*.rs?{}", names.map(|at| format!("a{at}=x")).collect::<Vec<_>>().join("&"))
    };
    assert!(granted(&one(0..8), &one(8..16)).is_ok());
    assert_eq!(granted(&one(0..8), &one(8..17)).unwrap_err(), NotGranted::TooMuch);
    let long = |name: &str| {
        (0..10).map(|at| format!("user/*.rs?{name}={at}{}", "x".repeat(100))).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(granted(&long("a"), &long("b")).unwrap_err(), NotGranted::TooMuch);
}

#[test]
fn reading_and_searching_are_apart_and_so_are_contexts() {
    let scopes = read("patient/Observation.r user/Encounter.s patient/*.s?_tag=x").unwrap();
    let extent = |context, action, kind: &str| match reach(scopes.resources(), context, action).of(kind) {
        Extent::Nothing => "nothing",
        Extent::Whole => "whole",
        Extent::Where(_) => "where",
    };
    use ContextKind::{Patient, System, User};
    assert_eq!(extent(Patient, Action::Read, "Observation"), "whole");
    assert_eq!(extent(Patient, Action::Search, "Observation"), "where");
    assert_eq!(extent(Patient, Action::Read, "Encounter"), "nothing");
    assert_eq!(extent(User, Action::Search, "Encounter"), "whole");
    assert_eq!(extent(User, Action::Read, "Encounter"), "nothing");
    assert!(reach(scopes.resources(), System, Action::Read).is_nothing());
    assert!(reach(scopes.resources(), Patient, Action::Update).is_nothing());
}

#[test]
fn a_whole_type_swallows_conditions() {
    let of = |text: &str| reach(read(text).unwrap().resources(), ContextKind::User, Action::Read);
    assert_eq!(of("user/*.rs user/Patient.rs?a=1"), Reach::All);
    let Reach::Types(types) = of("user/Patient.rs?a=1 user/Patient.r") else { panic!() };
    assert_eq!((types.len(), types[0].alternatives.len()), (1, 0));
    let Reach::Types(types) = of("user/Patient.rs?a=1&b=2 user/Patient.r?b=2 user/Patient.r?c=3") else { panic!() };
    assert_eq!(types[0].alternatives.len(), 2);
    // A condition on every type comes first, and swallows the same on one.
    let Reach::Types(types) = of("user/Patient.rs?a=1&b=2 user/*.r?b=2") else { panic!() };
    assert_eq!((types.len(), types[0].kind.as_deref()), (1, None));
}
