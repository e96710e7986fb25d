//! Sums that need no loop.

use super::Optimizer;
use crate::builtins::Builtin;
use crate::syntax::ast::{BinaryOp, BuiltinCall, NodeId, NodeKind, Pointer};

/// `sum(1..10)`, `sum(1..10, # * 2)` and `reduce(1..10, # + #acc)` are numbers.
pub(super) fn of_range(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    let Some(sum) = range_sum(optimizer, id).or_else(|| range_reduce(optimizer, id)) else {
        return false;
    };
    optimizer.put_literal(id, NodeKind::Int(sum));
    true
}

/// How many numbers there are from the first to the last of a constant range, and their sum.
fn range(optimizer: &Optimizer<'_>, id: NodeId) -> Option<(i64, i64)> {
    let NodeKind::Binary(BinaryOp::Range, from, to) = *optimizer.kind(id) else { return None };
    let (from, to) = (optimizer.int(from)?, optimizer.int(to)?);
    if to < from {
        return None;
    }
    let count = to.wrapping_sub(from).wrapping_add(1);
    Some((count, count.wrapping_mul(from.wrapping_add(to)) / 2))
}

fn range_sum(optimizer: &Optimizer<'_>, id: NodeId) -> Option<i64> {
    let call = optimizer.builtin(id, "sum")?;
    let (count, sum) = range(optimizer, *call.args.first()?)?;
    let predicate = match call.args.as_slice() {
        [_] => return Some(sum),
        [_, predicate] => optimizer.body(*predicate)?,
        _ => return None,
    };
    let is_item = |node: NodeId| matches!(optimizer.kind(node), NodeKind::Pointer(Pointer::Item));
    if is_item(predicate) {
        return Some(sum);
    }
    let NodeKind::Binary(op, left, right) = *optimizer.kind(predicate) else { return None };
    let (number, item_first) = if is_item(left) {
        (optimizer.int(right)?, true)
    } else if is_item(right) {
        (optimizer.int(left)?, false)
    } else {
        return None;
    };
    match op {
        BinaryOp::Multiply => Some(number.wrapping_mul(sum)),
        BinaryOp::Add => Some(sum.wrapping_add(count.wrapping_mul(number))),
        BinaryOp::Subtract if item_first => Some(sum.wrapping_sub(count.wrapping_mul(number))),
        BinaryOp::Subtract => Some(count.wrapping_mul(number).wrapping_sub(sum)),
        _ => None,
    }
}

fn range_reduce(optimizer: &Optimizer<'_>, id: NodeId) -> Option<i64> {
    let call = optimizer.builtin(id, "reduce")?;
    let [list, predicate, initial @ ..] = call.args.as_slice() else { return None };
    let (_, sum) = range(optimizer, *list)?;
    let NodeKind::Binary(BinaryOp::Add, left, right) = *optimizer.kind(optimizer.body(*predicate)?) else {
        return None;
    };
    match (optimizer.kind(left), optimizer.kind(right)) {
        (NodeKind::Pointer(Pointer::Item), NodeKind::Pointer(Pointer::Acc))
        | (NodeKind::Pointer(Pointer::Acc), NodeKind::Pointer(Pointer::Item)) => {}
        _ => return None,
    }
    match initial {
        [] => Some(sum),
        [initial] => Some(optimizer.int(*initial)?.wrapping_add(sum)),
        _ => None,
    }
}

/// `sum([a, b, c])` becomes `a + (b + c)`, which also joins texts.
pub(super) fn of_list(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    let Some([items]) = optimizer.builtin(id, "sum").map(|call| call.args.as_slice()) else {
        return false;
    };
    let NodeKind::Array(items) = optimizer.kind(*items) else { return false };
    let [head, between @ .., tail] = items.as_slice() else { return false };
    let (head, between, mut right) = (*head, between.to_vec(), *tail);
    let span = optimizer.tree.span(id);
    for item in between.into_iter().rev() {
        right = optimizer.tree.add(NodeKind::Binary(BinaryOp::Add, item, right), span);
    }
    optimizer.put(id, NodeKind::Binary(BinaryOp::Add, head, right));
    true
}

/// `sum(map(xs, p))` becomes `sum(xs, p)`.
pub(super) fn of_map(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    let joined = || {
        let [list] = optimizer.builtin(id, "sum")?.args.as_slice() else { return None };
        let (list, predicate) = optimizer.list_and_predicate(*list, "map")?;
        let function = Builtin::of("sum")?;
        Some(BuiltinCall { function, args: vec![list, predicate], throws: false, map: None, threshold: None })
    };
    let Some(joined) = joined() else { return false };
    optimizer.put(id, NodeKind::Builtin(joined));
    true
}
