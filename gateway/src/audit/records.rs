//! The records of a chain in the order of their places, page by page, however many links they are of.

use std::collections::VecDeque;

use super::chain::prefix;
use super::record;
use crate::store::connection::{Arg, Connection, DbError, Row};

/// Rows that are read at once. Longer than any number of records in one place: on PostgreSQL each month may have one.
pub(super) const PAGE: i64 = 2000;

/// Where the reading of a chain stands.
pub(super) struct Records {
    organization: i64,
    chain: i64,
    /// Where the next page begins.
    from: i64,
    /// The last place that is wanted.
    until: i64,
    page: VecDeque<(i64, Row)>,
    ended: bool,
}

impl Records {
    /// Those from place `from` to place `until`, both within.
    pub(super) fn of(organization: i64, chain: i64, (from, until): (i64, i64)) -> Self {
        Self { organization, chain, from, until, page: VecDeque::new(), ended: false }
    }

    /// The next one with its place, where that is not after `last`. Places may be missing, and (on PostgreSQL, in different
    /// months) be there more than once.
    pub(super) async fn next(&mut self, connection: &mut Connection, last: i64) -> Result<Option<(i64, Row)>, DbError> {
        while self.page.is_empty() && !self.ended {
            self.turn(connection).await?;
        }
        Ok(self.page.pop_front_if(|(place, _)| *place <= last))
    }

    async fn turn(&mut self, connection: &mut Connection) -> Result<(), DbError> {
        let sql = format!(
            "select {} from {}audit_events where organization_id = $1 and chain = $2 and place >= $3 and place <= $4 \
             order by place limit $5",
            record::names(),
            prefix(connection.engine())
        );
        let args = [self.organization, self.chain, self.from, self.until, PAGE].map(Arg::Int);
        let rows = connection.fetch(&sql, &args).await?;
        self.ended = i64::try_from(rows.len()).unwrap_or(i64::MAX) < PAGE;
        self.page = rows.into_iter().filter_map(|row| Some((row.int(record::PLACE)?, row))).collect();
        if let (false, Some(&(last, _))) = (self.ended, self.page.back()) {
            // The next page may have more of the last place: they come together.
            let before = self.page.partition_point(|(place, _)| *place < last);
            if before > 0 {
                self.page.truncate(before);
                self.from = last;
            } else {
                self.from = last.saturating_add(1);
            }
        }
        Ok(())
    }
}
