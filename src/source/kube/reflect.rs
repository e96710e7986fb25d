//! Keeps one collection of objects in sight: list, watch, and whatever it takes to go on after the connection, the version or the
//! kind is gone. What happens to the objects is up to a [`Sink`].
//!
//! Order: for each object, versions are handed on in the order in which the server made them, never an older one after a newer one.
//! A repeated list therefore leaves out objects that changed after the place where the watch stands: the watch is about to bring them.
//!
//! Nothing is remembered about objects. What was deleted while there was no watch, and the version expired meanwhile (410), is
//! not reported as deleted; a sink that needs to know compares what comes between `begin` and `end`.

use bytes::Bytes;
use dodona_value::Numbers;
use http::Request;
use kube::api::{ListParams, WatchParams};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::backoff::Backoff;
use super::lines::Lines;
use super::wire::{self, Event};
use super::{Api, ApiError};
use crate::model::{Cause, Object};

/// Receives the objects of a collection.
pub(super) trait Sink: Send {
    /// A list of everything begins.
    fn begin(&mut self) {}

    /// One object. Taking time here slows the server down.
    fn object(&mut self, object: Object, cause: Cause) -> impl Future<Output = Result<(), Closed>> + Send;

    /// The list that began last is complete.
    fn end(&mut self) {}

    /// A request failed and will be repeated.
    fn failed(&mut self, _error: &ApiError) {}
}

/// Nobody wants the objects any more.
#[derive(Debug)]
pub(super) struct Closed;

/// What is watched.
#[derive(Clone, Debug)]
pub(super) struct Collection {
    /// Path of the collection.
    pub(super) path: String,
    pub(super) label_selector: String,
    pub(super) field_selector: String,
    pub(super) numbers: Numbers,
}

/// Why [`Reflector::run`] came back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The sink is closed.
    Closed,
    /// The server does not know the collection (any more).
    Missing,
}

/// One collection being watched.
pub(super) struct Reflector<S> {
    api: Api,
    collection: Collection,
    sink: S,
    resync: watch::Receiver<u64>,
    /// Where the watch stands; `None`: list first.
    position: Option<String>,
    /// Whether a list was complete before: objects of later lists are not new.
    listed: bool,
    streaming: bool,
    /// Whether a list was completed or the watch moved on since the last failure.
    progress: bool,
    last_error: String,
}

/// What a line of a watch is.
enum Opened {
    Object(Object, Cause),
    /// The watch has come this far.
    Place {
        resource_version: String,
        initial_end: bool,
    },
    Error(Trouble),
    Nothing,
}

enum Trouble {
    Closed,
    /// The position is too old, or no position of this server.
    Expired,
    Failed(ApiError),
}

impl From<Closed> for Trouble {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl<S: Sink> Reflector<S> {
    /// `resync`: each change of the number asks for one more list of everything.
    pub(super) fn new(api: Api, collection: Collection, resync: watch::Receiver<u64>, sink: S) -> Self {
        Self {
            api,
            collection,
            sink,
            resync,
            position: None,
            listed: false,
            streaming: true,
            progress: false,
            last_error: String::new(),
        }
    }

    /// Watches until nobody wants to know any more, or the collection does not exist.
    pub(super) async fn run(&mut self) -> Ended {
        let mut backoff = Backoff::new(self.api.pace());
        loop {
            let turn = self.turn().await;
            let progress = std::mem::take(&mut self.progress);
            if progress {
                backoff.reset();
            }
            let asked = match turn {
                // Servers end watches after some minutes; no event has to wait for that.
                Ok(()) if progress => continue,
                Ok(()) => None,
                Err(Trouble::Closed) => return Ended::Closed,
                Err(Trouble::Expired) => {
                    tracing::debug!(
                        path = self.collection.path,
                        "the watch is too far behind: listing again"
                    );
                    self.position = None;
                    None
                }
                Err(Trouble::Failed(error)) if error.code() == Some(404) => return Ended::Missing,
                Err(Trouble::Failed(error)) => {
                    self.report(&error);
                    error.retry_after()
                }
            };
            sleep(backoff.next(asked)).await;
        }
    }

