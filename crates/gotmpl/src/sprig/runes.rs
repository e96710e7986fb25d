//! Characters as Go sees them: bytes that are no UTF-8 count as U+FFFD each, and case is mapped one to one.

use std::sync::LazyLock;

use ::regex::Regex;
pub(crate) use dodona_value::letters::{to_lower, to_upper};

/// The characters of a text. A byte that is no UTF-8 is one U+FFFD.
pub(crate) fn runes(text: &[u8]) -> impl Iterator<Item = char> {
    text.utf8_chunks().flat_map(|chunk| {
        chunk.valid().chars().chain(std::iter::repeat_n(char::REPLACEMENT_CHARACTER, chunk.invalid().len()))
    })
}

/// `strings.ToUpper`
pub(crate) fn upper(text: &[u8]) -> Vec<u8> {
    map(text, u8::to_ascii_uppercase, to_upper)
}

/// `strings.ToLower`
pub(crate) fn lower(text: &[u8]) -> Vec<u8> {
    map(text, u8::to_ascii_lowercase, to_lower)
}

fn map(text: &[u8], ascii: fn(&u8) -> u8, other: fn(char) -> char) -> Vec<u8> {
    if text.is_ascii() {
        return text.iter().map(ascii).collect();
    }
    let mapped: String = runes(text).map(other).collect();
    mapped.into_bytes()
}

/// The title case of one character: upper case, but for the letters that are two in one.
pub(crate) fn to_title(c: char) -> char {
    match c {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => c,
        c => to_upper(c),
    }
}

static UPPER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{Lu}&&\p{Age:15.0}]$").ok());
static LOWER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{Ll}&&\p{Age:15.0}]$").ok());

/// Whether a character is in category Lu; Rust's `is_uppercase` takes Roman numerals too.
pub(crate) fn is_upper(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_uppercase() } else { is_in(UPPER.as_ref(), c) }
}

/// Whether a character is in category Ll.
pub(crate) fn is_lower(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_lowercase() } else { is_in(LOWER.as_ref(), c) }
}

fn is_in(class: Option<&Regex>, c: char) -> bool {
    class.is_some_and(|class| class.is_match(c.encode_utf8(&mut [0; 4])))
}

/// Whether a character is in category Lt: one capital letter and something small in one character.
pub(crate) fn is_title(c: char) -> bool {
    matches!(
        u32::from(c),
        0x1c5 | 0x1c8 | 0x1cb | 0x1f2
            | 0x1f88..=0x1f8f
            | 0x1f98..=0x1f9f
            | 0x1fa8..=0x1faf
            | 0x1fbc
            | 0x1fcc
            | 0x1ffc
    )
}

static PUNCTUATION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{P}&&\p{Age:15.0}]$").ok());

/// Whether a character is in category P.
pub(crate) fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_punctuation() && !"$+<=>^`|~".contains(c)
    } else {
        is_in(PUNCTUATION.as_ref(), c)
    }
}

/// `strings.TrimSpace`
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    trim_end(trim_start(text, char::is_whitespace), char::is_whitespace)
}

/// Without the characters at the beginning for which `drop` says yes.
pub(crate) fn trim_start(text: &[u8], drop: impl Fn(char) -> bool) -> &[u8] {
    let mut rest = text;
    while let Some((c, length)) = first(rest) {
        if !drop(c) {
            break;
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    rest
}

/// Without the characters at the end for which `drop` says yes.
pub(crate) fn trim_end(text: &[u8], drop: impl Fn(char) -> bool) -> &[u8] {
    let mut rest = text;
    while let Some((c, length)) = last(rest) {
        if !drop(c) {
            break;
        }
        rest = rest.get(..rest.len() - length).unwrap_or_default();
    }
    rest
}

/// The first character and its length in bytes.
pub(crate) fn first(text: &[u8]) -> Option<(char, usize)> {
    let head = text.get(..text.len().min(4))?;
    let chunk = head.utf8_chunks().next()?;
    Some(chunk.valid().chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8())))
}

fn last(text: &[u8]) -> Option<(char, usize)> {
    if text.is_empty() {
        return None;
    }
    for length in 1..=text.len().min(4) {
        let tail = text.get(text.len() - length..)?;
        if let Ok(tail) = std::str::from_utf8(tail) {
            return tail.chars().next().map(|c| (c, length));
        }
    }
    Some((char::REPLACEMENT_CHARACTER, 1))
}
