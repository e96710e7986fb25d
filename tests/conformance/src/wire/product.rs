//! The product, used through its public interfaces: configuration, composition, delivery.

use std::collections::BTreeMap;
use std::sync::Arc;

use dodona::config::{BuildOptions, Config};
use dodona::delivery::client::{Clients, Proxies, Reach};
use dodona::delivery::{Service, services};
use dodona::engine::{self, Wanted};
use dodona::model::{Message, Object, Secret, Severity};
use dodona::source::Settings;
use dodona_value::{Document, NodeRef, Numbers, Runtime, Scope, Str, Time, Value, Zone};
use serde_json::Map;

use super::scene::Scene;
use super::vector::{Step, Vector};

/// An error and the stage at which it came.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// `config`, `render` or `send`.
    pub(crate) class: &'static str,
    /// Its text.
    pub(crate) text: String,
}

/// One configuration of the product.
pub(crate) struct Product {
    config: Config,
    service: String,
    host: Option<String>,
    first_vars: Map<String, serde_json::Value>,
}

impl Product {
    /// Builds the configuration of `vector`.
    pub(crate) fn build(vector: &Vector, scene: &Scene) -> Result<Self, Refused> {
        let clients = Clients::new(Reach {
            tls_directory: Some(scene.tls_directory.clone()),
            authorities: Some(vec![scene.trusted.der()]),
            strict_payloads: true,
            proxies: Proxies { https: scene.proxy(), ..Proxies::default() },
            environment: Arc::new(vector.env.clone().unwrap_or_default()),
            ..Reach::default()
        });
        let options = BuildOptions { namespace: "argocd".to_owned(), clients, ..BuildOptions::default() };
        let config = Config::build(&settings(vector), None, &options);
        let errors: Vec<String> = config
            .reports
            .iter()
            .filter(|report| report.severity == Severity::Error)
            .map(ToString::to_string)
            .collect();
        if !errors.is_empty() {
            return Err(Refused { class: "config", text: errors.join("; ") });
        }
        let first_vars = vector.first_step().vars.unwrap_or_default();
        Ok(Self { config, service: vector.service.clone(), host: vector.host.clone(), first_vars })
    }

    /// Composes and delivers one message; what the console prints goes to `printed`.
    pub(crate) async fn send(&self, step: &Step, printed: &mut String) -> Result<(), Refused> {
        let message = self.compose(step)?;
        let refused = |text: String| Refused { class: "send", text };
        if step.destination.service == "console" && self.service == "console" {
            *printed = services::console::show(&message);
            return Ok(());
        }
        let name = &step.destination.service;
        let service = self.config.services.get(name);
        let service: Arc<dyn Service> = match service.map(|configured| configured.service.clone()) {
            Some(Ok(service)) => service,
            Some(Err(why)) => return Err(Refused { class: "config", text: why }),
            None => return Err(refused(format!("notification service '{name}' is not supported"))),
        };
        let delivered = service.deliver(&message, &step.destination.recipient).await;
        delivered.map(drop).map_err(|error| refused(error.to_string()))
    }

    fn compose(&self, step: &Step) -> Result<Message, Refused> {
        let refused = |text: String| Refused { class: "render", text };
        let vars = step.vars.as_ref().unwrap_or(&self.first_vars);
        let scope = self.scope(vars, step).map_err(refused)?;
        let now = jiff::Timestamp::now();
        let runtime = Runtime::fixed(Time::unix(now.as_second(), 0, Zone::utc()));
        let send = engine::Send {
            again: false,
            policy: 0,
            trigger: "trigger".to_owned(),
            condition: "[0]".to_owned(),
            ledger_key: "key".to_owned(),
            destination: dodona::model::Destination::new(
                &*step.destination.service,
                &*step.destination.recipient,
            ),
            templates: step.send.clone(),
            object: object(vars).map_err(refused)?,
        };
        engine::compose(&send, &self.config.policy, Wanted::All, &scope, &runtime)
            .map_err(|error| refused(error.to_string()))
    }

    fn scope(&self, vars: &Map<String, serde_json::Value>, step: &Step) -> Result<Scope, String> {
        let mut variables = variables(vars)?;
        if self.host.as_deref() == Some("argocd") {
            let lookup: Arc<dyn dodona::model::Lookup> = Arc::new(Commits);
            variables.push(("repo".into(), dodona::binding::func::repo::repo(&object(vars)?, &lookup)));
        }
        variables.push(("serviceType".into(), Value::from(step.destination.service.as_str())));
        variables.push(("recipient".into(), Value::from(step.destination.recipient.as_str())));
        Ok(variables.into_iter().collect())
    }
}

fn settings(vector: &Vector) -> Settings {
    let mut config_map = BTreeMap::new();
    if !vector.service_key.is_empty() {
        config_map.insert(vector.service_key.clone(), overridden(vector));
    }
    config_map.insert(format!("template.{}", vector.template_name), vector.template.clone());
    for more in vector.more_templates.iter().flatten() {
        config_map.insert(format!("template.{}", more.name), more.template.clone());
    }
    let secrets = vector
        .secrets
        .iter()
        .flatten()
        .map(|(key, text)| (key.clone(), Secret::from(text.as_str())))
        .collect();
    Settings { config_map: Some(config_map), secret: Some(secrets) }
}

/// The service's settings with the keys of `override` added at the end.
fn overridden(vector: &Vector) -> String {
    let mut text = vector.service_config.clone();
    for (key, value) in vector.overriding.iter().flatten() {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.extend([key, ": ", &value.to_string(), "\n"]);
    }
    text
}

fn variables(vars: &Map<String, serde_json::Value>) -> Result<Vec<(Str, Value)>, String> {
    let text = serde_json::Value::Object(vars.clone()).to_string();
    let document = Document::parse(text, Numbers::Kubernetes).map_err(|error| error.to_string())?;
    let value = |name: &String| document.root().get(name).map_or(Value::Nil, NodeRef::to_value);
    Ok(vars.keys().map(|name| (Str::from(name.as_str()), value(name))).collect())
}

/// The object that the message is about; only lookups read it here.
fn object(vars: &Map<String, serde_json::Value>) -> Result<Arc<Object>, String> {
    let mut body = vars
        .get("app")
        .cloned()
        .filter(serde_json::Value::is_object)
        .unwrap_or_else(|| serde_json::json!({}));
    let named = body
        .pointer("/metadata/name")
        .and_then(serde_json::Value::as_str)
        .is_some_and(|name| !name.is_empty());
    if !named {
        body["metadata"] = serde_json::json!({"name": "object", "namespace": "default"});
    }
    let object = Object::parse(body.to_string().into_bytes().into(), Numbers::Kubernetes);
    object.map(Arc::new).map_err(|error| error.to_string())
}

/// The commits of the README: every revision has the same author and message, the empty one fails.
struct Commits;

impl dodona::model::Lookup for Commits {
    fn call(
        &self,
        _object: &Object,
        function: &str,
        arguments: &[Value],
    ) -> Result<Value, dodona::model::LookupError> {
        let revision = arguments.first().map(ToString::to_string).unwrap_or_default();
        if function != "GetCommitMetadata" || revision.is_empty() {
            return Err(dodona::model::LookupError {
                message: format!("`{function}` fails for `{revision}`"),
            });
        }
        let text = r#"{"Message": "fix: naïve café (#42)\n\nbody", "Author": "Ada L. <ada@example.org>", "Tags": []}"#;
        let document = Document::parse(text.as_bytes(), Numbers::Kubernetes);
        document
            .map(|document| document.to_value())
            .map_err(|error| dodona::model::LookupError { message: error.to_string() })
    }
}
