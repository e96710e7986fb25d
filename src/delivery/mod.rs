//! How anything is sent: the [`Service`] trait and the table of services.
//!
//! A service reads its own settings and the message, and talks to its receiver. It knows nothing of triggers, queues or
//! objects; when to send and when to try again is decided elsewhere from [`DeliveryError::retry`].

pub mod addresses;
pub mod ambient;
mod attributes;
mod aws;
pub(crate) mod capture;
pub mod client;
pub mod conversation;
mod cut;
pub mod driver;
mod error;
mod google;
pub mod lines;
pub mod look;
pub mod nats;
pub mod options;
pub mod payload;
pub mod progress;
pub mod redact;
pub mod renew;
pub mod request;
pub mod section;
pub mod services;
pub mod sign;
pub mod smtp;
pub mod template;
pub mod text_map;
pub mod verdict;

use std::sync::Arc;

use futures::future::BoxFuture;

pub use error::{DeliveryError, ErrorKind, Retry};

use crate::model::{Message, Node, NodeError, Receipt, Section};
use client::Clients;

/// One configured service.
pub trait Service: Send + Sync + 'static {
    /// Hands `message` to `recipient` (which may be empty) and waits for the receiver's word.
    fn deliver<'a>(
        &'a self,
        message: &'a Message,
        recipient: &'a str,
    ) -> BoxFuture<'a, Result<Receipt, DeliveryError>>;

    /// How the outbox treats this service's messages: options that every service has (issue: `timeout`, `retries`, …).
    fn options(&self) -> DeliveryOptions {
        DeliveryOptions::default()
    }
}

/// Delivery options that every service accepts as extra fields, which upstream ignores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeliveryOptions {
    /// Longest time for one attempt.
    pub timeout: Option<std::time::Duration>,
    /// Attempts after the first one before the message counts as refused; unlimited within `max_age` if absent.
    pub retries: Option<u32>,
    /// Messages per second.
    pub rate_limit: Option<f64>,
    /// Age at which a message that still cannot be delivered counts as refused.
    pub max_age: Option<std::time::Duration>,
}

/// One row of the table: everything the rest of the product knows about a service type.
pub struct ServiceType {
    /// The type's name: configuration key, docs page, test folder.
    pub name: &'static str,
    /// The section of a notification template that it reads, and its compiler; `None` for message-only services.
    pub section: Option<SectionType>,
    /// Whether a message without a recipient goes nowhere; `dodona lint` reports subscriptions that name none.
    pub needs_recipient: bool,
    /// Builds a service from its settings (secrets already put in). Warnings are appended to `warnings`.
    pub build: Build,
}

/// Builds a service from its settings.
pub type Build = fn(&mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError>;

/// What a service is built with.
pub struct BuildContext<'a> {
    /// The configured name of the service (`workspace1`).
    pub name: &'a str,
    /// Where HTTP clients and TLS material come from.
    pub clients: &'a Clients,
    /// Warnings about settings that load and probably disappoint.
    pub warnings: &'a mut Vec<NodeError>,
}

/// A section of a notification template.
pub struct SectionType {
    /// Key inside `template.<name>`: `slack`, `email`, `webhook`, ….
    pub key: &'static str,
    /// Compiles the section; the template's name is used in error texts.
    pub compile: CompileSection,
}

/// Compiles a section; the first argument is the template's name.
pub type CompileSection = fn(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError>;

/// The service types by name, in order.
pub fn service_types() -> &'static [ServiceType] {
    services::TABLE
}

/// The service type called `name`.
pub fn service_type(name: &str) -> Option<&'static ServiceType> {
    service_types().iter().find(|row| row.name == name)
}

/// All sections that templates may have: those of the services of the table.
pub fn section_types() -> impl Iterator<Item = &'static SectionType> {
    service_types().iter().filter_map(|row| row.section.as_ref())
}
