//! `fhir-gateway serve`: the server, from options to drain.

mod acme;
mod edge;
mod files;
mod listen;
mod log;
mod logins;
mod operator;
mod rates;
mod registration;
mod site;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use consent::{OrganizationPolicy, Purpose};
use tokio::signal::unix::{SignalKind, signal};

use crate::audit::upkeep::{DAYS, LEAST_DAYS, Retention};
use crate::auth::Authenticator;
use crate::auth::scopes::StaffReach;
use crate::cli::alerts::WebhookArgs;
use crate::cli::{DatabaseArgs, Exit, Stop};
use crate::gateway::{Gateway, Options};
use crate::http::Limits;
use crate::interaction::conditional::ConditionalDelete;
use crate::interaction::cursor::Cursors;
use crate::store::ALARM_EVERY;
use crate::webhook::{self, Upkeep};

use edge::EdgeArgs;
pub use listen::{Ready, Served, listen};
pub(super) use log::{LOG_VARIABLE, is_filter, log};
use logins::LoginArgs;
use operator::OperatorArgs;
use registration::RegistrationArgs;
pub use site::Site;
pub(super) use site::public_url;
use site::{is_this_machine, own_address};
use tls::TlsArgs;

/// The variable that holds the development token: on a command line everybody could read it.
pub const TOKEN_VARIABLE: &str = "FHIR_GATEWAY_DEV_TOKEN";

