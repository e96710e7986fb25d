//! One service's view of the shared connections: sends a request, follows redirects, reads a capped answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use rustls::RootCertStore;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::tls::{Trust, client_config};
use super::{CONNECT_TIMEOUT, Clients, Failure, Redirects, Transport, redirect};

/// The longest answer that is read, decoded, in bytes.
pub(super) const LONGEST_ANSWER: usize = 1 << 20;

/// Pools kept at the same time.
pub(super) const MOST_POOLS: usize = 256;

/// Idle connections kept for one host where the settings are silent. Go keeps 2; the outbox sends to one host in parallel.
const IDLE_PER_HOST: usize = 16;

/// How long an idle connection is kept where the settings are silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// What requests must have in common to share connections.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PoolKey {
    transport: Transport,
    trust: Trust,
    /// Plain HTTP needs no authorities: they are loaded when the first HTTPS request is made.
    encrypted: bool,
}

/// Connections with one set of settings.
pub(super) struct Pool {
    client: reqwest::Client,
    /// `maxConnsPerHost`, by host and port.
    slots: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

/// A client with one service's transport settings. Cheap to clone.
#[derive(Clone)]
pub struct Http {
    clients: Clients,
    transport: Transport,
    redirects: Redirects,
}

impl Http {
    pub(super) fn new(clients: Clients, transport: Transport) -> Self {
        Self { clients, transport, redirects: Redirects::SameHost }
    }

    /// The same, following redirects as `redirects` says.
    #[must_use]
    pub fn following(self, redirects: Redirects) -> Self {
        Self { redirects, ..self }
    }

    /// What all clients share.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Sends `request` and reads the whole answer, all within `limit`.
    ///
    /// An answer with any status is `Ok`; what it means is the service's to say.
    pub async fn send(&self, request: Request<Bytes>, limit: Duration) -> Result<Response<Bytes>, Failure> {
        let url = Url::parse(&request.uri().to_string())
            .map_err(|error| Failure::malformed(format!("invalid URL: {error}")))?;
        let host = shown_host(&url);
        let answer = tokio::time::timeout(limit, self.follow(request, url)).await;
        answer.unwrap_or_else(|_| Err(Failure::timeout(&host, limit)))
    }

    async fn follow(&self, mut request: Request<Bytes>, mut url: Url) -> Result<Response<Bytes>, Failure> {
        for _ in 0..redirect::MOST_REQUESTS {
            let response = self.once(&request, &url).await?;
            let (status, headers) = (response.status(), response.headers());
            match redirect::next(self.redirects, &request, &url, status, headers)? {
                Some((next, target)) => (request, url) = (next, target),
                None => return Ok(response),
            }
        }
        let detail = format!(
            "stopped after {} redirects, the last one to {}",
            redirect::MOST_REQUESTS,
            shown_host(&url)
        );
        Err(Failure::useless_answer(detail))
    }

    /// One request without redirects.
    async fn once(&self, request: &Request<Bytes>, url: &Url) -> Result<Response<Bytes>, Failure> {
        if let Some(rehearsal) = self.clients.rehearsal() {
            return Ok(rehearsal.answer(request));
        }
        let host = shown_host(url);
        self.clients.check(url.scheme(), url.host_str().unwrap_or_default()).await?;
        let pool = self.pool(url)?;
        let _slot = pool.slot(&host, self.transport.max_per_host).await;
        let mut outgoing = reqwest::Request::new(request.method().clone(), url.clone());
        *outgoing.headers_mut() = request.headers().clone();
        if !request.body().is_empty() {
            *outgoing.body_mut() = Some(request.body().clone().into());
        } else if may_have_body(request.method()) {
            // Never an empty chunked body (services 2.3, FIX).
            outgoing.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let response = pool.client.execute(outgoing).await.map_err(|error| Failure::network(&host, error))?;
        read(response, &host).await
    }

    fn pool(&self, url: &Url) -> Result<Arc<Pool>, Failure> {
        let encrypted = url.scheme() == "https";
        let trust = if encrypted {
            self.clients.trust(url.host_str().unwrap_or_default(), &self.transport)
        } else {
            Trust::System
        };
        let key = PoolKey { transport: self.transport.clone(), trust, encrypted };
        self.clients.pool(&key, || Pool::new(&self.clients, &key))
    }
}

impl Pool {
    fn new(clients: &Clients, key: &PoolKey) -> Result<Self, Failure> {
        let fail = |detail: String| Failure::malformed(format!("cannot make a client: {detail}"));
        let reach = clients.reach();
        // With own certificates or without verification Go speaks HTTP/1.1 only; some proxies in between rely on it.
        let http2 = key.encrypted && key.trust == Trust::System;
        let protocols: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        let needs_roots = key.encrypted || !reach.proxies.is_empty();
        let roots = || if needs_roots { clients.system_roots() } else { Arc::new(RootCertStore::empty()) };
        let tls = client_config(&key.trust, roots, protocols).map_err(|error| fail(error.to_string()))?;
        let transport = &key.transport;
        let idle = match (usize::try_from(transport.max_idle_per_host), usize::try_from(transport.max_idle)) {
            (Err(_), _) => 0,
            (Ok(0), Ok(0) | Err(_)) => IDLE_PER_HOST,
            (Ok(0), Ok(most)) => IDLE_PER_HOST.min(most),
            (Ok(count), Ok(0) | Err(_)) => count,
            (Ok(count), Ok(most)) => count.min(most),
        };
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .user_agent(reach.user_agent.clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(idle)
            .pool_idle_timeout(transport.idle_timeout.unwrap_or(IDLE_TIMEOUT))
            .tcp_nodelay(true);
        let builder = if http2 { builder } else { builder.http1_only() };
        let builder = builder.dns_resolver(clients.0.guard.clone());
        let builder = reach.proxies.apply(builder).map_err(|error| fail(error.without_url().to_string()))?;
        let client = builder.build().map_err(|error| fail(error.without_url().to_string()))?;
        Ok(Self { client, slots: Mutex::default() })
    }

    /// Waits for a free place if the number of requests to one host is limited.
    async fn slot(&self, host: &str, most: i64) -> Option<OwnedSemaphorePermit> {
        let most = usize::try_from(most).ok().filter(|most| *most > 0)?;
        let slots = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let most = most.min(Semaphore::MAX_PERMITS);
            Arc::clone(slots.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(most))))
        };
        slots.acquire_owned().await.ok()
    }
}

async fn read(mut response: reqwest::Response, host: &str) -> Result<Response<Bytes>, Failure> {
    let (status, headers): (StatusCode, HeaderMap) = (response.status(), response.headers().clone());
    let too_long =
        || Failure::useless_answer(format!("the answer of {host} is longer than {LONGEST_ANSWER} bytes"));
    if response.content_length().is_some_and(|length| length > LONGEST_ANSWER as u64) {
        return Err(too_long());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::network(host, error))? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = Response::new(body.freeze());
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

/// Whether a request without content should say so with `Content-Length: 0`.
fn may_have_body(method: &http::Method) -> bool {
    !matches!(method.as_str(), "GET" | "HEAD" | "DELETE" | "OPTIONS" | "TRACE" | "CONNECT")
}

/// Host and port, for errors.
pub(super) fn shown_host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
