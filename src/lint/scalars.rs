//! What YAML reads differently from what it looks like: plain words and numbers that YAML 1.1 takes for something else,
//! `yes` for `true` and `010` for eight (core 1.4), and text behind the end of a value.

use super::Findings;
use super::groups::Configuration;
use crate::config::raw::Key;
use crate::config::yaml;
use crate::model::{Node, NodeKind, Position};

/// Fields that hold booleans, so that `yes` is what it says.
const BOOLEANS: &[&str] = &[
    "autoMerge",
    "disableUnfurl",
    "enabled",
    "html",
    "insecure_skip_verify",
    "insecureSkipVerify",
    "notifyBroadcast",
    "short",
    "transientEnvironment",
];

/// Looks at every value.
pub(super) fn check(configuration: &Configuration<'_>, findings: &mut Findings) {
    for (key, kind, value) in configuration.own() {
        if kind == Key::Other {
            continue;
        }
        let Ok(node) = yaml::parse_node(&value.text) else { continue };
        if let Some(at) = trailing(&value.text) {
            let message =
                "the value ends before this, and what follows is ignored; remove it, or check the brackets";
            configuration.add("yaml-trailing", key, Some(at), key, message, findings);
        }
        let mut odd = Vec::new();
        collect(&node, "", &value.text, matches!(kind, Key::Service { .. }), &mut odd);
        for (at, word, becomes) in odd {
            let message = format!("YAML reads `{word}` as `{becomes}`; write '{word}' in quotes");
            configuration.add("yaml-scalar", key, Some(at), key, message, findings);
        }
    }
}

/// The place of text behind a value in brackets. Comments are none.
fn trailing(source: &str) -> Option<Position> {
    let (mut depth, mut quote) = (0_usize, None);
    let mut letters = source.chars();
    let (mut line, mut column, mut begun) = (1, 0, false);
    let mut skip_comment = false;
    while let Some(letter) = letters.next() {
        column += 1;
        if letter == '\n' {
            (line, column, skip_comment) = (line + 1, 0, false);
            continue;
        }
        match (letter, quote) {
            _ if skip_comment => {}
            ('\\', Some('"')) => {
                column += usize::from(letters.next().is_some());
            }
            (_, Some(open)) if letter == open => quote = None,
            (_, Some(_)) => {}
            _ if letter.is_whitespace() => {}
            ('#', None) => skip_comment = true,
            _ if begun && depth == 0 => return Some(Position { line, column }),
            ('"' | '\'', None) if begun => quote = Some(letter),
            ('[' | '{', None) => (depth, begun) = (depth + 1, true),
            (']' | '}', None) => depth = depth.saturating_sub(1),
            // A value that is not in brackets.
            _ if !begun => return None,
            _ => {}
        }
    }
    None
}

/// Places, words and what they become. Recurses as deep as the tree, which the parser bounds.
fn collect(
    node: &Node,
    field: &str,
    source: &str,
    settings: bool,
    into: &mut Vec<(Position, String, String)>,
) {
    let mut look = |at: Position, text: &str, is_number: bool| {
        let word = word(source, at);
        let changed = if is_number { word != text } else { !word.eq_ignore_ascii_case(text) };
        if changed && !word.is_empty() {
            into.push((at, word, text.to_owned()));
        }
    };
    match &node.kind {
        NodeKind::Bool(value) if !BOOLEANS.iter().any(|name| name.eq_ignore_ascii_case(field)) => {
            look(node.at, if *value { "true" } else { "false" }, false);
        }
        NodeKind::Int(value) => look(node.at, &value.to_string(), true),
        NodeKind::Float(_) if !settings => look(node.at, &node.text().unwrap_or_default(), true),
        NodeKind::List(items) => {
            for item in items {
                collect(item, field, source, settings, into);
            }
        }
        NodeKind::Map(pairs) => {
            for (key, value) in pairs {
                if key.text == "true" || key.text == "false" {
                    let word = word(source, key.at);
                    if !word.is_empty() && !word.eq_ignore_ascii_case(&key.text) {
                        into.push((key.at, word, key.text.clone()));
                    }
                }
                collect(value, &key.text, source, settings, into);
            }
        }
        _ => {}
    }
}

/// The plain word at a place; empty where something else stands, such as an anchor.
fn word(source: &str, at: Position) -> String {
    let line = source.lines().nth(at.line.saturating_sub(1)).unwrap_or_default();
    let rest = line.chars().skip(at.column.saturating_sub(1));
    let word: String =
        rest.take_while(|letter| !letter.is_whitespace() && !",]}#".contains(*letter)).collect();
    let word = word.trim_end_matches(':').to_owned();
    if word.starts_with(['&', '*', '!', '"', '\'']) { String::new() } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_behind_brackets() {
        let at = |line, column| Some(Position { line, column });
        for (text, place) in [
            ("[a] b", at(1, 5)),
            ("[a]\n- b\n", at(2, 1)),
            ("# x\n{a: ']'} # y\n", None),
            ("[a, \"]\\\"\"]", None),
            ("- [a]\n- b\n", None),
            ("'[a] b'", None),
            ("", None),
        ] {
            assert_eq!(trailing(text), place, "{text:?}");
        }
    }
}
