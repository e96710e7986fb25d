//! Drives services that speak HTTP: sends, repeats within one attempt, keeps time, redacts, leaves debug lines.
//!
//! A service with one request implements [`HttpService`], two pure functions, and is done. One with several requests
//! (threads, tokens) holds a [`Caller`], asks it for each of them, and implements [`CallService`].

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::time::Instant;

use super::client::{Failure, Http, REQUEST_TIMEOUT, Redirects};
use super::redact::{Redactor, quote, shown_url};
use super::verdict::{refusal, reset_after, retry_after, verdict};
use super::{BuildContext, DeliveryError, DeliveryOptions, ErrorKind, Retry, Service};
use crate::delivery::options::Options;
use crate::model::{Message, NodeError, Receipt};

/// How long one attempt with all its repeats may take where `timeout` is silent; the outbox cuts a little later.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(55);

/// Tokens handed out by receivers that are remembered for redaction.
const MOST_HANDED_OUT: usize = 8;

/// A service that delivers a message with one HTTP request.
pub trait HttpService: Send + Sync + 'static {
    /// The request that brings `message` to `recipient`. Pure: no I/O, no clock but the one of the build context.
    fn request(&self, message: &Message, recipient: &str) -> Result<Request<Bytes>, DeliveryError>;

    /// What the answer means. Pure. By default: 2xx is a success, anything else as the common table says.
    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        reply.accepted()
    }

    /// Repeats within one attempt; by default none, as the outbox tries again by itself.
    fn repeats(&self) -> Repeats {
        Repeats::NONE
    }

    /// Where redirects may lead.
    fn redirects(&self) -> Redirects {
        Redirects::default()
    }
}

/// A service that delivers a message with the requests that it takes: several of them, to several receivers, with tokens.
pub trait CallService: Send + Sync + 'static {
    /// What its requests are sent with.
    fn caller(&self) -> &Caller;

    /// One attempt to bring `message` to `recipient`. Its errors are cleaned of what the caller knows to be secret.
    fn attempt(
        &self,
        message: &Message,
        recipient: &str,
    ) -> impl Future<Output = Result<Receipt, DeliveryError>> + Send;
}

impl<S: CallService> Service for S {
    fn deliver<'a>(
        &'a self,
        message: &'a Message,
        recipient: &'a str,
    ) -> BoxFuture<'a, Result<Receipt, DeliveryError>> {
        Box::pin(
            async move { self.attempt(message, recipient).await.map_err(|error| self.caller().clean(error)) },
        )
    }

    fn options(&self) -> DeliveryOptions {
        self.caller().options().clone()
    }
}

/// Gives up an attempt that takes longer than `limit`: for services that do not speak HTTP and so have no [`Caller`].
pub async fn within(
    limit: Duration,
    attempt: impl Future<Output = Result<Receipt, DeliveryError>>,
) -> Result<Receipt, DeliveryError> {
    tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| {
        let detail = format!("not delivered within {} s", limit.as_secs_f64());
        Err(DeliveryError::temporary(ErrorKind::Network, detail))
    })
}

/// How often a request is repeated within one attempt, while the outbox waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// Requests after the first one.
    pub most: u32,
    /// Pause before the first repeat; doubled for each further one.
    pub pause: Duration,
    /// Longest pause, unless the receiver asks for a longer one.
    pub longest: Duration,
    /// What is repeated.
    pub when: When,
}

/// What is repeated within one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Broken connections, 429, and 5xx except 501 (services 2.3).
    Temporary,
    /// 429 with a `Retry-After` (services 2.1).
    Asked,
}

impl Repeats {
    /// The outbox alone repeats.
    pub const NONE: Self =
        Self { most: 0, pause: Duration::ZERO, longest: Duration::ZERO, when: When::Temporary };

