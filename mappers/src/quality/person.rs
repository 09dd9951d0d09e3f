//! Who a Patient is, as far as two rows can be told to be one person.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::json::{Document, Element};

/// Name, birth date and sex: equal for what is likely one person.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Person {
    /// Family and given names, normalized.
    pub name: String,
    /// `birthDate` as it is.
    pub birth: String,
    /// `gender` as it is; empty where it is not known.
    pub sex: String,
}

/// The person of a Patient by its first name with a family name; `None` where a name or the date of birth is missing.
#[must_use]
pub fn person(document: &Document<'_>) -> Option<Person> {
    let root = document.root();
    let text = |name: &str| root.member(name).and_then(|value| value.string()).map(std::borrow::Cow::into_owned);
    let birth = text("birthDate")?;
    let named = |name: &Element<'_>| name.member("family").is_some();
    let name = root.member("name")?.children().find(named)?;
    let given = name.member("given").into_iter().flat_map(|given| given.children()).filter_map(|item| item.string());
    let family = name.member("family")?.string()?;
    let name = given.chain([family]).map(|part| normalized(&part)).collect::<Vec<_>>().join(" ");
    Some(Person { name: name.trim().to_owned(), birth, sex: text("gender").unwrap_or_default() })
}

/// A name whatever its case, accents and spaces: `  Łódź-Meyer` and `łodz-meyer` are not told apart by accents that Unicode
/// writes as marks, `Ł` stays a letter of its own.
#[must_use]
pub fn normalized(name: &str) -> String {
    let bare: String = name.nfkd().filter(|letter| !is_combining_mark(*letter)).collect();
    bare.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}
