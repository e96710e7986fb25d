//! [`Scope`]: the root variables of a program.

use std::sync::{Arc, OnceLock};

use crate::document::Document;
use crate::map::Map;
use crate::str::Str;
use crate::types::GoType;
use crate::value::Value;

/// The root variables (`app`, `context`, `time`, …). Cheap to clone; clones share what they hold.
#[derive(Clone, Default)]
pub struct Scope(Arc<Inner>);

#[derive(Default)]
struct Inner {
    variables: Vec<(Str, Value)>,
    /// The scope as one map, made when a program asks for the whole (`{{.}}`, `$env`). From then on it is the truth, because a program may change it.
    map: OnceLock<Map>,
}

impl Scope {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// The variables of a map; for tests and tools.
    pub fn from_map(map: &Map) -> Self {
        map.entries()
            .into_iter()
            .filter_map(|(key, value)| match key {
                crate::map::Key::Str(name) => Some((name, value)),
                _ => None,
            })
            .collect()
    }

    /// The same variables and one more; a variable of the same name is replaced.
    #[must_use]
    pub fn with(&self, name: impl Into<Str>, value: Value) -> Self {
        let name = name.into();
        let mut variables: Vec<(Str, Value)> = match self.0.map.get() {
            Some(map) => map
                .entries()
                .into_iter()
                .filter_map(|(key, value)| match key {
                    crate::map::Key::Str(name) => Some((name, value)),
                    _ => None,
                })
                .collect(),
            None => self.0.variables.clone(),
        };
        match variables.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => variables.push((name, value)),
        }
        Self(Arc::new(Inner { variables, map: OnceLock::new() }))
    }

    /// The variable `name`.
    pub fn get(&self, name: &str) -> Option<Value> {
        match self.0.map.get() {
            Some(map) => map.get(name.as_bytes()),
            None => self.borrow(name).cloned(),
        }
    }

    /// The variable `name`, without cloning it; `None` also when a program has asked for the scope as a map.
    pub fn borrow(&self, name: &str) -> Option<&Value> {
        if self.0.map.get().is_some() {
            return None;
        }
        self.0.variables.iter().find(|(known, _)| known.as_bytes() == name.as_bytes()).map(|(_, value)| value)
    }

    /// The names, in the order in which they were given; for "did you mean".
    pub fn names(&self) -> impl Iterator<Item = &Str> {
        self.0.variables.iter().map(|(name, _)| name)
    }

    /// All variables as one `map[string]interface {}`, always the same one for this scope.
    pub fn to_map(&self) -> Map {
        self.0.map.get_or_init(|| Map::of(GoType::Any, self.0.variables.iter().cloned())).clone()
    }
}

impl Scope {
    /// The same variables, of which those that are objects can be changed by a program (Sprig's `set`) without anybody else noticing.
    pub fn fork(&self) -> Fork {
        let mut documents = Vec::new();
        let variables = self.0.variables.iter().map(|(name, value)| {
            let forked = value.as_map().and_then(Map::fork);
            let value = forked.map_or_else(
                || value.clone(),
                |(map, document)| {
                    documents.push(document);
                    Value::Map(map)
                },
            );
            (name.clone(), value)
        });
        let scope = variables.collect();
        Fork { scope, documents }
    }
}

/// A scope of its own for one piece of work; what programs changed in it is forgotten at the end.
pub struct Fork {
    scope: Scope,
    documents: Vec<Document>,
}

impl std::ops::Deref for Fork {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.scope
    }
}

impl Drop for Fork {
    fn drop(&mut self) {
        for document in &self.documents {
            document.forget_changes();
        }
    }
}

impl<K: Into<Str>> FromIterator<(K, Value)> for Scope {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(variables: I) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self(Arc::new(Inner { variables, map: OnceLock::new() }))
    }
}
