//! gcppubsub: one message to a topic of Google Cloud Pub/Sub, by its REST interface (services 2.21).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::delivery::ambient::Ambient;
use crate::delivery::attributes::{self, Shape};
use crate::delivery::driver::{CallService, Caller, Repeats, Reply, When};
use crate::delivery::google::{Token, TokenSource};
use crate::delivery::options::Options;
use crate::delivery::request::Outgoing;
use crate::delivery::section::{Field, text};
use crate::delivery::template::Tree;
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, Retry, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt, Section};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "gcppubsub",
    section: Some(SectionType { key: "gcppubsub", compile }),
    needs_recipient: false,
    build,
};

/// Where Pub/Sub is.
const ENDPOINT: &str = "https://pubsub.googleapis.com";

/// What tokens are asked for, as upstream does.
const SCOPES: &[&str] =
    &["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/pubsub"];

/// Upstream repeats for a minute, from 100 ms on; here the outbox goes on after some seconds.
const REPEATS: Repeats = Repeats {
    most: 5,
    pause: Duration::from_millis(100),
    longest: Duration::from_secs(5),
    when: When::Temporary,
};

static SHAPE: Shape = Shape {
    fields: &[Field::text("orderingKey")],
    name: "attributes",
    shown: false,
    structure: Tree::compile,
};

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    attributes::compile(template, section, &SHAPE)
}

struct PubSub {
    name: String,
    project: String,
    topic: String,
    endpoint: String,
    /// `None` for an emulator, which asks for nothing.
    tokens: Option<TokenSource>,
    repeats: Repeats,
    caller: Caller,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let credentials = credentials(&mut options)?;
    let file = options.text("keyFile")?;
    let endpoint = options.text("endpointUrl")?.trim().trim_end_matches('/').to_owned();
    let ambient = Ambient::new(context.clients);
    let emulator = ambient.var("PUBSUB_EMULATOR_HOST").filter(|_| endpoint.is_empty());
    let caller = Caller::new(context, &options)?;
    let tokens = emulator.is_none().then(|| TokenSource::new(SCOPES, credentials, file, &caller));
    Ok(Arc::new(PubSub {
        name: context.name.to_owned(),
        project: options.text("project")?,
        topic: options.text("topic")?,
        endpoint: match emulator {
            Some(host) => format!("http://{}", host.trim_start_matches("http://")),
            None if endpoint.is_empty() => ENDPOINT.to_owned(),
            None => endpoint,
        },
        tokens,
        repeats: Repeats::read(&options, REPEATS)?,
        caller,
    }))
}

/// Inline credentials as JSON: given as that, or as the same structure in YAML. Their secret parts are hidden.
fn credentials(options: &mut Options<'_>) -> Result<String, NodeError> {
    let node = options.fields().get("credentials");
    let text = match node.filter(|node| !node.is_null()) {
        None => return Ok(String::new()),
        Some(node) if node.is_scalar() => node.text()?,
        Some(node) => node.to_json().to_string(),
    };
    let Ok(Value::Object(fields)) = serde_json::from_str(&text) else {
        options.redactor.add(&text);
        return Ok(text);
    };
    for name in ["private_key", "private_key_id", "client_secret", "refresh_token"] {
        let secret = fields.get(name).and_then(Value::as_str).unwrap_or_default();
        options.redactor.add(secret);
        secret.lines().filter(|line| !line.starts_with('-')).for_each(|line| options.redactor.add(line));
    }
    Ok(text)
}

impl CallService for PubSub {
    fn caller(&self) -> &Caller {
        &self.caller
    }

