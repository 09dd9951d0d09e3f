//! What another program does to the clinic's tables, and where a mapped column shows in a resource.

use crate::{Client, Engine, Json, Sql};

/// The value at a place in a resource, in the words of a map: `name[use=official].family`, `note[0].text`.
pub fn look<'a>(resource: &'a Json, place: &str) -> Option<&'a Json> {
    steps(place).into_iter().try_fold(resource, |value, step| {
        let (name, filter) = match step.split_once('[') {
            Some((name, filter)) => (name, Some(filter.trim_end_matches(']'))),
            None => (step, None),
        };
        let value = value.at(name)?;
        match filter.map(|filter| filter.split_once('=').ok_or(filter)) {
            None => Some(value),
            Some(Err(index)) => value.at(index),
            Some(Ok((member, wanted))) => value.array().iter().find(|item| item.str(member) == Some(wanted)),
        }
    })
}

/// Splits at the dots that stand outside of brackets.
fn steps(place: &str) -> Vec<&str> {
    let mut steps = Vec::new();
    let (mut start, mut depth) = (0, 0);
    for (index, letter) in place.char_indices() {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            '.' if depth == 0 => {
                steps.push(&place[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    steps.push(&place[start..]);
    steps
}

/// The gateway's own table, as the engine names it.
pub fn own(engine: Engine, table: &str) -> String {
    match engine {
        Engine::Sqlite => table.to_owned(),
        Engine::Postgres => format!("fhir_gateway.{table}"),
    }
}

/// The key of the row a resource lies in.
///
/// # Panics
/// When it lies in no table: the test would prove nothing.
pub async fn row_key(sql: &mut Sql, kind: &str, id: &str) -> String {
    let directory = own(sql.engine(), "directory");
    let query =
        format!("select map, key from {directory} where type = '{kind}' and id = '{id}' and organization_id = 1");
    let rows = sql.rows(&query).await;
    let row = rows.first().unwrap_or_else(|| panic!("{kind}/{id} is not in the directory"));
    assert!(row[0].is_some(), "{kind}/{id} lies in no table");
    row[1].clone().expect("a key")
}

/// Rows of organization 2 in every clinic table, under ids and numbers that organization 1's callers ask for too. How many.
///
/// # Panics
/// When the database refuses them.
pub async fn hidden_organization(sql: &mut Sql) -> i64 {
    let organizations = own(sql.engine(), "gateway_organizations");
    sql.run(&format!(
        "insert into {organizations} (id, name, time_zone, created) values (2, 'Hidden', 'UTC', 0) on conflict do nothing"
    ))
    .await;
    let before = sql.count("select count(*) from patients where organization_id = 2").await;
    for index in 0..20 {
        for id in [format!("twin-{index}"), format!("hidden-{before}-{index}")] {
            let statements = format!(
                "insert into patients (id, organization_id, last_name, sex) values ('{id}', 2, 'Hidden', 'F') on conflict do nothing;
                 insert into patient_identifiers (patient_id, position, organization_id, system, value)
                   select id, 0, 2, 'urn:example:mrn', 'mrn-twin-{index}' from patients where id = '{id}' and organization_id = 2 on conflict do nothing;
                 insert into lab_results (id, organization_id, patient_id, status, code, value_number, unit)
                   select '{id}', 2, id, 'final', '2345-7', 1.5, 'mg/dL' from patients where id = '{id}' and organization_id = 2 on conflict do nothing;
                 insert into patient_medications (id, organization_id, patient_id, status, intent, medication_name)
                   select '{id}', 2, id, 'active', 'order', 'hidden' from patients where id = '{id}' and organization_id = 2 on conflict do nothing;"
            );
            sql.run(&statements).await;
        }
    }
    sql.count("select count(*) from patients where organization_id = 2").await - before
}

/// What has no column anywhere.
pub fn with_residue(resource: Json) -> Json {
    resource
        .with(
            "extension",
            Json::of(r#"[{"url":"urn:keep","valueDecimal":1.10},{"url":"urn:keep","valueString":"kept"}]"#),
        )
        .with("contained", Json::of(r#"[{"resourceType":"Basic","id":"kept","code":{"text":"x"}}]"#))
        .with("language", Json::text("en-NZ"))
}

/// That it is all there.
///
/// # Panics
/// When something of it is gone or has changed.
pub fn residue_stays(resource: &Json) {
    assert_eq!(resource.str("extension.0.valueDecimal"), Some("1.10"), "{resource}");
    assert_eq!(resource.str("extension.1.valueString"), Some("kept"), "{resource}");
    assert_eq!(resource.str("contained.0.id"), Some("kept"), "{resource}");
    assert_eq!(resource.str("language"), Some("en-NZ"), "{resource}");
}

/// Read, search, history and `ETag` tell the same: the resource as it is now.
///
/// # Panics
/// When they do not.
pub async fn true_everywhere(api: &Client, path: &str, version: i64) -> Json {
    let (kind, id) = path[1..].split_once('/').expect("/Type/id");
    let found = api.get(&format!("/{kind}?_id={id}")).await.expect(200).json();
    let read = api.get(path).await.expect(200);
    assert_eq!(read.version(), version, "{path}: {}", String::from_utf8_lossy(&read.body));
    let body = read.json();
    assert_eq!(body.str("meta.versionId"), Some(version.to_string().as_str()));
    assert_eq!(found.at("entry.0.resource"), Some(&body), "search and read differ");
    let history = api.get(&format!("{path}/_history?_count=2")).await.expect(200).json();
    assert_eq!(history.at("entry.0.resource"), Some(&body), "history and read differ");
    api.get(&format!("{path}/_history/{}", version + 1)).await.expect(404);
    if version > 1 {
        assert_eq!(history.items("entry").len(), 2, "the version before is there too");
    }
    assert_eq!(api.get(&format!("{path}/_history/{version}")).await.expect(200).body, read.body);
    api.get(path).header("If-None-Match", &format!("W/\"{version}\"")).await.expect(304);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found() {
        let resource = Json::of(
            r#"{"name":[{"use":"old","family":"A"},{"use":"official","family":"B"}],"code":{"coding":[{"system":"http://a.b","code":"c"}]}}"#,
        );
        let text = |place| look(&resource, place).and_then(Json::as_str);
        assert_eq!(text("name[use=official].family"), Some("B"));
        assert_eq!(text("name[0].family"), Some("A"));
        assert_eq!(text("code.coding[system=http://a.b].code"), Some("c"));
        assert_eq!(text("name[use=none].family"), None);
    }
}
