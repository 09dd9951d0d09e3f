//! Passwords as argon2id: <https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>. It takes memory and time
//! on purpose, so it has threads of its own, and few at once.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Unavailable;
use super::policy::normal;
use crate::store::random;

/// 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// The most at once, whatever there are of processors.
const MOST: usize = 8;
/// How long somebody waits for a place.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hashes and verifies.
pub(super) struct Hasher {
    places: Arc<Semaphore>,
}

impl Hasher {
    pub(super) fn new() -> Self {
        let places = available_parallelism().map_or(1, usize::from).min(MOST);
        Self { places: Arc::new(Semaphore::new(places)) }
    }

    /// A password as it is kept.
    pub(super) async fn hash(&self, password: SecretString) -> Result<String, Unavailable> {
        self.work(move || hash(&password)).await?.ok_or(Unavailable)
    }

    /// Whether it is the password of that PHC string. Where there is none it takes as long.
    pub(super) async fn is(&self, password: SecretString, kept: Option<&str>) -> Result<bool, Unavailable> {
        let kept = kept.map(str::to_owned);
        self.work(move || match kept {
            Some(kept) => {
                let password = SecretString::from(normal(password.expose_secret()));
                argon().is_some_and(|argon| {
                    argon.verify_password(password.expose_secret().as_bytes(), kept.as_str()).is_ok()
                })
            }
            None => {
                // The work counts, not what comes of it.
                let _nothing = hash(&password);
                false
            }
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Unavailable> {
        let place = timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| Unavailable)?.map_err(|_| Unavailable)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.map_err(|_| Unavailable)
    }
}

fn argon() -> Option<Argon2<'static>> {
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

/// A password as it is kept, made here and now: for a server it is [`Hasher`]'s work. `None`: there is no randomness.
pub(crate) fn hash(password: &SecretString) -> Option<String> {
    let salt = random::<16>().ok()?;
    let password = SecretString::from(normal(password.expose_secret()));
    let hash = argon()?.hash_password_with_salt(password.expose_secret().as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_kept_as_argon2id_with_a_salt_of_its_own() {
        let hasher = Hasher::new();
        let secret = |text: &str| SecretString::from(text.to_owned());
        let kept = hasher.hash(secret("Correct-Horse-\u{fc}9")).await.unwrap_or_else(|_| panic!());
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        let is =
            async |text: &str, kept: Option<&str>| hasher.is(secret(text), kept).await.unwrap_or_else(|_| panic!());
        assert!(is("Correct-Horse-u\u{308}9", Some(&kept)).await, "however it is typed");
        assert!(!is("Correct-Horse-\u{fc}8", Some(&kept)).await && !is("", Some(&kept)).await);
        assert!(!is("Correct-Horse-\u{fc}9", None).await && !is("x", Some("no PHC string")).await);
        assert_ne!(kept, hasher.hash(secret("Correct-Horse-\u{fc}9")).await.unwrap_or_else(|_| panic!()));
    }
}
