//! Every kind of parameter over every type of value that it takes.

use super::{define, matches, parameter};
use gateway_tests::{Engine, Json, Server, suite};

/// A kind, what its expression goes to, and two values: as the resource has them, and as a search asks for them.
struct Case {
    kind: &'static str,
    element: &'static str,
    values: [&'static str; 2],
    queries: [&'static str; 2],
}

const fn case(
    kind: &'static str,
    element: &'static str,
    values: [&'static str; 2],
    queries: [&'static str; 2],
) -> Case {
    Case { kind, element, values, queries }
}

/// Values of an extension, which may be of any type.
const CASES: &[Case] = &[
    case("string", "String", [r#""Über den Wolken""#, r#""Under""#], ["uber+den", "und"]),
    case("string", "Markdown", [r#""one""#, r#""two""#], ["one", "two"]),
    case(
        "string",
        "HumanName",
        [r#"{"family":"Curie","given":["Marie"]}"#, r#"{"text":"Lise Meitner"}"#],
        ["marie", "lise"],
    ),
    case("string", "Address", [r#"{"city":"Salem"}"#, r#"{"line":["Boston Rd"]}"#], ["salem", "boston"]),
    case("token", "Boolean", ["true", "false"], ["true", "false"]),
    case("token", "Code", [r#""a""#, r#""b""#], ["a", "b"]),
    case(
        "token",
        "Coding",
        [r#"{"system":"http://s","code":"a"}"#, r#"{"system":"http://t","code":"a"}"#],
        ["http://s|a", "http://t|"],
    ),
    case(
        "token",
        "CodeableConcept",
        [
            r#"{"coding":[{"system":"http://s","code":"a"},{"code":"x"}]}"#,
            r#"{"coding":[{"system":"http://s","code":"b"}]}"#,
        ],
        ["http://s|a", "b"],
    ),
    case("token", "Identifier", [r#"{"system":"urn:i","value":"1"}"#, r#"{"value":"2"}"#], ["urn:i|1", "|2"]),
    case(
        "token",
        "ContactPoint",
        [r#"{"system":"phone","value":"555"}"#, r#"{"system":"email","value":"a@b"}"#],
        ["555", "a@b"],
    ),
    case("token", "Integer", ["7", "8"], ["7", "8"]),
    case("token", "Id", [r#""i-1""#, r#""i-2""#], ["i-1", "i-2"]),
    case("date", "Date", [r#""2020-02""#, r#""2021""#], ["2020-02", "gt2020"]),
    case(
        "date",
        "DateTime",
        [r#""2020-02-03T10:00:00Z""#, r#""2020-02-03T12:00:00+01:00""#],
        ["lt2020-02-03T10:30:00Z", "2020-02-03T11:00:00Z"],
    ),
    case("date", "Instant", [r#""2020-02-03T10:00:00Z""#, r#""2022-02-03T10:00:00Z""#], ["2020", "2022"]),
    case(
        "date",
        "Period",
        [r#"{"start":"2020-01-01","end":"2020-12-31"}"#, r#"{"start":"2022-01-01"}"#],
        ["2020", "ge2023"],
    ),
    case(
        "date",
        "Timing",
        [r#"{"event":["2020-05-01"]}"#, r#"{"repeat":{"boundsPeriod":{"start":"2021-01-01","end":"2021-06-01"}}}"#],
        ["2020", "2021"],
    ),
    case("number", "Decimal", ["1.50", "2.5"], ["1.50", "gt2"]),
    case("number", "PositiveInt", ["3", "4"], ["3", "4"]),
    case(
        "quantity",
        "Quantity",
        [
            r#"{"value":1,"system":"http://unitsofmeasure.org","code":"g"}"#,
            r#"{"value":1,"system":"http://unitsofmeasure.org","code":"mg"}"#,
        ],
        ["1000|http://unitsofmeasure.org|mg", "1|http://unitsofmeasure.org|mg"],
    ),
    case(
        "quantity",
        "Money",
        [r#"{"value":5,"currency":"EUR"}"#, r#"{"value":5,"currency":"USD"}"#],
        ["5|urn:iso:std:iso:4217|EUR", "5||USD"],
    ),
    case(
        "quantity",
        "Range",
        [r#"{"low":{"value":1},"high":{"value":2}}"#, r#"{"low":{"value":3}}"#],
        ["lt2.5", "gt2.5"],
    ),
    case(
        "quantity",
        "Age",
        [
            r#"{"value":5,"system":"http://unitsofmeasure.org","code":"a"}"#,
            r#"{"value":6,"system":"http://unitsofmeasure.org","code":"a"}"#,
        ],
        ["5||a", "6||a"],
    ),
    case(
        "reference",
        "Reference",
        [r#"{"reference":"Patient/1"}"#, r#"{"reference":"https://else.org/fhir/Patient/1"}"#],
        ["Patient/1", "https://else.org/fhir/Patient/1"],
    ),
    case("reference", "Canonical", [r#""http://c/1|2""#, r#""http://c/3""#], ["http://c/1", "http://c/3"]),
    case("uri", "Uri", [r#""http://u/1""#, r#""urn:oid:1.2""#], ["http://u/1", "urn:oid:1.2"]),
    case("uri", "Url", [r#""http://u/2""#, r#""http://u/3""#], ["http://u/2", "http://u/3"]),
];

fn resource(id: &str, number: usize, case: &Case, value: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Basic","id":"{id}","code":{{"text":"t"}},"extension":[{{"url":"http://x/{number}","value{}":{value}}},
        {{"url":"http://x/other","valueString":"other"}}]}}"#,
        case.element
    ))
}

suite! {
    async fn each_kind_finds_by_its_own_value_and_by_no_other(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        // The first value is there before the parameter is, the second one comes after it.
        for (number, case) in CASES.iter().enumerate() {
            api.save(&resource(&format!("a{number}"), number, case, case.values[0])).await.expect(201);
        }
        for (number, case) in CASES.iter().enumerate() {
            let expression = format!("Basic.extension.where(url = 'http://x/{number}').value");
            define(&api, &parameter(&format!("p{number}"), r#""Basic""#, case.kind, &expression, "")).await;
            api.save(&resource(&format!("b{number}"), number, case, case.values[1])).await.expect(201);
        }
        for (number, case) in CASES.iter().enumerate() {
            let [one, other] = [format!("a{number}"), format!("b{number}")];
            let told = format!("{} of {}", case.kind, case.element);
            for (query, wanted) in [
                (format!("p{number}={}", case.queries[0]), one.clone()),
                (format!("p{number}={}", case.queries[1]), other.clone()),
                (format!("p{number}:missing=false"), format!("{one} {other}")),
                (format!("p{number}={},{}", case.queries[0], case.queries[1]), format!("{one} {other}")),
            ] {
                assert_eq!(matches(&api, &format!("Basic?{query}")).await, wanted, "{told}: {query}");
            }
            // The other way round after an update; found by nothing once it is deleted.
            api.save(&resource(&one, number, case, case.values[1])).await.expect(200);
            assert_eq!(matches(&api, &format!("Basic?p{number}={}", case.queries[0])).await, "", "{told}");
            assert_eq!(matches(&api, &format!("Basic?p{number}={}", case.queries[1])).await, format!("{one} {other}"), "{told}");
            api.delete(&format!("/Basic/{other}")).await.expect(204);
            assert_eq!(matches(&api, &format!("Basic?p{number}:missing=false")).await, one, "{told}");
        }
    }

    async fn modifiers_of_tokens_and_addresses(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let basic = |id: &str, extension: &str| format!(r#"{{"resourceType":"Basic","id":"{id}","code":{{"text":"t"}},"extension":[{{"url":"http://x",{extension}}}]}}"#);
        define(&api, &parameter("tok", r#""Basic""#, "token", "Basic.extension('http://x').value", "")).await;
        define(&api, &parameter("adr", r#""Basic""#, "uri", "Basic.extension('http://x').value.ofType(uri)", "")).await;
        define(&api, &parameter("has-x", r#""Basic""#, "token", "Basic.extension('http://x').exists()", "")).await;
        define(&api, &parameter("count-x", r#""Basic""#, "number", "Basic.extension.count()", "")).await;
        define(&api, &parameter("whole", r#""Basic""#, "token", "Basic.extension('http://x')", "")).await;
        define(&api, &parameter("joined", r#""Basic""#, "string", "Basic.id & '-' & Basic.code.text", "")).await;
        for (id, extension) in [
            ("concept", r#""valueCodeableConcept":{"coding":[{"system":"http://s","code":"a","display":"Shown words"}]}"#),
            ("number", r#""valueIdentifier":{"type":{"coding":[{"system":"http://t","code":"MR"}]},"system":"urn:i","value":"5"}"#),
            ("address", r#""valueUri":"http://u/a/b""#),
        ] {
            api.put(&format!("/Basic/{id}"), basic(id, extension)).await.expect(201);
        }
        api.put("/Basic/bare", r#"{"resourceType":"Basic","id":"bare","code":{"text":"t"}}"#).await.expect(201);
        for (query, wanted) in [
            ("tok:text=shown", "concept"),
            ("tok:of-type=http://t|MR|5", "number"),
            ("tok:not=a", "address bare number"),
            ("tok:missing=true", "bare"),
            ("adr:below=http://u/a", "address"),
            ("adr:above=http://u/a/b/c", "address"),
            ("has-x=true", "address concept number"),
            ("has-x=false", "bare"),
            ("count-x=0", "bare"),
            ("count-x=gt0", "address concept number"),
            ("whole=http://s|a", "concept"),
            ("whole=urn:i|5", "number"),
            ("joined=bare-t", "bare"),
            ("joined:exact=number-t", "number"),
        ] {
            assert_eq!(matches(&api, &format!("Basic?{query}")).await, wanted, "{query}");
        }
        api.get("/Basic?tok:nonsense=a").await.refused(400, "invalid");
        api.get("/Basic?count-x=many").await.refused(400, "value");
    }

    async fn an_expression_that_fails_for_a_resource_does_not_fail_its_write(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        define(&api, &parameter("first", r#""Patient""#, "string", "Patient.name.single().family", "")).await;
        define(&api, &parameter("long", r#""Patient""#, "string", "Patient.descendants().where($this.descendants().exists()).select(%resource.descendants().where(id.exists())).first().id | Patient.name.family", "")).await;
        let person = |id: &str, names: &str| format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{names}]}}"#);
        api.put("/Patient/one", person("one", r#"{"family":"One"}"#)).await.expect(201);
        api.put("/Patient/two", person("two", r#"{"family":"Two"},{"family":"Too"}"#)).await.expect(201);
        let many: Vec<String> = (0..600).map(|number| format!(r#"{{"family":"F{number}"}}"#)).collect();
        api.put("/Patient/many", person("many", &many.join(","))).await.expect(201);
        assert_eq!(matches(&api, "Patient?first:missing=false").await, "one");
        assert_eq!(matches(&api, "Patient?first:missing=true").await, "many two");
        assert_eq!(matches(&api, "Patient?long=two").await, "two");
        assert_eq!(matches(&api, "Patient?long:missing=true").await, "many", "it is too much work for this one");
        assert_eq!(api.get("/Patient/many").await.expect(200).json().items("name").len(), 600);
    }
}
