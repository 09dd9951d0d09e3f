//! The grammar of the query string (<https://hl7.org/fhir/R4/search.html>).

#[path = "search_support/data.rs"]
mod data;

use mappers::search::query::{
    CodeRelation, DateValue, IndexKind, IndexTest, Prefix, QuantityValue, ReferenceValue, SortSource, StringMatch,
    TokenValue, UriMatch, Values,
};
use mappers::search::{
    Context, Handling, QueryError, Results, Search, Summary, Test, TotalMode, canonical, index_path, parse, typed_path,
};
use proptest::prelude::*;

const BASE: &str = "https://example.org/fhir";
const STRICT: Context<'_> = Context { handling: Handling::Strict, base: BASE, custom: None };
const LENIENT: Context<'_> = Context { handling: Handling::Lenient, base: BASE, custom: None };

fn read(kind: &str, query: &str) -> (Search, Results) {
    let (search, results, ignored) =
        parse(Some(kind), query, STRICT).unwrap_or_else(|errors| panic!("{query}: {errors:?}"));
    assert!(ignored.is_empty());
    (search, results)
}

fn errors(kind: Option<&str>, query: &str) -> Vec<QueryError> {
    match parse(kind, query, STRICT) {
        Ok(read) => panic!("{query} was accepted: {read:?}"),
        Err(errors) => errors,
    }
}

fn one(kind: &str, query: &str) -> Test {
    let (search, _) = read(kind, query);
    assert_eq!(search.tests.len(), 1, "{query}");
    search.tests[0].clone()
}

fn index(kind: &str, query: &str) -> IndexTest {
    let Test::Index(test) = one(kind, query) else { panic!("{query}: no test of an index") };
    test
}

fn tokens(query: &str) -> Vec<(Option<String>, Option<String>)> {
    let IndexTest { paths, values: Values::Tokens(values) } = index("Observation", query) else {
        panic!("{query}: no token")
    };
    assert_eq!(paths, [index_path("Observation", "code")]);
    let text = |half: &Option<Box<str>>| half.as_deref().map(str::to_owned);
    values.iter().map(|TokenValue { system, code }| (text(system), text(code))).collect()
}

fn references(kind: &str, query: &str) -> Vec<ReferenceValue> {
    let Values::References(values) = index(kind, query).values else { panic!("{query}: no reference") };
    values
}

fn token(system: Option<&str>, code: Option<&str>) -> (Option<String>, Option<String>) {
    (system.map(str::to_owned), code.map(str::to_owned))
}

#[test]
fn tokens_have_four_forms_alternatives_and_escapes() {
    for (query, expected) in [
        ("code=8867-4", vec![token(None, Some("8867-4"))]),
        ("code=http://loinc.org|8867-4", vec![token(Some("http://loinc.org"), Some("8867-4"))]),
        ("code=http%3A%2F%2Floinc.org%7C8867-4", vec![token(Some("http://loinc.org"), Some("8867-4"))]),
        ("code=|x", vec![token(Some(""), Some("x"))]),
        ("code=http://loinc.org|", vec![token(Some("http://loinc.org"), None)]),
        ("code=a,b", vec![token(None, Some("a")), token(None, Some("b"))]),
        ("code=a%2Cb", vec![token(None, Some("a")), token(None, Some("b"))]),
        ("code=a,,b,", vec![token(None, Some("a")), token(None, Some("b"))]),
        ("code=a\\,b", vec![token(None, Some("a,b"))]),
        ("code=a\\|b", vec![token(None, Some("a|b"))]),
        ("code=s\\|t|a\\$b\\\\", vec![token(Some("s|t"), Some("a$b\\"))]),
        ("code=a\\b", vec![token(None, Some("a\\b"))]),
        ("code=a+b", vec![token(None, Some("a b"))]),
        ("code=a%2Bb", vec![token(None, Some("a+b"))]),
        ("code=%C3%A9", vec![token(None, Some("\u{e9}"))]),
    ] {
        assert_eq!(tokens(query), expected, "{query}");
    }
}

