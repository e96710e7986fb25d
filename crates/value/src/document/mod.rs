//! [`Document`]: a JSON text, read once into a flat table of nodes and looked at in place.
//!
//! A node says where its text lies and where its subtree ends, so nothing is copied, nothing nests, and dropping a document frees four blocks of memory
//! however deep it is. Objects and lists with more than a few members have an index. [`NodeRef`] is the fast way to look around; [`Map`] and [`List`] wrap
//! nodes as values.

mod parse;
mod tape;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

pub use parse::{JsonError, JsonProblem, MAX_NESTING};
pub use tape::{Entries, Items, NodeKind, NodeRef};

use crate::list::List;
use crate::map::Map;
use crate::str::Str;
use crate::types::GoType;
use crate::value::Value;
use tape::Tape;

/// How JSON numbers become values (spec core 3.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Whole numbers that fit become `int64`, all others `float64`: objects from watches and from files.
    Kubernetes,
    /// Every number becomes a `float64`, as Go's `encoding/json` does: the event path of Rollouts, `fromJson`.
    Float,
}

/// A JSON text that was read. Cheap to clone; all values taken from it share its memory.
#[derive(Clone)]
pub struct Document(Arc<Inner>);

struct Inner {
    tape: Arc<Tape>,
    /// Maps that a program has changed, by node. Empty in all but a handful of templates in the world.
    changes: OnceLock<Mutex<BTreeMap<u32, Map>>>,
}

impl Document {
    /// Reads a JSON text. Total on any bytes; nesting is limited to [`MAX_NESTING`] as in Go. Of equal keys the last one wins; text that is not UTF-8 and lone
    /// surrogates become U+FFFD.
    pub fn parse(bytes: impl Into<Vec<u8>>, numbers: Numbers) -> Result<Self, JsonError> {
        let tape = parse::parse(bytes.into(), numbers)?;
        Ok(Self(Arc::new(Inner { tape: Arc::new(tape), changes: OnceLock::new() })))
    }

    /// The outermost value.
    pub fn root(&self) -> NodeRef<'_> {
        self.node(0)
    }

    /// The outermost value, as a value.
    pub fn to_value(&self) -> Value {
        self.root().to_value()
    }

    /// The node at the end of a chain of keys.
    pub fn path(&self, keys: &[&str]) -> Option<NodeRef<'_>> {
        self.root().path(keys)
    }

    /// The text as it came.
    pub fn source(&self) -> &[u8] {
        &self.0.tape.source
    }

    /// The same object without the changes that programs made, and deaf to later ones. Every notification works on its own fork, so that a template which
    /// uses `set` on the object cannot be noticed by triggers or by another notification.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self(Arc::new(Inner { tape: Arc::clone(&self.0.tape), changes: OnceLock::new() }))
    }

    /// Forgets what programs changed. Call it when a fork has done its duty: a program can put the object into itself by way of another map, and then memory
    /// would not come back by itself.
    pub fn forget_changes(&self) {
        if let Some(changes) = self.0.changes.get() {
            let forgotten = std::mem::take(&mut *lock(changes));
            drop(forgotten);
        }
    }

    /// Whether a program has changed any map of this document.
    #[inline]
    pub fn is_changed(&self) -> bool {
        self.0.changes.get().is_some()
    }

    #[inline]
    pub(crate) fn node(&self, index: u32) -> NodeRef<'_> {
        NodeRef::new(self, &self.0.tape, index)
    }

    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// What a changed map is now; `None` if it was not changed.
    #[inline]
    pub(crate) fn changed(&self, node: u32) -> Option<Map> {
        lock(self.0.changes.get()?).get(&node).cloned()
    }

    /// All changed maps in the subtree of `node`.
    pub(crate) fn changed_within(&self, node: u32) -> Vec<Map> {
        let Some(changes) = self.0.changes.get() else { return Vec::new() };
        lock(changes).range(node..self.node(node).end()).map(|(_, map)| map.clone()).collect()
    }

    /// The whole document as values that share nothing with its tables but texts, so that programs may change them freely.
    pub fn to_owned_value(&self) -> Value {
        self.build(0, |_, entries| Map::of(GoType::Any, entries))
    }

    /// Turns the map at `node`, and every map below it, into owned maps that can be changed, and keeps them for all who look at this document.
    pub(crate) fn change(&self, node: u32) -> Map {
        let mut changes = lock(self.0.changes.get_or_init(Mutex::default));
        let value = self.build(node, |at, entries| {
            changes.entry(at).or_insert_with(|| Map::of(GoType::Any, entries)).clone()
        });
        match value {
            Value::Map(map) => map,
            _ => Map::new(),
        }
    }

    /// Builds values for the subtree of `node`, maps by `make_map`, without recursion.
    ///
    /// Members come after their container in the table. Going backwards, a container finds its members on the stack, the first one on top.
    fn build(&self, node: u32, mut make_map: impl FnMut(u32, Vec<(Str, Value)>) -> Map) -> Value {
        let mut done: Vec<Value> = Vec::new();
        let mut at = self.node(node).end();
        while at > node {
            at -= 1;
            let here = self.node(at);
            match here.kind() {
                NodeKind::Key => {}
                NodeKind::List => {
                    let items = done.split_off(done.len().saturating_sub(here.len()));
                    done.push(Value::List(List::appended(GoType::Any, items.into_iter().rev().collect())));
                }
                NodeKind::Map => {
                    let count = here.entries().count_all();
                    let mut values = done.split_off(done.len().saturating_sub(count));
                    let entries = here.entries().all().filter_map(|(key, _)| Some((key, values.pop()?)));
                    let live = entries.filter(|(key, _)| !key.is_dead());
                    let live = live.map(|(key, value)| (key.to_str_value(), value)).collect();
                    done.push(Value::Map(make_map(at, live)));
                }
                _ => done.push(here.to_value()),
            }
        }
        done.pop().unwrap_or_default()
    }
}

fn lock(changes: &Mutex<BTreeMap<u32, Map>>) -> MutexGuard<'_, BTreeMap<u32, Map>> {
    changes.lock().unwrap_or_else(PoisonError::into_inner)
}
