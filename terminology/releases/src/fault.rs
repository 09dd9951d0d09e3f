//! Why a release cannot be read.

/// Why a release cannot be read. It says which file, and where in it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be opened or read.
    #[error("{file}: {error}")]
    Read {
        /// Which file.
        file: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// No file of it is one that is known.
    #[error("{0}: no release is known here whose files have such headers")]
    Unknown(String),
    /// A file that it cannot do without is not there.
    #[error("{release} needs {file}, which is not there")]
    Missing {
        /// Which release.
        release: &'static str,
        /// Which file, by its usual name.
        file: &'static str,
    },
    /// Nothing says which version it is.
    #[error("{0}: nothing in it says of which version it is; say so")]
    Version(&'static str),
    /// There are two releases in one place.
    #[error("{one} and {other} are of two releases: give one of them")]
    Several {
        /// A file of one.
        one: String,
        /// The same file of the other.
        other: String,
    },
    /// A row is not what its header promises.
    #[error("{file}, line {line}: {what}")]
    Row {
        /// Which file.
        file: String,
        /// Counted from one.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// Each is below the other.
    #[error("{file}: the hierarchy runs in a circle through {codes}")]
    Circle {
        /// Which file.
        file: String,
        /// Some codes of it.
        codes: String,
    },
    /// More than an index holds.
    #[error(transparent)]
    TooMuch(#[from] terminology::index::TooMuch),
}
