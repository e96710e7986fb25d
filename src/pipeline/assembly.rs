//! Putting the pipeline together, running it, and stopping it without losing anything.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::aside::Aside;
use super::courier::ServiceFinder;
use super::happenings::{Beside, Desk, Record};
use super::lane::{Lane, Refused};
use super::patience::Patience;
use super::settings::Holder;
use super::timers::Timers;
use super::writer::Writer;
use crate::binding::{Binding, state_annotation};
use crate::config::BuildOptions;
use crate::delivery::client::Clients;
use crate::engine::{self, Ledger};
use crate::model::{Change, Clock, Happening, Lookup, Redactor, Unanswered};
use crate::outbox::store::{MemoryStore, Store};
use crate::outbox::{Outbox, Outcome, Policy};
use crate::source::{ByNamespace, Notices, Settings, Shelf, Source};
use crate::telemetry::health::{Health, STARTUP};
use crate::telemetry::metrics::Metrics;

/// Changes that wait between a source and its lane. Small: the bound is what slows the source down.
const CHANGES: usize = 64;

/// What all lanes share.
pub struct PipelineOptions {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Clock, zone, randomness and limits of the languages.
    pub runtime: dodona_value::Runtime,
    /// How the outbox treats its parcels.
    pub outbox: Policy,
    /// Where the outbox keeps them; memory if absent.
    pub store: Option<Arc<dyn Store>>,
    /// Where figures go.
    pub metrics: Arc<Metrics>,
    /// Who answers `repo.…`.
    pub lookup: Arc<dyn Lookup>,
    /// What becomes of refused messages.
    pub refused: Refused,
    /// Learns the secrets of every configuration, so that no line shows them.
    pub redactor: Redactor,
}

/// One binding and where its objects and its configuration come from.
pub struct Watched {
    /// The binding.
    pub binding: Arc<dyn Binding>,
    /// Its objects.
    pub source: Arc<dyn Source>,
    /// The text of its configuration.
    pub settings: watch::Receiver<Settings>,
    /// How the text is compiled.
    pub build: BuildOptions,
    /// Where people see what was refused.
    pub notices: Option<Arc<dyn Notices>>,
    /// The configurations of tenants, where they may have some (core 5.4.3).
    pub tenants: Option<Tenants>,
    /// The objects that the binding looks up beside the watched ones.
    pub companions: Option<Arc<dyn Source>>,
    /// What its engine of events reads, where the binding has one.
    pub beside: Beside,
}

/// The configurations of tenants.
pub struct Tenants {
    /// Their text. What the central namespace has is left out.
    pub settings: watch::Receiver<ByNamespace>,
    /// How their services reach the world (design 7).
    pub clients: Clients,
}

/// A running pipeline.
pub struct Pipeline {
    lanes: BTreeMap<String, Arc<Lane>>,
    outbox: Outbox,
    /// Sources, lanes and timers: what makes new messages.
    producers: JoinSet<()>,
    /// What records how messages ended.
    recorder: JoinSet<()>,
    changes: Vec<mpsc::Sender<Change>>,
    /// Where happenings that were found elsewhere go, by binding.
    happenings: BTreeMap<String, mpsc::Sender<Happening>>,
}

impl Pipeline {
    /// Starts everything. Needs a tokio runtime.
    pub fn start(options: PipelineOptions, watched: Vec<Watched>) -> Self {
        let store = options.store.unwrap_or_else(|| Arc::new(MemoryStore::default()));
        let (outbox, idle) = Outbox::new(options.outbox, store, Arc::clone(&options.clock));
        let shared = Shared {
            outbox: outbox.clone(),
            clock: options.clock,
            runtime: options.runtime,
            metrics: Arc::clone(&options.metrics),
            lookup: options.lookup,
            redactor: options.redactor,
            refused: options.refused,
        };
        let mut pipeline = Self {
            lanes: BTreeMap::new(),
            outbox,
            producers: JoinSet::new(),
            recorder: JoinSet::new(),
            changes: Vec::new(),
            happenings: BTreeMap::new(),
        };
        let built: Vec<(Arc<Lane>, Inputs)> = watched.into_iter().map(|one| shared.lane(one)).collect();
        let name = |lane: &Lane| lane.binding.name().to_owned();
        pipeline.lanes = built.iter().map(|(lane, _)| (name(lane), Arc::clone(lane))).collect();
        // Every configuration is in force by now: the first message that leaves finds its service.
        let lanes = built.iter().map(|(lane, _)| (name(lane), Arc::clone(&lane.settings))).collect();
        let finder = ServiceFinder { lanes, metrics: Arc::clone(&options.metrics) };
        pipeline.recorder.spawn(record(pipeline.lanes.clone(), idle.start(Arc::new(finder))));
        options.metrics.show_outbox(pipeline.outbox.clone());
        for (lane, inputs) in built {
            pipeline.run_lane(&lane, inputs);
        }
        pipeline
    }

