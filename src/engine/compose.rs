//! From a decision to a message: templates rendered and merged (core 4.4).

use dodona_value::{Runtime, Scope};

use super::{Policy, Send, Template};
use crate::model::{Message, SectionContext};

/// Which sections are rendered besides the common text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// The one that the destination's service type reads, if it reads any (core 4.4.1): a section that nobody reads
    /// cannot hold a message back.
    Section(Option<&'a str>),
    /// All of them: the console, previews, and upstream's way.
    All,
}

/// A message that cannot be composed. The text names template, field, line and column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// `send` names a template that is not configured (core 4.4.3).
    #[error("template '{name}' is not supported")]
    UnknownTemplate {
        /// The name.
        name: String,
    },
    /// A field does not render.
    #[error("failed to render template `{template}`, field `{field}`: {message}")]
    Render {
        /// Name of the template.
        template: String,
        /// The field: `message`, `slack.attachments`.
        field: String,
        /// What the template engine says, with line and column.
        message: String,
    },
}

/// Renders the message of `send` from the templates of its policy. `scope` holds `serviceType` and `recipient` (core
/// 4.2.1); the limits and the deadline are those of `runtime`.
pub fn compose(
    send: &Send,
    policy: &Policy,
    wanted: Wanted<'_>,
    scope: &Scope,
    runtime: &Runtime,
) -> Result<Message, ComposeError> {
    let mut message = Message::default();
    // What a template changes in the object (`set`) holds for the fields of this message, and for nothing else.
    let scope = &scope.fork();
    for name in &send.templates {
        let template =
            policy.templates.get(name).ok_or_else(|| ComposeError::UnknownTemplate { name: name.clone() })?;
        render_text(template, &mut message, scope, runtime)?;
        render_sections(template, &mut message, send, wanted, scope, runtime)?;
    }
    Ok(message)
}

/// Whether composing `send` may have to ask somebody: a template mentions `repo` (core 4.3). Such messages are composed
/// off the fast path.
pub fn needs_lookup(send: &Send, policy: &Policy) -> bool {
    send.templates
        .iter()
        .filter_map(|name| policy.templates.get(name))
        .any(|template| template.mentions("repo"))
}

/// Whether a template of `send` wants no marks in the place of answers.
pub fn demands_answers(send: &Send, policy: &Policy) -> bool {
    send.templates
        .iter()
        .filter_map(|name| policy.templates.get(name))
        .any(|template| template.demands_answers)
}

impl Template {
    /// Whether a field may use the variable `name`.
    pub fn mentions(&self, name: &str) -> bool {
        self.message.as_ref().is_some_and(|message| message.mentions(name))
            || self.sections.iter().any(|(_, section)| section.mentions(name))
    }
}

/// A later template's text counts only if it is not empty (core 4.4).
fn render_text(
    template: &Template,
    message: &mut Message,
    scope: &Scope,
    runtime: &Runtime,
) -> Result<(), ComposeError> {
    let Some(source) = &template.message else { return Ok(()) };
    let text = source.render(scope, runtime).map_err(|error| ComposeError::Render {
        template: template.name.clone(),
        field: "message".into(),
        message: error.to_string(),
    })?;
    if !text.is_empty() {
        message.text = String::from_utf8(text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    }
    Ok(())
}

fn render_sections(
    template: &Template,
    message: &mut Message,
    send: &Send,
    wanted: Wanted<'_>,
    scope: &Scope,
    runtime: &Runtime,
) -> Result<(), ComposeError> {
    for (key, section) in &template.sections {
        let service = match wanted {
            Wanted::Section(only) if only != Some(*key) => continue,
            Wanted::Section(_) => Some(&*send.destination.service),
            Wanted::All => None,
        };
        let mut context = SectionContext { scope, runtime, budget: &mut runtime.budget(), service };
        let rendered = message.sections.entry((*key).to_owned()).or_default();
        section.render(&mut context, rendered).map_err(|error| ComposeError::Render {
            template: template.name.clone(),
            field: if error.field.is_empty() { (*key).to_owned() } else { format!("{key}.{}", error.field) },
            message: error.message,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
