//! `dodona lint`: reads files, folders, standard input or the cluster, and prints what is wrong with them.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::connection::ConnectionArgs;
use crate::binding::Binding;
use crate::binding::generic::GenericBinding;
use crate::config::yaml;
use crate::lint::{Source, lint, report};
use crate::model::{ObjectKey, Resource, to_yaml};
use crate::source::kube::{Api, KubeSource, Pace, connect};
use crate::source::{Source as _, WatchSpec};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// `dodona lint`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 without errors, 1 with errors (with --strict: with findings), 2 for wrong use.\n\nExamples:\n  dodona lint notifications/\n  kustomize build . | dodona lint -\n  dodona lint --from-cluster --namespace argocd\n  dodona lint --format sarif notifications/ > lint.sarif"
)]
pub(crate) struct LintArgs {
    #[command(flatten)]
    connection: ConnectionArgs,

    /// Files, folders (with all YAML and JSON files in them), or `-` for standard input
    #[arg(value_name = "PATH", required_unless_present_any = ["from_cluster", "rules"])]
    paths: Vec<String>,
    /// Look at the configuration and the objects of the cluster
    #[arg(long)]
    from_cluster: bool,
    /// A file that describes a kind besides Applications and Rollouts; may be repeated
    #[arg(long = "binding", value_name = "FILE")]
    bindings: Vec<PathBuf>,
    /// How findings are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: LintFormat,
    /// Fail for warnings too
    #[arg(long)]
    strict: bool,
    /// List the rules
    #[arg(long)]
    rules: bool,
}

/// `--format`.
#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub(crate) enum LintFormat {
    /// A line for each finding
    Text,
    /// A JSON list
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of a GitHub workflow
    Github,
}

/// Lints.
pub(crate) fn run(arguments: &LintArgs) -> anyhow::Result<ExitCode> {
    if arguments.rules {
        super::output::print(&report::rules())?;
        return Ok(ExitCode::SUCCESS);
    }
    let bindings: Vec<Arc<dyn Binding>> =
        arguments.bindings.iter().map(|path| binding(path)).collect::<anyhow::Result<_>>()?;
    let mut sources = Vec::new();
    for path in &arguments.paths {
        if let Err(error) = read(path, &mut sources) {
            return super::wrong_use(format!("{error:#}"));
        }
    }
    if arguments.from_cluster {
        sources.extend(super::runtime()?.block_on(cluster(arguments, &bindings))?);
    }
    let outcome = lint(&sources, &bindings);
    let printed = match arguments.format {
        LintFormat::Text => report::text(&outcome),
        LintFormat::Json => report::json(&outcome),
        LintFormat::Sarif => report::sarif(&outcome),
        LintFormat::Github => report::github(&outcome),
    };
    super::output::print(&printed)?;
    let (errors, warnings) = outcome.counts();
    let failed = errors > 0 || arguments.strict && warnings > 0;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn binding(path: &Path) -> anyhow::Result<Arc<dyn Binding>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("failed to read the binding file {}", path.display()))?;
    let parsed = yaml::parse_node(&text).and_then(|node| GenericBinding::from_node(&node));
    let parsed =
        parsed.map_err(|error| anyhow::anyhow!("binding file {}, {}: {error}", path.display(), error.at))?;
    Ok(Arc::new(parsed))
}

/// Adds the texts under `path`.
fn read(path: &str, into: &mut Vec<Source>) -> anyhow::Result<()> {
    if path == "-" {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .take(LARGEST)
            .read_to_end(&mut bytes)
            .context("failed to read standard input")?;
        into.push(Source { name: "<stdin>".into(), text: String::from_utf8_lossy(&bytes).into_owned() });
        return Ok(());
    }
    let meta = std::fs::metadata(path).with_context(|| format!("failed to read {path}"))?;
    if !meta.is_dir() {
        return file(Path::new(path), into);
    }
    let mut folders = vec![PathBuf::from(path)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("failed to read {}", folder.display()))?;
            let (path, kind) = (entry.path(), entry.file_type().ok());
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            // A link to a folder is not followed, as it may lead back here.
            if kind.is_some_and(|kind| kind.is_dir()) && !hidden {
                folders.push(path);
            } else if !hidden && is_manifest(&path) && path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    files.iter().try_for_each(|path| file(path, into))
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn file(path: &Path, into: &mut Vec<Source>) -> anyhow::Result<()> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).with_context(|| format!("failed to read {name}"))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        bail!("{name} has more than {LARGEST} bytes; lint its parts");
    }
    into.push(Source { name, text: String::from_utf8_lossy(&bytes).into_owned() });
    Ok(())
}

/// The ConfigMaps and Secrets of the built-in and given bindings, and all objects of their kinds.
async fn cluster(arguments: &LintArgs, more: &[Arc<dyn Binding>]) -> anyhow::Result<Vec<Source>> {
    let api = connect(&arguments.connection.settings(), Pace::default()).await?;
    let namespace = api.default_namespace().to_owned();
    let mut sources = Vec::new();
    for binding in crate::lint::bindings(more) {
        let (config_map, secret) = binding.settings_names();
        let config_map = get(&api, "configmaps", "ConfigMap", &namespace, config_map).await?;
        if config_map.is_none() {
            continue;
        }
        let secret = get(&api, "secrets", "Secret", &namespace, secret).await?;
        sources.extend(config_map.into_iter().chain(secret));
        sources.extend(objects(&api, &*binding).await);
    }
    if sources.is_empty() {
        bail!(
            "namespace `{namespace}` has no ConfigMap with notifications; name its namespace with --namespace"
        );
    }
    Ok(sources)
}

async fn get(
    api: &Api,
    plural: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> anyhow::Result<Option<Source>> {
    let resource = Resource::new("", "v1", plural, Some(kind));
    let source = KubeSource::new(api.clone(), WatchSpec::new("lint", resource));
    let found = source.get(&ObjectKey::new(namespace, name)).await?;
    found.map(|object| as_source(plural, "v1", kind, &object)).transpose()
}

/// All objects of a kind, as the source of the controller brings them.
async fn objects(api: &Api, binding: &dyn Binding) -> Vec<Source> {
    let resource = binding.resource().clone();
    let (version, plural) = (resource.api_version(), resource.plural.clone());
    let kind = resource.kind.clone().unwrap_or_default();
    let source = Arc::new(KubeSource::new(api.clone(), WatchSpec::new("lint", resource)));
    let (sender, mut changes) = tokio::sync::mpsc::channel(64);
    let mut synced = source.synced();
    let watch = tokio::spawn(Arc::clone(&source).run(sender));
    let mut found = Vec::new();
    loop {
        tokio::select! {
            biased;
            change = changes.recv() => match change {
                Some(change) => found.extend(as_source(&plural, &version, &kind, &change.object).ok()),
                None => break,
            },
            _ = synced.wait_for(|synced| *synced) => break,
        }
    }
    watch.abort();
    found
}

/// An object of the cluster as text. A list of the API leaves `apiVersion` and `kind` of its items out.
fn as_source(
    plural: &str,
    version: &str,
    kind: &str,
    object: &crate::model::Object,
) -> anyhow::Result<Source> {
    let mut body: serde_json::Value = serde_json::from_slice(object.json())?;
    if let Some(fields) = body.as_object_mut() {
        fields.entry("apiVersion").or_insert_with(|| version.into());
        fields.entry("kind").or_insert_with(|| kind.into());
    }
    Ok(Source { name: format!("{plural}/{}", object.key()), text: to_yaml(&body) })
}
