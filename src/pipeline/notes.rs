//! What the pipeline tells operators on its way: log lines in upstream's shapes (core 5.7) and metrics (core 5.8).
//!
//! Upstream logs four lines for every subscribed object and every minute. Here a line is written when something happens:
//! what was sent, refused or misconfigured; the rest is there at level debug (`docs/compat.md`).

use super::Lane;
use super::lane::PostError;
use super::settings::{Applied, InForce, log_reports, new_reports};
use crate::engine::{Plan, Presence, Send, Verdict};
use crate::model::{Change, Destination, ObjectKey, Severity};
use crate::outbox::{AcceptError, Ending, Parcel};
use crate::source::Subject;
use crate::telemetry::metrics::ConfigItem;

impl Lane {
    pub(super) fn note_skipped(&self, change: &Change, reason: &str) {
        tracing::debug!(resource = %change.object.key(), binding = self.binding.name(), "Processing skipped: {reason}");
    }

    pub(super) fn note_plan(&self, change: &Change, plan: &Plan, applied: &Applied) {
        let resource = change.object.key();
        if let Some(problem) = &plan.problem {
            tracing::error!(%resource, "Failed to process: {problem}");
        }
        if !plan.subscribed {
            return;
        }
        tracing::debug!(%resource, "Start processing");
        for report in &plan.reports {
            tracing::warn!(%resource, "subscription: {report}");
        }
        for verdict in &plan.verdicts {
            self.note_verdict(change, plan, verdict, applied.namespace(verdict.policy));
        }
        for suppressed in plan.suppressed.iter().filter(|suppressed| suppressed.why == Presence::Told) {
            tracing::debug!(
                %resource,
                "Notification about condition '{}.{}' already sent to '{}' using the configuration in namespace {}",
                suppressed.trigger, suppressed.condition, suppressed.destination, applied.namespace(suppressed.policy)
            );
        }
    }

    fn note_verdict(&self, change: &Change, plan: &Plan, verdict: &Verdict, namespace: &str) {
        let resource = change.object.key();
        if verdict.key.is_empty() {
            let error = verdict.error.as_deref().unwrap_or_default();
            tracing::warn!(%resource, "Failed to evaluate condition of trigger {}: {error} using the configuration in namespace {namespace}", verdict.trigger);
            return;
        }
        self.metrics.evaluated(self.binding.metrics_prefix(), &verdict.trigger, verdict.triggered);
        if let Some(error) = &verdict.error {
            tracing::warn!(%resource, trigger = %verdict.trigger, "{error}");
        }
        let result = if verdict.triggered { "TRIGGERED" } else { "FAILED" };
        let revision: String = verdict.once_per.chars().take(8).collect();
        let templates = verdict.templates.join(" ");
        // Only what leads to a message is news.
        if verdict.triggered
            && plan.send.iter().any(|send| {
                !send.again
                    && send.policy == verdict.policy
                    && *send.trigger == *verdict.trigger
                    && *send.condition == *verdict.key
            })
        {
            tracing::info!(%resource, "Trigger '{}' {result} | revision: {revision} | templates: [{templates}]", verdict.trigger);
        } else {
            tracing::debug!(%resource, "Trigger '{}' {result} | revision: {revision} | templates: [{templates}]", verdict.trigger);
        }
    }

    #[expect(clippy::unused_self, reason = "a note of the lane as the others")]
    pub(super) fn note_sending(&self, send: &Send, in_force: &InForce) {
        tracing::info!(
            resource = %send.object.key(),
            "Sending notification about condition '{}.{}' to '{}' using the configuration in namespace {}",
            send.trigger, send.condition, send.destination, in_force.namespace
        );
    }

    #[expect(clippy::unused_self, reason = "a note of the lane as the others")]
    pub(super) fn note_unsent(&self, send: &Send, error: &AcceptError, in_force: &InForce) {
        let (resource, namespace) = (send.object.key(), &in_force.namespace);
        tracing::error!(
            %resource,
            "Failed to notify recipient {} defined in resource {resource}: {error} using the configuration in namespace {namespace}",
            send.destination
        );
    }

