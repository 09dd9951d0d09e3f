//! `fhir-gateway audit disclosures`: to whom a patient's record was shown, and why.

mod account;
mod page;
mod table;

use clap::{Args, ValueEnum};
use jiff::ToSpan as _;
use jiff::civil::Date;

use self::account::Account;
use crate::audit::reading::{Condition, Key, Sight, Wish, find};
use crate::audit::retention;
use crate::cli::audit::reader;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::clock::Clock;
use crate::gateway::DEFAULT_ORGANIZATION;
use crate::store::connection::Connection;

/// Records that are read at once.
const PAGE: usize = 1000;
/// How far back the right to an accounting goes: 45 CFR 164.528(a)(3).
const YEARS: i64 = 6;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What `audit disclosures` is told.
#[derive(Args, Debug)]
pub struct DisclosuresArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Whose record: the id of the Patient.
    #[arg(long, value_name = "ID", value_parser = patient)]
    patient: String,
    /// The first day (UTC); by default six years before the last one.
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<Date>,
    /// The last day (UTC); by default today.
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<Date>,
    /// What comes out.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,
    /// Every access and change with its purpose, also those that the law does not want to be accounted for.
    #[arg(long)]
    all: bool,
}

/// What a report is written as.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Format {
    /// A table for spreadsheets.
    Csv,
    /// One page to read and print.
    Html,
    /// One JSON object.
    #[default]
    Json,
}

/// An id as a reference names it, or alone.
fn patient(text: &str) -> Result<String, String> {
    let id = text.strip_prefix("Patient/").unwrap_or(text);
    if mappers::references::is_id(id) { Ok(id.to_owned()) } else { Err("give the id of a Patient".to_owned()) }
}

/// Runs the command.
pub(super) async fn run(args: DisclosuresArgs) -> Result<Exit, Stop> {
    let now_ms = Clock::system().now_ms();
    let (from, to) = days(&args, now_ms)?;
    let (pools, mut connection) = reader(&args.database).await?;
    let mut account = Account::new(&args.patient, from, to, args.all, now_ms);
    let read = read(&mut connection, &mut account, (start(from), start(to) + DAY_MS)).await;
    let dropped = retention::dropped_before(&mut connection, DEFAULT_ORGANIZATION).await;
    drop(connection);
    pools.close().await;
    read?;
    if let Some(before) = dropped?.filter(|before| *before > start(from)) {
        account.dropped_before = Some(Clock::format(before));
        eprintln!(
            "records from before {} were exported and dropped (audit retain): what they say is not in this account",
            Clock::format(before)
        );
    }
    cli::print(&match args.format {
        Format::Csv => table::csv(&account),
        Format::Html => page::html(&account),
        Format::Json => account.json().map_err(|error| Stop::failed(error.to_string()))? + "\n",
    })?;
    Ok(Exit::Done)
}

/// The first and the last day.
fn days(args: &DisclosuresArgs, now_ms: i64) -> Result<(Date, Date), Stop> {
    let failed = |_| Stop::usage("the days are beyond the calendar");
    let today = || {
        let now = jiff::Timestamp::from_millisecond(now_ms).map_err(failed)?;
        Ok::<_, Stop>(now.to_zoned(jiff::tz::TimeZone::UTC).date())
    };
    let to = args.to.map_or_else(today, Ok)?;
    let back = || to.checked_sub(YEARS.years()).map_err(failed);
    let from = args.from.map_or_else(back, Ok)?;
    if from > to { Err(Stop::usage("--from is after --to")) } else { Ok((from, to)) }
}

/// The first millisecond of a day.
fn start(day: Date) -> i64 {
    Clock::parse(&format!("{day}T00:00:00Z")).unwrap_or_default()
}

/// Takes every record about the patient into the account, oldest first.
async fn read(connection: &mut Connection, account: &mut Account, (from, until): (i64, i64)) -> Result<(), Stop> {
    let about = Condition::OfPatient(account.patient.as_str().into());
    // What was refused, or failed, showed and changed nothing.
    let condition = Condition::All(vec![about, Condition::At(from, until), Condition::Status(0, 400)]);
    let mut after: Option<Key> = None;
    loop {
        let wish = Wish { condition: condition.clone(), ascending: true, after, count: PAGE, total: false };
        let found = find(connection, DEFAULT_ORGANIZATION.0, &Sight::All, &wish).await?;
        after = found.entries.last().map(|entry| entry.key);
        found.entries.iter().for_each(|entry| account.take(entry));
        if !found.more {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patient_is_named_by_id_or_reference() {
        assert_eq!(patient("Patient/a-1").as_deref(), Ok("a-1"));
        assert_eq!(patient("a-1").as_deref(), Ok("a-1"));
        assert!(patient("a b").is_err() && patient("Practitioner/1").is_err() && patient("").is_err());
    }

    #[test]
    fn days_begin_at_midnight() {
        assert_eq!(start(Date::constant(1970, 1, 2)), DAY_MS);
    }
}
