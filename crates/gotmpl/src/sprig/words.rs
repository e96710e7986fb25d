//! Functions that look at the words of a text: cases, initials, abbreviation and wrapping.

use super::runes::{
    first, is_lower, is_punctuation, is_title, is_upper, runes, to_lower, to_title, to_upper,
};

/// Go's `strings.Title`: the first letter of every word in title case.
pub(super) fn title(text: &[u8]) -> String {
    let mut previous = ' ';
    runes(text)
        .map(|c| {
            let starts = separates(previous);
            previous = c;
            if starts { to_title(c) } else { c }
        })
        .collect()
}

fn separates(c: char) -> bool {
    if c.is_ascii() {
        return !(c.is_ascii_alphanumeric() || c == '_');
    }
    !crate::unicode::is_alphanumeric(c) && c.is_whitespace()
}

/// The first letter of every word in lower case.
pub(super) fn untitle(text: &[u8]) -> String {
    let mut next = true;
    runes(text)
        .map(|c| {
            if c.is_whitespace() {
                next = true;
                return c;
            }
            if std::mem::take(&mut next) { to_lower(c) } else { c }
        })
        .collect()
}

/// Upper case to lower case and the other way round; a lower-case letter that begins a word gets title case.
pub(super) fn swap_case(text: &[u8]) -> String {
    let mut blank = true;
    runes(text)
        .map(|c| {
            if is_upper(c) || is_title(c) {
                blank = false;
                to_lower(c)
            } else if is_lower(c) {
                if std::mem::take(&mut blank) { to_title(c) } else { to_upper(c) }
            } else {
                blank = c.is_whitespace();
                c
            }
        })
        .collect()
}

/// Without blanks. Once there is one, every byte counts as a character of its own, which breaks texts that are not ASCII.
pub(super) fn no_space(text: &[u8]) -> Vec<u8> {
    if !text.iter().any(|byte| char::from(*byte).is_whitespace()) {
        return text.to_vec();
    }
    let kept: String = text.iter().map(|byte| char::from(*byte)).filter(|c| !c.is_whitespace()).collect();
    kept.into_bytes()
}

/// The first byte of every word, as a character.
pub(super) fn initials(text: &[u8]) -> String {
    let mut gap = true;
    text.iter()
        .filter_map(|byte| {
            let c = char::from(*byte);
            if c.is_whitespace() {
                gap = true;
                return None;
            }
            std::mem::take(&mut gap).then_some(c)
        })
        .collect()
}

/// At most `width` bytes, dots included, that show the text around `offset`. The widths have been checked: at least 4.
pub(super) fn abbreviate(text: &[u8], offset: usize, width: usize) -> Vec<u8> {
    const DOTS: &[u8] = b"...";
    let length = text.len();
    if length <= width {
        return text.to_vec();
    }
    let inner = width - DOTS.len();
    let offset = offset.min(length).min(length - inner);
    if offset <= 4 {
        return [text.get(..inner).unwrap_or_default(), DOTS].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    let tail = text.get(offset..).unwrap_or_default();
    if offset + inner < length {
        let short = if inner < 4 { Vec::new() } else { abbreviate(tail, 0, inner) };
        return [DOTS, &short].concat();
    }
    [DOTS, text.get(length - inner..).unwrap_or_default()].concat()
}

/// Lines of at most `width` bytes, broken at blanks. Longer words are cut if `cut` says so, else they keep their line.
pub(super) fn wrap(text: &[u8], width: usize, line_break: &[u8], cut: bool) -> Vec<u8> {
    let line_break: &[u8] = if line_break.is_empty() { b"\n" } else { line_break };
    let width = width.max(1);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while rest.len() > width {
        if let Some((b' ', tail)) = rest.split_first() {
            rest = tail;
            continue;
        }
        let head = rest.get(..=width).unwrap_or_default();
        let end = match head.iter().rposition(|byte| *byte == b' ') {
            Some(at) => at,
            None if cut => {
                out.extend_from_slice(rest.get(..width).unwrap_or_default());
                out.extend_from_slice(line_break);
                rest = rest.get(width..).unwrap_or_default();
                continue;
            }
            None => match rest.get(width..).unwrap_or_default().iter().position(|byte| *byte == b' ') {
                Some(at) => at + width,
                None => break,
            },
        };
        out.extend_from_slice(rest.get(..end).unwrap_or_default());
        out.extend_from_slice(line_break);
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

fn connects(c: char) -> bool {
    c == '-' || c == '_' || c.is_whitespace()
}

/// `SomeWords` out of `some_words`; connectors at the beginning, and all but one of a run, stay.
pub(super) fn pascal_case(text: &[u8]) -> String {
    let mut out = String::new();
    let mut rest = runes(text);
    let mut first_upper = false;
    let mut current = None;
    for c in rest.by_ref() {
        if !connects(c) {
            first_upper = is_upper(c);
            current = Some(to_upper(c));
            break;
        }
        out.push(c);
    }
    let Some(mut current) = current else {
        // Nothing but connectors: Go writes the last of them twice.
        out.extend(out.chars().last());
        return out;
    };
    for c in rest {
        let previous = std::mem::replace(&mut current, c);
        if connects(c) && connects(previous) {
            out.push(previous);
        } else if connects(previous) {
            first_upper = is_upper(c);
            current = to_upper(c);
        } else {
            if first_upper && is_upper(c) {
                current = to_lower(c);
            } else {
                first_upper = false;
            }
            out.push(previous);
        }
    }
    out.push(current);
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    None,
    Number,
    Upper,
    Letters,
    Connector,
    Punctuation,
    Other,
}

/// What counts as one character where words are found: a character, with the bytes before it that are no UTF-8.
struct Unit<'t> {
    c: char,
    bytes: &'t [u8],
}

/// The units of a text. Broken bytes at the end count as one more of the character before them.
fn units(text: &[u8]) -> Vec<Unit<'_>> {
    let mut units: Vec<Unit<'_>> = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some((c, length)) = first(text.get(at..).unwrap_or_default()) {
        at += length;
        if c != char::REPLACEMENT_CHARACTER {
            units.push(Unit { c, bytes: text.get(start..at).unwrap_or_default() });
            start = at;
        }
    }
    if start < text.len() {
        let c = units.last().map_or(char::REPLACEMENT_CHARACTER, |unit| unit.c);
        units.push(Unit { c, bytes: text.get(start..).unwrap_or_default() });
    }
    units
}

