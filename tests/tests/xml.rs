//! FHIR XML in and out: <https://hl7.org/fhir/R4/xml.html>. What is written in one format is read in the other.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "xml/answers.rs"]
mod answers;
#[path = "xml/hostile.rs"]
mod hostile;

use gateway_tests::{Client, Json, Request, Response, Server, gunzip, gzip, patient, suite};
use hyper::Method;

const XML: &str = "application/fhir+xml";
const ADA: &str = r##"<?xml version="1.0" encoding="UTF-8"?>
<!-- by hand -->
<Patient xmlns="http://hl7.org/fhir">
  <id value="ID"/>
  <text>
    <status value="generated"/>
    <div xmlns="http://www.w3.org/1999/xhtml">Ada &amp; <b title='x'>co.</b><br/></div>
  </text>
  <contained>
    <Organization><id value="o"/><name value="Analytical &lt;Engines&gt;"/></Organization>
  </contained>
  <extension url="http://e.org/height"><valueDecimal value="1.70"/></extension>
  <active value="true"/>
  <name id="n">
    <family value="Love&#x20;lace"/>
    <given value="Ada"/>
    <given><extension url="http://hl7.org/fhir/StructureDefinition/data-absent-reason"><valueCode value="masked"/></extension></given>
  </name>
  <gender value="female"/>
  <birthDate value="1815-12-10"><extension url="http://e.org/sure"><valueBoolean value="true"/></extension></birthDate>
  <managingOrganization><reference value="#o"/></managingOrganization>
</Patient>
"##;

fn ada(id: &str) -> String {
    ADA.replace("ID", id)
}

