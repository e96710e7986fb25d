//! discord: messages and embeds through the webhooks of a server's channels (services C.1).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value, json};

use crate::delivery::addresses::Addresses;
use crate::delivery::cut;
use crate::delivery::driver::{Driver, HttpService, Reply};
use crate::delivery::options::Options;
use crate::delivery::payload::{self, InvalidPayload, OnInvalid};
use crate::delivery::request::{Outgoing, with_query};
use crate::delivery::section::{Field, FieldSection, Kind, text, text_or};
use crate::delivery::verdict::LONGEST_RETRY_AFTER;
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, Retry, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt, Section};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "discord",
    section: Some(SectionType { key: "discord", compile }),
    needs_recipient: true,
    build,
};

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    const FIELDS: &[Field] = &[
        Field::text("embeds").holds(Kind::Payload),
        Field::text("username"),
        Field::text("avatarURL"),
        Field::text("threadID"),
        Field::text("allowedMentions").holds(Kind::Payload),
    ];
    FieldSection::compile(template, section, FIELDS)
}

/// The longest text that Discord takes, in characters; counted in UTF-16 units, of which there are never fewer.
const LONGEST: usize = 2000;

/// The most embeds that one message may have.
const MOST_EMBEDS: usize = 10;

struct Discord {
    addresses: Addresses,
    username: String,
    avatar: String,
    on_invalid: OnInvalid,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let discord = Discord {
        addresses: Addresses::read(context, &mut options, "webhooks")?,
        username: options.text("username")?,
        avatar: options.text("avatarURL")?,
        on_invalid: OnInvalid::read(context, &options)?,
    };
    Driver::build(context, &options, discord)
}

impl HttpService for Discord {
    fn request(&self, message: &Message, recipient: &str) -> Result<Request<Bytes>, DeliveryError> {
        let url = self.addresses.find(recipient, "no Discord webhook configured for recipient")?;
        let section = message.section("discord");
        // So that Discord answers with the message that it made.
        let mut place = vec![("wait", "true")];
        place.extend(Some(text(section, "threadID")).filter(|id| !id.is_empty()).map(|id| ("thread_id", id)));
        let url = with_query(url, &place)?;
        Ok(Outgoing::new("POST", &url)?.json(&self.body(message, section)?))
    }

    /// 204 comes from proxies that drop `wait`; the message has no id then.
    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        if !reply.status().is_success() {
            return Err(refusal(reply));
        }
        if reply.body().is_empty() {
            return Ok(reply.receipt(None));
        }
        let answer = reply.expect_json("Discord")?;
        match text(Some(&answer), "id") {
            "" => Err(refusal(reply)),
            id => Ok(reply.receipt(Some(id.to_owned()))),
        }
    }
}

impl Discord {
    fn body(&self, message: &Message, section: Option<&Value>) -> Result<Value, DeliveryError> {
        let mut words = message.text.clone();
        let mut embeds = self.on_invalid.settle(payload::objects(section, "embeds"), &mut words)?.items();
        let mentions = self.on_invalid.settle(mentions(section), &mut words)?;
        if embeds.len() > MOST_EMBEDS {
            let note = format!("\n({} more embeds left out)", embeds.len() - MOST_EMBEDS);
            words.push_str(&note);
            embeds.truncate(MOST_EMBEDS);
        }
        let texts = [
            ("content", &*cut::to_utf16(&words, LONGEST)),
            ("username", text_or(section, "username", &self.username)),
            ("avatar_url", text_or(section, "avatarURL", &self.avatar)),
        ];
        let given = texts.into_iter().filter(|(_, text)| !text.is_empty());
        let mut body: Map<String, Value> =
            given.map(|(field, text)| (field.to_owned(), text.into())).collect();
        if !embeds.is_empty() {
            body.insert("embeds".to_owned(), embeds.into());
        }
        body.insert("allowed_mentions".to_owned(), mentions.unwrap_or_else(|| json!({"parse": []})));
        Ok(Value::Object(body))
    }
}

/// Whom the message may mention: an object of Discord's API.
fn mentions(section: Option<&Value>) -> Result<Option<Value>, InvalidPayload> {
    const FIELD: &str = "allowedMentions";
    match payload::read(section, FIELD)? {
        None | Some(Value::Null) => Ok(None),
        Some(mentions) if mentions.is_object() => Ok(Some(mentions)),
        Some(other) => Err(payload::wrong_shape(section, FIELD, "an object", &other)),
    }
}

/// Discord's own words, which say more than the status, and its own pause, which has fractions of a second.
fn refusal(reply: &Reply) -> DeliveryError {
    let Some(answer) = reply.json() else { return reply.refused() };
    let (code, message) = (answer.get("code").and_then(Value::as_i64), text(Some(&answer), "message"));
    if message.is_empty() {
        return reply.refused();
    }
    let code = code.map(|code| format!(" (code {code})")).unwrap_or_default();
    let mut error = reply.error(format!("discord refused the message: {message}{code}: {}", reply.quote));
    let pause = answer.get("retry_after").and_then(Value::as_f64);
    if let Some(pause) = pause.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        && error.kind == ErrorKind::RateLimited
    {
        error.retry = Retry::After(pause.min(LONGEST_RETRY_AFTER));
    }
    error
}
