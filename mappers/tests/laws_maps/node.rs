//! JSON that is being made: texts stay as they are written.

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Raw(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Node {
    pub(crate) fn raw(text: impl Into<String>) -> Self {
        Self::Raw(text.into())
    }

    /// Puts a value at a path of an object, with the objects on the way.
    pub(crate) fn set(&mut self, path: &[String], value: Self) {
        let (Self::Object(members), Some((name, rest))) = (self, path.split_first()) else { return };
        let at = members.iter().position(|(other, _)| other == name).unwrap_or_else(|| {
            members.push((name.clone(), Self::Object(Vec::new())));
            members.len() - 1
        });
        if rest.is_empty() {
            members[at].1 = value;
        } else {
            members[at].1.set(rest, value);
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Raw(text) => text.clone(),
            Self::List(items) => format!("[{}]", items.iter().map(Self::text).collect::<Vec<_>>().join(",")),
            Self::Object(members) => {
                let members = members.iter().map(|(name, value)| format!("{name:?}:{}", value.text()));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
        }
    }
}
