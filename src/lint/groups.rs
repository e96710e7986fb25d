//! Which manifests make a configuration together: a ConfigMap and its Secret, and all files that give parts of one ConfigMap.
//!
//! A catalogue and a team's own part often have one name and come from two files; together they are one configuration. Where
//! two of them give the same key, as an overlay does, each is looked at with its own value.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Findings;
use super::facts::Facts;
use super::manifest::Manifest;
use super::samples::is_near;
use crate::config::raw::Key;
use crate::config::{BuildOptions, Config};
use crate::model::{Node, NodeKind, Position, Secret, Secrets, Settings};

/// The value of a key, and where it stands.
pub(super) struct Value<'a> {
    pub(super) manifest: &'a Manifest<'a>,
    pub(super) key_at: Position,
    pub(super) at: Position,
    pub(super) text: String,
    /// Whether findings about it belong to this configuration.
    pub(super) own: bool,
}

/// The data of a ConfigMap.
type Keys<'a> = BTreeMap<String, Value<'a>>;

/// One configuration, compiled.
pub(super) struct Configuration<'a> {
    pub(super) facts: &'a Facts,
    pub(super) keys: Keys<'a>,
    /// Whether all keys of the Secret are known.
    pub(super) knows_secret: bool,
    /// Whether their values are.
    pub(super) knows_values: bool,
    pub(super) config: Config,
}

impl<'a> Configuration<'a> {
    /// The keys of its own, with what they are about.
    pub(super) fn own(&self) -> impl Iterator<Item = (&str, Key<'_>, &Value<'a>)> {
        let own = self.keys.iter().filter(|(_, value)| value.own);
        own.map(|(key, value)| (key.as_str(), Key::parse(key), value))
    }

    /// Adds a finding about `at` inside the value of `key`.
    pub(super) fn add(
        &self,
        rule: &str,
        key: &str,
        at: Option<Position>,
        subject: &str,
        message: impl Into<String>,
        findings: &mut Findings,
    ) {
        let Some(value) = self.keys.get(key).filter(|value| value.own) else { return };
        let at = at.map_or(value.key_at, |at| value.manifest.inside(value.at, at));
        findings.add(rule, value.manifest, at, subject, message);
    }
}

/// Finds the configurations among `manifests` and compiles them.
pub(super) fn configurations<'a>(
    manifests: &'a [Manifest<'a>],
    bindings: &'a [Facts],
    presets: &str,
    findings: &mut Findings,
) -> Vec<Configuration<'a>> {
    let mut groups: BTreeMap<(&str, &str), Vec<Keys<'a>>> = BTreeMap::new();
    let mut order = Vec::new();
    for manifest in manifests.iter().filter(|manifest| manifest.is("", "ConfigMap")) {
        let keys = values(manifest, findings);
        misplaced(manifest, bindings, findings);
        if !is_configuration(&manifest.name, &keys, bindings) {
            continue;
        }
        if let Some(meant) = misnamed(&manifest.name, bindings) {
            let at =
                manifest.fields(&["metadata"]).and_then(|metadata| metadata.get("name")).map(|node| node.at);
            let message = format!("nobody reads a ConfigMap of this name; `{meant}` is probably meant");
            findings.add("config-name", manifest, at.unwrap_or(manifest.node.at), &manifest.title(), message);
        }
        let id = (manifest.name.as_str(), manifest.namespace.as_str());
        let group = groups.entry(id).or_insert_with(|| {
            order.push(id);
            Vec::new()
        });
        group.push(keys);
    }
    join_unplaced(&mut groups);
    let mut found = Vec::new();
    for id in order {
        let Some(parts) = groups.remove(&id) else { continue };
        for keys in generations(parts) {
            if let Some(facts) = binding_of(id.0, &keys, bindings) {
                found.push(compile(keys, id.1, manifests, facts, presets, findings));
            }
        }
    }
    found
}

/// A part without a namespace belongs to the one namespace that others of its name have.
fn join_unplaced<T>(groups: &mut BTreeMap<(&str, &str), Vec<T>>) {
    let names: BTreeSet<_> =
        groups.keys().filter(|(_, namespace)| namespace.is_empty()).map(|id| id.0.to_owned()).collect();
    for name in names {
        let placed: Vec<_> = groups.keys().filter(|id| id.0 == name && !id.1.is_empty()).copied().collect();
        let unplaced = groups.keys().find(|id| id.0 == name && id.1.is_empty()).copied();
        if let ([only], Some(unplaced)) = (placed.as_slice(), unplaced)
            && let Some(parts) = groups.remove(&unplaced)
            && let Some(group) = groups.get_mut(only)
        {
            group.extend(parts);
        }
    }
}

