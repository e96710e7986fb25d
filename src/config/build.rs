//! From keys to a [`Config`]: each key by itself, the last good value where the present one is broken, and at the end the
//! names that keys use of each other.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::notes::{Notes, Reference, Referred};
use super::raw::{Key, probably_meant};
use super::service::{self, ConfiguredService, Given};
use super::{BuildOptions, Config, Item, legacy, presets, subscription, template, trigger, yaml};
use crate::engine::{ConditionText, Policy};
use crate::model::{NodeError, Report, Settings, Severity};

/// Key of the Secret that holds services in the shape of v0.x.
const NOTIFIERS: &str = "notifiers.yaml";

pub(super) fn build(settings: &Settings, previous: Option<&Config>, options: &BuildOptions) -> Config {
    let mut builder = Builder::new(settings, previous, options);
    let empty = BTreeMap::new();
    let keys = settings.config_map.as_ref().unwrap_or(&empty);
    let named = keys.get("presets").or(Some(&options.presets).filter(|sets| !sets.is_empty()));
    if let Some(text) = named {
        builder.presets(text, keys);
    }
    for (key, text) in keys {
        builder.key(key, text);
    }
    if options.legacy {
        builder.legacy(keys.get("config.yaml"));
    }
    builder.check_references(keys);
    builder.finish()
}

struct Builder<'a> {
    previous: Option<&'a Config>,
    options: &'a BuildOptions,
    config: Config,
    policy: Policy,
    conditions: BTreeMap<String, Vec<ConditionText>>,
    references: Vec<(String, Reference)>,
}

impl<'a> Builder<'a> {
    fn new(settings: &Settings, previous: Option<&'a Config>, options: &'a BuildOptions) -> Self {
        let namespace = options.namespace.clone();
        let secrets = settings.secret.clone().unwrap_or_default();
        Self {
            previous,
            options,
            policy: Policy {
                namespace: namespace.clone(),
                incomplete: settings.config_map.is_none(),
                prefix_keys: options.self_service,
                ..Policy::default()
            },
            config: Config { namespace, secrets, ..Config::default() },
            conditions: BTreeMap::new(),
            references: Vec::new(),
        }
    }

    fn key(&mut self, key: &str, text: &str) {
        match Key::parse(key) {
            Key::Template(name) => self.template(key, name, text),
            Key::Trigger(name) => self.trigger(key, name, text),
            Key::Service { kind, name } => self.service(key, kind, name, text),
            Key::MalformedService => self.malformed_service(key),
            Key::Subscriptions => {
                let lenient = self.options.lenient;
                let read = |text: &str, notes: &mut Notes| subscription::decode(text, lenient, notes);
                if let Some(subscriptions) = self.attempt(key, text, read) {
                    self.policy.global = subscriptions;
                }
            }
            Key::DefaultTriggers => {
                if let Some(names) = self.names(key, text) {
                    self.policy.default_triggers = names;
                }
            }
            Key::DefaultTriggersOf(service) => {
                if let Some(names) = self.names(key, text) {
                    self.policy.default_triggers_by_service.insert(service.to_owned(), names);
                }
            }
            Key::Context => {
                let read = |text: &str, notes: &mut Notes| {
                    let parsed = yaml::parse(text)?;
                    notes.warnings.extend(parsed.warnings);
                    parsed.node.text_map()
                };
                if let Some(pairs) = self.attempt(key, text, read) {
                    self.config.context = pairs.into_iter().collect();
                }
            }
            Key::Presets | Key::Legacy => {}
            Key::Other => self.unknown(key),
        }
    }

    /// Brings in the presets that no key of the ConfigMap replaces.
    fn presets(&mut self, text: &str, keys: &BTreeMap<String, String>) {
        let Some(sets) = self.attempt("presets", text, presets::decode) else { return };
        for set in sets {
            self.config.presets.push(set.name.to_owned());
            for (key, text) in set.items.iter().filter(|(key, _)| !keys.contains_key(*key)) {
                self.key(key, text);
            }
        }
    }

    fn names(&mut self, key: &str, text: &str) -> Option<Vec<String>> {
        let lenient = self.options.lenient;
        self.attempt(key, text, |text, notes| subscription::decode_names(text, lenient, notes))
    }

    fn template(&mut self, key: &str, name: &str, text: &str) {
        if let Some(template) = self.attempt(key, text, |text, notes| template::decode(name, text, notes)) {
            self.policy.templates.insert(name.to_owned(), Arc::new(template));
        }
    }

