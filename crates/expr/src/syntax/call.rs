//! Calls of builtins and of functions in variables, and the predicates that some builtins take.

use super::ast::{BuiltinCall, NodeId, NodeKind};
use super::parser::{Parsed, Parser};
use super::token::Token;
use crate::builtins::{Builtin, Shape};

impl Parser<'_> {
    /// The call of `name`; the arguments from `(` on are still to be read. A pipe has supplied the first of them already.
    pub(super) fn call(&mut self, name: &Token, piped: Vec<NodeId>) -> Parsed {
        let Some(function) = name.text.to_str().and_then(Builtin::of) else {
            let callee = self.node(NodeKind::Identifier(name.text.clone()), name.span)?;
            let args = self.arguments(piped)?;
            return self.node(NodeKind::Call { callee, args }, name.span);
        };
        let args = match function.shape() {
            Shape::Plain => self.arguments(piped)?,
            Shape::Predicate { optional, extra } => {
                self.predicate_arguments(function, piped, optional, extra)?
            }
        };
        let call = BuiltinCall { function, args, throws: false, map: None, threshold: None };
        self.node(NodeKind::Builtin(call), name.span)
    }

    /// `(a, b,)`.
    pub(super) fn arguments(&mut self, piped: Vec<NodeId>) -> Parsed<Vec<NodeId>> {
        let given = piped.len();
        let mut args = piped;
        self.expect_bracket("(")?;
        while !self.at_bracket(")") {
            if args.len() > given {
                self.expect_operator(",")?;
                if self.at_bracket(")") {
                    break;
                }
            }
            args.push(self.expression(0)?);
        }
        self.expect_bracket(")")?;
        Ok(args)
    }

    /// `(list, predicate)`; the predicate may be left out if it is `optional`, and one more argument may follow if there is an `extra` one.
    fn predicate_arguments(
        &mut self,
        function: Builtin,
        piped: Vec<NodeId>,
        optional: bool,
        extra: bool,
    ) -> Parsed<Vec<NodeId>> {
        let mut args = piped;
        self.expect_bracket("(")?;
        let first = args.len();
        let last = if extra { 2 } else { 1 };
        for position in first..=last {
            if self.at_bracket(")") {
                if position == 2 || position == 1 && optional {
                    break;
                }
                let wanted = if optional { "a list" } else { "a list and a predicate" };
                let message = format!("`{}` takes {wanted}", function.name());
                return Err(self.error_at(self.current().span, message));
            }
            if position > first {
                self.expect_operator(",")?;
            }
            let arg = if position == 1 { self.predicate()? } else { self.expression(0)? };
            args.push(arg);
        }
        if self.at_operator(",") {
            self.advance();
        }
        self.expect_bracket(")")?;
        Ok(args)
    }

    /// `{…}` or a bare expression, evaluated once for each item.
    fn predicate(&mut self) -> Parsed {
        let span = self.current().span;
        let braces = self.at_bracket("{");
        if braces {
            self.advance();
        }
        self.predicates += 1;
        let body = if braces { self.sequence()? } else { self.expression(0)? };
        self.predicates -= 1;
        if braces {
            self.expect_bracket("}")?;
        } else if self.at_operator(";") {
            let message = "a predicate of several expressions needs `{` and `}` around it".to_owned();
            return Err(self.error_at(self.current().span, message));
        }
        self.node(NodeKind::Predicate(body), span)
    }
}
