//! In which language concepts are shown: `displayLanguage`, written like `Accept-Language`
//! (<https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4>).

/// The languages that are asked for, the best first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Languages {
    wanted: Vec<String>,
    /// As it was asked, with one space behind each comma.
    text: String,
    /// Whether no other language will do.
    is_strict: bool,
}

impl Languages {
    /// What a text asks for; `None` where it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut all: Vec<(u32, String)> = Vec::new();
        let mut is_strict = false;
        let mut said = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            said.push(part);
            let (tag, weight) = match part.split_once(';') {
                Some((tag, weight)) => {
                    let weight: f64 = weight.trim().strip_prefix("q=")?.trim().parse().ok()?;
                    (tag.trim(), (0.0..=1.0).contains(&weight).then_some((weight * 1000.0) as u32)?)
                }
                None => (part, 1000),
            };
            if tag == "*" {
                is_strict = weight == 0;
                continue;
            }
            let is_tag = tag
                .split('-')
                .all(|sub| (1..=8).contains(&sub.len()) && sub.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            if !is_tag {
                return None;
            }
            if weight > 0 {
                all.push((weight, tag.to_owned()));
            }
        }
        // The order among those of one weight is the one they came in.
        all.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        Some(Self { wanted: all.into_iter().map(|(_, tag)| tag).collect(), text: said.join(", "), is_strict })
    }

    /// As it was asked.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Those that are wanted, the best first.
    pub fn wanted(&self) -> &[String] {
        &self.wanted
    }

    /// Whether nothing particular is wanted.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Whether no other language will do.
    pub fn is_strict(&self) -> bool {
        self.is_strict
    }

    /// How well a language serves: 0 is best, `None` not at all.
    pub fn rank(&self, language: &str) -> Option<usize> {
        let exact = self.wanted.iter().position(|wanted| wanted.eq_ignore_ascii_case(language));
        exact.map(|at| at * 2).or_else(|| {
            let near = self.wanted.iter().position(|wanted| is_within(language, wanted) || is_within(wanted, language));
            near.map(|at| at * 2 + 1)
        })
    }
}

/// Whether a language is one of a wider one: `de-CH` of `de`.
fn is_within(language: &str, wider: &str) -> bool {
    language.len() > wider.len()
        && language.is_char_boundary(wider.len())
        && language[..wider.len()].eq_ignore_ascii_case(wider)
        && language.as_bytes()[wider.len()] == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_ranked_as_they_are_asked() {
        let asked = Languages::parse("en;q=0.5,de-CH, *;q=0").expect("languages");
        assert_eq!(asked.wanted(), ["de-CH", "en"]);
        assert_eq!(asked.text(), "en;q=0.5, de-CH, *;q=0");
        assert!(asked.is_strict());
        assert_eq!(asked.rank("de-CH"), Some(0));
        assert_eq!(asked.rank("de"), Some(1));
        assert_eq!(asked.rank("en-GB"), Some(3));
        assert_eq!(asked.rank("fr"), None);
        assert!(Languages::parse("-").is_none());
        assert!(Languages::parse("de;q=2").is_none());
        assert!(Languages::parse("").expect("nothing").is_empty());
    }
}
