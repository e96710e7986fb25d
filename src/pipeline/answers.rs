//! Conditions that ask the repo server: what they ask is found out before the decision, which never waits.
//!
//! The lane waits for it, for some seconds at most. A condition whose question cannot be answered is left undecided: nothing is
//! told because of it, and nothing forgotten, which would tell it again.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Lane;
use super::settings::{Applied, InForce};
use crate::engine::{self, Annotations, Trigger};
use crate::lookup;
use crate::model::{Change, Lookup, Unanswered};

impl Lane {
    /// Has the questions of the conditions answered. Returns the triggers that cannot be decided, for each configuration.
    pub(super) async fn undecided(&self, change: &Change, applied: &Applied) -> Vec<Vec<String>> {
        let mut undecided = Vec::new();
        for one in &applied.configurations {
            let names = if self.asks && one.asks {
                self.undecided_of(change, one, applied).await
            } else {
                Vec::new()
            };
            undecided.push(names);
        }
        undecided
    }

    async fn undecided_of(&self, change: &Change, one: &Arc<InForce>, applied: &Applied) -> Vec<String> {
        let mut names = Vec::new();
        for name in self.asking_triggers(change, one, applied) {
            let Some(trigger) = one.config.policy.triggers.get(&*name) else { continue };
            let rehearse = |lookup: &Arc<dyn Lookup>| self.rehearse(change, one, &name, trigger, lookup);
            let ((), failure) = lookup::answered(&self.lookup, Unanswered::Refused, rehearse).await;
            if let Some(reason) = failure {
                tracing::warn!(resource = %change.object.key(), trigger = &*name, "the condition cannot be decided now: {reason}");
                names.push(name.to_string());
            }
        }
        names
    }

    /// The triggers that ask and that somebody is subscribed to.
    fn asking_triggers(&self, change: &Change, one: &InForce, applied: &Applied) -> BTreeSet<Arc<str>> {
        let projects: Vec<&Annotations> =
            applied.projects.iter().map(|project| project.annotations()).collect();
        let reading = self.reading();
        // What is wrong with annotations is reported by the decision.
        let found =
            engine::destinations(&change.object, &one.config.policy, &projects, reading, &mut Vec::new());
        let asks =
            |name: &str| one.config.policy.triggers.get(name).is_some_and(|trigger| trigger.mentions("repo"));
        found.iter().map(|(name, _)| name).filter(|name| asks(name)).cloned().collect()
    }

    /// Evaluates the conditions for the sake of what they ask.
    fn rehearse(
        &self,
        change: &Change,
        one: &InForce,
        name: &Arc<str>,
        trigger: &Trigger,
        lookup: &Arc<dyn Lookup>,
    ) {
        // An object that cannot be read is reported by the decision.
        if let Ok(scope) = self.binding.scope(&change.object, &self.facts(one, None, Some(lookup))) {
            engine::evaluate(0, name, trigger, &scope, &self.runtime).for_each(drop);
        }
    }
}
