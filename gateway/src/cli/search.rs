//! `fhir-gateway search`: how a search is answered, for those who wonder why it is slow.

use std::time::Duration;

use clap::{Args, Subcommand};
use consent::Permit;
use mappers::search::{self, Context, Custom, Handling, Search};
use serde_json::json;

use super::map::operator_permit;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::gateway::Gateway;
use crate::http::query::pairs;
use crate::operation::lastn;
use crate::router;
use crate::store::{ParameterReport, SearchRequest};

/// How often `--wait` looks.
const LOOK: Duration = Duration::from_millis(250);

/// Explains searches.
#[derive(Debug, Subcommand)]
pub enum SearchCommand {
    /// Prints the plan of a search, its SQL, and how the database would run it.
    #[command(after_help = "\
The plan says which condition the rows come from and which ones filter them, and in which order a page is
taken. The values you give are shown in the plan and stand as $1, $2, ... in the SQL; nothing of any record is printed.

Examples:
  fhir-gateway search explain 'Patient?name=ada' 'Patient?_id=1&_revinclude=Observation:subject'
  fhir-gateway search explain 'Observation?subject:Patient.name=ada&_sort=-date' --database postgres://db/clinic

Exit codes:
  0 done, 1 the work failed, 2 the search is wrong, 3 the database is not available")]
    Explain(ExplainArgs),
    /// Lists the search parameters that SearchParameter resources define, and how far each is.
    #[command(after_help = "\
A line for each: its state (indexing, ready, removing), how much of what was stored before it is indexed, how many resources
were looked at and how many of them its expression failed for, its types and name, and the SearchParameter. A server that runs
does the work; --wait ends when all is done. With --base it does the work here: say an address that the gateway is
served at, or was.

Examples:
  fhir-gateway search parameters --database postgres://db/clinic
  fhir-gateway search parameters --json --wait
  fhir-gateway search parameters --wait --base http://127.0.0.1:8080/fhir

Exit codes:
  0 done, 1 the work failed, 3 the database is not available")]
    Parameters(ParametersArgs),
}

