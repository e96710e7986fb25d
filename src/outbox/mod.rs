//! What has to be delivered, until it is: one FIFO queue per destination, limits per service, attempts with back-off.
//!
//! The outbox knows when to try; how to talk to a receiver is the [`Courier`]'s, and what a result means for the ledger
//! is the pipeline's. Where the parcels are kept is the store's: memory here, disk and JetStream behind the same trait.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::delivery::{DeliveryError, DeliveryOptions};
use crate::model::{Destination, Message, Receipt};

/// One message on its way to one destination. It serialises, so that a store can keep it across restarts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parcel {
    /// Unique within the process; assigned by the outbox when it accepts the parcel (0 before).
    pub id: u64,
    /// Binding of the object.
    pub binding: String,
    /// Namespace and name of the object (namespace empty for cluster-scoped kinds).
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// Namespace of the configuration that asked for it; picks the service of that name.
    pub config_namespace: String,
    /// Where to.
    pub destination: Destination,
    /// Name of the trigger, for logs and metrics.
    pub trigger: String,
    /// Key of the condition, for logs.
    pub condition: String,
    /// Key under which the receipt is recorded in the ledger.
    pub ledger_key: String,
    /// The message.
    pub message: Message,
    /// Unix milliseconds at which it was accepted; its age counts from here.
    pub accepted_at: i64,
    /// Attempts made so far.
    pub attempts: u32,
}

/// Hands one parcel to its receiver, once.
pub trait Courier: Send + Sync + 'static {
    /// One attempt with the service that is configured *now* under the parcel's service name.
    fn attempt<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, DeliveryError>>;

    /// Options of the service that the parcel is for.
    fn options(&self, parcel: &Parcel) -> DeliveryOptions;
}

/// How a parcel ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// The receiver took it.
    Delivered(Receipt),
    /// It was refused, or its age limit was reached; it is kept as a dead letter.
    Refused(DeliveryError),
}

/// A parcel and how it ended; sent to the pipeline in order of ending.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The parcel, with the number of attempts made.
    pub parcel: Arc<Parcel>,
    /// How it ended.
    pub ending: Ending,
}
