//! What the edge carries: `cargo bench -p gateway-tests --bench edge [-- --seconds 5 --many-seconds 60]`, with the release build of the server, on
//! both engines. `--many-seconds` is how long the 500 connections ask, `--seconds` how long each other part takes.
//!
//! Tokens in a second, refreshes among them; 500 connections that read and search; what one client that asks as fast as it can takes from the others; and what is still
//! answered where three times as much is asked as can be. The load comes from this process, on the same machine: its own share of the processors
//! stands beside each figure. What has to hold is asserted as a ratio of one run.
#![allow(clippy::unwrap_used, reason = "a benchmark")]

#[path = "../tests/app_launch/app.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod app;
#[path = "edge/line.rs"]
mod line;
#[path = "edge/refresh.rs"]
mod refresh;
#[path = "edge/tokens.rs"]
mod tokens;

use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_tests::{Command, Engine, Options, Server};
use tokio::task::JoinSet;

use line::{Line, Seen, processor_time};

/// Connections of the many.
const MANY: usize = 500;
/// Clients that they are of.
const CLIENTS: usize = 20;
/// Connections of the one that asks as fast as it can.
const GREEDY: usize = 64;

/// Every address that is asked, chosen by chance.
struct Asked {
    light: Vec<String>,
    heavy: Vec<String>,
}

/// Numbers by chance, the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// How a connection asks.
#[derive(Clone, Copy)]
enum Pace {
    /// Again when it is answered.
    AtOnce,
    /// Every so often, whatever comes of it; what is due while it waits is not asked.
    Every(Duration),
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|one| one == name).and_then(|at| arguments.get(at + 1));
    let seconds = |name| after(name).map(|text| Duration::from_secs(text.parse().unwrap()));
    let long = seconds("--seconds").unwrap_or(Duration::from_secs(5));
    let many = seconds("--many-seconds").unwrap_or(long);
    for engine in Engine::ALL {
        if !engine.is_skipped() {
            measure(engine, long, many).await;
        }
    }
}

async fn measure(engine: Engine, long: Duration, many_long: Duration) {
    println!("{engine:?}");
    let arguments = ["--max-exchanges", "512"].map(str::to_owned).to_vec();
    let server = Server::with(engine, Options { arguments, ..Options::default() });
    let asked = Arc::new(filled(&server).await);
    let clients = tokens::measure(&server, CLIENTS, long).await;
    let patient = asked.light[0].rsplit('/').next().unwrap();
    refresh::measure(&server, patient, long).await;
    let (one, others) = clients.split_first().unwrap();
    let of =
        |count: usize, tokens: &[String]| (0..count).map(|at| tokens[at % tokens.len()].clone()).collect::<Vec<_>>();

    let many = load(&server, &asked, (&of(MANY, others), Pace::AtOnce), many_long).await;
    many.print("500 connections, reads and searches");
    assert_eq!(many.errors(), 0, "{:?}", many.statuses);

    let every = Pace::Every(Duration::from_millis(250));
    let alone = load(&server, &asked, (&of(50, others), every), long).await;
    alone.print("50 connections, 4/s each");
    let (greedy, modest) = (of(GREEDY, std::slice::from_ref(one)), of(50, others));
    let (beside, greedy) = tokio::join!(
        load(&server, &asked, (&modest, every), long),
        load(&server, &asked, (&greedy, Pace::AtOnce), long)
    );
    beside.print("the same beside one client that takes what it gets");
    greedy.print("that one, by 64 connections");
    assert_eq!(beside.errors(), 0, "{:?}", beside.statuses);
    let share = beside.good() / alone.good();
    println!("  of what they asked alone the others are answered {:.0} %", share * 100.0);
    assert!(share > 0.9, "{share}");

    let heavy = Arc::new(Asked { light: asked.heavy.clone(), heavy: asked.heavy.clone() });
    let mut peak = 0.0_f64;
    for connections in [4, 16, 64] {
        let seen = load(&server, &heavy, (&of(connections, others), Pace::AtOnce), long / 2).await;
        seen.print(&format!("searches alone, {connections} connections"));
        peak = peak.max(seen.good());
    }
    // By a server that works on few at a time: whoever waits asks nothing, and of 1,000 connections most are to ask.
    let few = ["--max-exchanges", "64"].map(str::to_owned).to_vec();
    let busy = server.beside_with(Options { arguments: few, ..Options::default() });
    let connections = 1000;
    let every = Pace::Every(Duration::from_secs_f64(connections as f64 / (3.0 * peak)));
    let over = load(&busy, &heavy, (&of(connections, others), every), long).await;
    over.print("1000 connections that ask three times that");
    let (goodput, asked) = (over.good() / peak, over.asked() / peak);
    println!("  of the most that was answered before: {:.0} % answered, {:.1} times asked", goodput * 100.0, asked);
    assert!(over.statuses.keys().all(|status| matches!(status, 200 | 429 | 503)), "{:?}", over.statuses);
    assert!(goodput > 0.9, "{goodput}");
}

/// A hundred invented patients; what is asked of them.
async fn filled(server: &Server) -> Asked {
    let folder = server.folder().join("written").display().to_string();
    Command::run(&["demo", "--patients", "100", "--write", &folder]).await.expect(0);
    server.command(&["import", &format!("{folder}/bundles.ndjson"), "--json"]).await.expect(0);
    let found = server.client().get("/Patient?_count=100&_elements=id").await.expect(200).json();
    let ids: Vec<String> =
        found.items("entry").iter().map(|entry| entry.str("resource.id").unwrap().to_owned()).collect();
    assert!(ids.len() >= 50, "{}", ids.len());
    let each = |make: fn(&String) -> String| ids.iter().map(make).collect::<Vec<_>>();
    let mut light = each(|id| format!("/fhir/Patient/{id}"));
    light.extend(each(|id| format!("/fhir/Patient/{id}")));
    light.extend(each(|id| format!("/fhir/Observation?patient={id}&category=laboratory&_count=10")));
    let heavy =
        each(|id| format!("/fhir/Observation?patient={id}&_include=Observation:encounter&_sort=-date&_count=50"));
    Asked { light, heavy }
}

/// Asks by so many connections, each with its token, for so long.
async fn load(server: &Server, asked: &Arc<Asked>, (tokens, pace): (&[String], Pace), long: Duration) -> Seen {
    let mut lines = Vec::new();
    for token in tokens {
        lines.push(Line::open(server.address(), token).await);
    }
    let before = (processor_time(std::process::id()), processor_time(server.pid()));
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    let count = lines.len();
    for (number, mut line) in lines.into_iter().enumerate() {
        let asked = Arc::clone(asked);
        tasks.spawn(async move {
            let mut random = Chance(number as u64 + 1);
            let mut seen = Seen::default();
            let mut due = begun;
            if let Pace::Every(every) = pace {
                due += every.mul_f64(number as f64 / count as f64);
            }
            while begun.elapsed() < long {
                if let Pace::Every(every) = pace {
                    tokio::time::sleep_until(due.into()).await;
                    while due <= Instant::now() {
                        due += every;
                    }
                }
                let from = if random.below(10) == 0 { &asked.heavy } else { &asked.light };
                line.ask(&from[random.below(from.len())], &mut seen).await;
            }
            seen
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = tasks.join_next().await {
        all.add(seen.unwrap());
    }
    let took = begun.elapsed();
    let since = |pid, before| (processor_time(pid) - before).as_secs_f64() / took.as_secs_f64();
    all.took = took;
    all.processors = (since(std::process::id(), before.0), since(server.pid(), before.1));
    all
}
