//! `fhir-gateway audit`: whether the trail is as it was written, and to whom a patient's record was disclosed; for privacy
//! officers and auditors.

mod disclosures;
mod retain;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};

use crate::audit::heads;
use crate::audit::heads::kept::Kept;
use crate::audit::retention::check::check;
use crate::audit::verify::{self, Finding, Known, Report};
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::clock::{Clock, Ids};
use crate::store::alert::record_findings;
use crate::store::connection::Connection;
use crate::store::pools::{PoolSettings, Pools};

/// Verifies the audit trail, and accounts for disclosures.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Says to whom a patient's record was disclosed, and why (45 CFR 164.528).
    #[command(after_help = "\
The accounting that the law gives a patient a right to: what was shown of the record in the last six years, but not for
treatment, payment or health care operations, and not to the patient. With --all it is every access and every change, with
its purpose: who saw my record. Where a disclosure rested on the patient's authorization the trail does not tell, so these
are listed as well; which disclosures are outside of the organization it does not know. Law enforcement can suspend the
right for a time (164.528(a)(2)): look before you give it away.

People are named by the ids that the trail has: no names are in it. The report is health data. Nothing is written, not
even to the trail. On PostgreSQL it reads as the role fhir_gateway_audit_reader, which the URL's user must be a member of.

Examples:
  fhir-gateway audit disclosures --patient 123 --format html > 123.html
  fhir-gateway audit disclosures --patient 123 --from 2026-01-01 --to 2026-06-30 --all --format csv
  fhir-gateway audit disclosures --patient 123 --database postgres://auditor@db/clinic | jq .disclosures

Exit codes:
  0 done (there may be none), 1 the trail could not be read, 2 wrong usage, 3 the database is not available")]
    Disclosures(disclosures::DisclosuresArgs),
    /// Prints the signed heads of the trail, one JSON object a line.
    #[command(after_help = "\
A head is a hash of everything in its chain up to one link. A gateway signs the heads of its chains at
most once a second, and when it stops, and adds them to audit-heads.jsonl in the data directory. Copy
them to where nobody who can change the database can change them: with them, `audit verify --heads`
finds a trail whose end was cut off, or that was replaced as a whole.

Example:
  fhir-gateway audit heads --data-dir data > /mnt/elsewhere/heads-$(date +%F).jsonl

Exit codes:
  0 done, 2 there are no heads, or their file cannot be read")]
    Heads(HeadsArgs),
    /// Exports the records that are older than they have to be kept, and drops them.
    #[command(after_help = "\
The whole trail is verified first; where anything is not as it was written, nothing is dropped. What is due is written to the
folder (records.jsonl with links and records, manifest.json with counts, Merkle roots, heads and the file's SHA-256, signed),
flushed to disk, read back and recomputed, and the run is put on record in the trail itself. Only then it is dropped, chain by
chain and batch by batch; on PostgreSQL a month of which (nearly) all is due goes as a whole. A signed statement in the
database and in audit-heads.jsonl, which is shortened, says how far each chain was dropped: `audit verify` goes on from there,
and finds what was dropped without one. `audit verify --export FILE` verifies an export by itself. The folder holds health data.

Without --yes it only says what it would do. On PostgreSQL the URL's user must own the gateway's tables and be a member of
the role fhir_gateway_audit_reader. A gateway may be running meanwhile.

Examples:
  fhir-gateway audit retain --data-dir data --export /mnt/archive/audit-2033
  fhir-gateway audit retain --data-dir data --export /mnt/archive/audit-2033 --yes
  fhir-gateway audit verify --data-dir data --export /mnt/archive/audit-2033/manifest.json

Exit codes:
  0 done (also where nothing was due), 1 it failed or the trail is not whole, 2 wrong usage,
  3 the database is not available")]
    Retain(retain::RetainArgs),
    /// Recomputes the trail and names every record that was changed, removed, put in or cut off.
    #[command(after_help = "\
Every record is hashed into its batch, every batch into the head of its chain, and heads are signed with
the key in the data directory (audit-signing.key). The command recomputes all of it, also beside a running
gateway, and changes nothing of it; what it finds becomes an incident and an alert, once (--no-record). It names records by their place in their chain, never by what they say.

What it cannot know without heads that were kept elsewhere: that the last records of a chain, and the
heads in this data directory with them, were removed together. Records of the last second before a kill
have no signed head yet.

On PostgreSQL it reads as the role fhir_gateway_audit_reader, which the URL's user must be a member of;
`migrate` makes it. Gateways with other data directories sign with other keys: name those by --key.

Examples:
  fhir-gateway audit verify --data-dir data
  fhir-gateway audit verify --database postgres://auditor@db/clinic --data-dir data --heads /mnt/elsewhere/heads.jsonl
  fhir-gateway audit verify --data-dir data --json | jq .findings

Exit codes:
  0 the trail is whole, 1 it could not be verified, 2 wrong usage, 3 the database is not available,
  4 something was found")]
    Verify(VerifyArgs),
}

/// What `audit heads` is told.
#[derive(Args, Debug)]
pub struct HeadsArgs {
    /// Folder of the heads.
    #[arg(long, value_name = "DIR", env = "FHIR_GATEWAY_DATA_DIR", default_value = "fhir-gateway-data")]
    data_dir: PathBuf,
}

