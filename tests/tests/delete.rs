//! DELETE: <https://hl7.org/fhir/R4/http.html#delete>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Server, lab_observation, medication_request, patient, suite};

suite! {
    async fn a_deleted_resource_is_gone_from_read_and_search_and_stays_in_history(server: &'static Server) {
        let api = server.client();
        api.save(&patient("del-1", "Gone")).await.expect(201);
        let deleted = api.delete("/Patient/del-1").await;
        assert!(matches!(deleted.status, 200 | 204), "{}", deleted.status);
        assert_eq!(deleted.version(), 2);
        api.get("/Patient/del-1").await.refused(410, "deleted");
        assert!(api.search("/Patient?_id=del-1").await.is_empty());
        assert!(api.search("/Patient?identifier=urn:example:mrn|mrn-del-1").await.is_empty());
        api.get("/Patient/del-1/_history/1").await.expect(200);
        api.get("/Patient/del-1/_history/2").await.expect(410);
    }

    async fn deleting_what_is_not_there_succeeds_and_changes_nothing(server: &'static Server) {
        let api = server.client();
        assert!(matches!(api.delete("/Patient/del-never").await.status, 200 | 204));
        api.get("/Patient/del-never").await.expect(404);
        api.save(&patient("del-2", "Twice")).await.expect(201);
        for _ in 0..2 {
            assert!(matches!(api.delete("/Patient/del-2").await.status, 200 | 204));
        }
        api.get("/Patient/del-2/_history/2").await.expect(410);
        api.get("/Patient/del-2/_history/3").await.refused(404, "not-found");
    }

    async fn if_match_guards_a_delete(server: &'static Server) {
        let api = server.client();
        api.save(&patient("del-3", "One")).await.expect(201);
        api.save(&patient("del-3", "Two")).await.expect(200);
        api.delete("/Patient/del-3").header("If-Match", "W/\"1\"").await.refused(412, "conflict");
        api.get("/Patient/del-3").await.expect(200);
        assert!(matches!(api.delete("/Patient/del-3").header("If-Match", "W/\"2\"").await.status, 200 | 204));
    }

    async fn what_others_refer_to_can_be_deleted_and_they_keep_their_reference(server: &'static Server) {
        let api = server.client();
        api.save(&patient("del-4", "Referred")).await.expect(201);
        let observation = lab_observation("del-4", "del-4", "5.10");
        let prescription = medication_request("del-4", "del-4");
        api.save(&observation).await.expect(201);
        api.save(&prescription).await.expect(201);
        assert!(matches!(api.delete("/Patient/del-4").await.status, 200 | 204));
        for resource in [&observation, &prescription] {
            let path = format!("/{}/del-4", resource.str("resourceType").unwrap());
            let answer = api.get(&path).await.expect(200);
            assert_eq!(resource.difference(&answer.json().without_server_meta()), None);
            assert_eq!(answer.version(), 1, "nothing of it changed");
            let query = format!("/{}?subject=Patient/del-4", resource.str("resourceType").unwrap());
            assert_eq!(api.search(&query).await, [&path[1..]]);
        }
        // The subject comes back: everything is as it was.
        api.save(&patient("del-4", "Back")).await.expect(201);
        api.save(&observation).await.expect(200);
        assert_eq!(api.search("/Observation?subject=Patient/del-4").await, ["Observation/del-4"]);
    }

    async fn a_deletion_of_each_mapped_type_leaves_no_row_that_reads(server: &'static Server) {
        let api = server.client();
        for resource in [lab_observation("del-5", "del-nobody", "1"), medication_request("del-5", "del-nobody")] {
            let kind = resource.str("resourceType").unwrap();
            api.save(&resource).await.expect(201);
            assert!(matches!(api.delete(&format!("/{kind}/del-5")).await.status, 200 | 204));
            api.get(&format!("/{kind}/del-5")).await.expect(410);
            api.save(&resource).await.expect(201);
            let read = api.get(&format!("/{kind}/del-5")).await.expect(200);
            assert_eq!(read.version(), 3);
            assert_eq!(resource.difference(&read.json().without_server_meta()), None);
        }
    }
}