    async fn attempt(&self, message: &Message, recipient: &str) -> Result<Receipt, DeliveryError> {
        let topic = if recipient.is_empty() { self.topic.as_str() } else { recipient };
        let missing = |what: &str| {
            DeliveryError::permanent(ErrorKind::Config, format!("{what} (service `{}`)", self.name))
        };
        if self.project.is_empty() {
            return Err(missing("pubsub: projectID string is empty: no `project` is set"));
        }
        if topic.is_empty() {
            return Err(missing("no topic: neither the recipient nor `topic` names one"));
        }
        let deadline = self.caller.deadline();
        let url = format!(
            "{}/v1/projects/{}/topics/{}:publish",
            self.endpoint,
            segment(&self.project),
            segment(topic)
        );
        let body = body(message);
        let Some(tokens) = &self.tokens else {
            return self.publish(&url, &body, None, deadline).await;
        };
        let token = tokens.token(deadline).await?;
        let result = self.publish(&url, &body, Some(&token.value), deadline).await;
        // A token can be withdrawn before its end. One that was fetched a moment ago was not.
        if !result.as_ref().is_err_and(|error| error.status == Some(401)) {
            return result;
        }
        tokens.forget().await;
        if token.fresh {
            return result;
        }
        let token = tokens.token(deadline).await?;
        self.publish(&url, &body, Some(&token.value), deadline).await
    }
}

impl PubSub {
    async fn publish(
        &self,
        url: &str,
        body: &Value,
        token: Option<&Token>,
        deadline: Instant,
    ) -> Result<Receipt, DeliveryError> {
        let caller = self.caller.hiding(token.map(|token| token.text.as_str()));
        let reply = caller.send(request(url, body, token)?, self.repeats, deadline).await?;
        judge(&reply, &caller)
    }
}

fn request(url: &str, body: &Value, token: Option<&Token>) -> Result<Request<Bytes>, DeliveryError> {
    let mut request = Outgoing::new("POST", url)?;
    if let Some(token) = token {
        request = request.bearer(&token.text)?;
        if let Some(project) = &token.quota_project {
            request = request.header("x-goog-user-project", project)?;
        }
    }
    Ok(request.json(body))
}

/// The message; a structure among the attributes becomes its JSON, as Pub/Sub knows texts only.
fn body(message: &Message) -> Value {
    let section = message.section("gcppubsub");
    let mut one = json!({});
    if !message.text.is_empty() {
        one["data"] = STANDARD.encode(&message.text).into();
    }
    let given = section.and_then(|section| section.get("attributes")?.as_object());
    let attributes: Map<String, Value> = given
        .into_iter()
        .flatten()
        .map(|(name, value)| match value {
            Value::String(_) => (name.clone(), value.clone()),
            structure => (name.clone(), structure.to_string().into()),
        })
        .collect();
    if !attributes.is_empty() {
        one["attributes"] = attributes.into();
    }
    let key = text(section, "orderingKey");
    if !key.is_empty() {
        one["orderingKey"] = key.into();
    }
    json!({"messages": [one]})
}

/// A name as one segment of a path.
fn segment(name: &str) -> String {
    let escaped: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    // A form's blank is `+`, and legacy projects have colons in their names.
    escaped.replace('+', "%20").replace("%3A", ":").replace("%7E", "~")
}

fn judge(reply: &Reply, caller: &Caller) -> Result<Receipt, DeliveryError> {
    let answer = reply.json().unwrap_or_default();
    if reply.status().is_success() {
        let id = answer.pointer("/messageIds/0").and_then(Value::as_str);
        let no_receipt = || reply.error(format!("the answer of Pub/Sub is no receipt: {}", reply.quote));
        return id.map(|id| reply.receipt(Some(id.to_owned()))).ok_or_else(no_receipt);
    }
    let part = |name: &str| answer.pointer(name).and_then(Value::as_str);
    let (status, message) = (part("/error/status"), part("/error/message"));
    let code = reply.status().as_u16();
    let said = match (status, message) {
        (None, None) => reply.quote.clone(),
        (status, message) => {
            caller.quote(&format!("{}: {}", status.unwrap_or_default(), message.unwrap_or_default()))
        }
    };
    let mut error = reply.error(format!("publishing failed with code {code}: {said}"));
    // Upstream repeats these; the others that it repeats are told by their codes (services 2.21).
    if matches!(status, Some("ABORTED" | "CANCELLED" | "UNKNOWN")) && error.retry == Retry::No {
        (error.kind, error.retry) = (ErrorKind::Unavailable, Retry::Later);
    }
    Err(error)
}
