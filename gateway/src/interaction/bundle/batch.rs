//! A batch: every entry is an exchange of its own, with its own decision, audit record and answer.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use consent::{Caller, Purpose};
use hyper::StatusCode;
use tokio::task::JoinSet;

use crate::auth::Identity;
use crate::fair;
use crate::http::named;
use crate::interaction::bundle::order::Step;
use crate::interaction::bundle::plan::{Kind, Plan};
use crate::interaction::bundle::reply;
use crate::interaction::{Answer, Endpoint, Notice, Payload, Request, audited};
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
    let notice = Notice::together(answers.iter().flatten().filter_map(|answer| answer.notice.as_deref()));
    Answer { notice, ..Answer::document(reply::write(kind, &answers), touched) }
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
    let mut room = Room::beside(answers.iter().flatten().flatten());
    let mut waiting = VecDeque::from(tasks);
    let (mut running, mut under_way) = (JoinSet::new(), HashMap::new());
    loop {
        while running.len() < TOGETHER
            && let Some((index, request, head)) = waiting.pop_front()
        {
            let (endpoint, caller) = (Arc::clone(endpoint), Arc::clone(&caller));
            let (changes, full) = (request.changes(), room.full);
            let request = Arc::new(request);
            let asked = (index, Arc::clone(&request));
            let task = running.spawn(named::carried(fair::carried(async move {
                // What there is no room for is not read.
                if full && !changes {
                    let identity = Some(Identity { caller: &caller, purpose });
                    return (index, changes, audited::refused(&endpoint, identity, &request, too_much()).await);
                }
                let mut answer = audited::perform(&endpoint, &caller, purpose, &request).await;
                if let (true, Ok(answer)) = (head, &mut answer) {
                    answer.payload = Payload::Nothing;
                }
                (index, changes, answer)
            })));
            under_way.insert(task.id(), asked);
        }
        match running.join_next_with_id().await {
            // An entry that panicked is answered as an internal error, and on record as one.
            Some(Err(error)) => {
                let Some((index, request)) = under_way.remove(&error.id()) else { continue };
                let identity = Some(Identity { caller: &caller, purpose });
                answers[index] = Some(audited::refused(endpoint, identity, &request, Failure::internal()).await);
            }
            Some(Ok((task, (index, changes, answer)))) => {
                under_way.remove(&task);
                answers[index] = Some(answer.and_then(|answer| room.take(answer, changes)));
            }
            None => return,
        }
    }
}

/// What is left of the bytes that a bundle's answers may hold.
struct Room {
    left: usize,
    /// An answer did not fit.
    full: bool,
}

impl Room {
    fn beside<'a>(held: impl Iterator<Item = &'a Answer>) -> Self {
        Self { left: ANSWERS.saturating_sub(held.map(reply::size).sum()), full: false }
    }

    /// The answer as far as there is room for it. What changed something is told as it was done, without the resource: whoever
    /// reads that it failed would send it again. What only read is refused.
    fn take(&mut self, answer: Answer, changes: bool) -> Result<Answer, Failure> {
        if let Some(left) = self.left.checked_sub(reply::size(&answer)) {
            self.left = left;
            return Ok(answer);
        }
        self.full = true;
        if changes { Ok(Answer { payload: Payload::Nothing, ..answer }) } else { Err(too_much()) }
    }
}

fn too_much() -> Failure {
    Failure::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        Code::TooCostly,
        "The answers of this bundle grew too large to hold. Ask for this entry on its own.",
    )
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn answer(bytes: usize) -> Answer {
        let stamp = Some((1, 0));
        let location = Some("http://h/fhir/Bundle/1/_history/1".to_owned());
        let payload = Payload::Resource(vec![b' '; bytes].into());
        Answer { status: StatusCode::CREATED, stamp, location, payload, touched: Vec::new(), notice: None }
    }

    #[test]
    fn what_was_done_is_told_where_there_is_no_room_for_it() {
        let mut room = Room { left: 10, full: false };
        let whole = room.take(answer(8), true).unwrap();
        assert_eq!(whole.payload, Payload::Resource(Bytes::from_static(b"        ")));
        assert!(!room.full);
        let told = room.take(answer(3), true).unwrap();
        assert!(room.full);
        assert_eq!((told.status, told.stamp, told.payload), (StatusCode::CREATED, Some((1, 0)), Payload::Nothing));
        assert!(told.location.is_some());
        assert_eq!(room.take(answer(3), false).unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(room.take(answer(2), false).is_ok(), "what fits comes along");
        assert_eq!(Room::beside([answer(ANSWERS), answer(1)].iter()).left, 0);
    }
}
