//! `$meta`, `$meta-add`, `$meta-delete`: <https://hl7.org/fhir/R4/resource-operations.html>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Response, Server, lab_observation, patient, suite};

/// Parameters with a Meta.
fn labels(meta: &str) -> String {
    format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"meta","valueMeta":{meta}}}]}}"#)
}

/// Parameters with these.
fn several(parameters: &[&str]) -> String {
    format!(r#"{{"resourceType":"Parameters","parameter":[{{{}}}]}}"#, parameters.join("},{"))
}

/// The Meta of an answer; an empty object where it has none.
fn meta(answer: &Response) -> Json {
    let parameters = answer.json();
    assert_eq!(parameters.str("resourceType"), Some("Parameters"), "{parameters}");
    assert_eq!(parameters.items("parameter").len(), 1);
    assert_eq!(parameters.str("parameter.0.name"), Some("return"));
    parameters.at("parameter.0.valueMeta").cloned().unwrap_or_else(|| Json::of("{}"))
}

/// `system|code` of a list.
fn codes(meta: &Json, list: &str) -> Vec<String> {
    let code = |item: &Json| match item.as_str() {
        Some(url) => url.to_owned(),
        None => format!("{}|{}", item.str("system").unwrap_or_default(), item.str("code").unwrap()),
    };
    meta.items(list).iter().map(code).collect()
}

async fn change(api: &Client, path: &str, operation: &str, meta: &str) -> Response {
    api.post(&format!("{path}/{operation}"), labels(meta)).await
}

const TAGS: &str = r#"{"tag":[{"system":"urn:t","code":"lost","display":"Lost"}],"security":[{"system":"urn:s","code":"R"}],"profile":["http://p.org/a"]}"#;

suite! {
    async fn labels_are_added_and_deleted_as_sets(server: &'static Server) {
        let api = server.client();
        // In a table of the clinic, and in none.
        let basic = Json::of(r#"{"resourceType":"Basic","id":"meta-1","code":{"text":"x"},"extension":[{"url":"urn:e","valueDecimal":1.10}]}"#);
        for resource in [patient("meta-1", "Label"), basic] {
            let path = format!("/{}/meta-1", resource.str("resourceType").unwrap());
            api.save(&resource).await.expect(201);
            assert_eq!(codes(&meta(&api.get(&format!("{path}/$meta")).await.expect(200)), "tag"), Vec::<String>::new());
            let added = change(&api, &path, "$meta-add", TAGS).await.expect(200);
            assert_eq!(added.version(), 2, "a change of labels is a version");
            let now = meta(&added);
            assert_eq!(now.str("versionId"), Some("2"));
            assert_eq!((codes(&now, "tag"), codes(&now, "security"), codes(&now, "profile")), (vec!["urn:t|lost".into()], vec!["urn:s|R".into()], vec!["http://p.org/a".into()]));
            assert_eq!(now.str("tag.0.display"), Some("Lost"));
            // What is there is not added once more, whatever is said beside its code; then there is no new version either.
            let again = change(&api, &path, "$meta-add", r#"{"tag":[{"system":"urn:t","code":"lost","version":"2","display":"Gone"}]}"#).await.expect(200);
            assert_eq!((again.version(), meta(&again)), (2, now.clone()));
            // The resource is as it was but for its labels, and says what $meta says.
            let read = api.get(&path).await.expect(200).json();
            assert_eq!(read.at("meta"), Some(&now));
            let mut expected = resource.clone();
            expected.set("", "meta", now.clone());
            assert_eq!(expected.sorted().difference(&read.sorted()), None);
            for verb in [api.get(&format!("{path}/$meta")), api.post(&format!("{path}/$meta"), r#"{"resourceType":"Parameters"}"#)] {
                let answer = verb.await.expect(200);
                assert_eq!((answer.version(), meta(&answer)), (2, now.clone()));
            }
            let deleted = change(&api, &path, "$meta-delete", r#"{"tag":[{"system":"urn:t","code":"lost"},{"code":"never"}],"profile":["http://p.org/b"]}"#).await.expect(200);
            assert_eq!((deleted.version(), codes(&meta(&deleted), "tag").len(), codes(&meta(&deleted), "security").len()), (3, 0, 1));
            assert_eq!(change(&api, &path, "$meta-delete", r#"{"tag":[{"system":"urn:t","code":"lost"}]}"#).await.expect(200).version(), 3);
            // History has what was served at each time.
            for (version, tags) in [(1, 0), (2, 1), (3, 0)] {
                let past = api.get(&format!("{path}/_history/{version}")).await.expect(200).json();
                assert_eq!(past.items("meta.tag").len(), tags, "version {version}");
                let told = api.get(&format!("{path}/_history/{version}/$meta")).await.expect(200);
                assert_eq!(Some(&meta(&told)), past.at("meta"));
            }
        }
    }

    async fn searches_see_a_label_at_once(server: &'static Server) {
        let api = server.client();
        api.save(&patient("meta-s", "Search")).await.expect(201);
        let found = async || {
            let by = async |query: &str| api.search(&format!("/Patient?_id=meta-s&{query}")).await.len();
            (by("_tag=urn:t|seen").await, by("_security=urn:s|V").await, by("_profile=http://p.org/seen").await)
        };
        assert_eq!(found().await, (0, 0, 0));
        let all = r#"{"tag":[{"system":"urn:t","code":"seen"}],"security":[{"system":"urn:s","code":"V"}],"profile":["http://p.org/seen"]}"#;
        change(&api, "/Patient/meta-s", "$meta-add", all).await.expect(200);
        assert_eq!(found().await, (1, 1, 1));
        change(&api, "/Patient/meta-s", "$meta-delete", all).await.expect(200);
        assert_eq!(found().await, (0, 0, 0));
    }

    async fn the_base_and_a_type_tell_what_is_in_use(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let told = async |path: &str| meta(&api.get(path).await.expect(200));
        assert_eq!(told("/$meta").await, Json::of("{}"), "nothing is labelled");
        assert_eq!(told("/Patient/$meta").await, Json::of("{}"));
        let long = "é".repeat(150);
        for (resource, meta) in [
            (patient("a", "A"), TAGS.to_owned()),
            (patient("b", "B"), r#"{"tag":[{"system":"urn:a","code":"z"},{"code":"bare"},{"system":"urn:t","code":"lost"}]}"#.to_owned()),
            (lab_observation("c", "a", "1"), format!(r#"{{"tag":[{{"system":"urn:t","code":"{long}1"}},{{"system":"urn:t","code":"{long}2"}}]}}"#)),
            (lab_observation("gone", "a", "1"), r#"{"tag":[{"code":"gone"}]}"#.to_owned()),
        ] {
            api.save(&resource.with("meta", Json::of(&meta))).await.expect(201);
        }
        api.delete("/Observation/gone").await.expect(204);
        let patients = told("/Patient/$meta").await;
        assert_eq!(codes(&patients, "tag"), ["|bare", "urn:a|z", "urn:t|lost"]);
        assert_eq!((codes(&patients, "security"), codes(&patients, "profile")), (vec!["urn:s|R".to_owned()], vec!["http://p.org/a".to_owned()]));
        assert_eq!((patients.at("versionId"), patients.at("lastUpdated")), (None, None));
        // Codes too long for an index are told whole.
        let results = told("/Observation/$meta").await;
        assert_eq!(codes(&results, "tag"), [format!("urn:t|{long}1"), format!("urn:t|{long}2")]);
        let all = told("/$meta").await;
        assert_eq!(codes(&all, "tag").len(), 5);
        assert_eq!(meta(&api.post("/$meta", r#"{"resourceType":"Parameters"}"#).await.expect(200)), all);
        change(&api, "/Patient/a", "$meta-delete", r#"{"security":[{"system":"urn:s","code":"R"}]}"#).await.expect(200);
        assert!(codes(&told("/$meta").await, "security").is_empty(), "the last one is gone");
    }

    async fn another_programs_write_keeps_the_labels(server: &'static Server) {
        let api = server.client();
        api.save(&patient("meta-f", "Before")).await.expect(201);
        change(&api, "/Patient/meta-f", "$meta-add", TAGS).await.expect(200);
        server.sql().await.run("update patients set last_name = 'After' where id = 'meta-f'").await;
        let now = meta(&api.get("/Patient/meta-f/$meta").await.expect(200));
        assert_eq!((now.str("versionId"), codes(&now, "security")), (Some("3"), vec!["urn:s|R".to_owned()]));
        let more = change(&api, "/Patient/meta-f", "$meta-add", r#"{"tag":[{"code":"more"}]}"#).await.expect(200);
        assert_eq!((more.version(), codes(&meta(&more), "tag").len()), (4, 2));
        assert_eq!(api.get("/Patient/meta-f").await.expect(200).json().str("name.0.family"), Some("After"));
    }

    async fn a_change_is_bound_to_the_version_that_was_seen(server: &'static Server) {
        let api = server.client();
        api.save(&patient("meta-v", "V")).await.expect(201);
        let add = r#"{"tag":[{"code":"x"}]}"#;
        api.post("/Patient/meta-v/$meta-add", labels(add)).header("If-Match", "W/\"7\"").await.refused(412, "conflict");
        // The current version may be named by its address.
        assert_eq!(change(&api, "/Patient/meta-v/_history/1", "$meta-add", add).await.expect(200).version(), 2);
        let refusal = change(&api, "/Patient/meta-v/_history/1", "$meta-delete", add).await.refused(409, "business-rule");
        assert!(refusal.text.contains("version 2"), "{}", refusal.text);
        change(&api, "/Patient/meta-v/_history/9", "$meta-delete", add).await.refused(404, "not-found");
        change(&api, "/Patient/meta-v/_history/x", "$meta-delete", add).await.refused(404, "not-found");
        assert_eq!(change(&api, "/Patient/meta-v/_history/2", "$meta-delete", add).await.expect(200).version(), 3);
        api.get("/Patient/meta-v/_history/9/$meta").await.refused(404, "not-found");
    }

    async fn labels_that_many_add_at_once_are_all_there(server: &'static Server) {
        server.client().save(&patient("meta-race", "R")).await.expect(201);
        let tasks: Vec<_> = (0..8).map(|number| {
            let api = server.client();
            tokio::spawn(async move {
                // One of them may be told to come again; no label gets lost.
                loop {
                    let answer = change(&api, "/Patient/meta-race", "$meta-add", &format!(r#"{{"tag":[{{"code":"t{number}"}}]}}"#)).await;
                    match answer.status {
                        200 => return,
                        503 => {}
                        other => panic!("{other}"),
                    }
                }
            })
        }).collect();
        for task in tasks {
            task.await.unwrap();
        }
        let now = meta(&server.client().get("/Patient/meta-race/$meta").await.expect(200));
        assert_eq!((codes(&now, "tag").len(), now.str("versionId")), (8, Some("9")));
    }

    async fn what_is_wrong_is_told_and_changes_nothing(server: &'static Server) {
        let api = server.client();
        api.save(&patient("meta-bad", "B")).await.expect(201);
        for (body, code, place) in [
            (String::new(), "structure", ""),
            (patient("x", "X").to_string(), "structure", ""),
            (r#"{"resourceType":"Parameters"}"#.to_owned(), "required", "Parameters.parameter.where(name='meta')"),
            (labels(r#"{"tag":[{"code":"a"},{"system":"urn:t"}]}"#), "required", "Parameters.parameter.where(name='meta').value.tag[1]"),
            (labels(r#"{"tag":{"code":"a"}}"#), "structure", ""),
            (labels(r#"{"nonsense":1}"#), "structure", ""),
            // A label that is let fall may be one that hides the resource.
            (several(&[r#""name":"meta","valueMeta":{"tag":[{"code":"a"}]}"#, r#""name":"meta","valueMeta":{"security":[{"code":"R"}]}"#]), "invalid", "Parameters.parameter[1]"),
            (several(&[r#""name":"meta","valueMeta":{"tag":[{"code":"a"}]}"#, r#""name":"security","valueCoding":{"code":"R"}"#]), "not-supported", "Parameters.parameter[1]"),
            (several(&[r#""name":"Meta","valueMeta":{"tag":[{"code":"a"}]}"#, r#""name":"meta","valueMeta":{"tag":[{"code":"a"}]}"#]), "not-supported", "Parameters.parameter[0]"),
        ] {
            for operation in ["$meta-add", "$meta-delete"] {
                let issue = api.post(&format!("/Patient/meta-bad/{operation}"), &body).await.refused(400, code);
                assert!(place.is_empty() || issue.expression == [place], "{body}: {:?}", issue.expression);
            }
        }
        assert_eq!(api.get("/Patient/meta-bad").await.version(), 1);
        let add = labels(r#"{"tag":[{"code":"x"}]}"#);
        for operation in ["$meta-add", "$meta-delete"] {
            api.post(&format!("/Patient/meta-nobody/{operation}"), &add).await.refused(404, "not-found");
            api.get(&format!("/Patient/meta-bad/{operation}")).await.refused(405, "not-supported");
            api.post(&format!("/Patient/{operation}"), &add).await.refused(404, "not-found");
        }
        api.get("/Patient/meta-nobody/$meta").await.refused(404, "not-found");
        api.get("/Nonsense/$meta").await.refused(404, "not-supported");
        api.delete("/Patient/meta-bad").await.expect(204);
        api.post("/Patient/meta-bad/$meta-add", &add).await.refused(410, "deleted");
        api.get("/Patient/meta-bad/$meta").await.refused(410, "deleted");
        api.get("/Patient/meta-bad/_history/1/$meta").await.expect(200);
    }

    async fn a_batch_takes_them_and_a_transaction_says_what_to_do(server: &'static Server) {
        let api = server.client();
        api.save(&patient("meta-b", "B")).await.expect(201);
        let bundle = |kind: &str| format!(
            r#"{{"resourceType":"Bundle","type":"{kind}","entry":[
            {{"request":{{"method":"GET","url":"Patient/meta-b/$meta"}}}},
            {{"resource":{},"request":{{"method":"POST","url":"Patient/meta-b/$meta-add"}}}}]}}"#,
            labels(r#"{"tag":[{"code":"batch"}]}"#)
        );
        let refusal = api.post("", bundle("transaction")).await.refused(400, "not-supported");
        assert_eq!(refusal.expression, ["Bundle.entry[1].request.url"]);
        assert_eq!(api.get("/Patient/meta-b").await.version(), 1);
        let answers = api.post("", bundle("batch")).await.expect(200).json();
        // What changes comes before what reads.
        for entry in answers.items("entry") {
            assert_eq!(entry.str("response.status").map(|status| &status[..3]), Some("200"), "{answers}");
            assert_eq!(entry.str("resource.parameter.0.valueMeta.tag.0.code"), Some("batch"), "{answers}");
        }
    }

    async fn the_statement_offers_them(server: &'static Server) {
        let statement = server.client().get("/metadata").await.expect(200).json();
        let named = |operations: &[Json]| operations.iter().map(|operation| operation.str("name").unwrap().to_owned()).collect::<Vec<_>>();
        assert!(named(statement.items("rest.0.operation")).contains(&"meta".to_owned()));
        for resource in statement.items("rest.0.resource") {
            let names = named(resource.items("operation"));
            for wanted in ["meta", "meta-add", "meta-delete"] {
                assert!(names.iter().any(|name| name == wanted), "{:?} lacks {wanted}", resource.str("type"));
            }
        }
    }

    async fn each_is_on_record(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("meta-audit", "A")).await.expect(201);
        change(&api, "/Patient/meta-audit", "$meta-add", TAGS).await.expect(200);
        api.get("/Patient/meta-audit/$meta").await.expect(200);
        api.get("/$meta").await.expect(200);
        let recorded = server.audited().await;
        for (interaction, id) in [("$meta-add", Some("meta-audit")), ("$meta", Some("meta-audit")), ("$meta", None)] {
            assert!(recorded.iter().any(|event| event.interaction == interaction && event.id.as_deref() == id && event.status == 200), "{interaction} {id:?}: {recorded:?}");
        }
    }
}