#[test]
fn references_are_ids_typed_ids_or_urls() {
    let value = |kinds: &[&'static str], ids: &[&str]| ReferenceValue {
        kinds: kinds.to_vec(),
        ids: ids.iter().map(|id| (*id).into()).collect(),
    };
    let own = "https://example.org/fhir/Patient/1";
    let typed = value(&["Patient"], &["1", own]);
    for (kind, query, expected) in [
        ("Observation", "patient=1", value(&["Patient"], &["1", own])),
        ("Observation", "patient=Patient/1", typed.clone()),
        ("Observation", "patient:Patient=1", typed.clone()),
        ("Observation", "subject:Patient=Patient/1", typed.clone()),
        ("Observation", "subject=https://example.org/fhir/Patient/1", typed.clone()),
        ("Observation", "subject=Patient/1/_history/3", typed),
        ("Observation", "subject=http://other/Patient/1", value(&[], &["http://other/Patient/1"])),
        ("Observation", "subject=urn:uuid:0", value(&[], &["urn:uuid:0"])),
        ("Basic", "subject=1", value(&[], &["1"])),
    ] {
        assert_eq!(references(kind, query), vec![expected], "{query}");
    }
    let any = references("Observation", "subject=1");
    assert_eq!(any[0].kinds, ["Device", "Group", "Location", "Patient"]);
    assert_eq!(any[0].ids.len(), 5);
    assert_eq!(references("Observation", "patient=1,Patient/2").len(), 2);
}

#[test]
fn dates_are_ranges_with_prefixes_and_zones() {
    let date = |query: &str| match one("Patient", &format!("_lastUpdated={query}")) {
        Test::LastUpdated(values) => values[0].clone(),
        other => panic!("{other:?}"),
    };
    for (query, prefix, low, high) in [
        ("1970", Prefix::Equal, 0, 365 * 86_400_000),
        ("eq1970-02", Prefix::Equal, 31 * 86_400_000, 59 * 86_400_000),
        ("ge1970-01-02", Prefix::GreaterOrEqual, 86_400_000, 2 * 86_400_000),
        ("lt1970-01-01T00:01", Prefix::Less, 60_000, 120_000),
        ("le1970-01-01T00:00:01", Prefix::LessOrEqual, 1000, 2000),
        ("gt1970-01-01T00:00:01.5Z", Prefix::Greater, 1500, 1600),
        ("le1970-01-01T00:00:01.123Z", Prefix::LessOrEqual, 1123, 1124),
        ("sa1970-01-01T01:00:00%2B01:00", Prefix::StartsAfter, 0, 1000),
        ("eb1970-01-01T01:00:00+01:00", Prefix::EndsBefore, 0, 1000),
        ("ap1969-12-31T19:00:00-05:00", Prefix::Approximately, 0, 1000),
        ("2020-02-29", Prefix::Equal, 1_582_934_400_000, 1_583_020_800_000),
        ("9999", Prefix::Equal, 253_370_764_800_000, 253_402_300_800_000),
        ("0001", Prefix::Equal, -62_135_596_800_000, -62_104_060_800_000),
    ] {
        let DateValue { prefix: have, low: from, high: to, .. } = date(query);
        assert_eq!((have, from, to), (prefix, low * 10_000, high * 10_000), "{query}");
    }
    let DateValue { low, high, .. } = date("1970-01-01T00:00:01.1234567Z");
    assert_eq!((low, high), (11_234_567, 11_234_568), "tenths of a microsecond");
    for wrong in [
        "x",
        "70",
        "1970-13",
        "1970-02-30",
        "2021-02-29",
        "1970-01T00:00",
        "1970-01-01T00",
        "1970-01-01T24:00",
        "zz1970",
        "1970-1-1",
        "1970-01-01T00:00:61",
        "1970-01-01T00:00:00.",
        "1970-01-01T00:00%2B15:00",
        "0000",
        "1970-01-01T",
    ] {
        let errors = errors(Some("Patient"), &format!("_lastUpdated={wrong}"));
        assert_eq!((errors[0].code, &*errors[0].parameter), ("value", "_lastUpdated"), "{wrong}");
        assert!(!errors[0].details.contains(wrong) || wrong.len() < 5, "{wrong}");
    }
}

