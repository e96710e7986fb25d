//! JSON as Go's `encoding/json` writes and reads it.

mod write;

pub use write::{Style, WriteError, write};

use crate::document::{Document, JsonError, Numbers};
use crate::value::Value;

/// Reads a JSON text into owned values, which programs may change freely.
pub fn read(bytes: &[u8], numbers: Numbers) -> Result<Value, JsonError> {
    Ok(Document::parse(bytes, numbers)?.to_owned_value())
}
