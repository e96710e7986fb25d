//! Which variables there are, and in which slots they live.
//!
//! Go checks names twice: the parser knows every variable that was written down before, a running template only those
//! that were really declared on its way. `{{$x = 1}}` without a declaration, or a variable of an `if` branch used in its
//! `else`, therefore fails only when the template runs. Both views are kept here.

use std::collections::HashMap;

use crate::code::{ROOT, Slot};

/// The variables of one body.
pub(crate) struct Scopes {
    /// Names that the parser accepts.
    written: Names,
    /// Names that exist when the template runs, and their slots.
    declared: Names,
    next: Slot,
    /// The slot of the dot.
    pub(crate) dot: Slot,
}

/// Names that hide older ones of the same spelling until they are forgotten.
#[derive(Default)]
struct Names {
    order: Vec<String>,
    slots: HashMap<String, Vec<Slot>>,
}

impl Names {
    fn add(&mut self, name: &str, slot: Slot) {
        self.order.push(name.to_owned());
        self.slots.entry(name.to_owned()).or_default().push(slot);
    }

    fn find(&self, name: &str) -> Option<Slot> {
        self.slots.get(name)?.last().copied()
    }

    fn forget(&mut self, length: usize) {
        for name in self.order.drain(length.min(self.order.len())..) {
            if let Some(slots) = self.slots.get_mut(&name) {
                slots.pop();
            }
        }
    }
}

/// A point to go back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    written: usize,
    declared: usize,
}

impl Scopes {
    /// The variables of a body that has just begun: `$`, which is also the dot. `$` of the outermost body is the scope.
    /// With `own_dollar`, `$` is a slot of its own that begins as the dot, because the template sets it.
    pub(crate) fn new(is_root: bool, own_dollar: bool) -> Self {
        let dot = if is_root { ROOT } else { 0 };
        let (dollar, next) = if own_dollar { (1, 2) } else { (dot, 1) };
        let mut scopes = Self { written: Names::default(), declared: Names::default(), next, dot };
        scopes.write("$");
        scopes.declare("$", dollar);
        scopes
    }

    /// How many slots the body needs.
    pub(crate) fn size(&self) -> Slot {
        self.next
    }

    /// A slot that nothing else uses. Slots are not used again; `None` when there are too many.
    pub(crate) fn new_slot(&mut self) -> Option<Slot> {
        let slot = self.next;
        self.next = slot.checked_add(1).filter(|next| *next != ROOT)?;
        Some(slot)
    }

    /// Notes that a name was written to the left of `:=` or `=`.
    pub(crate) fn write(&mut self, name: &str) {
        self.written.add(name, 0);
    }

    /// Whether the parser accepts `name`.
    pub(crate) fn is_written(&self, name: &str) -> bool {
        self.written.find(name).is_some()
    }

    /// Declares `name`, in front of older variables of the same name.
    pub(crate) fn declare(&mut self, name: &str, slot: Slot) {
        self.declared.add(name, slot);
    }

    /// The slot of the youngest variable `name`.
    pub(crate) fn find(&self, name: &str) -> Option<Slot> {
        self.declared.find(name)
    }

    /// The names that can be used, for "did you mean".
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.declared.order.iter().map(String::as_str)
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { written: self.written.order.len(), declared: self.declared.order.len() }
    }

    /// Leaves a block.
    pub(crate) fn forget(&mut self, mark: Mark) {
        self.written.forget(mark.written);
        self.declared.forget(mark.declared);
    }

    /// Enters the else branch of a block: what its first branch declared does not exist any more.
    pub(crate) fn forget_declared(&mut self, mark: Mark) {
        self.declared.forget(mark.declared);
    }
}
