//! Cuts the text into tokens.

use std::sync::LazyLock;

use dodona_value::Str;
use regex::Regex;

use super::escape;
use super::token::{Token, TokenKind};
use crate::error::{CompileError, CompileErrorKind, Span};
use crate::limit::{MAX_NESTING, MAX_SOURCE};

static LETTER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{L}$").ok());
static DIGIT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{Nd}$").ok());

fn in_class(class: &LazyLock<Option<Regex>>, c: char) -> bool {
    class.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut [0; 4])))
}

/// Whether a name may begin with `c`: Unicode letters (category L), `_`, `$`.
pub(super) fn is_alphabetic(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == '$' || !c.is_ascii() && in_class(&LETTER, c)
}

/// Whether a name may go on with `c`.
pub(super) fn is_alphanumeric(c: char) -> bool {
    is_alphabetic(c) || c.is_ascii_digit() || !c.is_ascii() && in_class(&DIGIT, c)
}

/// The tokens of `source`, the last of them [`TokenKind::End`].
pub(crate) fn lex(source: &str) -> Result<Vec<Token>, CompileError> {
    if source.len() > MAX_SOURCE {
        let message = format!("expression is longer than {MAX_SOURCE} bytes");
        return Err(CompileError::new(CompileErrorKind::Limit, source, Span::default(), message));
    }
    let mut lexer = Lexer { source, start: 0, at: 0, depth: 0, tokens: Vec::new() };
    while let Some(c) = lexer.next() {
        lexer.token(c)?;
        lexer.start = lexer.at;
    }
    lexer.start = lexer.at.saturating_sub(1);
    lexer.emit(TokenKind::End, Str::EMPTY);
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    source: &'a str,
    /// Where the token at hand begins.
    start: usize,
    at: usize,
    /// Brackets that are open.
    depth: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.source.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, signs: &str) -> bool {
        let found = self.peek().is_some_and(|c| signs.contains(c));
        if found {
            self.next();
        }
        found
    }

    fn accept_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.next();
        }
    }

    fn word(&self) -> &str {
        self.source.get(self.start..self.at).unwrap_or_default()
    }

    fn emit(&mut self, kind: TokenKind, text: Str) {
        self.tokens.push(Token { kind, text, span: Span::new(self.start, self.at) });
    }

    fn emit_word(&mut self, kind: TokenKind) {
        let text = Str::from(self.word());
        self.emit(kind, text);
    }

    fn fault(&self, kind: CompileErrorKind, message: String) -> CompileError {
        CompileError::new(kind, self.source, Span::new(self.start, self.at), message)
    }

    fn token(&mut self, c: char) -> Result<(), CompileError> {
        match c {
            _ if c.is_whitespace() => {}
            '\'' | '"' => self.quoted(c, TokenKind::String)?,
            '`' => {
                let (text, end) = escape::raw(self.source, self.at)?;
                self.at = end;
                self.emit(TokenKind::String, text.into());
            }
            'b' | 'B' if matches!(self.peek(), Some('\'' | '"')) => {
                let quote = self.next().unwrap_or('"');
                self.quoted(quote, TokenKind::Bytes)?;
            }
            '0'..='9' => {
                self.at = self.start;
                self.number()?;
            }
            '(' | '[' | '{' => self.open()?,
            ')' | ']' | '}' => {
                self.depth = self.depth.saturating_sub(1);
                self.emit_word(TokenKind::Bracket);
            }
            '/' => self.slash()?,
            '#' => self.pointer(),
            '.' => self.dot()?,
            '?' => self.sign(".?"),
            '|' => self.sign("|"),
            ':' => self.sign(":"),
            ',' | ';' | '%' | '+' | '-' | '^' => self.sign(""),
            '&' | '!' | '=' | '*' | '<' | '>' => self.sign("&=*"),
            _ if is_alphanumeric(c) => self.name(),
            _ => return Err(self.fault(CompileErrorKind::Syntax, format!("unexpected character {c:?}"))),
        }
        Ok(())
    }

    /// A sign, with one more character if it is one of `second`.
    fn sign(&mut self, second: &str) {
        self.accept(second);
        self.emit_word(TokenKind::Operator);
    }

    fn open(&mut self) -> Result<(), CompileError> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            let message = format!("more than {MAX_NESTING} brackets are open at once");
            return Err(self.fault(CompileErrorKind::Limit, message));
        }
        self.emit_word(TokenKind::Bracket);
        Ok(())
    }

    fn quoted(&mut self, quote: char, kind: TokenKind) -> Result<(), CompileError> {
        let (text, end) = escape::quoted(self.source, self.at, quote, kind == TokenKind::Bytes)?;
        self.at = end;
        self.emit(kind, text.into());
        Ok(())
    }

    fn name(&mut self) {
        self.accept_while(is_alphanumeric);
        let kind = match self.word() {
            "not" | "in" | "or" | "and" | "matches" | "contains" | "startsWith" | "endsWith" | "let"
            | "if" | "else" => TokenKind::Operator,
            _ => TokenKind::Identifier,
        };
        self.emit_word(kind);
    }

    /// `#`, and a name right behind it: `#index`.
    fn pointer(&mut self) {
        self.sign("#");
        self.start = self.at;
        self.accept_while(is_alphanumeric);
        if self.at > self.start {
            self.emit_word(TokenKind::Identifier);
        }
    }

    fn dot(&mut self) -> Result<(), CompileError> {
        if self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return self.number();
        }
        self.sign(".");
        Ok(())
    }

    fn number(&mut self) -> Result<(), CompileError> {
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_while(|c| digits.contains(c));
        let whole = self.at;
        if self.accept(".") {
            if self.peek() == Some('.') {
                // The dots of a range, not a decimal point.
                self.at = whole;
                self.emit_word(TokenKind::Number);
                return Ok(());
            }
            self.accept_while(|c| digits.contains(c));
        }
        if self.accept("eE") {
            self.accept("+-");
            self.accept_while(|c| digits.contains(c));
        }
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            let message = format!("`{}` is not a number", self.word());
            return Err(self.fault(CompileErrorKind::Syntax, message));
        }
        self.emit_word(TokenKind::Number);
        Ok(())
    }

    /// A comment, or the division sign.
    fn slash(&mut self) -> Result<(), CompileError> {
        if self.accept("/") {
            self.accept_while(|c| c != '\n');
        } else if self.accept("*") {
            loop {
                match self.next() {
                    None => {
                        let message = "comment is not closed; it ends with `*/`".to_owned();
                        return Err(self.fault(CompileErrorKind::Syntax, message));
                    }
                    Some('*') if self.accept("/") => break,
                    Some(_) => {}
                }
            }
        } else {
            self.emit_word(TokenKind::Operator);
        }
        Ok(())
    }
}
