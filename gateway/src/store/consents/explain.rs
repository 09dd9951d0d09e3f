//! Why a caller sees a resource or not: the decision of `consent::weigh` beside what SQL shows, in one snapshot. Where the two
//! differ something is broken, and whoever asks is told.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use consent::{Asked, Directive, Facts, Found, Glass, Labels, NOBODYS, Permit, PolicyDefault, Rule, in_force, weigh};
use mappers::json::Document;

use super::predicate::{Breadth, Span, by_itself, by_targets};
use super::{directives, glass};
use crate::store::Store;
use crate::store::bulk::{BulkType, fetch_by_keys};
use crate::store::condition::Query;
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::error::StoreError;
use crate::store::normalizing::{self, Codings, Nearness, Normalized};

/// Resources that are decided on together, and how many bytes their texts may have (one is taken however long it is).
const PAGE: usize = 500;
const PAGE_BYTES: i64 = 16 << 20;

/// Why a Provenance is hidden that nothing else hides (F13).
const OF_HIDDEN: &str = "it is about what is hidden";

/// Why one resource is shown or not.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Its row id.
    rid: i64,
    /// The resource.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its current version.
    pub version: i64,
    /// Whose it is.
    pub patient: Option<String>,
    /// Its labels; nobody has looked where there is none.
    pub labels: Labels,
    /// What SQL shows.
    pub shown: bool,
    /// What the decision permits.
    pub permitted: bool,
    /// What decided: names of rules and layers.
    pub reasons: Vec<String>,
    /// What whoever gets it must do.
    pub obligations: Vec<String>,
    /// What every layer says.
    pub layers: Layers,
}

/// What every layer says of one resource.
#[derive(Clone, Debug)]
pub struct Layers {
    /// Why statute denies.
    pub statute: Option<String>,
    /// The organization's default permits.
    pub default_permits: bool,
    /// What each Consent comes to, of those that say anything.
    pub consents: Vec<RuleName>,
    /// The patient asks for its own.
    pub own_request: bool,
    /// The glass is broken.
    pub glass: bool,
}

/// A rule of a Consent.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RuleName {
    /// `Consent/id`
    pub consent: String,
    /// Its version.
    pub version: i64,
    /// JSON pointer of the provision in it: <https://www.rfc-editor.org/rfc/rfc6901>; empty for the Consent as a whole.
    pub pointer: String,
    /// It denies.
    pub deny: bool,
}

impl Explained {
    /// Whether SQL and the decision say the same.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.shown == self.permitted
    }
}

/// Which resources.
#[derive(Clone, Copy)]
enum Which<'w> {
    One { kind: &'w str, id: &'w str },
    Rows(&'w [i64]),
}

