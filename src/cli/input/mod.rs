//! Where commands take configuration and objects from: files, standard input, the cluster. Shared by all commands that are
//! not the controller.
//!
//! A ConfigMap and a Secret come from `--config-map` and `--secret`, or from the cluster where a flag is absent (core
//! 7.1.2); an object comes from the file of its name, or from the cluster (core 7.1.3). Standard input is read once, so that
//! several of them may come from there.

mod cluster;
pub(crate) mod manifest;

use std::cell::OnceCell;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use dodona_value::Numbers;

use super::connection::ConnectionArgs;
use crate::config::yaml;
use crate::model::{Object, Resource, Secrets, Settings};
pub(crate) use cluster::Cluster;

/// Standard input, as a file name.
const STDIN: &str = "-";

/// `--secret` for a Secret with nothing in it.
const EMPTY: &str = ":empty";

/// Files in the place of the ConfigMap and the Secret of the cluster.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct InputArgs {
    /// File with the ConfigMap, `-` for standard input; from the cluster if absent
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config_map: Option<String>,
    /// File with the Secret, `-` for standard input, `:empty` for none; from the cluster if absent
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) secret: Option<String>,
    #[command(flatten)]
    pub(crate) presets: PresetArgs,
}

/// What a ConfigMap without the key `presets` brings in, as the controller is told by the same flag.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PresetArgs {
    /// Built-in triggers and templates for a ConfigMap that has no key `presets`: `argocd`, `rollouts` or a list
    #[arg(
        long = "presets",
        value_name = "SETS",
        env = "DODONA_PRESETS",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true,
        global = true,
        help_heading = "Configuration"
    )]
    pub(crate) sets: String,
}

/// Reads what the commands are given.
pub(crate) struct Input {
    /// The cluster, if it is needed.
    pub(crate) cluster: Cluster,
    runtime: tokio::runtime::Runtime,
    stdin: OnceCell<String>,
}

