//! The customer's table of law (RULINGS.md, D6 to D9): read from a file, signed by who answers for it, kept in the database.
//!
//! Law goes before organization and patient, so nobody who can merely write to the database may change it: a table counts only
//! where it is signed with the key that the operator named. The key is remembered in the data directory.

mod file;
mod kept;

use crate::store::Store;
use crate::store::error::StoreError;

pub use file::{Row, StatuteTable};
pub use kept::{InForce, Signed, StatutesError, keep};
pub(crate) use kept::{PURPOSE, current};

/// The table that is kept, as it was signed; it was verified when the store was opened.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn kept(store: &Store) -> Result<Option<Signed>, StoreError> {
    let mut connection = store.core().pools.reader().await?;
    Ok(kept::load(&mut connection).await?.map(|(_, signed)| signed))
}
