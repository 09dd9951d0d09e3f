//! A map's own shape as a source: where its columns are in a resource, and resources that have them.

use fhirbolt_shared::element_map::r4::ELEMENT_MAP;
use jiff::tz::TimeZone;
use mappers::codec::{Context, Encoded, encode};
use mappers::map::{Codec, Field, Map, Member, ObjectShape, Selector, Slice, Slot, Target};
use mappers::structure::{Definition, Shape, definition, required};

use crate::dice::Dice;
use crate::node::Node;
use crate::values::{Kind, of_type, values};

/// The organization's zone: not UTC, so that a stamp without zone shows.
pub(crate) fn zone() -> TimeZone {
    TimeZone::get("America/New_York").expect("a bundled zone")
}

/// A field of a map or of one of its children.
#[derive(Clone, Debug)]
pub(crate) struct Leaf<'m> {
    pub(crate) child: Option<usize>,
    pub(crate) field: &'m Field,
    pub(crate) kind: Kind,
    /// Its place, for messages.
    pub(crate) path: String,
    /// The resource's member that it is in.
    pub(crate) top: &'m str,
    /// Columns of the same level that say the same element in another type.
    pub(crate) rivals: Vec<usize>,
    /// Of each of these some column must be filled for the field to be in its place: what makes a selector true, and the
    /// item before an item picked by place.
    pub(crate) needs: Vec<Vec<usize>>,
    /// It is in an item picked by its place, so that other items may come to be in that place.
    pub(crate) first: bool,
}

/// Every field that has columns.
pub(crate) fn leaves(map: &Map) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    let owner = map.resource.as_str();
    let place = Place {
        map,
        child: None,
        path: owner.to_owned(),
        top: None,
        rivals: Vec::new(),
        needs: Vec::new(),
        first: false,
    };
    collect(&place, &map.shape, owner, &mut found);
    found
}

struct Place<'m> {
    map: &'m Map,
    child: Option<usize>,
    path: String,
    top: Option<&'m str>,
    rivals: Vec<usize>,
    needs: Vec<Vec<usize>>,
    first: bool,
}

fn collect<'m>(place: &Place<'m>, shape: &'m ObjectShape, owner: &str, found: &mut Vec<Leaf<'m>>) {
    for member in &shape.members {
        let said = said_of(owner, &member.name);
        let rivals = shape.members.iter().filter(|other| other.name != member.name);
        let rivals = rivals.filter(|other| said_of(owner, &other.name).name == said.name);
        let mut slots = place.rivals.clone();
        rivals.for_each(|rival| slots_of(&rival.target, &mut slots));
        let inner = Place {
            path: format!("{}.{}", place.path, member.name),
            top: place.top.or(Some(&member.name)),
            rivals: slots,
            needs: place.needs.clone(),
            ..*place
        };
        target(&inner, &member.target, said, found);
    }
}

fn target<'m>(place: &Place<'m>, target: &'m Target, said: Definition, found: &mut Vec<Leaf<'m>>) {
    match target {
        Target::List(_) => {}
        Target::Field(field) if field.slots.is_empty() => {}
        Target::Field(field) => found.push(Leaf {
            child: place.child,
            field,
            kind: kind_of(said),
            path: place.path.clone(),
            top: place.top.unwrap_or_default(),
            rivals: place.rivals.clone(),
            needs: place.needs.clone(),
            first: place.first,
        }),
        Target::Object(inner) => collect(place, inner, owner_of(said), found),
        Target::Slices(slices) => {
            for slice in slices {
                let mut needs = place.needs.clone();
                let mut of = |shape: &ObjectShape| {
                    let mut slots = Vec::new();
                    shape.members.iter().for_each(|member| slots_of(&member.target, &mut slots));
                    needs.push(slots);
                };
                match slice.selector {
                    Selector::Index(place) => {
                        let before =
                            slices.iter().filter(|other| matches!(other.selector, Selector::Index(at) if at < place));
                        before.for_each(|other| of(&other.shape));
                    }
                    Selector::Where(_) => needs.extend(anchor(slice).map(|field| field.slots.clone())),
                }
                let first = place.first || matches!(slice.selector, Selector::Index(_));
                let inner = Place { path: place.path.clone(), rivals: place.rivals.clone(), needs, first, ..*place };
                collect(&inner, &slice.shape, owner_of(said), found);
            }
        }
        Target::Children(number) => {
            let shape = &place.map.children[*number].shape;
            let inner = Place {
                child: Some(*number),
                path: place.path.clone(),
                rivals: Vec::new(),
                needs: Vec::new(),
                ..*place
            };
            match &shape.members[..] {
                [Member { name, target: items }] if name.is_empty() => self::target(&inner, items, said, found),
                _ => collect(&inner, shape, owner_of(said), found),
            }
        }
    }
}

