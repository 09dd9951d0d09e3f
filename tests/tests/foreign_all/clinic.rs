//! One clinic on every engine, in lock step: each statement and each request goes to all, and all must answer the same. What was
//! once served is remembered, and everything served later must fit it.

use bytes::Bytes;
use gateway_tests::{Client, Command, Engine, Json, Server, Sql, own};
use std::collections::BTreeMap;

/// One engine's server, and another program's connection to its database.
struct Side {
    engine: Engine,
    server: Server,
    api: Client,
    sql: Sql,
}

/// The clinic, and what is known of its resources.
pub(crate) struct Clinic {
    sides: Vec<Side>,
    known: BTreeMap<String, Known>,
    /// What was done so far, for whoever has to find out why it failed.
    log: Vec<String>,
}

/// What was served of a resource.
#[derive(Default)]
struct Known {
    /// Version and, a side each, the whole body; in order.
    versions: Vec<(i64, Vec<Bytes>)>,
    gone: bool,
    /// A row has taken another's place: a version of its own, whether or not it says something else.
    replaced: bool,
}

/// Where the directory has a resource.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Home {
    /// `/Type/id`
    pub(crate) path: String,
    pub(crate) map: Option<String>,
    /// The row's key on each engine: those that the gateway gives differ.
    pub(crate) keys: Vec<(Engine, String)>,
    pub(crate) deleted: bool,
    pub(crate) flag: Option<String>,
}

impl Home {
    /// The row's key.
    pub(crate) fn key(&self, engine: Engine) -> &str {
        &self.keys.iter().find(|(other, _)| *other == engine).unwrap().1
    }

    /// Whether the row was made under such a key.
    pub(crate) fn is_of(&self, program: &str) -> bool {
        self.path.contains(program)
    }
}