    /// Reads `retryMax`, `retryWaitMin` and `retryWaitMax`; 0 and what is absent is as in `otherwise`, a negative
    /// `retryMax` means none (services 2.3).
    pub fn read(options: &Options<'_>, otherwise: Self) -> Result<Self, NodeError> {
        let wait = |name, default| {
            // Nothing means the default, so less than nothing is how upstream writes "no pause".
            let at_once =
                options.fields().get(name).and_then(|node| node.int().ok()).is_some_and(|span| span < 0);
            let span = if at_once {
                Some(Duration::ZERO)
            } else {
                options.duration(name)?.filter(|span| !span.is_zero())
            };
            Ok(span.unwrap_or(default))
        };
        let most = match options.int("retryMax")?.unwrap_or(0) {
            0 => otherwise.most,
            other => u32::try_from(other.max(0)).unwrap_or(u32::MAX),
        };
        Ok(Self {
            most,
            pause: wait("retryWaitMin", otherwise.pause)?,
            longest: wait("retryWaitMax", otherwise.longest)?,
            when: otherwise.when,
        })
    }

    /// The pause after the repeat number `done` (0 before the first one).
    fn pause(&self, done: u32) -> Duration {
        self.pause.saturating_mul(2u32.saturating_pow(done.min(31))).min(self.longest)
    }
}

/// An answer, with what is needed to word an error about it.
#[derive(Debug)]
pub struct Reply {
    /// Status, headers and body (capped).
    pub response: Response<Bytes>,
    /// The request's method.
    pub method: String,
    /// The request's URL, fit to be shown.
    pub url: String,
    /// Requests made.
    pub attempts: u32,
    /// The beginning of the body, cleaned of secrets and control characters.
    pub quote: String,
    now: jiff::Timestamp,
}

impl Reply {
    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The body, as the service has to read it. Quote [`Reply::quote`] in texts instead.
    pub fn body(&self) -> &[u8] {
        self.response.body()
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(self.body()).ok()
    }

    /// The body as JSON where the receiver always answers so; `whose` names it. Anything else comes from something in
    /// between (a proxy, a log-in page), which may go away.
    pub fn expect_json(&self, whose: &str) -> Result<serde_json::Value, DeliveryError> {
        self.json().ok_or_else(|| {
            let detail = format!("the answer is no JSON, so this is not {whose}: {}", self.quote);
            DeliveryError::temporary(ErrorKind::Unavailable, detail).with_status(self.status().as_u16())
        })
    }

    /// 2xx is a success; everything else is [`Reply::refused`].
    pub fn accepted(&self) -> Result<Receipt, DeliveryError> {
        if self.status().is_success() { Ok(self.receipt(None)) } else { Err(self.refused()) }
    }

    /// 2xx is a success unless it brings a web page: then something in front of `whose` API has answered, a login page
    /// for example, and nothing was delivered.
    pub fn accepted_by(&self, whose: &str) -> Result<Receipt, DeliveryError> {
        let receipt = self.accepted()?;
        if self.body().trim_ascii_start().starts_with(b"<") {
            self.expect_json(whose)?;
        }
        Ok(receipt)
    }

    /// The receipt for an accepted message.
    pub fn receipt(&self, id: Option<String>) -> Receipt {
        Receipt { id, detail: self.status().to_string() }
    }

    /// The error for a refused message, in the words that upstream uses (services 1.5).
    pub fn refused(&self) -> DeliveryError {
        let (code, url, quote) = (self.status().as_u16(), &self.url, &self.quote);
        self.error(format!("request to {url} has failed with error code {code} : {quote}"))
    }

    /// An error with `detail`, and with kind and retry as the status says.
    pub fn error(&self, detail: impl Into<String>) -> DeliveryError {
        refusal(self.status(), self.headers(), self.now, detail.into())
    }

    /// [`Reply::error`] for a receiver that says in a `header` of its own when its rate limit ends.
    pub fn limited(&self, detail: impl Into<String>, header: &str) -> DeliveryError {
        let mut error = self.error(detail);
        if let (429, Retry::Later) = (self.status().as_u16(), error.retry) {
            error.retry = self.reset(header).map_or(Retry::Later, Retry::After);
        }
        error
    }

    /// The pause until a rate limit ends, as the receiver's own `header` has it.
    pub fn reset(&self, header: &str) -> Option<Duration> {
        reset_after(self.headers(), header, self.now)
    }

    /// The pause that the receiver asks for.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(self.headers(), self.now)
    }
}

/// Sends the requests of one service.
#[derive(Clone)]
pub struct Caller {
    name: String,
    http: Http,
    options: DeliveryOptions,
    redactor: Redactor,
    /// Whether what is sent and answered are secrets.
    confidential: bool,
    /// What receivers handed out to this service: tokens for a time. As secret as what is in the settings.
    handed_out: Arc<Mutex<VecDeque<Redactor>>>,
}

