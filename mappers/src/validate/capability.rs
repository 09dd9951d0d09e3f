//! What a `CapabilityStatement` says of R4's own search parameters (<https://hl7.org/fhir/R4/capabilitystatement.html>).

use super::issue::Severity;
use super::place::Place;
use super::walk::Walk;
use crate::fhirpath::Node;
use crate::search::parameters;

/// What comes before type and name of a search parameter of R4.
const PARAMETERS: &str = "http://hl7.org/fhir/SearchParameter/";

impl<'d> Walk<'_, 'd> {
    /// A search parameter that is named by its definition is of the type that this gives it.
    pub(super) fn search_parameter(&mut self, node: Node<'d>, place: &Place<'_>) {
        let Some(value) = node.value else { return };
        let text = |name: &str| value.member(name).and_then(|text| text.string());
        let (Some(definition), Some(kind)) = (text("definition"), text("type")) else { return };
        let name = definition.split('|').next().unwrap_or_default();
        let found = name.strip_prefix(PARAMETERS).and_then(|name| name.split_once('-'));
        let Some(found) = found.and_then(|(owner, name)| parameters::definition(owner, name)) else { return };
        let own = found.param_kind.word();
        if own != kind {
            let details = format!("the definition of this search parameter makes it a {own}");
            self.say_of((Severity::Error, "invalid"), &place.member("type"), details, "Send that type.", "type");
        }
    }
}
