//! `fhir-gateway terminology again`: what is stored, looked at anew, and `terminology map`: an organization's own maps.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use consent::Action;
use indicatif::{HumanCount, ProgressBar};
use serde_json::{Value, json};
use terminology::model::concept_map::{Element, Group};
use terminology::model::{ConceptMap, parts};

use super::normalize;
use crate::cli::purge::{as_json, close, open};
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::store::normalizing::{Decision, Difference, Now, Target, Which};

pub(super) const AGAIN: &str = "\
After a new release, a map or another policy: every resource's current version is looked at, and what would be told otherwise
is listed, code by code, with the number of places. Nothing is changed until --apply; what was told before stays on record.

Examples:
  fhir-gateway terminology again
  fhir-gateway terminology again --apply

Exit codes:
  0 done, 1 failed, 2 wrong usage, 3 the database is not available";

pub(super) const MAP: &str = "\
Its targets that are equal or equivalent count from now on, and codes that are unmatched stay as they are; others are near, and
say nothing that counts. What counted for a code before is ended, and stays on record.

Example:
  fhir-gateway terminology map lab-codes.json --by 'Jane Doe'
  fhir-gateway terminology again --apply

Exit codes:
  0 done, 1 failed, 2 wrong usage, or the file is no map, 3 the database is not available";

/// What is looked at.
#[derive(Args, Debug)]
pub struct AgainArgs {
    /// Keeps what is told now.
    #[arg(long)]
    apply: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Which map.
#[derive(Args, Debug)]
pub struct MapArgs {
    /// A `ConceptMap` (JSON).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Who answers for it.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn again(args: AgainArgs) -> Result<Exit, Stop> {
    let action = if args.apply { Action::Change } else { Action::Read };
    let (gateway, permit) = open(&args.database, action, ("terminology-again", "terminology again")).await?;
    let bar = if args.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    let mut progress = |looked: u64| {
        bar.tick();
        bar.set_message(format!("{} resources", HumanCount(looked)));
    };
    let done = gateway.store.normalize_again(&permit, &Which::All, args.apply, &mut progress).await;
    bar.finish_and_clear();
    close(gateway).await;
    let differences = done?;
    cli::print(&if args.json {
        let all: Vec<Value> = differences.iter().map(as_value).collect();
        as_json(&json!({ "applied": args.apply, "differences": all }))?
    } else if differences.is_empty() {
        "nothing is told otherwise\n".to_owned()
    } else {
        let end = if args.apply { "" } else { "nothing was changed: --apply keeps what is told now\n" };
        differences.iter().map(difference).collect::<String>() + end
    })?;
    Ok(Exit::Done)
}

fn shown(now: &Now) -> String {
    match now {
        Now::Nothing => "nothing".to_owned(),
        Now::Review => "to be reviewed".to_owned(),
        Now::Standard(system, code) => format!("{system} {code}"),
    }
}

fn as_value(difference: &Difference) -> Value {
    let now = |now: &Now| match now {
        Now::Nothing => Value::Null,
        Now::Review => json!("review"),
        Now::Standard(system, code) => json!({ "system": system, "code": code }),
    };
    json!({
        "system": difference.system, "code": difference.code, "display": difference.display,
        "before": now(&difference.before), "after": now(&difference.after), "places": difference.count,
    })
}

/// A line on what is told otherwise.
pub(super) fn difference(difference: &Difference) -> String {
    let Difference { system, code, display, before, after, count } = difference;
    format!("{system} {code} '{display}', {count} places: {} -> {}\n", shown(before), shown(after))
}

pub(super) async fn map(args: MapArgs) -> Result<Exit, Stop> {
    let read = normalize::map(&args.file)?;
    let map = ConceptMap::read(&read).ok_or_else(|| Stop::usage("it is no ConceptMap"))?;
    let (decisions, near) = decisions(&map);
    if decisions.is_empty() {
        return Err(Stop::usage("it says of no code of a system that it is equal or equivalent to one"));
    }
    let (gateway, permit) = open(&args.database, Action::Change, ("terminology-map", "terminology map")).await?;
    let done = gateway.store.decide_codes(&permit, &decisions, &args.by).await;
    close(gateway).await;
    cli::print(&format!(
        "{} codes, {} of them new or changed; of {near} it says nothing that counts\n",
        decisions.len(),
        done?
    ))?;
    Ok(Exit::Done)
}

/// What a map says that counts, a code each, and of how many codes it says nothing that does: what is only near, or several codes.
fn decisions(map: &ConceptMap) -> (Vec<Decision>, usize) {
    let source = map.canonical().unwrap_or_else(|| "map".to_owned());
    let mut said: BTreeMap<(String, String), Vec<Option<Decision>>> = BTreeMap::new();
    for group in &map.group {
        let Some(system) = group.source.as_deref().map(|system| parts(system).0.to_owned()) else { continue };
        for element in &group.element {
            let Some(code) = element.code.clone() else { continue };
            let of =
                Decision { system: system.clone(), code: code.clone(), source: source.clone(), ..Decision::default() };
            said.entry((system.clone(), code)).or_default().extend(decided(group, element, &of));
        }
    }
    let all = said.len();
    let one = |mut said: Vec<Option<Decision>>| {
        said.dedup();
        // Several groups may name a code: which of them is meant, nobody says.
        if let [Some(_)] = &said[..] { said.pop().flatten() } else { None }
    };
    let decisions: Vec<Decision> = said.into_values().filter_map(one).collect();
    let near = all - decisions.len();
    (decisions, near)
}

/// What a map says of a code: a target that is the same, that there is none, or (`None`) something that does not count.
fn decided(group: &Group, element: &Element, of: &Decision) -> Vec<Option<Decision>> {
    let system = group.target.as_deref().map(|system| parts(system).0);
    let same = element.target.iter().filter(|target| {
        let is_same = matches!(target.nearness(), "equal" | "equivalent");
        is_same && target.depends_on.is_empty() && target.product.is_empty()
    });
    let same: Vec<Option<Decision>> = same
        .map(|target| {
            let (system, code) = (system?.into(), target.code.as_deref()?.into());
            let display = target.display.as_deref().map(Box::from);
            let equivalence = target.nearness().to_owned();
            Some(Decision { target: Some(Target { system, code, display }), equivalence, ..of.clone() })
        })
        .collect();
    if !same.is_empty() {
        return same;
    }
    let is_unmatched = !element.target.is_empty() && element.target.iter().all(|target| !target.is_match());
    vec![is_unmatched.then(|| Decision { equivalence: "unmatched".to_owned(), ..of.clone() })]
}