/// Serves FHIR R4 over the database.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
When ready, one line of JSON on standard output says where: {\"ready\":true,\"fhir\":\"http://127.0.0.1:8080/fhir\"}
(with --public-url also \"listen\"). Programs get their tokens at /oauth/token as clients that `fhir-gateway client add` registers.
--config FILE says all of this in a file (`fhir-gateway config example`), `fhir-gateway config check` what counts and what is wrong.
SIGTERM lets requests under way finish and ends with 0. Logs go to stderr; FHIR_GATEWAY_LOG sets their level.

Examples:
  FHIR_GATEWAY_DEV_TOKEN=secret fhir-gateway serve --dev --data-dir data
  fhir-gateway serve --public-url https://fhir.clinic.example --database postgres://gateway@db/clinic --listen 127.0.0.1:8080
  fhir-gateway serve --public-url https://fhir.clinic.example --listen 0.0.0.0:443 --tls-certificate fullchain.pem --tls-key privkey.pem
  fhir-gateway serve --public-url https://fhir.clinic.example --listen 0.0.0.0:443 --acme-domain fhir.clinic.example --acme-contact mailto:it@clinic.example
  FHIR_GATEWAY_DEV_TOKEN=secret fhir-gateway serve --dev --database postgres://gateway@db/clinic --listen 127.0.0.1:0
  FHIR_GATEWAY_DEV_TOKEN=secret fhir-gateway serve --dev --data-dir data --alert-webhook @url.txt --alert-secret-file whsec.txt")]
pub struct ServeArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// For development, on loopback only: the bearer of $`FHIR_GATEWAY_DEV_TOKEN` is a system client with all scopes.
    #[arg(long)]
    dev: bool,
    /// Address and port; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS:PORT", env = "FHIR_GATEWAY_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Whether the server speaks TLS itself.
    #[command(flatten)]
    tls: TlsArgs,
    /// The origin that clients reach this server by (`https://gateway.clinic.example`), by TLS of its own or of a proxy before it: FHIR is at its
    /// `/fhir`, the token endpoint at its `/oauth/token`. Needed without --dev: neither links nor tokens go by what a request says of it.
    #[arg(long, value_name = "URL", env = "FHIR_GATEWAY_PUBLIC_URL", value_parser = public_url)]
    public_url: Option<String>,
    /// Also listens on an address that other machines reach, without TLS of its own: a proxy before it serves that, and nobody goes around the proxy.
    #[arg(long, env = "FHIR_GATEWAY_BEHIND_TLS_PROXY", conflicts_with = "dev")]
    behind_tls_proxy: bool,
    /// Another address that clients reach this server by (`https://fhir.clinic.example/fhir`): what names a resource below it names one
    /// of ours. Kept in the database; give it again for more.
    #[arg(long, value_name = "URL", env = "FHIR_GATEWAY_ALSO_AT", value_delimiter = ',', value_parser = own_address)]
    also_at: Vec<String>,
    /// What --dev does with consent.
    #[arg(long, value_enum, value_name = "MODE", requires = "dev")]
    dev_consent: Option<DevConsent>,
    /// Who the bearer of the token is in the terms of Consents (`Practitioner/1`); give it again for organization, group, role.
    #[arg(long, value_name = "REF", requires = "dev", value_parser = super::consent::reference)]
    dev_actor: Vec<String>,
    /// The bearer of the token is a privacy officer, who reads the audit trail (without --dev-actor it does so anyway).
    #[arg(long, requires = "dev")]
    dev_officer: bool,
    /// The purpose of use that the bearer of the token asks for: TREAT, ETREAT, HPAYMT, HOPERAT, HRESCH, PUBHLTH or PATRQT.
    #[arg(long, value_name = "CODE", requires = "dev", value_parser = purpose, default_value = "TREAT")]
    dev_purpose: Purpose,
    /// Whose records people at work reach by an app's scopes that begin with user/.
    #[arg(long, value_enum, value_name = "REACH", env = "FHIR_GATEWAY_USER_REACH", default_value_t)]
    user_reach: StaffReach,
    /// What holds where no Consent of a patient says anything.
    #[arg(long, value_enum, value_name = "PRESET", env = "FHIR_GATEWAY_CONSENT_DEFAULT", default_value_t)]
    consent_default: ConsentDefault,
    /// Where Consents are applied, one in so many answers is decided once more by another way than SQL; where that denies what SQL
    /// shows, nobody is answered (500) and an incident is recorded. 1: every answer; 0: none.
    #[arg(long, value_name = "ANSWERS", env = "FHIR_GATEWAY_CONSENT_ALARM", default_value_t = ALARM_EVERY)]
    consent_alarm: u32,
    /// Who may break the glass: a reference of a group (`Group/emergency`) that the caller must have; give it again for more.
    #[arg(long, value_name = "REF", env = "FHIR_GATEWAY_BREAK_GLASS_GROUP", value_delimiter = ',', value_parser = super::consent::reference)]
    break_glass_group: Vec<String>,
    /// Does not tell patients (by a Communication in their record) that the glass was broken. It is reviewed all the same.
    #[arg(long, env = "FHIR_GATEWAY_NO_GLASS_NOTICE")]
    no_glass_notice: bool,
    /// Hours in which the review of a broken glass is to be done: alerts tell when a third of them, and when all of them have gone.
    #[arg(long, value_name = "HOURS", env = "FHIR_GATEWAY_GLASS_REVIEW_HOURS", default_value_t = webhook::REVIEW_HOURS, value_parser = clap::value_parser!(i64).range(1..=8760))]
    glass_review_hours: i64,
    /// Where alerts go.
    #[command(flatten)]
    webhook: WebhookArgs,
    /// An alert tells of a client that is refused (401, 403) so often within --alert-refusals-minutes; 0 tells of none.
    #[arg(long, value_name = "COUNT", env = "FHIR_GATEWAY_ALERT_REFUSALS", default_value_t = 30)]
    alert_refusals: u32,
    /// Minutes in which --alert-refusals are counted, from a client's first one on.
    #[arg(long, value_name = "MINUTES", env = "FHIR_GATEWAY_ALERT_REFUSALS_MINUTES", default_value_t = 5, value_parser = clap::value_parser!(i64).range(1..=1440))]
    alert_refusals_minutes: i64,
    /// Who logs in.
    #[command(flatten)]
    logins: LoginArgs,
    /// Who registers itself.
    #[command(flatten)]
    registration: RegistrationArgs,
    /// With everything that is written a Provenance is stored, in the same transaction: who, when, why, from where.
    #[arg(long, env = "FHIR_GATEWAY_PROVENANCE")]
    provenance: bool,
    /// Fixes clock and ids, so that equal requests give equal bytes.
    #[arg(long, value_name = "NUMBER", requires = "dev")]
    dev_seed: Option<u64>,
    /// What a conditional delete does where several resources match.
    #[arg(long, value_enum, value_name = "POLICY", env = "FHIR_GATEWAY_CONDITIONAL_DELETE", default_value_t)]
    conditional_delete: ConditionalDelete,
    /// Once a day, exports what is older of the audit trail than it has to be kept to a new folder in this one, and drops it:
    /// whole months, after all of the trail was verified.
    #[arg(long, value_name = "DIR", env = "FHIR_GATEWAY_AUDIT_RETAIN_TO")]
    audit_retain_to: Option<PathBuf>,
    /// How many days the audit trail is kept by --audit-retain-to.
    #[arg(long, value_name = "NUMBER", requires = "audit_retain_to", env = "FHIR_GATEWAY_AUDIT_KEEP_DAYS", default_value_t = DAYS, value_parser = clap::value_parser!(u32).range(1..))]
    audit_keep_days: u32,
    /// Also less than the six years of 45 CFR 164.316(b)(2)(i) and 164.528(a)(3).
    #[arg(long, requires = "audit_retain_to", env = "FHIR_GATEWAY_AUDIT_KEEP_SHORT")]
    audit_keep_short: bool,
    /// A public key (the `signer` of a head) that may have signed the audit trail, beside the data directory's; may be given more than once.
    #[arg(
        long,
        value_name = "HEX",
        requires = "audit_retain_to",
        env = "FHIR_GATEWAY_AUDIT_KEY",
        value_delimiter = ','
    )]
    audit_key: Vec<String>,
    #[command(flatten)]
    edge: EdgeArgs,
    #[command(flatten)]
    operator: OperatorArgs,
    /// The longest request body, in bytes.
    #[arg(long, value_name = "BYTES", env = "FHIR_GATEWAY_MAX_BODY", default_value_t = Limits::default().body)]
    max_body: usize,
    /// How long the body of a request may take to arrive, and then how long the work may take, in seconds.
    #[arg(long, value_name = "SECONDS", env = "FHIR_GATEWAY_TIME_LIMIT", default_value_t = Limits::default().time.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3600))]
    time_limit: u64,
    /// A connection on which nobody asks anything, or takes what was answered, is closed after so long, in seconds (one of HTTP/1.1 without a
    /// request after 30 at most).
    #[arg(long, value_name = "SECONDS", env = "FHIR_GATEWAY_IDLE_LIMIT", default_value_t = Limits::default().idle.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3600))]
    idle_limit: u64,
}

