//! Letters in upper and lower case as Go maps them: one character to one character, as of Unicode 15.

/// `unicode.ToUpper`: ß stays ß, since only a sequence spells it in capitals.
pub fn to_upper(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_uppercase();
    }
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) if !is_newer(c) && !matches!(c, '\u{19b}' | '\u{264}') => one,
        _ => with_iota(c).unwrap_or(c),
    }
}

/// `unicode.ToLower`: of İ the dot gets lost.
pub fn to_lower(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) if !is_newer(c) => one,
        _ if c == '\u{130}' => 'i',
        _ => c,
    }
}

/// `strings.ToUpper`
pub fn upper(text: &str) -> String {
    text.chars().map(to_upper).collect()
}

/// `strings.ToLower`
pub fn lower(text: &str) -> String {
    text.chars().map(to_lower).collect()
}

/// Greek letters with a small iota below have a capital of one character, besides the two that are usual.
fn with_iota(c: char) -> Option<char> {
    let shift = match u32::from(c) {
        0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7 => 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => 9,
        _ => return None,
    };
    char::from_u32(u32::from(c) + shift)
}

/// Letters that got a second case after Unicode 15.
const fn is_newer(c: char) -> bool {
    matches!(
        c,
        '\u{1c89}'..='\u{1c8a}'
            | '\u{a7cb}'..='\u{a7cf}'
            | '\u{a7d2}'..='\u{a7d5}'
            | '\u{a7da}'..='\u{a7dc}'
            | '\u{10d50}'..='\u{10d85}'
            | '\u{16ea0}'..='\u{16ed3}'
    )
}
