//! What the audit trail takes: records of one organization, durable before whoever wrote them goes on, beside plain inserts into a table
//! with the same columns and no chain.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use consent::Purpose;
use gateway::audit::{Circumstances, Event};
use gateway::gateway::{DEFAULT_ORGANIZATION, Gateway, Options};

use crate::bench::database::{Database, Sql};
use crate::bench::load::Plan;
use crate::bench::{median, progress};

/// Clients at a time, each with one exchange.
const CLIENTS: [usize; 4] = [1, 8, 64, 512];

/// A table of the trail's columns, without key, chain and rules.
const PLAIN: &str = "create table bench_plain (organization_id bigint not null, at bigint not null, request text not null, \
     caller text not null, purpose text not null, interaction text not null, type text, id text, patient text, \
     status bigint not null, decision text not null, client text, on_behalf text, source text, version bigint, policy text)";

/// One plain record.
const ROW: &str = "(1, 1790000000000, '01960000-0000-7000-8000-000000000001', 'client', 'TREAT', 'read', 'Observation', \
     'observation-1234', 'patient-1234', 200, 'permit', 'client', 'Practitioner/1', '127.0.0.1', 3, 'treatment-opt-out@0123456789ab')";

/// Measures it; the table in Markdown.
///
/// # Errors
/// A record or a statement fails.
pub async fn measure(plan: Plan, database: &Database) -> Result<String, String> {
    let engine = database.engine.name();
    let gateway = Gateway::open(options(database)).await.map_err(|error| error.to_string())?;
    let mut sql = database.sql().await?;
    sql.run(PLAIN).await?;
    let mut out = format!(
        "| {engine}: clients | records/s | p50 ms | p99 ms | plain inserts, a transaction each, 1 client | \
         plain inserts, as many in one as there are clients | ratio to these |\n|--:|--:|--:|--:|--:|--:|--:|\n"
    );
    let single = plain(plan, &mut sql, 1).await?;
    for clients in CLIENTS {
        progress(&format!("{engine}: the trail, {clients} clients"));
        let (mut rates, mut p50, mut p99, mut together) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..plan.rounds {
            let run = record(plan, &gateway, clients).await?;
            rates.push(run.per_second);
            p50.push(run.p50);
            p99.push(run.p99);
            together.push(plain(plan, &mut sql, clients).await?);
        }
        let (rate, together) = (median(rates), median(together));
        let (p50, p99, ratio) = (median(p50), median(p99), rate / together);
        // Writing to a String cannot fail.
        let _ =
            writeln!(out, "| {clients} | {rate:.0} | {p50:.2} | {p99:.2} | {single:.0} | {together:.0} | {ratio:.2} |");
    }
    let closing = gateway.audit.closing();
    gateway.store.close().await;
    drop(gateway.audit);
    closing.wait().await;
    Ok(out)
}

fn options(database: &Database) -> Options {
    Options {
        secret_key_command: None,
        database: database.url.clone(),
        data_dir: database.folder.clone(),
        maps: None,
        time_zone: None,
        labels: None,
        terminology: None,
        statutes: None,
        statutes_key: None,
        content: gateway::store::ContentOptions::default(),
        seed: None,
        bulk: false,
        after_write: false,
    }
}

struct Run {
    per_second: f64,
    p50: f64,
    p99: f64,
}

/// So many clients write a record, and the next one once that is durable.
async fn record(plan: Plan, gateway: &Gateway, clients: usize) -> Result<Run, String> {
    let begun = Instant::now();
    let until = begun + Duration::from_secs(plan.seconds.into());
    let number = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let (audit, clock, number) = (gateway.audit.clone(), Arc::clone(&gateway.clock), Arc::clone(&number));
            tokio::spawn(async move {
                let mut waited = Vec::new();
                while Instant::now() < until {
                    let request = number.fetch_add(1, Ordering::Relaxed);
                    let request = format!("01960000-0000-7000-8000-{request:012x}");
                    let of = Circumstances {
                        client: Some("client".into()),
                        on_behalf: Some("Practitioner/1".into()),
                        source: Some("127.0.0.1".into()),
                        policy: Some("treatment-opt-out@0123456789ab".into()),
                        ..Circumstances::unknown(DEFAULT_ORGANIZATION, "client", &request, Purpose::Treat)
                    };
                    let event = Event {
                        kind: Some("Observation".into()),
                        id: Some("observation-1234".into()),
                        version: Some(3),
                        patient: Some("patient-1234".into()),
                        epoch: Some(1),
                        ..Event::new(of, "read", 200, clock.now_ms())
                    };
                    let asked = Instant::now();
                    audit.record(event).await.map_err(|error| error.to_string())?;
                    waited.push(asked.elapsed().as_secs_f64() * 1000.0);
                }
                Ok::<_, String>(waited)
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.map_err(|error| error.to_string())??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    all.sort_by(f64::total_cmp);
    let at = |share: usize| all.get(all.len() * share / 100).copied().unwrap_or_default();
    Ok(Run { per_second: count(all.len()) / seconds, p50: at(50), p99: at(99) })
}

/// Plain rows a second, so many in a transaction.
async fn plain(plan: Plan, sql: &mut Sql, rows: usize) -> Result<f64, String> {
    let statement = format!("insert into bench_plain values {}", vec![ROW; rows].join(", "));
    let (begun, mut done) = (Instant::now(), 0);
    let long = Duration::from_secs(plan.seconds.into());
    while begun.elapsed() < long {
        sql.run(&statement).await?;
        done += rows;
    }
    Ok(count(done) / begun.elapsed().as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few million")]
fn count(number: usize) -> f64 {
    number as f64
}
