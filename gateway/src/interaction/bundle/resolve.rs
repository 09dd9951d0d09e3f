//! The conditions of a transaction, and what each entry is about once they are answered.
//!
//! <https://hl7.org/fhir/R4/http.html#trules>: identities must not overlap, and links between entries follow what the
//! entries became.

mod overlap;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mappers::references::{self, Links, Reference};
use mappers::search::{Custom, Results, Search};

use crate::clock::Ids;
use crate::interaction::bundle::order::Step;
use crate::interaction::bundle::plan::Entry;
use crate::interaction::conditional::ConditionalDelete;
use crate::interaction::{conditional, patch, update};
use crate::outcome::{Code, Failure};
use crate::router::Interaction;
use crate::store::Transaction;

/// What an entry is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Target {
    /// A new resource under this id of ours.
    Create(Box<str>),
    /// Deletes this one.
    Delete(Box<str>),
    /// Deletes all of these: what a condition matched.
    DeleteAll(Vec<Box<str>>),
    /// A conditional create that needs none: this one is there.
    Existing(Box<str>),
    /// A conditional delete that matched nothing.
    Nothing,
    /// Patches this one.
    Patch(Box<str>),
    /// Shows something, after the writes.
    Read,
    /// Replaces this one, or creates it under the client's id.
    Update(Box<str>),
}

/// What a condition matched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Matched {
    /// More than one resource: these, or these and more where they are more than were asked for.
    Many(Vec<Box<str>>),
    /// No resource.
    None,
    /// This one.
    One(Box<str>),
}

/// The conditions of all entries, equal ones once.
#[derive(Default)]
pub(super) struct Conditions {
    /// By their text, so that every transaction asks them in one order and none waits for another in a circle.
    searches: BTreeMap<String, Search>,
    /// The condition of an entry's own.
    of_entry: HashMap<usize, String>,
    /// The condition of a conditional reference, by its text.
    of_reference: HashMap<Box<str>, String>,
    /// Conditions whose matches are changed.
    changing: BTreeSet<String>,
    /// Conditions of which all matches are deleted.
    deleting: BTreeSet<String>,
    /// The entries that delete all their matches.
    of_deletion: BTreeSet<usize>,
}

impl Conditions {
    /// Collects them.
    ///
    /// # Errors
    /// 400: a condition that is not understood, or has no criteria.
    pub(super) fn of(
        base: &str,
        custom: &Custom,
        policy: ConditionalDelete,
        entries: &[Entry],
    ) -> Result<Self, Failure> {
        let mut conditions = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            conditions.add((base, custom), policy, index, entry).map_err(|failure| failure.at(&place(index)))?;
        }
        Ok(conditions)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.searches.is_empty()
    }

    /// Asks them all.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn ask(&self, transaction: &mut Transaction) -> Result<HashMap<String, Matched>, Failure> {
        let mut answers = HashMap::with_capacity(self.searches.len());
        for (key, search) in &self.searches {
            let most = if self.deleting.contains(key) { conditional::MOST_DELETED + 1 } else { 2 };
            let mut found = if self.changing.contains(key) {
                transaction.find_to_change(search, most).await?
            } else {
                transaction.find(search, most).await?
            };
            let matched = match (found.len(), found.pop()) {
                (1, Some(id)) => Matched::One(id),
                (0, _) | (_, None) => Matched::None,
                (_, Some(last)) => {
                    found.push(last);
                    Matched::Many(found)
                }
            };
            answers.insert(key.clone(), matched);
        }
        Ok(answers)
    }

    fn add(
        &mut self,
        base: (&str, &Custom),
        policy: ConditionalDelete,
        index: usize,
        entry: &Entry,
    ) -> Result<(), Failure> {
        let request = &entry.request;
        let condition = match request.interaction {
            Interaction::Create => request.conditions.if_none_exist.as_deref(),
            Interaction::ConditionalDelete | Interaction::ConditionalPatch | Interaction::ConditionalUpdate => {
                Some(&*request.query)
            }
            _ => None,
        };
        if let (Some(kind), Some(condition)) = (request.kind, condition) {
            let key = self.question(base, kind, condition)?;
            let policy = policy.of(request.conditions.if_match.as_deref());
            if request.interaction == Interaction::ConditionalDelete && policy == ConditionalDelete::Multiple {
                self.deleting.insert(key.clone());
                self.of_deletion.insert(index);
            }
            if request.interaction != Interaction::Create {
                self.changing.insert(key.clone());
            }
            self.of_entry.insert(index, key);
        }
        for text in entry.conditional() {
            if self.of_reference.contains_key(text) {
                continue;
            }
            if let Reference::Conditional { kind, query } = references::parse(text) {
                let key = self.question(base, kind, query)?;
                self.of_reference.insert(text.clone(), key);
            }
        }
        Ok(())
    }

    fn question(&mut self, (base, custom): (&str, &Custom), kind: &str, condition: &str) -> Result<String, Failure> {
        let search = conditional::read(base, custom, kind, condition)?;
        let key = format!("{kind}?{}", mappers::search::canonical(&search, &Results::default()));
        self.searches.insert(key.clone(), search);
        Ok(key)
    }
}

