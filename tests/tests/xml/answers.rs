//! What one resource holds breaks no answer that it is part of.

use gateway_tests::{Response, Server, suite};
use hyper::Method;
use mappers::json::{Document, MAX_DEPTH};

use super::XML;

/// A resource as deep as JSON may be.
fn deep(id: &str) -> String {
    let inner = (1..48).fold("{\"url\":\"u\",\"valueRange\":{\"low\":{\"value\":1.50}}}".to_owned(), |inner, _| {
        format!("{{\"url\":\"u\",\"extension\":[{inner}]}}")
    });
    let text = format!(r#"{{"resourceType":"Basic","id":"{id}","code":{{"text":"deep"}},"extension":[{inner}]}}"#);
    assert!(Document::parse(text.as_bytes()).is_ok());
    assert!(Document::parse(format!("[{text}]").as_bytes()).is_ok() && MAX_DEPTH == 100);
    assert!(Document::parse(format!("[[{text}]]").as_bytes()).is_err());
    text
}

/// The first resource of a type in an answer in XML, alone, as the JSON that it says.
fn first(response: Response, kind: &str) -> String {
    let response = response.expect(200);
    let text = String::from_utf8(response.body.to_vec()).unwrap();
    assert_eq!(response.header("Content-Type"), Some(XML), "{text}");
    let (start, end) = (text.find(&format!("<{kind}>")).unwrap(), text.find(&format!("</{kind}>")).unwrap());
    let inside = &text[start + kind.len() + 2..end];
    let alone = format!("<{kind} xmlns=\"http://hl7.org/fhir\">{inside}</{kind}>");
    let json = mappers::xml::read(alone.as_bytes()).unwrap_or_else(|error| panic!("{error:?}"));
    String::from_utf8(json).unwrap()
}

suite! {
    async fn a_deep_resource_is_in_every_page(server: &'static Server) {
        let api = server.client();
        api.put("/Basic/xml-deep", deep("xml-deep")).await.expect(201);
        let form = || api.request(Method::POST, "/Basic/_search").header("Content-Type", "application/x-www-form-urlencoded");
        let batch = r#"{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Basic?_id=xml-deep"}}]}"#;
        for answer in [
            api.get("/Basic?_id=xml-deep").header("Accept", XML).await,
            api.get("/Basic?_id=xml-deep&_pretty=true&_format=xml").await,
            api.get("/Basic/xml-deep/_history").header("Accept", XML).await,
            form().body("_id=xml-deep").header("Accept", XML).await,
            form().body("_id=xml-deep&_format=xml").await,
            api.request(Method::POST, "").header("Content-Type", "application/fhir+json").header("Accept", XML).body(batch).await,
        ] {
            let json = first(answer, "Basic");
            assert!(json.contains("\"low\":{\"value\":1.50}"), "{json}");
            assert_eq!(json.matches("\"extension\"").count(), 48);
        }
    }

    async fn a_deep_bundle_is_in_its_history(server: &'static Server) {
        let api = server.client();
        let inside = deep("inside").replacen(&"{\"url\":\"u\",\"extension\":[".repeat(2), "", 1).replacen("]}]}", "", 1);
        let bundle = format!(r#"{{"resourceType":"Bundle","id":"xml-deep","type":"collection","entry":[{{"fullUrl":"http://e.org/Basic/inside","resource":{inside}}}]}}"#);
        api.put("/Bundle/xml-deep", bundle).await.expect(201);
        let history = api.get("/Bundle/xml-deep/_history").header("Accept", XML).await;
        assert!(first(history, "Basic").contains("\"low\":{\"value\":1.50}"));
    }

    async fn a_narrative_is_well_formed_with_its_namespaces_or_shown_as_text(server: &'static Server) {
        let api = server.client();
        for (id, content) in [
            ("empty", "<b xmlns:p=''/>"),
            ("undone", "<b xmlns:p='u'><i xmlns:p=''/></b>"),
            ("xmlns", "<xmlns:b/>"),
            ("xml", "<b xmlns:p='http://www.w3.org/XML/1998/namespace'/>"),
            ("xml-default", "<b xmlns='http://www.w3.org/XML/1998/namespace'/>"),
            ("xml-spelled", "<b xmlns:p='http://www.w3.org/XML/1998/&#110;amespace'/>"),
            ("xmlns-default", "<b xmlns='http://www.w3.org/2000/xmlns/'/>"),
            ("xmlns-spelled", "<b xmlns:p='http://www.w3.org/2000/xmln&#x73;/'/>"),
            ("twice", "<b xmlns:a='u' xmlns:b='u' a:x='1' b:x='2'/>"),
            ("twice-spelled", "<b xmlns:a='u' xmlns:b='&#117;' a:x='1' b:x='2'/>"),
            ("many", &format!("{}{}", "<b xmlns='http://www.w3.org/1999/xhtml'>".repeat(80), "</b>".repeat(80))),
        ] {
            let div = format!("<div xmlns='http://www.w3.org/1999/xhtml'>{content}</div>");
            let sent = format!(r#"{{"resourceType":"Basic","id":"xml-ns-{id}","text":{{"status":"generated","div":"{div}"}},"code":{{"text":"x"}}}}"#);
            api.put(&format!("/Basic/xml-ns-{id}"), sent).await.expect(201);
            let read = api.get(&format!("/Basic/xml-ns-{id}")).header("Accept", XML).await.expect(200);
            let text = String::from_utf8_lossy(&read.body).into_owned();
            assert!(text.contains("<div xmlns=\"http://www.w3.org/1999/xhtml\">&lt;div xmlns='"), "{id}: {text}");
            let json = api.get(&format!("/Basic/xml-ns-{id}")).await.expect(200).json();
            assert_eq!(json.str("text.div"), Some(div.as_str()), "JSON has it as it was sent");
            // In XML it is refused.
            let sent = format!("<Basic xmlns='http://hl7.org/fhir'><id value='xml-ns-{id}'/><text><status value='generated'/>{div}</text><code><text value='x'/></code></Basic>");
            let answer = api.put(&format!("/Basic/xml-ns-{id}"), sent).header("Content-Type", XML).header("Accept", XML).await;
            super::refused(answer, 400, "structure");
        }
        let sound = "<div xmlns='http://www.w3.org/1999/xhtml' xmlns:a='u' xmlns:b='v' xmlns:xml='http://www.w3.org/XML/1998/namespace'><a:b a:x='1' b:x='2' x='3' xml:lang='en'/></div>";
        let sent = format!(r#"{{"resourceType":"Basic","id":"xml-ns-sound","text":{{"status":"generated","div":"{sound}"}},"code":{{"text":"x"}}}}"#);
        api.put("/Basic/xml-ns-sound", sent).await.expect(201);
        let read = api.get("/Basic/xml-ns-sound").header("Accept", XML).await.expect(200);
        assert!(String::from_utf8_lossy(&read.body).contains(sound));
    }

    async fn the_format_of_a_form_counts_before_accept(server: &'static Server) {
        let api = server.client();
        let form = |path: &str| api.request(Method::POST, path).header("Content-Type", "application/x-www-form-urlencoded");
        let json = form("/Basic/_search").header("Accept", "text/html").body("_id=none&_format=json").await.expect(200);
        assert_eq!((json.header("Content-Type"), json.json().str("type")), (Some("application/fhir+json"), Some("searchset")));
        let xml = form("/Basic/_search").header("Accept", "text/html").body("_id=none&_format=xml").await.expect(200);
        assert_eq!(super::told(&xml).str("type"), Some("searchset"));
        let json = form("/Basic/_search").header("Accept", XML).body("_id=none&_format=json").await.expect(200);
        assert_eq!(json.json().str("type"), Some("searchset"));
        form("/Basic/_search").header("Accept", "text/html").body("_id=none").await.refused(406, "not-supported");
        form("/Basic/_search").header("Accept", "application/fhir+json").body("_id=none&_format=turtle").await.refused(406, "not-supported");
        form("/Basic/_search?_format=turtle").header("Accept", "application/fhir+json").body("_id=none").await.refused(406, "not-supported");
        // The address counts before the header too.
        form("/Basic/_search?_format=json").header("Accept", "text/html").body("_id=none").await.expect(200);
    }
}
