//! Why a request is made, where a header of its own says so: `X-Purpose-Of-Use: TREAT`, or with the system,
//! `X-Purpose-Of-Use: http://terminology.hl7.org/CodeSystem/v3-ActReason|TREAT`.
//!
//! It chooses among the purposes of the token (those that the client is registered with, fewer where the assertion named some, and
//! for a patient who logged in PATRQT alone) and adds none.

use consent::asking::Coding;
use consent::{Purpose, purpose};
use hyper::{HeaderMap, StatusCode};

use super::Known;
use crate::outcome::{Code, Failure};

/// The header's name.
pub const NAME: &str = "x-purpose-of-use";

/// The longest value that is looked at, in bytes.
const LONGEST: usize = 200;

/// Why a header's purpose does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// It names more than one.
    Several,
    /// It names none that there is.
    Unknown,
    /// It names one that is not the token's; `Some` where that is to break the glass.
    NotGranted {
        /// BTG is no purpose that anybody has: the glass is broken by its operation.
        breaks_glass: bool,
    },
}

/// The purpose that a request is for, of those of its token; `None` where no header says.
fn asked(headers: &HeaderMap, granted: &[Purpose]) -> Result<Option<Purpose>, Refused> {
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refused::Several);
    }
    let text = value.to_str().ok().map(str::trim).filter(|text| text.len() <= LONGEST).ok_or(Refused::Unknown)?;
    if text.contains([',', ';', ' ']) {
        return Err(Refused::Several);
    }
    let coding = Coding::purpose(text);
    if !purpose::is_known(&coding) {
        return Err(Refused::Unknown);
    }
    let wanted = Purpose::parse(&coding.code).filter(|wanted| granted.contains(wanted));
    wanted.map(Some).ok_or(Refused::NotGranted { breaks_glass: coding.code == "BTG" })
}

impl Known {
    /// The same, for the purpose that the request's header names. Where that does not count, it is for what the token is for by itself,
    /// and [`Known::misuse`] says why it must not be answered.
    #[must_use]
    pub fn asking(mut self, headers: &HeaderMap) -> Self {
        match asked(headers, &self.purposes) {
            Ok(Some(purpose)) => self.purpose = purpose,
            Ok(None) => {}
            Err(refused) => self.refused = Some(refused),
        }
        self
    }

    /// Why the request's header makes it one that is not answered.
    pub fn misuse(&self) -> Option<Failure> {
        self.refused.map(|refused| failure(refused, &self.purposes))
    }
}

fn failure(refused: Refused, granted: &[Purpose]) -> Failure {
    let codes = granted.iter().map(|purpose| purpose.code()).collect::<Vec<_>>().join(", ");
    match refused {
        Refused::Several => Failure::bad_request(
            Code::Value,
            format!(
                "X-Purpose-Of-Use names one purpose, in one header: a request is made for one. This token has {codes}."
            ),
        ),
        Refused::Unknown => Failure::bad_request(
            Code::CodeInvalid,
            format!(
                "X-Purpose-Of-Use is a code of v3-ActReason's PurposeOfUse, alone or as {}|CODE. This token has {codes}.",
                purpose::SYSTEM
            ),
        ),
        Refused::NotGranted { breaks_glass } => {
            let glass = if breaks_glass {
                " In an emergency break the glass: POST Patient/ID/$break-glass with a reason, if you are of a group that may."
            } else {
                ""
            };
            let details = format!(
                "This token is not for that purpose of use. Leave X-Purpose-Of-Use out, or name one that it has: {codes}.{glass}"
            );
            Failure::new(StatusCode::FORBIDDEN, Code::Forbidden, details)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANTED: [Purpose; 2] = [Purpose::Hoperat, Purpose::Treat];

    fn of(values: &[&str]) -> Result<Option<Purpose>, Refused> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, value.parse().expect("a header"));
        }
        asked(&headers, &GRANTED)
    }

    #[test]
    fn it_names_one_of_the_tokens() {
        assert_eq!(of(&[]), Ok(None));
        let whole = format!("{}|HOPERAT", purpose::SYSTEM);
        for (value, wanted) in [("TREAT", Purpose::Treat), (" HOPERAT ", Purpose::Hoperat), (&whole, Purpose::Hoperat)]
        {
            assert_eq!(of(&[value]), Ok(Some(wanted)), "{value}");
        }
    }

    #[test]
    fn what_is_none_of_them_is_refused() {
        for several in [["TREAT", "TREAT"].as_slice(), &["TREAT,HOPERAT"], &["TREAT HOPERAT"], &["", "TREAT"]] {
            assert_eq!(of(several), Err(Refused::Several), "{several:?}");
        }
        let long = "T".repeat(201);
        for unknown in ["", "treat", "PurposeOfUse", "|TREAT", "urn:x|TREAT", "NOTHING", "TREAT|", "caf\u{e9}", &long] {
            assert_eq!(of(&[unknown]), Err(Refused::Unknown), "{unknown}");
        }
        for (other, breaks_glass) in [("HRESCH", false), ("COC", false), ("ETREAT", false), ("BTG", true)] {
            assert_eq!(of(&[other]), Err(Refused::NotGranted { breaks_glass }), "{other}");
        }
    }

    #[test]
    fn a_refusal_says_what_there_is() {
        let said = failure(Refused::NotGranted { breaks_glass: true }, &GRANTED);
        let text = String::from_utf8_lossy(&said.outcome()).into_owned();
        assert!(text.contains("HOPERAT, TREAT") && text.contains("$break-glass"), "{text}");
        assert_eq!(said.status, StatusCode::FORBIDDEN);
        assert_eq!(failure(Refused::Several, &GRANTED).status, StatusCode::BAD_REQUEST);
    }
}
