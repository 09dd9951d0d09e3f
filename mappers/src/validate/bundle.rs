//! Bundles: <https://hl7.org/fhir/R4/bundle.html>. What FHIRPath tells of them (`bdl-1` to `bdl-12`) is among the invariants.

use std::collections::HashSet;

use super::issue::Severity;
use super::place::Place;
use super::walk::Walk;
use crate::fhirpath::Node;
use crate::json::{Element, Kind};
use crate::structure::is_resource_type;

/// Links of a set of results that there is one of at most.
const LINKS: [&str; 6] = ["self", "first", "last", "next", "previous", "prev"];

impl<'d> Walk<'_, 'd> {
    /// A Bundle as a whole.
    pub(super) fn bundle(&mut self, node: Node<'d>, place: &Place<'_>) {
        let Some(bundle) = node.value else { return };
        let kind = text(bundle, "type").unwrap_or_default();
        self.links(node, place);
        let mut entries = Vec::new();
        node.children(Some("entry"), &mut entries);
        for (number, one) in entries.iter().enumerate() {
            let here = place.of(one);
            let Some(value) = one.value else { continue };
            self.full_url(value, &here);
            if kind == "searchset" {
                self.result(value, &here);
            }
            if kind == "document" && number == 0 {
                self.document(node, value, &here);
            }
        }
    }

    fn links(&mut self, node: Node<'d>, place: &Place<'_>) {
        let mut links = Vec::new();
        node.children(Some("link"), &mut links);
        let mut seen = HashSet::new();
        for link in links {
            let Some(relation) = link.value.and_then(|link| text(link, "relation")) else { continue };
            if LINKS.contains(&&*relation) && !seen.insert(relation) {
                let details = "a link of this relation is there already";
                self.say(Severity::Error, "structure", &place.of(&link), details, "Keep one of them.");
            }
        }
    }

    /// An absolute address, which agrees with the id of the resource.
    fn full_url(&mut self, value: Element<'d>, place: &Place<'_>) {
        let Some(url) = text(value, "fullUrl") else { return };
        let absolute = ["http://", "https://", "urn:"].iter().any(|scheme| url.starts_with(scheme));
        if !absolute && !url.contains(':') {
            let details = "fullUrl is not absolute";
            let advice = "Send http(s)://server/Type/id, urn:uuid:... or urn:oid:...";
            return self.say(Severity::Error, "value", &place.member("fullUrl"), details, advice);
        }
        let resource = value.member("resource");
        let id = resource.and_then(|resource| text(resource, "id"));
        let kind = resource.and_then(|resource| text(resource, "resourceType"));
        if let (Some(id), Some(kind)) = (id, kind)
            && !url.starts_with("urn:")
            && let Some((front, last)) = url.rsplit_once('/')
            && is_resource_type(front.rsplit('/').next().unwrap_or_default())
            && (last != id || !front.ends_with(&*kind))
        {
            let details = "fullUrl names another type or id than the resource has";
            self.say(Severity::Error, "invalid", &place.member("fullUrl"), details, "Make the two agree.");
        }
    }

    /// What a search found has an id; what it says about itself is an OperationOutcome.
    fn result(&mut self, value: Element<'d>, place: &Place<'_>) {
        let Some(resource) = value.member("resource").filter(|resource| resource.kind() == Kind::Object) else {
            return;
        };
        let mode = value.member("search").and_then(|search| text(search, "mode"));
        let kind = text(resource, "resourceType").unwrap_or_default();
        let here = place.member("resource");
        if mode.as_deref() == Some("outcome") && kind != "OperationOutcome" {
            let details = "what stands here as the outcome of a search is no OperationOutcome";
            self.say(Severity::Error, "structure", &here, details, "Send it as match or include.");
        } else if resource.member("id").is_none()
            && (mode.is_some() || kind != "OperationOutcome")
            && mode.as_deref() != Some("outcome")
        {
            self.say(Severity::Error, "required", &here, "a result of a search has an id", "Add the resource's id.");
        }
    }

    /// A document's Composition names what is in the document: <https://hl7.org/fhir/R4/documents.html#content>.
    fn document(&mut self, bundle: Node<'d>, value: Element<'d>, place: &Place<'_>) {
        let Some(composition) = value.member("resource").and_then(Node::resource) else { return };
        if composition.kind != "Composition" {
            return;
        }
        let here = place.member("resource");
        let missing = |name: &str, walk: &mut Self| {
            let mut nodes = Vec::new();
            composition.children(Some(name), &mut nodes);
            for node in nodes {
                let reference = node.value.and_then(|value| text(value, "reference"));
                if reference
                    .is_some_and(|reference| !reference.starts_with('#') && walk.entry(bundle, &reference).is_none())
                {
                    let details = "what the Composition names is not in the document";
                    walk.say(Severity::Error, "not-found", &here.of(&node), details, "Add an entry with this fullUrl.");
                }
            }
        };
        for name in ["subject", "encounter", "author", "custodian"] {
            missing(name, self);
        }
    }
}

fn text<'d>(element: Element<'d>, name: &str) -> Option<std::borrow::Cow<'d, str>> {
    element.member(name)?.string()
}
