//! The two character classes of Go that decide what a name is. Go knows Unicode 15.
//!
//! Rust's `is_alphabetic` and `is_numeric` are wider than Go's `IsLetter` and `IsDigit` (combining vowel signs, letter
//! numbers, fractions), so the general categories are asked for by name.

use std::sync::LazyLock;

use regex::Regex;

static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[[\p{L}\p{Nd}]&&\p{Age:15.0}]$").ok());

/// A letter (category L), a decimal digit (Nd) or an underscore: what names consist of.
pub(crate) fn is_alphanumeric(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '_';
    }
    WORD.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut [0; 4])))
}
