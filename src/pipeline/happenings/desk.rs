//! Everything that happens to Rollouts passes here, in order of arrival: versions of objects and Events.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::history::{Found, History, Kind, Place, is_older};
use super::merge::{Merge, Ruling};
use super::{ANALYSIS_RUNS, Beside, EVENTS, EXPERIMENTS, Occurrence, watch as beside};
use crate::binding::COMPONENT;
use crate::binding::rollout::derive::{self, Derived, Shows, View};
use crate::binding::rollout::{ANALYSIS_RUNS as VARIABLE, trigger_name};
use crate::engine::Selector;
use crate::model::{Cause, Change, CoreEvent, Happening, Object};
use crate::pipeline::Lane;
use crate::source::Source;
use crate::telemetry::rollouts::RolloutCount;

/// How long an Event waits for a version that the other watch has not brought yet.
const HOLD: Duration = Duration::from_secs(2);
/// Events that wait; more are told with what is known.
const MOST_HELD: usize = 4_096;
/// How often what was told is written down.
const WRITE: Duration = Duration::from_secs(2);
/// How often what is too old is let go of.
const PRUNE: Duration = Duration::from_secs(30);
/// Pause after the list of Events, until what was sent before it has been taken.
const SETTLE: Duration = Duration::from_millis(20);
/// Longest wait for AnalysisRuns that a configuration begins to mention, for an old version, and for the notebook.
const PATIENCE: Duration = Duration::from_secs(10);
/// Seconds between the creation of a Rollout and the Event that says so; later ones are restarts of the controller.
const NEWBORN: i64 = 60;

/// The desk of one lane.
pub(in crate::pipeline) struct Desk {
    lane: Arc<Lane>,
    beside: Beside,
    history: History,
    merge: Merge,
    held: Vec<Held>,
    /// Events of the first list: they are told by time, not by name.
    early: Option<Vec<CoreEvent>>,
    early_until: Option<Instant>,
    prune_at: Instant,
    /// Unix second of the start.
    started: i64,
    tasks: JoinSet<()>,
    changes: mpsc::Sender<Change>,
    related: (mpsc::UnboundedSender<Change>, mpsc::UnboundedReceiver<Change>),
    runs_watched: bool,
    /// Configuration for which it was asked whether AnalysisRuns are mentioned.
    asked_for: Option<u64>,
    differences: u64,
    /// The newest version of any Rollout that the watch has brought.
    newest: u64,
}

struct Held {
    until: Instant,
    event: CoreEvent,
}

impl Desk {
    /// A desk that reads `beside` and sends what it watches itself to `changes`.
    pub(in crate::pipeline) fn new(lane: Arc<Lane>, beside: Beside, changes: mpsc::Sender<Change>) -> Self {
        let started = lane.clock.unix_seconds();
        Self {
            merge: Merge::new(beside.grace.unwrap_or_default()),
            early: beside.events.is_some().then(Vec::new),
            early_until: None,
            prune_at: Instant::now() + PRUNE,
            history: History::default(),
            held: Vec::new(),
            tasks: JoinSet::new(),
            related: mpsc::unbounded_channel(),
            runs_watched: false,
            asked_for: None,
            differences: 0,
            newest: 0,
            lane,
            beside,
            changes,
            started,
        }
    }

    /// Works until nobody sends changes any more. `told`: happenings that were found elsewhere.
    pub(in crate::pipeline) async fn run(
        mut self,
        mut changes: mpsc::Receiver<Change>,
        mut told: mpsc::Receiver<Happening>,
    ) {
        let mut events = self.begin().await;
        loop {
            let next = self.next();
            let listing = self.early.is_some() && self.early_until.is_none();
            tokio::select! {
                change = changes.recv() => match change {
                    Some(change) => self.take(change).await,
                    None => return,
                },
                Some(change) = self.related.1.recv() => self.take_related(&change).await,
                Some(happening) = told.recv() => {
                    if self.is_told(happening.object.kind()).is_some() {
                        self.tell(happening, None).await;
                    }
                    self.lane.looked_at();
                }
                () = is_set(&mut events), if listing => {
                    self.early_until = Some(Instant::now() + SETTLE);
                }
                () = sleep_until(next) => self.due(changes.is_empty()).await,
            }
        }
    }

