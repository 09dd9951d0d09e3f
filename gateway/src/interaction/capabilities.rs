//! <https://hl7.org/fhir/R4/http.html#capabilities>: the CapabilityStatement, generated from the tables that the gateway
//! works by.

mod terminology;

use bytes::Bytes;
use consent::Permit;
use mappers::json::write_string;
use mappers::search::Custom;
use mappers::search::custom::State;
use mappers::search::parameters::{self, Definition};
use smart::metadata::Site;

use crate::audit::claim;
use crate::audit::resource::profiles;
use crate::clock::Clock;
use crate::http::query;
use crate::interaction::conditional::ConditionalDelete;
use crate::interaction::{Answer, Endpoint};
use crate::operation::Operation;
use crate::store::provenance;

/// What every type takes, until `updateCreate`: in the order of R4, which XML has.
const INTERACTIONS: &str = concat!(
    r#""interaction":[{"code":"create"},{"code":"read"},{"code":"vread"},{"code":"update"},{"code":"patch"},{"code":"delete"},"#,
    r#"{"code":"history-instance"},{"code":"history-type"},{"code":"search-type"}],"#,
    r#""versioning":"versioned-update","readHistory":true"#
);

/// And behind it.
const CONDITIONS: &str = r#""conditionalCreate":true,"conditionalRead":"full-support","conditionalUpdate":true"#;

/// What the base takes.
const SYSTEM: &str =
    r#""interaction":[{"code":"transaction"},{"code":"batch"},{"code":"history-system"},{"code":"search-system"}]"#;

/// How to get in, behind where: <https://hl7.org/fhir/smart-app-launch/conformance.html>.
const SECURITY: &str = concat!(
    r#""cors":true,"service":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/restful-security-service","#,
    r#""code":"SMART-on-FHIR"}]}],"description":"Every request but this one needs Authorization: Bearer and a token. "#,
    r#"Every exchange passes a consent decision and is audited before it is answered."}"#
);

/// What differs between gateways.
#[derive(Clone, Copy)]
pub struct Offer<'o> {
    /// The base address.
    pub base: &'o str,
    /// Where tokens are to be had.
    pub site: Site<'o>,
    /// When it was started, in milliseconds since 1970.
    pub started_ms: i64,
    /// What a conditional delete does.
    pub conditional_delete: ConditionalDelete,
    /// An update under an id that is free creates. Where Consents are applied that would tell what is hidden.
    pub update_creates: bool,
}

