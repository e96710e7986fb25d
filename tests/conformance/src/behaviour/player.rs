//! Plays one trace: starts a pipeline, does what each step says, waits until nothing is left to do, and compares.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use dodona::binding::app::AppBinding;
use dodona::binding::generic::GenericBinding;
use dodona::binding::namespaces::NamespacePatterns;
use dodona::binding::rollout::RolloutBinding;
use dodona::binding::{Binding, EventRules, state_annotation};
use dodona::config::{BuildOptions, yaml};
use dodona::delivery::client::Clients;
use dodona::model::{
    Clock, FixedClock, Happening, NoLookup, Object, Redactor, Secret, Settings, language_runtime,
};
use dodona::outbox::{BreakerPolicy, Policy};
use dodona::pipeline::{ANALYSIS_RUNS, Beside, Pipeline, PipelineOptions, Refused, Tenants, Watched};
use dodona::source::ByNamespace;
use dodona::telemetry::metrics::Metrics;
use dodona_value::{Numbers, Zone};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::compare::compare;
use super::receiver::Receiver;
use super::world::{World, WorldSource};
use super::{Step, Trace};

/// Longest wait for one step; retries inside one send take their real time.
const PATIENCE: Duration = Duration::from_secs(30);
/// What stands for the receiver's address in a trace.
const PLACEHOLDER: &str = "recorder.test";

struct Player<'a> {
    trace: &'a Trace,
    clock: Arc<FixedClock>,
    receiver: Receiver,
    world: Arc<World>,
    companions: Option<Arc<World>>,
    /// AnalysisRuns, which the binding `rollout` shows.
    runs: Arc<World>,
    /// Events that were told.
    told: u64,
    settings: watch::Sender<Settings>,
    tenants: watch::Sender<ByNamespace>,
    /// Names of the ConfigMap and the Secret.
    names: (String, String),
    pipeline: Pipeline,
    binding: String,
    annotation: String,
    reloads: u64,
}

/// The differences; none if everything is as it should be.
pub(crate) async fn play(trace: &Trace) -> anyhow::Result<Vec<String>> {
    let (player, beginning) = begin(trace).await?;
    player.steps(beginning).await
}

async fn begin(trace: &Trace) -> anyhow::Result<(Player<'_>, Option<&Step>)> {
    let clock = Arc::new(FixedClock::at(trace.clock_start));
    let receiver = Receiver::start();
    let binding = binding(trace)?;
    let annotation = state_annotation(binding.annotation_prefix());
    let world = World::new(binding.name(), binding.resource().clone(), binding.namespaces().to_vec());
    let companions = binding
        .companions()
        .map(|(resource, namespace)| World::new("companions", resource.clone(), vec![namespace.to_owned()]));
    let runs = runs();
    let names = binding.settings_names();
    let names = (names.0.to_owned(), names.1.to_owned());
    let mut tenants = ByNamespace::new();
    for object in &trace.objects {
        world.apply(object.clone(), &annotation, true).await;
        if let Some(companions) = &companions {
            companions.apply(object.clone(), &annotation, true).await;
        }
        runs.apply(object.clone(), &annotation, true).await;
        set_tenant(&mut tenants, &names, object, false, &receiver);
    }
    let first = trace.steps.first().filter(|step| step.op == "start");
    clock.set(trace.clock_start + first.map_or(0, |step| step.at));
    let text = settings(trace.config.as_ref(), trace.secret.as_ref(), &receiver);
    let (sender, settings) = watch::channel(text);
    let (tenants, tenant_settings) = watch::channel(tenants);
    let name = binding.name().to_owned();
    let build = build(trace);
    let watched = Watched {
        source: Arc::new(WorldSource(Arc::clone(&world))),
        binding,
        settings,
        build,
        notices: None,
        tenants: trace
            .self_service
            .then(|| Tenants { settings: tenant_settings, clients: Clients::default() }),
        companions: companions.clone().map(|world| Arc::new(WorldSource(world)) as _),
        // The events of a trace are all there are: nothing is read off the objects.
        beside: Beside { analysis_runs: Some(Arc::new(WorldSource(Arc::clone(&runs)))), ..Beside::default() },
    };
    let pipeline = Pipeline::start(options(&clock), vec![watched]);
    let player = Player {
        trace,
        clock,
        receiver,
        world,
        companions,
        runs,
        told: 0,
        settings: sender,
        tenants,
        names,
        pipeline,
        binding: name,
        annotation,
        reloads: 0,
    };
    player.settle().await?;
    Ok((player, first))
}

/// AnalysisRuns, which the binding `rollout` shows.
fn runs() -> Arc<World> {
    World::with_numbers(ANALYSIS_RUNS, RolloutBinding::analysis_runs(), Vec::new(), Numbers::Float)
}

fn build(trace: &Trace) -> BuildOptions {
    BuildOptions {
        namespace: trace.controller_namespace.clone(),
        legacy: trace.binding == "app",
        ..BuildOptions::default()
    }
}

