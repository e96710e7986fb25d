//! What is written down while a key is read: warnings, and the names that it refers to.

use crate::model::{Node, NodeError, Position};

/// Notes about one key.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    /// What loads and is probably not meant.
    pub(super) warnings: Vec<NodeError>,
    /// Names of other things, which are looked for once everything is read (core 1.3.4).
    pub(super) references: Vec<Reference>,
}

/// A name used by a key.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    /// What it is the name of.
    pub(super) to: Referred,
    /// The name.
    pub(super) name: String,
    /// Where it stands.
    pub(super) at: Position,
}

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Referred {
    /// `trigger.<name>`.
    Trigger,
    /// `template.<name>`.
    Template,
    /// The name of a service.
    Service,
}

impl Notes {
    /// Warns about the value at `at` under a rule of `dodona lint`.
    pub(super) fn warn(&mut self, rule: &'static str, at: Position, path: &str, message: impl Into<String>) {
        let warning = NodeError::new(at, message).rule(rule);
        self.warnings.push(if path.is_empty() { warning } else { warning.inside(path) });
    }

    /// Notes that every text of `list` (or `list` itself) is the name of a `to`.
    pub(super) fn refer(&mut self, to: Referred, list: &Node) {
        let items = match list.items() {
            Ok(items) => items,
            Err(_) => std::slice::from_ref(list),
        };
        for item in items {
            if let Ok(name) = item.text() {
                self.references.push(Reference { to, name, at: item.at });
            }
        }
    }

    /// A list of names, or one name where `lenient` allows it (core 12); what the field is called is said in the warning.
    pub(super) fn names(&mut self, list: &Node, path: &str, lenient: bool) -> Result<Vec<String>, NodeError> {
        if list.is_scalar() {
            if !lenient {
                return Err(list.expected("a list (`- ` before each item)"));
            }
            let place = if path.is_empty() { "this" } else { path };
            let message = format!(
                "{place} should be a list, and upstream refuses it; write `[…]` around the value or `- ` before it"
            );
            self.warn("list-expected", list.at, path, message);
        }
        list.text_list()
    }
}