/// The parts as one, or, where they contradict each other, one for each.
fn generations(parts: Vec<Keys<'_>>) -> Vec<Keys<'_>> {
    let mut seen = BTreeSet::new();
    let contradict = parts.iter().flat_map(BTreeMap::keys).any(|key| !seen.insert(key.as_str()));
    if !contradict {
        return vec![parts.into_iter().flatten().collect()];
    }
    (0..parts.len()).map(|index| overlay(&parts, index)).collect()
}

/// All parts, that at `index` over the others.
fn overlay<'a>(parts: &[Keys<'a>], index: usize) -> Keys<'a> {
    let mut whole = BTreeMap::new();
    let others = parts.iter().enumerate().filter(|(other, _)| *other != index);
    for (own, part) in others.map(|(_, part)| (false, part)).chain(parts.get(index).map(|part| (true, part)))
    {
        for (key, value) in part {
            let Value { manifest, key_at, at, text, .. } = value;
            let value = Value { manifest, key_at: *key_at, at: *at, text: text.clone(), own };
            whole.insert(key.clone(), value);
        }
    }
    whole
}

/// Keys that stand beside `data` instead of under it.
fn misplaced(manifest: &Manifest<'_>, bindings: &[Facts], findings: &mut Findings) {
    const KNOWN: &[&str] = &["apiVersion", "kind", "metadata", "data", "binaryData", "immutable"];
    let is_ours = bindings.iter().any(|facts| facts.binding.settings_names().0 == manifest.name);
    let Some(fields) = manifest.fields(&[]).filter(|_| is_ours) else { return };
    for (key, _) in fields.iter().filter(|(key, _)| !KNOWN.contains(&key.text.as_str())) {
        let message = "nobody reads this here; what configures notifications stands under `data`, indented";
        findings.add("unknown-key", manifest, key.at, &key.text, message);
    }
}

/// The data of a ConfigMap. What is no text is refused by every API server.
fn values<'a>(manifest: &'a Manifest<'a>, findings: &mut Findings) -> Keys<'a> {
    let Some(data) = manifest.fields(&["data"]) else { return BTreeMap::new() };
    let mut values = BTreeMap::new();
    for (key, node) in data.iter() {
        if key.text.is_empty()
            || !key.text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        {
            let message = "the API server refuses this key; keys have letters, digits, `-`, `_` and `.` only";
            findings.add("manifest", manifest, key.at, &key.text, message);
        }
        let text = match &node.kind {
            NodeKind::Text(text) => text.clone(),
            NodeKind::Null => String::new(),
            _ => {
                let message = format!(
                    "expected text, found {}; write `{}: |` and indent the value under it, or quote it",
                    node.describe(),
                    key.text
                );
                findings.add("manifest", manifest, node.at, &key.text, message);
                continue;
            }
        };
        let value = Value { manifest, key_at: key.at, at: node.at, text, own: true };
        values.insert(key.text.clone(), value);
    }
    values
}

/// Whether a ConfigMap configures notifications: by its name, or by its keys.
fn is_configuration(name: &str, keys: &Keys<'_>, bindings: &[Facts]) -> bool {
    bindings.iter().any(|facts| facts.binding.settings_names().0 == name)
        || keys
            .keys()
            .any(|key| matches!(Key::parse(key), Key::Template(_) | Key::Trigger(_) | Key::Service { .. }))
}

/// The name that is meant by one that reads nearly the same and is none.
fn misnamed<'a>(name: &str, bindings: &'a [Facts]) -> Option<&'a str> {
    let known = || bindings.iter().map(|facts| facts.binding.settings_names().0);
    if known().any(|known| name.starts_with(known)) {
        return None;
    }
    let plain = |name: &str| {
        name.to_ascii_lowercase()
            .replace(['-', '_', '.'], "")
            .replace("configmap", "cm")
            .replace("notifications", "notification")
    };
    known().find(|known| is_near(known, name) || plain(known) == plain(name))
}

/// The binding that a configuration belongs to: by its name, else by the variable that its texts use; the last one, of which
/// nothing is known, if they use none.
fn binding_of<'a>(name: &str, keys: &Keys<'_>, bindings: &'a [Facts]) -> Option<&'a Facts> {
    let named = bindings.iter().find(|facts| {
        let known = facts.binding.settings_names().0;
        // Generators put a hash behind the name.
        name == known || name.strip_prefix(known).is_some_and(|rest| rest.starts_with('-'))
    });
    let used =
        || bindings.iter().find(|facts| keys.values().any(|value| uses(&value.text, facts.binding.name())));
    named.or_else(used).or(bindings.last())
}

/// Whether `text` has `variable.` as a word.
fn uses(text: &str, variable: &str) -> bool {
    text.match_indices(variable).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + variable.len()..).unwrap_or_default();
        let is_word = |letter: char| letter.is_alphanumeric() || "-_/".contains(letter);
        !before.is_some_and(is_word) && after.starts_with('.')
    })
}

