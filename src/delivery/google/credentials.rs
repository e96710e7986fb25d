//! Credential files of Google Cloud, by their `type`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Credentials that were read.
pub(super) enum Credentials {
    /// A service account with its key.
    ServiceAccount(ServiceAccount),
    /// A person, as `gcloud auth application-default login` writes it.
    User(User),
    /// An identity of somebody else (workload identity federation).
    External(Box<External>),
    /// A service account that other credentials stand in for.
    Impersonated {
        /// The credentials to begin with.
        source: Box<Credentials>,
        /// Where the account's tokens are asked for.
        url: String,
        /// Accounts on the way.
        delegates: Vec<String>,
    },
}

/// `service_account`.
#[derive(Deserialize)]
pub(super) struct ServiceAccount {
    pub(super) client_email: String,
    pub(super) private_key: String,
    #[serde(default)]
    pub(super) private_key_id: String,
}

/// `authorized_user`.
#[derive(Deserialize)]
pub(super) struct User {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) refresh_token: String,
    #[serde(default)]
    pub(super) token_uri: Option<String>,
}

/// `external_account`.
#[derive(Deserialize)]
pub(super) struct External {
    pub(super) audience: String,
    pub(super) subject_token_type: String,
    pub(super) token_url: String,
    pub(super) credential_source: Source,
    #[serde(default)]
    pub(super) service_account_impersonation_url: Option<String>,
    #[serde(default)]
    pub(super) client_id: Option<String>,
    #[serde(default)]
    pub(super) client_secret: Option<String>,
    #[serde(default)]
    pub(super) workforce_pool_user_project: Option<String>,
}

/// Where the other identity's token is.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    pub(super) file: Option<String>,
    pub(super) url: Option<String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) format: Format,
    environment_id: Option<String>,
    executable: Option<Value>,
}

/// How it is written there.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Format {
    #[serde(rename = "type")]
    kind: String,
    subject_token_field_name: String,
}

#[derive(Deserialize)]
struct Impersonated {
    source_credentials: Value,
    service_account_impersonation_url: String,
    #[serde(default)]
    delegates: Vec<String>,
}

impl Credentials {
    /// Reads a credential file; the second value is the project that it wants charged. Problems never quote the file.
    pub(super) fn parse(text: &str) -> Result<(Self, Option<String>), String> {
        // The parser's own words could quote a part of a key.
        let value: Value = serde_json::from_str(text)
            .map_err(|error| format!("no JSON, at line {}, column {}", error.line(), error.column()))?;
        let quota = value.get("quota_project_id").and_then(Value::as_str).map(ToOwned::to_owned);
        Ok((Self::read(value, true)?, quota))
    }

    fn read(value: Value, may_nest: bool) -> Result<Self, String> {
        let kind = value.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        match kind.as_str() {
            "service_account" => fields(value, &kind).map(Self::ServiceAccount),
            "authorized_user" => fields(value, &kind).map(Self::User),
            "external_account" => {
                let external: External = fields(value, &kind)?;
                external.credential_source.check()?;
                Ok(Self::External(Box::new(external)))
            }
            "impersonated_service_account" if may_nest => {
                let given: Impersonated = fields(value, &kind)?;
                Ok(Self::Impersonated {
                    source: Box::new(Self::read(given.source_credentials, false)?),
                    url: given.service_account_impersonation_url,
                    delegates: given.delegates,
                })
            }
            "" => Err("it has no `type`; expected the JSON key of a service account, or another credential file of \
                       Google Cloud"
                .to_owned()),
            kind => Err(format!("credentials of type `{}` are not supported", kind.escape_debug())),
        }
    }
}

/// The fields of a kind. The problem names a field, never its value.
fn fields<T: serde::de::DeserializeOwned>(value: Value, kind: &str) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| {
        let problem = error.to_string();
        let missing = problem.strip_prefix("missing field ").map(|name| format!("`{kind}` without {name}"));
        missing.unwrap_or_else(|| format!("`{kind}` with a field of another type than Google's"))
    })
}

impl Source {
    fn check(&self) -> Result<(), String> {
        if self.file.is_some() || self.url.is_some() && self.environment_id.is_none() {
            return Ok(());
        }
        let what = match (&self.environment_id, &self.executable) {
            (Some(_), _) => "the identity of an AWS machine",
            (_, Some(_)) => "an executable",
            _ => "neither a file nor a URL",
        };
        Err(format!("`external_account` with {what} as its source is not supported; use `file` or `url`"))
    }
}

impl Format {
    /// The token in `text`.
    pub(super) fn token(&self, text: &str) -> Result<String, String> {
        if self.kind != "json" {
            return Ok(text.trim().to_owned());
        }
        let name = &self.subject_token_field_name;
        let value: Option<Value> = serde_json::from_str(text).ok();
        let token = value.and_then(|value| Some(value.get(name)?.as_str()?.to_owned()));
        token.ok_or_else(|| format!("the source of the token is no JSON with `{}`", name.escape_debug()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_problems_quote_nothing() {
        let key = r#"{"type": "service_account", "client_email": "a@b", "private_key": "k", "quota_project_id": "q"}"#;
        let (credentials, quota) = Credentials::parse(key).ok().unwrap();
        assert!(matches!(credentials, Credentials::ServiceAccount(account) if account.client_email == "a@b"));
        assert_eq!(quota.as_deref(), Some("q"));
        for (text, words) in [
            ("planted-key", "no JSON"),
            (r#"{"a": "planted-key"}"#, "no `type`"),
            (r#"{"type": "service_account", "private_key": "planted-key"}"#, "without `client_email`"),
            (
                r#"{"type": "service_account", "client_email": 1, "private_key": "planted-key"}"#,
                "another type",
            ),
            (r#"{"type": "gdch_service_account"}"#, "`gdch_service_account` are not supported"),
            (
                r#"{"type": "external_account", "audience": "a", "subject_token_type": "t", "token_url": "u",
                    "credential_source": {"environment_id": "aws1", "url": "x"}}"#,
                "the identity of an AWS machine",
            ),
        ] {
            let problem = Credentials::parse(text).err().unwrap();
            assert!(problem.contains(words) && !problem.contains("planted"), "{problem}");
        }
        let nested = r#"{"type": "impersonated_service_account", "service_account_impersonation_url": "u",
            "source_credentials": {"type": "impersonated_service_account"}}"#;
        assert!(Credentials::parse(nested).is_err());
    }
}
