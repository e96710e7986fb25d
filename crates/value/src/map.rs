//! [`Map`]: a Go map, shared by reference, owned or a view into a document.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::document::{Document, NodeRef};
use crate::list::drop_flat;
use crate::str::Str;
use crate::time::Time;
use crate::types::{FloatKind, GoType, IntKind, UintKind};
use crate::value::Value;

/// A Go map. Handles share it: what one changes, all see. A view into a document turns into an owned map, for everybody who looks at that document, when
/// it is changed for the first time.
#[derive(Clone)]
pub struct Map(Repr);

#[derive(Clone)]
enum Repr {
    Nil(Arc<(GoType, GoType)>),
    Owned(Arc<Data>),
    Doc(Document, u32),
}

struct Data {
    types: Arc<(GoType, GoType)>,
    entries: RwLock<Entries>,
}

enum Entries {
    /// Keys of type string, the usual case.
    Text(BTreeMap<Str, Value>),
    Any(BTreeMap<Key, Value>),
}

/// A map key. Keys of different Go types are different keys, as in Go (`int` 1 is not `int64` 1). The order is the one in which Go prints a map:
/// nil, then by type and within a type by value. Go orders types by where its linker put them; this is the order that the recorded cases have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are those of Value")]
pub enum Key {
    Nil,
    Bool(bool),
    Int(i64, IntKind),
    Uint(u64, UintKind),
    Float(FloatKey, FloatKind),
    Duration(i64),
    Str(Str),
    Time(Time),
}

/// A float as a map key, in IEEE total order.
#[derive(Clone, Copy, Debug)]
pub struct FloatKey(pub f64);

impl PartialEq for FloatKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for FloatKey {}

impl PartialOrd for FloatKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FloatKey {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0 + 0.0).total_cmp(&(other.0 + 0.0))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Str(l), Self::Str(r)) => l.cmp(r),
            (Self::Bool(l), Self::Bool(r)) => l.cmp(r),
            (Self::Int(l, l_kind), Self::Int(r, r_kind)) if l_kind == r_kind => l.cmp(r),
            (Self::Uint(l, l_kind), Self::Uint(r, r_kind)) if l_kind == r_kind => l.cmp(r),
            (Self::Float(l, l_kind), Self::Float(r, r_kind)) if l_kind == r_kind => l.cmp(r),
            (Self::Duration(l), Self::Duration(r)) => l.cmp(r),
            // Go compares the fields one by one, and the nanoseconds are the first.
            (Self::Time(l), Self::Time(r)) => l.nanosecond().cmp(&r.nanosecond()).then_with(|| l.cmp(r)),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl Key {
    /// The place of the type among the types.
    const fn rank(&self) -> u8 {
        match self {
            Self::Nil => 0,
            Self::Str(_) => 1,
            Self::Uint(_, kind) => 2 + *kind as u8,
            Self::Int(_, IntKind::Month) => 31,
            Self::Int(_, IntKind::Weekday) => 32,
            Self::Int(_, IntKind::Int) => 20,
            Self::Int(_, kind) => 10 + *kind as u8,
            Self::Float(_, kind) => 21 + *kind as u8,
            Self::Bool(_) => 30,
            Self::Duration(_) => 33,
            Self::Time(_) => 34,
        }
    }

    /// The key that `value` is; `None` where Go would fail with "unhashable type" (lists, maps, functions, host objects).
    pub fn from_value(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Missing | Value::Nil => Self::Nil,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Int(number, kind) => Self::Int(*number, *kind),
            Value::Uint(number, kind) => Self::Uint(*number, *kind),
            Value::Float(number, kind) => Self::Float(FloatKey(*number), *kind),
            Value::Duration(duration) => Self::Duration(duration.nanoseconds()),
            Value::Str(text) => Self::Str(text.clone()),
            Value::Time(time) => Self::Time(time.clone()),
            Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Func(_) | Value::Host(_) => {
                return None;
            }
        })
    }

    /// The key as a value.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Nil => Value::Nil,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Int(number, kind) => Value::Int(*number, *kind),
            Self::Uint(number, kind) => Value::Uint(*number, *kind),
            Self::Float(number, kind) => Value::Float(number.0, *kind),
            Self::Duration(nanoseconds) => Value::Duration(crate::Duration::from_nanoseconds(*nanoseconds)),
            Self::Str(text) => Value::Str(text.clone()),
            Self::Time(time) => Value::Time(time.clone()),
        }
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<Str> for Key {
    fn from(text: Str) -> Self {
        Self::Str(text)
    }
}

