//! XML in: what each part of it becomes.

use crate::{to_json, to_xml};
use mappers::xml::{Layout, read, root};

fn patient(content: &str) -> String {
    format!("<Patient xmlns=\"http://hl7.org/fhir\">{content}</Patient>")
}

#[test]
fn elements_become_members() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir ../patient.xsd">
  <id value="p-1"/>
  <text>
    <status value="generated"/>
    <div xmlns="http://www.w3.org/1999/xhtml">Ada <b>L.</b><!-- kept --> &amp; &#160;</div>
  </text>
  <contained><Organization><id value="o"/></Organization></contained>
  <contained><Practitioner/></contained>
  <extension url="http://e.org/x"><valueDecimal value="1.10"/></extension>
  <active value="true"/>
  <name id="n-1"><family value="L&#233;&#10;v&amp;y"></family><given value="Ada"/><!-- x --><given id="g"/>
    <given value="M."><extension url="u"><valueCode value="5"/></extension></given></name>
  <birthDate><extension url="u"><valueInstant value="2020-01-15T10:30:00Z"/></extension></birthDate>
  <multipleBirthInteger value="2"/>
</Patient>
<!-- after -->
"#;
    let json = r##"{"resourceType":"Patient","id":"p-1","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Ada <b>L.</b><!-- kept --> &amp; &#160;</div>"},"contained":[{"resourceType":"Organization","id":"o"},{"resourceType":"Practitioner"}],"extension":[{"url":"http://e.org/x","valueDecimal":1.10}],"active":true,"name":[{"id":"n-1","family":"Lé\nv&y","given":["Ada",null,"M."],"_given":[null,{"id":"g"},{"extension":[{"url":"u","valueCode":"5"}]}]}],"_birthDate":{"extension":[{"url":"u","valueInstant":"2020-01-15T10:30:00Z"}]},"multipleBirthInteger":2}"##;
    assert_eq!(to_json(text), json);
}

#[test]
fn a_list_of_what_stands_beside_no_value_has_no_values() {
    let text = patient("<name><given><extension url=\"u\"><valueCode value=\"x\"/></extension></given></name>");
    assert_eq!(
        to_json(&text),
        r#"{"resourceType":"Patient","name":[{"_given":[{"extension":[{"url":"u","valueCode":"x"}]}]}]}"#
    );
}