impl Clinic {
    /// Servers on all engines with the demo's records of some patients: their FHIR and the rows of the clinic's own programs.
    pub(crate) async fn start(patients: usize, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display().to_string();
        let (patients, number) = (patients.to_string(), (seed % 1_000).to_string());
        Command::run(&["demo", "--patients", &patients, "--seed", &number, "--write", &place]).await.expect(0);
        // The clinic's own people first: references find rows only where these are, and several sets are imported at a time.
        let bundles = std::fs::read_to_string(folder.path().join("bundles.ndjson")).unwrap();
        let (people, records) = bundles.split_once('\n').unwrap();
        let files = [("people.ndjson", people), ("records.ndjson", records)].map(|(name, text)| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            file.display().to_string()
        });
        let rows = std::fs::read_to_string(folder.path().join("rows.sql")).unwrap();
        let mut sides = Vec::new();
        for engine in Engine::ALL.into_iter().filter(|engine| !engine.is_skipped()) {
            let server = Server::start(engine);
            let data = server.data_dir().display().to_string();
            for file in &files {
                let arguments = ["import", file, "--database", &server.database.url, "--data-dir", &data];
                Command::run(&arguments).await.expect(0);
            }
            let mut sql = server.sql().await;
            sql.run(&rows).await;
            sides.push(Side { engine, api: server.client(), sql, server });
        }
        Self { sides, known: BTreeMap::new(), log: Vec::new() }
    }

    /// Ends the test, with what led to it.
    pub(crate) fn fail(&self, why: &str) -> ! {
        let from = self.log.len().saturating_sub(80);
        panic!("{why}\n\nbefore it:\n{}", self.log[from..].join("\n"));
    }

    /// Another program's transaction; whether it was taken. All engines must take it, or none.
    pub(crate) async fn run(&mut self, statements: impl Fn(Engine) -> String) -> bool {
        let mut taken = Vec::new();
        for side in self.sides.iter_mut().rev() {
            let text = statements(side.engine);
            let outcome = side.sql.attempt(&format!("begin; {text}; commit;")).await;
            if outcome.is_err() {
                let _none_is_open = side.sql.attempt("rollback").await;
            }
            taken.push((side.engine, outcome.err().map(|error| error.to_string())));
        }
        let text = statements(self.sides[0].engine);
        self.log.push(format!("  {} {text}", if taken[0].1.is_none() { "sql" } else { "refused" }));
        if taken.iter().any(|(_, refused)| refused.is_some() != taken[0].1.is_some()) {
            self.fail(&format!("one engine takes it and another does not: {taken:?}\n{text}"));
        }
        taken[0].1.is_none()
    }

    /// A query's rows, the same on all engines.
    pub(crate) async fn rows(&mut self, query: impl Fn(Engine) -> String) -> Vec<Vec<Option<String>>> {
        let mut all = Vec::new();
        for side in &mut self.sides {
            all.push(side.sql.rows(&query(side.engine)).await);
        }
        if let Some(other) = all.iter().find(|rows| **rows != all[0]) {
            let query = query(self.sides[0].engine);
            self.fail(&format!("{query}\nis {:?}\nand {other:?}", all[0]));
        }
        all.swap_remove(0)
    }

    /// A query's rows, a side each: for values whose text is the engine's own.
    pub(crate) async fn rows_of_each(&mut self, query: impl Fn(Engine) -> String) -> Vec<Vec<Vec<Option<String>>>> {
        let mut all = Vec::new();
        for side in &mut self.sides {
            all.push(side.sql.rows(&query(side.engine)).await);
        }
        all
    }

    /// Where resources are: those that match an SQL condition on the directory.
    pub(crate) async fn homes(&mut self, condition: &str) -> Vec<Home> {
        let query = |engine: Engine, columns: &str| {
            let directory = own(engine, "directory");
            format!("select {columns} from {directory} where organization_id = 1 and {condition} order by type, id")
        };
        let rows = self.rows(|engine| query(engine, "type, id, map, deleted, flag")).await;
        let keys = self.rows_of_each(|engine| query(engine, "key")).await;
        let mut homes = Vec::new();
        for (number, mut row) in rows.into_iter().enumerate() {
            let key =
                |(side, keys): (&Side, &Vec<Vec<Option<String>>>)| (side.engine, keys[number][0].clone().unwrap());
            homes.push(Home {
                flag: row.pop().flatten(),
                deleted: row.pop().flatten().as_deref() == Some("1"),
                map: row.pop().flatten(),
                path: format!("/{}/{}", row[0].as_deref().unwrap(), row[1].as_deref().unwrap()),
                keys: self.sides.iter().zip(&keys).map(key).collect(),
            });
        }
        homes
    }

    pub(crate) async fn home(&mut self, path: &str) -> Option<Home> {
        let (kind, id) = path[1..].split_once('/').unwrap();
        self.homes(&format!("type = '{kind}' and id = '{id}'")).await.pop()
    }

    /// One request to all; status and bodies, which are the same apart from times.
    async fn ask(&mut self, method: &str, path: &str, body: Option<&str>) -> (u16, i64, Vec<Bytes>) {
        let mut answers = Vec::new();
        for side in &self.sides {
            let answer = match body {
                Some(body) => side.api.put(path, body).await,
                None => side.api.get(path).await,
            };
            answers.push(answer);
        }
        let status = answers[0].status;
        let shown = |bodies: &[Bytes]| bodies.iter().map(text).collect::<Vec<_>>().join("\n");
        let version =
            if matches!(status, 200 | 201) && answers[0].header("ETag").is_some() { answers[0].version() } else { 0 };
        let bases: Vec<String> = self.sides.iter().map(|side| side.server.base()).collect();
        let bodies = answers.iter().zip(&bases).map(|(answer, base)| match text(&answer.body) {
            body if body.contains(base) => Bytes::from(body.replace(base, "BASE")),
            _ => answer.body.clone(),
        });
        let bodies: Vec<Bytes> = bodies.collect();
        if status >= 500 || answers.iter().any(|answer| answer.status >= 500) {
            let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            self.fail(&format!("{method} {path}: {statuses:?}\n{}", shown(&bodies)));
        }
        if answers.iter().any(|answer| answer.status != status) {
            let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            self.fail(&format!("{method} {path}: {statuses:?}\n{}\n{}", shown(&bodies), body.unwrap_or_default()));
        }
        if bodies.iter().any(|body| timeless(&text(body)) != timeless(&text(&bodies[0]))) {
            self.fail(&format!("{method} {path}: the engines differ\n{}", shown(&bodies)));
        }
        (status, version, bodies)
    }

    /// A PUT; the status, and what the resource reads as then (without its version).
    pub(crate) async fn put(&mut self, path: &str, body: &str) -> u16 {
        self.log.push(format!("  PUT {path} {body}"));
        self.ask("PUT", path, Some(body)).await.0
    }

    /// Reads a resource; its text without version and time. A version is new exactly where the body is. `None`: it is gone.
    pub(crate) async fn read(&mut self, path: &str) -> Option<String> {
        let (status, version, bodies) = self.ask("GET", path, None).await;
        if !matches!(status, 200 | 404 | 410) {
            self.fail(&format!("GET {path}: {status}"));
        }
        let known = self.known.entry(path.to_owned()).or_default();
        let last = known.versions.last().map(|(version, _)| *version);
        if status == 404 && last.is_some() {
            self.fail(&format!("{path} was there and is now unknown"));
        }
        if status != 200 {
            known.gone = true;
            return None;
        }
        // Several programs' changes may have been looked at since: each version is another than the one before.
        let mut before = known.versions.last().map(|(_, bodies)| bare(&text(&bodies[0])));
        let between = last.map_or(version, |last| last + 1)..version;
        known.gone = false;
        for number in between {
            let (status, _, bodies) = self.ask("GET", &format!("{path}/_history/{number}"), None).await;
            let body = (status == 200).then(|| bare(&text(&bodies[0])));
            if !matches!(status, 200 | 410) || body == before {
                self.fail(&format!("{path}: version {number} ({status}) is as the one before\n{before:?}\n{body:?}"));
            }
            before = body;
            if status == 200 {
                self.known.get_mut(path).unwrap().versions.push((number, bodies));
            }
        }
        let (served, is_new) = (bare(&text(&bodies[0])), last != Some(version));
        let replaced = std::mem::take(&mut self.known.get_mut(path).unwrap().replaced);
        if is_new == (before.as_ref() == Some(&served)) && !(is_new && replaced) {
            self.fail(&format!("{path}: version {version} after {last:?}\n{before:?}\n{served}"));
        }
        if is_new {
            self.known.get_mut(path).unwrap().versions.push((version, bodies));
        }
        Some(served)
    }

    /// The last version's text without version and time.
    pub(crate) fn last(&self, path: &str) -> Option<String> {
        let known = self.known.get(path).filter(|known| !known.gone)?;
        known.versions.last().map(|(_, bodies)| bare(&text(&bodies[0])))
    }

    /// A client puts back what it read last; every engine's client its own.
    pub(crate) async fn put_back(&mut self, path: &str) {
        let known = &self.known[path];
        let (last, bodies) = known.versions.last().unwrap().clone();
        self.log.push(format!("  PUT back {path}"));
        let mut written = Vec::new();
        for (side, body) in self.sides.iter().zip(&bodies) {
            let answer = side.api.put(path, text(body)).await;
            let is_same = bare(&text(&answer.body)) == bare(&text(body));
            written.push(answer.body.clone());
            if answer.status != 200 || !is_same || answer.version() != last + 1 {
                let (status, version) = (answer.status, answer.header("ETag").unwrap_or_default().to_owned());
                self.fail(&format!(
                    "{path}: put back, {:?}: {status} {version} after {last}\n{}\n{}",
                    side.engine,
                    text(body),
                    text(&answer.body)
                ));
            }
        }
        self.known.get_mut(path).unwrap().versions.push((last + 1, written));
        self.read(path).await;
    }

    /// Another program has appended a row in the place of the resource's.
    pub(crate) fn replaced(&mut self, path: &str) {
        self.known.get_mut(path).unwrap().replaced = true;
    }

    /// Whether `patient` is a search parameter of the type.
    pub(crate) async fn searches_by_patient(&self, kind: &str) -> bool {
        let page = self.sides[0].api.get("/metadata").await.expect(200).json();
        let resources = page.items("rest.0.resource").to_vec();
        let Some(found) = resources.iter().find(|resource| resource.str("type") == Some(kind)) else { return false };
        found.items("searchParam").iter().any(|parameter| parameter.str("name") == Some("patient"))
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.known.keys().cloned().collect()
    }

    /// Versions before, history and search say the same as the read.
    pub(crate) async fn true_everywhere(&mut self, path: &str, patient: Option<&str>, pick: usize) {
        if !self.known.contains_key(path) {
            return;
        }
        // What it says may have changed with a row that it joins since it was read last.
        self.read(path).await;
        let known = &self.known[path];
        let (count, gone) = (known.versions.len(), known.gone);
        if count > 0 {
            let (version, before) = known.versions[pick % count].clone();
            let (status, _, bodies) = self.ask("GET", &format!("{path}/_history/{version}"), None).await;
            if status != 200 || bodies != before {
                self.fail(&format!(
                    "{path}: version {version} was\n{}\nand is {status}\n{}",
                    text(&before[0]),
                    text(&bodies[0])
                ));
            }
        }
        let (kind, id) = path[1..].split_once('/').unwrap();
        let by_patient = patient.filter(|_| !gone).map(|patient| format!("/{kind}?_id={id}&patient={patient}"));
        for query in [Some(format!("/{kind}?_id={id}")), by_patient].into_iter().flatten() {
            let (status, _, bodies) = self.ask("GET", &query, None).await;
            let page = Json::parse(&bodies[0]).unwrap();
            let found = page.at("entry.0.resource").map(|found| found.clone().without_server_meta().to_string());
            let wanted = self.last(path).map(|last| Json::of(&last).without_server_meta().to_string());
            if status != 200 || found != wanted || page.items("entry").len() > 1 {
                self.fail(&format!("{query}: {status} {page}\nwanted {wanted:?}"));
            }
        }
        let (status, _, bodies) = self.ask("GET", &format!("{path}/_history?_count=3"), None).await;
        let page = Json::parse(&bodies[0]).unwrap();
        let entries = page.items("entry");
        let newest = entries.first().and_then(|entry| entry.at("resource")).map(Json::to_string);
        let read = self.known[path].versions.last().map(|(_, bodies)| Json::parse(&bodies[0]).unwrap().to_string());
        let methods: Vec<_> = entries.iter().filter_map(|entry| entry.str("request.method")).collect();
        let versions: Vec<i64> = entries
            .iter()
            .filter_map(|entry| entry.str("resource.meta.versionId"))
            .map(|version| version.parse().unwrap())
            .collect();
        let falls = versions.windows(2).all(|pair| pair[0] > pair[1]);
        let is_true = if gone { methods.first() == Some(&"DELETE") } else { newest == read };
        if status != 200 || !is_true || !falls {
            self.fail(&format!("{path}/_history: {status} {page}\nread {read:?}"));
        }
    }

    /// Every resource that was ever read: its version is new exactly where its body is.
    pub(crate) async fn sweep(&mut self) {
        for path in self.paths() {
            self.read(&path).await;
        }
    }

    pub(crate) fn note(&mut self, what: String) {
        self.log.push(what);
    }

    /// `map verify` and `map quality` of all engines.
    pub(crate) async fn reports(&self, command: &str) -> Vec<(Engine, Command)> {
        let mut found = Vec::new();
        for side in &self.sides {
            let data = side.server.data_dir().display().to_string();
            let arguments = ["map", command, "--json", "--database", &side.server.database.url, "--data-dir", &data];
            found.push((side.engine, Command::run(&arguments).await));
        }
        found
    }
}

fn text(body: &Bytes) -> String {
    String::from_utf8(body.to_vec()).unwrap()
}

/// Without what the server says of the version.
fn bare(body: &str) -> String {
    blank(&timeless(body), "\"versionId\":\"")
}

/// Without times of the server's: those of resources, bundles and history entries, and of sealed cursors.
fn timeless(body: &str) -> String {
    ["\"lastUpdated\":\"", "\"lastModified\":\"", "\"relation\":\"next\",\"url\":\""]
        .iter()
        .fold(body.to_owned(), |text, name| blank(&text, name))
}

/// With the texts after the name taken out.
fn blank(text: &str, name: &str) -> String {
    let mut parts = text.split(name);
    let mut blank = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        blank.push_str(name);
        blank.push_str(&part[part.find('"').unwrap_or(0)..]);
    }
    blank
}
