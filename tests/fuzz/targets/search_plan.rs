//! The compiler of searches: whatever the parser understands becomes SQL that the database takes, for whoever sees all, for
//! whoever sees one patient, and under Consents, also with scopes.
#![no_main]

use std::sync::{Arc, LazyLock};

use consent::scoped::{Condition, Deed, Token, Types};
use consent::{Action, Application, Caller, OrganizationPolicy, Permit, Purpose, Scoped, Statutes};
use gateway::gateway::{Gateway, Options};
use gateway::store::SearchRequest;
use libfuzzer_sys::fuzz_target;
use mappers::search::{Context, Handling, parameters, parse};

struct World {
    runtime: tokio::runtime::Runtime,
    gateway: Gateway,
    permits: [Permit; 4],
    _folder: tempfile::TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let database = format!("sqlite:{}", folder.path().join("clinic.db").display());
    let options = Options { seed: Some(1), ..Options::at(&database, &folder.path().join("data")) };
    let gateway = runtime.block_on(Gateway::open(options)).expect("an empty gateway");
    // Everything; one patient's; what Consents show; and of that what a token's scopes reach.
    let scoped = Scoped::new(|deed| match deed {
        Deed::Read => Types::All,
        _ => {
            let own = Condition::Patients(vec!["1".into()]);
            let care = Condition::Care(vec![("Practitioner".into(), "1".into())]);
            let parts = vec![vec![Condition::Token(token()), own.clone()], vec![care]];
            let types =
                [("Observation".into(), Vec::new()), ("Patient".into(), parts), ("Provenance".into(), vec![vec![own]])];
            Types::Only(types.into())
        }
    });
    let permits = [(None, false, None), (Some("1"), false, None), (None, true, None), (None, true, Some(scoped))];
    let permits = permits.map(|(patient, applies, scoped)| {
        let policy = OrganizationPolicy::treatment_opt_out();
        let caller = Caller { scoped: scoped.map(Arc::new), ..Gateway::operator() };
        let (action, purpose) = (Action::Read, Purpose::Treat);
        let application = applies.then_some(Application { at_ms: 0, may_break_glass: false });
        consent::decide(&consent::Context {
            action,
            application,
            caller: &caller,
            observation: None,
            policy: &policy,
            purpose,
            statutes: &Statutes::default(),
            patient,
        })
        .expect("a permit")
    });
    World { runtime, gateway, permits, _folder: folder }
});

fn token() -> Token {
    Token { paths: vec![1], system: None, code: Some("x".into()) }
}

fuzz_target!(|text: &str| {
    let (kind, query) = text.split_once('?').unwrap_or(("Observation", text));
    let kind = parameters::resource_type(kind);
    let context = Context { handling: Handling::Lenient, base: "http://h/fhir", custom: None };
    let Ok((search, results, _)) = parse(kind, query, context) else { return };
    if search.asks_terminology() {
        return;
    }
    let request = SearchRequest { search, count: results.count.unwrap_or(5) as usize, total: true, after: None };
    let world = &*WORLD;
    for permit in &world.permits {
        let answered = world.runtime.block_on(world.gateway.store.search(permit, &request));
        assert!(answered.is_ok(), "{:?}: {text}", answered.err());
    }
});
