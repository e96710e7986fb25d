//! The configuration in force, and what happens when its text changes (core 5.4).

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::binding::SharedFacts;
use crate::config::{BuildOptions, Config};
use crate::delivery::client::Clients;
use crate::model::{Lookup, Object, Report, Severity};
use crate::source::Settings;

/// A configuration that is in force, with what it contributes to every scope.
pub(crate) struct InForce {
    /// Namespace of the ConfigMap.
    pub(crate) namespace: String,
    /// Whether it is a tenant's (core 5.4.3), whom less is allowed (design 7).
    pub(crate) tenant: bool,
    /// Whether a condition may ask the repo server.
    pub(crate) asks: bool,
    /// Everything compiled.
    pub(crate) config: Arc<Config>,
    /// `context`, `secrets` and lookups, prepared.
    pub(crate) facts: SharedFacts,
}

/// What applies to one object, as it was when the object was looked at.
pub(crate) struct Applied {
    /// Configurations in the order in which their notifications leave: the central one, the tenant's.
    pub(crate) configurations: Vec<Arc<InForce>>,
    /// Objects whose annotations subscribe this one too (core 2.7).
    pub(crate) projects: Vec<Arc<Object>>,
}

impl Applied {
    /// Namespace of the configuration that policy `index` of a decision is from.
    pub(super) fn namespace(&self, index: usize) -> &str {
        self.configurations.get(index).map_or("", |one| one.namespace.as_str())
    }
}

/// Holds the configurations of one lane; readers get snapshots and keep them as long as they need them.
pub(super) struct Holder {
    central: RwLock<Arc<InForce>>,
    tenants: RwLock<BTreeMap<String, Arc<InForce>>>,
    options: BuildOptions,
    /// How the services of tenants reach the world.
    tenant_clients: Clients,
    lookup: Arc<dyn Lookup>,
}

impl Holder {
    /// The configuration that `settings` make; broken keys are reported in it and have no last good value yet.
    pub(super) fn new(
        settings: &Settings,
        options: BuildOptions,
        tenant_clients: Clients,
        lookup: Arc<dyn Lookup>,
    ) -> Self {
        let first = in_force(Config::build(settings, None, &options), &options, &lookup);
        let central = RwLock::new(Arc::new(first));
        Self { central, tenants: RwLock::default(), options, tenant_clients, lookup }
    }

    /// The central configuration as it is now.
    pub(super) fn central(&self) -> Arc<InForce> {
        Arc::clone(&self.central.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The configuration of the tenant in `namespace`, if it has one.
    pub(super) fn tenant(&self, namespace: &str) -> Option<Arc<InForce>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(namespace).cloned()
    }

    /// All configurations of tenants.
    pub(super) fn tenants(&self) -> Vec<Arc<InForce>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The configuration in `namespace`, whosever it is.
    pub(super) fn in_namespace(&self, namespace: &str) -> Option<Arc<InForce>> {
        let central = self.central();
        if central.namespace == namespace { Some(central) } else { self.tenant(namespace) }
    }

    /// Puts new text of the central configuration in force; keys that are broken now keep their last good value
    /// (design 3). Returns what was in force.
    pub(super) fn replace(&self, settings: &Settings) -> Arc<InForce> {
        let before = self.central();
        let next = Config::build(settings, Some(&before.config), &self.options);
        let next = Arc::new(in_force(next, &self.options, &self.lookup));
        *self.central.write().unwrap_or_else(PoisonError::into_inner) = next;
        before
    }

    /// The same for the tenant in `namespace`. Without a ConfigMap there is no configuration (core 5.4.4, FIX).
    pub(super) fn replace_tenant(
        &self,
        namespace: &str,
        settings: Option<&Settings>,
    ) -> Option<Arc<InForce>> {
        let before = self.tenant(namespace);
        let next = settings.filter(|settings| settings.config_map.is_some()).map(|settings| {
            let options = BuildOptions {
                namespace: namespace.to_owned(),
                self_service: true,
                clients: self.tenant_clients.clone(),
                ..self.options.clone()
            };
            let last = before.as_ref().map(|before| &*before.config);
            Arc::new(in_force(Config::build(settings, last, &options), &options, &self.lookup))
        });
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        match next {
            Some(next) => tenants.insert(namespace.to_owned(), next),
            None => tenants.remove(namespace),
        };
        before
    }
}

fn in_force(config: Config, options: &BuildOptions, lookup: &Arc<dyn Lookup>) -> InForce {
    let facts = SharedFacts::new(&config.context, &config.secrets, Arc::clone(lookup));
    InForce {
        namespace: options.namespace.clone(),
        tenant: options.self_service,
        asks: config.policy.triggers.values().any(|trigger| trigger.mentions("repo")),
        config: Arc::new(config),
        facts,
    }
}

/// The findings of `now` that `before` did not have: each is logged once per change, not once per object.
pub(super) fn new_reports<'a>(before: &[Report], now: &'a [Report]) -> Vec<&'a Report> {
    now.iter().filter(|report| !before.contains(report)).collect()
}

/// Logs findings in the order of the configuration.
pub(super) fn log_reports(binding: &str, namespace: &str, reports: &[&Report]) {
    for report in reports {
        match report.severity {
            Severity::Error => tracing::error!(binding, namespace, "configuration key refused: {report}"),
            Severity::Warning => tracing::warn!(binding, namespace, "configuration: {report}"),
        }
    }
}
