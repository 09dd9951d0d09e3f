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
}
