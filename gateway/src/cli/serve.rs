//! `fhir-gateway serve`: the server, from options to drain.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tracing_subscriber::EnvFilter;

use crate::auth::Authenticator;
use crate::cli::{DatabaseArgs, Exit, Stop};
use crate::gateway::{Gateway, Options};
use crate::http::exchange::Service;
use crate::http::request_id::RequestIds;
use crate::http::{Limits, server};
use crate::interaction::conditional::ConditionalDelete;
use crate::interaction::cursor::Cursors;
use crate::interaction::{Endpoint, capabilities};

/// The variable that holds the development token: on a command line everybody could read it.
pub const TOKEN_VARIABLE: &str = "FHIR_GATEWAY_DEV_TOKEN";

/// The variable that says what is logged (`info`, `gateway=debug`).
const LOG_VARIABLE: &str = "FHIR_GATEWAY_LOG";

/// Serves FHIR R4 over the database.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
When ready, one line of JSON on standard output says where: {\"ready\":true,\"fhir\":\"http://127.0.0.1:8080/fhir\"}
SIGTERM lets requests under way finish and ends with 0. Logs go to stderr; FHIR_GATEWAY_LOG sets their level.

Examples:
  FHIR_GATEWAY_DEV_TOKEN=secret fhir-gateway serve --dev --data-dir data
  FHIR_GATEWAY_DEV_TOKEN=secret fhir-gateway serve --dev --database postgres://gateway@db/clinic --listen 127.0.0.1:0")]
pub struct ServeArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// For development, on loopback only: the bearer of $`FHIR_GATEWAY_DEV_TOKEN` is a system client with all scopes.
    #[arg(long)]
    dev: bool,
    /// Address and port; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS:PORT", env = "FHIR_GATEWAY_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// What --dev does with consent.
    #[arg(long, value_enum, value_name = "MODE", requires = "dev")]
    dev_consent: Option<DevConsent>,
    /// Fixes clock and ids, so that equal requests give equal bytes.
    #[arg(long, value_name = "NUMBER", requires = "dev")]
    dev_seed: Option<u64>,
    /// What a conditional delete does where several resources match.
    #[arg(long, value_enum, value_name = "POLICY", env = "FHIR_GATEWAY_CONDITIONAL_DELETE", default_value_t)]
    conditional_delete: ConditionalDelete,
    /// The longest request body, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().body)]
    max_body: usize,
}

/// What `--dev` does with consent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum DevConsent {
    /// Decide as in production (the organization's default per purpose of use holds in any case).
    Enforce,
}

/// Runs the command: serves until SIGTERM or SIGINT.
///
/// # Errors
/// What stands in the way of starting, and what to do.
pub async fn run(args: ServeArgs) -> Result<Exit, Stop> {
    let authenticator = authenticator(&args)?;
    log("info");
    let data_dir = &args.database.data_dir;
    let unusable = |error| Stop::usage(format!("the data directory {}: {error}", data_dir.display()));
    std::fs::create_dir_all(data_dir).map_err(unusable)?;
    let cursors = match args.dev_seed {
        Some(seed) => Cursors::seeded(seed),
        None => Cursors::open(data_dir).map_err(unusable)?,
    };
    let gateway = Gateway::open(Options { seed: args.dev_seed, ..args.database.options(false)? }).await?;
    let limits = Limits { body: args.max_body, ..Limits::default() };
    let deletes = args.conditional_delete;
    listen(Arc::new(gateway), authenticator, cursors, limits, deletes, args.listen, announce).await?;
    Ok(Exit::Done)
}

/// Serves an open gateway until SIGTERM or SIGINT; `ready` is told the base address once it answers.
///
/// # Errors
/// The address cannot be listened on, or the system refuses signals or output.
pub async fn listen(
    gateway: Arc<Gateway>,
    authenticator: Authenticator,
    cursors: Cursors,
    limits: Limits,
    conditional_delete: ConditionalDelete,
    address: SocketAddr,
    ready: impl FnOnce(&str) -> io::Result<()>,
) -> Result<(), Stop> {
    let system = |error: io::Error| Stop::failed(format!("cannot talk to the system: {error}"));
    let stop = stop().map_err(system)?;
    let refused = |error: io::Error| Stop::usage(format!("cannot listen on {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let base = format!("http://{}/fhir", listener.local_addr().map_err(refused)?);
    gateway.store.serve_at(&base);
    gateway.store.index_positions().await?;
    gateway.store.adopt_stored().await?;
    gateway.store.keep_indexing();
    let started_ms = gateway.clock.now_ms();
    let store = gateway.store.clone();
    let capabilities = capabilities::statement(&base, started_ms, conditional_delete);
    let service = Service {
        endpoint: Arc::new(Endpoint { gateway, base: base.as_str().into(), cursors, capabilities, conditional_delete }),
        authenticator,
        limits,
        request_ids: RequestIds::new(started_ms),
        writes: Arc::new(Semaphore::new(limits.writes as usize)),
    };
    mappers::structure::prepare();
    ready(&base).map_err(system)?;
    tracing::info!("serving");
    server::serve(listener, Arc::new(service), stop).await;
    store.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Who may ask, after all that could make the token a danger is ruled out.
fn authenticator(args: &ServeArgs) -> Result<Authenticator, Stop> {
    if !args.dev {
        return Err(Stop::usage(
            "serving without --dev needs OAuth, which comes with issue 6: for now use --dev on a loopback address",
        ));
    }
    if !args.listen.ip().is_loopback() {
        return Err(Stop::usage(format!(
            "--dev listens on loopback only, and {} is not: use --listen 127.0.0.1:PORT",
            args.listen
        )));
    }
    let token = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
    let missing = || Stop::usage(format!("--dev needs a token: set {TOKEN_VARIABLE} to a secret of your choice"));
    Authenticator::development(token.trim()).ok_or_else(missing)
}

/// Logs to stderr, from this level on where the environment says nothing. Panics are told by their place alone: a message
/// may hold data.
pub(super) fn log(level: &str) {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    // A second time in one process changes nothing.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).try_init();
    panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}

/// Resolves at the first signal to stop; waits for signals from the call on.
fn stop() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The one line on standard output.
fn announce(base: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, r#"{{"ready":true,"fhir":"{base}"}}"#)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn refusal(args: &[&str]) -> String {
        let command = Command::parse_from([&["serve"], args].concat());
        let stop = authenticator(&command.args).err().expect("refused");
        assert_eq!(stop.exit, Exit::Usage);
        stop.message
    }

    #[test]
    fn without_dev_or_off_loopback_nothing_starts() {
        assert!(refusal(&["--listen", "127.0.0.1:0"]).contains("OAuth"));
        assert!(refusal(&["--dev", "--listen", "0.0.0.0:0"]).contains("loopback"));
        assert!(refusal(&["--dev", "--listen", "[::]:0"]).contains("loopback"));
    }

    #[test]
    fn a_seed_is_for_development_alone() {
        assert!(Command::try_parse_from(["serve", "--dev-seed", "1"]).is_err());
        assert!(Command::try_parse_from(["serve", "--dev", "--dev-seed", "1", "--dev-consent", "enforce"]).is_ok());
    }
}
