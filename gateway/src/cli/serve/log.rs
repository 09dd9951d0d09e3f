//! What a server says of itself while it runs.
//!
//! Lines of ours alone: what libraries say of their work (HTTP/2 names paths that are not well-formed, databases pass on
//! what triggers say) may hold data, and no level of detail is to bring that into a file.

use std::borrow::Cow;
use std::panic::{self, PanicHookInfo};
use std::{fmt as text, io};

use clap::ValueEnum;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt, registry};

use crate::http::named;

/// The variable that says what is logged (`info`, `gateway=debug`).
pub(in crate::cli) const LOG_VARIABLE: &str = "FHIR_GATEWAY_LOG";
/// The crates of this program.
const OURS: [&str; 6] = ["consent", "fhir_gateway", "gateway", "mappers", "smart", "terminology"];

/// How lines of the log are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// Each line is an object: timestamp, level, message, fields, target, and of an exchange `request` and `trace`.
    Json,
}

/// Whether a text says what is logged.
pub(in crate::cli) fn is_filter(text: &str) -> bool {
    EnvFilter::try_new(text).is_ok()
}

/// Logs to stderr, from this level on where the environment says nothing. Panics are told by their place alone: a message
/// may hold data.
pub(in crate::cli) fn log(level: &str) {
    log_as(level, LogFormat::Text);
}

/// As [`log`], written so.
pub(super) fn log_as(level: &str, format: LogFormat) {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    let lines = registry().with(filter).with(filter_fn(|line| is_ours(line.target())));
    // A second time in one process changes nothing.
    let _ = match format {
        LogFormat::Text => {
            let line = Named { line: fmt::format(), format };
            lines.with(fmt::layer().event_format(line).with_writer(io::stderr)).try_init()
        }
        LogFormat::Json => {
            let line = fmt::format().json().flatten_event(true).with_span_list(false).with_current_span(false);
            let layer = fmt::layer().fmt_fields(JsonFields::new()).event_format(Named { line, format });
            lines.with(layer.with_writer(io::stderr)).try_init()
        }
    };
    panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}

/// Lines that say which exchange they are of.
struct Named<F> {
    line: F,
    format: LogFormat,
}

impl<S, N, F> FormatEvent<S, N> for Named<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> text::Result {
        let mut line = String::new();
        self.line.format_event(context, Writer::new(&mut line), event)?;
        let end = if self.format == LogFormat::Json { "}\n" } else { "\n" };
        let line = line.strip_suffix(end).unwrap_or(&line);
        let line = if self.format == LogFormat::Text { one_line(line) } else { line.into() };
        let named = named::names(|request, trace| match self.format {
            LogFormat::Text => {
                write!(out, "{line} request={request}")?;
                trace.map_or(Ok(()), |trace| write!(out, " trace={trace}"))
            }
            LogFormat::Json => {
                write!(out, r#"{line},"request":"{request}""#)?;
                trace.map_or(Ok(()), |trace| write!(out, r#","trace":"{trace}""#))
            }
        });
        named.unwrap_or_else(|| out.write_str(&line))?;
        out.write_str(end)
    }
}

/// The line without what would end it or move a cursor: names of files and texts of errors may have that. JSON escapes it by itself.
fn one_line(line: &str) -> Cow<'_, str> {
    let is_unseen = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if !line.contains(is_unseen) {
        return line.into();
    }
    let shown = |c: char| if is_unseen(c) { c.escape_default().to_string() } else { c.into() };
    line.chars().map(shown).collect()
}

fn is_ours(target: &str) -> bool {
    OURS.contains(&target.split("::").next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one() {
        assert_eq!(one_line("Zürich \u{1f600} \\n"), "Zürich \u{1f600} \\n");
        assert_eq!(one_line("a\nb\r\u{1b}[2J\u{85}\u{2028}"), r"a\nb\r\u{1b}[2J\u{85}\u{2028}");
    }

    #[test]
    fn lines_of_libraries_are_not_ours() {
        assert!(is_ours(module_path!()) && is_ours("gateway"));
        for other in ["h2::server", "sqlx::postgres::notice", "gateway_of_others::x", "hyper", ""] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
