//! The grammar: sequences, declarations, branches and binary operators, by precedence climbing.
//!
//! Every function that can come back to itself counts its depth, so that no text can overflow the stack.

use dodona_value::Str;

use super::ast::{BinaryOp, NodeId, NodeKind, Tree, UnaryOp};
use super::operator::Infix;
use super::token::{Token, TokenKind};
use crate::error::{CompileError, CompileErrorKind, Span};
use crate::limit::{MAX_NESTING, MAX_NODES};

/// What the functions of the parser give.
pub(super) type Parsed<T = NodeId> = Result<T, CompileError>;

/// The tree of `tokens`, which were cut out of `source`.
pub(crate) fn parse(source: &str, tokens: Vec<Token>) -> Result<Tree, CompileError> {
    let mut parser = Parser { source, tokens, at: 0, tree: Tree::new(), nodes: 0, predicates: 0, nesting: 0 };
    let root = parser.sequence()?;
    if parser.current().kind != TokenKind::End {
        return Err(parser.unexpected());
    }
    parser.tree.root = root;
    Ok(parser.tree)
}

pub(super) struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    pub(super) tree: Tree,
    /// Nodes as upstream counts them.
    nodes: usize,
    /// Predicates around the place at hand; inside of one, `#` and `.field` have a meaning.
    pub(super) predicates: usize,
    nesting: usize,
}

