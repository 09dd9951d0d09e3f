//! The searches, and for each the statement that somebody would write who knows the tables.
//!
//! A statement gives bodies. It says everything that the search means: what is deleted does not count, and a page is the first
//! fifty in the order of creation, or in the order that is asked for.

use mappers::search::{index_path, normal};
use serde_json::Value;

use super::PAGE;
use crate::bench::client;

/// A search with the statement that finds the same.
pub(super) struct Question {
    /// Its name in the table.
    pub(super) name: &'static str,
    /// Below the base.
    pub(super) search: String,
    /// One column: bodies.
    pub(super) sql: String,
}

/// Searches with many pages.
pub(super) const DEEP: [(&str, &str); 2] = [
    ("page 1,000 beside page 1", "Observation?status=final&_count=50"),
    ("page 1,000 beside page 1, sorted", "Observation?_sort=-date&_count=50"),
];

/// Values of one patient of the data.
pub(super) struct Subject {
    id: String,
    family: String,
    gender: String,
}

impl Subject {
    /// Asks a server for its first patient.
    pub(super) async fn of(base: &str) -> Result<Self, String> {
        let page = client::send("GET", &format!("{base}/Patient?_sort=_id&_count=1"), "").await?;
        let page: Value = serde_json::from_slice(&page).map_err(|error| error.to_string())?;
        let patient = &page["entry"][0]["resource"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(Self {
            id: text(&patient["id"]),
            family: text(&patient["name"][0]["family"]),
            gender: text(&patient["gender"]),
        })
    }
}

/// All of them.
pub(super) fn all(subject: &Subject) -> Vec<Question> {
    let Subject { id, family, gender } = subject;
    let family_normal = normal(family);
    let place = |path: &str| {
        let (kind, element) = path.split_once('.').unwrap_or((path, ""));
        index_path(kind, element).to_string()
    };
    let (code, patient, date) =
        (place("Observation.code"), place("Observation.subject"), place("Observation.effectiveDateTime"));
    let (quantity, gender_at, family_at) =
        (place("Observation.valueQuantity"), place("Patient.gender"), place("Patient.name.family"));
    let heart = "i.code = '8867-4' and i.system = 'http://loinc.org'";
    let observation = "Observation?code=http://loinc.org%7C8867-4";
    // 2026-01-01 and 2026-02-01, in units of 100 ns.
    let (january, february) = (1_767_225_600_i64 * 10_000_000, 1_769_904_000_i64 * 10_000_000);
    vec![
        question(
            "token",
            observation.to_owned(),
            &page("index_token i", &format!("i.path = {code} and {heart}"), "i.rid"),
        ),
        question(
            "date",
            "Observation?date=ge2026-01-01&date=lt2026-02-01".to_owned(),
            &page(
                "index_date i",
                &format!(
                    "i.path = {date} and i.low < {february} and i.high > {january} and i.low >= {january} - 864000000000"
                ),
                "i.rid",
            ),
        ),
        question(
            "reference",
            format!("Observation?patient={id}"),
            &page(
                "index_reference i",
                &format!("i.path = {patient} and i.target_type = 'Patient' and i.target_id = '{id}'"),
                "i.rid",
            ),
        ),
        question(
            "string",
            format!("Patient?family={}", family.replace(' ', "%20")),
            &page(
                "index_string i",
                &format!("i.path = {family_at} and i.normal >= '{family_normal}' and i.normal < '{family_normal}~'"),
                "i.rid",
            ),
        ),
        question(
            "quantity",
            "Observation?value-quantity=gt95%7Chttp://unitsofmeasure.org%7Ckg".to_owned(),
            &page(
                "index_quantity i",
                &format!(
                    "i.path = {quantity} and i.high > 95 and i.low > 94 and i.system = 'http://unitsofmeasure.org' \
                     and i.code = 'kg'"
                ),
                "i.rid",
            ),
        ),
        question(
            "chain and token",
            format!("Observation?subject:Patient.gender={gender}&code=http://loinc.org%7C8867-4"),
            &page(
                "index_token i",
                &format!(
                    "i.path = {code} and {heart} and exists (select 1 from index_reference r \
                     join directory p on p.organization_id = 1 and p.type = 'Patient' and p.id = r.target_id and p.deleted = 0 \
                     join index_token g on g.rid = p.rid and g.path = {gender_at} and g.code = '{gender}' \
                     where r.rid = i.rid and r.path = {patient} and r.target_type = 'Patient')"
                ),
                "i.rid",
            ),
        ),
        question(
            "_has",
            "Patient?_has:Observation:patient:code=http://loinc.org%7C8867-4".to_owned(),
            &format!(
                "select v.body from directory d {VERSION} where d.organization_id = 1 and d.type = 'Patient' \
                 and d.deleted = 0 and exists (select 1 from index_reference r join directory o on o.rid = r.rid and o.deleted = 0 \
                 join index_token i on i.rid = o.rid and i.path = {code} and {heart} \
                 where r.organization_id = 1 and r.path = {patient} and r.target_id = d.id and r.target_type = 'Patient') \
                 order by d.rid limit {PAGE}"
            ),
        ),
        included(id),
        question(
            "sorted page",
            format!("{observation}&_sort=-date"),
            &page(
                &format!("index_token i join index_date t on t.rid = i.rid and t.path = {date}"),
                &format!("i.path = {code} and {heart}"),
                "t.low desc, i.rid",
            ),
        ),
        question(
            "a patient's sorted page",
            format!("Observation?patient={id}&_sort=-date"),
            &page(
                &format!("index_reference i join index_date t on t.rid = i.rid and t.path = {date}"),
                &format!("i.path = {patient} and i.target_type = 'Patient' and i.target_id = '{id}'"),
                "t.low desc, i.rid",
            ),
        ),
    ]
}

const VERSION: &str = "join resource_versions v on v.rid = d.rid and v.version = d.version";

fn question(name: &'static str, search: String, sql: &str) -> Question {
    Question { name, search, sql: sql.to_owned() }
}

/// The first fifty of what index rows say.
fn page(from: &str, condition: &str, order: &str) -> String {
    format!(
        "select v.body from {from} join directory d on d.rid = i.rid {VERSION} \
         where i.organization_id = 1 and {condition} and d.deleted = 0 order by {order} limit {PAGE}"
    )
}

/// Encounters with who was there, and what was observed.
fn included(id: &str) -> Question {
    let place = |element: &str| index_path("Encounter", element).to_string();
    let (patient, practitioner) = (place("subject"), place("participant.individual"));
    let encounter = index_path("Observation", "encounter");
    let sql = format!(
        "with page as materialized (select d.rid, d.id, d.version from index_reference i join directory d on d.rid = i.rid \
         where i.organization_id = 1 and i.path = {patient} and i.target_type = 'Patient' and i.target_id = '{id}' \
         and d.deleted = 0 order by d.rid limit {PAGE}), \
         with_it as materialized (select d.rid, d.version from page \
             join index_reference i on i.rid = page.rid and i.path = {practitioner} and i.target_type = 'Practitioner' \
             join directory d on d.organization_id = 1 and d.type = 'Practitioner' and d.id = i.target_id and d.deleted = 0 \
         union select d.rid, d.version from page \
             join index_reference i on i.organization_id = 1 and i.path = {encounter} and i.target_type = 'Encounter' \
             and i.target_id = page.id join directory d on d.rid = i.rid and d.deleted = 0) \
         select v.body from (select rid, version from page union all select rid, version from with_it) d {VERSION}"
    );
    question(
        "include and revinclude",
        format!("Encounter?patient={id}&_include=Encounter:practitioner&_revinclude=Observation:encounter"),
        &sql,
    )
}
