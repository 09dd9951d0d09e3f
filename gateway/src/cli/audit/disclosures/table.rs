//! The account as CSV (RFC 4180), safe in spreadsheets.

use super::account::{Account, purpose};

/// A line for each disclosure, under a head.
pub(super) fn csv(account: &Account) -> String {
    let head = [
        "at",
        "recipient",
        "caller",
        "client",
        "address",
        "interaction",
        "resource",
        "purpose",
        "purpose text",
        "status",
        "decision",
        "request",
        "event",
        "left out by",
    ];
    let mut out = line(&head);
    for disclosure in &account.disclosures {
        out += &line(&[
            &disclosure.at,
            &disclosure.recipient,
            &disclosure.caller,
            disclosure.client.as_deref().unwrap_or_default(),
            disclosure.address.as_deref().unwrap_or_default(),
            &disclosure.interaction,
            disclosure.resource.as_deref().unwrap_or_default(),
            &disclosure.purpose,
            purpose(&disclosure.purpose),
            &disclosure.status.to_string(),
            &disclosure.decision,
            &disclosure.request,
            &disclosure.event,
            disclosure.left_out_by.unwrap_or_default(),
        ]);
    }
    out
}

fn line(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    cells.join(",") + "\r\n"
}

/// A cell. What a spreadsheet would run as a formula gets an apostrophe in front
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn quoted(cell: &str) -> String {
    let runs = cell.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
        || cell.starts_with(['\t', '\r', '\n']);
    format!("\"{}{}\"", if runs { "'" } else { "" }, cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_quotes_are_doubled() {
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
        assert_eq!(quoted(" @a"), "\"' @a\"");
        assert_eq!(quoted("\t=a"), "\"'\t=a\"");
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(line(&["a", ""]), "\"a\",\"\"\r\n");
    }
}
