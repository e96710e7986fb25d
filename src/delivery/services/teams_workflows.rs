//! teams-workflows: Power Automate workflows, which post adaptive cards to Microsoft Teams (services 2.5).

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use url::Url;

use super::teams;
use crate::delivery::addresses::Addresses;
use crate::delivery::driver::{Driver, HttpService, Reply};
use crate::delivery::options::Options;
use crate::delivery::payload::{self, OnInvalid};
use crate::delivery::request::Outgoing;
use crate::delivery::section::{Field, FieldSection, Kind, text, text_or};
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt, Section};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "teams-workflows",
    section: Some(SectionType { key: "teams-workflows", compile }),
    needs_recipient: true,
    build,
};

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    let card = Field::text("adaptiveCard").holds(Kind::Payload);
    let fields: Vec<Field> = teams::FIELDS.into_iter().chain([card]).collect();
    FieldSection::compile(template, section, &fields)
}

struct Workflows {
    name: String,
    addresses: Addresses,
    any_url: bool,
    on_invalid: OnInvalid,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let workflows = Workflows {
        name: context.name.to_owned(),
        addresses: Addresses::read(context, &mut options, "recipientUrls")?,
        any_url: options.flag("allowAnyUrl")?,
        on_invalid: OnInvalid::read(context, &options)?,
    };
    Driver::build(context, &options, workflows)
}

impl HttpService for Workflows {
    fn request(&self, message: &Message, recipient: &str) -> Result<Request<Bytes>, DeliveryError> {
        let url = self.addresses.find(recipient, "no teams-workflows webhook configured for recipient")?;
        check(url, self.any_url).map_err(|problem| {
            let detail = format!("invalid webhook URL for recipient {recipient}: {problem}");
            DeliveryError::permanent(ErrorKind::Config, detail)
        })?;
        let card = self.card(message, message.section("teams-workflows"))?;
        let attachment = json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": card});
        Ok(Outgoing::new("POST", url)?.json(&json!({"type": "message", "attachments": [attachment]})))
    }

    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        if reply.status().is_success() {
            return Ok(reply.receipt(None));
        }
        let told = if reply.quote.is_empty() { "no error details provided" } else { &reply.quote };
        let code = reply.status().as_u16();
        Err(reply.error(format!("teams workflows webhook post error (status {code}): {told}")))
    }
}

impl Workflows {
    /// The user's own card if there is one, else one that is made from the other fields.
    fn card(&self, message: &Message, section: Option<&Value>) -> Result<Value, DeliveryError> {
        let mut body = text_or(section, "text", &message.text).to_owned();
        let own = payload::read(section, "adaptiveCard")
            .map_err(|problem| problem.in_words("teams-workflows adaptiveCard unmarshalling error"));
        if let Some(card) = self.on_invalid.settle(own, &mut body)? {
            return Ok(card);
        }
        if !text(section, "template").is_empty() {
            tracing::warn!(
                service = %self.name,
                "`teams-workflows.template` is not used, by upstream neither; a whole card goes into `adaptiveCard`"
            );
        }
        let mut list = |field, words| {
            let list = teams::objects(section, field, words);
            self.on_invalid.settle(list, &mut body).map(payload::List::items)
        };
        let facts = list("facts", "teams-workflows facts unmarshalling error")?;
        let sections = list("sections", "teams-workflows sections unmarshalling error")?;
        let actions = list("potentialAction", "teams-workflows potential action unmarshalling error")?;

        let mut blocks = Vec::new();
        let title = text(section, "title");
        if !title.is_empty() {
            let mut block = json!({"type": "TextBlock", "text": title, "size": "Large", "weight": "Bolder", "wrap": true});
            let color = text(section, "themeColor");
            if !color.is_empty() {
                block["color"] = color.into();
            }
            blocks.push(block);
        }
        if !body.is_empty() {
            blocks.push(json!({"type": "TextBlock", "text": body, "wrap": true}));
        }
        blocks.extend(fact_set(&facts));
        let inner = sections.iter().filter_map(|section| section.get("facts")?.as_array());
        blocks.extend(inner.filter_map(|facts| fact_set(facts)));
        let mut card = json!({"type": "AdaptiveCard", "version": "1.4", "body": blocks});
        let actions: Vec<Value> = actions.iter().filter_map(open_url).collect();
        if !actions.is_empty() {
            card["actions"] = actions.into();
        }
        Ok(card)
    }
}

/// Parts of addresses under which workflows can be reached, wherever they stand in the URL.
const PATTERNS: &[&str] = &[
    "api.powerautomate.com",
    "api.powerplatform.com",
    "flow.microsoft.com",
    "webhook.office.com/workflows",
    "/powerautomate/",
];

/// Domains of workflows that upstream does not know: the older form, and the clouds of governments and China.
const DOMAINS: &[&str] = &[
    "logic.azure.com",
    "logic.azure.us",
    "logic.azure.cn",
    "api.powerplatform.us",
    "flow.microsoft.us",
    "api.powerplatform.partner.microsoftonline.cn",
];

/// Whether a workflow can be behind `url`; the URL itself is a secret and stays out of the text.
fn check(url: &str, any: bool) -> Result<(), String> {
    if url.is_empty() {
        return Err("webhook URL cannot be empty".to_owned());
    }
    let parsed = Url::parse(url).map_err(|error| format!("invalid webhook URL format: {error}"))?;
    let host = parsed.host_str().unwrap_or_default();
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err("webhook URL must use HTTP or HTTPS scheme".to_owned());
    }
    if any {
        return Ok(());
    }
    if parsed.scheme() == "http" && host != "localhost" && !host.starts_with("127.") {
        return Err("webhook URL must use HTTPS scheme".to_owned());
    }
    let lower = url.to_ascii_lowercase();
    let below =
        |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if PATTERNS.iter().any(|pattern| lower.contains(pattern)) || DOMAINS.iter().any(|domain| below(domain)) {
        return Ok(());
    }
    Err(format!(
        "webhook URL does not appear to be a valid Microsoft Teams Workflows URL (Power Automate): none of {}, {} is in it; \
         `allowAnyUrl: true` takes any",
        PATTERNS.join(", "),
        DOMAINS.join(", ")
    ))
}

/// A number as people write it: whole ones without a point and without an exponent, as far as that is exact.
fn plain(number: &serde_json::Number) -> String {
    /// From here on not every whole number is a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64().filter(|value| number.is_f64() && value.fract() == 0.0 && value.abs() < EXACT) {
        Some(value) => format!("{value:.0}"),
        None => number.to_string(),
    }
}

/// The facts whose names are texts; `None` if there are none.
fn fact_set(facts: &[Value]) -> Option<Value> {
    let fact = |fact: &Value| {
        let name = fact.get("name")?.as_str()?;
        let value = match fact.get("value") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => plain(number),
            Some(other) => other.to_string(),
        };
        Some(json!({"title": name, "value": value}))
    };
    let facts: Vec<Value> = facts.iter().filter_map(fact).collect();
    (!facts.is_empty()).then(|| json!({"type": "FactSet", "facts": facts}))
}

/// A link of a message card as a button; other actions have no equal.
fn open_url(action: &Value) -> Option<Value> {
    if action.get("@type")?.as_str()? != "OpenUri" {
        return None;
    }
    let url = action.pointer("/targets/0/uri")?.as_str().filter(|url| !url.is_empty())?;
    let mut button = json!({"type": "Action.OpenUrl", "url": url});
    let name = text(Some(action), "name");
    if !name.is_empty() {
        button["title"] = name.into();
    }
    Some(button)
}
