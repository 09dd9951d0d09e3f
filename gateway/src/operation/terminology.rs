//! The operations of terminology (<https://hl7.org/fhir/R4/terminology-service.html>), GET and POST: `CodeSystem/$lookup`,
//! `$validate-code`, `$subsumes`; `ValueSet/$expand`, `$validate-code`, `$batch-validate-code`; `ConceptMap/$translate`.
//!
//! The crate `terminology` does the work and names what it lacks, which is looked up as the caller may see it. Resources that are sent along
//! (`tx-resource`, as terminology services take it) count before those that are stored, in this request alone.

use ::terminology::issue::Fault;
use ::terminology::library::Library;
use ::terminology::options::Given;
use ::terminology::{expand, lookup, subsumes, translate, validate};
use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::clock::Clock;
use crate::http::query;
use crate::interaction::library::{ask, read};
use crate::interaction::{Answer, Exchange, Request, Touched};
use crate::operation::{Operation, chart, parameters};
use crate::outcome::{Code, Failure, Issue};

/// The longest parameters, in bytes: read, they are many times as large.
const LARGEST: usize = 16 << 20;

pub(super) async fn terminology(
    operation: Operation,
    exchange: &Exchange<'_>,
    request: &Request,
) -> Result<Answer, Failure> {
    let mut sent = sent(request)?;
    let mut touched = Vec::new();
    if request.id.is_some() {
        let (kind, id) = request.instance()?;
        let version = chart::instance(exchange, kind, id).await?;
        subject(kind, &read(&version.body)?, &mut sent);
        touched.push(Touched::of(&version));
    }
    let is_batch = operation == Operation::BatchValidateCode;
    // Of what is sent along there may be much.
    let brought = spawn_blocking(move || {
        let batch = is_batch.then(|| sent.clone());
        let (mut library, given) = (Library::default(), Given::taken(sent));
        given.all("tx-resource").for_each(|resource| library.add(resource));
        (library, given, batch)
    });
    let (library, given, batch) = brought.await.map_err(|_| Failure::internal())?;
    let gateway = &exchange.endpoint.gateway;
    let work = Work {
        operation,
        is_of_system: request.kind == Some("CodeSystem"),
        given,
        batch,
        languages: request.languages.clone(),
        identifier: format!("urn:uuid:{}", gateway.ids.next()),
        timestamp: Clock::format(gateway.clock.now_ms()),
    };
    let (answer, read) = ask(exchange, library, move |library| work.answer(library)).await?;
    touched.extend(read);
    Ok(Answer::document(Bytes::from(answer.map_err(failure)?.to_string()), touched))
}

/// What is to be done, as often as something is lacking.
struct Work {
    operation: Operation,
    is_of_system: bool,
    given: Given,
    /// The parameters as they came, where each of many has some of its own.
    batch: Option<Value>,
    languages: Option<Box<str>>,
    identifier: String,
    timestamp: String,
}

impl Work {
    fn answer(&self, library: &Library) -> Result<Value, Fault> {
        let (given, languages) = (&self.given, self.languages.as_deref());
        match self.operation {
            Operation::BatchValidateCode => {
                validate::batch(library, self.batch.as_ref().unwrap_or(&Value::Null), languages)
            }
            Operation::Expand => expand::expand(library, given, languages, &self.identifier, &self.timestamp),
            Operation::Lookup => lookup::lookup(library, given, languages),
            Operation::Subsumes => {
                let outcome = subsumes::subsumes(library, given)?;
                Ok(json!({ "resourceType": "Parameters", "parameter": [{ "name": "outcome", "valueCode": outcome }] }))
            }
            Operation::Translate => translate::translate(library, given),
            _ if self.is_of_system => validate::in_code_system(library, given, languages),
            _ => validate::in_value_set(library, given, languages),
        }
    }
}

/// The parameters: those of the address, and those of the body.
fn sent(request: &Request) -> Result<Value, Failure> {
    if request.body.len() > LARGEST {
        let details =
            "The parameters of an operation of terminology have at most 16 MiB. Store what it is about, and name it.";
        return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, Code::TooLong, details));
    }
    let mut sent = if request.body.is_empty() {
        json!({ "resourceType": "Parameters" })
    } else {
        // The one reader of JSON says what is none; what it takes this one does, too.
        parameters(&request.body)?;
        read(&request.body)?
    };
    let of_address = query::pairs(&request.query).filter(|(name, _)| !name.starts_with('_'));
    let mut all: Vec<Value> = of_address.map(|(name, value)| json!({ "name": name, "valueString": value })).collect();
    if let Some(Value::Array(known)) = sent.get_mut("parameter").map(Value::take) {
        all.extend(known);
    }
    sent["parameter"] = json!(all);
    Ok(sent)
}

/// Puts the resource that is asked in place of what would name it.
fn subject(kind: &str, resource: &Value, sent: &mut Value) {
    let mut own = match kind {
        "ValueSet" => vec![json!({ "name": "valueSet", "resource": resource })],
        "ConceptMap" => vec![json!({ "name": "conceptMap", "resource": resource })],
        _ => ["url", "version"]
            .into_iter()
            .filter_map(|name| Some(json!({ "name": name, "valueString": resource[name].as_str()? })))
            .chain([json!({ "name": "tx-resource", "resource": resource })])
            .collect(),
    };
    if let Some(Value::Array(known)) = sent.get_mut("parameter").map(Value::take) {
        own.extend(known);
    }
    sent["parameter"] = json!(own);
}

fn failure(fault: Fault) -> Failure {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    let issue = Issue {
        kind: Some(fault.issue.kind).filter(|kind| !kind.is_empty()),
        expression: fault.issue.at.into_iter().collect(),
        ..Issue::error(Code::parse(fault.issue.code).unwrap_or(Code::Processing), fault.issue.text)
    };
    Failure { issues: vec![issue], ..Failure::new(status, Code::Processing, "") }
}
