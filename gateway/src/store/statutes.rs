//! The customer's table of law (RULINGS.md, D6 to D9): read from a file, signed by who answers for it, kept in the database.
//!
//! Law goes before organization and patient, so nobody who can merely write to the database may change it: a table counts only
//! where it is signed with the key that the operator named. The key is remembered in the data directory, with the number of the table that
//! was the last: an older one does not count again. A server looks every few seconds whether there is a newer one, and goes by it.

mod file;
mod kept;

use std::time::Duration;

use crate::store::Store;
use crate::store::error::StoreError;

pub use file::{Row, StatuteTable, is_plain};
pub use kept::{InForce, Signed, StatutesError, keep};
pub(crate) use kept::{PURPOSE, current, newest};

/// How often a server looks for a newer table.
pub(crate) const ROUND: Duration = Duration::from_secs(5);

/// The table that is kept, as it was signed; it was verified when the store was opened.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn kept(store: &Store) -> Result<Option<Signed>, StoreError> {
    let mut connection = store.core().pools.reader().await?;
    Ok(kept::load(&mut connection).await?.map(|(_, signed)| signed))
}

/// What became of looking for a newer table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Learned {
    /// The one that is known is in force.
    Nothing,
    /// Another one is, and rules are made under it.
    Another,
    /// There is another one (its number), which does not count: it is not signed with the key that is known, or an older one.
    NotCounting(i64),
}

impl Store {
    /// Goes by the newest table that counts, also where another process kept it.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer; it goes by the one before.
    pub async fn learn_statutes(&self) -> Result<Learned, StoreError> {
        let core = self.core();
        let known = core.statutes();
        let (found, number) = {
            let mut connection = core.pools.reader().await?;
            (current(&mut connection, &known).await?, newest(&mut connection).await?)
        };
        match found {
            Some(found) => {
                let is_another = found.serial != known.serial;
                if is_another {
                    tracing::info!(serial = found.serial, "another table of law is in force");
                    found.remember();
                    core.set_statutes(found);
                }
                // Also where somebody made rules meanwhile who did not know it, or could not make all.
                self.adopt_law().await?;
                Ok(if is_another { Learned::Another } else { Learned::Nothing })
            }
            None => Ok(Learned::NotCounting(number)),
        }
    }
}
