//! The walk over the tape. It allocates nothing until it finds an issue.

use std::borrow::Cow;

use crate::json::{Element, Kind, plain_name};

use super::issue::Place;
use super::primitive::Primitive;
use super::table::{Member, Table, Type, TypeId, Value, table};
use super::{Checked, Issue, IssueCode, MAX_ISSUES};

/// How many allowed codes an issue lists.
const CODES_SHOWN: usize = 12;

pub(super) struct Walk {
    table: &'static Table,
    issues: Vec<Issue>,
    /// Whether the resources in the entries of a Bundle are left to others.
    frame: bool,
    /// Whether the walk stands inside `contained`.
    contained: bool,
}

impl Default for Walk {
    fn default() -> Self {
        Self { table: table(), issues: Vec::new(), frame: false, contained: false }
    }
}

impl Walk {
    pub(super) fn frame() -> Self {
        Self { frame: true, ..Self::default() }
    }

    /// Checks one resource. Expressions start with `place`, or with its type.
    pub(super) fn start(
        mut self,
        resource: Element<'_>,
        place: Option<&str>,
        expected: Option<&str>,
    ) -> Result<Checked, Vec<Issue>> {
        let named = self.resource_type(resource).map(|id| self.table.of(id));
        let root = place.or_else(|| named.map(|of| of.name)).or(expected).unwrap_or("Resource");
        let place = Place::root(root);
        if let (Some(named), Some(expected)) = (named, expected)
            && named.name != expected
        {
            let details = format!(
                "resourceType is not the {expected} that this address takes; send that type or use the other address"
            );
            self.issue(IssueCode::Structure, &place, details);
            return Err(self.issues);
        }
        self.resource(resource, &place);
        match named {
            Some(named) if self.issues.is_empty() => Ok(Checked { resource_type: named.name }),
            _ => Err(self.issues),
        }
    }

    fn resource_type(&self, resource: Element<'_>) -> Option<TypeId> {
        self.table.resource(&resource.member("resourceType")?.string()?)
    }

    fn resource(&mut self, resource: Element<'_>, place: &Place<'_>) {
        if resource.kind() != Kind::Object {
            return self.issue(
                IssueCode::Structure,
                place,
                "a resource must be a JSON object; send {\"resourceType\":...}",
            );
        }
        if let Some(id) = self.resource_type(resource) {
            return self.object(resource, id, place);
        }
        let details = match resource.member("resourceType") {
            None => "resourceType is missing; name the type of the resource",
            Some(_) => "resourceType is not a resource type of FHIR R4; correct it",
        };
        self.issue(IssueCode::Structure, place, details);
    }

    fn object(&mut self, object: Element<'_>, id: TypeId, place: &Place<'_>) {
        let of = self.table.of(id);
        if object.kind() != Kind::Object {
            let details = format!("must be {}; send a JSON object", wanted(of));
            return self.issue(IssueCode::Structure, place, details);
        }
        if object.is_empty() {
            return self.issue(IssueCode::Structure, place, "the object is empty; leave the element out");
        }
        let mut seen = 0_u64;
        // A resource, and what stands beside a primitive, may be an id alone.
        let mut content = of.resource || id == self.table.element;
        for child in object.children() {
            if self.issues.len() >= MAX_ISSUES {
                return;
            }
            let key = child.key().unwrap_or_default();
            if of.resource && key == "resourceType" {
                continue;
            }
            let (name, sibling) = key.strip_prefix('_').map_or((&*key, false), |name| (name, true));
            content |= key != "id";
            let Some(member) = self.table.member(of, name) else {
                self.unknown(of, name, &key, place);
                continue;
            };
            if member.choice && seen & member.bit() != 0 {
                self.one_choice(object, child, member, of, place);
            }
            seen |= member.bit();
            let here = place.member(member.shown());
            if sibling && (of.is_attribute(name) || matches!(member.value, Value::Primitive(Primitive::Xhtml, _))) {
                self.issue(
                    IssueCode::Structure,
                    &here,
                    "this value has neither id nor extensions; leave the member that starts with _ out",
                );
            } else if sibling {
                self.sibling(object, child, member, &here);
            } else {
                self.member(object, child, member, of, &here);
            }
        }
        if !content {
            self.issue(IssueCode::Invariant, place, ONLY_ID);
        }
        self.required(of, of.required & !seen, place);
        if id == self.table.extension {
            self.extension(object, seen & of.choices != 0, place);
        }
    }

