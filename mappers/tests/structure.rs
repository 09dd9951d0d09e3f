//! The structure check: every rule by an example, where the issue points, and that no input hurts.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use mappers::json::Document;
use mappers::structure::{self, Definition, Issue, IssueCode, MAX_ISSUES, Shape};
use proptest::prelude::*;

fn issues(text: &str) -> Vec<Issue> {
    structure::check(&Document::parse(text.as_bytes()).unwrap()).err().unwrap_or_default()
}

/// Code and place of every issue of a Patient with these members.
fn patient(members: &str) -> Vec<(&'static str, String)> {
    let found =
        issues(&format!(r#"{{"resourceType":"Patient"{}{members}}}"#, if members.is_empty() { "" } else { "," }));
    found.into_iter().map(|issue| (issue.code.as_str(), issue.expression)).collect()
}

fn refused(members: &str, code: &'static str, expression: &str) {
    assert_eq!(patient(members), [(code, expression.to_owned())], "{members}");
}

#[test]
fn resources_as_the_standard_writes_them_pass() {
    for members in [
        "",
        r#""id":"a-1.B","active":true,"name":[{"use":"official","family":"Ng","given":["A","B"]}]"#,
        r#""birthDate":"1974","_birthDate":{"extension":[{"url":"http://x/y","valueDateTime":"1974-12-25T14:35:45-05:00"}]}"#,
        r#""_birthDate":{"id":"a","extension":[{"url":"http://x/y","valueCode":"unknown"}]}"#,
        r#""birthDate":"1974","_birthDate":{"id":"only-an-id-beside-a-value"}"#,
        r#""name":[{"given":[null,"x"],"_given":[{"extension":[{"url":"u","valueString":"s"}]},null]}]"#,
        r#""name":[{"_given":[{"extension":[{"url":"u","valueString":"s"}]}]}]"#,
        r#""deceasedDateTime":"2020-02-29T23:59:60Z","_deceasedDateTime":{"id":"a"}"#,
        r#""extension":[{"url":"a","extension":[{"url":"b","valueDecimal":1.10e-3}]}]"#,
        r#""contained":[{"resourceType":"Organization","id":"o","name":"n"}]"#,
        r#""text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}"#,
        r#""multipleBirthInteger":-2147483648,"\u0067ender":"\u006dale""#,
        r#""photo":[{"contentType":"image/png","data":"QUJD\r\nQUI=","size":0}],"link":[{"other":{"reference":"Patient/1"},"type":"refer"}]"#,
    ] {
        assert_eq!(patient(members), [], "{members}");
    }
    let bundle = r#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Basic","code":{"text":"x"}}}]}"#;
    assert_eq!(issues(bundle), []);
    // The type may stand anywhere.
    assert_eq!(issues(r#"{"id":"a","resourceType":"Patient"}"#), []);
}

#[test]
fn the_type_must_be_there_and_known() {
    for text in [
        "{}",
        "[]",
        "1",
        "null",
        r#"{"id":"a"}"#,
        r#"{"resourceType":"Patent"}"#,
        r#"{"resourceType":7}"#,
        r#"{"resourceType":"HumanName"}"#,
        r#"{"resourceType":"DomainResource"}"#,
    ] {
        let found = issues(text);
        assert_eq!(
            (found.len(), found[0].code, found[0].expression.as_str()),
            (1, IssueCode::Structure, "Resource"),
            "{text}"
        );
    }
    let document = Document::parse(br#"{"resourceType":"Patient"}"#).unwrap();
    assert_eq!(structure::check_resource(&document, Some("Patient")).unwrap().resource_type, "Patient");
    let found = structure::check_resource(&document, Some("Observation")).unwrap_err();
    assert_eq!((found.len(), found[0].expression.as_str()), (1, "Patient"));
}

#[test]
fn names_and_shapes() {
    refused(r#""famly":"x""#, "structure", "Patient.famly");
    refused(r#""name":[{"family":"a"},{"famly":"b"}]"#, "structure", "Patient.name[1].famly");
    refused(r#""name":[{"resourceType":"HumanName","family":"a"}]"#, "structure", "Patient.name[0].resourceType");
    refused(r#""fhir_comments":["x"]"#, "structure", "Patient.fhir_comments");
    refused(r#""Active":true"#, "structure", "Patient.Active");
    refused(r#""__active":true"#, "structure", "Patient.__active");
    refused(r#""any text at all":true"#, "structure", "Patient");
    refused(r#""value":true"#, "structure", "Patient.value");
    refused(r#""name":{"family":"a"}"#, "structure", "Patient.name");
    refused(r#""name":["a"]"#, "structure", "Patient.name[0]");
    refused(r#""name":[[{"family":"a"}]]"#, "structure", "Patient.name[0]");
    refused(r#""gender":["male"]"#, "structure", "Patient.gender");
    refused(r#""maritalStatus":"M""#, "structure", "Patient.maritalStatus");
    refused(r#""telecom":[]"#, "structure", "Patient.telecom");
    refused(r#""name":[{}]"#, "structure", "Patient.name[0]");
    refused(r#""maritalStatus":{}"#, "structure", "Patient.maritalStatus");
    refused(r#""name":[{"id":"a"}]"#, "invariant", "Patient.name[0]");
    refused(r#""name":[{"family":""}]"#, "value", "Patient.name[0].family");
    refused(r#""active":"true""#, "structure", "Patient.active");
    refused(r#""birthDate":1974"#, "structure", "Patient.birthDate");
    refused(r#""multipleBirthInteger":4294967297"#, "value", "Patient.multipleBirth");
    refused(r#""multipleBirthInteger":1.0"#, "value", "Patient.multipleBirth");
    refused(r#""multipleBirthInteger":"1""#, "structure", "Patient.multipleBirth");
    refused(r#""birthDate":"2020-13-45""#, "value", "Patient.birthDate");
    refused(r#""gender":"banana""#, "code-invalid", "Patient.gender");
    refused(r#""id":"a b""#, "value", "Patient.id");
    refused(r#""implicitRules":"a b""#, "value", "Patient.implicitRules");
    refused(r#""photo":[{"size":-0}]"#, "value", "Patient.photo[0].size");
    refused(r#""deceased":true"#, "structure", "Patient.deceased");
    refused(r#""deceasedString":"x""#, "structure", "Patient.deceasedString");
    refused(r#""deceasedBoolean":false,"deceasedDateTime":"2020""#, "structure", "Patient.deceased");
    refused(
        r#""deceasedBoolean":false,"_deceasedDateTime":{"id":"a","extension":[{"url":"u","valueCode":"c"}]}"#,
        "structure",
        "Patient.deceased",
    );
    refused(r#""link":[{"type":"refer"}]"#, "required", "Patient.link[0].other");
}

#[test]
fn nulls_and_what_stands_beside_primitives() {
    refused(r#""birthDate":null"#, "structure", "Patient.birthDate");
    refused(
        r#""birthDate":null,"_birthDate":{"extension":[{"url":"u","valueCode":"c"}]}"#,
        "structure",
        "Patient.birthDate",
    );
    refused(r#""_birthDate":null"#, "structure", "Patient.birthDate");
    refused(r#""_birthDate":{}"#, "structure", "Patient.birthDate");
    refused(r#""_birthDate":{"id":"a"}"#, "invariant", "Patient.birthDate");
    refused(r#""_birthDate":[{"id":"a"}],"birthDate":"1974""#, "structure", "Patient.birthDate");
    refused(r#""_birthDate":{"value":"x"},"birthDate":"1974""#, "structure", "Patient.birthDate.value");
    refused(
        r#""_birthDate":{"extension":[{"valueCode":"c"}]},"birthDate":"1974""#,
        "required",
        "Patient.birthDate.extension[0].url",
    );
    refused(r#""_name":[{"id":"a"}]"#, "structure", "Patient.name");
    refused(r#""_resourceType":{"id":"a"}"#, "structure", "Patient._resourceType");
    refused(r#""name":[null]"#, "structure", "Patient.name[0]");
    refused(r#""name":[{"given":[null,"x"]}]"#, "structure", "Patient.name[0].given[0]");
    refused(r#""name":[{"given":["x"],"_given":[null,{"id":"a"}]}]"#, "structure", "Patient.name[0].given");
    refused(r#""name":[{"given":["x"],"_given":{"id":"a"}}]"#, "structure", "Patient.name[0].given");
    refused(
        r#""name":[{"_given":[null,{"extension":[{"url":"u","valueCode":"c"}]}]}]"#,
        "structure",
        "Patient.name[0].given[0]",
    );
    refused(r#""name":[{"_given":[]}]"#, "structure", "Patient.name[0].given");
    assert_eq!(patient(r#""name":[{"given":[null],"_given":[null]}]"#).len(), 1);
}

#[test]
fn what_xml_has_as_an_attribute_has_nothing_beside_it() {
    let beside = r#"{"extension":[{"url":"u","valueCode":"x"}]}"#;
    refused(&format!(r#""name":[{{"family":"a","id":"n","_id":{beside}}}]"#), "structure", "Patient.name[0].id");
    refused(
        &format!(r#""extension":[{{"url":"u","valueCode":"x","_url":{beside}}}]"#),
        "structure",
        "Patient.extension[0].url",
    );
    let div = r#""<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>""#;
    refused(
        &format!(r#""text":{{"status":"generated","div":{div},"_div":{beside}}}"#),
        "structure",
        "Patient.text.div",
    );
    assert_eq!(patient(&format!(r#""id":"p","_id":{beside}"#)), [], "the id of a resource is an element");
}

#[test]
fn extensions_and_contained_resources() {
    refused(r#""extension":[{"valueString":"a"}]"#, "required", "Patient.extension[0].url");
    refused(r#""extension":[{"url":"u"}]"#, "invariant", "Patient.extension[0]");
    refused(
        r#""extension":[{"url":"u","valueString":"a","extension":[{"url":"u","valueCode":"c"}]}]"#,
        "invariant",
        "Patient.extension[0]",
    );
    refused(
        r#""extension":[{"url":"u","valueString":"a","valueCode":"a"}]"#,
        "structure",
        "Patient.extension[0].value",
    );
    refused(r#""extension":{"url":"u","valueString":"a"}"#, "structure", "Patient.extension");
    refused(r#""extension":[{"url":5,"valueString":"a"}]"#, "structure", "Patient.extension[0].url");
    refused(r#""contained":[{"id":"o"}]"#, "structure", "Patient.contained[0]");
    refused(r#""contained":{"resourceType":"Patient","id":"o"}"#, "structure", "Patient.contained");
    refused(
        r#""contained":[{"resourceType":"Organization","id":"o","nam":"x"}]"#,
        "structure",
        "Patient.contained[0].nam",
    );
    refused(
        r#""contained":[{"resourceType":"Organization","id":"o","contained":[{"resourceType":"Patient","id":"p"}]}]"#,
        "invariant",
        "Patient.contained[0].contained",
    );
}

#[test]
fn what_is_missing_is_named_without_its_type() {
    let places = |text: &str| issues(text).into_iter().map(|one| (one.code, one.expression)).collect::<Vec<_>>();
    let required = |place: &str| (IssueCode::Required, place.to_owned());
    assert_eq!(
        places(r#"{"resourceType":"Observation"}"#),
        [required("Observation.status"), required("Observation.code")]
    );
    assert_eq!(
        places(
            r#"{"resourceType":"Observation","_status":{"extension":[{"url":"u","valueCode":"c"}]},"code":{"text":"x"}}"#
        ),
        []
    );
    let request =
        r#"{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"display":"x"}}"#;
    assert_eq!(places(request), [required("MedicationRequest.medication")]);
    let found = issues(request);
    assert!(found[0].details.contains("medication[x]"), "{}", found[0].details);
}

#[test]
fn an_issue_helps_and_never_repeats_a_value() {
    let details = |members: &str| issues(&format!(r#"{{"resourceType":"Patient",{members}}}"#))[0].details.clone();
    assert!(details(r#""name":[{"famly":"Secret"}]"#).contains("did you mean family?"));
    assert!(details(r#""gender":"Secret""#).contains("female, male, other, unknown"));
    assert!(details(r#""deceased":true"#).contains("deceasedBoolean"));
    assert!(details(r#""birthDate":"Secret""#).contains("YYYY-MM-DD"));
    for members in [
        r#""gender":"Secret""#,
        r#""id":"Secret one""#,
        r#""Secret one":1"#,
        r#""birthDate":"Secret""#,
        r#""active":"Secret""#,
    ] {
        let found = issues(&format!(r#"{{"resourceType":"Patient",{members}}}"#));
        assert!(!format!("{found:?}").contains("Secret"), "{found:?}");
    }
    let found = issues(r#"{"resourceType":"Secret"}"#);
    assert!(!format!("{found:?}").contains("Secret"), "{found:?}");
}

#[test]
fn a_batch_can_check_the_frame_and_each_entry_apart() {
    let text = br#"{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Patient","x":1},"request":{"method":"POST","url":"Patient"}}]}"#;
    let document = Document::parse(text).unwrap();
    assert_eq!(structure::check(&document).unwrap_err()[0].expression, "Bundle.entry[0].resource.x");
    assert_eq!(structure::check_frame(document.root()).unwrap().resource_type, "Bundle");
    let entry = document.root().member("entry").unwrap().children().next().unwrap().member("resource").unwrap();
    let found = structure::check_element(entry, "Bundle.entry[0].resource").unwrap_err();
    assert_eq!(found[0].expression, "Bundle.entry[0].resource.x");
    let patient = Document::parse(br#"{"resourceType":"Patient"}"#).unwrap();
    assert!(structure::check_frame(patient.root()).is_err());
    let bad = Document::parse(
        br#"{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GETT","url":"Patient"}}]}"#,
    )
    .unwrap();
    assert_eq!(structure::check_frame(bad.root()).unwrap_err()[0].expression, "Bundle.entry[0].request.method");
}

#[test]
fn paths_are_described() {
    let name = structure::definition("Patient.name.given").unwrap();
    assert_eq!(
        name,
        Definition { list: true, required: false, shape: Shape::Primitive("string"), name: "given", codes: None }
    );
    let value = structure::definition("Observation.valueQuantity").unwrap();
    assert_eq!((value.shape, value.name), (Shape::Object("Quantity"), "value"));
    assert_eq!(
        structure::definition("Observation.component.valueQuantity.value").unwrap().shape,
        Shape::Primitive("decimal")
    );
    assert_eq!(structure::definition("Patient.contact").unwrap().shape, Shape::Object("Patient.contact"));
    assert_eq!(structure::definition("Bundle.entry.resource").unwrap().shape, Shape::Resource);
    assert!(structure::definition("MedicationRequest.medicationReference").unwrap().required);
    for nothing in [
        "",
        "Patient",
        "Patient.nam",
        "Patient.birthDate.x",
        "Nothing.id",
        "Bundle.entry.resource.id",
        "Observation.value",
    ] {
        assert_eq!(structure::definition(nothing), None, "{nothing}");
    }
    assert!(
        structure::is_resource_type("Patient")
            && !structure::is_resource_type("Resource")
            && !structure::is_resource_type("Address")
    );
    assert_eq!(structure::resource_types().count(), 146);
}

#[test]
fn hostile_sizes_stay_cheap_and_bounded() {
    let start = Instant::now();
    let many = |number: usize, item: &dyn Fn(usize) -> String| (0..number).map(item).collect::<Vec<_>>().join(",");
    let unknown = format!(r#"{{"resourceType":"Patient",{}}}"#, many(100_000, &|at| format!(r#""k{at}":1"#)));
    assert_eq!(issues(&unknown).len(), MAX_ISSUES);
    let nulls = format!(
        r#"{{"resourceType":"Patient","name":[{{"given":[{}],"_given":[{}]}}]}}"#,
        many(100_000, &|_| "null".to_owned()),
        many(100_000, &|_| r#"{"id":"a"}"#.to_owned())
    );
    assert_eq!(issues(&nulls).len(), MAX_ISSUES);
    let names = format!(r#"{{"resourceType":"Patient","name":[{}]}}"#, many(100_000, &|_| "{}".to_owned()));
    assert_eq!(issues(&names).len(), MAX_ISSUES);
    let deep = format!(
        r#"{{"resourceType":"Questionnaire","status":"draft","item":{}}}"#,
        (0..45).fold("[]".to_owned(), |inner, _| format!(r#"[{{"linkId":"a","type":"group","item":{inner}}}]"#))
    );
    assert_eq!(issues(&deep).len(), 1);
    let string = format!(r#"{{"resourceType":"Patient","language":"{}"}}"#, "x".repeat(1 << 21));
    assert_eq!(issues(&string), []);
    let string = format!(r#"{{"resourceType":"Organization","name":"{}"}}"#, "x".repeat((1 << 20) + 1));
    assert_eq!(issues(&string)[0].code, IssueCode::TooLong);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

/// JSON of every shape under names that mean something to the check.
fn anything() -> impl Strategy<Value = serde_json::Value> {
    let name = prop::sample::select(vec![
        "resourceType",
        "id",
        "_id",
        "name",
        "_name",
        "given",
        "_given",
        "extension",
        "url",
        "valueString",
        "_valueString",
        "valueCode",
        "contained",
        "entry",
        "resource",
        "birthDate",
        "_birthDate",
        "item",
        "text",
        "div",
        "x",
        "_",
        "",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        prop::sample::select(vec!["Patient", "Bundle", "Questionnaire", "a", "", "2020-02-30", "é"])
            .prop_map(Into::into),
    ];
    leaf.prop_recursive(8, 80, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            prop::collection::vec((name.clone(), inner), 0..8).prop_map(|members| {
                serde_json::Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_shape_of_json_hurts(value in anything(), resource in prop::sample::select(vec!["Patient", "Bundle", "Basic"])) {
        let mut value = value;
        if let Some(members) = value.as_object_mut() {
            members.insert("resourceType".to_owned(), resource.into());
        }
        let text = serde_json::to_vec(&value).unwrap();
        let document = Document::parse(&text).unwrap();
        if let Err(issues) = structure::check(&document) {
            prop_assert!((1..=MAX_ISSUES).contains(&issues.len()));
            prop_assert!(issues.iter().all(|issue| !issue.expression.is_empty() && !issue.details.is_empty()));
        }
    }
}
