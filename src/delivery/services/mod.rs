//! The services, one file each, and the table that lists them by name.

mod alertmanager;
mod awssqs;
pub mod console;
mod discord;
mod email;
mod gcppubsub;
mod github;
mod googlechat;
mod grafana;
mod mattermost;
mod nats;
mod newrelic;
mod opsgenie;
mod pagerduty;
mod pagerdutyv2;
mod pushover;
mod rocketchat;
mod slack;
mod teams;
mod teams_workflows;
mod telegram;
mod webex;
mod webhook;

use super::ServiceType;

/// All service types, ordered by name. Docs index, tests, command-line help and metric labels are derived from it.
pub const TABLE: &[ServiceType] = &[
    alertmanager::TYPE,
    awssqs::TYPE,
    console::TYPE,
    discord::TYPE,
    email::TYPE,
    gcppubsub::TYPE,
    github::TYPE,
    googlechat::TYPE,
    grafana::TYPE,
    mattermost::TYPE,
    nats::TYPE,
    newrelic::TYPE,
    opsgenie::TYPE,
    pagerduty::TYPE,
    pagerdutyv2::TYPE,
    pushover::TYPE,
    rocketchat::TYPE,
    slack::TYPE,
    teams::TYPE,
    teams_workflows::TYPE,
    telegram::TYPE,
    webex::TYPE,
    webhook::TYPE,
];