impl Caller {
    /// A caller for the service that is being built.
    pub fn new(context: &BuildContext<'_>, options: &Options<'_>) -> Result<Self, NodeError> {
        Self::with(context, options, options.delivery()?)
    }

    /// The same with delivery options that the service has read itself.
    pub fn with(
        context: &BuildContext<'_>,
        options: &Options<'_>,
        delivery: DeliveryOptions,
    ) -> Result<Self, NodeError> {
        Ok(Self {
            name: context.name.to_owned(),
            http: context.clients.http(options.transport()?),
            options: delivery,
            redactor: options.redactor.clone(),
            confidential: false,
            handed_out: Arc::default(),
        })
    }

    /// The same caller, following redirects as `redirects` says.
    #[must_use]
    pub fn following(self, redirects: Redirects) -> Self {
        Self { http: self.http.following(redirects), ..self }
    }

    /// The same caller that keeps `secrets` out of all texts too: tokens that came up after the service was built.
    #[must_use]
    pub fn hiding<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut caller = self.clone();
        secrets.into_iter().for_each(|secret| caller.redactor.add(secret));
        caller
    }

    /// The same caller for requests that ask for tokens and keys: no body is logged, and of answers only refusals are
    /// quoted.
    #[must_use]
    pub fn confidential(&self) -> Self {
        Self { confidential: true, ..self.clone() }
    }

    /// The options that the outbox asks for.
    pub fn options(&self) -> &DeliveryOptions {
        &self.options
    }

    /// What all services share.
    pub fn clients(&self) -> &super::client::Clients {
        self.http.clients()
    }

    /// Removes the service's secrets and control characters from an error that was made outside, and cuts it.
    pub fn clean(&self, mut error: DeliveryError) -> DeliveryError {
        error.detail = self.quote(&error.detail);
        error
    }

    /// Keeps what an answer hands out at `tokens` out of texts from now on. The last few are remembered.
    fn keep_secrets(&self, tokens: &[&str], result: &Result<Response<Bytes>, Failure>) {
        let (Ok(answer), false) = (result, tokens.is_empty()) else { return };
        let Ok(answer) = serde_json::from_slice::<serde_json::Value>(answer.body()) else { return };
        let mut handed_out = self.handed_out.lock().unwrap_or_else(PoisonError::into_inner);
        for token in tokens.iter().filter_map(|token| answer.pointer(token)?.as_str()) {
            let mut redactor = Redactor::default();
            redactor.add(token);
            handed_out.push_back(redactor);
        }
        while handed_out.len() > MOST_HANDED_OUT {
            handed_out.pop_front();
        }
    }

    fn without_secrets(&self, text: &str) -> String {
        let handed_out = self.handed_out.lock().unwrap_or_else(PoisonError::into_inner);
        handed_out.iter().fold(self.redactor.clean(text), |text, redactor| redactor.clean(&text))
    }

    /// What a receiver says, fit to be quoted.
    pub fn quote(&self, text: &str) -> String {
        quote(&self.without_secrets(text))
    }

    /// The time by which an attempt that begins now has to end.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.options.timeout.unwrap_or(ATTEMPT_TIMEOUT)
    }

    /// Sends `request`, repeats it as `repeats` says, and returns the last answer, whatever its status.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        repeats: Repeats,
        deadline: Instant,
    ) -> Result<Reply, DeliveryError> {
        self.send_for(&[], request, repeats, deadline).await
    }

    /// The same for a request whose answer hands out secrets: the texts at `tokens` (JSON pointers: `/data/authToken`)
    /// are in no log line and no error, neither of this answer nor of later ones.
    pub async fn send_for(
        &self,
        tokens: &[&str],
        request: Request<Bytes>,
        repeats: Repeats,
        deadline: Instant,
    ) -> Result<Reply, DeliveryError> {
        let mut done = 0;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            self.trace_request(&request);
            let result = self.http.send(request.clone(), left.min(REQUEST_TIMEOUT)).await;
            let pause = self.pause(&result, repeats, done);
            let pause = pause.filter(|pause| done < repeats.most && Instant::now() + *pause < deadline);
            let Some(pause) = pause else {
                self.keep_secrets(tokens, &result);
                return self.conclude(&request, result, done + 1);
            };
            tokio::time::sleep(pause).await;
            done += 1;
        }
    }

    /// How long to wait before repeating; `None` if repeating does not help.
    fn pause(
        &self,
        result: &Result<Response<Bytes>, Failure>,
        repeats: Repeats,
        done: u32,
    ) -> Option<Duration> {
        let own = repeats.pause(done);
        let asked = |response: &Response<Bytes>| retry_after(response.headers(), self.now());
        match (result, repeats.when) {
            (Err(failure), When::Temporary) => failure.repeat.then_some(own),
            (Err(_), When::Asked) => None,
            (Ok(response), when) => match (response.status().as_u16(), when) {
                (429 | 503, When::Temporary) => Some(asked(response).unwrap_or(own)),
                (429, When::Asked) => asked(response),
                (501, _) => None,
                (500..=599, When::Temporary) => Some(own),
                _ => None,
            },
        }
    }

    fn conclude(
        &self,
        request: &Request<Bytes>,
        result: Result<Response<Bytes>, Failure>,
        attempts: u32,
    ) -> Result<Reply, DeliveryError> {
        let url = shown_url(&request.uri().to_string());
        let method = request.method().to_string();
        match result {
            Ok(response) => {
                let silent = self.confidential && response.status().is_success();
                let said = String::from_utf8_lossy(response.body());
                let quote = if silent { String::new() } else { self.quote(&said) };
                tracing::debug!(service = %self.name, "Received response: {} {quote}", response.status());
                Ok(Reply { response, method, url, attempts, quote, now: self.now() })
            }
            Err(failure) => {
                let mut error = failure.error;
                if attempts > 1 {
                    error.detail =
                        format!("{method} {url} giving up after {attempts} attempt(s): {}", error.detail);
                }
                Err(self.clean(error))
            }
        }
    }

    /// The debug line of core 5.7, redacted. What is shown is put together only if somebody listens.
    fn trace_request(&self, request: &Request<Bytes>) {
        tracing::debug!(service = %self.name, "Sending request: {}", Shown { request, caller: self });
    }

    /// The present time.
    pub fn now(&self) -> jiff::Timestamp {
        self.http.clients().reach().clock.now()
    }
}

