//! Cuts texts to the lengths that receivers take: a message that is cut is told, one that is refused is not.

/// What stands at the end of a text that was cut.
const MARK: char = '…';

/// `text` with at most `most` characters.
pub(super) fn to_characters(text: &str, most: usize) -> String {
    cut(text, most, |_| 1)
}

/// `text` with at most `most` bytes, cut between characters.
pub(super) fn to_bytes(text: &str, most: usize) -> String {
    cut(text, most, char::len_utf8)
}

/// `text` with at most `most` UTF-16 units, cut between characters.
pub(super) fn to_utf16(text: &str, most: usize) -> String {
    cut(text, most, char::len_utf16)
}

fn cut(text: &str, most: usize, size: fn(char) -> usize) -> String {
    if text.chars().map(size).sum::<usize>() <= most {
        return text.to_owned();
    }
    let Some(mut left) = most.checked_sub(size(MARK)) else { return String::new() };
    let fits = |letter: &char| match left.checked_sub(size(*letter)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    text.chars().take_while(fits).chain([MARK]).collect()
}

/// The same with three dots in the place of the mark, where upstream cuts too and the words are known (GitHub).
pub(super) fn with_dots(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let dots = "...".get(..most.min(3)).unwrap_or_default();
    text.chars().take(most.saturating_sub(3)).chain(dots.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_and_not_bytes() {
        for (text, most, expected) in [
            ("", 0, ""),
            ("é", 0, ""),
            ("éé", 2, "éé"),
            ("ééé", 2, "é…"),
            ("漢字漢字", 3, "漢字…"),
            ("ab", 1, "…"),
        ] {
            assert_eq!(to_characters(text, most), expected, "{text} {most}");
        }
    }

    #[test]
    fn bytes_and_utf16_units_are_cut_between_characters() {
        assert_eq!(to_bytes("añb", 4), "añb");
        assert_eq!(to_bytes("ñññ", 5), "ñ…");
        assert_eq!(to_utf16("😀😀😀", 6), "😀😀😀");
        assert_eq!(to_utf16("😀😀😀", 5), "😀😀…");
        assert_eq!(to_utf16("😀😀😀", 4), "😀…");
        for most in 0..40 {
            let text = "naïve café ☕ 漢字 😀 naïve café";
            assert!(to_bytes(text, most).len() <= most, "{most}");
            assert!(to_utf16(text, most).encode_utf16().count() <= most, "{most}");
        }
    }

    #[test]
    fn dots_count_too() {
        for (text, most, expected) in
            [("éééé", 4, "éééé"), ("ééééé", 4, "é..."), ("éééé", 3, "..."), ("éé", 1, ".")]
        {
            assert_eq!(with_dots(text, most), expected, "{text} {most}");
        }
    }
}
