//! The form of a request: each parameter once (<https://www.rfc-editor.org/rfc/rfc6749#section-3.2>).

use std::collections::HashMap;

use super::Problem;
use crate::http::query;

/// The most parameters of a form.
const MOST: usize = 50;

/// Parameters by name; one without a value is as good as none.
pub(crate) struct Form(HashMap<String, String>);

impl Form {
    /// Reads a form.
    ///
    /// # Errors
    /// `invalid_request`: a parameter comes twice, or there are too many.
    pub(crate) fn read(text: &str) -> Result<Self, Problem> {
        Self::read_several(text, &[])
    }

    /// Reads a form in which these parameters may come more than once: their value is all of theirs, with spaces between.
    ///
    /// # Errors
    /// As [`Self::read`], of the others.
    pub(crate) fn read_several(text: &str, several: &[&str]) -> Result<Self, Problem> {
        let mut form: HashMap<String, String> = HashMap::new();
        for (number, (name, value)) in query::pairs(text).enumerate() {
            let before = form.get_mut(&*name);
            if number >= MOST || (before.is_some() && !several.contains(&&*name)) {
                return Err(Problem::new("invalid_request", "the form has a parameter twice, or more than fifty"));
            }
            match before {
                Some(_) if value.is_empty() => {}
                Some(before) if before.is_empty() => *before = value.into_owned(),
                Some(before) => {
                    before.push(' ');
                    before.push_str(&value);
                }
                None => drop(form.insert(name.into_owned(), value.into_owned())),
            }
        }
        form.retain(|_, value: &mut String| !value.is_empty());
        Ok(Self(form))
    }

    /// A parameter's value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_comes_twice_is_refused() {
        assert_eq!(Form::read("scope=a&grant_type=x").unwrap_or_else(|_| panic!()).get("scope"), Some("a"));
        for twice in ["scope=a&scope=b", "scope=a&scope=a", "scope=&scope=a"] {
            assert!(Form::read(twice).is_err(), "{twice}");
        }
        assert!(Form::read(&"a&".repeat(100)).is_err());
        let read = |text: &str| Form::read_several(text, &["resource"]).ok();
        let several =
            read("resource=a&scope=x&resource=&resource=b").and_then(|form| form.get("resource").map(str::to_owned));
        assert_eq!(several.as_deref(), Some("a b"));
        assert!(read("scope=a&resource=a&scope=a").is_none() && read(&"resource=a&".repeat(100)).is_none());
        assert_eq!(Form::read("scope=").unwrap_or_else(|_| panic!()).get("scope"), None);
    }
}
