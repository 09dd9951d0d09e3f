//! Searches that look at more than one resource (chains, `_has`, includes, compartments), at more than one type, at parts of
//! resources, and the modifiers: <https://hl7.org/fhir/R4/search.html>.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Server, hidden_organization, lab_observation, patient, suite, transaction};

/// A small clinic: two people, their doctors of two hospitals (one part of the other), visits, results with parts, and what
/// refers to what is not there.
const RECORD: &[&str] = &[
    r#"{"resourceType":"Organization","id":"j-region","name":"Region"}"#,
    r#"{"resourceType":"Organization","id":"j-clinic","name":"Clinic","partOf":{"reference":"Organization/j-region"}}"#,
    r#"{"resourceType":"Practitioner","id":"j-doc","name":[{"family":"Doctor"}]}"#,
    r#"{"resourceType":"Practitioner","id":"j-nurse","name":[{"family":"Nurse"}]}"#,
    r#"{"resourceType":"Patient","id":"j-ann","name":[{"family":"Ann"}],"gender":"female","generalPractitioner":[{"reference":"Practitioner/j-doc"}],"managingOrganization":{"reference":"Organization/j-clinic"}}"#,
    r#"{"resourceType":"Patient","id":"j-bob","name":[{"family":"Bob"}],"gender":"male","generalPractitioner":[{"reference":"Practitioner/j-absent"}],"managingOrganization":{"reference":"Organization/j-region"},"link":[{"other":{"reference":"Patient/j-ann"},"type":"seealso"}]}"#,
    r#"{"resourceType":"Encounter","id":"j-visit","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/j-ann"},"participant":[{"individual":{"reference":"Practitioner/j-nurse"}}]}"#,
    r#"{"resourceType":"Observation","id":"j-a","status":"final","code":{"coding":[{"system":"urn:j","code":"a","display":"Alpha wave"}]},"subject":{"reference":"Patient/j-ann"},"encounter":{"reference":"Encounter/j-visit"},"performer":[{"reference":"Practitioner/j-doc"}],"hasMember":[{"reference":"Observation/j-b"}]}"#,
    r#"{"resourceType":"Observation","id":"j-b","status":"final","code":{"coding":[{"system":"urn:j","code":"b"}]},"subject":{"reference":"Patient/j-ann"},"hasMember":[{"reference":"Observation/j-c"}]}"#,
    r#"{"resourceType":"Observation","id":"j-c","status":"amended","code":{"coding":[{"system":"urn:j","code":"c"}]},"subject":{"reference":"Patient/j-bob"},"hasMember":[{"reference":"Observation/j-a"}]}"#,
    r#"{"resourceType":"Observation","id":"j-d","status":"final","code":{"text":"Delta"},"subject":{"reference":"Patient/j-absent"}}"#,
    r#"{"resourceType":"Provenance","id":"j-p","target":[{"reference":"Observation/j-a"},{"reference":"Observation/j-d"}],"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/j-doc"}}]}"#,
    r#"{"resourceType":"Basic","id":"j-basic","code":{"text":"x"},"subject":{"reference":"Patient/j-ann"}}"#,
];

async fn clinic(engine: Engine) -> Server {
    let server = Server::start(engine);
    let resources: Vec<Json> = RECORD.iter().map(|text| Json::of(text)).collect();
    server.client().post("/", transaction(&resources)).await.expect(200);
    server
}

/// Ids of the matches, sorted and in one line: `a b`.
async fn matches(api: &Client, query: &str) -> String {
    let found = api.search(&format!("/{query}")).await;
    let mut ids: Vec<&str> =
        found.iter().map(|path| path.rsplit('/').next().unwrap().trim_start_matches("j-")).collect();
    ids.sort_unstable();
    ids.join(" ")
}

/// Matches, then what came along, each sorted: `Observation/j-a + Patient/j-ann`.
async fn page(api: &Client, query: &str) -> (Vec<String>, Vec<String>) {
    let page = api.get(&format!("/{query}")).await.expect(200).json();
    let of = |mode: &str| {
        let entries = page.items("entry").iter().filter(|entry| entry.str("search.mode") == Some(mode));
        let mut ids: Vec<String> = entries
            .map(|entry| {
                let (kind, id) = (entry.str("resource.resourceType").unwrap(), entry.str("resource.id").unwrap());
                let full = format!("/fhir/{kind}/{id}");
                assert!(entry.str("fullUrl").unwrap().ends_with(&full), "{entry}");
                format!("{kind}/{}", id.trim_start_matches("j-"))
            })
            .collect();
        ids.sort();
        ids
    };
    let (matches, included) = (of("match"), of("include"));
    assert_eq!(matches.len() + included.len(), page.items("entry").len(), "{query}: {page}");
    let mut all: Vec<&String> = matches.iter().chain(&included).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), page.items("entry").len(), "{query}: something came twice");
    (matches, included)
}

