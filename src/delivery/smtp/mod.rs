//! One SMTP session, command by command, as services 2.2 asks for it.
//!
//! lettre's own connection is not used: it gives up where EHLO is refused (upstream falls back to HELO), has no CRAM-MD5
//! and cannot take the certificates of one host. What a mail looks like is lettre's work, in the e-mail service.

mod auth;
mod reply;

use std::net::SocketAddr;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::time::timeout;

pub use reply::{Refusal, SmtpError};

use super::lines::Lines;
use reply::Reply;

/// Where to connect and as whom.
pub struct Server {
    /// Host name or address; also the name in the certificate.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The name that we give in EHLO.
    pub hello: String,
    /// When the connection is encrypted.
    pub security: Security,
    /// User name and password, if both are set.
    pub credentials: Option<(String, String)>,
}

/// When a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// From the first byte on (port 465).
    Implicit,
    /// With STARTTLS if the server offers it.
    IfOffered,
    /// With STARTTLS, or not at all sent.
    Required,
    /// Never.
    Never,
}

/// What goes into the envelope, and the mail itself.
pub struct Envelope<'a> {
    /// The sender's address.
    pub from: &'a str,
    /// The recipients' addresses, each once.
    pub to: &'a [String],
    /// The mail, with CRLF line ends.
    pub mail: &'a [u8],
    /// Whether an address has characters outside ASCII.
    pub needs_utf8: bool,
}

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the server may take for one reply.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long we wait for the good-bye of a server that has said all that matters.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// A session that has been greeted.
struct Session {
    wire: Lines,
    /// What EHLO listed, in upper case.
    capabilities: Vec<String>,
    encrypted: bool,
}

/// Delivers one mail through the server at one of `addresses` and returns the server's last word. `tls` is used when the connection gets encrypted; a warning is
/// passed to `warn` when credentials are set and the server does not ask for them.
pub async fn deliver(
    server: &Server,
    addresses: &[SocketAddr],
    tls: ClientConfig,
    envelope: &Envelope<'_>,
    warn: impl Fn(&str) + Send,
) -> Result<String, SmtpError> {
    let mut session = Session::open(server, addresses, tls).await?;
    let result = session.transact(server, envelope, warn).await;
    session.quit().await;
    result
}

