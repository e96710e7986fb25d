//! From a parcel to a receiver: the service that is configured *now* under the parcel's service name.
//!
//! A token that was repaired therefore takes effect for messages that are already waiting.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::settings::Holder;
use crate::delivery::{DeliveryError, DeliveryOptions, ErrorKind, Service};
use crate::model::Receipt;
use crate::outbox::{Courier, Parcel};
use crate::telemetry::metrics::Metrics;

/// Finds services by binding and name.
pub(super) struct ServiceFinder {
    /// The configurations of all bindings.
    pub(super) lanes: BTreeMap<String, Arc<Holder>>,
    pub(super) metrics: Arc<Metrics>,
}

impl ServiceFinder {
    fn service(&self, parcel: &Parcel) -> Result<Arc<dyn Service>, DeliveryError> {
        let Some(holder) = self.lanes.get(&parcel.binding) else {
            let detail = format!("binding `{}` does not run in this process", parcel.binding);
            return Err(DeliveryError::permanent(ErrorKind::Config, detail));
        };
        let namespace = &parcel.config_namespace;
        let Some(in_force) = holder.in_namespace(namespace) else {
            let detail = format!("namespace {namespace} has no configuration any more");
            return Err(DeliveryError::permanent(ErrorKind::Config, detail));
        };
        let name = &*parcel.destination.service;
        match in_force.config.services.get(name).map(|configured| &configured.service) {
            Some(Ok(service)) => Ok(Arc::clone(service)),
            Some(Err(why)) => Err(DeliveryError::permanent(
                ErrorKind::Config,
                format!("service '{name}' is not usable: {why}"),
            )),
            None => Err(DeliveryError::permanent(
                ErrorKind::Config,
                format!("notification service '{name}' is not supported"),
            )),
        }
    }
}

impl Courier for ServiceFinder {
    fn attempt<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, DeliveryError>> {
        async move { self.service(parcel)?.deliver(&parcel.message, &parcel.destination.recipient).await }
            .boxed()
    }

    fn options(&self, parcel: &Parcel) -> DeliveryOptions {
        self.service(parcel).map(|service| service.options()).unwrap_or_default()
    }

    fn attempted(&self, parcel: &Parcel, result: Result<&Receipt, &DeliveryError>, took: Duration) {
        let outcome = result.map_or_else(|error| error.kind.label(), |_| "delivered");
        self.metrics.attempted(&parcel.destination.service, outcome);
        if let Err(error) = result {
            tracing::warn!(
                resource = %super::object_key(parcel),
                service = %parcel.destination.service,
                attempts = parcel.attempts,
                took = ?took,
                "attempt to notify {} failed: {error}",
                parcel.destination
            );
        }
    }
}
