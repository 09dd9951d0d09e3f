//! National Drug Codes as they are written: ten digits in three hyphenated forms, eleven (5-4-2), and twelve (6-4-2), which all become by
//! 2033 (91 FR 10749).

use std::fmt;

/// How many digits a labeler, a product and a package have at most.
const SEGMENTS: [usize; 3] = [6, 4, 2];
const DIGITS: usize = 12;

/// How many digits the segments have in each form.
const FORMS: [[usize; 3]; 5] = [[4, 4, 2], [5, 3, 2], [5, 4, 1], [5, 4, 2], [6, 4, 2]];

/// A code of a package: labeler, product and package, with noughts before them where they were shorter.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ndc([u8; DIGITS]);

impl Ndc {
    fn of(segments: [&str; 3]) -> Option<Self> {
        let mut digits = [b'0'; DIGITS];
        let mut end = 0;
        for (segment, length) in segments.into_iter().zip(SEGMENTS) {
            end += length;
            let is_number = segment.bytes().all(|digit| digit.is_ascii_digit());
            if !is_number || segment.is_empty() || segment.len() > length {
                return None;
            }
            digits[end - segment.len()..end].copy_from_slice(segment.as_bytes());
        }
        Some(Self(digits))
    }

    fn text(&self, from: usize, to: usize) -> &str {
        std::str::from_utf8(&self.0[from..to]).unwrap_or_default()
    }

    /// Six digits.
    pub fn labeler(&self) -> &str {
        self.text(0, 6)
    }

    /// Four digits.
    pub fn product(&self) -> &str {
        self.text(6, 10)
    }

    /// Two digits.
    pub fn package(&self) -> &str {
        self.text(10, DIGITS)
    }

    /// Eleven digits, 5-4-2 without hyphens; `None` where the labeler has six of its own.
    pub fn eleven(&self) -> Option<&str> {
        self.0.starts_with(b"0").then(|| self.text(1, DIGITS))
    }

    /// Twelve digits, 6-4-2 without hyphens.
    pub fn twelve(&self) -> &str {
        self.text(0, DIGITS)
    }
}

impl fmt::Display for Ndc {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(form, "{}-{}-{}", self.labeler(), self.product(), self.package())
    }
}

impl fmt::Debug for Ndc {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, form)
    }
}

/// What a text may be as a code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Forms {
    /// This one.
    One(Ndc),
    /// One of these, in the order 4-4-2, 5-3-2, 5-4-1: ten digits do not tell where their hyphens were. Which it is, only a list of codes can
    /// tell.
    Ambiguous(Vec<Ndc>),
    /// None, and why.
    Not(&'static str),
}

/// What a text is as a code of a package, in whatever form.
pub fn forms(text: &str) -> Forms {
    let text = text.trim();
    if text.contains('*') {
        return Forms::Not("a star stands where a digit should");
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return Forms::Not("there is something else than digits and hyphens");
    }
    if text.contains('-') {
        return hyphenated(text);
    }
    let cut = |[labeler, product, _]: [usize; 3]| {
        let (one, rest) = text.split_at_checked(labeler)?;
        let (two, three) = rest.split_at_checked(product)?;
        Ndc::of([one, two, three])
    };
    match text.len() {
        10 => several(FORMS[..3].iter().copied().filter_map(cut).collect()),
        11 => cut(FORMS[3]).map_or(Forms::Not("it is no code"), Forms::One),
        12 => cut(FORMS[4]).map_or(Forms::Not("it is no code"), Forms::One),
        _ => Forms::Not("there are not ten, eleven or twelve digits"),
    }
}

/// Three ways to read it may be the same one, where a labeler is all noughts.
fn several(mut candidates: Vec<Ndc>) -> Forms {
    candidates.dedup();
    match candidates.as_slice() {
        [one] => Forms::One(*one),
        _ => Forms::Ambiguous(candidates),
    }
}

fn hyphenated(text: &str) -> Forms {
    let mut parts = text.split('-');
    let (Some(one), Some(two), three) = (parts.next(), parts.next(), parts.next()) else {
        return Forms::Not("it is no code");
    };
    let Some(three) = three else { return Forms::Not("it names a product, not a package of it") };
    let segments = [one, two, three];
    if parts.next().is_some() || !FORMS.contains(&segments.map(str::len)) {
        return Forms::Not("the hyphens stand where no form has them");
    }
    Ndc::of(segments).map_or(Forms::Not("it is no code"), Forms::One)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FORMS, Forms, Ndc, forms};

    fn made(labeler: u32, product: u32, package: u32) -> Option<Ndc> {
        Ndc::of([&format!("{labeler:06}"), &format!("{product:04}"), &format!("{package:02}")])
    }

    #[test]
    fn what_is_no_code_is_told_why() {
        for text in
            ["", "-", "--", "0002-1433", "0002-1433-8*", "00002143380 1", "123456789", "1-2-3", "0002-1433-80-1", "é"]
        {
            assert!(matches!(forms(text), Forms::Not(_)), "{text}");
        }
        assert!(matches!(forms("000002143380123"), Forms::Not(_)));
    }

    #[test]
    fn a_labeler_of_six_digits_has_no_eleven() {
        let Forms::One(ndc) = forms("123456-7890-12") else { panic!("no code") };
        assert_eq!((ndc.eleven(), ndc.twelve()), (None, "123456789012"));
    }

    proptest! {
        #[test]
        fn a_code_is_the_same_in_each_of_its_forms(labeler in 0_u32..1_000_000, product in 0_u32..10_000, package in 0_u32..100) {
            let wanted = made(labeler, product, package);
            let mut seen = 0;
            for [one, two, three] in FORMS {
                let text = format!("{labeler:0one$}-{product:0two$}-{package:0three$}");
                if text.len() != one + two + three + 2 {
                    continue;
                }
                seen += 1;
                prop_assert_eq!(forms(&text), wanted.map_or(Forms::Not(""), Forms::One));
                let bare = text.replace('-', "");
                match forms(&bare) {
                    Forms::One(ndc) => prop_assert_eq!(Some(ndc), wanted),
                    Forms::Ambiguous(candidates) => {
                        prop_assert_eq!(bare.len(), 10);
                        prop_assert!(candidates.contains(&wanted.unwrap_or(candidates[0])));
                    }
                    Forms::Not(why) => prop_assert!(false, "{} {}", bare, why),
                }
            }
            prop_assert!(seen > 0);
            let ndc = wanted.map(|ndc| (ndc.eleven().map(str::to_owned), ndc.twelve().to_owned()));
            if let Some((eleven, twelve)) = ndc {
                prop_assert_eq!(forms(&twelve), wanted.map_or(Forms::Not(""), Forms::One));
                prop_assert_eq!(eleven.is_some(), labeler < 100_000);
                if let Some(eleven) = eleven {
                    prop_assert_eq!(forms(&eleven), wanted.map_or(Forms::Not(""), Forms::One));
                }
            }
        }

        #[test]
        fn ten_digits_without_hyphens_are_three_codes(text in "[1-9][0-9]{9}") {
            prop_assert!(matches!(forms(&text), Forms::Ambiguous(candidates) if candidates.len() == 3));
        }

        #[test]
        fn nothing_makes_it_panic(text in "[-0-9*é ]{0,16}|.{0,20}") {
            forms(&text);
        }
    }
}
