//! The decision of `consent::decide_on` as a condition on a row of the directory. It says the same of every row: a test asks
//! both.
//!
//! Most rows are simple: no law has a say, and the patient has no deny that could match. That takes one look at the patient's
//! rules, and stands first. Every other row is put to the whole decision: on SQLite an expression, on PostgreSQL a function.

mod function;
mod whole;

use consent::statute::Demands;
use consent::{Asked, Breaker, FENCE, Labels, PolicyDefault};
use mappers::search::index_path;

use self::whole::{Masks, Terms, Texts};
use crate::store::connection::Engine;
use crate::store::provenance;

pub(crate) use self::function::STATEMENTS as FUNCTION;

/// Takes values and gives their placeholders.
pub(crate) trait Places<'p> {
    /// A text.
    fn text(&mut self, value: &'p str) -> String;
    /// An integer.
    fn int(&mut self, value: i64) -> String;
}

/// Which labels of a row count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Span {
    /// Those of the current version, of which one is a level.
    Current,
    /// Those that any version had: what shows past versions asks for all of them.
    Ever,
}

/// How many rows will be asked about, as far as the plan knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Breadth<'b> {
    /// A page: each row's patient is looked up.
    Few,
    /// All that there are: the patients with denies are found first, once, in this organization (an expression).
    Many(&'b str),
}

/// The levels that a plain row has.
const PLAIN: i64 = (Labels::NORMAL.bits() << 1) - 1;
/// Labels on which doubt has a say, or a law that holds for every request.
const SPECIAL: i64 = Labels::DOUBTFUL.bits() | Labels::PART2.bits() | Labels::PSYCHOTHERAPY.bits();

/// How far a Provenance of a Provenance is followed.
const FOLLOWED: u8 = 2;

/// The condition that a directory row (under `d`) may be seen: that itself may be, and of a Provenance that all it is about may be
/// (F13). `kinds`: the types that it may be of, as far as the plan knows; any, where there is none.
pub(crate) fn condition<'p>(
    asked: &'p Asked,
    (d, kinds): (&str, &[&str]),
    span: Span,
    engine: Engine,
    breadth: Breadth<'_>,
    places: &mut impl Places<'p>,
) -> String {
    let own = by_itself(asked, d, span, engine, breadth, places);
    if !kinds.is_empty() && !kinds.contains(&provenance::KIND) {
        return own;
    }
    format!("{own} and {}", by_targets(asked, d, span, engine, places))
}

/// The part of [`condition`] that a Provenance's targets decide.
pub(crate) fn by_targets<'p>(
    asked: &'p Asked,
    d: &str,
    span: Span,
    engine: Engine,
    places: &mut impl Places<'p>,
) -> String {
    targets(asked, d, (span, engine), FOLLOWED, places)
}

fn targets<'p>(
    asked: &'p Asked,
    d: &str,
    (span, engine): (Span, Engine),
    followed: u8,
    places: &mut impl Places<'p>,
) -> String {
    let not_one = format!("{d}.type <> '{}'", provenance::KIND);
    if followed == 0 {
        // What is further away is in doubt.
        return not_one;
    }
    let (row, target) = (format!("{d}r"), format!("{d}t"));
    let itself = by_itself(asked, &target, span, engine, Breadth::Few, places);
    let further = targets(asked, &target, (span, engine), followed - 1, places);
    let path = index_path(provenance::KIND, "target");
    // The targets are those of the current version: of others, and of what is deleted, they are in doubt.
    let known = match span {
        Span::Current => format!("{d}.deleted = 0"),
        Span::Ever => format!("{d}.deleted = 0 and {d}.version = 1"),
    };
    // Other servers' (their addresses have a colon) and those in words are nobody's to hide. One that is not here is as good as hidden:
    // whoever writes about an id would learn otherwise whether there is something under it.
    let here = format!("{row}.target_type <> '' and replace({row}.target_id, ':', '') = {row}.target_id");
    format!(
        "case when {not_one} then true else {known} and not exists (select 1 from index_reference {row} \
         left join directory {target} on {target}.organization_id = {d}.organization_id \
         and {target}.type = {row}.target_type and {target}.id = {row}.target_id \
         where {row}.rid = {d}.rid and {row}.path = {path} and {here} \
         and not coalesce({target}.rid is not null and {itself} and {further}, false)) end"
    )
}

/// The part of [`condition`] that a row decides by itself.
pub(crate) fn by_itself<'p>(
    asked: &'p Asked,
    d: &str,
    span: Span,
    engine: Engine,
    breadth: Breadth<'_>,
    places: &mut impl Places<'p>,
) -> String {
    let row = format!("{d}.");
    let terms = terms(asked, &row, span, places);
    let whole = match engine {
        Engine::Postgres => function::call(&terms),
        Engine::Sqlite => terms.permit(),
    };
    let mut permit = format!("case {} else {whole} end", simple(asked, &terms, breadth));
    if span == Span::Ever {
        // What it was before it was moved to another patient is the other one's data (F5).
        permit = format!("{row}moved = 0 and {permit}");
    }
    match asked.patient() {
        Some(patient) => format!("{row}patient = {} and {permit}", places.text(patient)),
        None => permit,
    }
}

