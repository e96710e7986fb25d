//! Rewrites the tree before code is made of it, as upstream does.
//!
//! These are not only shortcuts: some can be seen from outside. A set makes `in` fail on a value of the wrong type, a combined predicate looks at fewer
//! items, a folded sum of a range needs no memory. So each one is here with upstream's conditions, and in upstream's order.

mod fold;
mod predicates;
mod sets;
mod sums;

use crate::check::nature::{Nature, Ty};
use crate::error::{CompileError, CompileErrorKind};
use crate::syntax::ast::{BuiltinCall, NodeId, NodeKind, Tree};

/// Passes of folding; each takes away at least one node.
const FOLDS: usize = 1_000;

/// Rewrites the tree.
pub(crate) fn optimize(source: &str, tree: &mut Tree) -> Result<(), CompileError> {
    let mut optimizer = Optimizer { source, tree, failed: None };
    optimizer.walk(sets::of_list);
    for _ in 0..FOLDS {
        if !optimizer.walk(fold::fold) {
            break;
        }
    }
    for pass in [
        sets::of_range,
        predicates::filter_then_map,
        predicates::length_of_filter,
        predicates::last_of_filter,
        predicates::first_of_filter,
        predicates::combine,
        sums::of_range,
        sums::of_list,
        sums::of_map,
        predicates::count_to_any,
        predicates::count_up_to,
    ] {
        optimizer.walk(pass);
    }
    optimizer.failed.map_or(Ok(()), Err)
}

/// Looks at a node whose children are final; gives whether it changed something.
type Pass = fn(&mut Optimizer<'_>, NodeId) -> bool;

struct Optimizer<'a> {
    source: &'a str,
    tree: &'a mut Tree,
    /// The first constant part that cannot be computed.
    failed: Option<CompileError>,
}

impl Optimizer<'_> {
    /// Runs `pass` over all nodes, children first. Gives whether it changed something.
    fn walk(&mut self, pass: Pass) -> bool {
        let mut seen = vec![false; self.tree.len()];
        let root = self.tree.root;
        // What is to be entered, and, behind its children, what is to be looked at.
        let mut open = vec![(root, false)];
        let mut children = Vec::new();
        let mut changed = false;
        while let Some((id, is_ready)) = open.pop() {
            if is_ready {
                changed |= pass(self, id);
                continue;
            }
            match seen.get_mut(id.index()) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            open.push((id, true));
            children.clear();
            self.tree.children(id, &mut children);
            open.extend(children.iter().rev().map(|child| (*child, false)));
        }
        changed
    }

    fn fail(&mut self, id: NodeId, message: &str) {
        let error =
            CompileError::new(CompileErrorKind::Type, self.source, self.tree.span(id), message.to_owned());
        self.failed.get_or_insert(error);
    }

    fn kind(&self, id: NodeId) -> &NodeKind {
        self.tree.kind(id)
    }

    /// Puts a literal in the place of `id`, with the type of the literal.
    fn put_literal(&mut self, id: NodeId, kind: NodeKind) {
        let ty = match &kind {
            NodeKind::Int(_) => Ty::Int,
            NodeKind::Float(_) => Ty::Float,
            NodeKind::Bool(_) => Ty::Bool,
            NodeKind::Str(_) => Ty::Str,
            NodeKind::ConstList(_) => Ty::List,
            _ => Ty::Unknown,
        };
        self.tree.replace(id, kind, Nature::of(ty));
    }

    /// Puts another node in the place of `id`, which keeps its type.
    fn put(&mut self, id: NodeId, kind: NodeKind) {
        let ty = self.tree.nature(id).ty;
        self.tree.replace(id, kind, Nature::of(ty));
    }

    /// The call of the builtin `name` that `id` is.
    fn builtin(&self, id: NodeId, name: &str) -> Option<&BuiltinCall> {
        match self.kind(id) {
            NodeKind::Builtin(call) if call.function.is(name) => Some(call),
            _ => None,
        }
    }

    /// List and predicate of the call of `name` that `id` is, if it has exactly these arguments.
    fn list_and_predicate(&self, id: NodeId, name: &str) -> Option<(NodeId, NodeId)> {
        match self.builtin(id, name)?.args.as_slice() {
            [list, predicate] => Some((*list, *predicate)),
            _ => None,
        }
    }

    /// What a predicate evaluates.
    fn body(&self, predicate: NodeId) -> Option<NodeId> {
        match self.kind(predicate) {
            NodeKind::Predicate(body) => Some(*body),
            _ => None,
        }
    }

    fn int(&self, id: NodeId) -> Option<i64> {
        match self.kind(id) {
            NodeKind::Int(number) => Some(*number),
            _ => None,
        }
    }
}
