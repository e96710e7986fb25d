//! opsgenie: alerts, in Opsgenie and in its successor in Jira Service Management (services 2.12).

mod section;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value, json};

use crate::delivery::driver::{Driver, HttpService, Repeats, Reply, When};
use crate::delivery::options::Options;
use crate::delivery::request::{Outgoing, below};
use crate::delivery::section::text;
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "opsgenie",
    section: Some(SectionType { key: "opsgenie", compile: section::compile }),
    needs_recipient: true,
    build,
};

/// Where Opsgenie is, for accounts in the United States.
const DEFAULT_API: &str = "api.opsgenie.com";

/// Upstream's defaults for repeats within one attempt.
const REPEATS: Repeats = Repeats {
    most: 4,
    pause: Duration::from_secs(1),
    longest: Duration::from_secs(30),
    when: When::Temporary,
};

struct Opsgenie {
    url: String,
    keys: BTreeMap<String, String>,
    repeats: Repeats,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let opsgenie = Opsgenie {
        url: url(&options.address("apiUrl")?),
        keys: options.secret_map("apiKeys")?,
        repeats: Repeats::read(&options, REPEATS)?,
    };
    if opsgenie.keys.is_empty() {
        let problem = "no `apiKeys` are set: every message to this service will be refused";
        context.warnings.push(options.error("apiKeys", problem));
    }
    Driver::build(context, &options, opsgenie)
}

/// A bare host is reached with HTTPS if `api` is in its name, otherwise with HTTP, as upstream does; whole URLs are taken
/// as they are.
fn url(setting: &str) -> String {
    match setting.trim_end_matches('/') {
        "" => format!("https://{DEFAULT_API}/v2/alerts"),
        url if url.contains("://") => below(url, "v2/alerts"),
        host if host.contains("api") => format!("https://{host}/v2/alerts"),
        host => format!("http://{host}/v2/alerts"),
    }
}

impl Opsgenie {
    fn alert(message: &Message, team: &str) -> Result<Value, DeliveryError> {
        let section = message.section("opsgenie");
        let refuse = |detail| Err(DeliveryError::permanent(ErrorKind::Rejected, detail));
        if section.is_some() && text(section, "description").is_empty() {
            return refuse("opsgenie notification description is missing");
        }
        if message.text.is_empty() {
            return refuse("message can not be empty");
        }
        let mut alert = json!({
            "message": message.text,
            "responders": [{"type": "team", "id": team}],
            "source": "Argo CD",
        });
        for name in ["alias", "description", "entity", "priority", "user", "note"] {
            let value = text(section, name);
            if !value.is_empty() {
                alert[name] = value.into();
            }
        }
        for name in ["actions", "tags", "details"] {
            let value = section.and_then(|section| section.get(name));
            if let Some(value) = value.filter(|value| !is_empty(value)) {
                alert[name] = value.clone();
            }
        }
        let people = section.and_then(|section| section.get("visibleTo")).and_then(Value::as_array);
        if let Some(people) = people.filter(|people| !people.is_empty()) {
            alert["visibleTo"] = people.iter().map(visible_to).collect();
        }
        Ok(alert)
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Somebody who may see the alert: the type always, the rest if it is there (FIX: no empty name of a user).
fn visible_to(person: &Value) -> Value {
    let mut fields = Map::new();
    fields.insert("type".to_owned(), text(Some(person), "type").into());
    for name in ["name", "id", "username"] {
        let value = text(Some(person), name);
        if !value.is_empty() {
            fields.insert(name.to_owned(), value.into());
        }
    }
    fields.into()
}

impl HttpService for Opsgenie {
    fn request(&self, message: &Message, recipient: &str) -> Result<Request<Bytes>, DeliveryError> {
        let Some(key) = self.keys.get(recipient) else {
            let detail = format!("no API key configured for recipient {recipient}");
            return Err(DeliveryError::permanent(ErrorKind::NotFound, detail));
        };
        if key.is_empty() {
            let detail = format!("the API key for recipient {recipient} is empty");
            return Err(DeliveryError::permanent(ErrorKind::Auth, detail));
        }
        let alert = Self::alert(message, recipient)?;
        let request = Outgoing::new("POST", &self.url)?
            .header("authorization", &format!("GenieKey {key}"))?
            .header("content-type", "application/json; charset=utf-8")?
            .header("accept", "application/json")?;
        Ok(request.json(&alert))
    }

    /// Opsgenie takes alerts in and works on them later; the receipt's id is that of the request.
    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        if !reply.status().is_success() {
            return Err(reply.limited(refusal(reply), "x-ratelimit-period-in-sec"));
        }
        let answer = reply.expect_json("Opsgenie's API")?;
        let id = Some(text(Some(&answer), "requestId")).filter(|id| !id.is_empty());
        Ok(reply.receipt(id.map(ToOwned::to_owned)))
    }

    fn repeats(&self) -> Repeats {
        self.repeats
    }
}

/// Opsgenie's refusal in upstream's words.
fn refusal(reply: &Reply) -> String {
    let code = reply.status().as_u16();
    let Some(answer) = reply.json().filter(Value::is_object) else {
        return format!("Error occurred with Status code: {code}, Message: {}", reply.quote);
    };
    let field = |name| text(Some(&answer), name);
    let took = answer.get("took").and_then(Value::as_f64).unwrap_or_default();
    let detail = match answer.get("errors") {
        Some(Value::Object(errors)) if !errors.is_empty() => {
            let errors: BTreeMap<&String, &Value> = errors.iter().collect();
            let pair = |(name, value): (&&String, &&Value)| match value {
                Value::String(text) => format!("{name}:{text}"),
                other => format!("{name}:{other}"),
            };
            format!(", Error Detail: map[{}]", errors.iter().map(pair).collect::<Vec<_>>().join(" "))
        }
        _ => String::new(),
    };
    let (message, id) = (field("message"), field("requestId"));
    format!(
        "Error occurred with Status code: {code}, Message: {message}, Took: {took:.6}, RequestId: {id}{detail}"
    )
}
