//! `dodona controller`: the flags and variables of upstream's controller (core 5.11) and our own.

use std::io::IsTerminal;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::assemble;
use super::connection::ConnectionArgs;
use super::rollout::RolloutArgs;
use crate::delivery::client::Egress;
use crate::model::Redactor;
use crate::pipeline::Pipeline;
use crate::telemetry::admin;
use crate::telemetry::health::Health;
use crate::telemetry::logging::{Format, LogLevel};
use crate::telemetry::metrics::Metrics;

/// `dodona controller`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  dodona controller --namespace argocd\n  dodona controller --binding rollout --namespace argo-rollouts\n  dodona controller --binding app --binding certificates.yaml\n  dodona controller --dir ./manifests --binding app"
)]
pub(crate) struct ControllerArgs {
    #[command(flatten)]
    pub(super) connection: ConnectionArgs,

    /// What to watch: `app`, `rollout`, or a file that describes any other kind; may be repeated
    #[arg(long = "binding", value_name = "NAME|FILE", default_value = "app")]
    pub(super) bindings: Vec<String>,
    /// Take objects and configuration from a folder of manifests instead of a cluster
    #[arg(long, value_name = "FOLDER")]
    pub(super) dir: Option<PathBuf>,

    /// Kept for compatibility: decisions take microseconds and deliveries have their own limits
    #[arg(
        long,
        value_name = "N",
        env = "ARGOCD_NOTIFICATION_CONTROLLER_PROCESSORS_COUNT",
        hide_env_values = true
    )]
    pub(super) processors_count: Option<String>,
    /// Watch only Applications with these labels
    #[arg(long, value_name = "SELECTOR", default_value = "")]
    pub(super) app_label_selector: String,
    /// Namespaces besides the controller's in which Applications may live: globs or /regular expressions/
    #[arg(long, value_name = "PATTERNS", env = "ARGOCD_APPLICATION_NAMESPACES", value_delimiter = ',')]
    pub(super) application_namespaces: Vec<String>,
    /// Read `recipients.argocd-notifications.argoproj.io`, the annotation of v1.0 and v1.1, on Applications too
    #[arg(long)]
    pub(super) legacy_recipients: bool,
    /// Name of the ConfigMap of the `app` binding
    #[arg(long, value_name = "NAME", default_value = "argocd-notifications-cm")]
    pub(super) config_map_name: String,
    /// Name of the Secret of the `app` binding
    #[arg(long, value_name = "NAME", default_value = "argocd-notifications-secret")]
    pub(super) secret_name: String,
    /// Address of the repo server (for `repo.GetCommitMetadata` and `repo.GetAppDetails`)
    #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_REPO_SERVER)]
    pub(super) argocd_repo_server: String,
    /// Talk to the repo server without TLS
    #[arg(long, env = "ARGOCD_NOTIFICATION_CONTROLLER_REPO_SERVER_PLAINTEXT", num_args = 0..=1, default_missing_value = "true", default_value = "false", hide_env_values = true)]
    pub(super) argocd_repo_server_plaintext: String,
    /// Verify the repo server's certificate with the files of Argo CD; deprecated by upstream, --repo-server-ca-cert-path does it too
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", default_value = "false")]
    pub(super) argocd_repo_server_strict_tls: String,
    /// Certificate authority of the repo server
    #[arg(
        long,
        value_name = "FILE",
        env = "ARGOCD_NOTIFICATION_CONTROLLER_REPO_SERVER_CA_CERT_PATH",
        default_value = ""
    )]
    pub(super) repo_server_ca_cert_path: String,
    /// Client certificate for the repo server
    #[arg(
        long,
        value_name = "FILE",
        env = "ARGOCD_NOTIFICATION_CONTROLLER_REPO_SERVER_CLIENT_CERT_PATH",
        default_value = "/app/config/reposerver/mtls/client.crt"
    )]
    pub(super) repo_server_client_cert_path: String,
    /// Key of the client certificate for the repo server
    #[arg(
        long,
        value_name = "FILE",
        env = "ARGOCD_NOTIFICATION_CONTROLLER_REPO_SERVER_CLIENT_CERT_KEY_PATH",
        default_value = "/app/config/reposerver/mtls/client.key"
    )]
    pub(super) repo_server_client_cert_key_path: String,
    /// Let tenants configure notifications in their own namespaces
    #[arg(long, env = "ARGOCD_NOTIFICATION_CONTROLLER_SELF_SERVICE_NOTIFICATION_ENABLED", num_args = 0..=1, default_missing_value = "true", default_value = "false", hide_env_values = true)]
    pub(super) self_service_notification_enabled: String,
    /// Networks, hosts and *.domains besides public addresses that the services of tenants may reach, with commas between
    #[arg(long, value_name = "LIST", default_value = "")]
    pub(super) egress_allow: String,

    #[command(flatten)]
    pub(super) rollout: RolloutArgs,

    /// Least important level that is logged: debug, info, warn or error
    #[arg(
        long,
        value_name = "LEVEL",
        env = "ARGOCD_NOTIFICATIONS_CONTROLLER_LOGLEVEL",
        default_value = "info"
    )]
    pub(super) loglevel: String,
    /// Form of the log
    #[arg(
        long,
        value_name = "FORMAT",
        env = "ARGOCD_NOTIFICATIONS_CONTROLLER_LOGFORMAT",
        default_value = "json"
    )]
    pub(super) logformat: LogFormat,
    /// Port of `/metrics`, `/healthz` and `/readyz`; 0 for none
    #[arg(long, value_name = "PORT", default_value_t = 9001)]
    pub(super) metrics_port: u16,

    /// Built-in triggers and templates for configurations that have no key `presets`: `argocd`, `rollouts` or a list
    #[arg(long, value_name = "SETS", env = "DODONA_PRESETS", default_value = "")]
    pub(super) presets: String,
    /// Refuse a configuration as a whole when one key of it is broken, as upstream does
    #[arg(long)]
    pub(super) strict_config: bool,
    /// Longest time that a stop waits for deliveries under way
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(super) grace: u64,
}

