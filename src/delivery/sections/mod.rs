//! Template sections of services that this version does not send to yet: they load, merge and print as upstream has them, so
//! that a template for several services works for those that are here.
//!
//! A section moves into its service's file when the service joins the table.

mod github;

use super::SectionType;

/// The sections, by key.
pub(super) const PENDING: &[SectionType] = &[SectionType { key: "github", compile: github::compile }];
