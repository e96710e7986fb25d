//! A cluster for one guide: an API server of its own, what is there before the reader begins, and what happens meanwhile.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::internet;
use super::kubelet::Kubelet;
use crate::case::Places;
use crate::cluster::definition;
use crate::kubectl::Kubectl;
use crate::pod::{list, text};
use crate::receiver::Receiver;
use crate::run::{PATIENCE, QUIET};

/// An API server started for one purpose, stopped when it is dropped.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    pub(crate) kubeconfig: PathBuf,
}

impl Server {
    /// Whether the tests may start servers of their own: where the one that they were given is such a one.
    pub(crate) fn possible(kubeconfig: &Path) -> bool {
        kubeconfig.with_file_name("kubectl").exists()
    }

    /// Starts one with these flags of kube-apiserver.
    pub(crate) fn start(flags: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let output = control("up.sh", folder.path(), flags)?;
        Ok(Self { folder, kubeconfig: PathBuf::from(output.trim()) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What it leaves is a folder of the system's temporary ones.
        drop(control("down.sh", self.folder.path(), &[]));
    }
}

fn control(script: &str, folder: &Path, flags: &[&str]) -> anyhow::Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/control-plane").join(script);
    let output = Command::new("bash").arg(&script).arg(folder).args(flags).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {told}", script.display());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Applies a custom resource definition and waits until its kind is served.
async fn define(kubectl: &Kubectl, file: &Path) -> anyhow::Result<()> {
    kubectl.run(&["apply", "--server-side", "-f", &file.to_string_lossy()], "")?;
    let definition = World::documents(file)?.remove(0);
    let spec = &definition["spec"];
    let path = format!(
        "/apis/{}/{}/{}",
        text(&spec["group"]),
        text(&spec["versions"][0]["name"]),
        text(&spec["names"]["plural"])
    );
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = kubectl.run(&["get", "--raw", &path], "") {
        ensure!(Instant::now() < deadline, "{path} is not served: {error:#}");
        sleep(QUIET / 10).await;
    }
    Ok(())
}

/// The cluster of a guide.
pub(crate) struct World {
    // Dropped in this order: the pods before their server.
    pub(crate) kubelet: Kubelet,
    receiver: Receiver,
    kubectl: Kubectl,
    pub(crate) server: Server,
    folder: PathBuf,
    case: Value,
    _certificates: tempfile::TempDir,
}

impl World {
    /// The cluster that `e2e/guides/NAME` describes.
    pub(crate) async fn start(name: &str) -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/guides").join(name);
        let case = Self::documents(&folder.join("case.yaml"))?.remove(0);
        let server = Server::start(&[])?;
        let kubectl = Kubectl::beside(&server.kubeconfig);
        for plural in list(&case["definitions"]) {
            define(&kubectl, &definition(&text(plural))).await?;
        }
        let (receiver, address) = Receiver::start().await;
        let names: Vec<String> = list(&case["hosts"]).map(text).collect();
        let certificates = tempfile::tempdir()?;
        let variables = internet::start(&names, address, certificates.path()).await?;
        let kubelet = Kubelet::start(kubectl.clone(), variables).await?;
        let mut world =
            Self { kubelet, receiver, kubectl, server, folder, case, _certificates: certificates };
        for file in list(&world.case["objects"]) {
            world.apply(&world.folder.join(text(file)))?;
        }
        if let Some(overlay) = world.case["install"].as_str() {
            let overlay = Path::new(env!("CARGO_MANIFEST_DIR")).join(overlay);
            world.kubectl.run(&["apply", "-k", &overlay.to_string_lossy()], "")?;
        }
        world.kubelet.settle().await?;
        Ok(world)
    }

    fn documents(path: &Path) -> anyhow::Result<Vec<Value>> {
        Places { receiver: String::new(), namespace: String::new() }.documents(path)
    }

    /// Applies what others than the reader do: Argo's controllers and administrators.
    fn apply(&self, path: &Path) -> anyhow::Result<()> {
        // A later file takes nothing away that an earlier one has set.
        let manager = format!("--field-manager={}", path.file_stem().unwrap_or_default().display());
        for object in Self::documents(path)? {
            let apply = ["apply", "--server-side", "--force-conflicts", &manager, "-f", "-"];
            self.kubectl
                .run(&apply, &object.to_string())
                .with_context(|| format!("applying {}", path.display()))?;
            if !object["status"].is_null() {
                let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
                let namespace = text(&object["metadata"]["namespace"]);
                let status = json!({"status": object["status"]}).to_string();
                let change =
                    ["patch", &kind, &name, "--namespace", &namespace, "--type=merge", "-p", &status];
                // A kind without the subresource has taken it with the object itself.
                drop(self.kubectl.run(&[&change[..], &["--subresource=status"]].concat(), ""));
            }
        }
        Ok(())
    }

    /// A folder with files that the reader has, if the case has one.
    pub(crate) fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    /// What happens at a mark `then NAME`; returns the number of messages that arrived as they ought to.
    pub(crate) async fn then(&mut self, name: &str) -> anyhow::Result<usize> {
        let step = self.case["steps"][name].clone();
        ensure!(!step.is_null(), "{} has no step `{name}`", self.folder.join("case.yaml").display());
        if let Some(file) = step["apply"].as_str() {
            self.apply(&self.folder.join(file))?;
        }
        self.kubelet.settle().await?;
        let requests: Vec<Value> = list(&step["requests"]).cloned().collect();
        self.receiver.expect(&requests).await.with_context(|| format!("after `{name}`"))?;
        for (what, wanted) in step["told"].as_object().into_iter().flatten() {
            self.told(what, wanted).await?;
        }
        for (what, wanted) in step["replicas"].as_object().into_iter().flatten() {
            let (namespace, name) = what.split_once('/').context("`replicas` wants NAMESPACE/NAME")?;
            let get =
                ["get", "deployment", name, "--namespace", namespace, "-o", "jsonpath={.spec.replicas}"];
            let (found, _) = self.kubectl.run(&get, "")?;
            ensure!(wanted.as_u64() == found.parse().ok(), "{what} has {found} replicas and not {wanted}");
        }
        Ok(requests.len())
    }

    /// Waits until the state annotation of `KIND/NAMESPACE/NAME` has exactly these keys.
    async fn told(&self, what: &str, wanted: &Value) -> anyhow::Result<()> {
        let [kind, namespace, name] = what.split('/').collect::<Vec<_>>()[..] else {
            bail!("`told` wants KIND/NAMESPACE/NAME and not {what}")
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (object, _) =
                self.kubectl.run(&["get", kind, name, "--namespace", namespace, "-o", "json"], "")?;
            let object: Value = serde_json::from_str(&object)?;
            let state = text(&object["metadata"]["annotations"]["notified.notifications.argoproj.io"]);
            let keys: Vec<String> = serde_json::from_str::<serde_json::Map<String, Value>>(&state)
                .map(|state| state.keys().cloned().collect())
                .unwrap_or_default();
            if json!(keys) == *wanted {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{what} was told {keys:?} and not {wanted}");
            sleep(QUIET / 10).await;
        }
    }

    /// Nothing may have come that no step expected, and the pods end as they are asked to.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        let outcome = self.receiver.expect(&[]).await.context("at the end of the page");
        self.kubelet.end_all().await?;
        outcome
    }
}