impl Parser<'_> {
    pub(super) fn current(&self) -> &Token {
        static END: Token = Token { kind: TokenKind::End, text: Str::EMPTY, span: Span { start: 0, end: 0 } };
        self.tokens.get(self.at).or(self.tokens.last()).unwrap_or(&END)
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    /// The current token, which is passed.
    pub(super) fn take(&mut self) -> Token {
        let token = self.current().clone();
        self.advance();
        token
    }

    pub(super) fn at_operator(&self, sign: &str) -> bool {
        self.current().is_operator(sign)
    }

    pub(super) fn at_bracket(&self, sign: &str) -> bool {
        self.current().is_bracket(sign)
    }

    pub(super) fn error_at(&self, span: Span, message: String) -> CompileError {
        CompileError::new(CompileErrorKind::Syntax, self.source, span, message)
    }

    pub(super) fn unexpected(&self) -> CompileError {
        let token = self.current();
        self.error_at(token.span, format!("unexpected {}", token.describe()))
    }

    fn expected(&self, what: &str) -> CompileError {
        let token = self.current();
        self.error_at(token.span, format!("unexpected {}, expected {what}", token.describe()))
    }

    pub(super) fn expect_operator(&mut self, sign: &str) -> Parsed<()> {
        if !self.at_operator(sign) {
            return Err(self.expected(&format!("`{sign}`")));
        }
        self.advance();
        Ok(())
    }

    pub(super) fn expect_bracket(&mut self, sign: &str) -> Parsed<()> {
        if !self.at_bracket(sign) {
            return Err(self.expected(&format!("`{sign}`")));
        }
        self.advance();
        Ok(())
    }

    pub(super) fn expect_name(&mut self) -> Parsed<Token> {
        if self.current().kind != TokenKind::Identifier {
            return Err(self.expected("a name"));
        }
        Ok(self.take())
    }

    /// Adds a node and counts it.
    pub(super) fn node(&mut self, kind: NodeKind, span: Span) -> Parsed {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("expression has more than {MAX_NODES} parts");
            return Err(CompileError::new(CompileErrorKind::Limit, self.source, span, message));
        }
        Ok(self.tree.add(kind, span))
    }

    /// Runs `body` one level deeper.
    pub(super) fn nested<T>(&mut self, body: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            let message = format!("expression is nested deeper than {MAX_NESTING} levels");
            let span = self.current().span;
            return Err(CompileError::new(CompileErrorKind::Limit, self.source, span, message));
        }
        let result = body(self);
        self.nesting -= 1;
        result
    }

    /// `a; b; c`: the value of the last. A `;` may end the whole text.
    pub(super) fn sequence(&mut self) -> Parsed {
        let first = self.expression(0)?;
        if !self.at_operator(";") {
            return Ok(first);
        }
        let mut nodes = vec![first];
        while self.at_operator(";") {
            self.advance();
            if self.current().kind == TokenKind::End {
                break;
            }
            nodes.push(self.expression(0)?);
        }
        if nodes.len() == 1 {
            return Ok(first);
        }
        let span = self.tree.span(first);
        self.node(NodeKind::Sequence(nodes), span)
    }

    /// An expression of operators that bind at least as tightly as `precedence`.
    pub(super) fn expression(&mut self, precedence: u32) -> Parsed {
        self.nested(|parser| {
            if precedence == 0 && parser.at_operator("let") {
                return parser.declaration();
            }
            if precedence == 0 && parser.at_operator("if") {
                return parser.branches();
            }
            let left = parser.primary()?;
            let node = parser.operators(left, precedence)?;
            if precedence == 0 { parser.ternary(node) } else { Ok(node) }
        })
    }

    /// The operators that follow `left`.
    fn operators(&mut self, mut left: NodeId, precedence: u32) -> Parsed {
        let mut after_coalesce = false;
        while self.current().kind == TokenKind::Operator {
            let before = self.at;
            let not = self.at_operator("not").then(|| self.take().span);
            let token = self.current().clone();
            let Some((infix, binding)) = Infix::of(&token.text) else {
                if not.is_some() {
                    return Err(self.unexpected());
                }
                break;
            };
            if not.is_some() && !matches!(infix, Infix::Binary(op) if op.takes_not()) {
                return Err(self.unexpected());
            }
            if binding < precedence {
                self.at = before;
                break;
            }
            self.advance();
            let Infix::Binary(op) = infix else {
                let name = self.expect_name()?;
                left = self.call(&name, vec![left])?;
                after_coalesce = false;
                continue;
            };
            if after_coalesce && op != BinaryOp::Coalesce {
                let message =
                    format!("`??` and `{}` cannot be mixed; put one of them in parentheses", op.sign());
                return Err(self.error_at(token.span, message));
            }
            after_coalesce = op == BinaryOp::Coalesce;
            if op.is_comparison() {
                left = self.comparison(left, op, token.span, binding)?;
                continue;
            }
            let right = self.expression(if op == BinaryOp::Power { binding } else { binding + 1 })?;
            left = self.node(NodeKind::Binary(op, left, right), token.span)?;
            if not.is_some() {
                left = self.node(NodeKind::Unary(UnaryOp::Not, left), token.span)?;
            }
        }
        Ok(left)
    }

    /// `a < b <= c`, which is `a < b and b <= c`.
    fn comparison(&mut self, left: NodeId, op: BinaryOp, span: Span, precedence: u32) -> Parsed {
        let (mut left, mut op, mut span) = (left, op, span);
        let mut root = None;
        loop {
            let right = self.expression(precedence + 1)?;
            let compared = self.node(NodeKind::Binary(op, left, right), span)?;
            root = Some(match root {
                None => compared,
                Some(root) => self.node(NodeKind::Binary(BinaryOp::And, root, compared), span)?,
            });
            left = right;
            let token = self.current();
            match Infix::of(&token.text) {
                Some((Infix::Binary(next), _))
                    if token.kind == TokenKind::Operator && next.is_comparison() =>
                {
                    (op, span) = (next, token.span);
                    self.advance();
                }
                _ => return Ok(root.unwrap_or(compared)),
            }
        }
    }

    /// `let name = value; rest`.
    fn declaration(&mut self) -> Parsed {
        self.expect_operator("let")?;
        let name = self.expect_name()?;
        self.expect_operator("=")?;
        let value = self.expression(0)?;
        self.expect_operator(";")?;
        let body = self.sequence()?;
        self.node(NodeKind::Let { name: name.text, value, body }, name.span)
    }

    /// `if a {b} else if c {d} else {e}`. Upstream does not count this node, so neither do we.
    fn branches(&mut self) -> Parsed {
        let span = self.take().span;
        let condition = self.expression(0)?;
        let then = self.block()?;
        self.expect_operator("else")?;
        let otherwise = if self.at_operator("if") { self.nested(Self::branches)? } else { self.block()? };
        Ok(self.tree.add(NodeKind::Conditional { condition, then, otherwise }, span))
    }

    fn block(&mut self) -> Parsed {
        self.expect_bracket("{")?;
        let body = self.sequence()?;
        self.expect_bracket("}")?;
        Ok(body)
    }

    /// `condition ? a : b` and `a ?: b`.
    fn ternary(&mut self, node: NodeId) -> Parsed {
        let mut condition = node;
        while self.at_operator("?") {
            let span = self.take().span;
            let then = if self.at_operator(":") { condition } else { self.expression(0)? };
            self.expect_operator(":")?;
            let otherwise = self.expression(0)?;
            condition = self.node(NodeKind::Conditional { condition, then, otherwise }, span)?;
        }
        Ok(condition)
    }
}
