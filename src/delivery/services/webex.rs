//! webex: messages to rooms and persons (services 2.18).

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value};

use crate::delivery::cut;
use crate::delivery::driver::{Driver, HttpService, Reply};
use crate::delivery::options::Options;
use crate::delivery::redact::shown_url;
use crate::delivery::request::Outgoing;
use crate::delivery::section::text;
use crate::delivery::{BuildContext, DeliveryError, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt};

/// The row of the table.
pub(super) const TYPE: ServiceType =
    ServiceType { name: "webex", section: None, needs_recipient: true, build };

/// Where Webex is.
const DEFAULT_API: &str = "https://webexapis.com";

/// Where messages go.
const PATH: &str = "/v1/messages";

/// The longest message that Webex takes, in bytes.
const LONGEST: usize = 7439;

struct Webex {
    api: String,
    token: String,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let own = options.text("apiURL")?;
    let own = own.trim().trim_end_matches('/');
    let webex = Webex {
        api: if own.is_empty() { DEFAULT_API } else { own }.to_owned(),
        token: options.secret("token")?,
    };
    if webex.token.is_empty() {
        context.warnings.push(options.error("token", "no `token` is set: Webex will refuse every message"));
    }
    Driver::build(context, &options, webex)
}

impl HttpService for Webex {
    fn request(&self, message: &Message, recipient: &str) -> Result<Request<Bytes>, DeliveryError> {
        let to = if is_address(recipient) { "toPersonEmail" } else { "roomId" };
        let mut body = Map::new();
        for (field, value) in
            [(to, recipient.to_owned()), ("markdown", cut::to_bytes(&message.text, LONGEST))]
        {
            if !value.is_empty() {
                body.insert(field.to_owned(), value.into());
            }
        }
        let request = Outgoing::new("POST", &format!("{}{PATH}", self.api))?;
        Ok(request.bearer(&self.token)?.json(&Value::Object(body)))
    }

    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        if reply.status().is_success() {
            let id = text(reply.json().as_ref(), "id").to_owned();
            return Ok(reply.receipt(Some(id).filter(|id| !id.is_empty())));
        }
        let (host, code, quote) = (shown_url(&self.api), reply.status().as_u16(), &reply.quote);
        let host = host.trim_end_matches('/');
        Err(reply.error(format!("request to {host}{PATH} has failed with error code {code} : {quote}")))
    }
}

/// Whether `recipient` is an e-mail address: no blanks, something before an `@`, and a dot with something on both sides
/// behind it. Anything else is the id of a room.
fn is_address(recipient: &str) -> bool {
    if recipient.contains([' ', '\t', '\n', '\r', '\u{c}']) {
        return false;
    }
    let Some((at, _)) = recipient.char_indices().skip(1).find(|(_, letter)| *letter == '@') else {
        return false;
    };
    let domain = recipient.get(at + 1..).unwrap_or_default();
    let mut dots = domain.char_indices().skip(1).filter(|(_, letter)| *letter == '.');
    dots.any(|(dot, _)| dot + 1 < domain.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_rooms() {
        for address in ["ada@example.org", "a@b.co", "a@b@c.d", "@a@b.c", "ä@ö.ü"] {
            assert!(is_address(address), "{address}");
        }
        for room in ["Y2lz", "ada@localhost", "@b.co", "a@.co", "a@b.", "a b@c.d", "", "@", "ä@"] {
            assert!(!is_address(room), "{room}");
        }
    }
}
