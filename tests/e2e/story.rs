//! Many syncs, played by a scripted controller: what must be told is told, whatever receivers and the process itself do.
//!
//! A sync writes an Application three times: running, ended, and looked at again. Each phase has to be told once for each
//! revision. A rollout is told by the Event that its controller writes. `run.rs` plays single cases; here it is about their
//! number and their order in time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::process::Child;
use tokio::time::sleep;

use crate::cluster::{Cluster, Fake, Real, kubeconfig};
use crate::receiver::Receiver;
use crate::run::{PATIENCE, start, terminate};

/// Applications that sync side by side.
const APPLICATIONS: usize = 10;
/// Syncs of each.
const ROUNDS: usize = 5;
/// Rollouts, each completed once.
const ROLLOUTS: usize = 20;
/// How often the process is started anew.
const RESTARTS: usize = 10;

/// A controller's world: one namespace with its configuration, a receiver, and the process.
struct Story<'c> {
    cluster: &'c dyn Cluster,
    namespace: String,
    receiver: Receiver,
    log: tempfile::NamedTempFile,
    dodona: Option<Child>,
    /// Bytes of the log that are of earlier processes.
    earlier: usize,
    /// Milliseconds of the story at which the process was killed.
    killed: Vec<Duration>,
    began: Instant,
}

impl<'c> Story<'c> {
    async fn new(cluster: &'c dyn Cluster, name: &str, hangs: Duration) -> anyhow::Result<Self> {
        let (receiver, address) = Receiver::hanging(hangs).await;
        let namespace = format!("story-{name}-{}", std::process::id());
        cluster.namespace(&namespace).await?;
        cluster.apply(&configuration(&namespace, &address)).await?;
        cluster.apply(&rollouts_configuration(&namespace, &address)).await?;
        for number in 0..ROLLOUTS {
            cluster.apply(&rollout(&namespace, number)).await?;
        }
        let log = tempfile::NamedTempFile::new()?;
        Ok(Self {
            cluster,
            namespace,
            receiver,
            log,
            dodona: None,
            earlier: 0,
            killed: Vec::new(),
            began: Instant::now(),
        })
    }

    fn start(&mut self) -> anyhow::Result<()> {
        self.earlier = self.log().len();
        let log = std::fs::OpenOptions::new().append(true).open(self.log.path())?;
        self.dodona = Some(start(
            self.cluster,
            &self.namespace,
            ["app", "rollout"].map(str::to_owned).into_iter(),
            log,
        )?);
        Ok(())
    }

    /// Starts, and waits until changes are seen: nobody can tell what came and went before.
    async fn start_and_wait(&mut self) -> anyhow::Result<()> {
        self.start()?;
        self.cluster.apply(&application_of(&self.namespace, APPLICATIONS, &running(0))).await?;
        self.arrived(&[told_of(APPLICATIONS, 0, "Running")]).await;
        let first = self.receiver.take();
        ensure!(first.len() == 1, "told at the start: {first:?}\n{}", self.log());
        Ok(())
    }

    /// Waits for messages, but not for ever.
    async fn arrived(&self, bodies: &[String]) {
        arrived(&self.receiver, bodies).await;
    }

    /// Whether the process has come to its work.
    fn runs(&self) -> bool {
        self.log().get(self.earlier..).is_some_and(|said| said.contains("Controller is running."))
    }

    /// Ends the process: as Kubernetes does, or without a word.
    async fn end(&mut self, asked: bool) -> anyhow::Result<()> {
        let runs = self.runs();
        let Some(mut dodona) = self.dodona.take() else { return Ok(()) };
        if asked {
            let status = terminate(dodona).await?;
            // The signal itself ends a process that does not listen yet.
            ensure!(status.success() || !runs, "the controller ended with {status}");
            return Ok(());
        }
        self.killed.push(self.began.elapsed());
        dodona.kill().await.context("killing the controller")
    }

    /// One sync of an Application: its phases, each for `phase`.
    async fn sync(&self, application: usize, round: usize, phase: Duration) -> anyhow::Result<()> {
        for status in [running(round), succeeded(round)] {
            self.cluster.apply(&application_of(&self.namespace, application, &status)).await?;
            sleep(phase).await;
        }
        Ok(())
    }

    /// How often each message was told, once everything that is expected has arrived and what ought not to has had its time.
    async fn told(&self, expected: &[String]) -> BTreeMap<String, usize> {
        self.arrived(expected).await;
        sleep(Duration::from_secs(1)).await;
        let mut told = BTreeMap::new();
        for arrived in self.receiver.take() {
            *told.entry(arrived.body).or_default() += 1;
        }
        told
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap_or_default()
    }
}

async fn arrived(receiver: &Receiver, bodies: &[String]) {
    let deadline = Instant::now() + PATIENCE;
    while !bodies.iter().all(|body| receiver.has(body)) && Instant::now() < deadline {
        sleep(Duration::from_millis(50)).await;
    }
}

