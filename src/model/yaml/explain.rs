//! The library's complaint about YAML, in the words of somebody who sees the line.
//!
//! The scanner stops where it can go on no longer, which is often behind the mistake. The mistakes that people make in
//! these ConfigMaps are few (core 1.4.19, 1.4.20), so the lines around the place are searched for them first.

use granit_parser::ErrorKind;

use crate::model::{NodeError, Position};

/// How many lines before the place are looked at, the nearest first.
const LINES_BACK: usize = 3;

/// An error about `text`, where the scanner stopped at `at` with the complaint `info`.
pub(super) fn explain(text: &str, at: Position, info: &ErrorKind) -> NodeError {
    if *info == ErrorKind::UnknownAnchor {
        return NodeError::new(
            at,
            "`*` begins an alias, and nothing has that name; put quotes around a text that begins with `*`",
        );
    }
    match find_mistake(text, at) {
        Some((place, advice)) => NodeError::new(place, format!("not valid YAML: {advice}")),
        None => NodeError::new(at, general(info)),
    }
}

/// A better text for an error found while the tree was built.
pub(super) fn refine(text: &str, error: NodeError) -> NodeError {
    match line(text, error.at.line).and_then(mistake) {
        Some((column, advice)) if error.message.contains("cannot be a name") => {
            NodeError::new(Position { line: error.at.line, column }, format!("not valid YAML: {advice}"))
        }
        _ => error,
    }
}

/// The scanner's complaint, for mistakes that are not among the known ones.
fn general(info: &ErrorKind) -> String {
    let advice = match info {
        ErrorKind::UnclosedQuotedScalar => "close the quote, or write `''` for a quote inside single quotes",
        ErrorKind::UnknownQuotedScalarEscape => "use single quotes, or write `\\\\` for a backslash",
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping => "close the bracket, or put the text in quotes",
        ErrorKind::BlockSequenceEntryNotAllowed => "begin the list in a line of its own",
        ErrorKind::UndeclaredTagHandle => "put quotes around a text that begins with `!`",
        _ => {
            "check the indentation here and in the line before, and put quotes around texts with special signs"
        }
    };
    format!("not valid YAML: {info}: {advice}")
}

fn find_mistake(text: &str, at: Position) -> Option<(Position, String)> {
    let first = at.line.saturating_sub(LINES_BACK).max(1);
    (first..=at.line).rev().find_map(|number| {
        let (column, advice) = mistake(line(text, number)?)?;
        Some((Position { line: number, column }, advice))
    })
}

fn line(text: &str, number: usize) -> Option<&str> {
    text.lines().nth(number.checked_sub(1)?)
}

/// The known mistake in a line, if there is one, and its column.
fn mistake(line: &str) -> Option<(usize, String)> {
    let indentation = line.len() - line.trim_start().len();
    if line.get(..indentation).is_some_and(|blanks| blanks.contains('\t')) {
        return Some((1, "the line begins with a tab; indent with blanks".into()));
    }
    let (value, start) = value_part(line);
    let column = line.get(..start).map_or(1, |before| before.chars().count() + 1);
    let first = value.chars().next()?;
    let advice = match first {
        '{' if value.starts_with("{{") => "a value that begins with `{{` needs quotes: '{{ … }}'".to_owned(),
        '@' | '`' | '%' => format!("a text cannot begin with `{first}`; put it in quotes"),
        '&' | '*' if value.starts_with("**") || value.starts_with("&&") => {
            format!("a text that begins with `{first}` needs quotes")
        }
        '\'' | '"' => return after_quote(value, first).map(|advice| (column, advice)),
        '[' | '{' if !balanced(value) => {
            format!(
                "the bracket `{first}` is not closed, or text follows it; close it, or put the text in quotes"
            )
        }
        '|' | '>' | '#' | '[' | '{' | '!' | '&' | '*' => return None,
        _ => colon(value)?,
    };
    Some((column, advice))
}

/// The text behind `name: ` or `- `, comments included, and the byte where it begins.
fn value_part(line: &str) -> (&str, usize) {
    let mut rest = line.trim_start();
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start();
    }
    if let Some(colon) = rest.find(": ")
        && rest.get(..colon).is_some_and(|name| !name.is_empty() && name.chars().all(is_name_letter))
        && let Some(value) = rest.get(colon + 2..)
    {
        rest = value.trim_start();
    }
    (rest.trim_end(), line.len() - rest.len())
}

fn is_name_letter(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/' | '$' | '"' | '\'')
}

/// What is wrong with a value that begins with a quote.
fn after_quote(value: &str, quote: char) -> Option<String> {
    let inside = value.get(1..)?;
    let mut letters = inside.char_indices().peekable();
    while let Some((index, letter)) = letters.next() {
        if quote == '"' && letter == '\\' {
            let escaped = letters.next().map(|(_, letter)| letter)?;
            if !"0abt\tnvfre \"/\\N_LPxuU".contains(escaped) {
                return Some(format!(
                    "`\\{escaped}` is no escape that double quotes know; use single quotes, or write `\\\\` for a backslash"
                ));
            }
        } else if letter == quote {
            if quote == '\'' && letters.next_if(|(_, next)| *next == '\'').is_some() {
                continue;
            }
            let tail = inside.get(index + 1..)?.trim_start();
            let ends = tail.is_empty() || tail.starts_with(['#', ':', ',', ']', '}']);
            return (!ends).then(|| {
                "text follows the closing quote; put the whole value in the other kind of quotes, or write it behind `|` in the next line"
                    .to_owned()
            });
        }
    }
    Some("the quote that opens here is not closed in this line; close it, or write long text behind `|` in the next line".to_owned())
}

/// Whether a value in brackets ends with its last closing bracket.
fn balanced(value: &str) -> bool {
    let count = |signs: [char; 2]| value.chars().filter(|letter| signs.contains(letter)).count();
    let closed = value.ends_with([']', '}', ',']) || value.contains(" #");
    closed && count(['[', '{']) == count([']', '}'])
}

/// What is wrong with an unquoted value that has a colon inside.
fn colon(value: &str) -> Option<String> {
    let text = value.split(" #").next().unwrap_or(value).trim_end();
    let inside = text.contains(": ") || (text.ends_with(':') && text.len() > 1 && text.starts_with(':'));
    inside.then(|| {
        "an unquoted text cannot contain `: ` or end in `:`; put the whole value in quotes".to_owned()
    })
}
