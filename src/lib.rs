//! Dodona tells people what happened to their deployments.
//!
//! The parts, in the order in which a notification passes them (`docs/architecture.md`):

pub mod pipeline;

pub mod model;

pub mod source;

pub mod binding;

pub mod config;

pub mod lookup;

pub mod engine;

pub mod outbox;

pub mod delivery;

pub mod telemetry;

pub mod demo;

pub mod lint;

pub mod trial;

pub mod cli;
