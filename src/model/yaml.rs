//! YAML text to [`Node`], as upstream reads it (core 1.4, services 1.2): the grammar is a library's, the meaning of
//! scalars is YAML 1.1's (`yes` is a boolean, `010` is eight), the first document counts, and every failure says where
//! and what to do.
//!
//! Total on any input: text, nesting and alias expansion are bounded, and nothing here recurses on the input.

mod build;
mod documents;
mod encoding;
mod explain;
mod repair;
mod scalar;

use granit_parser::{Event, Parser, ScanError};

use crate::model::{Node, NodeError, NodeKind, Position};
use build::{Builder, MAX_WEIGHT};
pub use documents::documents;
pub use encoding::decode;
use repair::Source;

/// Longest text in bytes; a ConfigMap cannot hold more than 1 MiB.
const MAX_TEXT: usize = 2 * 1024 * 1024;

/// A parsed document.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The first document; `Null` where there is none (core 1.4.16).
    pub node: Node,
    /// What loads and is probably not meant: a key given twice, an expression that became a tag.
    pub warnings: Vec<NodeError>,
    /// Places of texts with a tag of their own, which secrets do not reach (core 1.5.2).
    pub tagged: Vec<Position>,
}

/// Reads the first document of `text`.
///
/// The error names the place and says what to change, in words for a person who edits a ConfigMap.
pub fn parse(text: &str) -> Result<Parsed, NodeError> {
    if text.len() > MAX_TEXT {
        let message = format!("the value is longer than {MAX_TEXT} bytes; split it into several keys");
        return Err(NodeError::new(Position { line: 1, column: 1 }, message).rule("yaml-syntax"));
    }
    parse_within(text, MAX_WEIGHT)
}

/// The same for a file of manifests, which may be as long as whoever reads it allows: a list of all objects of a cluster
/// is one document. Without aliases a tree is never heavier than its text is long.
pub fn parse_file(text: &str) -> Result<Parsed, NodeError> {
    parse_within(text, MAX_WEIGHT.max(text.len()))
}

fn parse_within(text: &str, heaviest: usize) -> Result<Parsed, NodeError> {
    let mut source = Source::new(text.strip_prefix('\u{feff}').unwrap_or(text));
    loop {
        match read(&source, heaviest) {
            Ok(parsed) => return parsed,
            Err(error) if source.repair(&error) => {}
            Err(error) => {
                let at = source.position(error.marker());
                return Err(explain::explain(source.original(), at, error.kind()).rule("yaml-syntax"));
            }
        }
    }
}

/// One pass: the outer error is the grammar's, the inner one is about what the text means.
fn read(source: &Source<'_>, heaviest: usize) -> Result<Result<Parsed, NodeError>, ScanError> {
    let mut parser = Parser::new_from_str(source.text());
    let mut builder = Builder::new(source, heaviest);
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            // What follows a root in brackets is not looked at upstream.
            Err(error) if builder.is_closed() => {
                builder.trailing(source.position(error.marker()));
                break;
            }
            Err(error) => return Err(error),
        };
        if matches!(event, Event::DocumentEnd | Event::StreamEnd) {
            break;
        }
        if let Err(error) = builder.event(event, span) {
            return Ok(Err(explain::refine(source.original(), error).rule("yaml-syntax")));
        }
    }
    Ok(Ok(builder.finish()))
}

/// Reads the first document of `text`, without the warnings.
pub fn parse_node(text: &str) -> Result<Node, NodeError> {
    parse(text).map(|parsed| parsed.node)
}

impl Parsed {
    /// An empty document.
    fn empty() -> Self {
        let node = Node::new(NodeKind::Null, Position { line: 1, column: 1 });
        Self { node, warnings: Vec::new(), tagged: Vec::new() }
    }
}

#[cfg(test)]
mod tests;
