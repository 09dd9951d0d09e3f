//! How likely two descriptions are of one person: evidence is added up in bits, as Fellegi and Sunter (1969) weigh it. What
//! agrees counts the more the rarer it is, what differs counts against, what one of them does not say counts nothing.

use mappers::json::Element;
use mappers::search::normal;

/// What must be outweighed: of this many (in bits) people here, one is the person.
const PRIOR: f64 = 13.0;
/// Evidence from which on a match is graded so.
const CERTAIN: f64 = 30.0;
const PROBABLE: f64 = 20.0;
const POSSIBLE: f64 = 10.0;
/// Of each kind so many are compared.
const MOST: usize = 8;
/// Longer texts (in bytes) are no names, numbers or addresses.
const LONGEST: usize = 150;
/// Names from this Jaro-Winkler similarity on are spellings of one another.
const CLOSE: f64 = 0.92;

/// <https://hl7.org/fhir/R4/valueset-match-grade.html>
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Grade {
    Certain,
    Possible,
    Probable,
}

impl Grade {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Possible => "possible",
            Self::Probable => "probable",
        }
    }
}

/// What a comparison came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Likeness {
    /// The probability, 0 to 1.
    pub(super) score: f64,
    pub(super) grade: Grade,
}

/// A telephone number or an address of mail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Contact {
    /// As it stands.
    pub(super) written: String,
    /// Digits of a number, small letters of anything else.
    alike: String,
}