fn application_of(namespace: &str, number: usize, status: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": format!("app-{number}"), "namespace": namespace},
        "spec": {
            "project": "default", "destination": {"server": "https://kubernetes.default.svc"},
            "source": {"repoURL": "https://example.org/r.git", "path": "."},
        },
        "status": status,
    })
}

fn configuration(namespace: &str, receiver: &str) -> Value {
    let when = |phase: &str| {
        format!(
            "- when: app.status?.operationState.phase == '{phase}'\n  oncePer: app.status.operationState.syncResult.revision\n  send: [t]\n"
        )
    };
    let body = "{{.app.metadata.name}} {{.app.status.operationState.syncResult.revision}} {{.app.status.operationState.phase}}";
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "argocd-notifications-cm", "namespace": namespace},
        "data": {
            "service.webhook.sink": format!("url: http://{receiver}\n"),
            "template.t": format!("webhook:\n  sink:\n    method: POST\n    body: '{body}'\n"),
            "trigger.on-sync-running": when("Running"),
            "trigger.on-sync-succeeded": when("Succeeded"),
            "subscriptions": "- recipients: ['sink:']\n  triggers: [on-sync-running, on-sync-succeeded]\n",
        },
    })
}

fn rollouts_configuration(namespace: &str, receiver: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "argo-rollouts-notification-configmap", "namespace": namespace},
        "data": {
            "service.webhook.sink": format!("url: http://{receiver}\n"),
            "template.t": "webhook:\n  sink:\n    method: POST\n    body: '{{.rollout.metadata.name}} completed'\n",
            "trigger.on-rollout-completed": "- send: [t]\n",
            // Other tests use the same cluster.
            "subscriptions": format!("- recipients: ['sink:']\n  triggers: [on-rollout-completed]\n  selector: of={namespace}\n"),
        },
    })
}

fn rollout(namespace: &str, number: usize) -> Value {
    let labels = json!({"app": format!("rollout-{number}")});
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": format!("rollout-{number}"), "namespace": namespace, "labels": {"of": namespace}},
        "spec": {
            "selector": {"matchLabels": labels}, "strategy": {"canary": {}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "example.org/shop:1", "resources": {}}]}},
        },
        "status": {"phase": "Progressing"},
    })
}

/// The controller's Event about a rollout that is through.
async fn complete(cluster: &dyn Cluster, namespace: &str, number: usize) -> anyhow::Result<()> {
    let object = cluster.get(&rollout(namespace, number)).await?;
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let name = format!("rollout-{number}");
    let event = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": format!("{name}.completed"), "namespace": namespace},
        "involvedObject": {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": name, "namespace": namespace,
            "uid": object["metadata"]["uid"], "resourceVersion": object["metadata"]["resourceVersion"],
        },
        "reason": "RolloutCompleted", "message": "Rollout completed update to revision 2", "type": "Normal", "count": 1,
        "firstTimestamp": now, "lastTimestamp": now, "source": {"component": "rollouts-controller"},
    });
    cluster.apply(&event).await
}

/// A time of day on the day of the story, by round and part.
fn time(round: usize, second: usize) -> String {
    format!("2026-01-01T{round:02}:00:{second:02}Z")
}

fn operation(round: usize, phase: &str) -> Value {
    json!({
        "phase": phase, "startedAt": time(round, 1), "message": "",
        "operation": {"sync": {}},
        "syncResult": {"revision": format!("rev-{round}"), "source": {"repoURL": "https://example.org/r.git"}},
    })
}

fn running(round: usize) -> Value {
    json!({"operationState": operation(round, "Running"), "sync": {"status": "OutOfSync"}, "reconciledAt": time(round, 0)})
}

fn succeeded(round: usize) -> Value {
    let mut operation = operation(round, "Succeeded");
    operation["finishedAt"] = time(round, 2).into();
    json!({"operationState": operation, "sync": {"status": "Synced"}, "reconciledAt": time(round, 3)})
}

/// The message about a phase of a sync.
fn told_of(application: usize, round: usize, phase: &str) -> String {
    format!("app-{application} rev-{round} {phase}")
}

fn expected(applications: usize, rounds: usize) -> Vec<String> {
    let mut all = Vec::new();
    for application in 0..applications {
        for round in 0..rounds {
            all.extend(["Running", "Succeeded"].map(|phase| told_of(application, round, phase)));
        }
    }
    all.extend((0..ROLLOUTS).map(|number| format!("rollout-{number} completed")));
    all
}

/// A sync from start to success in 200 ms while the receiver hangs: both are told, in order.
async fn short_sync(cluster: &dyn Cluster) -> anyhow::Result<()> {
    let mut story = Story::new(cluster, "short", Duration::from_secs(2)).await?;
    story.start_and_wait().await?;
    story.sync(0, 0, Duration::from_millis(100)).await?;
    story.arrived(&["Running", "Succeeded"].map(|phase| told_of(0, 0, phase))).await;
    sleep(Duration::from_secs(3)).await;
    let bodies: Vec<String> = story.receiver.take().into_iter().map(|arrived| arrived.body).collect();
    ensure!(bodies == ["app-0 rev-0 Running", "app-0 rev-0 Succeeded"], "told: {bodies:?}\n{}", story.log());
    story.end(true).await
}

