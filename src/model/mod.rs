//! The nouns that every part shares: objects, changes, destinations, messages, receipts, secrets, clocks.
//!
//! No I/O and no Kubernetes client types; everything here can be built in a test with a literal.
//! What is *done* with these nouns lives in the other parts.

mod causes;
mod change;
mod clock;
mod companions;
mod core_event;
mod destination;
mod git_url;
mod go_text;
mod happening;
mod lookup;
mod message;
mod node;
mod object;
mod receipt;
mod redact;
mod report;
mod resource;
mod runtime;
mod secret;
mod section;
mod settings;
pub mod yaml;
mod yaml_out;
mod yaml_scalar;

pub use causes::with_causes;
pub use change::{Cause, Change};
pub use clock::{Clock, FixedClock, SystemClock};
pub use companions::{Companions, NoCompanions};
pub use core_event::{CoreEvent, Involved};
pub use destination::Destination;
pub use git_url::GitUrl;
pub use happening::Happening;
pub use lookup::{Inquiry, Lookup, LookupError, NoLookup, Unanswered};
pub use message::Message;
pub use node::{Fields, Key, Node, NodeError, NodeKind, Position};
pub use object::{Object, ObjectError, ObjectKey};
pub use receipt::Receipt;
pub use redact::Redactor;
pub use report::{Report, Severity};
pub use resource::Resource;
pub use runtime::language_runtime;
pub use secret::{Secret, Secrets};
pub use section::{Notation, Section, SectionContext, SectionError};
pub use settings::Settings;
pub use yaml_out::to_yaml;
