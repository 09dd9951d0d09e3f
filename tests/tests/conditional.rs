//! Conditional create, update and delete: <https://hl7.org/fhir/R4/http.html#ccreate>, `#cond-update`, `#3.1.0.7.1`
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Json, Server, patient, suite};
use std::collections::BTreeSet;

suite! {
    async fn if_none_exist_creates_once(server: &'static Server) {
        let api = server.client();
        let condition = "identifier=urn:example:mrn|mrn-cc-1";
        let first = api.post("/Patient", patient("cc-1", "One")).header("If-None-Exist", condition).await.expect(201).json();
        let second = api.post("/Patient", patient("cc-1", "Other")).header("If-None-Exist", condition).await.expect(200);
        assert_eq!(second.version(), 1);
        let location = second.header("Location").unwrap();
        assert!(location.contains(first.str("id").unwrap()), "{location}");
        assert_eq!(api.search(&format!("/Patient?{condition}")).await.len(), 1);
    }

    async fn if_none_exist_with_several_matches_is_412(server: &'static Server) {
        let api = server.client();
        for id in ["cc-2a", "cc-2b"] {
            let mut person = patient(id, "x");
            person.set("identifier.0", "value", Json::text("cc-2"));
            api.save(&person).await.expect(201);
        }
        let answer = api.post("/Patient", patient("x", "x")).header("If-None-Exist", "identifier=cc-2").await;
        answer.refused(412, "multiple-matches");
    }

    async fn a_condition_that_is_none_is_400(server: &'static Server) {
        let api = server.client();
        for condition in ["", "nonsense=1", "_count=1", "identifier=", "gender:in=http://a-set", "gender:not-in=http://a-set", "_sort=gender",
            "identifier=cc-2&_count=1", "identifier=cc-2&_sort=gender", "identifier=cc-2&_total=none", "identifier=cc-2&_elements=name",
            "identifier=cc-2&_summary=true", "identifier=cc-2&_include=Patient:organization"] {
            let answer = api.post("/Patient", patient("x", "x")).header("If-None-Exist", condition).await;
            assert_eq!(answer.status, 400, "{condition:?}");
        }
    }

    async fn ten_at_once_with_one_condition_make_one(server: &'static Server) {
        let condition = "identifier=urn:example:mrn|mrn-cc-race";
        let tasks: Vec<_> = (0..10).map(|_| {
            let api = server.client();
            tokio::spawn(async move {
                let answer = api.post("/Patient", patient("cc-race", "Race")).header("If-None-Exist", condition).await;
                assert!(matches!(answer.status, 200 | 201), "{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
                (answer.status, answer.header("Location").unwrap().to_owned())
            })
        }).collect();
        let mut created = 0;
        let mut places = BTreeSet::new();
        for task in tasks {
            let (status, place) = task.await.unwrap();
            created += usize::from(status == 201);
            places.insert(place);
        }
        assert_eq!((created, places.len()), (1, 1), "{places:?}");
        assert_eq!(server.client().search(&format!("/Patient?{condition}")).await.len(), 1);
    }

    async fn update_by_condition_updates_the_one_creates_where_there_is_none(server: &'static Server) {
        let api = server.client();
        let condition = "/Patient?identifier=urn:example:mrn|mrn-cu-1";
        let mut nameless = patient("cu-1", "One");
        nameless.remove("", "id");
        let created = api.put(condition, &nameless).await.expect(201).json();
        let id = created.str("id").unwrap();
        nameless.set("name.0", "family", Json::text("Two"));
        let updated = api.put(condition, &nameless).await.expect(200);
        assert_eq!(updated.version(), 2);
        assert_eq!(updated.json().str("id"), Some(id));
        let other = nameless.clone().with("id", Json::text("another-id"));
        api.put(condition, &other).await.expect(400);
        let same = nameless.with("id", Json::text(id));
        assert_eq!(api.put(condition, &same).await.expect(200).version(), 3);
    }

    async fn update_by_condition_takes_the_bodys_id_when_nothing_matches(server: &'static Server) {
        let api = server.client();
        let created = api.put("/Patient?identifier=urn:example:mrn|mrn-cu-2", patient("cu-2", "x")).await.expect(201);
        assert_eq!(created.json().str("id"), Some("cu-2"));
        api.get("/Patient/cu-2").await.expect(200);
    }

    async fn update_by_condition_with_several_matches_is_412(server: &'static Server) {
        let api = server.client();
        for id in ["cu-3a", "cu-3b"] {
            let mut person = patient(id, "x");
            person.set("identifier.0", "value", Json::text("cu-3"));
            api.save(&person).await.expect(201);
        }
        let mut nameless = patient("x", "x");
        nameless.remove("", "id");
        api.put("/Patient?identifier=cu-3", &nameless).await.refused(412, "multiple-matches");
        assert_eq!(api.get("/Patient/cu-3a").await.expect(200).version(), 1);
    }

    async fn delete_by_condition_deletes_the_one(server: &'static Server) {
        let api = server.client();
        api.save(&patient("cd-1", "x")).await.expect(201);
        let condition = "/Patient?identifier=urn:example:mrn|mrn-cd-1";
        assert!(matches!(api.delete(condition).await.status, 200 | 204));
        api.get("/Patient/cd-1").await.expect(410);
        let nothing = api.delete(condition).await;
        assert!(matches!(nothing.status, 200 | 204 | 404), "{}", nothing.status);
        for id in ["cd-2a", "cd-2b"] {
            let mut person = patient(id, "x");
            person.set("identifier.0", "value", Json::text("cd-2"));
            api.save(&person).await.expect(201);
        }
        api.delete("/Patient?identifier=cd-2").await.refused(412, "multiple-matches");
        api.get("/Patient/cd-2a").await.expect(200);
        let all = api.delete("/Patient").await;
        assert!(matches!(all.status, 400 | 405 | 412), "deleting a whole type is no accident to have: {}", all.status);
        api.get("/Patient/cd-2b").await.expect(200);
    }
}
