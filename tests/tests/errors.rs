//! Each bad input: an OperationOutcome with a code, where, and what to do; nothing written.
//! <https://hl7.org/fhir/R4/operationoutcome.html>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Server, suite};

/// Body (a Patient's members), issue code, expression.
const BODIES: &[(&str, &str, &str)] = &[
    (r#""colour":"red""#, "structure", "Patient.colour"),
    (r#""name":[{"famly":"x"}]"#, "structure", "Patient.name[0].famly"),
    (r#""name":[{"family":"a"},{"family":"b","use":"official","nick":1}]"#, "structure", "Patient.name[1].nick"),
    (r#""name":{"family":"x"}"#, "structure", "Patient.name"),
    (r#""gender":["female"]"#, "structure", "Patient.gender"),
    (r#""active":"true""#, "structure", "Patient.active"),
    (r#""active":1"#, "structure", "Patient.active"),
    (r#""birthDate":19741225"#, "structure", "Patient.birthDate"),
    (r#""birthDate":"25.12.1974""#, "value", "Patient.birthDate"),
    (r#""birthDate":"1974-13-01""#, "value", "Patient.birthDate"),
    (r#""birthDate":null"#, "structure", "Patient.birthDate"),
    (r#""name":[]"#, "structure", "Patient.name"),
    (r#""name":[{}]"#, "structure", "Patient.name[0]"),
    (r#""gender":"""#, "value", "Patient.gender"),
    (r#""gender":" female""#, "value", "Patient.gender"),
    (r#""deceasedBoolean":true,"deceasedDateTime":"2020""#, "structure", "Patient.deceased"),
    (r#""multipleBirthInteger":1.5"#, "value", "Patient.multipleBirth"),
    (r#""communication":[{"preferred":true}]"#, "required", "Patient.communication[0].language"),
    (r#""extension":[{"valueString":"x"}]"#, "required", "Patient.extension[0].url"),
    (r#""contained":[{"id":"a"}]"#, "structure", "Patient.contained[0]"),
    (r#""identifier":[{"period":{"start":"2020-02-30"}}]"#, "value", "Patient.identifier[0].period.start"),
    (r#""photo":[{"data":"***"}]"#, "value", "Patient.photo[0].data"),
];

suite! {
    async fn every_bad_element_is_named_with_its_path(server: &'static Server) {
        let api = server.client();
        let mut wrong = Vec::new();
        for (members, code, expression) in BODIES {
            let body = format!(r#"{{"resourceType":"Patient","id":"bad",{members}}}"#);
            let answer = api.put("/Patient/bad", &body).await;
            if answer.status != 400 {
                wrong.push(format!("{members}: {}", answer.status));
                continue;
            }
            let issues = answer.issues();
            let found = issues.iter().any(|issue| {
                issue.severity == "error"
                    && issue.code == *code
                    && issue.expression.iter().any(|path| path.starts_with(expression))
            });
            if !found {
                wrong.push(format!("{members}: wanted {code} at {expression}, got {issues:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        api.get("/Patient/bad").await.expect(404);
    }

    async fn several_faults_are_told_at_once(server: &'static Server) {
        let body = r#"{"resourceType":"Patient","id":"bad","colour":1,"gender":7,"name":[{"famly":"x"}]}"#;
        let issues = server.client().put("/Patient/bad", body).await.expect(400).issues();
        let places: Vec<&str> = issues.iter().flat_map(|issue| &issue.expression).map(String::as_str).collect();
        for place in ["Patient.colour", "Patient.gender", "Patient.name[0].famly"] {
            assert!(places.contains(&place), "{place}: {places:?}");
        }
    }

    async fn a_thousand_faults_are_not_a_thousand_issues(server: &'static Server) {
        let names: Vec<String> = (0..5_000).map(|index| format!(r#"{{"x{index}":1}}"#)).collect();
        let body = format!(r#"{{"resourceType":"Patient","id":"bad","name":[{}]}}"#, names.join(","));
        let answer = server.client().put("/Patient/bad", body).await.expect(400);
        assert!(answer.issues().len() <= 200, "{}", answer.issues().len());
        assert!(answer.body.len() < 200_000, "{}", answer.body.len());
    }

    async fn what_is_no_json_is_400_with_the_place(server: &'static Server) {
        let api = server.client();
        let bodies: [&[u8]; 14] = [
            b"", b"{", b"nonsense", b"[]", b"\"x\"", b"null", b"{\"resourceType\":\"Patient\",}", b"{'resourceType':'Patient'}",
            b"{\"resourceType\":\"Patient\"}x", b"{\"resourceType\":\"Patient\",\"id\":\"bad\",\"id\":\"bad\"}",
            b"{\"resourceType\":\"Patient\",\"id\":\"bad\",\"gender\":\"\xff\"}",
            b"{\"resourceType\":\"Patient\",\"id\":\"bad\",\"gender\":\"a\nb\"}",
            b"{\"resourceType\":\"Patient\",\"id\":\"bad\",\"multipleBirthInteger\":01}",
            b"{\"resourceType\":\"Patient\",\"id\":\"bad\",\"i\\u0064\":\"bad\"}",
        ];
        for body in bodies {
            let answer = api.put("/Patient/bad", "").body(body).await;
            assert_eq!(answer.status, 400, "{}: {}", String::from_utf8_lossy(body), answer.status);
            answer.issues();
        }
        api.get("/Patient/bad").await.expect(404);
    }

    async fn a_body_without_a_type_says_so(server: &'static Server) {
        let api = server.client();
        api.put("/Patient/bad", r#"{"id":"bad"}"#).await.expect(400).issues();
        api.put("/Patient/bad", r#"{"resourceType":7,"id":"bad"}"#).await.expect(400).issues();
        api.post("/Patient", r#"{"resourceType":"Nonsense"}"#).await.expect(400).issues();
    }

    async fn the_outcome_does_not_repeat_the_value(server: &'static Server) {
        let body = r#"{"resourceType":"Patient","id":"bad","birthDate":"SECRET-VALUE"}"#;
        let answer = server.client().put("/Patient/bad", body).await.expect(400);
        assert!(!server.log().contains("SECRET-VALUE"));
        answer.issues();
    }

    async fn unknown_addresses_are_404_with_an_outcome(server: &'static Server) {
        let api = server.client();
        for path in ["/Patient/1/2", "/Patient/1/_history/1/2", "/$nothing", "/Patient/$nothing", "/Patient/1/$nothing", "/%00"] {
            let answer = api.get(path).await;
            assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
            answer.issues();
        }
        let outside = api.get(&format!("http://{}/elsewhere", server.address())).await;
        assert_eq!(outside.status, 404);
    }
}
