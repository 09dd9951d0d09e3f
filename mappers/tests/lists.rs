//! Lists of references: what a client wrote, what rows of other tables add, what a client left out.

#[path = "map/schema.rs"]
#[allow(dead_code, reason = "the clinic's own tables are not needed here")]
mod schema;

use mappers::codec::Context;
use mappers::join::{Header, Stored, join};
use mappers::json::Document;
use mappers::map::{self, Map, MapSet, Problem};
use mappers::row::Row;
use mappers::split::{Shadow, SplitContext, left_out, listed, split};

const TABLES: &str = "
create table notes (id text primary key, title text, author text);
create table allergies (id text primary key, note_id text not null references notes (id), name text, height numeric, weight numeric);
create table reports (id integer primary key, title text);
";

const NOTES: &str = r#"
resource = "Composition"
table = "notes"
id = "id"
fields = [
  { path = "title", column = "title" },
  { path = "section[title=Plan].text.status", column = "author" },
]
[[lists]]
path = "section[title=Allergies].entry"
of = ["allergies"]
by = "note_id"
[[lists]]
path = "section[title=Vital signs].entry"
of = ["vitals.weight", "vitals"]
by = "note_id"
"#;

const ALLERGIES: &str = r#"
resource = "AllergyIntolerance"
table = "allergies"
id = "id"
listed = true
fields = [ { path = "code.text", column = "name" } ]
"#;

const VITALS: &str = r#"
resource = "Observation"
table = "allergies"
id = "id"
id_prefix = "vs-"
[[facets]]
suffix = "height"
when = "height is not null"
fields = [ { path = "valueQuantity.value", column = "height" } ]
[[facets]]
suffix = "weight"
when = "weight is not null"
fields = [ { path = "valueQuantity.value", column = "weight" } ]
"#;

fn compile(files: &[(&str, &str)]) -> Result<MapSet, Vec<Problem>> {
    let files: Vec<map::File> = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    map::compile(&files, &schema::of(TABLES))
}

