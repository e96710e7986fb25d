//! Calls of functions with predicates that can be joined.

use super::Optimizer;
use crate::builtins::Builtin;
use crate::syntax::ast::{BinaryOp, BuiltinCall, NodeId, NodeKind, Pointer, Tree};

fn call(name: &str, args: Vec<NodeId>) -> Option<BuiltinCall> {
    Some(BuiltinCall { function: Builtin::of(name)?, args, throws: false, map: None, threshold: None })
}

/// Puts a call in the place of `id`, if there is one.
fn put(optimizer: &mut Optimizer<'_>, id: NodeId, call: Option<BuiltinCall>) -> bool {
    let Some(call) = call else { return false };
    optimizer.put(id, NodeKind::Builtin(call));
    true
}

/// `map(filter(xs, p), m)` evaluates `m` for each hit, if it does not look at `#index`.
pub(super) fn filter_then_map(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    let joined = || {
        let (list, mapping) = optimizer.list_and_predicate(id, "map")?;
        let filter = optimizer.builtin(list, "filter")?;
        if filter.map.is_some() || mentions_index(optimizer.tree, mapping) {
            return None;
        }
        let body = optimizer.body(mapping)?;
        Some(BuiltinCall { map: Some(body), ..call("filter", filter.args.clone())? })
    };
    let joined = joined();
    put(optimizer, id, joined)
}

/// Whether `#index` occurs anywhere in `id`, predicates inside of it included.
fn mentions_index(tree: &Tree, id: NodeId) -> bool {
    let mut seen = vec![false; tree.len()];
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        match seen.get_mut(id.index()) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        if let NodeKind::Pointer(Pointer::Index) = tree.kind(id) {
            return true;
        }
        tree.children(id, &mut open);
    }
    false
}

/// `len(filter(xs, p))` counts.
pub(super) fn length_of_filter(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    let counted = || {
        let [list] = optimizer.builtin(id, "len")?.args.as_slice() else { return None };
        let (list, predicate) = optimizer.list_and_predicate(*list, "filter")?;
        call("count", vec![list, predicate])
    };
    let counted = counted();
    put(optimizer, id, counted)
}

/// `first(filter(xs, p))` and `filter(xs, p)[0]` stop at the first hit.
pub(super) fn first_of_filter(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    let found = one_of_filter(optimizer, id, "first", 0, "find");
    put(optimizer, id, found)
}

/// `last(filter(xs, p))` and `filter(xs, p)[-1]` start at the end.
pub(super) fn last_of_filter(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    let found = one_of_filter(optimizer, id, "last", -1, "findLast");
    put(optimizer, id, found)
}

fn one_of_filter(
    optimizer: &Optimizer<'_>,
    id: NodeId,
    name: &str,
    index: i64,
    find: &str,
) -> Option<BuiltinCall> {
    let (filter, throws) = match optimizer.kind(id) {
        NodeKind::Member { object, property, optional: false, .. }
            if optimizer.int(*property) == Some(index) =>
        {
            (*object, true)
        }
        NodeKind::Builtin(call) if call.function.is(name) => match call.args.as_slice() {
            [list] => (*list, false),
            _ => return None,
        },
        _ => return None,
    };
    let (list, predicate) = optimizer.list_and_predicate(filter, "filter")?;
    let map = optimizer.builtin(filter, "filter")?.map;
    Some(BuiltinCall { throws, map, ..call(find, vec![list, predicate])? })
}

/// `any(xs, p) or any(xs, q)` goes over the list once, and so do `all … and all …` and `none … and none …`.
pub(super) fn combine(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    // Joining two predicates may make two calls inside of them neighbours.
    let mut at = id;
    let mut changed = false;
    while let Some(joined) = combine_one(optimizer, at) {
        changed = true;
        at = joined;
    }
    changed
}

/// Joins the two sides of `id`. Gives the new body of the predicate.
fn combine_one(optimizer: &mut Optimizer<'_>, id: NodeId) -> Option<NodeId> {
    let NodeKind::Binary(op, left, right) = *optimizer.kind(id) else { return None };
    let NodeKind::Builtin(first) = optimizer.kind(left) else { return None };
    let name = first.function.name();
    let joining = match (name, op) {
        ("all", BinaryOp::And) => BinaryOp::And,
        ("any", BinaryOp::Or) | ("none", BinaryOp::And) => BinaryOp::Or,
        _ => return None,
    };
    let (list, first) = optimizer.list_and_predicate(left, name)?;
    let (other, second) = optimizer.list_and_predicate(right, name)?;
    let tree = &*optimizer.tree;
    if tree.nature(list).ty != tree.nature(other).ty || !same(tree, list, other) {
        return None;
    }
    let (first, second) = (optimizer.body(first)?, optimizer.body(second)?);
    let span = optimizer.tree.span(first).to(optimizer.tree.span(second));
    let both = optimizer.tree.add(NodeKind::Binary(joining, first, second), span);
    let predicate = optimizer.tree.add(NodeKind::Predicate(both), span);
    let joined = call(name, vec![list, predicate])?;
    optimizer.put(id, NodeKind::Builtin(joined));
    Some(both)
}

