//! The table of nodes and the ways to walk it.

use std::sync::Arc;

use super::Document;
use crate::list::List;
use crate::map::Map;
use crate::str::Str;
use crate::types::{FloatKind, IntKind};
use crate::value::Value;

/// Containers with more members than this have an index.
pub(super) const SMALL: usize = 8;

/// No index.
pub(super) const NO_INDEX: u32 = u32::MAX;

pub(super) struct Tape {
    pub(super) source: Arc<Vec<u8>>,
    /// Texts that had escapes or bad UTF-8, decoded.
    pub(super) decoded: Arc<Vec<u8>>,
    pub(super) nodes: Vec<Node>,
    /// Positions of members: lists in order, objects by key, for containers with more than [`SMALL`] members.
    pub(super) index: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Null,
    False,
    True,
    Int,
    Float,
    /// `a`: offset in the source, `b`: length.
    Text,
    /// `a`: offset in the decoded texts, `b`: length.
    Decoded,
    /// A key in the source; its value is the next node.
    Key,
    /// A key in the decoded texts.
    DecodedKey,
    /// A key that a later equal key has replaced.
    DeadKey,
    /// `a`: number of items, `b`: start in the index.
    List,
    /// `a`: number of live entries, `b`: start in the index.
    Map,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) tag: Tag,
    /// The node after this one and all that belongs to it.
    pub(super) end: u32,
    pub(super) a: u32,
    pub(super) b: u32,
}

impl Node {
    const NULL: Self = Self { tag: Tag::Null, end: u32::MAX, a: 0, b: 0 };

    fn bits(self) -> u64 {
        u64::from(self.a) << 32 | u64::from(self.b)
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum NodeKind {
    Null,
    Bool,
    Int,
    Float,
    Text,
    List,
    Map,
    Key,
}

/// A node of a document, borrowed. Looking around costs a few nanoseconds and allocates nothing. It shows the document as it was read, without the changes
/// of a program: see [`Document::is_changed`].
#[derive(Clone, Copy)]
pub struct NodeRef<'a> {
    document: &'a Document,
    tape: &'a Tape,
    at: u32,
}

impl<'a> NodeRef<'a> {
    #[inline]
    pub(super) const fn new(document: &'a Document, tape: &'a Tape, at: u32) -> Self {
        Self { document, tape, at }
    }

    #[inline]
    fn node(self) -> Node {
        self.tape.nodes.get(self.at as usize).copied().unwrap_or(Node::NULL)
    }

    #[inline]
    const fn to(self, at: u32) -> Self {
        Self { at, ..self }
    }

    pub(super) fn end(self) -> u32 {
        self.node().end
    }

    pub(super) fn is_dead(self) -> bool {
        self.node().tag == Tag::DeadKey
    }

    /// What it is.
    pub fn kind(self) -> NodeKind {
        match self.node().tag {
            Tag::Null => NodeKind::Null,
            Tag::False | Tag::True => NodeKind::Bool,
            Tag::Int => NodeKind::Int,
            Tag::Float => NodeKind::Float,
            Tag::Text | Tag::Decoded => NodeKind::Text,
            Tag::Key | Tag::DecodedKey | Tag::DeadKey => NodeKind::Key,
            Tag::List => NodeKind::List,
            Tag::Map => NodeKind::Map,
        }
    }

    /// Whether it is null.
    pub fn is_null(self) -> bool {
        self.node().tag == Tag::Null
    }

    /// The text, of a text.
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        let node = self.node();
        match node.tag {
            Tag::Text | Tag::Key => slice(&self.tape.source, node),
            Tag::Decoded | Tag::DecodedKey => slice(&self.tape.decoded, node),
            _ => None,
        }
    }

    /// The text, of a text (which is always UTF-8 here).
    pub fn as_str(self) -> Option<&'a str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The truth, of a bool.
    pub fn as_bool(self) -> Option<bool> {
        match self.node().tag {
            Tag::True => Some(true),
            Tag::False => Some(false),
            _ => None,
        }
    }

    /// The number, of a whole number.
    pub fn as_i64(self) -> Option<i64> {
        let node = self.node();
        (node.tag == Tag::Int).then(|| node.bits().cast_signed())
    }

    /// The number, of any number.
    #[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
    pub fn as_f64(self) -> Option<f64> {
        let node = self.node();
        match node.tag {
            Tag::Int => Some(node.bits().cast_signed() as f64),
            Tag::Float => Some(f64::from_bits(node.bits())),
            _ => None,
        }
    }

    /// How many members a list or map has; 0 for anything else.
    pub fn len(self) -> usize {
        let node = self.node();
        if matches!(node.tag, Tag::List | Tag::Map) { node.a as usize } else { 0 }
    }

    /// Whether there are no members.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value of `key`, if this is a map that has it.
    #[inline]
    pub fn get(self, key: &str) -> Option<Self> {
        self.get_bytes(key.as_bytes())
    }

    /// The value of `key`, if this is a map that has it.
    #[inline]
    pub fn get_bytes(self, key: &[u8]) -> Option<Self> {
        let node = self.node();
        if node.tag != Tag::Map {
            return None;
        }
        if node.b != NO_INDEX {
            return self.search(node, key);
        }
        let mut at = self.at + 1;
        while at < node.end {
            let entry = self.tape.nodes.get(at as usize)?;
            let text = match entry.tag {
                Tag::Key if entry.b as usize == key.len() => slice(&self.tape.source, *entry)?,
                Tag::DecodedKey => slice(&self.tape.decoded, *entry)?,
                _ => {
                    at = entry.end;
                    continue;
                }
            };
            if text == key {
                return Some(self.to(at + 1));
            }
            at = entry.end;
        }
        None
    }

