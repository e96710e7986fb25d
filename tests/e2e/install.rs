//! Installations as users make them (`e2e/installs/README.md`): built and applied with kubectl, run with what the manifest says,
//! and with nothing but its ServiceAccount's token; then with each permission taken away.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use dodona::model::yaml::parse_node;
use serde_json::{Value, json};
use tokio::process::Child;
use tokio::time::sleep;

use crate::case::Places;
use crate::cluster::{Cluster, Real};
use crate::receiver::Receiver;
use crate::run::{PATIENCE, stop};

/// kubectl with an administrator's rights.
struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    /// The one that lies beside the kubeconfig, as the tests' own server has it, else the one on PATH.
    fn beside(kubeconfig: &Path) -> Self {
        let beside = kubeconfig.with_file_name("kubectl");
        let program = if beside.exists() { beside } else { PathBuf::from("kubectl") };
        Self { program, kubeconfig: kubeconfig.to_owned() }
    }

    /// Runs it; what it printed, and its warnings.
    fn run(&self, arguments: &[&str], input: &str) -> anyhow::Result<(String, String)> {
        let mut child = Command::new(&self.program)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting kubectl")?;
        child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "kubectl {}: {told}", arguments.join(" "));
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), told))
    }

    /// Applies a manifest with strict validation; a warning is a failure.
    fn apply(&self, manifest: &Value) -> anyhow::Result<()> {
        let (_, told) = self.run(
            &["apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-"],
            &manifest.to_string(),
        )?;
        ensure!(
            !told.contains("Warning"),
            "applying {} {}: {told}",
            manifest["kind"],
            manifest["metadata"]["name"]
        );
        Ok(())
    }
}

/// An installation at work.
struct Install<'c> {
    cluster: &'c Real,
    kubectl: Kubectl,
    namespace: String,
    /// What kustomize built.
    manifests: Vec<Value>,
    folder: tempfile::TempDir,
}

