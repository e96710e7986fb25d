//! A fake API server, a receiver, and the pipeline of the binding `rollout` between them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dodona::binding::EventRules;
use dodona::binding::rollout::RolloutBinding;
use dodona::config::BuildOptions;
use dodona::model::{Clock as _, NoLookup, Redactor, Resource, SystemClock, language_runtime};
use dodona::outbox::Policy;
use dodona::pipeline::{
    ANALYSIS_RUNS, Beside, EVENTS, EXPERIMENTS, Pipeline, PipelineOptions, Refused, Watched,
};
use dodona::source::kube::{
    Api, ConnectionSettings, KubeFetch, KubeNotebook, KubeSettings, KubeSource, Pace, connect,
};
use dodona::source::{SettingsSource as _, Source, WatchSpec};
use dodona::telemetry::metrics::Metrics;
use dodona_fakeapi::{FakeApi, Kind};
use dodona_recorder::http::{Answer, HttpRecorder};
use dodona_value::{Numbers, Zone};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// Namespace of the configuration.
const HOME: &str = "dodona";
const LIMIT: Duration = Duration::from_mins(1);
/// Long enough to be sure that nothing more comes.
const QUIET: Duration = Duration::from_millis(900);

pub(crate) struct Stage {
    pub(crate) server: FakeApi,
    pub(crate) metrics: Arc<Metrics>,
    receiver: HttpRecorder,
    folder: tempfile::TempDir,
    /// When objects were created.
    born: String,
}

/// Kind, reason, trigger and who tells it.
pub(crate) fn rows() -> Vec<(String, String, String, String)> {
    let lines = include_str!("reasons.tsv").lines().filter(|line| !line.starts_with('#'));
    let row = |line: &str| {
        let parts: Vec<String> = line.split('\t').map(str::to_owned).collect();
        (parts[0].clone(), parts[1].clone(), parts[2].clone(), parts[3].clone())
    };
    lines.map(row).collect()
}

