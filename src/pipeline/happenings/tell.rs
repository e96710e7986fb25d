//! One happening: who is told, with which object, and what becomes of the messages.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dodona_value::Numbers;
use tokio::time::timeout;

use super::Occurrence;
use crate::binding::rollout::{trigger_name, workload};
use crate::engine::{self, HappeningInput, Plan};
use crate::model::{Happening, Object, ObjectKey, Resource};
use crate::pipeline::Lane;
use crate::pipeline::lane::PostError;
use crate::pipeline::settings::Applied;
use crate::source::Fetch;
use crate::telemetry::rollouts::RolloutCount;

/// Longest wait for a workload: the next event is waiting.
const PATIENCE: Duration = Duration::from_secs(5);

/// Begins the `condition` of a message about a happening; those of states begin with `[`.
const MARK: &str = "event:";

/// What a message about a happening says about it, in the place of the condition's key.
pub(super) fn label(happening: &Happening, condition: &str) -> String {
    // A blank keeps reasons with a colon apart.
    format!("{MARK}{} {} {} {condition}", happening.id, happening.kind(), happening.reason)
}

/// Reads [`label`] back: id, type, reason.
fn parts(condition: &str) -> Option<(&str, &'static str, &str)> {
    let (id, rest) = condition.strip_prefix(MARK)?.split_once(' ')?;
    let (kind, rest) = rest.split_once(' ')?;
    let (reason, _) = rest.rsplit_once(' ')?;
    Some((id, if kind == "Warning" { "Warning" } else { "Normal" }, reason))
}

impl Lane {
    /// Tells a happening. Returns how many messages are on their way.
    pub(super) async fn tell_happening(
        self: &Arc<Self>,
        occurrence: &Occurrence<'_>,
        fetch: Option<&dyn Fetch>,
    ) -> usize {
        let mut happening = occurrence.happening.clone();
        let trigger = trigger_name(&happening.reason);
        self.note_happening(&happening, &trigger);
        let mut messages = 0;
        if self.is_wanted(&happening.object, &trigger) {
            match prepared(&happening.object, fetch).await {
                Ok(object) => happening.object = object,
                Err(error) => {
                    tracing::error!(resource = %happening.object.key(), "Failed to process: {error}");
                }
            }
            messages = self.decide_and_post_happening(&happening, &trigger, occurrence).await;
        }
        if messages == 0 {
            let key = happening.object.key();
            self.metrics.rollouts().observe(&key.namespace, &key.name, 0.0);
        }
        messages
    }

    /// Whether a message would be sent, if the conditions hold.
    pub(super) fn is_wanted(&self, object: &Arc<Object>, trigger: &str) -> bool {
        let applied = self.applied(object);
        self.with_policies(object, &applied, &[], |policies| {
            engine::is_wanted(object, trigger, policies, self.reading())
        })
    }

    async fn decide_and_post_happening(
        self: &Arc<Self>,
        happening: &Happening,
        trigger: &str,
        occurrence: &Occurrence<'_>,
    ) -> usize {
        let applied = self.applied(&happening.object);
        let plan = self.decide_happening(happening, trigger, occurrence, &applied);
        self.note_happening_plan(happening, &plan);
        if plan.patch {
            self.writer.write(happening.object.key());
        }
        let messages = plan.send.len();
        if messages > 0 {
            self.happenings.open(&happening.id, happening.object.key(), messages, occurrence.event);
        }
        for mut send in plan.send {
            // Policies and configurations are in the same order.
            let Some(in_force) = applied.configurations.get(send.policy) else { continue };
            send.condition = label(happening, &send.condition);
            self.post(send, in_force).await;
        }
        messages
    }

