//! What commands that list something are told.

use clap::Args;

use super::DatabaseArgs;

/// How they are listed.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Prints JSON.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
}
