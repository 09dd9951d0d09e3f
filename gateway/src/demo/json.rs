//! JSON text in the order it is written: resources read better with `resourceType` first.

/// A JSON value as text.
#[derive(Clone, Debug)]
pub(super) struct Json(String);

impl Json {
    /// The text.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

/// An object; members keep their order.
pub(super) fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    let mut out = String::from("{");
    for (name, value) in members {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&text(name).0);
        out.push(':');
        out.push_str(&value.0);
    }
    out.push('}');
    Json(out)
}

/// An array.
pub(super) fn array(items: impl IntoIterator<Item = Json>) -> Json {
    let items: Vec<String> = items.into_iter().map(|item| item.0).collect();
    Json(format!("[{}]", items.join(",")))
}

/// A string.
pub(super) fn text(value: &str) -> Json {
    let mut out = Vec::with_capacity(value.len() + 2);
    mappers::json::write_string(&mut out, value);
    Json(String::from_utf8(out).expect("a JSON string of UTF-8 text is UTF-8"))
}

/// A number with `decimals` digits after the point, kept even where they are zero.
pub(super) fn decimal(value: f64, decimals: usize) -> Json {
    Json(format!("{value:.decimals$}"))
}

/// A whole number.
pub(super) fn integer(value: i64) -> Json {
    Json(value.to_string())
}

/// `true` or `false`.
pub(super) fn boolean(value: bool) -> Json {
    Json(value.to_string())
}

/// A `CodeableConcept` of one coding.
pub(super) fn concept(system: &str, code: &str, display: &str) -> Json {
    object([
        ("coding", array([object([("system", text(system)), ("code", text(code)), ("display", text(display))])])),
        ("text", text(display)),
    ])
}

/// A `CodeableConcept` of one coding and nothing else.
pub(super) fn code(system: &str, code: &str) -> Json {
    object([("coding", array([object([("system", text(system)), ("code", text(code))])]))])
}

/// A `Reference`.
pub(super) fn reference(kind: &str, id: &str) -> Json {
    object([("reference", text(&format!("{kind}/{id}")))])
}

/// A `Quantity` in a UCUM unit.
pub(super) fn quantity(value: f64, decimals: usize, unit: &str, ucum: &str) -> Json {
    object([
        ("value", decimal(value, decimals)),
        ("unit", text(unit)),
        ("system", text("http://unitsofmeasure.org")),
        ("code", text(ucum)),
    ])
}

/// A transaction bundle that PUTs each resource under its own id.
pub(super) fn transaction(resources: Vec<Resource>) -> Json {
    let entries = resources.into_iter().map(|resource| {
        let url = format!("{}/{}", resource.kind, resource.id);
        let request = object([("method", text("PUT")), ("url", text(&url))]);
        let head = [("resourceType", text(resource.kind)), ("id", text(&resource.id))];
        object([("resource", object(head.into_iter().chain(resource.members))), ("request", request)])
    });
    object([("resourceType", text("Bundle")), ("type", text("transaction")), ("entry", array(entries))])
}

/// A resource to be put into a bundle.
pub(super) struct Resource {
    /// Its type.
    pub(super) kind: &'static str,
    /// Its id.
    pub(super) id: String,
    /// Everything but `resourceType` and `id`.
    pub(super) members: Vec<(&'static str, Json)>,
}
