//! What a cluster has beside its API server, played: Deployments have a status, a Deployment with Dodona in it has a pod, the
//! pod runs the binary, and the node serves its log to `kubectl logs`. Other Deployments (stand-ins for what Argo ships) run
//! nothing. Everything happens between two commands of the reader, so that nothing depends on luck.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::time::sleep;

use super::internet;
use crate::kubectl::Kubectl;
use crate::pod::{Pod, has_dodona, list, text};
use crate::run::{PATIENCE, QUIET, stop};

/// Logs of pods by namespace and name.
type Logs = Arc<Mutex<BTreeMap<String, PathBuf>>>;

/// The node.
pub(crate) struct Kubelet {
    kubectl: Kubectl,
    /// What the machine adds to the variables of each pod.
    variables: Vec<(String, String)>,
    running: BTreeMap<String, Running>,
    logs: Logs,
    folder: tempfile::TempDir,
    started: usize,
}

/// A pod of Dodona at work.
struct Running {
    /// Which Deployment, and which version of its template.
    made_from: Value,
    namespace: String,
    name: String,
    pod: Pod,
    child: Child,
    log: PathBuf,
    port: u16,
}

impl Kubelet {
    /// Makes the node known to the API server.
    pub(crate) async fn start(kubectl: Kubectl, variables: Vec<(String, String)>) -> anyhow::Result<Self> {
        let logs = Logs::default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let router = Router::new()
            .route("/containerLogs/{namespace}/{pod}/{container}", get(log))
            .with_state(Arc::clone(&logs));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let port = internet::front(address).await?;
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node"}});
        kubectl.run(&["create", "-f", "-"], &node.to_string())?;
        let status = json!({"status": {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }});
        kubectl.run(&["patch", "node", "node", "--subresource", "status", "-p", &status.to_string()], "")?;
        let folder = tempfile::tempdir()?;
        Ok(Self { kubectl, variables, running: BTreeMap::new(), logs, folder, started: 0 })
    }

    /// Does what is to be done after a change: stops, starts, and says how it stands.
    pub(crate) async fn settle(&mut self) -> anyhow::Result<()> {
        let (all, _) = self.kubectl.run(&["get", "deployments", "--all-namespaces", "-o", "json"], "")?;
        let all: Value = serde_json::from_str(&all)?;
        let mut wanted = BTreeMap::new();
        for deployment in list(&all["items"]) {
            let meta = &deployment["metadata"];
            if has_dodona(deployment) && deployment["spec"]["replicas"] != 0 {
                wanted.insert(format!("{}/{}", text(&meta["namespace"]), text(&meta["name"])), deployment);
            }
        }
        let ends = |key: &String, one: &Running| {
            wanted.get(key).is_none_or(|deployment| made_from(deployment) != one.made_from)
        };
        let ended: Vec<String> =
            self.running.iter().filter(|(key, one)| ends(key, one)).map(|(key, _)| key.clone()).collect();
        for key in ended {
            self.end(&key).await?;
        }
        for (key, deployment) in &wanted {
            if !self.running.contains_key(key) {
                let running = self.begin(deployment)?;
                self.running.insert(key.clone(), running);
            }
        }
        for deployment in list(&all["items"]) {
            self.report(deployment).await?;
        }
        Ok(())
    }

    fn begin(&mut self, deployment: &Value) -> anyhow::Result<Running> {
        self.started += 1;
        let (namespace, of) =
            (text(&deployment["metadata"]["namespace"]), text(&deployment["metadata"]["name"]));
        let name = format!("{of}-{}", self.started);
        let template = &deployment["spec"]["template"];
        let mut spec = template["spec"].clone();
        let pod = Pod::new(self.kubectl.clone(), &namespace, spec.clone())?;
        spec["nodeName"] = "node".into();
        let labels = &template["metadata"]["labels"];
        let object = json!({"apiVersion": "v1", "kind": "Pod", "spec": spec,
            "metadata": {"name": name, "namespace": namespace, "labels": labels}});
        self.kubectl.run(&["create", "-f", "-"], &object.to_string())?;
        let log = self.folder.path().join(format!("{name}.log"));
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = pod.start(std::fs::File::create(&log)?, port, &self.variables)?;
        self.logs.lock().unwrap().insert(format!("{namespace}/{name}"), log.clone());
        Ok(Running { made_from: made_from(deployment), namespace, name, pod, child, log, port })
    }

