//! Another program at work on one map's tables: rows to begin with, then edits of every column, each judged by what FHIR shows.

use gateway_tests::{Json, look};
use jiff::tz::TimeZone;
use mappers::codec::{Context, decode};
use mappers::map::{Codec, Map, MapSet};
use mappers::row::Cell;
use mappers::schema::ColumnKind;

use crate::clinic::{Clinic, Home};
use crate::dice::Dice;
use crate::edits;
use crate::rows::{Rows, others_stay, slots_of};
use crate::shapes::{Leaf, Maker};
use crate::words::Words;

/// The note that rows of notes belong to.
const NOTE: &str = "a-signed-note";

/// Rows `1` and `2` of every table that others refer to.
pub(crate) async fn anchors(clinic: &mut Clinic, set: &MapSet, words: &Words, dice: &mut Dice) {
    let plain = |map: &&Map| map.id_prefix.is_empty() && !map.listed && !map.facet && map.append_only.is_none();
    let mut maps: Vec<&Map> = set.maps.iter().filter(plain).collect();
    maps.sort_by_key(|map| map.resource != "Patient");
    for map in maps {
        let rows = Rows::of(map);
        for key in ["1", "2"] {
            let mut is_there = false;
            for _ in 0..50 {
                let mut cells = rows.row(10, dice).cells;
                words.fit(map, None, &mut cells, dice);
                is_there = clinic.run(|engine| edits::insert(map, key, &cells, NOTE, &[], engine)).await;
                if is_there {
                    break;
                }
            }
            assert!(is_there, "{}: no row {key}", map.name);
        }
    }
    let note = format!(
        "insert into soap_notes (id, organization_id, patient_id, provider_id, status, signed_by) values ('{NOTE}', 1, '1', '1', 'signed', '1')"
    );
    assert!(clinic.run(|_| note.clone()).await);
}

/// Another program, and what it works on.
pub(crate) struct Program<'a> {
    clinic: &'a mut Clinic,
    map: &'a Map,
    rows: Rows<'a>,
    words: &'a Words,
    dice: &'a mut Dice,
    homes: Vec<Home>,
    /// `patient` is a search parameter of the type.
    by_patient: bool,
    /// Names for new rows.
    next: usize,
    /// Edits that were made, and those that the table refused.
    made: usize,
    refused: usize,
}

impl<'a> Program<'a> {
    /// With rows of all three kinds.
    pub(crate) async fn of(clinic: &'a mut Clinic, map: &'a Map, words: &'a Words, dice: &'a mut Dice) -> Self {
        let by_patient = clinic.searches_by_patient(&map.resource).await;
        let rows = Rows::of(map);
        let mut program =
            Self { clinic, map, rows, words, dice, homes: Vec::new(), by_patient, next: 0, made: 0, refused: 0 };
        for _ in 0..2 {
            program.insert().await;
        }
        if !map.listed {
            program.clients().await;
        }
        program.choose().await;
        program
    }

    /// Some of the map's resources: of the demo, of SQL, of clients.
    async fn choose(&mut self) {
        self.clinic.read("/Patient/1").await;
        let name = &self.map.name;
        let all = self.clinic.homes(&format!("map = '{name}' and deleted = 0")).await;
        let of = |mark: &str| all.iter().filter(|home| home.is_of(mark)).take(2).cloned().collect::<Vec<_>>();
        let mut homes = [of("sql-"), of("fhir-")].concat();
        let known = homes.clone();
        homes.extend(all.iter().filter(|home| !known.contains(home)).take(2).cloned());
        assert!(!homes.is_empty(), "{name}: no resource to edit");
        for home in &homes {
            self.clinic.read(&home.path).await;
        }
        self.homes = homes;
    }

