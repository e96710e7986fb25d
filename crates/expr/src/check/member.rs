//! Fields, indexes, slices and the methods of values whose type is known.

use dodona_value::Str;

use super::methods::{self, Method};
use super::nature::{Nature, Ty, TyKind};
use super::{Checked, Checker};
use crate::syntax::ast::{NodeId, NodeKind};

impl Checker<'_> {
    pub(super) fn member(&mut self, id: NodeId, object: NodeId, property: NodeId, method: bool) -> Checked {
        if matches!(self.tree.kind(object), NodeKind::Identifier(name) if *name == *"$env") {
            return Ok(Nature::UNKNOWN);
        }
        let base = self.visit(object)?;
        let key = self.visit(property)?;
        if base.ty.is_unknown() {
            return Ok(Nature::UNKNOWN);
        }
        let name = match self.tree.kind(property) {
            NodeKind::Str(name) => Some(name.clone()),
            _ => None,
        };
        if let Some(name) = &name
            && methods::method_of(base.ty, name).is_some()
        {
            return Ok(Nature::of(Ty::Func("method")));
        }
        match base.ty.kind() {
            TyKind::Map => {
                let wanted = if base.ty == Ty::Map { Ty::Str } else { Ty::Any };
                if key.ty.is_unknown() || key.ty.assignable_to(wanted) {
                    return Ok(self.element(base));
                }
                self.error(property, format!("a key of this map is a string, not a {}", key.ty.name()))
            }
            TyKind::Slice => {
                if key.ty.is_integer() || key.ty.is_unknown() {
                    return Ok(self.element(base));
                }
                self.error(property, format!("an index of a list is an integer, not a {}", key.ty.name()))
            }
            _ => {
                let what = if method { "method" } else { "field" };
                let message = match name {
                    Some(name) => format!("a {} has no {what} `{name}`", base.ty.name()),
                    None => format!("a {} has no elements", base.ty.name()),
                };
                self.error(id, message)
            }
        }
    }

    /// The method that `callee` names, if its object has a known type.
    pub(super) fn static_method(&self, callee: NodeId) -> Option<(Str, Method)> {
        let callee = match self.tree.kind(callee) {
            NodeKind::Chain(inner) => *inner,
            _ => callee,
        };
        let NodeKind::Member { object, property, .. } = self.tree.kind(callee) else { return None };
        let NodeKind::Str(name) = self.tree.kind(*property) else { return None };
        let method = methods::method_of(self.tree.nature(*object).ty, name)?;
        Some((name.clone(), method))
    }

    pub(super) fn method_call(
        &mut self,
        id: NodeId,
        name: &Str,
        method: &Method,
        args: &[NodeId],
    ) -> Checked {
        if method.results > 2 {
            return self.error(id, format!("`{name}` gives more than two values and cannot be used here"));
        }
        self.check_arguments(id, &name.to_string_lossy(), method.params, args)?;
        Ok(Nature::of(method.result))
    }

    pub(super) fn slice(
        &mut self,
        id: NodeId,
        object: NodeId,
        from: Option<NodeId>,
        to: Option<NodeId>,
    ) -> Checked {
        let nature = self.visit(object)?;
        if nature.ty.is_unknown() {
            return Ok(Nature::UNKNOWN);
        }
        if nature.ty != Ty::Str && !nature.ty.is_array() {
            return self.error(id, format!("a {} has no slices", nature.ty.name()));
        }
        for bound in from.into_iter().chain(to) {
            let ty = self.visit(bound)?.ty;
            if !ty.is_integer() && !ty.is_unknown() {
                return self
                    .error(bound, format!("a slice goes from integer to integer, this is a {}", ty.name()));
            }
        }
        Ok(nature)
    }
}
