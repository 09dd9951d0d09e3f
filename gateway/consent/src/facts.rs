//! What a decision asks of a resource.

use std::borrow::Cow;

use mappers::json::Element;
use mappers::references::Bases;
use mappers::search::{self, IndexRows};

use crate::labels::Labels;

/// Facts of one resource, as the directory and the index have them.
#[derive(Clone, Debug, Default)]
pub struct Facts<'f> {
    /// The type.
    pub kind: &'f str,
    /// The logical id.
    pub id: Option<&'f str>,
    /// The patient whose data it is.
    pub patient: Option<Cow<'f, str>>,
    /// The author: `Type/id`, or a whole address.
    pub author: Option<&'f str>,
    /// Its clinical time, in ticks of 100 ns since 1970 (UTC), the end excluded.
    pub span: Option<(i64, i64)>,
    /// Its labels, with one confidentiality level.
    pub labels: Labels,
    /// System and code of its codings.
    pub codes: Vec<(Cow<'f, str>, Cow<'f, str>)>,
    /// Type (empty: not told) and id of what it refers to.
    pub references: Vec<(Cow<'f, str>, Cow<'f, str>)>,
    /// The same of what refers to it, where that is known.
    pub referred_by: Vec<(Cow<'f, str>, Cow<'f, str>)>,
}

impl Facts<'_> {
    pub(crate) fn has_code(&self, system: &str, code: &str) -> bool {
        self.codes.iter().any(|(known, value)| known == system && value == code)
    }

    pub(crate) fn refers_to(&self, kind: &str, id: &str) -> bool {
        self.references.iter().any(|(target, target_id)| target == kind && target_id == id)
    }

    pub(crate) fn is_referred_to_by(&self, kind: &str, id: &str) -> bool {
        self.referred_by.iter().any(|(source, source_id)| source == kind && source_id == id)
    }
}

/// What is read of a resource's own text; keep it while [`Self::facts`] are in use.
#[derive(Debug)]
pub struct Found<'d> {
    kind: String,
    id: Option<String>,
    facts: search::Facts<'d>,
    rows: IndexRows<'d>,
    labels: Labels,
}

impl<'d> Found<'d> {
    /// Reads a resource; `labels`: what a labelling step found, beside what the resource says of itself.
    #[must_use]
    pub fn of(resource: Element<'d>, labels: Labels) -> Self {
        let text = |name| resource.member(name).and_then(|text| text.string()).map(Cow::into_owned);
        let kind = text("resourceType").unwrap_or_default();
        Self {
            facts: search::facts(&kind, resource),
            rows: search::extract(&kind, resource),
            id: text("id"),
            labels: (labels | own(resource)).settled(),
            kind,
        }
    }

    /// With references below this server's addresses taken for its own (C2).
    #[must_use]
    pub fn at_home(mut self, bases: &Bases) -> Self {
        let author = self.facts.author.as_deref().and_then(|author| bases.below(author)).map(ToOwned::to_owned);
        self.facts.author = author.map(Cow::Owned).or(self.facts.author);
        let patient = self.facts.patient.as_deref().and_then(|patient| bases.own(patient)).map(|(_, id)| id.to_owned());
        self.facts.patient = patient.map(Cow::Owned).or(self.facts.patient);
        for row in &mut self.rows.references {
            let own = bases.own(&row.target_id).map(|(kind, id)| (kind, id.to_owned()));
            if let Some((kind, id)) = own {
                (row.target_type, row.target_id) = (kind, Cow::Owned(id));
            }
        }
        self
    }

    /// The same under the id that it will have.
    #[must_use]
    pub fn named(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// The facts.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        let tokens = self.rows.tokens.iter().filter(|row| !row.system.is_empty());
        let pair = |one: &'_ str, two: &'_ str| (Cow::Owned(one.to_owned()), Cow::Owned(two.to_owned()));
        Facts {
            kind: &self.kind,
            id: self.id.as_deref(),
            patient: self.facts.patient.as_deref().map(Cow::Borrowed),
            author: self.facts.author.as_deref(),
            span: self.facts.span,
            labels: self.labels,
            codes: tokens.map(|row| pair(&row.system, &row.code)).collect(),
            references: self.rows.references.iter().map(|row| pair(row.target_type, &row.target_id)).collect(),
            referred_by: Vec::new(),
        }
    }
}

/// The labels that a resource and what it contains have in `meta.security`.
fn own(resource: Element<'_>) -> Labels {
    let contained = resource.member("contained");
    let all = std::iter::once(resource).chain(contained.into_iter().flat_map(|items| items.children()));
    let codings = all.filter_map(|resource| resource.member("meta")?.member("security"));
    codings.flat_map(|list| list.children()).fold(Labels::NONE, |labels, coding| {
        let text = |name| coding.member(name).and_then(|text| text.string()).unwrap_or_default();
        labels | Labels::of_coding(&text("system"), &text("code"))
    })
}
