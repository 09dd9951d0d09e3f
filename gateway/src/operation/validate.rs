//! `POST [base]/[type]/$validate`, `GET|POST [base]/[type]/[id]/$validate`
//! (<https://hl7.org/fhir/R4/resource-operation-validate.html>): what is wrong with a resource, as an OperationOutcome.
//!
//! In: `resource` (or the body itself; of an instance the stored one), `profile`, and `mode`: `create`, `update`, `delete` and
//! `profile`. Out: 200 with issues, also where the resource is no JSON; an error where nothing could be validated.
//! [`mappers::validate`] does the work and names the definitions it lacks; they are looked up as the caller may see them.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::StatusCode;
use mappers::json::{Document, Element, JsonError};
use mappers::validate::{self, Library, Options, Report, Wanted};

use crate::clock::Clock;
use crate::http::query;
use crate::interaction::canonical::canonicals;
use crate::interaction::codes;
use crate::interaction::notice::Notice;
use crate::interaction::{Answer, Exchange, Payload, Request, Touched, trail};
use crate::operation::{chart, named};
use crate::outcome::{self, Code, Failure, Issue, Severity};

/// How often a validation that lacks definitions is done again: a profile names others, and these theirs.
const ROUNDS: usize = 8;
/// Definitions that one validation may look up.
const LOOKED_UP: usize = 300;

/// What is to be validated.
struct Subject {
    body: Bytes,
    /// What was read from the store for it.
    touched: Vec<Touched>,
}

pub(super) async fn validate(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let kind = request.kind.ok_or_else(Failure::internal)?;
    let mode = Mode::of(request)?;
    let profiles = profiles(request)?;
    if mode == Some(Mode::Delete) {
        let (kind, id) = request.instance().map_err(|_| refused("mode=delete is for one resource: name its id."))?;
        trail::refuse_change(request)?;
        let stored = chart::instance(exchange, kind, id).await?;
        return Ok(answer(vec![information("The resource may be deleted.")], vec![Touched::of(&stored)]));
    }
    let subject = subject(exchange, request, mode).await?;
    let mut library = Library::with_units(terminology::units::is_code);
    let nominated: Vec<Wanted> =
        profiles.iter().map(|url| Wanted { kind: "StructureDefinition", url: url.clone() }).collect();
    look_up(exchange, &mut library, nominated.iter()).await?;
    if let Some(unknown) = profiles.iter().find(|profile| !library.has_structure(profile)) {
        let details = format!("The profile {} is not known here. Store its StructureDefinition first.", shown(unknown));
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, Code::NotFound, details));
    }
    let expected =
        Expected { kind, mode, id: request.id.clone(), now: Clock::format(exchange.endpoint.gateway.clock.now_ms()) };
    let mut round = Round { body: subject.body, profiles, expected, library };
    let (mut looked_up, mut spent) = (0, 0);
    for left in (0..ROUNDS).rev() {
        let (back, outcome) =
            tokio::task::spawn_blocking(move || round.judge(spent)).await.map_err(|_| Failure::internal())?;
        round = back;
        let wanted = &outcome.report.wanted;
        let lacking: Vec<Wanted> = wanted.iter().filter(|wish| !round.library.holds(wish)).cloned().collect();
        looked_up += lacking.len();
        spent += outcome.report.spent;
        if lacking.is_empty() || left == 0 || looked_up > LOOKED_UP {
            let mut issues = outcome.issues();
            if !lacking.is_empty() {
                issues.push(Issue::new(
                    Severity::Information,
                    Code::TooCostly,
                    "Profiles name more definitions than one validation looks up, so not everything was checked.",
                ));
            }
            return Ok(answer(issues, subject.touched));
        }
        look_up(exchange, &mut round.library, lacking.iter()).await?;
    }
    Err(Failure::internal())
}

