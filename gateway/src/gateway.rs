//! The gateway as one value: what every interaction, job and command works with.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use consent::{
    Action, Application, Caller, CallerKind, Context, OrganizationId, OrganizationPolicy, Permit, Purpose, Refusal,
    Statutes,
};
use parking_lot::RwLock;
use releases::Catalog;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;

use crate::audit::Audit;
use crate::audit::upkeep::Retention;
use crate::auth::scopes::StaffReach;
use crate::clock::{Clock, Ids};
use crate::logins;
use crate::sealing::{self, Sealer};
use crate::store::labelling::OwnTable;
use crate::store::statutes::{self, Learned, Signed};
use crate::store::{ContentOptions, OpenError, Store, StoreOptions};
use crate::webhook::Upkeep;

/// The organization that exists from the start.
pub const DEFAULT_ORGANIZATION: OrganizationId = OrganizationId(1);

/// Where releases of code systems lie in the data directory.
pub const RELEASES: &str = "terminology";

/// How long a client that registered itself stays where nobody uses it and nobody says, that is 30 days.
const UNUSED: Duration = Duration::from_secs(30 * 86_400);

/// How often what has expired of OAuth is removed.
const SWEEP: Duration = Duration::from_secs(300);

/// Everything an exchange needs.
pub struct Gateway {
    /// What is done about alerts while it serves.
    pub alerts: Arc<Upkeep>,
    /// Durable record of every exchange.
    pub audit: Audit,
    /// Who may break the glass: references of groups.
    pub break_glass_groups: Vec<String>,
    /// Whose patients are not told that the glass was broken.
    pub break_glass_silently: bool,
    /// The clock.
    pub clock: Arc<Clock>,
    /// Ids for new resources.
    pub ids: Arc<Ids>,
    /// Whether the patients' Consents and statute are applied to all clients; to those whose tokens are limited to scopes they are in
    /// any case.
    pub enforces_consents: bool,
    /// Whose records people at work reach by an app's scopes that begin with `user/`.
    pub staff_reach: StaffReach,
    /// What is asked of passwords and sessions.
    pub logins: logins::Policy,
    /// The organization's defaults per purpose of use.
    pub policy: OrganizationPolicy,
    /// What the audit trail calls it.
    policy_version: RwLock<PolicyVersion>,
    /// How long the audit trail is kept by the server itself; `None`: until somebody says `audit retain`.
    pub retention: Option<Retention>,
    /// Releases of code systems: what is public, and is the same for every caller.
    pub releases: Arc<Catalog>,
    /// Seals what the database keeps and must not show.
    pub sealer: Arc<Sealer>,
    /// Clients that registered themselves and that nobody has used for so long go again.
    pub unused_registrations: Duration,
    /// Clinical data.
    pub store: Store,
}

/// The version of the policy under a table of law.
#[derive(Debug)]
struct PolicyVersion {
    /// The table's number, where it was worked out.
    serial: Option<i64>,
    version: Arc<str>,
}

impl Default for PolicyVersion {
    fn default() -> Self {
        Self { serial: None, version: "".into() }
    }
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
    /// Where releases of code systems lie, if not in the data directory.
    pub terminology: Option<PathBuf>,
    /// The organization's own table of codes and labels, to be kept in the database.
    pub labels: Option<OwnTable>,
    /// The customer's table of law, to be kept in the database.
    pub statutes: Option<Signed>,
    /// Whose signature on it counts.
    pub statutes_key: Option<String>,
    /// What prints the key that the database's secrets are sealed under, in place of the file in the data directory.
    pub secret_key_command: Option<String>,
    /// Fixes clock and ids, so that two gateways given the same requests give the same bytes.
    pub seed: Option<u64>,
    /// This process writes much and answers nobody: an import.
    pub bulk: bool,
    /// Functions of the owner's are called after writes where maps say so.
    pub after_write: bool,
}

impl Options {
    /// A database, with its keys and other files in a folder; nothing else that is not built in, but for rows of other programs, which are
    /// adopted.
    #[must_use]
    pub fn at(database: &str, data_dir: &Path) -> Self {
        Self {
            database: database.to_owned(),
            data_dir: data_dir.to_owned(),
            maps: None,
            time_zone: None,
            terminology: None,
            labels: None,
            statutes: None,
            statutes_key: None,
            secret_key_command: None,
            content: ContentOptions::default(),
            seed: None,
            bulk: false,
            after_write: true,
        }
    }
}

