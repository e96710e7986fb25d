//! Cuts a template text into tokens: literal text, and what stands between `{{` and `}}`.
//!
//! Trimming is done here (`{{- ` eats the blanks before it, ` -}}` those behind it), and comments vanish here, so
//! that the parser sees neither. What a token means is left to the parser. Reading is linear in the size of the
//! source and does not recurse.

use super::token::{Keyword, Kind, Token};
use crate::unicode::is_alphanumeric;

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// The tokens of a source, ending in [`Kind::Eof`] or [`Kind::Error`]; with the latter, why reading stopped.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) list: Vec<Token>,
    pub(crate) error: Option<String>,
}

/// Reads the whole source.
pub(crate) fn tokens(source: &str) -> Tokens {
    let mut lexer = Lexer { source, at: 0, start: 0, parens: 0, out: Vec::new() };
    let error = lexer.run().err();
    let kind = if error.is_some() { Kind::Error } else { Kind::Eof };
    lexer.out.push(Token { kind, start: offset(lexer.start), end: offset(lexer.at) });
    Tokens { list: lexer.out, error }
}

/// Sources are capped well below 4 GiB before they get here.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
    start: usize,
    parens: usize,
    out: Vec<Token>,
}

impl<'s> Lexer<'s> {
    fn run(&mut self) -> Result<(), String> {
        while self.text() {
            if self.left_delim()? {
                while self.inside()? {}
            }
        }
        Ok(())
    }

    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn emit(&mut self, kind: Kind) {
        self.out.push(Token { kind, start: offset(self.start), end: offset(self.at) });
        self.start = self.at;
    }

    /// Literal text up to the next `{{`; false at the end of the source.
    fn text(&mut self) -> bool {
        let rest = self.rest();
        let Some(length) = rest.find(LEFT) else {
            self.at = self.source.len();
            if self.at > self.start {
                self.emit(Kind::Text);
            }
            return false;
        };
        let delim = self.at + length;
        let mut text = rest.get(..length).unwrap_or_default();
        if left_marker(self.source.get(delim + LEFT.len()..).unwrap_or_default()) {
            text = text.trim_end_matches(BLANKS);
        }
        self.at += text.len();
        if !text.is_empty() {
            self.emit(Kind::Text);
        }
        self.at = delim;
        self.start = delim;
        true
    }

    /// Passes `{{`; true if an action follows, false if it was a comment.
    fn left_delim(&mut self) -> Result<bool, String> {
        self.at += LEFT.len();
        let marker = if left_marker(self.rest()) { 2 } else { 0 };
        if self.source.get(self.at + marker..).is_some_and(|rest| rest.starts_with("/*")) {
            self.at += marker;
            self.comment()?;
            return Ok(false);
        }
        self.emit(Kind::LeftDelim);
        self.at += marker;
        self.start = self.at;
        self.parens = 0;
        Ok(true)
    }

    fn comment(&mut self) -> Result<(), String> {
        self.at += 2;
        let Some(end) = self.rest().find("*/") else {
            return Err("unclosed comment".into());
        };
        self.at += end + 2;
        let Some(trim) = self.right_delim() else {
            return Err("comment ends before closing delimiter".into());
        };
        self.at += RIGHT.len() + if trim { 2 } else { 0 };
        self.skip_blanks_if(trim);
        Ok(())
    }

    /// Whether `}}` follows, and if so whether with a trim marker.
    fn right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        if right_marker(rest) && rest.get(2..).is_some_and(|rest| rest.starts_with(RIGHT)) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    fn skip_blanks_if(&mut self, trim: bool) {
        if trim {
            self.at = self.source.len() - self.rest().trim_start_matches(BLANKS).len();
        }
        self.start = self.at;
    }