    fn trigger(&mut self, key: &str, name: &str, text: &str) {
        let lenient = self.options.lenient;
        if let Some(decoded) = self.attempt(key, text, |text, notes| trigger::decode(text, lenient, notes)) {
            self.policy.triggers.insert(name.to_owned(), decoded.trigger);
            self.conditions.insert(name.to_owned(), decoded.texts);
        }
    }

    /// A service is kept as it is, not read again, where its key is broken: the Secret may be what broke it.
    fn service(&mut self, key: &str, kind: &str, name: &str, text: &str) {
        let secrets = std::mem::take(&mut self.config.secrets);
        let given = Given { key, kind, name, secrets: &secrets, clients: &self.options.clients };
        let mut notes = Notes::default();
        let built = service::decode(text, &given, &mut notes);
        let configured = match built {
            Ok(configured) => {
                self.note(key, notes);
                self.accept(key, text, configured.fingerprint);
                configured
            }
            Err(error) => {
                let last = self.previous.and_then(|previous| previous.services.get(name));
                let last = last.filter(|last| last.key == key && last.service.is_ok()).cloned();
                let reason = self.refuse(key, error, last.is_some());
                if let Some(last) = &last {
                    self.config.fingerprints.insert(key.to_owned(), last.fingerprint);
                }
                last.unwrap_or_else(|| service::refused(&given, reason))
            }
        };
        self.config.secrets = secrets;
        self.add_service(configured);
    }

    /// Two keys may give one name; the later one wins (core 1.2.3).
    fn add_service(&mut self, service: ConfiguredService) {
        let before = self.config.services.insert(service.name.clone(), service.clone());
        if let Some(before) = before.filter(|before| before.key != service.key) {
            let message = format!(
                "`{}` and `{}` both make a service called `{}`, and this one counts; give one of them a name of its own, such as `service.{}.<name>`",
                before.key, service.key, service.name, service.kind
            );
            let report = Report::warning(service.key, None, message).rule("same-service-name");
            self.config.reports.push(report);
        }
    }

    fn malformed_service(&mut self, key: &str) {
        let message = format!(
            "invalid service key; expected 'service.<type>(.<name>)' but got '{key}'; a name cannot contain a dot, use `-`"
        );
        self.config.reports.push(Report::error(key, None, message).rule("service-key"));
        self.item(key, false);
    }

    fn unknown(&mut self, key: &str) {
        if let Some(meant) = probably_meant(key) {
            let message = format!("nobody reads this key; rename it to `{meant}` if that is meant");
            self.config.reports.push(Report::warning(key, None, message).rule("unknown-key"));
        }
    }

    /// Reads a key; where that fails, the text that was good last (core 1.3.3).
    fn attempt<T>(
        &mut self,
        key: &str,
        text: &str,
        read: impl Fn(&str, &mut Notes) -> Result<T, NodeError>,
    ) -> Option<T> {
        let mut notes = Notes::default();
        match read(text, &mut notes) {
            Ok(value) => {
                self.note(key, notes);
                self.accept(key, text, hash(text));
                Some(value)
            }
            Err(error) => {
                let last = self.previous.and_then(|previous| previous.texts.get(key));
                let value = last.and_then(|last| read(last, &mut Notes::default()).ok());
                self.refuse(key, error, value.is_some());
                if let Some(last) = last.filter(|_| value.is_some()) {
                    self.config.fingerprints.insert(key.to_owned(), hash(last));
                    self.config.texts.insert(key.to_owned(), last.clone());
                }
                value
            }
        }
    }

    fn accept(&mut self, key: &str, text: &str, fingerprint: u64) {
        self.config.texts.insert(key.to_owned(), text.to_owned());
        self.config.fingerprints.insert(key.to_owned(), fingerprint);
        self.item(key, true);
    }

    /// Reports a broken key; returns the text of the report.
    fn refuse(&mut self, key: &str, error: NodeError, has_last: bool) -> String {
        self.policy.incomplete |= !has_last;
        let outcome =
            if has_last { "its last good value stays in force" } else { "until then it counts as absent" };
        let message = format!("{}{}; {outcome}", Key::parse(key).failure(), error.message);
        let report = Report::error(path(key, &error), Some(error.at), message).rule(error.rule);
        self.config.reports.push(report);
        self.item(key, false);
        error.message
    }

