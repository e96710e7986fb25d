//! The condition language: what stands in `when` and `oncePer` of a trigger (expr-lang/expr 1.17.8; core.md 3.2, languages.md 4 and 8).
//!
//! [`Program::compile`] turns a text into a program, once, when the configuration is loaded; [`Program::run`] evaluates it against a [`Scope`], often.
//! What fails at load upstream fails at load here, and what fails when it runs fails when it runs.
//!
//! The way of a text, one module each: `syntax` (tokens, tree) → `check` (types) → `optimize` (folding, with upstream's visible effects) → `code`
//! (instructions) → `vm` (running them). `builtins` holds the functions. Values, comparisons of containers, times, JSON, patterns and budgets are
//! `dodona-value`'s.
//!
//! The crate has no clock, no environment and no I/O. It never panics and never recurses deeper than the stack allows, whatever the text or the data.
#![warn(missing_docs)]

mod builtins;
mod check;
mod code;
mod error;
mod limit;
mod optimize;
mod outline;
mod parts;
mod program;
mod suggest;
mod syntax;
mod vm;

pub use error::{CompileError, CompileErrorKind, Error, RunError, RunErrorKind, Span};
pub use outline::{Comparison, Outline, Path, Shape};
pub use parts::{Joint, Part, parts};
pub use program::Program;

pub use dodona_value::{CallCx, Runtime, Scope, Value};
