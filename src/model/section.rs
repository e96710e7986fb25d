//! One compiled section of a notification template (`slack:`, `email:`, `webhook:` …), seen from outside.
//!
//! Each service compiles its own section (in `delivery`); the engine only asks it to render. What a section renders to
//! is a JSON value that its service reads back, so that a message can be kept, shown and redelivered.

use dodona_value::{Budget, Runtime, Scope};

/// What a section renders with.
pub struct SectionContext<'a> {
    /// The variables, `serviceType` and `recipient` included (core 4.2).
    pub scope: &'a Scope,
    /// Clock, zone, randomness and permissions.
    pub runtime: &'a Runtime,
    /// What is left of the limits of this message.
    pub budget: &'a mut Budget,
    /// Name of the destination's service: sections keyed by service name (`webhook`) render only that entry.
    /// `None` renders all entries (console, previews).
    pub service: Option<&'a str>,
}

/// A compiled section.
pub trait Section: Send + Sync {
    /// Renders into `into`, which is `Null` for the first template of a `send` list and the result of the former
    /// templates for the later ones: merging (core 4.4) is the section's own affair, as its rules differ by service.
    fn render(
        &self,
        context: &mut SectionContext<'_>,
        into: &mut serde_json::Value,
    ) -> Result<(), SectionError>;

    /// Whether some field mentions the root variable `name` (`repo`), so that rendering may have to look something up.
    fn mentions(&self, name: &str) -> bool;

    /// The fields that may hold a structure as a text, by their paths inside the section, given or not, and how it is
    /// written there.
    fn structures(&self) -> Vec<(String, Notation)> {
        Vec::new()
    }
}

/// How a structure is written as a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// JSON.
    Json,
    /// YAML, of which JSON is a part.
    Yaml,
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
