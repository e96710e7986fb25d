//! Cuts texts to the lengths that receivers take: a message that is cut is told, one that is refused is not.

/// What stands at the end of a text that was cut.
const MARK: char = '…';

/// `text` with at most `most` characters.
pub(super) fn to_characters(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain((most > 0).then_some(MARK)).collect()
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
}
