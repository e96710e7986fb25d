//! console: prints the whole notification as YAML (services 2.22). It is a destination of the command line only and is
//! not configured as `service.console`.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Map, Value};

use crate::delivery::{BuildContext, DeliveryError, ErrorKind, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt};

/// The row of the table.
pub(super) const TYPE: ServiceType =
    ServiceType { name: "console", section: None, needs_recipient: false, build };

fn build(_context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    Err(NodeError::new(
        settings.at,
        "service type 'console' is not supported: it exists on the command line only",
    ))
}

/// Where the console prints.
pub type Print = dyn Fn(&str) -> std::io::Result<()> + Send + Sync;

/// Prints notifications.
pub struct Console {
    print: Box<Print>,
}

impl Console {
    /// A console that hands each notification to `print` as one text.
    pub fn new(print: impl Fn(&str) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        Self { print: Box::new(print) }
    }
}

impl Service for Console {
    fn deliver<'a>(
        &'a self,
        message: &'a Message,
        _recipient: &'a str,
    ) -> BoxFuture<'a, Result<Receipt, DeliveryError>> {
        let printed = (self.print)(&show(message));
        let result = printed
            .map(|()| Receipt { id: None, detail: "printed".to_owned() })
            .map_err(|error| DeliveryError::permanent(ErrorKind::Internal, format!("cannot print: {error}")));
        Box::pin(std::future::ready(result))
    }
}

/// The notification as upstream prints it: YAML with sorted keys, nothing where there is nothing (core 1.6.3).
pub fn show(message: &Message) -> String {
    let mut all = Map::new();
    if !message.text.is_empty() {
        all.insert("message".to_owned(), message.text.clone().into());
    }
    all.extend(message.sections.iter().map(|(key, section)| (key.clone(), shown(section))));
    crate::model::to_yaml(&Value::Object(all))
}

/// A section without the fields that only its service needs; their names begin with `_`.
fn shown(section: &Value) -> Value {
    match section {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| !key.starts_with('_'))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        other => other.clone(),
    }
}
