//! How the connections of a pool are made, and when one that lay idle may be used again.
//!
//! Nothing is sent when a connection goes back to its pool: whoever left something undone on it has closed it
//! (`store::connection`). What is true of it is asked of the clock alone, and of the server only after a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, Pool, QueueMode, RecycleError, RecycleResult};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor};

use super::{Connections, Trust};
use crate::fair::{Place, Places};
use crate::store::connection::DbError;

/// A connection that was used this long ago is asked whether the server is still there.
const ASKED_AFTER: Duration = Duration::from_secs(30);
/// One that was used this long ago is closed.
const IDLE: Duration = Duration::from_secs(600);
/// How often is looked for those.
const SWEEP: Duration = Duration::from_secs(60);
/// The first pause where nobody listens yet; each further one is twice as long, up to the longest.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A connection of a pool to PostgreSQL.
pub(in crate::store) type PostgresObject = Object<PostgresMaker>;
/// A connection of a pool to an SQLite file.
pub(in crate::store) type SqliteObject = Object<SqliteMaker>;

/// Makes connections to a server, in the application's role.
pub(in crate::store) struct PostgresMaker {
    pub(super) options: PgConnectOptions,
    /// What a session begins with.
    pub(super) session: Arc<str>,
    pub(super) trust: Arc<Trust>,
}

impl Manager for PostgresMaker {
    type Type = PgConnection;
    type Error = sqlx::Error;

    /// A server that starts again refuses for a moment: the pool's patience ends that.
    async fn create(&self) -> Result<PgConnection, sqlx::Error> {
        let mut pause = PAUSE;
        let mut connection = loop {
            match self.options.connect().await {
                Err(error) if is_starting(&error) => tokio::time::sleep(pause).await,
                connected => break connected?,
            }
            pause = LONGEST_PAUSE.min(pause * 2);
        };
        connection.execute(sqlx::raw_sql(AssertSqlSafe(&*self.session))).await?;
        Ok(connection)
    }

    async fn recycle(&self, connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if !self.trust.holds_for(metrics.age()) {
            return Err(RecycleError::message("it is from before the database went away"));
        }
        if metrics.last_used() > ASKED_AFTER {
            connection.ping().await?;
        }
        Ok(())
    }
}

/// Opens a file.
pub(in crate::store) struct SqliteMaker(pub(super) SqliteConnectOptions);

/// A connection to a file, whose statement ends soon after nobody waits for it any more.
pub(in crate::store) struct Watched {
    pub(in crate::store) connection: SqliteConnection,
    abandoned: Arc<AtomicBool>,
}

/// Steps of SQLite's machine between two looks whether somebody still waits: less than a millisecond.
const LOOK_EVERY: i32 = 20_000;

impl Manager for SqliteMaker {
    type Type = Watched;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Watched, sqlx::Error> {
        let mut connection = self.0.connect().await?;
        let abandoned = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&abandoned);
        connection.lock_handle().await?.set_progress_handler(LOOK_EVERY, move || !seen.load(Ordering::Relaxed));
        Ok(Watched { connection, abandoned })
    }

    async fn recycle(&self, _: &mut Watched, _: &Metrics) -> RecycleResult<sqlx::Error> {
        Ok(())
    }
}

/// What can be told that it is not needed any more.
pub(super) trait Closing: Send {
    /// Closes it. It goes, whether the other side hears of it or not.
    fn close(self) -> impl Future<Output = ()> + Send;
}

impl Closing for PgConnection {
    async fn close(self) {
        let _ = sqlx::Connection::close(self).await;
    }
}

impl Closing for Watched {
    async fn close(self) {
        let _ = self.connection.close().await;
    }
}

/// A pool with the patience of those who wait for one of its connections.
pub(super) struct Waiting<M: Manager> {
    pool: Pool<M>,
    /// Where those who wait have turns: as many places as connections.
    places: Option<Arc<Places>>,
    patience: Duration,
}

impl<M: Manager> Clone for Waiting<M> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), places: self.places.clone(), patience: self.patience }
    }
}

