//! Erasure: records that go for good, under two people's approval. Everything else that is deleted stays in history.
//!
//! What goes with a patient: the Patient and every resource whose patient it is, each with all its versions; the clinic's
//! rows of them, also those that another program had only marked as deleted, with their children; directory, index, labels and
//! Consents' rules; lines of the outbox; files and objects; versions that were the patient's of resources that are somebody
//! else's now; Binaries that only the record leads to, and Provenances that tell of nothing else. With one resource: the same of
//! it. With one version: that version.
//!
//! What stays, and why:
//!
//! - **References** of other records to what goes (a List's items, a Group's members, another patient's Provenance): they are
//!   those records' text, and the id in them says no more than that there was one. A plan names them.
//! - **Copies** are no references: a stored Bundle with an entry, a resource that contains one. A plan names them, and nothing is
//!   erased before it is decided what becomes of them: either they are taken out by hand, or the resources and versions that
//!   hold them go as a whole (`--include-copies`). What is embedded is known by its type and id, by whose data it is, or by the
//!   patient's identifiers (with their system); free text that tells of somebody is known by nobody.
//! - **Rows of tables without a map** that refer to rows that go: nobody has told the gateway what they are (an invoice?). They
//!   are counted, and go with `--include-unmapped`, or are removed by who knows them.
//! - **Rows of other people's resources** that refer to rows that go (a coverage whose subscriber it is) move to the generic
//!   store, as at a deletion.
//! - The labels that a resource ever had (`directory.labels_ever`) stay when one version goes: they only restrict.
//! - The **number of a patient's epoch** (`consent_epochs`), one further than before: the audit trail has those until then, and
//!   none is given again to who comes after under this id. It says that there were Consents, and not what they said.
//! - **Binaries** that versions of other resources name. A plan names them.
//! - The **audit trail**, which is never changed; it gets records of the erasure.
//!
//! Whose something is, for holds and for the record, is told by what it says; where it says of no patient (a Binary, a Provenance, a
//! List), by what it refers to, and of a Binary by what names it.
//!
//! After it the id is one that never existed: 404, no history, in no search and no count; a client may create it anew.
//!
//! On PostgreSQL the work runs as the application's role, under row-level security; only the versions, which that role may not
//! remove, are removed as `fhir_gateway_eraser`, a role that can do that and nothing else. No connection of a serving gateway
//! takes it but to erase again what a database from a backup lacks.

mod copies;
mod hold;
mod leftovers;
mod plan;
mod record;
mod regime;
mod replay;
mod request;
mod work;

use consent::{OrganizationId, Permit};
use mappers::references::{self, Bases, Reference};

pub use hold::Hold;
pub use plan::{Choices, Plan, Target};
pub use record::{Certificate, Purge, State};
pub use regime::Preset;
pub use replay::Replayed;
pub use request::{Approval, Asked};

use crate::store::connection::{Arg, Connection, DbError, Engine};
use crate::store::dialect;
use crate::store::error::StoreError;

/// How long a request waits for its approval.
pub const EXPIRES_MS: i64 = 7 * 86_400_000;
/// The longest name or reason.
const LONGEST: usize = 2000;
/// The lock of holds and purges among PostgreSQL's advisory locks ("erase" as ASCII), to which the organization is added.
const LOCK: i64 = 0x0065_7261_7365_0000;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// It cannot be done as it was asked for: what is wrong, and what to do.
    #[error("{0}")]
    Refused(String),
    /// The database, the journal or the audit trail.
    #[error("{0}")]
    Failed(String),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbError> for ErasureError {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

/// A name that can be one.
pub(crate) fn name(text: &str) -> Result<&str, ErasureError> {
    let text = text.trim();
    let fits = !normal(text).is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(ErasureError::Refused("say who you are (--by NAME)".to_owned())) }
}

/// A reason that can be one.
pub(crate) fn reason(text: &str) -> Result<&str, ErasureError> {
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= LONGEST && !text.contains('\0');
    if fits { Ok(text) } else { Err(ErasureError::Refused("say why (--reason TEXT)".to_owned())) }
}

/// Whether two names are one person's: neither case nor accents, spaces nor signs make two of one.
fn is_same(left: &str, right: &str) -> bool {
    normal(left) == normal(right)
}

fn normal(name: &str) -> String {
    mappers::search::normal(name).chars().filter(|character| character.is_alphanumeric()).collect()
}

/// Whether a caller may: it is done at the machine's command line, by whoever may change everything.
fn organization(permit: &Permit) -> Result<OrganizationId, ErasureError> {
    if permit.allows_change() && permit.predicate().is_unrestricted() {
        return Ok(permit.organization());
    }
    Err(ErasureError::Refused("this permit does not cover erasure".to_owned()))
}

/// Waits for whoever is at holds and purges, until the end of the transaction.
async fn lock(connection: &mut Connection, organization: OrganizationId) -> Result<(), DbError> {
    if connection.engine() == Engine::Postgres
        && let Some(sql) = dialect::advisory_lock(Engine::Postgres, LOCK + organization.0)
    {
        connection.fetch(&sql, &[]).await?;
    }
    Ok(())
}

/// Type and id of an absolute reference to a resource of ours: under our address, or, where none is known (at the command line),
/// under any. The latter may be somebody else's: it is reason enough to keep or to name something, not to erase it.
fn perhaps_own<'r>(bases: &Bases, text: &'r str) -> Option<(&'static str, &'r str)> {
    if bases.are_unknown() {
        return match references::parse(text) {
            Reference::Absolute { kind: Some(kind), text } => Some((kind, text.rsplit_once('/')?.1)),
            _ => None,
        };
    }
    bases.own(text)
}

/// Whether the patient is known here at all.
async fn is_known(connection: &mut Connection, organization: OrganizationId, patient: &str) -> Result<bool, DbError> {
    let sql = "select 1 from directory where organization_id = $1 and (patient = $2 or (type = 'Patient' and id = $2)) limit 1";
    let args = [Arg::Int(organization.0), Arg::Text(patient)];
    Ok(connection.fetch_optional(sql, &args).await?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_is_not_two() {
        for other in ["jane doe", " Jane  Doe ", "JANE DOE", "Jané Doe", "Jane-Doe", "Jane. Doe", "JaneDoe"] {
            assert!(is_same("Jane Doe", other), "{other}");
        }
        assert!(!is_same("Jane Doe", "John Doe"));
        assert!(name("  ").is_err() && name("--").is_err() && name("a\nb").is_err());
    }
}
