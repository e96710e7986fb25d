//! The state of a loop: what it goes over, where it is and what it collects.

use std::collections::BTreeMap;

use dodona_value::{Key, List, NodeKind, NodeRef, UintKind, Value};

use super::Fault;
use super::slot::{Slot, View};

/// What a loop goes over.
enum Items<'a> {
    Node(NodeRef<'a>),
    List(List),
    Bytes(dodona_value::Str),
    /// A map: it has a length, and fails when an item is asked for.
    Opaque,
}

/// What a loop collects besides values on the stack.
pub(super) enum Collected {
    Nothing,
    Groups(BTreeMap<Key, Vec<Value>>),
    Sorted { descending: bool, keys: Vec<(Value, Value)> },
}

/// A loop.
pub(super) struct Frame<'a> {
    items: Items<'a>,
    pub(super) len: usize,
    /// Signed, because a backward loop goes past the first item.
    pub(super) index: i64,
    pub(super) hits: u32,
    pub(super) acc: Slot<'a>,
    pub(super) collected: Collected,
}

impl<'a> Frame<'a> {
    /// A loop over what is in `slot`.
    pub(super) fn new(slot: Slot<'a>) -> Result<Self, Fault> {
        let (items, len) = match slot {
            Slot::Node(node) if node.kind() == NodeKind::List => (Items::Node(node), node.len()),
            Slot::Node(node) if node.kind() == NodeKind::Map => (Items::Opaque, node.len()),
            other => {
                if let Some(text) = other.to_str_value() {
                    let len = text.len();
                    (Items::Bytes(text), len)
                } else {
                    match other.into_value() {
                        Value::List(list) => {
                            let len = list.len();
                            (Items::List(list), len)
                        }
                        Value::Bytes(bytes) => {
                            let bytes = bytes.unwrap_or_default();
                            let len = bytes.len();
                            (Items::Bytes(bytes), len)
                        }
                        Value::Map(map) => (Items::Opaque, map.len()),
                        value => {
                            let name = Slot::Value(value).type_name();
                            return Err(Fault::ty(format!("a list is needed here, not {name}")));
                        }
                    }
                }
            }
        };
        Ok(Self { items, len, index: 0, hits: 0, acc: Slot::nil(), collected: Collected::Nothing })
    }

    /// The item at hand.
    pub(super) fn item(&self) -> Result<Slot<'a>, Fault> {
        let at = usize::try_from(self.index).unwrap_or(usize::MAX);
        let item = match &self.items {
            Items::Node(node) => node.index(at).map(Slot::Node),
            Items::List(list) => list.get(at).map(Slot::Value),
            Items::Bytes(bytes) => {
                bytes.get(at).map(|byte| Slot::Value(Value::Uint(u64::from(*byte), UintKind::Uint8)))
            }
            Items::Opaque => {
                return Err(Fault::ty(
                    "a list is needed here, not a map; there are `values(…)` and `toPairs(…)`",
                ));
            }
        };
        Ok(item.unwrap_or(Slot::nil()))
    }

    pub(super) fn is_over(&self) -> bool {
        usize::try_from(self.index).is_ok_and(|index| index >= self.len)
    }

    /// Puts the item at hand into the group of `key`.
    pub(super) fn group(&mut self, key: &Slot<'a>) -> Result<(), Fault> {
        let value = key.clone().into_value();
        let Some(key) = Key::from_value(&value) else {
            return Err(Fault::ty(format!("a {} cannot be the key of a group", key.type_name())));
        };
        let item = self.item()?.into_value();
        if matches!(self.collected, Collected::Nothing) {
            self.collected = Collected::Groups(BTreeMap::new());
        }
        if let Collected::Groups(groups) = &mut self.collected {
            groups.entry(key).or_default().push(item);
        }
        Ok(())
    }

    /// Starts collecting for a sort in the order that `slot` names.
    pub(super) fn sort_start(&mut self, slot: &Slot<'a>) -> Result<(), Fault> {
        let descending = match slot.view() {
            View::Str(b"asc") => false,
            View::Str(b"desc") => true,
            _ => return Err(Fault::ty("the order is \"asc\" or \"desc\"")),
        };
        self.collected = Collected::Sorted { descending, keys: Vec::new() };
        Ok(())
    }

    /// Collects the item at hand under `key`.
    pub(super) fn sort_add(&mut self, key: Slot<'a>) -> Result<(), Fault> {
        let item = self.item()?.into_value();
        if let Collected::Sorted { keys, .. } = &mut self.collected {
            keys.push((key.into_value(), item));
        }
        Ok(())
    }
}
