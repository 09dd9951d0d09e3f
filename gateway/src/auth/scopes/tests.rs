use super::*;

fn read(text: &str) -> Types {
    of_system(text).expect("scopes").to(Deed::Read).clone()
}

#[test]
fn conditions_are_values_of_index_rows() {
    let Types::Only(types) = read("system/Observation.rs?category=urn:s|lab system/Patient.s") else { panic!("all") };
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
        "system/Observation.rs?date=ap2020",
        "system/Observation.rs?value-quantity=5",
        "system/Patient.rs?name=a,b",
        "system/Patient.rs?name:exact=Ada",
        "system/Patient.rs?_lastUpdated=gt2020",
        "system/Patient.rs?_type=Flag,Goal",
        "system/Patient.rs?category=x",
        "system/Observation.rs?category=",
        "system/Observation.rs?nonsense=x",
    ] {
        let scopes = Scopes::parse(scopes, Unknown::Ignore, &|kind| parameters::resource_type(kind).is_some());
        let Ok(scopes) = scopes else { continue };
        assert!(are_kept(&scopes).is_err(), "{scopes}");
        assert_eq!(read(&scopes.to_string()), Types::none(), "{scopes}");
    }
    let both = "system/Observation.rs?category=a&date=ap2020 system/Observation.rs?category=b";
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
fn conditions_are_on_texts_and_dates_and_types_too() {
    let Types::Only(types) = read("system/Patient.rs?name=Ada&birthdate=ge1990 system/*.rs?_type=Flag,Goal") else {
        panic!("all")
    };
    assert_eq!(types.keys().map(|kind| &**kind).collect::<Vec<_>>(), ["Flag", "Goal", "Patient"]);
    assert!(types["Flag"].is_empty() && types["Goal"].is_empty());
    let [alternative] = &types["Patient"][..] else { panic!("{types:?}") };
    let [Limit::Time(time), Limit::Text(text)] = &alternative[..] else { panic!("{alternative:?}") };
    assert_eq!((&*text.from, time.any.len()), ("ada", 1));
    let Types::Only(some) = read("system/*.rs?_type=Condition,Flag&category=x") else { panic!("all") };
    assert_eq!(some.keys().map(|kind| &**kind).collect::<Vec<_>>(), ["Condition"]);
    assert!(matches!(&some["Condition"][..], [alternative] if matches!(alternative[..], [Limit::Token(_)])));
}

#[test]
fn a_patients_scopes_reach_what_is_theirs_and_what_is_nobodys() {
    let own = Limit::Patients(vec!["p".into()]);
    let user = UserReach::Within(vec![vec![own.clone()]]);
    let of = |text, patient: Option<&str>, deed| {
        let patient = patient.map(|id| vec![Limit::Patients(vec![id.into()])]);
        of_person(&crate::auth::scopes::read(text).expect("scopes"), patient.as_deref(), &user, deed)
    };
    let Types::Only(all) = of("patient/*.cruds", Some("p"), Deed::Read) else { panic!("all") };
    assert_eq!(all.len(), parameters::resource_types().len() - 1, "all but Bundles");
    assert_eq!(all["Observation"], [[own.clone()]]);
    assert!(all["Practitioner"].is_empty());
    assert!(all.iter().all(|(kind, limits)| limits.is_empty() == NOBODYS.contains(&&**kind)));
    for deed in [Deed::Create, Deed::Update, Deed::Delete] {
        let Types::Only(written) = of("patient/*.cruds user/*.cruds", Some("p"), deed) else { panic!("all") };
        assert!(written.values().all(|limits| *limits == [[own.clone()]]), "{deed:?}");
        for never in NOBODYS.into_iter().chain(["AuditEvent", "Provenance", "Bundle"]) {
            assert!(!written.contains_key(never), "{deed:?} {never}");
        }
        assert_eq!(written.contains_key("Patient"), deed == Deed::Update);
    }
    assert_eq!(of("patient/*.rs", None, Deed::Read), Types::none(), "nobody's");
    assert_eq!(of("system/*.rs", Some("p"), Deed::Read), Types::none(), "another context");
    let Types::Only(some) = of("patient/Observation.rs?category=x", Some("p"), Deed::Search) else { panic!("all") };
    let [alternative] = &some["Observation"][..] else { panic!("{some:?}") };
    assert!(matches!(&alternative[..], [Limit::Token(_), Limit::Patients(_)]));
}

#[test]
fn a_users_scopes_reach_the_patient_in_context_too() {
    let care = UserReach::Within(vec![vec![Limit::Care(vec![("Practitioner".into(), "1".into())])]]);
    let patient = [Limit::Patients(vec!["p".into()])];
    let of = |text, reach: &UserReach, deed| {
        of_person(&crate::auth::scopes::read(text).expect("scopes"), Some(&patient), reach, deed)
    };
    let Types::Only(types) = of("user/Observation.rs", &care, Deed::Read) else { panic!("all") };
    assert_eq!(types["Observation"].len(), 2);
    for deed in [Deed::Update, Deed::Read] {
        assert!(of("user/Observation.cruds", &UserReach::Organization, deed).have_all(&["Observation"]));
        let Types::Only(types) = of("user/Observation.cruds", &care, deed) else { panic!("all") };
        assert_eq!(types["Observation"].len(), 2);
    }
}
