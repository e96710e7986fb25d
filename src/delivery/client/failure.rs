//! A request that got no answer.

use std::error::Error as StdError;
use std::time::Duration;

use super::guard::Unreachable;
use crate::delivery::{DeliveryError, ErrorKind, Retry};
use crate::model::with_causes;

/// A request that got no answer, and whether repeating it at once can help (services 2.3, the rules of webhook).
#[derive(Debug, Clone)]
pub struct Failure {
    /// What happened; names the host and nothing else of the URL.
    pub error: DeliveryError,
    /// Whether the same request may be repeated at once: not after a broken certificate, a redirect loop or a bad URL.
    pub repeat: bool,
}

impl Failure {
    /// A request that cannot be sent as it is.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self { error: DeliveryError::permanent(ErrorKind::Config, detail), repeat: false }
    }

    /// An answer that nobody can use and that comes again if asked again.
    pub(super) fn useless_answer(detail: impl Into<String>) -> Self {
        Self { error: DeliveryError::permanent(ErrorKind::Rejected, detail), repeat: false }
    }

    /// A host that has no address, or none that may be reached.
    pub(super) fn unreachable(problem: &Unreachable) -> Self {
        let detail = problem.to_string();
        match problem {
            Unreachable::Closed(_) => Self::malformed(detail),
            Unreachable::Unknown(..) => {
                Self { error: DeliveryError::temporary(ErrorKind::Network, detail), repeat: true }
            }
        }
    }

    pub(super) fn timeout(host: &str, limit: Duration) -> Self {
        let detail = format!("no complete answer from {host} within {} s", limit.as_secs_f64());
        Self { error: DeliveryError::temporary(ErrorKind::Network, detail), repeat: true }
    }

    /// What `reqwest` says, without the URL, which may hold a token.
    pub(super) fn network(host: &str, error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_builder() || error.is_request() && is_malformed(&error) {
            return Self::malformed(format!("request to {host} cannot be sent: {}", with_causes(&error)));
        }
        let certificate = has_certificate_error(&error);
        let what = if error.is_connect() { "cannot connect to" } else { "no answer from" };
        let detail = format!("{what} {host}: {}", with_causes(&error));
        let error = DeliveryError { kind: ErrorKind::Network, retry: Retry::Later, status: None, detail };
        Self { error, repeat: !certificate }
    }
}

/// Whether the request itself is at fault: an unsupported scheme for example.
fn is_malformed(error: &reqwest::Error) -> bool {
    let text = with_causes(error);
    text.contains("scheme") || text.contains("invalid header")
}

fn has_certificate_error(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref::<rustls::Error>() {
            return true;
        }
        // An `io::Error` names the cause of what it wraps as its own; what it wraps has to be asked for.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}