#[test]
fn dates_become_ranges_of_instants() {
    let ranges = |prefix| DateValue { prefix, low: 10_000_000, high: 20_000_000, text: "".into() }.ranges(11_000);
    assert_eq!(ranges(Prefix::Equal), [(1000, 2000)]);
    assert_eq!(ranges(Prefix::NotEqual), [(i64::MIN, 1000), (2000, i64::MAX)]);
    assert_eq!(ranges(Prefix::Greater), [(2000, i64::MAX)]);
    assert_eq!(ranges(Prefix::StartsAfter), [(2000, i64::MAX)]);
    assert_eq!(ranges(Prefix::GreaterOrEqual), [(1000, i64::MAX)]);
    assert_eq!(ranges(Prefix::Less), [(i64::MIN, 1000)]);
    assert_eq!(ranges(Prefix::EndsBefore), [(i64::MIN, 1000)]);
    assert_eq!(ranges(Prefix::LessOrEqual), [(i64::MIN, 2000)]);
    assert_eq!(ranges(Prefix::Approximately), [(0, 3000)]);
}

#[test]
fn repeated_parameters_are_all_kept_in_order() {
    let (search, _) = read("Observation", "code=a&patient=1&code=b&_id=x,y&_tag=s|t");
    assert_eq!(search.tests.len(), 5);
    assert_eq!(canonical(&search, &Results::default()), "code=a&patient=1&code=b&_id=x,y&_tag=s%7Ct");
}

#[test]
fn result_parameters_are_read() {
    let (search, results) =
        read("Patient", "_count=5000&_summary=count&_total=accurate&_format=json&_pretty=true&_cursor=abc");
    assert!(search.tests.is_empty());
    assert_eq!(results.count, Some(1000));
    assert_eq!(results.summary, Some(Summary::Count));
    assert_eq!(results.total, Some(TotalMode::Accurate));
    assert_eq!(results.format.as_deref(), Some("json"));
    assert_eq!(results.pretty, Some(true));
    assert_eq!(results.cursor.as_deref(), Some("abc"));
    assert!(results.is_count_only());
    assert!(read("Patient", "_count=0").1.is_count_only());
    assert!(!read("Patient", "_summary=false").1.is_count_only());
    assert_eq!(read("Patient", "_count=99999999999999999999").1.count, Some(1000));
}

#[test]
fn what_asks_for_nothing_is_left_out() {
    for query in ["", "&&", "code=", "code", "code=,", "_count=", "unknown="] {
        let (search, results) = read("Observation", query);
        assert!(search.tests.is_empty() && results == Results::default(), "{query}");
    }
}

#[test]
fn texts_numbers_and_addresses_have_values_of_their_own() {
    let Values::Strings(texts) = index("Patient", "family:contains=M%C3%BCLL,De%20%20La").values else {
        panic!("no texts")
    };
    assert_eq!((texts[0].how, &*texts[0].normal, &*texts[0].text), (StringMatch::Part, "mull", "M\u{fc}LL"));
    assert_eq!(&*texts[1].normal, "de la");
    let Values::Quantities(numbers) = index("Observation", "value-quantity=ge5.40|http://unitsofmeasure.org|mg").values
    else {
        panic!("no quantities")
    };
    let expected = QuantityValue {
        prefix: Prefix::GreaterOrEqual,
        value: 5.4,
        low: 5.395,
        high: 5.405,
        system: Some("http://unitsofmeasure.org".into()),
        code: Some("mg".into()),
    };
    assert_eq!(numbers, [expected]);
    let Values::Uris(addresses) = index("ValueSet", "url:below=http://x/y").values else { panic!("no addresses") };
    assert_eq!((addresses[0].how, &*addresses[0].text), (UriMatch::Below, "http://x/y"));
}

