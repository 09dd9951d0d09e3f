//! Every mapped type beside the spine's three (Patient, `MedicationRequest`, laboratory Observation): reads, transactions
//! of 20, pages of 50, in one run on one server. All resources are filled up to the same size, so that a figure per kB says
//! what the type costs and not how long its resources are.

mod templates;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::bench::database::Database;
use crate::bench::load::{PAGE, Plan};
use crate::bench::meter::Meter;
use crate::bench::server::Server;
use crate::bench::{client, median, progress, wrk};
use templates::TEMPLATES;

/// Bytes of every resource.
const SIZE: usize = 2_000;

/// Resources of a transaction.
const BATCH: usize = 20;

/// Transactions of a type in one round; the figure is their median.
const TRANSACTIONS: usize = 5;

/// The first templates are the spine's.
const SPINE: usize = 3;

/// How much dearer than the spine a type may be.
const BOUND: f64 = 1.3;

/// What is measured, in the order of the table.
const COLUMNS: [&str; 3] = ["read", "transaction of 20", "page of 50"];

/// What resources refer to.
const WORLD: [&str; 2] = [
    r#"{"resourceType":"Organization","id":"world","name":"Clinic"}"#,
    r#"{"resourceType":"Practitioner","id":"world","name":[{"family":"Ray"}]}"#,
];

/// Microseconds per kB of each type: a line a template, a list of rounds a column.
type Figures = Vec<[Vec<f64>; COLUMNS.len()]>;

/// Measures them; the table in Markdown.
///
/// # Errors
/// A request fails, or a resource is not in the table that its map says.
pub async fn measure(plan: Plan, meter: &Meter, server: &Server, database: &Database) -> Result<String, String> {
    for resource in WORLD.map(str::to_owned).into_iter().chain(TEMPLATES.iter().map(|(map, _)| subject(map))) {
        let value: Value = serde_json::from_str(&resource).map_err(|error| error.to_string())?;
        let name = |member: &str| value[member].as_str().unwrap_or_default();
        let url = format!("{}/{}/{}", server.base, name("resourceType"), name("id"));
        client::send("PUT", &url, resource.clone()).await?;
    }
    let mut figures: Figures = TEMPLATES.iter().map(|_| Default::default()).collect();
    for round in 0..plan.rounds {
        progress(&format!("{}: types, transactions, round {}", database.engine.name(), round + 1));
        for (index, figures) in figures.iter_mut().enumerate() {
            figures[1].push(transactions(meter, server, index, round).await?);
        }
    }
    kept(database).await?;
    for round in 1..=plan.rounds {
        progress(&format!("{}: types, reads and pages, round {round}", database.engine.name()));
        for (index, figures) in figures.iter_mut().enumerate() {
            figures[0].push(reads(plan, meter, server, database, index).await?);
            figures[2].push(pages(plan, meter, server, index).await?);
        }
    }
    Ok(table(database.engine.name(), &figures))
}

/// The patient of a type's resources.
fn subject(map: &str) -> String {
    format!(r#"{{"resourceType":"Patient","id":"{}","name":[{{"family":"Bench"}}]}}"#, patient(map))
}

fn patient(map: &str) -> String {
    format!("of-{}", map.replace('_', "-"))
}

fn id(map: &str, number: usize) -> String {
    format!("{}-{number}", map.replace('_', "-"))
}

/// A resource of a template, filled up with a narrative.
fn resource(index: usize, number: usize) -> String {
    let (map, template) = TEMPLATES[index];
    let text =
        template.replace("PATIENT", &patient(map)).replace("NUMBER", &format!("{:06}", number + 1_000_000 * index));
    let text = text.replacen("\"ID\"", &format!("\"{}\"", id(map, number)), 1);
    let (before, after) =
        (r#","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">"#, "</div>\"}}");
    let length = SIZE.saturating_sub(text.len() + before.len() + after.len());
    let words: String = "It says the same in words. ".chars().cycle().take(length).collect();
    format!("{}{before}{words}.{after}", text.strip_suffix('}').unwrap_or(&text))
}

fn kind(index: usize) -> Result<String, String> {
    let value: Value = serde_json::from_str(TEMPLATES[index].1).map_err(|error| error.to_string())?;
    value["resourceType"].as_str().map(str::to_owned).ok_or_else(|| "a template without a type".to_owned())
}

/// Creates of new resources, one client; µs per kB of them.
async fn transactions(meter: &Meter, server: &Server, index: usize, round: usize) -> Result<f64, String> {
    let kind = kind(index)?;
    let mut times = Vec::new();
    for transaction in 0..TRANSACTIONS {
        let first = (round * TRANSACTIONS + transaction) * BATCH;
        let mut entries = Vec::new();
        let mut bytes = 0;
        for number in first..first + BATCH {
            let resource = resource(index, number);
            bytes += resource.len();
            let resource: Value = serde_json::from_str(&resource).map_err(|error| error.to_string())?;
            let url = format!("{kind}/{}", id(TEMPLATES[index].0, number));
            entries.push(json!({"resource": resource, "request": {"method": "PUT", "url": url}}));
        }
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries}).to_string();
        let before = meter.read();
        client::send("POST", &server.base, bundle).await?;
        times.push(per_kb(meter.since(&before), bytes));
    }
    Ok(median(times))
}

