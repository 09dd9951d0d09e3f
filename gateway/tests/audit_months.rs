//! The audit trail over months, with records of any time: what is old goes, whole months on PostgreSQL as partitions, by the
//! command and by the server.
//!
//! PostgreSQL runs where `FHIR_GATEWAY_TEST_POSTGRES` is a superuser's URL; without it those tests say SKIPPED. There the
//! tables' owner has no more rights than a clinic's user has.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use consent::{OrganizationId, Purpose};
use gateway::audit::{Audit, Circumstances, Event};
use gateway::clock::Clock;
use gateway::store::connection::{Connection, Engine};
use gateway::store::migrate::{self, MigrateOptions};
use gateway::store::pools::{PoolSettings, Pools};

const DAY_MS: i64 = 86_400_000;
const OWNER: &str = "audit_months_owner";

/// A database with a data directory; goes away with the value.
struct Place {
    url: String,
    folder: tempfile::TempDir,
    created: Option<(String, String)>,
}

impl Place {
    async fn of(engine: Engine) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::tempdir().unwrap();
        if engine == Engine::Sqlite {
            let url = format!("sqlite:{}", folder.path().join("clinic.db").display());
            return Some(Self { url, folder, created: None });
        }
        let Ok(server) = std::env::var("FHIR_GATEWAY_TEST_POSTGRES") else {
            eprintln!("SKIPPED: FHIR_GATEWAY_TEST_POSTGRES is not set, nothing was tested on PostgreSQL");
            return None;
        };
        let name = format!("audit_months_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut connection = administrator(&server).await;
        connection.script(&format!("create database {name}")).await.unwrap();
        let own = format!(
            "do $$ begin create role {OWNER} login createrole; exception when duplicate_object or unique_violation then null; end $$; \
             alter database {name} owner to {OWNER}"
        );
        connection.script(&own).await.unwrap();
        let host = server.rsplit_once('/').unwrap().0.rsplit_once('@').unwrap().1.to_owned();
        Some(Self { url: format!("postgres://{OWNER}@{host}/{name}"), folder, created: Some((server, name)) })
    }

    async fn finish(self) {
        if let Some((server, name)) = self.created {
            let mut connection = administrator(&server).await;
            connection.script(&format!("drop database {name} with (force)")).await.unwrap();
        }
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn pools(&self) -> Pools {
        std::fs::create_dir_all(self.data_dir()).unwrap();
        Pools::open(Some(&self.url), &self.data_dir(), &PoolSettings::default()).await.unwrap()
    }

    /// A connection to the trail; on PostgreSQL the owner's, who sees the first organization.
    async fn trail(&self) -> Connection {
        if self.created.is_some() {
            let mut connection = self.pools().await.owner().await.unwrap();
            connection.script("set app.current_organization_id = '1'").await.unwrap();
            return connection;
        }
        let url = format!("sqlite:{}", self.data_dir().join("audit.db").display());
        let pools = Pools::open(Some(&url), "/".as_ref(), &PoolSettings::default()).await.unwrap();
        pools.writer().await.unwrap()
    }

    async fn count(&self, sql: &str) -> i64 {
        self.trail().await.fetch_optional(sql, &[]).await.unwrap().unwrap().int(0).unwrap()
    }

    /// Records of the first organization before a time, and from it on.
    async fn around(&self, ms: i64) -> (i64, i64) {
        let old =
            self.count(&format!("select count(*) from audit_events where organization_id = 1 and at < {ms}")).await;
        (old, self.count(&format!("select count(*) from audit_events where organization_id = 1 and at >= {ms}")).await)
    }

    /// The months that have a partition (PostgreSQL).
    async fn months(&self) -> Vec<String> {
        if self.created.is_none() {
            return Vec::new();
        }
        let sql = "select name from fhir_gateway.audit_partitions where not other order by high";
        let rows = self.trail().await.fetch(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.text(0).unwrap().replace("audit_events_", "")).collect()
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let data_dir = self.data_dir().display().to_string();
        let output = Command::new(env!("CARGO_BIN_EXE_fhir-gateway"))
            .args(arguments)
            .args(["--database", &self.url, "--data-dir", &data_dir])
            .env("FHIR_GATEWAY_DEV_TOKEN", "t")
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8_lossy(&text).into_owned())
    }

    fn verified(&self) {
        let (code, said) = self.run(&["audit", "verify"]);
        assert_eq!(code, 0, "{said}");
    }

