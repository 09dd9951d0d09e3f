//! The account as one page: nothing in it runs or is fetched, and it can be printed.

use super::account::{Account, Disclosure, purpose};
use crate::markup::escape;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#111;background:#fff}\
h1{font-size:1.5rem;margin:0 0 .5rem}p,dl{max-width:45rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:1rem 0}\
dt{color:#555}dd{margin:0;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%;margin:1rem 0}\
caption{text-align:left;padding-bottom:.5rem;color:#555}th,td{border-bottom:1px solid #ccc;padding:.4rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
th{background:#f3f3f3}small{color:#555;display:block}@media print{body{margin:0;max-width:none;font-size:10pt}thead{display:table-header-group}tr{break-inside:avoid}}";

/// The page.
pub(super) fn html(account: &Account) -> String {
    let title = if account.all { "Who saw this record" } else { "Accounting of disclosures" };
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <style>{STYLE}</style></head><body><main><h1>{title}</h1>\n"
    );
    out += &format!(
        "<dl><dt>Patient</dt><dd>{}</dd><dt>From</dt><dd>{}</dd><dt>To</dt><dd>{}, both days included</dd>\
         <dt>Made</dt><dd>{}</dd></dl>\n",
        escaped(&account.patient),
        escaped(&account.from),
        escaped(&account.to),
        escaped(&account.made),
    );
    out += &note(account);
    if account.disclosures.is_empty() {
        out += "<p><strong>None are on record in this time.</strong></p>\n";
    } else {
        out += &table(account);
    }
    out + "</main></body></html>\n"
}

fn note(account: &Account) -> String {
    let scope = if account.all {
        "Every access to the record and every change of it, with its purpose. The last column says what 45 CFR 164.528 leaves \
         out of the accounting that the law requires."
            .to_owned()
    } else {
        format!(
            "Disclosures that 45 CFR 164.528 requires to be accounted for. Left out are those for treatment, payment and health \
             care operations, those to the patient, and what was made in the record or deleted: {} in this time.",
            account.left_out
        )
    };
    let dropped = account.dropped_before.as_ref().map_or_else(String::new, |before| {
        format!(
            "<p><strong>Records from before {} were exported and dropped: what they say is not in this account.</strong></p>\n",
            escaped(before)
        )
    });
    format!(
        "{dropped}<p>{scope} Times are UTC. People, programs and resources are named by their ids: the trail has no names.</p>\n"
    )
}

fn table(account: &Account) -> String {
    let head = ["When", "Recipient", "What", "Purpose"].into_iter().chain(account.all.then_some("Left out by"));
    let head: String = head.map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
    let rows: String = account.disclosures.iter().map(|disclosure| row(disclosure, account.all)).collect();
    format!(
        "<table><caption>{} on record, the oldest first</caption><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table>\n",
        account.disclosures.len()
    )
}

fn row(disclosure: &Disclosure, all: bool) -> String {
    let small = |name: &str, value: Option<&str>| {
        value.map(|value| format!("<small>{name} {}</small>", escaped(value))).unwrap_or_default()
    };
    let caller = (disclosure.caller != disclosure.recipient).then_some(&*disclosure.caller);
    let who = format!(
        "{}{}{}{}",
        escaped(&disclosure.recipient),
        small("caller", caller),
        small("program", disclosure.client.as_deref()),
        small("from", disclosure.address.as_deref()),
    );
    let what = format!(
        "{} {}{}{}",
        escaped(&disclosure.interaction),
        escaped(disclosure.resource.as_deref().unwrap_or_default()),
        small("status", Some(&disclosure.status.to_string())),
        small("record", Some(&disclosure.event)),
    );
    let why = format!(
        "{}{}{}",
        escaped(purpose(&disclosure.purpose)),
        small("code", Some(&disclosure.purpose)),
        small("decision", Some(&disclosure.decision))
    );
    let left_out = disclosure.left_out_by.unwrap_or("accounted for");
    let left_out = if all { format!("<td>{left_out}</td>") } else { String::new() };
    format!("<tr><td>{}</td><td>{who}</td><td>{what}</td><td>{why}</td>{left_out}</tr>\n", escaped(&disclosure.at))
}

/// A text that is nothing but text in HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_is_text() {
        assert_eq!(escaped("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
    }
}
