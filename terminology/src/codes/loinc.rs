//! LOINC's codes: a number, and a digit that checks it.

/// The most digits before the hyphen.
const MOST_DIGITS: usize = 18;

/// Whether a code ends in the digit that LOINC reckons for it (mod 10, LOINC Users' Guide, appendix C). `LP`, `LA`, `LL` and `LG` may
/// stand before the number, in any case; they count, too.
pub fn has_check_digit(code: &str) -> bool {
    let Some((number, check)) = code.split_once('-') else { return false };
    let number = number.to_ascii_uppercase();
    let digits = ["LP", "LA", "LL", "LG"].iter().find_map(|prefix| number.strip_prefix(prefix)).unwrap_or(&number);
    let is_number = (1..=MOST_DIGITS).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number && matches!(check.as_bytes(), [digit] if u32::from(*digit) == u32::from(b'0') + check_digit(&number))
}

/// Every second digit counts twice, from the last one on, and its own digits are added up. The guide is silent about letters; that they
/// are taken by their place after `0` in ASCII was found out from parts, lists and answers, which all fit.
fn check_digit(number: &str) -> u32 {
    let weigh = |(nth, letter): (usize, u8)| {
        let digit = u32::from(letter.saturating_sub(b'0'));
        if nth % 2 == 0 { digit * 2 - digit / 5 * 9 } else { digit }
    };
    let sum: u32 = number.bytes().rev().enumerate().map(weigh).sum();
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::has_check_digit;

    /// As the guide tells it: odd places are one number that is doubled, even places stand before it, and the digits are added up.
    fn by_the_guide(number: u64) -> u64 {
        let digits: Vec<char> = number.to_string().chars().rev().collect();
        let odd: String = digits.iter().step_by(2).collect();
        let even: String = digits.iter().skip(1).step_by(2).collect();
        let doubled = odd.parse::<u64>().unwrap_or_default() * 2;
        let sum: u32 = format!("{even}{doubled}").chars().filter_map(|digit| digit.to_digit(10)).sum();
        u64::from((10 - sum % 10) % 10)
    }

    #[test]
    fn the_guides_own_example_has_its_digit() {
        assert!(has_check_digit("12345-5"));
        assert!(!has_check_digit("12345-6"));
    }

    proptest! {
        #[test]
        fn a_term_has_the_guides_digit_and_no_other(number in 1_u64..1_000_000_000) {
            let right = by_the_guide(number);
            for digit in 0..10 {
                prop_assert_eq!(has_check_digit(&format!("{number}-{digit}")), digit == right);
            }
        }

        #[test]
        fn a_part_has_one_digit_in_any_case(number in 1_u64..1_000_000_000, prefix in "L[PALG]") {
            let fitting = |prefix: &str| -> Vec<u32> {
                (0..10).filter(|digit| has_check_digit(&format!("{prefix}{number}-{digit}"))).collect()
            };
            prop_assert_eq!(fitting(&prefix).len(), 1);
            prop_assert_eq!(fitting(&prefix), fitting(&prefix.to_lowercase()));
        }

        #[test]
        fn one_wrong_digit_is_always_seen(number in 10_000_u64..100_000, place in 0_u32..5, other in 1_u64..10) {
            let unit = 10_u64.pow(place);
            let digit = number / unit % 10;
            let wrong = number - digit * unit + (digit + other) % 10 * unit;
            let told = format!("{wrong:05}-{}", by_the_guide(number));
            prop_assert!(!has_check_digit(&told));
        }

        #[test]
        fn nothing_makes_it_panic(text in ".{0,40}") {
            has_check_digit(&text);
        }
    }
}
