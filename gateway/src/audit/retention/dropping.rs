//! Dropping what was exported, row by row, and saying how far.

use super::super::chain::prefix;
use super::super::heads::Signer;
use super::statement::{RETIRED, write_statement};
use super::{Part, Statement};
use crate::store::connection::{Arg, Connection, DbError};

/// Records that are dropped in one transaction, about: writers of the trail wait for it on SQLite.
const AT_ONCE: i64 = 5000;

/// What all statements of a run say alike.
pub(super) struct Dropping<'d> {
    pub(super) signer: &'d Signer,
    pub(super) manifest: &'d str,
    pub(super) cutoff: i64,
    pub(super) made: i64,
}

impl Dropping<'_> {
    /// Drops what is left of a part in portions; each transaction also says how far it has come.
    pub(super) async fn rest(
        &self,
        connection: &mut Connection,
        part: &Part,
        dropped: Option<Statement>,
    ) -> Result<Statement, DbError> {
        let mut from = part.first;
        if let Some(statement) = dropped {
            if statement.last >= part.last {
                return Ok(statement);
            }
            from = statement.last + 1;
        }
        loop {
            connection.begin_plain().await?;
            match self.portion(connection, part, from).await {
                Ok(statement) => {
                    connection.commit().await?;
                    from = statement.last + 1;
                    if statement.last >= part.last {
                        return Ok(statement);
                    }
                }
                Err(error) => {
                    connection.rollback_if_open().await;
                    return Err(error);
                }
            }
        }
    }

    async fn portion(&self, connection: &mut Connection, part: &Part, from: i64) -> Result<Statement, DbError> {
        // Row-level security binds the tables' owner, too.
        connection.set_organization(part.organization).await?;
        let end = portion(connection, part, part.last.min(from + AT_ONCE)).await?;
        let statement = self.state(connection, part, end).await?;
        drop_records(connection, part, &statement, None).await?;
        Ok(statement)
    }

    /// Says that a part was dropped up to a link (its number, last place and head), and drops the links.
    pub(super) async fn state(
        &self,
        connection: &mut Connection,
        part: &Part,
        (link, last, head): (i64, i64, String),
    ) -> Result<Statement, DbError> {
        let mut statement = Statement {
            organization: part.organization,
            chain: part.chain,
            link,
            last,
            head,
            cutoff: self.cutoff,
            made: self.made,
            manifest: self.manifest.to_owned(),
            signer: self.signer.name.clone(),
            signature: String::new(),
        };
        statement.signature = self.signer.sign_as(RETIRED, &statement.text());
        write_statement(connection, &statement).await?;
        Ok(statement)
    }
}

/// The first link that reaches a place, its last place and its head.
pub(super) async fn portion(
    connection: &mut Connection,
    part: &Part,
    wanted: i64,
) -> Result<(i64, i64, String), DbError> {
    if part.chain == 0 {
        return Ok((0, part.last, part.head.clone()));
    }
    let sql = format!(
        "select number, last, head from {}audit_links where organization_id = $1 and chain = $2 and number <= $3 \
         and last >= $4 order by number limit 1",
        prefix(connection.engine())
    );
    let args = [part.organization, part.chain, part.last_link, wanted].map(Arg::Int);
    let row = connection.fetch_optional(&sql, &args).await?;
    let found = row.and_then(|row| Some((row.int(0)?, row.int(1)?, row.text(2)?.to_owned())));
    found.ok_or_else(|| DbError::fault("a link of the audit trail that was exported is gone"))
}

/// Drops the records that a statement speaks of, but for those of a time that go in another way.
pub(super) async fn drop_records(
    connection: &mut Connection,
    part: &Part,
    statement: &Statement,
    but: Option<(i64, i64)>,
) -> Result<(), DbError> {
    let of_chain = if part.chain == 0 { "chain is null and seq <= $2" } else { "chain = $3 and place <= $2" };
    let mut sql =
        format!("delete from {}audit_events where organization_id = $1 and {of_chain}", prefix(connection.engine()));
    let mut args = vec![part.organization];
    args.extend(if part.chain == 0 { vec![part.key] } else { vec![statement.last, part.chain] });
    if let Some((low, high)) = but {
        let number = args.len();
        sql += &format!(" and (at < ${} or at >= ${})", number + 1, number + 2);
        args.extend([low, high]);
    }
    let args: Vec<Arg<'_>> = args.into_iter().map(Arg::Int).collect();
    connection.execute(&sql, &args).await.map(drop)
}
