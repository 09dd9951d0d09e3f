//! Where a map keeps what a profile wants: computed from the map's shape, so that it cannot say more than the map does.

use super::profile::{Condition, Profile, Step, profiles};
use crate::codec::scalar;
use crate::map::{Child, Field, Map, MapSet, Member, ObjectShape, Slice, Slot, Target, Test};

/// What a map carries of a profile's must-support elements.
#[derive(Clone, Debug)]
pub struct Coverage<'m> {
    /// The profile.
    pub profile: &'static Profile,
    /// The map.
    pub map: &'m Map,
    /// Each must-support element and its place; `None` = in the residue.
    pub elements: Vec<(&'static str, Option<Place>)>,
}

/// Where an element lives.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// In what form.
    pub form: Form,
    /// Columns (`table.column` where it is not the map's own), or the constant or default. Of a choice each with its typed name.
    pub names: Vec<String>,
}

/// How an element is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// In columns.
    Column,
    /// The map says it of every row.
    Constant,
    /// The map says it of rows of other programs (the unit of a column); a client's own wording stays in the residue.
    Default,
    /// In the rows of a child table.
    Rows,
}

impl Form {
    /// A word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Column => "column",
            Self::Constant => "constant",
            Self::Default => "default",
            Self::Rows => "rows",
        }
    }
}

impl Coverage<'_> {
    /// How many elements have a place of their own.
    #[must_use]
    pub fn carried(&self) -> usize {
        self.elements.iter().filter(|(_, place)| place.is_some()).count()
    }
}

/// A profile and the maps that may hold its resources.
#[derive(Clone, Debug)]
pub struct Measured<'m> {
    /// The profile.
    pub profile: &'static Profile,
    /// What each map carries, the best first. None: such resources go whole to the generic store.
    pub maps: Vec<Coverage<'m>>,
}

impl Measured<'_> {
    /// How many must-support elements the profile has.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.profile.supported().count()
    }

    /// How many of them the best map carries.
    #[must_use]
    pub fn carried(&self) -> usize {
        self.maps.first().map_or(0, Coverage::carried)
    }
}

/// Every profile of the maps' types. A profile whose codes no map carries as constants is measured by the maps that do not
/// carry others.
#[must_use]
pub fn coverage(set: &MapSet) -> Vec<Measured<'_>> {
    let measured = |profile: &'static Profile| {
        let fits = |wanted: Fit| set.of_type(profile.resource).filter(move |map| fit(profile, map) == wanted);
        let mut maps: Vec<&Map> = fits(Fit::Surely).collect();
        if maps.is_empty() {
            maps = fits(Fit::Perhaps).collect();
        }
        let mut found: Vec<_> = maps.into_iter().map(|map| coverage_of(profile, map)).collect();
        found.sort_by_key(|coverage| usize::MAX - coverage.carried());
        Measured { profile, maps: found }
    };
    profiles().iter().filter(|profile| set.of_type(profile.resource).next().is_some()).map(measured).collect()
}

/// What one map carries of one profile.
#[must_use]
pub fn coverage_of<'m>(profile: &'static Profile, map: &'m Map) -> Coverage<'m> {
    let level = Level { map, slots: &map.slots, children: &map.children, rows: false };
    let place = |steps: &[Step]| {
        let mut leaves = Leaves::default();
        level.find(&map.shape, steps, "", &mut leaves);
        leaves.place()
    };
    let elements = profile.supported().map(|element| (element.path, place(&element.steps))).collect();
    Coverage { profile, map, elements }
}

/// Whether a map's resources are of a profile.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Fit {
    Never,
    Perhaps,
    Surely,
}

fn fit(profile: &Profile, map: &Map) -> Fit {
    let mut fit = Fit::Surely;
    for condition in &profile.conditions {
        match says(map, &condition.path, condition.value) {
            Some(true) => {}
            Some(false) => return Fit::Never,
            None => fit = Fit::Perhaps,
        }
    }
    // A category that the profile only wants supported: a map that always says another is for other resources.
    let categories =
        profile.supported().filter(|element| element.steps.len() == 1 && element.steps[0].name == "category");
    for slice in categories.filter_map(|element| element.steps[0].slice.as_ref()) {
        let path: Vec<&str> = std::iter::once("category").chain(slice.path.iter().copied()).collect();
        if says(map, &path, slice.value) == Some(false) {
            return Fit::Never;
        }
    }
    fit
}

/// Whether the map's constants at a path are that value; `None` where it has none there.
fn says(map: &Map, path: &[&str], value: &str) -> Option<bool> {
    let mut constants = Vec::new();
    constants_at(&map.shape, path, &mut constants);
    (!constants.is_empty()).then(|| constants.iter().any(|constant| constant == value))
}

/// The constant texts at a path, whatever item of a list they are in.
fn constants_at(shape: &ObjectShape, path: &[&str], found: &mut Vec<String>) {
    let Some((name, rest)) = path.split_first() else { return };
    for member in shape.members.iter().filter(|member| member.name == *name) {
        match &member.target {
            Target::Field(Field { constant: Some(constant), .. }) if rest.is_empty() => {
                found.push(scalar(constant).into_owned());
            }
            Target::Object(inner) => constants_at(inner, rest, found),
            Target::Slices(slices) => {
                for slice in slices {
                    found.extend(selected(slice, rest).into_iter().map(ToOwned::to_owned));
                    constants_at(&slice.shape, rest, found);
                }
            }
            Target::Field(_) | Target::Children(_) | Target::List(_) => {}
        }
    }
}

