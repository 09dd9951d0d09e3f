//! `_sort` (<https://hl7.org/fhir/R4/search.html#sort>): a walk through the pages is what a sort by the test itself gives,
//! whatever the page size, however many there are (few are put in order, many come from the order's index), and while others
//! write.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Random, Server, patient, rounds, suite, transaction};
use std::cmp::Ordering;

/// A key's value as the test reads it from a resource; what lacks it comes last.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Key {
    Time(i128),
    Number(f64),
    Text(String),
}

/// The names an Observation can be sorted by here: one of every kind, several of tokens.
const KEYS: [&str; 10] = [
    "_id",
    "_lastUpdated",
    "code",
    "date",
    "identifier",
    "performer",
    "status",
    "subject",
    "value-quantity",
    "value-string",
];

fn member(name: &str, value: &str) -> String {
    format!(r#","{name}":{value}"#)
}

/// Values are few, so that there are ties; some resources lack them, some have several; some lie in tables, some in none.
fn observation(number: usize, random: &mut Random) -> Json {
    let tag = if number.is_multiple_of(20) { "few" } else { "most" };
    let mut text = format!(
        r#"{{"resourceType":"Observation","id":"o-{:04}","meta":{{"tag":[{{"code":"{tag}"}}]}},"status":"{}""#,
        // Ids are in another order than creation.
        (number * 7919) % 10_000,
        random.pick::<&str>(&["final", "amended", "preliminary"])
    );
    if random.once_in(2) {
        let category = "http://terminology.hl7.org/CodeSystem/observation-category";
        text += &member("category", &format!(r#"[{{"coding":[{{"system":"{category}","code":"laboratory"}}]}}]"#));
    }
    text += &member(
        "code",
        random.pick::<&str>(&[
            r#"{"coding":[{"system":"http://loinc.org","code":"2345-7"}]}"#,
            r#"{"coding":[{"system":"http://loinc.org","code":"718-7"},{"system":"urn:local","code":"HB"}]}"#,
            r#"{"coding":[{"code":"a"},{"code":"zz"}]}"#,
            r#"{"text":"in words only"}"#,
        ]),
    );
    if !random.once_in(6) {
        text += &member("subject", &format!(r#"{{"reference":"Patient/so-{}"}}"#, random.below(5)));
    }
    text += random.pick::<&str>(&[
        "",
        r#","effectiveDateTime":"2024""#,
        r#","effectiveDateTime":"2024-03""#,
        r#","effectiveDateTime":"2024-03-05""#,
        r#","effectiveDateTime":"2024-03-05T10:20:30Z""#,
        r#","effectiveDateTime":"2024-03-05T12:20:30.250+02:00""#,
        r#","effectiveDateTime":"1969-12-31T23:59:59Z""#,
        r#","effectivePeriod":{"start":"2023-01-01","end":"2024-06-01"}"#,
        r#","effectivePeriod":{"start":"2024-03-05"}"#,
        r#","effectivePeriod":{"end":"2024-03-05"}"#,
    ]);
    if random.once_in(3) {
        text += &member(
            "valueString",
            random.pick::<&str>(&["\"zebra\"", "\"Apple\"", "\"apple pie\"", "\"Äpfel\"", "\"Zulu\""]),
        );
    } else if !random.once_in(4) {
        let comparator = random.pick::<&str>(&["", "", "", r#","comparator":"<""#, r#","comparator":">=""#]);
        let value = random.pick::<&str>(&["5.4", "5.40", "98.65", "-2", "0.001", "1000000", "7"]);
        text += &member(
            "valueQuantity",
            &format!(
                r#"{{"value":{value}{comparator},"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}"#
            ),
        );
    }
    let listed = |random: &mut Random, most: usize, item: &dyn Fn(usize) -> String| {
        let items: Vec<String> = (0..random.below(most)).map(|_| item(random.below(9))).collect();
        (!items.is_empty()).then(|| format!("[{}]", items.join(",")))
    };
    if let Some(list) = listed(random, 4, &|number| format!(r#"{{"system":"urn:so","value":"i{number}"}}"#)) {
        text += &member("identifier", &list);
    }
    if let Some(list) = listed(random, 3, &|number| format!(r#"{{"reference":"Practitioner/d{number}"}}"#)) {
        text += &member("performer", &list);
    }
    Json::of(&(text + "}"))
}

/// The first instant of a date or time, in nanoseconds.
fn start(text: &str) -> i128 {
    let whole = match text.len() {
        4 => format!("{text}-01-01T00:00:00Z"),
        7 => format!("{text}-01T00:00:00Z"),
        10 => format!("{text}T00:00:00Z"),
        _ => text.to_owned(),
    };
    whole.parse::<jiff::Timestamp>().unwrap().as_nanosecond()
}

/// Every value of a key.
fn values(resource: &Json, name: &str) -> Vec<Key> {
    let texts = |found: Vec<Option<&str>>| found.into_iter().flatten().map(|text| Key::Text(text.to_owned())).collect();
    let id = |reference: &Json| reference.str("reference").map(|text| text.split('/').nth(1).unwrap().to_owned());
    match name {
        "_id" => texts(vec![resource.str("id")]),
        "_lastUpdated" => vec![Key::Time(start(resource.str("meta.lastUpdated").unwrap()))],
        "status" => texts(vec![resource.str("status")]),
        "code" => texts(resource.items("code.coding").iter().map(|coding| coding.str("code")).collect()),
        "identifier" => texts(resource.items("identifier").iter().map(|item| item.str("value")).collect()),
        "performer" => resource.items("performer").iter().filter_map(id).map(Key::Text).collect(),
        "subject" => resource.at("subject").and_then(id).map(Key::Text).into_iter().collect(),
        // Neither case nor accents count.
        "value-string" => {
            let plain = |text: &str| Key::Text(text.replace('Ä', "A").to_lowercase());
            resource.str("valueString").map(plain).into_iter().collect()
        }
        "value-quantity" => {
            let Some(value) = resource.str("valueQuantity.value") else { return Vec::new() };
            let is_below = resource.str("valueQuantity.comparator") == Some("<");
            vec![Key::Number(if is_below { f64::NEG_INFINITY } else { value.parse().unwrap() })]
        }
        "date" => {
            let period = resource.at("effectivePeriod").map(|period| period.str("start").map_or(i128::MIN, start));
            resource.str("effectiveDateTime").map(start).or(period).map(Key::Time).into_iter().collect()
        }
        other => panic!("{other}"),
    }
}

/// The least value, or the greatest where the order goes down.
fn extreme(resource: &Json, name: &str, descending: bool) -> Option<Key> {
    let better = |one: &Key, other: &Key| {
        let order = one.partial_cmp(other).unwrap();
        if descending { order.reverse() } else { order }
    };
    values(resource, name).into_iter().min_by(better)
}

/// The test's own order: by the keys, what lacks one last, and ties as they stood.
fn sorted(resources: &[Json], keys: &[(&str, bool)]) -> Vec<String> {
    let mut rows: Vec<(Vec<Option<Key>>, String)> = resources
        .iter()
        .map(|resource| {
            let keys = keys.iter().map(|(name, descending)| extreme(resource, name, *descending)).collect();
            (keys, format!("Observation/{}", resource.str("id").unwrap()))
        })
        .collect();
    rows.sort_by(|one, other| {
        let mut order = Ordering::Equal;
        for ((one, other), (_, descending)) in one.0.iter().zip(&other.0).zip(keys) {
            order = order.then_with(|| match (one, other) {
                (Some(one), Some(other)) if *descending => other.partial_cmp(one).unwrap(),
                (Some(one), Some(other)) => one.partial_cmp(other).unwrap(),
                (None, None) => Ordering::Equal,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
            });
        }
        order
    });
    rows.into_iter().map(|(_, id)| id).collect()
}

fn told(keys: &[(&str, bool)]) -> String {
    let keys: Vec<String> = keys.iter().map(|(name, down)| format!("{}{name}", if *down { "-" } else { "" })).collect();
    keys.join(",")
}

/// What a search gives, resource by resource, without an order.
async fn all(api: &Client, query: &str) -> Vec<Json> {
    let (mut found, mut next) = (Vec::new(), Some(query.to_owned()));
    while let Some(link) = next {
        let page = api.get(&link).await.expect(200).json();
        found.extend(page.items("entry").iter().map(|entry| entry.at("resource").unwrap().clone()));
        let link = page.items("link").iter().find(|link| link.str("relation") == Some("next"));
        next = link.map(|link| link.str("url").unwrap().to_owned());
    }
    found
}

fn keys(random: &mut Random) -> Vec<(&'static str, bool)> {
    let many = 1 + random.below(3);
    let mut keys: Vec<(&str, bool)> = Vec::new();
    for _ in 0..many {
        let name = *random.pick(&KEYS);
        if keys.iter().all(|(other, _)| *other != name) {
            keys.push((name, random.once_in(2)));
        }
    }
    keys
}

async fn load(api: &Client, many: usize, random: &mut Random) {
    let people: Vec<Json> = (0..5).map(|number| patient(&format!("so-{number}"), "x")).collect();
    api.post("/", transaction(&people)).await.expect(200);
    let observations: Vec<Json> = (0..many).map(|number| observation(number, random)).collect();
    for part in observations.chunks(500) {
        api.post("/", transaction(part)).await.expect(200);
    }
}

/// One order, walked in pages of a size.
async fn walk(api: &Client, condition: &str, resources: &[Json], keys: &[(&str, bool)], count: usize) {
    let query = format!("/Observation?{condition}_sort={}&_count={count}", told(keys));
    let found = api.search(&query).await;
    let wanted = sorted(resources, keys);
    assert_eq!(found.len(), wanted.len(), "{query}");
    for (place, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
        assert_eq!(
            found,
            wanted,
            "{query}: at {place}, {:?}",
            resources.iter().find(|one| found.ends_with(one.str("id").unwrap()))
        );
    }
}

suite! {
    async fn many_and_few_come_in_the_same_order(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut random = Random::seeded(11);
        // More than the gateway puts in order by itself (2,000).
        load(&api, 2400, &mut random).await;
        let (everything, most, few) =
            (all(&api, "/Observation?_count=1000").await, all(&api, "/Observation?_tag=most&_count=1000").await, all(&api, "/Observation?_tag=few&_count=33").await);
        assert_eq!((everything.len(), most.len(), few.len()), (2400, 2280, 120));
        for (condition, resources) in [("", &everything), ("_tag=most&", &most), ("_tag=few&", &few)] {
            let page = api.get(&format!("/Observation?{condition}_total=accurate&_count=1")).await.expect(200).json();
            assert_eq!(page.str("total"), Some(resources.len().to_string().as_str()), "{condition}");
        }
        // Every key by itself, in both directions.
        for name in KEYS {
            for descending in [false, true] {
                walk(&api, "_tag=few&", &few, &[(name, descending)], 1 + random.below(40)).await;
                walk(&api, "_tag=most&", &most, &[(name, descending)], 150 + random.below(850)).await;
            }
        }
        // Several.
        for _ in 0..rounds(12, 200) {
            let keys = keys(&mut random);
            walk(&api, "_tag=few&", &few, &keys, 1 + random.below(40)).await;
            walk(&api, "_tag=most&", &most, &keys, 150 + random.below(850)).await;
            walk(&api, "", &everything, &keys, 150 + random.below(850)).await;
            // A condition besides, which leaves many still.
            let finals: Vec<Json> = most.iter().filter(|one| one.at("subject").is_some()).cloned().collect();
            walk(&api, "_tag=most&subject:missing=false&", &finals, &keys, 300 + random.below(700)).await;
        }
        // Small pages through many.
        let last = keys(&mut random);
        walk(&api, "_tag=most&", &most, &last, 23).await;
    }

    async fn others_writes_disturb_no_order(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut random = Random::seeded(12);
        load(&api, 240, &mut random).await;
        let most = all(&api, "/Observation?_tag=most&_count=1000").await;
        let writer = server.client();
        let writing = tokio::spawn(async move {
            let mut random = Random::seeded(13);
            for step in 0..200 {
                let id = format!("u-{}", random.below(40));
                let mut other = observation(step, &mut random).with("id", Json::text(&id));
                other.remove("", "meta");
                match random.below(4) {
                    0 => drop(writer.delete(&format!("/Observation/{id}")).await),
                    1 => drop(writer.save(&patient(&format!("so-{}", random.below(9)), "again")).await),
                    _ => drop(writer.save(&other).await),
                }
            }
        });
        let mut rounds = 0;
        while !writing.is_finished() || rounds < 4 {
            let keys = keys(&mut random);
            walk(&api, "_tag=most&", &most, &keys, 5 + random.below(30)).await;
            rounds += 1;
        }
        writing.await.unwrap();
    }

    async fn numbers_order_by_their_value(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for (id, probability) in [("a", "0.9"), ("b", "0.10"), ("c", ""), ("d", "0.1"), ("e", "0.25"), ("f", "1e-3")] {
            let prediction = if probability.is_empty() { String::new() } else { format!(r#","prediction":[{{"probabilityDecimal":{probability}}},{{"probabilityRange":{{"low":{{"value":{probability}}},"high":{{"value":1}}}}}}]"#) };
            let assessment = format!(r#"{{"resourceType":"RiskAssessment","id":"{id}","status":"final","subject":{{"reference":"Patient/x"}}{prediction}}}"#);
            api.save(&Json::of(&assessment)).await.expect(201);
        }
        for count in [1, 2, 50] {
            let order = |sort: &'static str| { let api = &api; async move {
                let found = api.search(&format!("/RiskAssessment?_sort={sort}&_count={count}")).await;
                found.iter().map(|path| path.rsplit('/').next().unwrap()).collect::<Vec<_>>().join("")
            }};
            assert_eq!(order("probability").await, "fbdeac", "{count}");
            assert_eq!(order("-probability").await, "aebdfc", "{count}");
        }
    }

    async fn what_orders_nothing_is_refused(server: &'static Server) {
        let api = server.client();
        for sort in ["nothing", "-", "code,nothing", "code-value-quantity", "--date", "date:desc"] {
            api.get(&format!("/Observation?_sort={sort}")).await.expect(400).issues();
        }
        let many = ["_sort=date,code,status,subject"; 12].join("&");
        let answer = api.get(&format!("/Observation?{many}")).await;
        assert!(matches!(answer.status, 200 | 400), "{}", answer.status);
        // The order of the whole, not of each parameter, has its bound.
        assert_eq!(api.get("/Observation?_sort=date,code,status&_sort=subject,value-quantity").await.status, 400);
    }
}