/// The statement of a gateway.
pub fn statement(offer: &Offer<'_>) -> Bytes {
    let Offer { base, site, started_ms, .. } = offer;
    let mut out = Vec::with_capacity(128 * 1024);
    out.extend_from_slice(br#"{"resourceType":"CapabilityStatement","status":"active","date":""#);
    out.extend_from_slice(Clock::format(*started_ms).as_bytes());
    out.extend_from_slice(br#"","kind":"instance","software":{"name":"fhir-gateway","version":""#);
    out.extend_from_slice(env!("CARGO_PKG_VERSION").as_bytes());
    out.extend_from_slice(br#""},"implementation":{"description":"FHIR R4 over SQL tables","url":"#);
    write_string(&mut out, base);
    out.extend_from_slice(
        br#"},"fhirVersion":"4.0.1","format":["application/fhir+json","json","application/fhir+xml","xml"],"patchFormat":["application/json-patch+json","application/fhir+json","application/fhir+xml"],"rest":[{"mode":"server","#,
    );
    out.extend_from_slice(br#""security":{"#);
    if let Some(uris) = site.oauth_uris().and_then(|uris| serde_json::to_string(&[uris]).ok()) {
        out.extend_from_slice(format!(r#""extension":{uris},"#).as_bytes());
    }
    out.extend_from_slice(SECURITY.as_bytes());
    out.extend_from_slice(br#","resource":["#);
    for (index, kind) in parameters::resource_types().iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        resource(&mut out, kind, offer);
    }
    out.extend_from_slice(b"],");
    out.extend_from_slice(SYSTEM.as_bytes());
    operations(&mut out, Operation::of_the_base().iter());
    out.extend_from_slice(b"}]}");
    out.into()
}

/// The statement: to anyone what is built in, to a caller also the search parameters of the caller's organization that can be
/// searched by. Where the database does not answer, those that this process knows of.
pub async fn answer(endpoint: &Endpoint, permit: Option<&Permit>, query: &str) -> Answer {
    if query::value(query, "mode").as_deref() == Some("terminology") {
        return Answer::document(terminology::statement(endpoint, permit).await, Vec::new());
    }
    let Some(permit) = permit else { return Answer::document(endpoint.capabilities.clone(), Vec::new()) };
    let store = &endpoint.gateway.store;
    let custom = match store.search_parameters_now(permit).await {
        Ok(custom) => Some(custom),
        Err(_) => store.search_parameters(permit).await.ok(),
    };
    let is_ready = |custom: &Custom| custom.parameters().iter().any(|parameter| parameter.state == State::Ready);
    let statement = match custom.filter(|custom| is_ready(custom)) {
        Some(custom) => with(&endpoint.capabilities, &custom),
        None => endpoint.capabilities.clone(),
    };
    Answer::document(statement, Vec::new())
}

/// A statement with parameters of an organization's own.
fn with(statement: &[u8], custom: &Custom) -> Bytes {
    let statement = String::from_utf8_lossy(statement);
    let (mut out, mut rest) = (Vec::with_capacity(statement.len() + 256), &*statement);
    for kind in parameters::resource_types() {
        let mut own = custom.of(kind).filter(|parameter| parameter.state == State::Ready).peekable();
        if own.peek().is_none() {
            continue;
        }
        let start = rest.find(&format!(r#"{{"type":"{kind}","profile""#)).unwrap_or_default();
        // There is one at least: _id.
        let Some(list) = rest[start..].find(LIST).map(|at| start + at + LIST.len()) else { continue };
        out.extend_from_slice(&rest.as_bytes()[..list]);
        for parameter in own {
            let definition = &parameter.definition;
            out.extend_from_slice(format!(r#"{{"name":"{}","definition":"#, definition.code).as_bytes());
            write_string(&mut out, &definition.url);
            out.extend_from_slice(format!(r#","type":"{}"}},"#, definition.param_kind.word()).as_bytes());
        }
        rest = &rest[list..];
    }
    out.extend_from_slice(rest.as_bytes());
    out.into()
}

/// Where a type's parameters begin.
const LIST: &str = r#""searchParam":["#;

fn resource(out: &mut Vec<u8>, kind: &str, offer: &Offer<'_>) {
    out.extend_from_slice(br#"{"type":""#);
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(br#"","profile":"http://hl7.org/fhir/StructureDefinition/"#);
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(br#"","#);
    if kind == claim::KIND {
        trail(out);
    }
    if kind == provenance::KIND {
        out.extend_from_slice(br#""documentation":"#);
        write_string(out, PROVENANCE);
        out.push(b',');
    }
    out.extend_from_slice(INTERACTIONS.as_bytes());
    let (creates, delete) = (offer.update_creates, offer.conditional_delete.as_str());
    let told = format!(r#","updateCreate":{creates},{CONDITIONS},"conditionalDelete":"{delete}""#);
    out.extend_from_slice(told.as_bytes());
    out.extend_from_slice(br#","referencePolicy":["literal","local"]"#);
    for (index, definition) in parameters::supported(Some(kind)).enumerate() {
        out.push(b',');
        out.extend_from_slice(if index == 0 { LIST.as_bytes() } else { b"" });
        search_parameter(out, definition);
    }
    // There is one at least: _id.
    out.push(b']');
    operations(out, Operation::of_type(kind).iter().chain(Operation::of_all_types()));
    out.push(b'}');
}

/// How Provenances come about beside those that clients write as resources.
const PROVENANCE: &str = "A write may say where it comes from in the header X-Provenance: a Provenance in JSON without target, at most \
    16 KiB. It is stored in the transaction of the write, with the versions that were written as its targets (of several patients \
    one for each); in a transaction it stands for the whole, in a batch for each entry. Provenances under ids that begin with \
    gateway-provenance- are this server's own and are never changed.";

/// What AuditEvent resources there are beside those that clients write.
const TRAIL: &str = "Clients may write AuditEvents of their own. The audit trail of this server is served as AuditEvents, too: \
    read-only, under ids that begin with audit-, to privacy officers, and to patients what is about them. A search shows it \
    only with _source=urn:fhir-gateway:audit, and then nothing else; it takes date, patient, entity, agent, action, type, \
    subtype, outcome, address, site, policy, _id, _lastUpdated and _sort=date, without chains and _include. Profiles of IHE BALP \
    are named by those records of the trail that conform to them.";

fn trail(out: &mut Vec<u8>) {
    out.extend_from_slice(br#""supportedProfile":["#);
    for (index, profile) in profiles().enumerate() {
        out.extend_from_slice(if index == 0 { b"" } else { b"," });
        write_string(out, &profile);
    }
    out.extend_from_slice(br#"],"documentation":"#);
    write_string(out, TRAIL);
    out.push(b',');
}

/// There is one at least.
fn operations<'o>(out: &mut Vec<u8>, offered: impl Iterator<Item = &'o (&'o str, &'o str)>) {
    for (index, (name, definition)) in offered.enumerate() {
        out.extend_from_slice(if index == 0 { br#","operation":["# } else { b"," });
        out.extend_from_slice(format!(r#"{{"name":"{name}","definition":"{definition}"}}"#).as_bytes());
    }
    out.push(b']');
}

fn search_parameter(out: &mut Vec<u8>, definition: &Definition) {
    let kind = definition.param_kind.word();
    out.extend_from_slice(format!(r#"{{"name":"{}","type":"{kind}"}}"#, definition.name).as_bytes());
}

#[cfg(test)]
mod tests {
    use mappers::json::Document;
    use mappers::structure;

    use super::*;

    #[test]
    fn the_statement_is_a_valid_resource_with_every_type() {
        let statement = statement(&Offer {
            base: "http://127.0.0.1:1/fhir",
            site: crate::authorization::site("http://127.0.0.1:1", false),
            started_ms: 0,
            conditional_delete: ConditionalDelete::Multiple,
            update_creates: true,
        });
        let document = Document::parse(&statement).unwrap();
        assert!(structure::check(&document).is_ok());
        let rest = document.root().member("rest").unwrap().children().next().unwrap();
        assert_eq!(rest.member("resource").unwrap().len(), parameters::resource_types().len());
    }
}
