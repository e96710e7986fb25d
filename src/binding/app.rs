//! `app`: Argo CD Applications.

mod event;
mod history;

use std::sync::{Arc, LazyLock};

use dodona_value::{Document, Map, Scope, Str, Value};

use event::{App, Event};
use history::History;

use super::func::{repo, strings, sync, time};
use super::namespaces::NamespacePatterns;
use super::{Binding, Facts};
use crate::model::{Object, ObjectError, ObjectKey, Resource};

/// The Argo CD binding as it was started.
#[derive(Clone, Debug)]
pub struct AppBinding {
    /// Namespace of the controller, whose Applications are always watched.
    pub namespace: String,
    /// `--application-namespaces`.
    pub application_namespaces: NamespacePatterns,
    /// `--app-label-selector`.
    pub label_selector: String,
    /// `--config-map-name`.
    pub config_map: String,
    /// `--secret-name`.
    pub secret: String,
    /// `--self-service-notification-enabled`: no configuration shows its Secret to triggers and templates (core 4.2).
    pub self_service: bool,
    /// `--legacy-recipients`: the annotation of v1.0 and v1.1 counts on Applications (core 2.6.2).
    pub legacy_recipients: bool,
    /// What the Applications were before.
    history: Arc<History>,
    /// What is watched: the controller's namespace, or everything (empty) with application namespaces (core 5.3.2).
    watched: Vec<String>,
}

impl AppBinding {
    /// The binding of a controller in `namespace`.
    pub fn new(namespace: impl Into<String>, application_namespaces: NamespacePatterns) -> Self {
        let namespace = namespace.into();
        let watched = if application_namespaces.is_empty() { vec![namespace.clone()] } else { Vec::new() };
        Self {
            namespace,
            application_namespaces,
            label_selector: String::new(),
            config_map: "argocd-notifications-cm".into(),
            secret: "argocd-notifications-secret".into(),
            self_service: false,
            legacy_recipients: false,
            history: Arc::default(),
            watched,
        }
    }

    /// The project `name`, which is looked for where Argo CD keeps its projects: in the controller's namespace, wherever the
    /// Application is (core 2.7.2, 4.2.3, FIX).
    fn project(&self, name: &str) -> ObjectKey {
        ObjectKey::new(self.namespace.as_str(), name)
    }
}

/// `spec.project`; empty if there is none.
fn project_name(app: &Document) -> String {
    let name = app.root().path(&["spec", "project"]);
    name.and_then(|node| node.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The variable `appProject`: the project or, without a name, `default`; an empty map if it does not exist (core 4.2.3).
fn project_value(key: &ObjectKey, facts: &Facts<'_>) -> Value {
    let project = facts.companion(key);
    let document = project.as_ref().and_then(|project| project.document().ok());
    document.map_or_else(|| Value::Map(Map::new()), Document::to_value)
}

impl Binding for AppBinding {
    fn name(&self) -> &'static str {
        "app"
    }

    fn resource(&self) -> &Resource {
        static RESOURCE: LazyLock<Resource> =
            LazyLock::new(|| Resource::new("argoproj.io", "v1alpha1", "applications", Some("Application")));
        &RESOURCE
    }

    fn settings_names(&self) -> (&str, &str) {
        (&self.config_map, &self.secret)
    }

    fn legacy_recipients(&self) -> bool {
        self.legacy_recipients
    }

    fn metrics_prefix(&self) -> &'static str {
        "argocd"
    }

    fn namespaces(&self) -> &[String] {
        &self.watched
    }

    fn label_selector(&self) -> &str {
        &self.label_selector
    }

    fn companions(&self) -> Option<(&Resource, &str)> {
        static RESOURCE: LazyLock<Resource> =
            LazyLock::new(|| Resource::new("argoproj.io", "v1alpha1", "appprojects", Some("AppProject")));
        Some((&RESOURCE, &self.namespace))
    }

    fn companion_variable(&self) -> &'static str {
        "appProject"
    }

    /// Without `spec.project` there is no subscription by a project, not even by `default` (core 2.7.2).
    fn subscribed_by(&self, object: &Object) -> Result<Option<ObjectKey>, ObjectError> {
        let name = project_name(object.document()?);
        Ok((!name.is_empty()).then(|| self.project(&name)))
    }

    fn serves(&self, namespace: &str) -> bool {
        namespace == self.namespace || self.application_namespaces.matches(namespace)
    }

    fn skip(&self, object: &Object) -> Result<Option<String>, ObjectError> {
        if !self.serves(&object.key().namespace) {
            return Ok(Some(
                "app is not in one of the application-namespaces, nor the notification controller namespace"
                    .into(),
            ));
        }
        Ok((!is_refreshed(object.document()?)).then(|| "sync status out of date".into()))
    }

    fn scope(&self, object: &Arc<Object>, facts: &Facts<'_>) -> Result<Scope, ObjectError> {
        let app = object.document()?;
        let name = project_name(app);
        let project = self.project(if name.is_empty() { "default" } else { &name });
        let mut variables = vec![
            (Str::from_static("app"), app.to_value()),
            (Str::from_static("appProject"), project_value(&project, facts)),
            (Str::from_static("event"), Event::value(object, self.history.see(object, app))),
            (Str::from_static("context"), facts.context()),
            (Str::from_static("time"), time::time()),
            (Str::from_static("strings"), strings::strings()),
            (Str::from_static("sync"), sync::sync()),
            (Str::from_static("repo"), repo::repo(object, facts.lookup())),
        ];
        if !self.self_service {
            variables.push((Str::from_static("secrets"), facts.secrets()));
        }
        Ok(facts.finish(variables))
    }
}