fn options(clock: &Arc<FixedClock>) -> PipelineOptions {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    PipelineOptions {
        runtime: language_runtime(Arc::clone(&clock), Zone::utc().as_local()),
        clock,
        // No second attempt: what failed is given up, and the next look at the object sends it again. One at a time, as
        // the original sends (core 5.5): the answers of a trace are used up in this order.
        outbox: Policy {
            concurrency: 1,
            max_age: Duration::ZERO,
            breaker: BreakerPolicy { failures: u32::MAX, ..BreakerPolicy::default() },
            ..Policy::default()
        },
        store: None,
        metrics: Arc::new(Metrics::new()),
        lookup: Arc::new(NoLookup),
        refused: Refused::NextLook,
        redactor: Redactor::default(),
    }
}

fn binding(trace: &Trace) -> anyhow::Result<Arc<dyn Binding>> {
    Ok(match (trace.binding.as_str(), &trace.generic) {
        ("app", _) => {
            let patterns = NamespacePatterns::parse(&trace.application_namespaces);
            let mut app = AppBinding::new(trace.controller_namespace.as_str(), patterns);
            app.self_service = trace.self_service;
            Arc::new(app)
        }
        ("rollout", _) => {
            let related = trace.choose.iter().any(|rule| rule == "6.2.3");
            Arc::new(RolloutBinding {
                rules: EventRules { related, once_per: false },
                ..RolloutBinding::default()
            })
        }
        (_, Some(generic)) => {
            let prefix = trace.annotation_prefix.as_deref().unwrap_or_default();
            let file = format!(
                "name: generic\nresource: {{group: {:?}, version: {:?}, plural: {:?}, kind: {:?}}}\nvariable: {:?}\nconfigMap: {:?}\nsecret: {:?}\nprefix: {prefix:?}\n",
                generic.group,
                generic.version,
                generic.resource,
                generic.kind,
                generic.variable,
                generic.config_map,
                generic.secret
            );
            let node = yaml::parse_node(&file).map_err(|error| anyhow::anyhow!("{error}"))?;
            Arc::new(GenericBinding::from_node(&node).map_err(|error| anyhow::anyhow!("{error}"))?)
        }
        (other, None) => bail!("unknown binding `{other}`"),
    })
}

/// The text of the configuration, with the receiver's address put in.
fn settings(
    config: Option<&BTreeMap<String, String>>,
    secret: Option<&BTreeMap<String, String>>,
    receiver: &Receiver,
) -> Settings {
    let host = receiver.host();
    let fill = |text: &String| text.replace(PLACEHOLDER, &host);
    Settings {
        config_map: config.map(|data| data.iter().map(|(key, text)| (key.clone(), fill(text))).collect()),
        secret: secret.map(|data| {
            data.iter().map(|(key, text)| (key.clone(), Secret::from(fill(text).as_str()))).collect()
        }),
    }
}

/// Takes over a ConfigMap or Secret of a namespace, if `object` is one; whether it is.
fn set_tenant(
    tenants: &mut ByNamespace,
    names: &(String, String),
    object: &Value,
    delete: bool,
    receiver: &Receiver,
) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = if delete { object } else { &object["metadata"] };
    let (kind, name, namespace) =
        (text(&object["kind"]), text(&metadata["name"]), text(&metadata["namespace"]));
    let is_map = kind == "ConfigMap" && name == names.0;
    if !is_map && (kind != "Secret" || name != names.1) {
        return false;
    }
    let data = serde_json::from_value::<BTreeMap<String, String>>(object["data"].clone()).unwrap_or_default();
    let place = tenants.entry(namespace).or_default();
    if is_map {
        place.config_map = (!delete).then(|| settings(Some(&data), None, receiver).config_map).flatten();
    } else {
        // What the cluster keeps encoded is text in a trace.
        let data = if data.is_empty() {
            serde_json::from_value(object["stringData"].clone()).unwrap_or_default()
        } else {
            data
        };
        place.secret = (!delete).then(|| settings(None, Some(&data), receiver).secret).flatten();
    }
    true
}

