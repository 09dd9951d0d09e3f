//! On whose word a Consent stands: the patient's, or that of proxies, whose authority is what `RelatedPerson`s and the patient's
//! birth date say now (RULINGS.md, E2 to E6). Whatever changes one of these makes the patient's rules anew.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use consent::proxy::Authority;
use consent::statute::Grade;
use consent::{ALWAYS, Labels, OrganizationId};
use mappers::json::{Document, Element};
use mappers::references::{self, Bases};
use mappers::search;

use crate::store::bulk::{BulkType, fetch_by_keys};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::statutes;

/// What the earliest zone is ahead of UTC, in ticks: somebody is of age somewhere as soon as anywhere.
const EARLIEST_ZONE: i64 = 14 * 3_600 * 10_000_000;

/// Who gave a Consent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Givers {
    /// The patient, or it does not say.
    Patient,
    /// These `RelatedPerson`s (with the patient or without).
    Proxies(BTreeSet<Box<str>>),
    /// Somebody who can have no authority.
    Others,
}

/// Who gave this one; `bases` are where we are served.
pub(super) fn givers(consent: Element<'_>, patient: &str, bases: &Bases) -> Givers {
    let Some(performers) = consent.member("performer") else { return Givers::Patient };
    let own = format!("Patient/{patient}");
    let mut proxies = BTreeSet::new();
    for performer in performers.children() {
        let Some(text) = performer.member("reference").and_then(|reference| reference.string()) else {
            return Givers::Others;
        };
        let at_home = bases.below(&text).unwrap_or(&text);
        if *text == *patient || at_home == own {
            continue;
        }
        match at_home.strip_prefix("RelatedPerson/").filter(|id| references::is_id(id)) {
            Some(id) => _ = proxies.insert(id.into()),
            None => return Givers::Others,
        }
    }
    if proxies.is_empty() { Givers::Patient } else { Givers::Proxies(proxies) }
}

/// What is on record of proxies: by patient and `RelatedPerson` when the authority holds.
#[derive(Debug, Default)]
pub(super) struct Authorities {
    grades: Vec<Grade>,
    windows: HashMap<(Box<str>, Box<str>), Windows>,
}

/// When an authority holds, for each grade.
type Windows = Vec<Option<(i64, i64)>>;

impl Authorities {
    /// The authorities of these proxies (patient and `RelatedPerson`). Nothing is asked where there is none.
    pub(super) async fn load(
        core: &Core,
        connection: &mut Connection,
        organization: OrganizationId,
        wanted: &BTreeSet<(Box<str>, Box<str>)>,
    ) -> Result<Self, DbError> {
        let mut found = Self::default();
        if wanted.is_empty() {
            return Ok(found);
        }
        // Where the law is not known, nobody has any.
        let Some(law) = statutes::current(connection, &core.statutes()).await? else { return Ok(found) };
        found.grades = law.statutes.grades();
        let args = [Arg::Int(organization.0)];
        let join = dialect::join_in_order(connection.engine());
        let current = format!("{join} resource_versions v on v.rid = d.rid and v.version = d.version");
        let sql = format!(
            "select d.id, v.body from {{keys}} {join} directory d on d.organization_id = $1 and d.type = 'Patient' \
             and d.id = k.patient and d.deleted = 0 {current}"
        );
        let patients: BTreeSet<&str> = wanted.iter().map(|(patient, _)| &**patient).collect();
        let keys: Vec<Arg<'_>> = patients.into_iter().map(Arg::Text).collect();
        let rows = fetch_by_keys(connection, &sql, &args, &[("patient", BulkType::Text)], &keys).await?;
        let ages = |body: &str| -> Option<Vec<Option<i64>>> {
            let person = Document::parse(body.as_bytes()).ok()?;
            Some(found.grades.iter().map(|grade| of_age(person.root(), grade.until)).collect())
        };
        let ages: HashMap<&str, Vec<Option<i64>>> =
            rows.iter().filter_map(|row| Some((row.text(0)?, ages(row.text(1)?)?))).collect();
        let sql = format!(
            "select d.patient, d.id, v.body from {{keys}} {join} directory d on d.organization_id = $1 \
             and d.type = 'RelatedPerson' and d.id = k.id and d.patient = k.patient and d.deleted = 0 {current}"
        );
        let columns = [("patient", BulkType::Text), ("id", BulkType::Text)];
        let keys: Vec<Arg<'_>> = wanted.iter().flat_map(|(patient, id)| [Arg::Text(patient), Arg::Text(id)]).collect();
        for row in fetch_by_keys(connection, &sql, &args, &columns, &keys).await? {
            let (Some(patient), Some(id), Some(body)) = (row.text(0), row.text(1), row.text(2)) else { continue };
            let Ok(person) = Document::parse(body.as_bytes()) else { continue };
            let ages = ages.get(patient).map_or(&[][..], Vec::as_slice);
            let windows = windows(person.root(), ages, found.grades.len());
            found.windows.insert((patient.into(), id.into()), windows);
        }
        Ok(found)
    }

