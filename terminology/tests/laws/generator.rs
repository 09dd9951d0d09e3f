//! Random code systems and value sets: few codes, so that rules meet; each mistake that a definition may have, once in a while.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

/// The codes of all systems. Of a system that does not mind case some are asked for in small letters.
pub(crate) const CODES: [&str; 8] = ["A", "B", "C", "D", "E", "F", "G", "H"];

/// What is in no system.
pub(crate) const NO_CODES: [&str; 3] = ["Z", "", "A B"];

/// The code systems' addresses; of the first there are two versions.
pub(crate) const SYSTEMS: [&str; 2] = ["urn:s:one", "urn:s:two"];

#[derive(Clone, Debug)]
struct Node {
    nested_in: Option<usize>,
    parents: Vec<&'static str>,
    children: Vec<&'static str>,
    inactive: bool,
    is_abstract: bool,
    grade: Option<i32>,
}

fn node() -> impl Strategy<Value = Node> {
    let codes = || vec(select(&CODES[..]), 0..2);
    let flags = (proptest::bool::weighted(0.2), proptest::bool::weighted(0.1), weighted(0.5, 0..3));
    (weighted(0.4, 0..8_usize), codes(), codes(), flags).prop_map(
        |(nested_in, parents, children, (inactive, is_abstract, grade))| Node {
            nested_in,
            parents,
            children,
            inactive,
            is_abstract,
            grade,
        },
    )
}

/// A code system: hierarchies by nesting and by properties, several parents, circles.
pub(crate) fn system(url: &'static str, version: Option<&'static str>) -> impl Strategy<Value = Value> {
    (subsequence(&CODES[..], 1..=8), vec(node(), 8), any::<bool>()).prop_map(
        move |(codes, nodes, is_case_sensitive)| {
            let property = |code: &str, name: &str, value: Value| json!({ "code": code, name: value });
            let mut made: Vec<Value> = codes
                .iter()
                .zip(&nodes)
                .map(|(code, node)| {
                    let mut properties: Vec<Value> =
                        node.parents.iter().map(|parent| property("parent", "valueCode", json!(parent))).collect();
                    properties.extend(node.children.iter().map(|child| property("child", "valueCode", json!(child))));
                    properties.extend(node.grade.map(|grade| property("grade", "valueInteger", json!(grade))));
                    if node.inactive {
                        properties.push(property("inactive", "valueBoolean", json!(true)));
                    }
                    if node.is_abstract {
                        properties.push(property("notSelectable", "valueBoolean", json!(true)));
                    }
                    json!({ "code": code, "display": format!("The {code}"), "property": properties, "concept": [] })
                })
                .collect();
            // The last first: what goes into another has all that is in it already.
            let mut roots = Vec::new();
            while let Some(one) = made.pop() {
                let at = made.len();
                match nodes[at].nested_in.filter(|into| *into < at) {
                    Some(into) => made[into]["concept"].as_array_mut().expect("a list").push(one),
                    None => roots.push(one),
                }
            }
            let mut system = json!({ "resourceType": "CodeSystem", "url": url, "status": "active", "content": "complete",
                "caseSensitive": is_case_sensitive, "concept": roots });
            if let Some(version) = version {
                system["version"] = json!(version);
            }
            system
        },
    )
}

/// All systems: two versions of the first, one of the second.
pub(crate) fn systems() -> impl Strategy<Value = Vec<Value>> {
    (system(SYSTEMS[0], Some("1.0")), system(SYSTEMS[0], Some("2.0")), system(SYSTEMS[1], None))
        .prop_map(|(one, other, second)| vec![one, other, second])
}

fn code() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(&CODES[..]).prop_map(str::to_owned),
        2 => select(&CODES[..]).prop_map(str::to_lowercase),
        1 => Just("Z".to_owned()),
    ]
}

fn filter() -> impl Strategy<Value = Value> {
    let of = |property: &'static str, op: &'static str, value: String| json!({ "property": property, "op": op, "value": value });
    let hierarchy = select(vec!["is-a", "descendent-of", "is-not-a", "generalizes", "child-of", "descendent-leaf"]);
    let list = vec(code(), 1..4).prop_map(|codes| codes.join(","));
    let property = select(vec!["grade", "inactive", "parent", "child", "code", "display", "notSelectable"]);
    prop_oneof![
        4 => (hierarchy, code()).prop_map(move |(op, code)| of("concept", op, code)),
        1 => (property.clone(), prop_oneof![code(), select(vec!["0", "1", "true", "false"]).prop_map(str::to_owned)])
            .prop_map(move |(property, value)| of(property, "=", value)),
        1 => (select(vec!["in", "not-in"]), list).prop_map(move |(op, list)| of("code", op, list)),
        1 => select(vec!["[A-D]", "A|B", ".*", "The [E-H]"]).prop_map(move |text| of("code", "regex", text.to_owned())),
        1 => (property, any::<bool>()).prop_map(move |(property, is)| of(property, "exists", is.to_string())),
    ]
}