fn terms<'t, 'p>(asked: &'p Asked, d: &'t str, span: Span, places: &mut impl Places<'p>) -> Terms<'t> {
    let truth = |holds: bool| if holds { "true" } else { "false" }.to_owned();
    Terms {
        d,
        schema: "",
        span,
        now: places.int(asked.ticks()),
        purpose: places.text(asked.purpose()),
        actors: Texts::Each(asked.actors().iter().map(|actor| places.text(actor)).collect()),
        authors: Texts::Each(asked.asking().actors.iter().map(|actor| places.text(actor)).collect()),
        own: Texts::Each(asked.own_patients().map(|id| places.text(id)).collect()),
        permits: asked.actions(false).to_string(),
        denies: asked.actions(true).to_string(),
        default_permits: truth(asked.default() == PolicyDefault::Permit),
        demands: masks(asked.demands()),
        glass: match asked.breaker() {
            _ if asked.asking().break_glass => "true".to_owned(),
            Some(breaker) => broken(breaker, asked.asking().at_ms, d, places),
            None => "false".to_owned(),
        },
    }
}

fn masks(demands: Demands) -> Masks {
    let mask = |labels: Labels| labels.bits().to_string();
    let each = (0..i64::BITS).map(|bit| 1 << bit).filter(|bit| demands.named.bits() & bit != 0).collect();
    Masks { never: mask(demands.never), consent: mask(demands.consent), named: mask(demands.named), each }
}

/// That the caller has broken the glass over the row's patient (G): read in the data's own snapshot. What is broken is looked up
/// once a statement, not once a row.
fn broken<'p>(breaker: &'p Breaker, at_ms: i64, d: &str, places: &mut impl Places<'p>) -> String {
    let caller = breaker.caller().map(|caller| format!("g.caller = {} and ", places.text(caller))).unwrap_or_default();
    let (actors, purpose) = (places.text(breaker.actors()), places.text(breaker.purpose()));
    let now = places.int(at_ms);
    format!(
        "coalesce(({d}organization_id, {d}patient) in (select g.organization_id, g.patient from break_glass_grants g \
         where {caller}g.actors = {actors} and g.purpose = {purpose} and g.closed is null \
         and g.opened <= {now} and {now} < g.expires), false)"
    )
}

/// Rows on which no law has a say and that no deny of the patient's can match: those without a sensitive label, of which all
/// patients can be asked at once, and the others.
fn simple(asked: &Asked, terms: &Terms<'_>, breadth: Breadth<'_>) -> String {
    let (d, own) = (terms.d, terms.labels());
    let of_labels = |others: i64| format!("{d}labels <> 0 and ({own} & {others}) = 0");
    let rules =
        |deny: bool, also: &str| format!("r.deny = {} and {} and {also}", i8::from(deny), terms.holds("r", deny));
    let has = |deny: bool, also: &str| {
        let rules = rules(deny, also);
        format!("exists (select 1 from consent_rules r where {} and {rules})", terms.of_patient("r"))
    };
    let permitted = match asked.default() {
        PolicyDefault::Permit => String::new(),
        PolicyDefault::Deny => {
            let all = "r.classes is null and r.labels is null and r.not_labels is null and r.codes is null and r.data_from is null and r.data is null";
            format!(" and {}", has(false, all))
        }
    };
    // As the index of such denies says it.
    let of_plain = format!("(r.labels is null or (r.labels & {PLAIN}) <> 0)");
    let of_plain = match breadth {
        Breadth::Few => format!("not {}", has(true, &of_plain)),
        Breadth::Many(organization) => format!(
            "({d}patient is null or {d}patient not in \
             (select r.patient from consent_rules r where r.organization_id = {organization} and {}))",
            rules(true, &of_plain)
        ),
    };
    let class = contains("r.classes", &fence(&format!("{d}type")));
    let reaching = format!("(r.labels is null or (r.labels & {own}) <> 0) and (r.classes is null or {class})");
    format!(
        "when {}{permitted} and {of_plain} then true when {}{permitted} and not {} then true",
        of_labels(!PLAIN),
        of_labels(SPECIAL | asked.demands().labels().bits()),
        has(true, &reaching),
    )
}

/// An expression between fences, as SQL.
fn fence(value: &str) -> String {
    format!("'{FENCE}' || {value} || '{FENCE}'")
}

/// That a list holds a value between fences. Both engines have `replace`, and neither takes a value for a pattern.
fn contains(list: &str, fenced: &str) -> String {
    format!("replace({list}, {fenced}, '') <> {list}")
}