/// Puts into the library what the terminology and the store have of these definitions.
async fn look_up(
    exchange: &Exchange<'_>,
    library: &mut Library,
    wishes: impl Iterator<Item = &Wanted> + Clone,
) -> Result<(), Failure> {
    for kind in ["StructureDefinition", "ValueSet", "CodeSystem", "Questionnaire"] {
        let of_kind: Vec<&Wanted> = wishes.clone().filter(|wish| wish.kind == kind).collect();
        let mut urls: Vec<&str> = of_kind.iter().map(|wish| &*wish.url).collect();
        if kind == "ValueSet" {
            // A rule that is stored says more than its lists: which codes of which system pass.
            let told = codes::of_value_sets(exchange, &urls).await?;
            urls.clear();
            for (wish, codes) in of_kind.iter().zip(told) {
                match codes {
                    Some(codes) => library.add_codes(wish, &codes),
                    None => urls.push(&wish.url),
                }
            }
        }
        for (url, found) in canonicals(exchange, kind, &urls).await? {
            let wish = Wanted { kind, url: url.into() };
            let document = found.as_ref().and_then(|version| Document::parse(&version.body).ok());
            library.add(&wish, document.as_ref().map(Document::root));
        }
    }
    Ok(())
}

/// What a validation is for: <https://hl7.org/fhir/R4/valueset-resource-validation-mode.html>.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    Create,
    Delete,
    Profile,
    Update,
}

impl Mode {
    fn of(request: &Request) -> Result<Option<Self>, Failure> {
        let text = match query::value(&request.query, "mode") {
            Some(text) => Some(text),
            None => in_body(request, |root| value(root, "mode")).flatten().map(Cow::Owned),
        };
        match text.as_deref() {
            None => Ok(None),
            Some("create") => Ok(Some(Self::Create)),
            Some("delete") => Ok(Some(Self::Delete)),
            Some("profile") => Ok(Some(Self::Profile)),
            Some("update") => Ok(Some(Self::Update)),
            Some(_) => Err(Failure::bad_request(Code::Value, "mode is one of create, update, delete and profile.")),
        }
    }
}

/// The profiles that the request names.
fn profiles(request: &Request) -> Result<Vec<Box<str>>, Failure> {
    let mut found: Vec<Box<str>> = query::pairs(&request.query)
        .filter(|(name, _)| name == "profile")
        .map(|(_, value)| Box::from(&*value))
        .collect();
    found.extend(in_body(request, |root| value(root, "profile")).flatten().map(Box::from));
    if found.iter().any(|url| url.is_empty() || url.len() > 1000) {
        return Err(Failure::bad_request(Code::Value, "profile is the canonical address of a StructureDefinition."));
    }
    Ok(found)
}

