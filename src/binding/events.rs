//! How the engine of events of a binding works, where it has one (core 6.1).

/// The engine of events as it was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRules {
    /// Whether Experiments and AnalysisRuns are told about too (core 6.2.3).
    pub related: bool,
    /// Whether `oncePer` counts for events, by the same record as for states; upstream ignores it (core 6.1).
    pub once_per: bool,
}

/// Who writes the Events that the engine reads: their `source.component` or `reportingComponent` (core 6.6).
pub const COMPONENT: &str = "rollouts-controller";
