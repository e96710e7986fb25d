//! Comments that allow a rule: `# dodona-lint: allow once-per-revision, json-unescaped`, with any reason behind `--`.
//!
//! At the end of a line it counts for that line. In a line of its own it counts for what follows it: the next line that is
//! no comment, and everything under it that is indented deeper. `allow-file` counts for the whole source.

use super::rules::rule;
use super::{Finding, Findings, Source, manifest::Manifest};
use crate::model::{Node, NodeKind, Position};

const MARK: &str = "# dodona-lint:";

/// The comments of one source.
#[derive(Default)]
pub(super) struct Allowed(Vec<Entry>);

struct Entry {
    rule: String,
    first: usize,
    last: usize,
}

impl Allowed {
    /// Reads the comments of `source`, and tells of names that are no rules.
    pub(super) fn read(source: &Source, findings: &mut Findings) -> Self {
        let mut entries = Vec::new();
        if !source.text.contains(MARK) {
            return Self(entries);
        }
        let lines: Vec<&str> = source.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let Some((before, words)) = line.split_once(MARK) else { continue };
            let words = words.split("--").next().unwrap_or_default().trim();
            let (verb, names) = words.split_once(' ').unwrap_or((words, ""));
            let (first, last) = match verb {
                "allow-file" => (1, usize::MAX),
                "allow" if before.trim().is_empty() => covered(&lines, index),
                "allow" => (index + 1, index + 1),
                _ => {
                    let message = format!(
                        "`{verb}` says nothing here; write `{MARK} allow <rule>` or `allow-file <rule>`"
                    );
                    tell(source, index, before, message, findings);
                    continue;
                }
            };
            for name in names.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty()) {
                if rule(name).is_none() {
                    let message =
                        format!("there is no rule called `{name}`; `dodona lint --rules` lists them");
                    tell(source, index, before, message, findings);
                }
                entries.push(Entry { rule: name.to_owned(), first, last });
            }
        }
        Self(entries)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `finding` is allowed.
    pub(super) fn allows(&self, finding: &Finding) -> bool {
        let covers = |entry: &Entry| (entry.first..=entry.last).contains(&finding.at.line);
        self.0.iter().any(|entry| entry.rule == finding.rule.name && covers(entry))
    }
}

/// The lines (from 1) of the entry that follows the comment in line `index` (from 0).
fn covered(lines: &[&str], index: usize) -> (usize, usize) {
    let is_content = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let Some(offset) = lines.iter().skip(index + 1).position(|line| is_content(line)) else {
        return (index + 1, index + 1);
    };
    let begin = index + 1 + offset;
    let depth = lines.get(begin).map_or(0, |line| indentation(line));
    let under =
        lines.iter().skip(begin + 1).take_while(|line| line.trim().is_empty() || indentation(line) > depth);
    (begin + 1, begin + 1 + under.count())
}

/// Blanks in front; the dash of a list item counts as one of them.
fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn tell(source: &Source, index: usize, before: &str, message: String, findings: &mut Findings) {
    let at = Position { line: index + 1, column: before.chars().count() + 1 };
    let place = Manifest::bare(&source.name, Node::new(NodeKind::Null, at));
    findings.add("unknown-rule", &place, at, "comment", message);
}
