//! Reading a query parameter by parameter, collecting what is wrong.

use super::date::date;
use super::result::Refusal;
use super::split::{decode, pairs, split_unescaped, unescape};
use super::value::{reference, token, type_modifier};
use super::{
    Context, Handling, Ignored, MAX_PARAMETERS, MAX_QUERY, MAX_VALUES, Parameter, QueryError, Results, Search,
};
use crate::search::parameters::{self, Definition, ParameterKind};

const MAX_ERRORS: usize = 20;
/// Parameters of the standard that this server does not do.
const UNSUPPORTED: [&str; 14] = [
    "_contained",
    "_containedType",
    "_content",
    "_elements",
    "_filter",
    "_has",
    "_include",
    "_list",
    "_query",
    "_revinclude",
    "_score",
    "_sort",
    "_text",
    "_type",
];
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

pub(super) struct Reader<'c> {
    base: &'c str,
    handling: Handling,
    search: Search,
    results: Results,
    ignored: Vec<Ignored>,
    errors: Vec<QueryError>,
}

impl<'c> Reader<'c> {
    pub(super) fn new(kind: Option<&str>, context: Context<'c>) -> Self {
        Self {
            base: context.base.trim_end_matches('/'),
            handling: context.handling,
            search: Search { kind: kind.map(Into::into), parameters: Vec::new() },
            results: Results::default(),
            ignored: Vec::new(),
            errors: Vec::new(),
        }
    }

    pub(super) fn read(&mut self, query: &str) {
        if query.len() > MAX_QUERY {
            return self.refuse("too-long", "", format!("The query is longer than {MAX_QUERY} bytes; ask in parts."));
        }
        if pairs(query).nth(MAX_PARAMETERS).is_some() {
            let details = format!("The query has more than {MAX_PARAMETERS} parameters; ask in parts.");
            return self.refuse("too-long", "", details);
        }
        for (name, value) in pairs(query) {
            match (decode(name), decode(value)) {
                (Ok(name), Ok(value)) => self.pair(&name, &value),
                (Err(fault), _) => self.refuse("invalid", "", format!("A parameter's name {fault}.")),
                (Ok(name), Err(fault)) => self.refuse("invalid", &name, format!("The value {fault}.")),
            }
        }
    }

    pub(super) fn finish(self) -> Result<(Search, Results, Vec<Ignored>), Vec<QueryError>> {
        if self.errors.is_empty() { Ok((self.search, self.results, self.ignored)) } else { Err(self.errors) }
    }

    fn pair(&mut self, name: &str, value: &str) {
        // A parameter without a value asks for nothing.
        if value.is_empty() {
            return;
        }
        match self.results.take(name, value) {
            Some(Ok(())) => {}
            Some(Err(Refusal::Wrong(fault))) => self.refuse("value", name, format!("The value {fault}.")),
            Some(Err(Refusal::Unsupported(fault))) => self.unsupported(name, format!("The parameter {fault}.")),
            None => self.condition(name, value),
        }
    }

    fn condition(&mut self, full: &str, value: &str) {
        let (name, modifier) = full.split_once(':').map_or((full, None), |(name, modifier)| (name, Some(modifier)));
        let chained = full.contains('.');
        let definition = match self.definition(name) {
            Some(definition) if !chained => definition,
            _ => {
                let details = self.why_not(name, chained);
                return self.unsupported(full, details);
            }
        };
        let modifier = match modifier.map(|modifier| self.modifier(definition, modifier)).transpose() {
            Ok(modifier) => modifier,
            Err((code, details)) => return self.refuse(code, full, details),
        };
        let values: Vec<_> = split_unescaped(value, ',').into_iter().filter(|value| !value.is_empty()).collect();
        if values.len() > MAX_VALUES {
            let details = format!("The parameter has more than {MAX_VALUES} alternatives; ask in parts.");
            return self.refuse("too-long", full, details);
        }
        if values.is_empty() {
            return;
        }
        match condition(definition, &values, modifier, self.base) {
            Ok(parameter) => self.search.parameters.push(parameter),
            Err(fault) => self.refuse("value", full, format!("A value {fault}.")),
        }
    }

    fn definition(&self, name: &str) -> Option<&'static Definition> {
        parameters::supported(self.search.kind.as_deref()).find(|definition| definition.name == name)
    }

    /// The type a modifier names; every other modifier is refused whatever the handling, because leaving it out would
    /// turn the condition into another one (<https://hl7.org/fhir/R4/search.html#modifiers>).
    fn modifier(&self, definition: &Definition, text: &str) -> Result<&'static str, (&'static str, String)> {
        let is_reference = definition.param_kind == ParameterKind::Reference;
        if let Some(kind) = type_modifier(definition, text).filter(|_| is_reference) {
            return Ok(kind);
        }
        let code = if MODIFIERS.contains(&text) { "not-supported" } else { "invalid" };
        let allowed = match definition.targets {
            _ if !is_reference => "none here; leave it out".to_owned(),
            [] => "only the name of a resource type".to_owned(),
            targets => format!("only these: {}", targets.join(", ")),
        };
        Err((code, format!("The parameter has no such modifier on this server: it takes {allowed}.")))
    }

    fn why_not(&self, name: &str, chained: bool) -> String {
        let known: Vec<_> = parameters::supported(self.search.kind.as_deref()).map(|known| known.name).collect();
        let kind = self.search.kind.as_deref();
        let reason = if chained {
            "Chained parameters are not supported"
        } else if UNSUPPORTED.contains(&name) || kind.is_some_and(|kind| parameters::definition(kind, name).is_some()) {
            "The parameter is not supported on this server"
        } else if kind.is_some() {
            "The type has no such search parameter"
        } else {
            "A search over all types has no such parameter"
        };
        format!("{reason}; it can be searched by: {}.", known.join(", "))
    }

    /// A parameter that cannot be taken: an error, or left out, as the handling says.
    fn unsupported(&mut self, name: &str, details: String) {
        match self.handling {
            Handling::Strict => self.refuse("not-supported", name, details),
            Handling::Lenient => self.ignored.push(Ignored { parameter: shown(name), details }),
        }
    }

    fn refuse(&mut self, code: &'static str, name: &str, details: String) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(QueryError { code, parameter: shown(name), details });
        }
    }
}

fn condition(
    definition: &'static Definition,
    values: &[&str],
    modifier: Option<&'static str>,
    base: &str,
) -> Result<Parameter, &'static str> {
    let tokens = || values.iter().map(|value| token(value)).collect::<Result<Vec<_>, _>>();
    Ok(match definition.name {
        "_id" => Parameter::Id(values.iter().map(|value| unescape(value)).collect()),
        "_lastUpdated" => Parameter::LastUpdated(values.iter().map(|value| date(value)).collect::<Result<_, _>>()?),
        "_tag" => Parameter::Tag(tokens()?),
        _ if definition.param_kind == ParameterKind::Reference => {
            let values = values.iter().map(|value| reference(value, definition, modifier, base));
            Parameter::Reference { definition, values: values.collect::<Result<_, _>>()? }
        }
        _ => Parameter::Token { definition, values: tokens()? },
    })
}

/// A name as an answer may repeat it.
fn shown(name: &str) -> Box<str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    if name.len() <= 64 && name.bytes().all(plain) { name.into() } else { "(unreadable name)".into() }
}
