//! Patches (<https://hl7.org/fhir/R4/http.html#patch>): JSON Patch (RFC 6902, <https://www.rfc-editor.org/rfc/rfc6902>)
//! and FHIRPath Patch (<https://hl7.org/fhir/R4/fhirpatch.html>).
//!
//! A patch works on the text: each operation finds a place on the tape and splices there, so numbers, the order of members
//! and every byte elsewhere stay as they were written. Whether the result is a resource is for the structure check to say,
//! as it is for an update.

mod fhirpath;
mod json;
mod list;
mod part;
mod pointer;
mod same;

use std::borrow::Cow;
use std::cell::Cell;

use crate::json::{Document, Element, JsonError, Kind, minify_value};

/// Bytes that the operations of one patch may read and write together: each of them goes over the whole resource.
const WORK: usize = 256 * 1024 * 1024;

/// Bytes that a resource may grow by beyond what the patch itself brings.
const GROWTH: usize = 16 * 1024 * 1024;

/// Operations in one patch.
const OPERATIONS: usize = 10_000;

/// Why a patch was not applied. Texts never quote a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PatchError {
    /// What kind of thing it is.
    pub fault: Fault,
    /// Where: in the resource (`Patient.name[1]`), or in the patch (`Parameters.parameter[0]`, or `[0].path` for the first
    /// operation of a JSON Patch).
    pub expression: String,
    /// What is wrong, and what to do.
    pub details: Cow<'static, str>,
}

/// What kind of thing is wrong with a patch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// It is no patch.
    Malformed,
    /// It names a place that is not there, or cannot take what is meant for it.
    Target,
    /// A `test` of it does not hold.
    Test,
    /// It is more work than one request may ask for.
    TooMuch,
}

/// The resource (minified) after all operations of the patch: a JSON Patch where it is an array, else a `Parameters` of
/// FHIRPath Patch, whose structure was checked.
///
/// # Errors
/// [`PatchError`]: nothing of the patch counts then.
pub fn apply(resource: &[u8], patch: &Document<'_>) -> Result<Vec<u8>, PatchError> {
    let root = patch.root();
    let document = Document::parse(resource).map_err(|error| broken(&error))?;
    let mut target = Target {
        kind: kind(document.root()),
        text: document.text().to_owned(),
        longest: resource.len() + patch.text().len() + GROWTH,
        work: WORK,
        steps: Cell::new(crate::fhirpath::WORK),
    };
    match root.kind() {
        Kind::Array => json::apply(root, &mut target)?,
        _ => fhirpath::apply(root, &mut target)?,
    }
    let document = target.document()?;
    // What a removal has emptied is no value in FHIR JSON. An empty value that the patch brought stays for the check.
    if hollow(root) { Ok(minify_value(&document.root())) } else { Ok(full(document.root())) }
}

/// The resource while it is patched.
struct Target {
    /// Its type, for expressions.
    kind: String,
    text: String,
    /// How long the text may become.
    longest: usize,
    /// Bytes that may still be gone over.
    work: usize,
    /// What the paths of a FHIRPath Patch may still spend.
    steps: Cell<u64>,
}

impl Target {
    /// The tape of the resource as it is now.
    fn document(&mut self) -> Result<Document<'_>, PatchError> {
        if self.text.len() > self.longest {
            return Err(too_much());
        }
        self.work = self.work.checked_sub(self.text.len()).ok_or_else(too_much)?;
        Document::parse(self.text.as_bytes()).map_err(|error| PatchError {
            fault: Fault::Target,
            expression: error.expression_in(&self.kind),
            details: format!("After this operation the resource could not be kept: {}", error.message).into(),
        })
    }
}

fn kind(resource: Element<'_>) -> String {
    let kind = resource.member("resourceType").and_then(|kind| kind.string());
    kind.map_or_else(|| "Resource".to_owned(), Cow::into_owned)
}

fn broken(error: &JsonError) -> PatchError {
    PatchError { fault: Fault::Target, expression: error.expression.clone(), details: error.message.into() }
}

fn too_much() -> PatchError {
    PatchError {
        fault: Fault::TooMuch,
        expression: String::new(),
        details: "The patch is too much work for one request. Send it in several, or update the resource.".into(),
    }
}

fn malformed(expression: impl Into<String>, details: impl Into<Cow<'static, str>>) -> PatchError {
    PatchError { fault: Fault::Malformed, expression: expression.into(), details: details.into() }
}

fn no_target(expression: impl Into<String>, details: impl Into<Cow<'static, str>>) -> PatchError {
    PatchError { fault: Fault::Target, expression: expression.into(), details: details.into() }
}

/// Whether an object or array without content is anywhere in it.
fn hollow(value: Element<'_>) -> bool {
    let container = matches!(value.kind(), Kind::Array | Kind::Object);
    container && value.index() != 0 && value.is_empty() || value.children().any(hollow)
}

/// The value minified, without the objects and arrays that hold nothing.
fn full(value: Element<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.raw().len());
    if !write_full(value, &mut out) {
        out.extend_from_slice(value.raw().as_bytes());
    }
    out
}

/// Writes what has content; says whether there was any.
fn write_full(value: Element<'_>, out: &mut Vec<u8>) -> bool {
    let (open, close) = match value.kind() {
        Kind::Array => (b'[', b']'),
        Kind::Object => (b'{', b'}'),
        _ => {
            out.extend_from_slice(value.raw().as_bytes());
            return true;
        }
    };
    let start = out.len();
    out.push(open);
    let mut any = false;
    for child in value.children() {
        let before = out.len();
        if any {
            out.push(b',');
        }
        if let Some(key) = child.raw_key() {
            out.push(b'"');
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
        }
        // As deep as the text, which the scanner has bounded.
        if write_full(child, out) { any = true } else { out.truncate(before) }
    }
    if any {
        out.push(close)
    } else {
        out.truncate(start)
    }
    any
}
