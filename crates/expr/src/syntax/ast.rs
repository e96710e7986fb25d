//! The tree: nodes in one vector, children by number, so that no depth of nesting can hurt when it is dropped.

use std::collections::BTreeSet;

use dodona_value::Str;

pub(crate) use super::operator::{BinaryOp, UnaryOp};
use crate::builtins::Builtin;
use crate::check::nature::Nature;
use crate::error::Span;

/// A node of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(u32);

/// What `#`, `#index` and `#acc` stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pointer {
    Item,
    Index,
    Acc,
    /// A name that no function supplies; an error once types are checked.
    Unknown(Str),
}

/// A call of a builtin function. The last three fields are the optimizer's.
#[derive(Clone, Debug)]
pub(crate) struct BuiltinCall {
    pub(crate) function: Builtin,
    pub(crate) args: Vec<NodeId>,
    /// `find` that fails where nothing is found (from `filter(..)[0]`).
    pub(crate) throws: bool,
    /// What to take of each hit instead of the item itself (from `map(filter(..), ..)`).
    pub(crate) map: Option<NodeId>,
    /// Number of hits at which `count` may stop.
    pub(crate) threshold: Option<i64>,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    Nil,
    Identifier(Str),
    Int(i64),
    Float(f64),
    Bool(bool),
    Str(Str),
    Bytes(Str),
    Unary(UnaryOp, NodeId),
    Binary(BinaryOp, NodeId, NodeId),
    /// `?.` somewhere in `node` skips to the end of it.
    Chain(NodeId),
    Member {
        object: NodeId,
        property: NodeId,
        optional: bool,
        method: bool,
    },
    Slice {
        object: NodeId,
        from: Option<NodeId>,
        to: Option<NodeId>,
    },
    Call {
        callee: NodeId,
        args: Vec<NodeId>,
    },
    Builtin(BuiltinCall),
    Predicate(NodeId),
    Pointer(Pointer),
    Let {
        name: Str,
        value: NodeId,
        body: NodeId,
    },
    Sequence(Vec<NodeId>),
    Conditional {
        condition: NodeId,
        then: NodeId,
        otherwise: NodeId,
    },
    Array(Vec<NodeId>),
    Map(Vec<(NodeId, NodeId)>),
    /// A list of constants, made once.
    ConstList(Vec<NodeId>),
    /// The right side of `in`, as a set.
    ConstInts(BTreeSet<i64>),
    /// The right side of `in`, as a set.
    ConstStrs(BTreeSet<Str>),
}

/// A node: what it is, where it stands in the source and what is known of its type.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    /// What an error about this node marks.
    pub(crate) span: Span,
    pub(crate) nature: Nature,
}

/// A parsed expression.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    pub(crate) root: NodeId,
}

impl Tree {
    pub(super) const fn new() -> Self {
        Self { nodes: Vec::new(), root: NodeId(0) }
    }

    /// Adds a node whose type is not known yet.
    pub(crate) fn add(&mut self, kind: NodeKind, span: Span) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { kind, span, nature: Nature::UNKNOWN });
        id
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn kind(&self, id: NodeId) -> &NodeKind {
        &self[id].kind
    }

    pub(crate) fn nature(&self, id: NodeId) -> Nature {
        self[id].nature
    }

    pub(crate) fn span(&self, id: NodeId) -> Span {
        self[id].span
    }

    /// Puts another kind of node in the place of `id`.
    pub(crate) fn replace(&mut self, id: NodeId, kind: NodeKind, nature: Nature) {
        let node = &mut self[id];
        node.kind = kind;
        node.nature = nature;
    }

    /// The children of a node, in the order of evaluation, behind each other in `out`.
    pub(crate) fn children(&self, id: NodeId, out: &mut Vec<NodeId>) {
        match self.kind(id) {
            NodeKind::Unary(_, node) | NodeKind::Chain(node) | NodeKind::Predicate(node) => out.push(*node),
            NodeKind::Binary(_, left, right) => out.extend([*left, *right]),
            NodeKind::Member { object, property, .. } => out.extend([*object, *property]),
            NodeKind::Slice { object, from, to } => {
                out.push(*object);
                out.extend(from.iter().chain(to));
            }
            NodeKind::Call { callee, args } => {
                out.push(*callee);
                out.extend(args);
            }
            NodeKind::Builtin(call) => {
                out.extend(&call.args);
                out.extend(call.map);
            }
            NodeKind::Let { value, body, .. } => out.extend([*value, *body]),
            NodeKind::Conditional { condition, then, otherwise } => {
                out.extend([*condition, *then, *otherwise]);
            }
            NodeKind::Sequence(nodes) | NodeKind::Array(nodes) | NodeKind::ConstList(nodes) => {
                out.extend(nodes);
            }
            NodeKind::Map(pairs) => out.extend(pairs.iter().flat_map(|(key, value)| [*key, *value])),
            NodeKind::Nil
            | NodeKind::Identifier(_)
            | NodeKind::Int(_)
            | NodeKind::Float(_)
            | NodeKind::Bool(_)
            | NodeKind::Str(_)
            | NodeKind::Bytes(_)
            | NodeKind::Pointer(_)
            | NodeKind::ConstInts(_)
            | NodeKind::ConstStrs(_) => {}
        }
    }
}

impl NodeId {
    /// The position of the node in side tables.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "a NodeId is only made by `add` of the same tree, and nodes are never removed"
)]
impl std::ops::Index<NodeId> for Tree {
    type Output = Node;

    fn index(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "a NodeId is only made by `add` of the same tree, and nodes are never removed"
)]
impl std::ops::IndexMut<NodeId> for Tree {
    fn index_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.index()]
    }
}
