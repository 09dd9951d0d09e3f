//! One search parameter with its modifiers and values, as a test
//! (<https://hl7.org/fhir/R4/search.html#modifiers>).

use super::date::date;
use super::scope::{Meant, Scope};
use super::split::{split_unescaped, unescape};
use super::value::{self, CodeRelation, StringMatch, UriMatch};
use super::{IndexKind, IndexTest, MAX_TYPES, MAX_VALUES, Test, Values, composite, join};
use crate::search::Custom;
use crate::search::parameters::ParameterKind;

/// Why a parameter is not taken.
#[derive(Debug)]
pub(super) struct Fault {
    /// FHIR issue type.
    pub(super) code: &'static str,
    /// What is wrong and what to do.
    pub(super) details: String,
    /// The parameter as a whole is not known: a lenient client may have it left out.
    pub(super) may_be_left_out: bool,
}

/// A parameter that is not known.
pub(super) fn refused(code: &'static str, details: impl Into<String>) -> Fault {
    Fault { code, details: format!("{}.", details.into()), may_be_left_out: true }
}

/// A value or modifier that is wrong: to leave it out would turn the condition into another one.
pub(super) fn wrong(code: &'static str, details: impl Into<String>) -> Fault {
    Fault { may_be_left_out: false, ..refused(code, details) }
}

/// Reads the conditions of a query, within bounds for all of them together.
pub(super) struct Conditions<'c> {
    /// The server's own base.
    pub(super) base: &'c str,
    /// The organization's own parameters.
    pub(super) custom: Option<&'c Custom>,
    types: usize,
}

impl<'c> Conditions<'c> {
    pub(super) fn new(base: &'c str, custom: Option<&'c Custom>) -> Self {
        Self { base, custom, types: 0 }
    }

    /// One more type that a chain goes through.
    pub(super) fn through_type(&mut self) -> Result<(), Fault> {
        self.types += 1;
        if self.types > MAX_TYPES {
            return Err(wrong(
                "too-long",
                "The chains go through too many types in all; name the type of each step, as in subject:Patient.name",
            ));
        }
        Ok(())
    }

    /// The test of a parameter; `None` where it asks for nothing.
    pub(super) fn read(&mut self, scope: Scope<'_>, full: &str, value: &str) -> Result<Option<Test>, Fault> {
        self.step(scope, full, value, 0)
    }

    /// The same at a depth of chains.
    pub(super) fn step(
        &mut self,
        scope: Scope<'_>,
        full: &str,
        value: &str,
        depth: usize,
    ) -> Result<Option<Test>, Fault> {
        if full.starts_with("_has:") {
            return join::has(self, scope, full, value, depth);
        }
        if full == "_list" {
            return join::list(self, scope, value, depth);
        }
        if let Some((head, rest)) = full.split_once('.') {
            return join::chain(self, scope, head, rest, value, depth);
        }
        if full == "_type" && depth > 0 {
            // Of a chain's step: the type is known.
            let is_listed = value.split(',').any(|kind| scope.kinds.contains(&kind));
            return Ok(Some(if is_listed { Test::All(Vec::new()) } else { Test::Any(Vec::new()) }));
        }
        let (name, modifier) = full.split_once(':').map_or((full, None), |(name, modifier)| (name, Some(modifier)));
        let meant = scope.meant(name)?;
        let values: Vec<_> = split_unescaped(value, ',').into_iter().filter(|value| !value.is_empty()).collect();
        if values.len() > MAX_VALUES {
            let details = format!("The parameter has more than {MAX_VALUES} alternatives; ask in parts");
            return Err(wrong("too-long", details));
        }
        if values.is_empty() {
            return Ok(None);
        }
        self.test(&meant, modifier, &values).map(Some)
    }

