//! What functions of the languages may ask of the world while a program runs.
//!
//! The languages stay synchronous and never wait. A program that asks for something which is not known is told so, what it asked
//! is found out, and it runs again: see [`Inquiry`].

use std::pin::Pin;
use std::sync::Arc;

use dodona_value::Value;

use super::Object;

/// Answers the questions that need somebody else: commit metadata and application details of the repo server.
pub trait Lookup: Send + Sync {
    /// Answers `function` (`GetCommitMetadata`, `GetAppDetails`) for `object` with the arguments given, from what is known.
    fn call(&self, object: &Object, function: &str, arguments: &[Value]) -> Result<Value, LookupError>;

    /// Begins a piece of work whose questions can be found out. `None`: nothing is ever found out, [`Lookup::call`] has the last
    /// word.
    fn inquire(&self, unanswered: Unanswered) -> Option<Arc<dyn Inquiry>> {
        let _ = unanswered;
        None
    }
}

/// What a program gets that asked for something which cannot be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The answer with marks in its fields: a message leaves, and shows what is missing.
    Marked,
    /// An error: a condition must not be decided by a mark.
    Refused,
}

/// The questions of one piece of work: call, find out what was not known, call again, until nothing is left to find out.
pub trait Inquiry: Lookup {
    /// Finds out what was asked and not known. `false`: there was nothing, so what the program said last holds.
    fn find_out(&self) -> Pin<Box<dyn Future<Output = bool> + Send + '_>>;

    /// Why something could not be found out, if so.
    fn failure(&self) -> Option<String>;
}

/// Why a question was not answered. The text tells the user what to configure.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct LookupError {
    /// What went wrong and what to do.
    pub message: String,
}

/// Used where no repo server is configured: every question fails with the name of the missing setting (core 4.3).
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLookup;

impl Lookup for NoLookup {
    fn call(&self, _object: &Object, function: &str, _arguments: &[Value]) -> Result<Value, LookupError> {
        Err(LookupError {
            message: format!(
                "`{function}` needs the repo server, and none is configured (`--argocd-repo-server`)"
            ),
        })
    }
}
