//! Which parts of a condition made it true or false, with their values.

use dodona_expr::{Joint, Part, Program, parts};
use dodona_value::{Scope, Text, Value};

use crate::cli::workspace::Workspace;

/// A part of a condition and its value, or why it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) text: String,
    pub(super) value: Result<String, String>,
}

/// Longest value that is shown.
const LONGEST: usize = 120;

/// Most parts that are shown of one condition.
const MOST: usize = 24;

/// What decided about `condition`: of parts joined by `and` the first false one, or all if it holds; the other way round for `or`.
pub(super) fn facts(condition: &str, scope: &Scope, workspace: &Workspace) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Ok(whole) = parts(condition) {
        Search { scope, workspace, facts: &mut facts }.part(&whole);
    }
    facts.truncate(MOST);
    facts
}

struct Search<'a> {
    scope: &'a Scope,
    workspace: &'a Workspace,
    facts: &'a mut Vec<Fact>,
}

impl Search<'_> {
    /// The recursion is as deep as the parts, which is bounded.
    fn part(&mut self, part: &Part) {
        match part.joint {
            Joint::All => self.first_or_all(part, false),
            Joint::Any => self.first_or_all(part, true),
            Joint::Not | Joint::Comparison => part.parts.iter().for_each(|inner| self.part(inner)),
            Joint::Literal => {}
            Joint::Value => {
                let value = self.value(&part.text).map(|value| shown(&value));
                let fact = Fact { text: part.text.clone(), value };
                if !part.text.is_empty() && !self.facts.contains(&fact) {
                    self.facts.push(fact);
                }
            }
        }
    }

    /// The first part that is `deciding` or cannot be evaluated; all parts if there is none.
    fn first_or_all(&mut self, part: &Part, deciding: bool) {
        let decides = |inner: &&Part| match self.value(&inner.text) {
            Ok(value) => matches!(value, Value::Bool(truth) if truth == deciding),
            Err(_) => true,
        };
        match part.parts.iter().find(decides) {
            Some(inner) => self.part(inner),
            None => part.parts.iter().for_each(|inner| self.part(inner)),
        }
    }

    fn value(&self, text: &str) -> Result<Value, String> {
        let program = Program::compile(text).map_err(|error| error.message().to_owned())?;
        program.eval(self.scope, &self.workspace.runtime).map_err(|error| error.message().to_owned())
    }
}

/// A value on one line.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Str(text) => format!("{:?}", String::from_utf8_lossy(text.as_bytes())),
        value if value.is_nil() => "nil".to_owned(),
        value => {
            let mut text = Text::new(LONGEST * 64);
            dodona_value::format::value(&mut text, value);
            let bytes = text.finish().unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace(['\n', '\r'], " ")
        }
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
