//! What follows an operand: fields, method calls, indexes, slices, and `?.`.

use super::ast::{NodeId, NodeKind};
use super::lexer::is_alphabetic;
use super::parser::{Parsed, Parser};
use super::token::TokenKind;

impl Parser<'_> {
    pub(super) fn postfix(&mut self, node: NodeId) -> Parsed {
        let mut node = node;
        loop {
            if self.at_operator(".") {
                self.advance();
                node = self.field(node, false)?;
            } else if self.at_operator("?.") {
                self.advance();
                node = if self.at_bracket("[") { self.index(node, true)? } else { self.field(node, true)? };
            } else if self.at_bracket("[") {
                node = self.index(node, false)?;
            } else {
                return Ok(node);
            }
        }
    }

    /// `name` or `name(args)` behind `.` or `?.`. A chain that `object` is goes on here.
    fn field(&mut self, object: NodeId, optional: bool) -> Parsed {
        let name = self.current().clone();
        let is_word = name.kind == TokenKind::Operator
            && name.text.to_str().and_then(|text| text.chars().next()).is_some_and(is_alphabetic);
        if name.kind != TokenKind::Identifier && !is_word {
            let message = format!("unexpected {}, expected the name of a field", name.describe());
            return Err(self.error_at(name.span, message));
        }
        self.advance();
        let (object, in_chain) = match self.tree.kind(object) {
            NodeKind::Chain(inner) => (*inner, true),
            _ => (object, false),
        };
        let property = self.node(NodeKind::Str(name.text), name.span)?;
        let method = self.at_bracket("(");
        let mut node = self.node(NodeKind::Member { object, property, optional, method }, name.span)?;
        if method {
            let args = self.arguments(Vec::new())?;
            node = self.node(NodeKind::Call { callee: node, args }, name.span)?;
        }
        if in_chain || optional {
            node = self.node(NodeKind::Chain(node), name.span)?;
        }
        Ok(node)
    }

    /// `[i]`, `[from:to]` and `?.[i]`.
    fn index(&mut self, object: NodeId, optional: bool) -> Parsed {
        let span = self.current().span;
        self.advance();
        let from = if self.at_operator(":") { None } else { Some(self.expression(0)?) };
        let node = if self.at_operator(":") {
            self.advance();
            let to = if self.at_bracket("]") { None } else { Some(self.expression(0)?) };
            self.node(NodeKind::Slice { object, from, to }, span)?
        } else {
            let Some(property) = from else { return Err(self.unexpected()) };
            let member = NodeKind::Member { object, property, optional, method: false };
            let mut node = self.node(member, span)?;
            if optional {
                node = self.node(NodeKind::Chain(node), span)?;
            }
            node
        };
        self.expect_bracket("]")?;
        Ok(node)
    }
}
