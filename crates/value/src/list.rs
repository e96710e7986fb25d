//! [`List`]: a Go slice of values, owned or a view into a document.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::document::{Document, NodeRef};
use crate::types::GoType;
use crate::value::Value;

/// A Go slice other than `[]byte`. It cannot be changed; slicing shares the items.
#[derive(Clone)]
pub struct List(Repr);

#[derive(Clone)]
enum Repr {
    Nil(GoType),
    Owned { data: Arc<Data>, start: u32, len: u32 },
    Doc { document: Document, node: u32, start: u32, len: u32 },
}

struct Data {
    element: GoType,
    items: Vec<Value>,
    /// How many items Go's array below the slice has room for.
    capacity: u32,
    /// The items after they were sorted in place; `None` for lists that nobody may change.
    sorted: Option<OnceLock<Vec<Value>>>,
}

impl Data {
    fn items(&self) -> &[Value] {
        self.sorted.as_ref().and_then(OnceLock::get).unwrap_or(&self.items)
    }
}

impl List {
    /// A list of `element`s.
    pub fn new(element: GoType, items: Vec<Value>) -> Self {
        let room = items.len();
        Self::with_room(element, items, room)
    }

    /// The room that Go gives to a slice of `len` items that were added one by one. Beyond some hundred items it is a matter of
    /// Go's memory management, and nobody looks there.
    pub const fn room(len: usize) -> usize {
        if len <= 256 { len.next_power_of_two() } else { len }
    }

    /// A list of `element`s that were added one by one, as Go's `append` does it: see [`List::reslice`].
    pub fn appended(element: GoType, items: Vec<Value>) -> Self {
        let room = Self::room(items.len());
        Self::with_room(element, items, room)
    }

    /// A list with room for so many items: see [`List::reslice`].
    pub fn with_room(element: GoType, items: Vec<Value>, room: usize) -> Self {
        let len = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let capacity = u32::try_from(room).unwrap_or(u32::MAX).max(len);
        Self(Repr::Owned { data: Arc::new(Data { element, items, capacity, sorted: None }), start: 0, len })
    }

    /// A `[]string` that an evaluation has made for itself, with room for so many items: it can be sorted in place.
    pub fn own_texts(texts: Vec<Value>, room: usize) -> Self {
        let mut list = Self::with_room(GoType::Str, texts, room);
        if let Repr::Owned { data, .. } = &mut list.0
            && let Some(data) = Arc::get_mut(data)
        {
            data.sorted = Some(OnceLock::new());
        }
        list
    }

    /// Sorts the texts of a [`List::own_texts`] for everybody who holds it, as Go does, and hands it on. `None` for other
    /// lists, and for one that was sorted before.
    pub fn sort_in_place(&self) -> Option<Self> {
        let Repr::Owned { data, start, len } = &self.0 else { return None };
        let place = data.sorted.as_ref()?;
        let mut items = data.items().to_vec();
        let view = items.get_mut(*start as usize..*start as usize + *len as usize)?;
        view.sort_by(|left, right| left.as_str().cmp(&right.as_str()));
        place.set(items).ok().map(|()| self.clone())
    }

