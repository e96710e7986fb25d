//! Everything that one binding needs on its way through the pipeline, and the stages of [`Lane::tell`] in short.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::aside::Aside;
use super::happenings::Record;
use super::patience::Patience;
use super::settings::{Applied, Holder, InForce};
use super::timers::Timers;
use super::writer::Writer;
use crate::binding::{Binding, Facts};
use crate::config;
use crate::engine::{
    self, Annotations, Applicable, ComposeError, DecideInput, Ledger, Plan, Reading, Send, Wanted,
};
use crate::model::{
    Cause, Change, Clock, Companions as _, Destination, Lookup, Message, Object, ObjectError, Redactor,
};
use crate::outbox::{Outbox, Parcel};
use crate::source::{Notices, Shelf, Source};
use crate::telemetry::metrics::Metrics;

/// One binding at work.
pub struct Lane {
    pub(super) binding: Arc<dyn Binding>,
    pub(super) source: Arc<dyn Source>,
    pub(super) settings: Arc<Holder>,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) writer: Writer,
    pub(super) outbox: Outbox,
    pub(super) timers: Arc<Timers>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) runtime: dodona_value::Runtime,
    pub(super) metrics: Arc<Metrics>,
    /// Where people see what was refused; absent for a folder of manifests.
    pub(super) notices: Option<Arc<dyn Notices>>,
    /// Takes secrets out of texts.
    pub(super) redactor: Redactor,
    /// Which Events were told, where the binding has an engine of events.
    pub(super) happenings: Arc<Record>,
    /// Changes that were decided about so far.
    pub(super) told: AtomicU64,
    /// Messages that were handed to the outbox and have not come to their end.
    pub(super) under_way: AtomicUsize,
    /// How often a changed configuration was put in force.
    pub(super) reloads: AtomicU64,
    /// What becomes of messages that are refused.
    pub(super) refused: Refused,
    /// The same runtime with less allowed, for the configurations of tenants (design 7).
    pub(super) tenant_runtime: dodona_value::Runtime,
    /// Whether objects are looked at with the configuration of their own namespace too (core 5.4.3).
    pub(super) self_service: bool,
    /// Who answers questions of conditions and templates.
    pub(super) lookup: Arc<dyn Lookup>,
    /// Whether there is somebody to ask: what is asked has to be found out first.
    pub(super) asks: bool,
    /// Keeps evaluations that take long from holding up everything else.
    pub(super) patience: Patience,
    /// Messages that are composed aside, because they ask.
    pub(super) aside: Aside,
    /// Objects that are looked up beside the watched ones.
    pub(super) companions: Option<Arc<Shelf>>,
    /// Whether legacy annotations of the object itself count (core 2.6.2).
    pub(super) legacy: bool,
}

/// What becomes of a message that a receiver refuses, or that cannot be composed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refused {
    /// It is not sent again by itself before the configuration that it used changes (design 2).
    #[default]
    Wait,
    /// The next look at the object sends it again, as upstream does: for replays and for comparing with it.
    NextLook,
}

/// A message that cannot be composed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// The object's body cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// A template does not render.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// A template demands an answer that nobody gives.
    #[error("a template requires `repo`, and {0}")]
    Unanswered(String),
}

impl Lane {
    /// What applies to `object` now: the central configuration, the one of its namespace, and its project.
    pub(super) fn applied(&self, object: &Object) -> Applied {
        let mut configurations = vec![self.settings.central()];
        if self.self_service {
            configurations.extend(self.settings.tenant(&object.key().namespace));
        }
        let mut projects = Vec::new();
        if let Some(known) = self.companions.as_ref().filter(|known| known.has_marked()) {
            // A body that cannot be read is reported where the variables are made of it.
            let key = self.binding.subscribed_by(object).unwrap_or_default();
            projects.extend(key.and_then(|key| known.find(&key)));
        }
        Applied { configurations, projects }
    }

