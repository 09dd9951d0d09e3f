//! What lists of other maps' hold of this map's rows.

use super::names::Names;
use super::select;
use crate::map::ListedBy;

/// The statements of one list that holds this map's resources.
#[derive(Clone, Debug)]
pub struct ListedStatements {
    /// The resources whose rows hold these keys; `$1` is the organization. Columns: the other row's key, the own key, the
    /// id, whether the directory has them as deleted (a number) and their flag (the last three NULL for rows that the
    /// directory does not know).
    pub select: String,
    /// The keys that rows with these own keys hold, whatever the rows are; `$1` is the organization. Columns: the own key,
    /// the other row's.
    pub holders: String,
}

impl ListedStatements {
    pub(super) fn new(names: &Names<'_>, listed: &ListedBy) -> Self {
        let map = names.map;
        let (kind, declared) = (listed.column.kind, listed.column.declared.as_str());
        let column = names.column(&map.table, &listed.column.name);
        let holder = names.dialect.read(&column, kind, declared);
        let key = names.read_key();
        let mut conditions = select::conditions(names);
        conditions.extend(map.when.as_ref().map(|when| format!("({when})")));
        let on = format!("{column} = {}", names.dialect.bind("k.key", kind, declared));
        Self {
            select: format!(
                "select {holder}, {key}, d.id, d.deleted, d.flag from {{keys}} join {} \
                 left join directory d on d.organization_id = $1 and d.map = '{}' and d.key = {key} where {}",
                select::source_on(names, Some(&on)),
                map.name.replace('\'', "''"),
                conditions.join(" and ")
            ),
            holders: format!(
                "select {key}, {holder} from {{keys}} join {} on {} = {} where {} and {column} is not null",
                names.quote(&map.table),
                names.column(&map.table, &map.key),
                names.bind_key("k.key"),
                names.tenancy(&map.table, map.tenant.as_deref(), &map.bare)
            ),
        }
    }
}

/// The columns of new rows that lists go by and nothing else fills: index into `Map::listed_by`, and the column's type.
pub(super) fn unfilled<'m>(names: &Names<'m>, taken: &dyn Fn(&str) -> bool) -> Vec<(usize, &'m ListedBy)> {
    let mut found: Vec<(usize, &ListedBy)> = Vec::new();
    for (index, listed) in names.map.listed_by.iter().enumerate() {
        let name = listed.column.name.as_str();
        if !taken(name) && !found.iter().any(|(_, other)| other.column.name == name) {
            found.push((index, listed));
        }
    }
    found
}
