//! SQL texts of the clinic maps, and what answers a search parameter.

#[path = "map/schema.rs"]
mod schema;

use mappers::map::{self, Map};
use mappers::schema::ColumnKind;
use mappers::sql::{Dialect, Insert, InsertParameter, Statements};

/// Renders every kind so that the texts show which columns are read and bound as what.
struct Plain;

impl Dialect for Plain {
    fn read(&self, column: &str, _kind: ColumnKind, _declared: &str) -> String {
        format!("text({column})")
    }

    fn bind(&self, placeholder: &str, kind: ColumnKind, declared: &str) -> String {
        if kind == ColumnKind::Text { placeholder.to_owned() } else { format!("{declared}({placeholder})") }
    }

    fn quote(&self, name: &str) -> String {
        name.to_owned()
    }
}

fn by_name(name: &str) -> Map {
    let set = map::compile(&map::clinic(), &schema::clinic()).expect("the clinic maps compile");
    set.by_name(name).cloned().unwrap_or_else(|| panic!("no map {name}"))
}

/// One of each shape: children and a joined row, plain columns, a facet, a condition that new rows must meet.
#[test]
fn statements_of_a_map_of_each_shape() {
    for name in ["patient", "lab_results", "medication_request", "soap_plan_procedures", "vital_signs.bp"] {
        golden(name, &text(&by_name(name)));
    }
}

fn text(map: &Map) -> String {
    let statements = Statements::new(map, &Plain);
    let mut parts =
        vec![("select", statements.select), ("insert", statements.insert.text(2)), ("delete", statements.delete)];
    parts.extend(statements.soft_delete.map(|sql| ("soft delete", sql)));
    parts.push(("left over", statements.left_over));
    parts.extend(statements.insert_joined.iter().flatten().map(|insert| ("insert joined", insert.text(1))));
    parts.extend(statements.delete_joined.into_iter().flatten().map(|sql| ("delete joined", sql)));
    for child in statements.children {
        parts.push(("child select", child.select));
        parts.push(("child insert", child.insert.text(1)));
        parts.push(("child delete all", child.delete_all));
        parts.extend(child.update.map(|sql| ("child update", sql)));
        parts.extend(child.delete.map(|sql| ("child delete", sql)));
    }
    parts.into_iter().map(|(name, sql)| format!("-- {name}\n{sql}\n\n")).collect()
}

const ORDERS: &str = "create table orders (id text primary key, organization_id bigint, kind text not null, urgent boolean, name text, gone text);";

fn orders(filter: &str) -> Insert {
    let file = format!(
        "resource = \"Procedure\"\ntable = \"orders\"\nid = \"id\"\nwhere = \"{filter}\"\n\
         fields = [{{ path = \"code.text\", column = \"name\" }}]\n"
    );
    let set = map::compile(&[("orders".to_owned(), file)], &schema::of(ORDERS)).expect("the map compiles");
    Statements::new(&set.maps[0], &Plain).insert
}

#[test]
fn a_new_row_is_a_row_of_its_map() {
    let insert = orders("kind = 'procedure' and urgent = true and gone is null and (organization_id = 1)").text(2);
    assert!(
        insert.starts_with(
            "insert into orders (id, name, kind, urgent) values ($1, $2, 'procedure', true), ($3, $4, 'procedure', true)"
        ),
        "{insert}"
    );
    for open in
        ["kind = 'procedure' or urgent = true", "not kind = 'a'", "kind <> 'a'", "lower(kind) = 'a'", "name = 'x'"]
    {
        let insert = orders(open).text(1);
        assert!(insert.starts_with("insert into orders (id, name) values ($1, $2)"), "{open}: {insert}");
    }
}

#[test]
fn a_row_of_an_insert_takes_its_parameters_in_order() {
    let map = by_name("medication");
    let insert = Statements::new(&map, &Plain).insert;
    assert_eq!(insert.parameters[..3], [InsertParameter::Key, InsertParameter::Organization, InsertParameter::Slot(0)]);
    assert_eq!(insert.parameters[insert.parameters.len() - 2..], [InsertParameter::Residue, InsertParameter::Updated]);
    let sql = insert.text(3);
    assert!(
        sql.contains(&format!("${})", insert.parameters.len() * 3))
            || sql.contains(&format!("${}))", insert.parameters.len() * 3)),
        "{sql}"
    );
    assert_eq!(insert.returned, (0..map.slots.len()).collect::<Vec<_>>());
}

/// As [`Plain`], for an engine that takes plain placeholders.
struct Unnumbered;

impl Dialect for Unnumbered {
    fn read(&self, column: &str, kind: ColumnKind, declared: &str) -> String {
        Plain.read(column, kind, declared)
    }

    fn bind(&self, placeholder: &str, _kind: ColumnKind, _declared: &str) -> String {
        format!("twice({placeholder}, {placeholder})")
    }

    fn quote(&self, name: &str) -> String {
        Plain.quote(name)
    }

    fn takes_plain_placeholders(&self) -> bool {
        true
    }
}

#[test]
fn plain_placeholders_are_columns_of_a_list_of_rows() {
    let file = "resource = \"Procedure\"\ntable = \"orders\"\nid = \"id\"\nwhere = \"kind = 'procedure'\"\n\
                fields = [{ path = \"code.text\", column = \"name\" }]\n";
    let set = map::compile(&[("orders".to_owned(), file.to_owned())], &schema::of(ORDERS)).expect("the map compiles");
    let expected = "insert into orders (id, name, kind) select twice(column1, column1), twice(column2, column2), \
                    'procedure' from (values (?, ?), (?, ?)) returning text(id), text(name)";
    assert_eq!(Statements::new(&set.maps[0], &Unnumbered).insert.text(2), expected);
}

#[test]
fn a_facet_finds_its_note_by_what_the_resource_says() {
    let map = by_name("vital_signs.hr");
    let slots: Vec<usize> = (0..map.slots.len()).filter(|slot| map.slots[*slot].join == Some(0)).collect();
    let sql = Statements::lookup(&map, &Plain, 0, &slots, &[], false);
    let expected = "select text(soap_notes.id) from soap_notes where soap_notes.organization_id = $1 and \
                    soap_notes.status = $2 and soap_notes.patient_id = $3 and soap_notes.encounter_id = $4 and \
                    (soap_notes.deleted_at is null) limit 2";
    assert_eq!(sql, expected);
}

#[test]
fn a_row_whose_joined_row_fails_its_condition_is_no_resource() {
    let select = Statements::new(&by_name("vital_signs.hr"), &Plain).select;
    let (_, condition) = select.split_once(" where ").expect("a condition");
    assert!(condition.contains("(soap_notes.deleted_at is null)"), "{select}");
    assert!(condition.contains("soap_objective_vital_signs.deleted_at is null"), "{select}");
}

/// Compares with `tests/map/golden/sql/<name>.sql`; `GOLDEN=write` writes it.
fn golden(name: &str, found: &str) {
    let path = format!("{}/tests/map/golden/sql/{name}.sql", env!("CARGO_MANIFEST_DIR"));
    if std::env::var("GOLDEN").is_ok_and(|value| value == "write") {
        std::fs::write(&path, found).expect("writable golden file");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{path} differs; GOLDEN=write cargo test -p mappers --test sql writes it anew");
}
