//! The table: what was measured, what we promised, what the peer does.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::bench::database::Engine;
use crate::bench::load::{CLIENTS, Plan};
use crate::bench::machine::Machine;
use crate::bench::median;

/// The peer.
const PEER: &str = "Helios HFS 0.2.7";

/// How the peer was measured.
const PEER_NOTE: &str = "same engines, 2 cores, 8 clients beside it; its authentication, validation and audit off";

/// One line of the table. Those with clients say how many there were at a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Measure {
    /// Reads of a Patient.
    Read(usize),
    /// The limit that runs the SELECT.
    Select(usize),
    /// Reads in percent of that limit, within one round.
    Ratio(usize),
    /// The limit that answers a constant.
    Constant(usize),
    /// A write of 4 kB until it is durable, without a database.
    Sync,
    /// Pages of a search.
    Search,
    /// Creates of an Observation.
    Create(usize),
    /// Resources of the import.
    Import,
    /// Memory of the import.
    ImportMemory,
    /// From start to ready.
    Ready,
    /// Memory of a server that nobody asks.
    IdleMemory,
    /// Memory of a server at the end of all loads.
    ServedMemory,
    /// Resource to rows.
    Split,
    /// Rows to resource.
    Join,
}

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

impl Measure {
    /// All, in the table's order.
    fn all() -> Vec<Self> {
        let reads = CLIENTS
            .map(|clients| [Self::Read(clients), Self::Select(clients), Self::Ratio(clients), Self::Constant(clients)]);
        let rest = [Self::Import, Self::ImportMemory, Self::Ready, Self::IdleMemory, Self::ServedMemory];
        let creates = CLIENTS.map(Self::Create);
        let measures = reads.into_iter().flatten().chain([Self::Sync, Self::Search]).chain(creates).chain(rest);
        measures.chain([Self::Split, Self::Join]).collect()
    }

    fn name(self) -> String {
        match self {
            Self::Read(clients) => format!("read of a Patient of 3 kB, {}", clients_of(clients)),
            Self::Select(clients) => format!("limit: the bare SELECT of its row, {}", clients_of(clients)),
            Self::Ratio(clients) => format!("read in percent of that limit, {}", clients_of(clients)),
            Self::Constant(clients) => format!("limit: a constant, {}", clients_of(clients)),
            Self::Sync => "the disk: 4 kB written and synced".to_owned(),
            Self::Search => "search page of 50 by patient, 8 clients".to_owned(),
            Self::Create(clients) => format!("create, durable, {}", clients_of(clients)),
            Self::Import => "transaction import, resources".to_owned(),
            Self::ImportMemory => "memory of the import at its peak".to_owned(),
            Self::Ready => "start to ready, migrated database".to_owned(),
            Self::IdleMemory => "memory when idle".to_owned(),
            Self::ServedMemory => "memory of the server at its peak, after all loads".to_owned(),
            Self::Split => "split of that Patient".to_owned(),
            Self::Join => "join of that Patient".to_owned(),
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Read(_) | Self::Select(_) | Self::Constant(_) | Self::Search | Self::Create(_) | Self::Import => "/s",
            Self::Ratio(_) => " %",
            Self::ImportMemory | Self::IdleMemory | Self::ServedMemory => " MB",
            Self::Ready => " ms",
            Self::Sync | Self::Split | Self::Join => " µs",
        }
    }

    /// What the peer does, on SQLite and on PostgreSQL, where it was measured.
    fn peer(self) -> Option<[f64; 2]> {
        match self {
            Self::Read(8) => Some([7_213.0, 5_904.0]),
            Self::Create(8) => Some([975.0, 695.0]),
            Self::Import => Some([1_403.0; 2]),
            Self::ImportMemory => Some([1_000.0; 2]),
            Self::Ready => Some([2_000.0, 18_000.0]),
            Self::IdleMemory => Some([75.0; 2]),
            _ => None,
        }
    }

