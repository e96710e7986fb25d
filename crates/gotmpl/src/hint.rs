//! After a failure: was a field misspelled?
//!
//! A key that does not exist is no error in itself; it becomes one later, when the missing value reaches a function or a
//! `range`. Looking back from there at the fields of the same pipeline tells what people need to know.

use dodona_value::{Key, Scope, Value};

use crate::code::{Chain, Code, Name, Op, ROOT, Slot};
use crate::exec::Root;
use crate::suggest;

/// How many steps before the failure are looked at.
const STEPS: usize = 16;

/// A chain of fields that leads nowhere.
pub(crate) struct Lost {
    /// The chain up to the key that does not exist, as it is written.
    pub(crate) path: String,
    /// A key that does exist and looks like it.
    pub(crate) meant: Option<String>,
}

/// Looks for a missing key in the fields that were read just before step `step`.
pub(crate) fn look(code: &Code, step: usize, root: Root<'_>, slots: &[Value]) -> Option<Lost> {
    let first = step.saturating_sub(STEPS);
    for op in code.ops.get(first..=step)?.iter().rev() {
        match op {
            Op::Field { slot, chain } => {
                let lost = lost(root, slots, *slot, code.chains.get(*chain as usize)?);
                if lost.is_some() {
                    return lost;
                }
            }
            // What stands before these belongs to another action.
            Op::Text { .. }
            | Op::Print
            | Op::PrintField { .. }
            | Op::Pop
            | Op::JumpUnless(_)
            | Op::With(_) => {
                return None;
            }
            _ => {}
        }
    }
    None
}

fn lost(root: Root<'_>, slots: &[Value], slot: Slot, chain: &Chain) -> Option<Lost> {
    let start = match (slot, root) {
        (ROOT, Root::Scope(scope)) => return lost_in_scope(scope, &chain.names),
        (ROOT, Root::Value(value)) => value,
        (slot, _) => slots.get(usize::from(slot))?,
    };
    lost_in_value(start.clone(), &chain.names, 0)
}

fn lost_in_scope(scope: &Scope, names: &[Name]) -> Option<Lost> {
    let first = names.first()?.text.to_string_lossy().into_owned();
    if let Some(value) = scope.get(&first) {
        return lost_in_value(value, names, 1);
    }
    let known: Vec<String> = scope.names().map(|name| name.to_string_lossy().into_owned()).collect();
    Some(Lost { path: path(names, 0), meant: suggest::best(&first, known.iter().map(String::as_str)) })
}

fn lost_in_value(start: Value, names: &[Name], from: usize) -> Option<Lost> {
    let mut value = start;
    for (position, name) in names.iter().enumerate().skip(from) {
        let Value::Map(map) = &value else { return None };
        let Some(next) = map.get(&name.text) else {
            let known: Vec<String> = map.keys().into_iter().filter_map(text).collect();
            let meant = suggest::best(&name.text.to_string_lossy(), known.iter().map(String::as_str));
            return Some(Lost { path: path(names, position), meant });
        };
        value = next;
    }
    None
}

fn text(key: Key) -> Option<String> {
    match key {
        Key::Str(text) => Some(text.to_string_lossy().into_owned()),
        _ => None,
    }
}

fn path(names: &[Name], last: usize) -> String {
    names.iter().take(last + 1).fold(String::new(), |path, name| path + "." + &name.text.to_string_lossy())
}
