//! Who is told about which trigger: global subscriptions, annotations, default triggers (core 2).
//!
//! A broken annotation yields a report and nothing else; it never disturbs the other subscriptions of the object.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::Policy;
use crate::model::{Destination, Fields, Node, NodeError, Object, Report};

/// Ending of the keys of legacy annotations (core 2.6).
const LEGACY: &str = "recipients.argocd-notifications.argoproj.io";

/// Annotations of an object, sorted by key.
pub type Annotations = [(String, String)];

/// How annotations are read.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Prefix of the subscription keys (core 2.1).
    pub prefix: &'a str,
    /// Whether legacy annotations of the object itself count (core 2.6.2); those of a project always do.
    pub legacy: bool,
    /// Reads YAML as the configuration does.
    pub yaml: fn(&str) -> Result<Node, NodeError>,
}

/// Destinations by trigger: triggers sorted, destinations in the order of core 2.8, without repetitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destinations {
    by_trigger: BTreeMap<Arc<str>, Vec<Destination>>,
}

impl Destinations {
    /// Triggers in order, each with its destinations.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &[Destination])> {
        self.by_trigger.iter().map(|(trigger, destinations)| (trigger, destinations.as_slice()))
    }

    /// Whether nobody is subscribed to anything.
    pub fn is_empty(&self) -> bool {
        self.by_trigger.is_empty()
    }

    fn add(&mut self, trigger: &str, destination: Destination) {
        match self.by_trigger.get_mut(trigger) {
            Some(list) => list.push(destination),
            None => {
                self.by_trigger.insert(trigger.into(), vec![destination]);
            }
        }
    }

    /// Keeps the first of equal destinations of a trigger (core 2.8 rule 4).
    fn dedupe(&mut self) {
        for list in self.by_trigger.values_mut().filter(|list| list.len() > 1) {
            let mut seen = HashSet::with_capacity(list.len());
            list.retain(|destination| seen.insert(destination.clone()));
        }
    }
}

/// Whether somebody may be subscribed to `object`: exact for global subscriptions, by key for annotations. Reads the
/// metadata only and allocates nothing, because it runs for every event of every object.
pub fn may_be_subscribed(object: &Object, policy: &Policy, prefix: &str, legacy: bool) -> bool {
    policy.global.iter().any(|entry| entry.selector.matches(object.labels()))
        || is_annotated(object.annotations(), prefix, legacy)
}

/// Whether there is a subscription among `annotations`, judged by their keys.
pub fn is_annotated(annotations: &Annotations, prefix: &str, legacy: bool) -> bool {
    annotations.iter().any(|(key, _)| key_of(key, prefix).is_some() || (legacy && key.ends_with(LEGACY)))
}

/// All destinations of an object under one policy. `projects` are annotations that the binding contributes (core 2.7).
pub fn destinations(
    object: &Object,
    policy: &Policy,
    projects: &[&Annotations],
    reading: Reading<'_>,
    reports: &mut Vec<Report>,
) -> Destinations {
    let mut collector = Collector { policy, reading, found: Destinations::default(), reports };
    collector.global(object);
    collector.annotations(object.annotations());
    if reading.legacy {
        collector.legacy(object.annotations());
    }
    for annotations in projects {
        collector.annotations(annotations);
        collector.legacy(annotations);
    }
    let mut found = collector.found;
    found.dedupe();
    found
}

/// The destination of a recipient text of a global subscription: service and recipient, split at the first colon
/// (core 2.4.1, 12). Without a colon the recipient is empty, as webhooks need it.
pub fn recipient(text: &str) -> Destination {
    let (service, recipient) = text.split_once(':').unwrap_or((text, ""));
    Destination::new(service, recipient)
}

enum SubscriptionKey<'a> {
    /// `subscribe.<rest>`
    Subscribe(&'a str),
    /// `subscriptions…`
    List,
}

fn key_of<'a>(key: &'a str, prefix: &str) -> Option<SubscriptionKey<'a>> {
    let name = key.strip_prefix(prefix)?.strip_prefix('/')?;
    match name.strip_prefix("subscribe.") {
        Some(rest) => Some(SubscriptionKey::Subscribe(rest)),
        None => name.starts_with("subscriptions").then_some(SubscriptionKey::List),
    }
}

struct Collector<'a> {
    policy: &'a Policy,
    reading: Reading<'a>,
    found: Destinations,
    reports: &'a mut Vec<Report>,
}

