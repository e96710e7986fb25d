//! The one place that opens HTTP connections: client factory, TLS material, proxies, time limits, capped answers.
//!
//! Connections are shared by all services with the same transport settings and trust (services 1.4, FIX: upstream opens
//! a new pool for every message). Redaction is the caller's: errors made here name the host and nothing else of a URL.

mod failure;
mod guard;
mod pool;
mod proxy;
mod redirect;
pub mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

pub use failure::Failure;
pub use guard::{Egress, Names, SystemNames};
pub use pool::Http;
pub use proxy::Proxies;
pub use redirect::Redirects;

use super::conversation::{Conversations, MemoryConversations};
use super::{DeliveryError, ErrorKind};
use crate::model::{Clock, SystemClock};
use guard::{Guard, Unreachable};
use pool::Pool;

/// Where Argo CD mounts its certificates by host name (core 5.10.1).
pub const DEFAULT_TLS_DIRECTORY: &str = "/app/config/tls";

/// How long connecting may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one request may take, from connecting to the last byte of the answer, unless `timeout` says otherwise.
///
/// Longer than the half minute after which gateways and slow receivers tend to answer: giving up just before the answer
/// would send the message again.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);

/// How this process reaches receivers; the same for all services.
#[derive(Clone)]
pub struct Reach {
    /// Folder with one PEM file per host whose certificates replace the system's for that host (core 5.10.1).
    pub tls_directory: Option<PathBuf>,
    /// Proxies, as the environment names them (core 5.10.2).
    pub proxies: Proxies,
    /// The `User-Agent` of every request that sets none itself.
    pub user_agent: String,
    /// Authorities to trust instead of the system's; for tests and closed installations.
    pub authorities: Option<Vec<CertificateDer<'static>>>,
    /// Environment variables that services may read: cloud credentials and emulators ([`crate::delivery::ambient`]).
    pub environment: Arc<BTreeMap<String, String>>,
    /// Where dates (`Retry-After`, `Date`) come from.
    pub clock: Arc<dyn Clock>,
    /// Whether content that a receiver could not read refuses the message, as upstream does, instead of sending the
    /// plain text with a note. A service's `onInvalidJSON` has the last word.
    pub strict_payloads: bool,
    /// What may be reached; `None` is everything. See [`Clients::guarded`].
    pub egress: Option<Egress>,
    /// How names become addresses.
    pub names: Arc<dyn Names>,
    /// Takes the place of the network, if there is one.
    pub rehearsal: Option<Arc<dyn Rehearsal>>,
}

/// Takes what services send, and nothing leaves the process: for looking at what would be sent.
pub trait Rehearsal: Send + Sync {
    /// Takes a request and answers it.
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes>;

    /// Takes a mail, headers and body.
    fn mail(&self, mail: &[u8]);
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            tls_directory: Some(DEFAULT_TLS_DIRECTORY.into()),
            proxies: Proxies::default(),
            user_agent: concat!("dodona/", env!("CARGO_PKG_VERSION")).to_owned(),
            authorities: None,
            environment: Arc::default(),
            clock: Arc::new(SystemClock),
            strict_payloads: false,
            egress: None,
            names: Arc::new(SystemNames),
            rehearsal: None,
        }
    }
}

/// The transport options of one service (services 1.4, family E).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transport {
    /// TLS without verification; HTTP/1.1 only.
    pub insecure_skip_verify: bool,
    /// `maxIdleConns`: idle connections in total; 0 = unlimited. Held per host here.
    pub max_idle: i64,
    /// `maxIdleConnsPerHost`: 0 = the default, negative = no reuse.
    pub max_idle_per_host: i64,
    /// `maxConnsPerHost`: requests at the same time to one host; 0 = unlimited.
    pub max_per_host: i64,
    /// `idleConnTimeout`: how long an idle connection is kept.
    pub idle_timeout: Option<Duration>,
    /// `caCert`: PEM certificates that replace the system's for this service.
    pub authority: String,
}

/// Hands out HTTP clients; connections are shared by all services with the same transport settings.
#[derive(Clone)]
pub struct Clients(Arc<Inner>);

struct Inner {
    reach: Reach,
    guard: Guard,
    system_roots: Arc<OnceLock<Arc<RootCertStore>>>,
    pools: Mutex<BTreeMap<pool::PoolKey, Arc<Pool>>>,
    conversations: Arc<dyn Conversations>,
}

impl Default for Clients {
    fn default() -> Self {
        Self::new(Reach::default())
    }
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clients")
    }
}

impl Clients {
    /// Clients that reach the world as `reach` says; conversations are remembered in memory.
    pub fn new(reach: Reach) -> Self {
        let conversations = MemoryConversations::new(Arc::clone(&reach.clock), None);
        Self::with_conversations(reach, Arc::new(conversations))
    }

