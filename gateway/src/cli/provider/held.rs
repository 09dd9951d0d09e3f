//! ID tokens that apps hold already: whose, for whom, and where the keys are.

use clap::Args;

use super::issuer;
use crate::cli::Stop;
use crate::outside::FIREBASE;
use crate::outward::Reach;

/// The most audiences, and the longest, in bytes.
const MOST: usize = 20;
const LONGEST: usize = 255;

/// Of a provider whose ID tokens clients exchange for access tokens here.
#[derive(Args, Debug)]
pub(super) struct HeldArgs {
    /// Whom its ID tokens are for (aud) that clients exchange here: what it calls the app. Give it again for more.
    #[arg(long, value_name = "NAME")]
    exchange: Vec<String>,
    /// Where its keys are, of one that has no discovery document: an https address of a JSON Web Key Set.
    #[arg(long, value_name = "URL")]
    keys: Option<String>,
    /// A Firebase project, in place of --issuer, --keys and --exchange.
    #[arg(long, value_name = "PROJECT", conflicts_with_all = ["issuer", "keys", "exchange", "supabase"])]
    firebase: Option<String>,
    /// The address of a Supabase project (<https://abcdefgh.supabase.co>), in place of --issuer, --keys and --exchange.
    #[arg(long, value_name = "URL", conflicts_with_all = ["issuer", "keys", "exchange"])]
    supabase: Option<String>,
}

/// What they come to.
pub(super) struct Held {
    pub(super) issuer: String,
    pub(super) keys: Option<String>,
    pub(super) audiences: Vec<String>,
}

/// Google's keys, which sign for all projects of Firebase.
const FIREBASE_KEYS: &str = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";

impl HeldArgs {
    /// What is said, with the issuer that was given.
    pub(super) fn held(&self, given: Option<&str>) -> Result<Held, Stop> {
        if let Some(project) = &self.firebase {
            let fits = (4..=64).contains(&project.len())
                && project.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            if !fits {
                return Err(Stop::usage("--firebase takes the id of a project: small letters, digits and '-'"));
            }
            let (issuer, keys) = (format!("{FIREBASE}{project}"), Some(FIREBASE_KEYS.to_owned()));
            return Ok(Held { issuer, keys, audiences: vec![project.clone()] });
        }
        if let Some(url) = &self.supabase {
            let base = issuer(url.trim_end_matches('/'))
                .map_err(|_| Stop::usage("--supabase takes the address of a project: https://abcdefgh.supabase.co"))?;
            let issuer = format!("{}/auth/v1", base.trim_end_matches("/auth/v1"));
            let keys = Some(format!("{issuer}/.well-known/jwks.json"));
            return Ok(Held { issuer, keys, audiences: vec!["authenticated".to_owned()] });
        }
        let issuer = given.unwrap_or_default().to_owned();
        // All projects have one signer there: whose a token is shows by issuer and audience alone.
        if let Some(project) = issuer.strip_prefix(FIREBASE)
            && !self.exchange.is_empty()
            && self.exchange != [project]
        {
            return Err(Stop::usage("the audience of a Firebase project is the project: say --firebase PROJECT"));
        }
        if self.keys.as_ref().is_some_and(|keys| keys.len() > super::LONGEST || Reach::Named.url(keys).is_none()) {
            return Err(Stop::usage("--keys has to be an https address of a JSON Web Key Set"));
        }
        Ok(Held { issuer, keys: self.keys.clone(), audiences: audiences(&self.exchange)? })
    }
}

/// Audiences as they are kept: words.
pub(super) fn audiences(names: &[String]) -> Result<Vec<String>, Stop> {
    let fits = |name: &String| {
        (1..=LONGEST).contains(&name.len()) && !name.chars().any(|letter| letter.is_whitespace() || letter.is_control())
    };
    if names.len() > MOST || !names.iter().all(fits) {
        return Err(Stop::usage(format!(
            "--exchange has to be a word of 1 to {LONGEST} bytes, as the aud of the ID tokens has it; {MOST} of them at most"
        )));
    }
    Ok(names.to_vec())
}
