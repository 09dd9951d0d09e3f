//! What a scrape of metrics says, read strictly: <https://prometheus.io/docs/specs/om/open_metrics_spec/> and the text format 0.0.4 of
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::collections::{BTreeMap, BTreeSet};

/// Labels by name.
pub type Labels = BTreeMap<String, String>;

/// The series of a scrape.
#[derive(Clone, Debug, Default)]
pub struct Scrape {
    /// Families by name, with their type.
    pub families: BTreeMap<String, String>,
    /// Samples by name and labels.
    pub samples: BTreeMap<(String, Labels), f64>,
}

/// A family whose samples follow.
struct Family {
    name: String,
    kind: String,
}

impl Scrape {
    /// Reads OpenMetrics text.
    ///
    /// # Panics
    /// When it is none.
    pub fn open_metrics(text: &str) -> Self {
        let text = text.strip_suffix("# EOF\n").expect("it ends with # EOF and a line end");
        Self::read(text, true)
    }

    /// Reads the text format 0.0.4.
    ///
    /// # Panics
    /// When it is none.
    pub fn prometheus(text: &str) -> Self {
        assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "these are OpenMetrics'");
        Self::read(text, false)
    }

    fn read(text: &str, open_metrics: bool) -> Self {
        assert!(text.ends_with('\n'), "the last line ends");
        let mut scrape = Self::default();
        let mut family: Option<Family> = None;
        let mut helped: Option<&str> = None;
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').unwrap_or_else(|| panic!("no help: {line}"));
                assert!(is_name(name) && !words.is_empty(), "{line}");
                helped = Some(name);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("no type: {line}"));
                assert_eq!(helped.take(), Some(name), "help and type belong together: {line}");
                let kinds = if open_metrics {
                    &["counter", "gauge", "histogram", "info"][..]
                } else {
                    &["counter", "gauge", "histogram"][..]
                };
                assert!(kinds.contains(&kind), "{line}");
                let twice = scrape.families.insert(name.to_owned(), kind.to_owned());
                assert!(twice.is_none(), "a family comes twice: {line}");
                family = Some(Family { name: name.to_owned(), kind: kind.to_owned() });
            } else {
                let (name, labels, value) = sample(line);
                let family = family.as_ref().unwrap_or_else(|| panic!("a sample before its family: {line}"));
                assert!(belongs(&name, family, open_metrics), "{line} is not of {} {}", family.kind, family.name);
                assert!(family.kind != "counter" || value >= 0.0, "{line}");
                assert!(scrape.samples.insert((name, labels), value).is_none(), "a series comes twice: {line}");
            }
        }
        scrape.check_histograms();
        scrape
    }

    /// Buckets rise, and the last one, which is infinite, holds all.
    fn check_histograms(&self) {
        for (name, _) in self.families.iter().filter(|(_, kind)| *kind == "histogram") {
            let mut series: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
            for ((sample, labels), value) in &self.samples {
                if *sample == format!("{name}_bucket") {
                    let mut labels = labels.clone();
                    let bound = labels.remove("le").unwrap_or_else(|| panic!("{name} has a bucket without bound"));
                    let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("a bound") };
                    series.entry(labels).or_default().push((bound, *value));
                }
            }
            for (labels, mut buckets) in series {
                buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
                assert!(buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{name} {labels:?}: {buckets:?}");
                let (bound, all) = buckets[buckets.len() - 1];
                assert!(bound.is_infinite(), "{name} {labels:?}: {buckets:?}");
                let count = self.samples.get(&(format!("{name}_count"), labels.clone()));
                assert_eq!(count, Some(&all), "{name} {labels:?}");
                assert!(self.samples.contains_key(&(format!("{name}_sum"), labels.clone())), "{name} {labels:?}");
            }
        }
    }

    /// The sum of the samples of this name that have these labels, and maybe others; 0 where there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |all: &Labels| labels.iter().all(|(name, value)| all.get(*name).is_some_and(|own| own == value));
        self.samples.iter().filter(|((own, all), _)| own == name && has(all)).map(|(_, value)| value).sum()
    }

    /// All values that a label has.
    pub fn values(&self, label: &str) -> BTreeSet<&str> {
        self.samples.keys().filter_map(|(_, labels)| labels.get(label)).map(String::as_str).collect()
    }
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn belongs(name: &str, family: &Family, open_metrics: bool) -> bool {
    let Some(suffix) = name.strip_prefix(&family.name) else { return false };
    match family.kind.as_str() {
        "counter" if open_metrics => suffix == "_total",
        // The name of the family is that of its samples.
        "counter" => suffix.is_empty() && name.ends_with("_total"),
        "gauge" => suffix.is_empty(),
        "histogram" => ["_bucket", "_count", "_sum"].contains(&suffix),
        "info" => suffix == "_info",
        _ => false,
    }
}

fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no sample: {line}"));
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
            assert!(is_name(label), "{line}");
            let (value, after) = quoted(value).unwrap_or_else(|| panic!("no end: {line}"));
            assert!(labels.insert(label.to_owned(), value).is_none(), "a label comes twice: {line}");
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => {
                    rest = after.strip_prefix('}').unwrap_or_else(|| panic!("no end: {line}"));
                    break;
                }
            }
        }
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no value: {line}"));
    assert!(!value.contains(' '), "no time, no exemplar: {line}");
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
}

/// A value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other @ ('\\' | '"') => other,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_well_formed_is_read() {
        let text = "# HELP a_b Help.\n# TYPE a_b counter\na_b_total{x=\"1\\\"\\\\\",y=\"z,}\"} 3\n# HELP g Help.\n# TYPE g gauge\ng 1.5\n# EOF\n";
        let scrape = Scrape::open_metrics(text);
        assert_eq!(scrape.sum("a_b_total", &[("y", "z,}")]).to_string(), "3");
        assert_eq!(scrape.values("x"), BTreeSet::from(["1\"\\"]));
        assert_eq!(scrape.sum("g", &[]).to_string(), "1.5");
    }

    #[test]
    fn what_is_not_is_refused() {
        let head = "# HELP a Help.\n# TYPE a counter\n";
        for bad in [
            "a_total 1\n".to_owned(),
            format!("{head}a 1\n"),
            format!("{head}b_total 1\n"),
            format!("{head}a_total 1\na_total 2\n"),
            format!("{head}a_total{{x=\"1}} 1\n"),
            format!("{head}a_total{{x=\"1\",x=\"2\"}} 1\n"),
            format!("{head}a_total one\n"),
            format!("{head}a_total 1 2\n"),
            format!("{head}a_total -1\n"),
            format!("{head}{head}a_total 1\n"),
            "# TYPE a counter\na_total 1\n".to_owned(),
            "# HELP a Help.\n# TYPE a counters\na_total 1\n".to_owned(),
            "# HELP a Help.\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n"
                .to_owned(),
            "# HELP a Help.\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n".to_owned(),
            "# HELP a Help.\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n".to_owned(),
        ] {
            let text = format!("{bad}# EOF\n");
            assert!(std::panic::catch_unwind(|| Scrape::open_metrics(&text)).is_err(), "{bad}");
        }
        assert!(std::panic::catch_unwind(|| Scrape::open_metrics(head)).is_err(), "no end");
    }
}
