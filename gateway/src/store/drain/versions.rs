//! New versions of rows that other programs wrote: whatever a settlement finds in one map, in a handful of statements.

use std::borrow::Cow;

use bytes::Bytes;
use consent::OrganizationId;

use super::{Foreign, deletion};
use crate::store::connection::{Connection, DbError};
use crate::store::core::Core;
use crate::store::custom::desk;
use crate::store::emit::Snapshot;
use crate::store::entry::{self, Entry};
use crate::store::rows::{self, ForeignRow, Settled};

/// What the rows of one map come to.
pub(super) struct Versions<'r> {
    core: &'r Core,
    map: usize,
    /// Rows are alone: should their table refuse a residue, the directory keeps it.
    careful: bool,
    updated_ms: i64,
    /// Rows of known resources that say something new.
    known: Vec<(Foreign<'r>, &'r Entry)>,
    /// Rows never seen.
    unknown: Vec<Foreign<'r>>,
    deletions: Vec<Snapshot>,
}

/// A version on its way.
pub(super) struct Version<'r> {
    row: Foreign<'r>,
    pub(super) entry: Cow<'r, Entry>,
    pub(super) number: i64,
    /// The directory does not know the resource yet.
    pub(super) fresh: bool,
    /// Without what lists hold by rows of other tables.
    pub(super) body: Bytes,
    pub(super) flag: Option<Box<str>>,
    pub(super) settled: Settled,
}

impl<'r> Versions<'r> {
    pub(super) fn new(core: &'r Core, map: usize, careful: bool, updated_ms: i64) -> Self {
        Self { core, map, careful, updated_ms, known: Vec::new(), unknown: Vec::new(), deletions: Vec::new() }
    }

    /// The row of a resource has gone.
    pub(super) fn delete(&mut self, entry: &Entry) {
        self.deletions.push(deletion(entry, self.updated_ms));
    }

    /// A new version of a known resource, if the row says something new; whether it does.
    pub(super) async fn revise(
        &mut self,
        connection: &mut Connection,
        row: Foreign<'r>,
        entry: &'r Entry,
        current: Option<&(i64, Bytes)>,
    ) -> Result<bool, DbError> {
        if row.is_served(entry, current) {
            return Ok(false);
        }
        let kept = entry.deleted && entry.flag.as_deref() == Some(entry::KEPT);
        if kept && row.says_nothing_new(connection, entry).await? {
            return Ok(false);
        }
        self.known.push((row, entry));
        Ok(true)
    }

    /// The first version of a row never seen, or a new one of a resource that had been deleted under the same id. Its time is
    /// now, whatever the row's own columns say: who asks what has changed since yesterday must not miss it.
    pub(super) fn adopt(&mut self, row: Foreign<'r>) {
        self.unknown.push(row);
    }

    /// The versions, once residues are where they belong.
    pub(super) async fn snapshots(
        self,
        connection: &mut Connection,
        organization: OrganizationId,
    ) -> Result<Vec<Snapshot>, DbError> {
        let Self { core, map, careful, updated_ms, known, unknown, mut deletions } = self;
        let version = |row: Foreign<'r>, entry: Cow<'r, Entry>, fresh| {
            let number = entry.version + 1;
            let (body, flag, settled) = row.left_over(&entry, number, updated_ms)?;
            Ok(Version { row, entry, number, fresh, body, flag, settled })
        };
        let known = known.into_iter().map(|(row, entry)| version(row, Cow::Borrowed(entry), false));
        let mut versions = known.collect::<Result<Vec<Version<'r>>, DbError>>()?;
        for (row, entry, fresh) in identify(core, connection, organization, map, unknown).await? {
            versions.push(version(row, Cow::Owned(entry), fresh)?);
        }
        let row = |version: &'_ Version<'r>| version.row.row;
        let held: Vec<(ForeignRow<'_>, &Settled)> = versions
            .iter()
            .map(|version| {
                let (key, held, entry) = (version.row.key, row(version), &*version.entry);
                (ForeignRow { map, key, held, entry }, &version.settled)
            })
            .collect();
        let refused = rows::settle_residues(core, connection, organization, map, &held, careful).await?;
        drop(held);
        let in_force = core.registry.in_force(organization);
        for (version, refused) in versions.into_iter().zip(refused) {
            let row = version.row;
            deletions.push(row.snapshot(version, updated_ms, refused, &in_force)?);
        }
        desk::adopt(core, connection, organization, &deletions).await?;
        Ok(deletions)
    }
}

/// Which resources rows never seen are: new ones, or deleted ones of the same ids.
async fn identify<'r>(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    rows: Vec<Foreign<'r>>,
) -> Result<Vec<(Foreign<'r>, Entry, bool)>, DbError> {
    let kind = core.map(map).resource.as_str();
    let ids: Vec<Box<str>> = rows.iter().map(Foreign::wanted_id).collect();
    let wanted: Vec<(&str, &str)> = ids.iter().map(|id| (kind, &**id)).collect();
    let mut taken = entry::by_identity(core, connection, organization, &wanted, true).await?;
    let mut found = Vec::with_capacity(rows.len());
    for (row, id) in rows.into_iter().zip(ids) {
        let id = match taken.remove(&(kind.into(), id.clone())) {
            // The resource has left this row, which stays for others' sake.
            Some(entry) if entry.flag.as_deref() == Some(entry::KEPT) => continue,
            Some(entry) if entry.deleted => {
                found.push((row, entry, false));
                continue;
            }
            // The id belongs to another resource (a client chose it): this one gets a new id.
            Some(_) => core.ids.next().into(),
            None => id,
        };
        found.push((row, Entry::new(0, kind.into(), id), true));
    }
    let fresh = found.iter_mut().filter(|(_, _, fresh)| *fresh);
    let fresh: Vec<&mut Entry> = fresh.map(|(_, entry, _)| entry).collect();
    let rids = core.take_rids(connection, fresh.len()).await?;
    for (entry, rid) in fresh.into_iter().zip(rids) {
        entry.rid = rid;
    }
    Ok(found)
}
