//! What the pipeline tells operators on its way: log lines in upstream's shapes (core 5.7) and metrics (core 5.8).
//!
//! Upstream logs four lines for every subscribed object and every minute. Here a line is written when something happens:
//! what was sent, refused or misconfigured; the rest is there at level debug (`docs/compat.md`).

use super::Lane;
use super::lane::PostError;
use super::settings::new_reports;
use crate::config::Config;
use crate::engine::{Plan, Presence, Send, Verdict};
use crate::model::{Change, Destination, ObjectKey, Report, Severity};
use crate::outbox::{AcceptError, Ending, Parcel};
use crate::source::Subject;
use crate::telemetry::metrics::ConfigItem;

impl Lane {
    pub(super) fn note_skipped(&self, change: &Change, reason: &str) {
        tracing::debug!(resource = %change.object.key(), binding = self.binding.name(), "Processing skipped: {reason}");
    }

    pub(super) fn note_plan(&self, change: &Change, plan: &Plan) {
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
            self.note_verdict(change, plan, verdict);
        }
        for suppressed in plan.suppressed.iter().filter(|suppressed| suppressed.why == Presence::Told) {
            tracing::debug!(
                %resource,
                "Notification about condition '{}.{}' already sent to '{}' using the configuration in namespace {}",
                suppressed.trigger, suppressed.condition, suppressed.destination, self.namespace
            );
        }
    }

    fn note_verdict(&self, change: &Change, plan: &Plan, verdict: &Verdict) {
        let resource = change.object.key();
        if verdict.key.is_empty() {
            let error = verdict.error.as_deref().unwrap_or_default();
            let namespace = &self.namespace;
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
            && plan
                .send
                .iter()
                .any(|send| *send.trigger == *verdict.trigger && *send.condition == *verdict.key)
        {
            tracing::info!(%resource, "Trigger '{}' {result} | revision: {revision} | templates: [{templates}]", verdict.trigger);
        } else {
            tracing::debug!(%resource, "Trigger '{}' {result} | revision: {revision} | templates: [{templates}]", verdict.trigger);
        }
    }

    pub(super) fn note_sending(&self, send: &Send) {
        tracing::info!(
            resource = %send.object.key(),
            "Sending notification about condition '{}.{}' to '{}' using the configuration in namespace {}",
            send.trigger, send.condition, send.destination, self.namespace
        );
    }

    pub(super) fn note_unsent(&self, send: &Send, error: &AcceptError) {
        let (resource, namespace) = (send.object.key(), &self.namespace);
        tracing::error!(
            %resource,
            "Failed to notify recipient {} defined in resource {resource}: {error} using the configuration in namespace {namespace}",
            send.destination
        );
    }

    pub(super) fn note_unrenderable(&self, send: &Send, error: &PostError) {
        self.metrics.delivered(
            self.binding.metrics_prefix(),
            &send.trigger,
            &send.destination.service,
            false,
        );
        let (resource, namespace) = (send.object.key(), &self.namespace);
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
        let namespace = &self.namespace;
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
    pub(super) fn note_configuration(&self, before: &[Report], now: &Config) {
        let items = now.items.iter().map(|item| ConfigItem {
            kind: item.kind.clone(),
            name: item.name.clone(),
            valid: item.valid,
        });
        self.metrics.config_items(self.binding.name(), items.collect());
        self.redactor.set(self.binding.name(), now.secrets.values());
        let Some(notices) = &self.notices else { return };
        let subject = Subject {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            key: ObjectKey::new(self.namespace.as_str(), self.binding.settings_names().0),
            uid: String::new(),
        };
        for report in new_reports(before, &now.reports) {
            notices.record(&subject, report.severity, "ConfigurationRefused", &report.to_string());
        }
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
            key: object.clone(),
            uid: uid.to_owned(),
        };
        let message = format!("`{trigger}` was not told to {destination}: {why}");
        notices.record(&subject, Severity::Warning, "NotificationRefused", &self.redactor.redact(&message));
    }
}
