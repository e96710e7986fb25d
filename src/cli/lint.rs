//! `dodona lint`: reads files, folders, standard input or the cluster, and prints what is wrong with them.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::connection::ConnectionArgs;
use super::input::PresetArgs;
use super::output::Paint;
use crate::binding::Binding;
use crate::binding::generic::GenericBinding;
use crate::config::yaml;
use crate::lint::{Source, lint, report};
use crate::model::{ObjectKey, Resource, to_yaml};
use crate::source::kube::{KubeFetch, Pace, connect};
use crate::source::{Fetch as _, SourceError};

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
    #[command(flatten)]
    presets: PresetArgs,
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
    let outcome = lint(&sources, &bindings, &arguments.presets.sets);
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
        into.push(Source { name: "<stdin>".into(), text: text_of(bytes) });
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
    into.push(Source { name, text: text_of(bytes) });
    Ok(())
}

/// The text of a file. What is no text is left in as a mark, so that the rest is looked at.
fn text_of(bytes: Vec<u8>) -> String {
    let lossy = String::from_utf8_lossy(&bytes).into_owned();
    yaml::decode(bytes).unwrap_or(lossy)
}

/// The ConfigMaps and Secrets of the built-in and given bindings, all objects of their kinds, and those that subscribe
/// beside them (AppProjects).
async fn cluster(arguments: &LintArgs, more: &[Arc<dyn Binding>]) -> anyhow::Result<Vec<Source>> {
    let api = connect(&arguments.connection.settings(), Pace::default()).await?;
    let cluster = Cluster { namespace: api.default_namespace().to_owned(), api: KubeFetch::new(api) };
    let namespace = &cluster.namespace;
    let mut sources = Vec::new();
    for binding in crate::lint::bindings(more) {
        let (config_map, secret) = binding.settings_names();
        let resource = Resource::new("", "v1", "configmaps", Some("ConfigMap"));
        let Some(config_map) = cluster.get(&resource, config_map).await? else { continue };
        sources.push(config_map);
        match cluster.get(&Resource::new("", "v1", "secrets", Some("Secret")), secret).await {
            Ok(secret) => sources.extend(secret),
            Err(error @ SourceError::Forbidden { .. }) => {
                note(&format!("{error}; nothing is said about references to it"));
            }
            Err(error) => return Err(error.into()),
        }
        sources.extend(cluster.objects(binding.resource(), "").await?);
        if let Some((companions, _)) = binding.companions() {
            sources.extend(cluster.objects(companions, namespace).await?);
        }
    }
    if sources.is_empty() {
        bail!(
            "namespace `{namespace}` has no ConfigMap with notifications; name its namespace with --namespace"
        );
    }
    Ok(sources)
}

/// Where the configuration and the objects are.
struct Cluster {
    api: KubeFetch,
    /// The namespace of the configuration.
    namespace: String,
}

impl Cluster {
    async fn get(&self, resource: &Resource, name: &str) -> Result<Option<Source>, SourceError> {
        let found = self.api.fetch(resource, &ObjectKey::new(self.namespace.as_str(), name)).await?;
        Ok(found.and_then(|object| as_source(resource, &object)))
    }

    /// All objects of a kind in `namespace`, or everywhere if it is empty. Who may not read them everywhere gets those of
    /// the configuration's namespace.
    async fn objects(&self, resource: &Resource, namespace: &str) -> anyhow::Result<Vec<Source>> {
        let found = match self.api.list(resource, namespace).await {
            Err(error @ SourceError::Forbidden { .. }) if namespace.is_empty() => {
                note(&format!("{error}; only namespace {} is looked at", self.namespace));
                self.api.list(resource, &self.namespace).await?
            }
            found => found?,
        };
        Ok(found.iter().filter_map(|object| as_source(resource, object)).collect())
    }
}

/// Something that is left out, for people: standard output holds findings only.
fn note(text: &str) {
    super::output::say(&format!("{}: {text}", Paint::stderr().yellow("note")));
}

/// An object of the cluster as text. A list of the API leaves `apiVersion` and `kind` of its items out.
fn as_source(resource: &Resource, object: &crate::model::Object) -> Option<Source> {
    let mut body: serde_json::Value = serde_json::from_slice(object.json()).ok()?;
    let fields = body.as_object_mut()?;
    fields.entry("apiVersion").or_insert_with(|| resource.api_version().into());
    fields.entry("kind").or_insert_with(|| resource.kind.clone().unwrap_or_default().into());
    Some(Source { name: format!("{}/{}", resource.plural, object.key()), text: to_yaml(&body) })
}
