//! Binary: the resource and its raw content. <https://hl7.org/fhir/R4/binary.html#rest>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Engine, Json, Server, patient, row_key, suite};
use hyper::Method;

suite! {
    async fn raw_bytes_go_in_and_come_out(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("bp", "x")).await.expect(201);
        let content: Vec<u8> = (0..=255).cycle().take(70_000).collect();
        let made = api.request(Method::POST, "/Binary").header("Content-Type", "application/pdf")
            .header("X-Security-Context", "Patient/bp").body(content.clone()).await.expect(201).json();
        let id = made.str("id").unwrap().to_owned();
        assert_eq!((made.str("contentType"), made.str("securityContext.reference")), (Some("application/pdf"), Some("Patient/bp")));
        let key = row_key(&mut sql, "Binary", &id).await;
        assert_eq!(sql.value(&format!("select patient_id from binaries where id = '{key}'")).await, "bp");

        for accept in ["application/pdf", "*/*", "application/*", "text/html, application/pdf;q=0.9"] {
            let raw = api.get(&format!("/Binary/{id}")).header("Accept", accept).await.expect(200);
            assert!(raw.body == content, "{accept}");
            assert_eq!(raw.header("content-type"), Some("application/pdf"));
            assert_eq!(raw.header("x-content-type-options"), Some("nosniff"));
            assert!(raw.header("etag").is_some() && raw.header("last-modified").is_some());
        }
        for accept in ["application/fhir+json", "application/fhir+json, */*;q=0.1"] {
            let resource = api.get(&format!("/Binary/{id}")).header("Accept", accept).await.expect(200);
            assert_eq!(resource.json().str("resourceType"), Some("Binary"), "{accept}");
        }
        assert_eq!(api.get(&format!("/Binary/{id}?_format=json")).header("Accept", "*/*").await.expect(200).json().str("id"), Some(id.as_str()));
        assert!(api.get(&format!("/Binary/{id}?_format=application/pdf")).await.expect(200).body == content);
        api.get(&format!("/Binary/{id}")).header("Accept", "image/png").await.refused(406, "not-supported");
        api.get(&format!("/Binary/{id}")).header("Accept", "*/*").header("If-None-Match", "W/\"1\"").await.expect(304);
        let head = api.head(&format!("/Binary/{id}")).header("Accept", "*/*").await.expect(200);
        assert_eq!((head.header("content-length"), head.body.len()), (Some("70000"), 0));

        // Another content under the same id; the version before is what it was.
        api.request(Method::PUT, &format!("/Binary/{id}")).header("Content-Type", "text/plain").body("new").await.expect(200);
        assert_eq!(api.get(&format!("/Binary/{id}")).header("Accept", "*/*").await.expect(200).body, "new");
        assert!(api.get(&format!("/Binary/{id}/_history/1")).header("Accept", "*/*").await.expect(200).body == content);
    }

    async fn nothing_that_is_served_is_run(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for content_type in ["text/html", "image/svg+xml", "text/xml", "application/x-unknown"] {
            let made = api.request(Method::POST, "/Binary").header("Content-Type", content_type)
                .body("<script>alert(1)</script>").await.expect(201).json();
            let raw = api.get(&format!("/Binary/{}", made.str("id").unwrap())).header("Accept", "*/*").await.expect(200);
            assert_eq!(raw.header("content-type"), Some(content_type));
            assert_eq!(raw.header("content-disposition"), Some("attachment"), "{content_type}");
            assert_eq!(raw.header("x-content-type-options"), Some("nosniff"));
            assert!(raw.header("content-security-policy").unwrap().contains("sandbox"));
        }
    }

    async fn resources_stay_resources_and_json_may_be_content(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let resource = Json::of(r#"{"resourceType":"Binary","id":"b1","contentType":"text/plain","data":"aGVsbG8="}"#);
        api.save(&resource).await.expect(201);
        let read = api.get("/Binary/b1").await.expect(200).json();
        assert_eq!(read.without_server_meta().sorted(), resource.sorted(), "who says nothing gets the resource");
        assert_eq!(api.get("/Binary/b1").header("Accept", "text/plain").await.expect(200).body, "hello");
        let made = api.post("/Binary", r#"{"resourceType":"Patient","id":"p"}"#).await.expect(201).json();
        let raw = api.get(&format!("/Binary/{}", made.str("id").unwrap())).header("Accept", "*/*").await.expect(200);
        assert_eq!(raw.body, r#"{"resourceType":"Patient","id":"p"}"#);
        api.request(Method::POST, "/Binary").header("Content-Type", "text/plain").await.refused(400, "required");
        api.request(Method::POST, "/Patient").header("Content-Type", "text/plain").body("x").await.refused(415, "not-supported");
    }

    async fn rows_of_other_programs_are_downloaded(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        let blob = if engine == Engine::Sqlite { "x'68656c6c6f'" } else { "'\\x68656c6c6f'" };
        sql.run(&format!("insert into binaries (id, organization_id, content_type, content) values ('fb', 1, 'text/plain', {blob})")).await;
        assert_eq!(api.get("/Binary/fb").header("Accept", "*/*").await.expect(200).body, "hello");
        assert_eq!(api.get("/Binary/fb").await.expect(200).json().str("data"), Some("aGVsbG8="));
    }
}
