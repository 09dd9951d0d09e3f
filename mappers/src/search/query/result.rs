//! Parameters that shape the answer (<https://hl7.org/fhir/R4/search.html#return>).

/// The most matches in a page; more asked for is this many.
pub const MAX_COUNT: u32 = 1000;
/// The longest opaque or free text value.
const MAX_TEXT: usize = 4096;

/// How the answer should look.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Results {
    /// `_count`, at most [`MAX_COUNT`]; 0 = only the total.
    pub count: Option<u32>,
    /// `_elements`: names of elements, at the top of the resource.
    pub elements: Vec<Box<str>>,
    /// `_summary`.
    pub summary: Option<Summary>,
    /// `_total`.
    pub total: Option<TotalMode>,
    /// `_cursor`: where the page starts; opaque.
    pub cursor: Option<Box<str>>,
    /// `_format`, as given.
    pub format: Option<Box<str>>,
    /// `_pretty`.
    pub pretty: Option<bool>,
}

/// How much of each match is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Summary {
    /// Only how many there are.
    Count,
    /// All but the narrative.
    Data,
    /// All of it.
    False,
    /// Id, meta, narrative and what must be there.
    Text,
    /// What the definition marks as the summary.
    True,
}

/// Whether the number of all matches is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TotalMode {
    /// Exactly.
    Accurate,
    /// Roughly will do.
    Estimate,
    /// No.
    None,
}

/// Why a result parameter was not taken.
pub(super) enum Refusal {
    /// The value is wrong: always an error.
    Wrong(&'static str),
}

impl Summary {
    /// The code in a query.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Data => "data",
            Self::False => "false",
            Self::Text => "text",
            Self::True => "true",
        }
    }
}

impl TotalMode {
    /// The code in a query.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accurate => "accurate",
            Self::Estimate => "estimate",
            Self::None => "none",
        }
    }
}

impl Results {
    /// Whether only the number of matches is wanted.
    #[must_use]
    pub fn is_count_only(&self) -> bool {
        self.count == Some(0) || self.summary == Some(Summary::Count)
    }

    /// Takes a result parameter; `None` = `name` is none.
    pub(super) fn take(&mut self, name: &str, value: &str) -> Option<Result<(), Refusal>> {
        Some(match name {
            "_count" => count(value).and_then(|count| set(&mut self.count, count)),
            "_elements" => elements(value).map(|elements| self.elements = elements),
            "_summary" => summary(value).and_then(|summary| set(&mut self.summary, summary)),
            "_total" => total(value).and_then(|total| set(&mut self.total, total)),
            "_cursor" => text(value).and_then(|cursor| set(&mut self.cursor, cursor)),
            "_format" => text(value).and_then(|format| set(&mut self.format, format)),
            "_pretty" => boolean(value).and_then(|pretty| set(&mut self.pretty, pretty)),
            _ => return None,
        })
    }
}

fn set<T: PartialEq>(place: &mut Option<T>, value: T) -> Result<(), Refusal> {
    match place {
        Some(before) if *before != value => Err(Refusal::Wrong("is given twice with different values; give it once")),
        _ => {
            *place = Some(value);
            Ok(())
        }
    }
}

fn count(value: &str) -> Result<u32, Refusal> {
    if value.is_empty() || !value.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Refusal::Wrong("is not a number; give a whole number of 0 or more"));
    }
    Ok(value.parse().unwrap_or(u32::MAX).min(MAX_COUNT))
}

fn elements(value: &str) -> Result<Vec<Box<str>>, Refusal> {
    const MOST: usize = 100;
    let names: Vec<Box<str>> = value.split(',').filter(|name| !name.is_empty()).map(Into::into).collect();
    let is_name = |name: &str| name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if names.len() > MOST || !names.iter().all(|name| is_name(name)) {
        return Err(Refusal::Wrong("is not a list of element names at the top of the resource, as in code,subject"));
    }
    Ok(names)
}

fn summary(value: &str) -> Result<Summary, Refusal> {
    match value {
        "count" => Ok(Summary::Count),
        "data" => Ok(Summary::Data),
        "false" => Ok(Summary::False),
        "text" => Ok(Summary::Text),
        "true" => Ok(Summary::True),
        _ => Err(Refusal::Wrong("is not one of true, text, data, count, false")),
    }
}

fn total(value: &str) -> Result<TotalMode, Refusal> {
    match value {
        "accurate" => Ok(TotalMode::Accurate),
        "estimate" => Ok(TotalMode::Estimate),
        "none" => Ok(TotalMode::None),
        _ => Err(Refusal::Wrong("is not one of none, estimate, accurate")),
    }
}

fn boolean(value: &str) -> Result<bool, Refusal> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Refusal::Wrong("is not one of true, false")),
    }
}

fn text(value: &str) -> Result<Box<str>, Refusal> {
    if value.len() > MAX_TEXT { Err(Refusal::Wrong("is too long to be one of ours")) } else { Ok(value.into()) }
}