/// A rule; `imports` are the value sets that it may name.
fn rule(imports: Vec<&'static str>, has_versions: bool) -> impl Strategy<Value = Value> {
    let version = select(vec!["1.0", "2.0", "2.x"]);
    let version = if has_versions { weighted(0.8, version).boxed() } else { Just(None).boxed() };
    // Where versions count, mostly of the system that has two.
    let second = if has_versions { 1 } else { 3 };
    let system = (prop_oneof![3 => Just(SYSTEMS[0]), second => Just(SYSTEMS[1])], version);
    let imports = if imports.is_empty() { Just(Vec::new()).boxed() } else { vec(select(imports), 0..3).boxed() };
    (
        weighted(0.8, system),
        vec(code(), 0..4),
        any::<bool>(),
        prop_oneof![vec(filter(), 0..1), vec(filter(), 0..3)],
        imports,
    )
        .prop_map(|(system, codes, lists, filters, imports)| {
            let mut rule = json!({});
            if let Some((url, version)) = system {
                rule["system"] = json!(url);
                if let Some(version) = version.filter(|_| url == SYSTEMS[0]) {
                    rule["version"] = json!(version);
                }
                if lists && !codes.is_empty() {
                    rule["concept"] = codes.iter().map(|code| json!({ "code": code })).collect();
                }
                rule["filter"] = json!(filters);
            }
            rule["valueSet"] = json!(imports);
            rule
        })
}

/// A value set at an address that may name others.
pub(crate) fn set(url: &'static str, imports: Vec<&'static str>, has_versions: bool) -> impl Strategy<Value = Value> {
    let rules = |most| vec(rule(imports.clone(), has_versions), 0..most);
    // A code that is active in one version and not in the other is found in the latest alone.
    let inactive = if has_versions { Just(None).boxed() } else { weighted(0.3, any::<bool>()).boxed() };
    (rules(4), rules(3), inactive).prop_map(move |(include, exclude, inactive)| {
        let mut compose = json!({ "include": include, "exclude": exclude });
        if let Some(inactive) = inactive {
            compose["inactive"] = json!(inactive);
        }
        json!({ "resourceType": "ValueSet", "url": url, "status": "active", "compose": compose })
    })
}

/// Value sets, each of which names those before it; the last one also one that it contains.
pub(crate) fn sets(has_versions: bool) -> impl Strategy<Value = Vec<Value>> {
    let inner = set("urn:v:inner", Vec::new(), has_versions);
    (
        set("urn:v:0", Vec::new(), has_versions),
        set("urn:v:1", vec!["urn:v:0"], has_versions),
        set("urn:v:2", vec!["urn:v:0", "urn:v:1", "#inner"], has_versions),
        inner,
    )
        .prop_map(|(first, second, mut third, mut inner)| {
            inner["id"] = json!("inner");
            third["contained"] = json!([inner]);
            vec![first, second, third]
        })
}

/// Any JSON; names and words are often those that definitions have.
pub(crate) fn anything() -> impl Strategy<Value = Value> {
    let words = vec![
        "CodeSystem",
        "ValueSet",
        "ConceptMap",
        "Parameters",
        "urn:s:one",
        "urn:v:0",
        "#inner",
        "A",
        "complete",
        "fragment",
        "supplement",
        "is-a",
        "=",
        "regex",
        "(",
        "1.0",
        "*",
        "en;q=0.1",
        "-",
        "",
        "true",
        "urn:s:one|1.0",
        "|",
        "é|ß",
    ];
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        3 => select(words).prop_map(Value::from),
        1 => ".{0,6}".prop_map(Value::from),
    ];
    let names = vec![
        "resourceType",
        "url",
        "version",
        "concept",
        "code",
        "display",
        "property",
        "valueCode",
        "compose",
        "include",
        "exclude",
        "system",
        "filter",
        "op",
        "value",
        "valueSet",
        "contained",
        "id",
        "expansion",
        "contains",
        "group",
        "element",
        "target",
        "source",
        "unmapped",
        "mode",
        "extension",
        "designation",
        "language",
        "use",
        "supplements",
        "content",
        "name",
        "parameter",
        "resource",
        "part",
        "valueString",
        "coding",
        "status",
        "inactive",
        "abstract",
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((select(names.clone()), inner), 0..6).prop_map(|all| all
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}
