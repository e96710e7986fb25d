//! Tokens that somebody else hands out: Google's token services, and the metadata server of the machine (GCE, GKE).

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::credentials::{Credentials, External, User};
use super::{refuse, self_signed};
use crate::delivery::ambient::Ambient;
use crate::delivery::driver::{Caller, Repeats, Reply, When};
use crate::delivery::request::Outgoing;
use crate::delivery::{DeliveryError, ErrorKind};

/// A token and its end.
type Given = Result<(String, Option<Timestamp>), DeliveryError>;

/// The token service for users.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// The metadata server. By address: in a pod without the name the answer is as quick.
const METADATA_HOST: &str = "169.254.169.254";

/// How long the metadata server may take; on GKE the first answer of a new pod takes some seconds.
const METADATA_TIMEOUT: Duration = Duration::from_secs(10);

/// One repeat, for a hiccup; the outbox does the rest.
const ONCE_MORE: Repeats = Repeats {
    most: 1,
    pause: Duration::from_millis(200),
    longest: Duration::from_millis(200),
    when: When::Temporary,
};

/// One request for a token.
pub(super) struct Asking<'a> {
    pub(super) scopes: &'static [&'static str],
    pub(super) ambient: &'a Ambient,
    pub(super) caller: &'a Caller,
    pub(super) now: Timestamp,
    pub(super) deadline: Instant,
}

