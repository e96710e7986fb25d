//! Objects that templates are tried on. They are complete, so that a template that fails for them fails for most.

use std::collections::BTreeMap;
use std::sync::Arc;

use dodona_gotmpl::Template;
use dodona_value::{Map, Numbers, Runtime, Scope, Str, Value, Zone};

use crate::binding::{Binding, SharedFacts};
use crate::config::yaml;
use crate::model::{Destination, FixedClock, NoLookup, Object, Secrets, language_runtime};

/// When samples are looked at: a few minutes after what happened to them.
const NOW: i64 = 1_767_323_400;

/// One object.
#[derive(Clone)]
pub(super) struct Sample {
    /// What it stands for, for findings.
    pub(super) what: &'static str,
    object: Option<Arc<Object>>,
    json: serde_json::Value,
}

impl Sample {
    fn read(what: &'static str, text: &str) -> Self {
        let json = yaml::parse_node(text).map(|node| node.to_json()).unwrap_or_default();
        let object = Object::parse(json.to_string().into(), Numbers::Kubernetes).ok().map(Arc::new);
        Self { what, object, json }
    }

    /// An Application with one source, then one with several.
    pub(super) fn applications() -> Vec<Self> {
        vec![
            Self::read("an Application with one source", include_str!("samples/app.yaml")),
            Self::read("an Application with several sources", include_str!("samples/app-multi-source.yaml")),
        ]
    }

    /// A Rollout.
    pub(super) fn rollouts() -> Vec<Self> {
        vec![Self::read("a Rollout", include_str!("samples/rollout.yaml"))]
    }

    /// What the fields `path` (behind the variable) come to: there, or the first name that is not, with the name beside it
    /// that reads nearly the same.
    pub(super) fn walk<'a>(&'a self, path: &'a [String]) -> Walk<'a> {
        let mut value = &self.json;
        for name in path {
            let serde_json::Value::Object(fields) = value else { return Walk::Unknown };
            let Some(next) = fields.get(name) else {
                let near = fields.keys().find(|known| is_near(known, name));
                return near.map_or(Walk::Unknown, |meant| Walk::Misspelled { name, meant });
            };
            value = next;
        }
        Walk::There
    }

    /// The variables of a message about it.
    pub(super) fn scope(&self, binding: &dyn Binding, context: &BTreeMap<String, String>) -> Option<Scope> {
        let object = self.object.as_ref()?;
        let mut context = context.clone();
        context.entry("argocdUrl".to_owned()).or_insert_with(|| "https://cd.example.org".to_owned());
        let facts = SharedFacts::new(&context, &Secrets::default(), Arc::new(NoLookup));
        let destination = Destination::new("slack", "channel");
        let scope = binding.scope(object, &facts.facts(Some(&destination))).ok()?;
        let empty = Map::of(dodona_value::GoType::Str, std::iter::empty::<(Str, Value)>());
        Some(if scope.borrow("appProject").is_some() {
            scope.with("appProject", Value::Map(empty))
        } else {
            scope
        })
    }
}

/// Where a path leads.
pub(super) enum Walk<'a> {
    /// To a value.
    There,
    /// Nobody knows.
    Unknown,
    /// Nowhere, because `name` is written for `meant`.
    Misspelled { name: &'a str, meant: &'a str },
}

/// Whether two names differ in case only, or in one letter, or in two letters that changed places.
pub(super) fn is_near(known: &str, name: &str) -> bool {
    if known.eq_ignore_ascii_case(name) {
        return true;
    }
    let (known, name): (Vec<char>, Vec<char>) = (known.chars().collect(), name.chars().collect());
    if name.len() < 5 || known.len() < 5 {
        return false;
    }
    let same = |(one, other): &(&char, &char)| one == other;
    let before = known.iter().zip(&name).take_while(same).count();
    let behind = known.iter().rev().zip(name.iter().rev()).take_while(same).count();
    let rest = |length: usize| length.saturating_sub(before + behind);
    match (rest(known.len()), rest(name.len())) {
        (0 | 1, 0 | 1) => known.len().abs_diff(name.len()) <= 1,
        (2, 2) => known.get(before) == name.get(before + 1) && known.get(before + 1) == name.get(before),
        _ => false,
    }
}

/// What a text renders to for a sample.
pub(super) enum Rendered {
    /// It shows this.
    Text(String),
    /// It fails; the words of the template engine, with the place in the text.
    Failed { message: String, line: usize, column: usize },
}

/// Clock and limits of trials.
pub(super) fn runtime() -> Runtime {
    language_runtime(Arc::new(FixedClock::at(NOW)), Zone::utc())
}

/// Renders `template` with the variables of a sample.
pub(super) fn render(template: &Template, scope: &Scope, runtime: &Runtime) -> Rendered {
    // What a template changes (`set`) must not be seen by the next one.
    match template.render(&scope.fork(), runtime) {
        Ok(bytes) => Rendered::Text(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => Rendered::Failed {
            message: error.message().to_owned(),
            line: error.location().line,
            column: error.location().column,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_read_nearly_the_same() {
        for name in ["operationstate", "operationSate", "operationStates", "opreationState", "operatoinState"]
        {
            assert!(is_near("operationState", name), "{name}");
        }
        for name in ["operation", "operationResult", "sync"] {
            assert!(!is_near("operationState", name), "{name}");
        }
        assert!(!is_near("name", "game"));
    }

    #[test]
    fn samples_are_objects() {
        for sample in Sample::applications().into_iter().chain(Sample::rollouts()) {
            assert!(sample.object.is_some(), "{}", sample.what);
        }
    }
}