/// A request as log lines show it: the host of its URL, the names of its headers, its body without secrets.
struct Shown<'a> {
    request: &'a Request<Bytes>,
    caller: &'a Caller,
}

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = shown_url(&self.request.uri().to_string());
        let headers: Vec<&str> = self.request.headers().keys().map(http::HeaderName::as_str).collect();
        // The body of a confidential request is a secret as a whole.
        let body = if self.caller.confidential { &[] } else { &self.request.body()[..] };
        let body = self.caller.quote(&String::from_utf8_lossy(body));
        write!(f, "{} {url} {headers:?} {body}", self.request.method())
    }
}

/// An [`HttpService`] as a [`CallService`], and so as a [`Service`].
pub struct Driver<S> {
    service: S,
    caller: Caller,
}

impl<S: HttpService> Driver<S> {
    /// Wraps `service`, whose settings were read through `options`.
    pub fn build(
        context: &BuildContext<'_>,
        options: &Options<'_>,
        service: S,
    ) -> Result<Arc<dyn Service>, NodeError> {
        let caller = Caller::new(context, options)?.following(service.redirects());
        Ok(Arc::new(Self { service, caller }))
    }
}

impl<S: HttpService> CallService for Driver<S> {
    fn caller(&self) -> &Caller {
        &self.caller
    }

    async fn attempt(&self, message: &Message, recipient: &str) -> Result<Receipt, DeliveryError> {
        let request = self.service.request(message, recipient)?;
        let reply = self.caller.send(request, self.service.repeats(), self.caller.deadline()).await?;
        self.service.judge(&reply)
    }
}

/// The texts of the list at `pointer` in an answer: what a receiver has to say.
pub fn texts<'a>(answer: &'a serde_json::Value, pointer: &str) -> Vec<&'a str> {
    let list = answer.pointer(pointer).and_then(serde_json::Value::as_array);
    list.into_iter().flatten().filter_map(serde_json::Value::as_str).collect()
}

/// Whether a status may go away by itself.
pub fn is_temporary(status: StatusCode) -> bool {
    verdict(status, None).is_some_and(|(_, retry)| retry != Retry::No)
}