    async fn end(&mut self, key: &str) -> anyhow::Result<()> {
        let Some(mut one) = self.running.remove(key) else { return Ok(()) };
        // One that ended by itself needs no asking.
        if one.child.try_wait()?.is_none() {
            stop(one.child).await?;
        }
        self.logs.lock().unwrap().remove(&format!("{}/{}", one.namespace, one.name));
        let delete =
            ["delete", "pod", &one.name, "--namespace", &one.namespace, "--grace-period=0", "--force"];
        self.kubectl.run(&delete, "")?;
        Ok(())
    }

    /// Writes the status of a Deployment, and of its pod once it is known.
    async fn report(&mut self, deployment: &Value) -> anyhow::Result<()> {
        let meta = &deployment["metadata"];
        let (namespace, name) = (text(&meta["namespace"]), text(&meta["name"]));
        let wanted = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
        let ready = match self.running.get_mut(&format!("{namespace}/{name}")) {
            Some(one) => {
                let ready = one.ready(&self.variables).await?;
                let state = json!({"phase": "Running", "podIP": "127.0.0.1",
                    "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
                    "containerStatuses": [{"name": "dodona", "ready": ready, "restartCount": 0, "image": "dodona",
                        "imageID": "", "state": {"running": {}}}]});
                patch_status(&self.kubectl, "pod", &namespace, &one.name, &state)?;
                if ready { wanted } else { 0 }
            }
            None => wanted,
        };
        let state = json!({"observedGeneration": meta["generation"], "replicas": wanted, "updatedReplicas": wanted,
            "readyReplicas": ready, "availableReplicas": ready, "unavailableReplicas": wanted - ready});
        patch_status(&self.kubectl, "deployment", &namespace, &name, &state)
    }

    /// Ends everything.
    pub(crate) async fn end_all(&mut self) -> anyhow::Result<()> {
        for key in self.running.keys().cloned().collect::<Vec<_>>() {
            self.end(&key).await?;
        }
        Ok(())
    }

    /// Everything that Dodona's pods have said, for messages about failures.
    pub(crate) fn said(&self) -> String {
        let mut logs: Vec<_> = std::fs::read_dir(self.folder.path()).unwrap().collect();
        logs.sort_by_key(|entry| entry.as_ref().unwrap().file_name());
        let mut said = String::new();
        for entry in logs.iter().flatten() {
            said.push_str(&entry.file_name().to_string_lossy());
            said.push('\n');
            said.push_str(&std::fs::read_to_string(entry.path()).unwrap_or_default());
        }
        said
    }
}

impl Running {
    /// Waits for its readiness probe; one that has ended is started once more, as a kubelet would, and is not ready.
    async fn ready(&mut self, variables: &[(String, String)]) -> anyhow::Result<bool> {
        if self.child.try_wait()?.is_some() {
            let log = std::fs::File::options().append(true).open(&self.log)?;
            self.child = self.pod.start(log, self.port, variables)?;
        }
        let deadline = Instant::now() + PATIENCE;
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        while Instant::now() < deadline && self.child.try_wait()?.is_none() {
            let answer = client.get(format!("http://127.0.0.1:{}/readyz", self.port)).send().await;
            if answer.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return Ok(true);
            }
            sleep(QUIET / 20).await;
        }
        Ok(false)
    }
}

fn patch_status(
    kubectl: &Kubectl,
    kind: &str,
    namespace: &str,
    name: &str,
    status: &Value,
) -> anyhow::Result<()> {
    let status = json!({"status": status}).to_string();
    let command = ["patch", kind, name, "--namespace", namespace, "--subresource=status", "-p", &status];
    kubectl.run(&command, "").map(drop)
}

fn made_from(deployment: &Value) -> Value {
    json!([deployment["metadata"]["uid"], deployment["spec"]["template"]])
}

/// What `kubectl logs` asks a kubelet for.
async fn log(
    State(logs): State<Logs>,
    Path((namespace, pod, _)): Path<(String, String, String)>,
) -> Result<String, StatusCode> {
    let path = logs.lock().unwrap().get(&format!("{namespace}/{pod}")).cloned();
    let path = path.ok_or(StatusCode::NOT_FOUND)?;
    std::fs::read_to_string(path).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
