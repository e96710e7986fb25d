//! Installations as users make them (`e2e/installs/README.md`): built and applied with kubectl, run with what the manifest says,
//! and with nothing but its ServiceAccount's token; then with each permission taken away.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::process::Child;
use tokio::time::sleep;

use crate::case::Places;
use crate::cluster::{Cluster, KINDS, Real, kubeconfig};
use crate::guides::Server as OwnServer;
use crate::kubectl::Kubectl;
use crate::pod::{Pod, documents, has_dodona, list, text};
use crate::receiver::Receiver;
use crate::run::{PATIENCE, stop};

/// An installation at work.
struct Install<'c> {
    cluster: &'c Real,
    kubectl: Kubectl,
    namespace: String,
    /// What kustomize built.
    manifests: Vec<Value>,
    pod: Pod,
}

impl<'c> Install<'c> {
    /// Builds the installation of `folder` into a namespace of its own, and applies it.
    fn apply(cluster: &'c Real, folder: &Path, name: &str) -> anyhow::Result<Self> {
        let kubectl = Kubectl::beside(&cluster.kubeconfig());
        let namespace = format!("install-{name}-{}", std::process::id());
        namespace_for(&kubectl, &namespace)?;
        // The same in another namespace: a kustomization around it, beside the folder because it must be named relatively.
        let around =
            tempfile::Builder::new().prefix(".run-").tempdir_in(folder.parent().context("no parent")?)?;
        let text = format!("namespace: {namespace}\nresources: [../{name}]\n");
        std::fs::write(around.path().join("kustomization.yaml"), text)?;
        let (built, told) = kubectl.run(&["kustomize", &around.path().to_string_lossy()], "")?;
        ensure!(told.is_empty(), "kubectl kustomize: {told}");
        let manifests = documents(&built)?;
        for manifest in &manifests {
            kubectl.apply(manifest)?;
        }
        let template = manifests.iter().find(|one| has_dodona(one)).map(|one| &one["spec"]["template"]);
        let template = template.context("no Deployment with a container `dodona`")?;
        pod_is_admitted(&kubectl, &namespace, template)?;
        let pod = Pod::new(kubectl.clone(), &namespace, template["spec"].clone())?;
        Ok(Self { cluster, kubectl, namespace, manifests, pod })
    }

    fn start(&self, log: std::fs::File) -> anyhow::Result<Child> {
        self.pod.start(log, 0, &[])
    }

    /// Every permission of the roles: the index of the manifest, group, resource, verb.
    fn permissions(&self) -> Vec<(usize, usize, String, String)> {
        let mut all = Vec::new();
        for (at, role) in self.manifests.iter().enumerate() {
            for (number, rule) in list(&role["rules"]).enumerate() {
                for resource in list(&rule["resources"]) {
                    all.extend(list(&rule["verbs"]).map(|verb| (at, number, text(resource), text(verb))));
                }
            }
        }
        all
    }

    /// The role without `verb` on `resource`.
    fn role_without(&self, at: usize, rule: usize, resource: &str, verb: &str) -> Value {
        let mut changed = self.manifests[at].clone();
        let mut taken = changed["rules"][rule].clone();
        taken["resources"] = json!([resource]);
        taken["verbs"] = list(&taken["verbs"]).filter(|one| *one != verb).cloned().collect();
        let others: Value =
            list(&changed["rules"][rule]["resources"]).filter(|one| *one != resource).cloned().collect();
        changed["rules"][rule]["resources"] = others.clone();
        let rules = changed["rules"].as_array_mut();
        if let Some(rules) = rules {
            if others == json!([]) {
                rules.remove(rule);
            }
            if taken["verbs"] != json!([]) {
                rules.push(taken);
            }
        }
        changed
    }
}