/// A Patient, as far as it is compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Person {
    /// System (may be empty) and value.
    pub(super) identifiers: Vec<(String, String)>,
    pub(super) contacts: Vec<Contact>,
    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`
    pub(super) birth: Option<String>,
    /// Family names, without case and accents.
    pub(super) families: Vec<String>,
    /// Given names, one by one.
    pub(super) givens: Vec<String>,
    sex: Option<String>,
    /// Postal code and first line.
    homes: Vec<(String, String)>,
}

impl Person {
    pub(super) fn of(patient: Element<'_>) -> Self {
        let mut person = Self {
            birth: text(patient, "birthDate"),
            sex: text(patient, "gender").filter(|sex| matches!(&**sex, "female" | "male")),
            ..Self::default()
        };
        for identifier in items(patient, "identifier") {
            if let Some(value) = text(identifier, "value") {
                person.identifiers.push((text(identifier, "system").unwrap_or_default(), value));
            }
        }
        for name in items(patient, "name") {
            person.families.extend(text(name, "family").map(|family| normal(&family)));
            let given = items(name, "given").filter_map(|given| given.string());
            let given = given.filter(|given| given.len() <= LONGEST).take(MOST);
            person
                .givens
                .extend(given.flat_map(|given| normal(&given).split(' ').map(ToOwned::to_owned).collect::<Vec<_>>()));
        }
        for telecom in items(patient, "telecom") {
            person.contacts.extend(text(telecom, "value").map(Contact::of));
        }
        for address in items(patient, "address") {
            let line = items(address, "line").find_map(|line| line.string()).map(|line| normal(&line));
            if let Some(code) = text(address, "postalCode") {
                // The five digits of an American code, without what may follow.
                let code = code.split('-').next().unwrap_or_default().to_owned();
                person.homes.push((normal(&code), line.unwrap_or_default()));
            }
        }
        person.families.retain(|name| !name.is_empty());
        person.givens.retain(|name| !name.is_empty());
        person.bounded()
    }

    /// As much of it as a person has: each of several is compared with each of the other's.
    fn bounded(mut self) -> Self {
        let is_short = |text: &String| text.len() <= LONGEST;
        self.identifiers.retain(|(system, value)| is_short(system) && is_short(value));
        self.contacts.retain(|contact| is_short(&contact.written));
        self.families.retain(is_short);
        self.givens.retain(is_short);
        self.homes.retain(|(code, line)| is_short(code) && is_short(line));
        self.identifiers.truncate(MOST);
        self.contacts.truncate(MOST);
        self.families.truncate(MOST);
        self.givens.truncate(MOST);
        self.homes.truncate(MOST);
        self
    }

    /// How likely the other is the same; `None` where it certainly is not.
    pub(super) fn likeness(&self, other: &Self) -> Option<Likeness> {
        let parts = [
            self.identifiers(other),
            self.births(other),
            names(&self.families, &other.families, 7.0, 4.0, -6.0),
            names(&self.givens, &other.givens, 6.0, 3.0, -5.0),
            self.sexes(other),
        ];
        let evidence = parts.iter().sum::<f64>() + self.contacts(other) + self.homes(other);
        let grade = match evidence {
            // Whatever else agrees, somebody must look at what differs.
            bits if bits >= CERTAIN && parts.iter().all(|part| *part >= 0.0) => Grade::Certain,
            bits if bits >= PROBABLE => Grade::Probable,
            bits if bits >= POSSIBLE => Grade::Possible,
            _ => return None,
        };
        Some(Likeness { score: 1.0 / (1.0 + (PRIOR - evidence).exp2()), grade })
    }

    fn identifiers(&self, other: &Self) -> f64 {
        let pairs = || self.identifiers.iter().flat_map(|one| other.identifiers.iter().map(move |other| (one, other)));
        if pairs().any(|((system, value), (other, theirs))| value == theirs && system == other && !system.is_empty()) {
            return 22.0;
        }
        if pairs().any(|((system, value), (other, theirs))| value == theirs && (system.is_empty() || other.is_empty()))
        {
            return 12.0;
        }
        // One system may give a person several numbers, but seldom does.
        if pairs().any(|((system, _), (other, _))| system == other && !system.is_empty()) { -3.0 } else { 0.0 }
    }

    fn births(&self, other: &Self) -> f64 {
        let (Some(one), Some(other)) = (&self.birth, &other.birth) else { return 0.0 };
        let length = one.len().min(other.len());
        if one.get(..length) == other.get(..length) {
            return match length {
                10.. => 12.0,
                7.. => 8.0,
                _ => 5.0,
            };
        }
        let parts = |date: &str| date.split('-').map(ToOwned::to_owned).collect::<Vec<_>>();
        let (one, other) = (parts(one), parts(other));
        let [year, month, day] = &one[..] else { return -10.0 };
        // Day and month the other way round, or one of the three mistaken.
        let swapped = other == [year.clone(), day.clone(), month.clone()];
        let differing = one.iter().zip(&other).filter(|(one, other)| one != other).count();
        if other.len() == 3 && (swapped || differing == 1) { 4.0 } else { -10.0 }
    }

    fn sexes(&self, other: &Self) -> f64 {
        match (&self.sex, &other.sex) {
            (Some(one), Some(other)) if one == other => 1.0,
            (Some(_), Some(_)) => -4.0,
            _ => 0.0,
        }
    }

    fn contacts(&self, other: &Self) -> f64 {
        let shared = self.contacts.iter().any(|one| other.contacts.iter().any(|other| one.alike == other.alike));
        if shared { 10.0 } else { 0.0 }
    }

    fn homes(&self, other: &Self) -> f64 {
        let pairs = || self.homes.iter().flat_map(|one| other.homes.iter().map(move |other| (one, other)));
        if pairs().any(|(one, other)| one == other && !one.1.is_empty()) {
            10.0
        } else if pairs().any(|(one, other)| one.0 == other.0) {
            5.0
        } else {
            0.0
        }
    }
}

impl Contact {
    fn of(written: String) -> Self {
        let digits: String = written.chars().filter(char::is_ascii_digit).collect();
        // A mail address may hold digits; the last ten tell a number, with or without the country.
        let is_number = digits.len() >= 7 && !written.contains('@');
        let alike = if is_number { digits[digits.len().saturating_sub(10)..].to_owned() } else { normal(&written) };
        Self { written, alike }
    }
}

/// The best that any pair of names agrees.
fn names(ours: &[String], theirs: &[String], same: f64, close: f64, differs: f64) -> f64 {
    if ours.is_empty() || theirs.is_empty() {
        return 0.0;
    }
    let pair = |one: &String, other: &String| {
        if one == other {
            return same;
        }
        // An initial stands for a name.
        let short = |short: &str, long: &str| {
            short.trim_end_matches('.').chars().count() == 1 && long.starts_with(short.trim_end_matches('.'))
        };
        if short(one, other) || short(other, one) || strsim::jaro_winkler(one, other) >= CLOSE {
            close
        } else {
            differs
        }
    };
    ours.iter().flat_map(|one| theirs.iter().map(move |other| pair(one, other))).fold(differs, f64::max)
}

fn items<'d>(element: Element<'d>, name: &str) -> impl Iterator<Item = Element<'d>> {
    element.member(name).into_iter().flat_map(|list| list.children())
}

fn text(element: Element<'_>, name: &str) -> Option<String> {
    element.member(name)?.string().map(std::borrow::Cow::into_owned).filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use mappers::json::Document;

    use super::*;

    fn person(text: &str) -> Person {
        Person::of(Document::parse(text.as_bytes()).unwrap().root())
    }

    const ADA: &str = r#"{"identifier":[{"system":"urn:mrn","value":"7"}],"name":[{"family":"Łovelace","given":["Ada Mary"]}],
        "birthDate":"1815-12-10","gender":"female","telecom":[{"value":"+1 (555) 555-0100"}],"address":[{"line":["1 A St"],"postalCode":"00051-1234"}]}"#;

    #[test]
    fn evidence_is_weighed() {
        let ada = person(ADA);
        for (other, expected) in [
            (ADA, Some(Grade::Certain)),
            (r#"{"identifier":[{"system":"urn:mrn","value":"7"}]}"#, Some(Grade::Probable)),
            (
                r#"{"name":[{"family":"ŁOVELACE","given":["ada"]}],"birthDate":"1815-12-10","gender":"female"}"#,
                Some(Grade::Probable),
            ),
            (
                r#"{"name":[{"family":"Łovelace","given":["A."]}],"birthDate":"1815-12-10","telecom":[{"value":"5555550100"}]}"#,
                Some(Grade::Certain),
            ),
            (r#"{"name":[{"family":"Łovelace","given":["Ada"]}],"birthDate":"1815-10-12"}"#, Some(Grade::Possible)),
            // The same number, another person: somebody must look.
            (
                r#"{"identifier":[{"system":"urn:mrn","value":"7"}],"name":[{"family":"Łovelace","given":["Ada"]}],"birthDate":"1999-01-01"}"#,
                Some(Grade::Probable),
            ),
            (r#"{"name":[{"family":"Byron","given":["Anne"]}],"birthDate":"1815-12-10","gender":"female"}"#, None),
            (r#"{"name":[{"family":"Łovelace"}]}"#, None),
            ("{}", None),
        ] {
            let other = person(other);
            let likeness = ada.likeness(&other);
            assert_eq!(likeness.map(|likeness| likeness.grade), expected, "{other:?}");
            assert_eq!(likeness, other.likeness(&ada), "whoever asks");
        }
    }
}
