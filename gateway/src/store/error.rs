//! What can go wrong in the store, as callers need to tell it apart. No message holds a value of anybody's record.

use mappers::search::custom::Problem;

use crate::store::connection::DbError;

/// Why the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database (or the audit store) cannot be reached now: 503, try again.
    #[error("the database is not available")]
    Unavailable,
    /// Two transactions collided more often than we retry: 503, try again.
    #[error("too many changes to the same records at once")]
    Contention,
    /// The definition of a search parameter changed between the reading of a search and the search: 503, try again.
    #[error("the definition of a search parameter has changed")]
    Stale,
    /// No space left where the data lies: 507.
    #[error("the storage is full")]
    StorageFull,
    /// Anything else of the database: 500; the text is for the log (constraint and table names, never values).
    #[error("database: {0}")]
    Database(String),
    /// The gateway's own data contradict each other: 500 and an incident.
    #[error("invariant broken: {0}")]
    Invariant(&'static str),
}

impl From<DbError> for StoreError {
    fn from(error: DbError) -> Self {
        error.into_store_error()
    }
}

/// Why a set of changes was not applied; nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A change of the set was refused.
    #[error("change {index}: {reason}")]
    Refused {
        /// Which change of the set.
        index: usize,
        /// Why.
        reason: ChangeRefusal,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why one change was refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChangeRefusal {
    /// Its table takes no writes: 405.
    #[error("the table behind this type is read-only")]
    ReadOnly,
    /// `If-Match` or `If-None-Match` does not hold: 412.
    #[error("the resource has another version")]
    VersionMismatch {
        /// The version it has now, for the message; `None` where there is none.
        current: Option<i64>,
    },
    /// There is no such resource for this caller, and it may not create one: 404.
    #[error("no such resource")]
    Unknown,
    /// The table refuses it and the map says `overflow = "refuse"`: 422.
    #[error("column {column} cannot carry {expression}: {reason}")]
    Unprocessable {
        /// The column.
        column: String,
        /// FHIRPath of the element.
        expression: String,
        /// What the column wants.
        reason: String,
    },
    /// A SearchParameter that is active cannot be a parameter here: 422.
    #[error("{}", .0.first().map_or("the search parameter cannot be used", |problem| problem.details.as_str()))]
    SearchParameter(Vec<Problem>),
    /// The id is one of the audit trail's, whose records nobody writes: 405.
    #[error("records of the audit trail cannot be written")]
    TrailRecord,
    /// It says that it is a record of the audit trail, and is none: 422.
    #[error("meta.source is the audit trail's")]
    TrailSource,
    /// The id is one of the gateway's own Provenances, which nobody writes: 405.
    #[error("the gateway's own provenance cannot be written")]
    OwnProvenance,
    /// It says that it is one of the gateway's own Provenances, and is none: 422.
    #[error("meta.source is the gateway's")]
    ProvenanceSource,
    /// The permit does not cover what is written: 403.
    #[error("the permit does not cover this resource")]
    Forbidden,
    /// It would be outside of what the caller's scopes reach: 403.
    #[error("the scopes do not reach what this would be")]
    BeyondScopes,
    /// The client's own Provenance would be stored so often: 422.
    #[error("the Provenance would be stored {0} times")]
    ProvenanceTooOften(usize),
    /// It would take away what the caller is not shown of the resource: 403.
    #[error("what is withheld cannot be taken away")]
    Withheld,
    /// It is about a patient that is not there for this caller: 422.
    #[error("the patient is not there")]
    UnseenPatient,
    /// The same resource twice in one set: 400.
    #[error("the same resource is changed twice")]
    Twice,
}