/// Nobody makes pods of Deployments here: the server is asked whether it would take one.
fn pod_is_admitted(kubectl: &Kubectl, namespace: &str, template: &Value) -> anyhow::Result<()> {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "dodona", "namespace": namespace, "labels": template["metadata"]["labels"]},
        "spec": template["spec"],
    });
    let (_, told) =
        kubectl.run(&["create", "--dry-run=server", "--validate=strict", "-f", "-"], &pod.to_string())?;
    ensure!(!told.contains("Warning"), "the pod: {told}");
    Ok(())
}

/// Which permissions are taken away.
#[derive(Clone, Copy, PartialEq)]
enum Server {
    /// It streams lists, as servers from 1.32 on do: nobody asks for `list` but where there is no watch.
    Streaming,
    /// It does not: `list` is taken away, and nothing else once more.
    Listing,
}

/// A run of an installation.
struct Run<'c> {
    install: Install<'c>,
    case: Value,
    objects: Vec<Value>,
}

impl<'c> Run<'c> {
    async fn prepare(cluster: &'c Real, folder: &Path, receiver: String) -> anyhow::Result<Self> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let nowhere = Places { receiver: String::new(), namespace: String::new() };
        let case = nowhere.documents(&folder.join("case.yaml"))?.remove(0);
        for definition in list(&case["definitions"]) {
            cluster.install(&text(definition)).await?;
        }
        let install = Install::apply(cluster, folder, &name)?;
        for (name, replicas) in case["replicas"].as_object().into_iter().flatten() {
            let found = install
                .manifests
                .iter()
                .find(|one| one["kind"] == "Deployment" && one["metadata"]["name"] == *name);
            ensure!(
                found.is_some_and(|one| one["spec"]["replicas"] == *replicas),
                "{name} has not {replicas} replicas"
            );
        }
        let places = Places { receiver, namespace: install.namespace.clone() };
        let objects = places.documents(&folder.join("objects.yaml"))?;
        for object in &objects {
            if KINDS.iter().any(|row| object["kind"] == row.2) {
                cluster.apply(object).await?;
            } else {
                install.kubectl.apply(object)?;
            }
        }
        Ok(Self { install, case, objects })
    }

    /// Starts the controller; once it runs, the Rollouts controller records the case's Events.
    async fn start(&self, log: &tempfile::NamedTempFile) -> anyhow::Result<Child> {
        let dodona = self.install.start(log.reopen()?)?;
        let deadline = Instant::now() + PATIENCE;
        let runs =
            || std::fs::read_to_string(log.path()).is_ok_and(|said| said.contains("Controller is running."));
        while !runs() && Instant::now() < deadline {
            sleep(Duration::from_millis(20)).await;
        }
        for event in list(&self.case["events"]) {
            self.record(event).await?;
        }
        Ok(dodona)
    }