    /// Edits every column once, in any order, and everything else in between.
    pub(crate) async fn work(mut self) {
        let mut order: Vec<usize> = (0..self.rows.leaves.len()).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, self.dice.below(last + 1));
        }
        for leaf in order {
            let home = self.homes[self.dice.below(self.homes.len())].clone();
            self.clinic.note(format!("{} {}: {}", self.map.name, home.path, self.rows.leaves[leaf].path));
            if self.map.append_only.is_some() {
                self.append(&home).await;
            } else {
                self.edit(leaf, &home).await;
            }
            match self.dice.below(12) {
                0..=2 => self.put_back(&home.path).await,
                3 => self.come_and_go(&home).await,
                4 => self.insert().await,
                _ => {}
            }
            self.true_everywhere(&home.path).await;
        }
        for home in self.homes.clone() {
            self.put_back(&home.path).await;
            self.true_everywhere(&home.path).await;
        }
        println!("{}: {} edits, {} refused by the table", self.map.name, self.made, self.refused);
        assert!(self.made > self.refused / 2, "{}: the table refuses nearly everything", self.map.name);
    }

    async fn true_everywhere(&mut self, path: &str) {
        let body = self.clinic.last(path).map(|text| Json::of(&text));
        let patient = body.as_ref().filter(|_| self.by_patient).and_then(|body| {
            let places = ["subject.reference", "patient.reference", "beneficiary.reference"];
            places
                .iter()
                .find_map(|place| look(body, place)?.as_str()?.strip_prefix("Patient/"))
                .map(|id| id.split('/').next().unwrap().to_owned())
        });
        let pick = self.dice.below(1_000);
        self.clinic.true_everywhere(path, patient.as_deref(), pick).await;
    }

    /// A row by SQL alone; it is a resource at once.
    async fn insert(&mut self) {
        let map = self.map;
        if map.listed {
            let signed =
                "update soap_notes set status = 'signed', signed_by = coalesce(signed_by, '1'), deleted_at = null";
            assert!(self.clinic.run(|_| format!("{signed} where id = '{NOTE}'")).await);
        }
        // A table with many checks (of a choice one value, or why there is none) refuses most rows that are made at random.
        for _ in 0..300 {
            self.next += 1;
            let key = format!("sql-{}-{}", map.name.replace(['_', '.'], "-"), self.next);
            let chance = [0, 30, 60, 100][self.dice.below(4)];
            let mut row = self.rows.row(chance, self.dice);
            self.words.fit(map, None, &mut row.cells, self.dice);
            for (child, rows) in row.children.iter_mut().enumerate() {
                rows.iter_mut().for_each(|row| self.words.fit(map, Some(child), &mut row.cells, self.dice));
            }
            let taken = self
                .clinic
                .run(|engine| {
                    let mut text = edits::insert(map, &key, &row.cells, NOTE, &[], engine);
                    for (child, rows) in map.children.iter().zip(&row.children) {
                        for one in rows {
                            let own = one.key.as_deref().unwrap_or_default();
                            text += "; ";
                            text += &edits::insert_child(child, &key, own, one.position, &one.cells, engine);
                        }
                    }
                    text
                })
                .await;
            if taken {
                self.clinic.read("/Patient/1").await;
                let name = &map.name;
                let home = self.clinic.homes(&format!("map = '{name}' and key = '{key}'")).await.pop();
                let Some(home) = home else { self.clinic.fail(&format!("{name}: the row {key} is no resource")) };
                let Some(body) = self.clinic.read(&home.path).await else {
                    self.clinic.fail(&format!("{} is not served", home.path))
                };
                for leaf in self.rows.leaves.iter().filter(|leaf| leaf.child.is_none()) {
                    self.shows(leaf, leaf.field.slots.iter().map(|slot| (*slot, row.cells[*slot].clone())), &body);
                }
                self.put_back(&home.path).await;
                return;
            }
        }
        self.clinic.fail(&format!("{}: the table refuses every row", map.name));
    }

    /// The column's value is in the resource.
    fn shows(&self, leaf: &Leaf<'_>, cells: impl Iterator<Item = (usize, Cell)>, body: &str) {
        let context = Context { zone: &TimeZone::UTC, content: None };
        for (slot, cell) in cells {
            let declared = &slots_of(self.map, leaf)[slot];
            let is_other = matches!(leaf.field.codec, Codec::Content(_) | Codec::Places(_) | Codec::Reference);
            let Some(text) = cell.as_deref().filter(|_| !is_other && declared.kind != ColumnKind::Json) else {
                continue;
            };
            let is_joined =
                declared.join.is_some_and(|join| self.map.joins[join].write == mappers::map::JoinWrite::Never);
            let mut value = Vec::new();
            let is_value = decode(leaf.field, declared.kind, text, &context, &mut value);
            let value = String::from_utf8_lossy(&value).into_owned();
            let value = value.trim_matches(['[', ']']);
            if is_value && !is_joined && !body.contains(value) {
                self.clinic.fail(&format!("{} {}: {value} is not in {body}", leaf.path, declared.column));
            }
        }
    }

    /// Resources by FHIR, with more than the columns can say.
    async fn clients(&mut self) {
        let (mut landed, mut elsewhere) = (0, 0);
        for number in 0..40 {
            let id = format!("fhir-{}-{number}", self.map.name.replace(['_', '.'], "-"));
            let mut maker = Maker::new(self.map, self.dice);
            maker.chance = [20, 50, 90][number % 3];
            // Numbers that both engines hold as they are written: where they do not, another program's change of the row begins
            // from different rows.
            let numbers = [("123456789012345678901234567890.5", "1234567890.5"), ("98.60", "98.25"), ("-0.0", "-0.5")];
            let text = numbers.iter().fold(maker.resource(), |text, (from, to)| text.replace(from, to));
            let mut resource = Json::of(&text).with("id", Json::text(&id));
            if self.map.resource != "Binary" {
                let kept = r#"[{"url":"urn:keep","valueDecimal":1.10}]"#;
                let extensions = [resource.items("extension"), Json::of(kept).array()].concat();
                resource.set("", "extension", Json::Array(extensions));
            }
            let path = format!("/{}/{id}", self.map.resource);
            if self.clinic.put(&path, &resource.to_string()).await != 201 {
                continue;
            }
            let map = self.clinic.home(&path).await.and_then(|home| home.map);
            elsewhere += usize::from(map.as_ref().is_some_and(|map| *map != self.map.name));
            if map.as_deref() == Some(self.map.name.as_str()) {
                let read = self.clinic.read(&path).await.unwrap_or_default();
                let (read, sent) = (Json::of(&read).without_server_meta(), resource.without_server_meta());
                if let Some(difference) = sent.difference(&read) {
                    self.clinic.fail(&format!("{path}: {difference}\n{sent}\n{read}"));
                }
                landed += 1;
                if landed == 2 {
                    return;
                }
            }
        }
        // A table of which another one takes all that clients write is written by SQL alone.
        if landed + elsewhere < 20 {
            let name = &self.map.name;
            self.clinic
                .fail(&format!("{name}: of 40 resources of clients the table took {landed}, others {elsewhere}"));
        }
    }

    /// What a client reads, it can write: the resource is valid, and no column changes.
    async fn put_back(&mut self, path: &str) {
        let Some(body) = self.clinic.read(path).await.map(|body| Json::of(&body)) else { return };
        let Some(home) = self.clinic.home(path).await.filter(|home| home.map.as_deref() == Some(&self.map.name)) else {
            return;
        };
        let before = edits::snapshot(self.clinic, self.map, &home, &body).await;
        self.clinic.put_back(path).await;
        let Some(after) = self.clinic.home(path).await else { return };
        if after.map != home.map || after.keys != home.keys && self.map.append_only.is_none() {
            self.clinic.fail(&format!("{path} was {home:?} and is {after:?}"));
        }
        let now = edits::snapshot(self.clinic, self.map, &after, &body).await;
        if now != before {
            self.clinic.fail(&format!(
                "{path}: what was read is put back, and columns change\n{before:?}\n{now:?}\n{}",
                self.clinic.last(path).unwrap_or_default()
            ));
        }
    }

    async fn edit(&mut self, leaf: usize, home: &Home) {
        let map = self.map;
        let Some(before) = self.clinic.read(&home.path).await else { return };
        let Some(now) = self.clinic.home(&home.path).await else { return };
        if now.map.as_deref() != Some(&map.name) {
            return;
        }
        let changed = match self.rows.leaves[leaf].child {
            None => {
                let Some(cells) = edits::cells(self.clinic, map, &now).await else { return };
                let Some(change) = edits::change(&self.rows, self.words, &self.rows.leaves[leaf], &cells, self.dice)
                else {
                    return;
                };
                let there = edits::joined(self.clinic, map, &now).await;
                let taken = self
                    .clinic
                    .run(|engine| edits::update(map, now.key(engine), &change.columns, &there, engine))
                    .await;
                taken.then_some(Some(change))
            }
            Some(child) => self.edit_child(leaf, child, &now).await,
        };
        let Some(changed) = changed else {
            self.refused += 1;
            return;
        };
        self.made += 1;
        let leaf = &self.rows.leaves[leaf];
        let Some(body) = self.clinic.read(&home.path).await else {
            // (A note that is no longer signed takes its orders along.)
            if map.joins.iter().all(|join| join.filter.is_none()) {
                self.clinic.fail(&format!("{} was changed, and {} is gone", leaf.path, home.path));
            }
            return;
        };
        if let Some(change) = changed {
            for leaf in self.rows.leaves.iter().filter(|other| other.child == leaf.child) {
                let columns = change.columns.iter().filter(|(slot, _)| leaf.field.slots.contains(slot));
                self.shows(leaf, columns.cloned(), &body);
            }
            if change.takes_away && before == body {
                self.clinic.fail(&format!("{}: a row is gone, and its item is served: {body}", leaf.path));
            }
        }
        if let Err(name) = others_stay(&self.rows, leaf, (&before, &body)) {
            self.clinic.fail(&format!("{} was changed, and so was {name}:\n{before}\n{body}", leaf.path));
        }
        if before.contains("\"urn:keep\",\"valueDecimal\":1.10") && !body.contains("\"urn:keep\",\"valueDecimal\":1.10")
        {
            self.clinic.fail(&format!("the client's extension is gone:\n{before}\n{body}"));
        }
    }

    /// A child row comes, goes, or changes in the leaf's column. `None`: the table refuses it.
    async fn edit_child(&mut self, leaf: usize, child: usize, home: &Home) -> Option<Option<edits::Change>> {
        let table = &self.map.children[child];
        let there = edits::child_rows(self.clinic, table, home).await;
        let leaf = &self.rows.leaves[leaf];
        if there.is_empty() || self.dice.one_in(5) {
            self.next += 1;
            let position = 1_000 + self.next as i64;
            let mut row = self.rows.child_row(child, position, self.dice);
            self.words.fit(self.map, Some(child), &mut row.cells, self.dice);
            let own = format!("child-{}", self.dice.below(1_000_000_000));
            let taken = self
                .clinic
                .run(|engine| edits::insert_child(table, home.key(engine), &own, position, &row.cells, engine))
                .await;
            let columns = row.cells.into_iter().enumerate().collect();
            return taken.then_some(Some(edits::Change { columns, takes_away: false }));
        }
        let (place, cells) = &there[self.dice.below(there.len())];
        let of = |engine| format!("{} = '{}' and {place}", table.parent_key, home.key(engine));
        if self.dice.one_in(6) {
            let taken = self.clinic.run(|engine| format!("delete from {} where {}", table.table, of(engine))).await;
            // One column alone may hold what no resource can say.
            let takes_away = cells.iter().flatten().count() > 1;
            return taken.then_some(Some(edits::Change { columns: Vec::new(), takes_away }));
        }
        let Some(change) = edits::change(&self.rows, self.words, leaf, cells, self.dice) else { return Some(None) };
        let taken = self
            .clinic
            .run(|engine| {
                let sets = change.columns.iter().map(|(slot, cell)| {
                    let slot = &table.slots[*slot];
                    format!("{} = {}", slot.column, edits::literal(engine, slot, cell.as_deref()))
                });
                format!("update {} set {} where {}", table.table, sets.collect::<Vec<_>>().join(", "), of(engine))
            })
            .await;
        taken.then_some(Some(change))
    }

    /// An event that stands in the place of another; rows themselves can neither be changed nor deleted.
    async fn append(&mut self, home: &Home) {
        let map = self.map;
        let only = map.append_only.as_ref().unwrap();
        let Some(_) = self.clinic.read(&home.path).await else { return };
        let Some(now) = self.clinic.home(&home.path).await else { return };
        if now.map.as_deref() != Some(&map.name) {
            return;
        }
        let table = &map.table;
        if self.dice.one_in(4) {
            let deletes = self.dice.one_in(2);
            let statement = |key: &str| match deletes {
                true => format!("delete from {table} where id = '{key}'"),
                false => format!("update {table} set source = 'changed' where id = '{key}'"),
            };
            if self.clinic.run(|engine| statement(now.key(engine))).await {
                self.clinic.fail("a table that is only appended to was changed");
            }
        }
        self.next += 1;
        let new = format!("sql-{}-{}", map.name.replace(['_', '.'], "-"), self.next);
        let mut cells = self.rows.row([30, 60, 100][self.dice.below(3)], self.dice).cells;
        self.words.fit(map, None, &mut cells, self.dice);
        let retracts = self.dice.one_in(10);
        if retracts {
            let slot = map.slots.iter().position(|slot| slot.column == only.retracted.0);
            slot.into_iter().for_each(|slot| cells[slot] = None);
        }
        let recorded = format!("'2050-01-01T00:00:00.{:06}Z'", self.next);
        let row = |engine| {
            let mut more =
                vec![(&*only.supersedes, format!("'{}'", now.key(engine))), ("recorded_at", recorded.clone())];
            let (column, word) = &only.retracted;
            more.extend(retracts.then(|| (column.as_str(), format!("'{word}'"))));
            edits::insert(map, &new, &cells, NOTE, &more, engine)
        };
        if !self.clinic.run(row).await {
            self.refused += 1;
            return;
        }
        self.made += 1;
        self.clinic.replaced(&home.path);
        let body = self.clinic.read(&home.path).await;
        match (&body, retracts) {
            (Some(body), false) => {
                for leaf in &self.rows.leaves {
                    self.shows(leaf, leaf.field.slots.iter().map(|slot| (*slot, cells[*slot].clone())), body);
                }
            }
            (None, true) => self.choose().await,
            _ => self.clinic.fail(&format!("{} after a retraction ({retracts}): {body:?}", home.path)),
        }
    }

    /// A row goes, for good or marked as deleted: its resource is gone at once. It comes back with a version of its own.
    async fn come_and_go(&mut self, home: &Home) {
        let map = self.map;
        if map.append_only.is_some() {
            return;
        }
        let Some(before) = self.clinic.read(&home.path).await else { return };
        let Some(now) = self.clinic.home(&home.path).await else { return };
        if now.map.as_deref() != Some(&map.name) {
            return;
        }
        let (table, own) = (&map.table, &map.key);
        let Some(deleted) = &map.deleted else {
            let row = |engine| {
                let key = now.key(engine);
                let children = map.children.iter();
                let children =
                    children.map(|child| format!("delete from {} where {} = '{key}'; ", child.table, child.parent_key));
                format!("{}delete from {table} where {own} = '{key}'", children.collect::<String>())
            };
            if self.clinic.run(row).await {
                if let Some(body) = self.clinic.read(&home.path).await {
                    self.clinic.fail(&format!("{}: its row is gone, and it is served: {body}", home.path));
                }
                self.true_everywhere(&home.path).await;
                self.insert().await;
                self.choose().await;
            }
            return;
        };
        let mark =
            |engine, value| format!("update {table} set {deleted} = {value} where {own} = '{}'", now.key(engine));
        assert!(self.clinic.run(|engine| mark(engine, "'2026-01-01T00:00:00Z'")).await);
        if let Some(body) = self.clinic.read(&home.path).await {
            self.clinic.fail(&format!("{}: its row is deleted, and it is served: {body}", home.path));
        }
        self.true_everywhere(&home.path).await;
        assert!(self.clinic.run(|engine| mark(engine, "null")).await);
        let after = self.clinic.read(&home.path).await;
        if after.as_deref() != Some(&before) {
            self.clinic.fail(&format!("{}: it comes back as another:\n{before}\n{after:?}", home.path));
        }
    }
}
