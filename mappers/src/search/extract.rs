//! What a resource gives to the index tables, one file per kind of value.

pub(super) mod date;
mod quantity;
pub(super) mod reference;
mod string;
pub(super) mod token;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::index_path::{index_path, typed_path};
use super::parameters::{self, ElementType, ParameterKind};
use super::plan::Plan;
use super::position;
use crate::json::{Element, Kind};

/// Index rows of one resource, sorted, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexRows<'d> {
    /// Codes, identifiers, yes and no, addresses (URIs).
    pub tokens: Vec<TokenRow<'d>>,
    /// Text.
    pub strings: Vec<StringRow<'d>>,
    /// Ranges of time.
    pub dates: Vec<DateRow>,
    /// Numbers and quantities.
    pub quantities: Vec<QuantityRow<'d>>,
    /// Other resources.
    pub references: Vec<ReferenceRow<'d>>,
}

/// One token (<https://hl7.org/fhir/R4/search.html#token>) or address.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct TokenRow<'d> {
    /// The place: [`super::index_path()`].
    pub path: i32,
    /// The code, the identifier's value or the address.
    pub code: Cow<'d, str>,
    /// The system; empty where the value has none.
    pub system: Cow<'d, str>,
    /// Number of the item whose values belong together; 0 = the resource.
    pub item: i32,
}

/// One text (<https://hl7.org/fhir/R4/search.html#string>); also what stands for a token in words (`:text`).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct StringRow<'d> {
    /// The place.
    pub path: i32,
    /// The text as searches compare it: [`super::normal()`].
    pub normal: String,
    /// The text as it is.
    pub text: Cow<'d, str>,
    /// Number of the item.
    pub item: i32,
}

/// One range of time (<https://hl7.org/fhir/R4/search.html#date>), in ticks of 100 ns since 1970 (UTC).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct DateRow {
    /// The place.
    pub path: i32,
    /// The first instant; `i64::MIN` = open.
    pub low: i64,
    /// Just past the last instant; `i64::MAX` = open.
    pub high: i64,
    /// Number of the item.
    pub item: i32,
}

/// One number or quantity (<https://hl7.org/fhir/R4/search.html#quantity>). The index only finds with it: what is served
/// is the resource's own text.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub struct QuantityRow<'d> {
    /// The place.
    pub path: i32,
    /// The least value it may have; infinite = open.
    pub low: f64,
    /// The greatest value it may have; infinite = open.
    pub high: f64,
    /// The system of the unit's code; empty where there is none.
    pub system: Cow<'d, str>,
    /// The unit's code; empty where there is none.
    pub code: Cow<'d, str>,
    /// The unit in words; empty where there is none.
    pub unit: Cow<'d, str>,
    /// Number of the item.
    pub item: i32,
}

/// One reference (<https://hl7.org/fhir/R4/search.html#reference>).
///
/// A relative reference gives type and id. An absolute one (a URL, `urn:uuid:`, `urn:oid:`) keeps its full text as
/// `target_id` and the type its path tells, so that it never equals a local id: ids hold neither `:` nor `/`. Versions
/// (`/_history/2`) and fragments are cut; a canonical address with a version gives a row with and a row without it. A
/// reference that says only an identifier or a text gives a row without a target: it is there, and finds nothing.
/// Conditional ones and those to contained resources give none.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ReferenceRow<'d> {
    /// The place.
    pub path: i32,
    /// The id of a relative reference; else the reference's text.
    pub target_id: Cow<'d, str>,
    /// The type; empty where nothing tells it.
    pub target_type: &'static str,
    /// Number of the item.
    pub item: i32,
}

/// What a place is indexed for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feed {
    /// The place.
    pub(super) path: i32,
    /// Where tokens of an identifier with its type stand.
    pub(super) typed: i32,
    /// Which kinds of rows, as bits.
    pub(super) kinds: u8,
}

const DATE: u8 = 1;
const QUANTITY: u8 = 2;
const REFERENCE: u8 = 4;
const STRING: u8 = 8;
const TOKEN: u8 = 16;
const URI: u8 = 32;

/// The kind of rows that a parameter of a kind is answered from; 0 for those that have none of their own.
pub(super) fn feed(kind: ParameterKind) -> u8 {
    match kind {
        ParameterKind::Composite | ParameterKind::Special => 0,
        ParameterKind::Date => DATE,
        ParameterKind::Number | ParameterKind::Quantity => QUANTITY,
        ParameterKind::Reference => REFERENCE,
        ParameterKind::String => STRING,
        ParameterKind::Token => TOKEN,
        ParameterKind::Uri => URI,
    }
}

type TypePlan = Plan<Feed>;

static PLANS: LazyLock<Vec<(&'static str, TypePlan)>> =
    LazyLock::new(|| parameters::resource_types().iter().map(|kind| (*kind, plan(kind))).collect());

/// The index rows of a resource of this type; none for an unknown type.
#[must_use]
pub fn extract<'d>(kind: &str, resource: Element<'d>) -> IndexRows<'d> {
    let mut rows = IndexRows::default();
    let Ok(at) = PLANS.binary_search_by(|(name, _)| (*name).cmp(kind)) else { return rows };
    PLANS[at].1.visit(resource, &mut |leaf, element, item| rows.add(leaf.purpose, leaf.element, element, item));
    if kind == "Patient" && resource.kind() == Kind::Object {
        rows.living();
    }
    if kind == position::KIND {
        position::extract(resource, &mut rows);
    }
    rows.once();
    rows
}

