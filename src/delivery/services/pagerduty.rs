//! pagerduty: incidents through the REST API (services 2.13).

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::delivery::driver::{Driver, HttpService, Reply, texts};
use crate::delivery::options::Options;
use crate::delivery::request::{Outgoing, below};
use crate::delivery::section::{Field, FieldSection, text};
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt, Section};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "pagerduty",
    section: Some(SectionType { key: "pagerduty", compile }),
    needs_recipient: true,
    build,
};

/// Where PagerDuty's REST API is.
const DEFAULT_API: &str = "https://api.pagerduty.com";

const FIELDS: &[Field] = &[
    Field::text("title").always().shown(),
    Field::text("body").always(),
    Field::text("urgency").always(),
    Field::text("priorityId").always(),
    Field::text("incidentKey").always(),
];

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    FieldSection::compile(template, section, FIELDS)
}

struct PagerDuty {
    url: String,
    token: String,
    from: String,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let api = options.address("apiURL")?;
    let pagerduty = PagerDuty {
        url: below(if api.is_empty() { DEFAULT_API } else { &api }, "incidents"),
        token: options.secret("token")?,
        from: options.text("from")?.trim().to_owned(),
    };
    if pagerduty.token.is_empty() {
        let problem = "no `token` is set: PagerDuty will refuse every message";
        context.warnings.push(options.error("token", problem));
    }
    Driver::build(context, &options, pagerduty)
}

impl HttpService for PagerDuty {
    /// Parts without content are left out, and the type of the body is the documented one (FIX).
    fn request(&self, message: &Message, recipient: &str) -> Result<Request<Bytes>, DeliveryError> {
        let Some(section) = message.section("pagerduty") else {
            let detail = "no config found for pagerduty: the template has no `pagerduty` section";
            return Err(DeliveryError::permanent(ErrorKind::Rejected, detail));
        };
        let field = |name: &str| Some(text(Some(section), name)).filter(|text| !text.is_empty());
        let mut incident = json!({
            "type": "incident",
            "title": text(Some(section), "title"),
            "service": {"type": "service_reference"},
        });
        if !recipient.is_empty() {
            incident["service"]["id"] = recipient.into();
        }
        for (name, value) in [
            ("priority", field("priorityId").map(|id| json!({"id": id, "type": "priority"}))),
            ("urgency", field("urgency").map(Value::from)),
            ("incident_key", field("incidentKey").map(Value::from)),
            ("body", field("body").map(|details| json!({"type": "incident_body", "details": details}))),
        ] {
            if let Some(value) = value {
                incident[name] = value;
            }
        }
        let request = Outgoing::new("POST", &self.url)?
            .header("authorization", &format!("Token token={}", self.token))?
            .header("accept", "application/vnd.pagerduty+json;version=2")?;
        let request = if self.from.is_empty() { request } else { request.header("from", &self.from)? };
        Ok(request.json(&json!({"incident": incident})))
    }

    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        if !reply.status().is_success() {
            return Err(reply.limited(refusal(reply), "ratelimit-reset"));
        }
        let answer = reply.expect_json("PagerDuty's API")?;
        if answer.get("error").is_some() {
            return Err(reply.error(refusal(reply)));
        }
        let id = answer.pointer("/incident/id").and_then(Value::as_str);
        Ok(reply.receipt(id.map(ToOwned::to_owned)))
    }
}

/// PagerDuty's refusal in upstream's words.
fn refusal(reply: &Reply) -> String {
    let code = reply.status().as_u16();
    let answer = reply.json();
    let Some(error) = answer.as_ref().and_then(|answer| answer.get("error")) else {
        return format!("HTTP response failed with status code {code}: {}", reply.quote);
    };
    let message = text(Some(error), "message");
    let number = error.get("code").map(|number| format!(" (code: {number})")).unwrap_or_default();
    let errors = texts(error, "/errors");
    let errors = if errors.is_empty() { String::new() } else { format!(": {}", errors.join(", ")) };
    format!("HTTP response failed with status code {code}, message: {message}{number}{errors}")
}
