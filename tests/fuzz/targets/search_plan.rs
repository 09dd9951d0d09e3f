//! The compiler of searches: whatever the parser understands becomes SQL that the database takes, for whoever sees all and
//! for whoever sees one patient.
#![no_main]

use std::sync::LazyLock;

use consent::{Action, OrganizationPolicy, Permit, Purpose};
use gateway::gateway::{Gateway, Options};
use gateway::store::SearchRequest;
use libfuzzer_sys::fuzz_target;
use mappers::search::{Context, Handling, parameters, parse};

struct World {
    runtime: tokio::runtime::Runtime,
    gateway: Gateway,
    permits: [Permit; 2],
    _folder: tempfile::TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        database: format!("sqlite:{}", folder.path().join("clinic.db").display()),
        data_dir: folder.path().join("data"),
        maps: None,
        time_zone: None,
        content: Default::default(),
        labels: None,
        statutes: None,
        statutes_key: None,
        seed: Some(1),
        bulk: false,
        after_write: true,
    };
    let gateway = runtime.block_on(Gateway::open(options)).expect("an empty gateway");
    let permits = [None, Some("1")].map(|patient| {
        let (caller, policy) = (Gateway::operator(), OrganizationPolicy::treatment_opt_out());
        let (action, purpose) = (Action::Read, Purpose::Treat);
        let (application, observation) = (None, None);
        consent::decide(&consent::Context {
            action,
            application,
            caller: &caller,
            observation,
            policy: &policy,
            purpose,
            patient,
        })
        .expect("a permit")
    });
    World { runtime, gateway, permits, _folder: folder }
});

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
