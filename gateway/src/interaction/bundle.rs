//! <https://hl7.org/fhir/R4/http.html#transaction>: batch and transaction, a Bundle sent to the base.

mod batch;
mod order;
mod plan;
mod reply;
mod resolve;
mod transaction;

use std::sync::Arc;

use bytes::Bytes;
use consent::{Caller, Purpose};

use crate::interaction::{Answer, Endpoint, Request, Touched, incoming};
use crate::outcome::{Code, Failure};
use crate::router::{Interaction, Place};
use crate::store::Checkpoint;

/// Does what the entries ask: each on its own in a batch, all or nothing in a transaction.
///
/// # Errors
/// 400 for what is no batch or transaction; for a transaction also whatever made it fail, naming the entry.
pub async fn perform(
    endpoint: &Arc<Endpoint>,
    caller: &Caller,
    purpose: Purpose,
    request: &Request,
) -> Result<Answer, Failure> {
    let plan = read(endpoint, request.clone()).await?;
    match plan.kind {
        plan::Kind::Batch => batch::perform(endpoint, caller, purpose, plan).await,
        plan::Kind::Transaction => transaction::perform(endpoint, caller, purpose, plan, None).await,
    }
}

/// Applies the writes of a transaction that came as a file, with the checkpoint that commits with them. Answers with what
/// was changed.
///
/// # Errors
/// As [`perform`]; 400 also for a batch.
pub async fn load(
    endpoint: &Arc<Endpoint>,
    caller: &Caller,
    purpose: Purpose,
    text: Bytes,
    checkpoint: Checkpoint,
) -> Result<Vec<Touched>, Failure> {
    let place = Place::of_none(Interaction::Bundle, "import");
    let request = Request { body: text, request_id: checkpoint.job.as_str().into(), ..Request::at(&place) };
    let plan = read(endpoint, request).await?;
    if plan.kind != plan::Kind::Transaction {
        return Err(Failure::bad_request(Code::Value, "The Bundle is no transaction.").at("Bundle.type"));
    }
    let answer = transaction::perform(endpoint, caller, purpose, plan, Some(checkpoint)).await?;
    Ok(answer.touched)
}

async fn read(endpoint: &Arc<Endpoint>, request: Request) -> Result<plan::Plan, Failure> {
    if request.body.len() < incoming::PARSE_ELSEWHERE {
        return plan::read(endpoint, &request);
    }
    let endpoint = Arc::clone(endpoint);
    let reading = tokio::task::spawn_blocking(move || plan::read(&endpoint, &request));
    reading.await.unwrap_or_else(|_| Err(Failure::internal()))
}
