//! The scanner: what it accepts, what it refuses and where, and that it changes nothing.

#![allow(clippy::unwrap_used, reason = "tests")]

use mappers::json::{Document, Element, Kind, MAX_DEPTH, minify, minify_value, unescape, write_string};
use proptest::prelude::*;

fn refused(text: impl AsRef<[u8]>) -> mappers::json::JsonError {
    Document::parse(text.as_ref()).expect_err("the text should be refused")
}

fn minified(text: &str) -> String {
    let document = Document::parse(text.as_bytes()).unwrap();
    String::from_utf8(minify_value(&document.root())).unwrap()
}

#[test]
fn a_tape_gives_kinds_spans_names_and_parents() {
    let text = r#" { "a" : [ 1.10 , {"b\u0062":"x\ny"} , null ] , "c":true,"d":false, "e":{} } "#;
    let document = Document::parse(text.as_bytes()).unwrap();
    let root = document.root();
    assert_eq!((root.kind(), root.len(), root.index(), root.key()), (Kind::Object, 4, 0, None));
    let list = root.member("a").unwrap();
    let items: Vec<Element<'_>> = list.children().collect();
    assert_eq!(items.iter().map(Element::raw).collect::<Vec<_>>(), ["1.10", r#"{"b\u0062":"x\ny"}"#, "null"]);
    assert_eq!(&text[items[0].start()..items[0].end()], "1.10");
    let inner = items[1].member("bb").unwrap();
    assert_eq!((inner.key().as_deref(), inner.raw_key()), (Some("bb"), Some(r"b\u0062")));
    assert_eq!((inner.string().as_deref(), inner.raw_string()), (Some("x\ny"), Some(r"x\ny")));
    assert_eq!(&text[inner.key_start()..inner.key_start() + 1], "\"");
    assert_eq!((inner.path().as_str(), items[2].path().as_str(), root.path().as_str()), ("a[1].bb", "a[2]", ""));
    assert_eq!(inner.parent().unwrap().index(), items[1].index());
    assert!(items[2].is_null() && root.member("e").unwrap().is_empty());
    assert_eq!(list.next_index(), root.member("c").unwrap().index());
    assert_eq!(document.size(), 9);
    assert_eq!(document.element(2).unwrap().raw(), "1.10");
    assert!(document.element(9).is_none());
    assert!(root.member("nothing").is_none() && items[0].member("a").is_none());
    assert!(!format!("{inner:?}").contains('x'), "a value is never printed");
}

#[test]
fn texts_that_are_not_json_are_refused() {
    let cases = [
        "",
        " ",
        "{",
        "[",
        "\"",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "[1,]",
        "[,]",
        "{,}",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":'b'}",
        "NaN",
        "[Infinity]",
        "-",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "1.e1",
        "1e",
        "1e+",
        "0x10",
        "1_000",
        "tru",
        "truex",
        "True",
        "nul",
        "{} {}",
        "1 x",
        "[]]",
        "[}",
        "{]",
        "\"\t\"",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800x\"",
        "\"\\u0000\"",
        "{\"\\u0000\":1}",
        "// c\n1",
        "/* c */ 1",
        "\u{feff}{}",
        "\u{a0}1",
        "[1]\0",
    ];
    for case in cases {
        refused(case);
    }
    refused(b"\"\xff\"");
    refused(b"\"\xed\xa0\x80\"");
    refused(b"\"a\0b\"");
}

#[test]
fn an_error_says_where_and_never_quotes_a_value() {
    let error = refused("{\"name\":[{\"family\":\"Secret\"},\n {\"family\":\"Secret\" \"given\":[]}]}");
    assert_eq!((error.line, error.column, error.expression.as_str()), (2, 21, "name[1]"));
    assert!(!format!("{error} {error:?}").contains("Secret"));
    assert_eq!(error.expression_in("Patient"), "Patient.name[1]");
    let error = refused("{\"a\":{\"b\":[1,2,x]}}");
    assert_eq!((error.offset, error.expression.as_str()), (15, "a.b[2]"));
    let error = refused("{\"é\":\"é\", !");
    assert_eq!((error.line, error.column, error.expression_in("Patient").as_str()), (1, 11, "Patient"));
    let error = refused("{\"my name is Secret\":{\"a\":!}}");
    assert_eq!(error.expression, "(member).a");
}

#[test]
fn a_member_given_twice_is_refused_whatever_its_escapes() {
    for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"b":2,"\u0061":3}"#, r#"{"\u0061":1,"b":2,"a":3}"#, r#"{"":1,"":2}"#] {
        refused(text);
    }
    let error = refused(r#"{"name":[{},{"given":[],"given":[]}]}"#);
    assert_eq!((error.offset, error.expression.as_str()), (24, "name[1].given"));
    let many: Vec<String> = (0..5_000).map(|number| format!("\"k{number}\":{number}")).collect();
    assert_eq!(Document::parse(format!("{{{}}}", many.join(",")).as_bytes()).unwrap().root().len(), 5_000);
    for twin in ["k0", "k23", "k24", "k25", "k4999", "\\u006b17"] {
        refused(format!("{{{},\"{twin}\":0}}", many.join(",")));
    }
}

#[test]
fn depth_is_bounded_and_ten_thousand_levels_are_a_clean_error() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Document::parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert!(Document::parse(nested(MAX_DEPTH + 1).as_bytes()).is_err());
    refused("{\"a\":".repeat(10_000));
    refused("[".repeat(1_000_000));
    assert!(refused("[".repeat(MAX_DEPTH + 1)).message.contains(&MAX_DEPTH.to_string()));
    assert!(Document::parse_within(nested(MAX_DEPTH + 6).as_bytes(), MAX_DEPTH + 6).is_ok());
    assert!(Document::parse_within(nested(MAX_DEPTH + 7).as_bytes(), MAX_DEPTH + 6).is_err());
}

