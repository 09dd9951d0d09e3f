//! What a token's scopes let its bearer see, as a condition on a row of the directory.

use consent::scoped::{Alternatives, Token, Types};

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
    let wanted = only.iter().filter(|(kind, _)| kinds.is_empty() || kinds.contains(&&***kind));
    let (whole, parts): (Vec<_>, Vec<_>) = wanted.partition(|(_, alternatives)| alternatives.is_empty());
    let mut conditions = Vec::new();
    if !whole.is_empty() {
        let whole: Vec<String> = whole.iter().map(|(kind, _)| places.text(kind)).collect();
        conditions.push(format!("{d}.type in ({})", whole.join(", ")));
    }
    for (kind, alternatives) in parts {
        let kind = places.text(kind);
        conditions.push(format!("({d}.type = {kind} and {})", fits(alternatives, d, span, places)));
    }
    Some(if conditions.is_empty() { "false".to_owned() } else { format!("({})", conditions.join(" or ")) })
}

/// That one of the alternatives holds of a row. The index has what is there now: of other versions, and of what is deleted, nobody
/// can tell.
fn fits<'p>(alternatives: &'p Alternatives, d: &str, span: Span, places: &mut impl Places<'p>) -> String {
    let mut tokens = |tokens: &'p Vec<Token>| {
        let each: Vec<String> = tokens.iter().map(|token| has(token, d, places)).collect();
        if each.is_empty() { "true".to_owned() } else { each.join(" and ") }
    };
    let any: Vec<String> = alternatives.iter().map(|alternative| format!("({})", tokens(alternative))).collect();
    let known = match span {
        Span::Current => format!("{d}.deleted = 0"),
        Span::Ever => format!("{d}.deleted = 0 and {d}.version = 1"),
    };
    format!("{known} and ({})", any.join(" or "))
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
