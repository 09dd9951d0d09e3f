//! The CapabilityStatement: <https://hl7.org/fhir/R4/http.html#capabilities>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Json, Server, suite};

fn resource<'a>(statement: &'a Json, kind: &str) -> &'a Json {
    let all = statement.items("rest.0.resource");
    all.iter().find(|resource| resource.str("type") == Some(kind)).unwrap_or_else(|| panic!("no {kind}"))
}

suite! {
    async fn says_what_it_is_without_a_token(server: &'static Server) {
        let statement = server.stranger().get("/metadata").await.expect(200).json();
        assert_eq!(statement.str("resourceType"), Some("CapabilityStatement"));
        assert_eq!(statement.str("fhirVersion"), Some("4.0.1"));
        assert_eq!(statement.str("kind"), Some("instance"));
        assert_eq!(statement.str("status"), Some("active"));
        assert_eq!(statement.str("rest.0.mode"), Some("server"));
        assert_eq!(statement.str("implementation.url"), Some(server.base().as_str()));
        assert!(statement.items("format").contains(&Json::text("json")) || statement.items("format").contains(&Json::text("application/fhir+json")));
    }

    async fn lists_every_r4_type_with_its_interactions(server: &'static Server) {
        let statement = server.client().get("/metadata").await.expect(200).json();
        assert!(statement.items("rest.0.resource").len() >= 140, "every R4 type works from day one");
        for kind in ["Patient", "Observation", "MedicationRequest", "Medication", "Basic", "Consent"] {
            let codes: Vec<&str> =
                resource(&statement, kind).items("interaction").iter().filter_map(|code| code.str("code")).collect();
            for wanted in ["read", "vread", "update", "delete", "history-instance", "history-type", "create", "patch", "search-type"] {
                assert!(codes.contains(&wanted), "{kind} lacks {wanted}: {codes:?}");
            }
            assert_eq!(resource(&statement, kind).str("versioning"), Some("versioned-update"));
            assert_eq!(resource(&statement, kind).at("updateCreate"), Some(&Json::Bool(true)));
            for claimed in ["conditionalCreate", "conditionalUpdate", "readHistory"] {
                assert_eq!(resource(&statement, kind).at(claimed), Some(&Json::Bool(true)), "{claimed}");
            }
            assert_eq!(resource(&statement, kind).str("conditionalDelete"), Some("single"));
            assert_eq!(resource(&statement, kind).str("conditionalRead"), Some("full-support"));
        }
        let system: Vec<&str> =
            statement.items("rest.0.interaction").iter().filter_map(|code| code.str("code")).collect();
        let patches: Vec<&str> = statement.items("patchFormat").iter().filter_map(Json::as_str).collect();
        assert_eq!(patches, ["application/json-patch+json", "application/fhir+json", "application/fhir+xml"]);
        for wanted in ["transaction", "batch", "history-system"] {
            assert!(system.contains(&wanted), "{wanted}: {system:?}");
        }
    }

    async fn claims_exactly_the_search_parameters_that_work(server: &'static Server) {
        let api = server.client();
        let statement = api.get("/metadata").await.expect(200).json();
        let kinds = statement.items("rest.0.resource");
        let mut tried = 0;
        for resource in kinds {
            let kind = resource.str("type").unwrap();
            for parameter in resource.items("searchParam") {
                let name = parameter.str("name").unwrap();
                let value = match (name, parameter.str("type").unwrap()) {
                    (_, "date") => "2024-01-01",
                    (_, "number" | "quantity" | "reference") => "1",
                    ("near", "special") => "42.3|-71|5|km",
                    // What its parts are is not claimed: a value of no parts is told so.
                    (_, "composite") => {
                        api.get(&format!("/{kind}?{name}=abc")).await.refused(400, "value");
                        continue;
                    }
                    _ => "abc",
                };
                let answer = api.get(&format!("/{kind}?{name}={value}")).header("Prefer", "handling=strict").await;
                assert_eq!(answer.status, 200, "{kind}?{name}={value} is claimed: {}", String::from_utf8_lossy(&answer.body));
                tried += 1;
            }
        }
        assert!(tried > 2000, "{tried}");
        for (kind, wanted) in [("Patient", "identifier"), ("Observation", "code"), ("Observation", "patient"), ("MedicationRequest", "subject")] {
            assert!(resource(&statement, kind).items("searchParam").iter().any(|claimed| claimed.str("name") == Some(wanted)), "{kind} {wanted}");
        }
    }

    async fn is_the_same_every_time_but_for_nothing(server: &'static Server) {
        let api = server.client();
        let one = api.get("/metadata").await.expect(200).body;
        assert_eq!(api.get("/metadata").await.expect(200).body, one);
    }
}
