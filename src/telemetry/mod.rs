//! What operators see: metrics, log lines, probes.
//!
//! It is told what happened and shows it; it decides nothing. What must not be seen is taken out by
//! [`Redactor`](crate::model::Redactor).

pub mod admin;
pub mod health;
pub mod logging;
pub mod metrics;
mod process;
pub mod rollouts;