impl Collector<'_> {
    /// Global subscriptions; those without triggers take the global default triggers only (core 2.4.2).
    fn global(&mut self, object: &Object) {
        for entry in self.policy.global.iter().filter(|entry| entry.selector.matches(object.labels())) {
            let triggers =
                if entry.triggers.is_empty() { &self.policy.default_triggers } else { &entry.triggers };
            for trigger in triggers {
                for destination in &entry.destinations {
                    self.found.add(trigger, destination.clone());
                }
            }
        }
    }

    fn annotations(&mut self, annotations: &Annotations) {
        for (key, value) in annotations {
            match key_of(key, self.reading.prefix) {
                Some(SubscriptionKey::Subscribe(rest)) => self.subscribe(rest, value),
                Some(SubscriptionKey::List) => self.list(key, value),
                None => {}
            }
        }
    }

    /// `subscribe.<trigger>.<service>` or `subscribe.<service>` (core 2.2).
    fn subscribe(&mut self, rest: &str, value: &str) {
        let mut parts = rest.split('.');
        let first = parts.next().unwrap_or_default();
        let (trigger, service) = match parts.next() {
            Some(service) => (first, service),
            None => ("", first),
        };
        if value.is_empty() {
            self.add(trigger, service, "");
        }
        for recipient in value.split(';').map(str::trim).filter(|recipient| !recipient.is_empty()) {
            self.add(trigger, service, recipient);
        }
    }

    /// `subscriptions` as YAML (core 2.3).
    fn list(&mut self, key: &str, value: &str) {
        let node = match (self.reading.yaml)(value) {
            Ok(node) => node,
            Err(error) => return self.report(key, &error),
        };
        if node.is_null() {
            self.report(key, &node.expected("a list of `trigger` and `destinations`"));
            return;
        }
        match node.items() {
            Ok(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.entry(key, index, item);
                }
            }
            Err(error) => self.report(key, &error),
        }
    }

    /// One item of the list. What cannot be read is reported and counts as absent, and the rest of the item counts.
    fn entry(&mut self, key: &str, index: usize, item: &Node) {
        let fields = match item.fields() {
            Ok(fields) => fields,
            Err(error) => return self.report(key, &error.item(index)),
        };
        let triggers = self.texts(key, index, fields, "trigger");
        if let (None, Some(plural)) = (fields.get("trigger"), fields.get("triggers")) {
            let message = "unknown field, ignored: the name is `trigger` here, and without it the default triggers apply";
            self.reports.push(Report::warning(format!("{key} [{index}].triggers"), Some(plural.at), message));
        }
        let targets = match fields.list("destinations") {
            Ok(targets) => targets,
            Err(error) => return self.report(key, &error.item(index)),
        };
        for target in targets {
            let target = match target.fields() {
                Ok(target) => target,
                Err(error) => {
                    self.report(key, &error.inside("destinations").item(index));
                    continue;
                }
            };
            let service = match target.text("service") {
                Ok(service) => service,
                Err(error) => {
                    self.report(key, &error.inside("destinations").item(index));
                    continue;
                }
            };
            for recipient in self.texts(key, index, target, "recipients") {
                if triggers.is_empty() {
                    self.add("", &service, &recipient);
                }
                for trigger in &triggers {
                    self.add(trigger, &service, &recipient);
                }
            }
        }
    }

    /// A list of texts; one text instead of a list is taken with a warning (core 2.3, 12).
    fn texts(&mut self, key: &str, index: usize, fields: Fields<'_>, name: &str) -> Vec<String> {
        let Some(node) = fields.get(name) else { return Vec::new() };
        if node.is_scalar() {
            let place = fields
                .error(name, "expected a list, found one value; it is taken as a list of one")
                .item(index);
            self.reports.push(Report::warning(path(key, &place), Some(place.at), place.message));
        }
        match fields.text_list(name) {
            Ok(texts) => texts,
            Err(error) => {
                self.report(key, &error.item(index));
                Vec::new()
            }
        }
    }

    /// Legacy annotations (core 2.6).
    fn legacy(&mut self, annotations: &Annotations) {
        for (key, value) in annotations {
            let Some(trigger) = key.strip_suffix(LEGACY).map(|before| before.trim_end_matches('.')) else {
                continue;
            };
            for text in value.split(',').map(str::trim).filter(|text| !text.is_empty()) {
                let mut parts = text.split(':');
                let service = parts.next().unwrap_or_default();
                let recipient = parts.next().unwrap_or_default();
                // An oddity that is kept (core 2.6.1): the service's default triggers replace even a trigger that is named.
                let trigger =
                    if self.policy.default_triggers_by_service.contains_key(service) { "" } else { trigger };
                self.add(trigger, service, recipient);
            }
        }
    }

    /// Adds a destination; without a trigger the default triggers apply (core 2.5).
    fn add(&mut self, trigger: &str, service: &str, recipient: &str) {
        let destination = Destination::new(service, recipient);
        if trigger.is_empty() {
            for trigger in self.policy.default_triggers_for(service) {
                self.found.add(trigger, destination.clone());
            }
        } else {
            self.found.add(trigger, destination);
        }
    }

    fn report(&mut self, key: &str, error: &NodeError) {
        self.reports.push(Report::error(path(key, error), Some(error.at), error.message.clone()));
    }
}

/// Key of a report: the annotation, and where inside it.
fn path(key: &str, error: &NodeError) -> String {
    if error.path.is_empty() { key.to_owned() } else { format!("{key} {}", error.path) }
}

#[cfg(test)]
mod tests;
