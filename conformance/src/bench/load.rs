//! Loads over HTTP: reads beside their limits, pages of a search, creates.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bench::database::{Database, Engine};
use crate::bench::limits::Limits;
use crate::bench::report::{Measure, Report, clients_of};
use crate::bench::server::Server;
use crate::bench::{client, data, disk, progress, wrk};

/// Clients at a time.
pub const CLIENTS: [usize; 3] = [1, 8, 64];

/// Resources of a page.
pub const PAGE: usize = 50;

/// How each load is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Seconds of one run.
    pub seconds: u32,
    /// Runs; the table has their median.
    pub rounds: usize,
}

/// Reads of one Patient. Each round runs the two limits and the gateway one after the other, so that whatever else the
/// machine does meets all three.
///
/// # Errors
/// A request fails.
pub async fn reads(
    plan: Plan,
    server: &Server,
    limits: &Limits,
    database: &Database,
    report: &mut Report,
) -> Result<(), String> {
    let engine = database.engine;
    let read = format!("{}/Patient/{}", server.base, data::patient_id());
    let served = client::send("GET", &read, "").await?.len();
    report.sizes(served, client::send("GET", &limits.select, "").await?.len());
    for url in [&limits.constant, &limits.select, &read] {
        wrk::run(url, 8, 1, None).await?;
    }
    for clients in CLIENTS {
        for round in 1..=plan.rounds {
            progress(&format!("{}: read, {}, round {round}", engine.name(), clients_of(clients)));
            report.add(Measure::Sync, engine, disk::sync_us(&database.folder).await?);
            let constant = wrk::run(&limits.constant, clients, plan.seconds, None).await?;
            let select = wrk::run(&limits.select, clients, plan.seconds, None).await?;
            let gateway = wrk::run(&read, clients, plan.seconds, None).await?;
            report.add(Measure::Constant(clients), engine, constant);
            report.add(Measure::Select(clients), engine, select);
            report.add(Measure::Read(clients), engine, gateway);
            report.add(Measure::Ratio(clients), engine, 100.0 * gateway / select);
        }
    }
    Ok(())
}

/// Pages of a patient's Observations.
///
/// # Errors
/// A request fails, or the page is not full.
pub async fn searches(plan: Plan, server: &Server, engine: Engine, report: &mut Report) -> Result<(), String> {
    let url = format!("{}/Observation?patient={}&_count={PAGE}", server.base, data::patient_id());
    let page: Value =
        serde_json::from_slice(&client::send("GET", &url, "").await?).map_err(|error| error.to_string())?;
    let found = page["entry"].as_array().map_or(0, Vec::len);
    if found != PAGE {
        return Err(format!("a page of {PAGE} has {found} entries"));
    }
    for round in 1..=plan.rounds {
        progress(&format!("{}: search, 8 clients, round {round}", engine.name()));
        report.add(Measure::Search, engine, wrk::run(&url, 8, plan.seconds, None).await?);
    }
    Ok(())
}

/// Creates of a small Observation.
///
/// # Errors
/// A request fails.
pub async fn creates(plan: Plan, server: &Server, database: &Database, report: &mut Report) -> Result<(), String> {
    let script = script(&database.folder)?;
    let url = format!("{}/Observation", server.base);
    for clients in CLIENTS {
        for round in 1..=plan.rounds {
            progress(&format!("{}: create, {}, round {round}", database.engine.name(), clients_of(clients)));
            let created = wrk::run(&url, clients, plan.seconds, Some(&script)).await?;
            report.add(Measure::Create(clients), database.engine, created);
        }
    }
    if let Some(memory) = server.memory_mb() {
        report.add(Measure::ServedMemory, database.engine, memory.peak);
    }
    Ok(())
}

/// What makes wrk POST.
fn script(folder: &Path) -> Result<PathBuf, String> {
    let path = folder.join("create.lua");
    let text = format!(
        "wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/fhir+json\"\nwrk.body = [==[{}]==]\n",
        data::observation(12)
    );
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}
