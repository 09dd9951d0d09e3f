//! No search looks through a table: over 100,000 resources every parameter of every mapped type, alone, beside a patient, as an
//! order and as a count, is answered from indexes. The database itself is asked (`EXPLAIN`).
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;

use gateway_tests::{Command, Engine, Server, own, suite};
use mappers::search::parameters::{self, Definition, ParameterKind};

const RESOURCES: usize = 100_000;
/// Tables of the search, and the names that statements give their rows.
const TABLES: [&str; 7] = [
    "directory",
    "index_date",
    "index_quantity",
    "index_reference",
    "index_string",
    "index_token",
    "resource_versions",
];

/// The types that lie in tables of the clinic.
fn kinds() -> BTreeSet<String> {
    mappers::map::clinic().iter().map(|(_, text)| text).flat_map(|text| text.lines()).filter_map(resource).collect()
}

/// `resource = "Patient"`
fn resource(line: &str) -> Option<String> {
    let (name, value) = line.split_once('=')?;
    (name.trim() == "resource").then(|| value.trim().trim_matches('"').to_owned())
}

/// Resources of the types in turn, with an index row of each kind at one place after another.
async fn fill(server: &Server, kinds: &BTreeSet<String>) {
    let engine = server.engine();
    let mut sql = server.sql().await;
    let paths: BTreeSet<i32> =
        kinds.iter().flat_map(|kind| parameters::supported(Some(kind))).flat_map(Definition::index_paths).collect();
    let series = |most: usize| match engine {
        Engine::Sqlite => format!(
            "(with recursive n(n) as (select 0 union all select n + 1 from n where n < {}) select n from n) as s",
            most - 1
        ),
        Engine::Postgres => format!("(select n from generate_series(0, {}) as n) as s", most - 1),
    };
    let listed = |rows: Vec<String>| rows.join(", ");
    let kind_rows = listed(kinds.iter().enumerate().map(|(number, kind)| format!("({number}, '{kind}')")).collect());
    let path_rows = listed(paths.iter().enumerate().map(|(number, path)| format!("({number}, {path})")).collect());
    sql.run(&format!(
        "create table some_kinds (n bigint primary key, kind text); insert into some_kinds values {kind_rows}"
    ))
    .await;
    sql.run(&format!(
        "create table some_paths (n bigint primary key, path bigint); insert into some_paths values {path_rows}"
    ))
    .await;
    let (first, all) = (1_000_000, series(RESOURCES));
    let table = |name: &str| own(engine, name);
    sql.run(&format!(
        "insert into {} (rid, organization_id, type, id, key, version, updated, patient)
         select {first} + s.n, 1, k.kind, 'r' || s.n, 'r' || s.n, 1, s.n, 'p' || s.n % 500 from {all} join some_kinds k on k.n = s.n % {}",
        table("directory"),
        kinds.len()
    ))
    .await;
    sql.run(&format!(
        "insert into {} (rid, version, organization_id, type, id, updated, method, body)
         select rid, version, organization_id, type, id, updated, 'PUT', '{{}}' from {} where rid >= {first}",
        table("resource_versions"),
        table("directory")
    ))
    .await;
    // Two thousand values, most of them rare.
    let (word, number) = ("'w' || (s.n % 2000) * (s.n % 7)", "s.n % 2000");
    for (name, columns, values) in [
        ("index_date", "low, high", format!("{number}, {number} + 1")),
        ("index_quantity", "low, high, system, code, unit", format!("{number}, {number} + 1, 'u', 'mg', 'mg'")),
        ("index_reference", "target_id, target_type", "'r' || s.n % 30000, 'Patient'".to_owned()),
        ("index_string", "normal, text", format!("{word}, {word}")),
        ("index_token", "code, system", format!("{word}, 'http://e.org'")),
    ] {
        sql.run(&format!(
            "insert into {} (organization_id, path, rid, {columns}) select 1, p.path, {first} + s.n, {values}
             from {all} join some_paths p on p.n = s.n % {}",
            table(name),
            paths.len()
        ))
        .await;
    }
    for name in TABLES {
        sql.run(&format!("analyze {}", table(name))).await;
    }
}