    /// Starts what is watched beside the objects. Events are watched once all Rollouts are known.
    async fn begin(&mut self) -> watch::Receiver<bool> {
        drop(timeout(PATIENCE, self.lane.happenings.load()).await);
        if self.lane.binding.event_rules().is_some_and(|rules| rules.related) {
            self.watch_runs();
            if let Some(source) = self.beside.experiments.clone() {
                self.follow(source, false);
            }
        }
        let lane = Arc::clone(&self.lane);
        self.tasks.spawn(async move {
            loop {
                sleep(WRITE).await;
                lane.happenings.write().await;
            }
        });
        let Some(events) = self.beside.events.clone() else { return watch::Sender::new(true).subscribe() };
        let synced = events.synced();
        let (mut objects, changes) = (self.lane.source.synced(), self.changes.clone());
        self.tasks.spawn(async move {
            is_set(&mut objects).await;
            events.run(changes).await;
        });
        synced
    }

    fn watch_runs(&mut self) -> Option<watch::Receiver<bool>> {
        if std::mem::replace(&mut self.runs_watched, true) {
            return None;
        }
        let source = self.beside.analysis_runs.clone()?;
        Some(self.follow(source, true))
    }

    fn follow(&mut self, source: Arc<dyn Source>, runs: bool) -> watch::Receiver<bool> {
        let told = self.lane.binding.event_rules().is_some_and(|rules| rules.related);
        let next = told.then(|| self.related.0.clone());
        let runs = self.lane.binding.runs().filter(|_| runs).cloned();
        let complete = watch::Sender::new(false);
        let completed = complete.subscribe();
        self.tasks.spawn(beside::follow(source, Arc::clone(&self.lane), runs, next, complete));
        completed
    }

    /// AnalysisRuns are watched from the first configuration on that mentions them: a cluster may have many.
    async fn watch_runs_if_mentioned(&mut self) {
        let configuration = Some(self.lane.reloads());
        if self.runs_watched || self.asked_for == configuration {
            return;
        }
        self.asked_for = configuration;
        if !self.lane.mentions(VARIABLE) {
            return;
        }
        if let Some(mut complete) = self.watch_runs()
            && timeout(PATIENCE, is_set(&mut complete)).await.is_err()
        {
            tracing::warn!("AnalysisRuns are not listed yet: going on, `{VARIABLE}` may be incomplete");
        }
    }

    async fn take(&mut self, change: Change) {
        if *change.binding == *EVENTS {
            self.take_event(&change).await;
            return self.lane.looked_at();
        }
        self.newest = self.newest.max(change.object.resource_version().parse().unwrap_or_default());
        self.watch_runs_if_mentioned().await;
        let seen = change.clone();
        self.lane.tell(change).await;
        self.seen(Kind::Rollout, &seen).await;
    }

    async fn take_related(&mut self, change: &Change) {
        let kind = match &*change.binding {
            EXPERIMENTS => Kind::Experiment,
            ANALYSIS_RUNS => Kind::AnalysisRun,
            _ => return,
        };
        self.seen(kind, change).await;
        self.lane.looked_at();
    }