impl ServeArgs {
    /// Where it keeps what it serves.
    pub(super) fn database(&self) -> &DatabaseArgs {
        &self.database
    }
}

/// An organization's default per purpose of use.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum ConsentDefault {
    /// Treatment, payment, operations and the patient's own requests are permitted unless a Consent denies.
    #[default]
    TreatmentOptOut,
    /// Nothing but the patient's own requests is permitted unless a Consent permits it.
    OptIn,
    /// IHE PCF's Policy-basic-normal: treatment alone is permitted.
    PcfBasicNormal,
    /// IHE PCF's Policy-all-normal: every purpose is permitted.
    PcfAllNormal,
    /// IHE PCF's Policy-break-glass-only: nothing is permitted, but for who breaks the glass.
    PcfBreakGlassOnly,
    /// IHE PCF's Policy-deny: nothing is permitted.
    PcfDeny,
}

impl ConsentDefault {
    pub(super) fn policy(self) -> OrganizationPolicy {
        match self {
            Self::TreatmentOptOut => OrganizationPolicy::treatment_opt_out(),
            Self::OptIn => OrganizationPolicy::opt_in(),
            Self::PcfBasicNormal => OrganizationPolicy::pcf_basic_normal(),
            Self::PcfAllNormal => OrganizationPolicy::pcf_all_normal(),
            Self::PcfBreakGlassOnly => OrganizationPolicy::pcf_break_glass_only(),
            Self::PcfDeny => OrganizationPolicy::deny_all(),
        }
    }
}

