//! `GET [base]/metadata?mode=terminology`: what of terminology is offered
//! (<https://hl7.org/fhir/R4/terminologycapabilities.html>). Who has a token sees which code systems are stored, as far as it may
//! read them.

use bytes::Bytes;
use consent::Permit;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::interaction::Endpoint;
use crate::interaction::canonical::known;

/// What `$expand` takes, also of what R4 does not name.
const PARAMETERS: [&str; 18] = [
    "activeOnly",
    "check-system-version",
    "count",
    "default-valueset-version",
    "designation",
    "displayLanguage",
    "exclude-system",
    "excludeNested",
    "filter",
    "force-system-version",
    "includeDefinition",
    "includeDesignations",
    "offset",
    "property",
    "system-version",
    "tx-resource",
    "useSupplement",
    "valueSetVersion",
];

/// The statement.
pub(super) async fn statement(endpoint: &Endpoint, permit: Option<&Permit>) -> Bytes {
    let mut systems: Vec<Value> = Vec::new();
    if let Some(permit) = permit {
        // What cannot be told just now is left out, as what is not there: the statement is no search.
        let mut all = known(endpoint, permit, "CodeSystem").await.unwrap_or_default();
        let releases = endpoint.gateway.releases.all();
        let releases =
            releases.iter().map(|kept| (kept.system.url.clone(), kept.system.version.clone().unwrap_or_default()));
        all.extend(releases);
        all.sort();
        all.dedup();
        for (url, version) in all {
            let mut system = json!({ "uri": url });
            if !version.is_empty() {
                system["version"] = json!([{ "code": version }]);
            }
            systems.push(system);
        }
    }
    let mut statement = json!({
        "resourceType": "TerminologyCapabilities",
        "url": format!("{}/metadata?mode=terminology", endpoint.base),
        "version": env!("CARGO_PKG_VERSION"),
        "name": "FhirGatewayTerminology",
        "title": "fhir-gateway: terminology",
        "status": "active",
        "date": Clock::format(endpoint.gateway.clock.now_ms()),
        "kind": "instance",
        "implementation": { "description": "fhir-gateway", "url": endpoint.base },
        "expansion": {
            "hierarchical": true,
            "paging": true,
            "incomplete": false,
            "parameter": PARAMETERS.map(|name| json!({ "name": name })),
            "textFilter": "Each word of the filter begins a word of the code, its display or one of its designations.",
        },
        "codeSearch": "all",
        "validateCode": { "translations": false },
        "translation": { "needsMap": false },
    });
    if !systems.is_empty() {
        statement["codeSystem"] = json!(systems);
    }
    Bytes::from(statement.to_string())
}