async fn included(api: &Client, query: &str) -> String {
    page(api, query).await.1.join(" ")
}

suite! {
    async fn chains_go_one_to_three_steps(engine: Engine) {
        let server = clinic(engine).await;
        let api = server.client();
        for (query, wanted) in [
            ("Observation?subject:Patient.family=ann", "a b"),
            ("Observation?subject.family=ann", "a b"),
            ("Observation?patient.family=ANN,bob", "a b c"),
            ("Observation?patient.gender=female", "a b"),
            ("Observation?patient.gender:not=female", "c"),
            ("Observation?patient._id=j-ann", "a b"),
            ("Observation?patient._id=j-absent", ""),
            ("Observation?subject.general-practitioner.family=doctor", "a b"),
            ("Observation?subject:Patient.general-practitioner:Practitioner.family=doctor", "a b"),
            ("Observation?subject:Patient.organization.partof.name=region", "a b"),
            ("Observation?subject:Patient.organization.name=region", "c"),
            ("Observation?encounter.participant.family=nurse", "a"),
            ("Observation?has-member.has-member.has-member.code=urn:j|a", "a"),
            ("Observation?has-member.code=a", "c"),
            ("Observation?patient.family=ann&performer.family=doctor", "a"),
            ("Observation?patient.family=ann&patient.gender=male", ""),
            ("Observation?subject:Group.identifier=x", ""),
            ("Patient?organization.partof:Organization.name=Region", "ann"),
            ("Patient?link.family=ann", "bob"),
            ("Provenance?target:Observation.code=urn:j|a", "p"),
            ("Provenance?target:Observation.patient.family=ann", "p"),
            ("Provenance?target:Observation.patient.family=bob", ""),
        ] {
            assert_eq!(matches(&api, query).await, wanted, "{query}");
        }
        for query in ["Observation?subject:Nonsense.family=x", "Observation?code.family=x", "Observation?subject.nonsense=x",
            "Observation?subject:Practitioner.family=x", "Observation?patient.=x", "Observation?.family=x"] {
            api.get(&format!("/{query}")).await.expect(400).issues();
        }
    }

    async fn has_asks_those_who_refer(engine: Engine) {
        let server = clinic(engine).await;
        let api = server.client();
        for (query, wanted) in [
            ("Patient?_has:Observation:patient:code=urn:j|c", "bob"),
            ("Patient?_has:Observation:patient:code=a,c", "ann bob"),
            ("Patient?_has:Observation:subject:status=final", "ann"),
            ("Practitioner?_has:Observation:performer:patient.family=ann", "doc"),
            ("Practitioner?_has:Patient:general-practitioner:_has:Observation:subject:code=b", "doc"),
            ("Observation?_has:Provenance:target:agent=Practitioner/j-doc", "a d"),
            ("Organization?_has:Patient:organization:_has:Encounter:patient:status=finished", "clinic"),
            ("Organization?_has:Organization:partof:_has:Patient:organization:family=ann", "region"),
            ("Patient?_has:Observation:patient:code=nothing", ""),
            ("Patient?_has:Observation:patient:code=a&_has:Observation:patient:code=b", "ann"),
            ("Patient?_has:Observation:patient:code=a&family=bob", ""),
            ("Encounter?patient._has:Observation:patient:code=b", "visit"),
        ] {
            assert_eq!(matches(&api, query).await, wanted, "{query}");
        }
        for query in ["Patient?_has:Observation:patient=x", "Patient?_has:Nonsense:patient:code=x", "Patient?_has:Observation:code:code=x",
            "Patient?_has:Observation:performer:nonsense=x", "Patient?_has:Observation:has-member:code=x", "Patient?_has:=x"] {
            api.get(&format!("/{query}")).await.expect(400).issues();
        }
    }

    async fn includes_bring_what_is_referred_to_once(engine: Engine) {
        let server = clinic(engine).await;
        let api = server.client();
        for (query, wanted) in [
            ("Observation?_id=j-a&_include=Observation:patient", "Patient/ann"),
            ("Observation?_id=j-a,j-b&_include=Observation:subject", "Patient/ann"),
            ("Observation?_id=j-a&_include=Observation:subject:Group", ""),
            ("Observation?_id=j-a&_include=Observation:subject:Patient", "Patient/ann"),
            ("Observation?_id=j-d&_include=Observation:subject", ""),
            ("Observation?_id=j-a,j-b&_include=Observation:has-member", "Observation/c"),
            ("Observation?_id=j-a&_include=Observation:has-member", "Observation/b"),
            ("Observation?_id=j-a&_include:iterate=Observation:has-member", "Observation/b Observation/c"),
            ("Observation?_id=j-a&_include:recurse=Observation:has-member", "Observation/b Observation/c"),
            ("Observation?_id=j-a&_include=Observation:patient&_include:iterate=Patient:organization", "Organization/clinic Patient/ann"),
            ("Observation?_id=j-a&_include=Observation:patient&_include:iterate=Patient:organization&_include:iterate=Organization:partof",
                "Organization/clinic Organization/region Patient/ann"),
            // Without iterate what came along is not looked at.
            ("Observation?_id=j-a&_include=Observation:patient&_include:iterate=Organization:partof", "Patient/ann"),
            ("Observation?_id=j-a&_include=*", "Encounter/visit Observation/b Patient/ann Practitioner/doc"),
            ("Observation?_id=j-a&_include=Observation:*", "Encounter/visit Observation/b Patient/ann Practitioner/doc"),
            ("Observation?_id=j-a&_include=Observation:*:Patient", "Patient/ann"),
            ("Observation?_id=j-a&_include:iterate=*", "Encounter/visit Observation/b Observation/c Organization/clinic Organization/region Patient/ann Patient/bob Practitioner/doc Practitioner/nurse"),
            ("Observation?_id=j-a&_include=Observation:*&_include:iterate=Patient:*", "Encounter/visit Observation/b Organization/clinic Patient/ann Practitioner/doc"),
            ("Observation?_id=j-a&_include=Observation:*:Patient&_include:iterate=Patient:*:Organization", "Organization/clinic Patient/ann"),
            ("Observation?_id=j-a&_include:recurse=Observation:*:Observation", "Observation/b Observation/c"),
            ("Patient?_id=j-ann&_revinclude=*", "Basic/basic Encounter/visit Observation/a Observation/b Patient/bob"),
            ("Patient?_id=j-ann&_revinclude=*&_revinclude:iterate=Provenance:*", "Basic/basic Encounter/visit Observation/a Observation/b Patient/bob Provenance/p"),
            ("Patient?_id=j-ann&_revinclude:iterate=*", "Basic/basic Encounter/visit Observation/a Observation/b Observation/c Patient/bob Provenance/p"),
            ("Organization?_id=j-region&_revinclude=*", "Organization/clinic Patient/bob"),
            ("Patient?_id=j-ann&_revinclude=Observation:*:Patient", "Observation/a Observation/b"),
            ("Patient?_id=j-ann&_revinclude=Observation:*:Group", ""),
            ("Observation?_id=j-d&_include=*&_revinclude=*", "Provenance/p"),
            ("?_type=Observation,Basic&_id=j-a,j-basic&_include=*", "Encounter/visit Observation/b Patient/ann Practitioner/doc"),
            ("Patient/j-ann/Observation?_include=Observation:*", "Encounter/visit Observation/c Patient/ann Practitioner/doc"),
            ("Patient?_id=j-ann&_revinclude=Observation:patient", "Observation/a Observation/b"),
            ("Patient?_id=j-ann&_revinclude=Observation:patient&_revinclude:iterate=Provenance:target", "Observation/a Observation/b Provenance/p"),
            ("Patient?_id=j-ann&_revinclude=Observation:patient&_revinclude=Provenance:target", "Observation/a Observation/b"),
            ("Observation?_id=j-a,j-d&_revinclude=Provenance:target", "Provenance/p"),
            ("Observation?_id=j-a&_revinclude=Provenance:target&_include:iterate=Provenance:agent", "Practitioner/doc Provenance/p"),
            ("Patient?_id=j-ann&_revinclude=Encounter:*", "Encounter/visit"),
            ("Patient?_id=j-ann&_revinclude=Patient:link", "Patient/bob"),
            // A type that refers to nothing brings nothing.
            ("Patient?_id=j-ann&_revinclude=Binary:*", ""),
            ("Patient?_id=j-ann&_revinclude=Parameters:*", ""),
            ("Patient?_id=j-bob&_include=Patient:general-practitioner", ""),
            ("Patient?_id=j-nobody&_include=Patient:organization&_revinclude=Observation:patient", ""),
        ] {
            assert_eq!(included(&api, query).await, wanted, "{query}");
        }
        // A match that a match refers to is a match.
        let (found, along) = page(&api, "Observation?_id=j-a,j-b&_include=Observation:has-member").await;
        assert_eq!((found.len(), along), (2, vec!["Observation/c".to_owned()]));
        // What comes along counts as nothing, and each page has its own.
        let first = api.get("/Observation?_sort=_id&_count=1&_total=accurate&_include=Observation:patient").await.expect(200).json();
        assert_eq!((first.str("total"), first.items("entry").len()), (Some("4"), 2));
        assert_eq!(api.search("/Observation?_sort=_id&_count=1&_include=Observation:patient").await,
            ["Observation/j-a", "Patient/j-ann", "Observation/j-b", "Patient/j-ann", "Observation/j-c", "Patient/j-bob", "Observation/j-d"]);
        for query in ["Observation?_include=Patient:organization", "Observation?_include=Observation:code", "Observation?_include=Nonsense:x",
            "Observation?_include=Observation:nonsense", "Observation?_include=Observation", "Observation?_revinclude=*:*", "Observation?_include=*:Patient", "Observation?_include=Patient:*", "Observation?_include=Observation:*:iterate", "Observation?_include=Observation:*:Nonsense", "Observation?_include:x=Observation:patient"] {
            api.get(&format!("/{query}")).await.expect(400).issues();
        }
    }

    async fn a_page_brings_all_or_says_that_there_is_more(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let observation = |id: String, tag: &str, members: Vec<String>| {
            let members: Vec<String> = members.iter().map(|member| format!(r#"{{"reference":"Observation/{member}"}}"#)).collect();
            let members = if members.is_empty() { String::new() } else { format!(r#","hasMember":[{}]"#, members.join(",")) };
            Json::of(&format!(r#"{{"resourceType":"Observation","id":"{id}","meta":{{"tag":[{{"code":"{tag}"}}]}},"status":"final","code":{{"text":"x"}}{members}}}"#))
        };
        // A thousand matches refer to each other and to 1,500 more; one refers to more than a page may bring; ten stand in a row.
        let mut record: Vec<Json> = (0..1000).map(|number| {
            let members = [format!("m{}", (number + 1) % 1000), format!("o{number}"), format!("o{}", 1000 + number % 500)];
            observation(format!("m{number}"), "match", members.to_vec())
        }).collect();
        record.extend((0..2050).map(|number| observation(format!("o{number}"), "other", Vec::new())));
        record.push(observation("all".to_owned(), "one", (0..2050).map(|number| format!("o{number}")).collect()));
        record.extend((0..10).map(|number| observation(format!("r{number}"), "row", if number < 9 { vec![format!("r{}", number + 1)] } else { Vec::new() })));
        for part in record.chunks(500) {
            api.post("/", transaction(part)).await.expect(200);
        }
        for (query, along, is_more) in [
            ("_tag=match&_count=1000&_include=Observation:has-member", 1500, false),
            ("_tag=match&_count=1000&_include:iterate=Observation:has-member", 1500, false),
            ("_tag=match&_count=10&_include=Observation:has-member", 21, false),
            ("_tag=one&_include=Observation:has-member", 2000, true),
            ("_id=r0&_include:iterate=Observation:has-member", 6, true),
            ("_id=r4&_include:iterate=Observation:has-member", 5, false),
            ("_id=r9&_revinclude:iterate=Observation:has-member", 6, true),
            ("_id=r0&_include:iterate=*", 6, true),
            ("_id=r9&_revinclude:iterate=*", 6, true),
            ("_id=r5&_include:iterate=*&_revinclude:iterate=*", 9, false),
            ("_tag=one&_include=*", 2000, true),
            ("_tag=match&_count=1000&_include=Observation:*", 1500, false),
        ] {
            let page = api.get(&format!("/Observation?{query}")).await.expect(200).json();
            let of = |mode| page.items("entry").iter().filter(|entry| entry.str("search.mode") == Some(mode)).count();
            assert_eq!((of("include"), of("outcome")), (along, usize::from(is_more)), "{query}");
        }
    }

    async fn what_is_deleted_or_hidden_is_not_there(engine: Engine) {
        let server = clinic(engine).await;
        let api = server.client();
        api.save(&lab_observation("j-h", "hidden-0-3", "1.5")).await.expect(201);
        api.save(&lab_observation("j-t", "twin-3", "1.5")).await.expect(201);
        let queries = ["Observation?patient.family=hidden", "Observation?_id=j-h,j-t&_include=Observation:patient", "Observation?subject:Patient.gender=female&_id=j-h,j-t",
            "Patient?_has:Observation:patient:value-quantity=1.5", "Patient?family=hidden", "Patient/twin-3/Observation", "Patient/hidden-0-3/*",
            "?_type=Patient,Observation&_id=twin-3,hidden-0-3", "Patient?_total=accurate&_summary=count", "Patient?_revinclude=Observation:patient&_sort=family"];
        let mut before = Vec::new();
        for query in queries {
            before.push(api.get(&format!("/{query}")).await.expect(200).body);
        }
        assert!(hidden_organization(&mut server.sql().await).await >= 20);
        for (query, before) in queries.iter().zip(before) {
            assert_eq!(api.get(&format!("/{query}")).await.expect(200).body, before, "{query}");
        }
        api.delete("/Observation/j-a").await.expect(204);
        api.delete("/Practitioner/j-doc").await;
        for (query, wanted) in [
            ("Patient?_has:Observation:patient:code=a", ""),
            ("Observation?has-member.code=a", ""),
            ("Provenance?target:Observation.code=a", ""),
            ("Observation?code=a", ""),
            ("Observation?has-member=Observation/j-a", "c"),
        ] {
            assert_eq!(matches(&api, query).await, wanted, "{query}");
        }
        assert_eq!(included(&api, "Observation?_id=j-c&_include=Observation:has-member").await, "");
        assert_eq!(included(&api, "Patient?_id=j-ann&_revinclude=Observation:patient").await, "Observation/b");
        api.save(&Json::of(RECORD[7])).await.expect(201);
        assert_eq!(matches(&api, "Patient?_has:Observation:patient:code=a").await, "ann", "it is there again");
    }

    async fn compartments_hold_what_is_theirs(engine: Engine) {
        let server = clinic(engine).await;
        let api = server.client();
        for (query, wanted) in [
            ("Patient/j-ann/Observation", "a b"),
            ("Patient/j-ann/Observation?code=b", "b"),
            ("Patient/j-ann/Observation?code=c", ""),
            ("Patient/j-bob/Observation?_sort=-code", "c"),
            ("Patient/j-ann/Encounter", "visit"),
            ("Patient/j-ann/Patient", "ann bob"),
            ("Patient/j-absent/Observation", "d"),
            ("Patient/j-nobody/Observation", ""),
            ("Encounter/j-visit/Observation", "a"),
            ("Practitioner/j-doc/Observation", "a"),
            ("Patient/j-ann/*?_type=Observation,Encounter", "a b visit"),
        ] {
            assert_eq!(matches(&api, query).await, wanted, "{query}");
        }
        let all = matches(&api, "Patient/j-ann/*?_count=2").await;
        for id in ["ann", "a", "b", "visit", "basic"] {
            assert!(all.split(' ').any(|found| found == id), "{id}: {all}");
        }
        assert!(!all.split(' ').any(|found| matches!(found, "c" | "d" | "doc" | "clinic")), "{all}");
        let form = api.request(hyper::Method::POST, "/Patient/j-ann/Observation/_search")
            .header("Content-Type", "application/x-www-form-urlencoded").body("code=urn%3Aj%7Ca");
        assert_eq!(form.await.expect(200).json().items("entry").len(), 1);
        for bad in ["Nonsense/x/Observation", "Organization/x/Observation", "Patient/j-ann/Nonsense"] {
            let answer = api.get(&format!("/{bad}")).await;
            assert!(matches!(answer.status, 400 | 404 | 405), "{bad}: {}", answer.status);
            answer.issues();
        }
    }

    async fn several_types_are_searched_at_once(engine: Engine) {
        let server = clinic(engine).await;
        let api = server.client();
        for (query, wanted) in [
            ("?_type=Organization,Practitioner", "clinic doc nurse region"),
            ("?_id=j-ann,j-a,j-p", "a ann p"),
            ("?_type=Patient&family=bob", "bob"),
            ("?_type=Observation,Encounter&patient=j-ann", "a b visit"),
            ("?_type=Observation,Encounter&patient.family=bob", "c"),
            ("?_type=Observation&code=urn:j|a", "a"),
        ] {
            assert_eq!(matches(&api, query).await, wanted, "{query}");
        }
        for query in ["?_type=Nonsense", "?_type=Patient,Observation&family=x", "Patient?_type=Patient"] {
            api.get(&format!("/{query}")).await.expect(400).issues();
        }
        let form = api.request(hyper::Method::POST, "/_search").header("Content-Type", "application/x-www-form-urlencoded");
        assert_eq!(form.body("_type=Patient").await.expect(200).json().items("entry").len(), 2);
    }

    async fn parts_of_resources_say_that_they_are_parts(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let person = patient("parts", "Parts").with("text", Json::of(r#"{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">text</div>"}"#));
        api.save(&person).await.expect(201);
        let ask = |query: &'static str| { let api = api.clone(); async move {
            let page = api.get(&format!("/Patient?_id=parts&{query}")).await.expect(200).json();
            assert_eq!(page.items("entry").len(), 1, "{page}");
            page.at("entry.0.resource").unwrap().clone()
        }};
        let whole = ask("_summary=false").await;
        assert_eq!(whole, api.get("/Patient/parts").await.expect(200).json());
        for (query, there, not) in [
            ("_summary=true", &["identifier", "name", "birthDate", "address"][..], &["text", "maritalStatus"][..]),
            ("_summary=text", &["text"], &["name", "birthDate", "identifier"]),
            ("_summary=data", &["name", "birthDate"], &["text"]),
            ("_elements=birthDate,gender", &["birthDate", "gender"], &["name", "text", "identifier"]),
            ("_elements=name", &["name"], &["birthDate", "text"]),
        ] {
            let part = ask(query).await;
            let tags: Vec<&str> = part.items("meta.tag").iter().filter_map(|tag| tag.str("code")).collect();
            assert_eq!(tags, ["SUBSETTED"], "{query}: {part}");
            for name in there {
                assert_eq!(part.at(name), whole.at(name), "{query}: {part}");
            }
            for name in ["resourceType", "id", "meta.versionId", "meta.lastUpdated"] {
                assert_eq!(part.at(name), whole.at(name), "{query}: {part}");
            }
            for name in not {
                assert_eq!(part.at(name), None, "{query}: {part}");
            }
            let tag = part.at("meta.tag.0").unwrap();
            assert_eq!(tag.str("system"), Some("http://terminology.hl7.org/CodeSystem/v3-ObservationValue"));
        }
        let count = api.get("/Patient?_id=parts&_summary=count").await.expect(200).json();
        assert_eq!((count.str("total"), count.at("entry")), (Some("1"), None));
        // What must be there stays, whatever was asked for.
        api.save(&lab_observation("parts", "parts", "5.40")).await.expect(201);
        let page = api.get("/Observation?_id=parts&_elements=valueQuantity&_include=Observation:patient").await.expect(200).json();
        let part = page.at("entry.0.resource").unwrap();
        assert_eq!((part.str("status"), part.str("valueQuantity.value"), part.at("subject")), (Some("final"), Some("5.40"), None));
        assert!(part.at("code").is_some());
        assert_eq!(page.at("entry.1.resource.meta.tag"), None, "_elements is about the matches");
        // Parts are not kept: a part that is put back would lose the rest.
        for bad in ["_summary=all", "_elements=name.family", "_summary=true&_summary=false"] {
            api.get(&format!("/Patient?{bad}")).await.expect(400).issues();
        }
    }

    async fn modifiers_say_how_values_compare(engine: Engine) {
        let server = clinic(engine).await;
        let api = server.client();
        for text in [
            r#"{"resourceType":"CodeSystem","id":"m-cs","url":"urn:j","status":"active","content":"complete","concept":[{"code":"top","concept":[{"code":"a","concept":[{"code":"b"}]}]},{"code":"c"}]}"#,
            r#"{"resourceType":"ValueSet","id":"m-vs","url":"http://m.example/vs","status":"active","compose":{"include":[{"system":"urn:j","concept":[{"code":"a"},{"code":"b"},{"code":"zz"}]}],"exclude":[{"system":"urn:j","concept":[{"code":"b"}]}]}}"#,
            r#"{"resourceType":"ValueSet","id":"m-rule","url":"http://m.example/rule","status":"active","compose":{"include":[{"system":"urn:j","filter":[{"property":"concept","op":"is-a","value":"a"}]}]}}"#,
            r#"{"resourceType":"ValueSet","id":"m-far","url":"http://m.example/far","status":"active","compose":{"include":[{"system":"urn:far","filter":[{"property":"concept","op":"is-a","value":"a"}]}]}}"#,
            r#"{"resourceType":"CodeSystem","id":"m-named","url":"urn:named","status":"active","content":"not-present"}"#,
            r#"{"resourceType":"ValueSet","id":"m-all","url":"http://m.example/all","status":"active","compose":{"include":[{"system":"urn:named"}]}}"#,
            r#"{"resourceType":"CodeSystem","id":"m-some","url":"urn:some","status":"active","content":"fragment","concept":[{"code":"a"}]}"#,
            r#"{"resourceType":"ValueSet","id":"m-part","url":"http://m.example/part","status":"active","compose":{"include":[{"system":"urn:some"}]}}"#,
            r#"{"resourceType":"ValueSet","id":"m-but","url":"http://m.example/but","status":"active","compose":{"include":[{"system":"urn:j","concept":[{"code":"a"},{"code":"b"}]}],"exclude":[{"valueSet":["http://m.example/vs"]}]}}"#,
            r#"{"resourceType":"ValueSet","id":"m-exp","url":"http://m.example/exp","status":"active","expansion":{"timestamp":"2024-01-01","contains":[{"system":"urn:j","code":"top","abstract":true,"contains":[{"system":"urn:j","code":"c"}]}]}}"#,
            r#"{"resourceType":"Patient","id":"m-ids","identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}],"text":"Medical record"},"system":"urn:m","value":"1|2"}],"name":[{"family":"Müller-Lüdenscheidt","given":["Åse Marie"]}]}"#,
            r#"{"resourceType":"Observation","id":"m-ref","status":"final","code":{"text":"x"},"subject":{"identifier":{"system":"urn:m","value":"77"}}}"#,
        ] {
            api.save(&Json::of(text)).await.expect(201);
        }
        for (query, wanted) in [
            ("Observation?code:in=http://m.example/vs", "a"),
            ("Observation?code:not-in=http://m.example/vs", "b c d m-ref"),
            ("Observation?code:in=http://m.example/exp", "c"),
            ("Observation?code:in=http://m.example/rule", "a b"),
            ("Observation?code:not-in=http://m.example/rule", "c d m-ref"),
            ("Observation?code:in=http://m.example/but", "b"),
            ("Observation?code:below=urn:j|top", "a b"),
            ("Observation?code:below=urn:j|a", "a b"),
            ("Observation?code:below=urn:j|c", "c"),
            ("Observation?code:above=urn:j|b", "a b"),
            ("Observation?code:above=urn:j|top", ""),
            ("Observation?patient._has:Observation:patient:code:below=urn:j|a", "a b"),
            ("Observation?code:not=urn:j|a", "b c d m-ref"),
            ("Observation?code:not=a,b", "c d m-ref"),
            ("Observation?status:not=final", "c"),
            ("Observation?code:text=alpha", "a"),
            ("Observation?code:text=DELTA", "d"),
            ("Observation?code:text=elta", ""),
            ("Observation?code:missing=true", ""),
            ("Observation?encounter:missing=false", "a"),
            ("Observation?encounter:missing=true", "b c d m-ref"),
            ("Observation?subject:missing=true", ""),
            ("Observation?subject:identifier=urn:m|77", "m-ref"),
            ("Observation?subject:identifier=77", "m-ref"),
            ("Observation?subject:identifier=urn:m|78", ""),
            ("Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|1%5C|2", "m-ids"),
            ("Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|1", ""),
            ("Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|DL|1%5C|2", ""),
            ("Patient?identifier:text=medical", "m-ids"),
            ("Patient?family=muller", "m-ids"),
            ("Patient?family=M%C3%9CLLER-L", "m-ids"),
            ("Patient?family=ludenscheidt", ""),
            ("Patient?family:contains=LUDEN", "m-ids"),
            ("Patient?family:contains=%25", ""),
            ("Patient?family:contains=_", ""),
            ("Patient?family:exact=M%C3%BCller-L%C3%BCdenscheidt", "m-ids"),
            ("Patient?family:exact=Muller-Ludenscheidt", ""),
            ("Patient?given=ase%20marie", "m-ids"),
            ("Patient?name:contains=marie", "m-ids"),
            ("Patient?_id:not=m-ids", "ann bob"),
            ("ValueSet?url:below=http://m.example", "m-all m-but m-exp m-far m-part m-rule m-vs"),
            ("ValueSet?url:below=http://m.example/v", ""),
            ("ValueSet?url:below=http://m.example/vs", "m-vs"),
            ("ValueSet?url:above=http://m.example/vs/1/2", "m-vs"),
            ("ValueSet?url:above=http://m.example", ""),
            ("ValueSet?url=http://m.example/vs", "m-vs"),
            ("ValueSet?url=http://M.example/vs", ""),
        ] {
            assert_eq!(matches(&api, query).await, wanted, "{query}");
        }
        for query in ["Observation?code:in=http://m.example/unknown", "Observation?code:in=http://m.example/far", "Observation?code:in=http://m.example/all", "Observation?code:not-in=http://m.example/all", "Observation?code:in=http://m.example/part", "Observation?code:not-in=http://m.example/part",
            "Observation?code:below=urn:unknown|a", "Observation?code:below=urn:some|a", "Observation?code:above=urn:some|a", "Observation?code:below=a",
            "Observation?code:missing=maybe", "Patient?family:below=x", "Patient?gender:exact=male", "Patient?birthdate:contains=1", "Observation?code:of-type=a|b|c",
            "Patient?identifier:of-type=a|b", "Observation?value-quantity:exact=1"] {
            let answer = api.get(&format!("/{query}")).await;
            assert_eq!(answer.status, 400, "{query}");
            answer.issues();
            // A condition that is wrong is not left out, whatever the client prefers: it would show more than was asked for.
            api.get(&format!("/{query}")).header("Prefer", "handling=lenient").await.expect(400).issues();
        }
    }

    async fn lenient_handling_leaves_out_only_what_is_unknown(engine: Engine) {
        let server = clinic(engine).await;
        let api = server.client();
        for (query, left_out) in [("Patient?nonsense=1&family=ann", "nonsense"), ("Patient?_id=j-ann&_sort=nonsense", "_sort"), ("Patient?family=ann&_include=Patient:nonsense", "_include"),
            ("Patient?family=ann&nonsense.name=x", "nonsense")] {
            api.get(&format!("/{query}")).await.expect(400).issues();
            let page = api.get(&format!("/{query}")).header("Prefer", "handling=lenient").await.expect(200).json();
            let modes: Vec<_> = page.items("entry").iter().filter_map(|entry| entry.str("search.mode")).collect();
            assert_eq!(modes, ["match", "outcome"], "{query}: {page}");
            let itself = page.items("link").iter().find(|link| link.str("relation") == Some("self")).unwrap().str("url").unwrap();
            assert!(!itself.contains(left_out), "{query}: {itself}");
            assert!(page.items("entry")[1].at("resource").unwrap().to_string().contains(left_out), "{query}: {page}");
        }
    }

    /// <https://hl7.org/fhir/R4/search.html#list>
    async fn a_list_says_which_are_meant(engine: Engine) {
        let server = clinic(engine).await;
        let api = server.client();
        let list = r#"{"resourceType":"List","id":"j-list","status":"current","mode":"working","entry":[{"item":{"reference":"Observation/j-a"}},
            {"item":{"reference":"Patient/j-ann"}},{"item":{"reference":"Observation/j-absent"}}]}"#;
        api.save(&Json::of(list)).await.expect(201);
        assert_eq!(matches(&api, "Observation?_list=j-list").await, "a");
        assert_eq!(matches(&api, "Observation?_list=List/j-list,j-other").await, "a");
        assert_eq!(matches(&api, "Patient?_list=j-list&family=ann").await, "ann");
        assert_eq!(matches(&api, "Patient?_list=j-list&family=bob").await, "");
        assert_eq!(matches(&api, "?_list=j-list&_type=Patient,Observation").await, "a ann");
        assert_eq!(matches(&api, "Observation?subject:Patient._list=j-list&status=final").await, matches(&api, "Observation?subject=j-ann&status=final").await);
        assert_eq!(matches(&api, "Encounter?_list=j-list").await, "");
        api.get("/Condition?_list=$current-problems").await.refused(400, "not-supported");
        api.delete("/List/j-list").await;
        assert_eq!(matches(&api, "Observation?_list=j-list").await, "");
    }

    /// Under its own base a reference is one to a resource of ours, however it is written (<https://hl7.org/fhir/R4/http.html#base>).
    async fn an_absolute_reference_to_ourselves_is_one_of_ours(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let base = api.get("/metadata").await.expect(200).json().str("implementation.url").unwrap().to_owned();
        api.save(&patient("ab", "Absolute")).await.expect(201);
        let subject = |reference: &str| Json::of(&format!(r#"{{"reference":"{reference}"}}"#));
        let own = lab_observation("ab-own", "ab", "1").with("subject", subject(&format!("{base}/Patient/ab")));
        let versioned = lab_observation("ab-version", "ab", "1").with("subject", subject(&format!("{base}/Patient/ab/_history/1")));
        let foreign = lab_observation("ab-foreign", "ab", "1").with("subject", subject("http://elsewhere.example/fhir/Patient/ab"));
        let near = lab_observation("ab-near", "ab", "1").with("subject", subject(&format!("{base}er/Patient/ab")));
        for result in [&own, &versioned, &foreign, &near] {
            let saved = api.save(result).await.expect(201).json();
            assert_eq!(saved.str("subject.reference"), result.str("subject.reference"), "as it was sent");
        }
        for query in [
            "Observation?patient=ab".to_owned(),
            "Observation?subject=Patient/ab".to_owned(),
            format!("Observation?subject={base}/Patient/ab"),
            "Observation?subject:Patient.family=absolute".to_owned(),
            "Observation?patient.identifier=mrn-ab".to_owned(),
            "Patient/ab/Observation".to_owned(),
        ] {
            assert_eq!(matches(&api, &query).await, "ab-own ab-version", "{query}");
        }
        assert_eq!(matches(&api, "Patient?_has:Observation:patient:status=final").await, "ab");
        assert_eq!(matches(&api, "Observation?subject=http://elsewhere.example/fhir/Patient/ab").await, "ab-foreign");
        assert_eq!(included(&api, "Observation?_id=ab-own&_include=Observation:subject").await, "Patient/ab");
        assert_eq!(included(&api, "Observation?_id=ab-foreign&_include=Observation:subject").await, "");
        assert_eq!(included(&api, "Patient?_id=ab&_revinclude=Observation:subject").await, "Observation/ab-own Observation/ab-version");
        let mut record = api.search("/Patient/ab/$everything").await;
        record.sort();
        assert_eq!(record, ["Observation/ab-own", "Observation/ab-version", "Patient/ab"]);
        // Two ways to name one are one.
        let twice = Json::of(&format!(r#"[{{"reference":"Practitioner/ab-doc"}},{{"reference":"{base}/Practitioner/ab-doc"}}]"#));
        api.save(&lab_observation("ab-twice", "ab", "1").with("performer", twice.clone())).await.expect(201);
        assert_eq!(matches(&api, "Observation?performer=ab-doc").await, "ab-twice");
        let mut sql = server.sql().await;
        let row = gateway_tests::row_key(&mut sql, "Observation", "ab-twice").await;
        sql.run(&format!("update lab_results set value_number = 2 where id = '{row}'")).await;
        let read = api.get("/Observation/ab-twice").await.expect(200).json();
        assert_eq!((read.str("meta.versionId"), read.at("performer")), (Some("2"), Some(&twice)));
        api.delete("/Observation/ab-twice").await;
        // The directory has whose it is, which consent goes by.
        let owners = server.sql().await.rows(&format!("select id, patient from {} where id like 'ab-%' order by id", own_table(engine))).await;
        let owner = |id: &str| owners.iter().find(|row| row[0].as_deref() == Some(id)).unwrap()[1].clone();
        assert_eq!((owner("ab-own").as_deref(), owner("ab-version").as_deref()), (Some("ab"), Some("ab")));
        assert_eq!(owner("ab-foreign").as_deref(), Some("http://elsewhere.example/fhir/Patient/ab"));
    }
}

fn own_table(engine: Engine) -> String {
    gateway_tests::own(engine, "directory")
}
