//! Replies of a server, and what goes wrong in a session.

use crate::delivery::lines::{LineError, Lines};
use crate::delivery::{DeliveryError, ErrorKind, Retry};

/// The longest line of a reply.
const LONGEST_LINE: u64 = 4096;

/// The most lines that one reply may have.
const MOST_LINES: usize = 200;

/// A reply: its code and the texts of its lines.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) lines: Vec<String>,
}

impl Reply {
    pub(super) async fn read(wire: &mut Lines) -> Result<Self, SmtpError> {
        let mut lines = Vec::new();
        loop {
            let line = wire.line(LONGEST_LINE).await?;
            let code = line.get(..3).and_then(|code| code.parse::<u16>().ok());
            let Some(code) = code.filter(|code| (200..600).contains(code)) else {
                let shown: String = line.chars().take(80).collect();
                return Err(SmtpError::Broken(format!(
                    "this is no SMTP server, it says `{}`",
                    shown.escape_debug()
                )));
            };
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Self { code, lines });
            }
            if lines.len() >= MOST_LINES {
                return Err(SmtpError::Broken("the server's reply has no end".to_owned()));
            }
        }
    }

    /// The reply if its code is `code`; otherwise the refusal of `what`.
    pub(super) fn expect(self, code: u16, what: &'static str) -> Result<Self, SmtpError> {
        if self.code == code {
            return Ok(self);
        }
        Err(SmtpError::Refused(Refusal { what, code: self.code, text: self.text() }))
    }

    pub(super) fn text(&self) -> String {
        self.lines.join(" ")
    }
}

/// The server said no.
#[derive(Debug)]
pub struct Refusal {
    /// What it refused.
    pub what: &'static str,
    /// Its code.
    pub code: u16,
    /// Its words.
    pub text: String,
}

/// Why a mail was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// The server said no.
    #[error("{} refused: {} {:?}", .0.what, .0.code, .0.text)]
    Refused(Refusal),
    /// No connection.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection broke, or what comes is no SMTP.
    #[error("{0}")]
    Broken(String),
    /// The handshake failed; most often the certificate is not trusted.
    #[error("TLS handshake failed: {0}")]
    Tls(String),
    /// Going on would send secrets in clear.
    #[error("{0}")]
    Unsafe(&'static str),
    /// The server lacks something that this mail needs.
    #[error("{0}")]
    Unsupported(&'static str),
    /// Something took too long.
    #[error("{0} took too long")]
    Slow(&'static str),
    /// The server did not answer a command.
    #[error("no reply to {0} within 30 s")]
    NoReply(String),
}

impl From<LineError> for SmtpError {
    fn from(error: LineError) -> Self {
        match error {
            LineError::Connect(text) => Self::Connect(text),
            LineError::Broken(text) => Self::Broken(text),
            LineError::Tls(text) => Self::Tls(text),
            LineError::Early => Self::Unsafe("the server sent more than one reply before the TLS handshake"),
        }
    }
}

impl SmtpError {
    /// What it means for trying again: 4xx and broken connections may go away, the rest does not.
    pub fn judge(self) -> DeliveryError {
        let (kind, retry) = match &self {
            Self::Refused(refusal) => refusal.verdict(),
            Self::Connect(_) | Self::Broken(_) | Self::Tls(_) | Self::Slow(_) | Self::NoReply(_) => {
                (ErrorKind::Network, Retry::Later)
            }
            Self::Unsafe(_) => (ErrorKind::Config, Retry::No),
            Self::Unsupported(_) => (ErrorKind::Rejected, Retry::No),
        };
        let status = if let Self::Refused(refusal) = &self { Some(refusal.code) } else { None };
        DeliveryError { kind, retry, status, detail: self.to_string() }
    }
}

impl Refusal {
    fn verdict(&self) -> (ErrorKind, Retry) {
        match (self.code, self.what) {
            (400..=499, _) => (ErrorKind::Unavailable, Retry::Later),
            (530 | 534 | 535 | 538, _) | (_, "AUTH") => (ErrorKind::Auth, Retry::No),
            (550 | 551 | 553, "RCPT TO") => (ErrorKind::NotFound, Retry::No),
            _ => (ErrorKind::Rejected, Retry::No),
        }
    }
}
