//! Requests to GitHub: paths, headers, pages, and what its errors mean.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use super::identity::{Grant, Identity};
use crate::delivery::conversation::Conversations;
use crate::delivery::driver::{Caller, Repeats, Reply};
use crate::delivery::request::Outgoing;
use crate::delivery::section::text;
use crate::delivery::{DeliveryError, ErrorKind, Retry};

pub(super) const ACCEPT: &str = "application/vnd.github+json";
pub(super) const VERSION: &str = "2022-11-28";

/// The most pages of a list that are read: 30 items each.
const MOST_PAGES: usize = 100;

/// What GitHub asks for when it does not say how long to wait.
const SECONDARY_LIMIT: Duration = Duration::from_mins(1);

/// The most characters of GitHub's own words in an error.
const LONGEST_WORDS: usize = 600;

/// GitHub as one identity sees it.
pub(super) struct Api {
    caller: Caller,
    base: String,
    identity: Identity,
}

/// A request in the making: method and path, query, body.
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) path: String,
    pub(super) query: Vec<(&'a str, &'a str)>,
    pub(super) body: Option<Value>,
}

impl<'a> Call<'a> {
    /// A question.
    pub(super) fn get(path: String) -> Self {
        Self { method: "GET", path, query: Vec::new(), body: None }
    }

    /// Something to do.
    pub(super) fn new(method: &'a str, path: String, body: Value) -> Self {
        Self { method, path, query: Vec::new(), body: Some(body) }
    }

    /// The same with a query.
    pub(super) fn query(self, query: Vec<(&'a str, &'a str)>) -> Self {
        Self { query, ..self }
    }
}

impl Api {
    pub(super) fn new(caller: Caller, base: String, identity: Identity) -> Self {
        Self { caller, base, identity }
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(super) fn deadline(&self) -> Instant {
        self.caller.deadline()
    }

    pub(super) fn conversations(&self) -> &Arc<dyn Conversations> {
        self.caller.clients().conversations()
    }

    /// Does `call`, and returns what GitHub answers if it accepts.
    pub(super) async fn call(&self, call: &Call<'_>, deadline: Instant) -> Result<Value, DeliveryError> {
        let reply = self.send(call, deadline).await?;
        if reply.body().is_empty() { Ok(Value::Null) } else { reply.expect_json("GitHub's API") }
    }

    /// All items of a list, page by page.
    pub(super) async fn list(&self, call: Call<'_>, deadline: Instant) -> Result<Vec<Value>, DeliveryError> {
        let (mut all, more) = self.page(&call, deadline).await?;
        if more {
            all.extend(self.further(call, deadline).await?);
        }
        Ok(all)
    }

    /// The first items of a list, and whether there are more of them.
    pub(super) async fn page(
        &self,
        call: &Call<'_>,
        deadline: Instant,
    ) -> Result<(Vec<Value>, bool), DeliveryError> {
        let reply = self.send(call, deadline).await?;
        Ok((items(&reply)?, has_next(&reply)))
    }

    /// The items of a list behind its first page.
    pub(super) async fn further(
        &self,
        mut call: Call<'_>,
        deadline: Instant,
    ) -> Result<Vec<Value>, DeliveryError> {
        let mut all = Vec::new();
        let path = call.path.clone();
        for page in 2..=MOST_PAGES {
            // The address of the next page is GitHub's; only its number is taken, so that no token goes elsewhere.
            call.path = format!("{path}?page={page}");
            let (items, more) = self.page(&call, deadline).await?;
            all.extend(items);
            if !more {
                break;
            }
        }
        Ok(all)
    }

    /// Sends `call`; a token of the cache that is refused is renewed once.
    async fn send(&self, call: &Call<'_>, deadline: Instant) -> Result<Reply, DeliveryError> {
        let (mut reply, mut grant) = self.try_send(call, deadline).await?;
        if let Identity::App(app) = &self.identity
            && grant.is_old
            && reply.status() == StatusCode::UNAUTHORIZED
        {
            app.discard(&grant.token).await;
            (reply, grant) = self.try_send(call, deadline).await?;
        }
        if reply.status().is_success() {
            return Ok(reply);
        }
        let error = refused(&reply);
        let Call { method, path, .. } = call;
        let detail = format!("{method} {path}: {}", error.detail);
        Err(self.caller.hiding([grant.token.as_str()]).clean(DeliveryError { detail, ..error }))
    }

    async fn try_send(&self, call: &Call<'_>, deadline: Instant) -> Result<(Reply, Grant), DeliveryError> {
        let grant = match &self.identity {
            Identity::Token(token) => Grant { token: token.clone(), is_old: false },
            Identity::App(app) => app.token(&self.caller, &self.base, deadline).await?,
        };
        let caller = self.caller.hiding([grant.token.as_str()]);
        let reply = caller.send(self.request(call, &grant.token)?, Repeats::NONE, deadline).await?;
        Ok((reply, grant))
    }

    fn request(&self, call: &Call<'_>, token: &str) -> Result<Request<Bytes>, DeliveryError> {
        let mut url = format!("{}/{}", self.base, call.path);
        if !call.query.is_empty() {
            let query =
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&call.query).finish();
            url = format!("{url}?{query}");
        }
        let request = Outgoing::new(call.method, &url)?
            .header("accept", ACCEPT)?
            .header("x-github-api-version", VERSION)?
            .header("authorization", &format!("token {token}"))?;
        Ok(match &call.body {
            Some(body) => request.json(body),
            None => request.raw(Bytes::new()),
        })
    }
}

