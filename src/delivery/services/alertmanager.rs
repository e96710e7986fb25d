//! alertmanager: alerts to all members of an Alertmanager cluster (services 2.16).

mod section;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::Request;
use serde_json::Value;
use tokio::time::Instant;

use crate::delivery::driver::{CallService, Caller, Repeats};
use crate::delivery::options::Options;
use crate::delivery::request::Outgoing;
use crate::delivery::section::text;
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, Retry, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "alertmanager",
    section: Some(SectionType { key: "alertmanager", compile: section::compile }),
    needs_recipient: false,
    build,
};

const DEFAULT_TARGET: &str = "127.0.0.1:9093";
const DEFAULT_PATH: &str = "/api/v2/alerts";
const DEFAULT_TIMEOUT: i64 = 3;

struct Alertmanager {
    name: String,
    caller: Caller,
    urls: Vec<String>,
    login: Login,
    resolve_timeout: Option<Duration>,
}

enum Login {
    Nobody,
    Basic(String, String),
    Bearer(String),
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let basic = options.basic_auth()?;
    let token = options.secret("bearerToken")?;
    let delivery = options.delivery_within(Some(timeout(&options)?))?;
    Ok(Arc::new(Alertmanager {
        name: context.name.to_owned(),
        urls: urls(&mut options)?,
        login: match basic {
            Some((user, password)) => Login::Basic(user, password),
            None if token.is_empty() => Login::Nobody,
            None => Login::Bearer(token),
        },
        resolve_timeout: options.duration("resolveTimeout")?.filter(|time| !time.is_zero()),
        caller: Caller::with(context, &options, delivery)?,
    }))
}

/// `timeout` counts seconds here, as upstream has it.
fn timeout(options: &Options<'_>) -> Result<Duration, NodeError> {
    let expected =
        || options.error("timeout", "expected seconds as a whole number without a unit: `5` and not `5s`");
    let seconds = match options.int("timeout").map_err(|_| expected())?.unwrap_or(0) {
        0 => DEFAULT_TIMEOUT,
        other => other,
    };
    u64::try_from(seconds).map(Duration::from_secs).map_err(|_| expected())
}

/// One URL for each of `targets`, which are hosts with ports, or URLs, whose path then stands before `apiPath`.
fn urls(options: &mut Options<'_>) -> Result<Vec<String>, NodeError> {
    let fields = options.fields();
    // One text instead of a list is refused, as upstream does: `a:1, b:2` would be one target that nobody can reach.
    let targets = fields.list("targets")?.iter().enumerate();
    let targets =
        targets.map(|(index, node)| node.text().map_err(|error| error.item(index).inside("targets")));
    let mut targets = targets.collect::<Result<Vec<_>, _>>()?;
    if targets.is_empty() {
        targets.push(DEFAULT_TARGET.to_owned());
    }
    let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
    let scheme = or(fields.text("scheme")?, "http");
    let path = or(fields.text("apiPath")?, DEFAULT_PATH);
    for target in &targets {
        if let Some(password) =
            url::Url::parse(target).ok().and_then(|url| url.password().map(ToOwned::to_owned))
        {
            options.redactor.add(&password);
        }
    }
    let url = |target: &String| match target.trim() {
        url if url.contains("://") => format!("{}{path}", url.trim_end_matches('/')),
        host => format!("{scheme}://{host}{path}"),
    };
    Ok(targets.iter().map(url).collect())
}

impl CallService for Alertmanager {
    fn caller(&self) -> &Caller {
        &self.caller
    }

    async fn attempt(&self, message: &Message, _recipient: &str) -> Result<Receipt, DeliveryError> {
        let body = self.body(message)?;
        let deadline = self.caller.deadline();
        let sends = self.urls.iter().map(|url| self.send(url, body.clone(), deadline));
        let results = join_all(sends).await;
        let errors: Vec<DeliveryError> = results.into_iter().filter_map(Result::err).collect();
        if errors.len() == self.urls.len() {
            return Err(together(&errors));
        }
        let told = self.urls.len() - errors.len();
        let mut detail = format!("taken by {told} of {} targets", self.urls.len());
        for error in errors {
            // Members of a cluster tell each other: one is enough.
            let error = self.caller.clean(error);
            tracing::warn!(service = %self.name, "alertmanager sent target: {error}");
            detail.push_str("; ");
            detail.push_str(&error.detail);
        }
        Ok(Receipt { id: None, detail })
    }
}

impl Alertmanager {
    async fn send(&self, url: &str, body: Bytes, deadline: Instant) -> Result<(), DeliveryError> {
        let reply = self.caller.send(self.request(url, body)?, Repeats::NONE, deadline).await?;
        reply.accepted_by("Alertmanager's API").map(drop)
    }

    fn request(&self, url: &str, body: Bytes) -> Result<Request<Bytes>, DeliveryError> {
        let request = Outgoing::new("POST", url)?.header("content-type", "application/json")?;
        let request = match &self.login {
            Login::Nobody => request,
            Login::Basic(user, password) => request.basic(user, password)?,
            Login::Bearer(token) => request.bearer(token)?,
        };
        Ok(request.raw(body))
    }

    /// A list with one alert.
    fn body(&self, message: &Message) -> Result<Bytes, DeliveryError> {
        let refuse = |detail| Err(DeliveryError::permanent(ErrorKind::Rejected, detail));
        let Some(Value::Object(section)) = message.section("alertmanager") else {
            return refuse("notification alertmanager no config: the template has no `alertmanager` section");
        };
        let mut alert = section.clone();
        let labels = alert.get("labels").and_then(Value::as_object);
        if labels.is_none_or(serde_json::Map::is_empty) {
            return refuse("alertmanager at least one label pair required");
        }
        let start: Option<jiff::Timestamp> = text(message.section("alertmanager"), "startsAt").parse().ok();
        let resolved = alert.shift_remove("resolved").is_some_and(|flag| flag == true);
        let lasts = if resolved { Some(Duration::ZERO) } else { self.resolve_timeout };
        if let Some(end) = start.zip(lasts).and_then(|(start, lasts)| start.checked_add(lasts).ok()) {
            alert.insert("endsAt".to_owned(), end.to_string().into());
        }
        alert.retain(|name, value| name != "generatorURL" || value != "");
        Ok(Bytes::from(Value::Array(vec![alert.into()]).to_string()))
    }
}

/// One error for all targets: it is tried again if one of them may take it later.
fn together(errors: &[DeliveryError]) -> DeliveryError {
    let leading = errors.iter().find(|error| error.retry != Retry::No).or(errors.first());
    let details: Vec<&str> = errors.iter().map(|error| error.detail.as_str()).collect();
    let detail = format!("no events were successfully received by alertmanager: {}", details.join("; "));
    match leading {
        Some(error) => DeliveryError { detail, ..error.clone() },
        None => DeliveryError::permanent(ErrorKind::Config, detail),
    }
}
