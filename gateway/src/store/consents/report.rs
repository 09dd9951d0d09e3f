//! What the organization's Consents are worth: how many hold, and why the others do not. Counts, and ids of Consents.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use consent::{Directive, Permit, supersedes_any};
use mappers::json::{Document, Element};
use mappers::references::Bases;
use mappers::search;

use super::proxies::{Authorities, Givers, givers};
use crate::store::Store;
use crate::store::bulk::{BulkType, fetch_by_keys};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::dialect;
use crate::store::error::StoreError;

/// Patients, or Consents without one, that are looked at together.
const PAGE: i64 = 500;

/// Consents by state. Each is in one of the states; what else there is to say of it may be several things.
#[derive(Clone, Debug, Default)]
pub struct ConsentReport {
    /// All that are there.
    pub consents: u64,
    /// States, each with how many: `active`, `expired`, `not-yet`, `superseded`, `not-enforceable`, `other-scope`,
    /// `without-patient`, and those of a status that is not enforced by its name (`status-draft`).
    pub states: BTreeMap<String, u64>,
    /// Why some are not enforceable: rows of RULINGS.md, each with those it is true of.
    pub not_enforceable: BTreeMap<&'static str, Named>,
    /// Why permits of some that are enforceable do not count: rows of RULINGS.md.
    pub permits_not_counted: BTreeMap<&'static str, Named>,
    /// Those that nobody gave (E1).
    pub presumed: Named,
    /// Active ones that permit, are not presumed, and have neither performer nor source nor verification.
    pub without_evidence: Named,
    /// All patients.
    pub patients: u64,
    /// Patients of whom there is no Consent at all.
    pub patients_without: u64,
    /// Patients of whom none holds.
    pub patients_without_active: u64,
}

/// How many, and the ids of the first.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// How many.
    pub count: u64,
    /// `Consent/id` of the first of them.
    pub consents: Vec<String>,
}

impl Named {
    fn add(&mut self, id: &str, most: usize) {
        self.count += 1;
        if self.consents.len() < most {
            self.consents.push(format!("Consent/{id}"));
        }
    }
}

/// One Consent, read.
struct Read {
    id: String,
    directive: Option<Directive>,
    /// The state of one that is not enforced at all.
    state: String,
    /// When its root is valid, in ticks.
    period: Option<(i64, i64)>,
    has_evidence: bool,
    givers: Givers,
    /// Whoever gave it had no authority to permit (E2).
    lacks_authority: bool,
}

impl Store {
    /// Counts the organization's Consents at an instant (ms); `most`: how many are named of each kind.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn consent_report(&self, permit: &Permit, at_ms: i64, most: usize) -> Result<ConsentReport, StoreError> {
        let mut reading = self.snapshot(permit).await?;
        let organization = permit.organization().0;
        let bases = self.core().bases();
        let mut counting = Counting { report: ConsentReport::default(), now: at_ms.saturating_mul(10_000), most };
        let (mut with_any, mut with_active) = (HashSet::new(), HashSet::new());
        let connection = reading.connection();
        let mut after = String::new();
        loop {
            let patients = patients(connection, organization, &after).await?;
            let Some(last) = patients.last() else { break };
            after = last.to_string();
            let mut page: Vec<(String, Vec<Read>)> = Vec::new();
            for (patient, rows) in consents(connection, organization, &patients).await? {
                let read = |(id, body): &(String, String)| Read::of(id, body, Some((&patient, &bases)));
                let read = rows.iter().filter_map(read).collect();
                page.push((patient, read));
            }
            let proxies = page.iter().flat_map(|(patient, read)| read.iter().map(move |one| (patient, &one.givers)));
            let proxies = proxies.filter_map(|(patient, givers)| match givers {
                Givers::Proxies(ids) => Some(ids.iter().map(|id| (Box::from(patient.as_str()), id.clone()))),
                _ => None,
            });
            let authorities =
                Authorities::load(self.core(), connection, permit.organization(), &proxies.flatten().collect()).await?;
            for (patient, mut read) in page {
                let now = counting.now;
                for one in &mut read {
                    let windows = match &one.givers {
                        Givers::Patient => continue,
                        Givers::Proxies(ids) => authorities.windows(&patient, ids),
                        Givers::Others => Vec::new(),
                    };
                    one.lacks_authority = !windows.iter().any(|(_, (from, until))| *from <= now && now < *until);
                }
                if counting.add(&read) {
                    with_active.insert(patient.clone());
                }
                with_any.insert(patient);
            }
        }
        let mut after = i64::MIN;
        loop {
            let rows = nobodys(connection, organization, after).await?;
            let Some(last) = rows.last().and_then(|row| row.int(0)) else { break };
            after = last;
            for row in &rows {
                let read = Read::of(row.text(1).unwrap_or_default(), row.text(2).unwrap_or_default(), None);
                counting.add(&read.into_iter().collect::<Vec<_>>());
            }
        }
        let mut report = counting.report;
        let mut after = i64::MIN;
        loop {
            let sql = format!(
                "select rid, id from directory where organization_id = $1 and type = 'Patient' and rid > $2 and deleted = 0 \
                 order by rid limit {}",
                20 * PAGE
            );
            let rows = connection.fetch(&sql, &[Arg::Int(organization), Arg::Int(after)]).await?;
            let Some(last) = rows.last().and_then(|row| row.int(0)) else { break };
            after = last;
            for id in rows.iter().filter_map(|row| row.text(1)) {
                report.patients += 1;
                report.patients_without += u64::from(!with_any.contains(id));
                report.patients_without_active += u64::from(!with_active.contains(id));
            }
        }
        reading.finish();
        Ok(report)
    }
}

