//! Why an instruction failed, before the place in the source is known.

use dodona_value::{CallError, Limit, LimitError};

use crate::error::{RunErrorKind, Span};

/// A failure. Boxed, so that the results of the hot functions stay small.
#[derive(Debug)]
pub(crate) struct Fault(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: RunErrorKind,
    message: String,
    span: Option<Span>,
}

impl Fault {
    pub(crate) fn new(kind: RunErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Parts { kind, message: message.into(), span: None }))
    }

    /// A value of the wrong type.
    pub(crate) fn ty(message: impl Into<String>) -> Self {
        Self::new(RunErrorKind::Type, message)
    }

    /// A function that fails.
    pub(crate) fn call(message: impl Into<String>) -> Self {
        Self::new(RunErrorKind::Call, message)
    }

    /// The same at a place that is more exact than the instruction's.
    pub(crate) fn at(mut self, span: Span) -> Self {
        self.0.span = Some(span);
        self
    }

    pub(crate) fn kind(&self) -> RunErrorKind {
        self.0.kind
    }

    pub(crate) fn span(&self) -> Option<Span> {
        self.0.span
    }

    pub(crate) fn into_message(self) -> String {
        self.0.message
    }
}

impl From<LimitError> for Fault {
    fn from(error: LimitError) -> Self {
        Self::new(RunErrorKind::Limit, error.to_string())
    }
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failed(message) => Self::call(message),
            CallError::Limit(limit) => limit.into(),
        }
    }
}

/// The budget of memory units is used up.
pub(crate) fn out_of_memory() -> Fault {
    LimitError(Limit::Memory).into()
}
