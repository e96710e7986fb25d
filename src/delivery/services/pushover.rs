//! pushover: messages to phones and desktops (services 2.15).

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use crate::delivery::cut;
use crate::delivery::driver::{Driver, HttpService, Reply, texts};
use crate::delivery::options::Options;
use crate::delivery::request::{Outgoing, below};
use crate::delivery::section::{Field, FieldSection, text};
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt, Section};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "pushover",
    section: Some(SectionType { key: "pushover", compile }),
    needs_recipient: true,
    build,
};

/// Where Pushover is.
const DEFAULT_API: &str = "https://api.pushover.net";

/// The most characters of a message.
const LONGEST_MESSAGE: usize = 1024;

/// What may accompany a message, in the settings for all and in the template's section for one (EXT): our name,
/// Pushover's name, the most characters.
const EXTRAS: [(&str, &str, usize); 7] = [
    ("title", "title", 250),
    ("device", "device", 300),
    ("sound", "sound", 100),
    ("url", "url", 512),
    ("urlTitle", "url_title", 100),
    ("html", "html", 8),
    ("ttl", "ttl", 12),
];

/// The priority that sounds until somebody confirms it.
const EMERGENCY: i64 = 2;

const FIELDS: &[Field] = &[
    Field::text("title").always(),
    Field::text("device").always(),
    Field::text("sound").always(),
    Field::text("url").always(),
    Field::text("urlTitle").always(),
    Field::text("html").always(),
    Field::text("ttl").always(),
    Field::text("priority").always(),
    Field::text("retry").always(),
    Field::text("expire").always(),
];

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    FieldSection::compile(template, section, FIELDS)
}

struct Pushover {
    name: String,
    url: String,
    token: String,
    /// The extras of the settings, in the order of [`EXTRAS`].
    extras: Vec<String>,
    priority: i64,
    retry: i64,
    expire: i64,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let api = options.address("apiURL")?;
    let pushover = Pushover {
        name: context.name.to_owned(),
        url: below(if api.is_empty() { DEFAULT_API } else { &api }, "1/messages.json"),
        token: options.secret("token")?,
        extras: EXTRAS.iter().map(|(name, ..)| options.text(name)).collect::<Result<_, _>>()?,
        priority: options.int("priority")?.unwrap_or(0),
        retry: options.int("retry")?.unwrap_or(60),
        expire: options.int("expire")?.unwrap_or(3600),
    };
    if !(-2..=EMERGENCY).contains(&pushover.priority) {
        return Err(options.error("priority", "expected a number from -2 to 2"));
    }
    if !is_key(&pushover.token) {
        let problem =
            "`token` is no API token of Pushover (30 letters and digits): every message will be refused";
        context.warnings.push(options.error("token", problem));
    }
    Driver::build(context, &options, pushover)
}

/// Tokens of applications, users and groups have one form.
fn is_key(text: &str) -> bool {
    text.len() == 30 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Pushover {
    /// What is wrong with the message before anybody is asked, in upstream's words.
    fn check(&self, message: &Message, recipient: &str) -> Result<(), DeliveryError> {
        let (kind, detail) = match (self.token.as_str(), recipient) {
            ("", _) => (ErrorKind::Auth, "pushover: empty API token"),
            (token, _) if !is_key(token) => (ErrorKind::Auth, "pushover: invalid API token"),
            (_, "") => (ErrorKind::NotFound, "pushover: empty recipient token"),
            (_, recipient) if !is_key(recipient) => {
                (ErrorKind::NotFound, "pushover: invalid recipient token")
            }
            _ if message.text.is_empty() => (ErrorKind::Rejected, "pushover: message empty"),
            _ => return Ok(()),
        };
        Err(DeliveryError::permanent(kind, detail))
    }

    /// A number of the section. One that is none is no reason to lose a message: that of the settings is taken.
    fn number(&self, section: Option<&Value>, field: &str, otherwise: i64) -> i64 {
        let given = text(section, field).trim();
        if given.is_empty() {
            return otherwise;
        }
        given.parse().unwrap_or_else(|_| {
            tracing::warn!(service = %self.name, "`pushover.{field}` is `{given}` and no number; {otherwise} is taken");
            otherwise
        })
    }
}

impl HttpService for Pushover {
    fn request(&self, message: &Message, recipient: &str) -> Result<Request<Bytes>, DeliveryError> {
        self.check(message, recipient)?;
        let section = message.section("pushover");
        let priority = self.number(section, "priority", self.priority).clamp(-2, EMERGENCY);
        let mut form = vec![
            ("token", self.token.clone()),
            ("user", recipient.to_owned()),
            ("message", cut::to_characters(&message.text, LONGEST_MESSAGE)),
            ("priority", priority.to_string()),
        ];
        if priority == EMERGENCY {
            // Pushover refuses emergencies outside of these bounds.
            form.push(("retry", self.number(section, "retry", self.retry).max(30).to_string()));
            form.push(("expire", self.number(section, "expire", self.expire).clamp(30, 10_800).to_string()));
        }
        for ((name, theirs, most), default) in EXTRAS.iter().zip(&self.extras) {
            let value = Some(text(section, name)).filter(|own| !own.is_empty()).unwrap_or(default);
            let value = match (*name, value) {
                ("html", "true") => "1",
                ("html", "false" | "0") => "",
                (_, value) => value,
            };
            if !value.is_empty() {
                form.push((theirs, cut::to_characters(value, *most)));
            }
        }
        Ok(Outgoing::new("POST", &self.url)?.form(&form))
    }

    /// `status` in the answer is 1, or `errors` say why not. The headers with the limits are not needed (FIX).
    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        let answer = reply.json();
        let errors = answer.as_ref().map(|answer| texts(answer, "/errors").join("; ")).unwrap_or_default();
        let code = reply.status().as_u16();
        if !reply.status().is_success() {
            let said = if errors.is_empty() { &reply.quote } else { &errors };
            let detail = format!("pushover: http error: it answered {code}: {said}");
            return Err(reply.limited(detail, "x-limit-app-reset"));
        }
        let answer = reply.expect_json("Pushover's API")?;
        if answer.get("status").and_then(Value::as_i64) == Some(1) {
            return Ok(reply.receipt(Some(text(Some(&answer), "request").to_owned())));
        }
        let detail = format!("pushover refused the message: Errors: {errors}");
        Err(DeliveryError::permanent(ErrorKind::Rejected, detail).with_status(code))
    }
}