/// The reference column without which an item is not the slice's.
fn anchor(slice: &Slice) -> Option<&Field> {
    fn at<'m>(shape: &'m ObjectShape, steps: &[String]) -> Option<&'m Field> {
        let (name, rest) = steps.split_first()?;
        match &shape.members.iter().find(|member| member.name == *name)?.target {
            Target::Field(field) if matches!(field.codec, Codec::Reference) => Some(field),
            Target::Object(inner) => at(inner, rest),
            _ => None,
        }
    }
    slice.selector.pairs().iter().find_map(|pair| at(&slice.shape, &pair.steps))
}

fn slots_of(target: &Target, slots: &mut Vec<usize>) {
    match target {
        Target::Children(_) | Target::List(_) => {}
        Target::Field(field) => slots.extend(&field.slots),
        Target::Object(inner) => inner.members.iter().for_each(|member| slots_of(&member.target, slots)),
        Target::Slices(slices) => {
            let members = slices.iter().flat_map(|slice| &slice.shape.members);
            members.for_each(|member| slots_of(&member.target, slots));
        }
    }
}

fn said_of(owner: &str, name: &str) -> Definition {
    definition(&format!("{owner}.{name}")).unwrap_or_else(|| panic!("R4 does not know {owner}.{name}"))
}

fn owner_of(said: Definition) -> &'static str {
    match said.shape {
        Shape::Object(owner) => owner,
        Shape::Primitive(name) => name,
        Shape::Resource => "Resource",
    }
}

fn kind_of(said: Definition) -> Kind {
    Kind { name: owner_of(said), codes: said.codes }
}

/// One field that is given, and how.
#[derive(Clone, Debug)]
pub(crate) struct Forced<'m> {
    pub(crate) field: &'m Field,
    /// The member itself.
    pub(crate) value: Option<Node>,
    /// The member with `_` before its name.
    pub(crate) sibling: Option<Node>,
}

/// Makes resources that the map takes.
pub(crate) struct Maker<'m, 'd> {
    pub(crate) map: &'m Map,
    pub(crate) dice: &'d mut Dice,
    /// What is there for sure, and nothing beside it but what must be.
    pub(crate) forced: Option<Forced<'m>>,
    /// Of 100 elements that may be there, so many are.
    pub(crate) chance: usize,
    /// Columns that must be filled.
    needed: Vec<usize>,
    /// Fields that make the selectors of slices true.
    anchors: Vec<*const Field>,
}

fn anchors_of(map: &Map) -> Vec<*const Field> {
    fn within(shape: &ObjectShape, found: &mut Vec<*const Field>) {
        for member in &shape.members {
            match &member.target {
                Target::Object(inner) => within(inner, found),
                Target::Slices(slices) => {
                    for slice in slices {
                        found.extend(anchor(slice).map(std::ptr::from_ref));
                        within(&slice.shape, found);
                    }
                }
                Target::Children(_) | Target::Field(_) | Target::List(_) => {}
            }
        }
    }
    let mut found = Vec::new();
    within(&map.shape, &mut found);
    map.children.iter().for_each(|child| within(&child.shape, &mut found));
    found
}

/// A level of the map: its own columns or those of a child.
#[derive(Clone, Copy)]
struct Level<'m> {
    slots: &'m [Slot],
    child: bool,
}

type Members = Vec<(String, Node)>;

impl<'m, 'd> Maker<'m, 'd> {
    pub(crate) fn new(map: &'m Map, dice: &'d mut Dice) -> Self {
        let mut needed: Vec<usize> = (0..map.slots.len()).filter(|slot| map.slots[*slot].required).collect();
        needed.extend(&map.when_slots);
        if !map.when_one.is_empty() {
            needed.push(map.when_one[dice.below(map.when_one.len())]);
        }
        Self { map, dice, forced: None, chance: 0, needed, anchors: anchors_of(map) }
    }