    pub(super) fn note_unrenderable(&self, send: &Send, error: &PostError, in_force: &InForce) {
        self.metrics.delivered(
            self.binding.metrics_prefix(),
            &send.trigger,
            &send.destination.service,
            false,
        );
        let (resource, namespace) = (send.object.key(), &in_force.namespace);
        tracing::error!(
            %resource,
            "Failed to notify recipient {} defined in resource {resource}: {error} using the configuration in namespace {namespace}",
            send.destination
        );
        self.note_refused(resource, send.object.uid(), &send.destination, &send.trigger, &error.to_string());
    }

    pub(super) fn note_ending(&self, parcel: &Parcel, ending: &Ending) {
        let delivered = matches!(ending, Ending::Delivered(_));
        self.metrics.delivered(
            self.binding.metrics_prefix(),
            &parcel.trigger,
            &parcel.destination.service,
            delivered,
        );
        let resource = super::object_key(parcel);
        let namespace = &parcel.config_namespace;
        match ending {
            Ending::Delivered(receipt) => tracing::debug!(
                %resource,
                receipt = %receipt.detail,
                "Notification {} was sent using the configuration in namespace {namespace}",
                parcel.destination.recipient
            ),
            Ending::Refused(error) => {
                tracing::error!(
                    %resource,
                    attempts = parcel.attempts,
                    "Failed to notify recipient {} defined in resource {resource}: {error} using the configuration in namespace {namespace}",
                    parcel.destination
                );
                self.note_refused(&resource, "", &parcel.destination, &parcel.trigger, &error.to_string());
            }
        }
    }
}

impl Lane {
    /// Shows which keys are in force as written, and tells people who look at the ConfigMap about those that are not.
    pub(super) fn note_configuration(&self, before: Option<&InForce>, now: &InForce) {
        let items = now.config.items.iter().map(|item| ConfigItem {
            kind: item.kind.clone(),
            name: item.name.clone(),
            valid: item.valid,
        });
        let owner = self.owner(now);
        self.metrics.config_items(&owner, items.collect());
        self.redactor.set(&owner, now.config.secrets.values());
        let known = before.map_or(&[][..], |before| &before.config.reports);
        let news = new_reports(known, &now.config.reports);
        log_reports(self.binding.name(), &now.namespace, &news);
        let Some(notices) = &self.notices else { return };
        let subject = Subject {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            plural: "configmaps".into(),
            key: ObjectKey::new(now.namespace.as_str(), self.binding.settings_names().0),
            uid: String::new(),
        };
        for report in news {
            let message = report.to_string();
            let reason = match report.severity {
                Severity::Error => "ConfigurationRefused",
                Severity::Warning => "ConfigurationWarning",
            };
            notices.record(&subject, report.severity, reason, &self.redactor.redact(&message));
        }
    }

    /// A tenant has no configuration any more.
    pub(super) fn note_gone(&self, before: &InForce) {
        let owner = self.owner(before);
        self.metrics.config_items(&owner, Vec::new());
        self.redactor.set(&owner, []);
    }

    /// Whose keys and secrets they are.
    fn owner(&self, configuration: &InForce) -> String {
        let name = self.binding.name();
        if configuration.tenant { format!("{name}/{}", configuration.namespace) } else { name.to_owned() }
    }

    /// Tells people who look at the object that somebody was not told about it.
    fn note_refused(
        &self,
        object: &ObjectKey,
        uid: &str,
        destination: &Destination,
        trigger: &str,
        why: &str,
    ) {
        let Some(notices) = &self.notices else { return };
        let resource = self.binding.resource();
        let subject = Subject {
            api_version: resource.api_version(),
            kind: resource.kind.clone().unwrap_or_default(),
            plural: resource.plural.clone(),
            key: object.clone(),
            uid: uid.to_owned(),
        };
        let message = format!("`{trigger}` was not told to {destination}: {why}");
        notices.record(&subject, Severity::Warning, "NotificationRefused", &self.redactor.redact(&message));
    }
}
