//! [`Text`]: output that cannot grow beyond its limit.

use crate::runtime::{Limit, LimitError};

/// A text that is being written, and never longer than its limit. What comes after the limit is dropped, and [`Text::finish`] says so.
#[derive(Clone, Debug)]
pub struct Text {
    bytes: Vec<u8>,
    limit: usize,
    full: bool,
}

impl Text {
    /// An empty text of at most `limit` bytes.
    pub const fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, full: false }
    }

    /// Adds bytes.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.bytes.len());
        if bytes.len() > room {
            self.full = true;
        }
        self.bytes.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
    }

    /// Adds text.
    #[inline]
    pub fn push_str(&mut self, text: &str) {
        self.push(text.as_bytes());
    }

    /// Adds `count` copies of one byte.
    pub fn fill(&mut self, byte: u8, count: usize) {
        let room = self.limit.saturating_sub(self.bytes.len());
        if count > room {
            self.full = true;
        }
        self.bytes.resize(self.bytes.len() + count.min(room), byte);
    }

    /// Whether something had to be dropped: time to stop.
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// How many bytes there are.
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no bytes.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, or the error that there were too many.
    pub fn finish(self) -> Result<Vec<u8>, LimitError> {
        if self.full { Err(LimitError(Limit::Output)) } else { Ok(self.bytes) }
    }
}

impl std::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push_str(text);
        Ok(())
    }
}
