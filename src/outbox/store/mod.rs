//! Where parcels and dead letters are kept: the seam between the outbox and memory, disk or a broker.

mod memory;

use std::sync::Arc;

use futures::future::BoxFuture;

pub use memory::{DeadLetterLimits, MemoryStore};

use super::Parcel;
use crate::delivery::DeliveryError;
use crate::delivery::conversation::Journal;
use crate::model::Receipt;

/// Keeps what must not be forgotten.
///
/// The life of a parcel: `put`, then `delivered` or `bury`, then `done` once the ledger has it. A store that outlives
/// the process gives back in `all` what was put and not done, so that nothing is lost and nothing is told twice.
/// All but `put` return at once; a store that writes to a disk does so behind them, in order.
///
/// It also is the journal of what services remember between messages: threads and comments live as long as parcels do.
pub trait Store: Journal {
    /// What an earlier process left, in order of acceptance. Called once, before anything else.
    fn all(&self) -> Vec<Stored>;

    /// Keeps a parcel. Once this returns, the parcel survives whatever the store promises to survive.
    fn put<'a>(&'a self, parcel: &'a Arc<Parcel>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The receiver took the parcel; the ledger does not know yet.
    fn delivered(&self, parcel: &Parcel, receipt: &Receipt);

    /// The parcel of this id is of no interest any more.
    fn done(&self, id: u64);

    /// Keeps a refused parcel as a dead letter.
    fn bury(&self, letter: DeadLetter);

    /// The dead letters, oldest first.
    fn dead_letters(&self) -> Vec<Arc<DeadLetter>>;

    /// Takes out the dead letters that `filter` chooses, oldest first.
    fn take(&self, filter: &Filter) -> Vec<Arc<DeadLetter>>;

    /// How many dead letters there are, and how many had to go because there were too many.
    fn dead_letter_counts(&self) -> (usize, u64);
}

/// Something that an earlier process left.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// A parcel that has not ended.
    Waiting(Arc<Parcel>),
    /// A parcel that was delivered, and of which the ledger may not know.
    Delivered(Arc<Parcel>, Receipt),
}

/// A parcel that was refused, or that could not be delivered within its age limit.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The parcel, with the number of attempts made.
    pub parcel: Arc<Parcel>,
    /// Why, redacted.
    pub error: DeliveryError,
    /// Unix milliseconds at which it was given up.
    pub at: i64,
}

/// Chooses dead letters; what is absent chooses all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Namespace of the configuration.
    pub config_namespace: Option<String>,
    /// Name of the service.
    pub service: Option<String>,
    /// Id of the parcel.
    pub id: Option<u64>,
}

impl Filter {
    /// Whether `letter` is chosen.
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        let parcel = &letter.parcel;
        self.id.is_none_or(|id| id == parcel.id)
            && self.service.as_deref().is_none_or(|service| service == &*parcel.destination.service)
            && self.config_namespace.as_deref().is_none_or(|namespace| namespace == parcel.config_namespace)
    }
}

/// A store that could not keep a parcel.
#[derive(Clone, Debug, thiserror::Error)]
#[error("failed to store a message: {0}")]
pub struct StoreError(pub String);
