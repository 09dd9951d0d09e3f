//! Searches as the tables grow, beside endpoints that somebody wrote by hand for this one question: the same SQL engine,
//! driver, pool and HTTP server, a statement with its values in it, and the bodies it finds put one after the other. They
//! neither parse, authenticate, decide, audit nor page. Both must find the same resources.

mod handwritten;
mod questions;

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::bench::database::Database;
use crate::bench::load::Plan;
use crate::bench::server::Server;
use crate::bench::{client, median, progress, search, wrk};
use handwritten::Handwritten;
pub use handwritten::run;
use questions::{Question, Subject};

/// Clients at a time for the rate; times are of one client.
const CLIENTS: usize = 8;

/// Pages that are turned before a page is measured.
const DEEP: usize = 1000;

/// Matches of a page.
const PAGE: usize = 50;

/// Makes the records of so many patients.
///
/// # Errors
/// The command fails.
pub async fn records(binary: &Path, folder: &Path, patients: u32) -> Result<(), String> {
    search::records_of(binary, folder, patients).await
}

/// Measures; the table in Markdown.
///
/// # Errors
/// A request fails, or an endpoint finds other resources than the gateway.
pub async fn measure(plan: Plan, server: &Server, database: &Database, patients: u32) -> Result<String, String> {
    let engine = database.engine.name();
    let resources = database.count(&format!("select count(*) from {}directory", database.schema())).await?;
    let subject = Subject::of(&server.base).await?;
    let questions = questions::all(&subject);
    let endpoints = Handwritten::start(database, &questions).await?;
    let mut out = format!("{engine}, {patients} patients, {resources} resources:\n\n");
    out.push_str(
        "| search | entries | p50 ms | p99 ms | by hand p50 ms | ratio | requests/s, 8 clients | by hand | ratio |\n",
    );
    out.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (number, question) in questions.iter().enumerate() {
        progress(&format!("{engine}, {patients} patients: {}", question.name));
        let (ours, theirs) = (format!("{}/{}", server.base, question.search), endpoints.address(number));
        let entries = same(question, &ours, &theirs).await?;
        let line = beside(plan, question.name, entries, &ours, &theirs).await?;
        out.push_str(&line);
    }
    for (name, search) in questions::DEEP {
        progress(&format!("{engine}, {patients} patients: {name}"));
        let first = format!("{}/{search}", server.base);
        let deep = turned(&first).await?;
        let line = beside(plan, name, PAGE, &deep, &first).await?;
        out.push_str(&line);
    }
    Ok(out)
}

/// The line of two addresses, measured in turn.
async fn beside(plan: Plan, name: &str, entries: usize, ours: &str, theirs: &str) -> Result<String, String> {
    let (mut times, mut last, mut by_hand) = (Vec::new(), Vec::new(), Vec::new());
    let (mut rates, mut rates_by_hand) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let (one, other) = (wrk::times(ours, plan.seconds).await?, wrk::times(theirs, plan.seconds).await?);
        times.push(one.p50);
        last.push(one.p99);
        by_hand.push(other.p50);
        rates.push(wrk::run(ours, CLIENTS, plan.seconds, None).await?);
        rates_by_hand.push(wrk::run(theirs, CLIENTS, plan.seconds, None).await?);
    }
    let (time, last, by_hand) = (median(times), median(last), median(by_hand));
    let (rate, rate_by_hand) = (median(rates), median(rates_by_hand));
    let mut line = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        line,
        "| {name} | {entries} | {time:.2} | {last:.2} | {by_hand:.2} | {:.1} | {rate:.0} | {rate_by_hand:.0} | {:.1} |",
        time / by_hand,
        rate_by_hand / rate
    );
    Ok(line)
}

/// That both find the same; how many.
async fn same(question: &Question, ours: &str, theirs: &str) -> Result<usize, String> {
    let ids = |found: &Value| -> Vec<String> {
        let mut ids: Vec<String> = found
            .as_array()
            .into_iter()
            .flatten()
            .map(|resource| format!("{}/{}", text(&resource["resourceType"]), text(&resource["id"])))
            .collect();
        ids.sort_unstable();
        ids
    };
    let parse = |bytes: bytes::Bytes| serde_json::from_slice::<Value>(&bytes).map_err(|error| error.to_string());
    let page = parse(client::send("GET", ours, "").await?)?;
    let entries = page["entry"].as_array().into_iter().flatten().map(|entry| entry["resource"].clone()).collect();
    let (found, by_hand) = (ids(&Value::Array(entries)), ids(&parse(client::send("GET", theirs, "").await?)?));
    if found.is_empty() {
        return Err(format!("{}: nothing is found", question.name));
    }
    if found != by_hand {
        return Err(format!(
            "{}: {} resources are found and {} by hand: {found:?} {by_hand:?}",
            question.name,
            found.len(),
            by_hand.len()
        ));
    }
    Ok(found.len())
}

/// The address of the page after so many.
async fn turned(first: &str) -> Result<String, String> {
    let mut address = first.to_owned();
    for _ in 1..DEEP {
        let page = client::send("GET", &address, "").await?;
        let page: Value = serde_json::from_slice(&page).map_err(|error| error.to_string())?;
        let links = page["link"].as_array().into_iter().flatten();
        let next = links.filter(|link| link["relation"] == "next").find_map(|link| link["url"].as_str());
        match next {
            Some(next) => address = next.to_owned(),
            // A smaller database has fewer.
            None => return Ok(address),
        }
    }
    Ok(address)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
