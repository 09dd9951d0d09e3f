//! What a token's scopes let its bearer see, as a condition on a row of the directory.

mod owned;

use std::collections::BTreeMap;

use consent::scoped::{Alternatives, Condition, Token, Types};

use self::owned::Owned;
use super::{Places, Span};

/// That a row (under `d`, of one of `kinds`, or of any where there is none) is one of these; `None` where every such row is.
pub(super) fn within<'p>(
    types: &'p Types,
    (d, kinds): (&str, &[&str]),
    span: Span,
    places: &mut impl Places<'p>,
) -> Option<String> {
    let Types::Only(only) = types else { return None };
    if types.have_all(kinds) {
        return None;
    }
    // Types of which the same must hold stand together: a scope of every type is about as many.
    let mut alike: BTreeMap<(bool, &'p Alternatives), Vec<&'p str>> = BTreeMap::new();
    for (kind, alternatives) in only.iter().filter(|(kind, _)| kinds.is_empty() || kinds.contains(&&***kind)) {
        alike.entry((owned::is_told_by_targets(kind), alternatives)).or_default().push(kind);
    }
    let mut conditions = Vec::new();
    for ((by_targets, alternatives), kinds) in alike {
        let kinds: Vec<String> = kinds.into_iter().map(|kind| named(kind, places)).collect();
        let of_kinds = format!("{d}.type in ({})", kinds.join(", "));
        conditions.push(match &alternatives[..] {
            [] => of_kinds,
            _ => format!("({of_kinds} and {})", fits(alternatives, by_targets, d, span, places)),
        });
    }
    Some(if conditions.is_empty() { "false".to_owned() } else { format!("({})", conditions.join(" or ")) })
}

/// A type as SQL: itself, where it is a word.
fn named<'p>(kind: &'p str, places: &mut impl Places<'p>) -> String {
    let is_word = kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word { format!("'{kind}'") } else { places.text(kind) }
}

/// That one of the alternatives holds of a row.
fn fits<'p>(
    alternatives: &'p Alternatives,
    by_targets: bool,
    d: &str,
    span: Span,
    places: &mut impl Places<'p>,
) -> String {
    let mut any = Vec::new();
    for alternative in alternatives {
        let mut all: Vec<String> = Vec::new();
        if alternative.iter().any(|condition| matches!(condition, Condition::Token(_))) {
            all.push(known(d, span));
        }
        for condition in alternative {
            all.push(match condition {
                Condition::Token(token) => has(token, d, places),
                Condition::Patients(ids) => Owned::patients(ids, places).holds(d, by_targets),
                Condition::Care(people) => Owned::care(people, places).holds(d, by_targets),
            });
        }
        let all = if all.is_empty() { "true".to_owned() } else { all.join(" and ") };
        any.push(format!("({all})"));
    }
    format!("({})", any.join(" or "))
}

/// The index has what is there now: of other versions, and of what is deleted, nobody can tell.
fn known(d: &str, span: Span) -> String {
    match span {
        Span::Current => format!("{d}.deleted = 0"),
        Span::Ever => format!("{d}.deleted = 0 and {d}.version = 1"),
    }
}

fn has<'p>(token: &'p Token, d: &str, places: &mut impl Places<'p>) -> String {
    let paths: Vec<String> = token.paths.iter().map(i32::to_string).collect();
    let mut conditions =
        vec![if paths.is_empty() { "false".to_owned() } else { format!("s.path in ({})", paths.join(", ")) }];
    if let Some(code) = &token.code {
        conditions.push(format!("s.code = {}", places.text(code)));
    }
    if let Some(system) = &token.system {
        conditions.push(format!("s.system = {}", places.text(system)));
    }
    format!("exists (select 1 from index_token s where s.rid = {d}.rid and {})", conditions.join(" and "))
}