/// A purpose of use that an exchange can have.
pub(super) fn purpose(code: &str) -> Result<Purpose, String> {
    Purpose::parse(code).ok_or_else(|| "give TREAT, ETREAT, HPAYMT, HOPERAT, HRESCH, PUBHLTH or PATRQT".to_owned())
}

/// What `--dev` does with consent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum DevConsent {
    /// Apply the patients' Consents and statute as in production (the organization's default per purpose of use holds in any case).
    Enforce,
}

/// Runs the command: serves until SIGTERM or SIGINT.
///
/// # Errors
/// What stands in the way of starting, and what to do.
pub async fn run(args: ServeArgs) -> Result<Exit, Stop> {
    // Whoever says "reload" means no end: where there are no files of TLS to look at, nothing happens.
    let _hangup =
        signal(SignalKind::hangup()).map_err(|error| Stop::failed(format!("cannot talk to the system: {error}")))?;
    let authenticator = authenticator(&args)?;
    let sender = args.webhook.sender()?;
    let retention = retention(&args)?;
    log::log_as("info", args.operator.log_format);
    let traces = args.operator.traces()?;
    let registration = args.registration.registration()?;
    let secure = args.tls.open(args.public_url.as_deref())?;
    if let Some(file) = &args.database.config {
        tracing::info!(file = %file.display(), "told by a file of options");
    }
    let data_dir = &args.database.data_dir;
    let unusable = |error| Stop::usage(format!("the data directory {}: {error}", data_dir.display()));
    std::fs::create_dir_all(data_dir).map_err(unusable)?;
    let secure = secure.map(|opened| opened.begin(data_dir)).transpose()?;
    let cursors = match args.dev_seed {
        Some(seed) => Cursors::seeded(seed),
        None => Cursors::open(data_dir).map_err(unusable)?,
    };
    let mut gateway = Gateway::open(Options { seed: args.dev_seed, ..args.database.options(false)? }).await?;
    gateway.enforces_consents = !args.dev || args.dev_consent == Some(DevConsent::Enforce);
    gateway.staff_reach = args.user_reach;
    gateway.policy = args.consent_default.policy();
    gateway.break_glass_groups.clone_from(&args.break_glass_group);
    gateway.break_glass_silently = args.no_glass_notice;
    gateway.retention = retention;
    gateway.logins = args.logins.policy();
    gateway.unused_registrations = args.registration.unused();
    gateway.store.sound_alarm_every(args.consent_alarm);
    gateway.store.tell_of_refusals(args.alert_refusals, args.alert_refusals_minutes * 60_000);
    gateway.alerts = Arc::new(Upkeep { sender, review_ms: args.glass_review_hours * 3_600_000 });
    let limits = Limits {
        connections: files::connections(Limits::default().connections),
        body: args.max_body,
        time: Duration::from_secs(args.time_limit),
        idle: Duration::from_secs(args.idle_limit),
        ..Limits::default()
    };
    if args.provenance {
        gateway.keep_provenance(args.dev_seed);
    }
    let served = Served {
        gateway: Arc::new(gateway),
        authenticator,
        cursors,
        limits,
        edge: args.edge.edge(args.dev, args.listen.ip(), args.behind_tls_proxy),
        traces,
        registration,
        conditional_delete: args.conditional_delete,
        secure,
        site: Site {
            metrics: args.operator.metrics_listen,
            public_url: args.public_url.as_deref(),
            also_at: &args.also_at,
            hsts: args.tls.hsts(),
            ..Site::at(args.listen)
        },
    };
    listen(served, listen::announce).await?;
    Ok(Exit::Done)
}

