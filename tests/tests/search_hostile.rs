//! Searches that mean harm: too many values, chains without end, SQL in every kind of value, bytes that are no text. Each is
//! refused or finds nothing, in bounded time, and the gateway stands.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Response, Server, lab_observation, patient, suite};
use std::time::{Duration, Instant};

/// No answer may take longer, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(20);

async fn ask(api: &Client, query: &str) -> Response {
    let since = Instant::now();
    let answer = api.get(&format!("/{query}")).await;
    let shown: String = query.chars().take(200).collect();
    assert!(since.elapsed() < PATIENCE, "{shown}: {:?}", since.elapsed());
    assert!(answer.status < 500, "{shown}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    answer
}

/// The same as a form, which is not bounded by the length of an address.
async fn form(api: &Client, kind: &str, body: String) -> Response {
    let since = Instant::now();
    let shown: String = body.chars().take(200).collect();
    let answer = api
        .request(hyper::Method::POST, &format!("/{kind}/_search"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body)
        .await;
    assert!(since.elapsed() < PATIENCE, "{shown}: {:?}", since.elapsed());
    assert!(answer.status < 500, "{shown}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    answer
}

async fn is_refused(answer: Response) {
    assert!(matches!(answer.status, 400 | 413 | 414), "{}", answer.status);
    answer.issues();
}

async fn people(engine: Engine) -> Server {
    let server = Server::start(engine);
    let api = server.client();
    api.save(&patient("h", "Hostile")).await.expect(201);
    api.save(&lab_observation("h", "h", "5.4")).await.expect(201);
    server
}

/// A parameter of each kind, and what it may be asked with.
const KINDS: [(&str, &str); 14] = [
    ("Patient", "family"),
    ("Patient", "family:exact"),
    ("Patient", "family:contains"),
    ("Patient", "identifier"),
    ("Patient", "identifier:text"),
    ("Patient", "_id"),
    ("Patient", "birthdate"),
    ("Patient", "general-practitioner"),
    ("Observation", "value-quantity"),
    ("Observation", "code-value-quantity"),
    ("RiskAssessment", "probability"),
    ("ValueSet", "url"),
    ("ValueSet", "url:below"),
    ("Patient", "general-practitioner.family"),
];

suite! {
    async fn too_much_is_refused_in_time(engine: Engine) {
        let server = people(engine).await;
        let api = server.client();
        let many = |count: usize| (0..count).map(|number| format!("v{number}")).collect::<Vec<_>>().join(",");
        for name in ["_id", "family", "identifier", "general-practitioner", "identifier:not", "_tag"] {
            is_refused(ask(&api, &format!("Patient?{name}={}", many(10_000))).await).await;
            is_refused(form(&api, "Patient", format!("{name}={}", many(10_000))).await).await;
            assert_eq!(ask(&api, &format!("Patient?{name}={}", many(200))).await.status, 200, "{name}");
        }
        is_refused(ask(&api, &format!("Observation?{}code=x", "has-member.".repeat(64))).await).await;
        is_refused(ask(&api, &format!("Patient?{}_id=x", "_has:Patient:link:".repeat(64))).await).await;
        is_refused(ask(&api, &format!("Patient?{}_id=x", "link.".repeat(7))).await).await;
        assert_eq!(ask(&api, &format!("Patient?{}family=x", "link:Patient.".repeat(5))).await.status, 200);
        is_refused(ask(&api, &format!("Patient?family={}", "x".repeat(60_000))).await).await;
        is_refused(form(&api, "Patient", format!("family={}", "x".repeat(1_000_000))).await).await;
        is_refused(ask(&api, &["_id=h"; 101].join("&").replace("_id", "Patient?_id")).await).await;
        is_refused(ask(&api, &format!("Patient?_elements={}", many(101))).await).await;
        // As much as is allowed.
        let includes: Vec<String> = (0..99).map(|number| format!("_include:iterate={}", ["*", "Patient:*", "Observation:patient", "Provenance:target"][number % 4])).collect();
        assert_eq!(ask(&api, &format!("Patient?{}", includes.join("&"))).await.status, 200);
        let revincludes = ["_revinclude:iterate=Observation:*"; 99].join("&");
        assert_eq!(ask(&api, &format!("Patient?{revincludes}")).await.status, 200);
        assert_eq!(ask(&api, &format!("Patient?{}", ["_id=h"; 99].join("&"))).await.status, 200);
        assert_eq!(ask(&api, &format!("Patient?{}", ["family:contains=hos"; 99].join("&"))).await.status, 200);
    }

    async fn as_many_alternatives_as_are_allowed_are_answered_on_every_kind(engine: Engine) {
        let server = people(engine).await;
        let api = server.client();
        let two_hundred = |item: &dyn Fn(usize) -> String| (0..200).map(item).collect::<Vec<_>>().join(",");
        for (kind, name, values) in [
            ("Observation", "code-value-quantity", two_hundred(&|number| format!("2345-7${number}.4"))),
            ("Observation", "combo-code-value-quantity", two_hundred(&|number| format!("2345-7${number}.4"))),
            ("Observation", "component-code-value-quantity", two_hundred(&|number| format!("x${number}"))),
            ("Observation", "value-quantity", two_hundred(&|number| format!("gt{number}"))),
            ("Observation", "date", two_hundred(&|number| format!("ne{}", 1900 + number))),
            ("Observation", "patient", two_hundred(&|number| format!("p{number}"))),
            ("Observation", "subject.identifier", two_hundred(&|number| format!("{number}"))),
            ("Observation", "subject:Patient.name:contains", (0..100).map(|number| format!("h{number},hos")).collect::<Vec<_>>().join(",")),
            ("Patient", "_has:Observation:patient:code-value-quantity", two_hundred(&|number| format!("a${number}"))),
            ("Patient", "name", two_hundred(&|number| format!("n{number}"))),
            ("Patient", "_lastUpdated", two_hundred(&|number| format!("ne{}", 1900 + number))),
            ("ValueSet", "url:above", two_hundred(&|number| format!("u:/a/b/c/{number}"))),
        ] {
            let answer = form(&api, kind, format!("{name}={values}")).await;
            assert!(matches!(answer.status, 200 | 400), "{name}: {}", answer.status);
            let answer = form(&api, kind, format!("{name}={values}&_sort=-_lastUpdated&_total=accurate")).await;
            assert!(matches!(answer.status, 200 | 400), "{name}: {}", answer.status);
        }
        // The widest chains, many times.
        for query in ["Provenance?target.identifier=x", "Provenance?target._id=x", "Basic?subject._id=h", "List?item._tag=a,b,c", "AuditEvent?entity._lastUpdated=gt2020"] {
            ask(&api, query).await;
            let (kind, parameter) = query.split_once('?').unwrap();
            ask(&api, &format!("{kind}?{}", [parameter; 90].join("&"))).await;
            ask(&api, &format!("{kind}?{}", ["_id:not=1", parameter, parameter].join("&"))).await;
        }
        ask(&api, &format!("Observation?{}", ["subject.name=a,b,c,d,e"; 90].join("&"))).await;
        ask(&api, &format!("Patient?{}", ["_has:Observation:patient:_has:Observation:has-member:code=a,b"; 90].join("&"))).await;
    }

    async fn sql_in_a_value_is_a_value(engine: Engine) {
        let server = people(engine).await;
        let api = server.client();
        for (kind, name) in KINDS {
            for value in ["'", "''", "\"", "' or '1'='1", "x' or 1=1 --", "'; drop table patients; --", "\\", "\\'", "%", "_", "*", "$1", "?", "?1", ":x", "@x", "{keys}",
                "/*", "*/", "--", ";", "(", ")", "[", "]", "null", "true", "1=1", "x\u{2019} or 1", "\u{1f600}", "\u{202e}", "\u{feff}", "\u{ffff}", "\u{10ffff}", "\u{1}", "\n", "\r\n", "\t", "0x27", "%27", "%2527"] {
                let query = format!("{kind}?{name}={}", encoded(value));
                let answer = ask(&api, &query).await;
                match answer.status {
                    200 => {
                        let page = answer.json();
                        // Spaces and marks only are an empty text, with which every text starts.
                        assert!(page.at("entry").is_none() || kind == "Patient" && name.starts_with("family"), "{query}: {page}");
                        assert!(!page.to_string().contains("outcome"), "{query}");
                    }
                    400 => drop(answer.issues()),
                    other => panic!("{query}: {other}"),
                }
            }
        }
        for value in ["'", "' or '1'='1", "\\", "%", "_", "$1", "{keys}"] {
            for name in ["family", "family:contains", "family:exact"] {
                let page = ask(&api, &format!("Patient?{name}={}", encoded(value))).await.json();
                assert_eq!(page.at("entry"), None, "{name}={value}");
            }
        }
        for name in ["fam'ily", "family'--", "family;", "_sort%27", "_has:Patient';--:link:x", "link'.family", "family:ex'act", "%00", "family%00", "_id%0a"] {
            is_refused(ask(&api, &format!("Patient?{name}=x")).await).await;
        }
        for sort in ["'", "family;--", "-'", "family%20desc", "family,(select%201)"] {
            is_refused(ask(&api, &format!("Patient?_sort={sort}")).await).await;
        }
        assert_eq!(api.search("/Patient?family=hostile").await, ["Patient/h"], "all is there still");
    }

    async fn bytes_that_are_no_text_are_refused(engine: Engine) {
        let server = people(engine).await;
        let api = server.client();
        for (kind, name) in KINDS {
            for value in ["%00", "a%00b", "%ff", "%c3", "%ed%a0%80", "%", "%zz", "%e2%28%a1"] {
                let answer = ask(&api, &format!("{kind}?{name}={value}")).await;
                assert!(matches!(answer.status, 200 | 400), "{kind}?{name}={value}: {}", answer.status);
                if answer.status == 200 {
                    assert_eq!(answer.json().at("entry"), None, "{kind}?{name}={value}");
                }
            }
        }
    }

    async fn numbers_and_dates_at_their_ends(engine: Engine) {
        let server = people(engine).await;
        let api = server.client();
        for value in ["1e399", "-1e399", "1e308", "9e307", "1e-400", "1e99999999999", "99999999999999999999999999999999999999", "0.00000000000000000000000000000000000001",
            "NaN", "inf", "-inf", "infinity", "1e", "e1", "--1", "+1", "1,,2", ",", "|", "||", "1|", "1|||", "gt", "ge1|http://unitsofmeasure.org|10*400", "1e300|http://unitsofmeasure.org|Ym", "1|http://unitsofmeasure.org|[pH]"] {
            for prefix in ["", "ap", "ne", "sa", "eb", "lt", "ge"] {
                ask(&api, &format!("Observation?value-quantity={prefix}{}", encoded(value))).await;
                ask(&api, &format!("RiskAssessment?probability={prefix}{}", encoded(value))).await;
            }
        }
        for value in ["0000", "0001", "9999", "9999-12-31", "9999-12-31T23:59:59.999999999Z", "10000", "-0001", "2024-00", "2024-02-30", "2024-06-30T23:59:60Z", "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00%2B99:99", "2024-01-01T00:00:00%2B14:00", "2024-1-1", "20240101", "2024-01-01T00", "2024-01-01T00:00:00.0000000000000000000001Z", "T00:00"] {
            for prefix in ["", "ap", "ne", "sa", "eb", "lt", "ge"] {
                for query in ["Patient?birthdate", "Patient?_lastUpdated", "Observation?date"] {
                    ask(&api, &format!("{query}={prefix}{value}")).await;
                }
            }
        }
        for count in ["0", "1", "99999999999999999999", "-1", "1e3", "0x10", " 1", "1%00", "%2B1", "1.0"] {
            ask(&api, &format!("Patient?_count={}", count.replace(' ', "%20"))).await;
        }
    }

    async fn contradictions_find_nothing_or_are_refused(engine: Engine) {
        let server = people(engine).await;
        let api = server.client();
        for query in ["Patient?_id=h&_id=i", "Patient?_id=h&_id:not=h", "Patient?gender=female&gender=male", "Patient?family=hostile&family:missing=true", "Patient?_lastUpdated=lt2001&_lastUpdated=gt2001",
            "Patient?birthdate=1974&birthdate=1975", "Patient?deceased=true&deceased=false", "Observation?code=2345-7&code:not=2345-7", "Observation?value-quantity=gt5&value-quantity=lt5",
            "Observation?patient=h&patient=i", "Observation?patient:missing=true&patient=h"] {
            let page = ask(&api, query).await;
            assert_eq!(page.status, 200, "{query}");
            assert_eq!(page.json().at("entry"), None, "{query}");
        }
        for query in ["Patient?_count=1&_count=2", "Patient?_summary=true&_summary=count", "Patient?_total=none&_total=accurate", "Patient?family:missing=true,false", "?_type=Patient&_type=Observation"] {
            is_refused(ask(&api, query).await).await;
        }
        let twice = Json::of(r#"{"resourceType":"Parameters"}"#);
        let answer = api.post("/Patient/_search", twice).await;
        assert!(matches!(answer.status, 400 | 415), "{}", answer.status);
    }
}

/// Percent-encoded, every byte that is no letter or digit.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