/// `some_words` or `some-words` out of `SomeWords`.
pub(super) fn connect(text: &[u8], connector: char) -> Vec<u8> {
    let units = units(text);
    let mut out = Joined { bytes: Vec::with_capacity(text.len()), connector };
    let mut rest = units.as_slice();
    let (mut kind, mut word) = next_word(&mut rest);
    while !rest.is_empty() {
        if kind != Word::Connector {
            out.word(kind, word);
        }
        let (before, last) = (kind, word);
        (kind, word) = next_word(&mut rest);
        match before {
            Word::Number => {
                out.run(&mut kind, &mut word, &mut rest);
                out.connect_unless_gap(kind);
            }
            Word::Connector => out.word(before, last),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punctuation) {
                    out.connect();
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word) = next_word(&mut rest);
                if kind == Word::Letters {
                    // Small letters behind a number belong to it: `http_2xx`.
                    out.connect();
                    out.word(Word::Number, number);
                    out.run(&mut kind, &mut word, &mut rest);
                    out.connect_unless_gap(kind);
                } else {
                    // A number in front of anything else belongs to what came before: `bld4_floor`.
                    out.word(Word::Number, number);
                    if !matches!(kind, Word::Connector | Word::Punctuation) {
                        out.connect();
                    }
                }
            }
        }
    }
    out.word(kind, word);
    out.bytes
}

/// The words that have been joined so far.
struct Joined {
    bytes: Vec<u8>,
    connector: char,
}

impl Joined {
    fn push(&mut self, c: char) {
        self.bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn connect(&mut self) {
        self.push(self.connector);
    }

    fn connect_unless_gap(&mut self, kind: Word) {
        if !matches!(kind, Word::None | Word::Punctuation | Word::Connector) {
            self.connect();
        }
    }

    /// Takes letters and numbers as long as they follow each other.
    fn run<'u>(&mut self, kind: &mut Word, word: &mut &'u [Unit<'u>], rest: &mut &'u [Unit<'u>]) {
        while matches!(kind, Word::Letters | Word::Number) {
            self.word(*kind, word);
            (*kind, *word) = next_word(rest);
        }
    }

    fn word(&mut self, kind: Word, word: &[Unit<'_>]) {
        for unit in word {
            if !matches!(kind, Word::Upper | Word::Connector) {
                self.bytes.extend_from_slice(unit.bytes);
                continue;
            }
            for c in runes(unit.bytes) {
                self.push(match c {
                    c if connects(c) => self.connector,
                    c if is_upper(c) => to_lower(c),
                    c => c,
                });
            }
        }
    }
}

/// Takes the next run of characters of one sort.
fn next_word<'u>(rest: &mut &'u [Unit<'u>]) -> (Word, &'u [Unit<'u>]) {
    let all = *rest;
    let Some((first, tail)) = all.split_first() else { return (Word::None, &[]) };
    let run = |test: &dyn Fn(char) -> bool| 1 + tail.iter().take_while(|unit| test(unit.c)).count();
    let lower_letter = |c: char| is_letter(c) && !is_upper(c);
    let (kind, length) = match first.c {
        char::REPLACEMENT_CHARACTER => (Word::None, all.len()),
        c if connects(c) => (Word::Connector, run(&connects)),
        c if is_punctuation(c) => (Word::Punctuation, run(&is_punctuation)),
        c if is_upper(c) => match tail.first() {
            Some(second) if is_upper(second.c) => {
                let mut length = run(&is_upper);
                // `HTTPStatus` is `HTTP` and `Status`.
                if all.get(length).is_some_and(|unit| is_letter(unit.c)) {
                    length -= 1;
                }
                (Word::Upper, length)
            }
            Some(second) if is_letter(second.c) => (Word::Upper, run(&lower_letter)),
            _ => (Word::Upper, 1),
        },
        c if is_letter(c) => (Word::Letters, run(&lower_letter)),
        c if c.is_numeric() => (Word::Number, run(&char::is_numeric)),
        _ => (Word::Other, run(&|c| !(connects(c) || is_letter(c) || c.is_numeric() || is_punctuation(c)))),
    };
    let (word, tail) = all.split_at(length.min(all.len()));
    *rest = tail;
    (kind, word)
}

/// A letter of a script whose words are separated by blanks: not the Chinese, Japanese and Korean ones.
fn is_letter(c: char) -> bool {
    if !crate::unicode::is_alphanumeric(c) || c.is_numeric() || c == '_' {
        return false;
    }
    !matches!(u32::from(c), 0x4e00..=0x9fcc | 0x3400..=0x4d85 | 0x20000..=0x2b81d)
}
