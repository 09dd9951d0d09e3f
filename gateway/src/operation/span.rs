//! `start` and `end` of operations: the days of care that are asked for. What has no date of care is in any span.

use mappers::search::query::{DateValue, IndexTest, Prefix, Test, Values};
use mappers::search::{Context, Handling};

use crate::outcome::{Code, Failure};

/// That care did not end before the value of `start`, or did not begin after that of `end`, by the dates at these places.
pub(super) fn within(name: &str, value: &str, paths: Vec<i32>, base: &str) -> Result<Test, Failure> {
    let prefix = if name == "start" { Prefix::EndsBefore } else { Prefix::StartsAfter };
    let values = Values::Dates(date(name, value, prefix, base)?);
    Ok(Test::Not(Box::new(Test::Index(IndexTest { paths, values }))))
}

/// A date, or an instant, with a prefix.
pub(super) fn date(name: &str, value: &str, prefix: Prefix, base: &str) -> Result<Vec<DateValue>, Failure> {
    let query = format!("_lastUpdated={}", value.replace('+', "%2B"));
    let (search, ..) =
        mappers::search::parse(None, &query, Context { handling: Handling::Strict, base, custom: None })?;
    match search.tests.into_iter().next() {
        Some(Test::LastUpdated(mut values)) if values.len() == 1 => {
            values[0].prefix = prefix;
            Ok(values)
        }
        _ => Err(Failure::bad_request(Code::Value, format!("The value of {name} is no date."))),
    }
}