    async fn record(&self, event: &Value) -> anyhow::Result<()> {
        let namespace = &self.install.namespace;
        let mut about = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"});
        about["metadata"] = json!({"name": event["rollout"], "namespace": namespace});
        let about = self.install.cluster.get(&about).await?;
        // Events have whole seconds; one from before the first start would not be told.
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(1);
        let name = format!("{}.{}", text(&event["rollout"]), now.as_nanosecond());
        let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        self.install.cluster.apply(&json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": event["rollout"], "namespace": namespace,
                "uid": about["metadata"]["uid"], "resourceVersion": about["metadata"]["resourceVersion"],
            },
            "reason": event["reason"], "message": "recorded by the test", "type": "Normal", "count": 1,
            "firstTimestamp": now, "lastTimestamp": now, "source": {"component": "rollouts-controller"},
        })).await
    }

    /// Takes one permission away: the log names it.
    async fn without(&self, at: usize, rule: usize, resource: &str, verb: &str) -> anyhow::Result<()> {
        let install = &self.install;
        let changed = install.role_without(at, rule, resource, verb);
        install.kubectl.run(&["replace", "-f", "-"], &changed.to_string())?;
        self.forget().await?;
        let log = tempfile::NamedTempFile::new()?;
        let dodona = self.start(&log).await?;
        let deadline = Instant::now() + PATIENCE;
        let named = |line: &str| {
            let line = line.to_lowercase();
            let bad = ["\"error\"", "\"warning\"", "\"warn\""].iter().any(|level| line.contains(level));
            // One that stops it says so as every command does.
            bad || line.starts_with("dodona: ")
        };
        let says = |said: &str| {
            said.lines().any(|line| named(line) && line.contains(resource) && line.contains(verb))
        };
        let mut said = String::new();
        while !says(&said) && Instant::now() < deadline {
            sleep(Duration::from_millis(50)).await;
            said = std::fs::read_to_string(log.path())?;
        }
        drop(stop(dodona).await);
        install.kubectl.run(&["replace", "-f", "-"], &install.manifests[at].to_string())?;
        ensure!(says(&said), "without {verb} on {resource} the log names nothing of it:\n{said}");
        Ok(())
    }

    /// Everything is to be told anew.
    async fn forget(&self) -> anyhow::Result<()> {
        for object in self.objects.iter().filter(|object| !object["status"].is_null()) {
            let mut forgotten = object.clone();
            forgotten["metadata"]["annotations"]["notified.notifications.argoproj.io"] = Value::Null;
            self.install.cluster.apply(&forgotten).await?;
        }
        let notebook = ["delete", "configmap", "dodona-rollout-events", "--ignore-not-found", "--namespace"];
        self.install.kubectl.run(&[&notebook[..], &[&self.install.namespace]].concat(), "").map(drop)
    }
}

/// Applies the installation of `folder` and sees its notifications; then takes permissions away, and returns how many.
async fn run(cluster: &Real, server: Server, folder: &Path) -> anyhow::Result<usize> {
    let (receiver, address) = Receiver::start().await;
    let run = Run::prepare(cluster, folder, address).await?;
    let log = tempfile::NamedTempFile::new()?;
    let said = || std::fs::read_to_string(log.path()).unwrap_or_default();
    let dodona = run.start(&log).await?;
    let wanted: Vec<Value> = list(&run.case["requests"]).cloned().collect();
    let outcome = receiver.expect(&wanted).await;
    stop(dodona).await?;
    outcome.with_context(|| format!("log of the controller:\n{}", said()))?;
    ensure!(!said().contains("forbidden"), "something is forbidden:\n{}", said());
    let roles: Vec<String> = list(&run.case["without"]).map(text).collect();
    let mut permissions = 0;
    for (at, rule, resource, verb) in run.install.permissions() {
        let manifest = &run.install.manifests[at];
        let role = text(&manifest["metadata"]["name"]);
        let named = format!("{role}/{resource}/{verb}");
        let wanted = roles.contains(&role) && run.case["spared"][&named].is_null();
        if wanted && (verb == "list") == (server == Server::Listing) {
            let outcome = run.without(at, rule, &resource, &verb).await;
            outcome.with_context(|| format!("{} {role}", text(&manifest["kind"])))?;
            permissions += 1;
        }
    }
    Ok(permissions)
}

