//! `fhir-gateway account link|unlink`: an account for whom a provider outside of here knows.

use clap::Args;
use consent::Action;

use super::{ended, known};
use crate::cli::purge::{close, open};
use crate::cli::{self, DatabaseArgs, Stop};

/// Whom a provider knows as whom.
#[derive(Args, Debug)]
pub struct LinkArgs {
    /// The account's id.
    id: String,
    /// The provider's id.
    #[arg(long, value_name = "ID")]
    provider: String,
    /// Who that is to the provider, to the letter: the claim sub of its ID tokens.
    #[arg(long, value_name = "SUB")]
    subject: String,
    /// Who says so.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Of which provider.
#[derive(Args, Debug)]
pub struct UnlinkArgs {
    /// The account's id.
    id: String,
    /// The provider's id.
    #[arg(long, value_name = "ID")]
    provider: String,
    /// Who says so.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn link(args: LinkArgs) -> Result<(), Stop> {
    let (gateway, permit) = open(&args.database, Action::Change, ("account-link", known(&args.id)?)).await?;
    let to = (args.provider.as_str(), args.subject.as_str());
    let done = gateway.store.link_account(&permit, &args.id, to, &args.by).await;
    close(gateway).await;
    done?;
    cli::print("linked\n")
}

pub(super) async fn unlink(args: UnlinkArgs) -> Result<(), Stop> {
    let (gateway, permit) = open(&args.database, Action::Change, ("account-unlink", known(&args.id)?)).await?;
    let done = gateway.store.unlink_account(&permit, &args.id, &args.provider, &args.by).await;
    close(gateway).await;
    cli::print(&format!("unlinked\n{}", ended(done?)))
}
