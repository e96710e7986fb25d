//! Keys that somebody else hands out: the token service (STS), the container's agent, the instance's metadata server.

use std::net::IpAddr;
use std::path::Path;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::chain::Search;
use super::{Found, METADATA_TIMEOUT, Role, configured_endpoint, refuse, regional_endpoint};
use crate::delivery::driver::{Caller, Repeats, Reply, When};
use crate::delivery::request::Outgoing;
use crate::delivery::sign::sigv4::{self, Keys, Scope};
use crate::delivery::{DeliveryError, ErrorKind};

/// The metadata server.
const METADATA: &str = "http://169.254.169.254";
const METADATA_V6: &str = "http://[fd00:ec2::254]";

/// The container's agent (ECS); EKS Pod Identity names its own.
const AGENT: &str = "http://169.254.170.2";

/// Hosts besides this machine that may be asked without TLS.
const AGENTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// One repeat, for a hiccup; the outbox does the rest.
const ONCE_MORE: Repeats = Repeats {
    most: 1,
    pause: std::time::Duration::from_millis(200),
    longest: std::time::Duration::from_millis(200),
    when: When::Temporary,
};

/// Keys as the agent and the metadata server give them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<Timestamp>,
}

impl Search<'_> {
    /// Keys of the role `arn` for a token of Kubernetes (`AssumeRoleWithWebIdentity`).
    pub(super) async fn exchange(&self, arn: &str, token: &str) -> Result<Found, DeliveryError> {
        let request = Outgoing::new("POST", &self.token_service()?)?.form(&[
            ("Action", "AssumeRoleWithWebIdentity".to_owned()),
            ("Version", "2011-06-15".to_owned()),
            ("RoleArn", arn.to_owned()),
            ("RoleSessionName", self.session_name()),
            ("WebIdentityToken", token.to_owned()),
        ]);
        let caller = self.caller.hiding([token]);
        let reply = caller.send(request, ONCE_MORE, self.deadline).await?;
        token_service_keys(&reply, arn, &caller)
    }

    /// Keys of `role`, taken on with other keys (`AssumeRole`).
    pub(super) async fn take_on(&self, role: &Role, keys: &Keys) -> Result<Found, DeliveryError> {
        let mut form = vec![
            ("Action", "AssumeRole".to_owned()),
            ("Version", "2011-06-15".to_owned()),
            ("RoleArn", role.arn.clone()),
            ("RoleSessionName", self.session_name()),
        ];
        if !role.external_id.is_empty() {
            form.push(("ExternalId", role.external_id.clone()));
        }
        let mut request = Outgoing::new("POST", &self.token_service()?)?.form(&form);
        // Without a region the token service of the first one answers.
        let region = if self.region.is_empty() { "us-east-1" } else { self.region };
        sigv4::sign(&mut request, keys, Scope { region, service: "sts" }, self.caller.now())
            .map_err(|error| refuse(error.to_string()))?;
        let caller = self.caller.hiding([keys.secret.as_str(), keys.token.as_deref().unwrap_or_default()]);
        let reply = caller.send(request, ONCE_MORE, self.deadline).await?;
        token_service_keys(&reply, &role.arn, &caller)
    }

    fn token_service(&self) -> Result<String, DeliveryError> {
        if let Some(url) = configured_endpoint(self.ambient, "sts", None) {
            return Ok(url);
        }
        if self.region.is_empty() {
            return Ok("https://sts.amazonaws.com/".to_owned());
        }
        regional_endpoint(self.ambient, "sts", self.region).map(|url| format!("{url}/")).map_err(refuse)
    }

    fn session_name(&self) -> String {
        self.ambient.var("AWS_ROLE_SESSION_NAME").unwrap_or("dodona").to_owned()
    }

    /// Keys from the container's agent, if the environment names one.
    pub(super) async fn container(&self) -> Result<Option<Found>, DeliveryError> {
        let relative = self.ambient.var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let full = self.ambient.var("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let url = match (relative, full) {
            (_, Some(url)) => url.to_owned(),
            (Some(path), None) => format!("{AGENT}/{}", path.trim_start_matches('/')),
            (None, None) => return Ok(None),
        };
        if !may_be_asked(&url) {
            return Err(refuse(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither HTTPS nor on this machine".to_owned(),
            ));
        }
        let mut request = Outgoing::new("GET", &url)?.header("accept", "application/json")?;
        let token = match self.ambient.var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            Some(file) => self.ambient.read(Path::new(file)).await.map_err(|error| {
                DeliveryError::temporary(
                    ErrorKind::Auth,
                    format!("the container's token cannot be read: {error}"),
                )
            })?,
            None => self.ambient.var("AWS_CONTAINER_AUTHORIZATION_TOKEN").unwrap_or_default().to_owned(),
        };
        if !token.trim().is_empty() {
            request = request.header("authorization", token.trim())?;
        }
        let caller = self.caller.hiding([token.as_str()]);
        let reply = caller.send(request.raw(Bytes::new()), ONCE_MORE, self.deadline).await?;
        given(&reply, "the container's agent").map(Some)
    }

    /// Keys of the role of the machine (instance metadata, version 2).
    pub(super) async fn instance_metadata(&self) -> Result<Found, DeliveryError> {
        if self.ambient.flag("AWS_EC2_METADATA_DISABLED") {
            return Err(DeliveryError::permanent(ErrorKind::Auth, "AWS_EC2_METADATA_DISABLED is set"));
        }
        let six = self.ambient.var("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
        let default =
            if six.is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6")) { METADATA_V6 } else { METADATA };
        let base = self.ambient.var("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(default);
        let base = format!("{}/latest", base.trim_end_matches('/'));
        let ask_for_token = Outgoing::new("PUT", &format!("{base}/api/token"))?
            .header("x-aws-ec2-metadata-token-ttl-seconds", "300")?;
        let token = self.metadata(ask_for_token.raw(Bytes::new()), "").await?;
        let token = text(&token);
        let roles = format!("{base}/meta-data/iam/security-credentials/");
        let with_token = |url: &str| -> Result<Request<Bytes>, DeliveryError> {
            let request = Outgoing::new("GET", url)?.header("x-aws-ec2-metadata-token", &token)?;
            Ok(request.raw(Bytes::new()))
        };
        let role = text(&self.metadata(with_token(&roles)?, &token).await?);
        let role = role.lines().next().unwrap_or_default().trim().to_owned();
        if role.is_empty() {
            return Err(DeliveryError::permanent(ErrorKind::Auth, "the instance has no role"));
        }
        given(&self.metadata(with_token(&format!("{roles}{role}"))?, &token).await?, "the instance metadata")
    }

    async fn metadata(&self, request: Request<Bytes>, token: &str) -> Result<Reply, DeliveryError> {
        let deadline = self.deadline.min(Instant::now() + METADATA_TIMEOUT);
        let reply = self.caller.hiding([token]).send(request, Repeats::NONE, deadline).await?;
        if reply.status().is_success() { Ok(reply) } else { Err(reply.refused()) }
    }
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(reply.body()).trim().to_owned()
}

/// Whether keys may be asked for at `url`: with TLS anywhere, without it on this machine and at the known agents.
fn may_be_asked(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    url.scheme() == "https" || url.scheme() == "http" && (here || AGENTS.contains(&host))
}

fn given(reply: &Reply, who: &str) -> Result<Found, DeliveryError> {
    if !reply.status().is_success() {
        let mut error = reply.refused();
        error.detail = format!("{who} gives no AWS credentials: {}", error.detail);
        return Err(error);
    }
    let given: Given = serde_json::from_slice(reply.body()).map_err(|_| {
        reply.error(format!("{who} gives no AWS credentials: its answer has none of their members"))
    })?;
    let keys = Keys { id: given.access_key_id, secret: given.secret_access_key, token: given.token };
    Ok(Found { keys, expires: given.expiration })
}

/// The keys in an answer of the token service, which is XML.
fn token_service_keys(reply: &Reply, arn: &str, caller: &Caller) -> Result<Found, DeliveryError> {
    let body = String::from_utf8_lossy(reply.body());
    if !reply.status().is_success() {
        let (code, message) = (element(&body, "Code"), element(&body, "Message"));
        let said = match (code, message) {
            (Some(code), Some(message)) => caller.quote(&format!("{code}: {message}")),
            _ => reply.quote.clone(),
        };
        return Err(reply.error(format!("role {arn} cannot be taken on: {said}")));
    }
    let part = |name: &str| {
        let missing = || reply.error(format!("role {arn} cannot be taken on: the answer has no {name}"));
        element(&body, name).ok_or_else(missing)
    };
    let keys = Keys {
        id: part("AccessKeyId")?,
        secret: part("SecretAccessKey")?,
        token: Some(part("SessionToken")?),
    };
    Ok(Found { keys, expires: element(&body, "Expiration").and_then(|time| time.parse().ok()) })
}

/// The text of the first element called `name`. Keys and error codes need no more of XML than this.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let unescaped =
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    Some(unescaped.replace("&amp;", "&").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_asked_for_in_clear_on_this_machine_only() {
        for url in
            ["http://127.0.0.1:1/x", "http://[::1]/", "http://169.254.170.23/v1", "https://example.org/"]
        {
            assert!(may_be_asked(url), "{url}");
        }
        for url in ["http://example.org/", "http://169.254.169.254/", "ftp://localhost/", "x"] {
            assert!(!may_be_asked(url), "{url}");
        }
    }

    #[test]
    fn elements_are_unescaped() {
        let xml = "<a><Code>AccessDenied</Code><Message>not &lt;you&gt; &amp; me</Message></a>";
        assert_eq!(element(xml, "Message").as_deref(), Some("not <you> & me"));
        assert_eq!(element(xml, "Expiration"), None);
    }
}
