//! The gateway as one value: what every interaction, job and command works with.

use std::path::PathBuf;
use std::sync::Arc;

use consent::{Action, Caller, CallerKind, Context, OrganizationId, OrganizationPolicy, Permit, Purpose, Refusal};
use terminology::{Terminology, Unloaded};

use crate::audit::Audit;
use crate::clock::{Clock, Ids};
use crate::store::{ContentOptions, OpenError, Store, StoreOptions};

/// The organization that exists from the start.
pub const DEFAULT_ORGANIZATION: OrganizationId = OrganizationId(1);

/// Everything an exchange needs.
pub struct Gateway {
    /// Durable record of every exchange.
    pub audit: Audit,
    /// The clock.
    pub clock: Arc<Clock>,
    /// Ids for new resources.
    pub ids: Arc<Ids>,
    /// The organization's defaults per purpose of use.
    pub policy: OrganizationPolicy,
    /// Clinical data.
    pub store: Store,
    /// Codes.
    pub terminology: Arc<dyn Terminology>,
}

/// How a gateway is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// `sqlite:PATH` or `postgres://...`.
    pub database: String,
    /// Where keys, the embedded audit trail and other files lie; created if missing.
    pub data_dir: PathBuf,
    /// Map files (name, text) in place of the built-in clinic maps.
    pub maps: Option<Vec<(String, String)>>,
    /// The default organization's time zone, to be kept in the database.
    pub time_zone: Option<String>,
    /// Where content outside the database lies.
    pub content: ContentOptions,
    /// Fixes clock and ids, so that two gateways given the same requests give the same bytes.
    pub seed: Option<u64>,
    /// This process writes much and answers nobody: an import.
    pub bulk: bool,
    /// Functions of the owner's are called after writes where maps say so.
    pub after_write: bool,
}

impl Gateway {
    /// Opens database, audit trail and maps; migrates what needs it.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way and what to do.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let clock = Arc::new(options.seed.map_or_else(Clock::system, |_| Clock::seeded()));
        let ids = Arc::new(match options.seed {
            Some(seed) => Ids::seeded(seed, Arc::clone(&clock)),
            None => Ids::random(Arc::clone(&clock)),
        });
        // Keys of rows come from ids of their own: how many a write takes must not show in the ids that callers see.
        let keys = Arc::new(match options.seed {
            Some(seed) => Ids::seeded(!seed, Arc::clone(&clock)),
            None => Ids::random(Arc::clone(&clock)),
        });
        let store = Store::open(StoreOptions {
            database: options.database,
            data_dir: options.data_dir.clone(),
            maps: options.maps,
            time_zone: options.time_zone,
            content: options.content,
            clock: Arc::clone(&clock),
            ids: keys,
            bulk: options.bulk,
            after_write: options.after_write,
        })
        .await?;
        let audit = store.audit(&options.data_dir).await?;
        Ok(Self {
            audit,
            clock,
            ids,
            policy: OrganizationPolicy::treatment_opt_out(),
            store,
            terminology: Arc::new(Unloaded),
        })
    }

    /// The decision for an exchange under the organization's policy.
    ///
    /// # Errors
    /// The [`Refusal`] names the layer that refused.
    pub fn permit(&self, caller: &Caller, purpose: Purpose, action: Action) -> Result<Permit, Refusal> {
        consent::decide(&Context { action, caller, policy: &self.policy, purpose, patient: None })
    }

    /// The person at the machine's command line, working for the default organization.
    pub fn operator() -> Caller {
        Caller { id: "operator".into(), kind: CallerKind::Operator, organization: DEFAULT_ORGANIZATION }
    }
}
