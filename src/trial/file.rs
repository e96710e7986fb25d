//! Test files as text: read strictly, because a misspelled expectation expects nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dodona_value::Zone;
use jiff::Timestamp;
use serde_json::Value;

use super::FileError;
use crate::binding::Binding;
use crate::binding::app::AppBinding;
use crate::binding::generic::GenericBinding;
use crate::binding::namespaces::NamespacePatterns;
use crate::binding::rollout::RolloutBinding;
use crate::config::yaml;
use crate::model::{Fields, Node, NodeError, NodeKind, Position, Redactor, Secret, Secrets, Settings};

/// When a case begins unless the file says otherwise: 2026-01-01T00:00:00Z.
const BEGIN: i64 = 1_767_225_600;

/// A test file.
pub(super) struct Suite {
    /// The folder of the file; names of other files begin there.
    pub(super) folder: PathBuf,
    pub(super) binding: Arc<dyn Binding>,
    pub(super) settings: Settings,
    pub(super) namespace: String,
    pub(super) zone: Zone,
    /// Unix second at which every case begins.
    pub(super) begin: i64,
    pub(super) cases: Vec<Case>,
    /// Knows the values of Secrets in files: those are nobody's business. What the test file itself says is none.
    pub(super) redactor: Redactor,
    /// Name of the file, for errors.
    pub(super) name: String,
}

/// One case.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) object: Value,
    /// The AppProject of the object.
    pub(super) project: Option<Value>,
    pub(super) versions: Vec<Version>,
    /// How long is waited behind the last version.
    pub(super) until: Option<Duration>,
    pub(super) expect: Option<Vec<Expected>>,
    pub(super) snapshot: Option<String>,
}

/// One version of an object: the one before, changed.
#[derive(Default)]
pub(super) struct Version {
    pub(super) at: Duration,
    pub(super) set: Vec<(String, Value)>,
    pub(super) unset: Vec<String>,
    /// The whole object anew.
    pub(super) object: Option<Value>,
    pub(super) deleted: bool,
    /// The controller has been started anew since the version before.
    pub(super) restart: bool,
    /// Reason of an Event of the Rollouts controller about this version.
    pub(super) event: Option<String>,
}

/// One notification that is expected.
pub(super) struct Expected {
    pub(super) line: usize,
    pub(super) at: Option<Duration>,
    /// Fields by name, and what each has to be.
    pub(super) fields: Vec<(String, Value)>,
}

/// Names of what an expectation says about the wire.
pub(super) const WIRE: &[&str] = &["request", "requests", "mail"];

/// What an expectation may say about a request, and the words of comparisons.
const REQUEST: &[&str] =
    &["method", "url", "path", "query", "headers", "body", "not", "equals", "contains", "matches"];

impl Case {
    /// Whether it is of interest what services send, and not only what they are given.
    pub(super) fn is_on_the_wire(&self) -> bool {
        let mut fields = self.expect.iter().flatten().flat_map(|one| &one.fields);
        fields.any(|(name, _)| WIRE.contains(&name.as_str()))
    }
}

/// Reads the file at `path` and the files that it names.
pub(super) fn read(path: &Path) -> Result<Suite, FileError> {
    let name = path.display().to_string();
    let text = text_of(path)?;
    let node = yaml::parse(&text).map_err(|error| at(&name, &error))?;
    if let Some(warning) = node.warnings.first() {
        return Err(at(&name, warning));
    }
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    Reader { name: &name, folder: &folder }.suite(&node.node)
}

struct Reader<'a> {
    name: &'a str,
    folder: &'a Path,
}

