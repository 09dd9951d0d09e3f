//! Searches over the demo's records (about 112,000 resources of 250 patients), 8 clients at a time, beside what Helios HFS
//! 0.2.7 took over 100,000 resources.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::bench::database::Database;
use crate::bench::load::Plan;
use crate::bench::server::Server;
use crate::bench::{client, median, progress, within, wrk};

/// Patients of the demo; each has about 450 resources.
const PATIENTS: u32 = 250;
/// How long making or loading them may take.
const SECONDS: u64 = 3600;
/// Clients at a time, as the peer was measured.
const CLIENTS: usize = 8;

/// The peer's page, where a request does not say (its README, `HFS_DEFAULT_PAGE_SIZE`): what is measured beside it has as many.
const PEERS_PAGE: &str = "&_count=20";

/// Name, search, and the peer's median in ms on SQLite and PostgreSQL. `{...}` are values of one patient of the data.
const SEARCHES: [(&str, &str, Option<[f64; 2]>); 18] = [
    ("string", "Patient?family={family}", Some([4.3, 9.3])),
    ("token and date", "Patient?gender={gender}&birthdate={born}", Some([8.7, 74.0])),
    ("reference and token", "Observation?patient={id}&code=http://loinc.org%7C8867-4", Some([65.0, 17.5])),
    ("token of many", "Observation?code=http://loinc.org%7C8867-4", Some([65.0, 9.9])),
    ("reference and date, sorted", "Observation?patient={id}&date=ge2023-01-01&_sort=-date", Some([137.0, 16.4])),
    ("composite", "Observation?code-value-quantity=http://loinc.org%7C8867-4%24gt80", Some([68.0, 10.0])),
    ("composite of components", "Observation?component-code-value-quantity=http://loinc.org%7C8480-6%24gt120", None),
    (
        "chain and token",
        "Observation?subject:Patient.gender={gender}&code=http://loinc.org%7C8867-4",
        Some([8697.0, 7151.0]),
    ),
    ("chain by a name", "Observation?patient.name={family}", None),
    ("_has", "Patient?_has:Observation:patient:code=http://loinc.org%7C8867-4", Some([13.0, 20.5])),
    ("_include", "Observation?patient={id}&_include=Observation:subject", Some([16.5, 16.3])),
    ("_revinclude", "Patient?_id={id}&_revinclude=Observation:subject", None),
    ("quantity", "Observation?value-quantity=gt100%7Chttp://unitsofmeasure.org%7Cmg/dL", None),
    ("all, sorted", "Observation?_sort=-date", None),
    ("token of many, sorted", "Observation?code=http://loinc.org%7C8867-4&_sort=-date", None),
    ("missing", "Observation?value-quantity:missing=true", None),
    ("count of a token", "Observation?status=final&_summary=count", None),
    ("$everything", "Patient/{id}/$everything", Some([62.0, 224.0])),
];

/// Makes the records.
///
/// # Errors
/// The command fails.
pub async fn records(binary: &Path, folder: &Path) -> Result<(), String> {
    records_of(binary, folder, PATIENTS).await
}

/// Makes the records of so many patients.
///
/// # Errors
/// The command fails.
pub async fn records_of(binary: &Path, folder: &Path, patients: u32) -> Result<(), String> {
    progress(&format!("the demo's records of {patients} patients"));
    let patients = patients.to_string();
    let arguments = ["demo", "--patients", &patients, "--write"];
    run(Command::new(binary).args(arguments).arg(folder)).await
}

/// Loads the records.
///
/// # Errors
/// The command fails.
pub async fn load(binary: &Path, records: &Path, database: &Database) -> Result<(), String> {
    progress(&format!("{}: import of the records", database.engine.name()));
    let mut command = Command::new(binary);
    command.args(["import", "--database", &database.url, "--data-dir"]).arg(&database.folder).arg(records);
    run(&mut command).await
}

/// Measures the searches; the table in Markdown.
///
/// # Errors
/// A request fails.
pub async fn measure(plan: Plan, server: &Server, database: &Database) -> Result<String, String> {
    let page = client::send("GET", &format!("{}/Patient?_sort=_id&_count=1", server.base), "").await?;
    let page: Value = serde_json::from_slice(&page).map_err(|error| error.to_string())?;
    let patient = &page["entry"][0]["resource"];
    // Names of several words there are.
    let value = |name: &Value| name.as_str().unwrap_or_default().replace(' ', "%20");
    let fill = |search: &str| {
        search
            .replace("{id}", &value(&patient["id"]))
            .replace("{family}", &value(&patient["name"][0]["family"]))
            .replace("{gender}", &value(&patient["gender"]))
            .replace("{born}", &value(&patient["birthDate"]))
    };
    let engine = database.engine.name();
    let mut out =
        format!("{engine}, {CLIENTS} clients:\n\n| search | requests/s | ms | entries | kB | Helios ms | ratio |\n");
    out.push_str("|---|--:|--:|--:|--:|--:|--:|\n");
    for (name, search, peer) in SEARCHES {
        progress(&format!("{engine}: {name}"));
        let mut url = format!("{}/{}", server.base, fill(search));
        if peer.is_some() && search.contains('?') {
            url.push_str(PEERS_PAGE);
        }
        let answer = client::send("GET", &url, "").await?;
        let found: Value = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
        let entries = found["entry"].as_array().map_or(0, Vec::len);
        let mut rates = Vec::new();
        for _ in 0..plan.rounds {
            rates.push(wrk::run(&url, CLIENTS, plan.seconds, None).await?);
        }
        let rate = median(rates);
        // As many requests are under way as there are clients.
        let ms = 1000.0 * CLIENTS as f64 / rate;
        let peer = peer.map(|peer| if engine == "SQLite" { peer[0] } else { peer[1] });
        let told = peer.map_or_else(|| "–".to_owned(), |peer| format!("{peer}"));
        let ratio = peer.map_or_else(|| "–".to_owned(), |peer| format!("{:.1}", peer / ms));
        let size = answer.len() / 1000;
        // Writing to a String cannot fail.
        let _ = writeln!(out, "| {name} | {rate:.0} | {ms:.1} | {entries} | {size} | {told} | {ratio} |");
    }
    Ok(out)
}

async fn run(command: &mut Command) -> Result<(), String> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let running = async { command.output().await.map_err(|error| error.to_string()) };
    let output = within(SECONDS, "a command of the gateway", running).await?;
    if output.status.success() {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(&output.stderr).chars().take(2000).collect();
    Err(format!("a command of the gateway ended with {}: {said}", output.status))
}
