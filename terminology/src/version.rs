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
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            // By letters `10` would go before `1a`, that before `2`, and that before `10`.
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
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
        let mut all = ["1.10.0", "1.2.0", "1.2.0-beta", "1.2", "20240301", "2024-09-01", "2024-03-01"];
        all.sort_by(|a, b| compare(a, b));
        assert_eq!(all, ["1.2", "1.2.0-beta", "1.2.0", "1.10.0", "2024-03-01", "2024-09-01", "20240301"]);
    }
}
