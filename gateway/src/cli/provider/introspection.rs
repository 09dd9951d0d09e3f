//! Where a provider says what an opaque access token is.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

use super::{LONGEST, secret, words};
use crate::cli::Stop;
use crate::outward::Reach;

/// The variable of the secret, where no file has it.
const VARIABLE: &str = "FHIR_GATEWAY_INTROSPECTION_SECRET";

/// Whom to ask about access tokens that say nothing by themselves.
#[derive(Args, Debug)]
pub(super) struct IntrospectionArgs {
    /// Where it says what an opaque access token is (RFC 7662): an https address. One provider alone has one.
    #[arg(long, value_name = "URL", requires = "audience", requires = "introspection_client_id")]
    introspection: Option<String>,
    /// Who this gateway is to it there.
    #[arg(long, value_name = "ID", requires = "introspection")]
    introspection_client_id: Option<String>,
    /// File with the secret that it has for that; without it `FHIR_GATEWAY_INTROSPECTION_SECRET` has it.
    #[arg(long, value_name = "FILE", requires = "introspection")]
    introspection_secret_file: Option<PathBuf>,
}

impl IntrospectionArgs {
    /// Address, client id and secret.
    pub(super) fn asked(&self) -> Result<Option<(String, String, SecretString)>, Stop> {
        let Some(url) = &self.introspection else { return Ok(None) };
        if url.len() > LONGEST || Reach::Named.url(url).is_none_or(|parsed| parsed.fragment().is_some()) {
            return Err(Stop::usage("--introspection has to be an https address"));
        }
        let client_id =
            words("--introspection-client-id", self.introspection_client_id.as_deref().unwrap_or_default())?;
        let secret = match (&self.introspection_secret_file, std::env::var(VARIABLE)) {
            (Some(path), _) => secret(path)?,
            (None, Ok(text)) if (1..=LONGEST).contains(&text.trim().len()) => SecretString::from(text.trim()),
            (None, _) => {
                return Err(Stop::usage(format!(
                    "--introspection takes --introspection-secret-file FILE, or {VARIABLE}"
                )));
            }
        };
        Ok(Some((url.clone(), client_id.to_owned(), secret)))
    }
}