/// How parameters are listed.
#[derive(Args, Debug)]
pub struct ParametersArgs {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// Waits until all is done.
    #[arg(long)]
    wait: bool,
    /// Does the work here, as the server that is reached by this address would.
    #[arg(long, value_name = "URL", requires = "wait", value_parser = base_url)]
    base: Option<String>,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Which searches.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// A search as in an address below the base: `Type?parameters`, or `?parameters` for all types; also `Type/$meta`,
    /// `$meta` and `Observation/$lastn?parameters`.
    #[arg(required = true)]
    search: Vec<String>,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub async fn run(command: SearchCommand) -> Result<Exit, Stop> {
    match command {
        SearchCommand::Explain(args) => explain(args).await,
        SearchCommand::Parameters(args) => parameters(args).await,
    }
}

async fn parameters(args: ParametersArgs) -> Result<Exit, Stop> {
    let gateway = Gateway::open(args.database.options(false)?).await?;
    let permit = operator_permit(&gateway, "search", "search parameters").await?;
    match args.base.as_deref() {
        Some(base) => {
            cli::require_address(&gateway, base)?;
            gateway.store.index_all().await?;
        }
        None if args.wait => wait(&gateway, &permit).await?,
        None => {}
    }
    let reports = gateway.store.parameter_reports(&permit).await?;
    if args.json {
        let lines = reports.iter().map(|report| {
            json!({
                "id": report.id, "url": report.definition.url, "code": report.definition.code,
                "base": report.definition.base, "type": report.definition.param_kind.word(), "state": report.state,
                "percent": report.percent, "lookedAt": report.looked_at, "failed": report.unfit,
            })
        });
        cli::print(&format!("{}\n", serde_json::Value::from_iter(lines)))?;
        return Ok(Exit::Done);
    }
    let line = |report: &ParameterReport| {
        let definition = &report.definition;
        format!(
            "{:<8} {:>3} %  {} looked at, {} failed  {} {} ({})  SearchParameter/{}  {}\n",
            report.state,
            report.percent,
            report.looked_at,
            report.unfit,
            definition.base.join(","),
            definition.code,
            definition.param_kind.word(),
            report.id,
            definition.url
        )
    };
    let lines: String = reports.iter().map(line).collect();
    cli::print(&format!("{lines}{} parameters of your own\n", reports.len()))?;
    Ok(Exit::Done)
}

/// Waits for the work of a server. It is not done here: whoever does not know by which address the server is reached takes
/// absolute references to its own resources for ones to others.
async fn wait(gateway: &Gateway, permit: &Permit) -> Result<(), Stop> {
    let mut is_told = false;
    while gateway.store.parameter_reports(permit).await?.iter().any(|report| &*report.state != "ready") {
        if !is_told {
            tracing::warn!(
                "waiting for the work of a server; to do it here, say --base with an address that it is served at"
            );
            is_told = true;
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

fn base_url(text: &str) -> Result<String, String> {
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err("the address begins with http:// or https://".to_owned())
}

async fn explain(args: ExplainArgs) -> Result<Exit, Stop> {
    let requests = args.search.iter().map(|search| asked(search, &Custom::default())).collect::<Vec<Result<_, Stop>>>();
    let gateway = Gateway::open(args.database.options(false)?).await?;
    let permit = operator_permit(&gateway, "search", "search explain").await?;
    let custom = gateway.store.search_parameters(&permit).await?;
    let read = |(search, request): (&String, Result<Asked, Stop>)| request.or_else(|_| asked(search, &custom));
    let requests = args.search.iter().zip(requests).map(read).collect::<Result<Vec<_>, Stop>>()?;
    for (search, request) in args.search.iter().zip(&requests) {
        let text = match request {
            Asked::Labels(kind) => gateway.store.explain_labels(&permit, *kind).await?,
            Asked::Lastn(search, max) => gateway.store.explain_lastn(&permit, search, *max).await?,
            Asked::Search(request) => gateway.store.explain(&permit, request).await?,
        };
        if requests.len() > 1 {
            cli::print(&format!("search: {search}\n"))?;
        }
        cli::print(&text)?;
    }
    Ok(Exit::Done)
}

/// What is to be explained.
enum Asked {
    /// `$meta` of a type, or of all.
    Labels(Option<&'static str>),
    /// `Observation/$lastn`
    Lastn(Box<Search>, usize),
    Search(Box<SearchRequest>),
}

fn asked(text: &str, custom: &Custom) -> Result<Asked, Stop> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let (kind, operation) = match path.rsplit_once('/') {
        Some((kind, operation)) => (kind, Some(operation)),
        None if path.starts_with('$') => ("", Some(path)),
        None => (path, None),
    };
    let kind = match kind {
        "" => None,
        kind => Some(router::known(kind).ok_or_else(|| Stop::usage("R4 has no resource type of this name"))?),
    };
    match operation {
        None => Ok(Asked::Search(Box::new(request(kind, query, custom)?))),
        Some("$meta") => Ok(Asked::Labels(kind)),
        Some("$lastn") if kind == Some("Observation") => {
            let given: Vec<_> = pairs(query).collect();
            let given = given.iter().map(|(name, value)| (&**name, &**value));
            let asked =
                lastn::Asked::read(given).map_err(|failure| Stop::usage(failure.issues[0].details.to_string()))?;
            Ok(Asked::Lastn(Box::new(request(kind, &asked.query, custom)?.search), asked.max))
        }
        Some(_) => Err(Stop::usage("of operations only $meta and Observation/$lastn can be explained")),
    }
}

fn request(kind: Option<&'static str>, query: &str, custom: &Custom) -> Result<SearchRequest, Stop> {
    let context = Context { handling: Handling::Strict, base: "", custom: Some(custom) };
    let (search, results, _) = search::parse(kind, query, context).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Stop::usage(lines.join("\n"))
    })?;
    let count = results.count.unwrap_or(50) as usize;
    Ok(SearchRequest { search, count, total: results.total.is_some(), after: None })
}
