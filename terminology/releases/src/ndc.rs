//! The FDA's directory of drugs: products, and packages of them, each a table with tabs
//! (<https://www.fda.gov/drugs/drug-approvals-and-databases/national-drug-code-directory>). A package's code stays as it is written; what it is
//! in eleven digits is a property that it is found by, too.

use serde_json::{Value, json};
use terminology::index::{Draft, Kind};

use crate::Loaded;
use crate::cvx::date::date;
use crate::fault::Fault;
use crate::reading::Progress;
use crate::report::Report;
use crate::source::Source;
use crate::table::{Column, Form, Role, Row, Table, Tables};
use terminology::codes::ndc::{Forms, forms};

const PRODUCTS: Role =
    Role { file: "product.txt", columns: &[&["PRODUCTNDC"], &["PROPRIETARYNAME"], &["NONPROPRIETARYNAME"]] };
const PACKAGES: Role = Role { file: "package.txt", columns: &[&["PRODUCTNDC"], &["NDCPACKAGECODE"]] };

/// The property with a package's eleven digits.
const ELEVEN: &str = "NDC11";

/// Columns that are the concepts themselves.
const TEXTS: [&str; 5] = ["PRODUCTID", "PRODUCTNDC", "NDCPACKAGECODE", "PROPRIETARYNAME", "PACKAGEDESCRIPTION"];

fn tables(source: &Source) -> Result<Tables<'_>, Fault> {
    Tables::of(source, Form::Tab, &[".txt"])
}

/// Whether the source is the directory.
///
/// # Errors
/// [`Fault::Read`]: a file that may be one of its own cannot be read.
pub fn is_there(source: &Source) -> Result<bool, Fault> {
    let tables = tables(source)?;
    Ok(tables.find(&PRODUCTS).is_some() && tables.find(&PACKAGES).is_some())
}

/// Reads the directory. It does not say its version, so that there is none where none is given. `progress` hears a file's name and how
/// many rows of it were read.
///
/// # Errors
/// [`Fault`]: products or packages are not there, a row is not what its header promises, or something cannot be read.
pub fn load(source: &Source, version: Option<&str>, progress: Progress<'_>) -> Result<Loaded, Fault> {
    let tables = tables(source)?;
    let find = |role: &Role| tables.find(role).ok_or(Fault::Missing { release: "The NDC directory", file: role.file });
    let (products, packages) = (find(&PRODUCTS)?, find(&PACKAGES)?);
    let mut report = Report::default();
    let mut draft = Draft::new(header(version, [&products, &packages]));
    draft.keyed(ELEVEN);
    if version.is_none() {
        report.odd(&products.file.name, 1, "no version is given, and the directory says none");
    }
    let names = read_products(&products, &mut draft, &mut report, progress)?;
    read_packages(&packages, &names, &mut draft, &mut report, progress)?;
    Ok(Loaded { draft, report })
}

/// The columns that become properties.
fn others(table: &Table<'_>) -> Vec<(Column, String)> {
    let is_other = |name: &str| !name.is_empty() && !TEXTS.iter().any(|known| known.eq_ignore_ascii_case(name));
    table.columns().filter(|(name, _)| is_other(name)).map(|(name, column)| (column, name.to_owned())).collect()
}

fn state(draft: &mut Draft, at: u32, row: &Row<'_>, others: &[(Column, String)]) -> Result<(), Fault> {
    for (column, name) in others {
        let text = row.get(*column);
        let day = name.to_ascii_uppercase().ends_with("DATE").then(|| date(text)).flatten();
        match day {
            Some(day) => draft.property(at, name, Kind::DateTime, &day)?,
            None if text.is_empty() => {}
            None => draft.property(at, name, Kind::String, text)?,
        }
    }
    Ok(())
}

