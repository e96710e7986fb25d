//! [`Str`]: a Go string, that is any bytes, cheap to clone and to slice.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Bytes that fit into the handle itself, without an allocation.
const INLINE: usize = 22;

/// A Go string: bytes that are usually, but not always, UTF-8.
///
/// Cloning and slicing never copy more than a few words: a string taken from a [`crate::Document`] keeps pointing into the document's buffer.
#[derive(Clone)]
pub struct Str(Repr);

#[derive(Clone)]
enum Repr {
    Static(&'static [u8]),
    Inline(u8, [u8; INLINE]),
    Shared { buffer: Arc<Vec<u8>>, start: u32, len: u32 },
}

impl Str {
    /// The empty string.
    pub const EMPTY: Self = Self(Repr::Static(b""));

    /// A string that lives as long as the program; costs nothing.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Repr::Static(text.as_bytes()))
    }

    /// A copy of `bytes`.
    pub fn copy(bytes: &[u8]) -> Self {
        Self::inline(bytes).unwrap_or_else(|| Self::from(bytes.to_vec()))
    }

    /// The part `range` of a shared buffer. Offsets outside the buffer are cut off.
    pub fn shared(buffer: &Arc<Vec<u8>>, range: Range<usize>) -> Self {
        let end = range.end.min(buffer.len());
        let start = range.start.min(end);
        if let Some(short) = buffer.get(start..end).and_then(Self::inline) {
            return short;
        }
        // Nothing in the product holds a buffer of 4 GiB; past it, the text is cut instead of wrapping around.
        let start = u32::try_from(start).unwrap_or(u32::MAX);
        let len = u32::try_from(end).unwrap_or(u32::MAX).saturating_sub(start);
        Self(Repr::Shared { buffer: Arc::clone(buffer), start, len })
    }

    fn inline(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > INLINE {
            return None;
        }
        let mut buffer = [0; INLINE];
        buffer.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self(Repr::Inline(u8::try_from(bytes.len()).ok()?, buffer)))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Static(bytes) => bytes,
            Repr::Inline(len, buffer) => buffer.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Shared { buffer, start, len } => {
                let start = *start as usize;
                buffer.get(start..start + *len as usize).unwrap_or_default()
            }
        }
    }

    /// The text, if it is UTF-8.
    pub fn to_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }

    /// The text, with U+FFFD in place of what is not UTF-8.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// The part `range`, sharing the buffer. Offsets past the end are cut off.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.len());
        let start = range.start.min(end);
        match &self.0 {
            Repr::Static(bytes) => Self(Repr::Static(bytes.get(start..end).unwrap_or_default())),
            Repr::Inline(..) => Self::copy(self.as_bytes().get(start..end).unwrap_or_default()),
            Repr::Shared { buffer, start: first, .. } => {
                let first = *first as usize;
                Self::shared(buffer, first + start..first + end)
            }
        }
    }
}

impl Default for Str {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Deref for Str {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Str {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<[u8]> for Str {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self::copy(text.as_bytes())
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<&[u8]> for Str {
    fn from(bytes: &[u8]) -> Self {
        Self::copy(bytes)
    }
}

impl From<Vec<u8>> for Str {
    fn from(bytes: Vec<u8>) -> Self {
        if let Some(short) = Self::inline(&bytes) {
            return short;
        }
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self(Repr::Shared { buffer: Arc::new(bytes), start: 0, len })
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Str {}

impl PartialEq<[u8]> for Str {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_bytes() == other
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string_lossy(), f)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string_lossy())
    }
}
