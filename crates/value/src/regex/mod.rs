//! Go's `regexp`: RE2 patterns, with Go's rules for empty matches and replacement templates.
//!
//! The matching is done by the regex library of Rust, which like Go's needs time proportional to pattern times text. [`translate`] turns a pattern of RE2 into
//! one that means the same there, and refuses what Go refuses.

mod template;
mod translate;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use regex::bytes::{Captures, Regex as Engine, RegexBuilder};

use crate::runtime::{Budget, LimitError};

/// Patterns above this size (in bytes of compiled program) are refused.
const SIZE_LIMIT: usize = 4 << 20;

/// How deep groups may nest.
const NEST_LIMIT: u32 = 400;

/// A compiled pattern. Cheap to clone.
#[derive(Clone)]
pub struct Regex(Arc<Inner>);

struct Inner {
    engine: Engine,
    /// The names of the groups, the whole match (which has none) first.
    names: Vec<Option<String>>,
    /// How many characters the pattern can stand for, repetitions unrolled: what a byte of text costs at worst.
    size: u64,
    empty: bool,
}

/// Why a pattern was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexError {
    /// What is wrong.
    pub message: String,
    /// Where in the pattern, in bytes, if that is known.
    pub offset: Option<usize>,
}

impl RegexError {
    fn new(message: impl Into<String>, offset: usize) -> Self {
        Self { message: message.into(), offset: Some(offset) }
    }
}

impl fmt::Display for RegexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid pattern: {}", self.message)?;
        match self.offset {
            Some(offset) => write!(f, " at offset {offset}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RegexError {}

impl Regex {
    /// Compiles an RE2 pattern.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        let translated = translate::translate(pattern)?;
        let engine = RegexBuilder::new(&translated.pattern)
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(SIZE_LIMIT)
            .nest_limit(NEST_LIMIT)
            .build()
            .map_err(|error| RegexError { message: explain(&error), offset: None })?;
        let inner =
            Inner { engine, names: translated.names, size: translated.size, empty: pattern.is_empty() };
        Ok(Self(Arc::new(inner)))
    }

    /// What one search of a text of so many bytes costs in steps.
    pub fn cost(&self, length: usize) -> u64 {
        1 + (length as u64).saturating_mul(self.0.size.saturating_add(16)) / 256
    }

    /// Whether the pattern occurs in `text`.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.engine.is_match(&Haystack::new(text).read)
    }

    /// The first match, as a range of bytes.
    pub fn find(&self, text: &[u8]) -> Option<(usize, usize)> {
        let haystack = Haystack::new(text);
        self.0.engine.find(&haystack.read).map(|found| haystack.place(found.start(), found.end()))
    }

    /// All matches, at most `limit` of them (`None`: all), by Go's rules: an empty match right after another match does not count.
    pub fn find_all(
        &self,
        text: &[u8],
        limit: Option<usize>,
        budget: &mut Budget,
    ) -> Result<Vec<(usize, usize)>, LimitError> {
        let haystack = Haystack::new(text);
        let text = &*haystack.read;
        let mut found = Vec::new();
        let mut at = 0;
        let mut end_before = None;
        while at <= text.len() && limit.is_none_or(|limit| found.len() < limit) {
            let next = self.0.engine.find_at(text, at);
            let scanned = next.map_or(text.len(), |next| next.end()) - at;
            budget.step(self.cost(scanned))?;
            let Some(next) = next else { break };
            if next.is_empty() && splits_character(text, next.start()) {
                at = next.start() + 1;
                continue;
            }
            let accepted = next.end() != at || Some(next.start()) != end_before;
            at = if next.end() == at { at + width(text, at) } else { next.end() };
            end_before = Some(next.end());
            if accepted {
                budget.memory(size_of::<(usize, usize)>())?;
                found.push(haystack.place(next.start(), next.end()));
            }
        }
        Ok(found)
    }

    /// `Split`: the texts between matches, at most `limit` of them (the last one is the rest).
    pub fn split<'t>(
        &self,
        text: &'t [u8],
        limit: Option<usize>,
        budget: &mut Budget,
    ) -> Result<Vec<&'t [u8]>, LimitError> {
        if limit == Some(0) {
            return Ok(Vec::new());
        }
        if text.is_empty() && !self.0.empty {
            return Ok(vec![text]);
        }
        let mut parts = Vec::new();
        let (mut begin, mut end) = (0, 0);
        for (start, stop) in self.find_all(text, limit, budget)? {
            if limit.is_some_and(|limit| parts.len() + 1 == limit) {
                break;
            }
            end = start;
            if stop != 0 {
                parts.push(text.get(begin..end).unwrap_or_default());
            }
            begin = stop;
        }
        if end != text.len() {
            parts.push(text.get(begin..).unwrap_or_default());
        }
        Ok(parts)
    }

    /// `ReplaceAll`: `$1`, `$name` and `${name}` in the template stand for groups, `$$` for a dollar sign.
    pub fn replace_all(
        &self,
        text: &[u8],
        template: &[u8],
        budget: &mut Budget,
    ) -> Result<Vec<u8>, LimitError> {
        let pieces = template::parse(template, &self.0.names);
        let haystack = Haystack::new(text);
        self.replace(&haystack, budget, |out, captures| {
            for piece in &pieces {
                match piece {
                    template::Piece::Text(text) => out.extend_from_slice(text),
                    template::Piece::Groups(groups) => {
                        if let Some(found) = groups.iter().find_map(|group| captures.get(*group)) {
                            out.extend_from_slice(haystack.given(found.start(), found.end()));
                        }
                    }
                }
            }
        })
    }

    /// `ReplaceAllLiteral`: the replacement as it is.
    pub fn replace_all_literal(
        &self,
        text: &[u8],
        replacement: &[u8],
        budget: &mut Budget,
    ) -> Result<Vec<u8>, LimitError> {
        self.replace(&Haystack::new(text), budget, |out, _| out.extend_from_slice(replacement))
    }

    fn replace(
        &self,
        haystack: &Haystack<'_>,
        budget: &mut Budget,
        mut put: impl FnMut(&mut Vec<u8>, &Captures<'_>),
    ) -> Result<Vec<u8>, LimitError> {
        let text = &*haystack.read;
        let mut out = Vec::new();
        let (mut last_end, mut at) = (0, 0);
        while at <= text.len() {
            let found = self.0.engine.captures_at(text, at);
            let range =
                found.as_ref().and_then(|captures| captures.get(0)).map(|whole| (whole.start(), whole.end()));
            budget.step(self.cost(range.map_or(text.len(), |range| range.1) - at))?;
            let (Some(captures), Some((start, end))) = (found, range) else { break };
            if start == end && splits_character(text, start) {
                at = start + 1;
                continue;
            }
            let before = out.len();
            out.extend_from_slice(haystack.given(last_end, start));
            // An empty match right after another match is not replaced.
            if end > last_end || start == 0 {
                put(&mut out, &captures);
            }
            budget.memory(out.len() - before)?;
            last_end = end;
            // Past this match, and at least one character further.
            at = if at < text.len() { end.max(at + width(text, at)) } else { at + 1 };
        }
        let rest = haystack.given(last_end, text.len());
        budget.memory(rest.len())?;
        out.extend_from_slice(rest);
        Ok(out)
    }
}