#[test]
fn modifiers_change_what_is_tested() {
    let Test::Not(inner) = one("Observation", "code:not=a,b") else { panic!("not") };
    assert!(matches!(*inner, Test::Index(IndexTest { values: Values::Tokens(values), .. }) if values.len() == 2));
    let Test::Not(inner) = one("Patient", "birthdate:missing=true") else { panic!("missing") };
    let Test::Any(kinds) = *inner else { panic!("kinds") };
    assert!(matches!(&kinds[..], [Test::Index(IndexTest { values: Values::Any(IndexKind::Date), .. })]));
    let there = one("Patient", "birthdate:missing=false");
    assert!(matches!(there, Test::Index(IndexTest { values: Values::Any(IndexKind::Date), .. })));
    let typed = index("Patient", "identifier:of-type=http://t|MR|12345");
    assert_eq!(typed.paths, [typed_path("Patient", "identifier")]);
    assert!(matches!(&typed.values, Values::Tokens(values) if values[0].code.as_deref() == Some("MR|12345")));
    assert!(matches!(one("Condition", "code:in=http://set"), Test::Codes { relation: CodeRelation::In, .. }));
    assert!(matches!(one("Condition", "code:below=s|c"), Test::Codes { relation: CodeRelation::Below, .. }));
    assert!(matches!(one("Condition", "code:not-in=http://set"), Test::Not(_)));
    assert!(matches!(index("Condition", "code:text=head").values, Values::Strings(_)));
    // What a reference says of a resource is asked by who may see that resource.
    let (search, _) = read("Observation", "subject:identifier=s|1");
    let [Test::Index(test), Test::Told(paths)] = &search.tests[..] else { panic!("{:?}", search.tests) };
    assert!(matches!(test.values, Values::Tokens(_)) && *paths == test.paths);
}

#[test]
fn codes_whose_system_goes_without_saying_are_found_with_it() {
    let Values::Tokens(values) = index("Patient", "gender=http://hl7.org/fhir/administrative-gender|male").values
    else {
        panic!("no token")
    };
    assert_eq!((values[0].system.as_deref(), values[0].code.as_deref()), (None, Some("male")));
}

#[test]
fn parameters_that_share_a_place_share_its_number() {
    assert_eq!(index("Observation", "patient=1").paths, index("Observation", "subject=1").paths);
    let combo = index("Observation", "combo-code=a").paths;
    assert!(
        combo.contains(&index_path("Observation", "code"))
            && combo.contains(&index_path("Observation", "component.code"))
    );
}

#[test]
fn composites_are_parts_of_one_item_or_of_the_resource() {
    // What all must hold stands test by test: each may be what the search is answered from.
    let (search, _) = read("Observation", "code-value-quantity=a$5");
    let [Test::Index(code), Test::Index(value)] = &search.tests[..] else { panic!("both: {:?}", search.tests) };
    assert!(matches!((&code.values, &value.values), (Values::Tokens(_), Values::Quantities(_))));
    let Test::Together(parts) = one("Observation", "component-code-value-quantity=a$5") else { panic!("together") };
    assert_eq!(parts.len(), 2);
    let Test::Any(ways) = one("Observation", "combo-code-value-quantity=s|a$gt5||mg") else { panic!("any") };
    assert!(matches!(&ways[..], [Test::Together(_), Test::All(_)]));
    let Test::Any(ways) = one("Observation", "code-value-quantity=a$5,b$6") else { panic!("alternatives") };
    assert_eq!(ways.len(), 2);
}

#[test]
fn chains_go_through_the_types_that_know_the_parameter() {
    let Test::Chain { targets, .. } = one("Observation", "subject:Patient.name=ada") else { panic!("chain") };
    assert_eq!(targets.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), ["Patient"]);
    let Test::Chain { targets, .. } = one("Observation", "subject.name=ada") else { panic!("chain") };
    let kinds: Vec<_> = targets.iter().map(|(kind, _)| *kind).collect();
    assert!(kinds.contains(&"Patient") && kinds.contains(&"Location") && !kinds.contains(&"Group"), "{kinds:?}");
    let Test::Chain { targets, .. } = one("DiagnosticReport", "result:Observation.patient.name:exact=Ada") else {
        panic!("chain")
    };
    assert!(matches!(&targets[0].1, Test::Chain { .. }));
    let Test::Has { kind, test, .. } = one("Patient", "_has:Observation:patient:_has:AuditEvent:entity:agent=1") else {
        panic!("has")
    };
    assert_eq!(kind, "Observation");
    assert!(matches!(*test, Test::Has { kind: "AuditEvent", .. }));
}

