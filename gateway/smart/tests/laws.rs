//! The laws of granting and of permissions, against a naive model that asks of every cell (context, type, action, conditions
//! that a resource meets) whether a scope's text lets it through.
//!
//! The seed is printed; `FHIR_GATEWAY_TEST_SEED` repeats a run.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::{BuildHasher, Hasher};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use smart::grant::grant;
use smart::permission::{Extent, Reach, reach};
use smart::scope::{Action, ContextKind, Other, Scopes, Unknown};

/// Types that scopes name, and one that none does: only `*` reaches it.
const TYPES: [&str; 4] = ["Condition", "Observation", "Patient", "Encounter"];
/// Conditions in the one spelling that we write.
const CONDITIONS: [&str; 4] = ["category=http://x.org/c|lab", "note=a%26b%20c%2Bd", "status=final", "status=amended"];

fn is_type(name: &str) -> bool {
    TYPES.contains(&name)
}

fn scopes(texts: &[String]) -> Scopes {
    Scopes::parse(&texts.join(" "), Unknown::Refuse, &is_type).expect("the generator's scopes can be read")
}

/// One question: does a resource of this type, which meets these conditions, come through?
#[derive(Clone, Debug)]
struct Cell {
    context: ContextKind,
    kind: &'static str,
    action: Action,
    meets: Vec<&'static str>,
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for context in ContextKind::ALL {
        for kind in TYPES {
            for action in Action::ALL {
                for bits in 0..1_usize << CONDITIONS.len() {
                    let meets =
                        (0..CONDITIONS.len()).filter(|at| bits >> at & 1 == 1).map(|at| CONDITIONS[at]).collect();
                    cells.push(Cell { context, kind, action, meets });
                }
            }
        }
    }
    cells
}

/// By the scope's text, and nothing of what the crate made of it.
fn lets_through(scope: &str, cell: &Cell) -> bool {
    let (context, rest) = scope.split_once('/').expect("a scope for resources");
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (kind, actions) = rest.rsplit_once('.').expect("actions");
    let letters = match actions {
        "read" => "rs",
        "write" => "cud",
        "*" => "cruds",
        letters => letters,
    };
    context == cell.context.name()
        && (kind == "*" || kind == cell.kind)
        && letters.contains(cell.action.letter())
        && query.split('&').filter(|pair| !pair.is_empty()).all(|pair| cell.meets.contains(&pair))
}

fn any(texts: &[String], cell: &Cell) -> bool {
    texts.iter().any(|scope| lets_through(scope, cell))
}

fn texts(scopes: &Scopes) -> Vec<String> {
    scopes.resources().iter().map(ToString::to_string).collect()
}

fn words(scopes: &Scopes) -> BTreeSet<String> {
    scopes.to_string().split(' ').map(str::to_owned).collect()
}

fn scope() -> impl Strategy<Value = String> {
    let actions = prop_oneof![
        3 => subsequence(Action::ALL.to_vec(), 1..=5).prop_map(|all| all.into_iter().map(Action::letter).collect::<String>()),
        2 => select(vec!["read".to_owned(), "write".to_owned(), "*".to_owned()]),
    ];
    let query = prop_oneof![
        2 => Just(Vec::new()),
        3 => subsequence(CONDITIONS.to_vec(), 1..=3).prop_shuffle(),
    ];
    // Few contexts, so that scopes meet.
    let context = select(vec!["patient", "patient", "user", "system"]);
    (context, select(vec!["*", "Condition", "Observation", "Patient"]), actions, query).prop_map(
        |(context, kind, actions, query)| {
            let is_v1 = ["read", "write", "*"].contains(&actions.as_str());
            let query = if is_v1 || query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
            format!("{context}/{kind}.{actions}{query}")
        },
    )
}

fn list() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(scope(), 0..7)
}

fn others() -> impl Strategy<Value = Vec<String>> {
    subsequence(Other::ALL.to_vec(), 0..4).prop_map(|all| all.iter().map(|other| other.as_str().to_owned()).collect())
}

fn seed() -> u64 {
    let fresh = || std::collections::hash_map::RandomState::new().build_hasher().finish();
    std::env::var("FHIR_GATEWAY_TEST_SEED").map_or_else(|_| fresh(), |seed| seed.parse().expect("a number"))
}