fn compile<'a>(
    keys: Keys<'a>,
    namespace: &str,
    manifests: &[Manifest<'_>],
    facts: &'a Facts,
    presets: &str,
    findings: &mut Findings,
) -> Configuration<'a> {
    let secret = secret(facts.binding.settings_names().1, namespace, manifests, findings);
    let texts = keys.iter().map(|(key, value)| (key.clone(), value.text.clone())).collect();
    let settings = Settings { config_map: Some(texts), secret: Some(secret.values) };
    let options = BuildOptions {
        namespace: namespace.to_owned(),
        legacy: facts.is_app(),
        presets: presets.to_owned(),
        ..BuildOptions::default()
    };
    let config = Config::build(&settings, None, &options);
    Configuration { facts, keys, knows_secret: secret.known, knows_values: secret.readable, config }
}

struct FoundSecret {
    values: Secrets,
    known: bool,
    readable: bool,
}

/// The Secret called `name`, or what makes it in the cluster (a sealed or external one), of which only the names are known.
fn secret(name: &str, namespace: &str, manifests: &[Manifest<'_>], findings: &mut Findings) -> FoundSecret {
    let mut found = FoundSecret { values: Secrets::new(), known: false, readable: true };
    let fits = |manifest: &&Manifest<'_>| {
        manifest.name == name
            && (manifest.namespace == namespace || manifest.namespace.is_empty() || namespace.is_empty())
    };
    for manifest in manifests.iter().filter(fits) {
        let mut put = |key: &str, value: Vec<u8>| {
            found.values.insert(key.to_owned(), Secret::new(value));
        };
        if manifest.is("", "Secret") {
            found.known = true;
            for (key, text) in texts(manifest, &["data"]) {
                let packed: String = text.split_whitespace().collect();
                let value = STANDARD.decode(packed);
                // What stands for something that is put in later is no mistake.
                if value.is_err() && !text.contains(['$', '{', '<', '%']) {
                    let at = manifest.fields(&["data"]).and_then(|data| data.get(&key)).map(|node| node.at);
                    let message = format!(
                        "`data.{key}` is not base64, and every API server refuses it; put plain text under `stringData`"
                    );
                    findings.add(
                        "manifest",
                        manifest,
                        at.unwrap_or(manifest.node.at),
                        &manifest.title(),
                        message,
                    );
                }
                put(&key, value.unwrap_or_else(|_| text.into_bytes()));
            }
            for (key, text) in texts(manifest, &["stringData"]) {
                put(&key, text.into_bytes());
            }
        } else if manifest.is("bitnami.com", "SealedSecret") {
            (found.known, found.readable) = (true, false);
            for (key, _) in texts(manifest, &["spec", "encryptedData"]) {
                put(&key, b"sealed".to_vec());
            }
        } else if manifest.is("external-secrets.io", "ExternalSecret") {
            let spec = manifest.fields(&["spec"]);
            let fetched = spec.is_none_or(|spec| spec.get("dataFrom").is_some());
            (found.known, found.readable) = (!fetched, false);
            let items = spec.and_then(|spec| spec.list("data").ok()).unwrap_or_default();
            for item in items {
                if let Ok(key) = item.fields().and_then(|item| item.text("secretKey")) {
                    put(&key, b"external".to_vec());
                }
            }
        }
    }
    found
}

fn texts(manifest: &Manifest<'_>, path: &[&str]) -> Vec<(String, String)> {
    let Some(fields) = manifest.fields(path) else { return Vec::new() };
    let text = |node: &Node| node.text().unwrap_or_default();
    fields.iter().map(|(key, node)| (key.text.clone(), text(node))).collect()
}

impl Configuration<'_> {
    /// The variables of conditions, or of templates; `None` where nothing is known of the kind.
    pub(super) fn variables(&self, of_templates: bool) -> Option<BTreeSet<String>> {
        let sample = self.facts.samples.first()?;
        let scope = sample.scope(&*self.facts.binding, &self.config.context)?;
        let mut names: BTreeSet<String> =
            scope.names().filter_map(|name| name.to_str().map(str::to_owned)).collect();
        names.extend(self.facts.more_variables.iter().map(|name| (*name).to_owned()));
        if !of_templates {
            names.remove("serviceType");
            names.remove("recipient");
        }
        Some(names)
    }

    /// The variables that hold functions (`time`, `strings`, …), with the names of what they have.
    pub(super) fn members(&self) -> BTreeMap<String, Vec<String>> {
        let sample = self.facts.samples.first();
        let scope = sample.and_then(|sample| sample.scope(&*self.facts.binding, &self.config.context));
        let mut members = BTreeMap::new();
        for name in ["repo", "strings", "sync", "time"] {
            if let Some(dodona_value::Value::Map(map)) = scope.as_ref().and_then(|scope| scope.borrow(name)) {
                let keys = map.keys().into_iter().filter_map(|key| match key {
                    dodona_value::Key::Str(key) => key.to_str().map(str::to_owned),
                    _ => None,
                });
                members.insert(name.to_owned(), keys.collect());
            }
        }
        members
    }
}
