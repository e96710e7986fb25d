//! What goes wrong with NATS, and what it means for the message.

use crate::delivery::lines::LineError;
use crate::delivery::{DeliveryError, ErrorKind, Retry};

/// A failed connection or publication.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// The name has no address, or one that may not be reached.
    #[error("{0}")]
    Unreachable(DeliveryError),
    /// No connection.
    #[error("{0}")]
    Connect(String),
    /// The connection broke.
    #[error("{0}")]
    Broken(String),
    /// Nothing came in time.
    #[error("timeout while waiting for {0}")]
    Slow(&'static str),
    /// The TLS handshake failed.
    #[error("TLS: {0}")]
    Tls(String),
    /// Going on would send secrets in clear.
    #[error("{0}")]
    Unsafe(&'static str),
    /// The other side speaks another protocol.
    #[error("the other side does not speak the protocol of NATS")]
    NoNats,
    /// A seed is set, and the server gives nothing to sign.
    #[error("nats: nkeys not supported by the server")]
    NoNonce,
    /// The server's word.
    #[error("nats: {0}")]
    Refused(String),
    /// No subject.
    #[error("nats: invalid subject")]
    InvalidSubject,
    /// Headers, and a server without them.
    #[error("nats: headers not supported by this server")]
    NoHeaders,
    /// More than the server takes.
    #[error("nats: maximum payload exceeded: {total} bytes, and the server takes {most}")]
    TooLarge {
        /// Headers and text.
        total: usize,
        /// The server's limit.
        most: usize,
    },
}

impl From<LineError> for NatsError {
    fn from(error: LineError) -> Self {
        match error {
            LineError::Connect(text) => Self::Connect(text),
            LineError::Broken(text) => Self::Broken(text),
            LineError::Tls(text) => Self::Tls(text),
            LineError::Early => Self::Unsafe("the server sent more than its INFO before the TLS handshake"),
        }
    }
}

impl NatsError {
    /// The delivery error; `doing` is what failed, in upstream's words.
    pub fn judge(self, doing: &str) -> DeliveryError {
        let detail = format!("{doing}: {self}");
        let error = |kind, retry| DeliveryError { kind, retry, status: None, detail };
        match self {
            Self::Unreachable(DeliveryError { kind, retry, .. }) => error(kind, retry),
            Self::Connect(_) | Self::Broken(_) | Self::Slow(_) | Self::Tls(_) | Self::NoNats => {
                error(ErrorKind::Network, Retry::Later)
            }
            Self::Unsafe(_) | Self::NoNonce => error(ErrorKind::Config, Retry::No),
            Self::InvalidSubject | Self::NoHeaders | Self::TooLarge { .. } => {
                error(ErrorKind::Rejected, Retry::No)
            }
            Self::Refused(text) => {
                let (kind, retry) = meaning(&text);
                error(kind, retry)
            }
        }
    }
}

/// What the server's words mean; they are the same in all of its versions.
fn meaning(text: &str) -> (ErrorKind, Retry) {
    let text = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["authentication timeout"]) {
        (ErrorKind::Network, Retry::Later)
    } else if says(&["expired"]) {
        // A new credentials file may be on its way.
        (ErrorKind::Auth, Retry::Later)
    } else if says(&[
        "authorization violation",
        "permissions violation",
        "authentication revoked",
        "no account",
    ]) {
        (ErrorKind::Auth, Retry::No)
    } else if says(&[
        "maximum payload",
        "maximum control line",
        "invalid",
        "unknown protocol",
        "parser error",
    ]) {
        (ErrorKind::Rejected, Retry::No)
    } else {
        // Maximum connections, slow consumer, stale connection, shutdown.
        (ErrorKind::Unavailable, Retry::Later)
    }
}