/// What [`ADA`] is in JSON.
fn ada_in_json(id: &str) -> Json {
    Json::of(&r##"{"resourceType":"Patient","id":"ID","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Ada &amp; <b title='x'>co.</b><br/></div>"},"contained":[{"resourceType":"Organization","id":"o","name":"Analytical <Engines>"}],"extension":[{"url":"http://e.org/height","valueDecimal":1.70}],"active":true,"name":[{"id":"n","family":"Love lace","given":["Ada",null],"_given":[null,{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}]}],"gender":"female","birthDate":"1815-12-10","_birthDate":{"extension":[{"url":"http://e.org/sure","valueBoolean":true}]},"managingOrganization":{"reference":"#o"}}"##.replace("ID", id))
}

fn send(api: &Client, method: Method, path: &str, xml: impl ToString) -> Request {
    api.request(method, path).header("Content-Type", XML).body(xml.to_string())
}

/// The body of an answer in XML, as the JSON that it says.
fn told(response: &Response) -> Json {
    assert_eq!(response.header("Content-Type"), Some(XML), "{}", String::from_utf8_lossy(&response.body));
    let json = mappers::xml::read(&response.body).unwrap_or_else(|error| panic!("{error:?}"));
    Json::of(std::str::from_utf8(&json).unwrap())
}

/// Requires an error in XML with this code; gives its place and text.
fn refused(response: Response, status: u16, code: &str) -> (String, String) {
    let outcome = told(&response.expect(status));
    assert_eq!(
        (outcome.str("resourceType"), outcome.str("issue.0.code")),
        (Some("OperationOutcome"), Some(code)),
        "{outcome}"
    );
    let text = |path: &str| outcome.str(path).unwrap_or_default().to_owned();
    (text("issue.0.expression.0"), text("issue.0.details.text"))
}

suite! {
    async fn what_is_written_in_xml_is_read_in_json(server: &'static Server) {
        let api = server.client();
        for kind in [XML, "application/xml", "text/xml; charset=utf-8", "application/fhir+xml; fhirVersion=4.0"] {
            let made = send(&api, Method::POST, "/Patient", ada("other")).header("Content-Type", kind)
                .header("Accept", "application/fhir+json").await.expect(201);
            assert!(made.header("Content-Type").unwrap().starts_with("application/fhir+json"));
            let id = made.json().str("id").unwrap().to_owned();
            let read = api.get(&format!("/Patient/{id}")).await.expect(200).json();
            assert_eq!(ada_in_json(&id).difference(&read.without_server_meta()), None);
        }
        send(&api, Method::PUT, "/Patient/xml-1", ada("xml-1")).await.expect(201);
        let read = api.get("/Patient/xml-1").await.expect(200);
        assert_eq!(ada_in_json("xml-1").difference(&read.json().without_server_meta()), None);
        assert!(String::from_utf8_lossy(&read.body).contains(":1.70}"), "digits stay");
    }

    async fn what_is_written_in_json_is_read_in_xml_and_written_back(server: &'static Server) {
        let api = server.client();
        api.save(&ada_in_json("xml-2")).await.expect(201);
        let read = api.get("/Patient/xml-2").header("Accept", XML).await.expect(200);
        let text = String::from_utf8(read.body.to_vec()).unwrap();
        assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Patient xmlns=\"http://hl7.org/fhir\"><id value=\"xml-2\"/><meta>"), "{text}");
        assert!(text.contains("<div xmlns=\"http://www.w3.org/1999/xhtml\">Ada &amp; <b title='x'>co.</b><br/></div>"), "{text}");
        assert!(text.contains("<extension url=\"http://e.org/height\"><valueDecimal value=\"1.70\"/></extension><active"), "{text}");
        assert!(text.ends_with("<managingOrganization><reference value=\"#o\"/></managingOrganization></Patient>"), "{text}");
        assert_eq!(ada_in_json("xml-2").difference(&told(&read).without_server_meta()), None);

        // The same resource goes back as it came: nothing of it has changed.
        send(&api, Method::PUT, "/Patient/xml-2", text).header("If-Match", "W/\"1\"").await.expect(200);
        let back = api.get("/Patient/xml-2").await.expect(200).json();
        assert_eq!(ada_in_json("xml-2").difference(&back.without_server_meta()), None);
    }

    async fn the_format_is_asked_for_by_header_and_parameter(server: &'static Server) {
        let api = server.client();
        api.save(&patient("xml-3", "x")).await.expect(201);
        for accept in [XML, "application/xml", "text/xml", "application/fhir+xml, application/fhir+json;q=0.9",
            "application/fhir+json;q=0.2, application/fhir+xml;q=0.3", "application/fhir+xml, */*", "application/fhir+json;q=0, */*"] {
            let read = api.get("/Patient/xml-3").header("Accept", accept).await.expect(200);
            assert_eq!(told(&read).str("id"), Some("xml-3"), "{accept}");
            assert!(read.header("Vary").unwrap().contains("accept"), "{accept}");
        }
        for accept in ["application/fhir+xml;q=0.5, application/fhir+json", "*/*", "application/fhir+xml;q=0, */*"] {
            let read = api.get("/Patient/xml-3").header("Accept", accept).await.expect(200);
            assert_eq!(read.header("Content-Type"), Some("application/fhir+json"), "{accept}");
            assert!(read.header("Vary").unwrap().contains("accept"));
        }
        for format in ["xml", "text/xml", "application/xml", "application/fhir%2Bxml", "application/fhir+xml"] {
            let read = api.get(&format!("/Patient/xml-3?_format={format}")).header("Accept", "application/fhir+json").await.expect(200);
            assert_eq!(told(&read).str("id"), Some("xml-3"), "{format}");
        }
        let other = api.get("/Patient/xml-3?_format=json").header("Accept", XML).await.expect(200);
        assert_eq!(other.json().str("id"), Some("xml-3"));
        let pretty = api.get("/Patient/xml-3?_pretty=true&_format=xml").await.expect(200);
        assert!(String::from_utf8_lossy(&pretty.body).contains("\n  <id value=\"xml-3\"/>\n  <meta>\n    <versionId value=\"1\"/>"), "{pretty:?}");
        let plain = told(&api.get("/Patient/xml-3?_format=xml").await.expect(200));
        assert_eq!(told(&pretty).difference(&plain), None);
        api.get("/Patient/xml-3").header("Accept", "text/turtle").await.refused(406, "not-supported");
    }

    async fn the_version_is_one_in_both_formats(server: &'static Server) {
        let api = server.client();
        api.save(&patient("xml-4", "x")).await.expect(201);
        let (json, xml) = (api.get("/Patient/xml-4").await, api.get("/Patient/xml-4").header("Accept", XML).await);
        for header in ["ETag", "Last-Modified", "Cache-Control"] {
            assert_eq!(json.header(header), xml.header(header));
        }
        let unchanged = api.get("/Patient/xml-4").header("Accept", XML).header("If-None-Match", "W/\"1\"").await.expect(304);
        assert!(unchanged.body.is_empty() && unchanged.header("Vary").unwrap().contains("accept"));
        let head = api.head("/Patient/xml-4").header("Accept", XML).await.expect(200);
        assert_eq!((head.header("Content-Type"), head.body.len()), (Some(XML), 0));
        assert_eq!(head.header("Content-Length"), Some(xml.body.len().to_string().as_str()));
        let old = api.get("/Patient/xml-4/_history/1").header("Accept", XML).await.expect(200);
        assert_eq!(old.body, xml.body);
    }

    async fn prefer_return_and_locations_are_as_in_json(server: &'static Server) {
        let api = server.client();
        let whole = send(&api, Method::PUT, "/Patient/xml-5", ada("xml-5")).header("Accept", XML).await.expect(201);
        assert_eq!(told(&whole).str("meta.versionId"), Some("1"));
        assert!(whole.header("Location").unwrap().ends_with("/Patient/xml-5/_history/1"));
        let minimal = send(&api, Method::PUT, "/Patient/xml-5", ada("xml-5").replace("1815", "1816")).header("Accept", XML)
            .header("Prefer", "return=minimal").await.expect(200);
        assert!(minimal.body.is_empty() && minimal.header("Content-Type").is_none());
        let outcome = send(&api, Method::PUT, "/Patient/xml-5", ada("xml-5")).header("Prefer", "return=OperationOutcome").await.expect(200);
        assert_eq!(told(&outcome).str("issue.0.severity"), Some("information"), "who says nothing gets what he sent");
        let long = ada("xml-5").replace("<br/>", &"<i>long</i> ".repeat(200));
        let compressed = gzip(long.as_bytes());
        let packed = send(&api, Method::PUT, "/Patient/xml-5", "").body(compressed).header("Content-Encoding", "gzip")
            .header("Accept", XML).header("Accept-Encoding", "gzip").await.expect(200);
        assert_eq!(packed.header("Content-Encoding"), Some("gzip"));
        assert!(packed.header("Vary").unwrap().contains("accept-encoding"));
        assert!(String::from_utf8(gunzip(&packed.body)).unwrap().starts_with("<?xml"));
    }

    async fn searches_histories_and_metadata_come_in_xml(server: &'static Server) {
        let api = server.client();
        for number in 0..3 {
            api.save(&patient(&format!("xml-6-{number}"), "Xmlsearch")).await.expect(201);
        }
        let page = told(&api.get("/Patient?family=Xmlsearch&_count=2&_sort=_id").header("Accept", XML).await.expect(200));
        assert_eq!((page.str("resourceType"), page.str("type"), page.items("entry").len()), (Some("Bundle"), Some("searchset"), 2));
        let in_json = api.get("/Patient?family=Xmlsearch&_count=2&_sort=_id").await.expect(200).json();
        assert_eq!(in_json.at("entry").unwrap().difference(page.at("entry").unwrap()), None);
        // A page that was asked for by parameter goes on in its format.
        let first = told(&api.get("/Patient?family=Xmlsearch&_count=2&_format=xml").await.expect(200));
        let next = first.items("link").iter().find(|link| link.str("relation") == Some("next")).unwrap().str("url").unwrap().to_owned();
        assert_eq!(told(&api.get(&next).await.expect(200)).items("entry").len(), 1);
        let form = api.request(Method::POST, "/Patient/_search").header("Content-Type", "application/x-www-form-urlencoded");
        let posted = form.clone().body("family=Xmlsearch&_format=xml").await.expect(200);
        assert_eq!(told(&posted).items("entry").len(), 3);
        assert_eq!(told(&form.clone().body("family=Xmlsearch").header("Accept", XML).await.expect(200)).items("entry").len(), 3);
        form.body("family=Xmlsearch&_format=turtle").await.refused(406, "not-supported");

        let history = told(&api.get("/Patient/xml-6-0/_history").header("Accept", XML).await.expect(200));
        assert_eq!((history.str("type"), history.str("entry.0.response.etag")), (Some("history"), Some("W/\"1\"")));
        let statement = told(&api.get("/metadata").header("Accept", XML).await.expect(200));
        assert_eq!(api.get("/metadata").await.expect(200).json().difference(&statement), None);
        assert!(statement.items("format").contains(&Json::text(XML)), "what works is claimed");
        assert!(api.get("/metadata?_format=xml").await.expect(200).body.starts_with(b"<?xml"));
    }

    async fn transactions_and_batches_are_sent_in_xml(server: &'static Server) {
        let api = server.client();
        let bundle = r#"<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/>
          <entry><fullUrl value="urn:uuid:3bc44de3-069d-442d-829b-f3ef68cae371"/>
            <resource><Patient><name><family value="Txml"/></name></Patient></resource>
            <request><method value="POST"/><url value="Patient"/></request></entry>
          <entry><resource><Observation><status value="final"/><code><text value="weight"/></code>
              <subject><reference value="urn:uuid:3bc44de3-069d-442d-829b-f3ef68cae371"/></subject>
              <valueQuantity><value value="70.50"/><unit value="kg"/></valueQuantity></Observation></resource>
            <request><method value="POST"/><url value="Observation"/></request></entry>
        </Bundle>"#;
        let answer = told(&send(&api, Method::POST, "", bundle).header("Accept", XML).await.expect(200));
        assert_eq!((answer.str("type"), answer.items("entry").len()), (Some("transaction-response"), 2));
        let place = answer.str("entry.1.response.location").unwrap().to_owned();
        let observation = place[place.find("Observation").unwrap()..].split("/_history").next().unwrap().to_owned();
        let read = api.get(&format!("/{observation}")).await.expect(200).json();
        assert_eq!(read.at("valueQuantity.value").map(ToString::to_string).as_deref(), Some("70.50"));
        assert!(read.str("subject.reference").unwrap().starts_with("Patient/"));

        // All or nothing, and the place of the fault.
        let broken = bundle.replace("Txml", "Txmlgone").replace("<status value=\"final\"/>", "<status value=\"finally\"/>");
        let (place, _) = refused(send(&api, Method::POST, "", broken).await, 400, "code-invalid");
        assert_eq!(place, "Bundle.entry[1].resource.status");
        let unknown = bundle.replace("Txml", "Txmlgone").replace("<code>", "<colour value='x'/><code>");
        let (place, text) = refused(send(&api, Method::POST, "", unknown).await, 400, "structure");
        assert_eq!(place, "Bundle.entry[1].resource.colour");
        assert!(text.contains("unknown element of Observation"), "{text}");
        let gone = api.get("/Patient?family=Txmlgone&_summary=count").await.expect(200).json();
        assert_eq!(gone.at("total"), Some(&Json::of("0")));

        let batch = r#"<Bundle xmlns="http://hl7.org/fhir"><type value="batch"/>
          <entry><request><method value="GET"/><url value="Patient?family=Txml&amp;_format=json"/></request></entry>
          <entry><request><method value="GET"/><url value="Patient/never-there"/></request></entry></Bundle>"#;
        let answer = told(&send(&api, Method::POST, "", batch).header("Accept", XML).await.expect(200));
        assert_eq!(answer.str("entry.0.resource.entry.0.resource.name.0.family"), Some("Txml"));
        assert_eq!(answer.str("entry.1.response.outcome.issue.0.code"), Some("not-found"));
    }

    async fn conditional_writes_and_patches_take_xml(server: &'static Server) {
        let api = server.client();
        let named = |family: &str| format!("<Patient xmlns=\"http://hl7.org/fhir\"><identifier><system value=\"urn:x\"/><value value=\"xml-8\"/></identifier><name><family value=\"{family}\"/></name></Patient>");
        let made = send(&api, Method::POST, "/Patient", named("One")).header("If-None-Exist", "identifier=urn:x|xml-8").await.expect(201);
        let id = told(&made).str("id").unwrap().to_owned();
        let again = send(&api, Method::POST, "/Patient", named("Two")).header("If-None-Exist", "identifier=urn:x|xml-8").await.expect(200);
        assert_eq!(told(&again).str("name.0.family"), Some("One"));
        let updated = send(&api, Method::PUT, "/Patient?identifier=urn:x|xml-8", named("Two")).await.expect(200);
        assert_eq!(told(&updated).str("meta.versionId"), Some("2"));

        let patch = r#"<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>
            <part><name value="type"/><valueCode value="add"/></part>
            <part><name value="path"/><valueString value="Patient"/></part>
            <part><name value="name"/><valueString value="birthDate"/></part>
            <part><name value="value"/><valueDate value="1970-01-01"/></part></parameter></Parameters>"#;
        let patched = send(&api, Method::PATCH, &format!("/Patient/{id}"), patch).await.expect(200);
        assert_eq!(told(&patched).str("birthDate"), Some("1970-01-01"));
        let json = send(&api, Method::PATCH, "/Patient?identifier=urn:x|xml-8", patch.replace("add", "replace").replace("<valueString value=\"Patient\"/>", "<valueString value=\"Patient.birthDate\"/>").replace("1970", "1971")
            .replace("<part><name value=\"name\"/><valueString value=\"birthDate\"/></part>", "")).header("Accept", "application/json").await.expect(200).json();
        assert_eq!(json.str("birthDate"), Some("1971-01-01"));
        let json_patch = r#"[{"op":"replace","path":"/birthDate","value":"1972-01-01"}]"#;
        let answer = api.request(Method::PATCH, &format!("/Patient/{id}")).header("Content-Type", "application/json-patch+json")
            .header("Accept", XML).body(json_patch).await.expect(200);
        assert_eq!(told(&answer).str("birthDate"), Some("1972-01-01"));
        send(&api, Method::PATCH, &format!("/Patient/{id}"), ada(&id)).header("Accept", "application/json").await.refused(400, "structure");
        send(&api, Method::DELETE, "/Patient?identifier=urn:x|xml-8", "").await.expect(204);
    }

    async fn operations_take_and_answer_xml(server: &'static Server) {
        let api = server.client();
        send(&api, Method::PUT, "/Patient/xml-9", ada("xml-9")).await.expect(201);
        let everything = told(&api.get("/Patient/xml-9/$everything").header("Accept", XML).await.expect(200));
        assert_eq!(everything.str("entry.0.resource.id"), Some("xml-9"));
        let matched = r#"<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="resource"/><resource><Patient>
            <name><family value="Love lace"/><given value="Ada"/></name><gender value="female"/><birthDate value="1815-12-10"/></Patient></resource></parameter></Parameters>"#;
        let matched = told(&send(&api, Method::POST, "/Patient/$match", matched).header("Accept", XML).await.expect(200));
        assert!(matched.items("entry").iter().any(|entry| entry.str("resource.id") == Some("xml-9")), "{matched}");

        let good = told(&send(&api, Method::POST, "/Patient/$validate", ada("x")).header("Accept", XML).await.expect(200));
        assert!(good.items("issue").iter().all(|issue| issue.str("severity") != Some("error")), "{good}");
        let bad = ada("x").replace("value=\"female\"", "value=\"lady\"");
        let bad = told(&send(&api, Method::POST, "/Patient/$validate", bad).header("Accept", XML).await.expect(200));
        assert!(bad.items("issue").iter().any(|issue| issue.str("severity") == Some("error")), "{bad}");
        // What is no resource at all is no reason not to say so.
        let (place, text) = refused(send(&api, Method::POST, "/Patient/$validate", ada("x").replace("family", "famly")).await, 200, "structure");
        assert_eq!(place, "Patient.name[0].famly");
        assert!(text.contains("did you mean family"), "{text}");
        refused(send(&api, Method::POST, "/Patient/$validate", "<Patient").await, 200, "structure");
    }

    async fn errors_come_in_the_format_that_was_asked_for(server: &'static Server) {
        let api = server.client();
        refused(api.get("/Patient/never").header("Accept", XML).await, 404, "not-found");
        refused(api.get("/Nonsense/1?_format=xml").await, 404, "not-supported");
        refused(api.get("/Patient?colour=red").header("Accept", XML).await, 400, "not-supported");
        refused(api.request(Method::PUT, "/metadata").header("Accept", XML).await, 405, "not-supported");
        refused(server.stranger().get("/Patient/x").header("Accept", XML).await, 401, "login");
        refused(api.request(Method::POST, "/Patient").header("Content-Type", "text/plain").header("Accept", XML).body("x").await, 415, "not-supported");
        refused(send(&api, Method::POST, "/Patient", "").await, 400, "required");
        refused(send(&api, Method::POST, "/Observation", ada("x")).await, 400, "value");
        let (place, _) = refused(send(&api, Method::PUT, "/Patient/xml-10", ada("xml-11")).await, 400, "value");
        assert_eq!(place, "Patient.id");
    }

    async fn a_binary_is_xml_or_its_content(server: &'static Server) {
        let api = server.client();
        let binary = r#"<Binary xmlns="http://hl7.org/fhir"><contentType value="text/plain"/><data value="aGVsbG8="/></Binary>"#;
        let made = told(&send(&api, Method::POST, "/Binary", binary).await.expect(201));
        let path = format!("/Binary/{}", made.str("id").unwrap());
        assert_eq!(api.get(&path).header("Accept", "text/plain").await.expect(200).body, "hello");
        assert_eq!(api.get(&path).header("Accept", "text/html, application/xml;q=0.9, */*;q=0.8").await.expect(200).body, "hello");
        for accept in [XML, "application/xml", "text/xml, image/png"] {
            assert_eq!(told(&api.get(&path).header("Accept", accept).await.expect(200)).str("data"), Some("aGVsbG8="), "{accept}");
        }
        assert_eq!(told(&api.get(&format!("{path}?_format=xml")).header("Accept", "text/plain").await.expect(200)).str("contentType"), Some("text/plain"));
        // XML that is no Binary is content as any other, under the type it was sent with.
        for (kind, content) in [("application/xml", "<note/>"), ("text/xml", "<x"), (XML, "<Patient xmlns='http://hl7.org/fhir'/>")] {
            let made = api.request(Method::POST, "/Binary").header("Content-Type", kind).header("Accept", "application/fhir+json").body(content).await.expect(201).json();
            let path = format!("/Binary/{}", made.str("id").unwrap());
            assert_eq!(made.str("contentType"), Some(kind));
            assert_eq!(api.get(&path).header("Accept", "*/*").await.expect(200).body, content, "{kind}");
        }
        refused(send(&api, Method::POST, "/Binary", "<Binary").await, 400, "structure");
        refused(send(&api, Method::POST, "/Binary", binary.replace("data", "date")).await, 400, "structure");
    }

    async fn narratives_are_xml_whatever_they_were_in_json(server: &'static Server) {
        let api = server.client();
        let namespace = "xmlns=\\\"http://www.w3.org/1999/xhtml\\\"";
        for (id, div, shown) in [
            ("script", format!("<div {namespace}>a<script>alert(1)</script></div>"), "<div xmlns=\"http://www.w3.org/1999/xhtml\">a<script>alert(1)</script></div>"),
            ("nbsp", "<div>a&nbsp;b</div>".to_owned(), "<div xmlns=\"http://www.w3.org/1999/xhtml\">a&#160;b</div>"),
            ("open", format!("<div {namespace}>a<br>b</div>"), "&lt;br&gt;b&lt;/div&gt;</div>"),
            ("close", "</text></Patient><Patient>".to_owned(), "<div xmlns=\"http://www.w3.org/1999/xhtml\">&lt;/text&gt;"),
            ("control", format!("<div {namespace}>\\u0001</div>"), "\u{FFFD}"),
        ] {
            let sent = format!(r#"{{"resourceType":"Patient","id":"xml-n-{id}","text":{{"status":"generated","div":"{div}"}}}}"#);
            api.put(&format!("/Patient/xml-n-{id}"), sent).await.expect(201);
            let read = api.get(&format!("/Patient/xml-n-{id}")).header("Accept", XML).await.expect(200);
            assert!(String::from_utf8_lossy(&read.body).contains(shown), "{id}: {read:?}");
            assert_eq!(told(&read).str("text.status"), Some("generated"));
        }
        let script = ada("xml-n-in").replace("Ada &amp;", "<script>alert(1)</script>");
        send(&api, Method::PUT, "/Patient/xml-n-in", script).await.expect(201);
        let read = api.get("/Patient/xml-n-in").await.expect(200).json();
        assert!(read.str("text.div").unwrap().contains("<script>alert(1)</script>"), "as in JSON: {read}");
    }

    async fn a_large_bundle_goes_both_ways(server: &'static Server) {
        let api = server.client();
        let entries: String = (0..400).map(|number| format!(
            "<entry><resource><Basic><code><text value=\"{}{number}\"/></code></Basic></resource><request><method value=\"POST\"/><url value=\"Basic\"/></request></entry>", "x".repeat(300))).collect();
        let bundle = format!("<Bundle xmlns=\"http://hl7.org/fhir\"><type value=\"transaction\"/>{entries}</Bundle>");
        let answer = told(&send(&api, Method::POST, "", bundle).header("Prefer", "return=representation").await.expect(200));
        assert_eq!(answer.items("entry").len(), 400);
    }
}