    fn test(&self, meant: &Meant<'_>, modifier: Option<&str>, values: &[&str]) -> Result<Test, Fault> {
        if modifier == Some("missing") && !matches!(meant.name(), "_id" | "_lastUpdated") {
            return missing(meant, values);
        }
        match meant.name() {
            "_id" => {
                let ids = Test::Id(values.iter().map(|value| unescape(value)).collect());
                return match modifier {
                    None => Ok(ids),
                    Some("not") => Ok(Test::Not(Box::new(ids))),
                    Some(other) => Err(no_modifier(other, "not")),
                };
            }
            "_lastUpdated" => {
                modifier.map_or(Ok(()), |modifier| Err(no_modifier(modifier, "no modifier")))?;
                return each(values, date).map(Test::LastUpdated);
            }
            _ => {}
        }
        match meant.kind() {
            ParameterKind::Composite => {
                no_modifiers(modifier)?;
                composite::test(meant, values, self.base)
            }
            ParameterKind::Special => {
                no_modifiers(modifier)?;
                Ok(Test::Near(each(values, value::near)?))
            }
            ParameterKind::Token => token(meant, modifier, values),
            ParameterKind::Reference => self.reference(meant, modifier, values),
            kind => {
                let values = plain(kind, modifier, values)?;
                Ok(Test::Index(IndexTest { paths: meant.paths(), values }))
            }
        }
    }

    fn reference(&self, meant: &Meant<'_>, modifier: Option<&str>, values: &[&str]) -> Result<Test, Fault> {
        let targets = meant.targets();
        let paths = meant.paths();
        if modifier == Some("identifier") {
            let values = Values::Tokens(each(values, value::token)?);
            return Ok(Test::All(vec![Test::Index(IndexTest { paths: paths.clone(), values }), Test::Told(paths)]));
        }
        let kind = match modifier {
            None => None,
            Some(name) => Some(value::type_modifier(&targets, name).ok_or_else(|| {
                let allowed =
                    if targets.is_empty() { "the name of a resource type".to_owned() } else { targets.join(", ") };
                no_modifier(name, &format!("identifier, missing, {allowed}"))
            })?),
        };
        let values = each(values, |text| value::reference(text, &targets, kind, self.base))?;
        Ok(Test::Index(IndexTest { paths, values: Values::References(values) }))
    }
}

/// Values of the kinds that need nothing but their text.
pub(super) fn plain(kind: ParameterKind, modifier: Option<&str>, values: &[&str]) -> Result<Values, Fault> {
    Ok(match kind {
        ParameterKind::Date => {
            no_modifiers(modifier)?;
            Values::Dates(each(values, date)?)
        }
        ParameterKind::Number => {
            no_modifiers(modifier)?;
            Values::Quantities(each(values, value::number)?)
        }
        ParameterKind::Quantity => {
            no_modifiers(modifier)?;
            Values::Quantities(each(values, value::quantity)?)
        }
        ParameterKind::String => {
            let how = match modifier {
                None => StringMatch::Start,
                Some("contains") => StringMatch::Part,
                Some("exact") => StringMatch::Exact,
                Some(other) => return Err(no_modifier(other, "contains, exact, missing")),
            };
            Values::Strings(values.iter().map(|text| value::string(text, how)).collect())
        }
        ParameterKind::Uri => {
            let how = match modifier {
                None => UriMatch::Exact,
                Some("above") => UriMatch::Above,
                Some("below") => UriMatch::Below,
                Some(other) => return Err(no_modifier(other, "above, below, missing")),
            };
            Values::Uris(values.iter().map(|text| value::uri(text, how)).collect())
        }
        _ => return Err(refused("not-supported", "The parameter is not supported on this server")),
    })
}