    /// What is promised: a part of the limit, a bound, or for reads and creates a multiple of what the peer does.
    fn target(self, column: usize) -> Option<Target> {
        let peer = |measure: Self, times: f64| measure.peer().map(|peer| Target::AtLeast(times * peer[column]));
        match self {
            Self::Read(8) => peer(self, 1.0),
            Self::Ratio(_) => Some(Target::AtLeast(60.0)),
            Self::Create(8 | 64) => peer(Self::Create(8), 3.0),
            Self::Import => Some(Target::AtLeast(5_000.0)),
            Self::ImportMemory => Some(Target::AtMost(500.0)),
            Self::Ready => Some(Target::AtMost(500.0)),
            Self::IdleMemory => Some(Target::AtMost(40.0)),
            Self::Split => Some(Target::AtMost(6.0)),
            Self::Join => Some(Target::AtMost(1.0)),
            _ => None,
        }
    }

    /// A figure as the table has it.
    fn figure(self, value: f64) -> String {
        let number = if matches!(self, Self::Split | Self::Join) { format!("{value:.2}") } else { grouped(value) };
        number + self.unit()
    }
}

/// `1 client`, `8 clients`.
pub(super) fn clients_of(clients: usize) -> String {
    if clients == 1 { "1 client".to_owned() } else { format!("{clients} clients") }
}

/// `12345.6` as `12,346`.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Everything that was measured in one run.
#[derive(Clone, Debug)]
pub struct Report {
    machine: Machine,
    plan: Plan,
    figures: Vec<(Measure, Engine, Vec<f64>)>,
    imported: Option<(&'static str, f64)>,
    sizes: Option<(usize, usize)>,
}

impl Report {
    /// An empty one.
    #[must_use]
    pub fn new(machine: Machine, plan: Plan) -> Self {
        Self { machine, plan, figures: Vec::new(), imported: None, sizes: None }
    }

    /// Notes what one run found.
    pub fn add(&mut self, measure: Measure, engine: Engine, value: f64) {
        match self.figures.iter_mut().find(|(its, on, _)| (*its, *on) == (measure, engine)) {
            Some((_, _, values)) => values.push(value),
            None => self.figures.push((measure, engine, vec![value])),
        }
    }

    /// Notes what was imported.
    pub fn imported(&mut self, source: &'static str, resources: f64) {
        self.imported = Some((source, resources));
    }

    /// Notes how many bytes a read and the SELECT answer.
    pub fn sizes(&mut self, read: usize, select: usize) {
        self.sizes = Some((read, select));
    }

    /// The table for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = self.lines();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        let mut out = format!("{}\n\n", self.machine);
        for line in &lines {
            let [name, figures @ ..] = line;
            let _ = write!(out, "{name:<0$}", widths[0]);
            for (figure, width) in figures.iter().zip(&widths[1..]) {
                let _ = write!(out, "  {figure:>width$}");
            }
            out.push('\n');
        }
        out + "\n" + &self.notes()
    }

