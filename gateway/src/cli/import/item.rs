//! One line of a file to what it asks for: changes to loose resources, or transactions.
//!
//! Bundles: <https://hl7.org/fhir/R4/bundle.html>, NDJSON: <https://hl7.org/fhir/uv/bulkdata/>

use bytes::Bytes;
use mappers::json::{Document, Element, minify};
use mappers::{references, structure};

use super::reader::{LONGEST, Line};
use super::unit::{Done, MOST_ENTRIES};
use crate::clock::Ids;
use crate::outcome::{Code, Failure};
use crate::store::types::{Change, Operation};

/// What a line, or an entry of a line's bundle, asks for.
#[derive(Debug)]
pub(super) struct Item {
    /// The entry; `None` where it is the whole line.
    pub(super) entry: Option<u32>,
    /// What is to be done.
    pub(super) work: Work,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Work {
    /// One resource is created or replaced, whatever becomes of its neighbours.
    Change(Change),
    /// An earlier run did it.
    Done,
    /// It cannot be done.
    Refused(Failure),
    /// A transaction bundle, with the resources it names by type and id.
    Transaction {
        /// The bundle.
        text: Bytes,
        /// `Patient/1` and the like.
        targets: Vec<Box<str>>,
    },
}

/// Everything a line asks for.
pub(super) fn items(line: &Line, done: &Done, ids: &Ids) -> Vec<Item> {
    if done.has_line(line.number) {
        return vec![Item { entry: None, work: Work::Done }];
    }
    let whole = |work| vec![Item { entry: None, work }];
    let Some(text) = &line.text else { return whole(Work::Refused(too_long())) };
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => return whole(Work::Refused(error.into())),
    };
    let root = document.root();
    if !is_a(root, "Bundle") {
        return whole(loose(&document, text.clone(), ids));
    }
    match root.member("type").and_then(|kind| kind.string()).as_deref() {
        Some("transaction") => whole(transaction(root, text.clone())),
        Some("batch") => entries(line, done, root, text, |entry, resource| batch_entry(entry, resource, ids)),
        Some("collection" | "searchset") if is_knit(root) => whole(knit(root)),
        Some("collection" | "searchset") => entries(line, done, root, text, |_, resource| {
            resource.map_or_else(|| Work::Refused(no_resource()), |resource| loose_text(resource, ids))
        }),
        // These are resources: taking them apart would lose what they are.
        Some("document" | "message") => whole(loose(&document, text.clone(), ids)),
        Some(_) => whole(Work::Refused(not_for_import())),
        None => {
            whole(Work::Refused(Failure::bad_request(Code::Required, "A bundle needs its type.").at("Bundle.type")))
        }
    }
}

/// Applies `work` to each entry that is not done yet.
fn entries(
    line: &Line,
    done: &Done,
    bundle: Element<'_>,
    text: &Bytes,
    work: impl Fn(Element<'_>, Option<Bytes>) -> Work,
) -> Vec<Item> {
    let entries = bundle.member("entry").into_iter().flat_map(|entries| entries.children());
    let mut items = Vec::new();
    for (index, entry) in entries.enumerate() {
        if index >= MOST_ENTRIES {
            items.push(Item { entry: None, work: Work::Refused(too_long()) });
            break;
        }
        let number = index as u32;
        if is_outcome(entry) {
            continue;
        }
        let resource = entry.member("resource").map(|resource| text.slice(resource.start()..resource.end()));
        let work = if done.has_entry(line.number, number) { Work::Done } else { work(entry, resource) };
        items.push(Item { entry: Some(number), work });
    }
    items
}

/// An entry of a batch stands for itself. A plain PUT or POST is a loose resource; whatever has conditions is a
/// transaction of its own.
fn batch_entry(entry: Element<'_>, resource: Option<Bytes>, ids: &Ids) -> Work {
    let request = entry.member("request");
    let text = |name: &str| request.and_then(|request| request.member(name)).and_then(|value| value.string());
    let is_plain =
        !["ifMatch", "ifNoneMatch", "ifNoneExist", "ifModifiedSince"].iter().any(|name| text(name).is_some());
    let url = text("url").unwrap_or_default();
    match (text("method").as_deref(), resource) {
        (Some("GET" | "HEAD"), _) => Work::Refused(
            Failure::bad_request(Code::NotSupported, "An import only writes; send reads to the server.")
                .at("Bundle.entry.request.method"),
        ),
        (Some(method @ ("PUT" | "POST")), Some(resource)) if is_plain => match loose_text(resource, ids) {
            Work::Change(change) if fits(&change, method, &url) => Work::Change(change),
            Work::Change(_) => single(entry),
            refused => refused,
        },
        _ => single(entry),
    }
}

/// Whether importing the resource as it is does what the request says.
fn fits(change: &Change, method: &str, url: &str) -> bool {
    match &change.operation {
        Operation::Create { .. } => method == "POST" && url == &*change.kind,
        Operation::Update { .. } => method == "PUT" && url.split_once('/') == Some((&change.kind, &change.id)),
        Operation::Delete { .. } => false,
    }
}

/// A transaction of this one entry.
fn single(entry: Element<'_>) -> Work {
    let text = format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, entry.raw());
    Work::Transaction { targets: target(entry).into_iter().collect(), text: text.into() }
}

