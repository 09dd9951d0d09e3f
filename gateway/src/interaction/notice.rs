//! The notice of 42 CFR 2.32 beside an answer that discloses records of a Part 2 program, with the Consents that permit it.

use std::collections::BTreeSet;

use hyper::header::{HeaderName, HeaderValue};

use crate::interaction::Touched;

/// The header.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("redisclosure-notice");
/// The notice in its short form: 42 CFR 2.32(a)(2).
const TEXT: &str = "42 CFR part 2 prohibits unauthorized use or disclosure of these records.";
/// So many Consents are named.
const MOST: usize = 32;

/// What is owed beside an answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Notice {
    /// `Consent/id`, in order.
    consents: BTreeSet<Box<str>>,
}

impl Notice {
    /// What is owed for what was shown; `None` where nothing is.
    pub(crate) fn of(touched: &[Touched]) -> Option<Box<Self>> {
        let mut owed = touched.iter().filter_map(|touched| touched.basis.notice.as_deref()).peekable();
        owed.peek()?;
        Some(Box::new(Self { consents: owed.flatten().cloned().collect() }))
    }

    /// What is owed for all of these.
    pub(crate) fn together<'n>(notices: impl Iterator<Item = &'n Self>) -> Option<Box<Self>> {
        let mut notices = notices.peekable();
        notices.peek()?;
        Some(Box::new(Self { consents: notices.flat_map(|notice| notice.consents.iter().cloned()).collect() }))
    }

    /// The header's value: the notice, and after it the Consents, of many the first.
    pub(crate) fn value(&self) -> HeaderValue {
        let named: Vec<&str> = self.consents.iter().take(MOST).map(|consent| &**consent).collect();
        let more = if self.consents.len() > MOST { " and others" } else { "" };
        let text = match named[..] {
            [] => TEXT.to_owned(),
            _ => format!("{TEXT} Permitted by {}{more}.", named.join(", ")),
        };
        // Names of Consents are letters, digits and few signs.
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(TEXT))
    }
}
