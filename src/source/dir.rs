//! A folder of YAML manifests instead of a cluster: for trying things out, for tests, for the demo.
//!
//! `manifest` reads files, `folder` notices changes, `objects` makes a [`Source`](super::Source) out of it and `settings` a
//! [`SettingsSource`](super::SettingsSource), `state` keeps the annotations that were written, in files of their own: a person's
//! manifests are never edited.

mod folder;
mod manifest;
mod objects;
mod settings;
mod state;

use std::time::Duration;

pub use folder::Folder;
pub use objects::{DirSource, Filter};
pub use settings::DirSettings;

/// How often the folder is looked at.
const TICK: Duration = Duration::from_millis(250);
