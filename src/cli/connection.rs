//! The connection flags of `kubectl`, shared by all commands that talk to a cluster.

use std::path::PathBuf;

use clap::Args;

use crate::model::Secret;
use crate::source::kube::ConnectionSettings;

/// How to reach the cluster. Without any flag: the kubeconfig of the environment, or the service account of the pod.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// The kubeconfig file
    #[arg(long, value_name = "FILE", env = "KUBECONFIG")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Cluster of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// User of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Namespace of the configuration
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Address of the API server
    #[arg(short, long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Bearer token
    #[arg(long, value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// User to act as
    #[arg(long = "as", value_name = "USER")]
    pub(crate) impersonate: Option<String>,
    /// Group to act as; may be repeated
    #[arg(long = "as-group", value_name = "GROUP")]
    pub(crate) impersonate_groups: Vec<String>,
    /// Certificate authority of the API server
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate_authority: Option<PathBuf>,
    /// Client certificate
    #[arg(long, value_name = "FILE")]
    pub(crate) client_certificate: Option<PathBuf>,
    /// Key of the client certificate
    #[arg(long, value_name = "FILE")]
    pub(crate) client_key: Option<PathBuf>,
    /// Do not check the API server's certificate
    #[arg(long)]
    pub(crate) insecure_skip_tls_verify: bool,
    /// Host name to check the API server's certificate against
    #[arg(long, value_name = "NAME")]
    pub(crate) tls_server_name: Option<String>,
    /// Proxy for the API server
    #[arg(long, value_name = "URL")]
    pub(crate) proxy_url: Option<String>,
    /// Longest time for one request
    #[arg(long, value_name = "DURATION", default_value = "0")]
    pub(crate) request_timeout: String,
}

impl ConnectionArgs {
    /// The same for the part that connects.
    pub(crate) fn settings(&self) -> ConnectionSettings {
        ConnectionSettings {
            // The variable may hold a list, as for kubectl; a path with a colon in it cannot be given by flag either there.
            kubeconfig: self
                .kubeconfig
                .iter()
                .flat_map(std::env::split_paths)
                .filter(|path| !path.as_os_str().is_empty())
                .collect(),
            context: self.context.clone(),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            namespace: self.namespace.clone(),
            server: self.server.clone(),
            token: self.token.as_deref().map(Secret::from),
            username: None,
            password: None,
            impersonate: self.impersonate.clone(),
            impersonate_groups: self.impersonate_groups.clone(),
            impersonate_uid: None,
            certificate_authority: self.certificate_authority.clone(),
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            proxy_url: self.proxy_url.clone(),
            tls_server_name: self.tls_server_name.clone(),
        }
    }
}
