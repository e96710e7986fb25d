//! The functions that evaluate a predicate for each item of a list.

use super::nature::{Nature, Ty};
use super::{Checked, Checker, Predicate};
use crate::builtins::{Builtin, Loop};
use crate::syntax::ast::NodeId;

impl Checker<'_> {
    pub(super) fn looped(&mut self, kind: Loop, function: Builtin, args: &[NodeId]) -> Checked {
        let [list, rest @ ..] = args else { return Ok(Nature::UNKNOWN) };
        let collection = self.visit(*list)?;
        if !collection.ty.is_array() && !collection.ty.is_unknown() {
            let message = format!("`{}` takes a list, this is a {}", function.name(), collection.ty.name());
            return self.error(*list, message);
        }
        let Some((predicate, extra)) = rest.split_first() else {
            return Ok(match kind {
                Loop::Count => Nature::of(Ty::Int),
                _ if collection.ty.is_unknown() => Nature::UNKNOWN,
                _ => self.element(collection),
            });
        };
        let index = matches!(kind, Loop::Map | Loop::Reduce);
        self.predicates.push(Predicate { collection, index, acc: kind == Loop::Reduce });
        let body = self.visit(*predicate)?;
        self.predicates.pop();
        for extra in extra {
            let ty = self.visit(*extra)?.ty;
            if kind == Loop::SortBy && ty != Ty::Str && !ty.is_unknown() {
                return self
                    .error(*extra, format!("the order is \"asc\" or \"desc\", this is a {}", ty.name()));
            }
        }
        let body = self.kept(body).unwrap_or(Nature::UNKNOWN);
        if body.ty == Ty::Nil {
            return self.error(*predicate, "a predicate that is always nil says nothing".to_owned());
        }
        let is_test = !matches!(kind, Loop::Map | Loop::Sum | Loop::GroupBy | Loop::SortBy | Loop::Reduce);
        if is_test && body.ty != Ty::Bool && !body.ty.is_unknown() {
            let message = format!("this predicate must be true or false, it is a {}", body.ty.name());
            return self.error(*predicate, message);
        }
        Ok(self.result_of_loop(kind, collection, body))
    }

    fn result_of_loop(&mut self, kind: Loop, collection: Nature, body: Nature) -> Nature {
        let unknown = collection.ty.is_unknown();
        match kind {
            Loop::All | Loop::None | Loop::Any | Loop::One => Nature::of(Ty::Bool),
            Loop::Filter if unknown => Nature::of(Ty::List),
            Loop::Filter => {
                let element = self.element(collection);
                self.list_of(element)
            }
            Loop::Map => self.list_of(body),
            Loop::Count | Loop::FindIndex | Loop::FindLastIndex => Nature::of(Ty::Int),
            // What is known of the elements gets lost on the way through Go's reflection.
            Loop::Sum if body.ty == Ty::Unknown => Nature::of(Ty::Any),
            Loop::Sum => Nature::of(body.ty),
            Loop::Find | Loop::FindLast if unknown => Nature::UNKNOWN,
            Loop::Find | Loop::FindLast => self.element(collection),
            Loop::GroupBy => Nature::of(Ty::Groups),
            Loop::SortBy => collection,
            Loop::Reduce => body,
        }
    }
}
