//! Files with mistakes: whatever they are, they are reported, and nothing panics.

use mappers::map::{self, Severity};
use proptest::prelude::*;

use crate::schema;

/// The clinic maps with one file broken.
fn compile(files: &[map::File]) -> Result<(), String> {
    match map::compile(files, &schema::clinic()) {
        Ok(set) => {
            prop_ok(set.warnings.iter().all(|problem| problem.severity == Severity::Warning), "a warning is no error")?;
            // What compiles can be shown, and so has its SQL.
            set.maps.iter().for_each(|map| drop(map::describe(map)));
            Ok(())
        }
        Err(problems) => {
            prop_ok(problems.iter().any(|problem| problem.severity == Severity::Error), "an error at least")?;
            let placed = problems.iter().all(|problem| {
                let (_, text) = files.iter().find(|(name, _)| *name == problem.file).expect("a file of these");
                problem.line >= 1 && problem.line <= text.lines().count().max(1) + 1 && problem.column >= 1
            });
            prop_ok(placed, "in a line that there is")
        }
    }
}

fn prop_ok(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_line_lost(file in 0_usize..5, line in 0_usize..120) {
        let mut files = map::clinic();
        let text = &mut files[file].1;
        let lost = line % text.lines().count();
        *text = text.lines().enumerate().filter(|(number, _)| *number != lost).map(|(_, line)| format!("{line}\n")).collect();
        prop_assert_eq!(compile(&files), Ok(()));
    }

    #[test]
    fn a_piece_replaced(file in 0_usize..5, at in 0.0..1.0_f64, length in 0_usize..12, with in "[a-z.\\[\\]=,'\"(){} \n#$;é]{0,6}") {
        let mut files = map::clinic();
        let text = &mut files[file].1;
        let mut start = (at * text.len() as f64) as usize;
        let mut end = (start + length).min(text.len());
        while !text.is_char_boundary(start) { start -= 1; }
        while !text.is_char_boundary(end) { end += 1; }
        text.replace_range(start..end, &with);
        prop_assert_eq!(compile(&files), Ok(()));
    }

    #[test]
    fn a_column_renamed(file in 0_usize..5, which in 0_usize..200) {
        let mut files = map::clinic();
        let text = &mut files[file].1;
        let places: Vec<usize> = text.match_indices("column = \"").map(|(at, found)| at + found.len()).collect();
        if let Some(at) = places.get(which % places.len().max(1)) {
            text.insert_str(*at, "nowhere_");
            let problems = map::compile(&files, &schema::clinic()).expect_err("no such column");
            prop_assert!(problems.iter().any(|problem| problem.message.contains("no column") || problem.message.contains("not joined")));
        }
    }
}