    /// When all of these have authority over the patient, each time with what it reaches of what is sensitive.
    pub(super) fn windows(&self, patient: &str, proxies: &BTreeSet<Box<str>>) -> Vec<(Labels, (i64, i64))> {
        let of = |place: usize| {
            let mut window = ALWAYS;
            for id in proxies {
                let (from, until) = (*self.windows.get(&(patient.into(), id.clone()))?.get(place)?)?;
                window = (window.0.max(from), window.1.min(until));
            }
            (window.0 < window.1).then_some(window)
        };
        self.grades.iter().enumerate().filter_map(|(place, grade)| Some((grade.reach, of(place)?))).collect()
    }
}

/// When a `RelatedPerson` has authority, for each grade; `ages`: when the patient has its age. The first grade is what is not
/// sensitive, which a guardian's authority reaches at every age.
fn windows(person: Element<'_>, ages: &[Option<i64>], grades: usize) -> Windows {
    let Some((authority, period)) = authority(person) else { return vec![None; grades] };
    let age = |grade: usize| ages.get(grade).copied().flatten();
    let of = |grade| if grade == 0 { authority } else { Authority::Minor }.window(period, age(grade));
    (0..grades).map(of).collect()
}

/// What authority a `RelatedPerson` has, and in which period.
fn authority(person: Element<'_>) -> Option<(Authority, (i64, i64))> {
    if person.member("active")?.raw() != "true" || person.member("modifierExtension").is_some() {
        return None;
    }
    let period = match person.member("period") {
        None => ALWAYS,
        Some(period) => search::period(period).filter(|(low, high)| low < high)?,
    };
    let text = |coding: Element<'_>, name| coding.member(name).and_then(|text| text.string()).map(Cow::into_owned);
    let relationships = person.member("relationship").into_iter().flat_map(|list| list.children());
    let codings = relationships.filter_map(|one| one.member("coding")).flat_map(|list| list.children());
    let authority = codings.filter_map(|one| Authority::of(&text(one, "system")?, &text(one, "code")?)).max()?;
    Some((authority, period))
}

/// When a patient has this age (in years), at the earliest, in ticks; `None` where no birth date is known.
fn of_age(patient: Element<'_>, age: i32) -> Option<i64> {
    let born = patient.member("birthDate")?.string()?;
    let (year, rest) = born.split_at_checked(4)?;
    // Who was born on a leap day is of age no later than the day before.
    let rest = if rest == "-02-29" { "-02-28" } else { rest };
    let text = format!("\"{:04}{rest}\"", year.parse::<i32>().ok()? + age);
    let document = Document::parse(text.as_bytes()).ok()?;
    search::instants(document.root()).map(|(low, _)| low - EARLIEST_ZONE)
}

#[cfg(test)]
mod tests {
    use consent::Statutes;

    use super::*;

