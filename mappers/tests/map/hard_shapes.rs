//! Tables that are only appended to, JSON documents, arrays and wall clocks: what their maps compile to.

use mappers::map::{self, AppendOnly, Map};

use super::schema;

const TABLES: &str = "
create table health_events (id text primary key, organization_id bigint not null, kind text not null, note text, data jsonb,
  seen timestamp, recorded_at timestamptz, source text, state text, supersedes_id text, tags text);
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
