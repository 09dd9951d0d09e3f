//! All that is sealed, sealed anew under the key that seals now.

use consent::Permit;
use secrecy::ExposeSecret as _;

use crate::sealing::{Sealed, Sealer};
use crate::store::Store;
use crate::store::alone;
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::error::StoreError;

/// Rows of a transaction.
const PORTION: i64 = 100;

/// Where something is sealed: its table, the row's key, the column, and what it is.
struct Place {
    table: &'static str,
    key: &'static str,
    column: &'static str,
    what: Sealed,
    /// Rows are an organization's.
    is_owned: bool,
}

/// Signing keys (`signing`), secrets of second factors (`logins`), secrets with providers (`outside`). What browsers have sealed is not here: it counts
/// for minutes, and servers know the key before for longer.
const PLACES: [Place; 4] = [
    Place { table: "signing_keys", key: "kid", column: "sealed", what: Sealed::SigningKey, is_owned: false },
    Place { table: "accounts", key: "id", column: "totp_secret", what: Sealed::SecondFactor, is_owned: true },
    Place { table: "outside_providers", key: "id", column: "sealed", what: Sealed::Login, is_owned: true },
    Place {
        table: "outside_providers",
        key: "id",
        column: "introspection_sealed",
        what: Sealed::Introspection,
        is_owned: true,
    },
];

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resealed {
    /// Values that are under the new key now.
    pub done: usize,
    /// Values that no key opens that is known here: they stay as they are.
    pub closed: usize,
}

impl Store {
    /// Seals anew what is not under the key that seals now, in small transactions: cut off, the next call goes on. What somebody changes at the
    /// same moment is left to them, who seal with the new key, or to the next call.
    ///
    /// # Errors
    /// The permit does not cover it, or the store does not answer.
    pub async fn reseal(&self, permit: &Permit, sealer: &Sealer) -> Result<Resealed, StoreError> {
        if !permit.allows_change() || !permit.predicate().is_unrestricted() {
            return Err(StoreError::Database("this permit does not cover keys".to_owned()));
        }
        let organizations = alone::organizations(self.core()).await?;
        let mut all = Resealed::default();
        for place in &PLACES {
            let owned = organizations.iter().map(|organization| Some(organization.0));
            let of: Vec<Option<i64>> = if place.is_owned { owned.collect() } else { vec![None] };
            for organization in of {
                let mut after = String::new();
                loop {
                    let portion = alone::patiently(self.core(), async |connection| {
                        portion(connection, place, organization, (&after, sealer)).await
                    });
                    let (done, last) = portion.await?;
                    all.done += done.done;
                    all.closed += done.closed;
                    let Some(last) = last else { break };
                    after = last;
                }
            }
        }
        Ok(all)
    }
}

/// Some rows behind a key, in a transaction; the last one's key, where there may be more.
async fn portion(
    connection: &mut Connection,
    place: &Place,
    organization: Option<i64>,
    (after, sealer): (&str, &Sealer),
) -> Result<(Resealed, Option<String>), DbError> {
    let Place { table, key, column, what, .. } = place;
    connection.begin_write(organization).await?;
    let owner = organization.map(|organization| format!(" and organization_id = {organization}")).unwrap_or_default();
    // An empty one is no secret.
    let select = format!(
        "select {key}, {column} from {table} where {key} > $1 and {column} <> ''{owner} order by {key} limit $2"
    );
    let rows = connection.fetch(&select, &[Arg::Text(after), Arg::Int(PORTION)]).await?;
    let mark = sealer.mark();
    let mut done = Resealed::default();
    let mut last = None;
    for row in &rows {
        let (Some(id), Some(sealed)) = (row.text(0), row.text(1)) else { continue };
        last = Some(id.to_owned());
        if sealed.starts_with(&mark) {
            continue;
        }
        let context = what.context(id);
        let Ok(anew) = sealer.unseal(&context, sealed).and_then(|plain| sealer.seal(&context, plain.expose_secret()))
        else {
            done.closed += 1;
            continue;
        };
        let update = format!("update {table} set {column} = $1 where {key} = $2 and {column} = $3{owner}");
        let args = [Arg::Text(&anew), Arg::Text(id), Arg::Text(sealed)];
        done.done += usize::from(connection.execute(&update, &args).await? > 0);
    }
    connection.commit().await?;
    let is_full = rows.len() >= usize::try_from(PORTION).unwrap_or(usize::MAX);
    Ok((done, last.filter(|_| is_full)))
}
