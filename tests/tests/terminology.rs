//! The operations of terminology over what is stored and what is sent along:
//! <https://hl7.org/fhir/R4/terminology-service.html>
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gateway_tests::{Client, Engine, Json, Response, Server, own, suite};
use hyper::Method;

fn of(text: &str) -> Json {
    Json::of(text)
}

/// A system of three codes, `a` above `b`; its version is said of each display.
fn system(id: &str, url: &str, version: &str) -> Json {
    of(&format!(
        r#"{{"resourceType":"CodeSystem","id":"{id}","url":"{url}","version":"{version}","name":"Sys","status":"active",
        "content":"complete","language":"en","concept":[
          {{"code":"a","display":"A of {version}","designation":[{{"language":"de","value":"Ah"}}],"concept":[{{"code":"b","display":"B of {version}"}}]}},
          {{"code":"c","display":"C of {version}"}}]}}"#
    ))
}

/// A value set of rules.
fn set(id: &str, url: &str, include: &str) -> Json {
    of(&format!(
        r#"{{"resourceType":"ValueSet","id":"{id}","url":"{url}","status":"active","compose":{{"include":[{include}]}}}}"#
    ))
}

fn map(id: &str, url: &str) -> Json {
    of(&format!(
        r#"{{"resourceType":"ConceptMap","id":"{id}","url":"{url}","status":"active","group":[{{"source":"{url}-from","target":"{url}-to",
        "element":[{{"code":"a","target":[{{"code":"z","display":"Zett","equivalence":"equivalent"}}]}}]}}]}}"#
    ))
}

/// A type, an operation, what it is given; a parameter of the answer and its value.
type Asked<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);