#[test]
fn orders_and_what_comes_along_are_read() {
    let (search, _) = read(
        "Observation",
        "_sort=-date,code,_id&_include=Observation:subject:Patient&_include:iterate=Patient:link&_revinclude=Provenance:target&_include=*",
    );
    assert_eq!(search.sort.len(), 3);
    assert!(
        search.sort[0].descending && matches!(search.sort[0].source, SortSource::Index { kind: IndexKind::Date, .. })
    );
    assert_eq!(search.sort[2].source, SortSource::Id);
    let flags: Vec<_> =
        search.includes.iter().map(|include| (include.reverse, include.iterate, include.target)).collect();
    assert_eq!(
        flags,
        [(false, false, Some("Patient")), (false, true, None), (true, false, None), (false, false, None)]
    );
}

#[test]
fn types_say_what_the_other_names_mean() {
    let (search, ..) = parse(None, "subject=Patient/1&_type=Observation,Condition", STRICT).expect("read");
    assert_eq!(search.kinds, ["Condition", "Observation"]);
    assert!(matches!(&search.tests[0], Test::Index(test) if test.paths.len() == 2));
    assert_eq!(errors(None, "_type=Observation,Nothing")[0].code, "value");
    assert_eq!(errors(Some("Patient"), "_type=Patient")[0].code, "invalid");
    assert_eq!(errors(None, "_type=Patient,Observation&birthdate=2020")[0].code, "not-supported");
}