impl Store {
    /// Why one resource is shown to that asker or not; `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn explain_resource(
        &self,
        permit: &Permit,
        asked: &Asked,
        kind: &str,
        id: &str,
    ) -> Result<Option<Explained>, StoreError> {
        let mut reading = self.snapshot(permit).await?;
        let page = self.explain_page(reading.connection(), permit, asked, Which::One { kind, id }).await?;
        reading.finish();
        Ok(page.into_iter().next())
    }

    /// The same of everything that is a patient's, one after the other; `false` from `take` ends it.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn explain_patient(
        &self,
        permit: &Permit,
        asked: &Asked,
        patient: &str,
        take: &mut (dyn FnMut(Explained) -> bool + Send),
    ) -> Result<(), StoreError> {
        let mut reading = self.snapshot(permit).await?;
        let mut after = i64::MIN;
        loop {
            let rids = next(reading.connection(), permit.organization().0, patient, after).await?;
            let Some(last) = rids.last() else { break };
            after = *last;
            let explained = self.explain_page(reading.connection(), permit, asked, Which::Rows(&rids)).await?;
            if !explained.into_iter().all(&mut *take) {
                break;
            }
        }
        reading.finish();
        Ok(())
    }

    /// How many of these rows the decision denies.
    pub(super) async fn denied(
        &self,
        connection: &mut Connection,
        permit: &Permit,
        asked: &Asked,
        rids: &[i64],
    ) -> Result<u64, DbError> {
        let mut denied = 0;
        for rids in rids.chunks(PAGE) {
            let page = self.explain_page(connection, permit, asked, Which::Rows(rids)).await?;
            denied += page.iter().filter(|one| !one.permitted).count() as u64;
        }
        Ok(denied)
    }

    /// The Consents that permit these rows, by row id.
    pub(super) async fn permitting(
        &self,
        connection: &mut Connection,
        permit: &Permit,
        asked: &Asked,
        rids: &[i64],
    ) -> Result<HashMap<i64, Box<[Box<str>]>>, DbError> {
        let mut permitting = HashMap::new();
        for rids in rids.chunks(PAGE) {
            for one in self.explain_page(connection, permit, asked, Which::Rows(rids)).await? {
                let consents = one.layers.consents.iter().filter(|rule| !rule.deny);
                permitting.insert(one.rid, consents.map(|rule| rule.consent.as_str().into()).collect());
            }
        }
        Ok(permitting)
    }

    async fn explain_page(
        &self,
        connection: &mut Connection,
        permit: &Permit,
        asked: &Asked,
        which: Which<'_>,
    ) -> Result<Vec<Explained>, DbError> {
        let organization = permit.organization();
        let mut query = Query::default();
        let own = query.arg(Arg::Int(organization.0));
        let (from, wanted) = match which {
            Which::One { kind, id } => {
                let (kind, id) = (query.arg(Arg::Text(kind)), query.arg(Arg::Text(id)));
                ("directory d", format!("d.type = {kind} and d.id = {id}"))
            }
            Which::Rows(_) => ("{keys} join directory d on d.rid = k.rid", "true".to_owned()),
        };
        let engine = connection.engine();
        let shown = by_itself(asked, "d", Span::Current, engine, Breadth::Few, &mut query);
        let targets = by_targets(asked, "d", Span::Current, engine, &mut query);
        query.push(&format!(
            "select d.rid, d.type, d.id, d.version, d.patient, d.labels, d.author, d.span_low, d.span_high, v.body, \
             case when {shown} then 1 else 0 end, case when {targets} then 1 else 0 end from {from} \
             join resource_versions v on v.rid = d.rid and v.version = d.version \
             where d.organization_id = {own} and d.deleted = 0 and {wanted} order by d.rid"
        ));
        let rows = match which {
            Which::Rows(rids) => {
                let keys: Vec<Arg<'_>> = rids.iter().copied().map(Arg::Int).collect();
                fetch_by_keys(connection, &query.sql, &query.args, &[("rid", BulkType::Int)], &keys).await?
            }
            _ => connection.fetch(&query.sql, &query.args).await?,
        };
        let patients: BTreeSet<Box<str>> = rows.iter().filter_map(|row| row.text(4).map(Box::from)).collect();
        let glasses = glass::of_patients(connection, organization, asked, &patients).await?;
        let names = names(connection, organization.0, &patients).await?;
        let mut known: HashMap<Box<str>, Vec<Directive>> = HashMap::new();
        for (patient, found) in directives(self.core(), connection, organization, &patients).await? {
            let mut found = in_force(found);
            for directive in &mut found {
                directive.of_reads();
                directive.of_writes();
            }
            known.insert(patient, found);
        }
        let rids: Vec<i64> = rows.iter().filter_map(|row| row.int(0)).collect();
        let links = Links::of(connection, organization.0, &rids, &patients).await?;
        // Another process may have told of them under a policy that this one has not learnt of yet.
        let versions: Vec<(i64, i64)> = rows.iter().filter_map(|row| row.int(0).zip(row.int(3))).collect();
        let told = normalizing::codings(connection, organization, &versions, Nearness::Found).await?;
        let around = Around { asked, glasses: &glasses, names: &names, links: &links, told: &told };
        let none = Vec::new();
        let explained = rows.iter().map(|row| {
            let in_force = row.text(4).and_then(|patient| known.get(patient)).unwrap_or(&none);
            around.explain(row, in_force)
        });
        Ok(explained.collect())
    }
}