/// What the entries are about, and what links to them become.
pub(super) struct Resolved {
    /// A target per entry.
    pub(super) targets: Vec<Target>,
    /// From `fullUrl`s and conditional references to `Type/id`.
    pub(super) links: Links,
    /// Whether there is any link to rewrite.
    pub(super) linked: bool,
}

/// Resolves the entries.
///
/// # Errors
/// 412: a condition matches more than one, or a reference nothing. 400: two entries about one resource, or under one
/// `fullUrl`; an id that is not that of the address.
pub(super) fn resolve(
    entries: &[Entry],
    conditions: &Conditions,
    answers: &HashMap<String, Matched>,
    ids: &Ids,
) -> Result<Resolved, Failure> {
    let mut resolver = Resolver { conditions, answers, ids, made: HashMap::new(), deleted: 0 };
    let mut targets = vec![Target::Read; entries.len()];
    for step in [Step::Delete, Step::Create, Step::Update, Step::Patch] {
        for (index, entry) in
            entries.iter().enumerate().filter(|(_, entry)| Step::of(entry.request.interaction) == step)
        {
            targets[index] = resolver.target(index, entry).map_err(|failure| failure.at(&place(index)))?;
        }
    }
    overlap::check(entries, &targets)?;
    let made = resolver.made;
    let (mut links, mut linked) = (Links::new(), false);
    for (index, (entry, target)) in entries.iter().zip(&targets).enumerate() {
        let Some((full_url, local)) = entry.full_url.as_deref().zip(local(entry, target)) else { continue };
        linked = true;
        if links.insert(full_url, local).is_some() {
            return Err(Failure::bad_request(
                Code::Duplicate,
                "Another entry has this fullUrl, so links to it would be ambiguous. Give each entry its own.",
            )
            .at(&format!("{}.fullUrl", place(index))));
        }
    }
    for (text, key) in &conditions.of_reference {
        let id = match answers.get(key) {
            Some(Matched::One(id)) => Some(id),
            Some(Matched::Many(_)) => None,
            // A resource that this transaction makes under the same condition.
            Some(Matched::None) | None => made.get(key),
        };
        let Some(id) = id else { return Err(unresolved(entries, text, answers.get(key))) };
        let kind = key.split_once('?').map_or("", |(kind, _)| kind);
        linked = true;
        links.insert(text, format!("{kind}/{id}"));
    }
    Ok(Resolved { targets, links, linked })
}

/// `Bundle.entry[i]`
pub(super) fn place(index: usize) -> String {
    format!("Bundle.entry[{index}]")
}

fn id_place(index: usize) -> String {
    format!("{}.resource.id", place(index))
}

/// A condition's text and its one match.
type Answered = (String, Option<Box<str>>);

struct Resolver<'r> {
    conditions: &'r Conditions,
    answers: &'r HashMap<String, Matched>,
    ids: &'r Ids,
    /// What conditional writes of this transaction make, by their condition.
    made: HashMap<String, Box<str>>,
    /// How many resources conditions delete.
    deleted: usize,
}

