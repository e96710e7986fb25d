//! grafana: annotations on dashboards (services 2.11).

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::delivery::driver::{Driver, HttpService, Reply};
use crate::delivery::options::Options;
use crate::delivery::request::{Outgoing, below};
use crate::delivery::{BuildContext, DeliveryError, Service, ServiceType};
use crate::model::{Clock, Message, Node, NodeError, Receipt};

/// The row of the table.
pub(super) const TYPE: ServiceType =
    ServiceType { name: "grafana", section: None, needs_recipient: false, build };

struct Grafana {
    url: String,
    key: String,
    basic: Option<(String, String)>,
    dashboard: String,
    panel: Option<i64>,
    clock: Arc<dyn Clock>,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let grafana = Grafana {
        url: options.address("apiUrl")?,
        key: options.secret("apiKey")?,
        basic: options.basic_auth()?,
        dashboard: options.text("dashboardUID")?,
        panel: options.int("panelId")?,
        clock: Arc::clone(&context.clients.reach().clock),
    };
    if grafana.url.is_empty() {
        let problem = "no `apiUrl` is set: every message to this service will be refused";
        context.warnings.push(options.error("apiUrl", problem));
    }
    if grafana.key.is_empty() && grafana.basic.is_none() {
        let problem = "neither `apiKey` nor `basicAuth` is set: Grafana will refuse every message";
        context.warnings.push(options.error("apiKey", problem));
    }
    Driver::build(context, &options, grafana)
}

impl HttpService for Grafana {
    /// The recipient is a list of tags; empty ones are left out (FIX).
    fn request(&self, message: &Message, recipient: &str) -> Result<Request<Bytes>, DeliveryError> {
        let tags: Vec<&str> = recipient.split('|').filter(|tag| !tag.is_empty()).collect();
        let time = self.clock.now().as_second().saturating_mul(1000);
        let mut body = json!({"time": time, "isRegion": false, "tags": tags, "text": message.text});
        if !self.dashboard.is_empty() {
            body["dashboardUID"] = self.dashboard.as_str().into();
        }
        if let Some(panel) = self.panel {
            body["panelId"] = panel.into();
        }
        let request = Outgoing::new("POST", &below(&self.url, "annotations"))?;
        let request = match &self.basic {
            Some((user, password)) if self.key.is_empty() => request.basic(user, password)?,
            _ => request.bearer(&self.key)?,
        };
        Ok(request.json(&body))
    }

    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        let mut receipt = reply.accepted_by("Grafana's API")?;
        receipt.id =
            reply.json().and_then(|answer| answer.get("id").and_then(Value::as_i64)).map(|id| id.to_string());
        Ok(receipt)
    }
}