    fn decide_happening(
        &self,
        happening: &Happening,
        trigger: &str,
        occurrence: &Occurrence<'_>,
        applied: &Applied,
    ) -> Plan {
        let once_per = self.binding.event_rules().is_some_and(|rules| rules.once_per);
        self.with_policies(&happening.object, applied, &[], |policies| {
            let input = HappeningInput {
                happening,
                trigger,
                policies,
                reading: self.reading(),
                runtime: &self.runtime,
                once_per: occurrence.newest.filter(|_| once_per).map(|newest| &**newest),
            };
            self.patience.with(|| engine::decide_happening(&input, &mut self.ledger()))
        })
    }

    /// A message came to its end. Says whether it was about a happening.
    pub(in crate::pipeline) fn happening_ended(&self, object: &ObjectKey, condition: &str, delivered: bool) {
        let Some((id, kind, reason)) = parts(condition) else { return };
        let what = if delivered { RolloutCount::SendSuccess } else { RolloutCount::SendError };
        let figures = self.metrics.rollouts();
        figures.count(what, &object.namespace, &object.name, kind, reason);
        if let Some((object, took)) = self.happenings.ended(id) {
            figures.observe(&object.namespace, &object.name, took.as_secs_f64());
        }
    }

    fn note_happening(&self, happening: &Happening, trigger: &str) {
        let key = happening.object.key();
        tracing::debug!(resource = %key, reason = happening.reason, version = happening.object.resource_version(), "event for trigger {trigger}");
        if happening.object.kind() == "Rollout" || happening.object.kind().is_empty() {
            self.metrics.rollouts().count(
                RolloutCount::Event,
                &key.namespace,
                &key.name,
                happening.kind(),
                &happening.reason,
            );
        }
    }

    fn note_happening_plan(&self, happening: &Happening, plan: &Plan) {
        let resource = happening.object.key();
        if let Some(problem) = &plan.problem {
            tracing::error!(%resource, "Failed to process: {problem}");
        }
        for verdict in &plan.verdicts {
            match &verdict.error {
                // Events are many, and the triggers that nobody configured too (core 3.4.1, 6.6).
                Some(error) if verdict.key.is_empty() => tracing::debug!(%resource, "{error}"),
                Some(error) => tracing::warn!(%resource, trigger = %verdict.trigger, "{error}"),
                None => {}
            }
            if !verdict.key.is_empty() {
                self.metrics.evaluated(self.binding.metrics_prefix(), &verdict.trigger, verdict.triggered);
            }
        }
    }
}

/// The object as the event engine shows it: plain JSON numbers (core 3.2.2), and the template of a workload put in.
async fn prepared(object: &Arc<Object>, fetch: Option<&dyn Fetch>) -> Result<Arc<Object>, PostError> {
    if let (Some(fetch), Some((resource, key))) = (fetch, workload::reference(object)) {
        match with_template(object, fetch, &resource, &key).await {
            Ok(json) => return Ok(Arc::new(Object::parse(json, Numbers::Float)?)),
            Err(problem) => {
                tracing::warn!(resource = %object.key(), problem, "the template in {resource}/{key} is not shown");
            }
        }
    }
    Ok(Arc::new(object.with_numbers(Numbers::Float)?))
}

async fn with_template(
    object: &Object,
    fetch: &dyn Fetch,
    resource: &Resource,
    key: &ObjectKey,
) -> Result<Bytes, String> {
    let found = timeout(PATIENCE, fetch.fetch(resource, key)).await.map_err(|_| "no answer in time")?;
    let workload = found.map_err(|error| error.to_string())?.ok_or("it does not exist")?;
    workload::fill(object, &workload).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_it_is_about() {
        let object = Object::parse(r#"{"metadata":{"name":"cart"}}"#.into(), Numbers::Float).unwrap();
        let happening = Happening {
            object: Arc::new(object),
            reason: "Updated VirtualService".into(),
            warning: true,
            id: "uid.3".into(),
        };
        let label = label(&happening, "[0].abc");
        assert_eq!(label, "event:uid.3 Warning Updated VirtualService [0].abc");
        assert_eq!(parts(&label), Some(("uid.3", "Warning", "Updated VirtualService")));
        assert_eq!(parts("[0].abc"), None);
    }
}
