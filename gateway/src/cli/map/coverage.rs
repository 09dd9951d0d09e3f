//! `fhir-gateway map coverage`: which must-support elements of US Core have a place in the tables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use mappers::us_core::{self, Coverage, Measured, Place};
use serde_json::{Value, json};

use crate::cli::{self, Exit, Stop, database_url};

/// What is measured.
#[derive(Args, Debug)]
pub struct CoverageArgs {
    /// Only this resource type, element by element and map by map.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// A map file in place of the built-in maps (may be given several times).
    #[arg(long = "file", value_name = "MAP")]
    files: Vec<PathBuf>,
    /// The database whose tables the maps are for; without it, the built-in clinic schema.
    #[arg(long, value_name = "URL", env = "FHIR_GATEWAY_DATABASE", hide_env_values = true, value_parser = database_url)]
    database: Option<String>,
    /// End with code 1 where a profile has less than this share of its elements in the tables.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min: Option<u8>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(args: CoverageArgs) -> Result<Exit, Stop> {
    let set = super::compile(&args.files, args.database.as_deref()).await?;
    if let Some(kind) = args.kind.as_deref().filter(|kind| set.of_type(kind).next().is_none()) {
        return Err(Stop::usage(format!("there is no map of {kind}; `fhir-gateway map show` lists the maps")));
    }
    let mut measured = us_core::coverage(&set);
    measured.retain(|one| args.kind.as_ref().is_none_or(|kind| one.profile.resource == *kind));
    cli::print(&if args.json { json(&measured)? } else { text(&measured, args.kind.is_some()) })?;
    let below = |one: &Measured<'_>| {
        let share = share(one.carried(), one.elements());
        !one.maps.is_empty() && args.min.is_some_and(|least| share < usize::from(least))
    };
    Ok(if measured.iter().any(below) { Exit::Failed } else { Exit::Done })
}

/// In percent, rounded down: 99 % is not everything.
fn share(carried: usize, elements: usize) -> usize {
    (carried * 100).checked_div(elements).unwrap_or(100)
}

/// One line a profile, by its best map; in detail one for each map, and every element.
fn text(measured: &[Measured<'_>], detailed: bool) -> String {
    let mut text =
        format!("{:<22} {:<46} {:<28} {:>8} {:>8} {:>6}\n", "type", "profile", "map", "elements", "carried", "share");
    for one in measured {
        if one.maps.is_empty() {
            text.push_str(&line(one, "(no map)", 0));
        }
        let shown = if detailed { usize::MAX } else { 1 };
        for coverage in one.maps.iter().take(shown) {
            text.push_str(&line(one, &coverage.map.name, coverage.carried()));
            if detailed {
                coverage.elements.iter().for_each(|(path, place)| text.push_str(&element(path, place.as_ref())));
            } else {
                text.push_str(&residue(coverage));
            }
        }
    }
    let (elements, carried) = totals(measured);
    let share = share(carried, elements);
    text + &format!("{carried} of {elements} elements have a place in the tables ({share} %)\n")
}

fn line(one: &Measured<'_>, map: &str, carried: usize) -> String {
    let (resource, profile, elements) = (one.profile.resource, one.profile.name, one.elements());
    let share = share(carried, elements);
    format!("{resource:<22} {profile:<46} {map:<28} {elements:>8} {carried:>8} {share:>4} %\n")
}

fn residue(coverage: &Coverage<'_>) -> String {
    let paths = coverage.elements.iter().filter(|(_, place)| place.is_none());
    let paths: Vec<&str> = paths.map(|(path, _)| *path).collect();
    if paths.is_empty() { String::new() } else { format!("  in the residue: {}\n", paths.join(", ")) }
}

fn element(path: &str, place: Option<&Place>) -> String {
    match place {
        Some(Place { form, names }) => format!("  {path:<60} {:<9} {}\n", form.as_str(), names.join(", ")),
        None => format!("  {path:<60} residue\n"),
    }
}

/// Elements, and those with a place, of every profile by its best map.
fn totals(measured: &[Measured<'_>]) -> (usize, usize) {
    (measured.iter().map(Measured::elements).sum(), measured.iter().map(Measured::carried).sum())
}

fn json(measured: &[Measured<'_>]) -> Result<String, Stop> {
    let profile = |one: &Measured<'_>| {
        let (elements, carried) = (one.elements(), one.carried());
        json!({
            "type": one.profile.resource, "profile": one.profile.name,
            "elements": elements, "carried": carried, "percent": share(carried, elements),
            "maps": one.maps.iter().map(of_map).collect::<Vec<_>>(),
        })
    };
    let (elements, carried) = totals(measured);
    let report = json!({
        "profiles": measured.iter().map(profile).collect::<Vec<_>>(),
        "elements": elements, "carried": carried, "percent": share(carried, elements),
    });
    let text = serde_json::to_string_pretty(&report).map_err(|error| Stop::failed(error.to_string()))?;
    Ok(text + "\n")
}

fn of_map(coverage: &Coverage<'_>) -> Value {
    let element = |(path, place): &(&str, Option<Place>)| {
        let place = match place {
            Some(Place { form, names }) => json!({ "form": form.as_str(), "names": names }),
            None => json!({ "form": "residue" }),
        };
        ((*path).to_owned(), place)
    };
    let elements: BTreeMap<String, Value> = coverage.elements.iter().map(element).collect();
    let carried = coverage.carried();
    let percent = share(carried, coverage.elements.len());
    json!({ "map": coverage.map.name, "carried": carried, "percent": percent, "elements": elements })
}