/// Why a map could not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// Go: assignment to entry in nil map.
    Nil,
    /// The key is not of the map's key type.
    KeyType,
    /// The map would contain itself. Go allows it and then dies of stack exhaustion when the map is printed.
    Cycle,
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nil => "assignment to entry in nil map",
            Self::KeyType => "the key is not of the key type of the map",
            Self::Cycle => "a map cannot be put into itself",
        })
    }
}

impl std::error::Error for MapError {}

impl Map {
    /// An empty `map[string]interface {}`.
    pub fn new() -> Self {
        Self::typed(GoType::Str, GoType::Any)
    }

    /// An empty map of other types.
    pub fn typed(key: GoType, element: GoType) -> Self {
        let entries = match key {
            GoType::Str => Entries::Text(BTreeMap::new()),
            _ => Entries::Any(BTreeMap::new()),
        };
        Self(Repr::Owned(Arc::new(Data { types: Arc::new((key, element)), entries: RwLock::new(entries) })))
    }

    /// A map with string keys and the given element type; of equal keys the last wins.
    pub fn of<K: Into<Str>>(element: GoType, pairs: impl IntoIterator<Item = (K, Value)>) -> Self {
        let entries = Entries::Text(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect());
        Self(Repr::Owned(Arc::new(Data {
            types: Arc::new((GoType::Str, element)),
            entries: RwLock::new(entries),
        })))
    }

    /// A map with keys of any kind; of equal keys the last wins.
    pub fn of_keys(key: GoType, element: GoType, pairs: impl IntoIterator<Item = (Key, Value)>) -> Self {
        let entries = Entries::Any(pairs.into_iter().collect());
        Self(Repr::Owned(Arc::new(Data { types: Arc::new((key, element)), entries: RwLock::new(entries) })))
    }

    /// The nil map: empty, and it cannot be written to.
    pub fn nil(key: GoType, element: GoType) -> Self {
        Self(Repr::Nil(Arc::new((key, element))))
    }

    pub(crate) const fn from_document(document: Document, node: u32) -> Self {
        Self(Repr::Doc(document, node))
    }

    /// The type of the keys.
    pub fn key_type(&self) -> GoType {
        match &self.0 {
            Repr::Nil(types) => types.0.clone(),
            Repr::Owned(data) => data.types.0.clone(),
            Repr::Doc(..) => GoType::Str,
        }
    }

    /// The type of the elements.
    pub fn element_type(&self) -> GoType {
        match &self.0 {
            Repr::Nil(types) => types.1.clone(),
            Repr::Owned(data) => data.types.1.clone(),
            Repr::Doc(..) => GoType::Any,
        }
    }

    /// The whole type.
    pub fn go_type(&self) -> GoType {
        match &self.0 {
            Repr::Nil(types) => GoType::Map(Arc::clone(types)),
            Repr::Owned(data) => GoType::Map(Arc::clone(&data.types)),
            Repr::Doc(..) => GoType::map(GoType::Str, GoType::Any),
        }
    }

    /// Whether this is the nil map.
    pub const fn is_nil(&self) -> bool {
        matches!(self.0, Repr::Nil(_))
    }

