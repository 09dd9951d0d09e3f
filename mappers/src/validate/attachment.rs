//! Attachments: what is said of the content against the content (<https://hl7.org/fhir/R4/datatypes.html#Attachment>).

use super::issue::Severity;
use super::place::Place;
use super::walk::Walk;
use crate::fhirpath::Node;

impl<'d> Walk<'_, 'd> {
    /// The stated size against that of the data. Whether the data is base64 is for the check of structure.
    pub(super) fn attachment(&mut self, node: Node<'d>, place: &Place<'_>) {
        let Some(value) = node.value else { return };
        let size = value.member("size").and_then(|size| size.raw().parse::<usize>().ok());
        let data = value.member("data").and_then(|data| data.string());
        let (Some(size), Some(data)) = (size, data) else { return };
        let (mut letters, mut padding) = (0, 0);
        for byte in data.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
            letters += 1;
            padding += usize::from(byte == b'=');
        }
        if size != (letters / 4 * 3_usize).saturating_sub(padding) {
            let details = "size is not how many bytes the data has";
            self.say_of((Severity::Error, "structure"), &place.member("size"), details, "Correct the size.", "size");
        }
    }
}
