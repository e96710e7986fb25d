//! What is asked: everything that the answer depends on, so that equal questions have one answer.

use std::fmt;

use dodona_value::{Str, Value};

use super::source;
use crate::model::Object;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    /// `GetCommitMetadata`.
    Commit { url: String, project: String, revision: String },
    /// `GetAppDetails`; `source` is JSON.
    Details { app: String, project: String, source: String },
}

impl Question {
    /// The question that `function` asks about `object`.
    pub(super) fn of(object: &Object, function: &str, arguments: &[Value]) -> Result<Self, String> {
        let app: serde_json::Value = serde_json::from_slice(object.json())
            .map_err(|error| format!("failed to read the Application: {error}"))?;
        let project = source::project(&app);
        match function {
            "GetCommitMetadata" => {
                let revision = arguments.first().and_then(Value::as_str).map(Str::to_string_lossy);
                let revision = revision.unwrap_or_default().into_owned();
                if revision.is_empty() {
                    return Err("`GetCommitMetadata` was asked for an empty revision".into());
                }
                let index = arguments.get(1).and_then(Value::as_i64);
                let url = source::repository_of(&app, &revision, index)?;
                Ok(Self::Commit { url, project, revision })
            }
            "GetAppDetails" => {
                let first = source::sources(&app).into_iter().next();
                let source = first.ok_or("the Application has no source")?.to_string();
                Ok(Self::Details { app: object.key().name.to_string(), project, source })
            }
            other => Err(format!("the repo server is not asked for `{other}`")),
        }
    }
}

/// For errors: without anything that may hold credentials.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit { revision, .. } => write!(f, "the metadata of commit `{revision}`"),
            Self::Details { app, .. } => write!(f, "the details of `{app}`"),
        }
    }
}
