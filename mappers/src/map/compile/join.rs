//! Joined tables.

use super::super::problem::Report;
use super::super::syntax::{JoinSyntax, Located, MapFile};
use super::super::tables::Tables;
use super::super::{Join, JoinWrite};
use super::tenant;
use crate::schema::Table;

/// Compiles the joins in their order; each may start from the main table or from one before.
pub(super) fn all(file: &MapFile, tables: Tables<'_>, report: &mut Report<'_>) -> Vec<Join> {
    let mut joins: Vec<Join> = Vec::new();
    for syntax in &file.joins {
        if joins.iter().any(|join| join.table == syntax.table.value) || syntax.table.value == file.table.value {
            let message = format!("`{}` stands in the map already", syntax.table.value);
            report.error(syntax.table.at, message, "make a view to join a table twice");
        } else if tables.has_table(&syntax.table, report) {
            joins.extend(join(file, syntax, &joins, tables, report));
        }
    }
    joins
}

fn join(
    file: &MapFile,
    syntax: &JoinSyntax,
    earlier: &[Join],
    tables: Tables<'_>,
    report: &mut Report<'_>,
) -> Option<Join> {
    let table = &syntax.table.value;
    let sides: Vec<(String, String)> =
        syntax.on.value.split('=').map(|side| column_of(side, &file.table.value)).collect();
    let [left, right] = &sides[..] else {
        report.error(syntax.on.at, "`on` compares two columns", format!("write `on = \"{table}_id = {table}.id\"`"));
        return None;
    };
    let (own, other) = if left.0 == *table { (left, right) } else { (right, left) };
    let is_known = other.0 == file.table.value || earlier.iter().any(|join| join.table == other.0);
    if own.0 != *table || !is_known {
        let help = format!(
            "one side is a column of `{table}`, the other of `{}` or of a table joined before",
            file.table.value
        );
        report.error(syntax.on.at, format!("`{}` does not join `{table}`", syntax.on.value), help);
        return None;
    }
    let located = |name: &str| Located { value: name.to_owned(), at: syntax.on.at };
    let mut bare = vec![tables.bare(table, &located(&own.1), report)?];
    tables.column(&other.0, &located(&other.1), report)?;
    let tenant = tenant(syntax.tenant.as_ref(), file.tenant.as_ref(), table, tables);
    if let Some(tenant) = &tenant {
        bare.extend(tables.bare(table, tenant, report));
    }
    if syntax.write == JoinWrite::With {
        check_with(file, syntax, own, other, tables, report);
    }
    let filter =
        syntax.filter.as_ref().and_then(|text| tables.condition(table, text, report)).map(|condition| condition.text);
    Some(Join {
        table: table.clone(),
        column: own.1.clone(),
        other_table: other.0.clone(),
        other_column: other.1.clone(),
        write: syntax.write,
        tenant: tenant.map(|tenant| tenant.value),
        filter,
        bare,
    })
}

/// A row that is written with the main row holds the main row's key, uniquely.
fn check_with(
    file: &MapFile,
    syntax: &JoinSyntax,
    own: &(String, String),
    other: &(String, String),
    tables: Tables<'_>,
    report: &mut Report<'_>,
) {
    if other.0 != file.table.value || other.1 != file.id.value {
        let help = format!("write `write = \"never\"`, or join on `{}.{}`", file.table.value, file.id.value);
        report.error(syntax.on.at, "a row that is written with the main row must hold the main row's key", help);
    }
    // Within an organization is unique enough: rows are found by both.
    let tenant = file.tenant.as_ref().map(|tenant| &tenant.value);
    let is_key = |table: &Table| {
        let mut keys = table.primary_key.iter().filter(|column| Some(*column) != tenant || **column == own.1);
        table.primary_key.is_empty() || (keys.next() == Some(&own.1) && keys.next().is_none())
    };
    if let Some(table) = tables.table(&own.0).filter(|table| !is_key(table)) {
        let help = "make it the primary key, or keep the rows as [[children]]";
        let message = format!("`{}.{}` is not the primary key ({})", own.0, own.1, table.primary_key.join(", "));
        report.error(syntax.on.at, message, help);
    }
}

/// `a.x` is (a, x); `x` is a column of the main table.
fn column_of(side: &str, main: &str) -> (String, String) {
    let side = side.trim();
    let (table, column) = side.split_once('.').unwrap_or((main, side));
    (table.trim().to_owned(), column.trim().to_owned())
}
