//! One case: configuration, the binary, steps.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::case::{self, Case, Places, Step};
use crate::cluster::Cluster;
use crate::receiver::Receiver;

/// Longest wait for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// How long nothing must happen.
pub(crate) const QUIET: Duration = Duration::from_millis(600);

pub(crate) async fn run(folder: &Path, cluster: &dyn Cluster) -> anyhow::Result<()> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (receiver, address) = Receiver::start().await;
    let places = Places { receiver: address, namespace: format!("e2e-{name}-{}", std::process::id()) };
    let case = case::read(folder, &places)?;
    let catalogue = case.catalogue.as_ref().map(|path| Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    if let Some(path) = catalogue.as_ref().filter(|path| !path.exists()) {
        println!("e2e case {name}: not run, {} is not there", path.display());
        return Ok(());
    }
    cluster.namespace(&case.namespace).await?;
    for mut object in places.documents(&folder.join("config.yaml"))? {
        if let (Some(path), "ConfigMap") = (&catalogue, object["kind"].as_str().unwrap_or_default()) {
            let keys = places.documents(path)?.remove(0)["data"].take();
            keys.as_object().into_iter().flatten().for_each(|(key, text)| object["data"][key] = text.clone());
        }
        cluster.apply(&object).await?;
    }
    for kind in &case.late {
        cluster.uninstall(kind.split('.').next().unwrap_or_default()).await?;
    }
    let log = tempfile::NamedTempFile::new()?;
    let bindings = case.bindings.iter().map(|binding| {
        let file = folder.join(binding);
        if file.exists() { file.to_string_lossy().into_owned() } else { binding.clone() }
    });
    let mut dodona = start(cluster, &case.namespace, bindings, log.reopen()?)?;
    let result = play(&case, cluster, &receiver, &mut dodona).await;
    stop(dodona).await?;
    result.with_context(|| {
        format!("log of the controller:\n{}", std::fs::read_to_string(log.path()).unwrap_or_default())
    })
}

/// Starts the controller with its configuration in `namespace`; what it says goes into `log`.
pub(crate) fn start(
    cluster: &dyn Cluster,
    namespace: &str,
    bindings: impl Iterator<Item = String>,
    log: std::fs::File,
) -> anyhow::Result<Child> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dodona"));
    command.args(["controller", "--metrics-port", "0", "--loglevel", "debug", "--namespace", namespace]);
    command.arg("--kubeconfig").arg(cluster.kubeconfig());
    command.args(bindings.flat_map(|binding| ["--binding".to_owned(), binding]));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
    command.spawn().context("starting the controller")
}

/// Asks it to stop, as Kubernetes does, and wants it to do so in time and with status 0.
pub(crate) async fn stop(dodona: Child) -> anyhow::Result<()> {
    let status = terminate(dodona).await?;
    ensure!(status.success(), "the controller ended with {status}");
    Ok(())
}

/// Asks the process to end, as Kubernetes does, and waits for it.
pub(crate) async fn terminate(mut dodona: Child) -> anyhow::Result<ExitStatus> {
    let Some(id) = dodona.id() else { bail!("the controller ended by itself: {}", dodona.wait().await?) };
    Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
    Ok(tokio::time::timeout(PATIENCE, dodona.wait()).await.context("the controller does not stop")??)
}

async fn play(
    case: &Case,
    cluster: &dyn Cluster,
    receiver: &Receiver,
    dodona: &mut Child,
) -> anyhow::Result<()> {
    for kind in &case.late {
        sleep(QUIET).await;
        cluster.install(kind.split('.').next().unwrap_or_default()).await?;
    }
    for step in &case.steps {
        cluster.apply(&step.apply).await?;
        let outcome = expect(step, case, cluster, receiver).await;
        if let Some(status) = dodona.try_wait()? {
            bail!("step {}: the controller ended with {status}", step.file);
        }
        outcome.with_context(|| format!("step {}", step.file))?;
    }
    Ok(())
}

async fn expect(step: &Step, case: &Case, cluster: &dyn Cluster, receiver: &Receiver) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    receiver.expect(&step.requests).await?;
    for (name, wanted) in &step.state {
        state(step, case, cluster, name, wanted, deadline).await?;
    }
    Ok(())
}

async fn state(
    step: &Step,
    case: &Case,
    cluster: &dyn Cluster,
    name: &str,
    wanted: &Value,
    deadline: Instant,
) -> anyhow::Result<()> {
    let mut object = step.apply.clone();
    object["metadata"]["name"] = name.into();
    object["metadata"]["namespace"] = case.namespace.as_str().into();
    loop {
        let now = cluster.get(&object).await?;
        let text =
            now["metadata"]["annotations"]["notified.notifications.argoproj.io"].as_str().map(str::to_owned);
        let keys: Option<Vec<String>> = match &text {
            None => None,
            Some(text) => {
                Some(serde_json::from_str::<serde_json::Map<String, Value>>(text)?.keys().cloned().collect())
            }
        };
        if serde_json::to_value(&keys)? == *wanted {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the state annotation of {name} is {text:?}, and not {wanted}");
        }
        sleep(Duration::from_millis(50)).await;
    }
}
