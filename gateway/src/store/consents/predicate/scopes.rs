//! What a token's scopes let its bearer see, as a condition on a row of the directory.

mod owned;

use std::collections::BTreeMap;

use consent::scoped::{Alternatives, Bound, Condition, End, Lies, Text, Time, Token, Types};

use self::owned::Owned;
use super::{Places, Span};

/// That a row (under `d`, of one of `kinds`, or of any where there is none) is one of these; `None` where every such row is.
pub(in crate::store::consents) fn within<'p>(
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
        let is_indexed =
            |condition: &Condition| matches!(condition, Condition::Token(_) | Condition::Text(_) | Condition::Time(_));
        if alternative.iter().any(is_indexed) {
            all.push(known(d, span));
        }
        for condition in alternative {
            all.push(match condition {
                Condition::Token(token) => has(token, d, places),
                Condition::Text(text) => begins(text, d, places),
                Condition::Time(time) => lies(time, d, places),
                Condition::Patients(ids) => Owned::patients(ids, places).holds(d, by_targets),
                Condition::Without(labels) => without(*labels, d, span),
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
    let mut conditions = vec![at(&token.paths)];
    if let Some(code) = &token.code {
        conditions.push(format!("s.code = {}", places.text(code)));
    }
    if let Some(system) = &token.system {
        conditions.push(format!("s.system = {}", places.text(system)));
    }
    format!("exists (select 1 from index_token s where s.rid = {d}.rid and {})", conditions.join(" and "))
}

/// Of past versions all count that any one had.
fn without(labels: i64, d: &str, span: Span) -> String {
    let all = match span {
        Span::Current => format!("{d}.labels"),
        Span::Ever => format!("({d}.labels | {d}.labels_ever)"),
    };
    format!("({d}.labels <> 0 and ({all} & {labels}) = 0)")
}

fn begins<'p>(text: &'p Text, d: &str, places: &mut impl Places<'p>) -> String {
    let (from, to) = (places.text(&text.from), places.text(&text.to));
    let at = at(&text.paths);
    format!(
        "exists (select 1 from index_string s where s.rid = {d}.rid and {at} and s.normal >= {from} and s.normal < {to})"
    )
}

fn lies<'p>(time: &Time, d: &str, places: &mut impl Places<'p>) -> String {
    let mut bound = |bound: &Bound| {
        let end = match bound.end {
            End::Low => "low",
            End::High => "high",
        };
        let sign = match bound.lies {
            Lies::Before => "<",
            Lies::Until => "<=",
            Lies::After => ">",
            Lies::From => ">=",
        };
        format!("s.{end} {sign} {}", places.int(bound.tick))
    };
    let any: Vec<String> = time
        .any
        .iter()
        .map(|all| format!("({})", all.iter().map(&mut bound).collect::<Vec<_>>().join(" and ")))
        .collect();
    let any = if any.is_empty() { "false".to_owned() } else { any.join(" or ") };
    format!("exists (select 1 from index_date s where s.rid = {d}.rid and {} and ({any}))", at(&time.paths))
}

/// That an index row is one of a place.
fn at(paths: &[i32]) -> String {
    let paths: Vec<String> = paths.iter().map(i32::to_string).collect();
    if paths.is_empty() { "false".to_owned() } else { format!("s.path in ({})", paths.join(", ")) }
}