/// Reads the products; says what each place is called.
fn read_products(
    table: &Table<'_>,
    draft: &mut Draft,
    report: &mut Report,
    progress: Progress<'_>,
) -> Result<Vec<String>, Fault> {
    let code = table.needs(&["PRODUCTNDC"])?;
    let (own, common) = (table.needs(&["PROPRIETARYNAME"])?, table.needs(&["NONPROPRIETARYNAME"])?);
    let suffix = table.column(&["PROPRIETARYNAMESUFFIX"]);
    let others = others(table);
    let mut names: Vec<String> = Vec::new();
    let rows = table.each(progress, |row| {
        let code = odd_or_code(table, report, row, code)?;
        let at = draft.concept(code)?;
        if (at as usize) < names.len() {
            report.odd(&table.file.name, row.line, format!("{code} comes twice; the first counts"));
            return Ok(());
        }
        let own = if row.get(own).is_empty() { row.get(common) } else { row.get(own) };
        let name = format!("{own} {}", row.get(suffix)).trim_end().to_owned();
        draft.display(at, &name)?;
        names.push(name);
        state(draft, at, row, &others)
    })?;
    report.read(&table.file.name, rows);
    Ok(names)
}

fn odd_or_code<'r>(table: &Table<'_>, report: &mut Report, row: &Row<'r>, column: Column) -> Result<&'r str, Fault> {
    if row.is_latin {
        report.odd(&table.file.name, row.line, "it is not UTF-8; taken for Latin-1");
    }
    let code = row.get(column);
    if code.is_empty() { Err(table.fault(row.line, "there is no code")) } else { Ok(code) }
}

fn read_packages(
    table: &Table<'_>,
    names: &[String],
    draft: &mut Draft,
    report: &mut Report,
    progress: Progress<'_>,
) -> Result<(), Fault> {
    let (product, package) = (table.needs(&["PRODUCTNDC"])?, table.needs(&["NDCPACKAGECODE"])?);
    let description = table.column(&["PACKAGEDESCRIPTION"]);
    let others = others(table);
    let rows = table.each(progress, |row| {
        let code = odd_or_code(table, report, row, package)?;
        if draft.find(code).is_some() {
            report.odd(&table.file.name, row.line, format!("{code} comes twice; the first counts"));
            return Ok(());
        }
        let parent = draft.find(row.get(product)).filter(|&at| (at as usize) < names.len());
        let at = draft.concept(code)?;
        let name = parent.and_then(|at| names.get(at as usize)).map_or("", String::as_str);
        let display = format!("{name}, {}", row.get(description));
        draft.display(at, display.trim_matches([',', ' ']))?;
        match parent {
            Some(parent) => draft.parent(at, parent),
            None => report.odd(
                &table.file.name,
                row.line,
                format!("{} is not there, of which it is a package", row.get(product)),
            ),
        }
        match forms(code) {
            Forms::One(ndc) => {
                if let Some(eleven) = ndc.eleven() {
                    draft.property(at, ELEVEN, Kind::String, eleven)?;
                }
            }
            Forms::Ambiguous(_) => {
                report.odd(&table.file.name, row.line, format!("{code} may be three codes; no {ELEVEN}"))
            }
            Forms::Not(why) => report.odd(&table.file.name, row.line, format!("{code}: {why}; no {ELEVEN}")),
        }
        state(draft, at, row, &others)
    })?;
    report.read(&table.file.name, rows);
    Ok(())
}

fn header(version: Option<&str>, tables: [&Table<'_>; 2]) -> Value {
    let own = ["parent", "child"].map(|code| {
        let uri = format!("{}{code}", terminology::model::code_system::PROPERTIES);
        json!({ "code": code, "uri": uri, "type": "code" })
    });
    let mut columns: Vec<String> = tables.into_iter().flat_map(others).map(|(_, name)| name).collect();
    columns.push(ELEVEN.to_owned());
    columns.sort_unstable();
    columns.dedup();
    let columns = columns.iter().map(|name| {
        let kind = if name.to_ascii_uppercase().ends_with("DATE") { "dateTime" } else { "string" };
        json!({ "code": name, "type": kind })
    });
    let mut header = json!({
        "resourceType": "CodeSystem",
        "url": "http://hl7.org/fhir/sid/ndc",
        "identifier": [{ "system": "urn:ietf:rfc:3986", "value": "urn:oid:2.16.840.1.113883.6.69" }],
        "name": "NDC",
        "title": "National Drug Code Directory",
        "status": "active",
        "language": "en-US",
        "caseSensitive": false,
        "hierarchyMeaning": "part-of",
        "content": "complete",
        "property": own.into_iter().chain(columns).collect::<Vec<Value>>(),
    });
    if let Some(version) = version {
        header["version"] = version.into();
    }
    header
}
