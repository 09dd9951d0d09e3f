//! `fhir-gateway map doc`: the reference pages of the maps, in Markdown.

use std::path::{Path, PathBuf};

use clap::Args;
use mappers::map::{self, File, Map};
use mappers::us_core::{self, Coverage, Measured};

use crate::cli::{self, Exit, Stop, database_url};
use crate::store::migrate;

/// What is described, and where to.
#[derive(Args, Debug)]
pub struct DocArgs {
    /// Folder for the pages, one a map file and index.md; without it all are printed.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A map file in place of the built-in maps (may be given several times).
    #[arg(long = "file", value_name = "MAP")]
    files: Vec<PathBuf>,
    /// The database whose tables the maps are for; without it, the built-in clinic schema.
    #[arg(long, value_name = "URL", env = "FHIR_GATEWAY_DATABASE", hide_env_values = true, value_parser = database_url)]
    database: Option<String>,
}

/// Runs the command.
pub(super) async fn run(args: DocArgs) -> Result<Exit, Stop> {
    let files = super::read(&args.files)?;
    let set = super::compile(&args.files, args.database.as_deref()).await?;
    let measured = us_core::coverage(&set);
    let clinic = args.files.is_empty();
    let pages: Vec<Page> = files.iter().map(|file| Page::new(file, clinic, &set.maps, &measured)).collect();
    let Some(folder) = &args.out else {
        cli::print(&pages.iter().map(|page| page.text.as_str()).collect::<Vec<_>>().join("\n"))?;
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    write(&folder.join("index.md"), &index(&pages))?;
    for page in &pages {
        write(&folder.join(format!("{}.md", page.name)), &page.text)?;
    }
    cli::print(&format!("{} pages and index.md in {}\n", pages.len(), folder.display()))?;
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str) -> Result<(), Stop> {
    std::fs::write(path, text).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Stop {
    Stop::usage(format!("{} cannot be written: {error}", path.display()))
}

/// The page of one map file.
struct Page {
    name: String,
    resource: String,
    table: String,
    purpose: String,
    share: String,
    text: String,
}

impl Page {
    fn new(file: &File, clinic: bool, maps: &[Map], measured: &[Measured<'_>]) -> Self {
        let name = stem(&file.0);
        let own = |map: &str| map == name || map.strip_prefix(&name).is_some_and(|rest| rest.starts_with('.'));
        let maps: Vec<&Map> = maps.iter().filter(|map| own(&map.name)).collect();
        let (resource, table) =
            maps.first().map_or_else(Default::default, |map| (map.resource.clone(), map.table.clone()));
        let comment = clinic.then(|| table_comment(&table)).flatten();
        let purpose = comment.unwrap_or_else(|| head_comment(&file.1));
        let coverage: Vec<Coverage<'_>> =
            measured.iter().flat_map(|one| &one.maps).filter(|one| own(&one.map.name)).cloned().collect();
        let carried: usize = coverage.iter().map(Coverage::carried).sum();
        let elements: usize = coverage.iter().map(|one| one.elements.len()).sum();
        let share = (carried * 100).checked_div(elements).map_or_else(String::new, |share| format!("{share} %"));
        let text = map::reference(&name, &maps, &purpose, &coverage);
        Self { name, resource, table, purpose, share, text }
    }
}

fn stem(file: &str) -> String {
    Path::new(file).file_stem().map_or_else(|| file.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

fn index(pages: &[Page]) -> String {
    let mut sorted: Vec<&Page> = pages.iter().collect();
    sorted.sort_by_key(|page| (&page.resource, &page.name));
    let line = |page: &&Page| {
        let Page { name, resource, table, purpose, share, .. } = page;
        let purpose = purpose.split_once(". ").map_or(purpose.as_str(), |(first, _)| first).trim_end_matches('.');
        format!("| {resource} | `{table}` | [{name}]({name}.md) | {} | {share} |\n", purpose.replace('|', "\\|"))
    };
    let head = "# Tables and resources\n\nWritten by `fhir-gateway map doc`.\n\n\
         | resource | table | map | what it is for | US Core |\n|---|---|---|---|---|\n";
    head.to_owned() + &sorted.iter().map(line).collect::<String>()
}

/// What the migration says above `create table`: what the table is for.
fn table_comment(table: &str) -> Option<String> {
    let start = format!("create table {table} (");
    migrate::clinic_sql().find_map(|sql| {
        let before = &sql[..sql.find(&start)?];
        let mut lines: Vec<&str> =
            before.lines().rev().map_while(|line| line.strip_prefix("--")).map(str::trim).collect();
        lines.reverse();
        (!lines.is_empty()).then(|| lines.join(" "))
    })
}

/// The comment at the head of a map file.
fn head_comment(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim);
    lines.collect::<Vec<_>>().join(" ").trim().to_owned()
}
