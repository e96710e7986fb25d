//! JSON text to nodes, as Go's `encoding/json` reads it, without recursion.

use std::fmt;
use std::sync::Arc;

use super::Numbers;
use super::tape::{NO_INDEX, Node, SMALL, Tag, Tape};

/// How deep lists and objects may nest; Go's own limit.
pub const MAX_NESTING: usize = 10_000;

/// Why a text is not JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong.
    pub problem: JsonProblem,
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
    /// Offset in bytes.
    pub offset: usize,
}

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonProblem {
    /// The text ends too early.
    End,
    /// A character that cannot stand here; what was expected instead.
    Unexpected(u8, &'static str),
    /// More text after the value.
    Trailing(u8),
    /// A control character in a string.
    Control(u8),
    /// An escape that JSON does not know.
    Escape,
    /// A number that does not fit a 64-bit float.
    Range,
    /// More than [`MAX_NESTING`] levels.
    Depth,
    /// More than 4 GiB.
    Size,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problem {
            JsonProblem::End => f.write_str("unexpected end of JSON input")?,
            JsonProblem::Unexpected(byte, expected) => {
                write!(f, "unexpected character '{}' in JSON, expected {expected}", byte.escape_ascii())?;
            }
            JsonProblem::Trailing(byte) => {
                write!(f, "unexpected character '{}' after the end of the JSON value", byte.escape_ascii())?;
            }
            JsonProblem::Control(byte) => {
                write!(f, "control character 0x{byte:02x} in a JSON string; write it as \\u{byte:04x}")?;
            }
            JsonProblem::Escape => f.write_str("unknown escape in a JSON string")?,
            JsonProblem::Range => f.write_str("JSON number does not fit a 64-bit float")?,
            JsonProblem::Depth => write!(f, "JSON nested deeper than {MAX_NESTING} levels")?,
            JsonProblem::Size => f.write_str("JSON text larger than 4 GiB")?,
        }
        write!(f, " (line {}, column {})", self.line, self.column)
    }
}

impl std::error::Error for JsonError {}

struct Frame {
    node: u32,
    map: bool,
    /// Where the positions of its members start in `members`.
    first: usize,
}

struct Parser<'a> {
    source: &'a [u8],
    at: usize,
    numbers: Numbers,
    /// Whether the whole source is UTF-8, so that a string in it is as well.
    utf8: bool,
    nodes: Vec<Node>,
    decoded: Vec<u8>,
    index: Vec<u32>,
    members: Vec<u32>,
    frames: Vec<Frame>,
}

pub(super) fn parse(source: Vec<u8>, numbers: Numbers) -> Result<Tape, JsonError> {
    let mut parser = Parser {
        source: &source,
        at: 0,
        numbers,
        utf8: std::str::from_utf8(&source).is_ok(),
        nodes: Vec::with_capacity(source.len() / 16 + 4),
        decoded: Vec::new(),
        index: Vec::new(),
        members: Vec::new(),
        frames: Vec::new(),
    };
    if let Err(problem) = parser.run() {
        let offset = parser.at.min(source.len());
        let before = source.get(..offset).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
        return Err(JsonError { problem, line, column, offset });
    }
    let Parser { nodes, decoded, index, .. } = parser;
    Ok(Tape { source: Arc::new(source), decoded: Arc::new(decoded), nodes, index })
}

type Step = Result<(), JsonProblem>;

