//! `fhir-gateway statutes`: the customer's table of law; for privacy officers and counsel.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use consent::Statutes;
use serde_json::json;

use crate::audit::heads::Signer;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::gateway::Gateway;
use crate::store::statutes::{self, PURPOSE, Row, Signed, StatuteTable};

/// The largest table that is read.
const LARGEST: u64 = 1024 * 1024;

/// Checks, signs and shows the table of law that goes before organization and patient.
#[derive(Debug, Subcommand)]
pub enum StatutesCommand {
    /// Says what a table comes to, row by row, or what is wrong with it.
    #[command(after_help = "\
A table adds to the federal rows (42 CFR Part 2, psychotherapy notes), which always hold. How it is written:

  serial = 1                   # counts up with every table that is signed
  jurisdiction = \"US-CA\"       # where care is given; rows of others are left out

  [[law]]                      # what is asked for before anybody is shown such data
  jurisdiction = \"US-CA\"
  labels    = [\"HIV\"]          # sensitivities of v3-ActCode
  purposes  = [\"HPAYMT\"]       # left out: for every purpose
  asks      = \"named\"          # consent, named (a Consent that names the label) or never
  emergency = true             # not in an emergency (ETREAT)
  source    = \"where it is written\"

  [[minor]]                    # from this age on minors consent alone: until then a parent's Consent reaches it
  labels = [\"STD\"]
  age    = 12
  source = \"where it is written\"

  [[majority]]                 # a parent's authority ends before 18
  age    = 16
  source = \"where it is written\"

Without jurisdiction every row that asks for more holds, and of rows that give more only those that name none.

Exit codes:
  0 it fits, 2 something is wrong with it: every line that is")]
    Check(CheckArgs),
    /// Makes a key that tables are signed with, and prints its public part.
    Key(KeyArgs),
    /// Shows the table that is in force in a database.
    Show(Box<ShowArgs>),
    /// Signs a table: who answers for it, in FILE.sig beside it.
    #[command(after_help = "\
Example:
  fhir-gateway statutes key counsel.key            prints the public key
  fhir-gateway statutes sign statutes.toml --key counsel.key --by 'N. N., counsel'
  fhir-gateway serve --statutes statutes.toml --statutes-key PUBLICKEY ...

Keep the key away from the gateway: it needs the public part alone. Whose signature counts is remembered in the data
directory, and the serial of the last table: one that was changed, signed with another key, taken away or followed by
an older one keeps commands that open the database from starting. A table without rows takes them away again. Servers
go by a new one within seconds.")]
    Sign(SignArgs),
}

/// Which table.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// The table (TOML).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Which key.
#[derive(Args, Debug)]
pub struct KeyArgs {
    /// The key's file; made if it is missing, readable by its owner alone.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What of which database.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// What is signed, and by whom.
#[derive(Args, Debug)]
pub struct SignArgs {
    /// The table (TOML).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The key's file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Who answers for it.
    #[arg(long, value_name = "NAME")]
    by: String,
}

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub async fn run(command: StatutesCommand) -> Result<Exit, Stop> {
    match command {
        StatutesCommand::Check(args) => {
            let table = parse(&args.file, &read(&args.file)?)?;
            print(&table, None, args.json)?;
        }
        StatutesCommand::Key(args) => {
            let signer = Signer::of_file(&args.file).map_err(|error| unusable(&args.file, &error))?;
            cli::print(&format!("{}\n", signer.name))?;
        }
        StatutesCommand::Show(args) => {
            let gateway = Gateway::open(args.database.options(false)?).await?;
            let kept = statutes::kept(&gateway.store).await?;
            let table = match &kept {
                Some(signed) => parse(Path::new("the table"), &signed.document)?,
                None => StatuteTable::default(),
            };
            print(&table, kept.as_ref(), args.json)?;
        }
        StatutesCommand::Sign(args) => sign(&args)?,
    }
    Ok(Exit::Done)
}

fn sign(args: &SignArgs) -> Result<(), Stop> {
    let by = args.by.trim();
    if by.is_empty() || !statutes::is_plain(by) {
        return Err(Stop::usage("--by says who answers for the table, in a line"));
    }
    if !args.key.exists() {
        return Err(Stop::usage(format!("{} is not there: fhir-gateway statutes key makes one", args.key.display())));
    }
    let document = read(&args.file)?;
    parse(&args.file, &document)?;
    let signer = Signer::of_file(&args.key).map_err(|error| unusable(&args.key, &error))?;
    let signature = signer.sign_for(PURPOSE, &Signed::text(&document, by));
    let signed = Signed { document, signed_by: by.to_owned(), signer: signer.name, signature };
    let text = serde_json::to_string_pretty(&signed).map_err(|error| Stop::failed(error.to_string()))?;
    let path = beside(&args.file);
    fs::write(&path, format!("{text}\n")).map_err(|error| unusable(&path, &error))?;
    cli::print(&format!("{}: signed by {by} with the key {}\n", path.display(), signed.signer))
}

/// The table with its signature, as `--statutes` names it.
pub(super) fn signed(file: &Path) -> Result<Signed, Stop> {
    let document = read(file)?;
    parse(file, &document)?;
    let path = beside(file);
    let text = fs::read_to_string(&path).map_err(|error| {
        Stop::usage(format!(
            "{}: {error}: a table of law counts once it is signed (fhir-gateway statutes sign)",
            path.display()
        ))
    })?;
    let signed: Signed = serde_json::from_str(&text)
        .map_err(|error| Stop::usage(format!("{}: no signature: {error}", path.display())))?;
    Ok(Signed { document, ..signed })
}

/// What a table says to decisions, whoever answers for it.
pub(super) fn unsigned(file: &Path) -> Result<Statutes, Stop> {
    Ok(parse(file, &read(file)?)?.statutes)
}

fn print(table: &StatuteTable, kept: Option<&Signed>, as_json: bool) -> Result<(), Stop> {
    let federal = Row::federal();
    let rows = federal.iter().chain(&table.rows);
    if as_json {
        let row = |row: &Row| json!({ "jurisdiction": row.jurisdiction, "says": row.says, "source": row.source, "counts": row.counts });
        let rows: Vec<_> = rows.map(row).collect();
        let (by, key) = (kept.map(|kept| &kept.signed_by), kept.map(|kept| &kept.signer));
        return cli::print(&format!(
            "{}\n",
            json!({ "jurisdiction": table.jurisdiction, "signedBy": by, "key": key, "rows": rows })
        ));
    }
    let mut text = match kept {
        Some(kept) => format!("signed by {} with the key {}\n", kept.signed_by, kept.signer),
        None => String::new(),
    };
    for row in rows {
        let where_ = if row.jurisdiction.is_empty() { "everywhere" } else { &row.jurisdiction };
        let counts = if row.counts { "" } else { "   (does not count here)" };
        text.push_str(&format!("{where_:<10}  {}\n            {}{counts}\n", row.says, row.source));
    }
    cli::print(&text)
}

fn parse(file: &Path, document: &str) -> Result<StatuteTable, Stop> {
    StatuteTable::parse(document).map_err(|faults| cli::faulty(&file.display().to_string(), &faults))
}

fn read(file: &Path) -> Result<String, Stop> {
    let size = fs::metadata(file).map_err(|error| unusable(file, &error))?.len();
    if size > LARGEST {
        return Err(Stop::usage(format!("{}: {size} bytes are more than {LARGEST}", file.display())));
    }
    fs::read_to_string(file).map_err(|error| unusable(file, &error))
}

/// Where a table's signature lies.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

fn unusable(file: &Path, error: &std::io::Error) -> Stop {
    Stop::usage(format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use clap::Subcommand as _;

    use super::*;

    #[test]
    fn the_example_of_the_help_is_a_table() {
        let mut help = StatutesCommand::augment_subcommands(clap::Command::new("statutes"));
        let help = help.find_subcommand_mut("check").unwrap().get_after_help().unwrap().to_string();
        let example = help.split_once("it is written:").unwrap().1.split_once("Without jurisdiction").unwrap().0;
        let table = StatuteTable::parse(example).unwrap();
        assert_eq!((table.rows.len(), table.serial), (3, 1));
        assert!(table.rows.iter().all(|row| row.counts), "{:?}", table.rows);
    }
}
