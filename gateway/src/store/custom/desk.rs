//! Changes of SearchParameter resources within a transaction: judged before anything is written, and kept when it commits.

use consent::OrganizationId;
use mappers::json::{Document, Element};
use mappers::search::custom::{self, Definition, Problem, Verdict};
use mappers::search::parameters::ParameterKind;

use super::{INDEXING, READY, REMOVING};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::emit::Snapshot;
use crate::store::types::Note;

/// The type whose resources define parameters.
pub(crate) const KIND: &str = "SearchParameter";

/// Takes each SearchParameter among rows of other programs. Those programs are told of no objection: what cannot be a
/// parameter is only a resource.
pub(crate) async fn adopt(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    snapshots: &[Snapshot],
) -> Result<(), DbError> {
    let defining: Vec<&Snapshot> = snapshots.iter().filter(|snapshot| &*snapshot.kind == KIND).collect();
    if defining.is_empty() {
        return Ok(());
    }
    let mut desk = Desk::open(connection, organization).await?;
    for snapshot in defining {
        let document = Document::parse(&snapshot.body).ok();
        if desk.take(&snapshot.id, document.as_ref().map(Document::root)).is_err() {
            tracing::warn!("a row of another program's defines a search parameter that cannot be one here");
            desk.retire(&snapshot.id);
        }
    }
    desk.keep(connection, organization).await?;
    core.registry.settles();
    Ok(())
}

/// The organization's parameters as they will be.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    rows: Vec<Held>,
    next: i64,
    changed: bool,
}

/// One parameter.
#[derive(Clone, Debug)]
struct Held {
    number: i64,
    id: Box<str>,
    state: &'static str,
    definition: Definition,
    change: Option<Act>,
}

/// What must be done in the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Act {
    Insert,
    Update,
}

impl Desk {
    /// Opens it for a transaction that changes definitions; another one that does waits.
    pub(crate) async fn open(connection: &mut Connection, organization: OrganizationId) -> Result<Self, DbError> {
        let args = [Arg::Int(organization.0)];
        let first =
            "insert into search_registry (organization_id, version, next) values ($1, 0, 1) on conflict do nothing";
        connection.execute(first, &args).await?;
        let lock = dialect::for_update(connection.engine());
        let next = format!("select next from search_registry where organization_id = $1{lock}");
        let next = connection.fetch_optional(&next, &args).await?.and_then(|row| row.int(0)).unwrap_or(1);
        let sql =
            "select number, id, state, definition from search_parameters where organization_id = $1 order by number";
        let held = |row: &Row| {
            let state = [INDEXING, READY, REMOVING].into_iter().find(|state| row.text(2) == Some(state))?;
            let definition = Definition::from_json(row.text(3)?)?;
            Some(Held { number: row.int(0)?, id: row.text(1)?.into(), state, definition, change: None })
        };
        let rows = connection.fetch(sql, &args).await?;
        let rows = rows
            .iter()
            .map(|row| held(row).ok_or_else(|| DbError::fault("a search parameter that was kept cannot be read")));
        Ok(Self { rows: rows.collect::<Result<_, _>>()?, next, changed: false })
    }

    /// Takes the new state of a SearchParameter; `None` where it is gone. What to tell its writer.
    ///
    /// # Errors
    /// Why it cannot be a parameter here.
    pub(crate) fn take(&mut self, id: &str, resource: Option<Element<'_>>) -> Result<Option<Note>, Vec<Problem>> {
        let Some(resource) = resource else {
            self.retire(id);
            return Ok(None);
        };
        let known = |url: &str| -> Option<(ParameterKind, Vec<&'static str>)> {
            let found = self.in_force().find(|held| &*held.definition.url == url && &*held.id != id)?;
            Some((found.definition.param_kind, found.definition.targets.clone()))
        };
        match custom::read(resource, &known)? {
            Verdict::Active(definition) => self.activate(id, definition).map(Some),
            Verdict::BuiltIn => {
                self.retire(id);
                Ok(Some(Note::BuiltIn))
            }
            Verdict::Stored => {
                self.retire(id);
                Ok(Some(Note::Stored))
            }
        }
    }