    /// The same with conversations of one's own: in front of a journal they survive restarts.
    pub fn with_conversations(reach: Reach, conversations: Arc<dyn Conversations>) -> Self {
        Self::assemble(reach, Arc::default(), conversations)
    }

    /// The same for the configurations of tenants: they reach public addresses and what `egress` allows, checked after
    /// each name is resolved and for each redirect, and they borrow nothing that is the process's own: no environment
    /// variables, no files ([`Clients::is_guarded`]). Conversations and certificates are shared.
    #[must_use]
    pub fn guarded(&self, egress: Egress) -> Self {
        let reach = Reach { egress: Some(egress), environment: Arc::default(), ..self.reach().clone() };
        Self::assemble(reach, Arc::clone(&self.0.system_roots), Arc::clone(&self.0.conversations))
    }

    fn assemble(
        reach: Reach,
        system_roots: Arc<OnceLock<Arc<RootCertStore>>>,
        conversations: Arc<dyn Conversations>,
    ) -> Self {
        let proxies = [reach.proxies.http.clone(), reach.proxies.https.clone()];
        let guard = Guard::new(reach.egress.clone(), Arc::clone(&reach.names), &proxies);
        Self(Arc::new(Inner { reach, guard, system_roots, pools: Mutex::default(), conversations }))
    }

    /// Whether these clients are for tenants. Services then refuse settings that name files of this process, and
    /// credentials that are the process's own (services 1.5).
    pub fn is_guarded(&self) -> bool {
        self.0.guard.is_on()
    }

    /// Where to connect for `host`, which is a name or an address; for services that do not speak HTTP.
    ///
    /// The addresses are those that may be reached. Whoever connects to the name instead of these loses the guard.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DeliveryError> {
        if self.rehearsal().is_some() {
            let detail = format!("{host}:{port} is not contacted in a rehearsal");
            return Err(DeliveryError::permanent(ErrorKind::Internal, detail));
        }
        let found = tokio::time::timeout(CONNECT_TIMEOUT, self.0.guard.resolve(host)).await;
        let slow = || {
            let seconds = CONNECT_TIMEOUT.as_secs();
            DeliveryError::temporary(
                ErrorKind::Network,
                format!("the name `{host}` is not resolved within {seconds} s"),
            )
        };
        let found = found.map_err(|_| slow())?;
        let found = found.map_err(|problem| Failure::unreachable(&problem).error)?;
        Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// Refuses a URL's `host` that may not be reached. A proxy finds names that this process cannot.
    async fn check(&self, scheme: &str, host: &str) -> Result<(), Failure> {
        if !self.is_guarded() {
            return Ok(());
        }
        match self.0.guard.resolve(host).await {
            Ok(_) => Ok(()),
            Err(Unreachable::Unknown(..)) if self.reach().proxies.serve(scheme) => Ok(()),
            Err(problem) => Err(Failure::unreachable(&problem)),
        }
    }

    /// What takes the place of the network. Services that do not speak HTTP hand over to it what they would send.
    pub fn rehearsal(&self) -> Option<&Arc<dyn Rehearsal>> {
        self.0.reach.rehearsal.as_ref()
    }

    /// How the process reaches receivers.
    pub fn reach(&self) -> &Reach {
        &self.0.reach
    }

    /// Where services remember the ids of messages that later ones belong to (threads, comments).
    pub fn conversations(&self) -> &Arc<dyn Conversations> {
        &self.0.conversations
    }

    /// A client with `transport`'s settings.
    pub fn http(&self, transport: Transport) -> Http {
        Http::new(self.clone(), transport)
    }

    /// The certificates that `host` (without port) is verified against, and whether they are special to it.
    pub(crate) fn trust(&self, host: &str, transport: &Transport) -> tls::Trust {
        if transport.insecure_skip_verify {
            return tls::Trust::Anything;
        }
        if !transport.authority.is_empty() {
            return tls::Trust::only(transport.authority.as_bytes());
        }
        let file = self.0.reach.tls_directory.as_deref().and_then(|folder| tls::authority_file(folder, host));
        file.map_or(tls::Trust::System, |pem| tls::Trust::only(&pem))
    }

    pub(crate) fn system_roots(&self) -> Arc<RootCertStore> {
        let load = || Arc::new(tls::system_roots(self.0.reach.authorities.as_deref()));
        Arc::clone(self.0.system_roots.get_or_init(load))
    }

    /// The pool of `key`, made by `make` if there is none yet.
    fn pool(
        &self,
        key: &pool::PoolKey,
        make: impl FnOnce() -> Result<Pool, Failure>,
    ) -> Result<Arc<Pool>, Failure> {
        let mut pools = self.0.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(key) {
            return Ok(Arc::clone(pool));
        }
        // Certificate files and settings change rarely; old pools go away all at once when many have gathered.
        if pools.len() >= pool::MOST_POOLS {
            pools.clear();
        }
        let pool = Arc::new(make()?);
        pools.insert(key.clone(), Arc::clone(&pool));
        Ok(pool)
    }
}