impl Input {
    /// Nothing is read and nobody is asked yet.
    pub(crate) fn new(connection: &ConnectionArgs) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { cluster: Cluster::new(connection.clone()), runtime, stdin: OnceCell::new() })
    }

    /// Waits for `future`.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The text of a file, or of standard input. The caller says in the error which file it is.
    pub(crate) fn text(&self, file: &str) -> anyhow::Result<String> {
        if file != STDIN {
            return decoded(std::fs::read(file)?);
        }
        if self.stdin.get().is_none() {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).context("failed to read standard input")?;
            self.stdin.set(decoded(bytes)?).ok();
        }
        Ok(self.stdin.get().cloned().unwrap_or_default())
    }

    /// The ConfigMap and the Secret. The Secret is read first, so its failure is the one that is told (core 7.1.2).
    pub(crate) fn settings(&self, flags: &InputArgs, names: (&str, &str)) -> anyhow::Result<Settings> {
        let (config_map, secret) = names;
        let secret = match given(flags.secret.as_ref()) {
            Some(EMPTY) => Secrets::new(),
            from => self
                .body(from, "Secret", "secrets", secret)
                .and_then(|body| manifest::secret(&body))
                .with_context(|| describe("Secret", secret, from))?,
        };
        let from = given(flags.config_map.as_ref());
        let config_map = self
            .body(from, "ConfigMap", "configmaps", config_map)
            .and_then(|body| manifest::config_map(&body))
            .with_context(|| describe("ConfigMap", config_map, from))?;
        Ok(Settings { config_map: Some(config_map), secret: Some(secret) })
    }

    /// The ConfigMap and the Secret of the cluster in `namespace`; `None` if there is no ConfigMap.
    pub(crate) fn settings_in(
        &self,
        namespace: &str,
        names: (&str, &str),
    ) -> anyhow::Result<Option<Settings>> {
        let find = |plural: &str, kind: &str, name: &str| -> anyhow::Result<Option<serde_json::Value>> {
            let resource = Resource::new("", "v1", plural, Some(kind));
            let found = self.wait(self.cluster.find(&resource, Some(namespace), name))?;
            Ok(found.map(|object| serde_json::from_slice(object.json())).transpose()?)
        };
        let Some(config_map) = find("configmaps", "ConfigMap", names.0)? else { return Ok(None) };
        let secret = find("secrets", "Secret", names.1)?;
        let secret = secret.map_or_else(|| Ok(Secrets::new()), |body| manifest::secret(&body))?;
        Ok(Some(Settings { config_map: Some(manifest::config_map(&config_map)?), secret: Some(secret) }))
    }

    /// The first object of `kind` and `name` in a file, or the one of the cluster.
    fn body(
        &self,
        file: Option<&str>,
        kind: &str,
        plural: &str,
        name: &str,
    ) -> anyhow::Result<serde_json::Value> {
        let Some(file) = file else {
            let resource = Resource::new("", "v1", plural, Some(kind));
            let object = self.wait(self.cluster.get(&resource, None, name))?;
            return Ok(serde_json::from_slice(object.json())?);
        };
        let found = manifest::read(&self.text(file)?)?;
        let found =
            found.into_iter().find(|one| one.group.is_empty() && one.kind == kind && one.name == name);
        Ok(found.ok_or_else(|| anyhow!("file '{file}' does not have '/{kind}/{name}'"))?.body)
    }

    /// The object of `kind` and `name` in a file, whatever its namespace.
    pub(crate) fn beside(
        &self,
        file: &str,
        kind: &str,
        name: &str,
        numbers: Numbers,
    ) -> anyhow::Result<Object> {
        let found = manifest::read(&self.text(file)?)?;
        let others: Vec<&str> =
            found.iter().filter(|one| one.kind == kind).map(|one| one.name.as_str()).collect();
        let Some(found) = found.iter().find(|one| one.kind == kind && one.name == name) else {
            let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
            bail!("{file} has no {kind} `{name}` (found {others})");
        };
        Ok(Object::parse_any(found.body.to_string().into(), numbers)?)
    }

    /// The object that `name` stands for: a file if there is one of that name, else an object of the cluster, `name` or
    /// `namespace/name` (core 7.1.3).
    pub(crate) fn object(&self, name: &str, resource: &Resource, numbers: Numbers) -> anyhow::Result<Object> {
        if name == STDIN || Path::new(name).metadata().is_ok_and(|found| !found.is_dir()) {
            let text = self.text(name)?;
            return object(&text, numbers).with_context(|| format!("failed to load {name}"));
        }
        let (namespace, short) = match name.split_once('/') {
            Some((namespace, short)) => (Some(namespace), short),
            None => (None, name),
        };
        self.wait(self.cluster.get(resource, namespace, short))
            .with_context(|| format!("failed to load `{name}`, which is no file either"))
    }
}

/// The text of a file, in any encoding that YAML may have.
fn decoded(bytes: Vec<u8>) -> anyhow::Result<String> {
    yaml::decode(bytes)
        .map_err(|error| anyhow!("line {}, column {}: {}", error.at.line, error.at.column, error.message))
}

/// The first object of a file. Any kind will do; the file may not be empty.
fn object(text: &str, numbers: Numbers) -> anyhow::Result<Object> {
    let node = yaml::parse_node(text)
        .map_err(|error| anyhow!("line {}, column {}: {}", error.at.line, error.at.column, error.message))?;
    if node.is_null() {
        bail!("the file is empty");
    }
    let found = manifest::manifest(node.to_json())?;
    Ok(Object::parse_any(found.body.to_string().into(), numbers)?)
}

/// A flag that is given and not empty.
fn given(flag: Option<&String>) -> Option<&str> {
    flag.map(String::as_str).filter(|file| !file.is_empty())
}

fn describe(kind: &str, name: &str, file: Option<&str>) -> String {
    if let Some(file) = file {
        return format!("failed to read the {kind} from {file}");
    }
    let flag = if kind == "Secret" { "--secret FILE, or --secret :empty" } else { "--config-map FILE" };
    format!("failed to read the {kind} {name} from the cluster (without one: {flag})")
}
