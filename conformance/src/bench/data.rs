//! What is loaded and read. Everybody in it is synthetic.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use gateway::demo;
use serde_json::{Value, json};

use crate::bench::client;
use crate::bench::server::Server;

/// A Patient of 3 kB as Synthea makes them (Apache-2.0), the same that `mappers/benches/split_join.rs` takes.
pub const PATIENT: &str = include_str!("../../../mappers/benches/patient.json");

/// Observations of the patient: two pages of 50 and a rest, so that a page has a next one.
const OBSERVATIONS: usize = 120;

/// Patients of the demo that stand in for the shared bundles.
const DEMO_PATIENTS: usize = 60;

/// The patient's id.
///
/// # Panics
/// Never: the file is part of this program.
#[must_use]
pub fn patient_id() -> String {
    let patient: Value = serde_json::from_str(PATIENT).expect("the bundled patient is JSON");
    patient["id"].as_str().expect("the bundled patient has an id").to_owned()
}

/// A small Observation of the patient.
#[must_use]
pub fn observation(number: usize) -> Value {
    json!({
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "vital-signs"
        }]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
        "subject": {"reference": format!("Patient/{}", patient_id())},
        "effectiveDateTime": "2026-11-21T09:30:00Z",
        "valueQuantity": {
            "value": 60 + number % 40, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"
        }
    })
}

/// Puts the patient and a few pages of Observations on a server.
///
/// # Errors
/// The server refuses them.
pub async fn seed(server: &Server) -> Result<(), String> {
    client::send("PUT", &format!("{}/Patient/{}", server.base, patient_id()), PATIENT).await?;
    let entries: Vec<Value> = (0..OBSERVATIONS)
        .map(|number| json!({"resource": observation(number), "request": {"method": "POST", "url": "Observation"}}))
        .collect();
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
    client::send("POST", &server.base, bundle.to_string()).await.map(drop)
}

/// A file of transaction bundles to import.
#[derive(Clone, Debug)]
pub struct Bundles {
    /// One bundle a line, perhaps gzipped.
    pub path: PathBuf,
    /// Where they come from, for the table.
    pub source: &'static str,
}

impl Bundles {
    /// The shared ones (60 patients of Synthea), or where those are absent the demo's, written to `folder`.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn find(folder: &Path) -> Result<Self, String> {
        let shared = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../shared/data/04-synthea-and-bulk/synthea-load-60-transaction-bundles.ndjson.gz");
        if shared.is_file() {
            return Ok(Self { path: shared, source: "60 transaction bundles of Synthea" });
        }
        let mut text = String::new();
        for bundle in std::iter::once(demo::clinic()).chain(demo::patients(demo::SEED, DEMO_PATIENTS)) {
            let bundle: Value = serde_json::from_slice(&bundle).map_err(|error| error.to_string())?;
            // One line each. Writing to a String does not fail.
            let _ = writeln!(text, "{bundle}");
        }
        let path = folder.join("demo.ndjson");
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { path, source: "transaction bundles of 60 patients of the demo" })
    }
}
