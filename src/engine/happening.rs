//! The second door to a decision: something happened, and its reason names the trigger (core 6.2).
//!
//! Differences from [`decide()`](super::decide()): an empty `when` always holds, `oncePer` is ignored unless asked for, and
//! nothing is written down, because each occurrence is told by itself.

use std::sync::Arc;

use dodona_value::Runtime;

use super::decide::{Applicable, Plan, Suppressed};
use super::subscribe::{Reading, destinations};
use super::trigger::{Verdict, evaluate_event, ledger_key};
use super::{Ledger, Presence, Send};
use crate::model::{Destination, Happening, Object};

/// Everything that a decision about a happening depends on, but for the ledger.
#[derive(Clone, Copy)]
pub struct HappeningInput<'a> {
    /// What happened, with the version that messages show.
    pub happening: &'a Happening,
    /// Name of the trigger (core 6.4).
    pub trigger: &'a str,
    /// The policies that apply.
    pub policies: &'a [Applicable<'a>],
    /// How annotations are read.
    pub reading: Reading<'a>,
    /// Limits, clock and zone of the conditions.
    pub runtime: &'a Runtime,
    /// Where `oncePer` counts: the newest version of the object, whose annotation says what was told.
    pub once_per: Option<&'a Object>,
}

/// Whether anybody is subscribed to `trigger` and some configuration has it. Reads the metadata only.
pub fn is_wanted(object: &Object, trigger: &str, policies: &[Applicable<'_>], reading: Reading<'_>) -> bool {
    policies.iter().any(|applicable| {
        let found = destinations(object, applicable.policy, applicable.projects, reading, &mut Vec::new());
        let subscribed = found.iter().any(|(name, _)| **name == *trigger);
        subscribed && applicable.policy.triggers.contains_key(trigger)
    })
}

/// Decides. The ledger is asked only where `oncePer` counts; other sends have no ledger key.
pub fn decide_happening(input: &HappeningInput<'_>, ledger: &mut Ledger) -> Plan {
    let mut plan = Plan::default();
    let mut asked = Vec::new();
    for (index, applicable) in input.policies.iter().enumerate() {
        let policy = applicable.policy;
        let object = &input.happening.object;
        let found = destinations(object, policy, applicable.projects, input.reading, &mut plan.reports);
        plan.subscribed |= !found.is_empty();
        let Some((name, targets)) = found.iter().find(|(name, _)| ***name == *input.trigger) else {
            continue;
        };
        let Some(trigger) = policy.triggers.get(input.trigger) else {
            plan.verdicts.push(Verdict::not_configured(index, name));
            continue;
        };
        let scope = match (applicable.scope)() {
            Ok(scope) => scope,
            Err(error) => {
                plan.problem = Some(error.to_string());
                continue;
            }
        };
        let once_per = input.once_per.is_some();
        for verdict in evaluate_event(index, name, trigger, &scope, input.runtime, once_per) {
            for target in targets.iter().filter(|_| verdict.triggered) {
                let send = send(input, index, &verdict, target);
                if verdict.once_per.is_empty() {
                    plan.send.push(send);
                } else {
                    let mut key = String::new();
                    let namespace = policy.prefix_keys.then_some(policy.namespace.as_str());
                    ledger_key(&mut key, namespace, &verdict, target);
                    let fingerprint = policy.fingerprint(target, &verdict.templates);
                    asked.push((Send { ledger_key: key, ..send }, fingerprint));
                }
            }
            plan.verdicts.push(verdict);
        }
    }
    if let (Some(newest), false) = (input.once_per, asked.is_empty()) {
        consult(newest, asked, ledger, &mut plan);
    }
    plan
}

/// Leaves out what the record says was told, whichever engine told it.
fn consult(newest: &Object, asked: Vec<(Send, u64)>, ledger: &mut Ledger, plan: &mut Plan) {
    let mut pass = ledger.consult(newest);
    for (send, fingerprint) in asked {
        let presence = pass.presence(&send.ledger_key);
        match presence {
            Presence::Absent | Presence::Unrendered => {}
            Presence::Refused(former) if former != fingerprint => {}
            why => {
                pass.keep(&send.ledger_key);
                plan.suppressed.push(Suppressed {
                    policy: send.policy,
                    trigger: send.trigger.as_str().into(),
                    condition: send.condition.as_str().into(),
                    destination: send.destination,
                    why,
                });
                continue;
            }
        }
        pass.queue(&send.ledger_key, fingerprint);
        plan.send.push(send);
    }
    plan.patch = pass.finish();
}

fn send(input: &HappeningInput<'_>, policy: usize, verdict: &Verdict, target: &Destination) -> Send {
    Send {
        policy,
        trigger: input.trigger.to_owned(),
        condition: verdict.key.as_ref().to_owned(),
        ledger_key: String::new(),
        destination: target.clone(),
        templates: verdict.templates.clone(),
        object: Arc::clone(&input.happening.object),
        again: false,
    }
}
