//! From an open gateway to a server that answers, and its end in order.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use super::Site;
use crate::audit::upkeep;
use crate::auth::{Authenticator, Elsewhere, Issued};
use crate::authorization::{self, AuthorizationServer, KeySets, Registration};
use crate::cli::{Stop, restore};
use crate::gateway::Gateway;
use crate::http::edge::Edge;
use crate::http::exchange::Service;
use crate::http::protection::Protection;
use crate::http::request_id::RequestIds;
use crate::http::room::Room;
use crate::http::secure::{Care, Secure};
use crate::http::server::Front;
use crate::http::{Limits, early, server};
use crate::interaction::Endpoint;
use crate::interaction::capabilities::{self, Offer};
use crate::interaction::conditional::ConditionalDelete;
use crate::interaction::cursor::Cursors;
use crate::logins::Logins;
use crate::metrics::{Metrics, listener};
use crate::outside::Outside;
use crate::readiness::Readiness;
use crate::signing::Signer;
use crate::traces::Traces;
use crate::{tls, webhook};

/// What is served, and how.
pub struct Served<'s> {
    /// An open gateway.
    pub gateway: Arc<Gateway>,
    /// Who may ask.
    pub authenticator: Authenticator,
    /// What the next pages are told by.
    pub cursors: Cursors,
    /// What bounds an exchange.
    pub limits: Limits,
    /// What stands before an exchange.
    pub edge: Edge,
    /// Where spans of exchanges go.
    pub traces: Option<Arc<Traces>>,
    /// How programs register themselves; `None`: they do not.
    pub registration: Option<Registration>,
    /// What a conditional delete does where several resources match.
    pub conditional_delete: ConditionalDelete,
    /// TLS of its own, and who looks after its certificate.
    pub secure: Option<(Arc<Secure>, Care)>,
    /// Where.
    pub site: Site<'s>,
}

/// Where a server answers.
#[derive(Clone, Copy, Debug)]
pub struct Ready<'r> {
    /// The FHIR base address.
    pub base: &'r str,
    /// What it listens on.
    pub address: SocketAddr,
    /// Where it tells metrics.
    pub metrics: Option<SocketAddr>,
}