/// Where Argo CD's own manifests put the repo server.
pub(super) const DEFAULT_REPO_SERVER: &str = "argocd-repo-server:8081";

impl ControllerArgs {
    /// Whether tenants may have configurations of their own.
    pub(super) fn self_service(&self) -> bool {
        self.self_service_notification_enabled.eq_ignore_ascii_case("true")
    }

    /// What the services of tenants may reach besides public addresses, if there are tenants (design 7).
    pub(super) fn egress(&self) -> anyhow::Result<Option<Egress>> {
        let parse =
            || Egress::parse(&self.egress_allow).map_err(anyhow::Error::msg).context("--egress-allow");
        self.self_service().then(parse).transpose()
    }
}

/// `--logformat`.
#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// One JSON object a line
    Json,
    /// `key=value` pairs
    Text,
}

/// Runs the controller until it is told to stop.
pub(crate) fn run(arguments: ControllerArgs) -> anyhow::Result<ExitCode> {
    let redactor = Redactor::default();
    let level: LogLevel = arguments.loglevel.parse().map_err(anyhow::Error::msg).context("--loglevel")?;
    let format = match arguments.logformat {
        LogFormat::Json => Format::Json,
        LogFormat::Text if super::forced_colors() || std::io::stderr().is_terminal() => Format::Colored,
        LogFormat::Text => Format::Text,
    };
    super::log_to_stderr(format, level, &redactor)?;
    super::runtime()?.block_on(control(arguments, redactor))
}

async fn control(arguments: ControllerArgs, redactor: Redactor) -> anyhow::Result<ExitCode> {
    let mut stop = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    let (metrics, health) = (Arc::new(Metrics::new()), Health::new());
    let (stopped, admin) = serve_admin(arguments.metrics_port, &metrics, &health).await?;
    let grace = Duration::from_secs(arguments.grace);
    let start = async {
        let assembled = assemble::assembled(&arguments, &redactor).await?;
        let options = assemble::options(&metrics, redactor, assembled.lookup);
        anyhow::Ok(Pipeline::start(options, assembled.watched))
    };
    let mut pipeline = tokio::select! {
        pipeline = start => pipeline?,
        _ = stop.recv() => return Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
    };
    pipeline.report_readiness(&health);
    tracing::warn!("Controller is running.");
    let name = tokio::select! {
        _ = stop.recv() => "terminated",
        _ = interrupt.recv() => "interrupt",
    };
    tracing::info!("got signal {name}, attempting graceful shutdown");
    health.not_ready("shutdown", "the process is stopping");
    pipeline.stop(grace).await;
    drop(stopped);
    if let Some(admin) = admin {
        // Whoever still reads metrics has had the whole shutdown to do so.
        drop(tokio::time::timeout(Duration::from_secs(1), admin).await);
    }
    tracing::warn!("Controller has stopped.");
    Ok(ExitCode::SUCCESS)
}

/// Serves metrics and probes until the returned guard is dropped.
async fn serve_admin(
    port: u16,
    metrics: &Arc<Metrics>,
    health: &Health,
) -> anyhow::Result<(oneshot::Sender<()>, Option<JoinHandle<()>>)> {
    let (guard, stopped) = oneshot::channel();
    if port == 0 {
        return Ok((guard, None));
    }
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await;
    let listener = listener.with_context(|| {
        format!("failed to serve metrics on port {port}; choose another with --metrics-port")
    })?;
    tracing::info!("serving metrics on port {port}");
    let router = admin::router(Arc::clone(metrics), health.clone());
    let stop = async move { drop(stopped.await) };
    Ok((guard, Some(tokio::spawn(admin::serve(listener, router, admin::Limits::default(), stop)))))
}
