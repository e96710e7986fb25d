//! The flags of the binding `rollout`, what its engine of events reads, and the guard against telling everything twice.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use dodona_value::Numbers;

use crate::binding::rollout::RolloutBinding;
use crate::binding::{Binding, COMPONENT, EventRules};
use crate::model::{Clock, Resource, SystemClock};
use crate::pipeline::{ANALYSIS_RUNS, Beside, EVENTS, EXPERIMENTS};
use crate::source::dir::{DirSource, Folder};
use crate::source::kube::{Api, KubeFetch, KubeNotebook, KubeSource, lease_holder};
use crate::source::{Source, WatchSpec};

/// Names of the Leases of Rollouts controllers begin so.
const LEASE: &str = "argo-rollouts-controller-lock";
/// Where it is written down which Events were told.
const NOTEBOOK: &str = "dodona-rollout-events";
/// How often it is looked whether a Rollouts controller has come.
const RECHECK: Duration = Duration::from_mins(10);

/// What the binding `rollout` is started with.
#[derive(Args, Debug)]
pub(crate) struct RolloutArgs {
    /// Name of the ConfigMap of the `rollout` binding
    #[arg(long, value_name = "NAME", default_value = RolloutBinding::CONFIG_MAP)]
    rollout_config_map_name: String,
    /// Name of the Secret of the `rollout` binding
    #[arg(long, value_name = "NAME", default_value = RolloutBinding::SECRET)]
    rollout_secret_name: String,
    /// Namespaces of Rollouts, separated by commas; all by default
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    rollout_namespaces: Vec<String>,
    /// Watch only Rollouts of the Rollouts controller with this instance id
    #[arg(long, value_name = "ID")]
    instance_id: Option<String>,
    /// Tell events of Experiments and AnalysisRuns too, as upstream does
    #[arg(long)]
    rollout_related_events: bool,
    /// Let `oncePer` count for events of Rollouts too; upstream ignores it there
    #[arg(long)]
    rollout_events_once_per: bool,
    /// Start even if a Rollouts controller reads the same ConfigMap and tells everything too
    #[arg(long)]
    allow_double_delivery: bool,
}

impl RolloutArgs {
    /// The binding.
    pub(super) fn binding(&self) -> RolloutBinding {
        let instance = self.instance_id.as_ref().filter(|id| !id.is_empty());
        RolloutBinding {
            namespaces: self.rollout_namespaces.clone(),
            label_selector: instance
                .map(|id| format!("argo-rollouts.argoproj.io/controller-instance-id={id}"))
                .unwrap_or_default(),
            config_map: self.rollout_config_map_name.clone(),
            secret: self.rollout_secret_name.clone(),
            rules: EventRules {
                related: self.rollout_related_events,
                once_per: self.rollout_events_once_per,
            },
            ..RolloutBinding::default()
        }
    }
}

/// What the engine of events of `binding` reads in a cluster.
pub(super) fn beside_cluster(api: &Api, namespace: &str, binding: &dyn Binding) -> Beside {
    if binding.event_rules().is_none() {
        return Beside::default();
    }
    let source = |spec| Some(Arc::new(KubeSource::new(api.clone(), spec)) as Arc<dyn Source>);
    let [events, analysis_runs, experiments] = specs(binding);
    Beside {
        events: source(events),
        analysis_runs: source(analysis_runs),
        experiments: source(experiments),
        fetch: Some(Arc::new(KubeFetch::new(api.clone()))),
        notebook: Some(Arc::new(KubeNotebook::new(api.clone(), namespace, NOTEBOOK))),
        grace: Some(Beside::GRACE),
    }
}

/// The same in a folder of manifests, where differences are told at once: an Event is there only if somebody writes it.
pub(super) fn beside_folder(folder: &Arc<Folder>, binding: &dyn Binding) -> Beside {
    if binding.event_rules().is_none() {
        return Beside::default();
    }
    let source = |spec| Some(Arc::new(DirSource::new(Arc::clone(folder), spec)) as Arc<dyn Source>);
    let [events, analysis_runs, experiments] = specs(binding);
    Beside {
        events: source(events),
        analysis_runs: source(analysis_runs),
        experiments: source(experiments),
        grace: Some(Duration::ZERO),
        ..Beside::default()
    }
}

/// Events, AnalysisRuns, Experiments.
fn specs(binding: &dyn Binding) -> [WatchSpec; 3] {
    let mut events = WatchSpec::new(EVENTS, Resource::new("", "v1", "events", Some("Event")));
    events.field_selector = format!("source={COMPONENT}");
    let mut runs = WatchSpec::new(ANALYSIS_RUNS, RolloutBinding::analysis_runs());
    // As the variable shows them (core 3.2.2).
    runs.numbers = Numbers::Float;
    let experiments = WatchSpec::new(EXPERIMENTS, RolloutBinding::experiments());
    [events, runs, experiments].map(|spec| WatchSpec { namespaces: binding.namespaces().to_vec(), ..spec })
}

/// Refuses to start where a Rollouts controller reads the same ConfigMap: each of both would tell everything (core 6.1.3).
/// One that comes later is reported again and again, as it cannot be refused.
pub(super) async fn refuse_double_delivery(
    arguments: &RolloutArgs,
    api: &Api,
    namespace: &str,
    binding: &dyn Binding,
) -> anyhow::Result<()> {
    let own_names = binding.settings_names().0 != RolloutBinding::CONFIG_MAP;
    if binding.event_rules().is_none() || own_names || arguments.allow_double_delivery {
        return Ok(());
    }
    match lease_holder(api, namespace, LEASE, SystemClock.unix_seconds()).await {
        Ok(Some(holder)) => bail!(twice(namespace, &holder.identity)),
        Ok(None) => {}
        Err(error) => tracing::warn!(
            %error,
            "nobody knows whether a Rollouts controller works in namespace {namespace} and tells everything too: let the service account list leases there"
        ),
    }
    let (api, namespace) = (api.clone(), namespace.to_owned());
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(RECHECK).await;
            let holder = lease_holder(&api, &namespace, LEASE, SystemClock.unix_seconds()).await;
            if let Ok(Some(holder)) = holder {
                tracing::error!("{}", twice(&namespace, &holder.identity));
            }
        }
    });
    Ok(())
}

fn twice(namespace: &str, holder: &str) -> String {
    format!(
        "a Rollouts controller ({holder}) works in namespace {namespace} and reads the ConfigMap {name} too, so everything would be told twice. \
         There are three ways out: give dodona a namespace of its own (--namespace) and move the ConfigMap and the Secret there; \
         give them names of their own (--rollout-config-map-name, --rollout-secret-name) and empty {name}; \
         or take it as it is (--allow-double-delivery)",
        name = RolloutBinding::CONFIG_MAP
    )
}
