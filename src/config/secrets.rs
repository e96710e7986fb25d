//! `$name` references in service settings (core 1.5): texts and names get the values of the Secret.
//!
//! Where upstream writes the result as YAML and reads it again, a value here goes into the tree as text and stays text,
//! so that a password `on` is not sent as `true` (core 1.5.6, FIX).

use std::collections::BTreeSet;

use super::yaml::Parsed;
use crate::model::{Key, Node, NodeError, NodeKind, Position, Secrets};

/// Settings with the secrets put in.
#[derive(Clone, Debug)]
pub struct Interpolated {
    /// The settings.
    pub node: Node,
    /// References to keys that the Secret does not have; they stay as they are written (core 1.5.3).
    pub missing: Vec<NodeError>,
    /// Keys of the Secret that were put in: their values must never be printed.
    pub used: BTreeSet<String>,
}

/// Puts `secrets` into every text of `parsed`, names included.
///
/// Fails if a value that is referred to is not text (UTF-8).
pub fn interpolate(parsed: Parsed, secrets: &Secrets) -> Result<Interpolated, NodeError> {
    let mut filler = Filler { secrets, tagged: &parsed.tagged, missing: Vec::new(), used: BTreeSet::new() };
    let node = filler.node(parsed.node)?;
    Ok(Interpolated { node, missing: filler.missing, used: filler.used })
}

struct Filler<'a> {
    secrets: &'a Secrets,
    tagged: &'a [Position],
    missing: Vec<NodeError>,
    used: BTreeSet<String>,
}

impl Filler<'_> {
    /// Recurses as deep as the tree, which the parser bounds.
    fn node(&mut self, node: Node) -> Result<Node, NodeError> {
        let at = node.at;
        let kind = match node.kind {
            NodeKind::Text(text) => NodeKind::Text(self.text(text, at)?),
            NodeKind::List(items) => {
                NodeKind::List(items.into_iter().map(|item| self.node(item)).collect::<Result<_, _>>()?)
            }
            NodeKind::Map(pairs) => NodeKind::Map(self.pairs(pairs)?),
            kind => kind,
        };
        Ok(Node { kind, at })
    }

    fn pairs(&mut self, pairs: Vec<(Key, Node)>) -> Result<Vec<(Key, Node)>, NodeError> {
        let mut filled: Vec<(Key, Node)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let renamed = key.text.contains('$');
            let key = Key { text: self.text(key.text, key.at)?, at: key.at };
            let value = self.node(value)?;
            // Only a reference can make a name that is there already; the later one counts.
            match filled.iter_mut().find(|(other, _)| renamed && other.text == key.text) {
                Some(pair) => *pair = (key, value),
                None => filled.push((key, value)),
            }
        }
        Ok(filled)
    }

    /// Every `$name` of letters, digits, `_` and `-`, as long as possible; what is put in is not looked at again.
    fn text(&mut self, text: String, at: Position) -> Result<String, NodeError> {
        if !text.contains('$') || self.tagged.contains(&at) {
            return Ok(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut missing = None;
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let end = after.find(|letter: char| !is_name_letter(letter)).unwrap_or(after.len());
            let (name, tail) = after.split_at_checked(end).unwrap_or((after, ""));
            match self.secrets.get(name) {
                Some(secret) if !name.is_empty() => {
                    out.push_str(std::str::from_utf8(secret.expose()).map_err(|_| not_text(name, at))?);
                    self.used.insert(name.to_owned());
                }
                _ => {
                    out.push('$');
                    out.push_str(name);
                    missing =
                        missing.or((!name.is_empty()).then(|| (name.to_owned(), tail.starts_with(':'))));
                }
            }
            rest = tail;
        }
        out.push_str(rest);
        if let Some((name, labelled)) = missing {
            self.missing
                .push(NodeError::new(at, missing_text(&text, &name, labelled)).rule("missing-secret"));
        }
        Ok(out)
    }
}

fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')
}

/// Upstream's words (core 1.5.3), and what to do.
fn missing_text(text: &str, name: &str, labelled: bool) -> String {
    let advice = if labelled {
        format!(
            "`$<secret>:<key>` is not supported, put the value under a key of the notification Secret and write `$` and that key instead of `${name}:…`"
        )
    } else {
        format!("add the key `{name}` to the notification Secret, or correct the name")
    };
    format!("config referenced '{text}', but key does not exist in secret; {advice}")
}

fn not_text(name: &str, at: Position) -> NodeError {
    NodeError::new(
        at,
        format!("the value of the Secret's key `{name}` is not text (UTF-8); store it as text"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::yaml::parse;
    use super::*;
    use crate::model::Secret;

    /// What a person wrote, which Secret there was, and what came of it.
    #[derive(serde::Deserialize)]
    struct Case {
        rule: String,
        yaml: String,
        #[serde(default)]
        secrets: std::collections::BTreeMap<String, String>,
        text: std::collections::BTreeMap<String, String>,
        #[serde(default)]
        missing: Vec<String>,
    }

    #[test]
    fn references_are_filled_in() {
        for line in include_str!("../../tests/config/interpolate.jsonl").lines() {
            let case: Case = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            let place = format!("{} {:?}", case.rule, case.yaml);
            let secrets =
                case.secrets.iter().map(|(key, value)| (key.clone(), Secret::from(value.as_str()))).collect();
            let filled = interpolate(parse(&case.yaml).unwrap(), &secrets).unwrap();
            let text: std::collections::BTreeMap<_, _> =
                filled.node.text_map().unwrap().into_iter().collect();
            assert_eq!(text, case.text, "{place}");
            let missing: Vec<_> =
                filled.missing.iter().map(|error| format!("{}: {error}", error.at)).collect();
            assert_eq!(missing.len(), case.missing.len(), "{place}: {missing:?}");
            for (warning, piece) in missing.iter().zip(&case.missing) {
                assert!(warning.contains(piece), "{place}\n  says {warning}\n  should say {piece}");
            }
        }
    }

    #[test]
    fn a_value_that_is_not_text_is_refused_with_its_key() {
        let secrets = [("tok".to_owned(), Secret::new([0xff, 0xfe].as_slice()))].into();
        let error = interpolate(parse("a:\n  b: x$tok").unwrap(), &secrets).unwrap_err();
        assert!(error.message.contains("`tok`"), "{error}");
        assert_eq!(error.at.line, 2);
    }

    #[test]
    fn what_was_put_in_is_known() {
        let secrets = [("a".to_owned(), Secret::from("1")), ("b".to_owned(), Secret::from("2"))].into();
        let filled = interpolate(parse("x: [{y: $a}]").unwrap(), &secrets).unwrap();
        assert_eq!(filled.used.into_iter().collect::<Vec<_>>(), ["a"]);
    }
}
