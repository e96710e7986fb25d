//! The stage: bindings by files on the fake API server, as the controller has them, and a receiver.

use std::sync::Arc;
use std::time::Duration;

use dodona::binding::Binding as _;
use dodona::binding::generic::GenericBinding;
use dodona::config::{BuildOptions, yaml};
use dodona::model::{Clock, FixedClock, NoLookup, Redactor, SystemClock, language_runtime};
use dodona::outbox::Policy;
use dodona::pipeline::{Beside, Pipeline, PipelineOptions, Refused, Watched};
use dodona::source::kube::{Api, ConnectionSettings, EventRecorder, KubeSettings, KubeSource, Pace, connect};
use dodona::source::{Notices, SettingsSource as _, WatchSpec};
use dodona::telemetry::metrics::Metrics;
use dodona_fakeapi::FakeApi;
use dodona_recorder::http::HttpRecorder;
use dodona_value::Zone;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

pub(crate) const LIMIT: Duration = Duration::from_mins(1);
pub(crate) const QUIET: Duration = Duration::from_millis(400);

async fn client(server: &FakeApi) -> Api {
    let settings = ConnectionSettings {
        kubeconfig: vec!["/nowhere".into()],
        server: Some(server.url().into()),
        namespace: Some("ops".into()),
        ..ConnectionSettings::default()
    };
    let settings = ConnectionSettings { kubeconfig: Vec::new(), ..settings };
    let pace = Pace {
        retry_min: Duration::from_millis(10),
        retry_max: Duration::from_millis(50),
        missing_kind: Duration::from_millis(50),
        ..Pace::default()
    };
    connect(&settings, pace).await.unwrap()
}

pub(crate) fn binding(text: &str) -> GenericBinding {
    let node = yaml::parse_node(text).unwrap();
    GenericBinding::from_node(&node).unwrap_or_else(|error| panic!("{error}"))
}

/// The bindings at work on the server, as the controller has them.
pub(crate) async fn start(server: &FakeApi, bindings: &[&str]) -> Pipeline {
    start_with(server, bindings, Policy::default()).await
}

/// [`start`] with an outbox of its own kind.
pub(crate) async fn start_with(server: &FakeApi, bindings: &[&str], outbox: Policy) -> Pipeline {
    let api = client(server).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let notices = Arc::new(EventRecorder::start(api.clone(), Arc::new(FixedClock::at(1_700_000_000))));
    let options = PipelineOptions {
        runtime: language_runtime(Arc::clone(&clock), Zone::utc()),
        clock,
        outbox,
        store: None,
        metrics: Arc::new(Metrics::new()),
        lookup: Arc::new(NoLookup),
        redactor: Redactor::default(),
        refused: Refused::default(),
    };
    let mut watched = Vec::new();
    for text in bindings {
        let binding = binding(text);
        let (config_map, secret) = binding.settings_names();
        let settings =
            Arc::new(KubeSettings::new(api.clone(), "ops")).watch(config_map, secret).await.unwrap();
        let mut spec = WatchSpec::new(binding.name(), binding.resource().clone());
        spec.namespaces = binding.namespaces().to_vec();
        watched.push(Watched {
            binding: Arc::new(binding),
            source: Arc::new(KubeSource::new(api.clone(), spec)),
            settings,
            build: BuildOptions { namespace: "ops".into(), ..BuildOptions::default() },
            notices: Some(Arc::clone(&notices) as Arc<dyn Notices>),
            tenants: None,
            companions: None,
            beside: Beside::default(),
        });
    }
    Pipeline::start(options, watched)
}

pub(crate) fn config(name: &str, receiver: &HttpRecorder, keys: &[(&str, &str)]) -> Value {
    let mut data =
        json!({"service.webhook.hook": format!("url: http://{}/\nretryMax: -1\n", receiver.host())});
    for (key, text) in keys {
        data[*key] = (*text).into();
    }
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "ops"}, "data": data})
}

pub(crate) fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    let mut object = json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {"name": name, "annotations": {"notifications.argoproj.io/subscribe.on-it.hook": ""}},
    });
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    object
}

/// Bodies in order of arrival, once there are `count`, and no more come.
pub(crate) async fn told(receiver: &HttpRecorder, count: usize) -> Vec<String> {
    let wait = async {
        while receiver.requests().len() < count {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("{:?}", receiver.requests()));
    sleep(QUIET).await;
    receiver.requests().iter().map(|one| String::from_utf8_lossy(&one.body).into_owned()).collect()
}

pub(crate) const ON_IT: (&str, &str) = ("trigger.on-it", "- {when: 'true', send: [it]}");
