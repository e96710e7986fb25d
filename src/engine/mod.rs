//! Decisions. What a change means for the people who are subscribed: who, whether, under which key, with which text.
//!
//! Nothing here waits, talks to a network, reads a clock or knows where configuration comes from. `config` compiles text
//! into the types of this part; `pipeline` calls [`decide()`] for every watch event in order of arrival and [`compose()`] for
//! each notification of the plan, and tells the [`Ledger`] what became of them.

mod compose;
mod decide;
mod happening;
pub mod ledger;
mod selector;
pub mod subscribe;
mod trigger;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

pub use compose::{ComposeError, Wanted, compose, demands_answers, needs_lookup};
pub use decide::{Applicable, DecideInput, Plan, Suppressed, decide};
pub use happening::{HappeningInput, decide_happening, is_wanted};
pub use ledger::{AnnotationPatch, Ledger, Presence};
pub use selector::Selector;
pub use subscribe::{Annotations, Destinations, Reading, destinations, is_annotated, may_be_subscribed};
pub use trigger::{
    Condition, ConditionError, ConditionText, Trigger, Verdict, condition_key, evaluate, evaluate_event,
};

use crate::model::{Destination, Object, Section};

/// The compiled, immutable decisions part of one configuration (one ConfigMap).
#[derive(Default)]
pub struct Policy {
    /// Namespace of the ConfigMap; part of the ledger key in self-service mode (core 3.5).
    pub namespace: String,
    /// Whether the ConfigMap is missing or has keys that cannot be read at all: what is not configured may only be gone for
    /// a moment.
    pub incomplete: bool,
    /// Whether ledger keys carry `namespace` (self-service configuration of a tenant).
    pub prefix_keys: bool,
    /// `subscriptions`: global subscriptions (core 2.4).
    pub global: Vec<GlobalSubscription>,
    /// `defaultTriggers` (core 2.5).
    pub default_triggers: Vec<String>,
    /// `defaultTriggers.<service>` (core 2.5); an empty list means none.
    pub default_triggers_by_service: BTreeMap<String, Vec<String>>,
    /// `trigger.<name>` (core 3.1).
    pub triggers: BTreeMap<String, Trigger>,
    /// `template.<name>` (core 1.6).
    pub templates: BTreeMap<String, Arc<Template>>,
    /// A hash of the settings of each service, secrets put in, by name: what a refused message waits for (design 2).
    pub service_fingerprints: BTreeMap<String, u64>,
}

impl Policy {
    /// The triggers of a subscription to `service` that names none (core 2.5).
    pub fn default_triggers_for(&self, service: &str) -> &[String] {
        self.default_triggers_by_service.get(service).unwrap_or(&self.default_triggers)
    }

    /// Whether a condition or a template may use the variable `name`.
    pub fn mentions(&self, name: &str) -> bool {
        self.triggers.values().any(|trigger| trigger.mentions(name))
            || self.templates.values().any(|template| template.mentions(name))
    }

    /// A hash of everything that a message to `destination` from `templates` depends on. A refused message is tried again
    /// when it changes (design 2).
    pub fn fingerprint(&self, destination: &Destination, templates: &[String]) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.service_fingerprints.get(&*destination.service).hash(&mut hasher);
        for name in templates {
            self.templates.get(name).map(|template| template.fingerprint).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// One entry of `subscriptions`.
pub struct GlobalSubscription {
    /// Destinations in order; [`subscribe::recipient`] makes one of a recipient text.
    pub destinations: Vec<Destination>,
    /// Trigger names; empty means the global default triggers (core 2.4.2).
    pub triggers: Vec<String>,
    /// Which objects, by their labels; matches everything if empty (core 2.4.3).
    pub selector: Selector,
}

/// One notification template, compiled: the common text and the sections by key.
pub struct Template {
    /// Its name.
    pub name: String,
    /// `message`.
    pub message: Option<dodona_gotmpl::Template>,
    /// Sections by key in the fixed order of core 4.4.
    pub sections: Vec<(&'static str, Box<dyn Section>)>,
    /// Whether the message waits for questions that cannot be answered now, instead of leaving with marks (`required`).
    pub demands_answers: bool,
    /// A hash of its text, for [`Policy::fingerprint`].
    pub fingerprint: u64,
}

/// One notification to be sent, as decided.
#[derive(Clone, Debug)]
pub struct Send {
    /// Index of the policy in [`DecideInput::policies`].
    pub policy: usize,
    /// Name of the trigger.
    pub trigger: String,
    /// Key of the condition.
    pub condition: String,
    /// The ledger key under which it is recorded (core 3.5).
    pub ledger_key: String,
    /// Where to.
    pub destination: Destination,
    /// Which templates, in merge order.
    pub templates: Vec<String>,
    /// The object as it was when the decision fell.
    pub object: Arc<Object>,
    /// Whether it could not be composed from an earlier version; people know of it.
    pub again: bool,
}
