//! Who is subscribed, and where each subscription stands.

use dodona_value::Numbers;
use serde_json::json;

use crate::cli::workspace::Workspace;
use crate::engine::{Destinations, Policy, destinations};
use crate::model::{Destination, Object};

/// One way in which somebody is subscribed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) trigger: String,
    pub(super) destination: Destination,
    /// Where it stands.
    pub(super) from: String,
    /// Whether the trigger is one of the default triggers, as the subscription names none.
    pub(super) by_default: bool,
}

/// The subscriptions of an object.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) found: Vec<Subscription>,
    /// Annotations that look like subscriptions and subscribe nobody.
    pub(super) idle: Vec<String>,
}

/// The subscriptions of `object`; `beside` is what subscribes it too, with the name to call it by.
pub(super) fn of(workspace: &Workspace, object: &Object, beside: Option<(&str, &Object)>) -> Sources {
    let mut sources = Sources::default();
    let policy = &workspace.config.policy;
    let place = workspace.tenant.as_ref().map(|tenant| format!(" in namespace {tenant}")).unwrap_or_default();
    for (index, entry) in policy.global.iter().enumerate() {
        if !entry.selector.matches(object.labels()) {
            continue;
        }
        let by_default = entry.triggers.is_empty();
        let triggers = if by_default { &policy.default_triggers } else { &entry.triggers };
        for trigger in triggers {
            sources.found.extend(entry.destinations.iter().map(|destination| Subscription {
                trigger: trigger.clone(),
                destination: destination.clone(),
                from: format!("`subscriptions` [{index}] of the ConfigMap{place}"),
                by_default,
            }));
        }
    }
    sources.annotations(workspace, object, "annotation");
    if let Some((name, beside)) = beside {
        sources.annotations(workspace, beside, &format!("{name}, annotation"));
    }
    sources
}

impl Sources {
    /// Reads each annotation alone, so that it is known which one subscribes whom.
    fn annotations(&mut self, workspace: &Workspace, object: &Object, what: &str) {
        let policy = &workspace.config.policy;
        let bare = Policy::default();
        let defaults = Policy {
            default_triggers: policy.default_triggers.clone(),
            default_triggers_by_service: policy.default_triggers_by_service.clone(),
            ..Policy::default()
        };
        let read = |policy: &Policy, key: &str, value: &str| {
            let one = json!({"metadata": {"name": "one", "annotations": {key: value}}}).to_string();
            match Object::parse(one.into(), Numbers::Kubernetes) {
                Ok(one) => destinations(&one, policy, &[], workspace.reading(), &mut Vec::new()),
                Err(_) => Destinations::default(),
            }
        };
        let prefix = workspace.binding.annotation_prefix();
        for (key, value) in object.annotations() {
            let Some(name) = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')) else {
                continue;
            };
            let (all, named) = (read(&defaults, key, value), read(&bare, key, value));
            let is_named = |trigger: &str, destination: &Destination| {
                named.iter().any(|(one, list)| **one == *trigger && list.contains(destination))
            };
            for (trigger, list) in all.iter() {
                self.found.extend(list.iter().map(|destination| Subscription {
                    trigger: trigger.to_string(),
                    destination: destination.clone(),
                    from: format!("{what} {key}"),
                    by_default: !is_named(trigger, destination),
                }));
            }
            if all.is_empty() {
                let why = if name.starts_with("subscribe.") || name.starts_with("subscriptions") {
                    "subscribes nobody: it names no trigger and there are no default triggers, or it cannot be read"
                } else {
                    "is no subscription; those are called `subscribe.<trigger>.<service>` and `subscriptions`"
                };
                self.idle.push(format!("{what} {key} {why}"));
            }
        }
    }

    /// What several configurations say about one object, each thing once.
    pub(super) fn joined(all: &[Self]) -> Self {
        let mut joined = Self::default();
        for one in all {
            let new: Vec<_> = one.found.iter().filter(|one| !joined.found.contains(one)).cloned().collect();
            joined.found.extend(new);
            let new: Vec<_> = one.idle.iter().filter(|one| !joined.idle.contains(one)).cloned().collect();
            joined.idle.extend(new);
        }
        joined
    }

    /// The triggers with their destinations, each once.
    pub(super) fn destinations(&self, trigger: &str) -> Vec<&Destination> {
        let mut found: Vec<&Destination> = Vec::new();
        for one in self.found.iter().filter(|one| one.trigger == trigger) {
            if !found.contains(&&one.destination) {
                found.push(&one.destination);
            }
        }
        found
    }
}
