//! A small client of NATS that publishes and nothing else (services 2.19): INFO, CONNECT, PUB or HPUB, PING.
//!
//! Every message is followed by a PING: a server that refuses it says so before its PONG. Upstream does not wait for that
//! word, and loses what the server refuses.

mod error;
mod nkey;
mod server;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::ClientConfig;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};

pub use error::NatsError;
pub use nkey::{Seed, SeedError, credentials};
pub use server::Server;

use super::client::Clients;
use super::lines::Lines;

/// How long connecting to one server may take, as upstream.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest line that is read: INFO of a large cluster lists all of its servers.
const LONGEST_LINE: u64 = 256 << 10;

/// Who we are. What is empty is left out.
#[derive(Default)]
pub struct Login {
    /// User name and password, if both are set.
    pub user: Option<(String, String)>,
    /// A token.
    pub token: String,
    /// A user's JWT, which needs a seed.
    pub jwt: String,
    /// A seed to sign the server's nonce with.
    pub seed: Option<Seed>,
}

/// A message.
pub struct Publication<'a> {
    /// The subject.
    pub subject: &'a str,
    /// Headers; their values have no line breaks.
    pub headers: &'a [(String, String)],
    /// The text.
    pub payload: &'a [u8],
}

/// What the server says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Info {
    headers: bool,
    max_payload: Option<u64>,
    nonce: Option<String>,
    tls_required: bool,
    tls_available: bool,
}

/// A connection that was accepted.
pub struct Connection {
    wire: Lines,
    info: Info,
}

impl Connection {
    /// Connects to `server` and logs in. `tls` makes what encryption needs, if the server or the URL asks for it.
    pub async fn open(
        server: &Server,
        login: &Login,
        clients: &Clients,
        tls: impl FnOnce() -> Result<ClientConfig, NatsError>,
        deadline: Instant,
    ) -> Result<Self, NatsError> {
        let deadline = deadline.min(Instant::now() + CONNECT_TIMEOUT);
        let slow = |_| NatsError::Slow("connecting");
        timeout_at(deadline, Self::greet(server, login, clients, tls)).await.map_err(slow)?
    }

    async fn greet(
        server: &Server,
        login: &Login,
        clients: &Clients,
        tls: impl FnOnce() -> Result<ClientConfig, NatsError>,
    ) -> Result<Self, NatsError> {
        let addresses = clients.resolve(&server.host, server.port).await.map_err(NatsError::Unreachable)?;
        let mut wire = Lines::connect(&addresses).await?;
        let line = wire.line(LONGEST_LINE).await?;
        let info = line.strip_prefix("INFO ").and_then(|text| serde_json::from_str::<Info>(text).ok());
        let info = info.ok_or(NatsError::NoNats)?;
        if server.tls && !info.tls_required && !info.tls_available {
            return Err(NatsError::Unsafe("the server does not offer TLS, which the URL asks for"));
        }
        let encrypted = server.tls || info.tls_required;
        if encrypted {
            wire = wire.encrypt(&server.host, tls()?).await?;
        }
        let connect = login.connect(server, &info, encrypted)?;
        let mut connection = Self { wire, info };
        connection.wire.write(format!("CONNECT {connect}\r\nPING\r\n").as_bytes()).await?;
        connection.pong().await?;
        Ok(connection)
    }

    /// Whether the connection still works.
    pub async fn is_alive(&mut self, deadline: Instant) -> bool {
        let deadline = deadline.min(Instant::now() + CONNECT_TIMEOUT);
        let check = async {
            self.wire.write(b"PING\r\n").await?;
            self.pong().await
        };
        timeout_at(deadline, check).await.is_ok_and(|result| result.is_ok())
    }

    /// Publishes one message and waits until the server has taken it.
    pub async fn publish(
        &mut self,
        publication: &Publication<'_>,
        deadline: Instant,
    ) -> Result<(), NatsError> {
        let bytes = self.encode(publication)?;
        let publish = async {
            self.wire.write(&bytes).await?;
            self.pong().await
        };
        timeout_at(deadline, publish).await.map_err(|_| NatsError::Slow("the server's answer"))?
    }