    fn export_verified(&self, folder: &Path) {
        let manifest = folder.join("manifest.json").display().to_string();
        let (code, said) = self.run(&["audit", "verify", "--export", &manifest]);
        assert_eq!(code, 0, "{said}");
    }

    fn serve(&self, more: &[&str]) -> Serving {
        let data_dir = self.data_dir().display().to_string();
        let mut child = Command::new(env!("CARGO_BIN_EXE_fhir-gateway"))
            .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--database", &self.url, "--data-dir", &data_dir])
            .args(more)
            .env("FHIR_GATEWAY_DEV_TOKEN", "t")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("\"ready\":true"), "{line}");
        Serving(child)
    }

    /// Waits until a question has the answer.
    async fn until(&self, sql: &str, answer: i64) {
        let begun = Instant::now();
        while self.count(sql).await != answer {
            assert!(begun.elapsed() < Duration::from_secs(60), "{sql} is {}", self.count(sql).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn administrator(server: &str) -> Connection {
    let pools = Pools::open(Some(server), "/".as_ref(), &PoolSettings::default()).await.unwrap();
    pools.owner().await.unwrap()
}

struct Serving(Child);

impl Serving {
    fn stop(mut self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ended_before = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The first instant of a month, so many before that of `ms`.
fn month(ms: i64, before: u32) -> i64 {
    let start = Clock::parse(&format!("{}-01T00:00:00Z", &Clock::format(ms)[..7])).unwrap();
    if before == 0 { start } else { month(start - DAY_MS, before - 1) }
}

/// As a partition is called.
fn name(ms: i64) -> String {
    Clock::format(ms)[..7].replace('-', "_")
}

fn event(organization: i64, at_ms: i64) -> Event {
    let of = Circumstances::unknown(OrganizationId(organization), "c", "r", Purpose::Treat);
    Event {
        kind: Some("Patient".into()),
        id: Some(at_ms.to_string().into()),
        version: Some(1),
        patient: Some("p".into()),
        ..Event::new(of, "read", 200, at_ms)
    }
}

/// On PostgreSQL a month that somebody is reading, or of which most stays, is not dropped: its records are deleted.
#[tokio::test]
async fn what_is_in_use_or_mostly_stays_is_deleted_row_by_row() {
    let Some(place) = Place::of(Engine::Postgres).await else { return };
    let now = Clock::system().now_ms();
    recorded(&place, now).await;
    // One batch of which the last record is young keeps all of its records of the oldest month.
    let pools = place.pools().await;
    let audit = Audit::open(&pools, &place.data_dir()).await.unwrap();
    let closing = audit.closing();
    let oldest = month(now, 3);
    let many: Vec<Event> = (0..60).map(|number| event(1, oldest + number)).chain([event(1, now + 99)]).collect();
    audit.record_all(many).await.unwrap();
    drop(audit);
    closing.wait().await;
    place.serve(&[]).stop();
    let months = place.months().await;
    let mut reading = pools.owner().await.unwrap();
    reading.script(&format!("begin; select count(*) from audit_events where at > {}", month(now, 1))).await.unwrap();
    let (export, days) = (place.folder.path().join("e"), days_since(now, month(now, 1)));
    let folder = export.display().to_string();
    let (code, said) = place.run(&["audit", "retain", "--short", "--yes", "--days", &days, "--export", &folder]);
    assert_eq!(code, 0, "{said}");
    reading.script("rollback").await.unwrap();
    assert_eq!(place.months().await, months, "none was dropped");
    assert_eq!(place.around(month(now, 1)).await.0, 61);
    place.verified();
    place.export_verified(&export);
    place.finish().await;
}

/// Twenty records for each of two organizations in each of the three months before this one, and some of now. One batch lies
/// across the end of the month before the last one.
async fn recorded(place: &Place, now: i64) {
    let pools = place.pools().await;
    migrate::migrate(&pools, &MigrateOptions { clinic: true, print: false, now_ms: now }).await.unwrap();
    if pools.engine() == Engine::Postgres {
        let sql = "insert into gateway_organizations (id, name, time_zone, created) values (2, 'Second', 'UTC', 0)";
        pools.owner().await.unwrap().script(sql).await.unwrap();
    }
    let audit = Audit::open(&pools, &place.data_dir()).await.unwrap();
    let closing = audit.closing();
    for before in [3, 2, 1] {
        let start = month(now, before);
        for number in 0..20 {
            let at = start + DAY_MS * 5 + number * DAY_MS;
            for organization in [1, 2] {
                audit.record(event(organization, at)).await.unwrap();
            }
        }
        if before == 2 {
            let end = month(now, 1);
            let events = [end - 1, end + 3 * DAY_MS].map(|at| event(1, at));
            audit.record_all(events.to_vec()).await.unwrap();
        }
    }
    for number in 0..5 {
        audit.record(event(1, now + number)).await.unwrap();
    }
    drop(audit);
    closing.wait().await;
    pools.close().await;
}

/// As many days as keep what is of that month and later, all but its first day.
fn days_since(now: i64, ms: i64) -> String {
    ((now - ms) / DAY_MS).max(1).to_string()
}

macro_rules! on_both {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn sqlite() {
                super::cases::$name(Place::of(Engine::Sqlite).await.unwrap()).await;
            }

            #[tokio::test]
            async fn postgres() {
                let Some(place) = Place::of(Engine::Postgres).await else { return };
                super::cases::$name(place).await;
            }
        }
    )* };
}

on_both!(
    a_killed_run_leaves_a_trail_that_verifies,
    the_command_drops_months_as_a_whole,
    the_server_drops_months_once_a_day,
    the_server_drops_no_evidence
);

mod cases {
    use super::*;

    pub(crate) async fn the_command_drops_months_as_a_whole(place: Place) {
        let now = Clock::system().now_ms();
        recorded(&place, now).await;
        // A server finds records of months that have no partition, and gives them one.
        let (current, last) = (month(now, 0), month(now, 1));
        place.serve(&[]).stop();
        let coming = [0, 32, 63].map(|days| name(current + days * DAY_MS));
        let past = [3, 2, 1].map(|before| name(month(now, before)));
        let all: Vec<String> = past.iter().chain(&coming).cloned().collect();
        let partitions = |names: &[String]| if place.created.is_some() { names.to_vec() } else { Vec::new() };
        assert_eq!(place.months().await, partitions(&all));
        place.verified();
        let (before, after) = place.around(last).await;
        assert_eq!(before, 41);
        let export = place.folder.path().join("first");
        let days = days_since(now, last);
        let folder = export.display().to_string();
        let retain = ["audit", "retain", "--short", "--yes", "--json", "--days", &days, "--export", &folder];
        let (code, said) = place.run(&retain);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("\"records\":80"), "{said}");
        // The batch that lies across the end of the month stays as a whole, in a partition of its month, which is new.
        assert_eq!(place.around(last).await, (1, after + 1), "and a record says so");
        assert_eq!(place.months().await, partitions(&all[1..]));
        let record = "select count(*) from audit_events where organization_id = 1 and interaction = 'retain' and caller = 'operator' and client = 'audit retain' \
                      and status = 200 and request like 'records=40 chains=% before=% manifest=%'";
        assert_eq!(place.count(record).await, 1);
        place.verified();
        place.export_verified(&export);
        // A month later that one goes, too.
        let export = place.folder.path().join("second");
        let (days, folder) = (days_since(now, current), export.display().to_string());
        let (code, said) = place.run(&["audit", "retain", "--short", "--yes", "--days", &days, "--export", &folder]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(place.around(current).await.0, 0);
        // On the first day of a month, with a day to keep, there is no whole one to drop.
        let left = if now - current >= DAY_MS { 3 } else { 2 };
        assert_eq!(place.months().await, partitions(&all[left..]));
        place.verified();
        place.export_verified(&export);
        // Of the heads' file what lies before these is gone, also the statements of the first run.
        let heads = std::fs::read_to_string(place.data_dir().join("audit-heads.jsonl")).unwrap();
        let own = |line: &&str| line.contains("\"manifest\"") && line.contains("\"organization\":1,");
        let statements = i64::try_from(heads.lines().filter(own).count()).unwrap();
        assert_eq!(statements, place.count("select count(*) from audit_retired where organization_id = 1").await);
        assert!(statements > 0);
        // A record of a month that is gone is taken all the same.
        let pools = place.pools().await;
        let audit = Audit::open(&pools, &place.data_dir()).await.unwrap();
        let closing = audit.closing();
        audit.record(event(1, last + 7)).await.unwrap();
        drop(audit);
        closing.wait().await;
        assert_eq!(place.around(current).await.0, 1);
        place.verified();
        place.finish().await;
    }

    pub(crate) async fn a_killed_run_leaves_a_trail_that_verifies(place: Place) {
        let now = Clock::system().now_ms();
        recorded(&place, now).await;
        place.serve(&[]).stop();
        let (last, days, data_dir) = (month(now, 1), days_since(now, month(now, 1)), place.data_dir());
        let (mut wait, mut number, mut exported) = (Duration::from_millis(20), 0, false);
        loop {
            number += 1;
            let export = place.folder.path().join(format!("run-{number}"));
            let mut run = Command::new(env!("CARGO_BIN_EXE_fhir-gateway"))
                .args(["audit", "retain", "--short", "--yes", "--days", &days, "--database", &place.url])
                .args([
                    std::ffi::OsStr::new("--export"),
                    export.as_os_str(),
                    "--data-dir".as_ref(),
                    data_dir.as_os_str(),
                ])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let begun = Instant::now();
            let mut ended = None;
            while ended.is_none() && begun.elapsed() < wait {
                tokio::time::sleep(Duration::from_millis(5)).await;
                ended = run.try_wait().unwrap();
            }
            run.kill().unwrap();
            run.wait().unwrap();
            place.verified();
            exported |= export.exists();
            if export.exists() {
                place.export_verified(&export);
            }
            assert!(exported || place.around(last).await.0 == 41, "nothing goes before the export has its name");
            if let Some(status) = ended {
                assert!(status.success(), "{status}");
                break;
            }
            wait += Duration::from_millis(60);
        }
        assert_eq!(place.around(last).await.0, 1);
        place.finish().await;
    }

    pub(crate) async fn the_server_drops_months_once_a_day(place: Place) {
        let now = Clock::system().now_ms();
        recorded(&place, now).await;
        let (current, last) = (month(now, 0), month(now, 1));
        let exports = place.folder.path().join("exports");
        let (folder, days) = (exports.display().to_string(), days_since(now, last));
        let (code, said) = place.run(&["serve", "--dev", "--audit-retain-to", &folder, "--audit-keep-days", &days]);
        assert!(code == 2 && said.contains("--audit-keep-short"), "{said}");
        std::fs::create_dir_all(exports.join("audit-before-2000-01-01-killed.unfinished")).unwrap();
        let keep = ["--audit-retain-to", &folder, "--audit-keep-days", &days, "--audit-keep-short"];
        let (one, other) = (place.serve(&keep), place.serve(&keep));
        let done = "select count(*) from audit_events where organization_id = 1 and interaction = 'retain' and client = 'serve' and status = 200 \
                    and request like 'records=40 %'";
        place.until(done, 1).await;
        assert_eq!(place.around(last).await.0, 1);
        one.stop();
        other.stop();
        let made: Vec<_> = std::fs::read_dir(&exports).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(made.len(), 1, "{made:?}");
        place.verified();
        place.export_verified(&made[0]);
        // Started again on the same day it does nothing, though more is due.
        let days = days_since(now, current);
        let keep = ["--audit-retain-to", &folder, "--audit-keep-days", &days, "--audit-keep-short"];
        let again = place.serve(&keep);
        tokio::time::sleep(Duration::from_secs(3)).await;
        again.stop();
        assert_eq!(place.count(done).await, 1);
        assert_eq!(std::fs::read_dir(&exports).unwrap().count(), 1);
        place.verified();
        place.finish().await;
    }

    pub(crate) async fn the_server_drops_no_evidence(place: Place) {
        let now = Clock::system().now_ms();
        recorded(&place, now).await;
        let last = month(now, 1);
        let before = place.around(last).await.0;
        let changed =
            format!("update audit_events set caller = 'somebody else' where at = {}", month(now, 2) + 9 * DAY_MS);
        place.trail().await.script(&changed).await.unwrap();
        let exports = place.folder.path().join("exports");
        let (folder, days) = (exports.display().to_string(), days_since(now, last));
        let keep = ["--audit-retain-to", &folder, "--audit-keep-days", &days, "--audit-keep-short"];
        let server = place.serve(&keep);
        place.until("select count(*) from audit_events where interaction = 'retain' and status = 500", 1).await;
        let pools = place.pools().await;
        let begun = Instant::now();
        loop {
            let mut connection = pools.reader().await.unwrap();
            connection.begin_read(Some(1)).await.unwrap();
            let row = connection.fetch_optional("select count(*) from incidents where kind = 'audit-trail'", &[]).await;
            if row.unwrap().unwrap().int(0) == Some(1) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no incident");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        server.stop();
        assert_eq!(place.around(last).await.0, before);
        assert_eq!(std::fs::read_dir(&exports).unwrap().count(), 0);
        place.finish().await;
    }
}
