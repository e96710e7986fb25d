//! The values that both languages of Dodona compute with.
//!
//! Conditions (`dodona-expr`) and templates (`dodona-gotmpl`) were invented on top of Go, and their texts show it: an `int` differs from an `int64`, a
//! missing key from an explicit null, a `[]string` from a list of anything, and everything prints as Go's `fmt` prints it. This crate holds that model once:
//!
//! * [`Value`] and its parts ([`Str`], [`List`], [`Map`], [`Time`], [`Duration`], [`Func`], [`Host`]),
//! * [`Document`]: a JSON object read straight from its bytes and looked at without copying it,
//! * [`Scope`]: the root variables of a program,
//! * [`Runtime`], [`Limits`] and [`Budget`]: clock, zone, randomness and the bounds of one evaluation,
//! * what Go's libraries answer: [`mod@format`] (fmt), [`strconv`], [`json`] (encoding/json), [`regex`] (RE2), [`time`], [`compare`] and [`convert`].
//!
//! It leaves grammar, evaluation and the functions of each language to the other two crates. It has no clock, no environment, no network and no async.
#![warn(missing_docs)]

pub mod compare;
pub mod convert;
pub mod document;
pub mod format;
pub mod func;
pub mod json;
pub mod letters;
mod list;
mod map;
pub mod math;
pub mod methods;
pub mod regex;
pub mod runtime;
mod scope;
mod str;
pub mod strconv;
pub mod time;
mod types;
pub mod url;
mod value;

pub use crate::document::{Document, JsonError, NodeKind, NodeRef, Numbers};
pub use crate::format::Text;
pub use crate::func::{CallCx, CallError, Func, Host, Signature};
pub use crate::list::List;
pub use crate::map::{Key, Map, MapError};
pub use crate::runtime::{Budget, Clock, Limit, LimitError, Limits, Random, Resolver, Runtime};
pub use crate::scope::{Fork, Scope};
pub use crate::str::Str;
pub use crate::time::{Duration, Time, Zone};
pub use crate::types::{FloatKind, GoType, IntKind, Kind, UintKind};
pub use crate::value::Value;
