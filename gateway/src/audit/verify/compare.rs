//! The heads that were kept apart from the database against its links, some at a time.

use std::collections::BTreeMap;
use std::io;

use super::super::chain::prefix;
use super::super::heads::{Line, SignedHead};
use super::{Finding, Known, Problem, Report, Retired, signature};
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Row};

/// Heads that are looked up at once.
const HEADS: usize = 500;

/// Compares all of them. That the links are as they were written is found elsewhere.
pub(super) async fn compare_heads(
    connection: &mut Connection,
    known: &Known,
    retired: &Retired,
    report: &mut Report,
) -> Result<(), DbError> {
    let Some(kept) = &known.heads else { return Ok(()) };
    let unreadable = |error: io::Error| DbError::fault(format!("the heads of the audit trail cannot be read: {error}"));
    let mut missing: BTreeMap<(i64, i64), i64> = BTreeMap::new();
    let mut page = Vec::with_capacity(HEADS);
    let mut lines = kept.lines().map_err(unreadable)?;
    loop {
        let line = lines.next().transpose().map_err(unreadable)?;
        let ended = line.is_none();
        if let Some(Line::Head(head)) = line {
            report.heads += 1;
            let SignedHead { organization, chain, link, .. } = head;
            match signature(known, &head.head, &head.signer, &head.signature) {
                None => {
                    report.signatures += 1;
                    page.push(head);
                }
                Some(problem) => report.find(Finding { organization, chain, link: Some(link), record: None, problem }),
            }
        }
        if page.len() >= HEADS || ended {
            for head in stored_otherwise(connection, retired, &page).await? {
                let SignedHead { organization, chain, link, .. } = *head.0;
                if head.1 {
                    let problem = Problem::HeadDiffers;
                    report.find(Finding { organization, chain, link: Some(link), record: None, problem });
                } else {
                    let last = missing.entry((organization, chain)).or_insert(link);
                    *last = link.max(*last);
                }
            }
            page.clear();
        }
        if ended {
            break;
        }
    }
    for ((organization, chain), link) in missing {
        report.find(Finding { organization, chain, link: Some(link), record: None, problem: Problem::Truncated });
    }
    Ok(())
}

/// Heads whose link has another one (true), or is not there (false). Heads before what was dropped are in the export; that of
/// the last link that was dropped is in the statement.
async fn stored_otherwise<'h>(
    connection: &mut Connection,
    retired: &Retired,
    page: &'h [SignedHead],
) -> Result<Vec<(&'h SignedHead, bool)>, DbError> {
    let sql = format!(
        "select l.organization_id, l.chain, l.number, l.head from {{keys}} join {}audit_links l \
         on l.organization_id = k.organization_id and l.chain = k.chain and l.number = k.number",
        prefix(connection.engine())
    );
    let columns = [("organization_id", BulkType::Int), ("chain", BulkType::Int), ("number", BulkType::Int)];
    let keys: Vec<Arg<'_>> =
        page.iter().flat_map(|head| [head.organization, head.chain, head.link].map(Arg::Int)).collect();
    let rows = bulk::fetch_by_keys(connection, &sql, &[], &columns, &keys).await?;
    let key = |row: &Row| Some(((row.int(0)?, row.int(1)?, row.int(2)?), row.text(3)?.to_owned()));
    let stored: BTreeMap<(i64, i64, i64), String> = rows.iter().filter_map(key).collect();
    let otherwise = |head: &'h SignedHead| {
        let retired = retired.get(&(head.organization, head.chain));
        match retired {
            Some(retired) if head.link < retired.link => None,
            Some(retired) if head.link == retired.link => (head.head != retired.head).then_some((head, true)),
            _ => match stored.get(&(head.organization, head.chain, head.link)) {
                Some(stored) => (*stored != head.head).then_some((head, true)),
                None => Some((head, false)),
            },
        }
    };
    Ok(page.iter().filter_map(otherwise).collect())
}