    fn search(self, node: Node, key: &[u8]) -> Option<Self> {
        let members = self.members(node)?;
        let found =
            members.binary_search_by(|at| self.to(*at).as_bytes().unwrap_or_default().cmp(key)).ok()?;
        members.get(found).map(|at| self.to(*at + 1))
    }

    fn members(self, node: Node) -> Option<&'a [u32]> {
        let start = node.b as usize;
        self.tape.index.get(start..start + node.a as usize)
    }

    /// The node at the end of a chain of keys.
    #[inline]
    pub fn path(self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The item `index` of a list.
    pub fn index(self, index: usize) -> Option<Self> {
        let node = self.node();
        if node.tag != Tag::List || index >= node.a as usize {
            return None;
        }
        if node.b != NO_INDEX {
            return self.members(node)?.get(index).map(|at| self.to(*at));
        }
        self.items().nth(index)
    }

    /// The items of a list, in order; nothing for anything else.
    pub fn items(self) -> Items<'a> {
        self.items_from(0)
    }

    /// The items of a list from `index` on.
    pub(crate) fn items_from(self, index: usize) -> Items<'a> {
        let node = self.node();
        if node.tag != Tag::List {
            return Items { next: self, end: self.at };
        }
        if index == 0 {
            return Items { next: self.to(self.at + 1), end: node.end };
        }
        let first = self.index(index).map_or(node.end, |item| item.at);
        Items { next: self.to(first), end: node.end }
    }

    /// The entries of a map in the order of the text; nothing for anything else.
    pub fn entries(self) -> Entries<'a> {
        let node = self.node();
        let end = if node.tag == Tag::Map { node.end } else { 0 };
        Entries { next: self.to(self.at + 1), end }
    }

    /// The entries of a map sorted by key, as Go ranges over them.
    pub fn sorted_entries(self) -> Vec<(Self, Self)> {
        let node = self.node();
        if node.tag == Tag::Map
            && node.b != NO_INDEX
            && let Some(members) = self.members(node)
        {
            return members.iter().map(|at| (self.to(*at), self.to(*at + 1))).collect();
        }
        let mut entries: Vec<_> = self.entries().collect();
        entries.sort_unstable_by(|left, right| left.0.as_bytes().cmp(&right.0.as_bytes()));
        entries
    }

    /// The text of a text or key, sharing the document's memory.
    pub fn to_str_value(self) -> Str {
        let node = self.node();
        let range = node.a as usize..node.a as usize + node.b as usize;
        match node.tag {
            Tag::Text | Tag::Key => Str::shared(&self.tape.source, range),
            Tag::Decoded | Tag::DecodedKey => Str::shared(&self.tape.decoded, range),
            _ => Str::EMPTY,
        }
    }

    /// The node as a value: texts share the memory of the document, lists and maps are views into it.
    pub fn to_value(self) -> Value {
        let node = self.node();
        match node.tag {
            Tag::Null => Value::Nil,
            Tag::False => Value::Bool(false),
            Tag::True => Value::Bool(true),
            Tag::Int => Value::Int(node.bits().cast_signed(), IntKind::Int64),
            Tag::Float => Value::Float(f64::from_bits(node.bits()), FloatKind::Float64),
            Tag::Text | Tag::Decoded | Tag::Key | Tag::DecodedKey | Tag::DeadKey => {
                Value::Str(self.to_str_value())
            }
            Tag::List => Value::List(List::from_document(self.document.clone(), self.at, node.a as usize)),
            Tag::Map => Value::Map(Map::from_document(self.document.clone(), self.at)),
        }
    }
}

impl std::fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.to_value())
    }
}

#[inline]
fn slice(buffer: &[u8], node: Node) -> Option<&[u8]> {
    buffer.get(node.a as usize..node.a as usize + node.b as usize)
}

/// The items of a list.
#[derive(Clone)]
pub struct Items<'a> {
    next: NodeRef<'a>,
    end: u32,
}

impl<'a> Iterator for Items<'a> {
    type Item = NodeRef<'a>;

    fn next(&mut self) -> Option<NodeRef<'a>> {
        if self.next.at >= self.end {
            return None;
        }
        let item = self.next;
        self.next = item.to(item.end());
        Some(item)
    }
}

/// The entries of a map: key and value.
#[derive(Clone)]
pub struct Entries<'a> {
    next: NodeRef<'a>,
    end: u32,
}

impl<'a> Entries<'a> {
    /// All entries, those that a later equal key replaced included.
    pub(super) fn all(self) -> impl Iterator<Item = (NodeRef<'a>, NodeRef<'a>)> {
        let mut next = self.next;
        std::iter::from_fn(move || {
            let key = next;
            (key.at < self.end).then(|| {
                next = key.to(key.end());
                (key, key.to(key.at + 1))
            })
        })
    }

    pub(super) fn count_all(self) -> usize {
        self.all().count()
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (NodeRef<'a>, NodeRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.next.at < self.end {
            let key = self.next;
            self.next = key.to(key.end());
            if !key.is_dead() {
                return Some((key, key.to(key.at + 1)));
            }
        }
        None
    }
}
