//! Reads a `StructureDefinition`: its snapshot, or what it adds where it has none.

use super::definition::{
    Binding, Definition, Discriminator, DiscriminatorKind, ExtensionContext, Invariant, Openness, PathStep, Rule,
    Sample, Slicing, TypeRule,
};
use crate::fhirpath::Expression;
use crate::json::{Element, Kind};
use crate::structure::{self, Shape};

/// Elements that a definition may have.
const MOST_ELEMENTS: usize = 5_000;
/// Steps from the type to an element, slices among them: rules stand in each other, and are gone through one in the other.
const DEEPEST: usize = 60;

impl Definition {
    /// Reads a `StructureDefinition`; `None` where it names no type, or is longer than any should be.
    #[must_use]
    pub fn read(definition: Element<'_>) -> Option<Self> {
        let kind = text(definition, "type")?;
        let snapshot = definition.member("snapshot");
        let base = text(definition, "baseDefinition").filter(|_| snapshot.is_none());
        let list = snapshot.or_else(|| definition.member("differential"))?.member("element")?;
        if list.len() > MOST_ELEMENTS {
            return None;
        }
        let mut root = Rule::named(&kind);
        let mut order = PathOrder::default();
        let mut modifier = definition.member("modifier").is_some_and(|flag| flag.kind() == Kind::True);
        for element in list.children() {
            let Some(id) = text(element, "id").or_else(|| order.id(element)) else { continue };
            if id.split(['.', '/']).count() > DEEPEST {
                return None;
            }
            let mut steps = id.split('.');
            steps.next();
            let mut rule = &mut root;
            let mut path = kind.to_string();
            for step in steps {
                rule = rule.step(step, &mut path);
            }
            if id == kind {
                modifier |= element.member("isModifier").is_some_and(|flag| flag.kind() == Kind::True);
                rule.read(element);
                (rule.min, rule.max) = (0, None);
            } else {
                rule.read(element);
            }
        }
        root.require_choices();
        let contexts = items(definition, "context");
        let contexts = contexts.filter_map(|context| {
            Some(ExtensionContext { kind: text(context, "type")?, expression: text(context, "expression")? })
        });
        Some(Self {
            url: text(definition, "url").unwrap_or_default(),
            version: text(definition, "version"),
            kind,
            base,
            contexts: contexts.collect(),
            modifier,
            root,
        })
    }
}

/// Ids of elements that have none: by the order of their paths.
#[derive(Default)]
struct PathOrder {
    open: Vec<(String, String)>,
}

impl PathOrder {
    fn id(&mut self, element: Element<'_>) -> Option<Box<str>> {
        let path = text(element, "path")?;
        let (parent, name) = path.rsplit_once('.').unwrap_or(("", &path));
        while self.open.last().is_some_and(|(open, _)| open != parent) {
            self.open.pop();
        }
        let above = self.open.last().map_or_else(|| parent.to_owned(), |(_, id)| id.clone());
        let mut id = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
        if let Some(slice) = text(element, "sliceName") {
            id.push(':');
            id.push_str(&slice);
        }
        self.open.push((path.to_string(), id.clone()));
        Some(id.into())
    }
}

impl Rule {
    /// The rule of a step of an id: `name`, `name:slice`, `value[x]:valueQuantity`, `valueQuantity`.
    fn step(&mut self, step: &str, path: &mut String) -> &mut Self {
        let (name, slice) = step.split_once(':').map_or((step, None), |(name, slice)| (name, Some(slice)));
        let base = name.strip_suffix("[x]").unwrap_or(name);
        path.push('.');
        path.push_str(base);
        // A choice by the name of one of its types.
        if let (None, Some(found)) = (slice, structure::definition(path))
            && found.name != base
        {
            let kind = match found.shape {
                Shape::Object(kind) | Shape::Primitive(kind) => kind,
                Shape::Resource => "Resource",
            };
            let choice = self.child_mut(found.name);
            choice.slicing.get_or_insert_with(Slicing::of_types);
            let typed = choice.slice_mut(base);
            if typed.types.is_empty() {
                typed.types.push(TypeRule { code: kind.into(), profiles: Vec::new(), targets: Vec::new() });
            }
            return typed;
        }
        let mut rule = self.child_mut(base);
        for part in slice.into_iter().flat_map(|slice| slice.split('/')) {
            rule = rule.slice_mut(part);
        }
        rule
    }

    fn child_mut(&mut self, name: &str) -> &mut Self {
        let at = match self.children.iter().position(|child| &*child.name == name) {
            Some(at) => at,
            None => {
                self.children.push(Self::named(name));
                self.children.len() - 1
            }
        };
        &mut self.children[at]
    }

    fn slice_mut(&mut self, slice: &str) -> &mut Self {
        let at = match self.slices.iter().position(|one| one.slice.as_deref() == Some(slice)) {
            Some(at) => at,
            None => {
                self.slices.push(Self { slice: Some(slice.into()), ..Self::named(&self.name) });
                self.slices.len() - 1
            }
        };
        &mut self.slices[at]
    }

    /// A choice of which one type is required is required itself, also where only `valueQuantity` says so.
    fn require_choices(&mut self) {
        for child in &mut self.children {
            let of_types = child.slicing.as_ref().is_some_and(Slicing::is_of_types);
            if of_types && child.slices.iter().any(|slice| slice.min > 0) {
                child.min = child.min.max(1);
            }
            child.require_choices();
            child.slices.iter_mut().for_each(Self::require_choices);
        }
    }