impl Gateway {
    /// Opens database, audit trail and maps; migrates what needs it.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way and what to do.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        // Before anything is touched.
        let printed = match &options.secret_key_command {
            Some(command) => {
                let printed = sealing::command::printed(command).await;
                Some(printed.map_err(|error| OpenError::DataDirectory { path: options.data_dir.clone(), error })?)
            }
            None => None,
        };
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
            labels: options.labels,
            statutes: options.statutes,
            statutes_key: options.statutes_key,
            content: options.content,
            clock: Arc::clone(&clock),
            ids: keys,
            bulk: options.bulk,
            after_write: options.after_write,
        })
        .await?;
        let audit = store.audit(&options.data_dir).await?;
        store.tell_of_trail(audit.faults());
        let folder = options.terminology.unwrap_or_else(|| options.data_dir.join(RELEASES));
        let releases = Arc::new(Catalog::at(&folder));
        store.normalize_by(Arc::clone(&releases));
        store.learn_in_force().await?;
        let sealer = Sealer::open(&options.data_dir, printed.as_ref())
            .map_err(|error| OpenError::DataDirectory { path: options.data_dir, error })?;
        Ok(Self {
            alerts: Arc::default(),
            audit,
            break_glass_groups: Vec::new(),
            break_glass_silently: false,
            clock,
            ids,
            enforces_consents: false,
            staff_reach: StaffReach::default(),
            logins: logins::Policy::default(),
            policy: OrganizationPolicy::treatment_opt_out(),
            policy_version: RwLock::default(),
            retention: None,
            releases,
            sealer: Arc::new(sealer),
            unused_registrations: UNUSED,
            store,
        })
    }

    /// The decision for an exchange under the organization's policy.
    ///
    /// # Errors
    /// The [`Refusal`] names the layer that refused.
    pub fn permit(&self, caller: &Caller, purpose: Purpose, action: Action) -> Result<Permit, Refusal> {
        // Who works at the machine's command line sees the database itself.
        let may_break_glass = self.may_break_glass(caller);
        let concerned = matches!(caller.kind, CallerKind::System | CallerKind::User);
        let application = concerned.then(|| Application { at_ms: self.clock.now_ms(), may_break_glass });
        let applied = self.applies_consents_to(caller);
        let (application, observation) = if applied { (application, None) } else { (None, application) };
        let policy = &self.policy;
        let statutes = &self.store.statutes().statutes;
        consent::decide(&Context { action, application, caller, observation, policy, purpose, statutes, patient: None })
    }

    /// Whether the patients' Consents and statute are applied to a client.
    pub fn applies_consents_to(&self, caller: &Caller) -> bool {
        self.enforces_consents || caller.scoped.is_some()
    }

    /// The version of the organization's policy: its name, and after `@` the first twelve digits of a SHA-256 in hexadecimal
    /// of name, permitted purposes, rulings and table of law. The policy is settled before the first exchange; the table may change.
    pub fn policy_version(&self) -> Arc<str> {
        let law = self.store.statutes();
        {
            let known = self.policy_version.read();
            if known.serial == Some(law.serial) {
                return Arc::clone(&known.version);
            }
        }
        let version = version(&self.policy, &law.digest);
        *self.policy_version.write() = PolicyVersion { serial: Some(law.serial), version: Arc::clone(&version) };
        version
    }

    /// Looks every few seconds whether a newer table of law is in force, from now on, and goes by it.
    pub fn keep_law(self: &Arc<Self>) {
        let gateway = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut complained = None;
            loop {
                tokio::time::sleep(statutes::ROUND).await;
                let Some(gateway) = gateway.upgrade() else { return };
                // On a thread of its own: rules may have to be made anew, by transactions that are tried again, which no other thread takes over.
                let store = gateway.store.clone();
                let runtime = Handle::current();
                let looked = tokio::task::spawn_blocking(move || runtime.block_on(store.learn_statutes())).await;
                let Ok(looked) = looked else { continue };
                match looked {
                    Ok(Learned::Another | Learned::Nothing) => {
                        complained = None;
                        gateway.store.policy_is_now(&gateway.policy_version());
                    }
                    Ok(Learned::NotCounting(number)) if complained != Some(number) => {
                        complained = Some(number);
                        tracing::error!(
                            number,
                            "a table of law is in the database that does not count here: the one before holds"
                        );
                    }
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, "whether there is a newer table of law is not known"),
                }
            }
        });
    }

    /// Removes tokens and assertions of OAuth, and sessions, that have expired, every few minutes from now on.
    pub fn keep_clients(self: &Arc<Self>) {
        let gateway = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(gateway) = gateway.upgrade() {
                if let Err(error) = gateway.store.sweep_sessions(gateway.logins.idle).await {
                    tracing::warn!(%error, "sessions that have ended could not be removed; it is tried again");
                }
                if let Err(error) = gateway.store.sweep_oauth().await {
                    tracing::warn!(%error, "tokens that have expired could not be removed; it is tried again");
                }
                if let Err(error) = gateway.store.sweep_registrations(gateway.unused_registrations).await {
                    tracing::warn!(%error, "clients that nobody used could not be removed; it is tried again");
                }
                if let Err(error) = gateway.store.sweep_signing_keys().await {
                    tracing::warn!(%error, "keys that sign no more could not be removed; it is tried again");
                }
                drop(gateway);
                tokio::time::sleep(SWEEP).await;
            }
        });
    }

    /// From now on everything that is written has a Provenance; the policy is settled before.
    pub fn keep_provenance(&self, seed: Option<u64>) {
        let clock = Arc::clone(&self.clock);
        let ids = match seed {
            // Ids of their own: how many there are must not show in other ids.
            Some(seed) => Ids::seeded(seed.rotate_left(32) ^ 0x5072_6f76, clock),
            None => Ids::random(clock),
        };
        self.store.keep_provenance(ids.into(), &self.policy_version());
    }

    /// The operator, who runs this command.
    pub fn operator_running(command: &str) -> Caller {
        Caller { client: Some(command.to_owned()), ..Self::operator() }
    }

    /// Whether a caller is one of a group that may break the glass (RULINGS.md, G1).
    pub fn may_break_glass(&self, caller: &Caller) -> bool {
        caller.actors.iter().any(|actor| self.break_glass_groups.contains(actor))
    }

    /// The gateway itself, at work for an organization.
    pub fn itself(organization: OrganizationId) -> Caller {
        Caller {
            id: "gateway".into(),
            client: None,
            kind: CallerKind::Gateway,
            organization,
            actors: Vec::new(),
            officer: false,
            scoped: None,
        }
    }

    /// Leave for the gateway's own upkeep of an organization's rows, whatever the organization permits to others.
    ///
    /// # Errors
    /// None that happens: the gateway is its own caller.
    pub fn upkeep(&self, organization: OrganizationId) -> Result<Permit, Refusal> {
        consent::decide(&Context {
            action: Action::Maintain,
            application: None,
            observation: None,
            caller: &Self::itself(organization),
            policy: &self.policy,
            purpose: Purpose::Hoperat,
            statutes: &Statutes::default(),
            patient: None,
        })
    }

    /// The person at the machine's command line, working for the default organization.
    pub fn operator() -> Caller {
        Caller {
            id: "operator".into(),
            client: None,
            kind: CallerKind::Operator,
            organization: DEFAULT_ORGANIZATION,
            actors: Vec::new(),
            officer: true,
            scoped: None,
        }
    }
}

