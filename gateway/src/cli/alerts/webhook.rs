//! The options that name a webhook.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::cli::Stop;
use crate::webhook::{Secrets, Sender, Webhook};

/// The variable that holds the secret of signatures: on a command line everybody could read it.
const SECRET_VARIABLE: &str = "FHIR_GATEWAY_ALERT_SECRET";
/// Longer than any address, and than any file of certificates.
const LONGEST_ADDRESS: usize = 4096;
const LONGEST_CERTIFICATES: u64 = 1024 * 1024;

/// Where alerts go, and how they are signed.
#[derive(Args, Clone, Debug)]
pub struct WebhookArgs {
    /// Address that alerts are posted to, or @FILE that holds it. Who gave it a secret path or query writes it into a file or the
    /// variable: it is never logged and never in the database. https:, or http: on this machine.
    #[arg(long, value_name = "URL|@FILE", env = "FHIR_GATEWAY_ALERT_WEBHOOK", hide_env_values = true)]
    alert_webhook: Option<Address>,
    /// File (mode 0600) of the secret that signs alerts in the manner of Standard Webhooks: whsec_ and base64; a second line while the
    /// receiver changes to a new one. Or the variable `FHIR_GATEWAY_ALERT_SECRET`.
    #[arg(long, value_name = "FILE", env = "FHIR_GATEWAY_ALERT_SECRET_FILE")]
    alert_secret_file: Option<PathBuf>,
    /// PEM file of authorities that are trusted with the webhook's certificate, beside those that browsers trust.
    #[arg(long, value_name = "FILE", env = "FHIR_GATEWAY_ALERT_CA_FILE")]
    alert_ca_file: Option<PathBuf>,
    /// Takes an http: address of another machine: what is sent there can be read on the way.
    #[arg(long, env = "FHIR_GATEWAY_ALERT_PLAIN_HTTP")]
    alert_plain_http: bool,
    /// Hours after which an alert that nobody takes is given up.
    #[arg(long, value_name = "HOURS", env = "FHIR_GATEWAY_ALERT_GIVE_UP_HOURS", default_value_t = 72, value_parser = clap::value_parser!(u64).range(1..=720))]
    alert_give_up_hours: u64,
}

/// An address that is not printed.
#[derive(Clone)]
struct Address(String);

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Address")
    }
}

impl FromStr for Address {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl WebhookArgs {
    /// Who sends; `None` where no address is given.
    ///
    /// # Errors
    /// The address, the secret or the certificates cannot be used: what to do.
    pub(in crate::cli) fn sender(&self) -> Result<Option<Sender>, Stop> {
        let Some(Address(address)) = &self.alert_webhook else {
            return match &self.alert_secret_file {
                Some(_) => Err(Stop::usage("--alert-secret-file is of no use without --alert-webhook")),
                None => Ok(None),
            };
        };
        let address = match address.strip_prefix('@') {
            Some(path) => read(Path::new(path), "--alert-webhook", LONGEST_ADDRESS as u64)?,
            None => address.clone().into_bytes(),
        };
        let address = String::from_utf8(address).ok().filter(|address| address.len() <= LONGEST_ADDRESS);
        let address = address.ok_or_else(|| Stop::usage("the webhook's address is no text of at most 4096 bytes"))?;
        let secrets = match &self.alert_secret_file {
            Some(path) => Secrets::read(path),
            None => {
                let variable = std::env::var(SECRET_VARIABLE).ok();
                let missing = || {
                    Stop::usage(format!(
                        "alerts are signed: give --alert-secret-file FILE, or set {SECRET_VARIABLE} (whsec_ and the base64 of 32 bytes)"
                    ))
                };
                Secrets::parse(&variable.ok_or_else(missing)?)
            }
        };
        let secrets = secrets.map_err(|error| Stop::usage(error.to_string()))?;
        let certificates = self.alert_ca_file.as_deref();
        let certificates = certificates.map(|path| read(path, "--alert-ca-file", LONGEST_CERTIFICATES)).transpose()?;
        let webhook = Webhook::new(&address, secrets, certificates.as_deref(), self.alert_plain_http);
        let webhook = webhook.map_err(|error| Stop::usage(error.to_string()))?;
        Ok(Some(Sender { webhook, patience: Duration::from_secs(self.alert_give_up_hours * 3600) }))
    }
}

/// The bytes of a file that is not longer than it may be.
fn read(path: &Path, option: &str, longest: u64) -> Result<Vec<u8>, Stop> {
    let name = path.display();
    let unreadable = |error| Stop::usage(format!("{option}: {name}: {error}"));
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > longest {
        return Err(Stop::usage(format!("{option}: {name} is longer than {longest} bytes")));
    }
    std::fs::read(path).map_err(unreadable)
}
