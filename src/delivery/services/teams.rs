//! teams: connector webhooks of Microsoft Teams, which take message cards (services 2.4).

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Map, Value, json};

use crate::delivery::addresses::Addresses;
use crate::delivery::driver::{Driver, HttpService, Reply};
use crate::delivery::options::Options;
use crate::delivery::payload::{self, InvalidPayload, List, OnInvalid};
use crate::delivery::request::Outgoing;
use crate::delivery::section::{Field, FieldSection, Kind, text, text_or};
use crate::delivery::verdict::verdict;
use crate::delivery::{BuildContext, DeliveryError, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt, Section};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "teams",
    section: Some(SectionType { key: "teams", compile }),
    needs_recipient: true,
    build,
};

/// The fields that both kinds of Teams have.
pub(super) const FIELDS: [Field; 8] = [
    Field::text("template").holds(Kind::Payload),
    Field::text("title"),
    Field::text("summary"),
    Field::text("text"),
    Field::text("themeColor"),
    Field::text("facts").holds(Kind::Payload),
    Field::text("sections").holds(Kind::Payload),
    Field::text("potentialAction").holds(Kind::Payload),
];

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    FieldSection::compile(template, section, &FIELDS)
}

struct Teams {
    addresses: Addresses,
    on_invalid: OnInvalid,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let teams = Teams {
        addresses: Addresses::read(context, &mut options, "recipientUrls")?,
        on_invalid: OnInvalid::read(context, &options)?,
    };
    Driver::build(context, &options, teams)
}

impl HttpService for Teams {
    fn request(&self, message: &Message, recipient: &str) -> Result<Request<Bytes>, DeliveryError> {
        let url = self.addresses.find(recipient, "no teams webhook configured for recipient")?;
        let section = message.section("teams");
        let request = Outgoing::new("POST", url)?.header("content-type", "application/json")?;
        Ok(match section.and_then(|section| section.get("template")) {
            // The whole body, unchecked.
            Some(Value::String(body)) if !body.is_empty() => request.raw(Bytes::from(body.clone())),
            Some(body) if body.is_object() || body.is_array() => request.json(body),
            _ => request.json(&self.card(message, section)?),
        })
    }

    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        let told = format!("teams webhook post error: {}", reply.quote);
        if !reply.status().is_success() {
            return Err(reply.error(format!("{told} (status {})", reply.status())));
        }
        // The connector answers 200 to everything; only this text means that the channel has the message.
        match reply.body().trim_ascii() {
            b"" | b"1" => Ok(reply.receipt(None)),
            body => Err(inner_status(&String::from_utf8_lossy(body)).map_or_else(
                || reply.error(&*told),
                |(kind, retry)| DeliveryError { kind, retry, ..reply.error(&*told) },
            )),
        }
    }
}

impl Teams {
    fn card(&self, message: &Message, section: Option<&Value>) -> Result<Value, DeliveryError> {
        let mut body = text_or(section, "text", &message.text).to_owned();
        let facts = self
            .on_invalid
            .settle(objects(section, "facts", "teams facts unmarshalling error"), &mut body)?;
        let sections = self
            .on_invalid
            .settle(objects(section, "sections", "teams sections unmarshalling error"), &mut body)?;
        let actions = self.on_invalid.settle(
            objects(section, "potentialAction", "teams potential action unmarshalling error"),
            &mut body,
        )?;
        let mut sections = sections.items();
        match facts {
            List::Absent => {}
            List::Null => sections.push(json!({"facts": null})),
            List::Items(facts) => sections.push(json!({"facts": facts})),
        }
        let mut card = Map::new();
        let mut set = |key: &str, value: Value| card.insert(key.to_owned(), value);
        set("@type", "MessageCard".into());
        // Without the `@` that the schema has: what reads upstream's cards reads these.
        set("context", "https://schema.org/extensions".into());
        set("title", text(section, "title").into());
        set("summary", text(section, "summary").into());
        set("text", body.into());
        let color = text(section, "themeColor");
        if !color.is_empty() {
            set("themeColor", color.into());
        }
        let actions = actions.items();
        if !actions.is_empty() {
            set("potentialAction", actions.into());
        }
        if !sections.is_empty() {
            set("sections", sections.into());
        }
        Ok(Value::Object(card))
    }
}

/// A list of objects, refused in upstream's `words`.
pub(super) fn objects(
    section: Option<&Value>,
    field: &'static str,
    words: &'static str,
) -> Result<List, InvalidPayload> {
    payload::objects(section, field).map_err(|problem| problem.in_words(words))
}

/// What an error that came with 200 means: the connector names the status that it got from Teams itself
/// (`… returned HTTP error 429 with …`).
fn inner_status(body: &str) -> Option<(crate::delivery::ErrorKind, crate::delivery::Retry)> {
    let (_, rest) = body.split_once("HTTP error ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    verdict(StatusCode::from_bytes(digits.as_bytes()).ok()?, None)
}