/// Whether two nodes were written alike.
fn same(tree: &Tree, left: NodeId, right: NodeId) -> bool {
    // More pairs than this are not looked at; nobody writes such lists twice.
    let mut budget = 2_000;
    let mut open = vec![(left, right)];
    let (mut left_children, mut right_children) = (Vec::new(), Vec::new());
    while let Some((left, right)) = open.pop() {
        budget -= 1;
        let (left, right) = (unchained(tree, left), unchained(tree, right));
        if budget == 0 || !same_node(tree.kind(left), tree.kind(right)) {
            return false;
        }
        left_children.clear();
        right_children.clear();
        tree.children(left, &mut left_children);
        tree.children(right, &mut right_children);
        if left_children.len() != right_children.len() {
            return false;
        }
        open.extend(left_children.iter().copied().zip(right_children.iter().copied()));
    }
    true
}

/// A chain is written like what is in it.
fn unchained(tree: &Tree, id: NodeId) -> NodeId {
    match tree.kind(id) {
        NodeKind::Chain(inner) => *inner,
        _ => id,
    }
}

/// Whether two nodes are alike but for their children.
fn same_node(left: &NodeKind, right: &NodeKind) -> bool {
    use NodeKind as K;
    match (left, right) {
        (K::Identifier(l), K::Identifier(r))
        | (K::Str(l), K::Str(r))
        | (K::Bytes(l), K::Bytes(r))
        | (K::Let { name: l, .. }, K::Let { name: r, .. }) => l == r,
        (K::Int(l), K::Int(r)) => l == r,
        (K::Float(l), K::Float(r)) => l.to_bits() == r.to_bits(),
        (K::Bool(l), K::Bool(r)) | (K::Member { optional: l, .. }, K::Member { optional: r, .. }) => l == r,
        (K::Unary(l, _), K::Unary(r, _)) => l == r,
        (K::Binary(l, ..), K::Binary(r, ..)) => l == r,
        (K::Pointer(l), K::Pointer(r)) => l == r,
        (K::Slice { from: lf, to: lt, .. }, K::Slice { from: rf, to: rt, .. }) => {
            lf.is_some() == rf.is_some() && lt.is_some() == rt.is_some()
        }
        (K::Builtin(l), K::Builtin(r)) => {
            l.function == r.function && l.map.is_some() == r.map.is_some() && l.threshold == r.threshold
        }
        (K::ConstInts(l), K::ConstInts(r)) => l == r,
        (K::ConstStrs(l), K::ConstStrs(r)) => l == r,
        _ => std::mem::discriminant(left) == std::mem::discriminant(right),
    }
}

/// `count(xs, p) > 0` asks for any.
pub(super) fn count_to_any(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    let any = || {
        let NodeKind::Binary(op, left, right) = *optimizer.kind(id) else { return None };
        let (list, predicate) = optimizer.list_and_predicate(left, "count")?;
        match (op, optimizer.int(right)?) {
            (BinaryOp::Greater, 0) | (BinaryOp::GreaterEqual, 1) => call("any", vec![list, predicate]),
            _ => None,
        }
    };
    let any = any();
    put(optimizer, id, any)
}

/// `count(xs, p) > 3` may stop at the fourth hit.
pub(super) fn count_up_to(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    let NodeKind::Binary(op, left, right) = *optimizer.kind(id) else { return false };
    if optimizer.list_and_predicate(left, "count").is_none() {
        return false;
    }
    let threshold = match (op, optimizer.int(right)) {
        (BinaryOp::Greater | BinaryOp::LessEqual, Some(number @ 0..)) => number.wrapping_add(1),
        (BinaryOp::GreaterEqual | BinaryOp::Less, Some(number @ 0..)) => number,
        _ => return false,
    };
    if threshold > 1
        && let NodeKind::Builtin(call) = &mut optimizer.tree[left].kind
    {
        call.threshold = Some(threshold);
        return true;
    }
    false
}
