//! The text of a configuration, before anybody has read it.

use std::collections::BTreeMap;

use super::Secrets;

/// The text of one configuration: a ConfigMap and a Secret by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// `data` of the ConfigMap; `None` if it does not exist (core 1.1.2).
    pub config_map: Option<BTreeMap<String, String>>,
    /// `data` of the Secret, decoded; `None` if it does not exist.
    pub secret: Option<Secrets>,
}