    /// A version of an object: what does it show, and which Events waited for it?
    async fn seen(&mut self, kind: Kind, change: &Change) {
        let place: Place = (kind, change.object.key().clone());
        let now = Instant::now();
        if change.cause == Cause::Deleted {
            if self.history.is_alive(&place) {
                if kind == Kind::Rollout {
                    self.differ(vec![derive::deleted()], &change.object, &change.object).await;
                }
                self.history.gone(&place, now);
            } else {
                self.lane.metrics.rollouts().forget(&place.1.namespace, &place.1.name);
            }
            return self.release(&place).await;
        }
        let applied = self.lane.applied(&change.object);
        let interesting = self.lane.may_be_subscribed(&change.object, &applied)
            || kind == Kind::Experiment && derive::owner(&change.object).is_some();
        if !interesting {
            self.history.forget(&place);
            return self.release(&place).await;
        }
        let before =
            self.history.newest(&place).filter(|before| before.uid() == change.object.uid()).cloned();
        match before {
            Some(before) if !is_newer(&change.object, &before) => {}
            Some(before) => {
                self.history.add(kind, Arc::clone(&change.object), now);
                self.compare(kind, &before, &change.object).await;
            }
            None => {
                self.history.add(kind, Arc::clone(&change.object), now);
                let new = kind == Kind::Rollout && change.cause == Cause::Added;
                if new && created(&change.object).is_some_and(|created| created >= self.started) {
                    self.differ(vec![derive::created()], &change.object, &change.object).await;
                }
            }
        }
        self.release(&place).await;
    }

    /// What two versions show.
    async fn compare(&mut self, kind: Kind, before: &Arc<Object>, after: &Arc<Object>) {
        if self.beside.grace.is_none() {
            return;
        }
        let (was, is) = (View::of(before), View::of(after));
        let found = match kind {
            Kind::Rollout => derive::rollout(&was, &is),
            Kind::Experiment => derive::experiment(&was, &is),
            Kind::AnalysisRun => derive::analysis_run(&was, &is),
        };
        self.differ(found, before, after).await;
        if kind == Kind::Experiment
            && let Some(owner) = derive::owner(after)
            && let Some(rollout) = self.history.newest(&(Kind::Rollout, owner)).cloned()
        {
            self.differ(derive::experiment_for_rollout(&was, &is), &rollout, &rollout).await;
        }
    }

    async fn differ(&mut self, found: Vec<Derived>, before: &Arc<Object>, after: &Arc<Object>) {
        if self.beside.grace.is_none() {
            return;
        }
        for one in found {
            self.differences += 1;
            let happening = Happening {
                object: Arc::clone(match one.shows {
                    Shows::Before => before,
                    Shows::After => after,
                }),
                reason: one.reason.clone(),
                warning: one.warning,
                id: format!("difference-{}", self.differences),
            };
            let key = (identity(after), one.reason);
            if let Some(happening) = self.merge.derived(key, one.mark, happening, Instant::now()) {
                self.tell(happening, None).await;
            }
        }
    }

    async fn take_event(&mut self, change: &Change) {
        if change.cause == Cause::Deleted {
            return;
        }
        let event = match CoreEvent::read(&change.object) {
            Ok(event) => event,
            Err(error) => {
                tracing::debug!(event = %change.object.key(), %error, "skipped an Event that cannot be read");
                return;
            }
        };
        if self.kind(&event).is_none() {
            return;
        }
        match &mut self.early {
            Some(early) => early.push(event),
            None => self.arrived(event, Instant::now() + HOLD).await,
        }
    }

    /// The kind that an Event of ours is about.
    fn kind(&self, event: &CoreEvent) -> Option<Kind> {
        if event.component == COMPONENT { self.is_told(&event.about.kind) } else { None }
    }

    /// Whether objects of a kind are told about.
    fn is_told(&self, kind: &str) -> Option<Kind> {
        let related = self.lane.binding.event_rules().is_some_and(|rules| rules.related);
        match kind {
            // What came from a typed update call may have none (core 6.2.4).
            "Rollout" | "" => Some(Kind::Rollout),
            "Experiment" if related => Some(Kind::Experiment),
            "AnalysisRun" if related => Some(Kind::AnalysisRun),
            _ => None,
        }
    }

