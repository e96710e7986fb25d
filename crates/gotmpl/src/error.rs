//! What goes wrong with a template, where, and what can be done about it.

use std::fmt;
use std::sync::Arc;

use dodona_value::{CallError, LimitError};

/// Longest part of a source line that a message shows, in characters.
const MAX_LINE: usize = 160;

/// A place in a template text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The piece of the source that is at fault; it may be empty, as at the end of a text.
    pub piece: String,
    /// The whole line.
    source_line: String,
}

impl Location {
    /// The place of `span` (byte offsets) in `source`.
    pub(crate) fn of(source: &str, span: (u32, u32)) -> Self {
        let start = floor_char(source, span.0 as usize);
        let end = floor_char(source, (span.1 as usize).max(start));
        let before = source.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_end =
            source.get(start..).and_then(|rest| rest.find('\n')).map_or(source.len(), |at| start + at);
        let piece = source.get(start..end).unwrap_or_default();
        Self {
            line: before.matches('\n').count() + 1,
            column: source.get(line_start..start).unwrap_or_default().chars().count() + 1,
            piece: piece.lines().next().unwrap_or_default().trim_end().to_owned(),
            source_line: source
                .get(line_start..line_end)
                .unwrap_or_default()
                .trim_end_matches('\r')
                .to_owned(),
        }
    }

    /// The source line with the piece marked under it, on two lines.
    pub fn marked(&self) -> String {
        let skip = if self.column > MAX_LINE { self.column - MAX_LINE / 2 } else { 0 };
        let shown: String = self.source_line.chars().skip(skip).take(MAX_LINE).collect();
        let shown = shown.replace('\t', " ");
        let indent = " ".repeat(self.column - 1 - skip);
        let width = self.piece.chars().count().clamp(1, MAX_LINE);
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        format!("{number} | {shown}\n{margin} | {indent}{}", "^".repeat(width))
    }
}

fn floor_char(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A template text that cannot be used: refused when a configuration is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError(Box<ParseErrorData>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct ParseErrorData {
    message: String,
    location: Location,
    hint: Option<String>,
}

impl ParseError {
    pub(crate) fn new(source: &str, span: (u32, u32), message: String, hint: Option<String>) -> Self {
        Self(Box::new(ParseErrorData { message, location: Location::of(source, span), hint }))
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it is wrong.
    pub fn location(&self) -> &Location {
        &self.0.location
    }

    /// The name that was probably meant.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The source line with the offending piece marked under it.
    pub fn marked(&self) -> String {
        self.0.location.marked()
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_error(f, &self.0.location, &self.0.message, self.hint())
    }
}

impl std::error::Error for ParseError {}

/// What kind of failure ended a rendering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenderErrorKind {
    /// The template and the object do not fit: a wrong type, a missing field of a value that has none.
    Value,
    /// A function said no.
    Function,
    /// A limit was reached: steps, memory, nesting, output or time.
    Limit,
}

/// A rendering that failed; there is no output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderError(Box<RenderErrorData>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct RenderErrorData {
    template: Arc<str>,
    failure: Failure,
    location: Location,
}

impl RenderError {
    pub(crate) fn new(template: &Arc<str>, failure: Failure, source: &str, span: (u32, u32)) -> Self {
        let location = Location::of(source, span);
        Self(Box::new(RenderErrorData { template: Arc::clone(template), failure, location }))
    }

    /// The name of the template.
    pub fn template(&self) -> &str {
        &self.0.template
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> RenderErrorKind {
        self.0.failure.kind
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.0.failure.message
    }

    /// Where it is wrong.
    pub fn location(&self) -> &Location {
        &self.0.location
    }

    /// The name that was probably meant.
    pub fn hint(&self) -> Option<&str> {
        self.0.failure.hint.as_deref()
    }

    /// The source line with the offending piece marked under it.
    pub fn marked(&self) -> String {
        self.0.location.marked()
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_error(f, &self.0.location, &self.0.failure.message, self.hint())
    }
}

impl std::error::Error for RenderError {}

fn write_error(
    f: &mut fmt::Formatter<'_>,
    location: &Location,
    message: &str,
    hint: Option<&str>,
) -> fmt::Result {
    write!(f, "line {}, column {}: ", location.line, location.column)?;
    if !location.piece.is_empty() {
        write!(f, "`{}`: ", location.piece)?;
    }
    f.write_str(message)?;
    hint.map_or(Ok(()), |hint| write!(f, "; did you mean `{hint}`?"))
}

/// A failure inside of the machine, before its place is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: RenderErrorKind,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// A narrower place than the step at hand.
    pub(crate) span: Option<(u32, u32)>,
}

impl Failure {
    /// The values do not fit.
    #[cold]
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "failures travel boxed, so that a good result stays small"
    )]
    pub(crate) fn value(message: impl Into<String>) -> Box<Self> {
        Box::new(Self { kind: RenderErrorKind::Value, message: message.into(), hint: None, span: None })
    }

    /// A function failed.
    #[cold]
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "failures travel boxed, so that a good result stays small"
    )]
    pub(crate) fn call(name: &str, error: &CallError) -> Box<Self> {
        let kind = match error {
            CallError::Failed(_) => RenderErrorKind::Function,
            CallError::Limit(_) => RenderErrorKind::Limit,
        };
        Box::new(Self { kind, message: format!("error calling {name}: {error}"), hint: None, span: None })
    }
}

impl From<LimitError> for Box<Failure> {
    fn from(limit: LimitError) -> Self {
        Box::new(Failure { kind: RenderErrorKind::Limit, message: limit.to_string(), hint: None, span: None })
    }
}