/// What of the options would keep a server from starting, as far as that is known without a database: all of it, for `config check`.
pub(super) fn problems(args: &ServeArgs) -> Vec<Stop> {
    let tls = args.tls.open(args.public_url.as_deref()).err();
    let parts = [args.webhook.sender().err(), retention(args).err(), tls, args.operator.traces().err()];
    let options = [authenticator(args).err(), args.registration.registration().err()].into_iter().chain(parts);
    options.flatten().chain(args.database.problems()).collect()
}

/// How long the trail is kept, where the server sees to that.
fn retention(args: &ServeArgs) -> Result<Option<Retention>, Stop> {
    let Some(folder) = args.audit_retain_to.clone() else { return Ok(None) };
    let days = args.audit_keep_days;
    if days < LEAST_DAYS && !args.audit_keep_short {
        return Err(Stop::usage(format!(
            "the audit trail has to be kept for six years ({LEAST_DAYS} days): say --audit-keep-short, too, where another law holds"
        )));
    }
    let (keys, data_dir) = (args.audit_key.clone(), args.database.data_dir.clone());
    Ok(Some(Retention { folder, days, keys, data_dir }))
}

/// Who may ask, after all that could make the token a danger is ruled out.
fn authenticator(args: &ServeArgs) -> Result<Authenticator, Stop> {
    let is_plain = |url: &String| url.starts_with("http://");
    let speaks_tls = args.tls.is_on();
    if speaks_tls && args.public_url.as_ref().is_some_and(is_plain) {
        return Err(Stop::usage(
            "with --tls-certificate or --acme-domain the server speaks TLS alone, and --public-url begins with http: let it begin with https",
        ));
    }
    if !args.dev {
        let Some(url) = &args.public_url else {
            return Err(Stop::usage(
                "serving without --dev needs the origin that clients reach it by: --public-url https://gateway.clinic.example",
            ));
        };
        let is_secure = speaks_tls || (args.behind_tls_proxy && !is_plain(url));
        if !args.listen.ip().is_loopback() && !is_secure {
            return Err(Stop::usage(format!(
                "{} is reached by other machines, and tokens and health data would go there without TLS: give --tls-certificate and --tls-key, \
                 or --acme-domain, or use --listen 127.0.0.1:PORT with a proxy on this machine, or say --behind-tls-proxy; and an https --public-url",
                args.listen
            )));
        }
        return Ok(Authenticator::nobody());
    }
    if args.public_url.as_ref().is_some_and(|url| !is_this_machine(url) || is_plain(url) == speaks_tls) {
        return Err(Stop::usage(
            "--dev is for this machine alone, and --public-url names another (or TLS that is not served here): with one token for \
             everything nobody may reach it from there",
        ));
    }
    if !args.listen.ip().is_loopback() {
        return Err(Stop::usage(format!(
            "--dev listens on loopback only, and {} is not: use --listen 127.0.0.1:PORT",
            args.listen
        )));
    }
    let token = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
    let missing = || Stop::usage(format!("--dev needs a token: set {TOKEN_VARIABLE} to a secret of your choice"));
    let development = Authenticator::development(token.trim()).ok_or_else(missing)?;
    Ok(development.acting(args.dev_actor.clone(), args.dev_purpose, args.dev_officer))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn refusal(args: &[&str]) -> String {
        let command = Command::parse_from([&["serve"], args].concat());
        let stop = authenticator(&command.args).err().expect("refused");
        assert_eq!(stop.exit, Exit::Usage);
        stop.message
    }

    #[test]
    fn without_dev_or_off_loopback_nothing_starts() {
        assert!(refusal(&["--listen", "127.0.0.1:0"]).contains("--public-url"));
        let url = ["--public-url", "https://g.example", "--listen", "0.0.0.0:0"];
        assert!(refusal(&url).contains("--behind-tls-proxy"));
        assert!(
            refusal(&["--public-url", "http://127.0.0.1:1", "--listen", "0.0.0.0:0", "--behind-tls-proxy"])
                .contains("https")
        );
        assert!(refusal(&["--dev", "--public-url", "https://g.example"]).contains("this machine"));
        assert!(refusal(&["--dev", "--public-url", "https://localhost"]).contains("this machine"));
        assert!(refusal(&["--dev", "--listen", "0.0.0.0:0"]).contains("loopback"));
        assert!(refusal(&["--dev", "--listen", "[::]:0"]).contains("loopback"));
    }

    #[test]
    fn with_tls_of_its_own_other_machines_may_reach_it() {
        let tls = ["--tls-certificate", "c.pem", "--tls-key", "k.pem"];
        let with = |more: &[&'static str]| [&tls, more].concat();
        let far = Command::parse_from(
            [&["serve"], &*with(&["--public-url", "https://g.example", "--listen", "0.0.0.0:0"])].concat(),
        );
        assert!(authenticator(&far.args).is_ok());
        assert!(refusal(&with(&["--public-url", "http://127.0.0.1:1"])).contains("https"));
        assert!(refusal(&with(&["--dev", "--public-url", "http://127.0.0.1:1"])).contains("https"));
        assert!(refusal(&with(&["--dev", "--public-url", "https://g.example"])).contains("this machine"));
        assert!(refusal(&with(&["--dev", "--listen", "0.0.0.0:0"])).contains("loopback"));
        for half in [&tls[..2], &tls[2..]] {
            assert!(Command::try_parse_from([&["serve", "--dev"], half].concat()).is_err());
        }
    }

    #[test]
    fn an_authority_is_asked_where_that_fits_the_rest() {
        let acme = ["--acme-domain", "g.example", "--acme-contact", "mailto:it@g.example"];
        let parse = |args: &[&str]| Command::try_parse_from([&["serve"], args].concat());
        let url = |url: &'static str| [&acme[..], &["--listen", "0.0.0.0:443", "--public-url", url]].concat();
        let args = parse(&url("https://g.example")).unwrap().args;
        assert!(
            authenticator(&args).is_ok() && args.tls.open(args.public_url.as_deref()).is_ok_and(|tls| tls.is_some())
        );
        assert!(refusal(&url("http://127.0.0.1:1")).contains("https"));
        let args = parse(&url("https://other.example")).unwrap().args;
        let refused = args.tls.open(args.public_url.as_deref()).err().expect("refused");
        assert!(refused.message.contains("add --acme-domain other.example"), "{}", refused.message);
        let files = ["--tls-certificate", "c.pem", "--tls-key", "k.pem"];
        for more in
            [&files[..], &["--dev"], &["--acme-domain", "*.g.example"], &["--acme-directory", "http://ca.example/"]]
        {
            assert!(parse(&[&acme[..], more].concat()).is_err(), "{more:?}");
        }
        for half in [&acme[..2], &acme[2..], &["--acme-ca-file", "ca.pem"]] {
            assert!(parse(half).is_err(), "{half:?}");
        }
        let file = [&url("https://g.example")[..], &["--acme-ca-file", "/nowhere.pem"]].concat();
        let refused = parse(&file).unwrap().args.tls.open(None).err().expect("refused");
        assert!(refused.message.contains("--acme-ca-file /nowhere.pem"), "{}", refused.message);
    }

    #[test]
    fn a_seed_is_for_development_alone() {
        assert!(Command::try_parse_from(["serve", "--dev-seed", "1"]).is_err());
        assert!(Command::try_parse_from(["serve", "--dev", "--dev-seed", "1", "--dev-consent", "enforce"]).is_ok());
    }
}