impl<M: Manager<Error = sqlx::Error>> Waiting<M>
where
    M::Type: Closing,
{
    /// At most so many connections, each made when it is wanted.
    pub(super) fn new(maker: M, connections: u32, patience: Duration) -> Result<Self, DbError> {
        let size = usize::try_from(connections.max(1)).unwrap_or(1);
        let pool = Pool::builder(maker).max_size(size).queue_mode(QueueMode::Lifo).build();
        let pool = pool.map_err(|_| DbError::fault("a pool of connections cannot be made"))?;
        Ok(Self { pool, places: None, patience })
    }

    /// The same, whose connections are shared fairly among those for whom tasks work.
    pub(super) fn fair(self) -> Self {
        let places = Places::of_readers(self.pool.status().max_size, self.patience);
        Self { places: Some(places), ..self }
    }

    /// A connection, and the place that is kept for as long as somebody has it.
    pub(super) async fn get(&self) -> Result<(Object<M>, Option<Place>), sqlx::Error> {
        use deadpool::managed::PoolError;
        let place = match &self.places {
            Some(places) => Some(places.enter_here().await.ok_or(sqlx::Error::PoolTimedOut)?),
            None => None,
        };
        match tokio::time::timeout(self.patience, self.pool.get()).await {
            Ok(Ok(connection)) => Ok((connection, place)),
            Ok(Err(PoolError::Backend(error))) => Err(error),
            Ok(Err(PoolError::Closed)) => Err(sqlx::Error::PoolClosed),
            Ok(Err(_)) | Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// What they are at. A connection that is being made counts as used.
    pub(super) fn connections(&self) -> Connections {
        let status = self.pool.status();
        let idle = status.available.min(status.size);
        Connections {
            used: status.size - idle,
            idle,
            waiting: status.waiting + self.places.as_ref().map_or(0, |places| places.waiting()),
            most: status.max_size,
        }
    }

    /// Closes, for as long as the pool is there, what nobody has used for a while.
    pub(super) fn sweep(&self)
    where
        M: 'static,
    {
        let pool = self.pool.weak();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(pool) = pool.upgrade().filter(|pool| !pool.is_closed()) else { return };
                for connection in pool.retain(|_, metrics| metrics.last_used() < IDLE).removed {
                    connection.close().await;
                }
            }
        });
    }

    /// Hands none out any more, and closes each once it is given back.
    pub(super) async fn close(&self) {
        let idle = self.pool.retain(|_, _| false).removed;
        self.pool.close();
        for connection in idle {
            connection.close().await;
        }
        while self.pool.status().size > 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// How long a server may work on for somebody who hung up: it looks each second whether they are there.
const UNHEARD: Duration = Duration::from_millis(1_200);

/// Hangs up on a server that may still work on a statement: its place is free once it has heard of that, or clients who hang up again and again
/// would have more connections than there are places.
pub(in crate::store) fn hang_up(connection: PostgresObject, place: Option<Place>) {
    drop(Object::take(connection));
    if let (Some(place), Ok(runtime)) = (place, tokio::runtime::Handle::try_current()) {
        runtime.spawn(async move {
            tokio::time::sleep(UNHEARD).await;
            drop(place);
        });
    }
}

/// Closes a connection whose statement nobody waits for any more. Its place in the pool is free when the statement has
/// ended, for until then it works.
pub(in crate::store) fn close(mut watched: SqliteObject, place: Option<Place>) {
    watched.abandoned.store(true, Ordering::Relaxed);
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        drop(Object::take(watched));
        return;
    };
    runtime.spawn(async move {
        // Answered when the statement has ended.
        let _ = watched.connection.ping().await;
        Object::take(watched).close().await;
        drop(place);
    });
}

/// Nobody listens, or who listens is not ready: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn is_starting(error: &sqlx::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    match error {
        sqlx::Error::Io(error) => matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset),
        sqlx::Error::Database(error) => error.code().as_deref() == Some("57P03"),
        _ => false,
    }
}
