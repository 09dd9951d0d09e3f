//! The directory of drugs, made up.

use releases::{Fault, Loaded, ndc};

use crate::support::{Release, fault, is_told, row};

const PRODUCTS: &str = "PRODUCTID\tPRODUCTNDC\tPROPRIETARYNAME\tPROPRIETARYNAMESUFFIX\tNONPROPRIETARYNAME\tROUTENAME\tSTARTMARKETINGDATE\r\n\
    1_x\t9999-0001\tAlphamed\tXR\talphol\tORAL\t20200102\r\n2_x\t99999-002\t\t\tbetol \"B\tORAL; TOPICAL\t\r\n";
const PACKAGES: &str = "PRODUCTID\tPRODUCTNDC\tNDCPACKAGECODE\tPACKAGEDESCRIPTION\tSAMPLE_PACKAGE\r\n\
    1_x\t9999-0001\t9999-0001-03\t10 in a box\tN\r\n2_x\t99999-002\t99999-002-4\tone tube\tN\r\n2_x\t99999-002\t99999-002-04\tone jar\tY\r\n";

fn with(products: impl AsRef<[u8]>, packages: impl AsRef<[u8]>) -> Result<Loaded, Fault> {
    let release = Release::of(&[("product.txt", products.as_ref()), ("package.txt", packages.as_ref())]);
    ndc::load(&release.source(), Some("2027-01"), &mut |_, _| {})
}

#[test]
fn packages_are_below_products_and_have_eleven_digits() {
    let loaded = with(PRODUCTS, PACKAGES).unwrap();
    let draft = &loaded.draft;
    assert_eq!(draft.len(), 5);
    for line in
        ["display: Alphamed XR", "property ROUTENAME String: ORAL", "property STARTMARKETINGDATE DateTime: 2020-01-02"]
    {
        assert!(is_told(draft, "9999-0001", line), "{line}");
    }
    for line in ["display: Alphamed XR, 10 in a box", "property NDC11 String: 09999000103", "parent: 9999-0001"] {
        assert!(is_told(draft, "9999-0001-03", line), "{line}");
    }
    assert!(is_told(draft, "99999-002-04", "property NDC11 String: 99999000204"));
    assert!(is_told(draft, "99999-002", "display: betol \"B"));
    // 5-3-1 is no form.
    assert_eq!(loaded.report.odd_rows, 1, "{:?}", loaded.report.odd);
}

#[test]
fn without_packages_it_is_no_directory() {
    let release = Release::of(&[("product.txt", PRODUCTS)]);
    assert!(!ndc::is_there(&release.source()).unwrap());
    let loaded = ndc::load(&release.source(), None, &mut |_, _| {});
    assert!(matches!(fault(loaded), Fault::Missing { file: "package.txt", .. }));
    assert!(ndc::is_there(&Release::of(&[("a/x.TXT", PRODUCTS), ("b/y.txt", PACKAGES)]).source()).unwrap());
}

#[test]
fn a_row_that_is_cut_off_is_said_with_its_line() {
    assert_eq!(
        row(with(PRODUCTS, format!("{PACKAGES}1_x\t9999-0001\t9999"))),
        (5, "it has 3 fields, and its header 5".to_owned())
    );
}

#[test]
fn the_agencys_other_encoding_is_read_and_odd() {
    let latin: Vec<u8> = PRODUCTS.replace("Alphamed", "Alphaméd").chars().map(|letter| letter as u8).collect();
    let loaded = with(latin, PACKAGES).unwrap();
    assert!(is_told(&loaded.draft, "9999-0001", "display: Alphaméd XR"));
    assert_eq!(loaded.report.odd_rows, 2);
}

#[test]
fn a_mark_of_bytes_does_not_matter() {
    assert_eq!(with(format!("\u{feff}{PRODUCTS}"), format!("\u{feff}{PACKAGES}")).unwrap().draft.len(), 5);
}

#[test]
fn packages_of_nothing_and_codes_that_come_twice_are_odd() {
    let more = "9_x\t9999-0009\t9999-0009-01\tlost\tN\r\n1_x\t9999-0001\t9999-0001-03\tagain\tN\r\n1_x\t9999-0001\t9999-*001-03\tstar\tN\r\n";
    let loaded = with(PRODUCTS, format!("{PACKAGES}{more}")).unwrap();
    assert_eq!((loaded.draft.len(), loaded.report.odd_rows), (7, 4));
    assert!(is_told(&loaded.draft, "9999-0009-01", "display: lost"));
}
