//! Which exchange a task works for: what each line of the log says beside its own words.
//!
//! A value of the task, not a span of `tracing`: a span costs every exchange half a microsecond, this costs a line that is written.

use std::sync::Arc;

use hyper::header::HeaderValue;

tokio::task_local! {
    static EXCHANGE: Names;
}

/// What an exchange is called.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// Its X-Request-Id, which is harmless.
    pub(super) request: HeaderValue,
    /// The trace that it is part of: hexadecimal digits.
    pub(super) trace: Option<Arc<str>>,
}

impl Names {
    /// Work for this exchange.
    pub(super) fn during<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        EXCHANGE.scope(self, work)
    }
}

/// Work for the exchange that is under way, in a task of its own.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let names = EXCHANGE.try_with(Clone::clone).ok();
    async move {
        match names {
            Some(names) => names.during(work).await,
            None => work.await,
        }
    }
}

/// Request and trace of the exchange that this task works for. Neither has a character that text or JSON would have to escape.
pub fn names<T>(read: impl FnOnce(&str, Option<&str>) -> T) -> Option<T> {
    EXCHANGE.try_with(|names| read(names.request.to_str().unwrap_or_default(), names.trace.as_deref())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_go_along_into_tasks_that_carry_them() {
        let told = || names(|request, trace| format!("{request} {trace:?}"));
        assert_eq!(told(), None);
        let names = Names { request: HeaderValue::from_static("a-1"), trace: Some("0f".into()) };
        let work = async {
            (
                told(),
                tokio::spawn(carried(async move { told() })).await.unwrap(),
                tokio::spawn(async move { told() }).await.unwrap(),
            )
        };
        let here = Some("a-1 Some(\"0f\")".to_owned());
        assert_eq!(names.during(work).await, (here.clone(), here, None));
    }
}
