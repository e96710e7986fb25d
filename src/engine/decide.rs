//! One decision: what one version of one object means for everybody who is subscribed (core 5.2, 3.5.2).
//!
//! Pure and synchronous. Several policies may apply to one object (self-service, core 5.4.3); they share one ledger.
//!
//! This is the engine of states. What happens to Rollouts (core 6.2) comes through a second door: [`super::decide_happening`].

mod lasting;

use std::sync::Arc;

use dodona_value::{Runtime, Scope};

use super::ledger::Pass;
use super::subscribe::{Annotations, Destinations, Reading, destinations, is_annotated, may_be_subscribed};
use super::trigger::{Condition, Verdict, evaluate, ledger_key};
use super::{Ledger, Policy, Presence, Send};
use crate::model::{Change, Destination, Object, ObjectError, Report};
use lasting::Standing;

/// One policy that applies to the object.
#[derive(Clone, Copy)]
pub struct Applicable<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Annotations that subscribe the object besides its own: its AppProject's (core 2.7).
    pub projects: &'a [&'a Annotations],
    /// Triggers that cannot be decided now, because a question of theirs could not be answered: nothing is told and nothing
    /// forgotten because of them, and they are looked at again after the resync period.
    pub undecided: &'a [String],
    /// Makes the variables of the conditions. Called only if somebody is subscribed, as it may parse the body.
    pub scope: &'a dyn Fn() -> Result<Scope, ObjectError>,
}

/// Everything a decision depends on, but for the ledger.
#[derive(Clone, Copy)]
pub struct DecideInput<'a> {
    /// What happened.
    pub change: &'a Change,
    /// The policies that apply, in the order in which their notifications leave.
    pub policies: &'a [Applicable<'a>],
    /// How annotations are read.
    pub reading: Reading<'a>,
    /// Limits, clock and zone of the conditions.
    pub runtime: &'a Runtime,
    /// Now, in Unix seconds.
    pub now: i64,
    /// Seconds after which conditions that read the clock are evaluated again (core 5.1.3).
    pub resync: i64,
}

/// A notification that is not sent, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// Index of the policy in [`DecideInput::policies`].
    pub policy: usize,
    /// Name of the trigger.
    pub trigger: Arc<str>,
    /// Key of the condition.
    pub condition: Arc<str>,
    /// Where it would go.
    pub destination: Destination,
    /// Told already, on its way, or refused.
    pub why: Presence,
}

/// What is to be done. Everything is in the order of policies, triggers by name, conditions, destinations.
#[derive(Debug, Default)]
pub struct Plan {
    /// Whether anybody is subscribed.
    pub subscribed: bool,
    /// Notifications to send.
    pub send: Vec<Send>,
    /// Ledger keys that were forgotten because their condition does not hold any more.
    pub forget: Vec<String>,
    /// Whether the annotation has to be written: ask [`Ledger::patch_for`].
    pub patch: bool,
    /// Unix second at which the object is to be looked at again, if nothing happens before: a condition reads the clock, or
    /// has not held for long enough yet.
    pub wake_at: Option<i64>,
    /// What every condition said; for logs, metrics and `why`.
    pub verdicts: Vec<Verdict>,
    /// Notifications that are not sent though their condition holds.
    pub suppressed: Vec<Suppressed>,
    /// What is wrong with the subscriptions in annotations.
    pub reports: Vec<Report>,
    /// Why the object could not be looked at.
    pub problem: Option<String>,
}

/// Decides. Changes nothing but `ledger`.
pub fn decide(input: &DecideInput<'_>, ledger: &mut Ledger) -> Plan {
    let object = &input.change.object;
    let subscribed = input.policies.iter().any(|applicable| concerns(applicable, object, input.reading));
    if !subscribed && !lasting::is_marked(object, ledger.annotation()) {
        return Plan { patch: ledger.notice(input.change), ..Plan::default() };
    }
    let Some(mut pass) = ledger.observe(input.change) else { return Plan::default() };
    let mut plan = Plan::default();
    for (index, applicable) in input.policies.iter().enumerate() {
        let destinations =
            destinations(object, applicable.policy, applicable.projects, input.reading, &mut plan.reports);
        if destinations.is_empty() {
            continue;
        }
        plan.subscribed = true;
        match (applicable.scope)() {
            Ok(scope) => {
                let policy = applicable.policy;
                Decision {
                    input,
                    index,
                    policy,
                    undecided: applicable.undecided,
                    pass: &mut pass,
                    plan: &mut plan,
                }
                .run(&destinations, &scope);
            }
            Err(error) => plan.problem = Some(error.to_string()),
        }
    }
    let undecided = input.policies.iter().any(|applicable| !applicable.undecided.is_empty());
    let incomplete = input.policies.iter().any(|applicable| applicable.policy.incomplete);
    if plan.problem.is_none() && !undecided && !incomplete {
        lasting::sweep(&mut pass);
    }
    plan.patch = pass.finish();
    plan
}

