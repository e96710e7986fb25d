//! Go's `regexp`: RE2 patterns, translated for the regex library of Rust, with Go's rules for empty matches and replacement templates.

use std::fmt;
use std::sync::Arc;

/// A compiled pattern. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Regex(Arc<regex::bytes::Regex>);

/// Why a pattern was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexError {
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for RegexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid pattern: {}", self.message)
    }
}

impl std::error::Error for RegexError {}

impl Regex {
    /// Compiles an RE2 pattern.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        regex::bytes::Regex::new(pattern)
            .map(|regex| Self(Arc::new(regex)))
            .map_err(|error| RegexError { message: error.to_string() })
    }

    /// Whether the pattern occurs in `text`.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }

    /// The first match, as a range of bytes.
    pub fn find(&self, text: &[u8]) -> Option<(usize, usize)> {
        self.0.find(text).map(|found| (found.start(), found.end()))
    }

    /// All matches, at most `limit` of them (`None`: all), by Go's rules: an empty match right after another match does not count.
    pub fn find_all(&self, text: &[u8], limit: Option<usize>) -> Vec<(usize, usize)> {
        self.0
            .find_iter(text)
            .take(limit.unwrap_or(usize::MAX))
            .map(|found| (found.start(), found.end()))
            .collect()
    }

    /// `Split`: the texts between matches, at most `limit` of them (the last one is the rest).
    pub fn split<'t>(&self, text: &'t [u8], limit: Option<usize>) -> Vec<&'t [u8]> {
        self.0.splitn(text, limit.unwrap_or(usize::MAX)).collect()
    }

    /// `ReplaceAll`: `$1`, `$name` and `${name}` in the template stand for groups, `$$` for a dollar sign.
    pub fn replace_all(&self, text: &[u8], template: &[u8]) -> Vec<u8> {
        self.0.replace_all(text, template).into_owned()
    }

    /// `ReplaceAllLiteral`: the replacement as it is.
    pub fn replace_all_literal(&self, text: &[u8], replacement: &[u8]) -> Vec<u8> {
        self.0.replace_all(text, regex::bytes::NoExpand(replacement)).into_owned()
    }
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
