//! One compiled section of a notification template (`slack:`, `email:`, `webhook:` …), seen from outside.
//!
//! Each service compiles its own section (in `delivery`); the engine only asks it to render. What a section renders to
//! is a JSON value that its service reads back, so that a message can be kept, shown and redelivered.

use dodona_value::Scope;

/// What a section renders with.
pub struct SectionContext<'a> {
    /// The variables, `serviceType` and `recipient` included (core 4.2).
    pub scope: &'a Scope,
    /// Clock, randomness, limits and budget of this rendering.
    pub runtime: &'a mut dodona_value::Runtime,
    /// Name of the destination's service: sections keyed by service name (`webhook`) render only that entry.
    /// `None` renders all entries (console, previews).
    pub service: Option<&'a str>,
}

/// A compiled section.
pub trait Section: Send + Sync {
    /// Renders into `into`, which is `Null` for the first template of a `send` list and the result of the former
    /// templates for the later ones: merging (core 4.4) is the section's own affair, as its rules differ by service.
    fn render(&self, context: &mut SectionContext<'_>, into: &mut serde_json::Value) -> Result<(), SectionError>;
}

/// A section that could not be rendered.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{field}: {message}")]
pub struct SectionError {
    /// The field inside the section: `attachments`, `hook.body`.
    pub field: String,
    /// What the template engine says, line and column included.
    pub message: String,
}