    /// The map as a node of an unchanged document, which is the fast way to look into it; `None` for owned maps and changed documents.
    pub fn as_node(&self) -> Option<NodeRef<'_>> {
        match &self.0 {
            Repr::Doc(document, node) if !document.is_changed() => Some(document.node(*node)),
            _ => None,
        }
    }

    /// The map with the same content in a fork of its document, and that document; `None` for owned maps.
    pub(crate) fn fork(&self) -> Option<(Self, Document)> {
        match &self.0 {
            Repr::Doc(document, node) => {
                let fork = document.fork();
                Some((Self(Repr::Doc(fork.clone(), *node)), fork))
            }
            _ => None,
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Nil(_) => 0,
            Repr::Owned(data) => data.read().len(),
            Repr::Doc(document, node) => match document.changed(*node) {
                Some(map) => map.len(),
                None => document.node(*node).len(),
            },
        }
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element of a string key. `None` where the key is missing or keys are not strings; an explicit null is `Some(Value::Nil)`.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        match &self.0 {
            Repr::Nil(_) => None,
            Repr::Owned(data) => match &*data.read() {
                Entries::Text(entries) => entries.get(key).cloned(),
                Entries::Any(entries) => entries.get(&Key::Str(Str::copy(key))).cloned(),
            },
            Repr::Doc(document, node) => match document.changed(*node) {
                Some(map) => map.get(key),
                None => document.node(*node).get_bytes(key).map(NodeRef::to_value),
            },
        }
    }

    /// The element of any key.
    pub fn get_key(&self, key: &Key) -> Option<Value> {
        match (&self.0, key) {
            (_, Key::Str(text)) => self.get(text),
            (Repr::Owned(data), key) => match &*data.read() {
                Entries::Any(entries) => entries.get(key).cloned(),
                Entries::Text(_) => None,
            },
            _ => None,
        }
    }

    /// Whether there is a string key `key`.
    pub fn contains(&self, key: &[u8]) -> bool {
        match self.as_node() {
            Some(node) => node.get_bytes(key).is_some(),
            None => self.get(key).is_some(),
        }
    }

    /// All entries, sorted by key as Go sorts them. A snapshot: the map may be changed meanwhile.
    pub fn entries(&self) -> Vec<(Key, Value)> {
        match &self.0 {
            Repr::Nil(_) => Vec::new(),
            Repr::Owned(data) => match &*data.read() {
                Entries::Text(entries) => {
                    entries.iter().map(|(key, value)| (Key::Str(key.clone()), value.clone())).collect()
                }
                Entries::Any(entries) => {
                    entries.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
                }
            },
            Repr::Doc(document, node) => match document.changed(*node) {
                Some(map) => map.entries(),
                None => document
                    .node(*node)
                    .sorted_entries()
                    .into_iter()
                    .map(|(key, value)| (Key::Str(key.to_str_value()), value.to_value()))
                    .collect(),
            },
        }
    }

    /// All keys, sorted as Go sorts them.
    pub fn keys(&self) -> Vec<Key> {
        match &self.0 {
            Repr::Owned(data) => match &*data.read() {
                Entries::Text(entries) => entries.keys().cloned().map(Key::Str).collect(),
                Entries::Any(entries) => entries.keys().cloned().collect(),
            },
            _ => self.entries().into_iter().map(|(key, _)| key).collect(),
        }
    }

    /// Sets the element of `key`, for all who hold this map.
    pub fn set(&self, key: impl Into<Key>, value: Value) -> Result<(), MapError> {
        let data = self.writable()?;
        if data.reaches_itself(&value) {
            return Err(MapError::Cycle);
        }
        let key = key.into();
        match (&mut *data.write(), key) {
            (Entries::Text(entries), Key::Str(key)) => {
                entries.insert(key, value);
            }
            (Entries::Text(_), _) => return Err(MapError::KeyType),
            (Entries::Any(entries), key) => {
                entries.insert(key, value);
            }
        }
        Ok(())
    }

    /// Removes `key`, for all who hold this map, and returns what was there.
    pub fn remove(&self, key: &Key) -> Option<Value> {
        let data = self.writable().ok()?;
        let mut entries = data.write();
        match (&mut *entries, key) {
            (Entries::Text(entries), Key::Str(key)) => entries.remove(key),
            (Entries::Text(_), _) => None,
            (Entries::Any(entries), key) => entries.remove(key),
        }
    }

    /// Whether both handles mean the same map.
    pub fn same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Owned(left), Repr::Owned(right)) => Arc::ptr_eq(left, right),
            (Repr::Doc(left, left_node), Repr::Doc(right, right_node)) => {
                left.address() == right.address() && left_node == right_node
            }
            _ => false,
        }
    }

    /// A number that is equal for two handles on the same map.
    pub fn address(&self) -> usize {
        match &self.0 {
            Repr::Nil(_) => 0,
            Repr::Owned(data) => Arc::as_ptr(data).addr(),
            Repr::Doc(document, node) => document.address().wrapping_add(*node as usize),
        }
    }

    /// A copy whose entries can be changed without changing this map; the elements are shared.
    #[must_use]
    pub fn shallow_copy(&self) -> Self {
        Self::of_entries(self.key_type(), self.element_type(), self.entries())
    }

    fn of_entries(key: GoType, element: GoType, entries: Vec<(Key, Value)>) -> Self {
        if key != GoType::Str {
            return Self::of_keys(key, element, entries);
        }
        let texts = entries.into_iter().filter_map(|(key, value)| match key {
            Key::Str(text) => Some((text, value)),
            _ => None,
        });
        Self::of(element, texts)
    }

    /// The storage to write to: a view into a document is turned into an owned map first.
    fn writable(&self) -> Result<Arc<Data>, MapError> {
        match &self.0 {
            Repr::Nil(_) => Err(MapError::Nil),
            Repr::Owned(data) => Ok(Arc::clone(data)),
            Repr::Doc(document, node) => {
                let owned = document.changed(*node).unwrap_or_else(|| document.change(*node));
                match owned.0 {
                    Repr::Owned(data) => Ok(data),
                    _ => Err(MapError::Nil),
                }
            }
        }
    }

    pub(crate) fn into_unique_values(self) -> Vec<Value> {
        match self.0 {
            Repr::Owned(data) => Arc::into_inner(data).map(|mut data| data.take_values()).unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

impl Default for Map {
    fn default() -> Self {
        Self::new()
    }
}

impl Data {
    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_values(&mut self) -> Vec<Value> {
        match self.entries.get_mut().unwrap_or_else(PoisonError::into_inner) {
            Entries::Text(entries) => std::mem::take(entries).into_values().collect(),
            Entries::Any(entries) => std::mem::take(entries).into_values().collect(),
        }
    }

    /// Whether this map can be reached from `value`. Every container is visited once.
    fn reaches_itself(self: &Arc<Self>, value: &Value) -> bool {
        let own = Arc::as_ptr(self).addr();
        let mut seen = std::collections::BTreeSet::new();
        let mut pending = vec![value.clone()];
        while let Some(value) = pending.pop() {
            match value {
                Value::List(list) if seen.insert(list.address()) => {
                    pending.extend(list.changed_maps().into_iter().map(Value::Map));
                    let items = list.as_slice().unwrap_or_default();
                    pending.extend(items.iter().filter(|item| is_container(item)).cloned());
                }
                Value::Map(map) if seen.insert(map.address()) => match &map.0 {
                    Repr::Doc(document, node) => {
                        pending.extend(document.changed_within(*node).into_iter().map(Value::Map));
                    }
                    Repr::Owned(data) if Arc::as_ptr(data).addr() == own => return true,
                    Repr::Owned(_) => {
                        pending
                            .extend(map.entries().into_iter().map(|(_, value)| value).filter(is_container));
                    }
                    Repr::Nil(_) => {}
                },
                _ => {}
            }
        }
        false
    }
}

const fn is_container(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_))
}

impl Drop for Data {
    fn drop(&mut self) {
        drop_flat(self.take_values());
    }
}

impl Entries {
    fn len(&self) -> usize {
        match self {
            Self::Text(entries) => entries.len(),
            Self::Any(entries) => entries.len(),
        }
    }
}
