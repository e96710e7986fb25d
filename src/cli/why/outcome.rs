//! What becomes of one notification, in one sentence.

use std::sync::Arc;

use dodona_value::Scope;

use super::told::{Told, date};
use super::{index, shown};
use crate::cli::workspace::Workspace;
use crate::engine::{Plan, Send, Verdict, Wanted, compose};
use crate::model::{Destination, Object};

/// What becomes of one notification.
pub(super) struct Outcome {
    pub(super) trigger: String,
    pub(super) destination: String,
    /// Whether it would be sent now.
    pub(super) sends: bool,
    /// One sentence, without its capital letter and full stop.
    pub(super) because: String,
}

/// Finds out what becomes of notifications.
pub(super) struct Looker<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) object: &'a Arc<Object>,
    pub(super) plan: &'a Plan,
    pub(super) told: &'a [Told],
    /// Whether this version of the object is not looked at at all.
    pub(super) skipped: bool,
}

impl Looker<'_> {
    /// What becomes of the notification of `verdict` to `target`.
    pub(super) fn outcome(&self, verdict: &Verdict, target: &Destination) -> Outcome {
        let trigger = &verdict.trigger;
        let to = shown(target);
        let (sends, because) = match index(verdict) {
            None => (
                false,
                format!(
                    "nothing is sent to {to}, because trigger '{trigger}' is not configured; add `trigger.{trigger}` or correct the name in the subscription"
                ),
            ),
            Some(index) => {
                let condition = format!("condition [{index}] of {trigger}");
                match (&verdict.error, verdict.triggered) {
                    (_, true) => self.holds(verdict, target, &condition),
                    (None, false) if verdict.waits_until.is_some() => {
                        let until = verdict.waits_until.map(date).unwrap_or_default();
                        let because = format!(
                            "nothing is sent to {to} yet, because {condition} has to hold until {until}"
                        );
                        (false, because)
                    }
                    (None, false) if self.send(verdict, target).is_some() => {
                        let because = format!(
                            "a notification would be sent to {to}, because {condition} was told and does not hold any more"
                        );
                        (true, because)
                    }
                    (None, false) => {
                        (false, format!("nothing is sent to {to}, because {condition} does not hold"))
                    }
                    (Some(error), false) => {
                        let error = error.trim_start_matches("failed to execute when condition: ");
                        (
                            false,
                            format!(
                                "nothing is sent to {to}, because {condition} cannot be evaluated and counts as false: {error}"
                            ),
                        )
                    }
                }
            }
        };
        let (sends, because) = match (sends, self.skipped) {
            (true, true) => (
                false,
                format!("nothing is sent to {to} before the object is looked at again; then {because}"),
            ),
            (sends, _) => (sends, because),
        };
        Outcome { trigger: trigger.to_string(), destination: to, sends, because }
    }

    /// The notification, if it is decided that it is sent.
    fn send(&self, verdict: &Verdict, target: &Destination) -> Option<&Send> {
        self.plan.send.iter().find(|send| {
            *send.trigger == *verdict.trigger
                && *send.condition == *verdict.key
                && send.destination == *target
        })
    }

    fn holds(&self, verdict: &Verdict, target: &Destination, condition: &str) -> (bool, String) {
        let to = shown(target);
        let once = match verdict.once_per.as_str() {
            "" => String::new(),
            once => format!(" for {once}"),
        };
        let Some(send) = self.send(verdict, target) else {
            return (false, self.told(verdict, target, condition, &once));
        };
        match self.obstacle(send) {
            None => {
                let templates = verdict.templates.join(", ");
                let because = format!(
                    "a notification would be sent to {to} with {templates}, because {condition} holds and it was not told{once} yet"
                );
                (true, because)
            }
            Some(obstacle) => {
                (false, format!("{condition} holds, but the notification to {to} would fail: {obstacle}"))
            }
        }
    }

    /// It was told before.
    fn told(&self, verdict: &Verdict, target: &Destination, condition: &str, once: &str) -> String {
        let ending = format!("{}:{}:{}:{}", verdict.trigger, verdict.key, target.service, target.recipient);
        let tenant = self.workspace.tenant.as_deref().unwrap_or_default();
        let parts = [verdict.once_per.as_str(), tenant, &ending];
        let key = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(":");
        let at = self.told.iter().find(|told| told.key == key);
        let at = at.map(|told| format!(" at {}", date(told.time))).unwrap_or_default();
        let again = if once.is_empty() {
            "it is told again after the condition was false in between"
        } else {
            "it is told again when `oncePer` has another value"
        };
        format!("nothing is sent to {} again, because {condition} was told{once}{at}; {again}", shown(target))
    }

    /// Why a notification that is decided about could not go out; `None` if nothing is in its way here.
    fn obstacle(&self, send: &Send) -> Option<String> {
        let name = &*send.destination.service;
        let Some(configured) = self.workspace.config.services.get(name) else {
            return Some(format!(
                "there is no service called `{name}`; add `service.{name}` or `service.<type>.{name}`"
            ));
        };
        if let Err(why) = &configured.service {
            return Some(format!("service '{name}' is not usable: {why}"));
        }
        let policy = &self.workspace.config.policy;
        let asked = |name: &str| {
            send.templates.iter().filter_map(|one| policy.templates.get(one)).any(|one| one.mentions(name))
        };
        let wanted = Wanted::Section(configured.section);
        let program = |scope: &Scope| compose(send, policy, wanted, scope, &self.workspace.runtime);
        let message = self.workspace.run(self.object, Some(&send.destination), asked, program);
        let message = message.and_then(|composed| Ok(composed?));
        message.err().map(|error| self.workspace.redactor.redact(&error.to_string()).into_owned())
    }
}
