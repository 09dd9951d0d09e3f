//! The endpoints: a process of their own, on the same runtime, hyper, driver and size of pool as the gateway.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use super::Question;
use crate::bench::database::Database;
use crate::bench::limits::{Pool, serve};
use crate::bench::within;

/// How long the process may take to start.
const SECONDS: u64 = 30;

/// A running process of endpoints; dropping it ends it.
pub(super) struct Handwritten {
    _child: Child,
    addresses: Vec<String>,
}

impl Handwritten {
    /// Starts this program once more, as `handwritten`.
    ///
    /// # Errors
    /// It does not start.
    pub(super) async fn start(database: &Database, questions: &[Question]) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .args(["handwritten", "--database", &database.url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| error.to_string())?;
        let statements: Vec<&str> = questions.iter().map(|question| question.sql.as_str()).collect();
        let mut stdin = child.stdin.take().ok_or("no standard input")?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let starting = async {
            stdin.write_all(format!("{}\n", json!(statements)).as_bytes()).await.map_err(|error| error.to_string())?;
            let line = BufReader::new(stdout).lines().next_line().await.ok().flatten();
            line.ok_or_else(|| "the endpoints ended before they were ready".to_owned())
        };
        let line = within(SECONDS, "the start of the endpoints", starting).await?;
        // Its standard input ends with the process that we are.
        child.stdin = Some(stdin);
        let addresses: Vec<String> = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        Ok(Self { _child: child, addresses })
    }

    /// The address of a question's endpoint.
    pub(super) fn address(&self, number: usize) -> String {
        self.addresses.get(number).cloned().unwrap_or_default()
    }
}

/// What the process does: serves the statements of the first line of its standard input until that ends.
///
/// # Errors
/// The database cannot be opened, or there is no port.
pub async fn run(database: &str) -> Result<(), String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|error| error.to_string())?;
    let statements: Vec<String> = serde_json::from_str(&line).map_err(|error| error.to_string())?;
    let pool = Pool::open(database)?;
    let mut addresses = Vec::new();
    for statement in statements {
        let pool = pool.clone();
        // A statement that fails answers nothing, which is no list and no answer that is measured.
        let answer = move || {
            let (pool, statement) = (pool.clone(), statement.clone());
            async move { pool.bodies(&statement).await.map(|bodies| format!("[{}]", bodies.join(","))).unwrap_or_default() }
        };
        addresses.push(Value::String(format!("http://{}/", serve(answer).await?)));
    }
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", Value::Array(addresses)).and_then(|()| stdout.flush()).map_err(|error| error.to_string())?;
    let ended = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    ended.await.map(drop).map_err(|error| error.to_string())
}
