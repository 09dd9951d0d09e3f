//! JSON text in the order it is written: resources read better with `resourceType` first.

use jiff::civil::Date;

/// A JSON value as text; an empty text is no value, and a member without one is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Json(String);

/// An object; members keep their order.
macro_rules! object {
    ($($name:literal : $value:expr),* $(,)?) => {
        $crate::demo::json::members(&[$(($name, $crate::demo::json::Json::from($value))),*])
    };
}
pub(super) use object;

/// The object of these members.
pub(super) fn members(members: &[(&str, Json)]) -> Json {
    let mut out = String::from("{");
    for (name, value) in members.iter().filter(|(_, value)| !value.0.is_empty()) {
        if out.len() > 1 {
            out.push(',');
        }
        out.push('"');
        out.push_str(name);
        out.push_str("\":");
        out.push_str(&value.0);
    }
    out.push('}');
    Json(out)
}

impl Json {
    /// The object with further members at its end; it has some.
    pub(super) fn with(self, more: &[(&str, Self)]) -> Self {
        let more = members(more).0;
        if more == "{}" {
            return self;
        }
        Self(format!("{},{}", &self.0[..self.0.len() - 1], &more[1..]))
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        let mut out = Vec::with_capacity(value.len() + 2);
        mappers::json::write_string(&mut out, value);
        Self(String::from_utf8(out).expect("a JSON string of UTF-8 text is UTF-8"))
    }
}

impl From<String> for Json {
    fn from(value: String) -> Self {
        Self::from(value.as_str())
    }
}

impl From<&String> for Json {
    fn from(value: &String) -> Self {
        Self::from(value.as_str())
    }
}

impl From<Date> for Json {
    fn from(value: Date) -> Self {
        Self::from(value.to_string())
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Self {
        Self(value.to_string())
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self(value.to_string())
    }
}

impl<T: Into<Self>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(Self::default, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Json {
    /// An empty array is no value: FHIR has none.
    fn from(items: Vec<T>) -> Self {
        let items: Vec<String> = items.into_iter().map(|item| item.into().0).collect();
        Self(if items.is_empty() { String::new() } else { format!("[{}]", items.join(",")) })
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Json {
    fn from(items: [T; N]) -> Self {
        Self::from(Vec::from(items))
    }
}

/// A number with `decimals` digits after the point, kept even where they are zero.
pub(super) fn decimal(value: f64, decimals: usize) -> Json {
    Json(format!("{value:.decimals$}"))
}

/// A `Coding`.
pub(super) fn coding(system: &str, code: &str, display: &str) -> Json {
    object! { "system": system, "code": code, "display": display }
}

/// A `CodeableConcept` of one coding.
pub(super) fn concept(system: &str, code: &str, display: &str) -> Json {
    object! { "coding": [coding(system, code, display)], "text": display }
}

/// A `CodeableConcept` of one coding and nothing else.
pub(super) fn code(system: &str, code: &str) -> Json {
    object! { "coding": [object! { "system": system, "code": code }] }
}

/// A `CodeableConcept` in words only.
pub(super) fn words(text: &str) -> Json {
    object! { "text": text }
}

/// A `Reference`.
pub(super) fn reference(kind: &str, id: &str) -> Json {
    object! { "reference": format!("{kind}/{id}") }
}

/// A `Period`.
pub(super) fn period(start: impl Into<Json>, end: impl Into<Json>) -> Json {
    let (start, end): (Json, Json) = (start.into(), end.into());
    object! { "start": start, "end": end }
}

/// A `Quantity` in a UCUM unit.
pub(super) fn quantity(value: f64, decimals: usize, unit: &str, ucum: &str) -> Json {
    object! {
        "value": decimal(value, decimals), "unit": unit, "system": "http://unitsofmeasure.org", "code": ucum,
    }
}

/// An `Identifier` of a type of HL7 table 0203.
pub(super) fn identifier(kind: &str, system: &str, value: &str) -> Json {
    object! {
        "use": "usual",
        "type": code("http://terminology.hl7.org/CodeSystem/v2-0203", kind),
        "system": system,
        "value": value,
    }
}

/// A transaction bundle that PUTs each resource under its own id.
pub(super) fn transaction(resources: Vec<Resource>) -> Vec<u8> {
    let entries = resources.into_iter().map(|Resource { kind, id, body }| {
        let url = format!("{kind}/{id}");
        // The body is an object with members: its own brace is replaced by the head.
        let resource = Json(format!("{{\"resourceType\":\"{kind}\",\"id\":\"{id}\",{}", &body.0[1..]));
        object! { "resource": resource, "request": object! { "method": "PUT", "url": url } }
    });
    let entries: Vec<Json> = entries.collect();
    object! { "resourceType": "Bundle", "type": "transaction", "entry": entries }.0.into_bytes()
}

/// A resource to be put into a bundle.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    /// Its type.
    pub(super) kind: &'static str,
    /// Its id.
    pub(super) id: String,
    /// Everything but `resourceType` and `id`; never empty.
    body: Json,
}

impl Resource {
    /// A resource with a body that has members.
    pub(super) fn new(kind: &'static str, id: impl Into<String>, body: Json) -> Self {
        Self { kind, id: id.into(), body }
    }

    /// A reference to it.
    pub(super) fn reference(&self) -> Json {
        reference(self.kind, &self.id)
    }
}
