//! Search: <https://hl7.org/fhir/R4/search.html>, for the parameters supported now.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{
    Client, Engine, Json, Random, Server, lab_observation, medication_request, patient, row_key, suite,
};
use std::collections::BTreeSet;

/// `Type/id` of a search, sorted: where the order says nothing.
async fn found(api: &Client, query: &str) -> Vec<String> {
    let mut found = api.search(query).await;
    found.sort();
    found
}

async fn total(api: &Client, query: &str) -> u64 {
    let page = api.get(query).await.expect(200).json();
    page.str("total").unwrap_or_else(|| panic!("no total: {page}")).parse().unwrap()
}

fn link<'a>(page: &'a Json, relation: &str) -> Option<&'a str> {
    page.items("link").iter().find(|link| link.str("relation") == Some(relation)).map(|link| link.str("url").unwrap())
}

fn basic(id: &str, members: &str) -> Json {
    Json::of(&format!(r#"{{"resourceType":"Basic","id":"{id}","code":{{"text":"x"}}{members}}}"#))
}

suite! {
    async fn an_entry_is_what_a_read_gives(server: &'static Server) {
        let api = server.client();
        api.save(&patient("s-entry", "Entry")).await.expect(201);
        let page = api.get("/Patient?_id=s-entry").await.expect(200).json();
        assert_eq!(page.str("resourceType"), Some("Bundle"));
        assert_eq!(page.str("type"), Some("searchset"));
        assert_eq!(page.items("entry").len(), 1);
        let entry = page.at("entry.0").unwrap();
        assert_eq!(entry.str("fullUrl"), Some(format!("{}/Patient/s-entry", server.base()).as_str()));
        assert_eq!(entry.str("search.mode"), Some("match"));
        assert_eq!(entry.at("resource"), Some(&api.get("/Patient/s-entry").await.expect(200).json()));
        let itself = link(&page, "self").unwrap();
        assert!(itself.contains("/Patient?") && itself.contains("_id=s-entry"), "{itself}");
        assert_eq!(link(&page, "next"), None);
    }

    async fn no_match_is_a_bundle_without_entries(server: &'static Server) {
        let api = server.client();
        let page = api.get("/Patient?_id=s-nobody").await.expect(200).json();
        assert_eq!(page.at("entry"), None, "an empty array is no JSON of FHIR");
        assert!(found(&api, "/SpecimenDefinition").await.is_empty());
    }

    async fn by_id_with_alternatives_and_repetition(server: &'static Server) {
        let api = server.client();
        for id in ["s-id-1", "s-id-2", "s-id-3"] {
            api.save(&patient(id, "x")).await.expect(201);
            api.save(&basic(id, "")).await.expect(201);
        }
        for kind in ["Patient", "Basic"] {
            let of = |ids: &[&str]| ids.iter().map(|id| format!("{kind}/{id}")).collect::<Vec<_>>();
            assert_eq!(found(&api, &format!("/{kind}?_id=s-id-1,s-id-3,s-id-9")).await, of(&["s-id-1", "s-id-3"]));
            assert_eq!(found(&api, &format!("/{kind}?_id=s-id-1,s-id-2&_id=s-id-2,s-id-3")).await, of(&["s-id-2"]));
            assert!(found(&api, &format!("/{kind}?_id=s-id-1&_id=s-id-2")).await.is_empty());
            assert!(found(&api, &format!("/{kind}?_id=S-ID-1")).await.is_empty(), "ids have case");
        }
    }

    async fn by_identifier_in_all_its_forms(server: &'static Server) {
        let api = server.client();
        let members = r#","identifier":[{"system":"urn:si","value":"A-1"},{"value":"A-2"},{"system":"urn:sj","value":"A,3"}]"#;
        api.save(&basic("s-ident", members)).await.expect(201);
        let mut person = patient("s-ident", "x");
        let Some(Json::Array(mut identifiers)) = person.remove("", "identifier") else { panic!("an array") };
        identifiers.extend(Json::of(r#"[{"system":"urn:si","value":"A-1"},{"value":"A-2"},{"system":"urn:sj","value":"A,3"}]"#).array().to_vec());
        person.set("", "identifier", Json::Array(identifiers));
        api.save(&person).await.expect(201);
        assert_eq!(found(&api, "/Patient?identifier=urn:example:mrn|mrn-s-ident").await, ["Patient/s-ident"], "in a column");
        assert_eq!(found(&api, "/Patient?identifier=mrn-s-ident").await, ["Patient/s-ident"]);
        for kind in ["Patient", "Basic"] {
            let this = [format!("{kind}/s-ident")];
            for value in ["urn:si|A-1", "A-1", "|A-2", "A-2", "urn:nothing|x,urn:si|A-1", "urn:si%7CA-1", "urn:sj|A%5C,3", "urn:sj|A\\,3"] {
                assert_eq!(found(&api, &format!("/{kind}?identifier={value}")).await, this, "{kind} {value}");
            }
            assert!(found(&api, &format!("/{kind}?identifier=urn:si|")).await.contains(&this[0]), "any code of a system");
            for value in ["|A-1", "urn:sj|A-1", "a-1", "urn:si|A-2", "A-", "urn:SI|A-1", "A"] {
                assert!(found(&api, &format!("/{kind}?identifier={value}")).await.is_empty(), "{kind} {value}");
            }
        }
    }

    async fn by_code_in_columns_and_in_what_stays_outside(server: &'static Server) {
        let api = server.client();
        api.save(&lab_observation("s-code-1", "s-none", "1.0")).await.expect(201);
        let second = r#"{"text":"two codings","coding":[{"system":"http://loinc.org","code":"99999-1"},{"system":"urn:local","code":"GLU-s"}]}"#;
        api.save(&lab_observation("s-code-2", "s-none", "1.0").with("code", Json::of(second))).await.expect(201);
        assert!(found(&api, "/Observation?code=http://loinc.org|2345-7").await.contains(&"Observation/s-code-1".to_owned()));
        assert!(found(&api, "/Observation?code=2345-7").await.contains(&"Observation/s-code-1".to_owned()));
        for value in ["http://loinc.org|99999-1", "urn:local|GLU-s", "GLU-s", "nothing,GLU-s"] {
            assert_eq!(found(&api, &format!("/Observation?code={value}")).await, ["Observation/s-code-2"], "{value}");
        }
        assert!(found(&api, "/Observation?code=urn:local|2345-7").await.is_empty());
        api.save(&medication_request("s-code-3", "s-none")).await.expect(201);
        let rxnorm = "/MedicationRequest?code=http://www.nlm.nih.gov/research/umls/rxnorm|314076";
        assert!(found(&api, rxnorm).await.contains(&"MedicationRequest/s-code-3".to_owned()));
    }

    async fn by_patient_and_subject_in_all_forms(server: &'static Server) {
        let api = server.client();
        api.save(&patient("s-ref", "x")).await.expect(201);
        for resource in [lab_observation("s-ref-o", "s-ref", "1"), medication_request("s-ref-m", "s-ref"),
            lab_observation("s-ref-d", "s-dangling", "1")] {
            api.save(&resource).await.expect(201);
        }
        let condition = r#"{"resourceType":"Condition","id":"s-ref-c","subject":{"reference":"Patient/s-ref"}}"#;
        api.save(&Json::of(condition)).await.expect(201);
        let absolute = format!("{}/Patient/s-ref", server.base());
        for (kind, id) in [("Observation", "s-ref-o"), ("MedicationRequest", "s-ref-m"), ("Condition", "s-ref-c")] {
            let this = [format!("{kind}/{id}")];
            for query in ["patient=s-ref", "patient=Patient/s-ref", "subject=Patient/s-ref", "subject=s-ref", "patient:Patient=s-ref",
                "subject:Patient=s-ref", &format!("subject={absolute}"), "patient=s-nobody,s-ref"] {
                assert_eq!(found(&api, &format!("/{kind}?{query}")).await, this, "{kind} {query}");
            }
            for query in ["subject=Group/s-ref", "patient=S-ref", "patient=s-re"] {
                assert!(found(&api, &format!("/{kind}?{query}")).await.is_empty(), "{kind} {query}");
            }
        }
        assert_eq!(found(&api, "/Observation?patient=s-dangling").await, ["Observation/s-ref-d"], "the reference is text, and found");
        let and = "/Observation?patient=s-ref&code=2345-7&_id=s-ref-o";
        assert_eq!(found(&api, and).await, ["Observation/s-ref-o"]);
        assert!(found(&api, "/Observation?patient=s-ref&code=nothing").await.is_empty());
    }

    async fn by_tag_on_mapped_and_other_types(server: &'static Server) {
        let api = server.client();
        let meta = Json::of(r#"{"tag":[{"system":"urn:tags","code":"s-tag"},{"code":"s-bare"}]}"#);
        for resource in [patient("s-tag", "x"), basic("s-tag", ""), lab_observation("s-tag", "x", "1")] {
            api.save(&resource.clone().with("meta", meta.clone())).await.expect(201);
            let kind = resource.str("resourceType").unwrap();
            for value in ["urn:tags|s-tag", "s-tag", "|s-bare", "s-bare", "urn:tags|"] {
                assert_eq!(found(&api, &format!("/{kind}?_tag={value}")).await, [format!("{kind}/s-tag")], "{kind} {value}");
            }
            assert!(found(&api, &format!("/{kind}?_tag=|s-tag")).await.is_empty());
        }
    }

    async fn by_last_updated_with_every_prefix(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut times = Vec::new();
        for index in 0..4 {
            let body = api.save(&patient(&format!("lu-{index}"), "x")).await.expect(201).json();
            times.push(body.str("meta.lastUpdated").unwrap().to_owned());
            tokio::time::sleep(std::time::Duration::from_millis(15)).await;
        }
        let ids = |range: std::ops::Range<usize>| range.map(|index| format!("Patient/lu-{index}")).collect::<Vec<_>>();
        let at = &times[2];
        for (prefix, wanted) in [("gt", ids(3..4)), ("ge", ids(2..4)), ("lt", ids(0..2)), ("le", ids(0..3)), ("sa", ids(3..4)), ("eb", ids(0..2)), ("eq", ids(2..3)), ("", ids(2..3))] {
            assert_eq!(found(&api, &format!("/Patient?_lastUpdated={prefix}{at}")).await, wanted, "{prefix}");
        }
        let mut others = ids(0..4);
        others.remove(2);
        assert_eq!(found(&api, &format!("/Patient?_lastUpdated=ne{at}")).await, others);
        assert_eq!(found(&api, &format!("/Patient?_lastUpdated=ge{}&_lastUpdated=lt{}", times[1], times[3])).await, ids(1..3));
        let year = &at[..4];
        assert_eq!(found(&api, &format!("/Patient?_lastUpdated={year}")).await, ids(0..4), "a year is all its instants");
        assert!(found(&api, "/Patient?_lastUpdated=lt2001").await.is_empty());
        assert_eq!(found(&api, "/Patient?_lastUpdated=gt2001-01").await, ids(0..4));
        for bad in ["yesterday", "2024-13", "gt", "2024-02-30", "xx2024-01-01"] {
            api.get(&format!("/Patient?_lastUpdated={bad}")).await.expect(400).issues();
        }
    }

    async fn pages_follow_each_other_without_repeat_or_gap(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut wanted = Vec::new();
        for index in 0..57 {
            api.save(&lab_observation(&format!("p-{index:02}"), "nobody", "1")).await.expect(201);
            wanted.push(format!("Observation/p-{index:02}"));
        }
        for count in [1, 2, 10, 56, 57, 58, 1000] {
            assert_eq!(found(&api, &format!("/Observation?_count={count}")).await, wanted, "_count={count}");
            let order = api.search(&format!("/Observation?_count={count}")).await;
            assert_eq!(order, api.search("/Observation?_count=1000").await, "the order is the same whatever the page");
        }
        let page = api.get("/Observation?_count=10&code=2345-7").await.expect(200).json();
        assert_eq!(page.items("entry").len(), 10);
        assert!(link(&page, "next").unwrap().starts_with(&server.base()));
        assert_eq!(found(&api, "/Observation?_count=10&code=2345-7").await, wanted);
    }

    async fn pages_hold_while_others_write(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut stays = BTreeSet::new();
        for index in 0..60 {
            let id = format!("c-{index:02}");
            api.save(&patient(&id, "x")).await.expect(201);
            if index % 3 != 0 {
                stays.insert(format!("Patient/{id}"));
            }
        }
        let writer = server.client();
        let writing = tokio::spawn(async move {
            let mut random = Random::seeded(7);
            for step in 0..150 {
                let third = random.below(20) * 3;
                match random.below(3) {
                    0 => drop(writer.delete(&format!("/Patient/c-{third:02}")).await),
                    1 => drop(writer.save(&patient(&format!("c-{third:02}"), "again")).await),
                    _ => drop(writer.save(&patient(&format!("new-{step}"), "new")).await),
                }
            }
        });
        let mut rounds = 0;
        while !writing.is_finished() || rounds < 3 {
            let seen = api.search("/Patient?_count=7").await;
            let once: BTreeSet<String> = seen.iter().cloned().collect();
            assert_eq!(once.len(), seen.len(), "a match came twice: {seen:?}");
            let missing: Vec<_> = stays.difference(&once).collect();
            assert!(missing.is_empty(), "left out: {missing:?}");
            rounds += 1;
        }
        writing.await.unwrap();
    }

    async fn a_changed_resource_is_found_by_what_it_is_now_and_no_more_by_what_it_was(server: &'static Server) {
        let api = server.client();
        for round in 0..3 {
            for (old, new) in [("s-old", "s-new"), ("s-new", "s-old")] {
                let members = format!(r#","identifier":[{{"system":"urn:x","value":"{old}"}}]"#);
                let mut person = patient("s-change", "x");
                person.set("identifier.0", "value", Json::text(old));
                api.save(&person).await;
                api.save(&basic("s-change", &members)).await;
                for kind in ["Patient", "Basic"] {
                    assert_eq!(found(&api, &format!("/{kind}?identifier={old}")).await, [format!("{kind}/s-change")], "{round}");
                    assert!(found(&api, &format!("/{kind}?identifier={new}")).await.is_empty(), "{round}");
                }
            }
        }
    }

    async fn count_is_bounded_and_checked(server: &'static Server) {
        let api = server.client();
        api.save(&patient("s-count", "x")).await.expect(201);
        for bad in ["-1", "x", "1.5"] {
            api.get(&format!("/Patient?_count={bad}")).await.expect(400).issues();
        }
        api.get("/Patient?_count=1000000").await.expect(200);
        let none = api.get("/Patient?_id=s-count&_count=0").await.expect(200).json();
        assert_eq!((none.items("entry").len(), none.str("total")), (0, Some("1")), "_count=0 is _summary=count");
    }

    async fn summary_count_and_total_count_all(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        assert_eq!(total(&api, "/Patient?_summary=count").await, 0);
        for index in 0..12 {
            api.save(&patient(&format!("n-{index}"), "x")).await.expect(201);
            api.save(&lab_observation(&format!("n-{index}"), &format!("n-{}", index % 3), "1")).await.expect(201);
        }
        api.delete("/Patient/n-0").await;
        let page = api.get("/Patient?_summary=count").await.expect(200).json();
        assert_eq!((page.str("total"), page.at("entry")), (Some("11"), None));
        assert_eq!(total(&api, "/Patient?_total=accurate&_count=2").await, 11);
        assert_eq!(total(&api, "/Observation?_summary=count&patient=n-1").await, 4);
        assert_eq!(total(&api, "/Observation?_summary=count&patient=n-1,n-2&code=2345-7").await, 8);
        assert_eq!(total(&api, "/Observation?_summary=count&code=nothing").await, 0);
        // Whatever goes, by whomever, goes out of the count, and what comes twice in a resource counts once.
        let mut sql = server.sql().await;
        api.delete("/Observation/n-1").await;
        let row = row_key(&mut sql, "Observation", "n-4").await;
        sql.run(&format!("delete from lab_results where id = '{row}'")).await;
        gateway_tests::hidden_organization(&mut sql).await;
        assert_eq!(total(&api, "/Observation?_summary=count&patient=n-1").await, 2);
        assert_eq!(total(&api, "/Observation?_summary=count&status=final").await, 10);
        let twice = r#","identifier":[{"system":"urn:x","value":"n"},{"system":"urn:y","value":"n"},{"system":"urn:x","value":"m"}]"#;
        api.save(&basic("n-twice", twice)).await.expect(201);
        assert_eq!(total(&api, "/Basic?_summary=count&identifier=n,m").await, 1);
        // Resources of a type that shares a place with others are counted by type.
        api.save(&basic("n-tag", r#","meta":{"tag":[{"code":"n-tag"}]}"#)).await.expect(201);
        api.save(&patient("n-tag", "x").with("meta", Json::of(r#"{"tag":[{"code":"n-tag"}]}"#))).await.expect(201);
        assert_eq!(total(&api, "/Basic?_summary=count&_tag=n-tag").await, 1);
        let unasked = api.get("/Patient?_count=2").await.expect(200).json();
        assert_eq!(unasked.at("total"), None, "a count nobody asked for is not made");
    }

    async fn an_unknown_parameter_is_400_and_lenient_says_what_it_left_out(server: &'static Server) {
        let api = server.client();
        api.save(&patient("s-lenient", "x")).await.expect(201);
        for query in ["nonsense=1", "_nonsense=1", "code=1", "identifier:nonsense=1", "_sort:desc=x"] {
            let answer = api.get(&format!("/Patient?_id=s-lenient&{query}")).await;
            assert_eq!(answer.status, 400, "{query}");
            let name = query.split(['=', ':']).next().unwrap();
            assert!(answer.issues().iter().any(|issue| issue.text.contains(name) || issue.expression.iter().any(|path| path.contains(name))), "{query}");
        }
        let page = api.get("/Patient?_id=s-lenient&nonsense=1").header("Prefer", "handling=lenient").await.expect(200).json();
        assert!(!link(&page, "self").unwrap().contains("nonsense"), "self tells what was done");
        let matches = page.items("entry").iter().filter(|entry| entry.str("search.mode") == Some("match"));
        assert_eq!(matches.count(), 1);
        let outcome = page.items("entry").iter().find(|entry| entry.str("search.mode") == Some("outcome"));
        assert_eq!(outcome.unwrap().str("resource.resourceType"), Some("OperationOutcome"));
        api.get("/Patient?_id=s-lenient&nonsense=1").header("Prefer", "handling=strict").await.expect(400);
    }

    async fn empty_values_and_broken_escapes_are_no_500(server: &'static Server) {
        let api = server.client();
        for query in ["_id=", "identifier=", "identifier=|", "_id=%", "_id=%zz", "_id=%ff", "=", "&&", "_id", "identifier=a|b|c",
            "_lastUpdated=", "_tag=%00", "_id=%00", "identifier=%F0%9F%98%80", "patient=", "_count="] {
            let answer = api.get(&format!("/Observation?{query}")).await;
            assert!(matches!(answer.status, 200 | 400), "{query}: {}", answer.status);
        }
    }

    async fn injection_finds_nothing_and_breaks_nothing(server: &'static Server) {
        let api = server.client();
        for value in ["x'%20or%20'1'='1", "x%22;drop%20table%20patients;--", "%25", "_", "*", "x%5C'"] {
            for parameter in ["_id", "identifier", "_tag"] {
                assert!(found(&api, &format!("/Patient?{parameter}={value}")).await.is_empty(), "{parameter}={value}");
            }
        }
    }

    async fn post_search_is_the_same_search(server: &'static Server) {
        let api = server.client();
        api.save(&patient("s-post", "x")).await.expect(201);
        let form = |body: &str| api.request(hyper::Method::POST, "/Patient/_search")
            .header("Content-Type", "application/x-www-form-urlencoded").body(body.to_owned());
        let page = form("_id=s-post").await.expect(200).json();
        assert_eq!(page.items("entry").len(), 1);
        let page = form("identifier=urn%3Aexample%3Amrn%7Cmrn-s-post").await.expect(200).json();
        assert_eq!(page.items("entry").len(), 1);
        form("nonsense=1").await.expect(400).issues();
    }

    async fn a_cursor_that_was_tampered_with_is_refused(server: &'static Server) {
        let api = server.client();
        for index in 0..3 {
            api.save(&patient(&format!("s-cursor-{index}"), "x")).await;
        }
        let query = "/Patient?_id=s-cursor-0,s-cursor-1,s-cursor-2&_count=1";
        let page = api.get(query).await.expect(200).json();
        let next = link(&page, "next").unwrap();
        api.get(next).await.expect(200);
        let (head, cursor) = next.rsplit_once('=').unwrap();
        let swapped: String = cursor.chars().rev().collect();
        let bent = format!("{}{}", &cursor[..cursor.len() - 1], if cursor.ends_with('A') { 'B' } else { 'A' });
        for forged in [swapped, "1".to_owned(), format!("{cursor}A"), bent] {
            let answer = api.get(&format!("{head}={forged}")).await;
            assert_eq!(answer.status, 400, "{head}={forged}");
            answer.issues();
        }
    }
}