impl<'c> Install<'c> {
    /// Builds the installation of `folder` into a namespace of its own, and applies it.
    fn apply(cluster: &'c Real, folder: &Path, name: &str) -> anyhow::Result<Self> {
        let kubectl = Kubectl::beside(&cluster.kubeconfig());
        let namespace = format!("install-{name}-{}", std::process::id());
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"});
        kubectl.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}))?;
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
        let install = Self { cluster, kubectl, namespace, manifests, folder: tempfile::tempdir()? };
        install.pod_is_admitted()?;
        install.write_kubeconfig()?;
        Ok(install)
    }

    fn deployment(&self) -> anyhow::Result<&Value> {
        let has_it = |manifest: &&Value| {
            let containers = &manifest["spec"]["template"]["spec"]["containers"];
            manifest["kind"] == "Deployment" && list(containers).any(|one| one["name"] == "dodona")
        };
        self.manifests.iter().find(has_it).context("no Deployment with a container `dodona`")
    }

    /// Nobody makes pods of Deployments here: the server is asked whether it would take one.
    fn pod_is_admitted(&self) -> anyhow::Result<()> {
        let template = &self.deployment()?["spec"]["template"];
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "dodona", "namespace": self.namespace, "labels": template["metadata"]["labels"]},
            "spec": template["spec"],
        });
        let (_, told) = self
            .kubectl
            .run(&["create", "--dry-run=server", "--validate=strict", "-f", "-"], &pod.to_string())?;
        ensure!(!told.contains("Warning"), "the pod: {told}");
        Ok(())
    }

    /// A kubeconfig with the token of the ServiceAccount.
    fn write_kubeconfig(&self) -> anyhow::Result<()> {
        let account = self.deployment()?["spec"]["template"]["spec"]["serviceAccountName"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let (token, _) =
            self.kubectl.run(&["create", "token", &account, "--namespace", &self.namespace], "")?;
        let (view, _) = self.kubectl.run(&["config", "view", "--raw", "--minify", "-o", "json"], "")?;
        let mut view: Value = serde_json::from_str(&view)?;
        view["users"] = json!([{"name": "dodona", "user": {"token": token.trim()}}]);
        view["contexts"][0]["context"]["user"] = "dodona".into();
        view["contexts"][0]["context"]["namespace"] = self.namespace.as_str().into();
        std::fs::write(self.folder.path().join("kubeconfig"), view.to_string())?;
        Ok(())
    }

    /// Starts the controller as the pod would: its arguments, its variables, its files.
    fn start(&self, log: std::fs::File) -> anyhow::Result<Child> {
        let pod = &self.deployment()?["spec"]["template"]["spec"];
        let container =
            list(&pod["containers"]).find(|one| one["name"] == "dodona").context("no container `dodona`")?;
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_dodona"));
        let mut arguments: Vec<String> = list(&container["args"]).map(text).collect();
        for mount in list(&container["volumeMounts"]) {
            let path = text(&mount["mountPath"]);
            if let Some(there) = self.mounted(pod, mount)? {
                for argument in &mut arguments {
                    *argument = argument.replace(&path, &there);
                }
                if path == "/app/config/tls" {
                    command.env("ARGOCD_TLS_DATA_PATH", there);
                }
            }
        }
        for variable in list(&container["env"]) {
            let value = match variable["value"].as_str() {
                Some(value) => Some(value.to_owned()),
                None => self.referred(&variable["valueFrom"]["configMapKeyRef"])?,
            };
            if let Some(value) = value {
                command.env(text(&variable["name"]), value);
            }
        }
        command
            .args(arguments)
            .args(["--metrics-port", "0", "--kubeconfig"])
            .arg(self.folder.path().join("kubeconfig"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        command.spawn().context("starting the controller")
    }

    /// A folder with the files of a mounted ConfigMap; nothing if it is not there and need not be.
    fn mounted(&self, pod: &Value, mount: &Value) -> anyhow::Result<Option<String>> {
        let volume =
            list(&pod["volumes"]).find(|volume| volume["name"] == mount["name"]).context("no such volume")?;
        let Some(name) = volume["configMap"]["name"].as_str() else { return Ok(None) };
        let Some(data) = self.config_map(name)? else {
            ensure!(volume["configMap"]["optional"] == true, "the ConfigMap {name} is not there");
            return Ok(None);
        };
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder)?;
        for (file, content) in data.as_object().into_iter().flatten() {
            std::fs::write(folder.join(file), text(content))?;
        }
        Ok(Some(folder.to_string_lossy().into_owned()))
    }

    fn referred(&self, reference: &Value) -> anyhow::Result<Option<String>> {
        let (name, key) = (text(&reference["name"]), text(&reference["key"]));
        let found = self.config_map(&name)?.and_then(|data| data[&key].as_str().map(str::to_owned));
        ensure!(found.is_some() || reference["optional"] == true, "the ConfigMap {name} has no {key}");
        Ok(found)
    }

    fn config_map(&self, name: &str) -> anyhow::Result<Option<Value>> {
        let asked =
            ["get", "configmap", name, "--namespace", &self.namespace, "--ignore-not-found", "-o", "json"];
        let (map, _) = self.kubectl.run(&asked, "")?;
        if map.is_empty() { Ok(None) } else { Ok(Some(serde_json::from_str::<Value>(&map)?["data"].take())) }
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

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn documents(text: &str) -> anyhow::Result<Vec<Value>> {
    let parse =
        |part: &str| parse_node(part).map(|node| node.to_json()).map_err(|error| anyhow::anyhow!("{error}"));
    text.split("\n---\n").map(parse).collect()
}

async fn run(cluster: &Real, folder: &Path) -> anyhow::Result<usize> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (receiver, address) = Receiver::start().await;
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
    let places = Places { receiver: address, namespace: install.namespace.clone() };
    let objects = places.documents(&folder.join("objects.yaml"))?;
    for object in &objects {
        cluster.apply(object).await?;
    }
    let log = tempfile::NamedTempFile::new()?;
    let said = || std::fs::read_to_string(log.path()).unwrap_or_default();
    let dodona = install.start(log.reopen()?)?;
    let wanted: Vec<Value> = list(&case["requests"]).cloned().collect();
    let outcome = receiver.expect(&wanted).await;
    stop(dodona).await?;
    outcome.with_context(|| format!("log of the controller:\n{}", said()))?;
    ensure!(!said().contains("forbidden"), "something is forbidden:\n{}", said());
    let mut permissions = 0;
    if case["without"] == true {
        // A server that streams lists, as this one does, is asked to watch and nothing else; `list` is for older ones.
        let spared: Vec<String> = list(&case["spared"]).map(text).collect();
        let taken = |one: &(usize, usize, String, String)| {
            let named = format!("{}/{}", one.2, one.3);
            one.3 != "list" && !spared.contains(&one.2) && !spared.contains(&named)
        };
        for (at, rule, resource, verb) in install.permissions().into_iter().filter(taken) {
            without(&install, &objects, at, rule, &resource, &verb).await?;
            permissions += 1;
        }
    }
    Ok(permissions)
}

/// Takes one permission away: the log names it.
async fn without(
    install: &Install<'_>,
    objects: &[Value],
    at: usize,
    rule: usize,
    resource: &str,
    verb: &str,
) -> anyhow::Result<()> {
    let changed = install.role_without(at, rule, resource, verb);
    install.kubectl.run(&["replace", "-f", "-"], &changed.to_string())?;
    // Everything is to be told anew.
    for object in objects.iter().filter(|object| !object["status"].is_null()) {
        let mut forgotten = object.clone();
        forgotten["metadata"]["annotations"]["notified.notifications.argoproj.io"] = Value::Null;
        install.cluster.apply(&forgotten).await?;
    }
    let log = tempfile::NamedTempFile::new()?;
    let dodona = install.start(log.reopen()?)?;
    let deadline = Instant::now() + PATIENCE;
    let named = |line: &str| {
        let line = line.to_lowercase();
        line.contains("\"error\"") || line.contains("\"warning\"") || line.contains("\"warn\"")
    };
    let says =
        |said: &str| said.lines().any(|line| named(line) && line.contains(resource) && line.contains(verb));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_installations_on_a_real_api_server() {
    let Some(kubeconfig) = std::env::var_os("DODONA_E2E_KUBECONFIG") else {
        println!("installations on a real API server: not run, DODONA_E2E_KUBECONFIG is not set");
        return;
    };
    let cluster = Real::connect(Path::new(&kubeconfig)).await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/installs");
    let mut failures = Vec::new();
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<PathBuf> = entries.filter(|path| path.join("case.yaml").exists()).collect();
    for entry in folders {
        match run(&cluster, &entry).await {
            Ok(count) => {
                println!(
                    "installation {}: told; {count} permissions, each needed and named",
                    entry.display()
                );
            }
            Err(error) => failures.push(format!("{}: {error:#}", entry.display())),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