/// Serves until SIGTERM or SIGINT; `ready` is told where, once it answers.
///
/// # Errors
/// The address cannot be listened on, or the system refuses signals or output.
pub async fn listen(served: Served<'_>, ready: impl FnOnce(Ready<'_>) -> io::Result<()>) -> Result<(), Stop> {
    let Served {
        gateway,
        authenticator,
        cursors,
        limits,
        edge,
        traces,
        registration,
        conditional_delete,
        secure,
        site,
    } = served;
    let Site { address, metrics: metrics_at, public_url, also_at, hsts } = site;
    let system = |error: io::Error| Stop::failed(format!("cannot talk to the system: {error}"));
    let mut stop = Box::pin(stop().map_err(system)?);
    let (listener, address) = bind(address).await?;
    let scrapes = match metrics_at {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let metrics_at = scrapes.as_ref().map(|(_, address)| *address);
    let (secure, keeper) = secure.unzip();
    let keeper = keeper.map(|keeper| keeper.keep(Arc::clone(&gateway.clock))).transpose().map_err(system)?;
    let own = format!("{}://{address}", if secure.is_some() { "https" } else { "http" });
    let origin = public_url.unwrap_or(&own).to_owned();
    let base = format!("{origin}/fhir");
    let prepared = async {
        for other in also_at {
            gateway.store.serve_at(other).await?;
        }
        gateway.store.serve_at(&base).await?;
        gateway.store.index_positions().await?;
        gateway.store.adopt_stored().await?;
        gateway.store.adopt_consents().await
    };
    // It may take long where much names an address that is new; what is done of it stays done.
    tokio::select! {
        () = &mut stop => {
            tracing::info!("stopped before anything was served");
            return Ok(());
        }
        prepared = prepared => prepared?,
        never = early::answer(&listener, secure.as_ref()) => match never {},
    }
    if !gateway.store.claim_journal(false).await? {
        tracing::warn!("another data directory has the journal of this database: what it says is unknown here");
    }
    if let Err(stop) = restore::ahead(&gateway).await {
        webhook::tell_before_stopping(&gateway.store, &gateway.clock, &gateway.alerts).await;
        return Err(stop);
    }
    gateway.store.keep_indexing();
    gateway.store.keep_labelling();
    gateway.keep_law();
    gateway.keep_clients();
    webhook::keep(gateway.store.clone(), Arc::clone(&gateway.clock), Arc::clone(&gateway.alerts));
    let started_ms = gateway.clock.now_ms();
    let store = gateway.store.clone();
    let closing = gateway.audit.closing();
    let upkeep = upkeep::keep(&gateway);
    let capabilities = capabilities::statement(&Offer {
        base: &base,
        site: authorization::site(&origin, registration.is_some()),
        started_ms,
        conditional_delete,
        update_creates: !gateway.enforces_consents,
    });
    let keys = tls::config(None).map_err(|error| error.to_string());
    let keys = keys.and_then(|tls| KeySets::new(&tls).map_err(|_| "no HTTPS client can be made".to_owned()));
    let keys = keys.map_err(Stop::failed)?;
    let sealer = Arc::clone(&gateway.sealer);
    let signer = Arc::new(Signer::new(gateway.store.clone(), Arc::clone(&gateway.clock), sealer, &origin, &base));
    let (store_of, clock) = (gateway.store.clone(), Arc::clone(&gateway.clock));
    let outside =
        Arc::new(Outside::new(store_of, clock, Arc::clone(&gateway.sealer), Arc::clone(&keys.named), &origin, &base));
    let elsewhere = Elsewhere::new(Arc::clone(&gateway), Arc::clone(&outside));
    let issued = Issued::new(gateway.store.clone(), Arc::clone(&gateway.clock), gateway.staff_reach);
    let issued = Arc::new(issued.and_elsewhere(elsewhere));
    let logins = Logins::new(Arc::clone(&gateway), outside, Arc::clone(&edge.guesses), &origin);
    let endpoint =
        Arc::new(Endpoint { gateway, base: base.as_str().into(), cursors, capabilities, conditional_delete });
    let authenticator = authenticator.and_issued(Arc::clone(&issued));
    let readiness = Arc::new(Readiness::new(&endpoint.gateway, Arc::clone(&signer), secure.clone()));
    let series = (Arc::clone(endpoint.gateway.audit.series()), Arc::clone(authenticator.series()));
    let metrics = Metrics::new(store.clone(), series, Arc::clone(&readiness)).and_secure(secure.clone());
    let metrics = Arc::new(metrics);
    let tokens = (issued, Arc::clone(authenticator.series()), keys, signer);
    let authorization =
        AuthorizationServer::new(Arc::clone(&endpoint), logins, tokens, &origin).and_registration(registration);
    let service = Service {
        endpoint,
        authenticator,
        authorization,
        edge,
        limits,
        metrics: Arc::clone(&metrics),
        readiness,
        traces: traces.clone(),
        request_ids: RequestIds::new(started_ms),
        room: Room::new(limits.bodies, limits.body),
        writes: Arc::new(Semaphore::new(limits.writes as usize)),
    };
    mappers::structure::prepare();
    let scrapes = scrapes.map(|(listener, address)| {
        if listener::is_public(address.ip()) {
            tracing::warn!(%address, "metrics are told without token or TLS at an address that strangers may reach");
        }
        tokio::spawn(listener::serve(listener, metrics))
    });
    ready(Ready { base: &base, address, metrics: metrics_at }).map_err(system)?;
    tracing::info!("serving");
    let front = Front { secure, protection: Protection::at(&origin, hsts) };
    server::serve(listener, Arc::new(service), front, stop).await;
    if let Some(keeper) = keeper {
        keeper.abort();
    }
    if let Some(scrapes) = scrapes {
        scrapes.abort();
    }
    if let Some(traces) = traces {
        traces.close().await;
    }
    if let Err(error) = store.write_told().await {
        tracing::warn!(%error, "alerts that were not written yet are lost");
    }
    // It holds the trail while it works; what it has not committed is done another day.
    upkeep.abort();
    let _ended = upkeep.await;
    store.close().await;
    closing.wait().await;
    tracing::info!("stopped");
    Ok(())
}

/// A listener, and where it listens.
async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Stop> {
    let refused = |error: io::Error| Stop::usage(format!("cannot listen on {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok((listener, address))
}

/// Resolves at the first signal to stop; waits for signals from the call on.
fn stop() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The one line on standard output; with where it listens, where clients reach it elsewhere, and where it tells metrics.
pub(super) fn announce(ready: Ready<'_>) -> io::Result<()> {
    let Ready { base, address, metrics } = ready;
    let mut out = io::stdout().lock();
    let is_there = base.split_once("://").is_some_and(|(_, rest)| rest == format!("{address}/fhir"));
    let listen = if is_there { String::new() } else { format!(r#","listen":"{address}""#) };
    let metrics = metrics.map(|address| format!(r#","metrics":"http://{address}/metrics""#)).unwrap_or_default();
    writeln!(out, r#"{{"ready":true,"fhir":"{base}"{listen}{metrics}}}"#)?;
    out.flush()
}
