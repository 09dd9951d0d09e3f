//! XML that means harm: refused, soon, and in words.

use std::time::{Duration, Instant};

use mappers::xml::{XmlError, read};

/// Refused within a second, whatever it is.
fn refused(text: &[u8]) -> XmlError {
    let started = Instant::now();
    let error = read(text).expect_err("hostile XML");
    assert!(started.elapsed() < Duration::from_secs(5), "{error:?}");
    assert!(error.details.len() < 400 && error.expression.len() < 4000, "{error:?}");
    error
}

fn patient(content: &str) -> Vec<u8> {
    format!("<Patient xmlns=\"http://hl7.org/fhir\">{content}</Patient>").into_bytes()
}

#[test]
fn document_types_and_entities_are_refused() {
    let lol = "<!DOCTYPE lolz [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
    for head in [
        lol,
        "<!DOCTYPE x SYSTEM \"file:///etc/passwd\">",
        "<!DOCTYPE x [<!ENTITY e SYSTEM \"http://h/\">]>",
        "<!DOCTYPE Patient>",
    ] {
        let text = [head.as_bytes(), &patient("<language value=\"&c;\"/>")].concat();
        assert!(refused(&text).details.contains("DTD"), "{head}");
    }
    assert!(refused(&patient("<language value=\"&c;\"/>")).details.contains("no reference"));
    assert!(refused(&patient("&c;")).details.contains("no reference"));
    assert!(
        refused(&patient("<text><div xmlns='http://www.w3.org/1999/xhtml'><!DOCTYPE x></div></text>"))
            .details
            .contains("DTD")
    );
}

#[test]
fn instructions_other_versions_and_encodings_are_refused() {
    for (text, words) in [
        ("<?xml-stylesheet href='x'?>", "processing instruction"),
        (" <?xml version='1.0'?>", "processing instruction"),
        ("<?xml version='1.1'?>", "XML 1.0"),
        ("<?xml encoding='UTF-8'?>", "XML 1.0"),
        ("<?xml version='1.0' encoding='ISO-8859-1'?>", "UTF-8"),
        ("<?xml version='1.0' encoding='UTF-16'?>", "UTF-8"),
    ] {
        let error = refused(&[text.as_bytes(), &patient("")].concat());
        assert!(error.details.contains(words), "{text}: {error:?}");
    }
    let utf16 = |big: bool| {
        let units = "<?xml version='1.0'?><Patient xmlns='http://hl7.org/fhir'/>".encode_utf16();
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect::<Vec<u8>>()
    };
    for text in
        [utf16(true), utf16(false), [vec![0xFE, 0xFF], utf16(true)].concat(), [vec![0xFF, 0xFE], utf16(false)].concat()]
    {
        assert!(refused(&text).details.contains("UTF-16"));
    }
    assert!(
        refused(b"<Patient xmlns='http://hl7.org/fhir'><language value='\xE9'/></Patient>").details.contains("UTF-8")
    );
}

#[test]
fn characters_that_xml_has_not_are_refused() {
    for letter in ["\u{0}", "\u{1}", "\u{1B}", "\u{FFFE}", "\u{FFFF}"] {
        assert!(refused(&patient(&format!("<language value='{letter}'/>"))).details.contains("character"));
    }
    for number in ["0", "1", "xFFFF", "xD800", "x110000", "99999999999999999999"] {
        refused(&patient(&format!("<language value='&#{number};'/>")));
    }
}

#[test]
fn depth_is_bounded() {
    let deep = |open: &str, close: &str, times: usize| format!("{}{}", open.repeat(times), close.repeat(times));
    let extension = deep("<extension url='u'>", "</extension>", 10_000);
    assert!(refused(&patient(&extension)).details.contains("too deep"));
    assert!(refused(&patient(&"<extension url='u'>".repeat(1_000_000))).details.contains("too deep"));
    let contained = deep("<contained><Patient>", "</Patient></contained>", 10_000);
    assert!(refused(&patient(&contained)).details.contains("too deep"));
    let item = deep("<item><linkId value='1'/>", "</item>", 10_000);
    assert!(
        refused(format!("<Questionnaire xmlns=\"http://hl7.org/fhir\">{item}</Questionnaire>").as_bytes())
            .details
            .contains("too deep")
    );
    let div = format!("<text><div xmlns='http://www.w3.org/1999/xhtml'>{}</div></text>", deep("<p>", "</p>", 100_000));
    assert!(refused(&patient(&div)).details.contains("too deep"));
    refused("<a>".repeat(1_000_000).as_bytes());
}