    /// The table for the README.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = format!("Measured on {}.\n\n", self.machine);
        for (at, line) in self.lines().iter().enumerate() {
            let _ = writeln!(out, "| {} |", line.join(" | "));
            if at == 0 {
                out.push_str("|---|--:|--:|--:|--:|--:|\n");
            }
        }
        out + "\n" + &self.notes()
    }

    /// Everything, with every run.
    #[must_use]
    pub fn json(&self) -> Value {
        let figures = self.figures.iter().map(|(measure, engine, values)| {
            let target = measure.target(engine.column());
            let value = median(values.clone());
            json!({
                "measure": measure.name(),
                "unit": measure.unit().trim(),
                "engine": engine.name(),
                "median": value,
                "runs": values,
                "peer": measure.peer().map(|peer| peer[engine.column()]),
                "target": target.map(|target| match target {
                    Target::AtLeast(least) => json!({"atLeast": least}),
                    Target::AtMost(most) => json!({"atMost": most}),
                }),
                "met": target.map(|target| target.is_met(value)),
            })
        });
        json!({
            "machine": self.machine.to_string(),
            "secondsPerRun": self.plan.seconds,
            "runs": self.plan.rounds,
            "notes": self.notes().lines().collect::<Vec<_>>(),
            "figures": figures.collect::<Vec<_>>(),
        })
    }

    fn lines(&self) -> Vec<[String; COLUMNS]> {
        let header = ["", "SQLite", "PostgreSQL", &format!("{PEER} (SQLite / PostgreSQL)"), "target", "met"];
        let mut lines = vec![header.map(str::to_owned)];
        lines.extend(Measure::all().into_iter().filter_map(|measure| self.line(measure)));
        lines
    }

    /// A measure's line; none where it was not measured.
    fn line(&self, measure: Measure) -> Option<[String; COLUMNS]> {
        let values = [Engine::Sqlite, Engine::Postgres].map(|engine| self.value(measure, engine));
        values.iter().flatten().next()?;
        let [sqlite, postgres] = values.map(|value| value.map_or_else(absent, |value| measure.figure(value)));
        let peer = measure.peer().map(|peer| peer.map(|value| measure.figure(value)));
        let targets = [0, 1].map(|column| measure.target(column));
        let bound = |target: Target| match target {
            Target::AtLeast(least) => format!("≥ {}", measure.figure(least)),
            Target::AtMost(most) => format!("≤ {}", measure.figure(most)),
        };
        let met = |column: usize| Some(targets[column]?.is_met(values[column]?));
        Some([
            measure.name(),
            sqlite,
            postgres,
            pair(peer.map_or([None, None], |peer| peer.map(Some))),
            pair(targets.map(|target| target.map(bound))),
            pair([0, 1].map(|column| met(column).map(|met| if met { "yes" } else { "no" }.to_owned()))),
        ])
    }

    fn value(&self, measure: Measure, engine: Engine) -> Option<f64> {
        let (_, _, values) = self.figures.iter().find(|(its, on, _)| (*its, *on) == (measure, engine))?;
        Some(median(values.clone()))
    }

    fn notes(&self) -> String {
        let Plan { seconds, rounds } = self.plan;
        let runs = if rounds == 1 { "one run".to_owned() } else { format!("medians of {rounds} runs") };
        let mut out = format!(
            "Load from wrk on the same machine, {runs} of {seconds} s. The two limits are handlers on \
             the same runtime, hyper and driver, measured in turn with the reads; they neither authenticate nor audit. \
             Every request of the gateway is authenticated, decided on and durably audited before its answer leaves; \
             writes are validated and synced.\n"
        );
        if let Some((read, select)) = self.sizes {
            let _ = writeln!(out, "A read answers {read} bytes, the SELECT (`fhir_residue` of its row) {select}.");
        }
        if let Some((source, resources)) = self.imported {
            let _ = writeln!(out, "The import is of {} resources in {source}.", grouped(resources));
        }
        let _ = writeln!(out, "{PEER}: {PEER_NOTE}.");
        out
    }
}

/// Columns of the table.
const COLUMNS: usize = 6;

fn absent() -> String {
    "–".to_owned()
}

/// What holds of both engines once, what differs twice.
fn pair(values: [Option<String>; 2]) -> String {
    match values {
        [None, None] => absent(),
        [Some(value), None] | [None, Some(value)] => value,
        [Some(one), Some(other)] if one == other => one,
        [Some(one), Some(other)] => format!("{one} / {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let machine = Machine {
            cpu: "A CPU".to_owned(),
            cores: 2,
            kernel: "6.1".to_owned(),
            file_system: "ext4".to_owned(),
            load: "0.01".to_owned(),
            postgres: None,
        };
        let mut report = Report::new(machine, Plan { seconds: 4, rounds: 3 });
        for value in [7_000.0, 12_345.6, 9_000.0] {
            report.add(Measure::Read(8), Engine::Sqlite, value);
        }
        report.add(Measure::Read(8), Engine::Postgres, 5_000.0);
        report.add(Measure::Ready, Engine::Sqlite, 123.0);
        report
    }

    #[test]
    fn a_line_has_medians_the_peer_and_whether_the_target_is_met() {
        let markdown = report().markdown();
        let read = "| read of a Patient of 3 kB, 8 clients | 9,000/s | 5,000/s | 7,213/s / 5,904/s | \
                    ≥ 7,213/s / ≥ 5,904/s | yes / no |";
        assert!(markdown.contains(read), "{markdown}");
        let ready = "| start to ready, migrated database | 123 ms | – | 2,000 ms / 18,000 ms | ≤ 500 ms | yes |";
        assert!(markdown.contains(ready), "{markdown}");
    }

    #[test]
    fn what_was_not_measured_has_no_line() {
        assert_eq!(report().lines().len(), 3);
        assert_eq!(report().json()["figures"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0.4), "0");
        assert_eq!(grouped(999.6), "1,000");
        assert_eq!(grouped(1_234_567.0), "1,234,567");
    }
}