impl Player<'_> {
    async fn steps(mut self, beginning: Option<&Step>) -> anyhow::Result<Vec<String>> {
        let mut differences = Vec::new();
        for (number, step) in self.trace.steps.iter().enumerate() {
            self.clock.set(self.trace.clock_start + step.at);
            if beginning.is_none() || number > 0 {
                self.act(step)
                    .await
                    .with_context(|| format!("step {} ({} at {})", number + 1, step.op, step.at))?;
                self.settle()
                    .await
                    .with_context(|| format!("step {} ({} at {})", number + 1, step.op, step.at))?;
            }
            let came = super::compare::Came {
                deliveries: self
                    .receiver
                    .take()
                    .into_iter()
                    .map(|delivery| self.placeholders(delivery))
                    .collect(),
                patched: self.world.take_patched(),
                objects: self.world.objects(),
                annotation: &self.annotation,
            };
            if let Some(expected) = step.expectation() {
                let found = compare(expected, &came);
                differences.extend(
                    found
                        .into_iter()
                        .map(|line| format!("step {} ({} at {}): {line}", number + 1, step.op, step.at)),
                );
            }
        }
        self.pipeline.stop(Duration::ZERO).await;
        Ok(differences)
    }

    fn placeholders(&self, delivery: Value) -> Value {
        let text = delivery.to_string().replace(&self.receiver.host(), PLACEHOLDER);
        serde_json::from_str(&text).unwrap_or(delivery)
    }

    async fn act(&mut self, step: &Step) -> anyhow::Result<()> {
        match step.op.as_str() {
            "start" => {}
            "apply" => {
                let replace = step.get("replace").as_bool().unwrap_or_default();
                let object = step.get("object");
                self.world.apply(object.clone(), &self.annotation, replace).await;
                if let Some(companions) = &self.companions {
                    companions.apply(object.clone(), &self.annotation, replace).await;
                }
                self.runs.apply(object.clone(), &self.annotation, replace).await;
                self.set_tenant(object, false).await?;
            }
            "delete" => {
                let text = |name: &str| step.get("ref")[name].as_str().unwrap_or_default().to_owned();
                let kind = text("kind");
                if self.world.has(&kind) || kind.is_empty() {
                    self.world.delete(&text("namespace"), &text("name")).await;
                } else if let Some(world) = self.companions.as_ref().filter(|world| world.has(&kind)) {
                    world.delete(&text("namespace"), &text("name")).await;
                } else {
                    self.set_tenant(step.get("ref"), true).await?;
                }
            }
            "resync" => self.world.resync_all().await,
            "set_config" => self.set_config(step).await?,
            "receiver" => self.receiver.follow(step),
            "api" => self.world.forbid_patches(step.get("patch") == "forbidden"),
            "event" => self.event(step).await?,
            other => bail!("`{other}` is not there yet"),
        }
        Ok(())
    }

    /// The controller records an event; the object is the copy that it has in hand.
    async fn event(&mut self, step: &Step) -> anyhow::Result<()> {
        self.told += 1;
        let happening = Happening {
            object: Arc::new(Object::parse(step.get("object").to_string().into(), Numbers::Kubernetes)?),
            reason: step.get("reason").as_str().unwrap_or_default().to_owned(),
            warning: step.get("type") == "Warning",
            id: format!("trace-{}", self.told),
        };
        if !self.pipeline.happened(&self.binding, happening).await {
            bail!("the binding has no engine of events");
        }
        Ok(())
    }

    async fn set_config(&mut self, step: &Step) -> anyhow::Result<()> {
        let map = |name: &str| {
            serde_json::from_value::<Option<BTreeMap<String, String>>>(step.get(name).clone())
                .unwrap_or_default()
        };
        let (config, secret) = (map("config"), map("secret"));
        let new = settings(config.as_ref(), secret.as_ref(), &self.receiver);
        let removed = step.get("remove").to_string();
        let changed = self.settings.send_if_modified(|text| {
            let before = text.clone();
            if new.config_map.is_some() || removed.contains("ConfigMap") || removed.contains("\"config\"") {
                text.config_map = new.config_map;
            }
            if new.secret.is_some() || removed.contains("Secret") || removed.contains("\"secret\"") {
                text.secret = new.secret;
            }
            *text != before
        });
        self.wait_for_reload(changed).await
    }

    /// A ConfigMap or Secret of a namespace came, changed or went.
    async fn set_tenant(&mut self, object: &Value, delete: bool) -> anyhow::Result<()> {
        if !self.trace.self_service {
            return Ok(());
        }
        let (names, receiver) = (&self.names, &self.receiver);
        let changed = self.tenants.send_if_modified(|tenants| {
            let before = tenants.clone();
            set_tenant(tenants, names, object, delete, receiver) && *tenants != before
        });
        self.wait_for_reload(changed).await
    }

    async fn wait_for_reload(&mut self, changed: bool) -> anyhow::Result<()> {
        self.reloads += u64::from(changed);
        let lane = self.pipeline.lanes().get(&self.binding).context("no lane")?;
        let deadline = Instant::now() + PATIENCE;
        while lane.reloads() < self.reloads {
            if Instant::now() > deadline {
                bail!("the new configuration is not put in force");
            }
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Waits until nothing is left to do.
    async fn settle(&self) -> anyhow::Result<()> {
        let lane = self.pipeline.lanes().get(&self.binding).context("no lane")?;
        let deadline = Instant::now() + PATIENCE;
        let mut calm = 0;
        while calm < 3 {
            // On a busy machine the first step may be over before the pipeline has begun to listen.
            let is_idle =
                self.world.is_listed() && lane.is_idle(self.world.sent() + self.runs.sent() + self.told);
            calm = if is_idle { calm + 1 } else { 0 };
            if calm == 3 && self.world.deliver_own().await {
                calm = 0;
            }
            if Instant::now() > deadline {
                bail!("there is no end to it");
            }
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}
