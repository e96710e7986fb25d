//! Decisions. What a change means for the people who are subscribed: who, whether, under which key, with which text.
//!
//! Nothing here waits, talks to a network, reads a clock or knows where configuration comes from. `config` compiles text
//! into the types of this part; `pipeline` calls [`decide`] for every watch event in order of arrival and [`compose`] for
//! each notification of the plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Destination, Object, Section};

/// The compiled, immutable decisions part of one configuration (one ConfigMap).
#[derive(Default)]
pub struct Policy {
    /// Namespace of the ConfigMap; part of the ledger key in self-service mode (core 3.5).
    pub namespace: String,
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
}

/// One entry of `subscriptions`.
pub struct GlobalSubscription {
    /// Destinations in order; a recipient text was split at its first colon (core 2.4.1, 12).
    pub destinations: Vec<Destination>,
    /// Trigger names; empty means the global default triggers (core 2.4.2).
    pub triggers: Vec<String>,
    /// Which objects, by their labels; matches everything if empty (core 2.4.3).
    pub selector: Selector,
}

/// A trigger: its conditions in order; the index is part of the ledger key (core 3.1).
#[derive(Default)]
pub struct Trigger {
    /// The conditions.
    pub conditions: Vec<Condition>,
}

/// One condition of a trigger, compiled.
pub struct Condition {
    /// `[<index>].<hash>` (core 3.3), computed from the text of `when` exactly as decoded.
    pub key: String,
    /// The condition itself. The empty text compiles as `false` (core 3.2.2).
    pub when: dodona_expr::Program,
    /// Whether the text of `when` was empty (Rollouts' event engine treats that as always, core 6.1).
    pub when_is_empty: bool,
    /// Compiled `oncePer`, if it is not the empty text.
    pub once_per: Option<dodona_expr::Program>,
    /// Names of the templates to send, in merge order (core 4.4).
    pub send: Vec<String>,
    /// `description`.
    pub description: String,
}

/// One notification template, compiled: the common text and the sections by key.
pub struct Template {
    /// Its name.
    pub name: String,
    /// `message`.
    pub message: Option<dodona_gotmpl::Template>,
    /// Sections by key in the fixed order of core 4.4.
    pub sections: Vec<(&'static str, Box<dyn Section>)>,
}

/// One notification to be sent, as decided.
#[derive(Clone)]
pub struct Send {
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
}
