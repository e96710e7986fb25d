//! pagerdutyv2: alerts through the Events API v2 (services 2.14).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::delivery::cut;
use crate::delivery::driver::{Driver, HttpService, Reply, texts};
use crate::delivery::options::Options;
use crate::delivery::payload::{self, OnInvalid};
use crate::delivery::request::{Outgoing, below};
use crate::delivery::section::{Field, FieldSection, Kind, text};
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt, Section};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "pagerdutyv2",
    section: Some(SectionType { key: "pagerdutyv2", compile }),
    needs_recipient: true,
    build,
};

/// Where PagerDuty's Events API is.
const DEFAULT_API: &str = "https://events.pagerduty.com";

/// The most characters of a summary.
const LONGEST_SUMMARY: usize = 1024;

const FIELDS: &[Field] = &[
    Field::text("summary").always().shown(),
    Field::text("severity").always().shown(),
    Field::text("source").always().shown(),
    Field::text("component").always(),
    Field::text("group").always(),
    Field::text("class").always(),
    Field::text("url").always().shown(),
    Field::text("dedupKey").always(),
    Field::text("action").always(),
    Field::text("timestamp").always(),
    Field::text("customDetails").always().holds(Kind::Payload),
    Field::text("links").always().holds(Kind::Payload),
];

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    FieldSection::compile(template, section, FIELDS)
}

struct PagerDuty {
    name: String,
    url: String,
    keys: BTreeMap<String, String>,
    on_invalid: OnInvalid,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let api = options.address("apiURL")?;
    let pagerduty = PagerDuty {
        name: context.name.to_owned(),
        url: below(if api.is_empty() { DEFAULT_API } else { &api }, "v2/enqueue"),
        keys: options.secret_map("serviceKeys")?,
        on_invalid: OnInvalid::read(context, &options)?,
    };
    if pagerduty.keys.is_empty() {
        let problem = "no `serviceKeys` are set: every message to this service will be refused";
        context.warnings.push(options.error("serviceKeys", problem));
    }
    Driver::build(context, &options, pagerduty)
}

impl PagerDuty {
    /// What is to become of the alert. A word that PagerDuty does not know is no reason to stay silent.
    fn action(&self, section: &Value) -> &'static str {
        match text(Some(section), "action").trim() {
            "" | "trigger" => "trigger",
            "acknowledge" => "acknowledge",
            "resolve" => "resolve",
            other => {
                tracing::warn!(
                    service = %self.name,
                    "`pagerdutyv2.action` is `{other}`, expected `trigger`, `acknowledge` or `resolve`; the alert is triggered"
                );
                "trigger"
            }
        }
    }

    fn alert(&self, section: &Value, event: &mut Value) -> Result<(), DeliveryError> {
        let field = |name| text(Some(section), name);
        let mut alert = json!({
            "summary": cut::to_characters(field("summary"), LONGEST_SUMMARY),
            "source": field("source"),
            "severity": field("severity"),
        });
        for name in ["component", "group", "class", "timestamp"] {
            if !field(name).is_empty() {
                alert[name] = field(name).into();
            }
        }
        let mut note = String::new();
        let mut payload = |field| self.on_invalid.settle(payload::read(Some(section), field), &mut note);
        let links = payload("links")?.filter(|links| !links.is_null());
        let mut details = payload("customDetails")?.filter(|details| !details.is_null());
        if !note.is_empty() {
            let fields = details.get_or_insert_with(|| json!({}));
            match fields.as_object_mut() {
                Some(fields) => drop(fields.insert("note".to_owned(), note.into())),
                None => *fields = json!({"details": fields, "note": note}),
            }
        }
        for (place, name, value) in [(&mut alert, "custom_details", details), (event, "links", links)] {
            if let Some(value) = value {
                place[name] = value;
            }
        }
        event["payload"] = alert;
        Ok(())
    }
}

impl HttpService for PagerDuty {
    fn request(&self, message: &Message, recipient: &str) -> Result<Request<Bytes>, DeliveryError> {
        let Some(key) = self.keys.get(recipient) else {
            let detail = format!("no API key configured for recipient {recipient}");
            return Err(DeliveryError::permanent(ErrorKind::NotFound, detail));
        };
        let refuse = |detail: &str| Err(DeliveryError::permanent(ErrorKind::Rejected, detail));
        let Some(section) = message.section("pagerdutyv2") else {
            return refuse("no config found for pagerdutyv2: the template has no `pagerdutyv2` section");
        };
        let (action, alias) = (self.action(section), text(Some(section), "dedupKey"));
        let mut event = json!({"routing_key": key, "event_action": action, "client": "ArgoCD"});
        if !alias.is_empty() {
            event["dedup_key"] = alias.into();
        } else if action != "trigger" {
            return refuse("`pagerdutyv2.action` needs the `dedupKey` of the alert that it is about");
        }
        let link = text(Some(section), "url");
        if !link.is_empty() {
            event["client_url"] = link.into();
        }
        if action == "trigger" {
            self.alert(section, &mut event)?;
        }
        Ok(Outgoing::new("POST", &self.url)?.json(&event))
    }

    /// The receipt's id is the key under which PagerDuty has the alert.
    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        if !reply.status().is_success() {
            return Err(reply.limited(refusal(reply), "ratelimit-reset"));
        }
        let answer = reply.expect_json("PagerDuty's API")?;
        // A relay may have words of its own for a success; a refusal says what is wrong.
        let status = text(Some(&answer), "status");
        let refused = ["invalid", "error", "fail"].iter().any(|word| status.contains(word));
        if refused || !texts(&answer, "/errors").is_empty() {
            return Err(reply.error(refusal(reply)));
        }
        let id = Some(text(Some(&answer), "dedup_key")).filter(|id| !id.is_empty());
        Ok(reply.receipt(id.map(ToOwned::to_owned)))
    }
}

/// PagerDuty's refusal in upstream's words.
fn refusal(reply: &Reply) -> String {
    let code = reply.status().as_u16();
    let Some(answer) = reply.json().filter(Value::is_object) else {
        return format!("HTTP response failed with status code {code}: {}", reply.quote);
    };
    let (status, message) = (text(Some(&answer), "status"), text(Some(&answer), "message"));
    let errors = texts(&answer, "/errors");
    let errors = if errors.is_empty() { String::new() } else { format!(", errors: {}", errors.join("; ")) };
    format!("HTTP response failed with status code {code}, status: {status}, message: {message}{errors}")
}