#[test]
fn what_json_can_hold_is_as_deep_as_it_goes() {
    for depth in 45..55 {
        let text = patient(&format!(
            "{}<extension url='u'><valueString value='x'/></extension>{}",
            "<extension url='u'>".repeat(depth),
            "</extension>".repeat(depth)
        ));
        if let Ok(json) = read(&text) {
            assert!(mappers::json::Document::parse(&json).is_ok(), "{depth}");
        }
    }
}

#[test]
fn attributes_and_names_are_bounded() {
    let many: String = (0..500_000).map(|number| format!(" a{number}='1'")).collect();
    assert!(refused(&patient(&format!("<name{many}/>"))).details.contains("too many attributes"));
    let spaces: String = (0..100_000).map(|number| format!(" xmlns:a{number}='urn:{number}'")).collect();
    assert!(refused(&patient(&format!("<name{spaces}/>"))).details.contains("limit 16"));
    // A few in each tag are many in the innermost: declared under one another they are bounded, beside one another not.
    let declared = |number: usize| format!("<b xmlns:a{number}='urn:{number}'>");
    let div = |content: &str| {
        let div = format!("<div xmlns='http://www.w3.org/1999/xhtml'>{content}</div>");
        patient(&format!("<text><status value='generated'/>{div}</text>"))
    };
    let nested =
        |times: usize| div(&format!("{}{}", (0..times).map(declared).collect::<String>(), "</b>".repeat(times)));
    assert!(refused(&nested(80)).details.contains("limit 64"));
    read(&nested(60)).unwrap();
    let beside: String =
        (0..1_000).map(|number| format!("{}</b>{}", declared(number), declared(number).replace('>', "/>"))).collect();
    read(&div(&beside)).unwrap();
    let undone: String = (0..48).map(|_| "<extension url='u' xmlns:a='' xmlns:b=''>").collect();
    assert!(refused(&patient(&undone)).details.contains("limit 64"));
    let told = format!("<name><text value='{}'/></name>", "xmlns:a=\"u\" ".repeat(100));
    read(&patient(&told)).unwrap();
    refused(&patient(&format!("<{0}/>", "a".repeat(8_000_000))));
    refused(&patient(&format!("<name {0}='x'/>", "a".repeat(8_000_000))));
    refused(&patient("<name a='1' a='2'/>"));
    refused(&patient("<name xmlns='urn:a' xmlns='urn:b'/>"));
}

#[test]
fn what_is_cut_off_or_crossed_is_refused() {
    let whole = String::from_utf8(patient("<name><family value='x'/></name><text/>")).unwrap();
    for end in 0..whole.len() {
        refused(&whole.as_bytes()[..end]);
    }
    for text in [
        "<name></Patient>",
        "<name></nam>",
        "</name>",
        "<name",
        "<name><!-- x",
        "<name a=\"",
        "< name/>",
        "<name//>",
        "<!-- a -- b -->",
    ] {
        refused(&patient(text));
    }
    refused(b"<Patient xmlns='http://hl7.org/fhir'/><Patient xmlns='http://hl7.org/fhir'/>");
    refused(b"<Patient xmlns='http://hl7.org/fhir'/>text");
    refused(b"text<Patient xmlns='http://hl7.org/fhir'/>");
    refused(b"{\"resourceType\":\"Patient\"}");
    refused(b"");
}

#[test]
fn the_namespace_is_asked_for() {
    for (text, words) in [
        ("<Patient/>", "no namespace"),
        ("<Patient xmlns='http://hl7.org/fhir/'/>", "not in the namespace"),
        ("<Patient xmlns='urn:hl7-org:v3'/>", "not in the namespace"),
        ("<f:Patient/>", "prefix"),
        ("<ClinicalDocument xmlns='urn:hl7-org:v3'/>", "not in the namespace"),
        ("<Nonsense xmlns='http://hl7.org/fhir'/>", "no resource type"),
        ("<Patient xmlns='http://hl7.org/fhir' id='x'/>", "no attributes"),
    ] {
        let error = refused(text.as_bytes());
        assert!(error.details.contains(words), "{text}: {error:?}");
    }
}

#[test]
fn no_prefix_of_a_text_makes_it_panic() {
    let json = crate::any::resource(&mut crate::resources::Dice::new(11));
    let text = crate::to_xml(&json, mappers::xml::Layout::Compact).into_bytes();
    for end in (0..text.len()).take(4000) {
        let _ = read(&text[..end]);
    }
    for at in (0..text.len()).step_by(3).take(3000) {
        for byte in [b'<', b'>', b'&', b'"', b'/', 0, 0xFF, b':'] {
            let mut broken = text.clone();
            broken[at] = byte;
            if let Ok(json) = read(&broken) {
                assert!(mappers::json::Document::parse(&json).is_ok());
            }
        }
    }
}