/// The next resources of a patient.
async fn next(connection: &mut Connection, organization: i64, patient: &str, after: i64) -> Result<Vec<i64>, DbError> {
    let sql = format!(
        "select d.rid, length(v.body) from directory d \
         join resource_versions v on v.rid = d.rid and v.version = d.version \
         where d.organization_id = $1 and d.patient = $2 and d.rid > $3 and d.deleted = 0 order by d.rid limit {PAGE}"
    );
    let rows = connection.fetch(&sql, &[Arg::Int(organization), Arg::Text(patient), Arg::Int(after)]).await?;
    let mut bytes = 0;
    let fits = |row: &&Row| {
        let before = bytes;
        bytes += row.int(1).unwrap_or_default();
        before == 0 || bytes <= PAGE_BYTES
    };
    Ok(rows.iter().take_while(fits).filter_map(|row| row.int(0)).collect())
}

/// What all resources of a page share.
struct Around<'a> {
    asked: &'a Asked,
    glasses: &'a [Glass],
    names: &'a HashMap<String, (String, i64)>,
    links: &'a Links,
    /// What codes were told to mean: conditions know it, too.
    told: &'a Codings,
}

impl Around<'_> {
    fn explain(&self, row: &Row, in_force: &[Directive]) -> Explained {
        let text = |place| row.text(place).unwrap_or_default();
        let rid = row.int(0).unwrap_or_default();
        let (kind, id, patient) = (text(1), text(2), row.text(4));
        let labels = Labels::from_bits(row.int(5).unwrap_or_default());
        let version = (rid, row.int(3).unwrap_or_default());
        let whole = Normalized::as_told(self.told, version, kind, text(9).as_bytes()).whole;
        let document = Document::parse(whole.as_deref().unwrap_or_else(|| text(9)).as_bytes()).ok();
        let found = document.as_ref().map(|document| Found::of(document.root(), labels));
        // What the directory keeps is what both go by; codes and references are read of the text.
        let mut facts = found.as_ref().map(Found::facts).unwrap_or_default();
        facts.kind = kind;
        facts.id = Some(id);
        facts.patient = patient.map(Cow::Borrowed);
        facts.author = row.text(6);
        facts.span = row.int(7).zip(row.int(8));
        facts.labels = if labels.is_empty() { unseen() } else { labels };
        self.links.add(rid, &mut facts);
        let nobodys = patient.is_none() && NOBODYS.contains(&kind);
        let default = if nobodys { PolicyDefault::Permit } else { self.asked.default() };
        let asking = self.asked.about(patient, self.glasses);
        let weighing = weigh(&asking, in_force, &facts, default);
        let verdict = weighing.verdict();
        let consents = weighing.matched.iter().map(|(directive, rule)| self.name(directive, rule)).collect();
        let named = |text: String| self.spelt(text);
        let mut reasons: Vec<String> = verdict.reasons.into_iter().map(named).collect();
        // What a Provenance is about is decided where that is: here it is only told.
        let is_of_hidden = row.int(11) != Some(1);
        if is_of_hidden {
            reasons.push(OF_HIDDEN.to_owned());
        }
        Explained {
            rid,
            kind: kind.to_owned(),
            id: id.to_owned(),
            version: row.int(3).unwrap_or_default(),
            patient: patient.map(str::to_owned),
            labels,
            shown: row.int(10) == Some(1) && !is_of_hidden,
            permitted: verdict.permit && !is_of_hidden,
            reasons,
            obligations: verdict.obligations.into_iter().map(named).collect(),
            layers: Layers {
                statute: weighing.statute.clone(),
                default_permits: default == PolicyDefault::Permit,
                consents,
                own_request: weighing.own_request,
                glass: weighing.glass,
            },
        }
    }

    fn name(&self, directive: &Directive, rule: &Rule) -> RuleName {
        let (consent, version) = self.names.get(&directive.name).cloned().unwrap_or_default();
        RuleName { consent, version, pointer: pointer(&rule.place), deny: rule.deny }
    }

    /// A reason with the Consent's name in place of its row id.
    fn spelt(&self, reason: String) -> String {
        let (before, rest) = match reason.strip_prefix("consent ") {
            Some(rest) => ("consent ", rest),
            None => ("", &*reason),
        };
        let (rid, rest) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
        match self.names.get(rid) {
            Some((consent, _)) => format!("{before}{consent}{rest}"),
            None => reason,
        }
    }
}

