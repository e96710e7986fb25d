//! Chains of fields that can be walked in one go: `app.status.sync.status`.

use super::emit::Emitter;
use super::{Path, Start};
use crate::syntax::ast::{NodeId, NodeKind, Pointer};

impl Emitter<'_> {
    /// The number of the path that `id` is, if it is one. A chain with `?.` in it is not.
    pub(super) fn path(&mut self, id: NodeId) -> Option<u32> {
        let mut keys = Vec::new();
        let mut at = id;
        while let NodeKind::Member { object, property, optional: false, .. } = self.tree.kind(at) {
            let NodeKind::Str(name) = self.tree.kind(*property) else { return None };
            keys.push((name.clone(), self.tree.span(*property)));
            at = *object;
        }
        let start = match self.tree.kind(at) {
            NodeKind::Pointer(Pointer::Item) => Start::Item,
            NodeKind::Identifier(name) => match self.variable(name) {
                Some(number) => Start::Variable(number),
                None if *name == *"$env" => return None,
                None => Start::Root(self.root(name)),
            },
            _ => return None,
        };
        keys.reverse();
        self.code.paths.push(Path { start, keys });
        u32::try_from(self.code.paths.len() - 1).ok()
    }
}
