//! The entries of a document: gathered by reference, as the caller may see them, and written once each.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use hyper::StatusCode;
use mappers::json::{Element, Kind, write_string};
use mappers::labels::Name;
use mappers::references::{self, Bases, Reference};
use mappers::search::Search;
use mappers::search::query::Test;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::clock::Clock;
use crate::interaction::{Exchange, number};
use crate::operation::chart;
use crate::outcome::{Code, Failure};
use crate::store::{Found, SearchRequest, Version};

/// Whether a reader of an entry needs what it names of this type: what is nobody's record, and of the record who is related and
/// what was examined.
pub(in crate::operation) fn is_support(kind: &str) -> bool {
    chart::NAMED.contains(&kind) || ["RelatedPerson", "Specimen"].contains(&kind)
}

/// The most entries of a document.
const MOST: usize = 2000;
/// The most bytes that they may have together.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// The most resources that one document asks for, there or not: each costs a look into the database.
const MOST_ASKED: usize = 5000;
/// Resources read at a time.
const TOGETHER: usize = 50;

/// Documents built at a time in this process: each may hold [`MOST_BYTES`] twice, as entries and as the Bundle.
static BUILDING: Semaphore = Semaphore::const_new(2);

/// Waits for the turn to build a document; it is over when this is dropped.
///
/// # Errors
/// 500 where there are no turns any more, which does not happen.
pub(in crate::operation) async fn turn() -> Result<SemaphorePermit<'static>, Failure> {
    BUILDING.acquire().await.map_err(|_| Failure::internal())
}

/// A resource of ours that something refers to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(in crate::operation) struct Target {
    /// The type.
    pub(in crate::operation) kind: &'static str,
    /// The id.
    pub(in crate::operation) id: Box<str>,
    /// The version, where one is named.
    version: Option<i64>,
}

impl Target {
    /// What a Reference refers to; `None` for a resource of another server, a contained one, or none at all. A version that
    /// is no number is none of ours: the current one in its place would not be what was meant.
    pub(in crate::operation) fn of(reference: Element<'_>, bases: &Bases) -> Option<Self> {
        let text = reference.member("reference")?.string()?;
        match references::parse(bases.below(&text).unwrap_or(&text)) {
            Reference::Local { kind, id, version: None } => Some(Self { kind, id: id.into(), version: None }),
            Reference::Local { kind, id, version: Some(version) } => {
                Some(Self { kind, id: id.into(), version: Some(number(version)?) })
            }
            _ => None,
        }
    }
}

/// Every Reference in a resource.
pub(in crate::operation) fn references<'d>(element: Element<'d>, found: &mut impl FnMut(Element<'d>)) {
    for child in element.children() {
        match child.kind() {
            Kind::Object | Kind::Array => references(child, found),
            Kind::String if child.is_named("reference") => found(element),
            _ => {}
        }
    }
}

/// Resources in the order they came in, each version once.
#[derive(Default)]
pub(in crate::operation) struct Collection {
    /// The resources.
    pub(in crate::operation) entries: Vec<Version>,
    /// Their bytes.
    pub(in crate::operation) bytes: usize,
    /// Type, id and version of each.
    held: HashSet<(Box<str>, Box<str>, i64)>,
    /// Type and id of each.
    known: HashSet<(Box<str>, Box<str>)>,
    asked: HashSet<Target>,
}

impl Collection {
    /// Adds a resource, if it is not in yet.
    ///
    /// # Errors
    /// 422: more than one document may hold. Half a document would be none.
    pub(in crate::operation) fn add(&mut self, version: Version) -> Result<(), Failure> {
        let (kind, id) = (version.kind.clone(), version.id.clone());
        if !self.held.insert((kind.clone(), id.clone(), version.version)) {
            return Ok(());
        }
        self.known.insert((kind, id));
        self.bytes += version.body.len();
        self.entries.push(version);
        if self.entries.len() > MOST || self.bytes > MOST_BYTES {
            return Err(too_much(&format!("hold more than {MOST} resources, or more than {} MiB", MOST_BYTES >> 20)));
        }
        Ok(())
    }

