//! The engine of events of Rollouts (core 6.2 to 6.6), between the sources and the lane.
//!
//! ```text
//!  Rollouts ──▶ history ──▶ differences ─┐
//!                  │                     ├─▶ merge ──▶ tell ──▶ (compose, outbox)
//!  Events ─────────┴──▶ the version ─────┘
//! ```
//!
//! `history` keeps the last versions, `merge` has each occurrence told once, `record` knows what was told when the process
//! starts again, `tell` decides and posts one happening, and `desk` has all of them work together, in order of arrival.

mod desk;
mod history;
mod merge;
mod record;
mod tell;
mod watch;

use std::sync::Arc;
use std::time::Duration;

pub(super) use desk::Desk;
pub(super) use record::Record;

use crate::model::{CoreEvent, Happening, Object};
use crate::source::{Fetch, Notebook, Source};

/// Stream of core Events: the name that their source has as binding.
pub const EVENTS: &str = "rollout events";
/// Stream of AnalysisRuns.
pub const ANALYSIS_RUNS: &str = "rollout analysisruns";
/// Stream of Experiments.
pub const EXPERIMENTS: &str = "rollout experiments";

/// What the engine of events reads beside the objects of its binding. Each source has the name of its stream as binding.
#[derive(Default)]
pub struct Beside {
    /// Core Events, of any object.
    pub events: Option<Arc<dyn Source>>,
    /// AnalysisRuns; watched once a configuration mentions them, or where they are told about.
    pub analysis_runs: Option<Arc<dyn Source>>,
    /// Experiments; watched where they are told about.
    pub experiments: Option<Arc<dyn Source>>,
    /// Workloads that have the template of a Rollout.
    pub fetch: Option<Arc<dyn Fetch>>,
    /// Where it is written down which Events were told.
    pub notebook: Option<Arc<dyn Notebook>>,
    /// How long a difference of two versions waits for its Event before it is told by itself; `None`: differences are not
    /// told at all.
    pub grace: Option<Duration>,
}

impl Beside {
    /// How long a difference waits where Events are watched.
    pub const GRACE: Duration = Duration::from_secs(5);
}

/// One happening and what is known around it.
struct Occurrence<'a> {
    happening: &'a Happening,
    /// The newest version of the object, if it is known.
    newest: Option<&'a Arc<Object>>,
    /// The Event that told it, if one did.
    event: Option<&'a CoreEvent>,
}
