//! A panic as a value: the connection and its other exchanges go on.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// What something panicked with.
pub(super) type Panic = Box<dyn Any + Send>;
/// A value, or what it panicked with in place of one.
pub(super) type Unpanicked<T> = Result<T, Panic>;

/// The future's value, or what it panicked with.
pub(super) async fn unpanicked<F: Future>(future: F) -> Unpanicked<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// Panics of ours have static texts or formatted ones; only the former are sure to hold no data.
pub(super) fn message(panic: &(dyn Any + Send)) -> &'static str {
    panic.downcast_ref::<&'static str>().copied().unwrap_or("a formatted message, not shown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_value() {
        let panic = unpanicked(async { panic!("static") }).await.unwrap_err();
        assert_eq!(message(&*panic), "static");
        assert_eq!(unpanicked(async { 5 }).await.unwrap(), 5);
    }
}
