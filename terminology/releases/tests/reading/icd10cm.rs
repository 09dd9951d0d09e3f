//! Order files of ICD-10-CM, made up.

use releases::{Fault, Loaded, icd10cm};

use crate::support::{Release, fault, is_told, row, told};

fn line(order: u32, code: &str, flag: u8, title: &str) -> String {
    format!("{order:05} {code:<7} {flag} {:<60} {title}\r\n", format!("{title} short"))
}

fn lines() -> String {
    [
        line(1, "Q99", 0, "Alpha"),
        line(2, "Q990", 0, "Alpha one"),
        line(3, "Q990X1A", 1, "Alpha one, first"),
        line(4, "Q991", 1, "Alpha two"),
    ]
    .concat()
}

fn load(bytes: impl AsRef<[u8]>) -> Result<Loaded, Fault> {
    icd10cm::load(&Release::of(&[("icd10cm-order-2027.txt", bytes)]).source(), None, &mut |_, _| {})
}

#[test]
fn codes_have_dots_and_lie_below_the_longest_that_they_begin_with() {
    let loaded = load(lines()).unwrap();
    let draft = &loaded.draft;
    assert_eq!((draft.len(), loaded.report.odd_rows), (4, 0));
    assert_eq!(draft.header()["version"], "2027");
    for line in ["display: Alpha one, first", "designation en-US : Alpha one, first short", "parent: Q99.0"] {
        assert!(is_told(draft, "Q99.0X1A", line), "{:?}", told(draft, "Q99.0X1A"));
    }
    assert!(is_told(draft, "Q99.0", "parent: Q99") && is_told(draft, "Q99.0", "property notSelectable Boolean: true"));
    assert!(!is_told(draft, "Q99.1", "property notSelectable Boolean: true"));
}

#[test]
fn without_an_order_file_it_is_no_release() {
    let procedures = "00001 001     0 Alpha                                                        Alpha\n";
    let release =
        Release::of(&[("icd10pcs_order_2027.txt", procedures), ("icd10cm-codes-2027.txt", "Q990    Alpha one\n")]);
    assert!(!icd10cm::is_there(&release.source()).unwrap());
    let loaded = icd10cm::load(&release.source(), None, &mut |_, _| {});
    assert!(matches!(fault(loaded), Fault::Missing { release: "ICD-10-CM", .. }));
}

#[test]
fn a_line_that_is_cut_off_is_said_with_its_number() {
    for cut in ["00005", "00005 Q992    1", "00005 Q992    1 Alpha", "0000x Q992    1 Alpha", "00005 Q992    7 Alpha"] {
        assert_eq!(row(load(lines() + cut)).0, 5, "{cut}");
    }
}

#[test]
fn another_encoding_is_refused_and_a_mark_of_bytes_is_not() {
    assert_eq!(
        row(load([lines().as_bytes(), b"00005 Q992    1 Caf\xe9\n"].concat())),
        (5, "it is not UTF-8".to_owned())
    );
    assert_eq!(load(format!("\u{feff}{}", lines())).unwrap().draft.len(), 4);
}

#[test]
fn letters_beyond_ascii_do_not_shift_the_columns() {
    let loaded = load(lines() + &line(5, "Q992", 1, "Ménière alpha")).unwrap();
    assert!(is_told(&loaded.draft, "Q99.2", "display: Ménière alpha"));
}

#[test]
fn a_code_that_comes_twice_and_a_year_that_is_missing_are_odd() {
    let loaded = load(lines() + &line(5, "Q99", 1, "Again")).unwrap();
    assert_eq!((loaded.draft.len(), loaded.report.odd_rows), (4, 1));
    let release = Release::of(&[("order.txt", lines())]);
    assert_eq!(icd10cm::load(&release.source(), None, &mut |_, _| {}).unwrap().report.odd_rows, 1);
}
