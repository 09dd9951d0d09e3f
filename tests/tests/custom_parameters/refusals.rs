//! What cannot be a parameter is refused with the place and what to do.

use super::{define, parameter};
use gateway_tests::{Engine, Json, Server, suite};

suite! {
    async fn of_several_who_take_a_name_at_once_one_gets_it(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for round in 0..5 {
            let mut asked = tokio::task::JoinSet::new();
            for number in 0..6 {
                let api = api.clone();
                let mut one = parameter(&format!("r{round}-{number}"), r#""Patient""#, "string", "Patient.name.family", "");
                one.set("", "code", Json::text(format!("name{round}")));
                asked.spawn(async move { api.save(&one).await.status });
            }
            let mut all = asked.join_all().await;
            all.sort_unstable();
            assert_eq!(all, [201, 422, 422, 422, 422, 422], "{round}");
        }
    }

    async fn what_cannot_be_a_parameter_is_refused(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        define(&api, &parameter("taken", r#""Patient","Practitioner""#, "string", "name.family", "")).await;
        let person = r#""Patient""#;
        let coded = |code: &str| {
            let mut coded = parameter("x", person, "string", "Patient.name.family", "");
            coded.set("", "code", Json::text(code));
            coded
        };
        for (resource, code, place, told) in [
            (coded("family"), "duplicate", "code", "built in"),
            (coded("taken"), "duplicate", "code", "SearchParameter/taken"),
            (coded("_own"), "value", "code", "begin with _"),
            (coded("a.b"), "value", "code", "letters"),
            (parameter("x", person, "string", "Patient.name.(", ""), "invalid", "expression", "FHIRPath"),
            (parameter("x", person, "string", "Patient.name.nonsense()", ""), "not-supported", "expression", "nonsense()"),
            (parameter("x", person, "token", "Patient.gender.memberOf('http://v')", ""), "not-supported", "expression", "memberOf()"),
            (parameter("x", person, "token", "Patient.birthDate < today()", ""), "not-supported", "expression", "today()"),
            (parameter("x", person, "string", "Patient.managingOrganization.resolve().name", ""), "not-supported", "expression", "resolve()"),
            (parameter("x", person, "string", "Patient.nonsense", ""), "value", "expression", "nothing that Patient has"),
            (parameter("x", r#""Patient","Observation""#, "string", "Patient.name.family", ""), "value", "expression", "Observation"),
            (parameter("x", person, "date", "Patient.name", ""), "value", "expression", "HumanName"),
            (parameter("x", person, "quantity", "Patient.birthDate", ""), "value", "expression", "Quantity"),
            (parameter("x", person, "special", "Patient.name", ""), "not-supported", "type", "another type"),
            (parameter("x", person, "composite", "Patient.contact", ""), "required", "component", "components"),
            (parameter("x", person, "composite", "Patient.contact", r#""component":[{"definition":"http://nobody","expression":"name"},{"definition":"http://hl7.org/fhir/SearchParameter/individual-gender","expression":"gender"}],"#), "not-found", "component[0].definition", "built in"),
            (parameter("x", person, "composite", "Patient.contact", r#""component":[{"definition":"http://hl7.org/fhir/SearchParameter/individual-family","expression":"gender.nonsense"},{"definition":"http://hl7.org/fhir/SearchParameter/individual-gender","expression":"gender"}],"#), "value", "component[0].expression", "nothing"),
        ] {
            let issue = api.save(&resource).await.refused(422, code);
            assert_eq!(issue.expression, [format!("SearchParameter.{place}")], "{issue:?}");
            assert!(issue.text.contains(told), "{told}: {issue:?}");
            api.get("/SearchParameter/x").await.refused(404, "not-found");
        }
        // A type that R4 has not is no base at all; what is required is.
        let mut nobody = parameter("x", r#""Nobody""#, "string", "name", "");
        assert!(matches!(api.save(&nobody).await.status, 400 | 422));
        nobody.remove("", "base");
        nobody.remove("", "expression");
        assert!(matches!(api.save(&nobody).await.status, 400 | 422));
        let mut bare = parameter("x", person, "string", "name", "");
        bare.remove("", "expression");
        api.save(&bare).await.refused(422, "required");
        // On another type the name is free; and the one who has it may change.
        define(&api, &parameter("taken2", r#""Organization""#, "string", "Organization.name", "")).await;
        let mut renamed = parameter("taken2", r#""Organization""#, "string", "Organization.name", "");
        renamed.set("", "code", Json::text("taken"));
        api.save(&renamed).await.expect(200);
        define(&api, &parameter("taken", r#""Patient""#, "string", "name.given", "")).await;
    }
}
