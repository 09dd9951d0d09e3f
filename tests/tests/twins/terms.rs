//! The twin worlds of terminology: two databases that are equal but for code systems, value sets and concept maps that a token's scopes
//! do not reach: later versions, supplements, what reachable ones name, the same version as a release that is there for all. Its bearer is answered alike, byte for byte, by every operation,
//! by searches that ask terminology and by the statement; and one with other scopes is not.

use gateway_tests::{Client, Engine, Json, Options, Server, lab_observation, patient, program};
use hyper::Method;
use releases::Catalog;
use terminology::index::Draft;

use super::{Step, alike, answers_to, get, step};

/// What is active of terminology, and results.
const SCOPES: &str = "system/CodeSystem.rs?status=active system/ValueSet.rs?status=active system/ConceptMap.rs?status=active \
                      system/Observation.rs";

fn system(id: &str, url: &str, version: &str, status: &str, more: &str, concept: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"CodeSystem","id":"{id}","url":"{url}","version":"{version}","status":"{status}","name":"N{id}",{more}"concept":[{concept}]}}"#
    ))
}

fn set(id: &str, url: &str, version: &str, status: &str, compose: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"ValueSet","id":"{id}","url":"{url}","version":"{version}","status":"{status}","compose":{{{compose}}}}}"#
    ))
}

fn map(id: &str, url: &str, status: &str, target: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"ConceptMap","id":"{id}","url":"{url}","status":"{status}","group":[{{"source":"urn:t:codes","target":"urn:t:others",
        "element":[{{"code":"a","target":[{{"code":"{target}","equivalence":"equivalent"}}]}}]}}]}}"#
    ))
}

const WHOLE: &str = r#""content":"complete","#;
const CODES: &str = r#"{"code":"a","display":"A","concept":[{"code":"b","display":"B"}]},{"code":"c","display":"C","designation":[{"language":"de","value":"Zeh"}]}"#;