fn version(policy: &OrganizationPolicy, statutes: &str) -> Arc<str> {
    let purposes: Vec<&str> = policy.permitted().iter().map(|purpose| purpose.code()).collect();
    let name = policy.name();
    let text = format!("fhir-gateway policy 1\n{name}\n{}\n{}", purposes.join(" "), consent::RULINGS);
    let text = if statutes.is_empty() { text } else { format!("{text}\n{statutes}") };
    let mut version = format!("{name}@");
    for byte in &Sha256::digest(text.as_bytes())[..6] {
        // Writing to a String does not fail.
        let _ = write!(version, "{byte:02x}");
    }
    version.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_have_versions_of_their_own() {
        let policies = [
            OrganizationPolicy::treatment_opt_out(),
            OrganizationPolicy::opt_in(),
            OrganizationPolicy::pcf_all_normal(),
            OrganizationPolicy::pcf_basic_normal(),
            OrganizationPolicy::pcf_break_glass_only(),
            OrganizationPolicy::deny_all(),
        ];
        let hashes: std::collections::BTreeSet<String> = policies
            .iter()
            .flat_map(|policy| ["", "1f"].map(|statutes| (policy.name(), version(policy, statutes))))
            .map(|(name, version)| version.strip_prefix(&format!("{name}@")).unwrap_or_default().to_owned())
            .collect();
        assert_eq!(hashes.len(), 2 * policies.len());
        assert!(hashes.iter().all(|hash| hash.len() == 12), "{hashes:?}");
    }
}
