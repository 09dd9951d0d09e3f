//! Lists of references that rows of other tables give: a note and what its sections name, a report and its results.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Command, Engine, Json, Options, Server, Sql, own, row_key, suite, transaction};

const PEOPLE: &str = r#"
resource = "Patient"
table = "people"
id = "id"
fields = [ { path = "name[use=official].family", column = "last" } ]
"#;

const NOTES: &str = r#"
resource = "Composition"
table = "notes"
id = "id"
patient = "person_id"
deleted = "deleted_at"
residue = "fhir_residue"
fields = [
  { path = "status", column = "status" },
  { path = "title", column = "title" },
  { path = "subject", column = "person_id", reference = "Patient" },
]
[[lists]]
path = "section[title=Allergies].entry"
of = ["note_allergies"]
by = "note_id"
[[lists]]
path = "section[title=Vital signs].entry"
of = ["note_vitals"]
by = "note_id"
"#;

const NOTE_ALLERGIES: &str = r#"
resource = "AllergyIntolerance"
table = "note_allergies"
id = "id"
id_prefix = "na-"
listed = true
patient = "notes.person_id"
deleted = "deleted_at"
joins = [ { table = "notes", on = "note_id = notes.id", where = "deleted_at is null", write = "never" } ]
fields = [
  { path = "code.text", column = "name" },
  { path = "patient", column = "notes.person_id", reference = "Patient" },
]
"#;

const NOTE_VITALS: &str = r#"
resource = "Observation"
table = "note_vitals"
id = "id"
id_prefix = "nv-"
listed = true
patient = "notes.person_id"
joins = [ { table = "notes", on = "note_id = notes.id", where = "deleted_at is null", write = "never" } ]
fields = [
  { path = "subject", column = "notes.person_id", reference = "Patient" },
]
[[facets]]
suffix = "hr"
when = "heart_rate is not null"
fields = [
  { path = "code.coding[system=http://loinc.org].code", const = "8867-4" },
  { path = "valueQuantity.value", column = "heart_rate" },
]
[[facets]]
suffix = "weight"
when = "weight is not null"
fields = [
  { path = "code.coding[system=http://loinc.org].code", const = "29463-7" },
  { path = "valueQuantity.value", column = "weight" },
]
"#;

const ALLERGIES: &str = r#"
resource = "AllergyIntolerance"
table = "allergies"
id = "id"
patient = "person_id"
fields = [
  { path = "code.text", column = "name" },
  { path = "patient", column = "person_id", reference = "Patient" },
]
"#;

const REPORTS: &str = r#"
resource = "DiagnosticReport"
table = "reports"
id = "id"
fields = [ { path = "status", column = "status" }, { path = "conclusion", column = "conclusion" } ]
[[lists]]
path = "result"
of = ["results"]
by = "report_id"
"#;

const RESULTS: &str = r#"
resource = "Observation"
table = "results"
id = "id"
id_prefix = "re-"
fields = [ { path = "code.text", column = "name" }, { path = "valueQuantity.value", column = "val" },
  { path = "specimen.display", column = "report_id" } ]
"#;

const TABLES: &str = "
create table people (id text primary key, last text);
create table notes (id text primary key, person_id text not null references people (id) deferrable initially deferred,
  status text check (status in ('preliminary', 'final')), title text, deleted_at timestamptz, fhir_residue text);
create table note_allergies (id text primary key,
  note_id text not null references notes (id) deferrable initially deferred, name text, deleted_at timestamptz);
create table note_vitals (id KEY, note_id text not null references notes (id) deferrable initially deferred,
  heart_rate numeric, weight numeric);
create table allergies (id text primary key, person_id text references people (id) deferrable initially deferred, name text not null);
create table reports (id text primary key, status text, conclusion text);
create table results (id text primary key, report_id text references reports (id) deferrable initially deferred, name text, val numeric);
insert into people values ('ann', 'Lee'), ('bob', 'Ray');
insert into notes (id, person_id, status, title) values ('n0', 'ann', 'final', 'Visit');
insert into note_allergies (id, note_id, name) values ('b', 'n0', 'Nuts'), ('a', 'n0', 'Milk');
insert into note_vitals (note_id, heart_rate, weight) values ('n0', 72, null), ('n0', 80, 70.5);
insert into reports values ('r0', 'final', 'well');
insert into results values ('z', 'r0', 'Sodium', 140), ('lone', null, 'Potassium', 4);
";

struct Clinic {
    server: Server,
    maps: tempfile::TempDir,
}

impl Clinic {
    async fn open(engine: Engine) -> Self {
        Self::with(engine, "", "", &[]).await
    }