/// A value that a parameter may be asked for.
fn value(definition: &Definition) -> String {
    match definition.param_kind {
        ParameterKind::Composite => {
            let part = |name: &&str| parameters::definition(definition.kind, name).map(value).unwrap_or_default();
            definition.components.iter().map(part).collect::<Vec<_>>().join("$")
        }
        ParameterKind::Date => "2024-01-01".to_owned(),
        ParameterKind::Number | ParameterKind::Quantity => "5".to_owned(),
        ParameterKind::Reference => format!("{}/r7", definition.targets.first().unwrap_or(&"Patient")),
        ParameterKind::Special => "42.3|-71|5|km".to_owned(),
        ParameterKind::String => "w6".to_owned(),
        ParameterKind::Token => "http://e.org|w6".to_owned(),
        ParameterKind::Uri => "http://e.org/w6".to_owned(),
    }
}

fn searches(kinds: &BTreeSet<String>) -> Vec<String> {
    let mut searches = vec!["$meta".to_owned()];
    for more in ["", "&category=http://e.org|w6", "&code=http://e.org|w6&date=ge2024", "&max=5&status=w6"] {
        searches.push(format!("Observation/$lastn?patient=r7{more}"));
    }
    for along in [
        "_include=*",
        "_include:iterate=*",
        "_include=Observation:*",
        "_include=Observation:*:Patient",
        "_revinclude=*",
        "_revinclude:iterate=*",
        "_revinclude=Provenance:*",
        "_revinclude:iterate=Observation:has-member",
    ] {
        searches.push(format!("Observation?patient=Patient/r7&{along}"));
    }
    for kind in kinds {
        searches.push(format!("{kind}/$meta"));
        let by_patient = parameters::definition(kind, "patient").is_some();
        for definition in parameters::supported(Some(kind)) {
            let asked = format!("{kind}?{}={}", definition.name, value(definition));
            if by_patient && definition.name != "patient" {
                searches.push(format!("{asked}&patient=Patient/r7"));
            }
            if !matches!(definition.param_kind, ParameterKind::Composite | ParameterKind::Special) {
                searches.push(format!("{asked}&_sort=-{}", definition.name));
            }
            searches.push(format!("{asked}&_total=accurate"));
        }
    }
    searches
}

/// Lines of a plan that look through a table.
fn scans(engine: Engine, plan: &str) -> Vec<String> {
    let is_scan = |line: &&str| match engine {
        // `SCAN d1`, whether by the table or by the whole of an index; subqueries have names of one other letter.
        Engine::Sqlite => {
            let scanned = line.trim().strip_prefix("SCAN ").is_some_and(|rest| {
                let name = rest.split(' ').next().unwrap_or_default();
                name.starts_with(['d', 'i', 'o', 'v', 'm'])
            });
            // All of an organization's rows are all rows.
            scanned || line.contains("(organization_id=?)")
        }
        Engine::Postgres => {
            line.contains("Seq Scan on") && TABLES.iter().any(|table| line.contains(&format!("on {table}")))
        }
    };
    plan.lines().filter(is_scan).map(ToOwned::to_owned).collect()
}

suite! {
    async fn every_search_is_answered_from_indexes(engine: Engine) {
        let kinds = kinds();
        assert!(kinds.len() > 25, "{kinds:?}");
        let server = Server::start(engine);
        fill(&server, &kinds).await;
        let searches = searches(&kinds);
        assert!(searches.len() > 1000, "{}", searches.len());
        let mut wrong = Vec::new();
        for part in searches.chunks(200) {
            let data = server.data_dir().display().to_string();
            let mut arguments = vec!["search", "explain", "--database", &server.database.url, "--data-dir", &data];
            arguments.extend(part.iter().map(String::as_str));
            let told = Command::run(&arguments).await.expect(0).stdout;
            let plans: Vec<&str> = told.split("search: ").skip(1).collect();
            assert_eq!(plans.len(), part.len());
            for (search, plan) in part.iter().zip(plans) {
                assert!(plan.contains("select "), "{search}: {plan}");
                let scans = scans(engine, plan);
                if !scans.is_empty() {
                    wrong.push(format!("{search}: {scans:?}"));
                }
            }
        }
        println!("{} searches", searches.len());
        assert!(wrong.is_empty(), "{} of {} searches look through tables:\n{}", wrong.len(), searches.len(), wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n"));
    }
}
