//! `GET [base]/SearchParameter/[id]/$status`: whether it can be searched by.
//!
//! Out: `url`, `status` (code: `ready`, `indexing`, `built-in` where it defines what is built in, `inactive` where its own status
//! is not `active`, or it cannot be a parameter here) and, while it is being indexed, `percent` (integer): in steps of ten, and of the range of row ids, so that
//! no number of resources is told, which counts also what a caller may not see. Operators get numbers by
//! `fhir-gateway search parameters`.

use mappers::json::write_string;
use mappers::search::custom::{self, Verdict};

use crate::interaction::{Answer, Exchange, Request, Touched};
use crate::operation::chart;
use crate::outcome::Failure;

pub(super) async fn parameter_status(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (kind, id) = request.instance()?;
    let version = chart::instance(exchange, kind, id).await?;
    let (url, is_built_in) = chart::read(&version, |root| {
        let url = root.member("url").and_then(|text| text.string()).unwrap_or_default().into_owned();
        (url, matches!(custom::read(root, &|_: &str| None), Ok(Verdict::BuiltIn)))
    })
    .unwrap_or_default();
    let reports = exchange.endpoint.gateway.store.parameter_reports(&exchange.permit).await?;
    let standing = reports.iter().find(|report| *report.id == *id && &*report.state != "removing");
    let status = match standing {
        Some(report) => &*report.state,
        None if is_built_in => "built-in",
        None => "inactive",
    };
    let mut out = br#"{"resourceType":"Parameters","parameter":[{"name":"url","valueUri":"#.to_vec();
    write_string(&mut out, &url);
    out.extend_from_slice(format!(r#"}},{{"name":"status","valueCode":"{status}"}}"#).as_bytes());
    if let Some(report) = standing.filter(|report| &*report.state == "indexing") {
        out.extend_from_slice(format!(r#",{{"name":"percent","valueInteger":{}}}"#, report.percent).as_bytes());
    }
    out.extend_from_slice(b"]}");
    Ok(Answer::document(out.into(), vec![Touched::of(&version)]))
}