impl Parser<'_> {
    fn run(&mut self) -> Step {
        if u32::try_from(self.source.len()).is_err() {
            return Err(JsonProblem::Size);
        }
        self.value()?;
        while let Some(frame) = self.frames.last() {
            let (map, fresh) = (frame.map, frame.first == self.members.len());
            match self.skip_blank() {
                Some(b'}') if map => self.close(),
                Some(b']') if !map => self.close(),
                Some(b',') if !fresh => {
                    self.at += 1;
                    self.member(map)?;
                }
                Some(_) if fresh => self.member(map)?,
                Some(byte) if map => return Err(JsonProblem::Unexpected(byte, "`,` or `}`")),
                Some(byte) => return Err(JsonProblem::Unexpected(byte, "`,` or `]`")),
                None => return Err(JsonProblem::End),
            }
        }
        match self.skip_blank() {
            None => Ok(()),
            Some(byte) => Err(JsonProblem::Trailing(byte)),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn skip_blank(&mut self) -> Option<u8> {
        while let Some(byte) = self.peek() {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    fn here(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    fn push(&mut self, tag: Tag, a: u32, b: u32) {
        let end = self.here() + 1;
        self.nodes.push(Node { tag, end, a, b });
    }

    fn push_bits(&mut self, tag: Tag, bits: u64) {
        // The two halves of 64 bits.
        let [a0, a1, a2, a3, b0, b1, b2, b3] = bits.to_be_bytes();
        self.push(tag, u32::from_be_bytes([a0, a1, a2, a3]), u32::from_be_bytes([b0, b1, b2, b3]));
    }

    fn member(&mut self, map: bool) -> Step {
        let at = self.here();
        if !map {
            self.members.push(at);
            return self.value();
        }
        match self.skip_blank() {
            Some(b'"') => {}
            Some(byte) => return Err(JsonProblem::Unexpected(byte, "a key in double quotes")),
            None => return Err(JsonProblem::End),
        }
        self.members.push(at);
        self.string(Tag::Key, Tag::DecodedKey)?;
        match self.skip_blank() {
            Some(b':') => self.at += 1,
            Some(byte) => return Err(JsonProblem::Unexpected(byte, "`:`")),
            None => return Err(JsonProblem::End),
        }
        let depth = self.frames.len();
        self.value()?;
        if self.frames.len() == depth {
            self.finish_key(at);
        }
        Ok(())
    }

    /// A key ends where its value ends.
    fn finish_key(&mut self, key: u32) {
        let end = self.here();
        if let Some(node) = self.nodes.get_mut(key as usize) {
            node.end = end;
        }
    }

    fn value(&mut self) -> Step {
        match self.skip_blank() {
            Some(b'"') => self.string(Tag::Text, Tag::Decoded),
            Some(b'{') => self.open(true),
            Some(b'[') => self.open(false),
            Some(b't') => self.word(b"true", Tag::True),
            Some(b'f') => self.word(b"false", Tag::False),
            Some(b'n') => self.word(b"null", Tag::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(byte) => Err(JsonProblem::Unexpected(byte, "a value")),
            None => Err(JsonProblem::End),
        }
    }

    fn word(&mut self, word: &'static [u8], tag: Tag) -> Step {
        for expected in word {
            match self.peek() {
                Some(byte) if byte == *expected => self.at += 1,
                Some(byte) => return Err(JsonProblem::Unexpected(byte, "`true`, `false` or `null`")),
                None => return Err(JsonProblem::End),
            }
        }
        self.push(tag, 0, 0);
        Ok(())
    }

    fn open(&mut self, map: bool) -> Step {
        if self.frames.len() >= MAX_NESTING {
            return Err(JsonProblem::Depth);
        }
        self.at += 1;
        self.frames.push(Frame { node: self.here(), map, first: self.members.len() });
        self.push(if map { Tag::Map } else { Tag::List }, 0, NO_INDEX);
        Ok(())
    }

    fn close(&mut self) {
        self.at += 1;
        let Some(frame) = self.frames.pop() else { return };
        if frame.map && !self.is_in_order(frame.first) {
            let mut members = self.members.split_off(frame.first);
            self.bury_equal_keys(&mut members);
            self.members.extend(members);
        }
        let end = self.here();
        let members = self.members.get(frame.first..).unwrap_or_default();
        let start = u32::try_from(self.index.len()).unwrap_or(NO_INDEX);
        if let Some(node) = self.nodes.get_mut(frame.node as usize) {
            node.a = u32::try_from(members.len()).unwrap_or(u32::MAX);
            node.end = end;
            if members.len() > SMALL {
                node.b = start;
                self.index.extend_from_slice(members);
            }
        }
        self.members.truncate(frame.first);
        if let Some(parent) = self.frames.last()
            && parent.map
            && let Some(key) = self.members.last().copied()
        {
            self.finish_key(key);
        }
    }

    /// Whether the members from `first` on are in the order of their keys, and no two are equal: API servers write them so.
    fn is_in_order(&self, first: usize) -> bool {
        let members = self.members.get(first..).unwrap_or_default();
        members.is_sorted_by(|left, right| self.key(*left) < self.key(*right))
    }

    /// Sorts the members of an object by key and takes out those that a later equal key replaces.
    fn bury_equal_keys(&mut self, members: &mut Vec<u32>) {
        members.sort_by(|left, right| self.key(*left).cmp(self.key(*right)));
        let mut kept: Vec<u32> = Vec::with_capacity(members.len());
        for member in members.drain(..) {
            // The sort is stable, so of equal keys the last in the text comes last.
            if let Some(last) = kept.last_mut()
                && self.key(*last) == self.key(member)
            {
                let buried = std::mem::replace(last, member);
                if let Some(node) = self.nodes.get_mut(buried as usize) {
                    node.tag = Tag::DeadKey;
                }
            } else {
                kept.push(member);
            }
        }
        *members = kept;
    }

    fn key(&self, at: u32) -> &[u8] {
        let Some(node) = self.nodes.get(at as usize) else { return &[] };
        let range = node.a as usize..node.a as usize + node.b as usize;
        let buffer = if node.tag == Tag::Key { self.source } else { &self.decoded };
        buffer.get(range).unwrap_or_default()
    }

    fn string(&mut self, plain: Tag, decoded: Tag) -> Step {
        self.at += 1;
        let start = self.at;
        let rest = self.source.get(start..).unwrap_or_default();
        let length = plain_run(rest);
        self.at += length;
        let text = rest.get(..length).unwrap_or_default();
        if self.peek() == Some(b'"') && (self.utf8 || std::str::from_utf8(text).is_ok()) {
            self.at += 1;
            self.push(plain, narrow(start), narrow(length));
            return Ok(());
        }
        let first = self.decoded.len();
        self.decoded.extend_from_slice(text);
        self.decode()?;
        let text = self.decoded.get(first..).unwrap_or_default();
        if std::str::from_utf8(text).is_err() {
            let clean = replace_invalid(text);
            self.decoded.truncate(first);
            self.decoded.extend_from_slice(&clean);
        }
        self.push(decoded, narrow(first), narrow(self.decoded.len() - first));
        Ok(())
    }

    /// Reads on from the first byte of a string that is not itself, up to and with the closing quote.
    fn decode(&mut self) -> Step {
        loop {
            let byte = self.peek().ok_or(JsonProblem::End)?;
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape()?,
                0..=0x1f => return Err(JsonProblem::Control(byte)),
                _ => {
                    self.decoded.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self) -> Step {
        self.at += 1;
        let byte = self.peek().ok_or(JsonProblem::End)?;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(JsonProblem::Escape),
        };
        self.decoded.push(plain);
        self.at += 1;
        Ok(())
    }

    fn unicode(&mut self) -> Step {
        let first = self.hex()?;
        let mut code = u32::from(first);
        if (0xd800..0xdc00).contains(&first) && self.source.get(self.at..self.at + 2) == Some(br"\u") {
            let after_first = self.at;
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                code = 0x1_0000 + ((code - 0xd800) << 10) + (u32::from(second) - 0xdc00);
            } else {
                self.at = after_first;
            }
        }
        let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.decoded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn hex(&mut self) -> Result<u16, JsonProblem> {
        let mut code = 0;
        for _ in 0..4 {
            let byte = self.peek().ok_or(JsonProblem::End)?;
            let digit = char::from(byte).to_digit(16).ok_or(JsonProblem::Escape)?;
            code = code << 4 | u16::try_from(digit).unwrap_or(0);
            self.at += 1;
        }
        Ok(code)
    }

    fn digits(&mut self) -> Step {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start {
            return Ok(());
        }
        Err(self.peek().map_or(JsonProblem::End, |byte| JsonProblem::Unexpected(byte, "a digit")))
    }

    fn number(&mut self) -> Step {
        let start = self.at;
        let mut whole = true;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text =
            self.source.get(start..self.at).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or("0");
        if whole
            && self.numbers == Numbers::Kubernetes
            && let Ok(number) = text.parse::<i64>()
        {
            self.push_bits(Tag::Int, number.cast_unsigned());
            return Ok(());
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.push_bits(Tag::Float, number.to_bits());
                Ok(())
            }
            _ => Err(JsonProblem::Range),
        }
    }
}

/// How many bytes of a string come before the first quote, backslash or control character.
///
/// Looks at eight bytes at a time, as most of an object is strings. Subtracting 1 from each byte of a word borrows from its high
/// bit where the byte was 0 (`byte ^ quote` is, at a quote), and subtracting 0x20 where it was less; a borrow that runs on into
/// the next bytes only sets bits above the first true one, which is the one that counts.
fn plain_run(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let mut length = 0;
    while let Some(chunk) = text.get(length..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES << 5) & !word;
        let ends = (zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5c)) | control) & HIGH;
        if ends != 0 {
            return length + ends.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let rest = text.get(length..).unwrap_or_default();
    length + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len())
}

/// U+FFFD for every byte that is not part of UTF-8, as Go does it (one for each byte, unlike the standard library of Rust).
fn replace_invalid(text: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(text.len() + 8);
    for chunk in text.utf8_chunks() {
        clean.extend_from_slice(chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            clean.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    clean
}

fn narrow(length: usize) -> u32 {
    // Checked once for the whole text at the start; decoding never makes a text longer than three times its source.
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::plain_run;

    /// Each byte at each place of a word, between bytes whose borrows could disturb it.
    #[test]
    fn the_end_of_a_plain_run_is_found_wherever_it_is() {
        for length in 0..20 {
            for filler in [b' ', b'!', b'#', b'[', b']', b'a', 0x7f, 0x80, 0xff] {
                let plain = vec![filler; length];
                assert_eq!(plain_run(&plain), length);
                for end in [b'"', b'\\', 0, 1, 0x1f] {
                    for after in [b' ', b'!', b'#', b'"', 0, 0x80, 0xff] {
                        let mut text = plain.clone();
                        text.push(end);
                        text.extend([after; 12]);
                        assert_eq!(plain_run(&text), length, "{filler} {end} {after}");
                    }
                }
            }
        }
    }
}