    /// The value of a member: one, or an array of them.
    fn member(&mut self, object: Element<'_>, value: Element<'_>, member: &Member, of: &Type, place: &Place<'_>) {
        if self.frame && matches!(member.value, Value::Resource) && of.name == "Bundle.entry" {
            return;
        }
        let contains = member.name == "contained" && member.value == Value::Resource;
        let contained = self.contained;
        self.contained |= contains;
        match (value.kind(), member.list) {
            (Kind::Null, _) => {
                self.issue(IssueCode::Structure, place, "null is no value in FHIR JSON; leave the member out")
            }
            _ if contains && contained => {
                self.issue(
                    IssueCode::Invariant,
                    place,
                    "a contained resource may not contain others (dom-2); move them one level up",
                );
            }
            (Kind::Array, true) => self.items(object, value, member, place),
            (Kind::Array, false) => {
                self.issue(IssueCode::Structure, place, "the element does not repeat; send one value, not an array")
            }
            (_, true) => {
                self.issue(IssueCode::Structure, place, "the element repeats; send an array, also for one value")
            }
            (_, false) => self.value(value, member, place),
        }
        self.contained = contained;
    }

    fn items(&mut self, object: Element<'_>, list: Element<'_>, member: &Member, place: &Place<'_>) {
        if list.is_empty() {
            return self.issue(IssueCode::Structure, place, "the array is empty; leave the element out");
        }
        // Only where nulls fill gaps is the other array of interest.
        let gaps = list.children().any(|item| item.is_null());
        let siblings = if gaps { sibling_of(object, member) } else { None };
        let mut siblings = siblings.into_iter().flat_map(|all| all.children());
        for (index, item) in list.children().enumerate() {
            if self.issues.len() >= MAX_ISSUES {
                return;
            }
            let here = place.item(index);
            let sibling = siblings.next();
            if !item.is_null() {
                self.value(item, member, &here);
            } else if !matches!(member.value, Value::Primitive(..)) {
                self.issue(IssueCode::Structure, &here, "null is no value in FHIR JSON; leave the item out");
            } else if sibling.is_none_or(|sibling| sibling.is_null()) {
                self.issue(IssueCode::Structure, &here, NO_ITEM);
            }
        }
    }

    fn value(&mut self, value: Element<'_>, member: &Member, place: &Place<'_>) {
        match member.value {
            Value::Object(id) => self.object(value, id, place),
            Value::Resource => self.resource(value, place),
            Value::Primitive(primitive, codes) => self.primitive(value, primitive, codes, place),
        }
    }

    fn primitive(&mut self, value: Element<'_>, primitive: Primitive, codes: Option<u16>, place: &Place<'_>) {
        if let Err(code) = primitive.check(value) {
            let details = format!("not a valid {}; {}", primitive.name(), primitive.advice());
            return self.issue(code, place, details);
        }
        let Some(codes) = codes else { return };
        if self.table.allows(codes, &value.string().unwrap_or_default()) {
            return;
        }
        let allowed = self.table.codes(codes);
        let shown = allowed.iter().take(CODES_SHOWN).copied().collect::<Vec<_>>().join(", ");
        let more = if allowed.len() > CODES_SHOWN { ", ... (the required value set of this element)" } else { "" };
        self.issue(
            IssueCode::CodeInvalid,
            place,
            format!("FHIR R4 does not allow this code here; use one of {shown}{more}"),
        );
    }

    /// `_birthDate`: id and extensions of a primitive, or an array of them beside the array of values.
    fn sibling(&mut self, object: Element<'_>, sibling: Element<'_>, member: &Member, place: &Place<'_>) {
        if !matches!(member.value, Value::Primitive(..)) {
            return self.issue(
                IssueCode::Structure,
                place,
                "only primitives have a member that starts with _; put id and extension into the element",
            );
        }
        match (sibling.kind(), member.list) {
            (Kind::Object, false) => self.beside(sibling, object.member(member.name).is_some(), place),
            (Kind::Array, true) => self.siblings(object, sibling, member, place),
            (_, false) => self.issue(
                IssueCode::Structure,
                place,
                "the member that starts with _ must be an object with id or extension",
            ),
            (_, true) => self.issue(
                IssueCode::Structure,
                place,
                "the member that starts with _ must be an array beside the values, null where there is nothing",
            ),
        }
    }

    fn siblings(&mut self, object: Element<'_>, siblings: Element<'_>, member: &Member, place: &Place<'_>) {
        if siblings.is_empty() {
            return self.issue(IssueCode::Structure, place, "the array is empty; leave the element out");
        }
        let values = object.member(member.name).filter(|values| values.kind() == Kind::Array);
        if values.is_some_and(|values| values.len() != siblings.len()) {
            return self.issue(
                IssueCode::Structure,
                place,
                "the arrays with and without _ must be equally long; fill with null",
            );
        }
        let mut values = values.into_iter().flat_map(|values| values.children());
        for (index, sibling) in siblings.children().enumerate() {
            if self.issues.len() >= MAX_ISSUES {
                return;
            }
            let here = place.item(index);
            let value = values.next();
            if !sibling.is_null() {
                self.beside(sibling, value.is_some_and(|value| !value.is_null()), &here);
            } else if value.is_none() {
                self.issue(IssueCode::Structure, &here, NO_ITEM);
            }
        }
    }

