//! What an object is called in the source, for messages: `app.status.conditions[0]`.

use crate::syntax::ast::{NodeId, NodeKind, Pointer, Tree};

/// Links of a chain that a message shows.
const LINKS: usize = 12;

/// A short form of `id` as it stands in the source; empty where there is none.
pub(super) fn describe(tree: &Tree, id: NodeId) -> String {
    let mut parts = Vec::new();
    let mut at = id;
    for _ in 0..LINKS {
        match tree.kind(at) {
            NodeKind::Identifier(name) => {
                parts.push(name.to_string());
                return parts.into_iter().rev().collect();
            }
            NodeKind::Pointer(Pointer::Item) => {
                let inner: String = parts.into_iter().rev().collect();
                return if inner.is_empty() { "#".to_owned() } else { inner };
            }
            NodeKind::Chain(inner) => at = *inner,
            NodeKind::Call { callee, .. } => {
                parts.push("(…)".to_owned());
                at = *callee;
            }
            NodeKind::Builtin(call) => {
                parts.push(format!("{}(…)", call.function.name()));
                return parts.into_iter().rev().collect();
            }
            NodeKind::Member { object, property, optional, .. } => {
                let mark = if *optional { "?." } else { "." };
                parts.push(match tree.kind(*property) {
                    NodeKind::Str(name) => format!("{mark}{name}"),
                    NodeKind::Int(number) => format!("[{number}]"),
                    _ => "[…]".to_owned(),
                });
                at = *object;
            }
            _ => return String::new(),
        }
    }
    String::new()
}
