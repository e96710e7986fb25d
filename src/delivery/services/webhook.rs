//! webhook: any HTTP endpoint (services 2.3). Settings name the endpoint, the template's `webhook.<name>` the request.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value, json};

use crate::delivery::client::Redirects;
use crate::delivery::driver::{Driver, HttpService, Repeats, Reply, When};
use crate::delivery::options::Options;
use crate::delivery::request::Outgoing;
use crate::delivery::section::{object, text};
use crate::delivery::template::Text;
use crate::delivery::{BuildContext, DeliveryError, SectionType, Service, ServiceType, driver};
use crate::model::{Message, Node, NodeError, Receipt, Section, SectionContext, SectionError};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "webhook",
    section: Some(SectionType { key: "webhook", compile }),
    needs_recipient: false,
    build,
};

/// Upstream's defaults for repeats within one attempt.
const REPEATS: Repeats = Repeats {
    most: 3,
    pause: Duration::from_secs(1),
    longest: Duration::from_secs(5),
    when: When::Temporary,
};

struct Webhook {
    name: String,
    url: String,
    headers: Vec<(String, String)>,
    basic: Option<(String, String)>,
    repeats: Repeats,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let url = options.secret_url("url")?;
    if url.is_empty() {
        context
            .warnings
            .push(options.error("url", "no `url` is set: every message to this service will be refused"));
    }
    let webhook = Webhook {
        name: context.name.to_owned(),
        headers: headers(&mut options)?,
        basic: options.basic_auth()?,
        repeats: Repeats::read(&options, REPEATS)?,
        url,
    };
    Driver::build(context, &options, webhook)
}

fn headers(options: &mut Options<'_>) -> Result<Vec<(String, String)>, NodeError> {
    let mut headers = Vec::new();
    for (index, item) in options.fields().list("headers")?.iter().enumerate() {
        let at = |error: NodeError| error.item(index).inside("headers");
        let header = item.fields().map_err(at)?;
        let (name, value) = (header.text("name").map_err(at)?, header.text("value").map_err(at)?);
        if is_secret_header(&name) {
            options.redactor.add(&value);
            // `Bearer x`: the token alone is as secret.
            value.split_whitespace().skip(1).for_each(|token| options.redactor.add(token));
        }
        headers.push((name, value));
    }
    Ok(headers)
}

/// Whether the values of a header are secrets: everything that is not known to be harmless.
fn is_secret_header(name: &str) -> bool {
    let harmless = ["content-type", "accept", "user-agent", "host", "accept-language", "content-language"];
    !harmless.contains(&name.trim().to_ascii_lowercase().as_str())
}

impl HttpService for Webhook {
    fn request(&self, message: &Message, _recipient: &str) -> Result<Request<Bytes>, DeliveryError> {
        let entry = message.section("webhook").and_then(|section| section.get(&self.name));
        let method = Some(text(entry, "method")).filter(|method| !method.is_empty()).unwrap_or("GET");
        let body = if entry.is_some() { text(entry, "body") } else { &message.text };
        let mut request = Outgoing::new(method, &join(&self.url, text(entry, "path")))?;
        for (name, value) in self.headers.iter().filter(|(name, _)| !is_of_the_request(name)) {
            request = request.header(name, value)?;
        }
        if let Some((user, password)) = &self.basic {
            request = request.basic(user, password)?;
        }
        Ok(request.raw(Bytes::copy_from_slice(body.as_bytes())))
    }

    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        if reply.status().is_success() {
            return Ok(reply.receipt(None));
        }
        let Reply { method, url, attempts, quote, .. } = reply;
        let code = reply.status().as_u16();
        let told = format!(
            "request to {{{method} {url} {}}} has failed with error code {code} : {quote}",
            self.name
        );
        let gave_up = driver::is_temporary(reply.status()) && code != 501;
        let error = if gave_up {
            format!("{method} {url} giving up after {attempts} attempt(s): {told}")
        } else {
            told
        };
        Err(reply.error(error))
    }

    fn repeats(&self) -> Repeats {
        self.repeats
    }

    /// As upstream; credentials in headers stay behind when the host or port changes.
    fn redirects(&self) -> Redirects {
        Redirects::Anywhere
    }
}

/// Whether a header follows from the URL and the body, so that nobody can set it; upstream ignores these too. With a length
/// that is not the body's, a receiver would wait for the rest.
fn is_of_the_request(name: &str) -> bool {
    ["host", "content-length", "transfer-encoding", "trailer"]
        .iter()
        .any(|own| name.trim().eq_ignore_ascii_case(own))
}

/// Pure text, as upstream: a query in `url` stays in front of the path.
fn join(url: &str, path: &str) -> String {
    if path.is_empty() {
        return url.to_owned();
    }
    format!("{}/{}", url.trim_end_matches('/'), path.trim_start_matches('/'))
}

/// The `webhook` section: entries by service name.
struct Entries(Vec<Entry>);

struct Entry {
    service: String,
    method: String,
    path: Text,
    body: Text,
}

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    let compile = |(key, node): (&crate::model::Key, &Node)| {
        let inside = |error: NodeError| error.inside(&key.text);
        let fields = node.fields().map_err(inside)?;
        let templated = |name: &str| {
            let node = fields.get(name).filter(|node| !node.is_null());
            let text = node.map_or(Ok(Text::Plain(String::new())), |node| Text::compile(template, node));
            text.map_err(|error| inside(error.inside(name)))
        };
        Ok(Entry {
            service: key.text.clone(),
            method: fields.text("method").map_err(inside)?,
            path: templated("path")?,
            body: templated("body")?,
        })
    };
    let entries = section.fields()?.iter().map(compile).collect::<Result<_, NodeError>>()?;
    Ok(Box::new(Entries(entries)))
}

impl Section for Entries {
    /// A later template replaces a whole entry (core 4.4).
    fn render(&self, context: &mut SectionContext<'_>, into: &mut Value) -> Result<(), SectionError> {
        let into: &mut Map<String, Value> = object(into);
        let wanted = context.service.map(ToOwned::to_owned);
        for entry in self.0.iter().filter(|entry| wanted.as_ref().is_none_or(|name| *name == entry.service)) {
            let Entry { service, method, path, body } = entry;
            let path = path.render(&format!("{service}.path"), context)?;
            let body = body.render(&format!("{service}.body"), context)?;
            into.insert(service.clone(), json!({"method": method, "path": path, "body": body}));
        }
        Ok(())
    }

    fn mentions(&self, name: &str) -> bool {
        self.0.iter().any(|entry| entry.path.mentions(name) || entry.body.mentions(name))
    }
}
