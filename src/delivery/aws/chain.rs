//! Where keys come from when the settings have none: the order of AWS's own tools (services 2.20).

use std::path::Path;

use tokio::time::Instant;

use super::profile::Profile;
use super::{Found, Role, refuse};
use crate::delivery::ambient::Ambient;
use crate::delivery::driver::Caller;
use crate::delivery::sign::sigv4::Keys;
use crate::delivery::{DeliveryError, ErrorKind};

/// The most profiles that refer to each other.
const MOST_PROFILES: usize = 5;

/// One search for keys.
pub(super) struct Search<'a> {
    pub(super) ambient: &'a Ambient,
    pub(super) caller: &'a Caller,
    pub(super) profile: &'a Profile,
    /// The region, for the address of the token service.
    pub(super) region: &'a str,
    pub(super) deadline: Instant,
}

impl Search<'_> {
    /// Environment, web identity (IRSA), shared files, container (ECS, EKS Pod Identity), instance metadata.
    pub(super) async fn keys(&self) -> Result<Found, DeliveryError> {
        if !self.ambient.lends() {
            return Err(refuse(
                "no credentials: set `key` and `secret`; those of the controller are not lent to this configuration"
                    .to_owned(),
            ));
        }
        if let Some(keys) = self.variables() {
            return Ok(Found { keys, expires: None });
        }
        if let Some(file) = self.ambient.var("AWS_WEB_IDENTITY_TOKEN_FILE") {
            let arn = self.ambient.var("AWS_ROLE_ARN").ok_or_else(|| {
                refuse("AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not".to_owned())
            })?;
            return self.web_identity(arn, file).await;
        }
        match self.of_profile(self.profile).await? {
            Some(found) => Ok(found),
            None => self.machine().await,
        }
    }

    fn variables(&self) -> Option<Keys> {
        let first = |names: [&str; 2]| names.into_iter().find_map(|name| self.ambient.var(name));
        Some(Keys {
            id: first(["AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"])?.to_owned(),
            secret: first(["AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"])?.to_owned(),
            token: self.ambient.var("AWS_SESSION_TOKEN").map(ToOwned::to_owned),
        })
    }

    /// What the machine gives to what runs on it.
    async fn machine(&self) -> Result<Found, DeliveryError> {
        match self.container().await? {
            Some(found) => Ok(found),
            None => self.instance_metadata().await.map_err(|error| {
                let detail = format!(
                    "no AWS credentials were found: neither `key` and `secret` nor the environment, a web identity, a \
                     profile or a container's address is set, and the instance metadata gives none ({})",
                    error.detail
                );
                DeliveryError { detail, kind: ErrorKind::Auth, ..error }
            }),
        }
    }

    /// Keys from a profile, which may name another one to begin with.
    async fn of_profile(&self, profile: &Profile) -> Result<Option<Found>, DeliveryError> {
        // From the outermost role inwards until there are keys; then back.
        let mut roles = Vec::new();
        let mut current = profile.other(profile.name()).unwrap_or_default();
        let mut found = loop {
            if roles.len() > MOST_PROFILES {
                return Err(refuse(format!("the profiles behind `{}` refer to each other", profile.name())));
            }
            let Some(arn) = current.get("role_arn") else { break Self::plain(&current)? };
            if let Some(file) = current.get("web_identity_token_file") {
                break Some(self.web_identity(&arn, &file).await?);
            }
            roles.push(Role { arn, external_id: current.get("external_id").unwrap_or_default() });
            if let Some(source) = current.get("credential_source") {
                break Some(self.source(&source).await?);
            }
            let Some(source) = current.get("source_profile") else {
                return Err(refuse(format!(
                    "profile `{}` has `role_arn` and none of `source_profile`, `credential_source` and \
                     `web_identity_token_file`",
                    current.name()
                )));
            };
            if source == current.name() {
                break Self::plain(&current)?;
            }
            current = current.other(&source).ok_or_else(|| {
                refuse(format!("profile `{}` names `{source}`, which is not there", current.name()))
            })?;
        };
        if found.is_none() && !roles.is_empty() {
            return Err(refuse(format!("profile `{}` has no keys", current.name())));
        }
        for role in roles.iter().rev() {
            if let Some(base) = &found {
                found = Some(self.take_on(role, &base.keys).await?);
            }
        }
        Ok(found)
    }

    /// The keys that are written in a profile.
    fn plain(profile: &Profile) -> Result<Option<Found>, DeliveryError> {
        let keys = (profile.get("aws_access_key_id"), profile.get("aws_secret_access_key"));
        if let (Some(id), Some(secret)) = keys {
            let keys = Keys { id, secret, token: profile.get("aws_session_token") };
            return Ok(Some(Found { keys, expires: None }));
        }
        let unsupported = ["sso_session", "sso_start_url", "credential_process"];
        match unsupported.into_iter().find(|key| profile.get(key).is_some()) {
            Some(key) => Err(refuse(format!(
                "profile `{}` gets its keys by `{key}`, which a controller in a cluster cannot do; use a web identity, Pod \
                 Identity or keys",
                profile.name()
            ))),
            None => Ok(None),
        }
    }

    async fn source(&self, name: &str) -> Result<Found, DeliveryError> {
        let missing = |what: &str| refuse(format!("`credential_source: {name}`, and {what}"));
        match name {
            "Environment" => {
                let keys = self.variables().ok_or_else(|| missing("the environment has no keys"))?;
                Ok(Found { keys, expires: None })
            }
            "EcsContainer" => {
                self.container().await?.ok_or_else(|| missing("the environment names no container address"))
            }
            "Ec2InstanceMetadata" => self.instance_metadata().await,
            _ => Err(missing("it is none of `Environment`, `EcsContainer` and `Ec2InstanceMetadata`")),
        }
    }

    async fn web_identity(&self, arn: &str, file: &str) -> Result<Found, DeliveryError> {
        // Read anew each time: the kubelet replaces it.
        let token = self.ambient.read(Path::new(file)).await.map_err(|error| {
            DeliveryError::temporary(
                ErrorKind::Auth,
                format!("the web identity token cannot be read: {error}"),
            )
        })?;
        self.exchange(arn, token.trim()).await
    }
}
