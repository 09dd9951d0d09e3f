//! The map language: what it compiles to, and what its checker says.

#[path = "map/checker.rs"]
mod checker;
#[path = "map/clinic.rs"]
mod clinic;
#[path = "map/garbage.rs"]
mod garbage;
#[path = "map/grammar.rs"]
mod grammar;
#[path = "map/hard_shapes.rs"]
#[allow(clippy::unwrap_used, reason = "a test ends where a step fails")]
mod hard_shapes;
#[path = "map/paths.rs"]
mod paths;
#[path = "map/schema.rs"]
mod schema;

/// Compares with `tests/map/golden/<name>.txt`; `GOLDEN=write` writes it.
fn golden(name: &str, found: &str) {
    let path = format!("{}/tests/map/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var("GOLDEN").is_ok_and(|value| value == "write") {
        std::fs::write(&path, found).expect("writable golden file");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{path} differs; GOLDEN=write cargo test -p mappers --test map writes it anew");
}
