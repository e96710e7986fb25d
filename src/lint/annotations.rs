//! Subscriptions in the annotations of objects (core 2.2, 2.3, 2.6): keys that are read differently from what they look
//! like, names that no configuration has.

use bytes::Bytes;
use dodona_value::Numbers;

use super::Findings;
use super::facts::Facts;
use super::groups::Configuration;
use super::manifest::Manifest;
use super::subscriptions::about;
use crate::binding::DEFAULT_PREFIX;
use crate::config::yaml;
use crate::engine::{Policy, Reading, destinations};
use crate::model::{Destination, Fields, Key, Node, NodeKind, Object, Position, Severity};

/// Ending of the keys of v0.x.
const LEGACY: &str = "recipients.argocd-notifications.argoproj.io";

/// The longest name of an annotation, what stands behind the slash.
const LONGEST_NAME: usize = 63;

/// Looks at the annotations of `manifest`, and at those that an ApplicationSet puts on its Applications.
pub(super) fn check(
    manifest: &Manifest<'_>,
    configurations: &[Configuration<'_>],
    bindings: &[Facts],
    findings: &mut Findings,
) {
    let relevant = relevant(manifest, configurations, bindings);
    let mut places = vec![manifest.fields(&["metadata", "annotations"])];
    if manifest.kind == "ApplicationSet" {
        places.push(manifest.fields(&["spec", "template", "metadata", "annotations"]));
    }
    for annotations in places.into_iter().flatten() {
        let mut look = Look { manifest, configurations: &relevant, findings };
        look.all(annotations);
    }
}

/// The configurations that are read for the kind of `manifest`; all of them if its kind is not known.
fn relevant<'c, 'a>(
    manifest: &Manifest<'_>,
    configurations: &'c [Configuration<'a>],
    bindings: &[Facts],
) -> Vec<&'c Configuration<'a>> {
    let kind = if matches!(manifest.kind.as_str(), "AppProject" | "ApplicationSet") {
        "Application"
    } else {
        &manifest.kind
    };
    let binding = bindings.iter().find(|facts| facts.binding.resource().is(&manifest.api_version, kind));
    let fits = |one: &&Configuration<'_>| {
        binding.is_none_or(|facts| facts.binding.name() == one.facts.binding.name())
    };
    configurations.iter().filter(fits).collect()
}

struct Look<'a, 'b, 'c> {
    manifest: &'a Manifest<'b>,
    configurations: &'a [&'a Configuration<'c>],
    findings: &'a mut Findings,
}

