//! The cases as `test-cases.json` lists them, each with the request that the official runner makes of it.

use super::versions;
use gateway_tests::Json;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What this server is tested in; `flat` is of servers whose expansions have no hierarchy.
pub(crate) const MODES: &[&str] = &["general"];

/// What a case says of itself: another member would change what is asked.
const KNOWN: &[&str] = &[
    "Accept-Language",
    "description",
    "http-code",
    "mode",
    "name",
    "operation",
    "profile",
    "request",
    "response",
    "response2",
];

/// FHIR's own definitions that cases of the suite take for known: of this server they are sent along.
const CORE: &[(&str, &[&str])] = &[
    ("code-systems", &["http://hl7.org/fhir/administrative-gender", "http://hl7.org/fhir/publication-status"]),
    ("value-sets", &["http://hl7.org/fhir/ValueSet/administrative-gender"]),
];

/// A case.
pub(crate) struct Case {
    /// `suite/name`.
    pub(crate) name: String,
    /// Below the base.
    pub(crate) path: &'static str,
    /// What is posted; `None` is a GET.
    pub(crate) request: Option<Json>,
    /// `Accept-Language`.
    pub(crate) language: Option<String>,
    /// The answers, any of which is right.
    pub(crate) expected: Vec<Expected>,
    /// Whether the answer may say more than what is expected.
    pub(crate) is_pattern: bool,
}

/// An answer that is right.
pub(crate) struct Expected {
    pub(crate) status: Status,
    /// A template: it has control words.
    pub(crate) body: Json,
}

/// `2xx`, `4xx` or a code.
pub(crate) struct Status(String);

impl Status {
    pub(crate) fn admits(&self, status: u16) -> bool {
        let status = status.to_string();
        status.len() == self.0.len()
            && self.0.chars().zip(status.chars()).all(|(wanted, got)| wanted == 'x' || wanted == got)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The cases of our modes.
pub(crate) fn load(folder: &Path) -> Vec<Case> {
    let suites = read(&folder.join("test-cases.json"));
    let core = core(folder);
    let mut cases = Vec::new();
    for suite in suites.items("suites").iter().filter(|suite| is_ours(suite)) {
        let mut setup: Vec<Json> =
            suite.items("setup").iter().map(|file| read(&folder.join(file.as_str().unwrap()))).collect();
        // The one suite that asks about FHIR's own value sets.
        if suite.str("name") == Some("exclude") {
            setup.extend(core.iter().cloned());
        }
        cases.extend(
            suite.items("tests").iter().filter(|test| is_ours(test)).map(|test| case(folder, suite, &setup, test)),
        );
    }
    assert!(cases.len() > 200, "{} cases: the suite is not whole", cases.len());
    cases
}

/// The definitions of [`CORE`], from the shared data beside the suite.
fn core(folder: &Path) -> Vec<Json> {
    let mut found = Vec::new();
    for (kind, urls) in CORE {
        let path = folder.join(format!("../../00-definitions/r4-core-4.0.1/{kind}.ndjson.gz"));
        let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
        let all = text.lines().filter(|line| urls.iter().any(|url| line.contains(url)));
        let all = all.map(Json::of).filter(|one| urls.contains(&one.str("url").unwrap_or_default()));
        found.extend(all);
    }
    assert_eq!(
        found.len(),
        CORE.iter().map(|(_, urls)| urls.len()).sum::<usize>(),
        "FHIR's own definitions are not whole"
    );
    found
}

fn is_ours(item: &Json) -> bool {
    item.str("mode").is_none_or(|mode| MODES.contains(&mode))
}

fn case(folder: &Path, suite: &Json, setup: &[Json], test: &Json) -> Case {
    let name = format!("{}/{}", suite.str("name").unwrap(), test.str("name").unwrap());
    for (member, _) in test.members() {
        let role = member.split(':').next().unwrap_or(member);
        assert!(KNOWN.contains(&role), "{name}: what is {member}?");
    }
    // The official runner asks for 2xx where nothing is said.
    let status = test.str("http-code").unwrap_or("2xx");
    let mut expected =
        vec![Expected { status: Status(status.to_owned()), body: read(&folder.join(file(test, "response").unwrap())) }];
    if let Some(other) = test.str("response2") {
        let body = read(&folder.join(other));
        let status = if body.str("resourceType") == Some("OperationOutcome") { "4xx" } else { status };
        expected.push(Expected { status: Status(status.to_owned()), body });
    }
    let profile = read(&folder.join(test.str("profile").unwrap_or("parameters-default.json")));
    Case {
        path: path(test.str("operation").unwrap(), &name),
        request: file(test, "request").map(|file| request(read(&folder.join(file)), setup, &profile)),
        language: test.str("Accept-Language").map(str::to_owned),
        expected,
        is_pattern: test.str("operation") == Some("term-caps"),
        name,
    }
}

/// A case's file, in the mode's own form where there is one.
fn file<'a>(test: &'a Json, role: &str) -> Option<&'a str> {
    MODES.iter().find_map(|mode| test.str(&format!("{role}:{mode}"))).or_else(|| test.str(role))
}

fn path(operation: &str, name: &str) -> &'static str {
    match operation {
        "batch-validate" => "/ValueSet/$batch-validate-code",
        "cs-validate-code" => "/CodeSystem/$validate-code",
        "expand" => "/ValueSet/$expand",
        "lookup" => "/CodeSystem/$lookup",
        "term-caps" => "/metadata?mode=terminology",
        "translate" => "/ConceptMap/$translate",
        "validate-code" => "/ValueSet/$validate-code",
        other => panic!("{name}: no such operation: {other}"),
    }
}

/// The parameters of a case, then the suite's resources, then what the profile says and the case does not.
fn request(request: Json, setup: &[Json], profile: &Json) -> Json {
    let mut parameters = request.items("parameter").to_vec();
    let is_said = |name: Option<&str>| request.items("parameter").iter().any(|parameter| parameter.str("name") == name);
    let resource = |resource: &Json| Json::of(r#"{"name":"tx-resource"}"#).with("resource", resource.clone());
    parameters.extend(setup.iter().map(resource));
    parameters.extend(profile.items("parameter").iter().filter(|parameter| !is_said(parameter.str("name"))).cloned());
    versions::request_in_r4(request.with("parameter", Json::Array(parameters)))
}

/// A file of the suite; some begin with a mark of byte order.
pub(crate) fn read(path: &Path) -> Json {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text);
    Json::parse(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
