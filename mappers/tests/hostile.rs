//! What comes from outside never panics: broken expressions, expressions on other resources, random patches.
#![allow(missing_docs, clippy::unwrap_used)]

use mappers::fhirpath::{Context, Expression};
use mappers::json::Document;
use mappers::patch;
use proptest::prelude::*;

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p","active":true,"name":[{"use":"official","family":"A","given":["B",null,"C"],
    "_given":[null,{"extension":[{"url":"u","valueString":"x"}]},null]},{"text":"D"}],"gender":"male","birthDate":"1974-12-25",
    "_birthDate":{"extension":[{"url":"t","valueDateTime":"1974-12-25T14:35:45-05:00"}]},"multipleBirthInteger":2,
    "contact":[{"name":{"text":"E"}}],"extension":[{"url":"q","valueQuantity":{"value":1.10,"code":"mg","system":"http://unitsofmeasure.org"}}]}"#;

/// Words of which expressions are made, sensibly or not.
const WORDS: [&str; 64] = [
    "Patient",
    "name",
    "given",
    "birthDate",
    "extension",
    "value",
    "multipleBirth",
    ".",
    ".",
    ".",
    "(",
    ")",
    "(",
    ")",
    "[",
    "]",
    "{}",
    "0",
    "1",
    "9223372036854775807",
    "0.5",
    "'a'",
    "'1'",
    "@2015",
    "@2015-02-04T14:34:28.123+10:00",
    "@T10:30",
    "1 'mg'",
    "7 days",
    "+",
    "-",
    "*",
    "/",
    "div",
    "mod",
    "&",
    "|",
    "=",
    "~",
    "!=",
    "<",
    ">=",
    "and",
    "or",
    "xor",
    "implies",
    "in",
    "contains",
    "is",
    "as",
    "String",
    "where",
    "select",
    "first()",
    "count()",
    "toString()",
    "lowBoundary(",
    "highBoundary(",
    "round(",
    "power(",
    "substring(",
    "children()",
    "descendants()",
    "$this",
    "$index",
];