fn notes() -> MapSet {
    compile(&[("notes.toml", NOTES), ("allergies.toml", ALLERGIES), ("vitals.toml", VITALS)])
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// The problems of the notes' map with other lists.
fn problems(lists: &str) -> String {
    let notes = format!(
        "resource = \"Composition\"\ntable = \"notes\"\nid = \"id\"\nfields = [{{ path = \"title\", column = \"title\" }}]\n{lists}"
    );
    let files = [("notes.toml", notes.as_str()), ("allergies.toml", ALLERGIES), ("vitals.toml", VITALS)];
    let problems = compile(&files).map_or_else(|problems| problems, |set| set.warnings);
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

const HEADER: Header<'static> = Header { id: "n1", version: 2, last_updated: "2026-01-02T03:04:05Z" };

/// What follows `id` and `meta` in the resource a row reads as.
fn read(map: &Map, stored: &Stored<'_>) -> String {
    let mut out = Vec::new();
    join(map, stored, &HEADER, &Context::utc(), &mut out);
    let text = String::from_utf8(out).expect("UTF-8");
    Document::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
    text.split_once("05Z\"}").map(|(_, rest)| rest.to_owned()).expect("meta")
}

fn references(of: &[&str]) -> Vec<Box<str>> {
    of.iter().map(|reference| (*reference).into()).collect()
}

#[test]
fn lists_know_their_maps_and_these_their_lists() {
    let set = notes();
    let map = set.by_name("notes").expect("notes");
    assert_eq!(map.lists[0].of, ["allergies"]);
    assert_eq!(map.lists[1].of, ["vitals.weight", "vitals.height"], "a file stands for all its facets");
    let allergies = set.by_name("allergies").expect("allergies");
    let by = &allergies.listed_by[0];
    assert_eq!(
        (by.map.as_str(), by.table.as_str(), by.list, by.column.name.as_str()),
        ("notes", "notes", 0, "note_id")
    );
    assert!(allergies.listed && !map.listed);
    assert_eq!(set.by_name("vitals.height").expect("a facet").listed_by.len(), 1);
    assert!(map::describe(map).contains("resources of vitals.weight, vitals.height that name the row"));
    assert_eq!(set.warnings, [], "note_id is filled by the list");
}

#[test]
fn a_row_of_another_program_has_what_other_rows_list() {
    let set = notes();
    let map = set.by_name("notes").expect("notes");
    let row = Row { cells: vec![Some("Visit".into()), None], children: Vec::new() };
    let lists = [references(&["AllergyIntolerance/a", "AllergyIntolerance/b"]), Vec::new()];
    let stored =
        Stored { row: &row, reference_ids: &[], child_reference_ids: &[], listed: &lists, residue: None, shadow: None };
    // What R4 requires beside follows.
    let own = |text: String| text.split(r#","_status""#).next().map(str::to_owned);
    assert_eq!(
        own(read(map, &stored)).as_deref(),
        Some(
            r#","title":"Visit","section":[{"title":"Allergies","entry":[{"reference":"AllergyIntolerance/a"},{"reference":"AllergyIntolerance/b"}]}]"#
        ),
        "a section without entries is not there"
    );
    assert_eq!(own(read(map, &Stored { listed: &[], ..stored })).as_deref(), Some(r#","title":"Visit""#));
}

#[test]
fn what_a_client_wrote_stands_first_and_only_what_it_lacks_is_added() {
    let set = notes();
    let map = set.by_name("notes").expect("notes");
    let literal = r##""section":[{"title":"Plan","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}},{"title":"Allergies","entry":[{"reference":"AllergyIntolerance/z","display":"odd"},{"display":"nothing"},{"reference":"AllergyIntolerance/a/_history/2"},{"reference":"#c"}],"note":1}],"x":true}"##;
    let text = format!(r#"{{"resourceType":"Composition","title":"Visit",{literal}"#);
    let document = Document::parse(text.as_bytes()).expect("JSON");
    assert_eq!(listed(map, &document), [references(&["AllergyIntolerance/z", "AllergyIntolerance/a"]), Vec::new()]);
    let context = SplitContext { values: Context::utc(), resolve: &|_, _| None };
    let split = split(map, &document, &context).expect("it fits");
    assert_eq!(read(map, &split.stored()), format!(r#","title":"Visit",{literal}"#), "law 1");
    let lists = [references(&["AllergyIntolerance/a", "AllergyIntolerance/b"]), references(&["Observation/v"])];
    let stored = Stored { listed: &lists, ..split.stored() };
    let shown = read(map, &stored);
    assert!(shown.contains(r##"{"reference":"#c"},{"reference":"AllergyIntolerance/b"}],"note":1},"##), "{shown}");
    assert!(
        shown.ends_with(r#"{"title":"Vital signs","entry":[{"reference":"Observation/v"}]}],"x":true}"#),
        "{shown}"
    );

    let left = left_out(map, &document, &lists);
    assert_eq!(left.len(), 2);
    let shadow = Shadow::leaving_out(split.shadow.clone(), left).expect("a shadow");
    assert_eq!(Shadow::parse(&shadow.to_json()).as_ref(), Some(&shadow), "{}", shadow.to_json());
    let stored = Stored { listed: &lists, shadow: Some(&shadow), ..split.stored() };
    assert_eq!(read(map, &stored), format!(r#","title":"Visit",{literal}"#), "what it left out stays out");
    let more = [references(&["AllergyIntolerance/b", "AllergyIntolerance/c"]), Vec::new()];
    let shown = read(map, &Stored { listed: &more, ..stored });
    assert!(shown.contains(r##"{"reference":"#c"},{"reference":"AllergyIntolerance/c"}]"##), "{shown}");
    let again = Shadow::remembering(None, Some(&shadow)).expect("a shadow");
    assert!(again.to_json().contains("AllergyIntolerance/b") && !again.to_json().contains("AllergyIntolerance/a"));
}

#[test]
fn what_is_wrong_with_a_list_is_said() {
    let list = |path: &str, of: &str, by: &str| {
        problems(&format!("[[lists]]\npath = \"{path}\"\nof = [{of}]\nby = \"{by}\"\n"))
    };
    let said = list("section[title=A].entry", "\"allergy\"", "note_id");
    assert!(
        said.contains("notes.toml:7:7: error: there is no map `allergy`\n  help: there are: notes, allergies, vitals"),
        "{said}"
    );
    assert!(said.contains("allergies.toml:5:1: warning: no list names this map"), "{said}");
    let said = list("section[title=A].entry", "\"allergies\"", "notes_id");
    assert!(said.contains("notes.toml:8:6: error: table `allergies` has no column `notes_id`"), "{said}");
    let said = list("section[title=A].title", "\"allergies\"", "note_id");
    assert!(said.contains("notes.toml:6:8: error: `section[title=A].title` is no list of References"), "{said}");
    assert!(list("category", "\"allergies\"", "note_id").contains("`category` is no list of References"));
    assert!(list("section[title=A].entry", "", "note_id").contains("the list is of no map"));
    let said = problems("[[lists]]\npath = \"section[title=A].entry\"\nby = \"note_id\"\n");
    assert!(said.contains("a list needs `of`"), "{said}");
    let report = "resource = \"DiagnosticReport\"\ntable = \"reports\"\nid = \"id\"\nfields = [{ path = \"conclusion\", column = \"title\" }]\n[[lists]]\npath = \"result\"\nof = [\"vitals\"]\nby = \"note_id\"\n";
    let problems = compile(&[("reports.toml", report), ("vitals.toml", VITALS)]).expect_err("another table");
    let said = format!("{problems:?}");
    assert!(said.contains("column `note_id` of `allergies` refers to `notes`, not to `reports`"), "{said}");
}

#[test]
fn a_function_is_called_by_its_bare_name() {
    let with = |name: &str, no_functions: bool| {
        let text = ALLERGIES.replace("listed = true\n", &format!("after_write = \"{name}\"\n"));
        let schema = mappers::schema::Schema { no_functions, ..schema::of(TABLES) };
        map::compile(&[("a.toml".to_owned(), text)], &schema)
    };
    assert_eq!(with("merge_note", false).expect("a function").maps[0].after_write.as_deref(), Some("merge_note"));
    for name in ["merge(1)", "a b", "a;b", "1a", "public.f", ""] {
        let problems = with(name, false).expect_err("no name");
        assert!(format!("{problems:?}").contains("is no function's name"), "{problems:?}");
    }
    let problems = with("merge_note", true).expect_err("SQLite");
    assert!(format!("{problems:?}").contains("SQLite has no functions to call"), "{problems:?}");
}
