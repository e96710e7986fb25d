//! What can go wrong with a condition, and how it is shown: what, where (line, column, the piece marked under its line), what to do.

use std::fmt;
use std::sync::Arc;

/// A piece of the source, in bytes; `end` is not part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Where the piece begins.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
}

impl Span {
    /// The piece from `start` up to, but without, `end`.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
    }

    /// From the beginning of `self` to the end of `other`.
    pub(crate) fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// Why a text is no condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompileErrorKind {
    /// The text does not follow the grammar.
    Syntax,
    /// A constant, operator or function is used on a type that it does not take.
    Type,
    /// A pattern after `matches` is not a regular expression.
    Pattern,
    /// The text is too long, too deep or has too many parts.
    Limit,
}

/// Why one evaluation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunErrorKind {
    /// A field was asked of a value that has none: nil, a number, an object without it.
    Field,
    /// An index lies outside of its list.
    Index,
    /// An operator, condition or argument got a value of the wrong type.
    Type,
    /// A function or method failed.
    Call,
    /// A budget (memory, steps) is used up.
    Limit,
}

/// The text cannot be compiled. The configuration that holds it is refused when it is loaded (core.md 3.2).
pub type CompileError = Error<CompileErrorKind>;

/// One evaluation failed; the condition counts as not met (core.md 3.2 rule 4).
pub type RunError = Error<RunErrorKind>;

/// An error with its place in the source. `Display` prints one line, [`Error::pretty`] the source line with the piece marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error<K>(Box<Parts<K>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts<K> {
    kind: K,
    message: String,
    span: Span,
    /// The whole text. Line and column are counted when somebody asks: a condition may fail with each version of its object.
    source: Arc<str>,
}

impl<K: Copy> Error<K> {
    pub(crate) fn new(kind: K, source: impl Into<Arc<str>>, span: Span, message: String) -> Self {
        Self(Box::new(Parts { kind, message, span, source: source.into() }))
    }

    /// The source in front of the piece, the piece, and what follows it.
    fn split(&self) -> (&str, &str, &str) {
        let Parts { source, span, .. } = &*self.0;
        let start = floor_boundary(source, span.start as usize);
        let end = floor_boundary(source, span.end as usize).max(start);
        let (before, rest) = source.split_at(start);
        let (piece, after) = rest.split_at(end - start);
        (before, piece, after)
    }

    /// What sort of fault it is.
    pub fn kind(&self) -> K {
        self.0.kind
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.split().0.matches('\n').count() + 1
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        last_line(self.split().0).chars().count() + 1
    }

    /// The offending piece of the source, in bytes.
    pub fn span(&self) -> Span {
        self.0.span
    }

    /// The message, then the source line, then a line that marks the offending piece. Long lines are cut around the mark.
    pub fn pretty(&self) -> String {
        const AROUND: usize = 60;
        let (before, piece, after) = self.split();
        let before = last_line(before);
        let marked = first_line(piece).chars().count().max(1);
        let rest = if piece.contains('\n') { "" } else { first_line(after) };
        let source_line = [before, first_line(piece), rest].concat().replace(['\t', '\r'], " ");
        let column = before.chars().count();
        let skip = column.saturating_sub(AROUND);
        let shown: String = source_line.chars().skip(skip).take(2 * AROUND).collect();
        let width = shown.chars().count();
        let indent = (column - skip).min(width);
        let marks = marked.min(width.saturating_sub(indent).max(1));
        let cut = if skip > 0 { "…" } else { "" };
        let indent = indent + cut.chars().count();
        format!("{self}\n | {cut}{shown}\n | {}{}", " ".repeat(indent), "^".repeat(marks))
    }
}

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default()
}

fn last_line(text: &str) -> &str {
    text.rsplit('\n').next().unwrap_or_default()
}

/// The greatest character boundary of `source` that is not behind `at`.
fn floor_boundary(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl<K: Copy> fmt::Display for Error<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {}, column {})", self.0.message, self.line(), self.column())
    }
}

impl<K: Copy + fmt::Debug> std::error::Error for Error<K> {}