fn concerns(applicable: &Applicable<'_>, object: &Object, reading: Reading<'_>) -> bool {
    may_be_subscribed(object, applicable.policy, reading.prefix, reading.legacy)
        || applicable.projects.iter().any(|annotations| is_annotated(annotations, reading.prefix, true))
}

/// The decision under one policy.
struct Decision<'a, 'p, 'l> {
    input: &'a DecideInput<'a>,
    index: usize,
    policy: &'a Policy,
    undecided: &'a [String],
    pass: &'p mut Pass<'l>,
    plan: &'p mut Plan,
}

impl Decision<'_, '_, '_> {
    fn run(&mut self, destinations: &Destinations, scope: &Scope) {
        self.pass.has_destinations();
        let mut key = String::new();
        for (name, targets) in destinations.iter() {
            let Some(trigger) = self.policy.triggers.get(&**name) else {
                self.plan.verdicts.push(Verdict::not_configured(self.index, name));
                continue;
            };
            let undecided = self.undecided.iter().any(|undecided| **undecided == **name);
            if trigger.uses_clock() || undecided {
                self.wake(self.input.now.saturating_add(self.input.resync));
            }
            if undecided {
                continue;
            }
            let verdicts = evaluate(self.index, name, trigger, scope, self.input.runtime);
            for (condition, mut verdict) in trigger.conditions.iter().zip(verdicts) {
                let standing = self.standing(condition, &mut verdict);
                for target in targets {
                    ledger_key(&mut key, self.namespace(), &verdict, target);
                    match standing {
                        Standing::Holds => {
                            self.reopens(condition, &verdict, target);
                            self.holds(condition, &verdict, target, &key);
                        }
                        Standing::Waits | Standing::Unknown => self.stays(condition, &verdict, target, &key),
                        Standing::Ended => self.ends(condition, &verdict, target, &key),
                    }
                }
                self.plan.verdicts.push(verdict);
            }
        }
    }

    /// What the ledger keys of a tenant's configuration carry.
    fn namespace(&self) -> Option<&str> {
        self.policy.prefix_keys.then_some(self.policy.namespace.as_str())
    }

    /// The condition holds: it is told unless it was (core 3.5.2).
    fn holds(&mut self, condition: &Condition, verdict: &Verdict, target: &Destination, key: &str) {
        let fingerprint = self.policy.fingerprint(target, &verdict.templates);
        let presence = self.pass.presence(key);
        if !matches!(presence, Presence::Absent | Presence::Unrendered)
            && !matches!(presence, Presence::Refused(former) if former != fingerprint)
        {
            self.pass.keep(key);
            self.stays_open(condition, verdict, target);
            self.plan.suppressed.push(Suppressed {
                policy: self.index,
                trigger: Arc::clone(&verdict.trigger),
                condition: Arc::clone(&verdict.key),
                destination: target.clone(),
                why: presence,
            });
            return;
        }
        self.opens(condition, verdict, target);
        self.send(verdict, target, key, fingerprint, &verdict.templates);
    }

    fn send(
        &mut self,
        verdict: &Verdict,
        target: &Destination,
        key: &str,
        fingerprint: u64,
        templates: &[String],
    ) {
        let again = self.pass.presence(key) == Presence::Unrendered;
        self.pass.queue(key, fingerprint);
        self.plan.send.push(Send {
            again,
            policy: self.index,
            trigger: verdict.trigger.as_ref().to_owned(),
            condition: verdict.key.as_ref().to_owned(),
            ledger_key: key.to_owned(),
            destination: target.clone(),
            templates: templates.to_vec(),
            object: Arc::clone(&self.input.change.object),
        });
    }
}

#[cfg(test)]
mod tests;