    /// What stands beside a primitive; without a value it needs an extension.
    fn beside(&mut self, sibling: Element<'_>, valued: bool, place: &Place<'_>) {
        if !valued && sibling.len() == 1 && sibling.member("id").is_some() {
            return self.issue(IssueCode::Invariant, place, ONLY_ID);
        }
        self.object(sibling, self.table.element, place);
    }

    /// Two members of one choice: only a value and its own `_sibling` may stand together.
    fn one_choice(&mut self, object: Element<'_>, child: Element<'_>, member: &Member, of: &Type, place: &Place<'_>) {
        let other = object.children().take_while(|one| one.index() < child.index()).any(|one| {
            let key = one.key().unwrap_or_default();
            let name = key.strip_prefix('_').unwrap_or(&key);
            name != member.name
                && self.table.member(of, name).is_some_and(|one| one.choice && one.bit() == member.bit())
        });
        if other {
            let details = format!("{}[x] takes one type only; keep one of its members", member.shown());
            self.issue(IssueCode::Structure, &place.member(member.shown()), details);
        }
    }

    /// ext-1: a value or extensions, and not both.
    fn extension(&mut self, extension: Element<'_>, valued: bool, place: &Place<'_>) {
        let nested = extension.member("extension").is_some();
        if valued && nested {
            self.issue(
                IssueCode::Invariant,
                place,
                "an extension has a value or extensions, not both (ext-1); keep one",
            );
        } else if !valued && !nested {
            self.issue(
                IssueCode::Invariant,
                place,
                "the extension has neither value[x] nor extensions (ext-1); add one or leave it out",
            );
        }
    }

    fn required(&mut self, of: &Type, missing: u64, place: &Place<'_>) {
        let mut missing = missing;
        while missing != 0 {
            let bit = missing & missing.wrapping_neg();
            missing ^= bit;
            if let Some(member) = self.table.members(of).iter().find(|member| member.bit() == bit) {
                let choice = if member.choice { "[x]" } else { "" };
                let details = format!("{}{choice} is required and missing; add it", member.shown());
                self.issue(IssueCode::Required, &place.member(member.shown()), details);
            }
        }
    }

    fn unknown(&mut self, of: &Type, name: &str, key: &str, place: &Place<'_>) {
        let details = unknown(of, name);
        match plain_name(key) {
            Some(key) => self.issue(IssueCode::Structure, &place.member(key), details),
            None => self.issue(IssueCode::Structure, place, details),
        }
    }

    fn issue(&mut self, code: IssueCode, place: &Place<'_>, details: impl Into<String>) {
        if self.issues.len() < MAX_ISSUES {
            self.issues.push(Issue { code, expression: place.expression(), details: details.into() });
        }
    }
}

/// What is wrong with an element that its owner does not have.
pub(crate) fn unknown(of: &Type, name: &str) -> String {
    let owner = wanted(of);
    let members = table().members(of);
    if members.iter().any(|member| member.choice && member.shown() == name) {
        format!(
            "{owner} takes {name}[x] with its type in the name; write one such as {}",
            choice_example(members, name)
        )
    } else if let Some(near) = nearest(members, name) {
        format!("unknown element of {owner}; did you mean {near}? Put what has no element of its own into an extension")
    } else {
        format!("unknown element of {owner}; remove it, or put it into an extension")
    }
}

fn wanted(of: &Type) -> Cow<'static, str> {
    if of.resource || of.name.contains('.') {
        Cow::Borrowed(of.name)
    } else {
        Cow::Owned(format!("the type {}", of.name))
    }
}

const ONLY_ID: &str = "the element has an id and nothing else (ele-1); add its content or leave it out";
const NO_ITEM: &str = "null stands here without anything beside it; leave the item out";

/// The `_name` beside an array of primitives.
fn sibling_of<'d>(object: Element<'d>, member: &Member) -> Option<Element<'d>> {
    object
        .children()
        .find(|child| child.key().is_some_and(|key| key.strip_prefix('_') == Some(member.name)))
        .filter(|sibling| sibling.kind() == Kind::Array)
}

fn choice_example(members: &[Member], name: &str) -> &'static str {
    members.iter().find(|member| member.choice && member.shown() == name).map_or("", |member| member.name)
}

/// The member whose name is at most two letters away; half of a short name is no likeness.
fn nearest(members: &[Member], name: &str) -> Option<&'static str> {
    let limit = if name.len() < 5 { 1 } else { 2 };
    let near = members.iter().map(|member| (distance(member.name, name, limit), member.name)).min()?;
    (near.0 <= limit).then_some(near.1)
}

/// Edit distance without regard to case; anything above `limit` may be any number above it.
fn distance(left: &str, right: &str, limit: usize) -> usize {
    if left.len().abs_diff(right.len()) > limit {
        return limit + 1;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, one) in left.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (place, other) in right.bytes().enumerate() {
            let change = diagonal + usize::from(!one.eq_ignore_ascii_case(&other));
            diagonal = row[place + 1];
            row[place + 1] = change.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[right.len()]
}
