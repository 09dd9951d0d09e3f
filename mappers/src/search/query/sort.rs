//! `_sort`: <https://hl7.org/fhir/R4/search.html#sort>.

use super::IndexKind;
use super::condition::{Fault, refused, wrong};
use super::scope::Scope;
use crate::search::parameters::ParameterKind;

/// The most keys of an order.
const MAX_KEYS: usize = 4;

/// One key of an order. Resources that lack it come last, whichever the direction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SortKey {
    /// By what.
    pub source: SortSource,
    /// The greatest first.
    pub descending: bool,
}

/// What orders.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SortSource {
    /// The id.
    Id,
    /// The value of a parameter: the least of several, where the order is descending the greatest.
    Index {
        /// The kind of its values.
        kind: IndexKind,
        /// Their places.
        paths: Vec<i32>,
    },
    /// The time of the last change.
    LastUpdated,
}

/// Reads `-date,name`, where so many keys were read before.
pub(super) fn read(scope: Scope<'_>, value: &str, before: usize) -> Result<Vec<SortKey>, Fault> {
    let keys: Vec<&str> = value.split(',').filter(|key| !key.is_empty()).collect();
    if before + keys.len() > MAX_KEYS {
        return Err(wrong("too-long", format!("The order has more than {MAX_KEYS} keys; give the first ones")));
    }
    keys.into_iter().map(|key| self::key(scope, key)).collect()
}

fn key(scope: Scope<'_>, key: &str) -> Result<SortKey, Fault> {
    let (name, descending) = key.strip_prefix('-').map_or((key, false), |name| (name, true));
    let meant = scope.meant(name)?;
    let kind = match meant.kind() {
        _ if name == "_id" => return Ok(SortKey { source: SortSource::Id, descending }),
        _ if name == "_lastUpdated" => return Ok(SortKey { source: SortSource::LastUpdated, descending }),
        ParameterKind::Date => IndexKind::Date,
        ParameterKind::Number | ParameterKind::Quantity => IndexKind::Quantity,
        ParameterKind::Reference => IndexKind::Reference,
        ParameterKind::String => IndexKind::String,
        ParameterKind::Token | ParameterKind::Uri => IndexKind::Token,
        ParameterKind::Composite | ParameterKind::Special => {
            return Err(refused(
                "not-supported",
                "The parameter orders nothing; order by another one, instead of a composite by its parts",
            ));
        }
    };
    Ok(SortKey { source: SortSource::Index { kind, paths: meant.paths() }, descending })
}
