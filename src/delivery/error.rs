//! Why a message was not delivered, and whether trying again can help.

use std::time::Duration;

/// What kind of failure it was; a closed set, fit for metric labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The service's settings cannot work.
    Config,
    /// The receiver does not accept our credentials.
    Auth,
    /// The channel, user, address, … does not exist.
    NotFound,
    /// The receiver refuses this message.
    Rejected,
    /// The receiver asks to slow down.
    RateLimited,
    /// The receiver is there and cannot take it now (5xx).
    Unavailable,
    /// No or a broken connection, or no answer in time.
    Network,
    /// A defect of ours.
    Internal,
}

impl ErrorKind {
    /// The label used in metrics and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Auth => "auth",
            Self::NotFound => "not_found",
            Self::Rejected => "rejected",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Network => "network",
            Self::Internal => "internal",
        }
    }
}

/// Whether to try again (design 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Never by itself: the message becomes a dead letter.
    No,
    /// Yes, with the outbox's back-off.
    Later,
    /// Yes, and not before this much time has passed (`Retry-After`).
    After(Duration),
}

/// A failed delivery. Its text is redacted: no token, password or secret URL is in it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct DeliveryError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// Whether trying again can help.
    pub retry: Retry,
    /// The receiver's status code, where there is one (HTTP, SMTP).
    pub status: Option<u16>,
    /// What happened, capped and redacted, lower case.
    pub detail: String,
}

impl DeliveryError {
    /// A failure that does not go away by itself.
    pub fn permanent(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, retry: Retry::No, status: None, detail: detail.into() }
    }

    /// A failure that may go away by itself.
    pub fn temporary(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, retry: Retry::Later, status: None, detail: detail.into() }
    }

    /// The same failure with the receiver's status code.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }
}