#[test]
fn what_is_wrong_is_named_and_values_are_never_repeated() {
    for (kind, query, code, parameter) in [
        (Some("Patient"), "code=secret", "not-supported", "code"),
        (Some("Patient"), "famly=secret", "not-supported", "famly"),
        (Some("Patient"), "_text=secret", "not-supported", "_text"),
        (Some("Location"), "near=secret", "value", "near"),
        (Some("Observation"), "subject.nothing=secret", "not-supported", "subject.nothing"),
        (Some("Observation"), "code.name=secret", "invalid", "code.name"),
        (Some("Observation"), "subject:Practitioner.name=secret", "invalid", "subject:Practitioner.name"),
        (Some("Patient"), "_has:Observation:code:code=secret", "invalid", "_has:Observation:code:code"),
        (Some("Patient"), "_has:Observation:patient=secret", "invalid", "_has:Observation:patient"),
        (Some("Patient"), "_has:Nothing:patient:code=secret", "invalid", "_has:Nothing:patient:code"),
        (
            Some("Patient"),
            "_has:Coverage:payor:status:exact=secret",
            "not-supported",
            "_has:Coverage:payor:status:exact",
        ),
        (Some("Patient"), "_sort=secret", "not-supported", "_sort"),
        (Some("Observation"), "_sort=code-value-quantity", "not-supported", "_sort"),
        (Some("Patient"), "_sort=a,b,c,d,e", "too-long", "_sort"),
        (Some("Patient"), "_include:iterate=secret", "value", "_include:iterate"),
        (Some("Patient"), "_include=Observation:subject", "value", "_include"),
        (Some("Patient"), "_include=Patient:name", "invalid", "_include"),
        (Some("Patient"), "_revinclude=*:*", "value", "_revinclude"),
        (Some("Patient"), "_include=Patient:link:iterate", "value", "_include"),
        (Some("Patient"), "_include:secret=Patient:link", "invalid", "_include:secret"),
        (Some("Patient"), "_summary=secret", "value", "_summary"),
        (Some("Patient"), "_elements=secret%20x", "value", "_elements"),
        (Some("Patient"), "_count=-1", "value", "_count"),
        (Some("Patient"), "_count=1&_count=2", "value", "_count"),
        (Some("Patient"), "_total=secret", "value", "_total"),
        (Some("Patient"), "identifier:of-type=secret", "value", "identifier:of-type"),
        (Some("Observation"), "code:of-type=a|b|secret", "invalid", "code:of-type"),
        (Some("Patient"), "identifier:secret=x", "invalid", "identifier:secret"),
        (Some("Patient"), "family:not=secret", "not-supported", "family:not"),
        (Some("Patient"), "birthdate=secret", "value", "birthdate"),
        (Some("Patient"), "birthdate:exact=2020", "not-supported", "birthdate:exact"),
        (Some("Patient"), "birthdate:missing=secret", "value", "birthdate:missing"),
        (Some("Observation"), "value-quantity=secret", "value", "value-quantity"),
        (Some("Observation"), "code-value-quantity=secret", "value", "code-value-quantity"),
        (Some("Observation"), "subject:Observation=secret", "invalid", "subject:Observation"),
        (Some("Observation"), "patient:Group=secret", "invalid", "patient:Group"),
        (Some("Observation"), "patient=Group/secret", "value", "patient"),
        (Some("Observation"), "patient=secret/x/y", "value", "patient"),
        (Some("Observation"), "patient=secret_x", "value", "patient"),
        (Some("Observation"), "patient=%23secret", "value", "patient"),
        (Some("Observation"), "code=a|b|secret", "value", "code"),
        (Some("Observation"), "code=|", "value", "code"),
        (Some("Observation"), "code=secret%", "invalid", "code"),
        (Some("Observation"), "code=secret%zz", "invalid", "code"),
        (Some("Observation"), "code=secret%ff", "invalid", "code"),
        (Some("Observation"), "code=secret%00", "invalid", "code"),
        (Some("Observation"), "co%de=secret", "invalid", ""),
        (Some("Observation"), "<secret>=x", "not-supported", "(unreadable name)"),
        (None, "code=secret", "not-supported", "code"),
    ] {
        let errors = errors(kind, query);
        assert_eq!((errors[0].code, &*errors[0].parameter), (code, parameter), "{query}");
        assert!(!errors[0].details.contains("secret"), "{query}: {}", errors[0].details);
    }
    let known = &errors(Some("Observation"), "x=1")[0].details;
    assert!(known.contains("_id, _lastUpdated, _profile") && known.contains("combo-code, "), "{known}");
}

#[test]
fn chains_are_bounded() {
    let steps =
        |count: usize| format!("{}name=x", "general-practitioner:Organization.".to_owned() + &"partof.".repeat(count));
    assert!(parse(Some("Patient"), &steps(3), STRICT).is_ok());
    assert_eq!(errors(Some("Patient"), &steps(64))[0].code, "too-long");
    let nested = format!("{}code=x", "_has:Observation:has-member:".repeat(64));
    assert_eq!(errors(Some("Observation"), &nested)[0].code, "too-long");
    assert_eq!(errors(Some("Basic"), &format!("{}code=x", "subject.".repeat(5)))[0].code, "too-long");
}

#[test]
fn all_errors_are_told_at_once_up_to_a_bound() {
    assert_eq!(errors(Some("Patient"), "a=1&b=2&_count=x").len(), 3);
    let many = (0..99).map(|number| format!("x{number}=1")).collect::<Vec<_>>().join("&");
    assert_eq!(errors(Some("Patient"), &many).len(), 20);
}

#[test]
fn sizes_are_bounded() {
    let too_long =
        [format!("code={}", "x".repeat(9000)), ["code=a"; 101].join("&"), format!("code={}", ["a"; 201].join(","))];
    for query in too_long {
        assert_eq!(errors(Some("Observation"), &query)[0].code, "too-long");
    }
    read("Observation", &["code=a"; 100].join("&"));
    read("Observation", &format!("code={}", ["a"; 200].join(",")));
}