impl Session {
    /// Connects, encrypts and greets.
    async fn open(server: &Server, addresses: &[SocketAddr], tls: ClientConfig) -> Result<Self, SmtpError> {
        let connecting = Lines::connect(addresses);
        let mut wire =
            timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| SmtpError::Slow("connecting"))??;
        let implicit = server.security == Security::Implicit;
        if implicit {
            wire = timeout(CONNECT_TIMEOUT, wire.encrypt(&server.host, tls.clone()))
                .await
                .map_err(|_| SmtpError::Slow("the TLS handshake"))??;
        }
        let mut session = Self { wire, capabilities: Vec::new(), encrypted: implicit };
        session.read("the greeting").await?.expect(220, "the greeting")?;
        session.hello(&server.hello).await?;
        if implicit || server.security == Security::Never {
            return Ok(session);
        }
        if session.offers("STARTTLS") {
            return session.start_tls(server, tls).await;
        }
        if server.security == Security::Required {
            session.quit().await;
            return Err(SmtpError::Unsafe(
                "the server does not offer STARTTLS, and `tls: starttls` demands it",
            ));
        }
        Ok(session)
    }

    /// STARTTLS; a refusal is an error, never a reason to go on in clear.
    async fn start_tls(mut self, server: &Server, tls: ClientConfig) -> Result<Self, SmtpError> {
        self.command("STARTTLS").await?.expect(220, "STARTTLS")?;
        let encrypting = self.wire.encrypt(&server.host, tls);
        let wire = timeout(CONNECT_TIMEOUT, encrypting)
            .await
            .map_err(|_| SmtpError::Slow("the TLS handshake"))??;
        let mut session = Self { wire, capabilities: Vec::new(), encrypted: true };
        session.hello(&server.hello).await?;
        Ok(session)
    }

    /// EHLO, or HELO where EHLO is not understood.
    async fn hello(&mut self, name: &str) -> Result<(), SmtpError> {
        let reply = self.command(&format!("EHLO {name}")).await?;
        if (500..600).contains(&reply.code) {
            self.command(&format!("HELO {name}")).await?.expect(250, "HELO")?;
            self.capabilities.clear();
            return Ok(());
        }
        let reply = reply.expect(250, "EHLO")?;
        self.capabilities = reply.lines.iter().skip(1).map(|line| line.to_ascii_uppercase()).collect();
        Ok(())
    }

    async fn transact(
        &mut self,
        server: &Server,
        envelope: &Envelope<'_>,
        warn: impl Fn(&str) + Send,
    ) -> Result<String, SmtpError> {
        if let Some((user, password)) = &server.credentials {
            match self.mechanisms() {
                Some(mechanisms) => {
                    auth::authenticate(self, &mechanisms, &server.host, user, password).await?;
                }
                None => {
                    warn("credentials are set, but the server does not offer AUTH; the mail is sent without");
                }
            }
        }
        let mut parameters = String::new();
        if self.offers("8BITMIME") {
            parameters.push_str(" BODY=8BITMIME");
        }
        if envelope.needs_utf8 {
            if !self.offers("SMTPUTF8") {
                return Err(SmtpError::Unsupported(
                    "an address is not ASCII, and the server does not offer SMTPUTF8",
                ));
            }
            parameters.push_str(" SMTPUTF8");
        }
        self.command(&format!("MAIL FROM:<{}>{parameters}", envelope.from))
            .await?
            .expect(250, "MAIL FROM")?;
        for recipient in envelope.to {
            let reply = self.command(&format!("RCPT TO:<{recipient}>")).await?;
            if reply.code != 251 {
                reply.expect(250, "RCPT TO")?;
            }
        }
        self.command("DATA").await?.expect(354, "DATA")?;
        self.write(&stuffed(envelope.mail)).await?;
        Ok(self.read("the mail").await?.expect(250, "the mail")?.text())
    }

    /// Whether EHLO listed `capability`.
    fn offers(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|line| line.split_whitespace().next() == Some(capability))
    }

    /// The mechanisms of AUTH; `None` if it is not offered. Some servers write `AUTH=`.
    fn mechanisms(&self) -> Option<Vec<String>> {
        let line = self
            .capabilities
            .iter()
            .find(|line| line.starts_with("AUTH ") || line.starts_with("AUTH=") || *line == "AUTH")?;
        Some(line.get(5..).unwrap_or_default().split_whitespace().map(ToOwned::to_owned).collect())
    }

    async fn command(&mut self, line: &str) -> Result<Reply, SmtpError> {
        self.write(format!("{line}\r\n").as_bytes()).await?;
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_owned();
        self.read(&verb).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), SmtpError> {
        timeout(REPLY_TIMEOUT, self.wire.write(bytes)).await.map_err(|_| SmtpError::Slow("writing"))??;
        Ok(())
    }

    async fn read(&mut self, what: &str) -> Result<Reply, SmtpError> {
        timeout(REPLY_TIMEOUT, Reply::read(&mut self.wire))
            .await
            .map_err(|_| SmtpError::NoReply(what.to_owned()))?
    }

    /// Says good-bye. Nothing depends on the answer.
    async fn quit(&mut self) {
        let farewell = async {
            self.wire.write(b"QUIT\r\n").await?;
            Reply::read(&mut self.wire).await.map(drop)
        };
        drop(timeout(QUIT_TIMEOUT, farewell).await);
    }
}

/// The mail with its dots doubled and the final dot.
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(mail.len() + 64);
    let mut at_line_start = true;
    for &byte in mail {
        if at_line_start && byte == b'.' {
            data.push(b'.');
        }
        data.push(byte);
        at_line_start = byte == b'\n';
    }
    if !at_line_start {
        data.extend_from_slice(b"\r\n");
    }
    data.extend_from_slice(b".\r\n");
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_at_line_starts_are_doubled() {
        assert_eq!(stuffed(b".a\r\nb.\r\n..c"), b"..a\r\nb.\r\n...c\r\n.\r\n");
        assert_eq!(stuffed(b""), b".\r\n");
    }
}
