//! PUT: <https://hl7.org/fhir/R4/http.html#update>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Json, Server, lab_observation, medication_request, patient, suite};

suite! {
    async fn creates_under_the_clients_id_and_then_updates(server: &'static Server) {
        let api = server.client();
        let created = api.save(&patient("put-1", "First")).await.expect(201);
        assert_eq!(created.version(), 1);
        let location = created.header("Location").unwrap();
        assert!(location.ends_with("/Patient/put-1/_history/1"), "{location}");
        let updated = api.save(&patient("put-1", "Second")).await.expect(200);
        assert_eq!(updated.version(), 2);
        assert_eq!(updated.json().str("name.0.family"), Some("Second"));
        let read = api.get("/Patient/put-1").await.expect(200);
        assert_eq!(read.body, updated.body);
        assert_eq!(read.version(), 2);
    }

    async fn an_element_left_out_is_gone(server: &'static Server) {
        let api = server.client();
        api.save(&patient("put-clear", "Clear")).await.expect(201);
        let bare = Json::of(r#"{"resourceType":"Patient","id":"put-clear","name":[{"use":"official","family":"Clear"}]}"#);
        api.save(&bare).await.expect(200);
        let read = api.get("/Patient/put-clear").await.expect(200).json().without_server_meta();
        assert_eq!(bare.difference(&read), None);

        for full in [lab_observation("put-clear", "put-clear", "7.00"), medication_request("put-clear", "put-clear")] {
            api.save(&full).await.expect(201);
            let mut bare = full.clone();
            for name in ["valueQuantity", "referenceRange", "dosageInstruction", "authoredOn", "effectiveDateTime"] {
                bare.remove("", name);
            }
            let read = api.save(&bare).await.expect(200).json().without_server_meta();
            assert_eq!(bare.difference(&read), None);
            let back = api.save(&full).await.expect(200).json().without_server_meta();
            assert_eq!(full.difference(&back), None);
        }
    }

    async fn the_id_must_be_the_urls(server: &'static Server) {
        let api = server.client();
        let issue = api.put("/Patient/put-other", patient("put-one", "Id")).await.refused(400, "value");
        assert_eq!(issue.expression, ["Patient.id"]);
        let mut nameless = patient("x", "Id");
        nameless.remove("", "id");
        api.put("/Patient/put-nameless", nameless).await.expect(400);
        api.put("/Patient/not_an_id", patient("not_an_id", "Id")).await.expect(400);
    }

    async fn the_type_must_be_the_urls(server: &'static Server) {
        server.client().put("/Observation/put-type", patient("put-type", "Type")).await.refused(400, "value");
    }

    async fn if_match_guards_against_lost_updates(server: &'static Server) {
        let api = server.client();
        api.save(&patient("put-match", "One")).await.expect(201);
        api.save(&patient("put-match", "Two")).header("If-Match", "W/\"1\"").await.expect(200);
        api.save(&patient("put-match", "Late")).header("If-Match", "W/\"1\"").await.refused(412, "conflict");
        assert_eq!(api.get("/Patient/put-match").await.json().str("name.0.family"), Some("Two"));
        api.save(&patient("put-match", "Three")).header("If-Match", "W/\"2\"").await.expect(200);
        api.save(&patient("put-match-new", "New")).header("If-Match", "W/\"1\"").await.refused(412, "conflict");
        api.get("/Patient/put-match-new").await.expect(404);
    }

    async fn if_none_match_star_only_creates(server: &'static Server) {
        let api = server.client();
        api.save(&patient("put-star", "One")).header("If-None-Match", "*").await.expect(201);
        api.save(&patient("put-star", "Two")).header("If-None-Match", "*").await.refused(412, "conflict");
        assert_eq!(api.get("/Patient/put-star").await.expect(200).version(), 1);
    }

    async fn a_deleted_one_comes_back_with_the_next_version(server: &'static Server) {
        let api = server.client();
        api.save(&patient("put-again", "One")).await.expect(201);
        assert!(matches!(api.delete("/Patient/put-again").await.status, 200 | 204));
        let back = api.save(&patient("put-again", "Three")).await.expect(201);
        assert_eq!(back.version(), 3);
        assert_eq!(api.get("/Patient/put-again").await.expect(200).version(), 3);
    }

    async fn putting_back_what_was_read_changes_nothing_but_the_version(server: &'static Server) {
        let api = server.client();
        api.save(&patient("put-same", "Same")).await.expect(201);
        let read = api.get("/Patient/put-same").await.expect(200);
        let again = api.put("/Patient/put-same", String::from_utf8(read.body.to_vec()).unwrap()).await.expect(200);
        assert_eq!(read.json().without_server_meta().difference(&again.json().without_server_meta()), None);
    }

    async fn a_refused_update_leaves_the_old_version(server: &'static Server) {
        let api = server.client();
        api.save(&patient("put-refused", "Good")).await.expect(201);
        let mut bad = patient("put-refused", "Bad");
        bad.set("", "gender", Json::of("[\"female\"]"));
        api.save(&bad).await.expect(400);
        let read = api.get("/Patient/put-refused").await.expect(200);
        assert_eq!((read.version(), read.json().str("name.0.family").unwrap()), (1, "Good"));
    }

    async fn twenty_updates_are_twenty_versions(server: &'static Server) {
        let api = server.client();
        for version in 1..=20 {
            let answer = api.save(&patient("put-many", &format!("V{version}"))).await;
            assert_eq!(answer.version(), version);
        }
    }
}