    /// From connecting to the end of the connection.
    async fn turn(&mut self) -> Result<(), Trouble> {
        let lines = if let Some(position) = &self.position {
            match self.api.send(self.watch_request(position, false)?).await {
                Ok(response) => Lines::new(response.into_body()),
                Err(error) if refuses_position(&error) => return Err(Trouble::Expired),
                Err(error) => return Err(error.into()),
            }
        } else {
            self.resync.mark_unchanged();
            let cause = if self.listed { Cause::Resync } else { Cause::Added };
            let (position, lines) = self.list(cause, None).await?;
            self.position = Some(position.clone());
            self.listed = true;
            self.progress = true;
            match lines {
                Some(lines) => lines,
                None => Lines::new(self.api.send(self.watch_request(&position, false)?).await?.into_body()),
            }
        };
        self.recovered();
        self.follow(lines).await
    }

    /// Hands on what a watch brings, and repeats the list in between when it is asked for.
    async fn follow(&mut self, mut lines: Lines) -> Result<(), Trouble> {
        let silence = self.api.pace().silence;
        let mut backoff = Backoff::new(self.api.pace());
        let mut owed: Option<Instant> = None;
        loop {
            tokio::select! {
                line = timeout(silence, lines.next()) => match line {
                    Err(_) => {
                        tracing::debug!(path = self.collection.path, "the watch is silent: connecting anew");
                        return Ok(());
                    }
                    Ok(Ok(Some(line))) => self.take(&line).await?,
                    Ok(Ok(None)) => return Ok(()),
                    Ok(Err(error)) => {
                        tracing::debug!(path = self.collection.path, %error, "the watch broke off");
                        return Ok(());
                    }
                },
                Ok(()) = self.resync.changed() => owed = Some(Instant::now()),
                () = due(owed) => {
                    self.resync.mark_unchanged();
                    let standing = self.position.clone();
                    owed = match self.list(Cause::Resync, standing.as_deref()).await {
                        Ok(_) => { self.recovered(); None }
                        Err(Trouble::Closed) => return Err(Trouble::Closed),
                        Err(Trouble::Expired) => Some(Instant::now() + backoff.next(None)),
                        Err(Trouble::Failed(error)) if error.code() == Some(404) => return Err(error.into()),
                        Err(Trouble::Failed(error)) => {
                            self.report(&error);
                            Some(Instant::now() + backoff.next(error.retry_after()))
                        }
                    };
                }
            }
        }
    }

    /// One line of a watch whose list is complete.
    async fn take(&mut self, line: &[u8]) -> Result<(), Trouble> {
        match self.open(line) {
            Opened::Object(object, cause) => {
                let version = object.resource_version().to_owned();
                self.sink.object(object, cause).await?;
                // Only now: a future that is dropped before must not skip the object.
                self.advance(version);
            }
            Opened::Place { resource_version, .. } => self.advance(resource_version),
            Opened::Error(trouble) => return Err(trouble),
            Opened::Nothing => {}
        }
        Ok(())
    }

    /// Takes a line apart. One object never stops another: what cannot be read is reported and left out.
    fn open(&self, line: &[u8]) -> Opened {
        if let Some((json, cause)) = wire::quick(line)
            && let Ok(object) = Object::received(Bytes::copy_from_slice(json), self.collection.numbers)
        {
            return Opened::Object(object, cause);
        }
        let (json, cause) = match wire::event(line) {
            Ok(Event::Added(json)) => (json, Cause::Added),
            Ok(Event::Modified(json)) => (json, Cause::Modified),
            Ok(Event::Deleted(json)) => (json, Cause::Deleted),
            Ok(Event::Bookmark { resource_version, initial_end }) => {
                return Opened::Place { resource_version, initial_end };
            }
            Ok(Event::Error(status)) => return Opened::Error(watch_error(status)),
            Ok(Event::Unknown) => return Opened::Nothing,
            Err(error) => {
                tracing::warn!(path = self.collection.path, %error, "skipped a line of the watch that is not an event");
                return Opened::Nothing;
            }
        };
        match self.parse(json) {
            Some(object) => Opened::Object(object, cause),
            None => Opened::Place { resource_version: wire::resource_version(json), initial_end: false },
        }
    }

