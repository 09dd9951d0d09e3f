//! Under which circumstances what is stored beside resources was derived (`derived_under`). A start under others derives it anew
//! before anything is served, and writes them down with the last of it: a start that was broken off is done again.

use consent::OrganizationId;

use crate::store::connection::{Arg, Connection, DbError};

/// What is kept of an organization under this name, within the open transaction.
pub(crate) async fn kept(
    connection: &mut Connection,
    organization: OrganizationId,
    name: &str,
) -> Result<Option<String>, DbError> {
    let sql = "select value from derived_under where organization_id = $1 and name = $2";
    let row = connection.fetch_optional(sql, &[Arg::Int(organization.0), Arg::Text(name)]).await?;
    Ok(row.and_then(|row| row.text(0).map(ToOwned::to_owned)))
}

/// Keeps this of an organization from the open transaction's commit on.
pub(crate) async fn keep(
    connection: &mut Connection,
    organization: OrganizationId,
    name: &str,
    value: &str,
) -> Result<(), DbError> {
    let sql = "insert into derived_under (organization_id, name, value) values ($1, $2, $3) \
         on conflict (organization_id, name) do update set value = excluded.value";
    let args = [Arg::Int(organization.0), Arg::Text(name), Arg::Text(value)];
    connection.execute(sql, &args).await.map(drop)
}