/// What is reached.
fn record() -> Vec<Json> {
    let mut record = vec![
        system("codes-1", "urn:t:codes", "1.0", "active", WHOLE, CODES),
        system("codes-2", "urn:t:codes", "2.0", "active", WHOLE, &format!(r#"{CODES},{{"code":"d","display":"D"}}"#)),
        set("all", "urn:t:all", "1", "active", r#""include":[{"system":"urn:t:codes"}]"#),
        set(
            "few",
            "urn:t:few",
            "1",
            "active",
            r#""include":[{"system":"urn:t:codes","filter":[{"property":"concept","op":"is-a","value":"a"}]}]"#,
        ),
        set("old", "urn:t:old", "1", "active", r#""include":[{"system":"urn:t:codes","version":"1.x"}]"#),
        set(
            "but",
            "urn:t:but",
            "1",
            "active",
            r#""include":[{"valueSet":["urn:t:all"]}],"exclude":[{"valueSet":["urn:t:few"]}]"#,
        ),
        // What these name is there in one of the worlds, and nobody's here in either.
        set("far", "urn:t:far", "1", "active", r#""include":[{"system":"urn:t:hidden"}]"#),
        set("list", "urn:t:list", "1", "active", r#""include":[{"system":"urn:t:hidden","concept":[{"code":"h"}]}]"#),
        set(
            "names",
            "urn:t:names",
            "1",
            "active",
            r#""include":[{"system":"urn:t:codes"},{"valueSet":["urn:t:gone"]}]"#,
        ),
        // A release of it is there for everybody.
        set("out", "urn:t:out", "1", "active", r#""include":[{"system":"urn:t:release"}]"#),
        map("map", "urn:t:map", "active", "x"),
        patient("term", "Term"),
    ];
    for (nth, code) in ["a", "b", "c", "d", "h"].into_iter().enumerate() {
        let coding = format!(
            r#"{{"coding":[{{"system":"urn:t:{}","code":"{code}"}}]}}"#,
            if code == "h" { "hidden" } else { "codes" }
        );
        record.push(lab_observation(&format!("term-{nth}"), "term", "7").with("code", Json::of(&coding)));
    }
    record
}

/// What is not: drafts, all of them later or named by what is reached.
fn ghosts() -> Vec<Json> {
    vec![
        system(
            "codes-9",
            "urn:t:codes",
            "9.0",
            "draft",
            WHOLE,
            r#"{"code":"a","display":"Another"},{"code":"z","display":"Z"}"#,
        ),
        system(
            "more",
            "urn:t:more",
            "1",
            "draft",
            r#""content":"supplement","supplements":"urn:t:codes","#,
            r#"{"code":"a","designation":[{"language":"fr","value":"Ah"}]}"#,
        ),
        system("hidden", "urn:t:hidden", "1", "draft", WHOLE, r#"{"code":"h","display":"H"},{"code":"i"}"#),
        set("all-9", "urn:t:all", "9", "draft", r#""include":[{"system":"urn:t:codes","concept":[{"code":"c"}]}]"#),
        set("gone", "urn:t:gone", "1", "draft", r#""include":[{"system":"urn:t:hidden"}]"#),
        system("release-1", "urn:t:release", "1", "draft", WHOLE, r#"{"code":"a","display":"Ours"},{"code":"g"}"#),
        system("release-2", "urn:t:release", "2", "draft", WHOLE, r#"{"code":"a","display":"Later"}"#),
        map("map-9", "urn:t:map", "draft", "y"),
        map("other", "urn:t:other-map", "draft", "z"),
    ]
}

fn asked() -> Vec<Step> {
    let mut steps = vec![
        get("/metadata?mode=terminology"),
        get("/CodeSystem?_summary=count"),
        get("/ConceptMap/$translate?system=urn:t:codes&code=a"),
    ];
    for name in ["all", "few", "old", "but", "far", "list", "names", "out", "gone", "none"] {
        let url = format!("url=urn:t:{name}");
        for more in [
            "",
            "&count=2",
            "&count=2&offset=1",
            "&filter=a",
            "&includeDesignations=true",
            "&displayLanguage=fr",
            "&useSupplement=urn:t:more",
            "&system-version=urn:t:codes|9.0",
            "&force-system-version=urn:t:codes|1.0",
        ] {
            steps.push(get(format!("/ValueSet/$expand?{url}{more}")));
        }
        for (system, code) in [
            ("codes", "a"),
            ("codes", "b"),
            ("codes", "z"),
            ("hidden", "h"),
            ("hidden", "i"),
            ("release", "a"),
            ("none", "a"),
        ] {
            for more in ["", "&systemVersion=9.0", "&display=Another", "&useSupplement=urn:t:more"] {
                steps.push(get(format!("/ValueSet/$validate-code?{url}&system=urn:t:{system}&code={code}{more}")));
            }
        }
        for modifier in ["in", "not-in"] {
            steps.push(get(format!("/Observation?code:{modifier}=urn:t:{name}")));
        }
        steps.push(get(format!("/ValueSet/{name}/$expand")));
        steps.push(get(format!("/ValueSet/$expand?url=urn:t:{name}|9")));
    }
    for system in ["codes", "hidden", "more", "release", "none"] {
        for code in ["a", "b", "z", "h"] {
            let of = format!("system=urn:t:{system}&code={code}");
            for more in ["", "&version=9.0", "&property=*&displayLanguage=fr", "&useSupplement=urn:t:more"] {
                steps.push(get(format!("/CodeSystem/$lookup?{of}{more}")));
                steps.push(get(format!("/CodeSystem/$validate-code?url=urn:t:{system}&code={code}{more}")));
            }
            steps.push(get(format!("/CodeSystem/$subsumes?system=urn:t:{system}&codeA=a&codeB={code}")));
            steps.push(get(format!("/ConceptMap/$translate?{of}&targetsystem=urn:t:others")));
            steps.push(get(format!("/Observation?code:below=urn:t:{system}|{code}")));
            steps.push(get(format!("/Observation?code:above=urn:t:{system}|{code}")));
        }
    }
    for id in ["map", "map-9", "other"] {
        steps.push(get(format!("/ConceptMap/{id}/$translate?system=urn:t:codes&code=a")));
        steps.push(get(format!("/ConceptMap/$translate?url=urn:t:{id}&system=urn:t:codes&code=a")));
    }
    for id in ["codes-1", "codes-9", "hidden"] {
        steps.push(get(format!("/CodeSystem/{id}/$validate-code?code=a")));
        steps.push(get(format!("/CodeSystem/{id}/$subsumes?codeA=a&codeB=b")));
    }
    // What is sent along names what is hidden.
    let sent = r#"{"resourceType":"ValueSet","url":"urn:t:sent","compose":{"include":[{"system":"urn:t:codes"},{"valueSet":["urn:t:gone"]}]}}"#;
    for operation in ["$expand", "$validate-code", "$batch-validate-code"] {
        let body = format!(
            r#"{{"resourceType":"Parameters","parameter":[{{"name":"url","valueUri":"urn:t:sent"}},{{"name":"tx-resource","resource":{sent}}},
            {{"name":"coding","valueCoding":{{"system":"urn:t:hidden","code":"h"}}}},
            {{"name":"validation","resource":{{"resourceType":"Parameters","parameter":[{{"name":"url","valueUri":"urn:t:all"}},{{"name":"coding","valueCoding":{{"system":"urn:t:codes","code":"z"}}}}]}}}}]}}"#
        );
        steps.push(step(Method::POST, format!("/ValueSet/{operation}"), Some(body)));
    }
    steps
}

/// A release beside what is stored.
fn import(server: &Server) {
    let header = r#"{"resourceType":"CodeSystem","url":"urn:t:release","version":"1","name":"R","status":"active","content":"complete"}"#;
    let mut draft = Draft::new(header.parse().unwrap());
    for code in ["a", "b"] {
        let at = draft.concept(code).unwrap();
        draft.display(at, &format!("Released {code}")).unwrap();
    }
    Catalog::at(&server.data_dir().join("terminology")).keep(draft).unwrap();
}

/// A server on the record, in one of the worlds with more of what scopes do not reach.
async fn world(engine: Engine, haunted: bool) -> (Server, Server) {
    let owner = Server::with(engine, Options { seed: Some(42), ..Options::default() });
    let all = owner.client();
    for resource in record().iter().chain(ghosts().iter().filter(|_| haunted)) {
        all.save(resource).await.expect(201);
    }
    let arguments = ["--dev-consent", "enforce"].map(str::to_owned).into();
    let seen = owner.beside_with(Options { seed: Some(7), arguments, ..Options::default() });
    [&owner, &seen].into_iter().for_each(import);
    (owner, seen)
}

async fn client(server: &Server, id: &str, scopes: &str) -> Client {
    program(server, id, scopes, &["--purpose", "TREAT"]).await
}

pub(super) async fn terminology_that_is_not_reached_changes_nothing(engine: Engine) {
    let ((_plain_owner, plain), (_haunted_owner, haunted)) = tokio::join!(world(engine, false), world(engine, true));
    let (few, as_few) = (client(&plain, "few", SCOPES).await, client(&haunted, "few", SCOPES).await);
    let steps = asked();
    let seen = answers_to(&few, &plain, &steps).await;
    alike(&seen, &answers_to(&as_few, &haunted, &steps).await, "terminology with and without what scopes do not reach");
    let has = |what: &str| seen.iter().filter(|answer| answer.contains(what)).count();
    // Enough of it is answered, and enough of it refused, for the likeness to say something.
    for (what, least) in [
        (r#""contains":["#, 30),
        (r#""valueBoolean":true"#, 20),
        (r#""mode":"match""#, 8),
        ("\n404", 40),
        (r#""uri":"urn:t:codes""#, 1),
        ("Released a", 10),
    ] {
        assert!(has(what) >= least, "{what}: {} of {}", has(what), seen.len());
    }
    let (all, as_all) = (client(&plain, "all", "system/*.rs").await, client(&haunted, "all", "system/*.rs").await);
    let (one, other) = (answers_to(&all, &plain, &steps).await, answers_to(&as_all, &haunted, &steps).await);
    let different = one.iter().zip(&other).filter(|(one, other)| one != other).count();
    assert!(different > 100, "{different} answers differ for whoever has other scopes");
}