fn plan(kind: &'static str) -> TypePlan {
    let mut plan = Plan::new();
    let mut feeds: BTreeMap<(&str, ElementType), (&'static parameters::Path, &str, u8)> = BTreeMap::new();
    for definition in parameters::supported(Some(kind)) {
        // Id and time of the last change are columns of the directory.
        if matches!(definition.name, "_id" | "_lastUpdated") {
            continue;
        }
        let feed = match definition.param_kind {
            ParameterKind::Composite => {
                definition.paths.iter().for_each(|path| plan.number(path));
                continue;
            }
            ParameterKind::Special => continue,
            kind => feed(kind),
        };
        for path in definition.indexed() {
            feeds.entry((path.text, path.element)).or_insert((path, definition.kind, 0)).2 |= feed;
        }
    }
    for (path, kind, kinds) in feeds.into_values() {
        plan.add(path, Feed { path: index_path(kind, path.text), typed: typed_path(kind, path.text), kinds });
    }
    plan
}

fn once<T: Ord>(rows: &mut Vec<T>) {
    if rows.len() > 1 {
        rows.sort_unstable();
        rows.dedup();
    }
}

impl<'d> IndexRows<'d> {
    /// The same rows, independent of the resource's text.
    #[must_use]
    pub fn into_owned(self) -> IndexRows<'static> {
        fn own(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        IndexRows {
            tokens: self
                .tokens
                .into_iter()
                .map(|row| TokenRow { path: row.path, code: own(row.code), system: own(row.system), item: row.item })
                .collect(),
            strings: self
                .strings
                .into_iter()
                .map(|row| StringRow { path: row.path, normal: row.normal, text: own(row.text), item: row.item })
                .collect(),
            dates: self.dates,
            quantities: self
                .quantities
                .into_iter()
                .map(|row| QuantityRow {
                    path: row.path,
                    low: row.low,
                    high: row.high,
                    system: own(row.system),
                    code: own(row.code),
                    unit: own(row.unit),
                    item: row.item,
                })
                .collect(),
            references: self
                .references
                .into_iter()
                .map(|row| ReferenceRow {
                    path: row.path,
                    target_id: own(row.target_id),
                    target_type: row.target_type,
                    item: row.item,
                })
                .collect(),
        }
    }

    /// Sorts the rows; equal ones are one.
    pub fn once(&mut self) {
        once(&mut self.tokens);
        once(&mut self.strings);
        once(&mut self.dates);
        self.quantities.sort_by(|one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal));
        self.quantities.dedup();
        once(&mut self.references);
    }

    /// The rows of one element of a type.
    pub(super) fn add(&mut self, feed: Feed, kind: ElementType, element: Element<'d>, item: i32) {
        let Feed { path, typed, kinds } = feed;
        if kinds & DATE != 0
            && let Some((low, high)) = date::range(kind, element)
        {
            self.dates.push(DateRow { path, low, high, item });
        }
        if kinds & QUANTITY != 0 {
            self.quantities.extend(quantity::quantity(kind, element, path, item));
        }
        if kinds & REFERENCE != 0 {
            reference::references(self, kind, element, path, item);
        }
        if kinds & STRING != 0 {
            string::texts(kind, element, &mut |text| self.text(path, text, item));
        }
        if kinds & TOKEN != 0 {
            token::tokens(kind, element, &mut |system, code| {
                self.tokens.push(TokenRow { path, code, system, item });
            });
            token::words(kind, element, &mut |text| self.text(path, text, item));
            if kind == ElementType::Identifier {
                token::typed(element, &mut |system, code| {
                    self.tokens.push(TokenRow { path: typed, code: code.into(), system, item });
                });
            }
        }
        if kinds & URI != 0
            && kinds & TOKEN == 0
            && let Some(code) = element.string()
        {
            // `_profile=url` finds every version of it.
            if let Some((address, _)) = code.split_once('|').filter(|_| kind == ElementType::Canonical) {
                let code = Cow::Owned(address.to_owned());
                self.tokens.push(TokenRow { path, code, system: Cow::Borrowed(""), item });
            }
            self.tokens.push(TokenRow { path, code, system: Cow::Borrowed(""), item });
        }
    }

    /// Who is not said to be dead is found by `deceased=false`: the parameter asks whether the element is there
    /// (<https://hl7.org/fhir/R4/patient.html#search>).
    fn living(&mut self) {
        let definition = parameters::definition("Patient", "deceased");
        let places: Vec<i32> = definition.into_iter().flat_map(|found| found.index_paths()).collect();
        let Some(path) = places.first().copied() else { return };
        if !self.tokens.iter().any(|row| places.contains(&row.path)) {
            let (code, system) = (Cow::Borrowed("false"), Cow::Borrowed(""));
            self.tokens.push(TokenRow { path, code, system, item: 0 });
        }
    }

    /// The row of a text.
    pub(super) fn text(&mut self, path: i32, text: Cow<'d, str>, item: i32) {
        let normal = super::normal(&text);
        self.strings.push(StringRow { path, normal, text, item });
    }
}
