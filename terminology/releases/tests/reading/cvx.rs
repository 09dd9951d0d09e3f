//! Tables of vaccines and of who makes them, made up.

use releases::cvx::{self, Which};
use releases::{Fault, Loaded};

use crate::support::{Release, fault, is_told, row};

const CVX: &str = "901       |alpha|alpha vaccine, live|a note|Active|False|2020/06/02\r\n902       |beta|beta|||True|\r\n\
    903       |gamma|gamma full||Never Active|False|2019/01/01\r\n904|delta|delta||Inactive|Maybe|soon\r\n";
const MVX: &str = "ZZA       |Alpha makers||Active|2010/05/28\nZZB|Beta makers|gone|Inactive|2012/01/01\n";

fn wide(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn load(bytes: impl AsRef<[u8]>, which: Which) -> Result<Loaded, Fault> {
    cvx::load(&Release::of(&[("cvx.txt", bytes)]).source(), which, None, &mut |_, _| {})
}

#[test]
fn the_same_is_read_from_either_encoding() {
    for bytes in [wide(CVX), CVX.as_bytes().to_vec(), format!("\u{feff}{CVX}").into_bytes()] {
        let loaded = load(bytes, Which::Cvx).unwrap();
        let draft = &loaded.draft;
        assert_eq!((draft.len(), draft.header()["version"].as_str()), (4, Some("2020-06-02")));
        for line in [
            "display: alpha",
            "designation en-US : alpha vaccine, live",
            "property notes String: a note",
            "property status String: Active",
            "property nonvaccine Boolean: false",
            "property lastUpdated DateTime: 2020-06-02",
        ] {
            assert!(is_told(draft, "901", line), "{line}");
        }
    }
}

#[test]
fn what_is_not_given_any_more_is_inactive() {
    let loaded = load(CVX, Which::Cvx).unwrap();
    let inactive = |code| is_told(&loaded.draft, code, "property inactive Boolean: true");
    assert_eq!(["901", "902", "903", "904"].map(inactive), [false, false, true, true]);
    assert_eq!(loaded.report.odd_rows, 2, "a flag and a date that are none: {:?}", loaded.report.odd);
}

#[test]
fn makers_are_a_table_of_their_own() {
    let release = Release::of(&[("cvx.txt", wide(CVX)), ("mvx.txt", wide(MVX))]);
    let source = release.source();
    assert!(cvx::is_there(&source, Which::Cvx).unwrap() && cvx::is_there(&source, Which::Mvx).unwrap());
    let draft = cvx::load(&source, Which::Mvx, Some("7"), &mut |_, _| {}).unwrap().draft;
    assert_eq!((draft.len(), draft.header()["version"].as_str()), (2, Some("7")));
    assert!(
        is_told(&draft, "ZZB", "property inactive Boolean: true") && is_told(&draft, "ZZA", "display: Alpha makers")
    );
    assert!(matches!(fault(load(wide(CVX), Which::Mvx)), Fault::Missing { release: "MVX", .. }));
}

#[test]
fn a_row_that_is_cut_off_is_said_with_its_line() {
    assert_eq!(row(load(wide(&format!("{CVX}905       |eps")), Which::Cvx)).0, 5);
    assert_eq!(row(load(format!("{CVX}905"), Which::Cvx)).0, 5);
}

#[test]
fn another_encoding_and_half_a_letter_are_refused() {
    assert_eq!(row(load([CVX.as_bytes(), b"905|caf\xe9"].concat(), Which::Cvx)).0, 5);
    let mut cut = wide(CVX);
    cut.pop();
    assert!(row(load(cut, Which::Cvx)).1.contains("UTF-16"));
}

#[test]
fn a_code_that_comes_twice_is_odd() {
    let loaded = load(format!("{CVX}901|again|||Active|False|\n"), Which::Cvx).unwrap();
    assert_eq!((loaded.draft.len(), loaded.report.odd_rows), (4, 3));
    assert!(is_told(&loaded.draft, "901", "display: alpha"));
}