impl Look<'_, '_, '_> {
    fn all(&mut self, annotations: Fields<'_>) {
        for (key, node) in annotations.iter() {
            let (prefix, name) = key.text.split_once('/').unwrap_or(("", &key.text));
            if prefix == DEFAULT_PREFIX {
                self.subscription(key, name, node);
            } else if key.text.ends_with(LEGACY) {
                let message = format!(
                    "this is read for compatibility with v0.x only; write `{DEFAULT_PREFIX}/subscribe.<trigger>.<service>: <recipient>`"
                );
                self.add("legacy-annotation", key.at, key, message);
            } else if prefix.ends_with("argoproj.io")
                && prefix.contains("notif")
                && !prefix.starts_with("notified.")
            {
                let is_subscription = name.starts_with("subscribe") || name.starts_with("subscription");
                if is_subscription {
                    let message = format!("nobody reads `{prefix}`; the prefix is `{DEFAULT_PREFIX}`");
                    self.add("annotation-key", key.at, key, message);
                }
            }
        }
    }

    fn subscription(&mut self, key: &Key, name: &str, node: &Node) {
        let NodeKind::Text(value) = &node.kind else {
            if !node.is_null() {
                let message =
                    format!("the value of an annotation is text, and this is {}; quote it", node.describe());
                self.add("manifest", node.at, key, message);
            }
            return self.subscribe(key, name, "", node.at);
        };
        if name.len() > LONGEST_NAME {
            let message = format!(
                "`{name}` has {} letters, and Kubernetes allows {LONGEST_NAME}; use shorter names, or a list under `{DEFAULT_PREFIX}/subscriptions`",
                name.len()
            );
            self.add("annotation-length", key.at, key, message);
        }
        self.subscribe(key, name, value, node.at);
    }

    fn subscribe(&mut self, key: &Key, name: &str, value: &str, at: Position) {
        let parts: Vec<&str> = name.split('.').collect();
        match parts.as_slice() {
            ["subscribe", _] | ["subscribe", _, _] => {}
            ["subscribe", trigger, service, .., last] => {
                let message = format!(
                    "only two parts count, so this subscribes to `{trigger}` by the service `{service}`; a service is named by the last part of its key: `subscribe.{trigger}.{last}`"
                );
                self.add("annotation-key", key.at, key, message);
            }
            [first, ..] if first.starts_with("subscriptions") => {}
            _ => {
                let message =
                    "nobody reads this annotation; write `subscribe.<trigger>.<service>` or `subscriptions`"
                        .to_owned();
                return self.add("annotation-key", key.at, key, message);
            }
        }
        self.destinations(key, value, at);
    }

    /// Reads the one annotation as the controller does.
    fn destinations(&mut self, key: &Key, value: &str, at: Position) {
        let annotations = serde_json::Map::from_iter([(key.text.clone(), value.into())]);
        let json = serde_json::json!({"metadata": {"name": "linted", "annotations": annotations}});
        let Ok(object) = Object::parse(Bytes::from(json.to_string()), Numbers::Kubernetes) else { return };
        let reading = Reading { prefix: DEFAULT_PREFIX, legacy: false, yaml: yaml::parse_node };
        let nobody = Policy::default();
        let mut reports = Vec::new();
        destinations(&object, &nobody, &[], reading, &mut reports);
        for report in reports {
            let rule = if report.severity == Severity::Error { "annotation-value" } else { "list-expected" };
            let place = report.at.map_or(at, |inside| self.manifest.inside(at, inside));
            self.add(rule, place, key, report.message);
        }
        // Where no configuration is given, nothing can be said about names.
        let mut problems: Option<Vec<(&'static str, String)>> = None;
        for configuration in self.configurations {
            let policy = &configuration.config.policy;
            let global = Policy {
                default_triggers: policy.default_triggers.clone(),
                default_triggers_by_service: policy.default_triggers_by_service.clone(),
                ..Policy::default()
            };
            let found = destinations(&object, &global, &[], reading, &mut Vec::new());
            let mut own = Vec::new();
            for (trigger, targets) in found.iter() {
                own.extend(names(configuration, trigger, targets));
            }
            if found.is_empty() && !value.trim().is_empty() && has_default(key) {
                own.push(("no-default-trigger", "this annotation names no trigger, and there is no `defaultTriggers`, so nothing is sent; write `subscribe.<trigger>.<service>`".to_owned()));
            }
            // What one of the configurations can serve is well.
            if problems.as_ref().is_none_or(|least| own.len() < least.len()) {
                problems = Some(own);
            }
        }
        for (rule, message) in problems.unwrap_or_default() {
            self.add(rule, key.at, key, message);
        }
    }

    fn add(&mut self, rule: &str, at: Position, key: &Key, message: String) {
        let subject = format!("{}: {}", self.manifest.title(), key.text);
        self.findings.add(rule, self.manifest, at, &subject, message);
    }
}

/// `subscribe.<service>`, which leaves the trigger to the configuration.
fn has_default(key: &Key) -> bool {
    key.text.split_once("/subscribe.").is_some_and(|(_, rest)| !rest.contains('.'))
}

fn names(
    configuration: &Configuration<'_>,
    trigger: &str,
    targets: &[Destination],
) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let config = &configuration.config;
    if !config.policy.triggers.contains_key(trigger)
        && !configuration.keys.contains_key(&format!("trigger.{trigger}"))
    {
        let known: Vec<_> = config.policy.triggers.keys().map(String::as_str).collect();
        let known = if known.is_empty() {
            "there are none".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        found.push(("unknown-trigger", format!("there is no trigger called `{trigger}` ({known}); add `trigger.{trigger}`, or correct the name")));
    }
    for target in targets {
        let service = &*target.service;
        if config.services.contains_key(service) {
            found.extend(about(configuration, target, &[trigger.to_owned()]));
        } else if found.iter().all(|(rule, _)| *rule != "unknown-service") {
            let known: Vec<_> = config.services.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "there are none".to_owned()
            } else {
                format!("there are {}", known.join(", "))
            };
            found.push(("unknown-service", format!("there is no service called `{service}` ({known}); add `service.{service}`, or correct the name")));
        }
    }
    found
}
