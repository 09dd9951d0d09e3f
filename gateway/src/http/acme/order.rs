//! One order: an account, proof that the names are ours, a key, a certificate (<https://www.rfc-editor.org/rfc/rfc8555#section-7.1>).

use std::time::Duration;

use instant_acme::{
    Account, AccountBuilder, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::spawn_blocking;

use super::directory::Directory;
use super::place::{self, Place};
use super::problem::{Problem, Said};
use super::proof::Automatic;
use crate::http::acme::Acme;

/// How long an authority may take to look at names, and then to sign.
const PATIENCE: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(500)).backoff(1.5).timeout(Duration::from_secs(120));
/// What a directory says of an account that it does not know any more.
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// What an order goes by.
pub(super) struct Clerk<'c> {
    pub(super) told: &'c Acme,
    pub(super) place: &'c Place,
    pub(super) automatic: &'c Automatic,
    pub(super) directory: &'c Directory,
}

impl Clerk<'_> {
    /// A new key with its certificate (PEM).
    pub(super) async fn order(&self) -> Result<SecretString, Problem> {
        let got = self.ordered().await;
        self.automatic.forget();
        got
    }

    async fn ordered(&self) -> Result<SecretString, Problem> {
        let names: Vec<Identifier> = self.told.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = match self.account().await?.new_order(&NewOrder::new(&names)).await {
            Err(error) if is_unknown(&error) => {
                tracing::warn!("the authority does not know the account any more: another one is made");
                self.place.forget_account().map_err(Problem::Kept)?;
                self.account().await?.new_order(&NewOrder::new(&names)).await?
            }
            order => order?,
        };
        self.prove(&mut order).await?;
        match order.poll_ready(&PATIENCE).await {
            Ok(OrderStatus::Invalid) => return Err(unproven(&mut order, None).await),
            Err(Error::Api(problem)) => return Err(unproven(&mut order, Some(Said::of(&problem))).await),
            ready => ready?,
        };
        // The key is made here, by ring; it goes nowhere but to the file.
        let key = SecretString::from(order.finalize().await?);
        let chain = order.poll_certificate(&PATIENCE).await?;
        Ok(SecretString::from([key.expose_secret(), &*chain].concat()))
    }

    /// Has the authority look at each name. What it has seen a while ago it may take as known.
    async fn prove(&self, order: &mut Order) -> Result<(), Problem> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let name = authorization.identifier().to_string();
            let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
            let mut challenge = challenge.ok_or_else(|| Problem::NoProof(name.clone()))?;
            self.automatic.prove(&name, challenge.key_authorization().digest().as_ref())?;
            challenge.set_ready().await?;
        }
        Ok(())
    }

    /// The account at the directory: the one that is kept, or a new one.
    async fn account(&self) -> Result<Account, Problem> {
        let contacts: Vec<&str> = self.told.contacts.iter().map(String::as_str).collect();
        let Some(kept) = self.place.account().map_err(Problem::Kept)? else {
            let new = NewAccount { contact: &contacts, terms_of_service_agreed: true, only_return_existing: false };
            let directory = self.told.directory.to_string();
            let (account, credentials) = self.builder().create(&new, directory, None).await?;
            self.keep(place::Account { contacts: self.told.contacts.clone(), credentials }).await?;
            return Ok(account);
        };
        let account = self.builder().from_credentials(kept.credentials).await?;
        if kept.contacts != self.told.contacts {
            match account.update_contacts(&contacts).await {
                // Whoever is asked for an order says so, too.
                Err(error) if is_unknown(&error) => return Ok(account),
                updated => updated?,
            }
            if let Some(kept) = self.place.account().map_err(Problem::Kept)? {
                self.keep(place::Account { contacts: self.told.contacts.clone(), ..kept }).await?;
            }
        }
        Ok(account)
    }

    fn builder(&self) -> AccountBuilder {
        Account::builder_with_http(Box::new(self.directory.clone()))
    }

    async fn keep(&self, account: place::Account) -> Result<(), Problem> {
        let place = self.place.clone();
        let kept = spawn_blocking(move || place.keep_account(&account)).await;
        // Only what ends the process ends that.
        kept.unwrap_or(Ok(())).map_err(Problem::Kept)
    }
}

fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Api(problem) if problem.r#type.as_deref() == Some(NO_ACCOUNT))
}

/// Which name was not shown to be ours, and why: an order says only that it is not.
async fn unproven(order: &mut Order, said: Option<Said>) -> Problem {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        let reason = state.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(reason) = reason {
            return Problem::Unproven(state.identifier().to_string(), Said::of(reason));
        }
    }
    Problem::Refused(said.unwrap_or_else(|| Said::text("the order is not valid any more")))
}
