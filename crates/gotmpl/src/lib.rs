//! Go's text/template with Sprig, as notification templates use it.
//!
//! A [`Template`] is compiled once and rendered many times against a [`dodona_value::Scope`]:
//!
//! ```
//! use dodona_gotmpl::Template;
//! use dodona_value::{Runtime, Scope, Time, Value};
//!
//! let template = Template::parse("greeting", "Hello {{.name | upper}}!").expect("a good template");
//! let scope: Scope = [("name", Value::from("ada"))].into_iter().collect();
//! let runtime = Runtime::fixed(Time::zero());
//! assert_eq!(template.render(&scope, &runtime).expect("renders"), b"Hello ADA!");
//! ```
//!
//! The text comes in through `parse` (tokens, pipelines, blocks) and leaves it as `code`, a flat list of steps; `exec` runs
//! them, `walk` follows chains of fields, `call` checks arguments, `hint` looks for misspelled fields after a failure; `builtin` and `sprig` hold the functions. Values, JSON,
//! Go's `fmt` and the clock are those of `dodona-value`.
//!
//! Limits on steps, memory, nesting, output and time are part of the machine. No template, however it is written, can
//! exhaust the stack, run forever or panic.
#![warn(missing_docs)]

mod builtin;
mod call;
mod code;
mod compare;
mod error;
mod escape;
mod exec;
mod function;
mod hint;
mod index;
mod outline;
mod parse;
mod sprig;
mod suggest;
mod template;
mod unicode;
mod walk;

pub use crate::error::{Location, ParseError, RenderError, RenderErrorKind};
pub use crate::function::{Args, Code as FunctionCode, FunctionDef, Functions, Param, families, functions};
pub use crate::outline::{Printed, Variable};
pub use crate::template::Template;
