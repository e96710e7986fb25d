//! What operators join: literals, names, parentheses, lists, maps and prefix signs.

use dodona_value::Str;

use super::ast::{NodeId, NodeKind, Pointer, UnaryOp};
use super::parser::{Parsed, Parser};
use super::token::{Token, TokenKind};

impl Parser<'_> {
    pub(super) fn primary(&mut self) -> Parsed {
        let token = self.current().clone();
        if token.kind == TokenKind::Operator {
            if let Some((op, precedence)) = UnaryOp::of(&token.text) {
                self.advance();
                let operand = self.expression(precedence)?;
                let node = self.node(NodeKind::Unary(op, operand), token.span)?;
                return self.postfix(node);
            }
            if self.predicates > 0 && (token.is_operator("#") || token.is_operator(".")) {
                return self.pointer(&token);
            }
            if token.is_operator("::") {
                self.advance();
                let name = self.expect_name()?;
                let node = self.call(&name, Vec::new())?;
                return self.postfix(node);
            }
        }
        if token.is_bracket("(") {
            self.advance();
            let inner = self.sequence()?;
            self.expect_bracket(")")?;
            return self.postfix(inner);
        }
        self.literal(token)
    }

    /// `#`, `#index`, or nothing before `.field`, which then is a field of the item.
    fn pointer(&mut self, token: &Token) -> Parsed {
        let mut pointer = Pointer::Item;
        if token.is_operator("#") {
            self.advance();
            if self.current().kind == TokenKind::Identifier {
                let name = self.take().text;
                pointer = match name.as_bytes() {
                    b"index" => Pointer::Index,
                    b"acc" => Pointer::Acc,
                    _ => Pointer::Unknown(name),
                };
            }
        }
        let node = self.node(NodeKind::Pointer(pointer), token.span)?;
        self.postfix(node)
    }

    fn literal(&mut self, token: Token) -> Parsed {
        let span = token.span;
        let node = match token.kind {
            TokenKind::Identifier => {
                self.advance();
                // The three words take no postfix: `true.x` is no expression.
                match token.text.as_bytes() {
                    b"true" => return self.node(NodeKind::Bool(true), span),
                    b"false" => return self.node(NodeKind::Bool(false), span),
                    b"nil" => return self.node(NodeKind::Nil, span),
                    _ if self.at_bracket("(") => self.call(&token, Vec::new())?,
                    _ => self.node(NodeKind::Identifier(token.text), span)?,
                }
            }
            TokenKind::Number => {
                self.advance();
                let number = self.number(&token)?;
                return self.node(number, span);
            }
            TokenKind::String => {
                self.advance();
                self.node(NodeKind::Str(token.text), span)?
            }
            TokenKind::Bytes => {
                self.advance();
                self.node(NodeKind::Bytes(token.text), span)?
            }
            TokenKind::Bracket if token.text == *"[" => self.array(&token)?,
            TokenKind::Bracket if token.text == *"{" => self.map(&token)?,
            TokenKind::Bracket | TokenKind::Operator | TokenKind::End => return Err(self.unexpected()),
        };
        self.postfix(node)
    }

    fn number(&self, token: &Token) -> Parsed<NodeKind> {
        let digits: String = token.text.to_string_lossy().chars().filter(|c| *c != '_').collect();
        let lower = digits.to_ascii_lowercase();
        let whole = |text: &str, radix| i64::from_str_radix(text, radix).ok().map(NodeKind::Int);
        let number = if let Some(hex) = lower.strip_prefix("0x") {
            whole(hex, 16)
        } else if lower.contains(['.', 'e']) {
            lower.parse().ok().filter(|number: &f64| number.is_finite()).map(NodeKind::Float)
        } else if let Some(binary) = lower.strip_prefix("0b") {
            whole(binary, 2)
        } else if let Some(octal) = lower.strip_prefix("0o") {
            whole(octal, 8)
        } else {
            whole(&lower, 10)
        };
        number.ok_or_else(|| {
            self.error_at(
                token.span,
                format!("`{}` is not a number, or does not fit into 64 bits", token.text),
            )
        })
    }

    /// `[a, b,]`.
    fn array(&mut self, token: &Token) -> Parsed {
        self.advance();
        let mut items = Vec::new();
        while !self.at_bracket("]") {
            if !items.is_empty() {
                self.expect_operator(",")?;
                if self.at_bracket("]") {
                    break;
                }
            }
            items.push(self.expression(0)?);
        }
        self.expect_bracket("]")?;
        self.node(NodeKind::Array(items), token.span)
    }

    /// `{name: a, "text": b, 1: c, (key): d,}`.
    fn map(&mut self, token: &Token) -> Parsed {
        self.advance();
        let mut pairs = Vec::new();
        while !self.at_bracket("}") {
            if !pairs.is_empty() {
                self.expect_operator(",")?;
                if self.at_bracket("}") {
                    break;
                }
            }
            let key = self.map_key()?;
            self.expect_operator(":")?;
            let value = self.expression(0)?;
            self.count_pair(key)?;
            pairs.push((key, value));
        }
        self.expect_bracket("}")?;
        self.node(NodeKind::Map(pairs), token.span)
    }

    fn map_key(&mut self) -> Parsed {
        let token = self.current().clone();
        match token.kind {
            TokenKind::Number | TokenKind::String | TokenKind::Identifier => {
                self.advance();
                self.node(NodeKind::Str(token.text), token.span)
            }
            _ if token.is_bracket("(") => self.expression(0),
            _ => {
                let message = format!(
                    "unexpected {}; a key is a name, a string, a number or an expression in parentheses",
                    token.describe()
                );
                Err(self.error_at(token.span, message))
            }
        }
    }

    /// Upstream has a node for each pair; ours lives in the map, but counts the same.
    fn count_pair(&mut self, key: NodeId) -> Parsed<()> {
        let span = self.tree.span(key);
        self.node(NodeKind::Str(Str::EMPTY), span).map(|_| ())
    }
}