impl Reader<'_> {
    fn suite(&self, node: &Node) -> Result<Suite, FileError> {
        let fields = self.known(
            node,
            &["config", "presets", "data", "secrets", "binding", "namespace", "now", "timezone", "cases"],
        )?;
        let text = |name: &str| fields.text(name).map_err(|error| self.at(&error));
        let namespace = Some(text("namespace")?).filter(|namespace| !namespace.is_empty());
        let presets = fields.text_list("presets").map_err(|error| self.at(&error))?;
        let given = text("binding")?;
        let kind = match given.as_str() {
            "" if presets.iter().any(|set| set == "rollouts") => "rollout",
            "" => "app",
            given => given,
        };
        let namespace = namespace
            .unwrap_or_else(|| if kind == "rollout" { "argo-rollouts" } else { "argocd" }.to_owned());
        let binding = self.binding(kind, &namespace, &fields)?;
        let redactor = Redactor::default();
        let settings = self.settings(&fields, &presets, &*binding, &redactor)?;
        let now = text("now")?;
        let begin = if now.is_empty() {
            BEGIN
        } else {
            let wrong = |_| self.at(&fields.error("now", "expected a time such as `2026-01-01T00:00:00Z`"));
            now.parse::<Timestamp>().map_err(wrong)?.as_second()
        };
        let zone = match text("timezone")?.as_str() {
            "" => Zone::utc(),
            name => Zone::load(name).ok_or_else(|| {
                self.at(&fields.error("timezone", "no such time zone; write a name such as `Europe/Berlin`"))
            })?,
        };
        let items = fields.list("cases").map_err(|error| self.at(&error))?;
        if items.is_empty() {
            return Err(self.at(&fields.error("cases", "there are no cases, so nothing is tested; add one")));
        }
        let cases = items.iter().map(|item| self.case(item)).collect::<Result<_, _>>()?;
        let (folder, name) = (self.folder.to_owned(), self.name.to_owned());
        Ok(Suite { folder, binding, settings, namespace, zone, begin, cases, redactor, name })
    }

    fn binding(
        &self,
        kind: &str,
        namespace: &str,
        fields: &Fields<'_>,
    ) -> Result<Arc<dyn Binding>, FileError> {
        Ok(match kind {
            // Namespaces are a matter of how the controller is started, and not of the configuration.
            "app" => Arc::new(AppBinding::new(namespace, NamespacePatterns::parse(&["*".to_owned()]))),
            "rollout" => Arc::new(RolloutBinding::default()),
            file => {
                let path = self.folder.join(file);
                let text = text_of(&path).map_err(|error| {
                    let message =
                        format!("`{file}` is neither `app` nor `rollout`, and as a file: {}", error.message);
                    self.at(&fields.error("binding", message))
                })?;
                let parsed = yaml::parse_node(&text).and_then(|node| GenericBinding::from_node(&node));
                Arc::new(parsed.map_err(|error| at(&path.display().to_string(), &error))?)
            }
        })
    }

    /// The ConfigMap and the Secret of the files, then the keys of the test file, then the values of its secrets. What is
    /// referred to and not given gets a value, as tests have no secrets.
    fn settings(
        &self,
        fields: &Fields<'_>,
        presets: &[String],
        binding: &dyn Binding,
        redactor: &Redactor,
    ) -> Result<Settings, FileError> {
        let (config_map, secret) = binding.settings_names();
        let (mut data, mut secrets) = (BTreeMap::new(), Secrets::new());
        for file in fields.text_list("config").map_err(|error| self.at(&error))? {
            let path = self.folder.join(&file);
            let (mut any, text) = (false, text_of(&path)?);
            for (lines, document) in yaml::documents(&text) {
                let wrong = |error: NodeError| {
                    let place = Position { line: error.at.line + lines, ..error.at };
                    at(&path.display().to_string(), &NodeError { at: place, ..error })
                };
                let node = yaml::parse_node(document).map_err(wrong)?;
                any |= take(&node, (config_map, secret), &mut data, &mut secrets).map_err(wrong)?;
            }
            if !any {
                let message = format!("{file} has no ConfigMap `{config_map}` and no Secret `{secret}`");
                return Err(self.at(&fields.error("config", message)));
            }
        }
        if !presets.is_empty() {
            data.insert("presets".to_owned(), format!("[{}]", presets.join(", ")));
        }
        data.extend(fields.text_map("data").map_err(|error| self.at(&error))?);
        let given = fields.text_map("secrets").map_err(|error| self.at(&error))?;
        let others = secrets.iter().filter(|(key, _)| given.iter().all(|(own, _)| own != *key));
        redactor.set("secrets of files", others.map(|(_, secret)| secret));
        secrets.extend(given.into_iter().map(|(key, text)| (key, Secret::from(text.as_str()))));
        for text in data.iter().filter(|(key, _)| key.starts_with("service.")).map(|(_, text)| text) {
            for part in text.split('$').skip(1) {
                let end = part.find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_".contains(letter));
                let name = part.get(..end.unwrap_or(part.len())).unwrap_or_default();
                secrets.entry(name.to_owned()).or_insert_with(|| Secret::from("secret-of-the-test"));
            }
        }
        Ok(Settings { config_map: Some(data), secret: Some(secrets) })
    }

    fn case(&self, node: &Node) -> Result<Case, FileError> {
        let fields =
            self.known(node, &["name", "object", "project", "versions", "until", "expect", "snapshot"])?;
        let fail = |error: NodeError| self.at(&error);
        let name = fields.text("name").map_err(fail)?;
        if name.is_empty() {
            return Err(self.at(&NodeError::new(node.at, "a case needs a `name` that says what it shows")));
        }
        let object =
            fields.get("object").ok_or_else(|| fail(NodeError::new(node.at, "a case needs an `object`")))?;
        let versions = fields.list("versions").map_err(fail)?;
        let mut versions: Vec<Version> =
            versions.iter().map(|item| self.version(item)).collect::<Result<_, _>>()?;
        if versions.is_empty() {
            versions.push(Version::default());
        }
        if let Some(wrong) =
            versions.windows(2).position(|pair| matches!(pair, [one, next] if next.at < one.at))
        {
            let message =
                format!("version {} is earlier than the one before it; put them in order", wrong + 2);
            return Err(fail(fields.error("versions", message)));
        }
        let expect = match fields.get("expect") {
            None => None,
            Some(list) => {
                let items = list.items().map_err(fail)?;
                Some(items.iter().map(|item| self.expected(item)).collect::<Result<_, _>>()?)
            }
        };
        let case = Case {
            name,
            line: node.at.line,
            object: self.object(object)?,
            project: fields.get("project").map(|node| self.object(node)).transpose()?,
            versions,
            until: fields.duration("until").map_err(fail)?,
            expect,
            snapshot: fields.opt_text("snapshot").map_err(fail)?,
        };
        if !case.checks() {
            let message = "a case needs `expect` (`[]` for nothing) or `snapshot`, or it cannot fail";
            return Err(fail(NodeError::new(node.at, message)));
        }
        Ok(case)
    }

    fn version(&self, node: &Node) -> Result<Version, FileError> {
        let fields = self.known(node, &["at", "set", "unset", "object", "deleted", "restart", "event"])?;
        let fail = |error: NodeError| self.at(&error);
        let set = match fields.fields("set").map_err(fail)? {
            Some(pairs) => pairs.iter().map(|(key, value)| (key.text.clone(), value.to_json())).collect(),
            None => Vec::new(),
        };
        Ok(Version {
            at: fields.duration("at").map_err(fail)?.unwrap_or_default(),
            set,
            unset: fields.text_list("unset").map_err(fail)?,
            object: fields.get("object").map(|node| self.object(node)).transpose()?,
            deleted: fields.bool("deleted").map_err(fail)?,
            restart: fields.bool("restart").map_err(fail)?,
            event: fields.opt_text("event").map_err(fail)?,
        })
    }

    fn expected(&self, node: &Node) -> Result<Expected, FileError> {
        let fields = node.fields().map_err(|error| self.at(&error))?;
        let at = fields.duration("at").map_err(|error| self.at(&error))?;
        for (key, value) in fields.iter() {
            match (key.text.as_str(), &value.kind) {
                ("request", NodeKind::Map(_)) => drop(self.known(value, REQUEST)?),
                ("requests", NodeKind::List(all)) => {
                    for one in all {
                        self.known(one, REQUEST)?;
                    }
                }
                _ => {}
            }
        }
        let others = fields.iter().filter(|(key, _)| key.text != "at");
        let fields = others.map(|(key, value)| (key.text.clone(), value.to_json())).collect();
        Ok(Expected { line: node.at.line, at, fields })
    }

    /// An object in the file, or the first one of another file.
    fn object(&self, node: &Node) -> Result<Value, FileError> {
        match &node.kind {
            NodeKind::Map(_) => Ok(node.to_json()),
            NodeKind::Text(file) => {
                let path = self.folder.join(file);
                let text = text_of(&path)?;
                let parsed =
                    yaml::parse_node(&text).map_err(|error| at(&path.display().to_string(), &error))?;
                match parsed.kind {
                    NodeKind::Map(_) => Ok(parsed.to_json()),
                    _ => Err(self.at(&NodeError::new(node.at, format!("{file} holds no object")))),
                }
            }
            _ => Err(self.at(&node.expected("an object, or the name of a file with one"))),
        }
    }

    /// The fields of a mapping that has no others.
    fn known<'n>(&self, node: &'n Node, names: &[&str]) -> Result<Fields<'n>, FileError> {
        let fields = node.fields().map_err(|error| self.at(&error))?;
        match fields.iter().find(|(key, _)| !names.contains(&key.text.as_str())) {
            None => Ok(fields),
            Some((key, _)) => {
                let message =
                    format!("unknown field `{}`; the fields here are {}", key.text, names.join(", "));
                Err(self.at(&NodeError::new(key.at, message)))
            }
        }
    }

    fn at(&self, error: &NodeError) -> FileError {
        at(self.name, error)
    }
}

