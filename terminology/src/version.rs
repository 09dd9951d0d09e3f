//! Versions of code systems and value sets: which is meant, and which is later. A part of a version that is `x`, `X` or `*` stands
//! for any (<https://hl7.org/fhir/versions.html>), where it stands last for any number of parts.

use std::cmp::Ordering;

/// How versions of SNOMED CT begin.
const EDITIONS: &str = "http://snomed.info/sct/";

/// Whether a version is one that is asked for, which may have parts that stand for any.
pub fn is_meant(asked: &str, version: &str) -> bool {
    // An edition of SNOMED CT without a version means any of its versions (<https://hl7.org/fhir/R4/snomedct.html#versions>).
    if asked.starts_with(EDITIONS) && version.strip_prefix(asked).is_some_and(|rest| rest.starts_with("/version/")) {
        return true;
    }
    let mut parts = version.split('.');
    let mut asked = asked.split('.').peekable();
    while let Some(wanted) = asked.next() {
        let any = is_any(wanted);
        match parts.next() {
            Some(part) if any || part == wanted => {
                if any && asked.peek().is_none() {
                    return true;
                }
            }
            _ => return false,
        }
    }
    parts.next().is_none()
}

fn is_any(part: &str) -> bool {
    matches!(part, "x" | "X" | "*")
}

/// Whether more versions than one can be meant.
pub fn is_pattern(asked: &str) -> bool {
    (asked.starts_with(EDITIONS) && !asked.contains("/version/")) || asked.split('.').any(is_any)
}

/// Which of two versions is later: numbers as numbers, all else as text and later than any number; a version with a part more is
/// later, one that is marked as a forerunner (`-beta`) earlier.
pub fn compare(one: &str, other: &str) -> Ordering {
    // Of SNOMED CT the day counts, whichever edition it is.
    match (edition(one), edition(other)) {
        (Some((module, day)), Some((other_module, other_day))) => {
            return day.cmp(other_day).then_with(|| module.cmp(other_module)).then_with(|| one.cmp(other));
        }
        (Some(_), None) => return Ordering::Greater,
        (None, Some(_)) => return Ordering::Less,
        (None, None) => {}
    }
    let split = |version: &str| -> (Vec<String>, Option<String>) {
        let (core, mark) = match version.split_once('-') {
            // Dates have the mark between their parts.
            Some((core, mark)) if core.contains('.') => (core, Some(mark.to_owned())),
            _ => (version, None),
        };
        (core.split(['.', '-']).map(str::to_owned).collect(), mark)
    };
    let ((parts, mark), (other_parts, other_mark)) = (split(one), split(other));
    for (a, b) in parts.iter().zip(&other_parts) {
        let order = match (number(a), number(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            // By letters `10` would go before `1a`, that before `2`, and that before `10`.
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    let order = parts.len().cmp(&other_parts.len()).then_with(|| match (mark, other_mark) {
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (mark, other) => mark.cmp(&other),
    });
    // Of `1.0` and `1.00` it is always the same one.
    order.then_with(|| one.cmp(other))
}

/// Module and day of a version of SNOMED CT.
fn edition(version: &str) -> Option<(&str, &str)> {
    version.strip_prefix(EDITIONS)?.split_once("/version/")
}

/// A part as a number. The versions of `RxNorm` are dates that begin with the month (`11022026`): they count from year to year.
fn number(part: &str) -> Option<u64> {
    let number = part.parse::<u64>().ok()?;
    let is_day = |month: u64, day: u64| (1..=12).contains(&month) && (1..=31).contains(&day);
    let is_year = |year: u64| (1900..2200).contains(&year);
    let (front, back) = (number / 10_000, number % 10_000);
    let begins_with_year = is_year(front) && is_day(back / 100, back % 100);
    if part.len() == 8 && !begins_with_year && is_year(back) && is_day(front / 100, front % 100) {
        return Some(back * 10_000 + front);
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_stand_for_any_are_said() {
        for (asked, version, is) in [
            ("1.0.0", "1.0.0", true),
            ("1.0.x", "1.0.7", true),
            ("1.x.x", "1.2.0", true),
            ("1.x", "1.2.0", true),
            ("1.x.0", "1.2.1", false),
            ("1", "1.0.0", false),
            ("1.0.0", "1.0", false),
            ("*", "2024-01", true),
            ("2.x", "1.0", false),
            ("http://snomed.info/sct/1", "http://snomed.info/sct/1/version/20260901", true),
            ("http://snomed.info/sct/1", "http://snomed.info/sct/12/version/20260901", false),
            ("http://snomed.info/sct/1/version/20260301", "http://snomed.info/sct/1/version/20260901", false),
        ] {
            assert_eq!(is_meant(asked, version), is, "{asked} {version}");
        }
    }

    #[test]
    fn later_is_by_number_not_by_letter() {
        let mut dates = ["02012027", "12072026", "11022026", "20260301", "20271231"];
        dates.sort_by(|a, b| compare(a, b));
        assert_eq!(dates, ["20260301", "11022026", "12072026", "02012027", "20271231"]);
        let edition = |module: u32, day: u32| format!("http://snomed.info/sct/{module}/version/{day}");
        assert_eq!(compare(&edition(9, 20_200_101), &edition(7, 20_260_901)), Ordering::Less);
        assert_eq!(compare(&edition(9, 20_260_901), &edition(7, 20_260_901)), Ordering::Greater);
        let mut all = ["1.10.0", "1.2.0", "1.2.0-beta", "1.2", "20240301", "2024-09-01", "2024-03-01"];
        all.sort_by(|a, b| compare(a, b));
        assert_eq!(all, ["1.2", "1.2.0-beta", "1.2.0", "1.10.0", "2024-03-01", "2024-09-01", "20240301"]);
    }
}