    /// What an evaluation has besides the object.
    pub(super) fn facts<'a>(
        &'a self,
        in_force: &'a InForce,
        destination: Option<&'a Destination>,
        lookup: Option<&'a Arc<dyn Lookup>>,
    ) -> Facts<'a> {
        let mut facts = in_force.facts.facts(destination);
        if let Some(lookup) = lookup {
            facts = facts.asking(lookup);
        }
        match &self.companions {
            Some(known) => facts.beside(&**known),
            None => facts,
        }
    }

    /// Whether nothing is left to do after `changes` changes: all were decided about, their messages have come to their
    /// end, and what was told is written.
    pub fn is_idle(&self, changes: u64) -> bool {
        self.told.load(Ordering::SeqCst) >= changes
            && self.under_way.load(Ordering::SeqCst) == 0
            && self.writer.is_idle()
    }

    /// How often a changed configuration was put in force.
    pub fn reloads(&self) -> u64 {
        self.reloads.load(Ordering::SeqCst)
    }

    /// One more change was looked at that is not decided about.
    pub(super) fn looked_at(&self) {
        self.told.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why this version is not decided about, if so. Only asked for objects that somebody is subscribed to, because it
    /// reads the body; a body that cannot be read is no reason to forget anything, as the next version may be better.
    pub(super) fn reason_to_skip(&self, change: &Change, applied: &Applied) -> Option<String> {
        if !self.may_be_subscribed(&change.object, applied) {
            return None;
        }
        self.binding.skip(&change.object).unwrap_or_else(|error| {
            tracing::warn!(resource = %change.object.key(), "the object cannot be read: {error}");
            Some(error.to_string())
        })
    }

    /// Whether somebody may be subscribed to the object, judged by its metadata.
    pub(super) fn may_be_subscribed(&self, object: &Object, applied: &Applied) -> bool {
        let prefix = self.binding.annotation_prefix();
        let concerns =
            |one: &Arc<InForce>| engine::may_be_subscribed(object, &one.config.policy, prefix, self.legacy);
        !applied.projects.is_empty() || applied.configurations.iter().any(concerns)
    }

    /// Whether some condition or template may use the variable `name`.
    pub(super) fn mentions(&self, name: &str) -> bool {
        let mentions = |one: &Arc<InForce>| one.config.policy.mentions(name);
        mentions(&self.settings.central()) || self.settings.tenants().iter().any(mentions)
    }

    /// How annotations are read.
    pub(super) fn reading(&self) -> Reading<'_> {
        Reading {
            prefix: self.binding.annotation_prefix(),
            legacy: self.legacy,
            yaml: config::yaml::parse_node,
        }
    }

    /// Calls `decide` with the policies that apply to `object`, in the order of their configurations, and with the triggers of
    /// each that cannot be decided now.
    pub(super) fn with_policies<R>(
        &self,
        object: &Arc<Object>,
        applied: &Applied,
        undecided: &[Vec<String>],
        decide: impl FnOnce(&[Applicable<'_>]) -> R,
    ) -> R {
        let projects: Vec<&Annotations> =
            applied.projects.iter().map(|project| project.annotations()).collect();
        let scopes: Vec<_> = applied
            .configurations
            .iter()
            .map(|one| move || self.binding.scope(object, &self.facts(one, None, None)))
            .collect();
        let policies: Vec<Applicable<'_>> = applied
            .configurations
            .iter()
            .zip(&scopes)
            .enumerate()
            .map(|(index, (one, scope))| Applicable {
                policy: &one.config.policy,
                projects: &projects,
                undecided: undecided.get(index).map_or(&[], Vec::as_slice),
                scope,
            })
            .collect();
        decide(&policies)
    }

    /// The last look at an object that is gone, where the binding wants it. What is told then is written nowhere.
    pub(super) fn last_look(&self, change: &Change) -> Option<Change> {
        if change.cause != Cause::Deleted || !self.binding.tells_deletions() {
            return None;
        }
        let object = Arc::new(change.object.as_gone().ok()?);
        Some(Change { object, cause: Cause::Modified, ..change.clone() })
    }

    /// Nothing to decide about this version; the ledger still wants to see it.
    pub(super) fn take_notice(&self, change: &Change) {
        if self.ledger().notice(change) {
            self.writer.write(change.object.key());
        }
    }

    /// The decision. Pure, but for the ledger that it reads and that learns what is under way now.
    pub(super) fn decide(&self, change: &Change, applied: &Applied, undecided: &[Vec<String>]) -> Plan {
        self.with_policies(&change.object, applied, undecided, |policies| {
            let input = DecideInput {
                change,
                policies,
                reading: self.reading(),
                runtime: &self.runtime,
                now: self.clock.unix_seconds(),
                resync: i64::try_from(self.binding.resync().as_secs()).unwrap_or(i64::MAX),
            };
            self.patience.with(|| engine::decide(&input, &mut self.ledger()))
        })
    }

    /// Has the object looked at again when the answer of one of its triggers may have changed by itself.
    pub(super) fn wake(&self, change: &Change, at: Option<i64>) {
        let wait =
            at.map(|at| Duration::from_secs(u64::try_from(at - self.clock.unix_seconds()).unwrap_or(0)));
        self.timers.set(change.object.key(), wait);
    }

    /// The message, rendered from the object as it was when the decision fell.
    pub(super) fn compose(
        &self,
        send: &Send,
        in_force: &InForce,
        lookup: Option<&Arc<dyn Lookup>>,
    ) -> Result<Message, PostError> {
        let facts = self.facts(in_force, Some(&send.destination), lookup);
        let scope = self.binding.scope(&send.object, &facts)?;
        let wanted = Wanted::Section(
            in_force.config.services.get(&*send.destination.service).and_then(|service| service.section),
        );
        let runtime = if in_force.tenant { &self.tenant_runtime } else { &self.runtime };
        let compose = || engine::compose(send, &in_force.config.policy, wanted, &scope, runtime);
        Ok(self.patience.with(compose)?)
    }

    pub(super) fn parcel(&self, send: &Send, message: Message, in_force: &InForce) -> Parcel {
        let key = send.object.key();
        Parcel {
            id: 0,
            binding: self.binding.name().to_owned(),
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            config_namespace: in_force.namespace.clone(),
            destination: send.destination.clone(),
            trigger: send.trigger.clone(),
            condition: send.condition.clone(),
            ledger_key: send.ledger_key.clone(),
            message,
            accepted_at: 0,
            attempts: 0,
        }
    }
}
