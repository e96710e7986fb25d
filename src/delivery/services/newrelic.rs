//! newrelic: deployment markers of an application (services 2.17).

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value, json};

use crate::delivery::driver::{Driver, HttpService, Reply};
use crate::delivery::options::Options;
use crate::delivery::request::{Outgoing, segment};
use crate::delivery::section::{Field, FieldSection, Kind, text};
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt, Section};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "newrelic",
    section: Some(SectionType { key: "newrelic", compile }),
    needs_recipient: true,
    build,
};

/// Where New Relic is, for accounts in the United States.
const DEFAULT_API: &str = "https://api.newrelic.com";

const REVISION: &str = "{{.app.status.operationState.syncResult.revision}}";
const CHANGELOG: &str =
    "{{(call .repo.GetCommitMetadata .app.status.operationState.syncResult.revision).Message}}";
const USER: &str = "{{(call .repo.GetCommitMetadata .app.status.operationState.syncResult.revision).Author}}";

/// The defaults apply again in every template that has the section (services 1.3).
const FIELDS: &[Field] = &[
    Field::text("revision").always().shown().holds(Kind::TextOr(REVISION)),
    Field::text("changelog").always().holds(Kind::TextOr(CHANGELOG)),
    Field::text("description").always(),
    Field::text("user").always().holds(Kind::TextOr(USER)),
];

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    FieldSection::compile(template, section, FIELDS)
}

struct NewRelic {
    api: String,
    key: String,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let api = options.address("apiURL")?;
    let api = if api.is_empty() { DEFAULT_API } else { api.strip_suffix('/').unwrap_or(&api) };
    let newrelic = NewRelic { api: api.to_owned(), key: options.secret("apiKey")? };
    if newrelic.key.is_empty() {
        let problem = "no `apiKey` is set: every message to this service will be refused";
        context.warnings.push(options.error("apiKey", problem));
    }
    Driver::build(context, &options, newrelic)
}

impl HttpService for NewRelic {
    fn request(&self, message: &Message, recipient: &str) -> Result<Request<Bytes>, DeliveryError> {
        let refuse = |kind, detail: &str| Err(DeliveryError::permanent(kind, detail));
        if self.key.is_empty() {
            return refuse(ErrorKind::Auth, "apiKey is missing");
        }
        let Some(section) = message.section("newrelic") else {
            return refuse(ErrorKind::Rejected, "config is missing: the template has no `newrelic` section");
        };
        if matches!(recipient, "." | "..") {
            return refuse(ErrorKind::NotFound, "the recipient must be the id of an application");
        }
        let section = Some(section);
        let description = Some(text(section, "description")).filter(|text| !text.is_empty());
        let mut deployment = Map::new();
        deployment.insert("revision".to_owned(), text(section, "revision").into());
        for (name, value) in [
            ("changelog", text(section, "changelog")),
            ("description", description.unwrap_or(&message.text)),
            ("user", text(section, "user")),
        ] {
            if !value.is_empty() {
                deployment.insert(name.to_owned(), value.into());
            }
        }
        let url = format!("{}/v2/applications/{}/deployments.json", self.api, segment(recipient));
        let request = Outgoing::new("POST", &url)?.header("x-api-key", &self.key)?;
        Ok(request.json(&json!({"deployment": deployment})))
    }

    /// Upstream takes every answer for a success (FIX!).
    fn judge(&self, reply: &Reply) -> Result<Receipt, DeliveryError> {
        let mut receipt = reply.accepted_by("New Relic's API")?;
        let answer = reply.json().unwrap_or_default();
        if answer.get("error").is_some() {
            return Err(reply.refused());
        }
        let id = answer.pointer("/deployment/id").and_then(Value::as_i64);
        receipt.id = id.map(|id| id.to_string());
        Ok(receipt)
    }
}