    fn advance(&mut self, resource_version: String) {
        self.progress = true;
        if !resource_version.is_empty() {
            self.position = Some(resource_version);
        }
    }

    /// Lists everything; returns the version of the list and, after a streaming list, the watch that goes on from there.
    /// With `standing`, objects that are newer than it are left to the watch that stands there.
    async fn list(
        &mut self,
        cause: Cause,
        standing: Option<&str>,
    ) -> Result<(String, Option<Lines>), Trouble> {
        self.sink.begin();
        if self.streaming {
            if let Some((position, lines)) = self.list_streaming(cause, standing).await? {
                self.sink.end();
                return Ok((position, Some(lines)));
            }
            tracing::debug!(
                path = self.collection.path,
                "the server offers no streaming lists: listing in pages"
            );
            self.streaming = false;
        }
        let position = self.list_paged(cause, standing).await?;
        self.sink.end();
        Ok((position, None))
    }

    /// `None`: the server does not offer it.
    async fn list_streaming(
        &mut self,
        cause: Cause,
        standing: Option<&str>,
    ) -> Result<Option<(String, Lines)>, Trouble> {
        let response = match self.api.send(self.watch_request("", true)?).await {
            Ok(response) => response,
            Err(error) if matches!(error.code(), Some(400 | 405 | 406 | 422)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut lines = Lines::new(response.into_body());
        loop {
            // Servers before 1.27 ignore the parameter: they send what there is, and no end.
            let Ok(line) = timeout(self.api.pace().list_silence, lines.next()).await else { return Ok(None) };
            let Some(line) = line? else {
                return Err(ApiError::Connection("the streaming list broke off".into()).into());
            };
            match self.open(&line) {
                Opened::Object(object, Cause::Deleted) if standing.is_none() => {
                    self.sink.object(object, Cause::Deleted).await?;
                }
                Opened::Object(_, Cause::Deleted) => {}
                Opened::Object(object, _) => self.hand_on(object, cause, standing).await?,
                Opened::Place { resource_version, initial_end: true } => {
                    return Ok(Some((resource_version, lines)));
                }
                Opened::Error(trouble) => return Err(trouble),
                Opened::Place { .. } | Opened::Nothing => {}
            }
        }
    }

    /// Page by page. Each page is one answer in memory, its items are handed on one by one. When a token expires between pages,
    /// the list starts again with larger pages, so that it ends some day however slow the receiver is.
    async fn list_paged(&mut self, cause: Cause, standing: Option<&str>) -> Result<String, Trouble> {
        let mut limit = self.api.pace().page;
        let mut token = None;
        loop {
            let body = match self.api.bytes(self.list_request(limit, token.as_deref())?).await {
                Ok(body) => body,
                Err(error) if error.code() == Some(410) && token.is_some() => {
                    limit = limit.saturating_mul(4);
                    token = None;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let page = wire::page(&body)?;
            for item in &page.items {
                if let Some(object) = self.parse(&page.object(item)) {
                    self.hand_on(object, cause, standing).await?;
                }
            }
            match page.next {
                Some(next) => token = Some(next),
                None => return Ok(page.resource_version),
            }
        }
    }

    /// One object of a list.
    async fn hand_on(&mut self, object: Object, cause: Cause, standing: Option<&str>) -> Result<(), Trouble> {
        if standing.is_some_and(|standing| newer(object.resource_version(), standing)) {
            return Ok(());
        }
        Ok(self.sink.object(object, cause).await?)
    }

    fn parse(&self, json: &[u8]) -> Option<Object> {
        match Object::received(Bytes::copy_from_slice(json), self.collection.numbers) {
            Ok(object) => Some(object),
            Err(error) => {
                let head: String = String::from_utf8_lossy(json).chars().take(200).collect();
                tracing::warn!(path = self.collection.path, %error, head, "skipped an object that cannot be read");
                None
            }
        }
    }

    fn watch_request(&self, position: &str, initial: bool) -> Result<Request<Vec<u8>>, ApiError> {
        let params = WatchParams {
            label_selector: given(&self.collection.label_selector),
            field_selector: given(&self.collection.field_selector),
            send_initial_events: initial,
            ..WatchParams::default()
        };
        let request = kube::core::Request::new(&self.collection.path).watch(&params, position);
        request.map_err(|error| ApiError::Connection(error.to_string()))
    }

    fn list_request(&self, limit: u32, token: Option<&str>) -> Result<Request<Vec<u8>>, ApiError> {
        let params = ListParams {
            label_selector: given(&self.collection.label_selector),
            field_selector: given(&self.collection.field_selector),
            limit: Some(limit),
            continue_token: token.map(str::to_owned),
            ..ListParams::default()
        };
        let request = kube::core::Request::new(&self.collection.path).list(&params);
        request.map_err(|error| ApiError::Connection(error.to_string()))
    }

    /// Logs a failure once, not at each try.
    fn report(&mut self, error: &ApiError) {
        let text = error.to_string();
        if text == self.last_error {
            tracing::debug!(path = self.collection.path, error = text, "failed to watch again");
        } else {
            tracing::warn!(
                path = self.collection.path,
                error = text,
                "failed to watch: trying again until it works"
            );
            self.last_error = text;
        }
        self.sink.failed(error);
    }

    fn recovered(&mut self) {
        if !std::mem::take(&mut self.last_error).is_empty() {
            tracing::info!(path = self.collection.path, "watching again");
        }
    }
}

async fn due(owed: Option<Instant>) {
    match owed {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn given(selector: &str) -> Option<String> {
    (!selector.is_empty()).then(|| selector.to_owned())
}

/// Errors that the same position will meet again and again; a list gives a better one. Answers that have nothing to do with the
/// position (not found, no permission, too many requests, no connection) are none of them.
fn refuses_position(error: &ApiError) -> bool {
    match error {
        ApiError::Status { code: 504 | 500, message, .. } => message.contains("Too large resource version"),
        ApiError::Status { code, .. } => {
            (400..500).contains(code) && !matches!(code, 401 | 403 | 404 | 408 | 429)
        }
        ApiError::Connection(_) => false,
    }
}

fn watch_error(status: &[u8]) -> Trouble {
    let error = ApiError::from_status(status, 500, None);
    if refuses_position(&error) { Trouble::Expired } else { Trouble::Failed(error) }
}

/// Whether `version` was made after `standing`. Versions that are not numbers are not compared; the API server's are.
fn newer(version: &str, standing: &str) -> bool {
    match (version.parse::<u128>(), standing.parse::<u128>()) {
        (Ok(version), Ok(standing)) => version > standing,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn status(code: u16, message: &str) -> ApiError {
        ApiError::Status {
            code,
            reason: String::new(),
            message: message.into(),
            retry_after: Some(Duration::ZERO),
        }
    }

    #[test]
    fn which_errors_make_a_new_list_necessary() {
        assert!(refuses_position(&status(410, "expired")));
        assert!(refuses_position(&status(400, "invalid resource version")));
        assert!(refuses_position(&status(504, "Timeout: Too large resource version: 9, current: 3")));
        for code in [401, 403, 404, 408, 429, 500, 503, 504] {
            assert!(!refuses_position(&status(code, "")), "{code}");
        }
        assert!(!refuses_position(&ApiError::Connection("reset".into())));
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(newer("10", "9"));
        assert!(!newer("9", "10"));
        assert!(!newer("b", "a"));
    }
}
