//! Residues: storing what a write turned out to leave behind, and bringing a foreign row's residue up to date.

use consent::OrganizationId;
use mappers::json::Document;
use mappers::row::{ChildRow, Row as MappedRow};
use mappers::split::{self, Amended, Misfit, Shadow, Split, SplitContext};
use mappers::sql::{InsertParameter, Statements};

use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::entry::Entry;
use crate::store::rows::children;
use crate::store::rows::load::Loaded;

/// Stores an amended residue in the row and its child rows, where they have columns for it.
pub(super) async fn store(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    key: &str,
    held: &MappedRow,
    amended: &Amended,
) -> Result<(), DbError> {
    own(core, connection, organization, map, key, &amended.residue).await?;
    for row in &amended.rows {
        let mut changed = held.children[row.child][row.row].clone();
        changed.residue = Some(row.residue.clone());
        children::update(core, connection, organization, map, row.child, key, &changed).await?;
    }
    Ok(())
}

async fn own(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    key: &str,
    residue: &str,
) -> Result<(), DbError> {
    if core.map(map).residue.is_none() {
        return Ok(());
    }
    let sql = Statements::update(core.map(map), &core.dialect(), None, &[InsertParameter::Residue]);
    let args = [Arg::Int(organization.0), Arg::Text(key), Arg::Text(residue)];
    connection.execute(&sql, &args).await.map(drop)
}

/// Writes what foreign rows' residues have become; of each row whether its table refused (which only a `careful` caller gets
/// to know).
pub(crate) async fn settle_residues(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    rows: &[(ForeignRow<'_>, &Settled)],
    careful: bool,
) -> Result<Vec<bool>, DbError> {
    let mut refused = vec![false; rows.len()];
    let writing = |(_, settled): &&(ForeignRow<'_>, &Settled)| settled.own.is_some() || !settled.children.is_empty();
    if !careful {
        write(core, connection, organization, map, rows).await?;
        return Ok(refused);
    }
    for (refused, row) in refused.iter_mut().zip(rows).filter(|(_, row)| writing(row)) {
        let row = std::slice::from_ref(row);
        let work = async |connection: &mut Connection| write(core, connection, organization, map, row).await;
        *refused = super::attempt_or_leave(connection, work).await?;
    }
    Ok(refused)
}

async fn write(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    rows: &[(ForeignRow<'_>, &Settled)],
) -> Result<(), DbError> {
    if let Some(sql) = &core.statements[map].residues {
        let own =
            rows.iter().filter_map(|(row, settled)| Some([Arg::Text(row.key), Arg::Text(settled.own.as_deref()?)]));
        let own: Vec<Arg<'_>> = own.flatten().collect();
        let columns = [("key", BulkType::Text), ("residue", BulkType::Text)];
        bulk::execute_by_keys(connection, sql, &[Arg::Int(organization.0)], &columns, &own).await?;
    }
    for (row, settled) in rows {
        for (child, changed) in &settled.children {
            children::update(core, connection, organization, map, *child, row.key, changed).await?;
        }
    }
    Ok(())
}

/// A row as another program left it.
pub(crate) struct ForeignRow<'r> {
    /// Its map.
    pub(crate) map: usize,
    /// Its key.
    pub(crate) key: &'r str,
    /// What is in it.
    pub(crate) held: &'r Loaded,
    /// What the directory says of it.
    pub(crate) entry: &'r Entry,
}

/// What a foreign row's residue and shadow are now that its resource has been joined again, and what must be written for it.
/// Nothing but residues is; (columns, residue) is then a fixed point, so that reading it again changes nothing.
#[derive(Default)]
pub(crate) struct Settled {
    /// The residue.
    pub(crate) residue: Option<Box<str>>,
    /// The shadow.
    pub(crate) shadow: Option<Box<str>>,
    /// The row's residue column, where it must change.
    own: Option<Box<str>>,
    /// Child rows whose residue must change.
    children: Vec<(usize, ChildRow)>,
}

impl ForeignRow<'_> {
    /// What writing the row's resource would give this row, by the keep rule.
    pub(crate) fn split(&self, core: &Core, document: &Document<'_>) -> Result<Split, Misfit> {
        let map = core.map(self.map);
        let resolve = |kind: &str, id: &str| self.held.resolve(map, kind, id);
        let context = SplitContext { values: core.values(), resolve: &resolve };
        let mut split = split::split(map, document, &context)?;
        split::keep(map, &mut split, &self.held.stored(self.entry), &core.values());
        Ok(split)
    }

    /// What is left of the row's resource: the split of what is served.
    pub(crate) fn settled(&self, core: &Core, document: &Document<'_>) -> Settled {
        let map = core.map(self.map);
        let Some(split) = self.split(core, document).ok().filter(|split| !self.loses_items(core, split)) else {
            // A column holds what no resource can say (and it is left out), or an item's row says nothing any more: the residue
            // stays as it was, and so does what it knows of the columns.
            let residue = self.held.residue.clone().or_else(|| self.entry.residue.clone());
            let shadow = self.entry.shadow.as_ref().map(|shadow| shadow.to_json().into());
            return Settled { residue, shadow, ..Settled::default() };
        };
        let amended = split::verify(map, &split, &self.held.row, &core.values());
        let (residue, shadow) = match &amended {
            Some(amended) => (amended.residue.clone(), amended.shadow.as_ref()),
            None => (split.residue.clone(), split.shadow.as_ref()),
        };
        let shadow = Shadow::remembering(shadow.cloned(), self.entry.shadow.as_ref());
        let stale = map.residue.is_some() && self.held.residue.as_deref() != Some(&*residue);
        Settled {
            shadow: shadow.map(|shadow| shadow.to_json().into()),
            own: stale.then(|| residue.clone()),
            children: self.stale_children(&split, amended.as_ref()),
            residue: Some(residue),
        }
    }

    /// Whether an item that is served from a child row would move to the residue: its row, which is not ours to delete, would be
    /// there still, and the item be served twice.
    fn loses_items(&self, core: &Core, split: &Split) -> bool {
        let children = core.map(self.map).children.iter().zip(&split.row.children).zip(&self.held.row.children);
        children.into_iter().any(|((child, kept), held)| {
            let stays = |row: &&ChildRow| kept.iter().any(|kept| kept.key == row.key && kept.position == row.position);
            let is_shown = |row: &ChildRow| {
                row.residue.is_some() || row.cells.iter().any(Option::is_some) || !child.shape.required.is_empty()
            };
            kept.len() < held.len() && held.iter().filter(|row| !stays(row)).any(is_shown)
        })
    }

    fn stale_children(&self, split: &Split, amended: Option<&Amended>) -> Vec<(usize, ChildRow)> {
        let mut stale = Vec::new();
        for (child, (rows, held)) in split.row.children.iter().zip(&self.held.row.children).enumerate() {
            for (number, row) in rows.iter().enumerate() {
                // A row whose columns no resource can say anything of gives no item: the others are found by their keys.
                let Some(held) = held.iter().find(|held| held.position == row.position && held.key == row.key) else {
                    continue;
                };
                let amended = amended.into_iter().flat_map(|amended| &amended.rows);
                let mut amended = amended.filter(|row| row.child == child && row.row == number);
                let residue = amended.next().map(|row| row.residue.clone()).or_else(|| row.residue.clone());
                if held.residue != residue {
                    stale.push((child, ChildRow { residue, ..held.clone() }));
                }
            }
        }
        stale
    }
}