/// A text to search. Go takes a byte that is no UTF-8 for the character U+FFFD; the engine would match nothing there.
struct Haystack<'t> {
    text: &'t [u8],
    /// The text with U+FFFD for each such byte.
    read: Cow<'t, [u8]>,
    /// For each offset in `read` the one in `text`; empty where they are the same.
    offsets: Vec<usize>,
}

impl<'t> Haystack<'t> {
    fn new(text: &'t [u8]) -> Self {
        if std::str::from_utf8(text).is_ok() {
            return Self { text, read: Cow::Borrowed(text), offsets: Vec::new() };
        }
        let (mut read, mut offsets) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len()));
        for chunk in text.utf8_chunks() {
            let start = offsets.last().map_or(0, |last| last + 1);
            offsets.extend(start..start + chunk.valid().len());
            read.extend_from_slice(chunk.valid().as_bytes());
            for index in 0..chunk.invalid().len() {
                read.extend_from_slice("\u{fffd}".as_bytes());
                offsets.extend([start + chunk.valid().len() + index; 3]);
            }
        }
        offsets.push(text.len());
        Self { text, read: Cow::Owned(read), offsets }
    }

    /// A range of what is read, as a range of the text.
    fn place(&self, start: usize, end: usize) -> (usize, usize) {
        let original = |at: usize| if self.offsets.is_empty() { at } else { self.offset(at) };
        (original(start), original(end))
    }

    fn offset(&self, at: usize) -> usize {
        self.offsets.get(at).copied().unwrap_or(self.text.len())
    }

    /// The bytes of the text that a range of what is read stands for.
    fn given(&self, start: usize, end: usize) -> &'t [u8] {
        let (start, end) = self.place(start, end);
        self.text.get(start..end).unwrap_or_default()
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Regex").field(&self.0.engine.as_str()).finish()
    }
}

/// How many bytes the character at `at` has; one past the end and for what is not UTF-8.
fn width(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..text.len().min(at + 4)).unwrap_or_default();
    let valid = rest.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
    valid.chars().next().map_or(1, char::len_utf8)
}

/// Whether an offset lies within a character: there is nothing between its bytes for Go, not even something empty.
fn splits_character(text: &[u8], at: usize) -> bool {
    let inside = text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    inside && (1..4).any(|back| at.checked_sub(back).is_some_and(|start| start + width(text, start) > at))
}

fn explain(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "the pattern is too large".to_owned(),
        other => {
            other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    }
}

/// Compiles an RE2 pattern.
pub fn compile(pattern: &str) -> Result<Regex, RegexError> {
    Regex::new(pattern)
}

/// `regexp.QuoteMeta`: the text with every special character escaped.
pub fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(text.len());
    for byte in text {
        if br"\.+*?()|[]{}^$".contains(byte) {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    quoted
}
