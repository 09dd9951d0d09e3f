//! What is here of people and programs that somebody outside vouches for.

use std::time::Duration;

use gateway_tests::{Command, Json, Server};

/// What the provider's access tokens call the gateway.
pub(crate) const AUDIENCE: &str = "urn:the-gateway";

/// So long, and a little, a token is known without another look.
pub(crate) const KNOWN: Duration = Duration::from_millis(1_100);

/// A client of a provider's.
pub(crate) async fn add_client(server: &Server, id: &str, provider: &str, more: &[&str]) -> Command {
    let add = ["client", "add", "--by", "Jane", "--id", id, "--name", id, "--outside", provider];
    server.command(&[&add[..], more].concat()).await
}

/// The accounts.
pub(crate) async fn accounts(server: &Server) -> Vec<Json> {
    Json::of(&server.command(&["account", "list", "--json"]).await.expect(0).stdout).array().to_vec()
}

/// How many records of an interaction have that status and decision.
pub(crate) async fn recorded(server: &Server, interaction: &str, status: u16) -> i64 {
    let (mut sql, prefix) = server.trail().await;
    sql.count(&format!(
        "select count(*) from {prefix}audit_events where interaction = '{interaction}' and status = {status}"
    ))
    .await
}

/// Now, in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "tokens end by the clock that the server has")]
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("seconds")
}
