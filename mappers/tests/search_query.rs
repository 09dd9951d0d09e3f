//! The grammar of the query string (<https://hl7.org/fhir/R4/search.html>).

#[path = "search_support/data.rs"]
mod data;

use mappers::search::{
    Context, DateValue, Handling, Parameter, Prefix, QueryError, ReferenceValue, Results, Search, Summary, TokenValue,
    TotalMode, canonical, parse,
};
use proptest::prelude::*;

const BASE: &str = "https://example.org/fhir";
const STRICT: Context<'_> = Context { handling: Handling::Strict, base: BASE };
const LENIENT: Context<'_> = Context { handling: Handling::Lenient, base: BASE };

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

fn one(kind: &str, query: &str) -> Parameter {
    let (search, _) = read(kind, query);
    assert_eq!(search.parameters.len(), 1, "{query}");
    search.parameters[0].clone()
}

fn tokens(query: &str) -> Vec<(Option<String>, Option<String>)> {
    let Parameter::Token { definition, values } = one("Observation", query) else { panic!("{query}: no token") };
    assert_eq!(definition.full, "Observation.code");
    let text = |half: &Option<Box<str>>| half.as_deref().map(str::to_owned);
    values.iter().map(|TokenValue { system, code }| (text(system), text(code))).collect()
}

fn references(kind: &str, query: &str) -> Vec<ReferenceValue> {
    let Parameter::Reference { values, .. } = one(kind, query) else { panic!("{query}: no reference") };
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
    let value = |kinds: &[&'static str], ids: &[&str], typed| ReferenceValue {
        kinds: kinds.to_vec(),
        ids: ids.iter().map(|id| (*id).into()).collect(),
        typed,
    };
    let own = "https://example.org/fhir/Patient/1";
    let typed = value(&["Patient"], &["1", own], true);
    for (kind, query, expected) in [
        ("Observation", "patient=1", value(&["Patient"], &["1", own], false)),
        ("Observation", "patient=Patient/1", typed.clone()),
        ("Observation", "patient:Patient=1", typed.clone()),
        ("Observation", "subject:Patient=Patient/1", typed.clone()),
        ("Observation", "subject=https://example.org/fhir/Patient/1", typed.clone()),
        ("Observation", "subject=Patient/1/_history/3", typed),
        ("Observation", "subject=http://other/Patient/1", value(&[], &["http://other/Patient/1"], false)),
        ("Observation", "subject=urn:uuid:0", value(&[], &["urn:uuid:0"], false)),
        ("Basic", "subject=1", value(&[], &["1"], false)),
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
        Parameter::LastUpdated(values) => values[0].clone(),
        other => panic!("{other:?}"),
    };
    for (query, prefix, low, high) in [
        ("1970", Prefix::Equal, 0, 365 * 86_400_000),
        ("eq1970-02", Prefix::Equal, 31 * 86_400_000, 59 * 86_400_000),
        ("ge1970-01-02", Prefix::GreaterOrEqual, 86_400_000, 2 * 86_400_000),
        ("lt1970-01-01T00:01", Prefix::Less, 60_000, 120_000),
        ("le1970-01-01T00:00:01", Prefix::LessOrEqual, 1000, 2000),
        ("gt1970-01-01T00:00:01.5Z", Prefix::Greater, 1500, 1600),
        ("ne1970-01-01T00:00:01.123456Z", Prefix::NotEqual, 1123, 1124),
        ("sa1970-01-01T01:00:00%2B01:00", Prefix::StartsAfter, 0, 1000),
        ("eb1970-01-01T01:00:00+01:00", Prefix::EndsBefore, 0, 1000),
        ("ap1969-12-31T19:00:00-05:00", Prefix::Approximately, 0, 1000),
        ("2020-02-29", Prefix::Equal, 1_582_934_400_000, 1_583_020_800_000),
        ("9999", Prefix::Equal, 253_370_764_800_000, 253_402_300_800_000),
        ("0001", Prefix::Equal, -62_135_596_800_000, -62_104_060_800_000),
    ] {
        let DateValue { prefix: have, low_ms, high_ms, .. } = date(query);
        assert_eq!((have, low_ms, high_ms), (prefix, low, high), "{query}");
    }
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
    let ranges = |prefix| DateValue { prefix, low_ms: 1000, high_ms: 2000, text: "".into() }.ranges(11_000);
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
    let names: Vec<_> = search.parameters.iter().map(name).collect();
    assert_eq!(names, ["code", "patient", "code", "_id", "_tag"]);
}

fn name(parameter: &Parameter) -> &'static str {
    match parameter {
        Parameter::Id(_) => "_id",
        Parameter::LastUpdated(_) => "_lastUpdated",
        Parameter::Tag(_) => "_tag",
        Parameter::Token { definition, .. } | Parameter::Reference { definition, .. } => definition.name,
    }
}

#[test]
fn result_parameters_are_read() {
    let (search, results) =
        read("Patient", "_count=5000&_summary=count&_total=accurate&_format=json&_pretty=true&_cursor=abc");
    assert!(search.parameters.is_empty());
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
        assert!(search.parameters.is_empty() && results == Results::default(), "{query}");
    }
}

