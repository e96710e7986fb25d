//! From arguments to a pipeline: which bindings, from where, with which settings.

use std::sync::Arc;

use anyhow::{Context, bail};
use dodona_value::Zone;
use tokio::sync::watch;

use super::connection::ConnectionArgs;
use super::controller::{ControllerArgs, DEFAULT_REPO_SERVER};
use super::repo_server;
use super::rollout;
use crate::binding::Binding;
use crate::binding::app::AppBinding;
use crate::binding::generic::GenericBinding;
use crate::binding::namespaces::NamespacePatterns;
use crate::binding::rollout::RolloutBinding;
use crate::config::{BuildOptions, yaml};
use crate::delivery::ambient;
use crate::delivery::client::{Clients, Egress, Proxies, Reach};
use crate::engine::Selector;
use crate::model::{Clock, Lookup, NoLookup, Redactor, SystemClock, language_runtime};
use crate::outbox::Policy;
use crate::pipeline::{PipelineOptions, Refused, Tenants, Watched};
use crate::source::dir::{DirSettings, DirSource, Folder};
use crate::source::kube::{EventRecorder, KubeSettings, KubeSource, Pace, connect};
use crate::source::{Settings, SettingsSource, Source, WatchSpec};
use crate::telemetry::metrics::Metrics;

/// What all lanes of a process share. `lookup` answers questions to the repo server.
pub(super) fn options(
    metrics: &Arc<Metrics>,
    redactor: Redactor,
    lookup: Arc<dyn Lookup>,
) -> PipelineOptions {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    PipelineOptions {
        runtime: language_runtime(Arc::clone(&clock), local_zone()),
        clock,
        outbox: Policy::default(),
        store: None,
        metrics: Arc::clone(metrics),
        lookup,
        redactor,
        refused: Refused::default(),
    }
}

/// How receivers are reached: proxies, certificates and cloud credentials as the environment names them (core 5.10).
pub(super) fn clients() -> Clients {
    let mut reach = Reach {
        proxies: Proxies::from_variables(super::environment),
        environment: Arc::new(super::variables(ambient::VARIABLES)),
        ..Reach::default()
    };
    if let Some(folder) = super::environment("ARGOCD_TLS_DATA_PATH") {
        reach.tls_directory = Some(folder.into());
    }
    Clients::new(reach)
}

/// The zone that `TZ` names; UTC if it names none or an unknown one, as in Go.
pub(super) fn local_zone() -> Zone {
    let name = super::environment("TZ").unwrap_or_default();
    Zone::load(name.trim_start_matches(':')).unwrap_or_else(Zone::utc).as_local()
}

/// How a configuration is read by a controller that was started with `arguments`.
fn build_options(
    arguments: &ControllerArgs,
    namespace: &str,
    binding: &str,
    clients: &Clients,
) -> BuildOptions {
    BuildOptions {
        namespace: namespace.to_owned(),
        strict: arguments.strict_config,
        legacy: binding == "app",
        presets: arguments.presets.clone(),
        clients: clients.clone(),
        ..BuildOptions::default()
    }
}

/// What watches, and who answers its questions.
pub(super) struct Assembled {
    pub(super) watched: Vec<Watched>,
    pub(super) lookup: Arc<dyn Lookup>,
}

/// The bindings with their sources.
pub(super) async fn assembled(arguments: &ControllerArgs, redactor: &Redactor) -> anyhow::Result<Assembled> {
    match &arguments.dir {
        Some(folder) => {
            let namespace = arguments.connection.namespace.clone().unwrap_or_default();
            let clients = clients();
            let mut watched = Vec::new();
            for binding in bindings(arguments, &namespace)? {
                let build = build_options(arguments, &namespace, binding.name(), &clients);
                watched.push(from_folder(binding, folder, &namespace, build, arguments.egress()?).await?);
            }
            // Beside a folder there is no repo server, unless somebody names one.
            let lookup: Arc<dyn Lookup> = if arguments.argocd_repo_server == DEFAULT_REPO_SERVER {
                Arc::new(NoLookup)
            } else {
                let folder = Folder::new(folder, namespace.as_str());
                let source = |spec| Arc::new(DirSource::new(Arc::clone(&folder), spec)) as Arc<dyn Source>;
                repo_server::lookup(arguments, &namespace, redactor, source)
            };
            Ok(Assembled { watched, lookup })
        }
        None => from_cluster(arguments, redactor).await,
    }
}

