//! What a client asks for data for: the B2B Authorization Extension Object,
//! <https://hl7.org/fhir/us/udap-security/b2b.html#b2b-authorization-extension-object>.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::AssertionError;
use crate::jose::{object, present};

/// The system of purposes, v3-ActReason.
pub const PURPOSES: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

/// The same as an OID, which is how the guide spells it.
const PURPOSES_OID: &str = "urn:oid:2.16.840.1.113883.5.8";

/// The system of codes that are URIs themselves: <https://hl7.org/fhir/R4/datatypes.html#Coding>.
const URIS: &str = "urn:ietf:rfc:3986";

/// The most purposes of an assertion.
pub const MOST_PURPOSES: usize = 16;

/// The longest code with its system, in bytes.
const LONGEST: usize = 256;

/// A purpose of use.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PurposeOfUse {
    /// Its system; [`PURPOSES`] where the client named none, or named it by its OID.
    pub system: Box<str>,
    /// Its code.
    pub code: Box<str>,
}

/// The claim `extensions`; of the objects in it, the one that is read.
#[derive(Deserialize)]
struct Extensions {
    #[serde(rename = "hl7-b2b", default, deserialize_with = "present")]
    b2b: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Business {
    version: Box<str>,
    purpose_of_use: Vec<Box<str>>,
}

impl PurposeOfUse {
    /// Those of an assertion. An extension that cannot be read is refused, not left out: what it meant to narrow would be
    /// wide.
    pub(super) fn all(extensions: &RawValue) -> Result<Option<Vec<Self>>, AssertionError> {
        let extensions: Extensions = object(extensions.get().as_bytes()).ok_or(AssertionError::Purpose)?;
        let Some(b2b) = extensions.b2b else { return Ok(None) };
        let b2b: Business = object(b2b.get().as_bytes()).ok_or(AssertionError::Purpose)?;
        if &*b2b.version != "1" || b2b.purpose_of_use.is_empty() || b2b.purpose_of_use.len() > MOST_PURPOSES {
            return Err(AssertionError::Purpose);
        }
        let mut purposes = Vec::new();
        for text in &b2b.purpose_of_use {
            let purpose = Self::parse(text).ok_or(AssertionError::Purpose)?;
            if !purposes.contains(&purpose) {
                purposes.push(purpose);
            }
        }
        Ok(Some(purposes))
    }

    /// `SYSTEM#CODE`, a URI that is a code itself, or a code alone.
    fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST || text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
            return None;
        }
        let (system, code) = match text.rsplit_once('#') {
            Some((PURPOSES_OID, code)) => (PURPOSES, code),
            Some((system, code)) => (system, code),
            None if text.contains(':') => (URIS, text),
            None => (PURPOSES, text),
        };
        (!system.is_empty() && !code.is_empty()).then(|| Self { system: system.into(), code: code.into() })
    }
}
