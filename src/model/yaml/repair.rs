//! The text that is parsed, which differs from the text that was written in one point: lines inside quotes that are
//! indented too little for YAML 1.2 get blanks put before them. YAML 1.1 does not mind, people write them, and blanks at the
//! beginning of a line inside quotes mean nothing.

use std::borrow::Cow;
use std::collections::BTreeSet;

use granit_parser::{ErrorKind, Marker, ScanError};

use crate::model::Position;

/// Blanks put before a line.
const SHIFT: usize = 100;

/// Most lines repaired, as each costs one more pass.
const MAX_REPAIRS: usize = 300;

/// The text with its repairs.
pub(super) struct Source<'a> {
    original: &'a str,
    text: Cow<'a, str>,
    shifted: BTreeSet<usize>,
}

impl<'a> Source<'a> {
    /// `original` without repairs.
    pub(super) fn new(original: &'a str) -> Self {
        Self { original, text: Cow::Borrowed(original), shifted: BTreeSet::new() }
    }

    /// The text as written.
    pub(super) fn original(&self) -> &'a str {
        self.original
    }

    /// The text to parse.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the text ends inside a line.
    pub(super) fn ends_inside_a_line(&self) -> bool {
        self.original.lines().next_back().is_some_and(|line| !line.trim().is_empty())
            && !self.original.ends_with('\n')
    }

    /// Where a marker stands in the text as written.
    pub(super) fn position(&self, marker: &Marker) -> Position {
        let line = marker.line().max(1);
        let shift = if self.shifted.contains(&line) { SHIFT } else { 0 };
        Position { line, column: marker.col().saturating_sub(shift) + 1 }
    }

    /// Puts blanks before the line of `error`, if that is what it is about; `false` if nothing can be done.
    pub(super) fn repair(&mut self, error: &ScanError) -> bool {
        let about_indentation =
            matches!(error.kind(), ErrorKind::InvalidQuotedScalarIndent | ErrorKind::TabInIndentation);
        let line = error.marker().line();
        if !about_indentation || self.shifted.len() >= MAX_REPAIRS || !self.shifted.insert(line) {
            return false;
        }
        let shifted = &self.shifted;
        let indented = |(index, line): (usize, &str)| {
            if shifted.contains(&(index + 1)) {
                format!("{}{line}", " ".repeat(SHIFT))
            } else {
                line.to_owned()
            }
        };
        self.text = Cow::Owned(self.original.split_inclusive('\n').enumerate().map(indented).collect());
        true
    }
}