/// What a resource may be whose labels nobody has looked at yet.
fn unseen() -> Labels {
    Labels::DOUBTFUL | Labels::SENSITIVE
}

/// The JSON pointer of a place that rules name: `provision.provision[1]`.
fn pointer(place: &str) -> String {
    if place == "Consent" {
        return String::new();
    }
    format!("/{}", place.replace(['.', '['], "/").replace(']', ""))
}

/// Consents of patients by row id: `Consent/id` and version.
async fn names(
    connection: &mut Connection,
    organization: i64,
    patients: &BTreeSet<Box<str>>,
) -> Result<HashMap<String, (String, i64)>, DbError> {
    let sql = "select d.rid, d.id, d.version from {keys} join directory d on d.organization_id = $1 and d.type = 'Consent' \
               and d.patient = k.patient and d.deleted = 0";
    let rows = by_patients(connection, organization, sql, patients).await?;
    let name = |row: &Row| {
        let rid = row.int(0).unwrap_or_default().to_string();
        (rid, (format!("Consent/{}", row.text(1).unwrap_or_default()), row.int(2).unwrap_or_default()))
    };
    Ok(rows.iter().map(name).collect())
}

async fn by_patients(
    connection: &mut Connection,
    organization: i64,
    sql: &str,
    patients: &BTreeSet<Box<str>>,
) -> Result<Vec<Row>, DbError> {
    let keys: Vec<Arg<'_>> = patients.iter().map(|patient| Arg::Text(patient)).collect();
    fetch_by_keys(connection, sql, &[Arg::Int(organization)], &[("patient", BulkType::Text)], &keys).await
}

/// What refers to what (type and id), as the index has it.
#[derive(Default)]
struct Links {
    out: HashMap<i64, Vec<(String, String)>>,
    /// What a Consent names with all that it refers to: by what is referred to.
    named: BTreeMap<(String, String), Vec<(String, String)>>,
}

impl Links {
    async fn of(
        connection: &mut Connection,
        organization: i64,
        rids: &[i64],
        patients: &BTreeSet<Box<str>>,
    ) -> Result<Self, DbError> {
        let mut links = Self::default();
        let text = |row: &Row, place| row.text(place).unwrap_or_default().to_owned();
        let keys: Vec<Arg<'_>> = rids.iter().copied().map(Arg::Int).collect();
        let sql = "select t.rid, t.target_type, t.target_id from {keys} join index_reference t on t.rid = k.rid";
        for row in fetch_by_keys(connection, sql, &[], &[("rid", BulkType::Int)], &keys).await? {
            let out = links.out.entry(row.int(0).unwrap_or_default()).or_default();
            out.push((text(&row, 1), text(&row, 2)));
        }
        let sql = "select c.type, c.id, t.target_type, t.target_id from {keys} \
                   join consent_rules r on r.organization_id = $1 and r.patient = k.patient \
                   join consent_rule_related c on c.organization_id = r.organization_id and c.rid = r.rid and c.position = r.position \
                   join directory n on n.organization_id = c.organization_id and n.type = c.type and n.id = c.id \
                   join index_reference t on t.rid = n.rid";
        for row in by_patients(connection, organization, sql, patients).await? {
            let by = links.named.entry((text(&row, 2), text(&row, 3))).or_default();
            by.push((text(&row, 0), text(&row, 1)));
        }
        Ok(links)
    }