async fn run_all(cluster: &Real, server: Server) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/installs");
    let mut failures = Vec::new();
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.join("case.yaml").exists()).collect();
    folders.sort();
    let mut permissions = 0;
    let count = folders.len();
    for entry in folders {
        match run(cluster, server, &entry).await {
            Ok(count) => {
                println!(
                    "installation {}: told; {count} permissions, each needed and named",
                    entry.display()
                );
                permissions += count;
            }
            Err(error) => failures.push(format!("{}: {error:#}", entry.display())),
        }
    }
    let what = if server == Server::Streaming { "streams lists" } else { "streams no lists" };
    println!(
        "installations on a server that {what}: {} passed, {} failed",
        count - failures.len(),
        failures.len()
    );
    println!("permissions taken away on a server that {what}: {permissions} passed, 0 failed");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_installations_on_a_real_api_server() {
    let Some(kubeconfig) = kubeconfig("installations") else { return };
    run_all(&Real::connect(&kubeconfig).await, Server::Streaming).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_installations_without_streaming_lists_on_a_real_api_server() {
    let Some(kubeconfig) = kubeconfig("installations without streaming lists") else { return };
    if !OwnServer::possible(&kubeconfig) {
        println!("installations without streaming lists: not run, because they want a server of their own");
        return;
    }
    let own = OwnServer::start(&["--feature-gates=WatchList=false"]).unwrap();
    run_all(&Real::connect(&own.kubeconfig).await, Server::Listing).await;
}

/// Every overlay with every component, applied with strict validation, where a warning is a failure and so is a pod that the
/// restricted standard would not admit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_overlay_with_every_component_on_a_real_api_server() {
    let Some(kubeconfig) = kubeconfig("overlays and components") else { return };
    if !OwnServer::possible(&kubeconfig) {
        println!(
            "overlays and components: not run, because their roles would replace those of a cluster in use"
        );
        return;
    }
    let own = OwnServer::start(&[]).unwrap();
    let cluster = Real::connect(&own.kubeconfig).await;
    for plural in ["servicemonitors", "prometheusrules"] {
        cluster.install(plural).await.unwrap();
    }
    let kubectl = Kubectl::beside(&cluster.kubeconfig());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("kustomize");
    let mut all = Vec::new();
    kustomizations(&root, &mut all);
    let (components, overlays): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|folder| folder.starts_with(root.join("components")));
    assert!(overlays.len() > 3 && components.len() > 5, "the test looks in the wrong place");
    let mut failures = Vec::new();
    let mut passed = 0;
    for overlay in &overlays {
        let alone = [None];
        for component in alone.into_iter().chain(components.iter().map(Some)) {
            match apply_build(&kubectl, overlay, component) {
                Ok(()) => passed += 1,
                Err(error) => failures.push(format!("{} with {component:?}: {error:#}", overlay.display())),
            }
        }
    }
    println!("overlays with components: {passed} passed, {} failed", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// The folders below `folder` that have a kustomization.
fn kustomizations(folder: &Path, into: &mut Vec<PathBuf>) {
    if folder.join("kustomization.yaml").exists() {
        into.push(folder.to_owned());
    }
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    for folder in &folders {
        kustomizations(folder, into);
    }
}

/// Builds an overlay with a component, in a namespace of its own beside a controller of Argo Rollouts, and applies it.
fn apply_build(kubectl: &Kubectl, overlay: &Path, component: Option<&PathBuf>) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let around = tempfile::Builder::new().prefix(".run-").tempdir_in(root.join("e2e/installs"))?;
    let name = around.path().file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let namespace = format!("build{}-{}", name.replace(".run", ""), std::process::id());
    namespace_for(kubectl, &namespace)?;
    let from = |path: &Path| format!("../../../{}", path.strip_prefix(root).unwrap_or(path).display());
    let mut text = format!("namespace: {namespace}\nresources: [{}]\n", from(overlay));
    if let Some(component) = component {
        if component.ends_with("rollouts-sidecar") {
            let controller = root.join("e2e/installs/rollouts-sidecar/controller.yaml");
            std::fs::copy(controller, around.path().join("controller.yaml"))?;
            text = text.replace("]\n", ", controller.yaml]\n");
        }
        text = format!("{text}components: [{}]\n", from(component));
    }
    std::fs::write(around.path().join("kustomization.yaml"), text)?;
    let (built, told) = kubectl.run(&["kustomize", &around.path().to_string_lossy()], "")?;
    ensure!(told.is_empty(), "kubectl kustomize: {told}");
    kubectl.apply_all(&built)?;
    for manifest in documents(&built)? {
        if has_dodona(&manifest) {
            pod_is_admitted(kubectl, &namespace, &manifest["spec"]["template"])?;
        }
    }
    Ok(())
}

/// A namespace under the restricted Pod Security Standard.
fn namespace_for(kubectl: &Kubectl, name: &str) -> anyhow::Result<()> {
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"});
    kubectl.apply(
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}),
    )
}