/// `Parameters`: texts, and resources (what begins with a brace).
fn parameters(all: &[(&str, &str)]) -> Json {
    let one = |(name, value): &(&str, &str)| {
        if value.starts_with('{') {
            format!(r#"{{"name":"{name}","resource":{value}}}"#)
        } else {
            format!(r#"{{"name":"{name}","valueString":{}}}"#, Json::text(*value))
        }
    };
    let all: Vec<String> = all.iter().map(one).collect();
    of(&format!(r#"{{"resourceType":"Parameters","parameter":[{}]}}"#, all.join(",")))
}

/// The value of an answer's parameter, whatever its type.
fn said<'a>(answer: &'a Json, name: &str) -> Option<&'a Json> {
    let parameter = answer.items("parameter").iter().find(|parameter| parameter.str("name") == Some(name))?;
    parameter.members().iter().find(|(field, _)| field.starts_with("value")).map(|(_, value)| value)
}

fn text(answer: &Json, name: &str) -> String {
    let value = said(answer, name).unwrap_or_else(|| panic!("no {name}: {answer}"));
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn codes(contains: &[Json]) -> Vec<String> {
    let below = |one: &Json| {
        let own = one.str("code").unwrap().to_owned();
        [vec![own], codes(one.items("contains"))].concat()
    };
    contains.iter().flat_map(below).collect()
}

/// The codes of an expansion, of what is nested each before what is below it.
fn expanded(answer: Response) -> Vec<String> {
    let set = answer.expect(200).json();
    assert_eq!(set.str("resourceType"), Some("ValueSet"));
    codes(set.items("expansion.contains"))
}

async fn expand(api: &Client, url: &str) -> Vec<String> {
    expanded(api.get(&format!("/ValueSet/$expand?url={url}")).await)
}

/// That something is answered within so many seconds.
async fn within(seconds: u64, request: gateway_tests::Request) -> Response {
    let start = Instant::now();
    let answer = request.await;
    assert!(start.elapsed() < Duration::from_secs(seconds), "{:?}", start.elapsed());
    answer
}

/// A program whose token has these scopes.
async fn scoped(server: &Server, id: &str, scopes: &str) -> Client {
    let add = [
        "client",
        "add",
        "--by",
        "Jane",
        "--id",
        id,
        "--name",
        id,
        "--scope",
        scopes,
        "--purpose",
        "TREAT",
        "--secret",
        "--json",
    ];
    let secret = Json::of(&server.command(&add).await.expect(0).stdout).str("secret").unwrap().to_owned();
    let form = format!("grant_type=client_credentials&scope={}", scopes.replace(' ', "+").replace('/', "%2F"));
    let request = server.stranger().request(Method::POST, &format!("http://{}/oauth/token", server.address()));
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").header("Authorization", &basic);
    let answer = request.body(form).await.expect(200).json();
    Client::new(server.address(), answer.str("access_token"))
}

suite! {
    async fn each_operation_is_asked_by_get_by_post_and_of_an_instance(server: &'static Server) {
        let api = server.client();
        let url = "urn:tx:each";
        api.save(&system("tx-each", url, "1")).await.expect(201);
        api.save(&set("tx-each", "urn:tx:each-set", &format!(r#"{{"system":"{url}"}}"#))).await.expect(201);
        api.save(&map("tx-each", "urn:tx:map")).await.expect(201);
        let all: [Asked<'_>; 6] = [
            ("CodeSystem", "$validate-code", &[("url", url), ("code", "b")], "result", "true"),
            ("CodeSystem", "$validate-code", &[("url", url), ("code", "z")], "result", "false"),
            ("CodeSystem", "$subsumes", &[("system", url), ("codeA", "a"), ("codeB", "b")], "outcome", "subsumes"),
            ("ValueSet", "$validate-code", &[("url", "urn:tx:each-set"), ("system", url), ("code", "b")], "display", "B of 1"),
            ("ConceptMap", "$translate", &[("url", "urn:tx:map"), ("system", "urn:tx:map-from"), ("code", "a")], "result", "true"),
            ("ConceptMap", "$translate", &[("url", "urn:tx:map"), ("system", "urn:tx:map-from"), ("code", "b")], "result", "false"),
        ];
        for (kind, operation, given, name, expected) in all {
            let query = |given: &[(&str, &str)]| given.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
            // Of an instance what would name it is not said.
            let rest: Vec<(&str, &str)> = given.iter().filter(|(name, value)| *name != "url" && !(kind == "CodeSystem" && *value == url)).copied().collect();
            let answers = [
                api.get(&format!("/{kind}/{operation}?{}", query(given))).await,
                api.post(&format!("/{kind}/{operation}"), parameters(given)).await,
                api.get(&format!("/{kind}/tx-each/{operation}?{}", query(&rest))).await,
                api.post(&format!("/{kind}/tx-each/{operation}"), parameters(&rest)).await,
            ];
            for answer in answers {
                assert_eq!(text(&answer.expect(200).json(), name), expected, "{kind} {operation} {given:?}");
            }
        }
        for answer in [
            api.get("/ValueSet/$expand?url=urn:tx:each-set").await,
            api.post("/ValueSet/$expand", parameters(&[("url", "urn:tx:each-set")])).await,
            api.get("/ValueSet/tx-each/$expand").await,
            api.post("/ValueSet/tx-each/$expand", parameters(&[])).await,
        ] {
            assert_eq!(expanded(answer), ["a", "b", "c"]);
        }
        let lookup = [("system", url), ("code", "a")];
        for answer in [api.get(&format!("/CodeSystem/$lookup?system={url}&code=a")).await, api.post("/CodeSystem/$lookup", parameters(&lookup)).await] {
            let answer = answer.expect(200).json();
            assert_eq!((text(&answer, "display"), text(&answer, "name"), text(&answer, "version")), ("A of 1".into(), "Sys".into(), "1".into()));
        }
        let validation = parameters(&[("system", url), ("code", "a")]).to_string();
        let other = parameters(&[("system", url), ("code", "z")]).to_string();
        let batch = api.post("/ValueSet/$batch-validate-code", parameters(&[("url", "urn:tx:each-set"), ("validation", &validation), ("validation", &other)])).await.expect(200).json();
        let results: Vec<String> = batch.items("parameter").iter().map(|one| text(one.at("resource").unwrap(), "result")).collect();
        assert_eq!(results, ["true", "false"]);
        let offered = api.get("/metadata?mode=terminology").await.expect(200).json();
        assert_eq!(offered.str("resourceType"), Some("TerminologyCapabilities"));
    }

    async fn the_latest_version_is_the_one_of_the_highest_number(server: &'static Server) {
        let api = server.client();
        let url = "urn:tx:versions";
        // The last one saved is neither the highest, nor the last in the alphabet.
        for (id, version) in [("tx-v1", "1.9.0"), ("tx-v2", "1.10.0"), ("tx-v3", "1.2.0")] {
            api.save(&system(id, url, version)).await.expect(201);
        }
        let display = async |more: &str| text(&api.get(&format!("/CodeSystem/$lookup?system={url}&code=a{more}")).await.expect(200).json(), "display");
        assert_eq!(display("").await, "A of 1.10.0");
        assert_eq!(display("&version=1.2.0").await, "A of 1.2.0");
        api.get(&format!("/CodeSystem/$lookup?system={url}&code=a&version=3")).await.refused(404, "not-found");
        for (id, version, code) in [("tx-s1", "2", "a"), ("tx-s2", "10", "b"), ("tx-s3", "9", "c")] {
            let rule = format!(r#"{{"system":"{url}","concept":[{{"code":"{code}"}}]}}"#);
            api.save(&set(id, "urn:tx:versions-set", &rule).with("version", Json::text(version))).await.expect(201);
        }
        assert_eq!(expand(&api, "urn:tx:versions-set").await, ["b"]);
        assert_eq!(expand(&api, "urn:tx:versions-set%7C2").await, ["a"]);
        assert_eq!(expand(&api, "urn:tx:versions-set&valueSetVersion=9").await, ["c"]);
        api.get("/ValueSet/$expand?url=urn:tx:versions-set%7C3").await.refused(404, "not-found");
    }

    async fn what_is_named_is_found_and_changes_are_seen_at_once(server: &'static Server) {
        let api = server.client();
        api.save(&system("tx-now", "urn:tx:now", "1")).await.expect(201);
        api.save(&set("tx-now-in", "urn:tx:now-in", r#"{"system":"urn:tx:now","concept":[{"code":"a"},{"code":"c"}]}"#)).await.expect(201);
        api.save(&set("tx-now-out", "urn:tx:now-out", r#"{"valueSet":["urn:tx:now-in"]}"#)).await.expect(201);
        assert_eq!(expand(&api, "urn:tx:now-out").await, ["a", "c"]);
        api.save(&set("tx-now-in", "urn:tx:now-in", r#"{"system":"urn:tx:now","concept":[{"code":"b"}]}"#)).await.expect(200);
        assert_eq!(expand(&api, "urn:tx:now-out").await, ["b"]);
        api.delete("/ValueSet/tx-now-in").await.expect(204);
        api.get("/ValueSet/$expand?url=urn:tx:now-in").await.refused(404, "not-found");
        api.get("/ValueSet/$expand?url=urn:tx:now-out").await.refused(404, "not-found");
        api.get("/ValueSet/tx-now-in/$expand").await.refused(410, "deleted");
        api.delete("/CodeSystem/tx-now").await.expect(204);
        api.get("/CodeSystem/$lookup?system=urn:tx:now&code=a").await.refused(404, "not-found");
    }

    async fn what_is_sent_along_counts_in_that_request_alone(server: &'static Server) {
        let api = server.client();
        api.save(&system("tx-along", "urn:tx:along", "1")).await.expect(201);
        let sent = system("sent", "urn:tx:along", "1").to_string().replace("of 1", "as sent");
        let ask = async |more: &[(&str, &str)]| {
            let all = [&[("system", "urn:tx:along"), ("code", "a")], more].concat();
            text(&api.post("/CodeSystem/$lookup", parameters(&all)).await.expect(200).json(), "display")
        };
        assert_eq!(ask(&[]).await, "A of 1");
        assert_eq!(ask(&[("tx-resource", &sent)]).await, "A as sent");
        assert_eq!(ask(&[]).await, "A of 1");
        let (system, rules) = (system("x", "urn:tx:sent", "1").to_string(), set("x", "urn:tx:sent-set", r#"{"system":"urn:tx:sent"}"#).to_string());
        let whole = [("url", "urn:tx:sent-set"), ("tx-resource", &*system), ("tx-resource", &*rules)];
        assert_eq!(expanded(api.post("/ValueSet/$expand", parameters(&whole)).await), ["a", "b", "c"]);
        api.post("/ValueSet/$expand", parameters(&whole[..1])).await.refused(404, "not-found");
        api.get("/CodeSystem/x").await.refused(404, "not-found");
        let own = [("valueSet", &*rules), ("tx-resource", &*system)];
        assert_eq!(expanded(api.post("/ValueSet/$expand", parameters(&own)).await), ["a", "b", "c"]);
    }

    async fn xml_is_taken_and_given(server: &'static Server) {
        let api = server.client();
        api.save(&system("tx-xml", "urn:tx:xml", "1")).await.expect(201);
        let body = r#"<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="valueSet"/><resource><ValueSet><status value="active"/><compose><include><system value="urn:tx:xml"/></include></compose></ValueSet></resource></parameter></Parameters>"#;
        let request = api.request(Method::POST, "/ValueSet/$expand").header("Content-Type", "application/fhir+xml").body(body);
        assert_eq!(expanded(request.clone().header("Accept", "application/fhir+json").await), ["a", "b", "c"]);
        let answer = request.header("Accept", "application/fhir+xml").await.expect(200);
        assert!(answer.header("Content-Type").unwrap().starts_with("application/fhir+xml") && answer.text().contains(r#"<code value="b"/>"#), "{}", answer.text());
        let answer = api.get("/CodeSystem/$lookup?system=urn:tx:xml&code=a&_format=xml").await.expect(200);
        assert!(answer.text().contains(r#"<valueString value="A of 1"/>"#), "{}", answer.text());
        let answer = api.get("/CodeSystem/$lookup?system=urn:tx:xml&code=z&_format=xml").await.expect(404);
        assert!(answer.text().starts_with("<OperationOutcome") || answer.text().contains("<OperationOutcome"), "{}", answer.text());
    }

    async fn concepts_are_shown_in_the_language_that_is_asked_for(server: &'static Server) {
        let api = server.client();
        api.save(&system("tx-de", "urn:tx:de", "1")).await.expect(201);
        let path = "/CodeSystem/$lookup?system=urn:tx:de&code=a";
        let display = async |path: &str, header: &str| text(&api.get(path).header("Accept-Language", header).await.expect(200).json(), "display");
        assert_eq!(display(path, "en").await, "A of 1");
        assert_eq!(display(path, "fr, de;q=0.5, en;q=0.1").await, "Ah");
        // The parameter counts more than the header.
        assert_eq!(display(&format!("{path}&displayLanguage=en"), "de").await, "A of 1");
        assert_eq!(display(&format!("{path}&displayLanguage=de"), "en").await, "Ah");
        assert_eq!(display(path, "!!").await, "A of 1");
        api.get(&format!("{path}&displayLanguage=-")).await.expect(400).issues();
    }

    async fn faults_are_outcomes_of_the_right_status(server: &'static Server) {
        let api = server.client();
        api.save(&system("tx-bad", "urn:tx:bad", "1")).await.expect(201);
        for (path, status, code) in [
            ("/ValueSet/$expand?url=urn:tx:nothing", 404, "not-found"),
            ("/ValueSet/$expand", 400, "invalid"),
            ("/ValueSet/$expand?url=urn:tx:bad&count=x", 404, "not-found"),
            ("/ValueSet/$validate-code?url=urn:tx:nothing&code=a", 404, "not-found"),
            ("/CodeSystem/$lookup?code=a", 400, "invalid"),
            ("/CodeSystem/$lookup?system=urn:tx:bad&code=z", 404, "code-invalid"),
            ("/CodeSystem/$lookup?system=urn:tx:nothing&code=z", 404, "not-found"),
            ("/CodeSystem/$subsumes?system=urn:tx:bad&codeA=a", 400, "invalid"),
            ("/CodeSystem/$subsumes?system=urn:tx:bad&codeA=a&codeB=z", 404, "code-invalid"),
            ("/CodeSystem/$validate-code?url=urn:tx:bad", 400, "invalid"),
            ("/ConceptMap/$translate?url=urn:tx:nothing&code=a&system=urn:tx:bad", 404, "not-found"),
            ("/ConceptMap/$translate?url=urn:tx:nothing", 400, "invalid"),
            ("/ValueSet/nobody/$expand", 404, "not-found"),
        ] {
            api.get(path).await.refused(status, code);
        }
        let of_rule = async |rule: &str| {
            let set = set("x", "urn:tx:sent", rule).to_string();
            api.post("/ValueSet/$expand", parameters(&[("valueSet", &set)])).await
        };
        let issue = of_rule(r#"{"system":"urn:tx:bad","filter":[{"property":"code","op":"=","value":"a"},{"property":"code","op":"regex","value":"("}]}"#).await.refused(422, "invalid");
        assert_eq!(issue.expression, ["ValueSet.compose.include[0].filter[1]"]);
        let issue = of_rule(r#"{"system":"urn:tx:bad","filter":[{"property":"code","op":"beside","value":"a"}]}"#).await.refused(422, "not-supported");
        assert_eq!(issue.expression, ["ValueSet.compose.include[0].filter[0]"]);
        of_rule(r#"{"system":"urn:tx:nowhere"}"#).await.refused(404, "not-found");
        for (id, other) in [("tx-ring-a", "tx-ring-b"), ("tx-ring-b", "tx-ring-a")] {
            api.save(&set(id, &format!("urn:{id}"), &format!(r#"{{"valueSet":["urn:{other}"]}}"#))).await.expect(201);
        }
        api.get("/ValueSet/$expand?url=urn:tx-ring-a").await.refused(422, "processing");
        api.get("/ValueSet/$validate-code?url=urn:tx-ring-a&system=urn:tx:bad&code=a").await.refused(422, "processing");
    }

    async fn a_chain_of_stored_sets_ends_where_it_is_too_long(server: &'static Server) {
        let api = server.client();
        api.save(&system("tx-chain", "urn:tx:chain", "1")).await.expect(201);
        api.save(&set("tx-chain-0", "urn:tx:chain-0", r#"{"system":"urn:tx:chain"}"#)).await.expect(201);
        for nth in 1..14 {
            api.save(&set(&format!("tx-chain-{nth}"), &format!("urn:tx:chain-{nth}"), &format!(r#"{{"valueSet":["urn:tx:chain-{}"]}}"#, nth - 1))).await.expect(201);
        }
        assert_eq!(expand(&api, "urn:tx:chain-8").await, ["a", "b", "c"]);
        api.get("/ValueSet/$expand?url=urn:tx:chain-13").await.refused(422, "too-costly");
    }

    async fn what_is_large_is_refused_or_paged(server: &'static Server) {
        let api = server.client();
        let concepts: Vec<String> = (0..10_001).map(|nth| format!(r#"{{"code":"n{nth}"}}"#)).collect();
        let large = format!(r#"{{"resourceType":"CodeSystem","url":"urn:tx:large","status":"active","content":"complete","concept":[{}]}}"#, concepts.join(","));
        let all = [("tx-resource", &*large), ("valueSet", r#"{"resourceType":"ValueSet","status":"active","compose":{"include":[{"system":"urn:tx:large"}]}}"#)];
        api.post("/ValueSet/$expand", parameters(&all)).await.refused(422, "too-costly");
        let page = api.post("/ValueSet/$expand", parameters(&[&all[..], &[("count", "2"), ("offset", "10000")]].concat())).await.expect(200).json();
        assert_eq!((codes(page.items("expansion.contains")), page.at("expansion.total")), (vec!["n10000".to_owned()], Some(&Json::Number("10001".into()))));
        let many: Vec<String> = (0..3000).map(|nth| set("x", &format!("urn:tx:many-{nth}"), "").to_string()).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|one| ("tx-resource", one.as_str())).chain([("url", "urn:tx:many-7")]).collect();
        assert!(expanded(within(30, api.post("/ValueSet/$expand", parameters(&many))).await).is_empty());
        let long = format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"url","valueUri":"{}"}}]}}"#, "u".repeat(17 << 20));
        api.post("/ValueSet/$expand", of(&long)).await.refused(413, "too-long");
    }

    async fn what_nests_deep_does_not_end_the_server(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        // Each code is below the one before it, by a property: the resource itself is flat.
        let concept = |nth: usize| match nth {
            0 => r#"{"code":"n0"}"#.to_owned(),
            _ => format!(r#"{{"code":"n{nth}","property":[{{"code":"parent","valueCode":"n{}"}}]}}"#, nth - 1),
        };
        let concepts: Vec<String> = (0..9000).map(concept).collect();
        let deep = format!(r#"{{"resourceType":"CodeSystem","url":"urn:tx:deep","status":"active","content":"complete","concept":[{}]}}"#, concepts.join(","));
        let all = [("tx-resource", &*deep), ("valueSet", r#"{"resourceType":"ValueSet","status":"active","compose":{"include":[{"system":"urn:tx:deep"}]}}"#)];
        let answer = api.post("/ValueSet/$expand", parameters(&all)).attempt().await;
        let answer = answer.expect("the server lives").expect(200);
        assert_eq!(answer.text().matches(r#""code":"n"#).count(), 9000);
        let answer = api.post("/ValueSet/$expand?_format=xml", parameters(&all)).attempt().await;
        answer.expect("the server lives").expect(200);
        let body = format!(r#"{{"resourceType":"Parameters","parameter":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
        api.post("/ValueSet/$expand", body).await.expect(400).issues();
    }

    async fn what_is_hostile_ends_in_time(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&system("tx-long", "urn:tx:long", "1")).await.expect(201);
        for expression in ["(a+)+$", "(((((a{100}){100}){100}){100}){100})", "(?:a?){5000}a{5000}", r"\\pL{1000}"] {
            let set = set("x", "urn:x", &format!(r#"{{"system":"urn:tx:long","filter":[{{"property":"code","op":"regex","value":"{expression}"}}]}}"#));
            let answer = within(20, api.post("/ValueSet/$expand", parameters(&[("valueSet", &set.to_string())]))).await;
            assert!(matches!(answer.status, 200 | 422), "{expression}: {}", answer.status);
        }
        // Each set names the next one many times over.
        let wide: Vec<String> = (0..12).map(|nth| {
            let rules = vec![format!(r#"{{"valueSet":["urn:wide-{}"]}}"#, nth + 1); 30].join(",");
            set("x", &format!("urn:wide-{nth}"), &rules).to_string()
        }).chain([set("x", "urn:wide-12", r#"{"system":"urn:tx:long"}"#).to_string()]).collect();
        let wide: Vec<(&str, &str)> = wide.iter().map(|one| ("tx-resource", one.as_str())).chain([("url", "urn:wide-0")]).collect();
        let answer = within(30, api.post("/ValueSet/$expand", parameters(&wide))).await;
        assert!(matches!(answer.status, 200 | 422), "{}", answer.status);
        for more in [&[("system", "urn:tx:long"), ("code", "z")][..], &[("code", "z")]] {
            let answer = within(30, api.post("/ValueSet/$validate-code", parameters(&[&wide[..], more].concat()))).await;
            assert!(matches!(answer.status, 200 | 422), "{}", answer.status);
        }
    }

    async fn nothing_of_what_is_asked_is_in_the_log(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for path in [
            "/ValueSet/$expand?url=urn:zqcanary&filter=zqcanary",
            "/ValueSet/$validate-code?url=urn:zqcanary&code=zqcanary&display=zqcanary",
            "/CodeSystem/$lookup?system=urn:zqcanary&code=zqcanary&displayLanguage=zqcanary",
            "/ConceptMap/$translate?code=zqcanary&system=urn:zqcanary",
        ] {
            let answer = api.get(path).await;
            assert!(matches!(answer.status, 200 | 400 | 404), "{path}: {}", answer.status);
        }
        let set = set("zqcanary", "urn:zqcanary", r#"{"system":"urn:zqcanary","filter":[{"property":"zqcanary","op":"regex","value":"("}]}"#).to_string();
        api.post("/ValueSet/$expand", parameters(&[("valueSet", &set)])).await.expect(404);
        assert!(!server.log().is_empty() && !server.log().contains("zqcanary"), "{}", server.log());
    }

    async fn scopes_say_what_is_known(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&system("tx-scope", "urn:tx:scope", "1")).await.expect(201);
        api.save(&set("tx-scope", "urn:tx:scope-set", r#"{"system":"urn:tx:scope"}"#)).await.expect(201);
        let path = "/ValueSet/$expand?url=urn:tx:scope-set";
        let none = scoped(&server, "none", "system/Patient.rs").await;
        for path in [path, "/ValueSet/tx-scope/$expand", "/CodeSystem/$lookup?system=urn:tx:scope&code=a", "/ConceptMap/$translate?system=urn:x&code=a"] {
            none.get(path).await.refused(403, "forbidden");
        }
        let sets = scoped(&server, "sets", "system/ValueSet.rs").await;
        let issue = sets.get(path).await.refused(404, "not-found");
        assert!(issue.text.contains("urn:tx:scope") && !issue.text.contains("urn:tx:scope-set"), "{}", issue.text);
        let along = [("url", "urn:tx:scope-set"), ("tx-resource", &*system("x", "urn:tx:scope", "1").to_string())];
        assert_eq!(expanded(sets.post("/ValueSet/$expand", parameters(&along)).await), ["a", "b", "c"]);
        let both = scoped(&server, "both", "system/ValueSet.rs system/CodeSystem.rs").await;
        assert_eq!(expand(&both, "urn:tx:scope-set").await, ["a", "b", "c"]);
        server.stranger().get(path).await.expect(401);
    }

    async fn what_another_organization_has_is_not_known(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&system("tx-org", "urn:tx:org", "1")).await.expect(201);
        api.save(&set("tx-org", "urn:tx:org-set", r#"{"system":"urn:tx:org"}"#)).await.expect(201);
        assert_eq!(expand(&api, "urn:tx:org-set").await, ["a", "b", "c"]);
        let mut sql = server.sql().await;
        let organizations = own(engine, "gateway_organizations");
        sql.run(&format!("insert into {organizations} (id, name, time_zone, created) values (2, 'Hidden', 'UTC', 0) on conflict do nothing")).await;
        let (before, tables) = match engine {
            Engine::Sqlite => ("pragma foreign_keys = off", "select m.name from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table' and c.name = 'organization_id'"),
            Engine::Postgres => ("set session_replication_role = replica", "select table_schema || '.' || table_name from information_schema.columns join information_schema.tables using (table_schema, table_name) where column_name = 'organization_id' and table_type = 'BASE TABLE'"),
        };
        sql.run(before).await;
        let mut moved = 0;
        for mut row in sql.rows(tables).await {
            let table = row.remove(0).unwrap();
            if !table.contains("audit") && !table.contains("organizations") && !table.contains("oauth") {
                moved += sql.run(&format!("update {table} set organization_id = 2 where organization_id = 1")).await;
            }
        }
        assert!(moved > 3, "{moved}");
        api.get("/ValueSet/tx-org").await.refused(404, "not-found");
        api.get("/ValueSet/$expand?url=urn:tx:org-set").await.refused(404, "not-found");
        api.get("/ValueSet/tx-org/$expand").await.refused(404, "not-found");
        api.get("/CodeSystem/$lookup?system=urn:tx:org&code=a").await.refused(404, "not-found");
    }

    async fn the_exchange_and_what_it_read_are_on_record(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&system("tx-seen", "urn:tx:seen", "1")).await.expect(201);
        api.save(&set("tx-seen", "urn:tx:seen-set", r#"{"system":"urn:tx:seen"}"#)).await.expect(201);
        assert_eq!(expand(&api, "urn:tx:seen-set").await, ["a", "b", "c"]);
        let of = |events: Vec<gateway_tests::Audited>| {
            let of_it = events.into_iter().filter(|event| event.interaction == "$expand");
            of_it.map(|event| (event.kind.unwrap_or_default(), event.id.unwrap_or_default(), event.status)).collect::<Vec<_>>()
        };
        let seen = of(server.audited().await);
        for kind in ["ValueSet", "CodeSystem"] {
            assert!(seen.contains(&(kind.to_owned(), "tx-seen".to_owned(), 200)), "{seen:?}");
        }
        api.get("/ValueSet/$expand?url=urn:tx:unseen").await.expect(404);
        let after = of(server.audited().await);
        assert!(after.len() > seen.len() && after.last().unwrap().2 == 404, "{after:?}");
    }

    async fn a_batch_asks_operations_too(server: &'static Server) {
        let api = server.client();
        api.save(&system("tx-batch", "urn:tx:batch", "1")).await.expect(201);
        api.save(&set("tx-batch", "urn:tx:batch-set", r#"{"system":"urn:tx:batch"}"#)).await.expect(201);
        let entry = |url: &str| format!(r#"{{"request":{{"method":"GET","url":"{url}"}}}}"#);
        let entries = ["ValueSet/$expand?url=urn:tx:batch-set", "ValueSet/tx-batch/$expand", "ValueSet/$expand?url=urn:tx:nothing"].map(entry);
        let batch = format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{}]}}"#, entries.join(","));
        let answer = api.post("", batch).await.expect(200).json();
        let [one, other, unknown] = answer.items("entry") else { panic!("{answer}") };
        for entry in [one, other] {
            assert_eq!(codes(entry.items("resource.expansion.contains")), ["a", "b", "c"], "{answer}");
        }
        assert!(unknown.str("response.status").unwrap().starts_with("404"), "{answer}");
    }
}