fn transaction(bundle: Element<'_>, text: Bytes) -> Work {
    let entries = bundle.member("entry").into_iter().flat_map(|entries| entries.children());
    Work::Transaction { targets: entries.filter_map(target).collect(), text }
}

/// What an entry's request changes, where it says so.
fn target(entry: Element<'_>) -> Option<Box<str>> {
    let url = entry.member("request")?.member("url")?.string()?;
    (url.contains('/') && !url.contains('?')).then(|| url.as_ref().into())
}

/// Whether a collection's entries refer to each other by `urn:uuid:` names: then they stand or fall together.
fn is_knit(bundle: Element<'_>) -> bool {
    let entries = bundle.member("entry").into_iter().flat_map(|entries| entries.children());
    entries
        .filter_map(|entry| entry.member("fullUrl")?.string())
        .any(|url| url.starts_with("urn:uuid:") || url.starts_with("urn:oid:"))
}

/// The transaction that puts a collection in: PUT for what has an id, POST for what has none.
fn knit(bundle: Element<'_>) -> Work {
    let mut text = String::from(r#"{"resourceType":"Bundle","type":"transaction","entry":["#);
    let mut targets = Vec::new();
    let entries = bundle.member("entry").into_iter().flat_map(|entries| entries.children());
    for (number, entry) in entries.filter(|entry| !is_outcome(*entry)).enumerate() {
        let Some(resource) = entry.member("resource") else { return Work::Refused(no_resource()) };
        let kind = resource.member("resourceType").and_then(|kind| kind.string());
        let Some(kind) = kind.filter(|kind| structure::is_resource_type(kind)) else { return Work::Refused(no_type()) };
        let id = resource.member("id").and_then(|id| id.string()).filter(|id| references::is_id(id));
        let (method, url) = match id {
            Some(id) => ("PUT", format!("{kind}/{id}")),
            None => ("POST", kind.into_owned()),
        };
        if number > 0 {
            text.push(',');
        }
        text.push('{');
        if let Some(full) = entry.member("fullUrl") {
            text.push_str(&format!(r#""fullUrl":{},"#, full.raw()));
        }
        text.push_str(&format!(r#""resource":{},"#, resource.raw()));
        text.push_str(&format!(r#""request":{{"method":"{method}","url":"{url}"}}}}"#));
        if method == "PUT" {
            targets.push(url.into());
        }
    }
    text.push_str("]}");
    Work::Transaction { text: text.into(), targets }
}

fn loose_text(text: Bytes, ids: &Ids) -> Work {
    match Document::parse(&text) {
        Ok(document) => loose(&document, text.clone(), ids),
        Err(error) => Work::Refused(error.into()),
    }
}

/// A resource with an id is an update (or a create under that id), one without a create.
fn loose(document: &Document<'_>, body: Bytes, ids: &Ids) -> Work {
    let root = document.root();
    let kind = match structure::check(document) {
        Ok(checked) => checked.resource_type,
        Err(issues) => return Work::Refused(issues.into()),
    };
    let body = minified(root, body);
    let id = root.member("id").and_then(|id| id.string());
    let change = match id {
        Some(id) => Change {
            kind: kind.into(),
            id: id.as_ref().into(),
            operation: Operation::Update { body, if_match: None, if_none_match: false },
        },
        None => Change { kind: kind.into(), id: ids.next().into(), operation: Operation::Create { body } },
    };
    Work::Change(change)
}

fn minified(root: Element<'_>, text: Bytes) -> Bytes {
    if root.is_compact() {
        return text.slice(root.start()..root.end());
    }
    let mut out = Vec::with_capacity(text.len());
    minify(&root, &mut out);
    out.into()
}

fn is_a(element: Element<'_>, kind: &str) -> bool {
    element.member("resourceType").and_then(|value| value.string()).is_some_and(|value| value == kind)
}

/// Entries that search results add about themselves.
fn is_outcome(entry: Element<'_>) -> bool {
    let mode = entry.member("search").and_then(|search| search.member("mode")).and_then(|mode| mode.string());
    mode.is_some_and(|mode| mode == "outcome")
}

fn too_long() -> Failure {
    Failure::bad_request(Code::TooLong, format!("Longer than {} MiB: split it.", LONGEST >> 20))
}

fn no_type() -> Failure {
    Failure::bad_request(Code::Structure, "Not a resource: resourceType is missing or is no type of R4.")
        .at("resourceType")
}

fn no_resource() -> Failure {
    Failure::bad_request(Code::Required, "The entry has no resource to import.").at("Bundle.entry.resource")
}

fn not_for_import() -> Failure {
    Failure::bad_request(
        Code::NotSupported,
        "Import takes bundles of type transaction, batch, collection, searchset, document and message.",
    )
    .at("Bundle.type")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cli::import::unit::Unit;
    use crate::clock::Clock;

    fn of(text: &str, done: &Done) -> Vec<String> {
        let ids = Ids::seeded(1, Arc::new(Clock::seeded()));
        let line = Line { number: 4, text: Some(Bytes::from(text.to_owned())) };
        let told = |item: Item| {
            let entry = item.entry.map(|entry| format!("[{entry}] ")).unwrap_or_default();
            let work = match item.work {
                Work::Change(Change { kind, operation: Operation::Create { .. }, .. }) => format!("create {kind}"),
                Work::Change(Change { kind, id, .. }) => format!("update {kind}/{id}"),
                Work::Done => "done".to_owned(),
                Work::Refused(failure) => format!("refused {}", failure.issues[0].code.as_str()),
                Work::Transaction { targets, .. } => format!("transaction {}", targets.join(" ")),
            };
            entry + work.trim_end()
        };
        items(&line, done, &ids).into_iter().map(told).collect()
    }

    fn told(text: &str) -> Vec<String> {
        of(text, &Done::default())
    }

    #[test]
    fn a_resource_is_updated_under_its_id_or_created() {
        assert_eq!(told(r#"{"resourceType":"Patient","id":"a"}"#), ["update Patient/a"]);
        assert_eq!(told(r#"{"resourceType":"Patient"}"#), ["create Patient"]);
        assert_eq!(told(r#"{"resourceType":"Patiens"}"#), ["refused structure"]);
        assert_eq!(told(r#"{"resourceType":"Patient","famly":1}"#).len(), 1);
        assert!(told(r#"{"resourceType":"Patient","id":"a b"}"#)[0].starts_with("refused"));
        assert!(told("{").iter().all(|item| item.starts_with("refused")));
    }

    #[test]
    fn a_transaction_stays_whole_and_names_what_it_writes() {
        let text = r#"{"resourceType":"Bundle","type":"transaction","entry":[
            {"resource":{"resourceType":"Patient","id":"a"},"request":{"method":"PUT","url":"Patient/a"}},
            {"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}]}"#;
        assert_eq!(told(text), ["transaction Patient/a"]);
    }

    #[test]
    fn entries_of_a_batch_stand_for_themselves() {
        let text = r#"{"resourceType":"Bundle","type":"batch","entry":[
            {"resource":{"resourceType":"Patient","id":"a"},"request":{"method":"PUT","url":"Patient/a"}},
            {"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}},
            {"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=1"}},
            {"request":{"method":"DELETE","url":"Patient/b"}},
            {"request":{"method":"GET","url":"Patient/b"}}]}"#;
        let expected = [
            "[0] update Patient/a",
            "[1] create Patient",
            "[2] transaction",
            "[3] transaction Patient/b",
            "[4] refused not-supported",
        ];
        assert_eq!(told(text), expected);
        let done = Done::new([Unit { line: 4, entry: Some(0), count: 2 }.encode()]);
        assert_eq!(of(text, &done)[..3], ["[0] done", "[1] done", "[2] transaction"]);
        assert_eq!(of(text, &Done::new([Unit { line: 3, entry: None, count: 2 }.encode()])), ["done"]);
    }

    #[test]
    fn a_collection_is_taken_apart_unless_its_entries_refer_to_each_other() {
        let loose = r#"{"resourceType":"Bundle","type":"searchset","entry":[
            {"resource":{"resourceType":"Patient","id":"a"}},
            {"resource":{"resourceType":"OperationOutcome"},"search":{"mode":"outcome"}},
            {"fullUrl":"http://x/Patient/b"}]}"#;
        assert_eq!(told(loose), ["[0] update Patient/a", "[2] refused required"]);
        let knit = r#"{"resourceType":"Bundle","type":"collection","entry":[
            {"fullUrl":"urn:uuid:6f4e2b4c-0000-4000-8000-000000000001","resource":{"resourceType":"Patient","id":"a"}},
            {"resource":{"resourceType":"Observation"}}]}"#;
        assert_eq!(told(knit), ["transaction Patient/a"]);
    }

    #[test]
    fn documents_stay_bundles_and_answers_are_refused() {
        let bundle = |kind: &str| told(&format!(r#"{{"resourceType":"Bundle","id":"d","type":"{kind}"}}"#));
        assert_eq!(bundle("document"), ["update Bundle/d"]);
        assert_eq!(bundle("transaction-response"), ["refused not-supported"]);
        assert_eq!(told(r#"{"resourceType":"Bundle"}"#), ["refused required"]);
    }
}