fn token(meant: &Meant<'_>, modifier: Option<&str>, values: &[&str]) -> Result<Test, Fault> {
    let paths = meant.paths();
    let tokens = |relation| {
        let values = each(values, value::token)?;
        Ok(Test::Codes { paths: meant.paths(), relation, values })
    };
    match modifier {
        None => plain_tokens(meant, values),
        Some("not") => Ok(Test::Not(Box::new(plain_tokens(meant, values)?))),
        Some("text") => {
            let values = Values::Strings(values.iter().map(|text| value::string(text, StringMatch::Start)).collect());
            Ok(Test::Index(IndexTest { paths, values }))
        }
        Some("of-type") => {
            let paths = meant.typed_paths();
            if paths.is_empty() {
                return Err(wrong("invalid", "Only identifiers have the modifier of-type; leave it out"));
            }
            Ok(Test::Index(IndexTest { paths, values: Values::Tokens(each(values, value::typed_identifier)?) }))
        }
        Some("in") => tokens_in(paths, values),
        Some("not-in") => Ok(Test::Not(Box::new(tokens_in(paths, values)?))),
        Some("above") => tokens(CodeRelation::Above),
        Some("below") => tokens(CodeRelation::Below),
        Some(other) => Err(no_modifier(other, "above, below, in, missing, not, not-in, of-type, text")),
    }
}

fn tokens_in(paths: Vec<i32>, values: &[&str]) -> Result<Test, Fault> {
    let address = |text: &&str| value::TokenValue { system: None, code: Some(unescape(text)) };
    Ok(Test::Codes { paths, relation: CodeRelation::In, values: values.iter().map(address).collect() })
}

/// Tokens; a code whose system R4 fixes by its binding (gender, status) is stored without one, so the system says nothing
/// there.
fn plain_tokens(meant: &Meant<'_>, values: &[&str]) -> Result<Test, Fault> {
    let mut values = each(values, value::token)?;
    if meant.is_bare() {
        for value in values.iter_mut().filter(|value| value.code.is_some()) {
            value.system = None;
        }
    }
    Ok(Test::Index(IndexTest { paths: meant.paths(), values: Values::Tokens(values) }))
}

fn missing(meant: &Meant<'_>, values: &[&str]) -> Result<Test, Fault> {
    let is_missing = match values {
        ["true"] => true,
        ["false"] => false,
        _ => return Err(wrong("value", "A value of :missing is neither true nor false; give one of them")),
    };
    let kinds: &[IndexKind] = match meant.kind() {
        ParameterKind::Date => &[IndexKind::Date],
        ParameterKind::Number | ParameterKind::Quantity | ParameterKind::Special => &[IndexKind::Quantity],
        ParameterKind::Reference => &[IndexKind::Reference],
        ParameterKind::String => &[IndexKind::String],
        // A concept in words only is there, too.
        ParameterKind::Token => &[IndexKind::Token, IndexKind::String],
        ParameterKind::Uri => &[IndexKind::Token],
        ParameterKind::Composite => return Err(no_modifier("missing", "no modifier")),
    };
    let test = |kind: &IndexKind| Test::Index(IndexTest { paths: meant.paths(), values: Values::Any(*kind) });
    let there = Test::Any(kinds.iter().map(test).collect());
    Ok(if is_missing { Test::Not(Box::new(there)) } else { there })
}

pub(super) fn each<T>(values: &[&str], read: impl Fn(&str) -> Result<T, &'static str>) -> Result<Vec<T>, Fault> {
    let read = values.iter().map(|value| read(value));
    read.collect::<Result<_, _>>().map_err(|fault| wrong("value", format!("A value {fault}")))
}

fn no_modifiers(modifier: Option<&str>) -> Result<(), Fault> {
    modifier.map_or(Ok(()), |modifier| Err(no_modifier(modifier, "missing, where it makes sense")))
}

/// Modifiers of the standard, sorted.
const MODIFIERS: [&str; 13] = [
    "above",
    "below",
    "contains",
    "exact",
    "identifier",
    "in",
    "iterate",
    "missing",
    "not",
    "not-in",
    "of-type",
    "recurse",
    "text",
];

fn no_modifier(modifier: &str, allowed: &str) -> Fault {
    let code = if MODIFIERS.contains(&modifier) { "not-supported" } else { "invalid" };
    wrong(code, format!("The parameter has no such modifier on this server; it takes: {allowed}"))
}
