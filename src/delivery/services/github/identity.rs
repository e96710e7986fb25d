//! As whom we talk to GitHub: an App whose tokens last an hour, or a token that somebody made (services 2.10).

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::delivery::driver::{Caller, Repeats};
use crate::delivery::request::Outgoing;
use crate::delivery::section::text;
use crate::delivery::sign::jwt::SigningKey;
use crate::delivery::{DeliveryError, ErrorKind};

/// How long before its end a token is renewed.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// As whom we talk.
pub(super) enum Identity {
    App(Box<App>),
    /// A personal or fine-grained token.
    Token(String),
}

impl Identity {
    /// What tells this identity from others.
    pub(super) fn name(&self) -> String {
        match self {
            Self::App(app) => format!("app {} {}", app.id, app.installation),
            Self::Token(token) => format!("token {token}"),
        }
    }
}

/// An App that is installed somewhere.
pub(super) struct App {
    id: i64,
    installation: i64,
    key: SigningKey,
    /// Held while a token is fetched, so that several messages at once fetch one.
    cache: Mutex<Option<Token>>,
}

/// A token of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    text: String,
    /// When it is renewed.
    renew: Timestamp,
}

/// A token for one request.
pub(super) struct Grant {
    pub(super) token: String,
    /// Whether it was made for an earlier request, and may have been revoked meanwhile.
    pub(super) is_old: bool,
}

impl App {
    pub(super) fn new(id: i64, installation: i64, key: SigningKey) -> Self {
        Self { id, installation, key, cache: Mutex::default() }
    }

    /// The token of the cache, or a new one.
    pub(super) async fn token(
        &self,
        caller: &Caller,
        base: &str,
        deadline: Instant,
    ) -> Result<Grant, DeliveryError> {
        let slow = |_| {
            let detail = "another message was waiting for a token of GitHub, and none came in time";
            DeliveryError::temporary(ErrorKind::Network, detail)
        };
        let mut cache = timeout_at(deadline, self.cache.lock()).await.map_err(slow)?;
        let now = caller.now();
        if let Some(token) = cache.as_ref().filter(|token| now < token.renew) {
            return Ok(Grant { token: token.text.clone(), is_old: true });
        }
        let token = self.fetch(caller, base, deadline).await?;
        let grant = Grant { token: token.text.clone(), is_old: false };
        *cache = Some(token);
        Ok(grant)
    }

    /// Forgets `token`, which GitHub does not take any more.
    pub(super) async fn discard(&self, token: &str) {
        let mut cache = self.cache.lock().await;
        if cache.as_ref().is_some_and(|cached| cached.text == token) {
            *cache = None;
        }
    }

    async fn fetch(&self, caller: &Caller, base: &str, deadline: Instant) -> Result<Token, DeliveryError> {
        let now = caller.now();
        let assertion = self.key.sign(&claims(self.id, now)).map_err(|error| {
            DeliveryError::permanent(ErrorKind::Config, format!("no token can be asked for: {error}"))
        })?;
        let caller = caller.hiding([assertion.as_str()]).confidential();
        let url = format!("{base}/app/installations/{}/access_tokens", self.installation);
        let request = Outgoing::new("POST", &url)?
            .header("accept", super::api::ACCEPT)?
            .header("x-github-api-version", super::api::VERSION)?
            .bearer(&assertion)?
            .json(&Value::Null);
        let reply = caller.send_for(&["/token"], request, Repeats::NONE, deadline).await?;
        let failed = format!("could not refresh installation id {}'s token", self.installation);
        if !reply.status().is_success() {
            let help = match reply.status() {
                StatusCode::UNAUTHORIZED => {
                    "; do `appID` and `privateKey` belong together, and is the clock right?"
                }
                StatusCode::NOT_FOUND => "; is the app installed under this `installationID`?",
                _ => "",
            };
            let error = super::api::refused(&reply);
            return Err(
                caller.clean(DeliveryError { detail: format!("{failed}: {}{help}", error.detail), ..error })
            );
        }
        let answer = reply.expect_json("GitHub's API")?;
        let token = text(Some(&answer), "token");
        if token.is_empty() {
            let detail = format!("{failed}: the answer has no token in it");
            return Err(
                DeliveryError::temporary(ErrorKind::Unavailable, detail).with_status(reply.status().as_u16())
            );
        }
        // Without a time at which it ends, it is good for this request and no other.
        let ends = text(Some(&answer), "expires_at").parse::<Timestamp>().ok();
        let renew = ends.and_then(|ends| ends.checked_sub(MARGIN).ok()).unwrap_or(now);
        Ok(Token { text: token.to_owned(), renew })
    }
}

/// What a token is asked for with. The clock of GitHub may be a little behind ours.
fn claims(app: i64, now: Timestamp) -> Value {
    let issued = now.as_second() - 30;
    json!({"iss": app.to_string(), "iat": issued, "exp": issued + 120})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_last_two_minutes() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        assert_eq!(claims(12345, now), json!({"iss": "12345", "iat": 999_970, "exp": 1_000_090}));
    }
}