    fn run_lane(&mut self, lane: &Arc<Lane>, inputs: Inputs) {
        let (sender, receiver) = mpsc::channel::<Change>(CHANGES);
        self.producers.spawn(Arc::clone(&lane.source).run(sender.clone()));
        let timers = Arc::clone(&lane.timers);
        let (binding, source, for_timers) =
            (Arc::<str>::from(lane.binding.name()), Arc::clone(&lane.source), sender.clone());
        self.producers.spawn(async move { timers.run(binding, source, for_timers).await });
        let follower = Arc::clone(lane);
        self.producers.spawn(async move { follower.follow_settings(inputs.settings).await });
        if let Some((tenants, known)) = inputs.tenants {
            let follower = Arc::clone(lane);
            self.producers.spawn(async move { follower.follow_tenants(tenants, known).await });
        }
        if let (Some(companions), Some(place)) = (inputs.companions, &lane.companions) {
            self.producers.spawn(companions.keep(Arc::clone(place)));
            let (follower, place) = (Arc::clone(lane), Arc::clone(place));
            self.producers.spawn(async move { follower.follow_companions(place).await });
        }
        self.run_teller(lane, inputs.beside, sender.clone(), receiver);
        self.changes.push(sender);
    }

    /// What decides about changes, one after the other.
    fn run_teller(
        &mut self,
        lane: &Arc<Lane>,
        beside: Beside,
        sender: mpsc::Sender<Change>,
        mut receiver: mpsc::Receiver<Change>,
    ) {
        let teller = Arc::clone(lane);
        if lane.binding.event_rules().is_some() {
            let (happenings, told) = mpsc::channel(1);
            self.happenings.insert(lane.binding.name().to_owned(), happenings);
            self.producers.spawn(Desk::new(teller, beside, sender).run(receiver, told));
            return;
        }
        self.producers.spawn(async move {
            teller.companions_known().await;
            while let Some(change) = receiver.recv().await {
                teller.tell(change).await;
            }
        });
    }

    /// Tells a happening that was found elsewhere, as if an Event had: for replays. False if the binding `name` has no engine
    /// of events.
    pub async fn happened(&self, name: &str, happening: Happening) -> bool {
        match self.happenings.get(name) {
            Some(desk) => desk.send(happening).await.is_ok(),
            None => false,
        }
    }

    /// The lanes by name of their binding.
    pub fn lanes(&self) -> &BTreeMap<String, Arc<Lane>> {
        &self.lanes
    }

    /// The outbox.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Keeps `health` up to date: ready once every source has sent what existed at the start.
    pub fn report_readiness(&mut self, health: &Health) {
        for lane in self.lanes.values() {
            let (part, health) = (format!("source {}", lane.binding.name()), health.clone());
            health.not_ready(&part, format!("the first list of {} is under way", lane.binding.resource()));
            let mut synced = lane.source.synced();
            self.producers.spawn(async move {
                if synced.wait_for(|synced| *synced).await.is_ok() {
                    health.ready(&part);
                }
            });
        }
        health.ready(STARTUP);
    }