#[test]
fn lenient_handling_leaves_out_parameters_and_says_so_but_never_modifiers() {
    let query = "code=a&_sort=-nothing&_include=Observation:nothing&x=1&subject.nothing=b&_text=c";
    let (search, results, ignored) = parse(Some("Observation"), query, LENIENT).expect("lenient");
    assert_eq!(search.tests.len(), 1);
    assert_eq!(results, Results::default());
    let names: Vec<_> = ignored.iter().map(|ignored| &*ignored.parameter).collect();
    assert_eq!(names, ["_sort", "_include", "x", "subject.nothing", "_text"]);
    assert_eq!(canonical(&search, &results), "code=a");
    for query in ["code:exact=a", "code=a|b|c", "_count=x", "code=%"] {
        assert!(parse(Some("Observation"), query, LENIENT).is_err(), "{query}");
    }
}

#[test]
fn canonical_is_the_same_search() {
    for (query, expected) in [
        ("code=http://loinc.org%7C8867-4&_count=05", "code=http://loinc.org%7C8867-4&_count=5"),
        ("_count=10&code=a%2cb", "code=a,b&_count=10"),
        ("subject:Patient=1", "subject:Patient=1"),
        ("patient=1", "patient=1"),
        ("patient=https://example.org/fhir/Patient/1", "patient=https://example.org/fhir/Patient/1"),
        ("_lastUpdated=eq2020-01-01T00:00:00+01:00", "_lastUpdated=eq2020-01-01T00:00:00%2001:00"),
        ("_lastUpdated=ge2020", "_lastUpdated=ge2020"),
        ("code=a\\,b|c\\\\", "code=a%5C,b%7Cc%5C%5C"),
        ("code=|a&code=b|", "code=%7Ca&code=b%7C"),
        ("_id=a,b&_tag=x&_summary=count&_total=none", "_id=a,b&_tag=x&_summary=count&_total=none"),
        ("code=&_cursor=x-y", "_cursor=x-y"),
    ] {
        let (search, results) = read("Observation", query);
        let written = canonical(&search, &results);
        assert_eq!(written, expected);
        assert_eq!(read("Observation", &written), (search, results), "{query}");
    }
}

#[test]
fn requests_that_certification_sends_are_read_or_refused_for_a_reason() {
    let folder = "06-search-and-rest-cases/uscore-request-shapes-inferno/us_core_311.ndjson";
    let Some(lines) = data::text(folder) else { return };
    let (mut read, mut refused) = (0, Vec::new());
    for line in lines.lines() {
        let test: serde_json::Value = serde_json::from_str(line).expect("json");
        for request in test["requests"].as_array().expect("requests") {
            let url = request[1].as_str().expect("url");
            let Some((kind, query)) = url.split_once('?') else { continue };
            match parse(Some(kind), query, STRICT) {
                Ok(_) => read += 1,
                // A page of another server's: its links are its own.
                Err(errors) => {
                    assert!(errors.iter().all(|error| error.code == "not-supported"), "{kind} {query}: {errors:?}");
                    refused.push(format!("{kind}?{query}"));
                }
            }
        }
    }
    assert!(read > 500 && refused.len() < 5, "{read} read, refused: {refused:#?}");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(query in "\\PC{0,80}") {
        let _ = parse(Some("Observation"), &query, STRICT);
        let _ = parse(None, &query, LENIENT);
    }

    #[test]
    fn a_canonical_query_reads_as_the_same_search(
        query in "((code|identifier|subject|patient|patient:Patient|_id|_tag|_lastUpdated|_sort|value-quantity|subject\\.name|code:not|_count|_pretty|_cursor|x)=\
                  [a-c|,\\\\$/+%:#0-9 T.\u{e9}-]{0,12}&?){0,4}"
    ) {
        if let Ok((search, results, _)) = parse(Some("Observation"), &query, LENIENT) {
            let written = canonical(&search, &results);
            let again = parse(Some("Observation"), &written, STRICT);
            prop_assert_eq!(again.as_ref().map(|(search, ..)| search), Ok(&search), "{}", written);
            let (search, results, _) = again.expect("read");
            prop_assert_eq!(canonical(&search, &results), written);
        }
    }
}
