//! A pod of Dodona, played: nobody runs pods on the tests' API server, so the binary is started as the pod would be, with the
//! arguments, the variables and the files of its manifest, and with the token of its ServiceAccount and nothing else.

use std::process::Stdio;

use anyhow::{Context, ensure};
use dodona::model::yaml::parse_node;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::kubectl::Kubectl;

/// Where it would run, and what its Deployment says of it.
pub(crate) struct Pod {
    kubectl: Kubectl,
    namespace: String,
    /// The `spec` of the Deployment's template.
    spec: Value,
    folder: tempfile::TempDir,
}

impl Pod {
    /// A pod of this `spec`, with a token made for it.
    pub(crate) fn new(kubectl: Kubectl, namespace: &str, spec: Value) -> anyhow::Result<Self> {
        let pod = Self { kubectl, namespace: namespace.to_owned(), spec, folder: tempfile::tempdir()? };
        pod.write_kubeconfig()?;
        Ok(pod)
    }

    /// A kubeconfig with the token of the ServiceAccount.
    fn write_kubeconfig(&self) -> anyhow::Result<()> {
        let account = text(&self.spec["serviceAccountName"]);
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

    /// Starts the controller; `more` are variables that the machine adds to those of the manifest.
    pub(crate) fn start(
        &self,
        log: std::fs::File,
        metrics_port: u16,
        more: &[(String, String)],
    ) -> anyhow::Result<Child> {
        let container = list(&self.spec["containers"])
            .find(|one| one["name"] == "dodona")
            .context("no container `dodona`")?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_dodona"));
        command.envs(more.iter().cloned());
        let mut arguments: Vec<String> = list(&container["args"]).map(text).collect();
        for mount in list(&container["volumeMounts"]) {
            let path = text(&mount["mountPath"]);
            if let Some(there) = self.mounted(mount)? {
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
            .args(["--metrics-port", &metrics_port.to_string(), "--kubeconfig"])
            .arg(self.folder.path().join("kubeconfig"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        command.spawn().context("starting the controller")
    }

    /// A folder with the files of a mounted ConfigMap; nothing if it is not there and need not be.
    fn mounted(&self, mount: &Value) -> anyhow::Result<Option<String>> {
        let volume = list(&self.spec["volumes"])
            .find(|volume| volume["name"] == mount["name"])
            .context("no such volume")?;
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
}

/// Whether a Deployment has Dodona in its pods.
pub(crate) fn has_dodona(manifest: &Value) -> bool {
    manifest["kind"] == "Deployment"
        && list(&manifest["spec"]["template"]["spec"]["containers"]).any(|one| one["name"] == "dodona")
}

/// The elements of a list; none of anything else.
pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A text; an empty one of anything else.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The documents of a YAML text.
pub(crate) fn documents(text: &str) -> anyhow::Result<Vec<Value>> {
    let parse =
        |part: &str| parse_node(part).map(|node| node.to_json()).map_err(|error| anyhow::anyhow!("{error}"));
    text.split("\n---\n").map(parse).collect()
}
