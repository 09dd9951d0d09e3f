//! What holds of any code systems and value sets.

#[path = "laws/generator.rs"]
mod generator;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use releases::fhir::draft_of;
use serde_json::{Value, json};
use terminology::compose::{Composer, Member};
use terminology::expand::expand;
use terminology::index::Index;
use terminology::issue::Fault;
use terminology::library::Library;
use terminology::model::{CodeSystem, ValueSet};
use terminology::options::{Given, Options};
use terminology::version::compare;
use terminology::{lookup, subsumes, translate, validate};

use self::generator::{CODES, NO_CODES, SYSTEMS, anything, sets, system, systems};

fn library<'r>(resources: impl IntoIterator<Item = &'r Value>) -> Library {
    let mut library = Library::default();
    resources.into_iter().for_each(|resource| library.add(resource));
    library
}

fn given(parameters: &[(&str, &str)]) -> Given {
    let all = parameters.iter().map(|(name, value)| json!({ "name": name, "valueString": value }));
    Given::taken(json!({ "parameter": all.collect::<Vec<_>>() }))
}

fn options(library: &Library) -> Options {
    Options::of(&Given::default(), None, None, library).expect("nothing is asked")
}

type Code = (String, Option<String>, String);

fn codes(members: &[Member]) -> Vec<Code> {
    members.iter().map(|member| (member.system.clone(), member.version.clone(), member.code.clone())).collect()
}

/// What is in an expansion: of what is nested each before what is below it.
fn contained(contains: &Value, into: &mut Vec<Code>) {
    for one in contains.as_array().into_iter().flatten() {
        let text = |name: &str| one[name].as_str().map(str::to_owned);
        into.push((text("system").expect("a system"), text("version"), text("code").expect("a code")));
        contained(&one["contains"], into);
    }
}

/// Whether there is an array or object in it that has nothing: FHIR has none.
fn has_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty() || items.iter().any(has_empty),
        Value::Object(fields) => fields.is_empty() || fields.values().any(has_empty),
        _ => false,
    }
}

fn expansion(library: &Library, parameters: &[(&str, &str)]) -> Result<(usize, Vec<Code>), Fault> {
    let answer = expand(library, &given(parameters), None, "urn:uuid:1", "2026-01-01T00:00:00Z")?;
    assert!(!has_empty(&answer), "{answer}");
    let mut found = Vec::new();
    contained(&answer["expansion"]["contains"], &mut found);
    Ok((usize::try_from(answer["expansion"]["total"].as_u64().expect("a total")).expect("a number"), found))
}

/// The same with all code systems as indexes, as they are imported; `None` where one runs in a circle, which none that is imported may.
fn indexed(systems: &[Value], sets: &[Value]) -> Option<Library> {
    let mut all = library(sets);
    for system in systems {
        let draft = match draft_of(system) {
            Ok(draft) => draft,
            Err(releases::Fault::Circle { .. }) => return None,
            Err(other) => panic!("{other}"),
        };
        let index = Index::open(Arc::new(draft.index().expect("it is written"))).expect("it is one");
        assert!(index.is_whole());
        all.add_system(Arc::new(CodeSystem::indexed(Arc::new(index)).expect("a code system")));
    }
    Some(all)
}

/// Each code of each system, as it is written and in small letters, and some of none.
fn asked_of(systems: &[Value]) -> Vec<(&'static str, String)> {
    let codes = CODES.iter().chain(&NO_CODES).flat_map(|code| [(*code).to_owned(), code.to_lowercase()]);
    let known = SYSTEMS.iter().take(systems.len()).copied().chain(["urn:s:none"]);
    known.flat_map(|url| codes.clone().map(move |code| (url, code))).collect()
}

