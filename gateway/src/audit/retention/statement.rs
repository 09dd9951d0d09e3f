//! The signed statement that a chain was exported and dropped up to a link.

use consent::OrganizationId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use super::super::chain::prefix;
use super::super::heads;
use super::super::verify::Problem;
use crate::store::connection::{Arg, Connection, DbError, Engine, Row};

/// What a statement is signed as.
pub(crate) const RETIRED: &str = "retired";

/// That a chain was exported and dropped up to a link.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Statement {
    pub(crate) organization: i64,
    /// The chain; 0 = the records from before there were chains.
    pub(crate) chain: i64,
    /// The last link that was dropped.
    pub(crate) link: i64,
    /// The place of the last record that was dropped; of records from before the chains their number.
    pub(crate) last: i64,
    /// The head with that link; of records from before the chains their Merkle root.
    pub(crate) head: String,
    /// Everything was older than this (milliseconds since 1970).
    pub(crate) cutoff: i64,
    /// When it was dropped.
    pub(crate) made: i64,
    /// The SHA-256 of the export's manifest.
    pub(crate) manifest: String,
    /// The public key, in hexadecimal.
    pub(crate) signer: String,
    /// The signature, as base64.
    pub(crate) signature: String,
}

impl Statement {
    /// What is signed.
    pub(crate) fn text(&self) -> String {
        let Self { organization, chain, link, last, head, cutoff, made, manifest, .. } = self;
        format!("{organization}\n{chain}\n{link}\n{last}\n{head}\n{cutoff}\n{made}\n{manifest}")
    }

    /// What is wrong with it.
    pub(crate) fn problem(&self, signers: &BTreeSet<String>) -> Option<Problem> {
        if !signers.contains(&self.signer) {
            Some(Problem::SignerUnknown)
        } else if !heads::is_signed_as(RETIRED, &self.text(), &self.signer, &self.signature) {
            Some(Problem::SignatureForged)
        } else {
            None
        }
    }

    fn of(row: &Row) -> Option<Self> {
        let text = |place| row.text(place).map(ToOwned::to_owned);
        Some(Self {
            organization: row.int(0)?,
            chain: row.int(1)?,
            link: row.int(2)?,
            last: row.int(3)?,
            head: text(4)?,
            cutoff: row.int(5)?,
            made: row.int(6)?,
            manifest: text(7)?,
            signer: text(8)?,
            signature: text(9)?,
        })
    }
}

/// The statements of the database; none where it is from before there were any.
pub(crate) async fn statements(connection: &mut Connection) -> Result<Vec<Statement>, DbError> {
    let there = match connection.engine() {
        Engine::Postgres => "select to_regclass('fhir_gateway.audit_retired') is not null",
        Engine::Sqlite => "select count(*) from sqlite_master where name = 'audit_retired'",
    };
    if !connection.fetch_optional(there, &[]).await?.is_some_and(|row| row.flag(0)) {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select organization_id, chain, link, last, head, cutoff, made, manifest, signer, signature \
         from {}audit_retired order by organization_id, chain",
        prefix(connection.engine())
    );
    Ok(connection.fetch(&sql, &[]).await?.iter().filter_map(Statement::of).collect())
}

/// Writes a statement down, and drops the links it speaks of.
pub(super) async fn write_statement(connection: &mut Connection, statement: &Statement) -> Result<(), DbError> {
    let prefix = prefix(connection.engine());
    let Statement { organization, chain, link, last, head, cutoff, made, manifest, signer, signature } = statement;
    let sql = format!(
        "insert into {prefix}audit_retired (organization_id, chain, link, last, head, cutoff, made, manifest, signer, signature) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (organization_id, chain) do update set \
         link = excluded.link, last = excluded.last, head = excluded.head, cutoff = excluded.cutoff, made = excluded.made, \
         manifest = excluded.manifest, signer = excluded.signer, signature = excluded.signature"
    );
    let args = [
        Arg::Int(*organization),
        Arg::Int(*chain),
        Arg::Int(*link),
        Arg::Int(*last),
        Arg::Text(head),
        Arg::Int(*cutoff),
        Arg::Int(*made),
        Arg::Text(manifest),
        Arg::Text(signer),
        Arg::Text(signature),
    ];
    connection.execute(&sql, &args).await?;
    let sql = format!("delete from {prefix}audit_links where organization_id = $1 and chain = $2 and number <= $3");
    connection.execute(&sql, &[*organization, *chain, *link].map(Arg::Int)).await.map(drop)
}

/// Before when records of an organization were dropped; `None` where none were.
pub(crate) async fn dropped_before(
    connection: &mut Connection,
    organization: OrganizationId,
) -> Result<Option<i64>, DbError> {
    let table = format!("{}audit_retired", prefix(connection.engine()));
    let sql = format!("select max(cutoff) from {table} where organization_id = $1");
    let row = connection.fetch_optional(&sql, &[Arg::Int(organization.0)]).await?;
    Ok(row.and_then(|row| row.int(0)))
}