    fn in_force(&self) -> impl Iterator<Item = &Held> {
        self.rows.iter().filter(|held| held.state != REMOVING)
    }

    fn activate(&mut self, id: &str, definition: Definition) -> Result<Note, Vec<Problem>> {
        let kinds = definition.kinds();
        let clash = self.in_force().find_map(|held| {
            let same = &*held.id != id && held.definition.code == definition.code;
            kinds.iter().find(|kind| same && held.definition.is_of(kind)).map(|kind| (held, *kind))
        });
        if let Some((held, kind)) = clash {
            let (code, other) = (&definition.code, &held.id);
            return Err(problem(
                "duplicate",
                "code",
                format!(
                    "{kind} has a parameter {code} already, by SearchParameter/{other}. Choose another code, or retire that one."
                ),
            ));
        }
        let standing = self.rows.iter_mut().find(|held| held.state != REMOVING && *held.id == *id);
        if let Some(held) = standing.filter(|held| held.definition.indexes_as(&definition)) {
            if held.definition != definition {
                // The same rows under another name.
                held.definition = definition;
                held.change = held.change.or(Some(Act::Update));
                self.changed = true;
            }
            return Ok(if held.state == READY { Note::Ready } else { Note::Indexing });
        }
        self.retire(id);
        if self.in_force().count() >= custom::MOST {
            let told = format!(
                "There are {} parameters of your own already, and each one costs on every write. Retire those that nobody uses.",
                custom::MOST
            );
            return Err(problem("too-costly", "status", told));
        }
        let (number, span) = (self.next, i64::from(definition.span()));
        if number + span >= i64::from(i32::MAX) {
            return Err(problem("too-costly", "status", "There have been too many definitions.".to_owned()));
        }
        self.next += span;
        self.changed = true;
        self.rows.push(Held { number, id: id.into(), state: INDEXING, definition, change: Some(Act::Insert) });
        Ok(Note::Indexing)
    }

    /// It is no parameter any more.
    fn retire(&mut self, id: &str) {
        let mut standing = self.rows.iter_mut().filter(|held| held.state != REMOVING && *held.id == *id);
        if let Some(held) = standing.next() {
            held.state = REMOVING;
            held.change = held.change.or(Some(Act::Update));
            self.changed = true;
        }
    }

    /// Keeps what was changed, within the transaction.
    pub(crate) async fn keep(self, connection: &mut Connection, organization: OrganizationId) -> Result<(), DbError> {
        if !self.changed {
            return Ok(());
        }
        let organization = Arg::Int(organization.0);
        for held in &self.rows {
            let (number, definition) = (Arg::Int(held.number), held.definition.to_json());
            let definition = Arg::Text(&definition);
            match held.change {
                None => continue,
                Some(Act::Insert) => {
                    let sql = "insert into search_parameters (organization_id, number, id, state, definition) \
                         values ($1, $2, $3, $4, $5)";
                    let args = [organization, number, Arg::Text(&held.id), Arg::Text(held.state), definition];
                    connection.execute(sql, &args).await?;
                }
                Some(Act::Update) => {
                    let sql = "update search_parameters set state = $3, definition = $4 \
                         where organization_id = $1 and number = $2";
                    connection.execute(sql, &[organization, number, Arg::Text(held.state), definition]).await?;
                }
            }
        }
        let sql = "update search_registry set version = version + 1, next = $2 where organization_id = $1";
        connection.execute(sql, &[organization, Arg::Int(self.next)]).await.map(drop)
    }
}

fn problem(code: &'static str, place: &str, details: String) -> Vec<Problem> {
    vec![Problem { code, expression: format!("SearchParameter.{place}"), details }]
}
