//! What terminology asks of the store: the code systems, value sets and concept maps that it names, as the caller may see them.
//! Releases of code systems that were imported are public, and there for every caller. [`terminology`] is asked, says what it lacks, gets that, and is asked again.

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::Value;
use terminology::library::{Library, Wanted};

use crate::interaction::canonical::{all, versions};
use crate::interaction::{Exchange, Touched};
use crate::outcome::{Code, Failure};
use crate::store::Version;

/// How often it is asked again: a value set names others, and these theirs.
const ROUNDS: usize = 12;
/// What one question may look up.
const LOOKED_UP: usize = 200;
/// Bytes of stored resources that one question may read.
const READ: usize = 64 << 20;

/// Asks until nothing is lacking. `library` holds what was sent along; what was read of the store is told beside the answer.
///
/// # Errors
/// 422 where it hangs on more than is looked at; what the store says.
pub(crate) async fn ask<T: Send + 'static>(
    exchange: &Exchange<'_>,
    mut library: Library,
    mut question: impl Fn(&Library) -> T + Send + 'static,
) -> Result<(T, Vec<Touched>), Failure> {
    let (mut looked_up, mut left) = (0, READ);
    let mut touched = Vec::new();
    let mut brought: Vec<(Wanted, Vec<Bytes>)> = Vec::new();
    let releases = Arc::clone(&exchange.endpoint.gateway.releases);
    for _ in 0..ROUNDS {
        // What is read may be large, and what is asked long: neither is for a thread that others wait for.
        let releases = Arc::clone(&releases);
        let asked = tokio::task::spawn_blocking(move || {
            for (wanted, bodies) in std::mem::take(&mut brought) {
                for body in bodies {
                    library.add(&read(&body)?);
                }
                // What is stored goes before a release of the same version.
                if let Wanted::CodeSystem(url) = &wanted {
                    releases.of(url).into_iter().for_each(|system| library.add_system(system));
                }
                library.brought(wanted);
            }
            let answer = question(&library);
            Ok::<_, Failure>((question, library.missing(), library, answer))
        });
        let (again, missing, known, answer) = asked.await.map_err(|_| Failure::internal())??;
        (question, library) = (again, known);
        if missing.is_empty() {
            return Ok((answer, touched));
        }
        looked_up += missing.len();
        if looked_up > LOOKED_UP {
            break;
        }
        brought = Vec::with_capacity(missing.len());
        for wanted in missing {
            let found = stored(exchange, &wanted).await?;
            let size: usize = found.iter().map(|version| version.body.len()).sum();
            left =
                usize::checked_sub(left, size).ok_or_else(|| too_much("It hangs on more than one request reads."))?;
            touched.extend(found.iter().map(Touched::of));
            brought.push((wanted, found.into_iter().map(|version| version.body).collect()));
        }
    }
    Err(too_much("It names more value sets and code systems than one request looks up."))
}

/// What the store has of something.
async fn stored(exchange: &Exchange<'_>, wanted: &Wanted) -> Result<Vec<Version>, Failure> {
    let found = match wanted {
        Wanted::CodeSystem(url) => versions(exchange, "CodeSystem", url).await?,
        Wanted::ValueSet(url) => versions(exchange, "ValueSet", url).await?,
        Wanted::ConceptMap(url) => versions(exchange, "ConceptMap", url).await?,
        Wanted::ConceptMaps => all(exchange, "ConceptMap").await?,
    };
    let many = "There are more versions of it, or more maps, than one request looks at. Name one by url.";
    found.ok_or_else(|| too_much(many))
}

/// A resource as terminology reads it.
pub(crate) fn read(body: &[u8]) -> Result<Value, Failure> {
    let unread = |_| Failure::bad_request(Code::Structure, "The resource cannot be read as JSON.");
    serde_json::from_slice(body).map_err(unread)
}

fn too_much(details: &'static str) -> Failure {
    Failure::new(StatusCode::UNPROCESSABLE_ENTITY, Code::TooCostly, details)
}
