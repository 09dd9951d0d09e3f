//! What applying Consents costs: searches and counts over the demo's records, every patient of which has a Consent (one in ten denies
//! something to somebody else), beside the same binary on the same records without the Consents and without applying any.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::bench::database::Database;
use crate::bench::load::Plan;
use crate::bench::server::Server;
use crate::bench::{client, median, progress, search, wrk};

/// The demo's records, a transaction bundle a line.
const BUNDLES: &str = "bundles.ndjson";
/// Clients at a time.
const CLIENTS: usize = 8;

/// What is asked; `{id}` is a patient.
const REQUESTS: [(&str, &str); 7] = [
    ("read", "Patient/{id}"),
    ("page of a patient's", "Observation?patient={id}&_count=50"),
    ("page of everybody's", "Observation?code=http://loinc.org%7C8867-4&_count=50"),
    ("sorted page of everybody's", "Observation?_sort=-date&_count=50"),
    ("count of a token", "Observation?status=final&_summary=count"),
    ("count of everything", "Observation?_summary=count"),
    ("page with narratives", "Composition?_count=20"),
];

/// Every so many patients, one denies something to somebody else than who asks.
const DENIES: usize = 10;

/// The records in two folders beside: with their Consents, of which some deny something to somebody else; and without any.
///
/// # Errors
/// They cannot be read or written, or have no Consents.
fn parted(records: &Path) -> Result<[PathBuf; 2], String> {
    let folders = ["with", "without"].map(|name| records.with_extension(name));
    if folders.iter().all(|folder| folder.exists()) {
        return Ok(folders);
    }
    let text = |error: std::io::Error| error.to_string();
    let open = |folder: &PathBuf| {
        std::fs::create_dir_all(folder)?;
        File::create(folder.join(BUNDLES)).map(BufWriter::new)
    };
    let (mut with, mut without) = (open(&folders[0]).map_err(text)?, open(&folders[1]).map_err(text)?);
    let mut consents = 0;
    for line in BufReader::new(File::open(records.join(BUNDLES)).map_err(text)?).lines() {
        let mut bundle: Value = serde_json::from_str(&line.map_err(text)?).map_err(|error| error.to_string())?;
        for entry in bundle["entry"].as_array_mut().into_iter().flatten() {
            if entry["resource"]["resourceType"] == "Consent" {
                consents += 1;
                if consents % DENIES == 0 {
                    entry["resource"]["provision"] = denying();
                }
            }
        }
        writeln!(with, "{bundle}").map_err(text)?;
        if let Some(entries) = bundle["entry"].as_array_mut() {
            // A relative begins an epoch of the patient's rules, too.
            entries.retain(|entry| {
                entry["resource"]["resourceType"] != "Consent" && entry["resource"]["resourceType"] != "RelatedPerson"
            });
        }
        writeln!(without, "{bundle}").map_err(text)?;
    }
    with.flush().and_then(|()| without.flush()).map_err(text)?;
    if consents == 0 { Err("the records have no Consents".to_owned()) } else { Ok(folders) }
}

/// A provision that denies everything to a practitioner who is not there.
fn denying() -> Value {
    let role = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP" }] });
    let actor = json!([{ "role": role, "reference": { "reference": "Practitioner/other" } }]);
    json!({ "type": "permit", "provision": [{ "type": "deny", "actor": actor }] })
}

/// Measures it: `applied` has the Consents and applies them, `plain` has none. The table in Markdown.
///
/// # Errors
/// A request fails, or the two do not show the same.
pub async fn measure(plan: Plan, applied: &Server, plain: &Server, database: &Database) -> Result<String, String> {
    let page = client::send("GET", &format!("{}/Patient?_sort=_id&_count=1", plain.base), "").await?;
    let page: Value = serde_json::from_slice(&page).map_err(|error| error.to_string())?;
    let id = page["entry"][0]["resource"]["id"].as_str().unwrap_or_default().to_owned();
    let engine = database.engine.name();
    let mut out = format!(
        "{engine}, {CLIENTS} clients:\n\n| request | Consents applied, requests/s | none, requests/s | overhead |\n|---|--:|--:|--:|\n"
    );
    for (name, request) in REQUESTS {
        progress(&format!("{engine}: consents, {name}"));
        let [applied, plain] =
            [applied, plain].map(|server| format!("{}/{}", server.base, request.replace("{id}", &id)));
        let shown = [shown(&applied).await?, shown(&plain).await?];
        if shown[0] != shown[1] {
            return Err(format!("{name}: {} are shown where Consents are applied, {} else", shown[0], shown[1]));
        }
        let (mut with, mut without) = (Vec::new(), Vec::new());
        // In turn, so that what else the machine does meets both.
        for _ in 0..plan.rounds.max(3) {
            with.push(wrk::run(&applied, CLIENTS, plan.seconds, None).await?);
            without.push(wrk::run(&plain, CLIENTS, plan.seconds, None).await?);
        }
        let (with, without) = (median(with), median(without));
        let overhead = 100.0 * (without / with - 1.0);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "| {name} | {with:.0} | {without:.0} | {overhead:.0} % |");
    }
    Ok(out)
}

/// How many entries, or what total, an answer has.
async fn shown(url: &str) -> Result<u64, String> {
    let answer = client::send("GET", url, "").await?;
    let answer: Value = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
    let entries = answer["entry"].as_array().map(|entries| entries.len() as u64);
    Ok(entries.or_else(|| answer["total"].as_u64()).unwrap_or(1))
}

/// The records of both databases.
///
/// # Errors
/// A command fails.
pub async fn load(binary: &Path, records: &Path, applied: &Database, plain: &Database) -> Result<(), String> {
    let [with, without] = parted(records)?;
    search::load(binary, &with, applied).await?;
    search::load(binary, &without, plain).await
}