fn evaluated(text: &str) {
    let resource = PATIENT.replace('\n', "");
    let document = Document::parse(resource.as_bytes()).unwrap();
    if let Ok(expression) = Expression::parse(text) {
        let now = Some("2026-11-28T12:00:00.000+00:00");
        if let Ok(values) = expression.evaluate(document.root(), Context { now, ..Context::default() }) {
            values.iter().for_each(|value| drop(value.text()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_in_any_order_do_not_panic(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 1..14), gap in any::<bool>()) {
        evaluated(&words.join(if gap { " " } else { "" }));
    }

    #[test]
    fn any_text_does_not_panic(text in "\\PC{0,40}") {
        evaluated(&text);
    }

    #[test]
    fn numbers_at_the_edges_do_not_panic(
        number in prop_oneof![Just("0".to_owned()), Just("79228162514264337593543950335".to_owned()), Just("9223372036854775807".to_owned()),
            Just("0.0000000000000000000000000001".to_owned()), "[0-9]{1,20}(\\.[0-9]{1,10})?"],
        digits in any::<i64>(),
        call in prop::sample::select(&["abs()", "ceiling()", "exp()", "ln()", "log(2)", "power(3)", "power(-0.5)", "sqrt()", "truncate()",
            "toInteger()", "precision()"][..]),
    ) {
        evaluated(&format!("({number}).{call}"));
        evaluated(&format!("(-({number})).{call}"));
        evaluated(&format!("({number}).lowBoundary({digits}) | ({number}).highBoundary({digits}) | ({number}).round({digits})"));
        evaluated(&format!("@2015-02-04T14:34:28.123+10:00 + {number} 'd' | @T10:30 - {number} 's' | @9999 + {number} months"));
        evaluated(&format!("@2014.highBoundary({digits}) | {number} 'mg' * {number} | Patient.name[{number}] | Patient.name.skip({number})"));
    }

    #[test]
    fn a_random_patch_gives_json_or_an_error(
        operations in prop::collection::vec((
            prop::sample::select(&["add", "remove", "replace", "move", "copy", "test"][..]),
            prop::sample::select(&["", "/name", "/name/0", "/name/-", "/name/0/given/1", "/gender", "/contact/0/name/text", "/x", "/name/00", "/_birthDate"][..]),
            prop::sample::select(&["", "/name", "/name/0", "/name/1", "/name/0/given/0", "/gender", "/contact"][..]),
            prop::sample::select(&["1.10", "null", "{}", "[]", "\"s\"", "{\"a\":[{}]}"][..]),
        ), 0..6),
    ) {
        let resource = PATIENT.replace('\n', "");
        let items: Vec<String> = operations.iter().map(|(op, path, from, value)| {
            format!(r#"{{"op":"{op}","path":"{path}","from":"{from}","value":{value}}}"#)
        }).collect();
        let text = format!("[{}]", items.join(","));
        let document = Document::parse(text.as_bytes()).unwrap();
        if let Ok(patched) = patch::apply(resource.as_bytes(), &document) {
            prop_assert!(Document::parse(&patched).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_random_fhirpath_patch_gives_json_or_an_error(
        operations in prop::collection::vec((
            prop::sample::select(&["add", "insert", "delete", "replace", "move"][..]),
            prop::sample::select(&["Patient", "Patient.name", "Patient.name[0]", "Patient.name[0].given", "Patient.name[0].given[1]",
                "Patient.birthDate", "Patient.multipleBirth", "Patient.contact[0].name.text", "Patient.birthDate.extension", "Patient.photo",
                "Patient.extension.value.value", "1 + 1"][..]),
            prop::sample::select(&["given", "gender", "extension", "deceased", "contact", "nonsense"][..]),
            0..4_usize, 0..4_usize,
            prop::sample::select(&[r#""valueString":"s""#, r#""valueDecimal":1.10"#, r#""_valueString":{"extension":[{"url":"u","valueCode":"c"}]}"#,
                r#""valueHumanName":{"text":"n"}"#, r#""part":[{"name":"name","valueHumanName":{"text":"n"}},{"name":"gender","valueCode":"male"}]"#][..]),
        ), 0..6),
    ) {
        let resource = PATIENT.replace('\n', "");
        let items: Vec<String> = operations.iter().map(|(kind, path, name, one, other, value)| format!(
            r#"{{"name":"operation","part":[{{"name":"type","valueCode":"{kind}"}},{{"name":"path","valueString":"{path}"}},{{"name":"name","valueString":"{name}"}},
            {{"name":"index","valueInteger":{one}}},{{"name":"source","valueInteger":{one}}},{{"name":"destination","valueInteger":{other}}},{{"name":"value",{value}}}]}}"#
        )).collect();
        let text = format!(r#"{{"resourceType":"Parameters","parameter":[{}]}}"#, items.join(","));
        let document = Document::parse(text.as_bytes()).unwrap();
        if let Ok(patched) = patch::apply(resource.as_bytes(), &document) {
            let patched = Document::parse(&patched);
            prop_assert!(patched.is_ok(), "{text}");
            let patched = patched.unwrap();
            prop_assert!(patched.root().children().all(|member| !member.is_null()), "{text}");
        }
    }
}

/// A value of another type may stand where an object was: it takes no members.
#[test]
fn what_has_become_a_plain_value_takes_no_element() {
    let operation = |kind: &str, name: &str| {
        format!(
            r#"{{"name":"operation","part":[{{"name":"type","valueCode":"{kind}"}},{{"name":"path","valueString":"Patient.name[0]"}},{{"name":"name","valueString":"{name}"}},{{"name":"value","valueString":"s"}}]}}"#
        )
    };
    for added in ["extension", "given", "text"] {
        let text = format!(
            r#"{{"resourceType":"Parameters","parameter":[{},{}]}}"#,
            operation("replace", "x"),
            operation("add", added)
        );
        let document = Document::parse(text.as_bytes()).unwrap();
        assert!(patch::apply(PATIENT.replace('\n', "").as_bytes(), &document).is_err(), "{added}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    for text in [
        format!("{}1{}", "(".repeat(5000), ")".repeat(5000)),
        "-".repeat(5000),
        vec!["1"; 5000].join("+"),
        "iif(true,".repeat(500),
        "a[".repeat(5000),
        "x".repeat(100_000),
    ] {
        assert!(Expression::parse(&text).is_err(), "{}", &text[..20]);
    }
    // A long path is no deep one.
    assert!(Expression::parse(&vec!["a"; 5000].join(".")).is_ok());
}

#[test]
fn work_is_bounded() {
    let resource = PATIENT.replace('\n', "");
    let document = Document::parse(resource.as_bytes()).unwrap();
    for text in [
        "(1).repeat($this + 1).count()",
        "(1 | 2 | 3).aggregate($total | $this).repeat($this + 1)",
        "'x'.repeat($this + $this).length()",
        "descendants().select(%resource.descendants().select(%resource.descendants().select(%resource.descendants()))).count()",
    ] {
        let expression = Expression::parse(text).unwrap();
        assert!(expression.evaluate(document.root(), Context::default()).is_err(), "{text}");
    }
}