    fn encode(&self, publication: &Publication<'_>) -> Result<Vec<u8>, NatsError> {
        let Publication { subject, headers, payload } = publication;
        if !is_subject(subject) {
            return Err(NatsError::InvalidSubject);
        }
        if !headers.is_empty() && !self.info.headers {
            return Err(NatsError::NoHeaders);
        }
        let mut block = String::new();
        if !headers.is_empty() {
            block.push_str("NATS/1.0\r\n");
            headers.iter().for_each(|(name, value)| block.extend([name, ": ", value, "\r\n"]));
            block.push_str("\r\n");
        }
        let total = block.len() + payload.len();
        let most = self.info.max_payload.and_then(|most| usize::try_from(most).ok());
        if let Some(most) = most.filter(|most| *most > 0 && total > *most) {
            return Err(NatsError::TooLarge { total, most });
        }
        let line = if headers.is_empty() {
            format!("PUB {subject} {total}\r\n")
        } else {
            format!("HPUB {subject} {} {total}\r\n", block.len())
        };
        Ok([line.as_bytes(), block.as_bytes(), payload, b"\r\nPING\r\n"].concat())
    }

    /// Reads up to the answer to our PING; an error on the way is the server's word about what came before it.
    async fn pong(&mut self) -> Result<(), NatsError> {
        let mut refused = None;
        loop {
            let line = match self.wire.line(LONGEST_LINE).await {
                Ok(line) => line,
                // A server that refuses a login says why and hangs up.
                Err(error) => return Err(refused.unwrap_or_else(|| error.into())),
            };
            match line.split_ascii_whitespace().next() {
                Some("PONG") => return refused.map_or(Ok(()), Err),
                Some("PING") => self.wire.write(b"PONG\r\n").await?,
                Some("-ERR") => {
                    let text = line.get(4..).unwrap_or_default().trim().trim_matches('\'');
                    refused.get_or_insert_with(|| NatsError::Refused(text.to_owned()));
                }
                Some("INFO") => {
                    let text = line.get(4..).unwrap_or_default();
                    self.info = serde_json::from_str(text).map_err(|_| NatsError::NoNats)?;
                }
                Some("+OK") | None => {}
                Some(_) => return Err(NatsError::NoNats),
            }
        }
    }
}

/// Whether a subject can be sent: not empty, without blanks and control characters (services 2.19, FIX).
pub fn is_subject(subject: &str) -> bool {
    !subject.is_empty() && !has_blanks(subject)
}

/// Whether a subject would be read as several words.
pub fn has_blanks(subject: &str) -> bool {
    subject.chars().any(|letter| letter.is_whitespace() || letter.is_control())
}

impl Login {
    /// The CONNECT document. User info in the URL wins over the settings, as with upstream's client.
    fn connect(&self, server: &Server, info: &Info, encrypted: bool) -> Result<Value, NatsError> {
        let mut connect = json!({
            "verbose": false, "pedantic": false, "tls_required": encrypted, "headers": info.headers, "protocol": 1,
            "name": "dodona", "lang": "rust", "version": env!("CARGO_PKG_VERSION"), "no_responders": info.headers
        });
        let members = match (&server.user, &server.password) {
            (Some(user), Some(password)) => json!({"user": user, "pass": password}),
            (Some(token), None) => json!({"auth_token": token}),
            (None, _) => self.members(info)?,
        };
        if let (Value::Object(connect), Value::Object(members)) = (&mut connect, members) {
            connect.extend(members);
        }
        Ok(connect)
    }

    fn members(&self, info: &Info) -> Result<Value, NatsError> {
        let mut members = Map::new();
        if let Some((user, password)) = &self.user {
            members.insert("user".to_owned(), user.as_str().into());
            members.insert("pass".to_owned(), password.as_str().into());
        }
        for (name, value) in [("auth_token", &self.token), ("jwt", &self.jwt)] {
            if !value.is_empty() {
                members.insert(name.to_owned(), value.as_str().into());
            }
        }
        if let Some(seed) = &self.seed {
            let nonce = info.nonce.as_deref().ok_or(NatsError::NoNonce)?;
            members.insert("sig".to_owned(), URL_SAFE_NO_PAD.encode(seed.sign(nonce.as_bytes())).into());
            if self.jwt.is_empty() {
                members.insert("nkey".to_owned(), seed.public().into());
            }
        }
        Ok(Value::Object(members))
    }
}
