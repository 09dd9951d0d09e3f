//! A trail that is not as it was written: an incident and its alert, once for the same findings.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use consent::OrganizationId;
use sha2::{Digest as _, Sha256};

use super::{Alert, Kind, tell};
use crate::audit::verify::{Finding, Report};
use crate::clock::Ids;
use crate::gateway::DEFAULT_ORGANIZATION;
use crate::store::alone::organizations_of;
use crate::store::connection::DbError;
use crate::store::incident::{self, Details, New};
use crate::store::pools::Pools;

/// Records what `audit verify` found, for each organization that it is about; the incidents' ids, none where all of it was recorded
/// before.
///
/// # Errors
/// The database does not answer, the role may not write, or the tables are those of an older version.
pub(crate) async fn record_findings(
    pools: &Pools,
    ids: &Ids,
    now_ms: i64,
    report: &Report,
) -> Result<Vec<String>, DbError> {
    let mut connection = pools.writer().await?;
    let known = organizations_of(&mut connection).await?;
    let mut by_organization: BTreeMap<i64, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        let organization = OrganizationId(finding.organization);
        let organization = if known.contains(&organization) { organization } else { DEFAULT_ORGANIZATION };
        by_organization.entry(organization.0).or_default().push(finding);
    }
    let mut recorded = Vec::new();
    for (organization, findings) in by_organization {
        let organization = OrganizationId(organization);
        let count = findings.len() as u64;
        let (id, alert) = (ids.next(), ids.next());
        // Those that are listed, and how many there are: of many not all are listed.
        let once = format!("{}-{}", print(&findings), report.found);
        let told = Alert::new(Kind::AuditTrail, &once, now_ms).naming("incident", &id).counting("findings", count);
        let counts = BTreeMap::from([("findings".to_owned(), count)]);
        let details = Details { counts, ..Details::default() };
        let kind = incident::Kind::AuditTrail.as_str();
        let new =
            New { id: &id, kind, by: "fhir-gateway", recorded_ms: now_ms, discovered_ms: now_ms, details: &details };
        connection.begin_write(Some(organization.0)).await?;
        let done = async {
            if tell(&mut connection, organization, &alert, &told).await? {
                incident::insert(&mut connection, organization, &new).await?;
                return Ok(true);
            }
            Ok(false)
        };
        match done.await {
            Ok(fresh) => {
                connection.commit().await?;
                recorded.extend(fresh.then_some(id));
            }
            Err(error) => {
                connection.rollback_if_open().await;
                return Err(error);
            }
        }
    }
    Ok(recorded)
}

/// The same for the same findings, in whatever order.
fn print(findings: &[&Finding]) -> String {
    let mut lines: Vec<String> = findings.iter().map(|finding| format!("{finding:?}")).collect();
    lines.sort_unstable();
    let mut print = String::new();
    for byte in &Sha256::digest(lines.join("\n"))[..16] {
        // Writing to a String does not fail.
        let _ = write!(print, "{byte:02x}");
    }
    print
}