/// That a code is found exactly where it is a member; what differs.
fn agree(systems: &[Value], sets: &[Value], set: &Value) -> Result<(), TestCaseError> {
    let library = library(systems.iter().chain(sets));
    let options = options(&library);
    let composer = Composer::new(&library, &options);
    let set = ValueSet::read(set).expect("a value set");
    let members = match composer.members(&set) {
        Ok(members) => members,
        Err(fault) => {
            prop_assert!(fault.status == 422 || fault.status == 404, "{fault:?}");
            return Ok(());
        }
    };
    // That a value set has no inactive codes is for the caller to say, who tells that a code would be in otherwise.
    let drops = set.compose.as_ref().is_some_and(|compose| compose.inactive == Some(false));
    for (url, code) in asked_of(systems) {
        let canonical =
            library.systems(url).iter().find_map(|system| Some(system.code(system.find(&code)?).to_owned()));
        let is_member =
            |member: &&Member| member.system == url && Some(&member.code) == canonical.as_ref().or(Some(&code));
        let found = composer.find(&set, url, None, &code).expect("what has members can be asked");
        let found = found.filter(|member| !(drops && member.is_inactive()));
        let sensitive = library.systems(url).iter().all(|system| system.is_case_sensitive);
        // Versions that differ in whether they mind case, or in which of two spellings they have, say different things of one.
        if url == SYSTEMS[0] && !sensitive && !CODES.contains(&code.as_str()) {
            continue;
        }
        let member = members.iter().find(is_member);
        prop_assert_eq!(
            found.is_some(),
            member.is_some(),
            "{}#{}: {:?} {:?}",
            url,
            code,
            found.map(|it| it.version),
            codes(&members)
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn what_is_found_is_a_member_and_what_is_a_member_is_found(systems in systems(), sets in sets(false)) {
        for set in &sets {
            agree(&systems, &sets, set)?;
        }
    }

    #[test]
    fn the_same_where_rules_name_versions(systems in systems(), sets in sets(true)) {
        for set in &sets {
            agree(&systems, &sets, set)?;
        }
    }

    #[test]
    fn pages_are_the_whole_in_its_order(systems in systems(), sets in sets(true), size in 1..5_usize) {
        let library = library(systems.iter().chain(&sets));
        let flat = |more: &[(&str, &str)]| expansion(&library, &[&[("url", "urn:v:2"), ("excludeNested", "true")], more].concat());
        let Ok((total, whole)) = flat(&[]) else { return Ok(()) };
        prop_assert_eq!(total, whole.len());
        let once: BTreeSet<&Code> = whole.iter().collect();
        prop_assert_eq!(once.len(), whole.len());
        let mut walked = Vec::new();
        for offset in (0..total + size).step_by(size) {
            let (all, page) = flat(&[("count", &size.to_string()), ("offset", &offset.to_string())]).expect("as the whole");
            prop_assert_eq!(all, total);
            prop_assert!(page.len() <= size);
            walked.extend(page);
        }
        prop_assert_eq!(&walked, &whole);
        prop_assert_eq!(flat(&[("count", "0")]).expect("as the whole"), (total, Vec::new()));
    }

    #[test]
    fn what_is_nested_holds_what_is_flat(systems in systems(), filters in sets(true)) {
        let mut all = filters;
        all.push(json!({ "resourceType": "ValueSet", "url": "urn:v:all", "compose": { "include": [{ "system": SYSTEMS[1] }] } }));
        let library = library(systems.iter().chain(&all));
        for set in &all {
            let url = set["url"].as_str().expect("an address");
            let Ok((total, flat)) = expansion(&library, &[("url", url), ("excludeNested", "true")]) else { continue };
            let (nested_total, nested) = expansion(&library, &[("url", url)]).expect("as flat");
            prop_assert_eq!(nested_total, total);
            prop_assert_eq!(nested.len(), flat.len());
            prop_assert_eq!(nested.iter().collect::<BTreeSet<_>>(), flat.iter().collect::<BTreeSet<_>>());
        }
    }

    #[test]
    fn subsumption_is_an_order_and_what_the_filters_say(system in system(SYSTEMS[1], None)) {
        let library = library([&system]);
        let known = CodeSystem::read(&system).expect("a code system");
        let codes: Vec<&str> = (0..known.len()).map(|at| known.code(at)).collect();
        let outcome = |one: &str, other: &str| {
            subsumes::subsumes(&library, &given(&[("system", SYSTEMS[1]), ("codeA", one), ("codeB", other)])).expect("both are known")
        };
        let holds = |one: &str, other: &str| matches!(outcome(one, other), "equivalent" | "subsumes");
        let filtered = |op: &str, value: &str| -> BTreeSet<String> {
            let set = json!({ "resourceType": "ValueSet", "compose": { "include": [{ "system": SYSTEMS[1],
                "filter": [{ "property": "concept", "op": op, "value": value }] }] } });
            let options = options(&library);
            let members = Composer::new(&library, &options).members(&ValueSet::read(&set).expect("a value set"));
            members.expect("a filter").into_iter().map(|member| member.code).collect()
        };
        for one in &codes {
            prop_assert_eq!(outcome(one, one), "equivalent");
            let (is_a, below, above) = (filtered("is-a", one), filtered("descendent-of", one), filtered("generalizes", one));
            for other in &codes {
                let turned = match outcome(one, other) {
                    "subsumes" => "subsumed-by",
                    "subsumed-by" => "subsumes",
                    same => same,
                };
                prop_assert_eq!(outcome(other, one), turned, "{} {}", one, other);
                prop_assert_eq!(is_a.contains(*other), holds(one, other), "is-a {} {}", one, other);
                prop_assert_eq!(below.contains(*other), one != other && holds(one, other), "descendent-of {} {}", one, other);
                prop_assert_eq!(above.contains(*other), holds(other, one), "generalizes {} {}", one, other);
                for third in &codes {
                    prop_assert!(!(holds(one, other) && holds(other, third)) || holds(one, third), "{} {} {}", one, other, third);
                }
            }
        }
    }

    #[test]
    fn what_is_excluded_from_itself_is_nothing_and_an_import_is_what_it_names(systems in systems(), sets in sets(true)) {
        let import = json!([{ "valueSet": ["urn:v:2"] }]);
        let of = |url: &str, compose: Value| json!({ "resourceType": "ValueSet", "url": url, "compose": compose });
        let more = [of("urn:v:none", json!({ "include": import, "exclude": import })), of("urn:v:same", json!({ "include": import }))];
        let library = library(systems.iter().chain(&sets).chain(&more));
        let flat = |url: &str| expansion(&library, &[("url", url), ("excludeNested", "true")]);
        let Ok(whole) = flat("urn:v:2") else { return Ok(()) };
        prop_assert_eq!(flat("urn:v:none").expect("as what it names"), (0, Vec::new()));
        prop_assert_eq!(flat("urn:v:same").expect("as what it names"), whole);
    }

    #[test]
    fn versions_have_an_order(versions in prop::collection::vec(version(), 3)) {
        let [one, other, third] = &versions[..] else { unreachable!() };
        prop_assert_eq!(compare(one, other), compare(other, one).reverse());
        prop_assert_eq!(compare(one, one), Ordering::Equal);
        if compare(one, other).is_le() && compare(other, third).is_le() {
            prop_assert!(compare(one, third).is_le(), "{} {} {}", one, other, third);
        }
        // Which of two is taken does not hang on which came first.
        prop_assert!(compare(one, other).is_ne() || one == other, "{} {}", one, other);
    }

    #[test]
    fn nothing_panics(resources in prop::collection::vec((anything(), prop::sample::select(vec!["CodeSystem", "ValueSet", "ConceptMap"])), 0..4),
        parameters in prop::collection::vec((name(), anything()), 0..6), systems in systems(), sets in sets(true), header in ".{0,8}") {
        let resources: Vec<Value> = resources.into_iter().map(|(mut resource, kind)| {
            if let Some(fields) = resource.as_object_mut() {
                fields.insert("resourceType".to_owned(), json!(kind));
            }
            resource
        }).collect();
        let library = library(resources.iter().chain(&systems).chain(&sets));
        let all: Vec<Value> = parameters.iter().map(|(name, value)| json!({ "name": name, "valueString": value })).collect();
        let sent = json!({ "parameter": all });
        for sent in [&sent, parameters.first().map_or(&sent, |(_, value)| value)] {
            let (given, header) = (Given::of(sent), Some(header.as_str()));
            let outcomes = [
                expand(&library, &given, header, "urn:uuid:1", "2026"),
                lookup::lookup(&library, &given, header),
                subsumes::subsumes(&library, &given).map(Value::from),
                translate::translate(&library, &given),
                validate::in_value_set(&library, &given, header),
                validate::in_code_system(&library, &given, header),
                validate::batch(&library, sent, header),
            ];
            for outcome in outcomes {
                prop_assert!(outcome.is_ok() || outcome.is_err_and(|fault| matches!(fault.status, 400 | 404 | 422)));
            }
        }
    }
}

fn version() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["0", "1", "2", "01", "10", "1a", "9a", "a", "", "99999999999999999999", "x"]);
    let mark = prop::sample::select(vec!["", "-beta", "-1", "-01", "-"]);
    (prop::collection::vec(part, 1..4), prop::sample::select(vec![".", "-"]), mark)
        .prop_map(|(parts, between, mark)| format!("{}{mark}", parts.join(between)))
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "url",
        "valueSet",
        "code",
        "system",
        "coding",
        "codeableConcept",
        "codeA",
        "codeB",
        "codingA",
        "codingB",
        "conceptMap",
        "count",
        "offset",
        "filter",
        "displayLanguage",
        "useSupplement",
        "property",
        "designation",
        "version",
        "validation",
        "system-version",
        "check-system-version",
        "force-system-version",
        "default-valueset-version",
        "source",
        "target",
        "targetsystem",
        "reverse",
        "exclude-system",
        "includeDesignations",
        "display",
        "inferSystem",
    ])
}