/// Looks into a body that is the Parameters of the operation, and not the resource itself.
fn in_body<T>(request: &Request, look: impl FnOnce(Element<'_>) -> T) -> Option<T> {
    let document = Document::parse(&request.body).ok()?;
    let root = document.root();
    let is_parameters = root.member("resourceType").and_then(|kind| kind.string()).as_deref() == Some("Parameters");
    // A Parameters resource may itself be what is to be validated.
    let is_ours = is_parameters && (request.kind != Some("Parameters") || named(root, "resource").is_some());
    is_ours.then(|| look(root))
}

fn value(root: Element<'_>, name: &str) -> Option<String> {
    let value =
        named(root, name)?.children().find(|member| member.key().is_some_and(|key| key.starts_with("value")))?;
    value.string().map(|text| text.into_owned())
}

/// The resource: of the Parameters, the body itself, or the stored one.
async fn subject(exchange: &Exchange<'_>, request: &Request, mode: Option<Mode>) -> Result<Subject, Failure> {
    let sent = match in_body(request, |root| {
        named(root, "resource").and_then(|one| one.member("resource")).map(|one| one.raw().to_owned())
    }) {
        Some(inner) => inner.map(Bytes::from),
        None => Some(request.body.clone()).filter(|body| !body.is_empty()),
    };
    match (sent, request.id.as_deref()) {
        (Some(_), Some(_)) if mode == Some(Mode::Profile) => {
            Err(refused("mode=profile is for a stored resource: name its id and send none."))
        }
        (Some(body), _) => Ok(Subject { body, touched: Vec::new() }),
        (None, Some(_)) => {
            let (kind, id) = request.instance()?;
            let stored = chart::instance(exchange, kind, id).await?;
            Ok(Subject { body: stored.body.clone(), touched: vec![Touched::of(&stored)] })
        }
        (None, None) => Err(Failure::bad_request(
            Code::Required,
            "There is nothing to validate: send the resource, or Parameters with a parameter named resource.",
        )),
    }
}

/// What address and mode ask of the resource.
struct Expected {
    kind: &'static str,
    mode: Option<Mode>,
    id: Option<Box<str>>,
    now: String,
}

/// One validation, moved to a thread that may block and back.
struct Round {
    body: Bytes,
    profiles: Vec<Box<str>>,
    expected: Expected,
    library: Library,
}

/// What came of it.
#[derive(Default)]
struct Verdict {
    report: Report,
    /// What is wrong with the resource for this address and mode.
    beside: Vec<Issue>,
}

impl Round {
    fn judge(self, spent: u64) -> (Self, Verdict) {
        let verdict = match Document::parse(&self.body) {
            Ok(document) => {
                let options = Options {
                    profiles: &self.profiles,
                    now: Some(&self.expected.now),
                    work: Some(validate::WORK.saturating_sub(spent)),
                };
                let report = validate::validate(&document, &self.library, options);
                Verdict { report, beside: self.expected.beside(document.root()) }
            }
            Err(error) => Verdict { beside: vec![no_json(&error, self.expected.kind)], ..Verdict::default() },
        };
        (self, verdict)
    }
}

impl Expected {
    fn beside(&self, root: Element<'_>) -> Vec<Issue> {
        let mut found = Vec::new();
        let text = |name: &str| root.member(name).and_then(|text| text.string());
        let issue = |code: Code, details: &'static str, advice: &'static str, place: &str| Issue {
            diagnostics: Some(advice.into()),
            expression: vec![place.to_owned()],
            ..Issue::error(code, details)
        };
        if text("resourceType").is_some_and(|kind| kind != self.kind) {
            let details = "The resource is of another type than the address.";
            found.push(issue(Code::Structure, details, "Send it to the address of its own type.", self.kind));
        }
        let place = format!("{}.id", self.kind);
        match (text("id"), self.id.as_deref(), self.mode) {
            (None, _, Some(Mode::Update)) => {
                let details = "An update needs the id of the resource, and it is missing.";
                found.push(issue(Code::Required, details, "Add the id that is in the address.", &place));
            }
            (Some(own), Some(id), _) if own != id => {
                let details = "The id of the resource is another than that of the address.";
                found.push(issue(Code::Value, details, "Make the two agree.", &place));
            }
            _ => {}
        }
        found
    }
}

impl Verdict {
    fn issues(self) -> Vec<Issue> {
        let mut issues = self.beside;
        for found in self.report.issues {
            issues.push(Issue {
                severity: match found.severity {
                    validate::Severity::Error => Severity::Error,
                    validate::Severity::Warning => Severity::Warning,
                    validate::Severity::Information => Severity::Information,
                },
                code: Code::parse(found.code).unwrap_or(Code::Invalid),
                details: sentence(&found.details).into(),
                diagnostics: Some(found.advice.into()),
                expression: vec![found.expression],
                kind: None,
            });
        }
        issues
    }
}

/// 200 with these issues, or that there are none.
fn answer(mut issues: Vec<Issue>, touched: Vec<Touched>) -> Answer {
    if !issues.iter().any(|issue| matches!(issue.severity, Severity::Error | Severity::Fatal))
        && !issues.iter().any(is_good)
    {
        issues.push(information("The resource is valid as far as it was checked."));
    }
    let payload = Payload::Outcome(outcome::outcome(&issues));
    let notice = Notice::of(&touched);
    Answer { status: StatusCode::OK, stamp: None, location: None, payload, touched, notice }
}

fn is_good(issue: &Issue) -> bool {
    issue.code == Code::Informational
}

fn information(details: &'static str) -> Issue {
    Issue::new(Severity::Information, Code::Informational, details)
}

fn no_json(error: &JsonError, root: &str) -> Issue {
    Issue {
        diagnostics: Some(format!("line {}, column {}", error.line, error.column).into()),
        expression: vec![error.expression_in(root)],
        ..Issue::error(Code::Structure, error.message)
    }
}

fn refused(details: &'static str) -> Failure {
    Failure::bad_request(Code::Invalid, details)
}

/// With a capital at the beginning and a stop at the end.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let mut out: String = first.chain(letters).collect();
    if !out.ends_with('.') {
        out.push('.');
    }
    out
}

/// An address as it may stand in a message.
fn shown(url: &str) -> &str {
    if url.bytes().all(|byte| byte.is_ascii_graphic()) { url } else { "that was named" }
}
