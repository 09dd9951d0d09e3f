//! `fhir-gateway migrate`: the database's tables to this program's version, and back.

use clap::Args;

use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::clock::Clock;
use crate::store::labelling::register;
use crate::store::migrate::{MigrateOptions, migrate, revert};
use crate::store::pools::{PoolSettings, Pools};
use crate::store::{OpenError, statutes};

/// Prepares a database; `serve`, `import` and `demo` do it too when they start.
#[derive(Args, Debug)]
#[command(after_help = "\
On PostgreSQL the gateway's own tables lie in the schema fhir_gateway and the clinic schema
in public; run it as a role that may create them. The gateway itself works under a role of
its own (fhir_gateway_app), which owns nothing.

Examples:
  fhir-gateway migrate --database postgres://owner@db/clinic
  fhir-gateway migrate --database postgres://owner@db/clinic --print > what-it-does.sql
  fhir-gateway migrate --data-dir data --down --yes

Exit codes:
  0 done (also where nothing was to do), 1 failed, 2 wrong usage,
  3 the database is not available")]
pub struct MigrateArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Only print the SQL that would run.
    #[arg(long)]
    print: bool,
    /// Give everything its security labels anew (a server does the work); also what encounters pass on to their notes.
    #[arg(long, conflicts_with_all = ["print", "down"])]
    relabel: bool,
    /// Take the gateway's tables and triggers away, with every version and index in them. Tables of your own stay.
    #[arg(long)]
    down: bool,
    /// With --down: also drop the built-in clinic schema, with the patients in it.
    #[arg(long, requires = "down")]
    clinic: bool,
    /// With --down: yes, really.
    #[arg(long, requires = "down")]
    yes: bool,
}

/// Runs the command.
pub(super) async fn run(args: MigrateArgs) -> Result<Exit, Stop> {
    if args.down && !args.yes && !args.print {
        return Err(Stop::usage(
            "--down deletes every version the gateway keeps; add --yes, or --print to see the SQL",
        ));
    }
    let data_dir = &args.database.data_dir;
    std::fs::create_dir_all(data_dir)
        .map_err(|error| Stop::usage(format!("the data directory {}: {error}", data_dir.display())))?;
    let pools = Pools::open(Some(&args.database.url()), data_dir, &PoolSettings::default()).await?;
    let clinic = if args.down { args.clinic } else { args.database.maps.is_none() };
    let options = MigrateOptions { clinic, print: args.print, now_ms: Clock::system().now_ms() };
    let labels = args.database.label_table()?;
    let law = args.database.signed_statutes()?;
    let statements = if args.down { revert(&pools, &options).await } else { migrate(&pools, &options).await };
    if statements.is_ok() && !args.down && !args.print {
        register(&pools, labels.as_ref(), args.relabel).await?;
        let given = (law.as_ref(), args.database.statutes_key.as_deref());
        statutes::keep(&pools, data_dir, given, options.now_ms).await.map_err(OpenError::from)?;
    }
    pools.close().await;
    let statements = statements?;
    cli::print(&if args.print {
        statements.iter().map(|statement| format!("{};\n\n", statement.trim_end_matches(';'))).collect()
    } else if args.down {
        "the gateway's tables are gone\n".to_owned()
    } else {
        "the database is ready\n".to_owned()
    })?;
    Ok(Exit::Done)
}