impl Read {
    /// `None` for what is no JSON.
    fn of(id: &str, body: &str, whose: Option<(&str, &Bases)>) -> Option<Self> {
        let document = Document::parse(body.as_bytes()).ok()?;
        let root = document.root();
        let directive = Directive::read(root, id);
        let word = |name| root.member(name).and_then(|word| word.string()).unwrap_or_default().into_owned();
        let status = word("status");
        let has = |name: &str| root.member(name).is_some_and(|member| !member.is_empty());
        let state = if !has("patient") {
            "without-patient".to_owned()
        } else if ["draft", "proposed", "rejected", "inactive", "entered-in-error"].contains(&&*status) {
            format!("status-{status}")
        } else {
            "other-scope".to_owned()
        };
        let period = |root: Element<'_>| search::period(root.member("provision")?.member("period")?);
        Some(Self {
            id: id.to_owned(),
            directive,
            state,
            period: period(root),
            has_evidence: ["performer", "sourceAttachment", "sourceReference", "verification"].into_iter().any(has),
            givers: whose.map_or(Givers::Patient, |(patient, bases)| givers(root, patient, bases)),
            lacks_authority: false,
        })
    }
}

struct Counting {
    report: ConsentReport,
    now: i64,
    most: usize,
}

impl Counting {
    /// Counts the Consents of one patient; whether one of them is active.
    fn add(&mut self, read: &[Read]) -> bool {
        let all: Vec<Directive> = read.iter().filter_map(|one| one.directive.clone()).collect();
        let mut active = false;
        for one in read {
            self.report.consents += 1;
            let state = one.directive.as_ref().map_or(one.state.as_str(), |directive| self.state(one, directive, &all));
            active |= state == "active";
            *self.report.states.entry(state.to_owned()).or_default() += 1;
            if let Some(directive) = &one.directive {
                self.say(one, directive, state == "active");
            }
        }
        active
    }

    fn state(&self, one: &Read, directive: &Directive, all: &[Directive]) -> &'static str {
        if supersedes_any(all, directive) {
            "superseded"
        } else if one.period.is_some_and(|(_, until)| until <= self.now) {
            "expired"
        } else if directive.doubtful {
            "not-enforceable"
        } else if one.period.is_some_and(|(from, _)| self.now < from) {
            "not-yet"
        } else {
            "active"
        }
    }

    fn say(&mut self, one: &Read, directive: &Directive, is_active: bool) {
        let (report, most) = (&mut self.report, self.most);
        for row in &directive.obstacles {
            report.not_enforceable.entry(row).or_default().add(&one.id, most);
        }
        let proxy = one.lacks_authority.then_some(&"E2");
        if !directive.doubtful {
            for row in directive.weakness.iter().chain(proxy) {
                report.permits_not_counted.entry(row).or_default().add(&one.id, most);
            }
        }
        if directive.presumed {
            report.presumed.add(&one.id, most);
        } else if is_active && !one.has_evidence && directive.rules.iter().any(|rule| !rule.deny) {
            report.without_evidence.add(&one.id, most);
        }
    }
}

/// The next patients who have Consents.
async fn patients(connection: &mut Connection, organization: i64, after: &str) -> Result<Vec<Box<str>>, DbError> {
    let sql = format!(
        "select distinct patient from directory where organization_id = $1 and type = 'Consent' and patient > $2 \
         order by patient limit {PAGE}"
    );
    let rows = connection.fetch(&sql, &[Arg::Int(organization), Arg::Text(after)]).await?;
    Ok(rows.iter().filter_map(|row| row.text(0).map(Box::from)).collect())
}

/// Their Consents: ids and bodies.
async fn consents(
    connection: &mut Connection,
    organization: i64,
    patients: &[Box<str>],
) -> Result<BTreeMap<String, Vec<(String, String)>>, DbError> {
    let join = dialect::join_in_order(connection.engine());
    let sql = format!(
        "select d.patient, d.id, v.body from {{keys}} {join} directory d on d.organization_id = $1 and d.type = 'Consent' \
         and d.patient = k.patient and d.deleted = 0 \
         {join} resource_versions v on v.rid = d.rid and v.version = d.version order by d.patient, d.rid"
    );
    let keys: BTreeSet<&str> = patients.iter().map(|patient| &**patient).collect();
    let keys: Vec<Arg<'_>> = keys.into_iter().map(Arg::Text).collect();
    let columns = [("patient", BulkType::Text)];
    let rows = fetch_by_keys(connection, &sql, &[Arg::Int(organization)], &columns, &keys).await?;
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let text = |row: &Row, place| row.text(place).unwrap_or_default().to_owned();
    rows.iter().for_each(|row| found.entry(text(row, 0)).or_default().push((text(row, 1), text(row, 2))));
    Ok(found)
}

/// The next Consents that are no patient's of whom the directory knows.
async fn nobodys(connection: &mut Connection, organization: i64, after: i64) -> Result<Vec<Row>, DbError> {
    let sql = format!(
        "select d.rid, d.id, v.body from directory d join resource_versions v on v.rid = d.rid and v.version = d.version \
         where d.organization_id = $1 and d.type = 'Consent' and d.patient is null and d.deleted = 0 and d.rid > $2 \
         order by d.rid limit {PAGE}"
    );
    connection.fetch(&sql, &[Arg::Int(organization), Arg::Int(after)]).await
}