proptest! {
    // Each asks some hundred questions.
    #![proptest_config(ProptestConfig { max_global_rejects: 20_000, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn an_index_answers_as_the_resource_does(systems in systems(), sets in sets(true), filter in "[a-cé ]{0,3}", which in 0..3_usize) {
        let written = library(systems.iter().chain(&sets));
        let Some(indexed) = indexed(&systems, &sets) else { return Err(TestCaseError::reject("a circle")) };
        let same = |ask: &dyn Fn(&Library) -> Result<Value, Fault>| -> Result<(), TestCaseError> {
            let told = [&written, &indexed].map(|library| ask(library).map_err(|fault| (fault.status, fault.issue.text)));
            prop_assert_eq!(&told[0], &told[1]);
            Ok(())
        };
        let modes: [&[(&str, &str)]; 3] = [&[("property", "*")], &[("count", "2"), ("offset", "1")], &[("activeOnly", "true"), ("includeDesignations", "true")]];
        for set in &sets {
            let url = set["url"].as_str().expect("an address");
            let asked = given(&[&[("url", url), ("filter", &*filter)], modes[which]].concat());
            same(&|library| expand(library, &asked, None, "urn:uuid:1", "2026"))?;
            for (system, code) in asked_of(&systems) {
                let asked = given(&[("url", url), ("system", system), ("code", &*code)]);
                same(&|library| validate::in_value_set(library, &asked, None))?;
            }
        }
        for (system, code) in asked_of(&systems) {
            let asked = given(&[("system", system), ("code", &*code), ("property", "*")]);
            same(&|library| lookup::lookup(library, &asked, None))?;
            let asked = given(&[("url", system), ("code", &*code)]);
            same(&|library| validate::in_code_system(library, &asked, None))?;
            for other in CODES {
                let asked = given(&[("system", system), ("codeA", &*code), ("codeB", other)]);
                same(&|library| subsumes::subsumes(library, &asked).map(Value::from))?;
            }
        }
    }
}