/// Every sync of every Application and every rollout is told exactly once.
async fn syncs(cluster: &dyn Cluster) -> anyhow::Result<()> {
    let mut story = Story::new(cluster, "syncs", Duration::ZERO).await?;
    story.start_and_wait().await?;
    for round in 0..ROUNDS {
        let all =
            (0..APPLICATIONS).map(|application| story.sync(application, round, Duration::from_millis(100)));
        futures::future::try_join_all(all).await?;
        for number in (0..ROLLOUTS).filter(|number| number % ROUNDS == round) {
            complete(cluster, &story.namespace, number).await?;
        }
    }
    let expected = expected(APPLICATIONS, ROUNDS);
    let told = story.told(&expected).await;
    let missing: Vec<_> = expected.iter().filter(|one| !told.contains_key(*one)).collect();
    let repeated: Vec<_> = told.iter().filter(|(_, count)| **count > 1).collect();
    ensure!(
        missing.is_empty() && repeated.is_empty(),
        "missing {missing:?}, repeated {repeated:?}\n{}",
        story.log()
    );
    println!(
        "e2e on {}: {} syncs and {ROLLOUTS} rollouts, {} notifications, each exactly once",
        cluster.name(),
        APPLICATIONS * ROUNDS,
        told.len()
    );
    story.end(true).await
}

/// The same, while the process ends and begins again; every second time it is killed. Everything is told, and what is told
/// twice was under way when the process was killed.
async fn restarts(cluster: &dyn Cluster) -> anyhow::Result<()> {
    const PHASE: Duration = Duration::from_millis(2500);
    let seed = u64::from(std::process::id());
    let mut random = fastrand::Rng::with_seed(seed);
    let mut story = Story::new(cluster, "restarts", Duration::ZERO).await?;
    story.start()?;
    let span = PHASE * 2 * u32::try_from(ROUNDS)?;
    let most = u64::try_from(span.as_millis())?;
    let mut moments: Vec<Duration> =
        (0..RESTARTS).map(|_| Duration::from_millis(random.u64(500..most))).collect();
    moments.sort_unstable();
    let (namespace, receiver) = (story.namespace.clone(), story.receiver.clone());
    let controller = play(cluster, &namespace, &receiver, PHASE);
    let reaper = async {
        let began = Instant::now();
        for (number, moment) in moments.iter().enumerate() {
            sleep(moment.saturating_sub(began.elapsed())).await;
            story.end(number % 2 == 0).await?;
            story.start()?;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(controller, reaper)?;
    let expected = expected(APPLICATIONS, ROUNDS);
    let told = story.told(&expected).await;
    let missing: Vec<_> = expected.iter().filter(|one| !told.contains_key(*one)).collect();
    ensure!(missing.is_empty(), "seed {seed}: missing {missing:?}\n{}", story.log());
    let repeated: Vec<_> = told.iter().filter(|(_, count)| **count > 1).map(|(body, _)| body).collect();
    ensure!(
        repeated.len() <= story.killed.len() * (APPLICATIONS + ROLLOUTS / ROUNDS),
        "seed {seed}: {} times killed, repeated {repeated:?}\n{}",
        story.killed.len(),
        story.log()
    );
    println!(
        "e2e on {}: {} notifications with {RESTARTS} restarts, each at least once; {} twice, delivered and not yet recorded when the process was killed ({} times, seed {seed}): {repeated:?}",
        cluster.name(),
        told.len(),
        repeated.len(),
        story.killed.len(),
    );
    story.end(true).await
}

/// The scripted controller of [`restarts`]. A phase lasts for `phase` and until it has been told: nobody can tell what came and
/// went while nobody was there.
async fn play(
    cluster: &dyn Cluster,
    namespace: &str,
    receiver: &Receiver,
    phase: Duration,
) -> anyhow::Result<()> {
    for round in 0..ROUNDS {
        for status in [running(round), succeeded(round)] {
            let began = Instant::now();
            for application in 0..APPLICATIONS {
                cluster.apply(&application_of(namespace, application, &status)).await?;
            }
            let name = status["operationState"]["phase"].as_str().unwrap_or_default();
            let bodies: Vec<String> = (0..APPLICATIONS).map(|number| told_of(number, round, name)).collect();
            arrived(receiver, &bodies).await;
            sleep(phase.saturating_sub(began.elapsed())).await;
        }
        for number in (0..ROLLOUTS).filter(|number| number % ROUNDS == round) {
            complete(cluster, namespace, number).await?;
        }
    }
    Ok(())
}

async fn all(cluster: &dyn Cluster) {
    short_sync(cluster).await.unwrap();
    syncs(cluster).await.unwrap();
    restarts(cluster).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stories_on_the_fake_api_server() {
    all(&Fake::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stories_on_a_real_api_server() {
    let Some(kubeconfig) = kubeconfig("stories") else { return };
    all(&Real::connect(&kubeconfig).await).await;
}