impl Resolver<'_> {
    fn target(&mut self, index: usize, entry: &Entry) -> Result<Target, Failure> {
        let request = &entry.request;
        let sent = entry.sent.as_ref().and_then(|sent| sent.id.as_deref());
        match request.interaction {
            Interaction::Create => self.create(index),
            Interaction::Update => {
                let (_, id) = request.instance()?;
                update::check_id(sent, id).map_err(|failure| failure.at(&id_place(index)))?;
                Ok(Target::Update(id.into()))
            }
            Interaction::ConditionalUpdate => self.update(index, entry, sent),
            Interaction::Delete => Ok(Target::Delete(request.instance()?.1.into())),
            Interaction::ConditionalDelete => self.delete(index),
            Interaction::Patch => Ok(Target::Patch(request.instance()?.1.into())),
            Interaction::ConditionalPatch => self.patch(index),
            _ => Ok(Target::Read),
        }
    }

    fn delete(&mut self, index: usize) -> Result<Target, Failure> {
        let key = self.conditions.of_entry.get(&index).filter(|_| self.conditions.of_deletion.contains(&index));
        let target = match key.and_then(|key| self.answers.get(key)) {
            Some(Matched::Many(ids)) => Target::DeleteAll(ids.clone()),
            _ => match self.matched(index)? {
                Some((_, Some(id))) => Target::Delete(id),
                _ => Target::Nothing,
            },
        };
        self.deleted += match &target {
            Target::DeleteAll(ids) => ids.len(),
            target => usize::from(*target != Target::Nothing),
        };
        // What the policy allows is bounded for the request as a whole; so many single matches are no accident.
        if matches!(target, Target::DeleteAll(_)) && self.deleted > conditional::MOST_DELETED {
            return Err(conditional::too_many_deleted());
        }
        Ok(target)
    }

    fn patch(&self, index: usize) -> Result<Target, Failure> {
        let Some((key, found)) = self.matched(index)? else { return Err(Failure::internal()) };
        if self.made.contains_key(&key) {
            return Err(overlap::same_condition());
        }
        found.map(Target::Patch).ok_or_else(patch::no_match)
    }

    fn create(&mut self, index: usize) -> Result<Target, Failure> {
        let Some((key, found)) = self.matched(index)? else { return Ok(Target::Create(self.ids.next().into())) };
        if let Some(id) = found {
            return Ok(Target::Existing(id));
        }
        // The second of two equal conditional creates finds what the first has made.
        if let Some(id) = self.made.get(&key) {
            return Ok(Target::Existing(id.clone()));
        }
        let id: Box<str> = self.ids.next().into();
        self.made.insert(key, id.clone());
        Ok(Target::Create(id))
    }

    fn update(&mut self, index: usize, entry: &Entry, sent: Option<&str>) -> Result<Target, Failure> {
        let request = &entry.request;
        let Some((key, found)) = self.matched(index)? else { return Err(Failure::internal()) };
        if self.made.contains_key(&key) {
            return Err(overlap::same_condition());
        }
        let target = match (found, sent) {
            (Some(id), _) => {
                update::check_match(sent, &id).map_err(|failure| failure.at(&id_place(index)))?;
                Target::Update(id)
            }
            (None, Some(id)) => Target::Update(id.into()),
            (None, None) if request.conditions.if_match.is_some() => return Err(update::no_version()),
            (None, None) => Target::Create(self.ids.next().into()),
        };
        if let Target::Create(id) | Target::Update(id) = &target {
            self.made.insert(key, id.clone());
        }
        Ok(target)
    }

    /// The entry's condition and its one match; `None` where it has no condition.
    fn matched(&self, index: usize) -> Result<Option<Answered>, Failure> {
        let Some(key) = self.conditions.of_entry.get(&index) else { return Ok(None) };
        match self.answers.get(key) {
            Some(Matched::One(id)) => Ok(Some((key.clone(), Some(id.clone())))),
            Some(Matched::Many(_)) => Err(conditional::too_many()),
            Some(Matched::None) | None => Ok(Some((key.clone(), None))),
        }
    }
}

/// `Type/id` of what a link to the entry means.
fn local(entry: &Entry, target: &Target) -> Option<String> {
    match target {
        Target::Create(id) | Target::Existing(id) | Target::Patch(id) | Target::Update(id) => {
            Some(format!("{}/{id}", entry.request.kind?))
        }
        Target::Delete(_) | Target::DeleteAll(_) | Target::Nothing | Target::Read => None,
    }
}