async fn from_cluster(arguments: &ControllerArgs, redactor: &Redactor) -> anyhow::Result<Assembled> {
    let api = connect(&arguments.connection.settings(), Pace::default()).await?;
    let namespace = api.default_namespace().to_owned();
    let notices = Arc::new(EventRecorder::start(api.clone(), Arc::new(SystemClock)));
    let (clients, mut watched) = (clients(), Vec::new());
    for binding in bindings(arguments, &namespace)? {
        rollout::refuse_double_delivery(&arguments.rollout, &api, &namespace, &*binding).await?;
        let settings = Arc::new(KubeSettings::new(api.clone(), namespace.as_str()));
        let configuration = configuration(&*binding, settings, arguments.egress()?, &clients);
        let (settings, tenants) = configuration.await?;
        let build = build_options(arguments, &namespace, binding.name(), &clients);
        let companions = companion_spec(&*binding)
            .map(|spec| Arc::new(KubeSource::new(api.clone(), spec)) as Arc<dyn Source>);
        watched.push(Watched {
            source: Arc::new(KubeSource::new(api.clone(), watch_spec(&*binding))),
            beside: rollout::beside_cluster(&api, &namespace, &*binding),
            binding,
            settings,
            build,
            notices: Some(Arc::clone(&notices) as _),
            tenants,
            companions,
        });
    }
    let source = |spec| Arc::new(KubeSource::new(api.clone(), spec)) as Arc<dyn Source>;
    let lookup = repo_server::lookup(arguments, &namespace, redactor, source);
    Ok(Assembled { watched, lookup })
}

/// The central configuration of a binding and, with `egress`, those of the tenants.
async fn configuration<S: SettingsSource>(
    binding: &dyn Binding,
    source: Arc<S>,
    egress: Option<Egress>,
    clients: &Clients,
) -> anyhow::Result<(watch::Receiver<Settings>, Option<Tenants>)> {
    let (config_map, secret) = binding.settings_names();
    let why = || format!("failed to read the configuration of binding `{}`", binding.name());
    let central = Arc::clone(&source).watch(config_map, secret).await.with_context(why)?;
    let Some(egress) = egress else { return Ok((central, None)) };
    let settings = source
        .watch_all(config_map, secret)
        .await
        .with_context(|| format!("{}: --self-service-notification-enabled reads all namespaces", why()))?;
    Ok((central, Some(Tenants { settings, clients: clients.guarded(egress) })))
}

/// A binding whose cluster is a folder of manifests.
pub(super) async fn from_folder(
    binding: Arc<dyn Binding>,
    folder: &std::path::Path,
    namespace: &str,
    build: BuildOptions,
    egress: Option<Egress>,
) -> anyhow::Result<Watched> {
    let folder = Folder::new(folder, namespace);
    let mut source = DirSource::new(Arc::clone(&folder), watch_spec(&*binding));
    let selector = Selector::parse(binding.label_selector());
    let selector = selector
        .map_err(|error| anyhow::anyhow!("label selector of binding `{}`: {error}", binding.name()))?;
    source = source.with_filter(Box::new(move |object| selector.matches(object.labels())));
    let companions = companion_spec(&*binding)
        .map(|spec| Arc::new(DirSource::new(Arc::clone(&folder), spec)) as Arc<dyn Source>);
    let beside = rollout::beside_folder(&folder, &*binding);
    let settings = Arc::new(DirSettings::new(folder));
    let (settings, tenants) = configuration(&*binding, settings, egress, &build.clients).await?;
    Ok(Watched {
        source: Arc::new(source),
        beside,
        binding,
        settings,
        build,
        notices: None,
        tenants,
        companions,
    })
}

