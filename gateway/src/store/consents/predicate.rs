//! The decision of `consent::decide_on` as a condition on a row of the directory. It says the same of every row: a test asks
//! both.
//!
//! Most rows are simple: no law has a say, and the patient has no deny that could match. That takes one look at the patient's
//! rules, and stands first. Every other row is put to the whole decision: on SQLite an expression, on PostgreSQL a function.

mod function;
pub(super) mod scopes;
mod whole;

use consent::scoped::Deed;
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
/// That a deny (`r`) can match a plain row, as the index of such denies says it.
const OF_PLAIN: &str = "(r.labels is null or (r.labels & 15) <> 0)";
const _: () = assert!(PLAIN == 15, "OF_PLAIN and two indexes say which levels are plain");

/// How far a Provenance of a Provenance is followed.
const FOLLOWED: u8 = 2;

/// The condition that a directory row (under `d`) may be seen: that itself may be, and of a Provenance that all it is about may be
/// (F13); and it is within the caller's scopes. `kinds`: the types that it may be of, as far as the plan knows; any, where there is none.
pub(crate) fn condition<'p>(
    asked: &'p Asked,
    (d, kinds): (&str, &[&str]),
    span: Span,
    engine: Engine,
    breadth: Breadth<'_>,
    places: &mut impl Places<'p>,
) -> String {
    let mut own = by_itself(asked, d, span, engine, breadth, places);
    let limit = asked.scoped().and_then(|scoped| {
        // Past versions are read, and never found.
        let types = if span == Span::Ever { scoped.to(Deed::Read) } else { scoped.shown() };
        scopes::within(types, (d, kinds), span, places)
    });
    if let Some(limit) = limit {
        own = format!("{limit} and {own}");
    }
    if !kinds.is_empty() && !kinds.contains(&provenance::KIND) {
        return own;
    }
    format!("{own} and {}", by_targets(asked, d, span, engine, places))
}

/// Conditions on a row of the directory (under `d`), one of which holds of every row there is that [`condition`] may hide. All
/// others are shown. Which these are: what has a sensitive label is hidden by a law or by some deny of its patient's, everything
/// else by a deny that could match a plain row. `None` where most rows may be hidden: there is no such shortcut.
pub(crate) fn may_hide<'p>(
    asked: &'p Asked,
    (d, kinds): (&str, &[&str]),
    organization: &str,
    places: &mut impl Places<'p>,
) -> Option<[String; 2]> {
    let is_told_by_itself = !kinds.is_empty() && !kinds.contains(&provenance::KIND);
    if asked.scoped().is_some_and(|scoped| !scoped.shown().have_all(kinds) || !scoped.to(Deed::Search).have_all(kinds))
    {
        return None;
    }
    if asked.default() != PolicyDefault::Permit || asked.patient().is_some() || !is_told_by_itself {
        return None;
    }
    let row = format!("{d}.");
    let terms = terms(asked, &row, Span::Current, places);
    let (any, of_plain) = (denied(&terms, "true", organization), denied(&terms, OF_PLAIN, organization));
    // As the index of such rows says it.
    let sensitive = format!("({d}.labels = 0 or ({d}.labels & {}) <> 0)", !PLAIN);
    let lawful = format!("{d}.labels = 0 or ({d}.labels & {}) <> 0", lawful(asked));
    Some([format!("{sensitive} and ({lawful} or {d}.patient in {any})"), format!("{d}.patient in {of_plain}")])
}

/// That a row of the directory (under `d`) is one of those that may be read, or that a search may find, by the caller's scopes, where
/// these are others than those that may be shown at all.
pub(crate) fn reached_by<'p>(
    asked: &'p Asked,
    deed: Deed,
    (d, kinds): (&str, &[&str]),
    places: &mut impl Places<'p>,
) -> Option<String> {
    let scoped = asked.scoped()?;
    let reached = scoped.to(deed);
    if reached == scoped.shown() { None } else { scopes::within(reached, (d, kinds), Span::Current, places) }
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
    let lawful = lawful(asked);
    let has = |deny: bool, also: &str| {
        let rules = rules(terms, deny, also);
        format!("exists (select 1 from consent_rules r where {} and {rules})", terms.of_patient("r"))
    };
    let permitted = match asked.default() {
        PolicyDefault::Permit => String::new(),
        PolicyDefault::Deny => {
            let all = "r.classes is null and r.labels is null and r.not_labels is null and r.codes is null and r.data_from is null and r.data is null";
            format!(" and {}", has(false, all))
        }
    };
    let is_none_of = |denied: String| format!("({d}patient is null or {d}patient not in {denied})");
    let (of_plain, undenied) = match breadth {
        Breadth::Few => (format!("not {}", has(true, OF_PLAIN)), String::new()),
        Breadth::Many(organization) => {
            // Of a patient who denies nothing, doubt has nothing to say either.
            let undenied = is_none_of(denied(terms, "true", organization));
            let undenied = format!("when {}{permitted} and {undenied} then true ", of_labels(lawful));
            (is_none_of(denied(terms, OF_PLAIN, organization)), undenied)
        }
    };
    let class = contains("r.classes", &fence(&format!("{d}type")));
    let reaching = format!("(r.labels is null or (r.labels & {own}) <> 0) and (r.classes is null or {class})");
    format!(
        "when {}{permitted} and {of_plain} then true {undenied}when {}{permitted} and not {} then true",
        of_labels(!PLAIN),
        of_labels(Labels::DOUBTFUL.bits() | lawful),
        has(true, &reaching),
    )
}

/// Labels on which a law has a say.
fn lawful(asked: &Asked) -> i64 {
    Labels::PART2.bits() | Labels::PSYCHOTHERAPY.bits() | asked.demands().labels().bits()
}

/// The rules (`r`) that hold for the request, of denies or permits, and `also`.
fn rules(terms: &Terms<'_>, deny: bool, also: &str) -> String {
    format!("r.deny = {} and {} and {also}", i8::from(deny), terms.holds("r", deny))
}

/// The patients of an organization (an expression) with such a deny that holds for the request: a statement in brackets, which is
/// answered once.
fn denied(terms: &Terms<'_>, such: &str, organization: &str) -> String {
    let rules = rules(terms, true, such);
    format!("(select r.patient from consent_rules r where r.organization_id = {organization} and {rules})")
}

/// An expression between fences, as SQL.
fn fence(value: &str) -> String {
    format!("'{FENCE}' || {value} || '{FENCE}'")
}

/// That a list holds a value between fences. Both engines have `replace`, and neither takes a value for a pattern.
fn contains(list: &str, fenced: &str) -> String {
    format!("replace({list}, {fenced}, '') <> {list}")
}