    fn add<'f>(&'f self, rid: i64, facts: &mut Facts<'f>) {
        let pair = |(kind, id): &'f (String, String)| (Cow::Borrowed(kind.as_str()), Cow::Borrowed(id.as_str()));
        facts.references.extend(self.out.get(&rid).into_iter().flatten().map(pair));
        let own = (facts.kind.to_owned(), facts.id.unwrap_or_default().to_owned());
        facts.referred_by.extend(self.named.get(&own).into_iter().flatten().map(pair));
    }
}

/// What is hidden of a patient's record, and by what: counts, and the names of Consents and rules.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many resources of each type are shown.
    pub shown: BTreeMap<String, u64>,
    /// How many of each type are hidden.
    pub hidden: BTreeMap<String, u64>,
    /// How many with each label are hidden.
    pub labels: BTreeMap<String, u64>,
    /// What hides them: reasons, each with how many it hides.
    pub reasons: BTreeMap<String, u64>,
    /// The rules that hide them, each with how many it hides.
    pub rules: BTreeMap<RuleName, u64>,
    /// What whoever gets the others must do.
    pub obligations: BTreeSet<String>,
    /// The glass is broken over the patient.
    pub glass: bool,
    /// How many SQL and the decision do not agree on.
    pub differing: u64,
    /// How many were looked at.
    pub looked_at: u64,
}

impl Summary {
    /// Counts one resource.
    pub fn add(&mut self, one: &Explained) {
        self.looked_at += 1;
        self.differing += u64::from(!one.agrees());
        self.glass |= one.layers.glass;
        if one.shown {
            *self.shown.entry(one.kind.clone()).or_default() += 1;
            self.obligations.extend(one.obligations.iter().cloned());
            return;
        }
        *self.hidden.entry(one.kind.clone()).or_default() += 1;
        for label in labels(one.labels) {
            *self.labels.entry(label.to_owned()).or_default() += 1;
        }
        for reason in &one.reasons {
            *self.reasons.entry(reason.clone()).or_default() += 1;
        }
        for rule in one.layers.consents.iter().filter(|rule| rule.deny && one.layers.statute.is_none()) {
            *self.rules.entry(rule.clone()).or_default() += 1;
        }
    }
}

/// Labels as codes, with words for those that are none.
#[must_use]
pub fn labels(labels: Labels) -> Vec<&'static str> {
    let mut words: Vec<&str> = labels.codes().collect();
    let others = [
        ("unlabelled", labels.is_empty()),
        ("unclassified", labels.meets(Labels::UNCLASSIFIED)),
        ("not-understood", labels.meets(Labels::UNKNOWN)),
    ];
    words.extend(others.into_iter().filter(|(_, is_it)| *is_it).map(|(word, _)| word));
    words
}

impl Layers {
    /// What each layer says, in the order of A1: its name and a word.
    #[must_use]
    pub fn words(&self) -> [(&'static str, &'static str); 5] {
        let of = |deny| self.consents.iter().any(|rule| rule.deny == deny);
        let word = |permits| if permits { "permit" } else { "deny" };
        let consents = match (of(true), of(false)) {
            (true, _) => "deny",
            (false, true) => "permit",
            (false, false) if self.own_request => "own-request",
            (false, false) => "nothing",
        };
        [
            ("tenancy", "passed"),
            ("statute", if self.statute.is_some() { "deny" } else { "passed" }),
            ("default", word(self.default_permits)),
            ("consents", consents),
            ("glass", if self.glass { "broken" } else { "whole" }),
        ]
    }
}