/// Takes over the data of a ConfigMap or a Secret of these names; whether the document is one of them.
fn take(
    node: &Node,
    (config_map, secret): (&str, &str),
    data: &mut BTreeMap<String, String>,
    secrets: &mut Secrets,
) -> Result<bool, NodeError> {
    let fields = node.fields()?;
    let name =
        fields.fields("metadata")?.map(|metadata| metadata.text("name")).transpose()?.unwrap_or_default();
    match fields.text("kind")?.as_str() {
        "ConfigMap" if name == config_map => data.extend(fields.text_map("data")?),
        "Secret" if name == secret => {
            for (key, text) in fields.text_map("data")? {
                let packed: String = text.split_whitespace().collect();
                let bytes = STANDARD.decode(packed).map_err(|_| {
                    fields.error("data", format!("`{key}` is not base64; use `stringData` for plain text"))
                })?;
                secrets.insert(key, Secret::new(bytes));
            }
            let plain = fields.text_map("stringData")?;
            secrets.extend(plain.into_iter().map(|(key, text)| (key, Secret::from(text.as_str()))));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn text_of(path: &Path) -> Result<String, FileError> {
    let place = path.display().to_string();
    let bytes = std::fs::read(path);
    let bytes = bytes
        .map_err(|error| FileError { place: place.clone(), message: format!("cannot be read: {error}") })?;
    yaml::decode(bytes).map_err(|error| at(&place, &error))
}

fn at(file: &str, error: &NodeError) -> FileError {
    let path = if error.path.is_empty() { String::new() } else { format!("{}: ", error.path) };
    FileError {
        place: format!("{file}:{}:{}", error.at.line, error.at.column),
        message: format!("{path}{}", error.message),
    }
}
