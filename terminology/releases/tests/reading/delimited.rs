//! The reader of delimited files: never panics, loses nothing.

use proptest::prelude::*;
use releases::{Delimited, Fault};

/// All rows, each with its line and its fields.
fn rows(mut input: &[u8], separator: u8) -> Result<Vec<(u64, Vec<String>)>, Fault> {
    let mut rows = Delimited::by_position(&mut input, "some.txt", separator, 1);
    let mut all = Vec::new();
    while let Some(row) = rows.step()? {
        let fields: Vec<String> = row.fields().map(str::to_owned).collect();
        (0..fields.len()).for_each(|place| assert_eq!(row.get(place), fields[place]));
        assert_eq!(row.get(fields.len()), "");
        all.push((row.line(), fields));
    }
    Ok(all)
}

fn header(mut input: &[u8]) -> Result<Vec<String>, Fault> {
    let mut rows = Delimited::with_header(&mut input, "some.txt", b'\t')?;
    let [second] = rows.places(["Second"])?;
    let mut all = Vec::new();
    while let Some(row) = rows.step()? {
        all.push(row.get(second).to_owned());
    }
    Ok(all)
}

#[test]
fn columns_are_found_by_their_names_behind_a_mark_and_before_windows_line_ends() {
    assert_eq!(header("\u{feff}first\tSECOND\r\n1\t2\r\n\r\n3\t4".as_bytes()).unwrap(), ["2", "4"]);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let told = |input: &[u8]| header(input).unwrap_err().to_string();
    assert_eq!(told(b"first\tsecond\n1\t2\n3\n"), "some.txt, line 3: it has 1 fields where there should be 2");
    assert_eq!(told(b"first\tsecond\n1\t2\t3\n"), "some.txt, line 2: it has 3 fields where there should be 2");
    assert_eq!(told(b"first\tsecond\n1\t\xff\n"), "some.txt, line 2: it is not UTF-8");
    assert_eq!(told(b"first\n1\n"), "some.txt, line 1: the header has no column Second");
    assert_eq!(told(b""), "some.txt, line 0: the header has no column Second");
}

#[test]
fn a_line_without_an_end_is_refused_before_it_fills_the_memory() {
    let mut input = std::io::BufReader::new(std::io::repeat(b'a'));
    let mut rows = Delimited::by_position(&mut input, "some.txt", b'|', 1);
    assert_eq!(rows.step().unwrap_err().to_string(), "some.txt, line 1: it is longer than 1048576 bytes");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(input in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = rows(&input, b'|');
        let _ = header(&input);
    }

    #[test]
    fn rows_put_together_again_are_the_file(
        lines in prop::collection::vec("[a-zé]{1,3}([|a-z\t ]{0,12}[a-z|])?", 0..12),
        end in prop::sample::select(vec!["\n", "\r\n"]),
        is_ended in any::<bool>(),
    ) {
        let mut text = lines.join(end);
        text.push_str(if is_ended && !lines.is_empty() { end } else { "" });
        let read = rows(text.as_bytes(), b'|').unwrap();
        let again: Vec<String> = read.iter().map(|(_, fields)| fields.join("|")).collect();
        prop_assert_eq!(again, lines);
        prop_assert!(read.iter().zip(1..).all(|((line, _), nth)| *line == nth));
    }
}
