//! Quoted texts as `strconv.Quote` and `strconv.Unquote`.

use std::sync::OnceLock;

use regex::Regex;

/// `strconv.Quote`: in double quotes, with escapes for what is not printable.
pub fn quote(text: &[u8]) -> String {
    quoted(text, '"', false)
}

/// `strconv.QuoteToASCII`: the same, and escapes for what is not ASCII.
pub fn quote_to_ascii(text: &[u8]) -> String {
    quoted(text, '"', true)
}

/// `strconv.QuoteRune`: a character literal; U+FFFD for what is not a character.
pub fn quote_rune(code: i64) -> String {
    quoted(rune(code).encode_utf8(&mut [0; 4]).as_bytes(), '\'', false)
}

/// `strconv.QuoteRuneToASCII`.
pub fn quote_rune_to_ascii(code: i64) -> String {
    quoted(rune(code).encode_utf8(&mut [0; 4]).as_bytes(), '\'', true)
}

fn rune(code: i64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn quoted(text: &[u8], mark: char, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(mark);
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_escaped(&mut out, c, mark, ascii);
        }
        for byte in chunk.invalid() {
            push_code(&mut out, 'x', u32::from(*byte), 2);
        }
    }
    out.push(mark);
    out
}

fn push_escaped(out: &mut String, c: char, mark: char, ascii: bool) {
    if c == mark || c == '\\' {
        out.push('\\');
        out.push(c);
        return;
    }
    if if ascii { matches!(c, ' '..='~') } else { is_print(c) } {
        out.push(c);
        return;
    }
    let escape = match c {
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\u{b}' => 'v',
        _ => {
            let code = u32::from(c);
            match code {
                0..0x20 | 0x7f => push_code(out, 'x', code, 2),
                0..0x1_0000 => push_code(out, 'u', code, 4),
                _ => push_code(out, 'U', code, 8),
            }
            return;
        }
    };
    out.push('\\');
    out.push(escape);
}

/// An escape with a code of so many hexadecimal digits.
fn push_code(out: &mut String, letter: char, code: u32, digits: u32) {
    out.extend(['\\', letter]);
    out.extend((0..digits).rev().filter_map(|digit| char::from_digit(code >> (4 * digit) & 15, 16)));
}

/// `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols, and the ASCII blank. Go knows Unicode 15.
pub fn is_print(c: char) -> bool {
    static PRINTABLE: OnceLock<Option<Regex>> = OnceLock::new();

    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    let printable =
        PRINTABLE.get_or_init(|| Regex::new(r"^[[\p{L}\p{M}\p{N}\p{P}\p{S}]&&\p{Age:15.0}]$").ok());
    printable.as_ref().is_some_and(|printable| printable.is_match(c.encode_utf8(&mut [0; 4])))
}

/// `strconv.CanBackquote`: whether the text can stand unchanged between backquotes on one line.
pub fn can_backquote(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        !text.chars().any(|c| c == '\u{feff}' || c == '`' || c == '\u{7f}' || (c < ' ' && c != '\t'))
    })
}

/// `strconv.Unquote` of a text in double quotes, single quotes or backquotes; `None` where it is not one.
pub fn unquote(text: &str) -> Option<Vec<u8>> {
    let mark = text.chars().next()?;
    let body = text.strip_prefix(mark)?.strip_suffix(mark)?;
    match mark {
        '`' if !body.contains('`') => Some(body.replace('\r', "").into_bytes()),
        '"' => unescape(body, '"'),
        '\'' => {
            let bytes = unescape(body, '\'')?;
            let one =
                std::str::from_utf8(&bytes).is_ok_and(|text| text.chars().count() == 1) || bytes.len() == 1;
            one.then_some(bytes)
        }
        _ => None,
    }
}

/// The bytes that a quoted text means; `None` for an unknown escape, a bare quotation mark or a newline.
fn unescape(body: &str, mark: char) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body.chars();
    while let Some(c) = rest.next() {
        if c == mark || c == '\n' {
            return None;
        }
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = rest.next()?;
        let plain = match escape {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 11,
            '\\' => b'\\',
            '\'' | '"' if escape == mark => u8::try_from(escape).ok()?,
            'x' => u8::try_from(digits(&mut rest, 2, 16)?).ok()?,
            'u' | 'U' => {
                let c = char::from_u32(digits(&mut rest, if escape == 'u' { 4 } else { 8 }, 16)?)?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            '0'..='7' => {
                let first = escape.to_digit(8)?;
                u8::try_from(first * 64 + digits(&mut rest, 2, 8)?).ok()?
            }
            _ => return None,
        };
        out.push(plain);
    }
    Some(out)
}

fn digits(rest: &mut std::str::Chars<'_>, count: usize, radix: u32) -> Option<u32> {
    let mut number: u32 = 0;
    for _ in 0..count {
        number = number.checked_mul(radix)?.checked_add(rest.next()?.to_digit(radix)?)?;
    }
    Some(number)
}