/// What a slice's selector says of a path inside its items: one text, or the words of a choice.
fn selected<'s>(slice: &'s Slice, path: &[&str]) -> Vec<&'s str> {
    match slice.selector.pairs().iter().find(|pair| pair.steps == path).map(|pair| &pair.test) {
        Some(Test::Equals(value)) => vec![value],
        Some(Test::OneOf(words)) => words.iter().flatten().map(String::as_str).collect(),
        Some(Test::StartsWith(_)) | None => Vec::new(),
    }
}

/// A shape's surroundings.
#[derive(Clone, Copy)]
struct Level<'m> {
    map: &'m Map,
    slots: &'m [Slot],
    children: &'m [Child],
    /// It is that of a child table.
    rows: bool,
}

#[derive(Default)]
struct Leaves {
    columns: Vec<String>,
    constants: Vec<String>,
    defaults: Vec<String>,
    rows: bool,
}

impl Leaves {
    fn place(self) -> Option<Place> {
        let form = match (self.rows, self.columns.is_empty(), self.constants.is_empty()) {
            (true, false, _) => Form::Rows,
            (_, false, _) => Form::Column,
            (_, true, false) => Form::Constant,
            (_, true, true) if !self.defaults.is_empty() => Form::Default,
            (_, true, true) => return None,
        };
        let mut names = match form {
            Form::Constant => self.constants,
            Form::Default => self.defaults,
            Form::Column | Form::Rows => self.columns,
        };
        names.sort();
        names.dedup();
        Some(Place { form, names })
    }
}

impl<'m> Level<'m> {
    /// What lies at (and below) the path.
    fn find(&self, shape: &'m ObjectShape, steps: &[Step], typed: &str, leaves: &mut Leaves) {
        let Some((step, rest)) = steps.split_first() else { return self.all(shape, typed, leaves) };
        for member in shape.members.iter().filter(|member| step.names(&member.name)) {
            let typed = if step.choice { format!("{} in ", member.name) } else { typed.to_owned() };
            match &member.target {
                Target::Field(field) => self.field(field, rest, &typed, leaves),
                Target::List(list) => self.list(*list, &typed, leaves),
                Target::Object(inner) => self.find(inner, rest, &typed, leaves),
                Target::Slices(slices) => {
                    for slice in slices.iter().filter(|slice| is_meant(slice, step.slice.as_ref())) {
                        let inner: Vec<&str> = rest.iter().map(|step| step.name).collect();
                        let words = selected(slice, &inner).into_iter();
                        leaves.constants.extend(words.map(|text| format!("{typed}\"{text}\"")));
                        self.find(&slice.shape, rest, &typed, leaves);
                    }
                }
                Target::Children(child) => {
                    self.child(*child).find(&self.map.children[*child].shape, rest, &typed, leaves)
                }
            }
        }
    }

    fn child(&self, child: usize) -> Self {
        Self { slots: &self.children[child].slots, children: &[], rows: true, ..*self }
    }

    fn all(&self, shape: &'m ObjectShape, typed: &str, leaves: &mut Leaves) {
        for Member { target, .. } in &shape.members {
            match target {
                Target::Field(field) => self.field(field, &[], typed, leaves),
                Target::List(list) => self.list(*list, typed, leaves),
                Target::Object(inner) => self.all(inner, typed, leaves),
                Target::Slices(slices) => slices.iter().for_each(|slice| self.all(&slice.shape, typed, leaves)),
                Target::Children(child) => self.child(*child).all(&self.map.children[*child].shape, typed, leaves),
            }
        }
    }

    /// References that the rows of the maps they are of give.
    fn list(&self, list: usize, typed: &str, leaves: &mut Leaves) {
        leaves.columns.extend(self.map.lists[list].of.iter().map(|of| format!("{typed}{of}")));
        leaves.rows = true;
    }

    /// A reference in a column answers for its `reference` member too.
    fn field(&self, field: &Field, rest: &[Step], typed: &str, leaves: &mut Leaves) {
        if rest.first().is_some_and(|step| step.name != "reference") {
            return;
        }
        if let Some(constant) = &field.constant {
            leaves.constants.push(format!("{typed}{constant}"));
        }
        if let Some(default) = field.default.as_ref().filter(|_| field.slots.is_empty()) {
            leaves.defaults.push(format!("{typed}{default}"));
        }
        for slot in &field.slots {
            let slot = &self.slots[*slot];
            let column = match slot.join {
                Some(join) => format!("{}.{}", self.map.joins[join].table, slot.column),
                None => slot.column.clone(),
            };
            leaves.columns.push(format!("{typed}{column}"));
        }
        leaves.rows |= self.rows;
    }
}

/// Whether a slice of a map may be what a profile's slice means.
fn is_meant(slice: &Slice, wanted: Option<&Condition>) -> bool {
    let Some(wanted) = wanted else { return true };
    if slice.selector.pairs().iter().any(|pair| pair.test == Test::Equals(wanted.value.to_owned())) {
        return true;
    }
    let words = selected(slice, &wanted.path);
    if !words.is_empty() {
        return words.contains(&wanted.value);
    }
    let mut constants = Vec::new();
    constants_at(&slice.shape, &wanted.path, &mut constants);
    constants.iter().any(|constant| constant == wanted.value) || constants.is_empty() && has_column(slice, &wanted.path)
}

/// Whether the slice keeps the text at that path, whatever it is, in a column.
fn has_column(slice: &Slice, path: &[&str]) -> bool {
    fn at(shape: &ObjectShape, path: &[&str]) -> bool {
        let Some((name, rest)) = path.split_first() else { return false };
        shape.members.iter().filter(|member| member.name == *name).any(|member| match &member.target {
            Target::Field(field) => !field.slots.is_empty(),
            Target::Object(inner) => at(inner, rest),
            Target::Slices(slices) => slices.iter().any(|slice| at(&slice.shape, rest)),
            Target::Children(_) => true,
            Target::List(_) => false,
        })
    }
    at(&slice.shape, path)
}