    /// With more keys in the notes' map, more statements and more arguments.
    async fn with(engine: Engine, keys: &str, statements: &str, arguments: &[&str]) -> Self {
        let maps = tempfile::tempdir().unwrap();
        let notes = NOTES.replacen("table = ", &format!("{keys}\ntable = "), 1);
        let files = [
            ("people", PEOPLE),
            ("notes", &notes),
            ("note_allergies", NOTE_ALLERGIES),
            ("note_vitals", NOTE_VITALS),
            ("allergies", ALLERGIES),
            ("reports", REPORTS),
            ("results", RESULTS),
        ];
        for (name, text) in files {
            std::fs::write(maps.path().join(format!("{name}.toml")), text).unwrap();
        }
        let key = match engine {
            Engine::Sqlite => "integer primary key",
            Engine::Postgres => "integer generated always as identity primary key",
        };
        let mut all = vec!["--maps".to_owned(), maps.path().display().to_string()];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let tables = format!("{}{statements}", TABLES.replace("KEY", key));
        let server = Server::prepared(engine, Options { arguments: all, ..Options::default() }, &tables).await;
        Self { server, maps }
    }

    fn api(&self) -> Client {
        self.server.client()
    }

    async fn sql(&self) -> Sql {
        self.server.sql().await
    }

    /// Every row is served as it is.
    async fn verified(&self) {
        let (database, maps) = (self.server.database.url.as_str(), self.maps.path().display().to_string());
        let data = self.server.data_dir().join("verify").display().to_string();
        let said = Command::run(&["map", "verify", "--database", database, "--maps", &maps, "--data-dir", &data]).await;
        assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    }
}

/// The references of a section, in order.
fn entries(note: &Json, title: &str) -> Vec<String> {
    let mut sections = note.items("section").iter().filter(|section| section.str("title") == Some(title));
    sections.next().map(|section| references(section.items("entry"))).unwrap_or_default()
}

fn references(items: &[Json]) -> Vec<String> {
    items.iter().map(|item| item.str("reference").unwrap_or("-").to_owned()).collect()
}

fn note(id: &str, sections: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Composition","id":"{id}","status":"final","type":{{"text":"SOAP"}},"subject":{{"reference":"Patient/ann"}},
        "date":"2026-01-02","author":[{{"display":"Dr. Who"}}],"title":"Visit","section":[{sections}]}}"#
    ))
}

fn allergy(id: &str, patient: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"AllergyIntolerance","id":"{id}","code":{{"text":"Eggs"}},"patient":{{"reference":"Patient/{patient}"}}}}"#
    ))
}

fn heart_rate(id: &str, rate: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"8867-4"}}]}},
        "subject":{{"reference":"Patient/ann"}},"valueQuantity":{{"value":{rate},"unit":"/min"}}}}"#
    ))
}