    fn at(born: &str) -> Option<i64> {
        let text = format!(r#"{{"resourceType":"Patient","birthDate":"{born}"}}"#);
        of_age(Document::parse(text.as_bytes()).unwrap().root(), 18)
    }

    #[test]
    fn nobody_is_a_child_for_longer_than_anywhere() {
        let midnight = |text: &str| {
            let quoted = format!("\"{text}\"");
            search::instants(Document::parse(quoted.as_bytes()).unwrap().root()).unwrap().0 - EARLIEST_ZONE
        };
        assert_eq!(at("2008-05-06"), Some(midnight("2026-05-06")));
        assert_eq!(at("2008-02-29"), Some(midnight("2026-02-28")));
        assert_eq!(at("2008"), Some(midnight("2026-01-01")));
        assert_eq!(at("soon"), None);
        assert_eq!(at("20"), None);
    }

    #[test]
    fn what_is_sensitive_is_reached_until_an_age_by_guardians_too() {
        let of = |role: &str, ages: &[Option<i64>]| {
            let text = format!(
                r#"{{"active":true,"period":{{"start":"1970-01-01T00:00:01Z"}},"relationship":[{{"coding":[
                {{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"{role}"}}]}}]}}"#
            );
            windows(Document::parse(text.as_bytes()).unwrap().root(), ages, 3)
        };
        const FROM: i64 = 10_000_000;
        let ages = [Some(FROM + 180), Some(FROM + 120), Some(FROM - 5)];
        let (child, never) = (Some((FROM, FROM + 120)), None);
        assert_eq!(of("MTH", &ages), [Some((FROM, FROM + 180)), child, never]);
        assert_eq!(
            of("GUARD", &ages),
            [Some((FROM, ALWAYS.1)), child, never],
            "over anyone, but for what is sensitive"
        );
        assert_eq!(of("GUARD", &[]), [Some((FROM, ALWAYS.1)), never, never], "no birth date");
        assert_eq!(of("MTH", &[]), [never; 3]);
        assert_eq!(of("AUNT", &ages), [never; 3]);
        // Of two, both must have it.
        let mut both = Authorities { grades: Statutes::default().grades(), ..Authorities::default() };
        both.windows.insert(("kim".into(), "m".into()), vec![Some((1, 9))]);
        both.windows.insert(("kim".into(), "f".into()), vec![Some((5, 20))]);
        let proxies = |ids: &[&str]| ids.iter().map(|id| Box::from(*id)).collect::<BTreeSet<Box<str>>>();
        assert_eq!(both.windows("kim", &proxies(&["m", "f"])), [(Labels::NONE, (5, 9))]);
        assert_eq!(both.windows("kim", &proxies(&["m", "nobody"])), []);
    }

    #[test]
    fn who_gave_it_is_told_by_all_performers() {
        let of = |performers: &str| {
            let text = format!(r#"{{"performer":[{performers}]}}"#);
            givers(Document::parse(text.as_bytes()).unwrap().root(), "ada", &"http://here/fhir".into())
        };
        let one = |reference: &str| format!(r#"{{"reference":"{reference}"}}"#);
        let proxies = |ids: &[&str]| Givers::Proxies(ids.iter().map(|id| Box::from(*id)).collect());
        assert_eq!(of(&one("Patient/ada")), Givers::Patient);
        assert_eq!(of(&one("http://here/fhir/Patient/ada")), Givers::Patient);
        assert_eq!(of(&one("RelatedPerson/m")), proxies(&["m"]));
        let both = format!("{},{}", one("Patient/ada"), one("http://here/fhir/RelatedPerson/m"));
        assert_eq!(of(&both), proxies(&["m"]));
        for other in
            ["Patient/ben", "Practitioner/x", "http://there/fhir/RelatedPerson/m", "RelatedPerson/m/_history/1", "#m"]
        {
            assert_eq!(of(&format!("{},{}", one("RelatedPerson/m"), one(other))), Givers::Others, "{other}");
        }
        assert_eq!(of(r#"{"display":"the mother"}"#), Givers::Others);
    }
}