    /// An Event is to be told with the version that it names, which may still be on its way until `until`.
    async fn arrived(&mut self, event: CoreEvent, until: Instant) {
        let Some(kind) = self.kind(&event) else { return };
        if self.lane.happenings.news(&event) == 0 {
            return;
        }
        let place = (kind, event.about.key.clone());
        let late = Instant::now() >= until || self.held.len() >= MOST_HELD;
        match self.history.find(&place, &event.about.uid, &event.about.resource_version) {
            Found::Exact(object) => self.tell_event(&event, &object, true).await,
            Found::Ahead(_) if !late => self.held.push(Held { until, event }),
            Found::Ahead(None) => match self.unseen(kind, &event).await {
                Some(object) => {
                    let exact = object.resource_version() == event.about.resource_version;
                    self.tell_event(&event, &object, exact).await;
                }
                None => self.leave(&event, kind),
            },
            Found::Ahead(Some(object)) | Found::Older(object) | Found::Newer(object) => {
                match self.past(kind, &event, &object).await {
                    Some(past) => self.tell_event(&event, &Arc::new(past), true).await,
                    None => self.tell_event(&event, &object, false).await,
                }
            }
        }
    }

    /// The Rollout of an Event that is ahead of everything that the watch of Rollouts has brought: that watch may be away for
    /// long while the one of Events is not, and what happens meanwhile is not to be missed.
    async fn unseen(&self, kind: Kind, event: &CoreEvent) -> Option<Arc<Object>> {
        let version = event.about.resource_version.parse::<u64>().ok()?;
        let (key, binding) = (&event.about.key, &self.lane.binding);
        let namespaces = binding.namespaces();
        let watched =
            namespaces.is_empty() || namespaces.iter().any(|namespace| **namespace == *key.namespace);
        if kind != Kind::Rollout || version <= self.newest || !watched {
            return None;
        }
        let object = timeout(PATIENCE, self.lane.source.get(key)).await.ok()?.ok()??;
        let selector = Selector::parse(binding.label_selector()).ok()?;
        let meant = event.about.uid.is_empty() || object.uid() == event.about.uid;
        (meant && selector.matches(object.labels())).then(|| Arc::new(object))
    }

    /// Nobody is subscribed to what the Event is about.
    fn leave(&self, event: &CoreEvent, kind: Kind) {
        if kind == Kind::Rollout {
            let key = &event.about.key;
            let warning = if event.warning { "Warning" } else { "Normal" };
            let figures = self.lane.metrics.rollouts();
            figures.count(RolloutCount::Event, &key.namespace, &key.name, warning, &event.reason);
            figures.observe(&key.namespace, &key.name, 0.0);
        }
        self.dealt_with(event);
    }

