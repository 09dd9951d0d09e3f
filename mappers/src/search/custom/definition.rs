//! A SearchParameter resource read and checked: <https://hl7.org/fhir/R4/searchparameter.html>.

mod kept;

use super::fit::{EXTENSION, fits, wanted};
use crate::fhirpath::{Expression, Types};
use crate::json::Element;
use crate::search::parameters::{self, COMMON, ParameterKind, resource_type, resource_types};

/// Where HL7 publishes the definitions of the parameters that are built in.
const OFFICIAL: [&str; 2] = ["http://hl7.org/fhir/SearchParameter/", "http://hl7.org/fhir/us/core/SearchParameter/"];
/// Types that are no `DomainResource`.
const BARE_TYPES: [&str; 3] = ["Binary", "Bundle", "Parameters"];
/// The longest expression, in bytes.
const LONGEST: usize = 4096;
/// The longest name.
const LONGEST_CODE: usize = 64;
/// The most parts of a composite.
const MOST_PARTS: usize = 6;

/// What a parameter is, once it was checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Definition {
    /// Its canonical address.
    pub url: Box<str>,
    /// Its name in queries.
    pub code: Box<str>,
    /// The types it is for, as given; also `Resource` and `DomainResource`.
    pub base: Vec<Box<str>>,
    /// How values compare.
    pub param_kind: ParameterKind,
    /// `FHIRPath`: the values, or what holds the parts of a composite.
    pub expression: Box<str>,
    /// Types a reference may name; empty = any.
    pub targets: Vec<&'static str>,
    /// The parts of a composite.
    pub parts: Vec<Part>,
}

/// A part of a composite.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Part {
    /// How values compare.
    pub param_kind: ParameterKind,
    /// `FHIRPath`, from what the composite's expression gives.
    pub expression: Box<str>,
    /// Types a reference may name; empty = any.
    pub targets: Vec<&'static str>,
}

/// What is wrong with a definition, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// FHIR issue type.
    pub code: &'static str,
    /// FHIRPath of the element.
    pub expression: String,
    /// What is wrong, and what to do.
    pub details: String,
}

/// What becomes of a SearchParameter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is a parameter from now on.
    Active(Definition),
    /// It defines what is built in: it is stored, and changes nothing.
    BuiltIn,
    /// It is a draft, or retired: it is stored.
    Stored,
}

/// What a parameter by its address is, where somebody knows it: its kind, and the types it may refer to.
pub type Known<'k> = &'k dyn Fn(&str) -> Option<(ParameterKind, Vec<&'static str>)>;

/// Reads a SearchParameter whose structure was checked. `known` tells of other parameters of the organization's own, as
/// composites name them.
///
/// # Errors
/// All that keeps it from being a parameter here.
pub fn read(resource: Element<'_>, known: Known<'_>) -> Result<Verdict, Vec<Problem>> {
    let text = |name: &str| resource.member(name).and_then(|member| member.string()).unwrap_or_default();
    if text("status") != "active" {
        return Ok(Verdict::Stored);
    }
    let (url, code) = (text("url"), text("code"));
    let base = texts(resource, "base");
    if is_official(&url, &code, &base) {
        return Ok(Verdict::BuiltIn);
    }
    let mut problems = Problems::default();
    check_code(&code, &mut problems);
    let kinds = expanded(&base);
    for (number, name) in base.iter().enumerate().filter(|(_, name)| expanded(std::slice::from_ref(*name)).is_empty()) {
        let told = format!("{name} is no resource type of R4; name types such as Patient or Observation");
        problems.add("value", &format!("base[{number}]"), told);
    }
    if let Some(kind) = kinds.iter().find(|kind| parameters::definition(kind, &code).is_some()) {
        let told = format!(
            "{kind} has a parameter {code} already, which is built in; choose another code, or leave {kind} out of base"
        );
        problems.add("duplicate", "code", told);
    }
    let param_kind = kind_of(&text("type"));
    if param_kind == ParameterKind::Special {
        let told = "special parameters have a grammar of their own, which no expression tells; choose another type";
        problems.add("not-supported", "type", told.to_owned());
        return Err(problems.found);
    }
    let targets = targets(resource, &mut problems);
    let expression = text("expression");
    let composite = param_kind == ParameterKind::Composite;
    let parts = if composite { parts(resource, &base, known, &mut problems) } else { Vec::new() };
    if let Some(read) = problems.expression("expression", &expression) {
        for name in &base {
            let given = given(&read, name);
            if composite {
                check_root(name, &given, &mut problems);
                check_parts(name, &given, &parts, &mut problems);
            } else {
                check_types(name, "expression", param_kind, &given, &mut problems);
            }
        }
    }
    if !problems.found.is_empty() {
        return Err(problems.found);
    }
    let base = base.into_iter().map(Into::into).collect();
    let (url, code, expression) = (url.as_ref().into(), code.as_ref().into(), expression.as_ref().into());
    Ok(Verdict::Active(Definition { url, code, base, param_kind, expression, targets, parts }))
}

impl Definition {
    /// The resource types it is for, each once, sorted.
    #[must_use]
    pub fn kinds(&self) -> Vec<&'static str> {
        expanded(&self.base)
    }

    /// Whether it is for a resource type.
    #[must_use]
    pub fn is_of(&self, kind: &str) -> bool {
        self.base.iter().any(|base| match &**base {
            COMMON => true,
            "DomainResource" => !BARE_TYPES.contains(&kind),
            base => base == kind,
        })
    }

    /// How many places it takes: two for itself, and two for each part.
    #[must_use]
    pub fn span(&self) -> i32 {
        2 + 2 * i32::try_from(self.parts.len()).unwrap_or_default()
    }

    /// Whether resources give the same index rows for both.
    #[must_use]
    pub fn indexes_as(&self, other: &Self) -> bool {
        let parts = |definition: &Self| -> Vec<(ParameterKind, Box<str>)> {
            definition.parts.iter().map(|part| (part.param_kind, part.expression.clone())).collect()
        };
        self.kinds() == other.kinds()
            && self.param_kind == other.param_kind
            && self.expression == other.expression
            && parts(self) == parts(other)
    }
}