/// Runs the cases; a failure is shrunk and shown with the seed.
fn law<S: Strategy>(name: &str, strategy: &S, holds: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S::Value: Debug,
{
    let (seed, cases) = (seed(), if std::env::var_os("FHIR_GATEWAY_TEST_LONG").is_some() { 50_000 } else { 1_500 });
    println!("{name}: {cases} cases, FHIR_GATEWAY_TEST_SEED={seed}");
    let bytes: Vec<u8> = seed.to_le_bytes().repeat(4);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    match runner.run(strategy, holds) {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => panic!("{name}: {why}\nFHIR_GATEWAY_TEST_SEED={seed}\n{case:?}"),
        Err(TestError::Abort(why)) => panic!("{name}: {why}"),
    }
}

#[test]
fn what_is_granted_is_what_is_both_asked_and_allowed() {
    let cells = cells();
    law("intersection", &(list(), others(), list(), others()), |(asked, asked_others, allowed, allowed_others)| {
        let both = |resources: &[String], others: &[String]| scopes(&[resources, others].concat());
        let granted = grant(&both(&asked, &asked_others), &both(&allowed, &allowed_others)).unwrap_or_default();
        let granted_texts = texts(&granted);
        for cell in &cells {
            let expected = any(&asked, cell) && any(&allowed, cell);
            prop_assert_eq!(any(&granted_texts, cell), expected, "{:?} of {}", cell, &granted);
        }
        // Others are granted where they are allowed, but for a client that only changes and may change nothing.
        let common: BTreeSet<&String> = asked_others.iter().filter(|other| allowed_others.contains(other)).collect();
        let found: BTreeSet<String> = granted.others().iter().map(|other| other.as_str().to_owned()).collect();
        let only_changes = !asked.is_empty() && asked.iter().all(|scope| !reads(scope));
        if granted_texts.is_empty() && only_changes {
            prop_assert!(found.is_empty(), "{}", &granted);
        } else {
            prop_assert_eq!(found.iter().collect::<BTreeSet<_>>(), common);
        }
        Ok(())
    });
}

/// Whether a scope lets anything be read or found.
fn reads(scope: &str) -> bool {
    let actions = scope.split('?').next().and_then(|scope| scope.rsplit_once('.')).map_or("", |(_, actions)| actions);
    actions != "write" && actions.contains(['r', 's', '*'])
}

#[test]
fn granting_again_changes_nothing() {
    law("idempotent", &(list(), list()), |(asked, allowed)| {
        let (asked, allowed) = (scopes(&asked), scopes(&allowed));
        let Ok(granted) = grant(&asked, &allowed) else { return Ok(()) };
        prop_assert_eq!(&grant(&granted, &allowed).unwrap(), &granted);
        prop_assert_eq!(&grant(&granted, &granted).unwrap(), &granted);
        prop_assert_eq!(&grant(&granted, &asked).unwrap(), &granted);
        Ok(())
    });
}

#[test]
fn order_does_not_matter() {
    let shuffled = |strategy: BoxedStrategy<Vec<String>>| {
        strategy.prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    };
    law(
        "order",
        &(shuffled(list().boxed()), shuffled(list().boxed())),
        |((asked, asked_again), (allowed, allowed_again))| {
            let one = grant(&scopes(&asked), &scopes(&allowed));
            let other = grant(&scopes(&asked_again), &scopes(&allowed_again));
            prop_assert_eq!(one.map(|granted| words(&granted)), other.map(|granted| words(&granted)));
            Ok(())
        },
    );
}

#[test]
fn what_is_written_is_read_as_the_same() {
    law("print then parse", &(list(), others(), list()), |(asked, others, allowed)| {
        let asked = scopes(&[asked, others].concat());
        prop_assert_eq!(&scopes(&[asked.to_string()]), &asked);
        if let Ok(granted) = grant(&asked, &scopes(&allowed)) {
            prop_assert_eq!(&scopes(&[granted.to_string()]), &granted);
        }
        Ok(())
    });
}

#[test]
fn conditions_of_any_characters_survive_being_narrowed() {
    let conditions = proptest::collection::vec(("[a-z][^\\p{Cc}:.]{0,5}", "[^\\p{Cc}]{1,8}"), 1..4);
    law("conditions", &conditions, |conditions| {
        let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let pairs: Vec<String> =
            conditions.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let asked = scopes(&[format!("user/Patient.cruds?{}", pairs.join("&"))]);
        let granted = grant(&asked, &scopes(&["user/*.rs".to_owned()])).unwrap();
        let again = scopes(&[granted.to_string()]);
        prop_assert_eq!(again.resources()[0].conditions(), asked.resources()[0].conditions());
        prop_assert_eq!(again.resources()[0].conditions().len(), conditions.iter().collect::<BTreeSet<_>>().len());
        Ok(())
    });
}

#[test]
fn what_is_allowed_as_it_is_asked_is_granted_word_for_word() {
    law("echo", &(proptest::collection::vec(scope(), 1..7), list()), |(asked, more)| {
        let allowed = scopes(&[asked.clone(), more].concat());
        let granted = grant(&scopes(&asked), &allowed).unwrap();
        prop_assert_eq!(words(&granted), asked.into_iter().collect::<BTreeSet<_>>());
        Ok(())
    });
}

#[test]
fn a_permission_is_the_union_of_the_scopes() {
    let cells = cells();
    law("permission", &list(), |all| {
        let read = scopes(&all);
        for context in ContextKind::ALL {
            for action in Action::ALL {
                let reached = reach(read.resources(), context, action);
                for cell in cells.iter().filter(|cell| cell.context == context && cell.action == action) {
                    prop_assert_eq!(through(&reached, cell), any(&all, cell), "{:?} {:?}", cell, &reached);
                }
                let Reach::Types(types) = &reached else { continue };
                prop_assert!(types.iter().skip(1).all(|reached| reached.kind.is_some()));
                for one in types {
                    let subset =
                        |narrow: &Vec<_>, wide: &Vec<_>| wide.iter().all(|condition| narrow.contains(condition));
                    let needless = |at: usize| {
                        (0..one.alternatives.len())
                            .any(|other| other != at && subset(&one.alternatives[at], &one.alternatives[other]))
                    };
                    prop_assert!(!(0..one.alternatives.len()).any(needless), "{:?}", &reached);
                }
            }
        }
        Ok(())
    });
}

/// Whether what is reached has the cell.
fn through(reached: &Reach, cell: &Cell) -> bool {
    let meets: Vec<(String, String)> = cell.meets.iter().map(|condition| decoded(condition)).collect();
    match reached.of(cell.kind) {
        Extent::Nothing => false,
        Extent::Whole => true,
        Extent::Where(alternatives) => alternatives.iter().any(|all| {
            all.iter().all(|(name, value)| {
                meets.iter().any(|(known, is)| known.as_str() == &**name && is.as_str() == &**value)
            })
        }),
    }
}

fn decoded(condition: &str) -> (String, String) {
    let (name, value) = condition.split_once('=').expect("a condition");
    (name.to_owned(), value.replace("%26", "&").replace("%20", " ").replace("%2B", "+"))
}