    /// The version that an Event names, from the cluster: after a restart only the newest one is known here.
    async fn past(&self, kind: Kind, event: &CoreEvent, known: &Arc<Object>) -> Option<Object> {
        let source = match kind {
            Kind::Rollout => Some(&self.lane.source),
            Kind::Experiment => self.beside.experiments.as_ref(),
            Kind::AnalysisRun => self.beside.analysis_runs.as_ref(),
        }?;
        let version = &event.about.resource_version;
        if version.is_empty() || !self.lane.is_wanted(known, &trigger_name(&event.reason)) {
            return None;
        }
        match timeout(PATIENCE, source.at(&event.about.key, version)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::debug!(resource = %event.about.key, %error, "the version of an Event cannot be had");
                None
            }
            Err(_) => None,
        }
    }

    /// `exact`: `object` is the version that the Event names.
    async fn tell_event(&mut self, event: &CoreEvent, object: &Arc<Object>, exact: bool) {
        let times = self.lane.happenings.news(event);
        // The controller says this about every Rollout whenever it starts (core 6.5, FIX).
        let old = || created(object).is_none_or(|created| event.time - created > NEWBORN);
        if event.reason == "RolloutAddedToInformer" && old() {
            return self.dealt_with(event);
        }
        let view = exact.then(|| View::of(object));
        let mark = derive::mark(&event.reason, view.as_ref(), &event.message);
        let folds = event.reason == "RolloutAborted";
        let key = (identity(object), event.reason.clone());
        let ruling = match self.beside.grace {
            Some(_) if derive::is_derived(&event.reason) => {
                self.merge.event(key, &mark, times, folds, Instant::now())
            }
            _ => Ruling::Tell,
        };
        let shown = match ruling {
            Ruling::Known => return self.dealt_with(event),
            Ruling::TellInstead(waited) if !exact => waited.object,
            Ruling::Tell | Ruling::TellInstead(_) => Arc::clone(object),
        };
        if times > 1 {
            tracing::info!(resource = %event.about.key, reason = event.reason, times, "an Event stands for several occurrences: told once");
        }
        let happening = Happening {
            object: shown,
            reason: event.reason.clone(),
            warning: event.warning,
            id: format!("{}.{}", event.uid.replace(' ', "_"), event.count),
        };
        self.tell(happening, Some(event)).await;
        self.dealt_with(event);
    }

    fn dealt_with(&self, event: &CoreEvent) {
        self.lane.happenings.dealt_with(event, self.lane.clock.unix_seconds());
    }

    async fn tell(&mut self, happening: Happening, event: Option<&CoreEvent>) {
        self.watch_runs_if_mentioned().await;
        let kind = match happening.object.kind() {
            "Experiment" => Kind::Experiment,
            "AnalysisRun" => Kind::AnalysisRun,
            _ => Kind::Rollout,
        };
        let newest = self.history.newest(&(kind, happening.object.key().clone())).cloned();
        let occurrence = Occurrence { newest: newest.as_ref(), happening: &happening, event };
        self.lane.tell_happening(&occurrence, self.beside.fetch.as_deref()).await;
    }

    /// Looks at the Events again that waited for an object.
    async fn release(&mut self, place: &Place) {
        let Some(first) = self.held.iter().position(|held| held.event.about.key == place.1) else { return };
        let rest = self.held.split_off(first);
        for held in rest {
            if held.event.about.key == place.1 {
                self.arrived(held.event, held.until).await;
            } else {
                self.held.push(held);
            }
        }
    }

    /// When there is something to do.
    fn next(&self) -> Instant {
        let times = [self.early_until, self.merge.next(), self.held.iter().map(|held| held.until).min()];
        times.into_iter().flatten().fold(self.prune_at, Instant::min)
    }

    /// `quiet`: nothing else is waiting to be taken.
    async fn due(&mut self, quiet: bool) {
        let now = Instant::now();
        if self.early_until.is_some_and(|until| until <= now) {
            self.early_until = if quiet { None } else { Some(now + SETTLE) };
            if quiet {
                self.tell_early().await;
            }
        }
        for happening in self.merge.due(now) {
            self.tell(happening, None).await;
        }
        let (over, waiting) = std::mem::take(&mut self.held).into_iter().partition(|held| held.until <= now);
        self.held = waiting;
        let over: Vec<Held> = over;
        for held in over {
            self.arrived(held.event, held.until).await;
        }
        if self.prune_at <= now {
            self.prune_at = now + PRUNE;
            self.merge.prune(now);
            for (_, key) in self.history.prune(now) {
                self.lane.metrics.rollouts().forget(&key.namespace, &key.name);
            }
        }
    }

    /// The Events that existed at the start, as they happened (core 6.6). Objects that are not known now never will be.
    async fn tell_early(&mut self) {
        let mut early = self.early.take().unwrap_or_default();
        early.sort_by_key(|event| (event.time, event.version.parse::<u64>().unwrap_or_default()));
        for event in early {
            self.arrived(event, Instant::now()).await;
        }
    }
}

/// Waits until the flag is set, or nobody is left to set it.
async fn is_set(flag: &mut watch::Receiver<bool>) {
    drop(flag.wait_for(|set| *set).await);
}

/// What tells objects apart that had the same name one after the other.
fn identity(object: &Object) -> String {
    if object.uid().is_empty() { object.key().to_string() } else { object.uid().to_owned() }
}

/// Whether `object` is another version than `known`, and no older one.
fn is_newer(object: &Object, known: &Object) -> bool {
    object.resource_version() != known.resource_version()
        && !is_older(object.resource_version(), known.resource_version())
}

/// Unix second of the creation.
fn created(object: &Object) -> Option<i64> {
    #[derive(Deserialize)]
    struct Body {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        creation_timestamp: Option<String>,
    }
    let body: Body = serde_json::from_slice(object.json()).ok()?;
    Some(body.metadata.creation_timestamp?.parse::<jiff::Timestamp>().ok()?.as_second())
}
