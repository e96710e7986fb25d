//! The variables that come from the configuration rather than from the object: `context`, `secrets`, the destination.

use std::collections::BTreeMap;
use std::sync::Arc;

use dodona_value::{GoType, Map, Scope, Str, Value};

use crate::model::{Companions, Destination, Lookup, NoCompanions, Object, ObjectKey, Secrets};

/// What a configuration contributes to every scope, prepared once per configuration.
#[derive(Clone)]
pub struct SharedFacts {
    context: BTreeMap<String, String>,
    context_without_destination: Value,
    secrets: Value,
    lookup: Arc<dyn Lookup>,
}

impl SharedFacts {
    /// Facts of a configuration with this `context` (core 1.7) and these secrets (core 4.2.4).
    pub fn new(context: &BTreeMap<String, String>, secrets: &Secrets, lookup: Arc<dyn Lookup>) -> Self {
        // Text, not bytes: `{{ .secrets.token }}` prints what it says, and `printf "%s"`, `toString` and `b64enc` answer as
        // they do for bytes (core 4.1.3).
        let texts = secrets
            .iter()
            .map(|(key, secret)| (Str::copy(key.as_bytes()), Value::Str(Str::copy(secret.expose()))));
        Self {
            context_without_destination: context_value(context, ""),
            context: context.clone(),
            secrets: Value::Map(Map::of(GoType::Str, texts)),
            lookup,
        }
    }

    /// These facts for a trigger evaluation (no destination) or for a message to `destination`.
    pub fn facts<'a>(&'a self, destination: Option<&'a Destination>) -> Facts<'a> {
        Facts { shared: self, destination, companions: &NoCompanions, lookup: &self.lookup }
    }
}

/// What a binding builds a scope from, besides the object.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    shared: &'a SharedFacts,
    /// Where the message goes; `None` in trigger evaluations.
    pub destination: Option<&'a Destination>,
    /// What is looked up beside the object.
    companions: &'a dyn Companions,
    lookup: &'a Arc<dyn Lookup>,
}

impl<'a> Facts<'a> {
    /// The same with `companions` to look up.
    #[must_use]
    pub fn beside(self, companions: &'a dyn Companions) -> Self {
        Self { companions, ..self }
    }

    /// The same with questions answered by `lookup`.
    #[must_use]
    pub fn asking(self, lookup: &'a Arc<dyn Lookup>) -> Self {
        Self { lookup, ..self }
    }

    /// A companion as it is now.
    pub fn companion(&self, key: &ObjectKey) -> Option<Arc<Object>> {
        self.companions.find(key)
    }

    /// `context` with `notificationType` preset to the service's name; the user's own value wins (core 1.7.2).
    pub fn context(&self) -> Value {
        match self.destination {
            None => self.shared.context_without_destination.clone(),
            Some(destination) => context_value(&self.shared.context, &destination.service),
        }
    }

    /// `context`, where the configuration has one: the bindings that have none upstream stay without it otherwise.
    pub fn context_if_any(&self) -> Option<(Str, Value)> {
        (!self.shared.context.is_empty()).then(|| (Str::from_static("context"), self.context()))
    }

    /// `secrets`: text to text.
    pub fn secrets(&self) -> Value {
        self.shared.secrets.clone()
    }

    /// Who answers `repo.…` questions.
    pub fn lookup(&self) -> &Arc<dyn Lookup> {
        self.lookup
    }

    /// Adds `serviceType` and `recipient`, which exist in templates only and hide variables of the same name (core 4.2.1).
    #[must_use]
    pub fn finish(&self, mut variables: Vec<(Str, Value)>) -> Scope {
        if let Some(destination) = self.destination {
            variables
                .retain(|(name, _)| name.as_bytes() != b"serviceType" && name.as_bytes() != b"recipient");
            variables.push((
                Str::from_static("serviceType"),
                Value::Str(Str::copy(destination.service.as_bytes())),
            ));
            variables.push((
                Str::from_static("recipient"),
                Value::Str(Str::copy(destination.recipient.as_bytes())),
            ));
        }
        variables.into_iter().collect()
    }
}

fn context_value(context: &BTreeMap<String, String>, notification_type: &str) -> Value {
    let preset = std::iter::once(("notificationType", notification_type));
    let own = context.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let pairs: BTreeMap<&str, &str> = preset.chain(own).collect();
    let texts = pairs
        .into_iter()
        .map(|(key, value)| (Str::copy(key.as_bytes()), Value::Str(Str::copy(value.as_bytes()))));
    Value::Map(Map::of(GoType::Str, texts))
}
