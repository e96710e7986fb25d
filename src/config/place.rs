//! From a place inside a decoded text (a condition, a message) to the place in the YAML where a person has to look.

use crate::model::Position;

/// Where `line` and `column` (from 1) of the text that began at `at` stand in `source`, as exactly as the notation of the
/// text allows: exactly for blocks (`|`) and plain texts, not behind escapes and folded lines.
pub(crate) fn inside(source: &str, at: Position, line: usize, column: usize) -> Position {
    let Some(first) = source.lines().nth(at.line.saturating_sub(1)) else { return at };
    if let Some(header) = literal_header(source, at, first) {
        let indentation = first.len() - first.trim_start_matches(' ').len();
        return Position { line: header + line, column: indentation + column };
    }
    match first.chars().nth(at.column.saturating_sub(1)) {
        Some('"' | '\'') if line == 1 => Position { line: at.line, column: at.column + column },
        Some('|' | '>' | '*' | '&' | '!' | '"' | '\'') | None => at,
        Some(_) if line == 1 => Position { line: at.line, column: at.column + column - 1 },
        Some(_) => at,
    }
}

/// The line that announces the literal block whose text begins at `at`, if there is one.
fn literal_header(source: &str, at: Position, first: &str) -> Option<usize> {
    let before: String = first.chars().take(at.column.saturating_sub(1)).collect();
    if !before.trim().is_empty() {
        return None;
    }
    let lines: Vec<_> = source.lines().take(at.line.saturating_sub(1)).collect();
    let (index, header) = lines.iter().enumerate().rev().find(|(_, line)| !line.trim().is_empty())?;
    let header = header.split(" #").next().unwrap_or(header).trim_end();
    let indicator =
        header.trim_end_matches(|letter: char| matches!(letter, '-' | '+') || letter.is_ascii_digit());
    let announced = indicator.strip_suffix('|')?;
    (announced.is_empty() || announced.ends_with(' ')).then_some(index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_inside_texts() {
        let at = |line, column| Position { line, column };
        let source = "a: |\n  one\n  two x\nb: 'three'\nc: four\nd: >\n  five\n";
        assert_eq!(inside(source, at(2, 3), 2, 5), at(3, 7));
        assert_eq!(inside(source, at(4, 4), 1, 2), at(4, 6));
        assert_eq!(inside(source, at(5, 4), 1, 2), at(5, 5));
        assert_eq!(inside(source, at(7, 3), 2, 2), at(7, 3));
        assert_eq!(inside("- when: |-  # why\n\n    x\n", at(3, 5), 2, 1), at(3, 5));
        assert_eq!(inside(source, at(60, 4), 1, 2), at(60, 4));
        assert_eq!(inside("", at(1, 1), 1, 1), at(1, 1));
    }
}
