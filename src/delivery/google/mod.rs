//! Access tokens of Google Cloud: with a service account's key, a user's, another identity's, or the machine's own.
//!
//! Nothing is asked for before the first message: a configuration loads although its key file is not there yet.

mod credentials;
mod exchange;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::ambient::Ambient;
use super::driver::Caller;
use super::renew::{Current, Renewing};
use super::sign::jwt::SigningKey;
use super::{DeliveryError, ErrorKind, Retry};
use credentials::{Credentials, ServiceAccount};

/// How long a token that we sign ourselves works, in seconds: the longest time that Google accepts.
const LIFE: i64 = 3600;

/// A token of Google's.
#[derive(Clone)]
pub(super) struct Token {
    /// The token.
    pub(super) text: String,
    /// The project that is charged, where the credentials name one.
    pub(super) quota_project: Option<String>,
}

/// Where a service's tokens come from.
pub(super) struct TokenSource {
    /// What the tokens are for, as URLs.
    scopes: &'static [&'static str],
    /// The credentials as JSON, from the settings.
    inline: String,
    /// The file that the settings name.
    file: String,
    ambient: Ambient,
    caller: Caller,
    token: Renewing<Token>,
}

impl TokenSource {
    /// Tokens for `scopes`, from `inline` credentials, or from `file`, or by default from what the environment gives
    /// (application default credentials).
    pub(super) fn new(
        scopes: &'static [&'static str],
        inline: String,
        file: String,
        caller: &Caller,
    ) -> Self {
        let ambient = Ambient::new(caller.clients());
        Self { scopes, inline, file, ambient, caller: caller.confidential(), token: Renewing::default() }
    }

    /// The token to use now.
    pub(super) async fn token(&self, deadline: Instant) -> Result<Current<Token>, DeliveryError> {
        if self.caller.clients().rehearsal().is_some() {
            // For looking at what would be sent, nobody is asked and no key is needed.
            let value = Token { text: "rehearsal".to_owned(), quota_project: None };
            return Ok(Current { value, fresh: true });
        }
        let now = self.caller.now();
        self.token.get("a token of Google", now, deadline, self.fetch(now, deadline)).await
    }

    /// Forgets the token, because it is not accepted.
    pub(super) async fn forget(&self) {
        self.token.forget().await;
    }

    async fn fetch(
        &self,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<(Token, Option<Timestamp>), DeliveryError> {
        let asking = exchange::Asking {
            scopes: self.scopes,
            ambient: &self.ambient,
            caller: &self.caller,
            now,
            deadline,
        };
        let quota = self.ambient.var("GOOGLE_CLOUD_QUOTA_PROJECT").map(ToOwned::to_owned);
        let Some((text, place)) = self.credentials().await? else {
            if !self.ambient.lends() {
                return Err(refuse(
                    "no credentials: set `credentials`; those of the controller are not lent to this configuration",
                ));
            }
            let (text, end) = asking.metadata_server().await?;
            return Ok((Token { text, quota_project: quota }, end));
        };
        let (credentials, own_quota) =
            Credentials::parse(&text).map_err(|problem| refuse(format!("{place}: {problem}")))?;
        let (text, end) = asking.token(&credentials).await?;
        Ok((Token { text, quota_project: quota.or(own_quota) }, end))
    }

    /// The credentials as JSON, and where they are from.
    async fn credentials(&self) -> Result<Option<(String, String)>, DeliveryError> {
        if !self.inline.trim().is_empty() {
            return Ok(Some((self.inline.clone(), "`credentials`".to_owned())));
        }
        let named = Some(self.file.as_str()).filter(|file| !file.is_empty());
        let named = named.or_else(|| self.ambient.var("GOOGLE_APPLICATION_CREDENTIALS")).map(PathBuf::from);
        if let Some(file) = named {
            let text = self.ambient.read(&file).await.map_err(|problem| {
                let error = refuse(format!("Google credentials: {problem}"));
                // No setting has to change for it: a volume may still be mounted.
                let retry = if self.ambient.lends() { Retry::Later } else { Retry::No };
                DeliveryError { retry, ..error }
            })?;
            return Ok(Some((text, file.display().to_string())));
        }
        let folder = match self.ambient.var("CLOUDSDK_CONFIG") {
            Some(folder) => Some(PathBuf::from(folder)),
            None => self.ambient.var("HOME").map(|home| Path::new(home).join(".config/gcloud")),
        };
        let Some(file) = folder.map(|folder| folder.join("application_default_credentials.json")) else {
            return Ok(None);
        };
        Ok(self.ambient.read(&file).await.ok().map(|text| (text, file.display().to_string())))
    }
}

/// A token that a service account signs for itself (services 2.21: as upstream, the token service is not asked).
fn self_signed(
    account: &ServiceAccount,
    scopes: &[&str],
    now: Timestamp,
) -> Result<(String, Option<Timestamp>), DeliveryError> {
    let key = SigningKey::from_pem(&account.private_key)
        .map_err(|problem| refuse(format!("service account {}: {problem}", account.client_email)))?;
    let (issued, ends) = (now.as_second(), now.as_second() + LIFE);
    let claims = json!({
        "iss": account.client_email, "sub": account.client_email, "scope": scopes.join(" "), "iat": issued, "exp": ends
    });
    let token = key.sign_as(&account.private_key_id, &claims);
    let token = token.map_err(|problem| refuse(problem.to_string()))?;
    Ok((token, Timestamp::from_second(ends).ok()))
}

fn refuse(detail: impl Into<String>) -> DeliveryError {
    DeliveryError::permanent(ErrorKind::Config, detail)
}