    /// A `[]string`.
    pub fn of_texts<T: Into<crate::Str>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::new(GoType::Str, texts.into_iter().map(|text| Value::Str(text.into())).collect())
    }

    /// The nil slice of `element`s: empty, but told apart by `%#v` and JSON (`null`).
    pub const fn nil(element: GoType) -> Self {
        Self(Repr::Nil(element))
    }

    pub(crate) fn from_document(document: Document, node: u32, len: usize) -> Self {
        Self(Repr::Doc { document, node, start: 0, len: u32::try_from(len).unwrap_or(u32::MAX) })
    }

    /// The type of the items; `interface {}` for lists that came from JSON.
    pub fn element_type(&self) -> GoType {
        match &self.0 {
            Repr::Nil(element) => element.clone(),
            Repr::Owned { data, .. } => data.element.clone(),
            Repr::Doc { .. } => GoType::Any,
        }
    }

    /// How many items there are.
    pub const fn len(&self) -> usize {
        match &self.0 {
            Repr::Nil(_) => 0,
            Repr::Owned { len, .. } | Repr::Doc { len, .. } => *len as usize,
        }
    }

    /// Whether there are no items.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this is the nil slice.
    pub const fn is_nil(&self) -> bool {
        matches!(self.0, Repr::Nil(_))
    }

    /// The item at `index`.
    pub fn get(&self, index: usize) -> Option<Value> {
        if index >= self.len() {
            return None;
        }
        match &self.0 {
            Repr::Nil(_) => None,
            Repr::Owned { data, start, .. } => data.items().get(*start as usize + index).cloned(),
            Repr::Doc { document, node, start, .. } => {
                document.node(*node).index(*start as usize + index).map(NodeRef::to_value)
            }
        }
    }

    /// The items from `range.start` up to before `range.end`; offsets past the end are cut off. The items are shared.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.len());
        let from = range.start.min(end);
        let mut list = self.clone();
        if let Repr::Owned { start, len, .. } | Repr::Doc { start, len, .. } = &mut list.0 {
            // Both fit: they lie within a length that is a u32.
            *start += u32::try_from(from).unwrap_or(u32::MAX);
            *len = u32::try_from(end - from).unwrap_or(u32::MAX);
        }
        list
    }

    /// How many items a slice of this list may have, from its first item on.
    pub fn capacity(&self) -> usize {
        match &self.0 {
            Repr::Nil(_) => 0,
            Repr::Owned { data, start, .. } => data.capacity.saturating_sub(*start) as usize,
            Repr::Doc { document, node, start, .. } => {
                Self::room(document.node(*node).len()).saturating_sub(*start as usize)
            }
        }
    }

    /// A slice as Go makes it: it may reach beyond the end of this list into what lies behind it, up to its capacity. Where
    /// nothing was put there, it is nil, 0 or the empty text. `None` if the range is not within the capacity.
    pub fn reslice(&self, range: Range<usize>) -> Option<Self> {
        if range.end <= self.len() {
            return (range.start <= range.end).then(|| self.slice(range));
        }
        let capacity = self.capacity();
        if range.start > range.end || range.end > capacity {
            return None;
        }
        let behind: Vec<Value> = match &self.0 {
            Repr::Nil(_) => Vec::new(),
            Repr::Owned { data, start, .. } => {
                data.items().get(*start as usize..).unwrap_or_default().to_vec()
            }
            Repr::Doc { document, node, start, .. } => {
                document.node(*node).items_from(*start as usize).map(NodeRef::to_value).collect()
            }
        };
        let zero = match self.element_type() {
            GoType::Str => Value::Str(crate::Str::EMPTY),
            GoType::Int(kind) => Value::Int(0, kind),
            _ => Value::Nil,
        };
        let items = behind.into_iter().chain(std::iter::repeat(zero));
        let items = items.skip(range.start).take(range.end - range.start).collect();
        Some(Self::with_room(self.element_type(), items, capacity - range.start))
    }

    /// The items, where they lie in memory as values; `None` for a view into a document.
    pub fn as_slice(&self) -> Option<&[Value]> {
        match &self.0 {
            Repr::Nil(_) => Some(&[]),
            Repr::Owned { data, start, len } => {
                data.items().get(*start as usize..*start as usize + *len as usize)
            }
            Repr::Doc { .. } => None,
        }
    }

    /// The whole list as a node of an unchanged document; `None` for owned or cut lists and for changed documents.
    pub fn as_node(&self) -> Option<NodeRef<'_>> {
        match &self.0 {
            Repr::Doc { document, node, start: 0, len } if !document.is_changed() => {
                Some(document.node(*node)).filter(|list| list.len() == *len as usize)
            }
            _ => None,
        }
    }

    /// Every item in order.
    pub fn iter(&self) -> ListIter<'_> {
        let inner = match &self.0 {
            Repr::Doc { document, node, start, len } => {
                Items::Doc(document.node(*node).items_from(*start as usize), *len)
            }
            _ => Items::Owned(self.as_slice().unwrap_or_default().iter()),
        };
        ListIter(inner)
    }

    /// A copy of the items.
    pub fn to_vec(&self) -> Vec<Value> {
        self.iter().collect()
    }

    /// The changed maps inside a view into a document.
    pub(crate) fn changed_maps(&self) -> Vec<crate::Map> {
        match &self.0 {
            Repr::Doc { document, node, .. } => document.changed_within(*node),
            _ => Vec::new(),
        }
    }

    /// A number that is equal for two handles on the same storage.
    pub(crate) fn address(&self) -> usize {
        match &self.0 {
            Repr::Nil(_) => 0,
            Repr::Owned { data, .. } => Arc::as_ptr(data).addr(),
            Repr::Doc { document, node, .. } => document.address().wrapping_add(*node as usize),
        }
    }

    /// The items, if nobody else holds them: used to take nested lists apart without recursion.
    pub(crate) fn into_unique_items(self) -> Vec<Value> {
        match self.0 {
            Repr::Owned { data, .. } => {
                Arc::into_inner(data).map(|mut data| std::mem::take(&mut data.items)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        drop_flat(std::mem::take(&mut self.items));
    }
}

/// Drops nested lists and maps one after the other: a list nested a million deep must not exhaust the stack when it goes away.
pub(crate) fn drop_flat(items: Vec<Value>) {
    if !items.iter().any(|item| matches!(item, Value::List(_) | Value::Map(_))) {
        return;
    }
    let mut pending = items;
    while let Some(item) = pending.pop() {
        match item {
            Value::List(list) => pending.append(&mut list.into_unique_items()),
            Value::Map(map) => pending.append(&mut map.into_unique_values()),
            _ => {}
        }
    }
}

/// The items of a [`List`], in order.
pub struct ListIter<'a>(Items<'a>);

enum Items<'a> {
    Owned(std::slice::Iter<'a, Value>),
    Doc(crate::document::Items<'a>, u32),
}

impl Iterator for ListIter<'_> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        match &mut self.0 {
            Items::Owned(items) => items.next().cloned(),
            Items::Doc(_, 0) => None,
            Items::Doc(items, left) => {
                *left -= 1;
                items.next().map(NodeRef::to_value)
            }
        }
    }
}

impl<'a> IntoIterator for &'a List {
    type Item = Value;
    type IntoIter = ListIter<'a>;

    fn into_iter(self) -> ListIter<'a> {
        self.iter()
    }
}

impl FromIterator<Value> for List {
    /// A `[]interface {}`.
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::new(GoType::Any, items.into_iter().collect())
    }
}
