//! Programs that get tokens for themselves.

use hyper::Method;

use crate::{Client, Json, Server, escaped};

/// Registers a program with a secret under an id, and gets it a token for its scopes; `more` says what for (`--purpose`), and who it is.
///
/// # Panics
/// When it cannot be registered, or gets none.
pub async fn program(server: &Server, id: &str, scopes: &str, more: &[&str]) -> Client {
    let add = ["client", "add", "--by", "Jane", "--id", id, "--name", id, "--scope", scopes, "--secret", "--json"];
    let said = Json::of(&server.command(&[&add[..], more].concat()).await.expect(0).stdout);
    let secret = said.str("secret").unwrap_or_else(|| panic!("no secret: {said}"));
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
        escaped(id),
        escaped(secret),
        escaped(scopes)
    );
    let request = server.stranger().request(Method::POST, &format!("http://{}/oauth/token", server.address()));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form);
    Client::new(server.address(), request.await.expect(200).json().str("access_token"))
}
