//! What functions of the languages may ask of the world while a program runs.

use dodona_value::Value;

use super::Object;

/// Answers the questions that need somebody else: commit metadata and application details of the repo server.
///
/// The languages stay synchronous; an implementation may block, therefore programs that mention such functions run on a
/// blocking worker with a deadline (design 1, step 3).
pub trait Lookup: Send + Sync {
    /// Calls `function` (`repo.GetCommitMetadata`, `repo.GetAppDetails`) for `object` with the arguments given.
    fn call(&self, object: &Object, function: &str, arguments: &[Value]) -> Result<Value, LookupError>;
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