#[test]
fn minify_keeps_every_token_as_it_was_written() {
    assert_eq!(
        minified(" { \"a\" : 1.10 ,\n\"\\u0062 \\\" :\" : [ 1E+2 , -0.0, \" x \\n \" , { } ,[ ] ] }\t"),
        "{\"a\":1.10,\"\\u0062 \\\" :\":[1E+2,-0.0,\" x \\n \",{},[]]}"
    );
    assert_eq!(minified(" null "), "null");
    let document = Document::parse(b"{\"a\": {\"b\":1}, \"c\":2}").unwrap();
    assert!(document.root().member("a").unwrap().is_compact() && !document.root().is_compact());
    let mut out = b"x".to_vec();
    minify(&document.root().member("a").unwrap(), &mut out);
    assert_eq!(out, b"x{\"b\":1}");
}

/// Any JSON value whose objects have no name twice, as `serde_json` writes it.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        // Quarters are exact in binary: serde_json's own reading of others may differ in the last digit.
        (-4_000_000..4_000_000_i32).prop_map(|quarters| (f64::from(quarters) / 4.0).into()),
        "[^\0]{0,20}".prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::Array),
            prop::collection::vec(("[^\0]{0,12}", inner), 0..40)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What `serde_json` would read: the tape as a value.
fn rebuilt(element: Element<'_>) -> serde_json::Value {
    match element.kind() {
        Kind::Object => serde_json::Value::Object(
            element.children().map(|child| (child.key().unwrap().into_owned(), rebuilt(child))).collect(),
        ),
        Kind::Array => element.children().map(rebuilt).collect(),
        Kind::String => element.string().unwrap().into_owned().into(),
        Kind::Number => serde_json::from_str(element.raw()).unwrap(),
        Kind::True => true.into(),
        Kind::False => false.into(),
        Kind::Null => serde_json::Value::Null,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_value_reads_as_serde_json_reads_it(value in value(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let document = Document::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(&rebuilt(document.root()), &value);
        let minified = minify_value(&document.root());
        prop_assert_eq!(String::from_utf8(minified.clone()).unwrap(), serde_json::to_string(&value).unwrap());
        let again = Document::parse(&minified).unwrap();
        prop_assert!(again.root().is_compact());
        prop_assert_eq!(minify_value(&again.root()), minified);
    }

    #[test]
    fn a_damaged_text_is_json_here_exactly_where_serde_json_says_so(
        value in value(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(
            b"{}[],:\"\\ue0123456789-+.tfn \n\t\x01\x7f\xff".to_vec()), 0..3_u8), 1..4),
    ) {
        let mut text = serde_json::to_vec(&value).unwrap();
        for (place, byte, action) in edits {
            let place = place.index(text.len().max(1));
            match action {
                0 if place < text.len() => text[place] = byte,
                1 if place < text.len() => { text.remove(place); }
                _ => text.insert(place.min(text.len()), byte),
            }
        }
        let ours = Document::parse(&text);
        let theirs = serde_json::from_slice::<serde_json::Value>(&text);
        match ours {
            Ok(document) => {
                let ours_is_json = serde_json::from_slice::<Box<serde_json::value::RawValue>>(&text).is_ok();
                prop_assert!(ours_is_json, "accepted what serde_json refuses");
                // serde_json has no number beyond f64, so only its syntax check is a reference there.
                if let Ok(value) = theirs {
                    prop_assert_eq!(rebuilt(document.root()), value);
                }
            }
            // The two things we refuse beyond the syntax: NUL and a name given twice.
            Err(error) if error.message.contains("NUL") || error.message.contains("already") => {}
            Err(_) => prop_assert!(theirs.is_err(), "refused what serde_json accepts"),
        }
    }

    #[test]
    fn any_bytes_at_all_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(document) = Document::parse(&bytes) {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
            prop_assert!(Document::parse(&minify_value(&document.root())).is_ok());
        }
    }

    #[test]
    fn a_string_written_reads_back(text in ".*", control in prop::collection::vec(1..0x20_u8, 0..4)) {
        let text = format!("{text}{}", String::from_utf8(control).unwrap()).replace('\0', "");
        let mut out = Vec::new();
        write_string(&mut out, &text);
        prop_assert_eq!(&serde_json::from_slice::<String>(&out).unwrap(), &text);
        let document = Document::parse(&out).unwrap();
        prop_assert_eq!(document.root().string().unwrap(), text.as_str());
    }

    #[test]
    fn unescape_is_total(text in ".*", tail in "(\\\\|u|d|8|0){0,12}") {
        let _ = unescape(&format!("{text}{tail}"));
    }
}
