//! What terminology asks of the store: the code systems, value sets and concept maps that it names, as the caller may see them.
//! [`terminology`] is asked, says what it lacks, gets that, and is asked again.

use hyper::StatusCode;
use serde_json::Value;
use terminology::library::{Library, Wanted};

use crate::interaction::canonical::{all, versions};
use crate::interaction::{Exchange, Touched};
use crate::outcome::{Code, Failure};

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
    question: impl Fn(&Library) -> T + Send + 'static,
) -> Result<(T, Vec<Touched>), Failure> {
    let (mut question, mut looked_up, mut left) = (question, 0, READ);
    let mut touched = Vec::new();
    for _ in 0..ROUNDS {
        let asked = tokio::task::spawn_blocking(move || {
            let answer = question(&library);
            (question, library.missing(), library, answer)
        });
        let (again, missing, known, answer) = asked.await.map_err(|_| Failure::internal())?;
        (question, library) = (again, known);
        if missing.is_empty() {
            return Ok((answer, touched));
        }
        looked_up += missing.len();
        if looked_up > LOOKED_UP {
            break;
        }
        for wanted in missing {
            bring(exchange, wanted, &mut library, &mut touched, &mut left).await?;
        }
    }
    Err(too_much("It names more value sets and code systems than one request looks up."))
}

/// Brings what the store has of something.
async fn bring(
    exchange: &Exchange<'_>,
    wanted: Wanted,
    library: &mut Library,
    touched: &mut Vec<Touched>,
    left: &mut usize,
) -> Result<(), Failure> {
    let found = match &wanted {
        Wanted::CodeSystem(url) => versions(exchange, "CodeSystem", url).await?,
        Wanted::ValueSet(url) => versions(exchange, "ValueSet", url).await?,
        Wanted::ConceptMap(url) => versions(exchange, "ConceptMap", url).await?,
        Wanted::ConceptMaps => all(exchange, "ConceptMap").await?,
    };
    let many = "There are more versions of it, or more maps, than one request looks at. Name one by url.";
    for version in found.ok_or_else(|| too_much(many))? {
        let size = version.body.len();
        *left = left.checked_sub(size).ok_or_else(|| too_much("It hangs on more than one request reads."))?;
        library.add(&read(&version.body)?);
        touched.push(Touched::of(&version));
    }
    library.brought(wanted);
    Ok(())
}

/// A resource as terminology reads it.
pub(crate) fn read(body: &[u8]) -> Result<Value, Failure> {
    let unread = |_| Failure::bad_request(Code::Structure, "The resource cannot be read as JSON.");
    serde_json::from_slice(body).map_err(unread)
}

fn too_much(details: &'static str) -> Failure {
    Failure::new(StatusCode::UNPROCESSABLE_ENTITY, Code::TooCostly, details)
}