/// What `audit verify` is told.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Records no incident and no alert of what is found.
    #[arg(long)]
    no_record: bool,
    /// Heads that were kept elsewhere, in place of those in the data directory.
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
    /// The manifest of an export of `audit retain`, to be verified in place of the trail.
    #[arg(long, value_name = "FILE", conflicts_with = "heads")]
    export: Option<PathBuf>,
    /// A public key (the `signer` of a head) that may sign, beside the data directory's; may be given more than once.
    #[arg(long, value_name = "HEX")]
    key: Vec<String>,
    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(command: AuditCommand) -> Result<Exit, Stop> {
    match command {
        AuditCommand::Disclosures(args) => disclosures::run(args).await,
        AuditCommand::Heads(args) => print_heads(&args),
        AuditCommand::Retain(args) => retain::run(args).await,
        AuditCommand::Verify(args) => verify(args).await,
    }
}

fn print_heads(args: &HeadsArgs) -> Result<Exit, Stop> {
    let path = args.data_dir.join(heads::FILE);
    let unusable = |error: io::Error| Stop::usage(format!("{}: {error}", path.display()));
    for line in Kept::open(&path).map_err(unusable)?.lines().map_err(unusable)? {
        let text = serde_json::to_string(&line.map_err(unusable)?).map_err(|error| Stop::failed(error.to_string()))?;
        cli::print(&(text + "\n"))?;
    }
    Ok(Exit::Done)
}

async fn verify(args: VerifyArgs) -> Result<Exit, Stop> {
    let data_dir = &args.database.data_dir;
    if let Some(manifest) = &args.export {
        let signers = Known::signers(data_dir, &args.key).map_err(Stop::usage)?;
        let unusable = |error| Stop::usage(format!("{}: {error}", manifest.display()));
        return tell(&args, &check(manifest, &signers).map_err(unusable)?);
    }
    // Before the database: the heads must not be newer than what is read there.
    let known = Known::read(data_dir, args.heads.as_deref(), &args.key).map_err(Stop::usage)?;
    let (pools, mut connection) = reader(&args.database).await?;
    let bar = bar(args.json);
    let report = verify::verify(&mut connection, &known, |records| bar.set_position(records)).await;
    bar.finish_and_clear();
    drop(connection);
    if let Ok(report) = &report
        && report.found > 0
        && !args.no_record
    {
        record(&pools, report).await;
    }
    pools.close().await;
    tell(&args, &report?)
}

/// An incident and its alert. Who may only read the trail is told that there is none.
async fn record(pools: &Pools, report: &Report) {
    let clock = Arc::new(Clock::system());
    match record_findings(pools, &Ids::random(Arc::clone(&clock)), clock.now_ms(), report).await {
        Ok(incidents) if incidents.is_empty() => {
            eprintln!("fhir-gateway: the same was found and recorded before: `incident list` has it");
        }
        Ok(incidents) => eprintln!("fhir-gateway: recorded as incident {}; an alert waits", incidents.join(", ")),
        Err(error) => eprintln!("fhir-gateway: no incident and no alert could be recorded: {error}"),
    }
}

fn tell(args: &VerifyArgs, report: &Report) -> Result<Exit, Stop> {
    cli::print(&if args.json {
        serde_json::to_string(report).map_err(|error| Stop::failed(error.to_string()))? + "\n"
    } else {
        text(report)
    })?;
    Ok(if report.found == 0 { Exit::Done } else { Exit::Refused })
}

/// Opens a trail that is there already, to be read.
async fn reader(database: &DatabaseArgs) -> Result<(Pools, Connection), Stop> {
    let pools = open(database).await?;
    let connection = verify::reader(&pools, &database.data_dir).await?;
    Ok((pools, connection))
}

/// The database of a trail that is there already.
async fn open(database: &DatabaseArgs) -> Result<Pools, Stop> {
    let (url, data_dir) = (database.url(), &database.data_dir);
    let sqlite = !url.starts_with("postgres");
    if sqlite && !data_dir.join("audit.db").exists() {
        return Err(Stop::usage(format!("there is no audit trail in {}", data_dir.display())));
    }
    Ok(Pools::open(Some(&url), data_dir, &PoolSettings::default()).await?)
}

fn bar(json: bool) -> indicatif::ProgressBar {
    if json || !io::stderr().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    indicatif::ProgressBar::new_spinner().with_style(
        indicatif::ProgressStyle::with_template("{pos} records, {per_sec}")
            .unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner()),
    )
}

fn text(report: &Report) -> String {
    let mut text: String = report.findings.iter().map(|finding| line(finding) + "\n").collect();
    let more = report.found.saturating_sub(report.findings.len() as u64);
    if more > 0 {
        text += &format!("and {more} more\n");
    }
    if report.retired > 0 {
        text += &format!("{} chains go on from where they were exported and dropped\n", report.retired);
    }
    let verdict = match report.found {
        0 => "the trail is whole".to_owned(),
        found => format!("the trail is NOT as it was written: {found} findings"),
    };
    text + &format!(
        "{} records of {} links in {} chains, {} records from before; {} signatures hold, {} heads known\n{verdict}\n",
        report.records, report.links, report.chains, report.records_before, report.signatures, report.heads
    )
}

fn line(finding: &Finding) -> String {
    let mut line = format!("organization {} chain {}", finding.organization, finding.chain);
    if let Some(link) = finding.link {
        line += &format!(" link {link}");
    }
    if let Some(record) = finding.record {
        line += &format!(" record {record}");
    }
    line + ": " + finding.problem.text()
}