    /// One token of an action; false when it was the closing delimiter.
    fn inside(&mut self) -> Result<bool, String> {
        if let Some(trim) = self.right_delim() {
            if self.parens > 0 {
                return Err("unclosed left paren".into());
            }
            self.close(trim);
            return Ok(false);
        }
        let Some(c) = self.next() else {
            return Err("unclosed action".into());
        };
        match c {
            ' ' | '\t' | '\r' | '\n' => return Ok(self.space()),
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.next() != Some('=') {
                    return Err("expected :=".into());
                }
                self.emit(Kind::Declare);
            }
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted('"', Kind::Quoted, "unterminated quoted string")?,
            '\'' => self.quoted('\'', Kind::Char, "unterminated character constant")?,
            '`' => self.raw()?,
            '$' => self.name(Kind::Variable)?,
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => self.name(Kind::Field)?,
            '.' | '+' | '-' | '0'..='9' => self.number()?,
            '(' => {
                self.parens += 1;
                self.emit(Kind::LeftParen);
            }
            ')' => {
                if self.parens == 0 {
                    return Err("unexpected right paren".into());
                }
                self.parens -= 1;
                self.emit(Kind::RightParen);
            }
            c if is_alphanumeric(c) => self.identifier()?,
            c if c.is_ascii_graphic() => self.emit(Kind::Punct),
            c => return Err(format!("unrecognized character in action: {}", code_point(c))),
        }
        Ok(true)
    }

    fn close(&mut self, trim: bool) {
        if trim {
            self.at += 2;
            self.start = self.at;
        }
        self.at += RIGHT.len();
        self.emit(Kind::RightDelim);
        self.skip_blanks_if(trim);
    }

    /// A run of blanks. Its last blank belongs to the closing delimiter if that has a trim marker.
    fn space(&mut self) -> bool {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
        let last = self.at - 1;
        let marked = self.source.get(last..).is_some_and(|rest| {
            right_marker(rest) && rest.get(2..).is_some_and(|rest| rest.starts_with(RIGHT))
        });
        if marked {
            self.at = last;
            if self.at == self.start {
                self.close(true);
                return false;
            }
        }
        self.emit(Kind::Space);
        true
    }

    fn identifier(&mut self) -> Result<(), String> {
        self.word()?;
        let word = self.source.get(self.start..self.at).unwrap_or_default();
        let kind = match word {
            "true" | "false" => Kind::Bool,
            "nil" => Kind::Nil,
            word => Keyword::of(word).map_or(Kind::Identifier, Kind::Keyword),
        };
        self.emit(kind);
        Ok(())
    }

    /// A field or variable whose first character has been read.
    fn name(&mut self, kind: Kind) -> Result<(), String> {
        if self.at_terminator() {
            self.emit(if kind == Kind::Field { Kind::Dot } else { kind });
            return Ok(());
        }
        self.word()?;
        self.emit(kind);
        Ok(())
    }

    fn word(&mut self) -> Result<(), String> {
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        if self.at_terminator() {
            return Ok(());
        }
        let bad = self.peek().unwrap_or_default();
        self.start = self.at;
        self.at += bad.len_utf8();
        Err(format!("bad character {}", code_point(bad)))
    }

    /// Whether a name may end here.
    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) => is_blank(c) || self.rest().starts_with(RIGHT),
        }
    }

    fn quoted(&mut self, quote: char, kind: Kind, unterminated: &str) -> Result<(), String> {
        loop {
            match self.next() {
                Some('\\') if self.peek().is_some_and(|c| c != '\n') => {
                    self.next();
                }
                None | Some('\\' | '\n') => return Err(unterminated.into()),
                Some(c) if c == quote => break,
                Some(_) => {}
            }
        }
        self.emit(kind);
        Ok(())
    }

    fn raw(&mut self) -> Result<(), String> {
        let Some(end) = self.rest().find('`') else {
            self.at = self.source.len();
            return Err("unterminated raw quoted string".into());
        };
        self.at += end + 1;
        self.emit(Kind::Raw);
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        self.at -= 1;
        let mut kind = Kind::Number;
        let mut good = self.scan_number();
        if good && matches!(self.peek(), Some('+' | '-')) {
            kind = Kind::Complex;
            good = self.scan_number() && self.source.as_bytes().get(self.at - 1) == Some(&b'i');
        }
        if !good {
            let text = self.source.get(self.start..self.at).unwrap_or_default();
            return Err(format!("bad number syntax: {text:?}"));
        }
        self.emit(kind);
        Ok(())
    }

    /// Passes everything that can be a number; what is wrong in it, the parser finds.
    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        let (mut exponent, mut power) = (true, false);
        if self.accept("0") {
            if self.accept("xX") {
                (digits, exponent, power) = ("0123456789abcdefABCDEF_", false, true);
            } else if self.accept("oO") {
                (digits, exponent) = ("01234567_", false);
            } else if self.accept("bB") {
                (digits, exponent) = ("01_", false);
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if exponent && self.accept("eE") || power && self.accept("pP") {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return false;
        }
        true
    }

    fn accept(&mut self, set: &str) -> bool {
        let found = self.peek().is_some_and(|c| set.contains(c));
        if found {
            self.at += 1;
        }
        found
    }

    fn accept_run(&mut self, set: &str) {
        while self.accept(set) {}
    }
}

fn is_blank(c: char) -> bool {
    BLANKS.contains(&c)
}

fn left_marker(rest: &str) -> bool {
    matches!(rest.as_bytes(), [b'-', blank, ..] if is_blank(char::from(*blank)))
}

fn right_marker(rest: &str) -> bool {
    matches!(rest.as_bytes(), [blank, b'-', ..] if is_blank(char::from(*blank)))
}

fn code_point(c: char) -> String {
    format!("U+{:04X} {c:?}", u32::from(c))
}
