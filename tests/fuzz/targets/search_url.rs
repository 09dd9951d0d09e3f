//! The parser of searches: no text makes it panic, and what it understood it writes as a query that it understands the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mappers::search::{Context, Handling, canonical, parameters, parse};

fuzz_target!(|text: &str| {
    let (kind, query) = text.split_once('?').unwrap_or(("Observation", text));
    let kind = parameters::resource_type(kind);
    for handling in [Handling::Strict, Handling::Lenient] {
        let context = || Context { handling, base: "http://h/fhir", custom: None };
        let Ok((search, results, _)) = parse(kind, query, context()) else { continue };
        let written = canonical(&search, &results);
        let (again, shape, _) = parse(kind, &written, context()).expect("a query of its own is understood");
        assert_eq!(again, search, "{written}");
        assert_eq!(canonical(&again, &shape), written);
    }
});
