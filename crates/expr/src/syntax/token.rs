//! Tokens.

use dodona_value::Str;

use crate::error::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Identifier,
    Number,
    String,
    Bytes,
    /// Signs and word operators (`in`, `let`, `if`).
    Operator,
    Bracket,
    End,
}

/// A token. `text` is the name, sign or digits; of strings it is the content without quotes and escapes.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) text: Str,
    pub(crate) span: Span,
}

impl Token {
    pub(crate) fn is_operator(&self, sign: &str) -> bool {
        self.kind == TokenKind::Operator && self.text == *sign
    }

    pub(crate) fn is_bracket(&self, sign: &str) -> bool {
        self.kind == TokenKind::Bracket && self.text == *sign
    }

    /// How an error names the token.
    pub(crate) fn describe(&self) -> String {
        match self.kind {
            TokenKind::End => "end of the expression".to_owned(),
            TokenKind::Identifier => format!("name `{}`", self.text),
            TokenKind::Number => format!("number {}", self.text),
            TokenKind::String | TokenKind::Bytes => {
                let text = self.text.to_string_lossy();
                let short: String = text.chars().take(40).collect();
                format!("string {short:?}")
            }
            TokenKind::Operator | TokenKind::Bracket => format!("`{}`", self.text),
        }
    }
}
