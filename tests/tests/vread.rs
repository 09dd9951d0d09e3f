//! GET of one version: <https://hl7.org/fhir/R4/http.html#vread>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Server, patient, suite};

suite! {
    async fn every_version_is_there_as_it_was_served(server: &'static Server) {
        let api = server.client();
        let mut served = Vec::new();
        for version in 1..=4 {
            served.push(api.save(&patient("vread-1", &format!("V{version}"))).await.body);
        }
        for (index, body) in served.iter().enumerate() {
            let answer = api.get(&format!("/Patient/vread-1/_history/{}", index + 1)).await.expect(200);
            assert_eq!(answer.body, body);
            assert_eq!(answer.version(), i64::try_from(index).unwrap() + 1);
        }
    }

    async fn the_version_of_a_deletion_is_410_and_the_ones_before_stay(server: &'static Server) {
        let api = server.client();
        api.save(&patient("vread-2", "One")).await.expect(201);
        api.delete("/Patient/vread-2").await;
        api.get("/Patient/vread-2/_history/2").await.refused(410, "deleted");
        api.get("/Patient/vread-2/_history/1").await.expect(200);
    }

    async fn versions_that_never_were_are_404(server: &'static Server) {
        let api = server.client();
        api.save(&patient("vread-3", "One")).await.expect(201);
        for version in ["2", "0", "-1", "9223372036854775808", "1.0", "abc", "01"] {
            let answer = api.get(&format!("/Patient/vread-3/_history/{version}")).await;
            assert!(matches!(answer.status, 400 | 404), "{version}: {}", answer.status);
            answer.issues();
        }
        api.get("/Patient/vread-never/_history/1").await.refused(404, "not-found");
    }

    async fn a_version_is_never_changed_by_later_ones(server: &'static Server) {
        let api = server.client();
        let first = api.save(&patient("vread-4", "One")).await.expect(201).body;
        api.save(&patient("vread-4", "Two")).await.expect(200);
        api.delete("/Patient/vread-4").await;
        api.save(&patient("vread-4", "Four")).await.expect(201);
        assert_eq!(api.get("/Patient/vread-4/_history/1").await.expect(200).body, first);
    }
}