    /// Takes over what an `ElementDefinition` says.
    fn read(&mut self, element: Element<'_>) {
        let number = |name: &str| element.member(name).and_then(|value| value.raw().parse::<u32>().ok());
        self.min = number("min").unwrap_or(self.min);
        if let Some(max) = text(element, "max") {
            self.max = max.parse().ok();
        }
        self.max_length = element.member("maxLength").and_then(|value| value.raw().parse().ok()).or(self.max_length);
        self.unchecked |= element.member("unchecked").is_some();
        for member in element.children() {
            let key = member.key().unwrap_or_default();
            let place = match () {
                () if is_value(&key, "fixed") => &mut self.fixed,
                () if is_value(&key, "pattern") => &mut self.pattern,
                () if is_value(&key, "minValue") => &mut self.least,
                () if is_value(&key, "maxValue") => &mut self.most,
                () => continue,
            };
            *place = Some(Sample(member.raw().into()));
        }
        let types: Vec<TypeRule> = items(element, "type").filter_map(type_rule).collect();
        if !types.is_empty() {
            self.types = types;
        }
        if let Some(same) = text(element, "contentReference") {
            self.same_as = same.rsplit('#').next().map(Into::into);
        }
        if let Some(binding) = element.member("binding") {
            let strength = text(binding, "strength").unwrap_or_default();
            if let ("required" | "extensible", Some(value_set)) = (&*strength, text(binding, "valueSet")) {
                self.binding = Some(Binding { required: &*strength == "required", value_set });
            }
        }
        self.invariants.extend(items(element, "constraint").filter_map(invariant));
        if let Some(slicing) = element.member("slicing") {
            self.slicing = Some(Slicing::read(slicing));
        }
    }
}

impl Slicing {
    fn read(slicing: Element<'_>) -> Self {
        let rules = match text(slicing, "rules").as_deref() {
            Some("closed") => Openness::Closed,
            Some("openAtEnd") => Openness::OpenAtEnd,
            _ => Openness::Open,
        };
        Self {
            discriminators: items(slicing, "discriminator").map(discriminator).collect(),
            ordered: slicing.member("ordered").is_some_and(|flag| flag.kind() == Kind::True),
            rules,
        }
    }

    fn is_of_types(&self) -> bool {
        self.discriminators.iter().all(|one| one.kind == DiscriminatorKind::Type && one.path.is_empty())
    }

    /// By the type of a choice.
    fn of_types() -> Self {
        let discriminators = vec![Discriminator { kind: DiscriminatorKind::Type, path: Vec::new() }];
        Self { discriminators, ordered: false, rules: Openness::Open }
    }
}

fn discriminator(element: Element<'_>) -> Discriminator {
    let kind = match text(element, "type").as_deref() {
        Some("exists") => DiscriminatorKind::Exists,
        Some("profile") => DiscriminatorKind::Profile,
        Some("type") => DiscriminatorKind::Type,
        _ => DiscriminatorKind::Value,
    };
    Discriminator { kind, path: path(&text(element, "path").unwrap_or_default()) }
}

/// A discriminator's path: names, `$this`, `resolve()`, `ofType(X)`, `extension('url')`.
fn path(text: &str) -> Vec<PathStep> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let quoted = rest.starts_with("extension(");
        let end =
            if quoted { rest.find(')').map_or(rest.len(), |at| at + 1) } else { rest.find('.').unwrap_or(rest.len()) };
        let step = &rest[..end];
        let after = &rest[end..];
        rest = after.strip_prefix('.').unwrap_or(after);
        let argument = |name: &str| Some(step.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')?.trim());
        steps.push(match step {
            "$this" => continue,
            "resolve()" => PathStep::Resolve,
            _ => match (argument("extension"), argument("ofType")) {
                (Some(url), _) => PathStep::Extension(url.trim_matches(['\'', '"']).into()),
                (_, Some(kind)) => PathStep::OfType(kind.into()),
                _ if step.bytes().all(|byte| byte.is_ascii_alphanumeric()) => PathStep::Member(step.into()),
                _ => PathStep::Unknown,
            },
        });
    }
    steps
}

fn type_rule(element: Element<'_>) -> Option<TypeRule> {
    let code = text(element, "code").filter(|code| !code.starts_with("http://hl7.org/fhirpath/"))?;
    let names = |name: &str| items(element, name).filter_map(|one| one.string()).map(|one| one.into()).collect();
    Some(TypeRule { code, profiles: names("profile"), targets: names("targetProfile") })
}

fn invariant(element: Element<'_>) -> Option<Invariant> {
    let expression = text(element, "expression")?;
    Some(Invariant {
        key: text(element, "key")?,
        is_error: text(element, "severity").as_deref() != Some("warning"),
        resolves: expression.contains("resolve()"),
        expression: Expression::parse(&expression).ok(),
    })
}

/// `fixedUri`, and not `fixed` alone or `fixedness`.
fn is_value(key: &str, name: &str) -> bool {
    key.strip_prefix(name).is_some_and(|kind| kind.starts_with(|first: char| first.is_ascii_uppercase()))
}

fn text(element: Element<'_>, name: &str) -> Option<Box<str>> {
    element.member(name)?.string().map(|text| text.into())
}

fn items<'d>(element: Element<'d>, name: &str) -> impl Iterator<Item = Element<'d>> {
    element.member(name).into_iter().flat_map(|list| list.children())
}
