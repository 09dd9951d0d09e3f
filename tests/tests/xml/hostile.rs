//! XML that means harm is a clear 400, soon, and leaves nothing behind.

use std::time::{Duration, Instant};

use gateway_tests::{Client, Server, suite};
use hyper::Method;

use super::{XML, refused};

async fn is_refused(api: &Client, body: impl Into<Vec<u8>>, words: &str) {
    let body = body.into();
    let shown: String = String::from_utf8_lossy(&body).chars().take(200).collect();
    let started = Instant::now();
    let request =
        api.request(Method::PUT, "/Patient/hostile").header("Content-Type", XML).header("Accept", XML).body(body);
    let answer = request.attempt().await.unwrap_or_else(|| panic!("the connection broke: {shown}"));
    let elapsed = started.elapsed();
    let (place, text) = refused(answer, 400, "structure");
    assert!(text.contains(words), "{shown}: {text}");
    assert!(text.len() < 500 && place.len() < 4_000, "{shown}");
    assert!(elapsed < Duration::from_secs(10), "{shown}: {elapsed:?}");
}

fn patient(content: &str) -> String {
    format!("<Patient xmlns=\"http://hl7.org/fhir\"><id value=\"hostile\"/>{content}</Patient>")
}

fn div(content: &str) -> String {
    patient(&format!(
        "<text><status value=\"generated\"/><div xmlns=\"http://www.w3.org/1999/xhtml\">{content}</div></text>"
    ))
}

suite! {
    async fn entities_and_document_types(server: &'static Server) {
        let api = server.client();
        let bomb = (1..20).fold("<!ENTITY e0 \"lol\">".to_owned(), |text, number| {
            format!("{text}<!ENTITY e{number} \"{}\">", format!("&e{};", number - 1).repeat(10))
        });
        is_refused(&api, format!("<!DOCTYPE x [{bomb}]>{}", patient("<language value=\"&e19;\"/>")), "DTD").await;
        is_refused(&api, format!("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>{}", patient("<language value=\"&e;\"/>")), "DTD").await;
        is_refused(&api, format!("<!DOCTYPE x SYSTEM \"http://127.0.0.1:1/x.dtd\">{}", patient("")), "DTD").await;
        is_refused(&api, patient("<language value=\"&e;\"/>"), "&#160;").await;
        is_refused(&api, div("a&nbsp;b"), "&#160;").await;
        is_refused(&api, format!("<?xml-stylesheet href='x'?>{}", patient("")), "processing instruction").await;
        is_refused(&api, div("<?php echo 1 ?>"), "processing instruction").await;
    }

    async fn sizes_and_depths(server: &'static Server) {
        let api = server.client();
        is_refused(&api, patient(&"<extension url='u'>".repeat(10_000)), "too deep").await;
        is_refused(&api, patient(&"<contained><Patient>".repeat(10_000)), "too deep").await;
        is_refused(&api, div(&"<p>".repeat(10_000)), "too deep").await;
        let many: String = (0..100_000).map(|number| format!(" a{number}=''")).collect();
        is_refused(&api, patient(&format!("<name{many}/>")), "too many attributes").await;
        let spaces: String = (0..10_000).map(|number| format!(" xmlns:a{number}='u'")).collect();
        is_refused(&api, patient(&format!("<name{spaces}/>")), "namespaces").await;
        let nested: String = (0..150).map(|number| format!("<b {}>", (0..15).map(|more| format!(" xmlns:a{number}x{more}='u{more}'")).collect::<String>())).collect();
        let names = "<i a0x0:x=''/>".repeat(100_000);
        is_refused(&api, div(&format!("{nested}{names}{}", "</b>".repeat(150))), "limit 64").await;
        is_refused(&api, patient(&format!("<{}/>", "n".repeat(1_000_000))), "name of a tag").await;
        is_refused(&api, patient(&format!("<name id=\"{}/>", "x".repeat(8_000_000))), "does not end").await;
        let huge = patient(&format!("<name><family value=\"{}\"/></name>", "x".repeat(2_000_000)));
        let answer = api.request(Method::PUT, "/Patient/hostile").header("Content-Type", XML).body(huge).await;
        let (place, _) = refused(answer, 400, "too-long");
        assert_eq!(place, "Patient.name[0].family");
    }

    async fn encodings_and_characters(server: &'static Server) {
        let api = server.client();
        let utf16: Vec<u8> = patient("").encode_utf16().flat_map(u16::to_le_bytes).collect();
        is_refused(&api, utf16.clone(), "UTF-16").await;
        is_refused(&api, [vec![0xFF, 0xFE], utf16].concat(), "UTF-16").await;
        is_refused(&api, format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{}", patient("")), "UTF-8").await;
        is_refused(&api, patient("<language value=\"X\"/>").replace('X', "\u{0}"), "character").await;
        is_refused(&api, patient("<language value=\"X\"/>").replace('X', "\u{1B}"), "character").await;
        is_refused(&api, patient("<language value=\"&#0;\"/>"), "no reference").await;
        is_refused(&api, patient("<language value=\"&#x1;\"/>"), "no reference").await;
        let latin: Vec<u8> = patient("<language value=\"X\"/>").bytes().map(|byte| if byte == b'X' { 0xE9 } else { byte }).collect();
        is_refused(&api, latin, "not valid UTF-8").await;
        let marked = [b"\xEF\xBB\xBF".to_vec(), patient("").replace("hostile", "marked").into_bytes()].concat();
        api.request(Method::PUT, "/Patient/marked").header("Content-Type", XML).body(marked).await.expect(201);
    }

    async fn names_spaces_and_ends(server: &'static Server) {
        let api = server.client();
        is_refused(&api, "<Patient/>", "no namespace").await;
        is_refused(&api, "<Patient xmlns='urn:hl7-org:v3'/>", "not in the namespace").await;
        is_refused(&api, patient("<text><status value='generated'/><div>x</div></text>"), "XHTML").await;
        is_refused(&api, patient("<x:name/>"), "prefix").await;
        is_refused(&api, patient("<famly value='x'/>"), "unknown element").await;
        is_refused(&api, patient("text"), "attribute value").await;
        let whole = patient("<name><family value='x'/></name>");
        for end in (0..whole.len()).step_by(7).skip(1) {
            let answer = api.request(Method::PUT, "/Patient/hostile").header("Content-Type", XML).body(whole[..end].to_owned()).await;
            refused(answer, 400, "structure");
        }
        is_refused(&api, format!("{whole}{whole}"), "second element").await;
        is_refused(&api, r#"{"resourceType":"Patient","id":"hostile"}"#, "").await;
        api.get("/Patient/hostile").await.expect(404);
    }
}