#[test]
fn what_is_wrong_is_named_and_values_are_never_repeated() {
    for (kind, query, code, parameter) in [
        (Some("Patient"), "code=secret", "not-supported", "code"),
        (Some("Patient"), "family=secret", "not-supported", "family"),
        (Some("Patient"), "famly=secret", "not-supported", "famly"),
        (Some("Observation"), "subject.name=secret", "not-supported", "subject.name"),
        (Some("Observation"), "subject:Patient.name=secret", "not-supported", "subject:Patient.name"),
        (Some("Patient"), "_has:Observation:patient:code=secret", "not-supported", "_has:Observation:patient:code"),
        (Some("Patient"), "_sort=secret", "not-supported", "_sort"),
        (Some("Patient"), "_include:iterate=secret", "not-supported", "_include:iterate"),
        (Some("Patient"), "_summary=text", "not-supported", "_summary"),
        (Some("Patient"), "_summary=secret", "value", "_summary"),
        (Some("Patient"), "_count=-1", "value", "_count"),
        (Some("Patient"), "_count=1&_count=2", "value", "_count"),
        (Some("Patient"), "_total=secret", "value", "_total"),
        (Some("Patient"), "identifier:of-type=secret", "not-supported", "identifier:of-type"),
        (Some("Patient"), "identifier:secret=x", "invalid", "identifier:secret"),
        (Some("Observation"), "code:not=secret", "not-supported", "code:not"),
        (Some("Observation"), "subject:Observation=secret", "invalid", "subject:Observation"),
        (Some("Observation"), "patient:Group=secret", "invalid", "patient:Group"),
        (Some("Observation"), "patient=Group/secret", "value", "patient"),
        (Some("Observation"), "patient:identifier=secret", "not-supported", "patient:identifier"),
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
    assert!(known.contains("_id, _lastUpdated, _tag, code, identifier, patient, subject"), "{known}");
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
    let query = "code=a&_sort=-date&_include=Observation:subject&x=1&subject.name=b&_summary=text";
    let (search, results, ignored) = parse(Some("Observation"), query, LENIENT).expect("lenient");
    assert_eq!(search.parameters.len(), 1);
    assert_eq!(results, Results::default());
    let names: Vec<_> = ignored.iter().map(|ignored| &*ignored.parameter).collect();
    assert_eq!(names, ["_sort", "_include", "x", "subject.name", "_summary"]);
    assert_eq!(canonical(&search, &results), "code=a");
    for query in ["code:not=a", "code=a|b|c", "_count=x", "code=%"] {
        assert!(parse(Some("Observation"), query, LENIENT).is_err(), "{query}");
    }
}

#[test]
fn canonical_is_the_same_search() {
    for (query, expected) in [
        ("code=http://loinc.org%7C8867-4&_count=05", "code=http://loinc.org%7C8867-4&_count=5"),
        ("_count=10&code=a%2cb", "code=a,b&_count=10"),
        ("subject:Patient=1", "subject=Patient/1"),
        ("patient=1", "patient=1"),
        ("patient=https://example.org/fhir/Patient/1", "patient=Patient/1"),
        ("_lastUpdated=eq2020-01-01T00:00:00+01:00", "_lastUpdated=2020-01-01T00:00:00%2B01:00"),
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
    let (mut read, mut refused) = (0, 0);
    for line in lines.lines() {
        let test: serde_json::Value = serde_json::from_str(line).expect("json");
        for request in test["requests"].as_array().expect("requests") {
            let url = request[1].as_str().expect("url");
            let Some((kind, query)) = url.split_once('?') else { continue };
            let supported = query.split('&').all(|pair| {
                let name = pair.split(['=']).next().unwrap_or_default();
                let names = ["_id", "_lastUpdated", "code", "identifier", "patient", "subject"];
                names.contains(&name) && mappers::search::parameters::definition(kind, name).is_some()
            });
            match parse(Some(kind), query, STRICT) {
                Ok(_) => read += 1,
                Err(errors) => {
                    assert!(!supported, "{kind}: {errors:?}");
                    assert!(errors.iter().all(|error| error.code == "not-supported"), "{kind}: {errors:?}");
                    refused += 1;
                }
            }
        }
    }
    assert!(read > 50 && refused > 50, "{read} read, {refused} refused");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(query in "\\PC{0,80}") {
        let _ = parse(Some("Observation"), &query, STRICT);
        let _ = parse(None, &query, LENIENT);
    }

    #[test]
    fn a_canonical_query_reads_as_the_same_search(
        query in "((code|identifier|subject|patient|patient:Patient|_id|_tag|_lastUpdated|_count|_pretty|_cursor|x)=\
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

    #[test]
    fn any_token_survives_being_written(system in "\\PC{0,12}", code in "\\PC{1,12}") {
        let value = TokenValue { system: Some(system.as_str().into()), code: Some(code.as_str().into()) };
        let definition = mappers::search::parameters::definition("Observation", "code").expect("code");
        let parameter = Parameter::Token { definition, values: vec![value] };
        let search = Search { kind: Some("Observation".into()), parameters: vec![parameter] };
        let written = canonical(&search, &Results::default());
        prop_assert_eq!(parse(Some("Observation"), &written, STRICT).expect("read").0, search);
    }
}
