//! Days as American tables write them.

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// `2020-06-02` of `2020/06/02`, `06/02/2020`, `6/2/2020`, `02-Jun-2020`, `20200602`; `None` where it is no day.
pub(crate) fn date(text: &str) -> Option<String> {
    let text = text.trim();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
    if text.len() == 8 && is_number(text) {
        return written(&text[..4], &text[4..6], &text[6..]);
    }
    let parts: Vec<&str> = text.split(['/', '-']).collect();
    let [one, two, three] = parts.as_slice() else { return None };
    let named =
        MONTHS.iter().zip(1..).find(|(name, _)| two.eq_ignore_ascii_case(name)).map(|(_, nth)| format!("{nth}"));
    match named {
        Some(month) => written(three, &month, one),
        None if one.len() == 4 => written(one, two, three),
        None => written(three, one, two),
    }
}

fn written(year: &str, month: &str, day: &str) -> Option<String> {
    let (year, month, day): (u16, u8, u8) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let is_fit = (1900..=2999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_fit.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn a_day_is_read_as_it_is_written() {
        for text in ["2020/06/02", "06/02/2020", "6/2/2020", "02-Jun-2020", "20200602"] {
            assert_eq!(date(text).as_deref(), Some("2020-06-02"), "{text}");
        }
        for text in ["", "2020", "02/13/20", "13/13/2020", "a/b/c", "ééé/é/é", "x-Jun-2020"] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
