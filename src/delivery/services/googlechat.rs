//! googlechat: webhooks of Google Chat spaces, with cards and threads (services 2.9).

mod cards;

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::delivery::addresses::Addresses;
use crate::delivery::driver::{Driver, HttpService, Reply};
use crate::delivery::options::Options;
use crate::delivery::payload::{self, List, OnInvalid};
use crate::delivery::request::{Outgoing, with_query};
use crate::delivery::section::{Field, FieldSection, Kind, text};
use crate::delivery::verdict::verdict;
use crate::delivery::{BuildContext, DeliveryError, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt, Section};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "googlechat",
    section: Some(SectionType { key: "googlechat", compile }),
    needs_recipient: true,
    build,
};

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    const FIELDS: &[Field] = &[
        Field::text("cards").shown().holds(Kind::YamlPayload),
        Field::text("cardsV2").shown().holds(Kind::YamlPayload),
        Field::text("threadKey"),
    ];
    FieldSection::compile(template, section, FIELDS)
}

struct GoogleChat {
    addresses: Addresses,
    on_invalid: OnInvalid,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let chat = GoogleChat {
        addresses: Addresses::read(context, &mut options, "webhooks")?,
        on_invalid: OnInvalid::read(context, &options)?,
    };
    Driver::build(context, &options, chat)
}

impl HttpService for GoogleChat {
    fn request(&self, message: &Message, recipient: &str) -> Result<Request<Bytes>, DeliveryError> {
        const UNKNOWN: &str =
            "error creating client to webhook: no Google chat webhook configured for recipient";
        let url = self.addresses.find(recipient, UNKNOWN)?;
        let section = message.section("googlechat");
        let body = self.body(message, section)?;
        let thread = text(section, "threadKey");
        if thread.is_empty() {
            return Ok(Outgoing::new("POST", url)?.json(&body));
        }
        let place = [("threadKey", thread), ("messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")];
        Ok(Outgoing::new("POST", &with_query(url, &place)?)?.json(&body))
    }

    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        let Some(answer) = reply.json().filter(|answer| answer.is_object() || answer.is_null()) else {
            let told = format!("cannot send message: {}", reply.quote);
            let error =
                if reply.status().is_success() { reply.expect_json("Google Chat").err() } else { None };
            return Err(error.map_or_else(
                || reply.error(&*told),
                |error| DeliveryError { detail: format!("cannot send message: {}", error.detail), ..error },
            ));
        };
        let error = answer.get("error").filter(|error| !error.is_null());
        if error.is_none() && reply.status().is_success() {
            let name = text(Some(&answer), "name");
            return Ok(reply.receipt(Some(name.to_owned()).filter(|name| !name.is_empty())));
        }
        Err(refusal(reply, error))
    }
}

impl GoogleChat {
    /// The message, or the cards; with cards the text is not used, as upstream has it.
    fn body(&self, message: &Message, section: Option<&Value>) -> Result<Value, DeliveryError> {
        let mut words = message.text.clone();
        let legacy = self.on_invalid.settle(payload::yaml_objects(section, "cards"), &mut words)?;
        let cards = self.on_invalid.settle(payload::yaml_objects(section, "cardsV2"), &mut words)?;
        let left_out = words.len() > message.text.len();
        let given = [&legacy, &cards].into_iter().any(|cards| matches!(cards, List::Items(_)));
        let mut body = Map::new();
        let words = if given && !left_out { String::new() } else { words };
        body.insert("text".to_owned(), words.into());
        let legacy: Vec<Value> = legacy.items().into_iter().map(cards::in_shape).collect();
        if !legacy.is_empty() {
            body.insert("cards".to_owned(), legacy.into());
        }
        let cards: Vec<Value> = cards.items().into_iter().enumerate().map(with_id).collect();
        if !cards.is_empty() {
            body.insert("cardsV2".to_owned(), cards.into());
        }
        Ok(Value::Object(body))
    }
}

/// A card with the id that the API wants beside it; what already stands in the API's form stays so.
fn with_id((index, item): (usize, Value)) -> Value {
    let (id, card) = match item {
        Value::Object(mut map) if map.get("card").is_some_and(Value::is_object) => {
            let id = map.get("cardId").and_then(Value::as_str).filter(|id| !id.is_empty());
            (id.map(ToOwned::to_owned), map.remove("card").unwrap_or_default())
        }
        Value::Null => (None, Value::Object(Map::new())),
        card => (None, card),
    };
    let card = cards::in_shape(card);
    let id = id.unwrap_or_else(|| card_id(index, &card));
    Value::Object(Map::from_iter([("cardId".to_owned(), id.into()), ("card".to_owned(), card)]))
}

/// An id in the form of a random UUID. It is made of the card, so that a repeated request is the same request; it has to
/// be unique inside one message only.
fn card_id(index: usize, card: &Value) -> String {
    let digest = Sha256::digest(format!("{index} {card}"));
    let digits = u128::from_be_bytes(digest.first_chunk().copied().unwrap_or_default());
    let version = digits & !(0xf << 76) | 4 << 76;
    let hex = format!("{:032x}", version & !(3 << 62) | 2 << 62);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// Google's error document; where it comes with a good status, its own code says what kind of failure it is.
fn refusal(reply: &Reply, error: Option<&Value>) -> DeliveryError {
    let code = error.and_then(|error| error.get("code")).and_then(Value::as_u64);
    let (status, message) = (text(error, "status"), text(error, "message"));
    let shown = code.unwrap_or(reply.status().as_u16().into());
    let message: String = message.chars().take(500).collect();
    let detail = format!("error with message: code={shown} status={status} message={message}");
    let refusal = reply.error(detail);
    if !reply.status().is_success() {
        return refusal;
    }
    let inner = code.and_then(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok());
    match inner.and_then(|status| verdict(status, reply.retry_after())) {
        Some((kind, retry)) => DeliveryError { kind, retry, ..refusal },
        None => refusal,
    }
}
