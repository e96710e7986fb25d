//! The services, one file each, and the table that lists them by name.

mod alertmanager;
mod awssqs;
pub mod console;
mod email;
mod grafana;
mod newrelic;
mod opsgenie;
mod pagerduty;
mod pagerdutyv2;
mod pushover;
mod slack;
mod webhook;

use super::ServiceType;

/// All service types, ordered by name. Docs index, tests, command-line help and metric labels are derived from it.
pub const TABLE: &[ServiceType] = &[
    alertmanager::TYPE,
    awssqs::TYPE,
    console::TYPE,
    email::TYPE,
    grafana::TYPE,
    newrelic::TYPE,
    opsgenie::TYPE,
    pagerduty::TYPE,
    pagerdutyv2::TYPE,
    pushover::TYPE,
    slack::TYPE,
    webhook::TYPE,
];
