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
        let mut form = HashMap::new();
        for (name, value) in query::pairs(text) {
            let again = form.insert(name.into_owned(), value.into_owned()).is_some();
            if again || form.len() > MOST {
                return Err(Problem::new("invalid_request", "the form has a parameter twice, or more than fifty"));
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
        assert_eq!(Form::read("scope=").unwrap_or_else(|_| panic!()).get("scope"), None);
    }
}