/// Whether the sync status was computed after the last operation ended (core 5.3): a finished operation whose end is later
/// than both `reconciledAt` and `observedAt` has not been looked at yet, and would be told about with stale facts.
fn is_refreshed(app: &Document) -> bool {
    let app = App(app);
    !app.has_ended() || app.is_refreshed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dodona_value::Numbers;

    fn refreshed(status: &str) -> bool {
        let json = format!(r#"{{"metadata":{{"name":"a"}},"status":{status}}}"#);
        is_refreshed(&Document::parse(json.into_bytes(), Numbers::Kubernetes).unwrap())
    }

    /// The table of core 5.3.
    #[test]
    fn sync_status_out_of_date() {
        for (status, expected) in [
            (r"{}", true),
            (r#"{"operationState":7}"#, true),
            (r#"{"operationState":{}}"#, true),
            (r#"{"operationState":{"phase":"Running"}}"#, true),
            (r#"{"operationState":{"phase":"Succeeded"},"reconciledAt":"2020-01-01T00:00:00Z"}"#, false),
            (
                r#"{"operationState":{"phase":"Failed","finishedAt":"yesterday"},"reconciledAt":"2020-01-01T00:00:00Z"}"#,
                false,
            ),
            (
                r#"{"operationState":{"phase":"Error","finishedAt":"2020-01-01T00:00:01Z"},"reconciledAt":"2020-01-01T00:00:00Z"}"#,
                false,
            ),
            (r#"{"operationState":{"phase":"Error","finishedAt":"2020-01-01T00:00:01Z"}}"#, false),
            (r#"{"operationState":{"phase":"Error","finishedAt":"0001-01-01T00:00:00Z"}}"#, true),
            (
                r#"{"operationState":{"phase":"Error","finishedAt":"2020-01-01 00:00:01Z"},"reconciledAt":"2020-01-01T00:00:05Z"}"#,
                false,
            ),
            (
                r#"{"operationState":{"phase":"Error","finishedAt":"2020-01-01T00:00Z"},"reconciledAt":"2020-01-01T00:00:05Z"}"#,
                false,
            ),
            (
                r#"{"operationState":{"phase":"Error","finishedAt":"2020-01-01T00:00:01Z"},"reconciledAt":"20200101T000005Z"}"#,
                false,
            ),
            (
                r#"{"operationState":{"phase":"Error","finishedAt":"2020-01-01T00:00:01,5Z"},"reconciledAt":"2020-01-01T00:00:05+00:00"}"#,
                true,
            ),
            (
                r#"{"operationState":{"phase":"Error","finishedAt":"2020-01-01T00:00:01Z"},"reconciledAt":"2020-01-01T00:00:01Z"}"#,
                true,
            ),
            (
                r#"{"operationState":{"phase":"Error","finishedAt":"2020-01-01T00:00:01Z"},"reconciledAt":"bad","observedAt":"2020-01-01T00:00:05Z"}"#,
                true,
            ),
        ] {
            assert_eq!(refreshed(status), expected, "{status}");
        }
    }
}
