//! Addresses that say of themselves what they are: <https://hl7.org/fhir/R4/datatypes.html#uri>.

use super::issue::Severity;
use super::place::Place;
use super::walk::Walk;
use crate::fhirpath::Node;

impl<'d> Walk<'_, 'd> {
    /// A `urn:uuid:` is a UUID in lower case, a `urn:oid:` dotted numbers.
    pub(super) fn uri(&mut self, node: Node<'d>, place: &Place<'_>) {
        let Some(text) = node.value.and_then(|value| value.string()) else { return };
        if text.strip_prefix("urn:uuid:").is_some_and(|uuid| !is_uuid(uuid)) {
            let details = "what follows urn:uuid: is no UUID in lower case";
            self.say_of((Severity::Error, "value"), place, details, "Send 8-4-4-4-12 digits of 0-9 and a-f.", "uuid");
        }
        if text.strip_prefix("urn:oid:").is_some_and(|oid| !is_oid(oid)) {
            let details = "what follows urn:oid: is no OID";
            self.say_of(
                (Severity::Error, "value"),
                place,
                details,
                "Send dotted numbers without leading zeros.",
                "oid",
            );
        }
    }
}

fn is_uuid(text: &str) -> bool {
    // An id of a contained resource may follow.
    let text = text.split('#').next().unwrap_or_default();
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

fn is_oid(text: &str) -> bool {
    let mut parts = text.split('.');
    let is_root = parts.next().is_some_and(|root| matches!(root, "0" | "1" | "2"));
    let mut rest = parts.peekable();
    let is_number = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    is_root && rest.peek().is_some() && rest.all(is_number)
}