    fn note(&mut self, key: &str, notes: Notes) {
        for warning in notes.warnings {
            let report = Report::warning(path(key, &warning), Some(warning.at), warning.message);
            self.config.reports.push(report.rule(warning.rule));
        }
        self.references.extend(notes.references.into_iter().map(|reference| (key.to_owned(), reference)));
    }

    fn item(&mut self, key: &str, valid: bool) {
        let (kind, name) = key.split_once('.').unwrap_or((key, ""));
        self.config.items.push(Item { kind: kind.to_owned(), name: name.to_owned(), valid });
    }

    fn legacy(&mut self, bundle: Option<&String>) {
        let lenient = self.options.lenient;
        if let Some(text) = bundle
            && let Some(bundle) =
                self.attempt("config.yaml", text, |text, notes| legacy::decode(text, lenient, notes))
        {
            bundle.apply(&mut self.policy, &self.conditions, &mut self.config.context);
        }
        let Some(secret) = self.config.secrets.get(NOTIFIERS).cloned() else { return };
        let secrets = std::mem::take(&mut self.config.secrets);
        let text = String::from_utf8_lossy(secret.expose()).into_owned();
        let clients = &self.options.clients;
        let read = |text: &str, notes: &mut Notes| legacy::notifiers(text, &secrets, clients, notes);
        for service in self.attempt(NOTIFIERS, &text, read).unwrap_or_default() {
            self.config.services.insert(service.name.clone(), service);
        }
        self.config.secrets = secrets;
    }

    /// Warns about names that nothing has (core 1.3.4); what is configured and broken has a report of its own.
    fn check_references(&mut self, keys: &BTreeMap<String, String>) {
        for (key, reference) in std::mem::take(&mut self.references) {
            let name = &reference.name;
            let (prefix, known) = match reference.to {
                Referred::Trigger => ("trigger", self.policy.triggers.contains_key(name)),
                Referred::Template => ("template", self.policy.templates.contains_key(name)),
                Referred::Service => ("service", self.config.services.contains_key(name)),
            };
            if known || keys.contains_key(&format!("{prefix}.{name}")) || self.came_with_a_preset(&key, keys)
            {
                continue;
            }
            let advice = match reference.to {
                Referred::Service if name == "webhook" => {
                    "a webhook is addressed by its own name, write `<name>` for `service.webhook.<name>`"
                        .to_owned()
                }
                Referred::Service => {
                    format!("add `service.{name}` or `service.<type>.{name}`, or correct the name")
                }
                _ => format!("add `{prefix}.{name}`, or correct the name"),
            };
            let message = format!("there is no {prefix} called `{name}`; {advice}");
            let rule = match reference.to {
                Referred::Trigger => "unknown-trigger",
                Referred::Template => "unknown-template",
                Referred::Service => "unknown-service",
            };
            self.config.reports.push(Report::warning(key, Some(reference.at), message).rule(rule));
        }
    }

    fn came_with_a_preset(&self, key: &str, keys: &BTreeMap<String, String>) -> bool {
        !self.config.presets.is_empty() && !keys.contains_key(key)
    }

    fn finish(self) -> Config {
        let Self { mut config, mut policy, options, .. } = self;
        config
            .reports
            .sort_by(|one, other| (&one.key, one.at.map(order)).cmp(&(&other.key, other.at.map(order))));
        config.reports.dedup();
        if options.strict && config.reports.iter().any(|report| report.severity == Severity::Error) {
            return refused(config);
        }
        let fingerprints = config.services.iter().map(|(name, service)| (name.clone(), service.fingerprint));
        policy.service_fingerprints = fingerprints.collect();
        config.policy = Arc::new(policy);
        config
    }
}

/// A configuration of which nothing is in force (core 1.3.1).
fn refused(config: Config) -> Config {
    let Config { namespace, secrets, reports, items, .. } = config;
    let policy = Arc::new(Policy { namespace: namespace.clone(), incomplete: true, ..Policy::default() });
    Config { namespace, policy, secrets, reports, items, ..Config::default() }
}

fn order(at: crate::model::Position) -> (usize, usize) {
    (at.line, at.column)
}

/// The key, and behind it the field inside its value.
fn path(key: &str, error: &NodeError) -> String {
    if error.path.is_empty() { key.to_owned() } else { format!("{key}: {}", error.path) }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
