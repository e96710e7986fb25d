//! Objects, configuration and events of a Kubernetes cluster.
//!
//! `connect` finds the cluster, `api` sends requests, `reflect` keeps one collection in sight (with `lines` and `wire` below it),
//! `objects` makes a [`Source`](super::Source) out of that, `settings` a [`SettingsSource`](super::SettingsSource), `events` writes Events,
//! `fetch` reads single objects, `notebook` keeps a text of our own, `lease` says whether a controller is there.
//! Nothing is cached: an object is read, handed on and forgotten, and the channel to the pipeline slows the socket down.

mod api;
mod backoff;
mod connect;
mod events;
mod fetch;
mod lease;
mod lines;
mod notebook;
mod objects;
mod reflect;
mod settings;
mod wire;

use std::time::Duration;

pub use api::{Api, ApiError};
pub use connect::{ConnectError, ConnectionSettings, connect};
pub use events::EventRecorder;
pub use fetch::KubeFetch;
pub use lease::{Holder, lease_holder};
pub use notebook::KubeNotebook;
pub use objects::KubeSource;
pub use settings::KubeSettings;

/// How patient the sources of one cluster are. The default is for production; tests shorten it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    /// First wait after a failure; doubled for each further one, with jitter.
    pub retry_min: Duration,
    /// Longest wait after a failure.
    pub retry_max: Duration,
    /// How often to look whether a kind that was not installed is there now.
    pub missing_kind: Duration,
    /// A watch without any line for this long is taken for dead. Servers send a bookmark about once a minute.
    pub silence: Duration,
    /// A streaming list that is silent for this long without having ended is taken for a server that does not know them.
    pub list_silence: Duration,
    /// Longest wait for the head of an answer, and for the whole of a small one.
    pub answer: Duration,
    /// Objects in one page of a paged list. A page is in memory as a whole.
    pub page: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry_min: Duration::from_millis(200),
            retry_max: Duration::from_secs(30),
            missing_kind: Duration::from_secs(10),
            silence: Duration::from_secs(150),
            list_silence: Duration::from_secs(20),
            answer: Duration::from_mins(1),
            page: 250,
        }
    }
}
