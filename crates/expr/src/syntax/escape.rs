//! Strings: what stands between quotes, with its escapes resolved.
//!
//! Two layers decide in the original: the scanner accepts some escapes, the decoder others; only what both accept is valid.

use crate::error::Span;
use crate::error::{CompileError, CompileErrorKind};

/// Reads a quoted string of text or, with `raw_bytes`, of bytes. `at` is the first byte after the opening quote.
/// Gives the content and the offset behind the closing quote.
pub(super) fn quoted(
    source: &str,
    at: usize,
    quote: char,
    raw_bytes: bool,
) -> Result<(Vec<u8>, usize), CompileError> {
    let mut reader = Reader { source, at };
    let mut out = Vec::new();
    loop {
        let start = reader.at;
        match reader.next() {
            None | Some('\n') => {
                return Err(
                    reader.fault(start, "string is not closed; a string ends on the line it begins on")
                );
            }
            Some(c) if c == quote => return Ok((out, reader.at)),
            // A carriage return in the source is a line end; it cannot be followed by `\n`, which would have ended the string.
            Some('\r') => out.push(b'\n'),
            Some('\\') => reader.escape(start, quote, raw_bytes, &mut out)?,
            Some(c) => push_char(&mut out, c),
        }
    }
}

/// Reads a string in backquotes, in which a doubled backquote stands for one. `at` is the first byte after the opening quote.
pub(super) fn raw(source: &str, at: usize) -> Result<(Vec<u8>, usize), CompileError> {
    let mut out = Vec::new();
    let mut chars = source.get(at..).unwrap_or_default().char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        if c != '`' {
            push_char(&mut out, c);
        } else if chars.peek().is_some_and(|(_, next)| *next == '`') {
            chars.next();
            out.push(b'`');
        } else {
            return Ok((out, at + offset + 1));
        }
    }
    let message = "string in backquotes is not closed".to_owned();
    Err(CompileError::new(
        CompileErrorKind::Syntax,
        source,
        Span::new(at.saturating_sub(1), source.len()),
        message,
    ))
}

fn push_char(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

struct Reader<'a> {
    source: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.source.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn fault(&self, start: usize, message: &str) -> CompileError {
        let span = Span::new(start, self.at.max(start + 1));
        CompileError::new(CompileErrorKind::Syntax, self.source, span, message.to_owned())
    }

    fn escape(
        &mut self,
        start: usize,
        quote: char,
        raw_bytes: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), CompileError> {
        let Some(c) = self.next() else {
            return Err(self.fault(start, "string is not closed"));
        };
        let simple = match c {
            'a' => 0x07,
            'b' => 0x08,
            'f' => 0x0c,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 0x0b,
            '\\' => b'\\',
            '\'' | '"' if c == quote => u8::try_from(c).unwrap_or_default(),
            '0'..='3' => return self.octal(start, c, raw_bytes, out),
            'x' => return self.code(start, 2, raw_bytes, out),
            'u' if !raw_bytes && self.peek() == Some('{') => return self.braced(start, out),
            'u' if !raw_bytes => return self.code(start, 4, false, out),
            'U' if !raw_bytes => return self.code(start, 8, false, out),
            _ => {
                let hint = "unknown escape; write `\\\\` for a backslash, or put the string in backquotes";
                return Err(self.fault(start, hint));
            }
        };
        out.push(simple);
        Ok(())
    }

    fn digit(&mut self, start: usize, radix: u32) -> Result<u32, CompileError> {
        let digit = self.peek().and_then(|c| c.to_digit(radix));
        match digit {
            Some(digit) => {
                self.at += 1;
                Ok(digit)
            }
            None => Err(self.fault(start, "escape needs more digits")),
        }
    }

    fn octal(
        &mut self,
        start: usize,
        first: char,
        raw_bytes: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), CompileError> {
        let high = first.to_digit(8).unwrap_or_default();
        let code = high * 64 + self.digit(start, 8)? * 8 + self.digit(start, 8)?;
        push_code(out, code, raw_bytes);
        Ok(())
    }

    fn code(
        &mut self,
        start: usize,
        digits: u32,
        raw_bytes: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), CompileError> {
        let mut code = 0u32;
        for _ in 0..digits {
            code = code << 4 | self.digit(start, 16)?;
        }
        if code > 0x7fff_ffff {
            // The original holds the code in 32 signed bits; a negative one is written as its low byte.
            out.push(code.to_le_bytes()[0]);
            return Ok(());
        }
        if code > 0x0010_ffff {
            return Err(self.fault(start, "no such character; codes end at 10FFFF"));
        }
        push_code(out, code, raw_bytes);
        Ok(())
    }

    /// `\u{1F600}`: one to six digits.
    fn braced(&mut self, start: usize, out: &mut Vec<u8>) -> Result<(), CompileError> {
        self.at += 1;
        let mut code = 0u32;
        let mut digits = 0;
        while self.peek() != Some('}') {
            code = code << 4 | self.digit(start, 16)?;
            digits += 1;
            if digits > 6 {
                return Err(self.fault(start, "escape takes at most 6 digits"));
            }
        }
        self.at += 1;
        if digits == 0 || code > 0x0010_ffff {
            return Err(self.fault(start, "no such character; codes go from 0 to 10FFFF"));
        }
        push_code(out, code, false);
        Ok(())
    }
}

/// Half of a surrogate pair is no character and becomes U+FFFD.
fn push_code(out: &mut Vec<u8>, code: u32, raw_byte: bool) {
    if raw_byte {
        out.push(code.to_le_bytes()[0]);
    } else {
        push_char(out, char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
}