    /// Stops: no new decisions, then the deliveries under way, then the patches; at most `grace` in all. What is not
    /// delivered by then has not been recorded either, so it is decided again after the restart (core 5.6.2, FIX).
    pub async fn stop(mut self, grace: Duration) {
        let deadline = tokio::time::Instant::now() + grace;
        self.changes.clear();
        self.producers.shutdown().await;
        let left = self.outbox.drain(grace).await;
        if !left.is_empty() {
            tracing::warn!(
                messages = left.len(),
                "messages not delivered before the stop; they are decided again after the restart"
            );
        }
        drop(self.outbox);
        // The recorder ends when the last outcome has been recorded.
        let outcomes = async { while self.recorder.join_next().await.is_some() {} };
        drop(tokio::time::timeout_at(deadline + Duration::from_secs(1), outcomes).await);
        for lane in self.lanes.values() {
            let rest =
                deadline.saturating_duration_since(tokio::time::Instant::now()).max(Duration::from_secs(2));
            lane.writer.finish(rest).await;
            drop(tokio::time::timeout(rest, lane.happenings.write()).await);
        }
    }
}

/// What a lane follows besides its objects.
struct Inputs {
    settings: watch::Receiver<Settings>,
    /// The configurations of tenants, and which of them are in force.
    tenants: Option<(watch::Receiver<ByNamespace>, ByNamespace)>,
    companions: Option<Arc<dyn Source>>,
    beside: Beside,
}

/// What every lane is built with.
struct Shared {
    outbox: Outbox,
    clock: Arc<dyn Clock>,
    runtime: dodona_value::Runtime,
    metrics: Arc<Metrics>,
    lookup: Arc<dyn Lookup>,
    redactor: Redactor,
    refused: Refused,
}

impl Shared {
    /// A lane whose configurations are in force, and what it will follow.
    fn lane(&self, mut watched: Watched) -> (Arc<Lane>, Inputs) {
        let ledger = Arc::new(Mutex::new(Ledger::new(state_annotation(watched.binding.annotation_prefix()))));
        // Seen: what comes first is no change of it.
        let first = watched.settings.borrow_and_update().clone();
        let self_service = watched.tenants.is_some();
        let legacy = watched.binding.legacy_recipients();
        let (clients, tenants) = match watched.tenants {
            Some(mut tenants) => {
                let known = tenants.settings.borrow_and_update().clone();
                (tenants.clients, Some((tenants.settings, known)))
            }
            None => (Clients::default(), None),
        };
        let settings = Arc::new(Holder::new(&first, watched.build, clients, Arc::clone(&self.lookup)));
        let mut tenant_runtime = self.runtime.clone();
        tenant_runtime.allow_key_generation = false;
        let prefix = watched.binding.annotation_prefix().to_owned();
        let companions = watched.companions.is_some().then(|| {
            Shelf::new(Box::new(move |object| engine::is_annotated(object.annotations(), &prefix, true)))
        });
        let lane = Lane {
            writer: Writer::new(Arc::clone(&watched.source), Arc::clone(&ledger)),
            binding: watched.binding,
            source: watched.source,
            settings,
            ledger,
            outbox: self.outbox.clone(),
            timers: Arc::new(Timers::default()),
            clock: Arc::clone(&self.clock),
            runtime: self.runtime.clone(),
            tenant_runtime,
            metrics: Arc::clone(&self.metrics),
            notices: watched.notices,
            redactor: self.redactor.clone(),
            happenings: Arc::new(Record::new(watched.beside.notebook.clone(), self.clock.unix_seconds())),
            told: AtomicU64::new(0),
            reloads: AtomicU64::new(0),
            under_way: AtomicUsize::new(0),
            refused: self.refused,
            self_service,
            asks: self.lookup.inquire(Unanswered::Marked).is_some(),
            lookup: Arc::clone(&self.lookup),
            aside: Aside::default(),
            patience: Patience::default(),
            companions,
            legacy,
        };
        lane.note_configuration(None, &lane.settings.central());
        if let Some((_, known)) = &tenants {
            lane.begin_tenants(known);
        }
        let inputs = Inputs {
            settings: watched.settings,
            tenants,
            companions: watched.companions,
            beside: watched.beside,
        };
        (Arc::new(lane), inputs)
    }
}

/// Records how every parcel ended, in order of ending.
async fn record(lanes: BTreeMap<String, Arc<Lane>>, mut outcomes: mpsc::UnboundedReceiver<Outcome>) {
    while let Some(outcome) = outcomes.recv().await {
        match lanes.get(&outcome.parcel.binding) {
            Some(lane) => lane.settle(&outcome),
            None => {
                tracing::error!(binding = %outcome.parcel.binding, "an earlier process left a message of a binding that does not run now");
            }
        }
    }
}