/// Every resource must be where its map says, else the figures are another table's.
async fn kept(database: &Database) -> Result<(), String> {
    for (map, _) in TEMPLATES {
        let query = format!(
            "select count(*) from {}directory where map = '{map}' and id like '{}'",
            database.schema(),
            id(map, 0).replace("-0", "-%")
        );
        if database.count(&query).await? < i64::try_from(BATCH).unwrap_or_default() {
            return Err(format!("the template of {map} is kept elsewhere"));
        }
    }
    Ok(())
}

async fn reads(plan: Plan, meter: &Meter, server: &Server, database: &Database, index: usize) -> Result<f64, String> {
    let base = format!("{}/{}", server.base, kind(index)?);
    let url = format!("{base}/{}", id(TEMPLATES[index].0, 0));
    let bytes = client::send("GET", &url, "").await?.len();
    let script = script(&database.folder, &base, index)?;
    let before = meter.read();
    let rate = wrk::run(&url, 8, plan.seconds, Some(&script)).await?;
    Ok(per_kb(meter.per_request(&before, rate, plan.seconds), bytes))
}

/// What makes wrk read one after the other.
fn script(folder: &Path, base: &str, index: usize) -> Result<PathBuf, String> {
    let path = folder.join("read.lua");
    let start = base.find("//").map_or(0, |at| at + 2);
    let base = base[start..].find('/').map_or(base, |at| &base[start + at..]);
    let text = format!(
        "local requests, at = {{}}, 0\nfunction init()\n  for n = 0, {} do requests[n] = wrk.format('GET', '{base}/{}-' .. n) end\nend\n\
         function request()\n  at = (at + 1) % {}\n  return requests[at]\nend\n",
        BATCH * TRANSACTIONS - 1,
        TEMPLATES[index].0.replace('_', "-"),
        BATCH * TRANSACTIONS
    );
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

async fn pages(plan: Plan, meter: &Meter, server: &Server, index: usize) -> Result<f64, String> {
    let (map, template) = TEMPLATES[index];
    let of = if template.contains("Patient/PATIENT") {
        format!("patient={}", patient(map))
    } else {
        "_lastUpdated=ge2000-01-01".to_owned()
    };
    let url = format!("{}/{}?{of}&_count={PAGE}", server.base, kind(index)?);
    let page = client::send("GET", &url, "").await?;
    let value: Value = serde_json::from_slice(&page).map_err(|error| error.to_string())?;
    let found = value["entry"].as_array().map_or(0, Vec::len);
    if found != PAGE {
        return Err(format!("a page of {PAGE} has {found} entries: {url}"));
    }
    let before = meter.read();
    let rate = wrk::run(&url, 8, plan.seconds, None).await?;
    Ok(per_kb(meter.per_request(&before, rate, plan.seconds), page.len()))
}

/// Microseconds per kB.
#[allow(clippy::cast_precision_loss)]
fn per_kb(seconds: f64, bytes: usize) -> f64 {
    seconds * 1e6 / (bytes as f64 / 1e3)
}

/// Beside each figure how many times the spine's mean it is, by rounds, so that what else the machine did meets both.
fn table(engine: &str, figures: &Figures) -> String {
    let mut out = format!("| {engine}: µs per kB, and × the spine's mean |");
    for column in COLUMNS {
        let _ = write!(out, " {column} | × |");
    }
    out.push_str(" |\n|---|--:|--:|--:|--:|--:|--:|---|\n");
    for ((map, _), line) in TEMPLATES.iter().zip(figures) {
        let _ = write!(out, "| {map} |");
        let mut over = Vec::new();
        for (column, name) in COLUMNS.iter().enumerate() {
            let times = ratio(figures, &line[column], column);
            let _ = write!(out, " {:.0} | {times:.2} |", median(line[column].clone()));
            if times > BOUND {
                over.push(*name);
            }
        }
        let over = if over.is_empty() { String::new() } else { format!("> {BOUND}: {}", over.join(", ")) };
        let _ = writeln!(out, " {over} |");
    }
    out
}

/// The median over the rounds of a figure by the spine's mean.
#[allow(clippy::cast_precision_loss)]
fn ratio(figures: &Figures, rounds: &[f64], column: usize) -> f64 {
    let spine = |round: usize| figures[..SPINE].iter().map(|line| line[column][round]).sum::<f64>() / SPINE as f64;
    median(rounds.iter().enumerate().map(|(round, value)| value / spine(round)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_a_resource_of_the_same_size_with_an_id_of_its_own() {
        for (index, (map, _)) in TEMPLATES.iter().enumerate() {
            let text = resource(index, 7);
            let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{map}: {error}: {text}"));
            assert_eq!(value["id"], id(map, 7), "{map}");
            assert_eq!(text.len(), SIZE, "{map}");
            assert!(!text.contains("PATIENT") && !text.contains("NUMBER"), "{map}");
        }
    }

    #[test]
    fn a_type_is_measured_by_the_spine_of_its_round() {
        let line = |a: f64, b: f64| [vec![a, b], vec![a, b], vec![a, b]];
        let figures: Figures = vec![line(10.0, 20.0), line(10.0, 20.0), line(10.0, 20.0), line(20.0, 40.0)];
        assert!((ratio(&figures, &figures[3][0], 0) - 2.0).abs() < 1e-9);
    }
}