fn section(title: &str, entries: &[&str]) -> String {
    let entries: Vec<String> = entries.iter().map(|entry| format!(r#"{{"reference":"{entry}"}}"#)).collect();
    format!(r#"{{"title":"{title}","entry":[{}]}}"#, entries.join(","))
}

/// Behind `id` and `meta` the resource is byte for byte what was written.
async fn as_written(api: &Client, written: &Json) {
    let path = format!("/{}/{}", written.str("resourceType").unwrap(), written.str("id").unwrap());
    let read = api.get(&path).await.expect(200).json();
    let members = |resource: &Json| match resource {
        Json::Object(members) => members.iter().filter(|(name, _)| name != "meta").cloned().collect::<Vec<_>>(),
        other => panic!("{other}"),
    };
    let find =
        |name: &str, of: &[(String, Json)]| of.iter().find(|(own, _)| own == name).map(|(_, value)| value.to_string());
    let (read, written) = (members(&read), members(written));
    assert_eq!(read.len(), written.len());
    for (name, value) in &written {
        assert_eq!(find(name, &read).as_deref(), Some(value.to_string().as_str()), "{name}");
    }
}

/// The map a resource lives in; empty for the generic store.
async fn map_of(sql: &mut Sql, kind: &str, id: &str) -> String {
    let directory = own(sql.engine(), "directory");
    sql.value(&format!("select coalesce(map, '') from {directory} where type = '{kind}' and id = '{id}'")).await
}

suite! {
    async fn rows_that_were_there_are_listed(engine: Engine) {
        let clinic = Clinic::open(engine).await;
        let api = clinic.api();
        let note = api.get("/Composition/n0").await.expect(200).json();
        assert_eq!(note.str("meta.versionId"), Some("1"));
        assert_eq!(entries(&note, "Allergies"), ["AllergyIntolerance/na-a", "AllergyIntolerance/na-b"], "by key");
        assert_eq!(entries(&note, "Vital signs"), ["Observation/nv-1-hr", "Observation/nv-2-hr", "Observation/nv-2-weight"]);
        let report = api.get("/DiagnosticReport/r0").await.expect(200).json();
        assert_eq!(references(report.items("result")), ["Observation/re-z"]);
        clinic.verified().await;
    }

    async fn what_other_programs_do_to_listed_rows_makes_versions(engine: Engine) {
        let clinic = Clinic::open(engine).await;
        let (api, mut sql) = (clinic.api(), clinic.sql().await);
        sql.run("insert into notes (id, person_id, status, title) values ('n1', 'ann', 'final', 'Next')").await;
        let note = |id: &str| {
            let (api, path) = (api.clone(), format!("/Composition/{id}"));
            async move { api.get(&path).await.expect(200).json() }
        };
        assert!(note("n1").await.items("section").is_empty());
        for (change, listed, other) in [
            ("insert into note_allergies (id, note_id, name) values ('c', 'n1', 'Eggs')", &["na-c"][..], 2),
            ("update note_allergies set name = 'Wheat' where id = 'c'", &["na-c"], 2),
            ("update note_allergies set note_id = 'n1' where id = 'a'", &["na-a", "na-c"], 1),
            ("update note_allergies set deleted_at = '2026-01-01 00:00:00Z' where id = 'a'", &["na-c"], 1),
            ("update note_allergies set deleted_at = null, note_id = 'n0' where id = 'a'", &["na-c"], 2),
            ("delete from note_allergies where id = 'c'", &[], 2),
        ] {
            sql.run(change).await;
            let wanted: Vec<String> = listed.iter().map(|id| format!("AllergyIntolerance/{id}")).collect();
            assert_eq!(entries(&note("n1").await, "Allergies"), wanted, "{change}");
            assert_eq!(entries(&note("n0").await, "Allergies").len(), other, "{change}");
        }
        assert_eq!(note("n1").await.str("meta.versionId"), Some("5"), "a change that no list shows makes no version");
        sql.run("update note_vitals set weight = null where id = 2; update note_vitals set weight = 71 where id = 1").await;
        assert_eq!(entries(&note("n0").await, "Vital signs"), ["Observation/nv-1-hr", "Observation/nv-2-hr", "Observation/nv-1-weight"]);
        sql.run("update results set report_id = 'r0' where id = 'lone'; delete from results where id = 'z'").await;
        let report = api.get("/DiagnosticReport/r0").await.expect(200).json();
        assert_eq!(references(report.items("result")), ["Observation/re-lone"]);
        clinic.verified().await;
    }

    async fn what_a_client_wrote_of_a_list_is_what_is_read(engine: Engine) {
        let clinic = Clinic::open(engine).await;
        let (api, mut sql) = (clinic.api(), clinic.sql().await);
        let sections = [
            section("Allergies", &["AllergyIntolerance/na-b", "AllergyIntolerance/none", "#own", "http://elsewhere.example/fhir/AllergyIntolerance/na-a"]),
            r#"{"title":"Plan","text":{"status":"additional","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">rest</div>"}}"#.to_owned(),
        ];
        let contained = Json::of(r#"[{"resourceType":"AllergyIntolerance","id":"own","patient":{"reference":"Patient/ann"}}]"#);
        let written = note("n0", &sections.join(",")).with("contained", contained);
        api.save(&written).await.expect(200);
        as_written(&api, &written).await;
        clinic.verified().await;
        assert_eq!(row_key(&mut sql, "Composition", "n0").await, "n0", "it stays in its table");
        sql.run("insert into note_allergies (id, note_id, name) values ('0', 'n0', 'Soy')").await;
        sql.run("delete from note_allergies where id = 'b'").await;
        let read = api.get("/Composition/n0").await.expect(200).json();
        let listed = entries(&read, "Allergies");
        assert_eq!(listed[4..], ["AllergyIntolerance/na-0"], "only what nobody could know is added");
        assert_eq!(listed[0], "AllergyIntolerance/na-b", "what the client named stays");
        assert!(entries(&read, "Vital signs").is_empty());
        api.save(&read).await.expect(200);
        as_written(&api, &read).await;
        clinic.verified().await;
    }

    async fn what_a_set_names_in_a_list_becomes_a_row_of_it(engine: Engine) {
        let clinic = Clinic::open(engine).await;
        let (api, mut sql) = (clinic.api(), clinic.sql().await);
        let sections = [section("Allergies", &["AllergyIntolerance/x"]), section("Vital signs", &["Observation/v"])];
        let set = [heart_rate("v", "66"), allergy("x", "ann"), note("n9", &sections.join(",")), allergy("alone", "ann")];
        api.post("", transaction(&set)).await.expect(200);
        assert_eq!(sql.value("select note_id from note_allergies where id = 'x'").await, "n9");
        assert_eq!(sql.count("select count(*) from note_vitals where note_id = 'n9' and heart_rate = 66").await, 1);
        assert_eq!(map_of(&mut sql, "AllergyIntolerance", "alone").await, "allergies", "nobody named it");
        for written in &set {
            as_written(&api, written).await;
        }
        let read = api.get("/Composition/n9").await.expect(200).json();
        assert_eq!(read.str("meta.versionId"), Some("1"), "the client had listed them");
        clinic.verified().await;

        api.save(&allergy("standalone", "ann")).await.expect(201);
        assert_eq!(map_of(&mut sql, "AllergyIntolerance", "standalone").await, "allergies");
        api.save(&heart_rate("posted", "70")).await.expect(201);
        assert_eq!(map_of(&mut sql, "Observation", "posted").await, "results", "a note grows by its list only");

        api.save(&allergy("x", "ann").with("code", Json::of(r#"{"text":"Fish"}"#))).await.expect(200);
        assert_eq!(sql.value("select note_id from note_allergies where id = 'x' and name = 'Fish'").await, "n9");
        assert_eq!(api.get("/Composition/n9").await.expect(200).version(), 1);
        api.delete("/AllergyIntolerance/x").await.expect(204);
        let read = api.get("/Composition/n9").await.expect(200).json();
        assert_eq!(entries(&read, "Allergies"), ["AllergyIntolerance/x"], "the client's own reference stays");
        api.save(&allergy("x", "ann")).await.expect(201);
        assert_eq!(map_of(&mut sql, "AllergyIntolerance", "x").await, "allergies", "nobody names it now");
        clinic.verified().await;
    }

    async fn what_a_known_note_names_anew_becomes_its_row(engine: Engine) {
        let clinic = Clinic::open(engine).await;
        let (api, mut sql) = (clinic.api(), clinic.sql().await);
        let read = api.get("/Composition/n0").await.expect(200).json();
        let more = note("n0", &section("Allergies", &["AllergyIntolerance/na-a", "AllergyIntolerance/new"]));
        api.post("", transaction(&[more.clone(), allergy("new", "ann")])).await.expect(200);
        assert_eq!(sql.value("select note_id from note_allergies where id = 'new'").await, "n0");
        as_written(&api, &more).await;
        clinic.verified().await;
        // What its own program removes is listed no more, what it adds is.
        sql.run("delete from note_allergies where id = 'new'; insert into note_allergies values ('d', 'n0', 'Dust', null)").await;
        let again = api.get("/Composition/n0").await.expect(200).json();
        let listed = entries(&again, "Allergies");
        assert_eq!(listed, ["AllergyIntolerance/na-a", "AllergyIntolerance/new", "AllergyIntolerance/na-d"]);
        assert_eq!(entries(&read, "Vital signs").len(), 3);
        clinic.verified().await;
    }

    async fn what_does_not_fit_the_note_goes_elsewhere(engine: Engine) {
        let clinic = Clinic::open(engine).await;
        let (api, mut sql) = (clinic.api(), clinic.sql().await);
        let named = |id: &str| section("Allergies", &[&format!("AllergyIntolerance/{id}")]);
        api.post("", transaction(&[note("n1", &named("bobs")), allergy("bobs", "bob")])).await.expect(200);
        assert_eq!(map_of(&mut sql, "Composition", "n1").await, "notes");
        assert_eq!(map_of(&mut sql, "AllergyIntolerance", "bobs").await, "allergies", "another patient's");
        // A note whose status its table refuses is in no table, and neither are its rows.
        let entered = note("n2", &named("orphan")).with("status", Json::text("entered-in-error"));
        api.post("", transaction(&[entered.clone(), allergy("orphan", "ann")])).await.expect(200);
        assert_eq!(map_of(&mut sql, "Composition", "n2").await, "");
        assert_eq!(map_of(&mut sql, "AllergyIntolerance", "orphan").await, "allergies");
        as_written(&api, &entered).await;
        // Without a name only the note's table has room.
        let nameless = Json::of(r#"{"resourceType":"AllergyIntolerance","id":"nameless","patient":{"reference":"Patient/bob"}}"#);
        api.post("", transaction(&[note("n3", &named("nameless")), nameless])).await.expect(200);
        assert_eq!(map_of(&mut sql, "AllergyIntolerance", "nameless").await, "");
        clinic.verified().await;
    }

    async fn rows_of_a_deleted_note_stay_resources(engine: Engine) {
        let clinic = Clinic::open(engine).await;
        let (api, mut sql) = (clinic.api(), clinic.sql().await);
        api.get("/Composition/n0").await.expect(200);
        api.delete("/Composition/n0").await.expect(204);
        api.get("/Composition/n0").await.expect(410);
        for path in ["/AllergyIntolerance/na-a", "/Observation/nv-2-weight"] {
            api.get(path).await.expect(200);
        }
        assert_eq!(map_of(&mut sql, "AllergyIntolerance", "na-a").await, "");
        clinic.verified().await;
    }

    async fn a_column_that_a_field_maps_moves_a_row_to_another_list(engine: Engine) {
        let clinic = Clinic::open(engine).await;
        let (api, mut sql) = (clinic.api(), clinic.sql().await);
        sql.run("insert into reports values ('r1', 'final', 'ill')").await;
        let sodium = api.get("/Observation/re-z").await.expect(200).json();
        api.save(&sodium.with("specimen", Json::of(r#"{"display":"r1"}"#))).await.expect(200);
        assert_eq!(sql.value("select report_id from results where id = 'z'").await, "r1");
        for (report, listed) in [("r0", &[][..]), ("r1", &["Observation/re-z"])] {
            let report = api.get(&format!("/DiagnosticReport/{report}")).await.expect(200).json();
            assert_eq!(references(report.items("result")), listed);
        }
        clinic.verified().await;
    }

    async fn deleted_items_leave_what_rows_gave_them(engine: Engine) {
        let clinic = Clinic::open(engine).await;
        let api = clinic.api();
        api.get("/Composition/n0").await.expect(200);
        api.delete("/AllergyIntolerance/na-a").await.expect(204);
        let read = api.get("/Composition/n0").await.expect(200).json();
        assert_eq!((read.str("meta.versionId"), entries(&read, "Allergies").len()), (Some("2"), 1));
        clinic.verified().await;
    }

    async fn the_owners_function_follows_a_write(engine: Engine) {
        const FUNCTION: &str = "
            create table merged (note_id text, allergies bigint);
            grant all on merged to public;
            create function merge_note(note text) returns void language plpgsql as $$ begin
              if exists (select 1 from notes where id = note and title = 'never') then raise exception 'secret %', note; end if;
              insert into merged select note, count(*) from note_allergies where note_id = note;
              update note_allergies set name = upper(name) where note_id = note;
            end $$;";
        if engine == Engine::Sqlite {
            return;
        }
        let clinic = Clinic::with(engine, "after_write = \"merge_note\"", FUNCTION, &[]).await;
        let (api, mut sql) = (clinic.api(), clinic.sql().await);
        let set = |id: &str, title: &str| {
            let written = note(id, &section("Allergies", &[&format!("AllergyIntolerance/of-{id}")]));
            transaction(&[allergy(&format!("of-{id}"), "ann"), written.with("title", Json::text(title))])
        };
        api.post("", set("m1", "Visit")).await.expect(200);
        assert_eq!(sql.count("select allergies from merged where note_id = 'm1'").await, 1, "after all rows of the set");
        let merged = api.get("/AllergyIntolerance/of-m1").await.expect(200).json();
        assert_eq!((merged.str("code.text"), merged.str("meta.versionId")), (Some("EGGS"), Some("2")));
        let answer = api.post("", set("m2", "never")).await.expect(200);
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
        assert_eq!(map_of(&mut sql, "Composition", "m2").await, "", "what the function refuses is no row");
        assert_eq!(map_of(&mut sql, "AllergyIntolerance", "of-m2").await, "allergies");
        clinic.verified().await;

        let keys = "overflow = \"refuse\"\nafter_write = \"merge_note\"";
        let clinic = Clinic::with(engine, keys, FUNCTION, &[]).await;
        let refused = clinic.api().post("", set("m3", "never")).await.expect(422);
        let text = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(text.contains("merge_note") && !text.contains("secret"), "{text}");
        clinic.api().get("/Composition/m3").await.expect(404);

        let clinic = Clinic::with(engine, "after_write = \"merge_note\"", FUNCTION, &["--no-after-write"]).await;
        clinic.api().post("", set("m4", "never")).await.expect(200);
        assert_eq!(clinic.sql().await.count("select count(*) from merged").await, 0);
    }
}
