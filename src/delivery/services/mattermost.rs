//! mattermost: posts through the REST API (services 2.7).

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::delivery::cut;
use crate::delivery::driver::{Driver, HttpService, Reply};
use crate::delivery::options::Options;
use crate::delivery::payload::{self, List, OnInvalid};
use crate::delivery::request::Outgoing;
use crate::delivery::section::{Field, FieldSection, Kind, text};
use crate::delivery::{BuildContext, DeliveryError, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt, Section};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "mattermost",
    section: Some(SectionType { key: "mattermost", compile }),
    needs_recipient: true,
    build,
};

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    FieldSection::compile(template, section, &[Field::text("attachments").always().holds(Kind::Payload)])
}

/// The longest message that Mattermost takes, in characters.
const LONGEST: usize = 16_383;

struct Mattermost {
    api: String,
    token: String,
    on_invalid: OnInvalid,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let mattermost = Mattermost {
        api: options.text("apiURL")?.trim().trim_end_matches('/').to_owned(),
        token: options.secret("token")?,
        on_invalid: OnInvalid::read(context, &options)?,
    };
    if mattermost.api.is_empty() {
        context.warnings.push(
            options.error("apiURL", "no `apiURL` is set: every message to this service will be refused"),
        );
    }
    if mattermost.token.is_empty() {
        context
            .warnings
            .push(options.error("token", "no `token` is set: Mattermost will refuse every message"));
    }
    Driver::build(context, &options, mattermost)
}

impl HttpService for Mattermost {
    fn request(&self, message: &Message, recipient: &str) -> Result<Request<Bytes>, DeliveryError> {
        let mut body = message.text.clone();
        let attachments = payload::list(message.section("mattermost"), "attachments");
        let attachments = match self.on_invalid.settle(attachments, &mut body)? {
            List::Null => Value::Null,
            list => list.items().into(),
        };
        let post = json!({"channel_id": recipient, "message": cut::to_characters(&body, LONGEST), "props": {"attachments": attachments}});
        let request = Outgoing::new("POST", &format!("{}/api/v4/posts", self.api))?;
        Ok(request.bearer(&self.token)?.json(&post))
    }

    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        reply.accepted()?;
        let id = text(reply.json().as_ref(), "id").to_owned();
        Ok(reply.receipt(Some(id).filter(|id| !id.is_empty())))
    }
}
