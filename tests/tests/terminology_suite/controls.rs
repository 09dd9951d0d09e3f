//! The comparison itself, by what it must take and what it must refuse.

use super::cases::{self, MODES};
use super::compare::{Comparison, is_control, is_optional, may_be_absent};
use super::{versions, words};
use gateway_tests::{Json, Random, shared_data};

fn faults(expected: &str, found: &str) -> Vec<String> {
    Comparison::of(false).differences(&Json::of(expected), &Json::of(found))
}

fn same(expected: &str, found: &str) {
    assert_eq!(faults(expected, found), Vec::<String>::new(), "{found}");
}

/// Refused, for this reason alone.
fn differs(expected: &str, found: &str, fault: &str) {
    let faults = faults(expected, found);
    assert!(faults.len() == 1 && faults[0].starts_with(fault), "{faults:?}, not {fault}");
}

#[test]
fn order_says_nothing() {
    same(r#"{"a":1,"b":[1,{"c":2,"d":[3,4]},"x"]}"#, r#"{"b":["x",{"d":[4,3],"c":2},1],"a":1}"#);
    differs(r#"[1,2]"#, r#"[1,1]"#, "[]: expected 2, found 1");
    let faults = faults(r#"[{"code":"a"},{"code":"b"}]"#, r#"[{"code":"a"},{"code":"c"}]"#);
    assert_eq!(faults, [r#"[b]: missing, expected {"code":"b"}"#, r#"[c]: unexpected {"code":"c"}"#]);
}

#[test]
fn what_is_required_is_there_and_nothing_else_is() {
    let expected = r#"{"name":"x","valueString":"y","part":[{"name":"a"}]}"#;
    same(expected, expected);
    differs(expected, r#"{"name":"x","part":[{"name":"a"}]}"#, "valueString: missing");
    differs(expected, r#"{"name":"x","valueString":"y"}"#, "part: missing");
    differs(expected, r#"{"name":"x","valueString":"y","part":[{"name":"a"}],"z":1}"#, "z: unexpected");
    differs(expected, r#"{"name":"x","valueString":"y","part":[{"name":"a"},{"name":"b"}]}"#, "part[b]: unexpected");
    differs(expected, r#"{"name":"x","valueString":"Y","part":[{"name":"a"}]}"#, "valueString: expected \"y\"");
    differs(expected, r#"{"name":"x","valueString":"y","part":{"name":"a"}}"#, "part: expected");
    differs(r#"{"valueUri":"u"}"#, r#"{"valueUri":1}"#, "valueUri: expected");
    differs("1.0", "1.00", ": expected 1.0");
}

#[test]
fn the_place_of_an_issue_may_be_told_twice_but_not_otherwise() {
    let expected = r#"{"severity":"error","expression":["Coding.code"]}"#;
    same(expected, r#"{"severity":"error","expression":["Coding.code"],"location":["Coding.code"]}"#);
    differs(
        expected,
        r#"{"severity":"error","expression":["Coding.code"],"location":["Coding"]}"#,
        "location: unexpected",
    );
    differs(r#"{"expression":["a"]}"#, r#"{"expression":["a"],"location":["a"]}"#, "location: unexpected");
}

#[test]
fn what_is_optional_may_be_absent_and_is_compared_where_it_is_there() {
    for mark in ["true", r#""!tx.fhir.org""#, r#""warning:version""#, r#""version:4""#] {
        let expected = format!(r#"{{"p":[{{"name":"a","value":1}},{{"$optional$":{mark},"name":"b","value":2}}]}}"#);
        same(&expected, r#"{"p":[{"name":"b","value":2},{"name":"a","value":1}]}"#);
        same(&expected, r#"{"p":[{"name":"a","value":1}]}"#);
        differs(&expected, r#"{"p":[{"name":"a","value":1},{"name":"b","value":3}]}"#, "p[b].value: expected 2");
        differs(&expected, r#"{"p":[{"name":"b","value":2}]}"#, "p[a]: missing");
    }
    for mark in ["false", r#""version:5""#, r#""!general""#] {
        let expected = format!(r#"{{"p":[{{"name":"a"}},{{"$optional$":{mark},"name":"b"}}]}}"#);
        differs(&expected, r#"{"p":[{"name":"a"}]}"#, "p[b]: missing");
    }
}

#[test]
fn an_array_of_optional_items_and_an_optional_object_may_be_absent() {
    same(r#"{"a":1,"p":[{"$optional$":true,"b":1}]}"#, r#"{"a":1}"#);
    differs(r#"{"p":[{"$optional$":true,"b":1},{"b":2}]}"#, "{}", "p: missing");
    same(r#"{"use":{"$optional$":true,"code":"c"}}"#, "{}");
    differs(r#"{"use":{"$optional$":true,"code":"c"}}"#, r#"{"use":{"code":"d"}}"#, "use.code: expected");
}

#[test]
fn optional_properties_and_counted_arrays() {
    let expected = r#"{"$optional-properties$":["id"],"$count-arrays$":["list"],"id":"$id$","list":[1,2],"n":1}"#;
    same(expected, r#"{"list":[{"a":1},3],"n":1}"#);
    same(expected, r#"{"id":"a-1","list":[3,4],"n":1}"#);
    differs(expected, r#"{"list":[3,4]}"#, "n: missing");
    differs(expected, r#"{"id":"a b","list":[3,4],"n":1}"#, "id: expected");
    differs(expected, r#"{"list":[1],"n":1}"#, "list: expected 2 items");
    same(r#"{"$optional-properties$":["*"],"a":1,"b":2}"#, "{}");
    differs(r#"{"$optional-properties$":["*"],"a":1,"b":2}"#, r#"{"c":1}"#, "c: unexpected");
}

#[test]
fn every_item_finds_one_of_its_own_whoever_chooses_first() {
    same(r#"["$$","a"]"#, r#"["a","b"]"#);
    same(r#"["$string$","$choice:a|b$","a"]"#, r#"["b","a","c"]"#);
    assert_eq!(faults(r#"["a","$choice:a|b$"]"#, r#"["a","c"]"#).len(), 2);
    assert_eq!(faults(r#"["$choice:a|b$","a"]"#, r#"["b","b"]"#).len(), 2);
    same(r#"[{"$optional$":true,"a":"$$"},{"a":"x"}]"#, r#"[{"a":"x"}]"#);
    same(r#"[{"$optional$":true,"a":"$$"},{"a":"x"}]"#, r#"[{"a":"x"},{"a":"y"}]"#);
    differs(r#"[{"$optional$":true,"a":"$$"},{"a":"x"}]"#, r#"[{"a":"y"}]"#, "[]: missing");
}

#[test]
fn a_pattern_says_what_is_there_at_least() {
    let pattern = |found: &str| {
        Comparison::of(true).differences(&Json::of(r#"{"a":1,"p":[{"name":"x"},{"name":"y"}]}"#), &Json::of(found))
    };
    assert!(pattern(r#"{"b":2,"a":1,"p":[{"name":"z"},{"name":"y","type":1},{"name":"x"}]}"#).is_empty());
    assert_eq!(pattern(r#"{"a":1,"p":[{"name":"x"},{"name":"z"}]}"#).len(), 1);
    assert_eq!(pattern(r#"{"p":[{"name":"x"},{"name":"y"}]}"#).len(), 1);
}

#[test]
fn the_sentences_of_a_message_have_no_order() {
    let message = |text: &str| format!(r#"{{"name":"message","valueString":"{text}"}}"#);
    same(&message("one; two"), &message("two; one"));
    differs(&message("one; two"), &message("one; one"), "valueString");
    differs(
        r#"{"name":"display","valueString":"one; two"}"#,
        r#"{"name":"display","valueString":"two; one"}"#,
        "valueString",
    );
}

#[test]
fn another_resource_is_one_difference() {
    let found = r#"{"resourceType":"OperationOutcome","issue":[]}"#;
    differs(
        r#"{"resourceType":"ValueSet","url":"u","status":"active"}"#,
        found,
        "resourceType: expected ValueSet, found OperationOutcome",
    );
}

#[test]
fn words_stand_for_texts_of_their_kind() {
    let rows: &[(&str, &[&str], &[&str])] = &[
        ("$$", &["", "anything"], &[]),
        ("$choice:a|b$", &["a", "b"], &["c", "a|b", ""]),
        ("$date$", &["2024-02-29", "2024-02-29T10:00:00Z"], &["2024-02", "2024-13-01", "2024-02-29T10:00:00", "today"]),
        ("$external:1$", &["", "anything"], &[]),
        (
            "$external:1:http://e.org/vs|3.0.0$",
            &["no Http://e.org/VS of 3.0.0"],
            &["http://e.org/vs", "http 3.0.0", ""],
        ),
        ("$fragments:supplement|x$", &["The SUPPLEMENT X"], &["supplement", "x", ""]),
        ("$id$", &["a", "A-1.b"], &["", "a b", "a_b", "é"]),
        (
            "$instant$",
            &["2024-02-29T10:00:00Z", "2024-02-29T10:00:00.123+02:00"],
            &[
                "2024-02-29",
                "2024-02-29T10:00:00",
                "2024-02-29T25:00:00Z",
                "2024-02-29T10:00:00.Z",
                "2024-02-29T10:00Z",
                "é",
            ],
        ),
        ("$semver$", &["1.0.0", "10.2.3-rc.1+5"], &["1.0", "1.0.0.0", "01.0.0", "1.0.x", "1.0.0-"]),
        ("$string$", &["", "a b"], &[" a", "a\n"]),
        ("$token$", &["a", "_a-1.0"], &["", "a b", "-a"]),
        ("$url$", &["http://e.org/a?b=c|1", "https://e.org"], &["urn:x", "http://", "http://a b"]),
        (
            "$uuid$",
            &["urn:uuid:80458796-b204-4d17-ac1c-8443dd8cb35b"],
            &[
                "80458796-b204-4d17-ac1c-8443dd8cb35b",
                "urn:uuid:80458796-B204-4d17-ac1c-8443dd8cb35b",
                "urn:uuid:80458796",
            ],
        ),
        ("$version$", &["4.0.1"], &["5.0.0", "4.0.1 "]),
        ("http://e.org|$version$", &["http://e.org|4.0.1"], &["http://e.org", "http://e.org|5.0.0"]),
        ("plain", &["plain"], &["Plain", "plain "]),
        ("$5", &["$5"], &["5"]),
    ];
    for (word, right, wrong) in rows {
        right.iter().for_each(|text| assert!(words::fits(word, text), "{word} is {text:?}"));
        wrong.iter().for_each(|text| assert!(!words::fits(word, text), "{word} is not {text:?}"));
    }
}

#[test]
#[should_panic(expected = "what is $surprise$?")]
fn a_word_that_nobody_knows_ends_the_run() {
    words::fits("$surprise$", "x");
}

#[test]
#[should_panic(expected = "what is $only$?")]
fn a_mark_that_nobody_knows_ends_the_run() {
    faults(r#"{"$only$":"version:4"}"#, "{}");
}

#[test]
fn properties_of_an_expansion_are_extensions_in_r4() {
    let r4 = format!(
        r#"{{"resourceType":"ValueSet","meta":{{"versionId":"1"}},"text":{{}},"expansion":{{
            "extension":[{{"url":"{}","extension":[{{"url":"code","valueCode":"p"}},{{"url":"uri","valueUri":"u"}}]}}],
            "contains":[{{"code":"a","contains":[{{"code":"b","extension":[{{"url":"x","valueCode":"y"}},
                {{"url":"{}","extension":[{{"url":"value","valueDecimal":1.0}},{{"url":"code","valueCode":"p"}}]}}]}}]}}]}}}}"#,
        versions::PROPERTY,
        versions::CONTAINS_PROPERTY
    );
    let r5 = r#"{"resourceType":"ValueSet","expansion":{"property":[{"code":"p","uri":"u"}],"contains":[{"code":"a","contains":[
        {"code":"b","extension":[{"url":"x","valueCode":"y"}],"property":[{"code":"p","valueDecimal":1.0}]}]}]}}"#;
    let answer = versions::answer_in_r5(Json::of(&r4)).unwrap();
    assert_eq!(Comparison::of(false).differences(&Json::of(r5), &answer), Vec::<String>::new());
    let fault = versions::answer_in_r5(Json::of(r5)).unwrap_err();
    assert!(fault.starts_with("expansion.property: R5's"), "{fault}");
}

#[test]
fn a_concept_map_is_asked_in_r4() {
    let r5 = r#"{"parameter":[{"name":"relationship"},{"resource":{"resourceType":"ConceptMap","title:de":"t","sourceScopeUri":"a",
        "group":[{"element":[{"target":[{"relationship":"source-is-broader-than-target"}]}],"unmapped":{"mode":"use-source-code","relationship":"related-to"}}]}}]}"#;
    let r4 = r#"{"parameter":[{"name":"relationship"},{"resource":{"resourceType":"ConceptMap","sourceUri":"a",
        "group":[{"element":[{"target":[{"equivalence":"narrower"}]}],"unmapped":{"mode":"provided","relationship":"related-to"}}]}}]}"#;
    assert_eq!(versions::request_in_r4(Json::of(r5)), Json::of(r4));
}

#[test]
fn a_request_has_the_suites_resources_and_what_its_profile_says() {
    let Some(data) = shared_data() else { return };
    let cases = cases::load(&data.join("05-official-tests/tx-ecosystem"));
    let asked = |name: &str, parameter: &str| {
        let case = cases.iter().find(|case| case.name == name).unwrap();
        let parameters = case.request.as_ref().unwrap().items("parameter");
        parameters.iter().filter(|one| one.str("name") == Some(parameter)).count()
    };
    assert_eq!(asked("version/vs-expand-v-wb", "tx-resource"), 14);
    assert_eq!(asked("version/vs-expand-v-wb", "url"), 1);
    assert_eq!(asked("version/vs-expand-v-wb", "system-version"), 0);
    assert_eq!(asked("version/vs-expand-v-wb-default", "system-version"), 1);
    assert_eq!(asked("version/vs-expand-v-wb-default", "tx-resource"), 14);
    // One is the case's own.
    assert_eq!(asked("batch/batch-validate", "tx-resource"), 2);
    let language = cases.iter().find(|case| case.name == "language/language-echo-de-multi-de-header").unwrap();
    assert_eq!(language.language.as_deref(), Some("de"));
    let name = "errors/broken-filter-expand";
    let status = &cases.iter().find(|case| case.name == name).unwrap().expected[0].status;
    assert!(status.admits(422) && status.admits(400) && !status.admits(200) && !status.admits(500));
    assert!(
        cases.iter().all(|case| !case.name.starts_with("UCUM/") && case.name != "simple-cases/simple-expand-isa-o2")
    );
}

/// An answer that fits a template: with all that is optional, or with as little as is allowed.
fn filled(template: &Json, least: bool) -> Json {
    match template {
        Json::Array(items) => {
            let items = items.iter().filter(|item| !(least && is_optional(item)));
            Json::Array(items.map(|item| filled(item, least)).collect())
        }
        Json::Object(members) => {
            let is_left_out = |name: &str, value: &Json| {
                let listed = template.items("$optional-properties$").iter().any(|listed| listed.as_str() == Some(name));
                least && (listed || may_be_absent(value))
            };
            let members = members.iter().filter(|(name, value)| !is_control(name) && !is_left_out(name, value));
            Json::Object(members.map(|(name, value)| (name.clone(), filled(value, least))).collect())
        }
        Json::String(text) => Json::text(text_of(text)),
        value => value.clone(),
    }
}

fn text_of(template: &str) -> String {
    let template = template.replace("$version$", words::FHIR_VERSION);
    let Some(word) = template.strip_prefix('$').and_then(|word| word.strip_suffix('$')) else { return template };
    match word {
        "date" => "2024-05-06".to_owned(),
        "id" | "string" | "token" => "a".to_owned(),
        "instant" => "2024-05-06T07:08:09Z".to_owned(),
        "uuid" => "urn:uuid:80458796-b204-4d17-ac1c-8443dd8cb35b".to_owned(),
        _ => match word.split_once(':') {
            Some(("choice", choices)) => choices.split('|').next().unwrap().to_owned(),
            // More than one fragment, in any case: the template itself has them all.
            Some(_) => word.to_uppercase(),
            None => String::new(),
        },
    }
}

/// An answer as an R4 server gives it: an expansion's properties are extensions.
fn in_r4(value: Json, url: &str) -> Json {
    let Json::Object(members) = value else { return value };
    let members = members.into_iter().map(|(name, value)| {
        let value = match (name.as_str(), value) {
            ("contains", Json::Array(items)) => {
                Json::Array(items.into_iter().map(|item| in_r4(item, versions::CONTAINS_PROPERTY)).collect())
            }
            ("expansion", value) => in_r4(value, url),
            (_, value) => value,
        };
        (name, value)
    });
    let mut object = Json::Object(members.collect());
    if let (Some(properties), None) = (object.remove("", "property"), object.at("resourceType")) {
        let extension = |property: &Json| {
            let part = |(name, value): &(String, Json)| {
                let (url, name) = match name.as_str() {
                    "code" => ("code", "valueCode"),
                    "uri" => ("uri", "valueUri"),
                    value => ("value", value),
                };
                Json::Object(vec![("url".to_owned(), Json::text(url)), (name.to_owned(), value.clone())])
            };
            let parts = Json::Array(property.members().iter().map(part).collect());
            Json::Object(vec![("url".to_owned(), Json::text(url)), ("extension".to_owned(), parts)])
        };
        let mut extensions = object.items("extension").to_vec();
        extensions.extend(properties.array().iter().map(extension));
        object.set("", "extension", Json::Array(extensions));
    }
    object
}

/// The same with the items of each array turned about.
fn turned(value: Json) -> Json {
    match value {
        Json::Array(items) => Json::Array(items.into_iter().rev().map(turned).collect()),
        Json::Object(members) => {
            Json::Object(members.into_iter().rev().map(|(name, value)| (name, turned(value))).collect())
        }
        value => value,
    }
}

/// Where the objects and arrays of a value are: paths of [`Json::at`].
fn containers(path: &str, value: &Json, out: &mut Vec<String>) {
    let children: Vec<(String, &Json)> = match value {
        Json::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        Json::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        _ => return,
    };
    for (name, child) in children {
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        containers(&path, child, out);
    }
    if matches!(value, Json::Object(_)) {
        out.push(path.to_owned());
    }
}

/// Of every case of the suite: what its template allows is taken in any order; with one member more, with one member less of
/// the least that is allowed, or with one text changed, it is refused.
#[test]
fn what_the_suite_expects_fits_and_anything_else_does_not() {
    let Some(data) = shared_data() else { return };
    let mut random = Random::seeded(1);
    let mut refused = 0;
    for case in cases::load(&data.join("05-official-tests/tx-ecosystem")) {
        let comparison = Comparison::of(case.is_pattern);
        for expected in case.expected.iter().map(|expected| &expected.body) {
            let least = filled(expected, true);
            for answer in [&filled(expected, false), &least] {
                let answer = versions::answer_in_r5(in_r4(turned(answer.clone()), versions::PROPERTY)).unwrap();
                assert_eq!(comparison.differences(expected, &answer), Vec::<String>::new(), "{}", case.name);
            }
            let mut places = Vec::new();
            containers("", &least, &mut places);
            for place in places {
                let object = if place.is_empty() { &least } else { least.at(&place).unwrap() };
                let Some((name, value)) = object.members().get(random.below(object.members().len().max(1))) else {
                    continue;
                };
                let mut less = least.clone();
                less.remove(&place, name);
                let mut more = least.clone();
                more.set(&place, "surprise", Json::Bool(true));
                let mut other = least.clone();
                other.set(&place, name, Json::Array(vec![Json::Null, value.clone()]));
                let wrongs = [Some(less), (!case.is_pattern).then_some(more), Some(other)];
                for wrong in wrongs.into_iter().flatten() {
                    assert!(
                        !comparison.differences(expected, &wrong).is_empty(),
                        "{}: {place} {name}: {wrong}",
                        case.name
                    );
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 5_000, "{refused}");
    assert_eq!(MODES, ["general"]);
}