#[test]
fn line_ends_in_attributes_are_spaces_and_references_are_not() {
    let text = patient("<language value='a\tb\r\nc\nd&#13;&#10;&#9;e'/>");
    assert_eq!(to_json(&text), r#"{"resourceType":"Patient","language":"a b c d\r\n\te"}"#);
}

#[test]
fn another_order_says_the_same() {
    let text = patient(
        "<birthDate value='1974'/><name><given value='a'/><given value='b'/><family value='c'/></name><id value='p'/>",
    );
    let json = r#"{"resourceType":"Patient","birthDate":"1974","name":[{"given":["a","b"],"family":"c"}],"id":"p"}"#;
    assert_eq!(to_json(&text), json);
}

#[test]
fn prefixes_are_names_of_namespaces() {
    let text = r#"<f:Patient xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><f:text><f:status value="generated"/><h:div class="x">a<h:br/><h:b>c</h:b></h:div></f:text></f:Patient>"#;
    let json = r#"{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\" class=\"x\">a<br/><b>c</b></div>"}}"#;
    assert_eq!(to_json(text), json);
}

#[test]
fn resources_in_bundles_and_parameters_are_wrapped() {
    let text = r#"<Bundle xmlns="http://hl7.org/fhir"><type value="batch"/><entry><resource><Parameters><parameter><name value="x"/><resource><Basic/></resource></parameter></Parameters></resource></entry></Bundle>"#;
    let json = r#"{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Parameters","parameter":[{"name":"x","resource":{"resourceType":"Basic"}}]}}]}"#;
    assert_eq!(to_json(text), json);
    assert!(to_xml(json, Layout::Compact).ends_with(text));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    assert_eq!(
        to_json(&format!("\u{FEFF}{}", patient("<active value='true'/>"))),
        r#"{"resourceType":"Patient","active":true}"#
    );
}

#[test]
fn the_root_tells_what_a_text_is() {
    assert_eq!(
        root(b"<?xml version='1.0'?><!-- x --><Binary xmlns='http://hl7.org/fhir'><broken").as_deref(),
        Some("Binary")
    );
    for text in [
        "<Binary/>",
        "<html xmlns='http://www.w3.org/1999/xhtml'/>",
        "text",
        "",
        "<!DOCTYPE x><Binary xmlns='http://hl7.org/fhir'/>",
    ] {
        assert_eq!(root(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn what_r4_does_not_have_is_refused_where_it_is() {
    for (content, expression, words) in [
        ("<name><famly value='x'/></name>", "Patient.name[0].famly", "did you mean family"),
        ("<name/><name><given value='a'/><family value='b'/></name>", "Patient.name[0]", "empty"),
        (
            "<name><text value='x'/></name><name><given value='a'/><family value='b'/><given value='c'/></name>",
            "Patient.name[1].given",
            "together",
        ),
        ("<active value='true'/><name id='x'/><active value='true'/>", "Patient.active", "together"),
        ("<active value='true'/><active value='false'/>", "Patient.active", "does not repeat"),
        ("<active value='1'/>", "Patient.active", "true or false"),
        ("<active/>", "Patient.active", "empty"),
        ("<active value=''/>", "Patient.active", "empty"),
        ("<active value='true' valeu='x'/>", "Patient.active", "attributes value and id"),
        ("<multipleBirthInteger value='01'/>", "Patient.multipleBirth", "whole number"),
        ("<deceased value='true'/>", "Patient.deceased", "with its type in the name"),
        ("<name value='x'/>", "Patient.name[0]", "not a value"),
        ("<name><id value='x'/></name>", "Patient.name[0].id", "attribute"),
        ("<extension><url value='u'/></extension>", "Patient.extension[0].url", "attribute"),
        ("<extension url='u' value='x'/>", "Patient.extension[0]", "not a value"),
        ("<name family='x'/>", "Patient.name[0]", "element, not an attribute"),
        ("<contained/>", "Patient.contained[0]", "empty"),
        ("<contained><Basic/><Basic/></contained>", "Patient.contained[0]", "one resource"),
        ("<contained><Nonsense/></contained>", "Patient.contained[0]", "no resource type"),
        ("<contained id='x'><Basic/></contained>", "Patient.contained[0]", "no attributes"),
        ("<text><div>x</div></text>", "Patient.text.div", "XHTML"),
        ("<text><div xmlns='http://www.w3.org/1999/xhtml'>&nbsp;</div></text>", "Patient.text.div", "&#160;"),
        ("<text><div xmlns='http://www.w3.org/1999/xhtml'><p a='1' a='2'/></div></text>", "Patient.text.div", "twice"),
        ("<text><div xmlns='http://www.w3.org/1999/xhtml'><?php x?></div></text>", "Patient.text.div", "processing"),
        ("<active xmlns='urn:x' value='true'/>", "Patient.active", "namespace"),
        ("<x:active value='true'/>", "Patient.active", "prefix"),
        ("<name>Ada</name>", "Patient.name[0]", "attribute value"),
        ("<name><![CDATA[x]]></name>", "Patient.name[0]", "attribute value"),
    ] {
        let text = patient(content);
        let error = read(text.as_bytes()).expect_err(content);
        assert_eq!(error.expression, expression, "{content}: {error:?}");
        assert!(error.details.contains(words), "{content}: {error:?}");
    }
}

#[test]
fn lines_and_columns_are_told() {
    let error = read(b"<Patient xmlns=\"http://hl7.org/fhir\">\n  <nam\xC3\xA9/>\n</Patient>").unwrap_err();
    assert_eq!((error.line, error.column), (2, 3));
    assert_eq!(error.expression, "Patient", "a name of any letters is not repeated");
}