/// Whether a definition is one of HL7's, of a parameter that is built in for all its types.
fn is_official(url: &str, code: &str, base: &[String]) -> bool {
    let of_hl7 = OFFICIAL.iter().any(|prefix| url.starts_with(prefix));
    of_hl7 && !base.is_empty() && base.iter().all(|kind| parameters::definition(kind, code).is_some())
}

fn check_code(code: &str, problems: &mut Problems) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if code.starts_with('_') {
        let told = "names that begin with _ are the standard's own; choose another code";
        problems.add("value", "code", told.to_owned());
    } else if code.is_empty() || code.len() > LONGEST_CODE || !code.bytes().all(plain) {
        let told =
            format!("the code cannot be a name in an address; use at most {LONGEST_CODE} letters, digits, - and _");
        problems.add("value", "code", told);
    }
}

fn targets(resource: Element<'_>, problems: &mut Problems) -> Vec<&'static str> {
    let mut targets = Vec::new();
    for (number, name) in texts(resource, "target").iter().enumerate() {
        match resource_type(name) {
            Some(kind) => targets.push(kind),
            // Any resource.
            None if name == COMMON || name == "DomainResource" => return Vec::new(),
            None => problems.add("value", &format!("target[{number}]"), format!("{name} is no resource type of R4")),
        }
    }
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// The parts of a composite.
fn parts(resource: Element<'_>, base: &[String], known: Known<'_>, problems: &mut Problems) -> Vec<Part> {
    let listed: Vec<Element<'_>> = resource.member("component").into_iter().flat_map(|list| list.children()).collect();
    if !(2..=MOST_PARTS).contains(&listed.len()) {
        let told = format!("a composite has from two to {MOST_PARTS} components; name them");
        problems.add("required", "component", told);
        return Vec::new();
    }
    let mut parts = Vec::new();
    for (number, component) in listed.into_iter().enumerate() {
        let text = |name: &str| component.member(name).and_then(|member| member.string()).unwrap_or_default();
        let (definition, expression) = (text("definition"), text("expression"));
        let address = definition.split('|').next().unwrap_or_default();
        let found = known(address).or_else(|| built_in(address, base));
        let is_plain =
            |(kind, _): &(ParameterKind, _)| !matches!(kind, ParameterKind::Composite | ParameterKind::Special);
        problems.expression(&format!("component[{number}].expression"), &expression);
        match found.filter(is_plain) {
            Some((param_kind, targets)) => {
                parts.push(Part { param_kind, expression: expression.as_ref().into(), targets });
            }
            None => problems.add(
                "not-found",
                &format!("component[{number}].definition"),
                "the component's parameter is neither built in nor one of your active ones of a simple type; name one that is"
                    .to_owned(),
            ),
        }
    }
    parts
}

/// A built-in parameter by the address of its definition, which ends in a type (or a family of types) and its name:
/// `Observation-code`, `clinical-code`.
fn built_in(address: &str, base: &[String]) -> Option<(ParameterKind, Vec<&'static str>)> {
    let name = OFFICIAL.iter().find_map(|prefix| address.strip_prefix(prefix))?;
    let (owner, code) = name.split_once('-')?;
    let of = |kind: &str| parameters::definition(kind, code).filter(|found| found.is_supported());
    let found = of(owner).or_else(|| base.iter().find_map(|kind| of(kind)))?;
    Some((found.param_kind, found.targets.to_vec()))
}

fn check_root(base: &str, given: &Types, problems: &mut Problems) {
    if given.as_ref().is_some_and(|types| types.is_empty()) {
        problems.nothing(base, "expression");
    }
}

fn check_parts(base: &str, root: &Types, parts: &[Part], problems: &mut Problems) {
    for (number, part) in parts.iter().enumerate() {
        if let Ok(read) = Expression::parse(&part.expression) {
            let place = format!("component[{number}].expression");
            check_types(base, &place, part.param_kind, &read.types_on_any(root), problems);
        }
    }
}

fn check_types(base: &str, place: &str, kind: ParameterKind, given: &Types, problems: &mut Problems) {
    let Some(types) = given else { return };
    if types.is_empty() {
        problems.nothing(base, place);
    } else if !types.iter().any(|of| fits(kind, of) || *of == EXTENSION) {
        let given: Vec<&str> = types.iter().copied().collect();
        let told = format!(
            "the expression gives {} for {base}, which a parameter of type {} does not take; point it at {}, or change the type",
            given.join(", "),
            kind.word(),
            wanted(kind)
        );
        problems.add("value", place, told);
    }
}

/// The types an expression gives for a base type; for an abstract one those of all that are derived from it.
fn given(expression: &Expression, base: &str) -> Types {
    let mut all = std::collections::BTreeSet::new();
    for kind in expanded(std::slice::from_ref(&base)) {
        all.extend(expression.types_on(kind)?);
    }
    Some(all)
}

/// The resource types that are meant, each once, sorted.
fn expanded<S: AsRef<str>>(base: &[S]) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    for base in base {
        match base.as_ref() {
            COMMON => kinds.extend(resource_types()),
            "DomainResource" => kinds.extend(resource_types().iter().filter(|kind| !BARE_TYPES.contains(kind))),
            base => kinds.extend(resource_type(base)),
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn kind_of(word: &str) -> ParameterKind {
    match word {
        "composite" => ParameterKind::Composite,
        "date" => ParameterKind::Date,
        "number" => ParameterKind::Number,
        "quantity" => ParameterKind::Quantity,
        "reference" => ParameterKind::Reference,
        "string" => ParameterKind::String,
        "token" => ParameterKind::Token,
        "uri" => ParameterKind::Uri,
        _ => ParameterKind::Special,
    }
}

fn texts(resource: Element<'_>, name: &str) -> Vec<String> {
    let list = resource.member(name).into_iter().flat_map(|list| list.children());
    list.filter_map(|text| text.string()).map(std::borrow::Cow::into_owned).collect()
}

#[derive(Default)]
struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    fn add(&mut self, code: &'static str, place: &str, details: String) {
        const MOST: usize = 20;
        if self.found.len() < MOST {
            let mut details = details;
            if let Some(first) = details.get(..1) {
                details = format!("{}{}.", first.to_uppercase(), &details[1..]);
            }
            self.found.push(Problem { code, expression: format!("SearchParameter.{place}"), details });
        }
    }

    fn nothing(&mut self, base: &str, place: &str) {
        let told = format!(
            "the expression names nothing that {base} has, so no {base} would ever be found; correct the path, or leave \
             {base} out of base"
        );
        self.add("value", place, told);
    }

    /// Reads an expression; nothing where it cannot be used.
    fn expression(&mut self, place: &str, text: &str) -> Option<Expression> {
        if text.trim().is_empty() {
            self.add("required", place, "an active parameter needs an expression in FHIRPath; add one".to_owned());
            return None;
        }
        if text.len() > LONGEST {
            self.add("too-long", place, format!("the expression is longer than {LONGEST} bytes; make it shorter"));
            return None;
        }
        match Expression::parse(text) {
            Err(error) => {
                self.add("invalid", place, format!("the expression is no FHIRPath: {error}"));
                None
            }
            Ok(read) => match read.objection() {
                Some(objection) => {
                    self.add("not-supported", place, format!("the expression cannot be used: {objection}"));
                    None
                }
                None => Some(read),
            },
        }
    }
}
