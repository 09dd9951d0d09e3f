//! `fhir-gateway search`: how a search is answered, for those who wonder why it is slow.

use clap::{Args, Subcommand};
use mappers::search::{self, Context, Handling, Search};

use super::map::operator_permit;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::gateway::Gateway;
use crate::http::query::pairs;
use crate::operation::lastn;
use crate::router;
use crate::store::SearchRequest;

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
    let SearchCommand::Explain(args) = command;
    let requests = args.search.iter().map(|search| asked(search)).collect::<Result<Vec<_>, Stop>>()?;
    let gateway = Gateway::open(args.database.options(false)?).await?;
    let permit = operator_permit(&gateway, "search", "search explain").await?;
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

fn asked(text: &str) -> Result<Asked, Stop> {
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
        None => Ok(Asked::Search(Box::new(request(kind, query)?))),
        Some("$meta") => Ok(Asked::Labels(kind)),
        Some("$lastn") if kind == Some("Observation") => {
            let given: Vec<_> = pairs(query).collect();
            let given = given.iter().map(|(name, value)| (&**name, &**value));
            let asked =
                lastn::Asked::read(given).map_err(|failure| Stop::usage(failure.issues[0].details.to_string()))?;
            Ok(Asked::Lastn(Box::new(request(kind, &asked.query)?.search), asked.max))
        }
        Some(_) => Err(Stop::usage("of operations only $meta and Observation/$lastn can be explained")),
    }
}

fn request(kind: Option<&'static str>, query: &str) -> Result<SearchRequest, Stop> {
    let context = Context { handling: Handling::Strict, base: "" };
    let (search, results, _) = search::parse(kind, query, context).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Stop::usage(lines.join("\n"))
    })?;
    let count = results.count.unwrap_or(50) as usize;
    Ok(SearchRequest { search, count, total: results.total.is_some(), after: None })
}