fn unresolved(entries: &[Entry], text: &str, matched: Option<&Matched>) -> Failure {
    let failure = match matched {
        Some(Matched::Many(_)) => conditional::too_many(),
        _ => Failure::precondition(
            "A conditional reference matches nothing. Load what it refers to first, or send it in this transaction with \
             ifNoneExist of the same condition.",
        ),
    };
    let refers = |entry: &Entry| entry.conditional().iter().any(|conditional| &**conditional == text);
    match entries.iter().position(refers) {
        Some(index) => failure.at(&format!("{}.resource", place(index))),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::http::precondition;
    use crate::interaction::Request;
    use crate::interaction::bundle::plan::Sent;
    use crate::router::Place;

    const CONDITION: &str = "identifier=urn:s|1";

    /// An entry about a Patient: by id, by condition, or new.
    fn entry(interaction: Interaction, id: Option<&str>, condition: Option<&str>, full_url: Option<&str>) -> Entry {
        let creates = interaction == Interaction::Create;
        let place = Place { kind: Some("Patient"), id, ..Place::of_none(interaction, "") };
        let request = Request {
            query: condition.filter(|_| !creates).unwrap_or_default().into(),
            conditions: precondition::Conditions {
                if_none_exist: condition.filter(|_| creates).map(Into::into),
                ..precondition::Conditions::default()
            },
            ..Request::at(&place)
        };
        let sent = Sent { at: 0, span: 0..0, id: id.map(Into::into), conditional: Vec::new() };
        Entry { request, head: false, full_url: full_url.map(Into::into), patch: None, sent: Some(sent) }
    }

    fn resolved(entries: &[Entry], matched: Matched) -> Result<Resolved, Failure> {
        let conditions = Conditions::of("", &Custom::default(), ConditionalDelete::Single, entries).unwrap();
        let answers = conditions.searches.keys().map(|key| (key.clone(), matched.clone())).collect();
        resolve(entries, &conditions, &answers, &Ids::seeded(1, Arc::new(Clock::seeded())))
    }

    #[test]
    fn of_two_equal_conditional_creates_the_second_finds_the_first() {
        let create = || entry(Interaction::Create, None, Some(CONDITION), None);
        let made = resolved(&[create(), create()], Matched::None).unwrap();
        let Target::Create(id) = &made.targets[0] else { panic!("{:?}", made.targets) };
        assert_eq!(made.targets[1], Target::Existing(id.clone()));
        let found = resolved(&[create()], Matched::One("7".into())).unwrap();
        assert_eq!(found.targets, [Target::Existing("7".into())]);
        assert_eq!(resolved(&[create()], Matched::Many(vec!["1".into(), "2".into()])).err().unwrap().status, 412);
    }

    #[test]
    fn a_conditional_reference_may_mean_what_the_transaction_makes() {
        let mut entries = [entry(Interaction::Create, None, Some(CONDITION), Some("urn:uuid:a"))];
        let text = format!("Patient?{CONDITION}");
        entries[0].sent.as_mut().unwrap().conditional = vec![text.as_str().into()];
        let made = resolved(&entries, Matched::None).unwrap();
        assert!(made.links.resolve(None, &text).is_some());
        assert_eq!(made.links.resolve(None, &text), made.links.resolve(None, "urn:uuid:a"));
        entries[0].request.conditions.if_none_exist = None;
        let failure = resolved(&entries, Matched::None).err().unwrap();
        assert_eq!((failure.status.as_u16(), &*failure.issues[0].expression[0]), (412, "Bundle.entry[0].resource"));
    }

    #[test]
    fn two_entries_about_one_resource_are_refused() {
        let put = entry(Interaction::Update, Some("1"), None, None);
        let delete = entry(Interaction::Delete, Some("1"), None, None);
        let failure = resolved(&[put, delete], Matched::None).err().unwrap();
        assert_eq!(failure.issues[0].expression, ["Bundle.entry[0]", "Bundle.entry[1]"]);
        let update = entry(Interaction::ConditionalUpdate, None, Some(CONDITION), None);
        let create = entry(Interaction::Create, None, Some(CONDITION), None);
        for matched in [Matched::None, Matched::One("7".into())] {
            let entries = [
                entry(Interaction::ConditionalUpdate, None, Some(CONDITION), None),
                entry(Interaction::Create, None, Some(CONDITION), None),
            ];
            assert_eq!(resolved(&entries, matched).err().unwrap().status, 400);
        }
        assert!(resolved(&[update], Matched::One("7".into())).is_ok());
        assert!(resolved(&[create], Matched::None).is_ok());
    }

    #[test]
    fn a_full_url_names_one_resource() {
        let post = || entry(Interaction::Create, None, None, Some("urn:uuid:a"));
        let failure = resolved(&[post(), post()], Matched::None).err().unwrap();
        assert_eq!(failure.issues[0].expression, ["Bundle.entry[1].fullUrl"]);
    }

    #[test]
    fn what_matches_nothing_is_created_or_needs_no_deletion() {
        let entries = [
            entry(Interaction::ConditionalUpdate, None, Some(CONDITION), None),
            entry(Interaction::ConditionalDelete, None, Some("identifier=urn:s|2"), None),
        ];
        let made = resolved(&entries, Matched::None).unwrap();
        assert!(matches!(made.targets[..], [Target::Create(_), Target::Nothing]));
    }
}