/// Reasons and triggers of a kind.
pub(crate) fn reasons(kind: &str) -> Vec<(String, String)> {
    let rows = rows().into_iter().filter(|(of, ..)| of == kind);
    rows.map(|(_, reason, trigger, _)| (reason, trigger)).collect()
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let server = FakeApi::start().await;
        for kind in Kind::argo() {
            server.install(kind);
        }
        server.install(Kind::new("apps", "v1", "Deployment", "deployments"));
        Self {
            server,
            metrics: Arc::default(),
            receiver: HttpRecorder::start(|_| Answer::reply(200, "")),
            folder: tempfile::tempdir().unwrap(),
            // After the start of the process that is about to be started.
            born: jiff::Timestamp::from_second(SystemClock.unix_seconds() + 2).unwrap().to_string(),
        }
    }

    /// A cluster whose objects have been there for long.
    pub(crate) async fn of_old() -> Self {
        Self { born: "2020-01-01T00:00:00Z".into(), ..Self::new().await }
    }

    /// Everybody is told about every trigger, with its name, the object, and what its status says; `more` wins.
    pub(crate) fn configure(&self, more: &Value) {
        let mut data = json!({
            "service.webhook.hook": format!("url: http://{}/\n", self.receiver.host()),
        });
        let mut triggers: Vec<String> = rows().into_iter().map(|(_, _, trigger, _)| trigger).collect();
        triggers.retain(|trigger| !trigger.contains(' '));
        let step = "{{with .rollout.status}}{{with .currentStepIndex}} step {{.}}{{else}}{{if hasKey . \"currentStepIndex\"}} step 0{{end}}{{end}}{{end}}";
        for trigger in &triggers {
            let text = format!("{trigger} {{{{.rollout.kind}}}} {{{{.rollout.metadata.name}}}}{step}");
            data[format!("template.{trigger}")] = format!("message: '{text}'\n").into();
            data[format!("trigger.{trigger}")] = format!("- send: [{trigger}]\n").into();
        }
        data["subscriptions"] = json!([{"recipients": ["hook"], "triggers": triggers}]).to_string().into();
        for (key, text) in more.as_object().unwrap() {
            data[key] = text.clone();
        }
        self.server.apply(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": {"name": RolloutBinding::CONFIG_MAP, "namespace": HOME},
        }));
    }

    /// A file that leads to the server.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        let path = self.folder.path().join("kubeconfig");
        std::fs::write(&path, self.server.kubeconfig(HOME)).unwrap();
        path
    }

    async fn api(&self) -> Api {
        let settings =
            ConnectionSettings { kubeconfig: vec![self.kubeconfig()], ..ConnectionSettings::default() };
        connect(&settings, Pace::default()).await.unwrap()
    }

    /// A process.
    pub(crate) async fn start(&self, rules: EventRules, grace: Option<Duration>) -> Pipeline {
        let api = self.api().await;
        let source = |spec| Arc::new(KubeSource::new(api.clone(), spec)) as Arc<dyn Source>;
        let mut events = WatchSpec::new(EVENTS, Resource::new("", "v1", "events", Some("Event")));
        events.field_selector = "source=rollouts-controller".into();
        let mut runs = WatchSpec::new(ANALYSIS_RUNS, RolloutBinding::analysis_runs());
        runs.numbers = Numbers::Float;
        let binding = RolloutBinding { rules, ..RolloutBinding::default() };
        let settings = Arc::new(KubeSettings::new(api.clone(), HOME));
        let rollouts = Resource::new("argoproj.io", "v1alpha1", "rollouts", Some("Rollout"));
        let watched = Watched {
            source: source(WatchSpec::new("rollout", rollouts)),
            settings: settings.watch(&binding.config_map, &binding.secret).await.unwrap(),
            binding: Arc::new(binding),
            build: BuildOptions { namespace: HOME.into(), ..BuildOptions::default() },
            notices: None,
            tenants: None,
            companions: None,
            beside: Beside {
                events: Some(source(events)),
                analysis_runs: Some(source(runs)),
                experiments: Some(source(WatchSpec::new(EXPERIMENTS, RolloutBinding::experiments()))),
                fetch: Some(Arc::new(KubeFetch::new(api.clone()))),
                notebook: Some(Arc::new(KubeNotebook::new(api.clone(), HOME, "events-told"))),
                grace,
            },
        };
        let clock = Arc::new(SystemClock);
        let options = PipelineOptions {
            runtime: language_runtime(Arc::clone(&clock) as _, Zone::utc()),
            clock,
            outbox: Policy::default(),
            store: None,
            metrics: Arc::clone(&self.metrics),
            lookup: Arc::new(NoLookup),
            redactor: Redactor::default(),
            refused: Refused::default(),
        };
        let pipeline = Pipeline::start(options, vec![watched]);
        self.server.until("everything is watched", |server| server.watches("events") > 0).await;
        self.settle().await;
        pipeline
    }

    /// Lets the watches bring what has changed.
    pub(crate) async fn settle(&self) {
        sleep(Duration::from_millis(250)).await;
    }

    /// A version of an object; returns its number.
    pub(crate) fn apply(&self, kind: &str, name: &str, status: &Value) -> String {
        self.apply_with(kind, name, &json!({"replicas": 5}), status)
    }

    pub(crate) fn apply_with(&self, kind: &str, name: &str, spec: &Value, status: &Value) -> String {
        self.server.apply(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": kind, "spec": spec, "status": status,
            "metadata": {"name": name, "namespace": "shop", "creationTimestamp": self.born},
        }))
    }

    /// The Rollouts controller records an event, or counts it once more.
    pub(crate) fn event(&self, reason: &str, kind: &str, name: &str, version: &str, count: u64) {
        self.event_at(reason, kind, name, version, count, 1);
    }

    /// The same some seconds from now.
    pub(crate) fn event_at(
        &self,
        reason: &str,
        kind: &str,
        name: &str,
        version: &str,
        count: u64,
        after: i64,
    ) {
        self.record("rollouts-controller", reason, kind, name, version, count, after);
    }

    /// Somebody else records an event.
    pub(crate) fn foreign(&self, reason: &str, name: &str) {
        self.record("somebody", reason, "Rollout", name, "1", 1, 1);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of an Event")]
    fn record(&self, by: &str, reason: &str, kind: &str, name: &str, version: &str, count: u64, after: i64) {
        let plural = format!("{}s", kind.to_lowercase());
        let uid = self
            .server
            .object(&plural, "shop", name)
            .map_or(Value::Null, |one| one["metadata"]["uid"].clone());
        let at = jiff::Timestamp::from_second(SystemClock.unix_seconds() + after).unwrap().to_string();
        let stem = reason.to_lowercase().replace(' ', "-");
        self.server.apply(json!({
            "apiVersion": "v1", "kind": "Event", "reason": reason, "type": "Normal", "message": "it happened",
            "metadata": {"name": format!("{name}.{by}.{stem}"), "namespace": "shop"},
            "count": count, "firstTimestamp": at, "lastTimestamp": at, "source": {"component": by},
            "involvedObject": {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "namespace": "shop", "name": name,
                "uid": uid, "resourceVersion": version},
        }));
    }

    /// What was told since the last call: at least `count` messages are waited for, and then a little for more.
    pub(crate) async fn told(&self, count: usize) -> Vec<String> {
        let deadline = Instant::now() + LIMIT;
        while self.receiver.requests().len() < count && Instant::now() < deadline {
            sleep(Duration::from_millis(20)).await;
        }
        sleep(QUIET).await;
        let bodies =
            self.receiver.take().into_iter().map(|one| String::from_utf8_lossy(&one.body).into_owned());
        bodies.map(|body| body.trim().to_owned()).collect()
    }
}
