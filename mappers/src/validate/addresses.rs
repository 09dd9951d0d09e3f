//! Resources by the addresses that references name them with: entries of a Bundle, and contained resources. Looked up once for
//! each Bundle and container, as there may be thousands of either.

use std::collections::HashMap;

use super::walk::Walk;
use crate::fhirpath::Node;

/// The resources of one Bundle or container, by address.
pub(super) type Addresses<'d> = HashMap<String, Node<'d>>;

impl<'d> Walk<'_, 'd> {
    /// A contained resource, or the container itself.
    pub(super) fn contained(&mut self, container: Node<'d>, id: &str) -> Option<Node<'d>> {
        if id.is_empty() {
            return Some(container);
        }
        let addresses = self.addresses.entry(container.place()).or_insert_with(|| of_container(container));
        addresses.get(id).copied()
    }

    /// The resource of a Bundle's entry that a reference names: by its whole address, or by the end of it.
    pub(super) fn entry(&mut self, bundle: Node<'d>, reference: &str) -> Option<Node<'d>> {
        let reference = reference.split("/_history/").next().unwrap_or(reference);
        let addresses = self.addresses.entry(bundle.place()).or_insert_with(|| of_bundle(bundle));
        addresses.get(reference).copied()
    }
}

fn of_container(container: Node<'_>) -> Addresses<'_> {
    let mut nodes = Vec::new();
    container.children(Some("contained"), &mut nodes);
    let mut addresses = Addresses::new();
    for node in nodes {
        if let Some(id) = node.value.and_then(|value| value.member("id")).and_then(|id| id.string()) {
            addresses.entry(id.into_owned()).or_insert(node);
        }
    }
    addresses
}

fn of_bundle(bundle: Node<'_>) -> Addresses<'_> {
    let mut addresses = Addresses::new();
    let entries = bundle.value.and_then(|value| value.member("entry"));
    for entry in entries.into_iter().flat_map(|entries| entries.children()) {
        let url = entry.member("fullUrl").and_then(|url| url.string());
        let node = entry.member("resource").and_then(Node::resource);
        let (Some(url), Some(node)) = (url, node) else { continue };
        // `Patient/1` names http://server/Patient/1.
        let mut parts = url.rsplitn(3, '/');
        if let (Some(id), Some(kind)) = (parts.next(), parts.next()) {
            addresses.entry(format!("{kind}/{id}")).or_insert(node);
        }
        addresses.entry(url.into_owned()).or_insert(node);
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    #[test]
    fn entries_are_found_by_all_or_the_end_of_their_address() {
        let text = br#"{"resourceType":"Bundle","entry":[
            {"fullUrl":"http://x/fhir/Patient/1","resource":{"resourceType":"Patient","id":"1"}},
            {"fullUrl":"urn:uuid:2","resource":{"resourceType":"Basic","id":"2"}},{"resource":{"resourceType":"Group"}}]}"#;
        let document = Document::parse(text).unwrap();
        let addresses = of_bundle(Node::resource(document.root()).unwrap());
        let kind = |address: &str| addresses.get(address).map(|node| node.kind);
        assert_eq!(kind("http://x/fhir/Patient/1"), Some("Patient"));
        assert_eq!(kind("Patient/1"), Some("Patient"));
        assert_eq!(kind("urn:uuid:2"), Some("Basic"));
        assert_eq!(kind("Group/1"), None);
    }
}
