//! A batch: every entry is an exchange of its own, with its own decision, audit record and answer.

use std::collections::VecDeque;
use std::sync::Arc;

use consent::{Caller, Purpose};
use hyper::StatusCode;
use tokio::task::JoinSet;

use crate::interaction::bundle::order::Step;
use crate::interaction::bundle::plan::{Kind, Plan};
use crate::interaction::bundle::reply;
use crate::interaction::{Answer, Endpoint, Payload, Request, audited};
use crate::outcome::{Code, Failure};

/// Entries under way at a time: enough for writes to share commits, few enough to leave others their turn.
const TOGETHER: usize = 32;

/// The most that the answers of a bundle's entries may hold, in bytes.
const ANSWERS: usize = 128 * 1024 * 1024;

/// An entry to do: its place in the bundle, what it asks, and whether for headers alone.
pub(super) type Task = (usize, Request, bool);

/// Does the entries, step after step, those of a step side by side.
pub(super) async fn perform(
    endpoint: &Arc<Endpoint>,
    caller: &Caller,
    purpose: Purpose,
    plan: Plan,
) -> Result<Answer, Failure> {
    let mut answers: Vec<Option<Result<Answer, Failure>>> = Vec::new();
    let mut tasks: Vec<Task> = Vec::new();
    for (index, entry) in plan.entries.into_iter().enumerate() {
        match entry {
            Ok(entry) => {
                answers.push(None);
                tasks.push((index, entry.request, entry.head));
            }
            Err(failure) => answers.push(Some(Err(failure))),
        }
    }
    drop(plan.text);
    for step in Step::ALL {
        let (now, later) = tasks.into_iter().partition(|(_, request, _)| Step::of(request.interaction) == step);
        tasks = later;
        side_by_side(endpoint, caller, purpose, now, &mut answers).await;
    }
    Ok(answer(Kind::Batch, answers))
}

/// The answer to the whole.
pub(super) fn answer(kind: Kind, answers: Vec<Option<Result<Answer, Failure>>>) -> Answer {
    let answers: Vec<_> =
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(Failure::internal()))).collect();
    let touched = answers.iter().flatten().flat_map(|answer| answer.touched.iter().cloned()).collect();
    Answer::document(reply::write(kind, &answers), touched)
}

/// Does these entries, a bounded number at a time.
pub(super) async fn side_by_side(
    endpoint: &Arc<Endpoint>,
    caller: &Caller,
    purpose: Purpose,
    tasks: Vec<Task>,
    answers: &mut [Option<Result<Answer, Failure>>],
) {
    let caller = Arc::new(caller.clone());
    let mut held: usize = answers.iter().flatten().flatten().map(reply::size).sum();
    let mut waiting = VecDeque::from(tasks);
    let mut running = JoinSet::new();
    loop {
        while running.len() < TOGETHER
            && let Some((index, request, head)) = waiting.pop_front()
        {
            let (endpoint, caller) = (Arc::clone(endpoint), Arc::clone(&caller));
            running.spawn(async move {
                let mut answer = audited::perform(&endpoint, &caller, purpose, &request).await;
                if let (true, Ok(answer)) = (head, &mut answer) {
                    answer.payload = Payload::Nothing;
                }
                (index, answer)
            });
        }
        match running.join_next().await {
            // An entry that panicked keeps no answer, which reads as an internal error.
            Some(Err(_)) => {}
            Some(Ok((index, answer))) => {
                held += answer.as_ref().map_or(0, reply::size);
                answers[index] = Some(if held > ANSWERS { Err(too_much()) } else { answer });
            }
            None => return,
        }
    }
}

fn too_much() -> Failure {
    Failure::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        Code::TooCostly,
        "The answers of this bundle grew too large to hold. Ask for this entry on its own.",
    )
}
