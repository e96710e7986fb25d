//! Finding the cluster: kubeconfig, service account, and the connection flags of kubectl (core 5.11).

use std::path::PathBuf;

use hyper_util::client::proxy::matcher::Matcher;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::Deserialize;

use super::{Api, Pace};
use crate::model::{Secret, with_causes};

/// What the connection flags say. Everything that is not given comes from the kubeconfig, or from the pod's service account.
#[derive(Clone, Debug, Default)]
pub struct ConnectionSettings {
    /// Kubeconfig files, merged in this order: one for `--kubeconfig`, the list of `KUBECONFIG` otherwise. If there are none, the
    /// usual places are looked at: `~/.kube/config`, then the service account of the pod.
    pub kubeconfig: Vec<PathBuf>,
    /// `--context`
    pub context: Option<String>,
    /// `--cluster`
    pub cluster: Option<String>,
    /// `--user`
    pub user: Option<String>,
    /// `--namespace`: overrides the namespace of the context.
    pub namespace: Option<String>,
    /// `--server`: the address of the API server.
    pub server: Option<String>,
    /// `--token`
    pub token: Option<Secret>,
    /// `--username`
    pub username: Option<String>,
    /// `--password`
    pub password: Option<Secret>,
    /// `--as`
    pub impersonate: Option<String>,
    /// `--as-group`, repeated
    pub impersonate_groups: Vec<String>,
    /// `--as-uid`
    pub impersonate_uid: Option<String>,
    /// `--certificate-authority`
    pub certificate_authority: Option<PathBuf>,
    /// `--client-certificate`
    pub client_certificate: Option<PathBuf>,
    /// `--client-key`
    pub client_key: Option<PathBuf>,
    /// `--insecure-skip-tls-verify`
    pub insecure_skip_tls_verify: bool,
    /// `--tls-server-name`
    pub tls_server_name: Option<String>,
    /// `--proxy-url`
    pub proxy_url: Option<String>,
    /// `HTTPS_PROXY` or `https_proxy`: leads to the API server of a kubeconfig that names no proxy itself.
    pub environment_proxy: Option<String>,
    /// `NO_PROXY` or `no_proxy`: hosts, domains and networks that are reached without [`Self::environment_proxy`].
    pub no_proxy: String,
}

/// Why there is no client. The text says which setting to look at.
#[derive(Debug, thiserror::Error)]
#[error("failed to configure the Kubernetes client: {0}")]
pub struct ConnectError(String);

/// A client for the cluster that the settings name. Nothing is sent yet.
pub async fn connect(settings: &ConnectionSettings, pace: Pace) -> Result<Api, ConnectError> {
    // Several libraries share the one provider of cryptography; whoever comes first installs it.
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut config = base(settings).await?;
    apply(settings, &mut config)?;
    // Repetition is decided where the request is made: a watch goes on differently than a patch.
    config.default_retry = false;
    let client = Client::try_from(config).map_err(|error| ConnectError(with_causes(&error)))?;
    Ok(Api::new(client, pace))
}

/// The configuration before the flags.
async fn base(settings: &ConnectionSettings) -> Result<Config, ConnectError> {
    let options = KubeConfigOptions {
        context: settings.context.clone(),
        cluster: settings.cluster.clone(),
        user: settings.user.clone(),
    };
    if let Some(kubeconfig) = read_all(&settings.kubeconfig)? {
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        return config.map_err(|error| ConnectError(with_causes(&error)));
    }
    let chosen = options.context.is_some() || options.cluster.is_some() || options.user.is_some();
    let found = if chosen {
        Config::from_kubeconfig(&options).await.map_err(|error| with_causes(&error))
    } else {
        Config::infer().await.map_err(|error| with_causes(&error))
    };
    match (found, &settings.server) {
        (Ok(config), _) => Ok(config),
        (Err(_), Some(server)) if !chosen => Ok(Config::new(address("--server", server)?)),
        (Err(detail), _) => Err(ConnectError(detail)),
    }
}

/// Files of a list that do not exist are left out, as kubectl does, unless none exists.
fn read_all(paths: &[PathBuf]) -> Result<Option<Kubeconfig>, ConnectError> {
    let mut merged: Option<Kubeconfig> = None;
    for path in paths.iter().filter(|path| paths.len() == 1 || path.exists()) {
        let next = Kubeconfig::read_from(path).map_err(|error| ConnectError(with_causes(&error)))?;
        merged = Some(match merged {
            None => next,
            Some(former) => former.merge(next).map_err(|error| ConnectError(with_causes(&error)))?,
        });
    }
    if merged.is_none() && !paths.is_empty() {
        return Err(ConnectError(format!("none of the kubeconfig files exists: {paths:?}")));
    }
    Ok(merged)
}

fn apply(settings: &ConnectionSettings, config: &mut Config) -> Result<(), ConnectError> {
    if let Some(server) = &settings.server {
        config.cluster_url = address("--server", server)?;
    }
    if let Some(namespace) = settings.namespace.as_deref().filter(|namespace| !namespace.is_empty()) {
        namespace.clone_into(&mut config.default_namespace);
    }
    if let Some(path) = &settings.certificate_authority {
        config.root_cert_file = Some(path.clone());
    }
    if settings.insecure_skip_tls_verify {
        config.accept_invalid_certs = true;
    }
    if let Some(name) = &settings.tls_server_name {
        config.tls_server_name = Some(name.clone());
    }
    if let Some(proxy) = &settings.proxy_url {
        config.proxy_url = Some(address("--proxy-url", proxy)?);
    } else if is_from_environment(settings, config) && is_direct(&settings.no_proxy, &config.cluster_url) {
        config.proxy_url = None;
    }
    authenticate(settings, &mut config.auth_info)
}

