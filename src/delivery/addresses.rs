//! Webhook URLs by name: where a recipient is the name of a URL that lets anybody post.

use super::options::Options;
use super::request::parse_url;
use super::{BuildContext, DeliveryError, ErrorKind};
use crate::model::NodeError;

/// The most names that an error lists.
const MOST_NAMES: usize = 20;

/// The URLs of one service.
pub struct Addresses {
    /// The setting that holds them.
    field: &'static str,
    urls: Vec<(String, String)>,
}

impl Addresses {
    /// Reads the mapping `field`. Each URL is remembered as a secret; what cannot be sent to is a warning.
    pub fn read(
        context: &mut BuildContext<'_>,
        options: &mut Options<'_>,
        field: &'static str,
    ) -> Result<Self, NodeError> {
        let urls = options.secret_urls(field)?;
        if urls.is_empty() {
            let message = format!("no `{field}` are set: every message to this service will be refused");
            context.warnings.push(options.error(field, message));
        }
        for (name, url) in &urls {
            if let Err(problem) = parse_url(url) {
                let message =
                    format!("messages to `{name}` will be refused: the URL cannot be used: {problem}");
                context.warnings.push(options.error(field, message));
            }
        }
        Ok(Self { field, urls })
    }

    /// The URL of `recipient`, which is matched with case; else an error that begins with the words `unknown`.
    pub fn find(&self, recipient: &str, unknown: &str) -> Result<&str, DeliveryError> {
        let found = self.urls.iter().find(|(name, _)| name == recipient);
        found.map(|(_, url)| url.as_str()).ok_or_else(|| {
            let names: Vec<&str> = self.urls.iter().take(MOST_NAMES).map(|(name, _)| name.as_str()).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let detail = format!("{unknown} {recipient} (in `{}`: {known})", self.field);
            DeliveryError::permanent(ErrorKind::NotFound, detail)
        })
    }
}
