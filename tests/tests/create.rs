//! POST: <https://hl7.org/fhir/R4/http.html#create>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Json, Server, lab_observation, medication_request, patient, suite};

suite! {
    async fn answers_201_with_location_etag_and_the_resource(server: &'static Server) {
        let api = server.client();
        let sent = patient("ignored", "Created");
        let answer = api.post("/Patient", &sent).await.expect(201);
        assert_eq!(answer.version(), 1);
        let body = answer.json();
        let id = body.str("id").unwrap().to_owned();
        assert_ne!(id, "ignored", "the server names what is created");
        let location = format!("{}/Patient/{id}/_history/1", server.base());
        assert_eq!(answer.header("Location"), Some(location.as_str()));
        assert_eq!(body.str("meta.versionId"), Some("1"));
        assert!(answer.header("Last-Modified").unwrap().ends_with(" GMT"));
        let read = api.get(&format!("/Patient/{id}")).await.expect(200);
        assert_eq!(read.body, answer.body, "what was answered is what is read");
    }

    async fn ignores_the_id_and_the_server_fields_of_the_body(server: &'static Server) {
        let api = server.client();
        let mut sent = patient("my-own", "Named");
        sent.set("", "meta", Json::of(r#"{"versionId":"17","lastUpdated":"2001-01-01T00:00:00Z","source":"urn:x"}"#));
        let body = api.post("/Patient", &sent).await.expect(201).json();
        assert_eq!(body.str("meta.versionId"), Some("1"));
        assert_ne!(body.str("meta.lastUpdated"), Some("2001-01-01T00:00:00Z"));
        assert_eq!(body.str("meta.source"), Some("urn:x"));
        api.get("/Patient/my-own").await.refused(404, "not-found");
    }

    async fn keeps_every_element_of_every_mapped_type_and_of_others(server: &'static Server) {
        let api = server.client();
        let person = api.post("/Patient", patient("x", "Subject")).await.expect(201).json();
        let subject = person.str("id").unwrap();
        let others = [
            lab_observation("x", subject, "5.10"),
            medication_request("x", subject),
            Json::of(r#"{"resourceType":"Basic","code":{"text":"anything"},"extension":[{"url":"urn:a","valueDecimal":1.10}]}"#),
        ];
        for sent in others {
            let kind = sent.str("resourceType").unwrap();
            let id = api.post(&format!("/{kind}"), &sent).await.expect(201).json().str("id").unwrap().to_owned();
            let mut read = api.get(&format!("/{kind}/{id}")).await.expect(200).json().without_server_meta();
            let mut wanted = sent.clone();
            read.remove("", "id");
            wanted.remove("", "id");
            assert_eq!(wanted.difference(&read), None, "{kind}");
        }
    }

    async fn refuses_a_body_of_another_type(server: &'static Server) {
        let answer = server.client().post("/Observation", patient("x", "Wrong")).await;
        answer.refused(400, "value");
    }

    async fn refuses_what_is_no_r4_type(server: &'static Server) {
        let api = server.client();
        for kind in ["/Person2", "/patient", "/Resource", "/DomainResource", "/Subscription2"] {
            api.post(kind, r#"{"resourceType":"Basic","code":{"text":"x"}}"#).await.refused(404, "not-supported");
        }
    }

    async fn writes_nothing_that_it_refuses(server: &'static Server) {
        let api = server.client();
        let count = |total: Json| total.str("total").unwrap().parse::<u64>().unwrap();
        let before = count(api.get("/Group?_summary=count").await.expect(200).json());
        api.post("/Group", r#"{"resourceType":"Group","type":"person","actual":"yes"}"#).await.expect(400);
        api.post("/Group", r#"{"resourceType":"Group","type":"person","actual":true,"colour":"red"}"#).await.expect(400);
        assert_eq!(count(api.get("/Group?_summary=count").await.expect(200).json()), before);
        api.post("/Group", r#"{"resourceType":"Group","type":"person","actual":true}"#).await.expect(201);
        assert_eq!(count(api.get("/Group?_summary=count").await.expect(200).json()), before + 1);
    }

    async fn two_creates_of_one_body_are_two_resources(server: &'static Server) {
        let api = server.client();
        let one = api.post("/Patient", patient("x", "Twice")).await.expect(201).json();
        let other = api.post("/Patient", patient("x", "Twice")).await.expect(201).json();
        assert_ne!(one.str("id"), other.str("id"));
        for body in [one, other] {
            api.get(&format!("/Patient/{}", body.str("id").unwrap())).await.expect(200);
        }
    }
}