/// The client library takes the proxy of the environment where the kubeconfig has none.
fn is_from_environment(settings: &ConnectionSettings, config: &Config) -> bool {
    let proxy = settings.environment_proxy.as_deref().and_then(|proxy| proxy.parse::<http::Uri>().ok());
    proxy.is_some() && config.proxy_url == proxy
}

/// Whether `server` is reached without the proxy of the environment. The client library compares `NO_PROXY` with the proxy
/// instead of the server, and asks proxies for this machine too; kubectl does neither.
fn is_direct(no_proxy: &str, server: &http::Uri) -> bool {
    let matcher = Matcher::builder()
        .all("http://proxy.invalid")
        .no(format!("localhost,127.0.0.0/8,::1,{no_proxy}"))
        .build();
    matcher.intercept(server).is_none()
}

fn authenticate(settings: &ConnectionSettings, auth: &mut AuthInfo) -> Result<(), ConnectError> {
    if let Some(token) = &settings.token {
        auth.token = secret_text("--token", token)?.token;
        auth.token_file = None;
    }
    if let Some(username) = &settings.username {
        auth.username = Some(username.clone());
    }
    if let Some(password) = &settings.password {
        auth.password = secret_text("--password", password)?.token;
    }
    if let Some(user) = &settings.impersonate {
        auth.impersonate = Some(user.clone());
    }
    if let Some(uid) = &settings.impersonate_uid {
        auth.impersonate_uid = Some(uid.clone());
    }
    if !settings.impersonate_groups.is_empty() {
        auth.impersonate_groups = Some(settings.impersonate_groups.clone());
    }
    if let Some(path) = &settings.client_certificate {
        auth.client_certificate_data = None;
        auth.client_certificate = Some(path.to_string_lossy().into_owned());
    }
    if let Some(path) = &settings.client_key {
        auth.client_key_data = None;
        auth.client_key = Some(path.to_string_lossy().into_owned());
    }
    Ok(())
}

fn address(flag: &str, server: &str) -> Result<http::Uri, ConnectError> {
    let with_scheme = if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
    with_scheme.parse().map_err(|error| ConnectError(format!("`{flag} {server}` is not an address: {error}")))
}

/// The client library keeps secrets in a type of its own that is made by reading.
fn secret_text(flag: &str, secret: &Secret) -> Result<AuthInfo, ConnectError> {
    let text =
        std::str::from_utf8(secret.expose()).map_err(|_| ConnectError(format!("`{flag}` is not text")))?;
    AuthInfo::deserialize(serde_json::json!({ "token": text }))
        .map_err(|_| ConnectError(format!("`{flag}` cannot be used")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_for(server: &str, settings: &ConnectionSettings, named: Option<&str>) -> Option<String> {
        let mut config = Config::new(server.parse().unwrap());
        let found = named.or(settings.environment_proxy.as_deref());
        config.proxy_url = found.map(|proxy| proxy.parse().unwrap());
        apply(settings, &mut config).unwrap();
        config.proxy_url.map(|proxy| proxy.to_string())
    }

    #[test]
    fn the_proxy_of_the_environment_is_for_far_servers() {
        let settings = ConnectionSettings {
            environment_proxy: Some("http://proxy:3128".into()),
            no_proxy: "10.0.0.0/8,.svc,example.org".into(),
            ..ConnectionSettings::default()
        };
        let proxy = Some("http://proxy:3128/".to_owned());
        for (server, expected) in [
            ("https://api.example.com:6443", proxy.clone()),
            ("https://192.0.2.1:6443", proxy.clone()),
            ("https://127.0.0.1:6443", None),
            ("https://localhost:6443", None),
            ("https://[::1]:6443", None),
            ("https://10.96.0.1:443", None),
            ("https://kubernetes.default.svc:443", None),
            ("https://api.example.org", None),
        ] {
            assert_eq!(proxy_for(server, &settings, None), expected, "{server}");
        }
        // One that the kubeconfig or a flag names is for every server.
        let named = Some("http://other:1/".to_owned());
        assert_eq!(proxy_for("https://10.96.0.1", &settings, Some("http://other:1")), named);
        let flag = ConnectionSettings { proxy_url: Some("other:1".into()), ..settings };
        assert_eq!(proxy_for("https://127.0.0.1", &flag, None), named);
    }

    #[tokio::test]
    async fn a_proxy_can_be_used() {
        let settings = ConnectionSettings {
            kubeconfig: Vec::new(),
            server: Some("https://api.example.com".into()),
            proxy_url: Some("http://proxy:3128".into()),
            ..ConnectionSettings::default()
        };
        let mut config = Config::new("https://api.example.com".parse().unwrap());
        apply(&settings, &mut config).unwrap();
        rustls::crypto::ring::default_provider().install_default().ok();
        Client::try_from(config).map(drop).unwrap();
    }
}