/// A path out of segments. A slash in a segment stays (branches have them), everything else is escaped.
pub(super) fn path(segments: &[&str]) -> Result<String, DeliveryError> {
    let escape = |segment: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+:=@/".contains(&byte);
        let mut escaped = String::with_capacity(segment.len());
        for byte in segment.bytes() {
            if allowed(byte) {
                escaped.push(char::from(byte));
            } else {
                escaped.extend(format!("%{byte:02X}").chars());
            }
        }
        escaped
    };
    // These would lead to another place of the API than the one that is meant.
    let strays = |segment: &&&str| segment.split('/').any(|part| matches!(part, "" | "." | ".."));
    if let Some(segment) = segments.iter().find(strays) {
        let detail = format!("`{}` cannot be a part of a path", segment.escape_debug());
        return Err(DeliveryError::permanent(ErrorKind::Rejected, detail));
    }
    Ok(segments.iter().map(|segment| escape(segment)).collect::<Vec<_>>().join("/"))
}

/// The error for an answer that is no success: GitHub's words, and its two kinds of rate limits (services 2.10).
pub(super) fn refused(reply: &Reply) -> DeliveryError {
    let answer = reply.json();
    let own = text(answer.as_ref(), "message");
    let status = reply.status();
    let words = if own.is_empty() { status.canonical_reason().unwrap_or_default() } else { own };
    let details = details(answer.as_ref());
    let words: String = format!("{} {words}{details}", status.as_u16()).chars().take(LONGEST_WORDS).collect();
    let error = reply.limited(words, "x-ratelimit-reset");
    let is_limit = matches!(status.as_u16(), 403 | 429);
    let used_up = reply.headers().get("x-ratelimit-remaining").is_some_and(|left| left == "0");
    let secondary = own.to_ascii_lowercase().contains("secondary rate limit");
    let retry = match reply.retry_after() {
        Some(pause) if is_limit => Retry::After(pause),
        None if is_limit && used_up => reply.reset("x-ratelimit-reset").map_or(Retry::Later, Retry::After),
        None if is_limit && secondary => Retry::After(SECONDARY_LIMIT),
        _ => return error,
    };
    DeliveryError { kind: ErrorKind::RateLimited, retry, ..error }
}

/// What GitHub says about single fields: a message, or resource, field and code.
fn details(answer: Option<&Value>) -> String {
    let errors = answer.and_then(|answer| answer.get("errors")).and_then(Value::as_array);
    let told = |error: &Value| match error {
        Value::String(error) => error.clone(),
        error => {
            let field = |name: &str| text(Some(error), name);
            let parts = [field("resource"), field("field"), field("code"), field("message")];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
        }
    };
    let told: Vec<String> = errors.into_iter().flatten().take(5).map(told).collect();
    if told.is_empty() { String::new() } else { format!(" [{}]", told.join("; ")) }
}

/// The items of a list.
fn items(reply: &Reply) -> Result<Vec<Value>, DeliveryError> {
    if let Value::Array(items) = reply.expect_json("GitHub's API")? {
        return Ok(items);
    }
    let detail = format!("expected a list from GitHub, found: {}", reply.quote);
    Err(DeliveryError::temporary(ErrorKind::Unavailable, detail).with_status(reply.status().as_u16()))
}

/// Whether `Link` names a next page.
fn has_next(reply: &Reply) -> bool {
    let links = reply.headers().get_all(http::header::LINK);
    links.iter().any(|link| link.to_str().is_ok_and(|link| link.contains("rel=\"next\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped_by_segment() {
        let found = path(&["repos", "a b", "c", "statuses", "feature/x#1 é"]).unwrap();
        assert_eq!(found, "repos/a%20b/c/statuses/feature/x%231%20%C3%A9");
        for stray in ["..", ".", "", "a/../b", "/a", "a/"] {
            assert!(path(&["repos", stray]).is_err(), "{stray}");
        }
    }
}
