//! Reaching into objects: root names, paths, fields and indexes, and saying what was nil on the way.

use std::fmt::Write as _;

use dodona_value::{NodeKind, Value};

use super::slot::Slot;
use super::{Fault, Machine, fetch, unbalanced};
use crate::code::{Path, Start};
use crate::error::RunErrorKind;
use crate::suggest;

impl<'a> Machine<'a, '_, '_> {
    /// The variable of a root name; a name that nobody supplies is nil.
    pub(super) fn root(&self, number: u32) -> Slot<'a> {
        let Some(name) = self.code.roots.get(number as usize) else { return Slot::nil() };
        match self.scope.borrow(name) {
            Some(value) => Slot::borrowed(value),
            // The scope is looked at as one map once a program has asked for it so.
            None => self.scope.get(name).map_or(Slot::nil(), Slot::Value),
        }
    }

    fn path_at(&self, number: u32) -> Option<&'a Path> {
        self.code.paths.get(number as usize)
    }

    /// What is at the end of a path.
    pub(super) fn walk(&mut self, number: u32) -> Result<Slot<'a>, Fault> {
        let Some(path) = self.path_at(number) else { return Err(unbalanced()) };
        let mut slot = match path.start {
            Start::Root(root) => self.root(root),
            Start::Item => self.frame()?.item()?,
            Start::Variable(variable) => {
                self.variables.get(variable as usize).cloned().unwrap_or(Slot::nil())
            }
        };
        for (position, (key, span)) in path.keys.iter().enumerate() {
            slot = match &slot {
                Slot::Node(node) if node.kind() == NodeKind::Map => match node.get_bytes(key) {
                    Some(child) => Slot::Node(child),
                    None => Slot::nil(),
                },
                // Nil has no field of any name.
                other if other.is_nil() => return Err(self.nil_on_path(path, position).at(*span)),
                other => fetch::field(other, &key.to_string_lossy()).map_err(|fault| fault.at(*span))?,
            };
        }
        Ok(slot)
    }

    /// Says which part of the path is nil, and what it might have been meant to be.
    #[cold]
    fn nil_on_path(&mut self, path: &Path, position: usize) -> Fault {
        let mut message = String::with_capacity(160);
        message.push('`');
        match path.start {
            Start::Root(root) => {
                message.push_str(self.code.roots.get(root as usize).map_or("", String::as_str));
            }
            Start::Item if position == 0 => message.push('#'),
            Start::Item => {}
            Start::Variable(_) => message.push_str("the variable"),
        }
        for (key, _) in path.keys.iter().take(position) {
            message.push('.');
            message.push_str(&key.to_string_lossy());
        }
        message.push_str("` is nil, so it has no field `");
        message.push_str(&path.keys.get(position).map(|(key, _)| key.to_string_lossy()).unwrap_or_default());
        message.push('`');
        // Writing into a text does not fail.
        let added = match self.missing_key(path, position) {
            Some((key, Some(near))) => write!(message, ": there is no `{key}`; did you mean `{near}`?"),
            Some((key, None)) => write!(message, ": there is no `{key}`; `?.` gives nil instead"),
            None => write!(message, "; `?.` gives nil instead"),
        };
        added.unwrap_or_default();
        Fault::new(RunErrorKind::Field, message)
    }

    /// The key before `position` that its object does not have, and the nearest one that it has.
    fn missing_key(&mut self, path: &Path, position: usize) -> Option<(String, Option<String>)> {
        let mut slot = match path.start {
            Start::Root(root) => self.root(root),
            Start::Item => self.frame().ok()?.item().ok()?,
            Start::Variable(variable) => self.variables.get(variable as usize)?.clone(),
        };
        if position == 0 {
            let Start::Root(root) = path.start else { return None };
            let name = self.code.roots.get(root as usize)?.clone();
            let near = suggest::nearest(&name, self.scope.names().map(|name| name.to_string_lossy()));
            return Some((name, near));
        }
        for (key, _) in path.keys.iter().take(position - 1) {
            slot = fetch::field(&slot, &key.to_string_lossy()).ok()?;
        }
        let (key, _) = path.keys.get(position - 1)?;
        if let Slot::Node(node) = &slot {
            if node.kind() != NodeKind::Map || node.get_bytes(key).is_some() {
                return None;
            }
            let known = node.entries().filter_map(|(key, _)| key.as_str());
            return Some((key.to_string(), suggest::nearest(&key.to_string_lossy(), known)));
        }
        let Value::Map(map) = slot.into_value() else { return None };
        if map.contains(key) {
            return None;
        }
        let known = map.keys().into_iter().map(|key| key.to_value().to_string());
        Some((key.to_string(), suggest::nearest(&key.to_string_lossy(), known)))
    }

    /// What the object of the instruction at hand is called in the source.
    fn object_name(&self) -> Option<&'a str> {
        let instruction = u32::try_from(self.at.saturating_sub(1)).ok()?;
        let found = self.code.objects.binary_search_by_key(&instruction, |(at, _)| *at).ok()?;
        self.code.objects.get(found).map(|(_, name)| name.as_str()).filter(|name| !name.is_empty())
    }

    /// The failure of a field or method of nil.
    #[cold]
    pub(super) fn nil_object(&self, field: &str) -> Fault {
        let message = match self.object_name() {
            Some(name) => format!("`{name}` is nil, so it has no `{field}`; `?.` gives nil instead"),
            None => format!("nil has no `{field}`; `?.` gives nil instead"),
        };
        Fault::new(RunErrorKind::Field, message)
    }

    pub(super) fn field(&mut self, name: u32) -> Result<(), Fault> {
        let Value::Str(name) = self.const_at(name) else { return Err(unbalanced()) };
        let name = name.to_string_lossy();
        let object = self.pop()?;
        let slot = match fetch::field(&object, &name) {
            Ok(slot) => slot,
            Err(_) if object.is_nil() => return Err(self.nil_object(&name)),
            Err(fault) => return Err(fault),
        };
        self.push(slot);
        Ok(())
    }

    pub(super) fn index(&mut self) -> Result<(), Fault> {
        let key = self.pop()?;
        let object = self.pop()?;
        let slot = match fetch::index(&object, &key) {
            Ok(slot) => slot,
            Err(_) if matches!(object.view(), super::View::Nil) => {
                let message = match self.object_name() {
                    Some(name) => {
                        format!("`{name}` is nil, so it has no elements; `?.[…]` gives nil instead")
                    }
                    None => "nil has no elements; `?.[…]` gives nil instead".to_owned(),
                };
                return Err(Fault::new(RunErrorKind::Field, message));
            }
            Err(fault) => return Err(fault),
        };
        self.push(slot);
        Ok(())
    }
}