/// What a source has to know of the objects that a binding looks up.
fn companion_spec(binding: &dyn Binding) -> Option<WatchSpec> {
    let (resource, namespace) = binding.companions()?;
    let mut spec = WatchSpec::new(&format!("{}-companions", binding.name()), resource.clone());
    spec.namespaces = vec![namespace.to_owned()];
    Some(spec)
}

/// What a source has to know of a binding.
fn watch_spec(binding: &dyn Binding) -> WatchSpec {
    let mut spec = WatchSpec::new(binding.name(), binding.resource().clone());
    spec.namespaces = binding.namespaces().to_vec();
    binding.label_selector().clone_into(&mut spec.label_selector);
    spec.numbers = binding.numbers();
    spec
}

fn binding(name: &str, arguments: &ControllerArgs, namespace: &str) -> anyhow::Result<Arc<dyn Binding>> {
    match name {
        "app" => {
            let patterns = NamespacePatterns::parse(&arguments.application_namespaces);
            let mut app = AppBinding::new(namespace, patterns);
            app.label_selector.clone_from(&arguments.app_label_selector);
            app.config_map.clone_from(&arguments.config_map_name);
            app.secret.clone_from(&arguments.secret_name);
            app.self_service = arguments.self_service();
            app.legacy_recipients = arguments.legacy_recipients;
            Ok(Arc::new(app))
        }
        "rollout" => Ok(Arc::new(arguments.rollout.binding())),
        file => from_file(file),
    }
}

/// A binding by name for the commands that look at single objects: every namespace counts.
pub(super) fn known(name: &str, connection: &ConnectionArgs) -> anyhow::Result<Arc<dyn Binding>> {
    match name {
        "app" => {
            let namespace = connection.namespace.clone().unwrap_or_default();
            Ok(Arc::new(AppBinding::new(namespace, NamespacePatterns::parse(&["*".to_owned()]))))
        }
        "rollout" => Ok(Arc::new(RolloutBinding::default())),
        file => from_file(file),
    }
}

/// The bindings that were asked for. Two of them must not take each other for themselves, or tell everything twice.
fn bindings(arguments: &ControllerArgs, namespace: &str) -> anyhow::Result<Vec<Arc<dyn Binding>>> {
    let mut bindings: Vec<Arc<dyn Binding>> = Vec::new();
    for name in &arguments.bindings {
        let next = binding(name, arguments, namespace)?;
        Selector::parse(next.label_selector())
            .map_err(|error| anyhow::anyhow!("label selector of binding `{}`: {error}", next.name()))?;
        for other in &bindings {
            if other.name() == next.name() {
                bail!(
                    "--binding {name}: there is a binding called `{}` already; give each a name of its own",
                    next.name()
                );
            }
            let same =
                other.resource() == next.resource() && other.annotation_prefix() == next.annotation_prefix();
            let (one, two) = (other.namespaces(), next.namespaces());
            if same
                && (one.is_empty() || two.is_empty() || one.iter().any(|namespace| two.contains(namespace)))
            {
                bail!(
                    "--binding {name}: `{}` and `{}` both watch {} and keep their record in one annotation; give one of them another `prefix`, or other `namespaces`",
                    other.name(),
                    next.name(),
                    next.resource()
                );
            }
        }
        bindings.push(next);
    }
    Ok(bindings)
}

/// The binding that a file describes.
fn from_file(file: &str) -> anyhow::Result<Arc<dyn Binding>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            bail!("binding `{file}` is neither `app` nor `rollout` nor a file that can be read: {error}")
        }
    };
    let parsed = yaml::parse_node(&text).and_then(|node| GenericBinding::from_node(&node));
    parsed
        .map(|binding| Arc::new(binding) as _)
        .map_err(|error| anyhow::anyhow!("binding file {file}, {}: {error}", error.at))
}