impl Asking<'_> {
    /// A token for `credentials`.
    pub(super) fn token<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, Given> {
        Box::pin(async move {
            match credentials {
                Credentials::ServiceAccount(account) => self_signed(account, self.scopes, self.now),
                Credentials::User(user) => self.user(user).await,
                Credentials::External(external) => self.external(external).await,
                Credentials::Impersonated { source, url, delegates } => {
                    let (token, _) = self.token(source).await?;
                    self.impersonate(url, delegates, &token).await
                }
            }
        })
    }

    async fn user(&self, user: &User) -> Given {
        let url = user.token_uri.as_deref().unwrap_or(TOKEN_URI);
        let request = Outgoing::new("POST", url)?.form(&[
            ("grant_type", "refresh_token".to_owned()),
            ("client_id", user.client_id.clone()),
            ("client_secret", user.client_secret.clone()),
            ("refresh_token", user.refresh_token.clone()),
        ]);
        let secrets = [user.client_secret.as_str(), user.refresh_token.as_str()];
        self.ask(request, &secrets, "the user's credentials").await
    }

    /// Workload identity federation: the other identity's token is exchanged, and a service account may be taken on.
    async fn external(&self, external: &External) -> Given {
        let subject = self.subject(external).await?;
        // A service account to be taken on is asked for the scopes later.
        let scope = match external.service_account_impersonation_url {
            Some(_) => "https://www.googleapis.com/auth/cloud-platform".to_owned(),
            None => self.scopes.join(" "),
        };
        let mut form = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange".to_owned()),
            ("audience", external.audience.clone()),
            ("scope", scope),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token".to_owned()),
            ("subject_token", subject.clone()),
            ("subject_token_type", external.subject_token_type.clone()),
        ];
        let mut request = Outgoing::new("POST", &external.token_url)?;
        match (&external.client_id, &external.client_secret, &external.workforce_pool_user_project) {
            (Some(id), Some(secret), _) => request = request.basic(id, secret)?,
            (_, _, Some(project)) => form.push(("options", json!({"userProject": project}).to_string())),
            _ => {}
        }
        let secrets = [subject.as_str(), external.client_secret.as_deref().unwrap_or_default()];
        let (token, end) = self.ask(request.form(&form), &secrets, "the identity's token").await?;
        match &external.service_account_impersonation_url {
            Some(url) => self.impersonate(url, &[], &token).await,
            None => Ok((token, end)),
        }
    }

    /// The other identity's token, read anew each time because it is replaced.
    async fn subject(&self, external: &External) -> Result<String, DeliveryError> {
        let source = &external.credential_source;
        let text = match (&source.file, &source.url) {
            (Some(file), _) => self.ambient.read(Path::new(file)).await.map_err(|problem| {
                DeliveryError::temporary(
                    ErrorKind::Auth,
                    format!("the identity's token cannot be read: {problem}"),
                )
            })?,
            (None, url) => {
                let mut request = Outgoing::new("GET", url.as_deref().unwrap_or_default())?;
                for (name, value) in &source.headers {
                    request = request.header(name, value)?;
                }
                let caller = self.caller.hiding(source.headers.values().map(String::as_str));
                let reply = caller.send(request.raw(Bytes::new()), ONCE_MORE, self.deadline).await?;
                if !reply.status().is_success() {
                    return Err(told(&reply, "the identity's token was not given", &caller));
                }
                String::from_utf8_lossy(reply.body()).into_owned()
            }
        };
        source.format.token(&text).map_err(refuse)
    }

    async fn impersonate(&self, url: &str, delegates: &[String], token: &str) -> Given {
        let mut body = json!({"scope": self.scopes, "lifetime": "3600s"});
        if !delegates.is_empty() {
            body["delegates"] = delegates.into();
        }
        let request = Outgoing::new("POST", url)?.bearer(token)?.json(&body);
        let caller = self.caller.hiding([token]);
        let reply = caller.send(request, ONCE_MORE, self.deadline).await?;
        if !reply.status().is_success() {
            return Err(told(&reply, "the service account cannot be taken on", &caller));
        }
        let answer = reply.json().unwrap_or_default();
        let token = answer["accessToken"].as_str().ok_or_else(|| no_token(&reply))?;
        let end = answer["expireTime"].as_str().and_then(|time| time.parse().ok());
        Ok((token.to_owned(), end))
    }

    /// A token of the machine's or the pod's service account.
    pub(super) async fn metadata_server(&self) -> Given {
        let host = self.ambient.var("GCE_METADATA_HOST").unwrap_or(METADATA_HOST);
        let scopes: String = url::form_urlencoded::byte_serialize(self.scopes.join(",").as_bytes()).collect();
        let url = format!(
            "http://{host}/computeMetadata/v1/instance/service-accounts/default/token?scopes={scopes}"
        );
        let request = Outgoing::new("GET", &url)?.header("metadata-flavor", "Google")?.raw(Bytes::new());
        let deadline = self.deadline.min(Instant::now() + METADATA_TIMEOUT);
        let missing = |detail: &str| {
            format!(
                "no Google credentials were found: neither `keyFile`, `credentials` nor GOOGLE_APPLICATION_CREDENTIALS is \
                 set, and the metadata server gives none ({detail})"
            )
        };
        let reply = self.caller.send(request, ONCE_MORE, deadline).await.map_err(|error| DeliveryError {
            detail: missing(&error.detail),
            kind: ErrorKind::Auth,
            ..error
        })?;
        if !reply.status().is_success() {
            let error = told(&reply, "the metadata server gives no token", self.caller);
            return Err(DeliveryError { detail: missing(&error.detail), ..error });
        }
        self.token_in(&reply)
    }

    async fn ask(&self, request: Request<Bytes>, secrets: &[&str], what: &str) -> Given {
        let caller = self.caller.hiding(secrets.iter().copied());
        let reply = caller.send(request, ONCE_MORE, self.deadline).await?;
        if !reply.status().is_success() {
            return Err(told(&reply, &format!("{what} is not accepted"), &caller));
        }
        self.token_in(&reply)
    }

    fn token_in(&self, reply: &Reply) -> Given {
        let answer = reply.json().unwrap_or_default();
        let token = answer["access_token"].as_str().ok_or_else(|| no_token(reply))?;
        let seconds = answer["expires_in"].as_i64();
        let end = seconds.and_then(|seconds| self.now.checked_add(SignedDuration::from_secs(seconds)).ok());
        Ok((token.to_owned(), end))
    }
}

fn no_token(reply: &Reply) -> DeliveryError {
    reply.error(format!("the answer of {} has no access token", reply.url))
}

/// The error of a token service, in its words: `error` and `error_description`, or Google's error document.
fn told(reply: &Reply, what: &str, caller: &Caller) -> DeliveryError {
    let answer = reply.json().unwrap_or_default();
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
    let said = match (text("/error"), text("/error_description"), text("/error/message")) {
        (Some(error), Some(description), _) => format!("{error}: {description}"),
        (Some(error), None, _) => error.to_owned(),
        (None, _, Some(message)) => message.to_owned(),
        _ => reply.quote.clone(),
    };
    let code = reply.status().as_u16();
    reply.error(caller.quote(&format!("{what}: {} answers {code}: {said}", reply.url)))
}
