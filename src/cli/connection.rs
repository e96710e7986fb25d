//! The connection flags of `kubectl`, shared by all commands that talk to a cluster.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Args};

use crate::model::Secret;
use crate::source::kube::ConnectionSettings;

/// How to reach the cluster. Without any flag: the kubeconfig of the environment, or the service account of the pod.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// The kubeconfig file
    #[arg(
        long,
        value_name = "FILE",
        value_parser = path(),
        env = "KUBECONFIG",
        hide_env_values = true,
        global = true,
        hide_short_help = true
    )]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME", global = true, hide_short_help = true)]
    pub(crate) context: Option<String>,
    /// Cluster of the kubeconfig
    #[arg(long, value_name = "NAME", global = true, hide_short_help = true)]
    pub(crate) cluster: Option<String>,
    /// User of the kubeconfig
    #[arg(long, value_name = "NAME", global = true, hide_short_help = true)]
    pub(crate) user: Option<String>,
    /// Namespace of the configuration and of objects that are named without one
    #[arg(short, long, value_name = "NAME", global = true)]
    pub(crate) namespace: Option<String>,
    /// Address of the API server
    #[arg(short, long, value_name = "URL", global = true, hide_short_help = true)]
    pub(crate) server: Option<String>,
    /// Bearer token
    #[arg(long, value_name = "TOKEN", hide_env_values = true, global = true, hide_short_help = true)]
    pub(crate) token: Option<String>,
    /// User name for basic authentication
    #[arg(long, value_name = "NAME", global = true, hide_short_help = true)]
    pub(crate) username: Option<String>,
    /// Password for basic authentication
    #[arg(long, value_name = "PASSWORD", global = true, hide_short_help = true)]
    pub(crate) password: Option<String>,
    /// User to act as
    #[arg(long = "as", value_name = "USER", global = true, hide_short_help = true)]
    pub(crate) impersonate: Option<String>,
    /// Group to act as; may be repeated
    #[arg(long = "as-group", value_name = "GROUP", global = true, hide_short_help = true)]
    pub(crate) impersonate_groups: Vec<String>,
    /// UID to act as
    #[arg(long = "as-uid", value_name = "UID", global = true, hide_short_help = true)]
    pub(crate) impersonate_uid: Option<String>,
    /// Certificate authority of the API server
    #[arg(long, value_name = "FILE", value_parser = path(), global = true, hide_short_help = true)]
    pub(crate) certificate_authority: Option<PathBuf>,
    /// Client certificate
    #[arg(long, value_name = "FILE", value_parser = path(), global = true, hide_short_help = true)]
    pub(crate) client_certificate: Option<PathBuf>,
    /// Key of the client certificate
    #[arg(long, value_name = "FILE", value_parser = path(), global = true, hide_short_help = true)]
    pub(crate) client_key: Option<PathBuf>,
    /// Do not check the API server's certificate
    #[arg(
        long,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true,
        value_name = "BOOL",
        value_parser = go_bool,
        global = true,
        hide_short_help = true
    )]
    pub(crate) insecure_skip_tls_verify: bool,
    /// Host name to check the API server's certificate against
    #[arg(long, value_name = "NAME", global = true, hide_short_help = true)]
    pub(crate) tls_server_name: Option<String>,
    /// Proxy for the API server
    #[arg(long, value_name = "URL", global = true, hide_short_help = true)]
    pub(crate) proxy_url: Option<String>,
    /// Accepted for compatibility; answers are small
    #[arg(
        long,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true,
        value_name = "BOOL",
        value_parser = go_bool,
        global = true,
        hide = true
    )]
    pub(crate) disable_compression: bool,
    /// Longest time for one request, such as `10s`; 0 for the default
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = timeout, global = true, hide_short_help = true)]
    pub(crate) request_timeout: Timeout,
}

/// `--request-timeout`; nothing for the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timeout(pub(crate) Option<Duration>);

/// A path. The empty one counts as none, as scripts write `--kubeconfig "$FILE"` and have an empty `KUBECONFIG`.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// A flag that is given and not empty; an empty one counts as none, as for `kubectl`.
fn given<T: AsRef<OsStr> + Clone>(flag: Option<&T>) -> Option<T> {
    flag.filter(|value| !value.as_ref().is_empty()).cloned()
}

/// A boolean flag with a value, in Go's spellings.
pub(crate) fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("expected true or false".into()),
    }
}

/// Seconds as a whole number, or a duration with units, as `kubectl` takes them.
fn timeout(text: &str) -> Result<Timeout, String> {
    let nanoseconds = match text.parse::<i64>() {
        Ok(seconds) => seconds.saturating_mul(1_000_000_000),
        Err(_) => dodona_value::time::parse_duration(text)
            .map_err(|_| "expected a duration such as `10s` or `1m`".to_owned())?
            .nanoseconds(),
    };
    let positive = u64::try_from(nanoseconds).ok().filter(|nanoseconds| *nanoseconds > 0);
    Ok(Timeout(positive.map(Duration::from_nanos)))
}

impl ConnectionArgs {
    /// The same for the part that connects.
    pub(crate) fn settings(&self) -> ConnectionSettings {
        let either = |upper, lower| super::environment(upper).or_else(|| super::environment(lower));
        ConnectionSettings {
            // The variable may hold a list, as for kubectl; a path with a colon in it cannot be given by flag either there.
            kubeconfig: self
                .kubeconfig
                .iter()
                .flat_map(std::env::split_paths)
                .filter(|path| !path.as_os_str().is_empty())
                .collect(),
            context: given(self.context.as_ref()),
            cluster: given(self.cluster.as_ref()),
            user: given(self.user.as_ref()),
            namespace: given(self.namespace.as_ref()),
            server: given(self.server.as_ref()),
            token: given(self.token.as_ref()).as_deref().map(Secret::from),
            username: given(self.username.as_ref()),
            password: given(self.password.as_ref()).as_deref().map(Secret::from),
            impersonate: given(self.impersonate.as_ref()),
            impersonate_groups: self.impersonate_groups.clone(),
            impersonate_uid: given(self.impersonate_uid.as_ref()),
            certificate_authority: given(self.certificate_authority.as_ref()),
            client_certificate: given(self.client_certificate.as_ref()),
            client_key: given(self.client_key.as_ref()),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            proxy_url: given(self.proxy_url.as_ref()),
            environment_proxy: either("HTTPS_PROXY", "https_proxy"),
            no_proxy: either("NO_PROXY", "no_proxy").unwrap_or_default(),
            tls_server_name: given(self.tls_server_name.as_ref()),
        }
    }
}