    pub(crate) fn resource(&mut self) -> String {
        let map = self.map;
        let level = Level { slots: &map.slots, child: false };
        let mut members = self.object(&map.resource, &map.shape, level, &[]).unwrap_or_default();
        if self.chance > 0 {
            self.strangers(&mut members);
            if self.dice.one_in(2) {
                (1..members.len()).rev().for_each(|last| members.swap(last, self.dice.below(last + 1)));
            }
        }
        members.insert(0, ("resourceType".to_owned(), Node::raw(format!("{:?}", map.resource))));
        members.insert(1, ("id".to_owned(), Node::raw("\"client-id\"")));
        Node::Object(members).text()
    }

    /// Elements that the map does not know.
    fn strangers(&mut self, members: &mut Members) {
        let resource = self.map.resource.as_str();
        let names: Vec<&str> = ELEMENT_MAP.get(resource).into_iter().flat_map(|names| names.iter().copied()).collect();
        let fixed = ["id", "meta", "implicitRules", "contained", "text"];
        for name in names.into_iter().filter(|name| !fixed.contains(name)) {
            let said = said_of(resource, name);
            let is_known = self.map.shape.members.iter().any(|member| member.name == name);
            let is_taken = |(other, _): &(String, Node)| {
                definition(&format!("{resource}.{}", other.trim_start_matches('_')))
                    .is_some_and(|other| other.name == said.name)
            };
            if !is_known && self.dice.one_in(12) && !members.iter().any(is_taken) {
                let value = self.any(said);
                members.push((name.to_owned(), value));
            }
        }
        if self.dice.one_in(5) && !members.iter().any(|(name, _)| name == "text") && self.may_have("text") {
            let status = ["generated", "additional"][self.dice.below(2)];
            let div = r#""<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>""#;
            members.push(("text".to_owned(), Node::raw(format!("{{\"status\":\"{status}\",\"div\":{div}}}"))));
        }
        if self.dice.one_in(5) && self.may_have("contained") {
            let basic = r#"[{"resourceType":"Basic","id":"c","code":{"text":"x"}}]"#;
            members.push(("contained".to_owned(), Node::raw(basic)));
        }
        if self.dice.one_in(5) && self.may_have("meta") {
            members.push(("meta".to_owned(), Node::raw(r#"{"source":"urn:s","tag":[{"code":"t"}]}"#)));
        }
    }

    /// Whether R4 has it and the map does not.
    fn may_have(&self, name: &str) -> bool {
        definition(&format!("{}.{name}", self.map.resource)).is_some()
            && !self.map.shape.members.iter().any(|member| member.name == name)
    }

    /// An object's members: `None` where there is nothing to say but constants.
    fn object(
        &mut self,
        owner: &str,
        shape: &'m ObjectShape,
        level: Level<'m>,
        discriminators: &[(String, String)],
    ) -> Option<Members> {
        let mut members: Members = Vec::new();
        for (name, value) in discriminators {
            members.push((name.clone(), Node::raw(format!("{value:?}"))));
        }
        let root = owner == self.map.resource;
        let says = shape.has_constants() && owner != "Extension";
        let (mut strong, mut chosen) = (root || says || !shape.has_columns(), Vec::new());
        for member in &shape.members {
            let asked = required(owner).iter().any(|needs| needs.members.contains(&member.name.as_str()));
            chosen.push(self.rank(&member.target, level).max(usize::from(asked)));
        }
        for (number, member) in shape.members.iter().enumerate() {
            let said = if member.name.is_empty() { None } else { Some(said_of(owner, &member.name)) };
            let name = said.map_or("", |said| said.name);
            let beaten = shape.members.iter().enumerate().any(|(other, one)| {
                other != number
                    && said_of(owner, &one.name).name == name
                    && (chosen[other] > chosen[number] || chosen[other] == chosen[number] && other < number)
            });
            if chosen[number] == 0 || beaten || discriminators.iter().any(|(name, _)| *name == member.name) {
                continue;
            }
            let Some(said) = said else { continue };
            let before = members.len();
            self.member(member, said, level, &mut members);
            let constant = matches!(&member.target, Target::Field(field) if field.slots.is_empty());
            strong |= !constant && members.len() > before;
        }
        if !strong {
            return None;
        }
        for needs in required(owner) {
            let there = |name: &str| needs.members.contains(&name.trim_start_matches('_'));
            let forced =
                |member: &&Member| needs.members.contains(&member.name.as_str()) && self.has_forced(&member.target);
            if members.iter().any(|(name, _)| there(name)) || shape.members.iter().any(|member| forced(&member)) {
                continue;
            }
            let value = self.any(said_of(owner, needs.members[0]));
            members.push((needs.members[0].to_owned(), value));
        }
        if self.chance > 0
            && self.dice.one_in(8)
            && !["Extension", "Binary"].contains(&owner)
            && !members.iter().any(|(name, _)| name == "extension")
        {
            members.push(("extension".to_owned(), Node::raw(EXTENSION)));
        }
        Some(members)
    }

    /// 0: it is not there; the more the surer.
    fn rank(&mut self, target: &'m Target, level: Level<'m>) -> usize {
        let constants = |shape: &ObjectShape| shape.has_constants() && !shape.has_columns();
        let asked = match target {
            Target::Field(field) => field.constant.is_some(),
            Target::Object(shape) => constants(shape),
            Target::Slices(slices) => slices.iter().any(|slice| constants(&slice.shape)),
            Target::Children(_) | Target::List(_) => false,
        };
        match () {
            () if self.has_forced(target) => 4,
            () if self.has_needed(target, level) || self.has_anchor(target) => 3,
            () if asked => 2,
            () => usize::from(self.dice.below(100) < self.chance),
        }
    }

    fn has_forced(&self, target: &Target) -> bool {
        let Some(forced) = &self.forced else { return false };
        self.any_field(target, &|field| std::ptr::eq(field, forced.field))
    }

    fn has_needed(&self, target: &Target, level: Level<'_>) -> bool {
        !matches!(target, Target::Children(_)) && self.any_field(target, &|field| self.needs(field, level))
    }

    fn needs(&self, field: &Field, level: Level<'_>) -> bool {
        let needed = |slot: &usize| if level.child { level.slots[*slot].required } else { self.needed.contains(slot) };
        field.slots.iter().any(needed)
    }

    fn has_anchor(&self, target: &Target) -> bool {
        let is_anchor = |field: &Field| self.anchors.iter().any(|anchor| std::ptr::eq(*anchor, field));
        match target {
            Target::Field(field) => is_anchor(field),
            Target::Object(inner) => inner.members.iter().any(|member| self.has_anchor(&member.target)),
            Target::Children(_) | Target::List(_) | Target::Slices(_) => false,
        }
    }

    fn any_field(&self, target: &Target, test: &dyn Fn(&Field) -> bool) -> bool {
        let within = |shape: &ObjectShape| shape.members.iter().any(|member| self.any_field(&member.target, test));
        match target {
            Target::List(_) => false,
            Target::Field(field) => test(field),
            Target::Object(inner) => within(inner),
            Target::Slices(slices) => slices.iter().any(|slice| within(&slice.shape)),
            Target::Children(number) => within(&self.map.children[*number].shape),
        }
    }

    fn member(&mut self, member: &'m Member, said: Definition, level: Level<'m>, out: &mut Members) {
        let name = &member.name;
        match &member.target {
            Target::Field(field) => self.field(name, field, said, level, out),
            Target::List(_) => {
                let item = Node::raw(r#"{"display":"somebody's"}"#);
                out.push((name.clone(), if said.list { Node::List(vec![item]) } else { item }));
            }
            Target::Object(inner) => {
                let object = self.object(owner_of(said), inner, level, &[]);
                out.extend(object.map(|members| (name.clone(), Node::Object(members))));
            }
            Target::Slices(slices) => {
                let mut items: Vec<Node> = Vec::new();
                for slice in slices {
                    let whole = slice.shape.has_constants() && !slice.shape.has_columns();
                    let shape = &slice.shape;
                    let of_shape =
                        |test: &dyn Fn(&Target) -> bool| shape.members.iter().any(|member| test(&member.target));
                    let must = whole || of_shape(&|target| self.has_forced(target) || self.has_needed(target, level));
                    if !must && self.dice.below(100) >= self.chance {
                        continue;
                    }
                    let discriminators: Vec<(String, String)> =
                        slice.selector.given().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                    let Some(object) = self.object(owner_of(said), shape, level, &discriminators) else { continue };
                    if let Selector::Index(place) = slice.selector {
                        while items.len() < place {
                            items.push(self.any(Definition { list: false, ..said }));
                        }
                        items.insert(place, Node::Object(object));
                    } else {
                        items.push(Node::Object(object));
                    }
                }
                if self.chance > 0 && !items.is_empty() && self.dice.one_in(6) {
                    items.push(self.any(Definition { list: false, ..said }));
                }
                if !items.is_empty() {
                    out.push((name.clone(), Node::List(items)));
                }
            }
            Target::Children(number) => self.items(name, *number, said, out),
        }
    }

    fn items(&mut self, name: &str, number: usize, said: Definition, out: &mut Members) {
        let child = &self.map.children[number];
        let level = Level { slots: &child.slots, child: true };
        let one = Definition { list: false, ..said };
        let count = if self.forced.is_some() { 1 } else { 1 + self.dice.below(3) };
        let mut items = Vec::new();
        for _ in 0..count {
            match &child.shape.members[..] {
                [Member { name, target: Target::Field(field) }] if name.is_empty() => {
                    let mut item = Members::new();
                    self.field("", field, one, level, &mut item);
                    items.extend(item.into_iter().filter(|(name, _)| name.is_empty()).map(|(_, value)| value));
                }
                _ => {
                    let object = self.object(owner_of(said), &child.shape, level, &[]);
                    items.extend(object.map(Node::Object));
                }
            }
        }
        if !items.is_empty() {
            out.push((name.to_owned(), Node::List(items)));
        }
    }

    fn field(&mut self, name: &str, field: &'m Field, said: Definition, level: Level<'m>, out: &mut Members) {
        if field.slots.is_empty() {
            out.extend(field.constant.as_ref().map(|constant| (name.to_owned(), Node::raw(constant))));
            return;
        }
        if let Some(forced) = self.forced.as_ref().filter(|forced| std::ptr::eq(forced.field, field)) {
            out.extend(forced.value.clone().map(|value| (name.to_owned(), value)));
            out.extend(forced.sibling.clone().map(|value| (format!("_{name}"), value)));
            return;
        }
        let kind = kind_of(said);
        let must = self.needs(field, level) || self.anchors.iter().any(|anchor| std::ptr::eq(*anchor, field));
        let wanted = if field.list && !must { 1 + self.dice.below(field.slots.len() + 1) } else { 1 };
        let mut items = Vec::new();
        for _ in 0..wanted {
            items.push(if must {
                fitting(field, kind, level.slots, self.dice)
            } else {
                self.value(field, kind, level.slots)
            });
        }
        let plain = !matches!(kind.name, "Reference" | "xhtml");
        if field.list || said.list {
            if plain && !must && self.dice.one_in(8) {
                let nulls = vec![Node::raw("null"); items.len() - 1];
                let last = Node::raw(format!("{{\"extension\":{EXTENSION}}}"));
                out.push((format!("_{name}"), Node::List(nulls.into_iter().chain([last]).collect())));
            }
            out.push((name.to_owned(), Node::List(items)));
            return;
        }
        if plain && !must && !name.is_empty() && self.dice.one_in(8) {
            out.push((format!("_{name}"), Node::raw(format!("{{\"extension\":{EXTENSION}}}"))));
        }
        out.extend(items.pop().map(|item| (name.to_owned(), item)));
    }

    fn value(&mut self, field: &Field, kind: Kind, slots: &[Slot]) -> Node {
        if matches!(field.codec, Codec::Reference) {
            let target = slots[field.slots[0]].reference.as_ref().map_or("Patient", |column| column.target.as_str());
            let all = references(target, field.bare);
            return all[self.dice.below(all.len())].clone();
        }
        if self.dice.one_in(3) {
            return fitting(field, kind, slots, self.dice);
        }
        let all = values(kind, Some(field));
        Node::raw(all[self.dice.below(all.len())].clone())
    }

    /// The least value of an element, as R4 has it.
    fn any(&mut self, said: Definition) -> Node {
        let value = match said.shape {
            Shape::Resource => Node::raw(r#"{"resourceType":"Basic","code":{"text":"x"}}"#),
            Shape::Primitive(name) => {
                let all = values(Kind { name, codes: said.codes }, None);
                Node::raw(all[self.dice.below(all.len())].clone())
            }
            Shape::Object(owner) => self.least(owner),
        };
        if said.list { Node::List(vec![value]) } else { value }
    }

    fn least(&mut self, owner: &'static str) -> Node {
        match owner {
            "Extension" => return Node::raw(r#"{"url":"urn:e","valueDecimal":1.10}"#),
            "Reference" => return Node::raw(r#"{"display":"somebody"}"#),
            "Narrative" => {
                return Node::raw(
                    r#"{"status":"additional","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}"#,
                );
            }
            _ => {}
        }
        let mut members: Members = Vec::new();
        for needs in required(owner) {
            let value = self.any(said_of(owner, needs.members[0]));
            members.push((needs.members[0].to_owned(), value));
        }
        if members.is_empty() {
            let names = ELEMENT_MAP.get(owner).into_iter().flat_map(|names| names.iter().copied());
            let mut names =
                names.filter(|name| *name != "id" && matches!(said_of(owner, name).shape, Shape::Primitive(_)));
            match names.next() {
                Some(name) => members.push((name.to_owned(), self.any(said_of(owner, name)))),
                None => members.push(("extension".to_owned(), Node::raw(EXTENSION))),
            }
        }
        Node::Object(members)
    }
}

pub(crate) const EXTENSION: &str = r#"[{"url":"urn:e:x","valueDecimal":1.10}]"#;

/// References of all sorts; the first is to a row that is there.
pub(crate) fn references(target: &str, bare: bool) -> Vec<Node> {
    let texts = [
        format!("{target}/1"),
        format!("{target}/2"),
        format!("{target}/x-missing"),
        format!("http://e.org/fhir/{target}/1"),
        format!("{target}/1/_history/2"),
        "#c".to_owned(),
        "Group/1".to_owned(),
        "urn:uuid:c757873d-ec9a-4326-a141-556f43239520".to_owned(),
    ];
    if bare {
        return texts.iter().map(|text| Node::raw(format!("{text:?}"))).collect();
    }
    let mut found: Vec<Node> = texts.iter().map(|text| Node::raw(format!("{{\"reference\":{text:?}}}"))).collect();
    found.push(Node::raw(format!("{{\"reference\":\"{target}/1\",\"type\":\"{target}\",\"display\":\"Somebody\"}}")));
    found.push(Node::raw(format!("{{\"display\":\"first\",\"reference\":\"{target}/2\"}}")));
    found.push(Node::raw(format!("{{\"reference\":\"{target}/1\",\"extension\":{EXTENSION}}}")));
    found.push(Node::raw(r#"{"identifier":{"system":"urn:mrn","value":"1"}}"#));
    found.push(Node::raw(r#"{"display":"nobody known"}"#));
    found
}

/// A value that leaves for its column.
pub(crate) fn fitting(field: &Field, kind: Kind, slots: &[Slot], dice: &mut Dice) -> Node {
    let slot = &slots[field.slots[0]];
    if let Some(column) = slot.reference.as_ref().filter(|_| matches!(field.codec, Codec::Reference)) {
        return references(&column.target, field.bare).swap_remove(0);
    }
    let all = values(kind, Some(field));
    let fits: Vec<&String> = all.iter().filter(|text| fits(field, slot, text)).collect();
    match fits.is_empty() {
        true => Node::raw(all[0].clone()),
        false => Node::raw(fits[dice.below(fits.len())].clone()),
    }
}

/// Whether the column takes the value's exact text.
pub(crate) fn fits(field: &Field, slot: &Slot, text: &str) -> bool {
    let short = |cell: &str| slot.max_length.is_none_or(|most| cell.chars().count() <= most as usize);
    let zone = zone();
    match encode(field, slot.kind, text, &Context { zone: &zone, content: None }) {
        Encoded::Exact(cell) => short(&cell),
        Encoded::Reading(_) | Encoded::Unfit => false,
    }
}

/// Valid values of R4's type, whatever the map says of it.
pub(crate) fn plain(kind: Kind) -> &'static [&'static str] {
    of_type(kind.name)
}
