//! XML out.

use crate::to_xml;
use mappers::json::Document;
use mappers::xml::{Layout, write};

#[test]
fn elements_stand_in_the_order_of_the_specification() {
    let json = r#"{"birthDate":"1974","_birthDate":{"extension":[{"valueCode":"x","url":"u"}]},"name":[{"given":["a",null],"_given":[null,{"id":"g"}],"family":"b","id":"n"}],"resourceType":"Patient","id":"p","active":true,"multipleBirthInteger":2}"#;
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?><Patient xmlns="http://hl7.org/fhir"><id value="p"/><active value="true"/><name id="n"><family value="b"/><given value="a"/><given id="g"/></name><birthDate value="1974"><extension url="u"><valueCode value="x"/></extension></birthDate><multipleBirthInteger value="2"/></Patient>"#;
    assert_eq!(to_xml(json, Layout::Compact), expected);
}

#[test]
fn lines_are_for_people() {
    let json = r#"{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Basic","id":"b"}}]}"#;
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Bundle xmlns=\"http://hl7.org/fhir\">\n  <type value=\"batch\"/>\n  <entry>\n    \
        <resource>\n      <Basic>\n        <id value=\"b\"/>\n      </Basic>\n    </resource>\n  </entry>\n</Bundle>\n";
    assert_eq!(to_xml(json, Layout::Indented), expected);
}

#[test]
fn what_is_special_in_xml_is_escaped_and_what_xml_has_not_is_replaced() {
    let json = r#"{"resourceType":"Basic","language":"<&>\"'\t\n\r\u0001\u001f\uffff \u00a0"}"#;
    let text = to_xml(json, Layout::Compact);
    let shown = "<language value=\"&lt;&amp;&gt;&quot;'&#9;&#10;&#13;\u{FFFD}\u{FFFD}\u{FFFD} \u{A0}\"/>";
    assert!(text.contains(shown), "{text}");
}

#[test]
fn a_resource_alone_is_an_empty_element() {
    assert!(
        to_xml(r#"{"resourceType":"Patient"}"#, Layout::Compact).ends_with("<Patient xmlns=\"http://hl7.org/fhir\"/>")
    );
}

#[test]
fn what_the_structure_checker_refuses_is_not_written() {
    for (json, expression) in [
        (r#"{"resourceType":"Patient","colour":1}"#, "Patient"),
        (r#"{"resourceType":"Nonsense"}"#, "Resource"),
        (r#"[]"#, "Resource"),
        (r#"{"resourceType":"Patient","name":{}}"#, "Patient.name"),
        (r#"{"resourceType":"Patient","name":[1]}"#, "Patient.name[0]"),
        (r#"{"resourceType":"Patient","active":{}}"#, "Patient.active"),
        (r#"{"resourceType":"Patient","name":[{"given":[null]}]}"#, "Patient.name[0].given[0]"),
        (r#"{"resourceType":"Patient","name":[{"_id":{"id":"x"}}]}"#, "Patient.name[0].id"),
        (r#"{"resourceType":"Patient","extension":[{"url":1}]}"#, "Patient.extension[0].url"),
        (r#"{"resourceType":"Patient","_name":[{"id":"x"}]}"#, "Patient.name[0]"),
        (r#"{"resourceType":"Patient","contained":[{}]}"#, "Patient.contained[0]"),
    ] {
        let document = Document::parse(json.as_bytes()).unwrap();
        assert_eq!(write(document.root(), Layout::Compact).expect_err(json).expression, expression, "{json}");
    }
}
