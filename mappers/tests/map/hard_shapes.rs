//! Tables that are only appended to, JSON documents, arrays and wall clocks: what their maps compile to.

use mappers::codec::Context;
use mappers::join;
use mappers::json::Document;
use mappers::map::{self, AppendOnly, Map};
use mappers::row::Row;
use mappers::split::{self, SplitContext};

use super::schema;

const TABLES: &str = "
create table health_events (id text primary key, organization_id bigint not null, kind text not null, note text, data jsonb,
  seen timestamp, recorded_at timestamptz, source text, state text, supersedes_id text, tags text[]);
";

fn compile(text: &str) -> Result<Map, String> {
    let files = [(
        "events.toml".to_owned(),
        format!("resource = \"Observation\"\ntable = \"health_events\"\nid = \"id\"\n{text}"),
    )];
    match map::compile(&files, &schema::of(TABLES)) {
        Ok(mut set) => Ok(set.maps.remove(0)),
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

const APPEND: &str =
    r#"append_only = { supersedes = "supersedes_id", retracted = { column = "state", value = "entered-in-error" } }"#;

#[test]
fn a_row_that_replaces_another_takes_over_what_the_map_does_not_name() {
    let fields = r#"fields = [{ path = "valueString", column = "note" }, { path = "status", column = "state" }]"#;
    let map = compile(&format!(
        "tenant = \"organization_id\"\nupdated = \"recorded_at\"\nwhere = \"kind = 'mood'\"\n{APPEND}\n{fields}"
    ));
    let map = map.unwrap();
    let carried = ["kind", "data", "seen", "source", "tags"].map(str::to_owned).to_vec();
    let retracted = ("state".to_owned(), "entered-in-error".to_owned());
    assert_eq!(map.append_only, Some(AppendOnly { supersedes: "supersedes_id".to_owned(), retracted, carried }));
}

#[test]
fn what_does_not_go_together_is_said() {
    let fields = r#"fields = [{ path = "valueString", column = "note" }]"#;
    let says = |text: &str, words: &str| {
        let problems = compile(text).unwrap_err();
        assert!(problems.contains(words), "{problems}");
    };
    says(&format!("append_only = true\n{fields}"), "append_only");
    says(&format!("append_only = {{ supersedes = \"supersedes_id\" }}\n{fields}"), "needs `retracted`");
    says(&format!("residue = \"source\"\n{APPEND}\n{fields}"), "has no residue column");
    says(&format!("deleted = \"source\"\n{APPEND}\n{fields}"), "never deleted");
}

/// What a resource leaves in `data`, and what comes back.
fn there_and_back(map: &Map, extension: &str, note: &str) -> (Option<String>, bool) {
    let text = format!(
        r#"{{"resourceType":"Observation","id":"x","meta":{{"versionId":"1","lastUpdated":"t"}},"extension":[{{"url":"urn:rest","valueString":{extension}}}],"valueString":{note}}}"#
    );
    let document = Document::parse(text.as_bytes()).unwrap();
    let context = SplitContext { values: Context::utc(), resolve: &|_, _| None };
    let split = split::split(map, &document, &context).unwrap();
    let mut out = Vec::new();
    let header = join::Header { id: "x", version: 1, last_updated: "t" };
    join::join(map, &split.stored(), &header, &Context::utc(), &mut out);
    (split.row.cells[0].as_deref().map(str::to_owned), out == text.as_bytes())
}

/// A row of another program's: its rest, and its note.
fn foreign(map: &Map, data: &str) -> String {
    let row = Row { cells: vec![Some(data.into())], children: Vec::new() };
    let stored = join::Stored {
        row: &row,
        reference_ids: &[],
        child_reference_ids: &[],
        residue: None,
        shadow: None,
        listed: &[],
    };
    let mut out = Vec::new();
    let header = join::Header { id: "x", version: 1, last_updated: "t" };
    join::join(map, &stored, &header, &Context::utc(), &mut out);
    let text = String::from_utf8(out).unwrap();
    text.split_once(r#""lastUpdated":"t"}"#).unwrap().1.replace(UNKNOWN, "")
}

/// What R4 requires of an Observation, and the row does not have.
const UNKNOWN: &str = r#","status":"unknown","code":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"unknown"}]}"#;

const REST: &str = r#"fields = [
  { path = "valueString", json = "data.note" },
  { path = "valueInteger", json = "data.deep.score" },
  { path = "extension[url=urn:rest].valueString", json = "data", rest = true },
]"#;

#[test]
fn what_no_field_names_comes_out_as_one_text() {
    let map = compile(REST).unwrap();
    let rest = |data: &str| foreign(&map, data);
    assert_eq!(
        rest(r#"{"note": "n", "zz": [1.10, {"b": 1, "aa": null}], "b": "c", "deep": {"score": 3, "x": 1e2}}"#),
        r#","valueString":"n","valueInteger":3,"extension":[{"url":"urn:rest","valueString":"{\"b\":\"c\",\"zz\":[1.10,{\"b\":1,\"aa\":null}],\"deep\":{\"x\":100}}"}]}"#
    );
    assert_eq!(rest(r#"{"note":"n","deep":{"score":3}}"#), r#","valueString":"n","valueInteger":3}"#, "nothing left");
    assert_eq!(
        rest(r#"{"note":{"a":1},"deep":{"score":"many"}}"#),
        r#","extension":[{"url":"urn:rest","valueString":"{\"deep\":{\"score\":\"many\"},\"note\":{\"a\":1}}"}]}"#,
        "what the naming field cannot say is not dropped"
    );
}

#[test]
fn the_rest_is_written_back_as_members() {
    let map = compile(REST).unwrap();
    let (data, same) = there_and_back(&map, r#""{\"b\":1,\"zz\":[2]}""#, r#""n""#);
    assert!(same);
    assert_eq!(data.as_deref(), Some(r#"{"b":1,"zz":[2],"note":"n"}"#));
    for odd in [
        r#""no object""#,
        r#""{\"zz\":1,\"b\":2}""#,
        r#""[1]""#,
        r#""{}""#,
        r#""{\"note\":\"twice\"}""#,
        r#""{\"note\":{\"a\":1}}""#,
    ] {
        assert!(there_and_back(&map, odd, r#""n""#).1, "{odd}");
    }
}

#[test]
fn a_list_is_an_array() {
    let map =
        compile(r#"fields = [{ path = "meta.profile", column = "tags" }, { path = "instantiates", column = "note" }]"#);
    assert!(map.is_err(), "no such element");
    let map = compile(r#"fields = [{ path = "meta.profile", column = "tags" }]"#).unwrap();
    let row = Row { cells: vec![Some(r#"["a", null, "b"]"#.into())], children: Vec::new() };
    let stored = join::Stored {
        row: &row,
        reference_ids: &[],
        child_reference_ids: &[],
        residue: None,
        shadow: None,
        listed: &[],
    };
    let mut out = Vec::new();
    join::join(&map, &stored, &join::Header { id: "x", version: 1, last_updated: "t" }, &Context::utc(), &mut out);
    assert!(String::from_utf8(out).unwrap().contains(r#""profile":["a","b"]"#));
    let says = compile(r#"fields = [{ path = "valueString", column = "tags" }]"#).unwrap_err();
    assert!(says.contains("an array is a whole list"), "{says}");
}

#[test]
fn a_clock_that_shows_a_time_twice_is_doubted() {
    let map = compile(r#"fields = [{ path = "effectiveDateTime", column = "seen", zone = "Europe/Berlin" }]"#).unwrap();
    let look = |seen: &str| {
        let row = Row { cells: vec![Some(seen.into())], children: Vec::new() };
        let stored = join::Stored {
            row: &row,
            reference_ids: &[],
            child_reference_ids: &[],
            residue: None,
            shadow: None,
            listed: &[],
        };
        let mut out = Vec::new();
        let header = join::Header { id: "x", version: 1, last_updated: "t" };
        let joined = join::join(&map, &stored, &header, &Context::utc(), &mut out);
        let text = String::from_utf8(out).unwrap();
        (text.split(r#""effectiveDateTime":""#).nth(1).unwrap()[..25].to_owned(), joined.doubtful)
    };
    assert_eq!(look("2026-07-01T10:00:00"), ("2026-07-01T10:00:00+02:00".to_owned(), vec![]));
    assert_eq!(
        look("2026-10-25T02:30:00"),
        ("2026-10-25T02:30:00+02:00".to_owned(), vec!["seen".to_owned()]),
        "the earlier"
    );
    assert_eq!(
        look("2026-03-29T02:30:00"),
        ("2026-03-29T03:30:00+02:00".to_owned(), vec!["seen".to_owned()]),
        "what clocks showed"
    );
    let says =
        compile(r#"fields = [{ path = "effectiveDateTime", column = "seen", zone = "Europe/Berlim" }]"#).unwrap_err();
    assert!(says.contains("is no time zone"), "{says}");
}
