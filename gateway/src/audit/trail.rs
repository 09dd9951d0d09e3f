//! Where the records lie.

use consent::OrganizationId;
use sqlx::ConnectOptions;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Event;
use crate::store::bulk::{self, BulkColumn, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::migrate;
use crate::store::pools::{self, Pools};

/// The file of the trail in the data directory (SQLite).
const FILE: &str = "audit.db";

const COLUMNS: [BulkColumn<'static>; 11] = [
    ("organization_id", BulkType::Int),
    ("at", BulkType::Int),
    ("request", BulkType::Text),
    ("caller", BulkType::Text),
    ("purpose", BulkType::Text),
    ("interaction", BulkType::Text),
    ("type", BulkType::Text),
    ("id", BulkType::Text),
    ("patient", BulkType::Text),
    ("status", BulkType::Int),
    ("decision", BulkType::Text),
];

/// The open trail with its one connection; a connection that failed is opened again at the next batch.
pub(super) struct Trail {
    place: Place,
    connection: Option<Connection>,
}

enum Place {
    File(PathBuf),
    Table(Pools),
}

impl Trail {
    /// Opens the trail and makes its table if it is missing (on PostgreSQL the migrations have).
    pub(super) async fn open(pools: &Pools, data_dir: &Path) -> Result<Self, DbError> {
        let place = match pools.path() {
            Some(_) => Place::File(data_dir.join(FILE)),
            None => Place::Table(pools.clone()),
        };
        let connection = place.connect().await?;
        Ok(Self { place, connection: Some(connection) })
    }

    /// Adds the events in one transaction that is durable when this returns.
    pub(super) async fn append(&mut self, events: &[&Event]) -> Result<(), DbError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.place.connect().await?,
        };
        let result = match &self.place {
            Place::File(_) => append_to_file(&mut connection, events).await,
            Place::Table(_) => append_to_table(&mut connection, events).await,
        };
        if result.is_ok() {
            self.connection = Some(connection);
        }
        result
    }
}

impl Place {
    async fn connect(&self) -> Result<Connection, DbError> {
        match self {
            Self::File(path) => {
                let options = pools::sqlite_options(path).create_if_missing(true);
                let mut connection = Connection::sqlite(options.connect().await?);
                connection.script(&migrate::audit_file()).await?;
                Ok(connection)
            }
            // Kept as long as the trail: the pool must not wait for it when it closes.
            Self::Table(pools) => pools.lone().await,
        }
    }
}

/// Records that go to the file in one statement, which then is its own transaction.
const AT_ONCE: usize = 64;

async fn append_to_file(connection: &mut Connection, events: &[&Event]) -> Result<(), DbError> {
    let fields: Vec<Fields<'_>> = events.iter().map(|event| Fields::of(event)).collect();
    let values: Vec<Arg<'_>> = fields.iter().flat_map(Fields::values).collect();
    if events.len() <= AT_ONCE {
        return bulk::insert_at_once(connection, "audit_events", &COLUMNS, &values).await.map(drop);
    }
    connection.begin_plain().await?;
    let inserted = bulk::insert_rows(connection, "audit_events", &COLUMNS, &values, "").await;
    match inserted {
        Ok(_) => connection.commit().await,
        Err(error) => {
            connection.rollback_if_open().await;
            Err(error)
        }
    }
}

/// Row-level security checks every row against the transaction's organization, so each organization has a statement of
/// its own, which names the organization itself: one round trip where there is only one.
async fn append_to_table(connection: &mut Connection, events: &[&Event]) -> Result<(), DbError> {
    let mut organizations: BTreeMap<OrganizationId, Vec<&Event>> = BTreeMap::new();
    for event in events {
        organizations.entry(event.organization).or_default().push(event);
    }
    if let [(_, events)] = &organizations.iter().collect::<Vec<_>>()[..] {
        return append_of_organization(connection, events).await;
    }
    connection.begin_plain().await?;
    for events in organizations.values() {
        if let Err(error) = append_of_organization(connection, events).await {
            connection.rollback_if_open().await;
            return Err(error);
        }
    }
    connection.commit().await
}

async fn append_of_organization(connection: &mut Connection, events: &[&Event]) -> Result<(), DbError> {
    let fields: Vec<Fields<'_>> = events.iter().map(|event| Fields::of(event)).collect();
    let values: Vec<Arg<'_>> = fields.iter().flat_map(Fields::values).collect();
    let organization = events.first().map_or(0, |event| event.organization.0);
    let sql = "with tenant as materialized (\
                   select set_config('app.current_organization_id', $1::bigint::text, true) as organization) \
               insert into fhir_gateway.audit_events (organization_id, at, request, caller, purpose, interaction, \
                   type, id, patient, status, decision) \
               select k.* from tenant, {keys} where tenant.organization is not null";
    bulk::execute_by_keys(connection, sql, &[Arg::Int(organization)], &COLUMNS, &values).await.map(drop)
}

/// An event's texts, fit for both engines.
struct Fields<'e> {
    event: &'e Event,
    request: Cow<'e, str>,
    caller: Cow<'e, str>,
    id: Option<Cow<'e, str>>,
    patient: Option<Cow<'e, str>>,
}

impl<'e> Fields<'e> {
    fn of(event: &'e Event) -> Self {
        Self {
            event,
            request: clean(&event.request),
            caller: clean(&event.caller),
            id: event.id.as_deref().map(clean),
            patient: event.patient.as_deref().map(clean),
        }
    }

    fn values(&self) -> [Arg<'_>; COLUMNS.len()] {
        [
            Arg::Int(self.event.organization.0),
            Arg::Int(self.event.at_ms),
            Arg::Text(&self.request),
            Arg::Text(&self.caller),
            Arg::Text(self.event.purpose.code()),
            Arg::Text(self.event.interaction),
            Arg::text(self.event.kind.as_deref()),
            Arg::text(self.id.as_deref()),
            Arg::text(self.patient.as_deref()),
            Arg::Int(i64::from(self.event.status)),
            Arg::Text(self.event.decision),
        ]
    }
}

/// PostgreSQL has no NUL in text: one bad record must not keep its whole batch out.
fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}
