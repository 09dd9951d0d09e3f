//! What the laws do to Consents and resources.

use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::generator::{Dice, criteria, doubts};
use super::naive::vocabulary::CONSENT_SCOPE;
use super::sensitivity_is;

pub(crate) const CRITERIA: [&str; 9] =
    ["action", "actor", "class", "code", "data", "dataPeriod", "period", "purpose", "securityLabel"];

const CONTENT: [&str; 5] = ["securityLabel", "class", "code", "dataPeriod", "data"];

/// A Consent that permits everything.
pub(crate) fn everything() -> Value {
    json!({"resourceType": "Consent", "status": "active", "patient": {"reference": "Patient/p"}, "provision": {"type": "permit"},
        "scope": {"coding": [{"system": CONSENT_SCOPE, "code": "patient-privacy"}]}})
}

pub(crate) fn pick<'v>(values: &'v [Value], at: &Index) -> Option<&'v Value> {
    (!values.is_empty()).then(|| &values[at.index(values.len())])
}

pub(crate) fn pick_mut<'v, T>(values: &'v mut [T], at: &Index) -> Option<&'v mut T> {
    let count = values.len();
    (count > 0).then(|| &mut values[at.index(count)])
}

pub(crate) fn root(consent: &Value) -> Option<&Value> {
    consent.get("provision")
}

/// The first's members and, of the second's, those that the first has not.
pub(crate) fn with_members(one: &Value, other: &Value) -> Value {
    let mut both: Map<String, Value> = other.as_object().cloned().unwrap_or_default();
    both.extend(one.as_object().cloned().unwrap_or_default());
    Value::Object(both)
}

pub(crate) fn without(value: &Value, name: &str) -> Value {
    let mut value = value.clone();
    value.as_object_mut().expect("an object").remove(name);
    value
}

pub(crate) fn provision_mut(consent: &mut Value) -> &mut Value {
    let members = consent.as_object_mut().expect("an object");
    members.entry("provision").or_insert_with(|| json!({}))
}

pub(crate) fn nested_mut(consent: &mut Value) -> &mut Vec<Value> {
    let members = provision_mut(consent).as_object_mut().expect("an object");
    members.entry("provision").or_insert_with(|| json!([])).as_array_mut().expect("a list")
}

/// The root or a nested rule.
pub(crate) fn rule_mut<'v>(consent: &'v mut Value, at: &Index) -> Option<&'v mut Value> {
    let root = consent.get_mut("provision")?;
    let count = root.get("provision").and_then(Value::as_array).map_or(0, Vec::len);
    match at.index(count + 1) {
        0 => Some(root),
        nested => root["provision"].get_mut(nested - 1),
    }
}

pub(crate) fn security_mut(resource: &mut Value) -> &mut Vec<Value> {
    let members = resource.as_object_mut().expect("an object");
    let meta = members.entry("meta").or_insert_with(|| json!({})).as_object_mut().expect("an object");
    meta.entry("security").or_insert_with(|| json!([])).as_array_mut().expect("a list")
}

/// Puts something into a rule that nobody understands.
pub(crate) fn doubt(rule: &mut Value, pick: &Index) {
    let doubts = doubts();
    match pick.index(doubts.len() + 4) {
        at if at < doubts.len() => {
            let (name, value) = &doubts[at];
            let rule = rule.as_object_mut().expect("an object");
            rule.entry(*name).or_insert_with(|| json!([])).as_array_mut().expect("a list").push(value.clone());
        }
        at => match at - doubts.len() {
            0 => rule["unless"] = json!("raining"),
            1 => rule["modifierExtension"] = json!([{"url": "https://clinic.example/odd", "valueCode": "x"}]),
            2 => rule["period"] = json!({"end": "soon"}),
            _ => rule["dataPeriod"] = json!({"end": "soon"}),
        },
    }
}

/// Every rule that may permit, with the root, whose labels others may take (B10).
fn permitting(consent: &Value) -> Vec<&Value> {
    let Some(root) = root(consent) else { return Vec::new() };
    let nested = root.get("provision").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    nested.iter().filter(|rule| rule["type"] == "permit").chain([root]).collect()
}

fn labels(rule: &Value) -> &[Value] {
    rule.get("securityLabel").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A permit asks for this label, or for one above it.
pub(crate) fn permits_by_label(consent: &Value, label: &Value) -> bool {
    let code = |label: &Value| label["code"].as_str().unwrap_or_default().to_owned();
    permitting(consent).iter().flat_map(|rule| labels(rule)).any(|asked| sensitivity_is(&code(label), &code(asked)))
}

pub(crate) fn names(consent: &Value, label: &Value) -> bool {
    permitting(consent).iter().flat_map(|rule| labels(rule)).any(|asked| asked == label)
}

/// Anything in it might permit.
pub(crate) fn can_permit(consent: &Value) -> bool {
    let kind = consent["provision"].get("type");
    kind.is_none_or(|kind| kind != "deny") || permitting(consent).len() > 1
}

/// A criterion more, or a value less, where that narrows: not where a nested permit would take less from its root (B10).
pub(crate) fn narrow(consent: &mut Value, dice: &Dice) -> Option<()> {
    // By its scope (B3) or PCF's policy (B4) a rule has a purpose without stating it.
    let given_purpose =
        consent["scope"]["coding"][0]["code"] == "research" || consent["policy"].to_string().contains("basic-normal");
    let root = without(root(consent)?, "provision");
    let at_root = dice.rule.index(2) == 0;
    let rule = rule_mut(consent, &dice.rule)?;
    let is_root = without(rule, "provision") == root;
    // An untyped root that names actors denies them (B6).
    let untyped = is_root && rule.get("type").is_none() && rule.get("actor").is_none();
    let permits = rule["type"] == "permit" || untyped;
    if !permits || (at_root && !is_root) {
        return None;
    }
    let criteria = criteria();
    let (name, values) = &criteria[dice.pick.index(criteria.len())];
    let rule = rule.as_object_mut()?;
    if let Some(list) = rule.get_mut(*name) {
        let list = list.as_array_mut()?;
        if list.len() < 2 {
            return None;
        }
        list.remove(dice.other.index(list.len()));
        return Some(());
    }
    if given_purpose && *name == "purpose" {
        return None;
    }
    let taken =
        root.get(*name).is_some() || (CONTENT.contains(name) && CONTENT.iter().any(|name| root.get(*name).is_some()));
    if !is_root && taken {
        return None;
    }
    let value = &values[dice.other.index(values.len())];
    // What names psychotherapy notes lets them go (D4).
    if value["code"] == "PSYTHPN" {
        return None;
    }
    rule.insert((*name).to_owned(), json!([value]));
    Some(())
}

/// JSON with the members of every object in the opposite order.
pub(crate) fn backwards(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(backwards).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().rev().map(|(name, value)| format!("{}:{}", json!(name), backwards(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}