    /// Adds what these refer to, as far as it is there for the caller, in their order.
    ///
    /// # Errors
    /// As [`Collection::add`]; 422 also where more is referred to than one document asks for; the store's.
    pub(in crate::operation) async fn fetch(
        &mut self,
        exchange: &Exchange<'_>,
        wanted: &[Target],
    ) -> Result<(), Failure> {
        let mut new: Vec<&Target> = wanted.iter().filter(|target| self.asked.insert((*target).clone())).collect();
        if self.asked.len() > MOST_ASKED {
            return Err(too_much(&format!("refer to more than {MOST_ASKED} resources")));
        }
        // What is in as it is now need not be read again.
        new.retain(|target| target.version.is_some() || !self.holds(target));
        for part in new.chunks(TOGETHER) {
            let mut found = current(exchange, part).await?;
            for target in part {
                let version = match target.version {
                    None => found.remove(&(target.kind, target.id.clone())),
                    Some(version) => past(exchange, target, version).await?,
                };
                if let Some(version) = version {
                    self.add(version)?;
                }
            }
        }
        Ok(())
    }

    fn holds(&self, target: &Target) -> bool {
        self.known.contains(&(target.kind.into(), target.id.clone()))
    }

    /// The security labels of the resources, each once: what is labelled is so in a document, too.
    fn security(&self) -> Vec<String> {
        let (mut names, mut labels) = (BTreeSet::new(), Vec::new());
        for version in &self.entries {
            chart::read(version, |root| {
                let list = root.member("meta").and_then(|meta| meta.member("security"));
                for label in list.into_iter().flat_map(|list| list.children()) {
                    // One without a code is known by its text.
                    let bare = || Name { system: String::new(), code: label.raw().to_owned() };
                    if names.insert(Name::of(label).unwrap_or_else(bare)) {
                        labels.push(label.raw().to_owned());
                    }
                }
            });
        }
        labels
    }

    /// Writes the entries; `first`: none stands before them.
    pub(in crate::operation) fn write(&self, base: &str, first: bool, out: &mut Vec<u8>) {
        for (index, version) in self.entries.iter().enumerate() {
            out.extend_from_slice(if first && index == 0 { br#"{"fullUrl":"# } else { br#",{"fullUrl":"# });
            write_string(out, &format!("{base}/{}/{}", version.kind, version.id));
            out.extend_from_slice(br#","resource":"#);
            out.extend_from_slice(&version.body);
            out.push(b'}');
        }
    }
}

fn too_much(what: &str) -> Failure {
    let details = format!("The document would {what}. Read its parts by search instead.");
    Failure::new(StatusCode::UNPROCESSABLE_ENTITY, Code::TooCostly, details)
}

/// The current versions, by type and id: one search a type.
async fn current(
    exchange: &Exchange<'_>,
    targets: &[&Target],
) -> Result<HashMap<(&'static str, Box<str>), Version>, Failure> {
    let mut kinds: BTreeMap<&'static str, Vec<Box<str>>> = BTreeMap::new();
    for target in targets.iter().filter(|target| target.version.is_none()) {
        kinds.entry(target.kind).or_default().push(target.id.clone());
    }
    let mut found = HashMap::new();
    for (kind, ids) in kinds {
        let (count, search) = (ids.len(), Search::of(vec![kind], vec![Test::Id(ids)]));
        let request = SearchRequest { search, count, ..SearchRequest::default() };
        let page = exchange.endpoint.gateway.store.search(&exchange.permit, &request).await?;
        found.extend(page.matches.into_iter().map(|version| ((kind, version.id.clone()), version)));
    }
    Ok(found)
}

/// The version that a reference names.
async fn past(exchange: &Exchange<'_>, target: &Target, version: i64) -> Result<Option<Version>, Failure> {
    let store = &exchange.endpoint.gateway.store;
    Ok(match store.vread(&exchange.permit, target.kind, &target.id, version).await? {
        Found::Present(version) => Some(version),
        Found::Deleted(_) | Found::Unknown => None,
    })
}

/// A document Bundle as far as its first entry: named, of now, and labelled as what it holds is.
pub(in crate::operation) fn frame(exchange: &Exchange<'_>, collection: &Collection, out: &mut Vec<u8>) {
    let gateway = &exchange.endpoint.gateway;
    let (document, now) = (gateway.ids.next(), Clock::format(gateway.clock.now_ms()));
    out.extend_from_slice(br#"{"resourceType":"Bundle""#);
    let labels = collection.security();
    if !labels.is_empty() {
        out.extend_from_slice(format!(r#","meta":{{"security":[{}]}}"#, labels.join(",")).as_bytes());
    }
    out.extend_from_slice(
        format!(
            concat!(
                r#","identifier":{{"system":"urn:ietf:rfc:3986","value":"urn:uuid:{}"}},"#,
                r#""type":"document","timestamp":"{}","entry":["#
            ),
            document, now
        )
        .as_bytes(),
    );
}
