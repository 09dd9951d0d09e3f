//! Reading a query parameter by parameter, collecting what is wrong.

use std::collections::BTreeSet;

use super::condition::{Conditions, Fault};
use super::result::Refusal;
use super::scope::Scope;
use super::split::{decode, pairs};
use super::{Context, Handling, Ignored, MAX_PARAMETERS, MAX_QUERY, QueryError, Results, Search, Test, include, sort};
use crate::search::parameters::resource_type;

const MAX_ERRORS: usize = 20;

pub(super) struct Reader<'c> {
    conditions: Conditions<'c>,
    handling: Handling,
    search: Search,
    results: Results,
    ignored: Vec<Ignored>,
    errors: Vec<QueryError>,
}

impl<'c> Reader<'c> {
    pub(super) fn new(kind: Option<&str>, context: Context<'c>) -> Self {
        Self {
            conditions: Conditions::new(context.base.trim_end_matches('/'), context.custom),
            handling: context.handling,
            search: Search { kinds: kind.and_then(resource_type).into_iter().collect(), ..Search::default() },
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
        let mut read = Vec::new();
        for (name, value) in pairs(query) {
            match (decode(name), decode(value)) {
                // A parameter without a value asks for nothing.
                (Ok(_), Ok(value)) if value.is_empty() => {}
                (Ok(name), Ok(value)) => read.push((name, value)),
                (Err(fault), _) => self.refuse("invalid", "", format!("A parameter's name {fault}.")),
                (Ok(name), Err(fault)) => self.refuse("invalid", &name, format!("The value {fault}.")),
            }
        }
        // The types say what the other names mean.
        for (name, value) in read.iter().filter(|(name, _)| name == "_type") {
            self.types(name, value);
        }
        for (name, value) in read.iter().filter(|(name, _)| name != "_type") {
            self.pair(name, value);
        }
    }

    pub(super) fn finish(mut self) -> Result<(Search, Results, Vec<Ignored>), Vec<QueryError>> {
        if let Some(custom) = self.conditions.custom.filter(|custom| !custom.parameters().is_empty()) {
            let places = self.search.places();
            let own = places.into_iter().filter_map(|place| custom.at(place)).map(|parameter| parameter.number);
            self.search.custom = own.collect::<BTreeSet<i32>>().into_iter().collect();
        }
        if self.errors.is_empty() { Ok((self.search, self.results, self.ignored)) } else { Err(self.errors) }
    }

    fn pair(&mut self, name: &str, value: &str) {
        match self.results.take(name, value) {
            Some(Ok(())) => {}
            Some(Err(Refusal::Wrong(fault))) => self.refuse("value", name, format!("The value {fault}.")),
            None if name == "_sort" => self.sort(name, value),
            None if include::is_include(name) => self.include(name, value),
            None => self.condition(name, value),
        }
    }

    fn condition(&mut self, name: &str, value: &str) {
        let scope = Scope { kinds: &self.search.kinds, custom: self.conditions.custom };
        let read = self.conditions.read(scope, name, value);
        match read {
            Ok(Some(test)) => {
                self.require(test);
                self.search.shown.push((name.into(), value.into()));
            }
            Ok(None) => {}
            Err(fault) => self.fault(name, fault),
        }
    }

    /// What all must hold stands test by test: each may be what a search is answered from.
    fn require(&mut self, test: Test) {
        match test {
            Test::All(tests) => tests.into_iter().for_each(|test| self.require(test)),
            Test::Any(mut tests) if tests.len() == 1 => tests.drain(..).for_each(|test| self.require(test)),
            test => self.search.tests.push(test),
        }
    }

    fn sort(&mut self, name: &str, value: &str) {
        let scope = Scope { kinds: &self.search.kinds, custom: self.conditions.custom };
        let read = sort::read(scope, value, self.search.sort.len());
        match read {
            Ok(keys) => {
                self.search.sort.extend(keys);
                self.search.shown.push((name.into(), value.into()));
            }
            Err(fault) => self.fault(name, fault),
        }
    }

    fn include(&mut self, name: &str, value: &str) {
        match include::read(Scope { kinds: &self.search.kinds, custom: self.conditions.custom }, name, value) {
            Ok(include) => {
                self.search.includes.push(include);
                self.search.shown.push((name.into(), value.into()));
            }
            Err(fault) => self.fault(name, fault),
        }
    }

    /// `_type`: the types of a search over all types (<https://hl7.org/fhir/R4/search.html#Type>).
    fn types(&mut self, name: &str, value: &str) {
        if self.search.shown.iter().any(|(shown, _)| &**shown == "_type") || !self.search.kinds.is_empty() {
            return self.refuse(
                "invalid",
                name,
                "The types are told already; give _type once, and only without a type in the address.".into(),
            );
        }
        let kinds: Option<Vec<_>> = value.split(',').filter(|kind| !kind.is_empty()).map(resource_type).collect();
        match kinds.filter(|kinds| !kinds.is_empty()) {
            Some(mut kinds) => {
                kinds.sort_unstable();
                kinds.dedup();
                self.search.kinds = kinds;
                self.search.shown.push((name.into(), value.into()));
            }
            None => self.refuse(
                "value",
                name,
                "A value is no resource type; give names of types, as in Patient,Observation.".into(),
            ),
        }
    }

    /// What is not known can be left out where the client says so; a wrong value or modifier never.
    fn fault(&mut self, name: &str, fault: Fault) {
        match self.handling {
            Handling::Lenient if fault.code == "not-supported" && fault.may_be_left_out => {
                self.ignored.push(Ignored { parameter: shown(name), details: fault.details });
            }
            _ => self.refuse(fault.code, name, fault.details),
        }
    }

    fn refuse(&mut self, code: &'static str, name: &str, details: String) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(QueryError { code, parameter: shown(name), details });
        }
    }
}

/// A name as an answer may repeat it.
fn shown(name: &str) -> Box<str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    if name.len() <= 128 && name.bytes().all(plain) { name.into() } else { "(unreadable name)".into() }
}
