//! A connection that is read line by line, encrypted or not: what SMTP and NATS stand on.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What goes wrong below the dialogue.
#[derive(Debug)]
pub enum LineError {
    /// No connection.
    Connect(String),
    /// The connection broke, or a line has no end.
    Broken(String),
    /// The TLS handshake failed.
    Tls(String),
    /// More came in clear than should have before the TLS handshake: an attack or a defect.
    Early,
}

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// A connection that is read line by line.
pub struct Lines(BufReader<Box<dyn Stream>>);

impl Lines {
    /// Connects to the first of `addresses` that answers.
    pub async fn connect(addresses: &[SocketAddr]) -> Result<Self, LineError> {
        let fail = |error: std::io::Error| LineError::Connect(error.to_string());
        let stream = TcpStream::connect(addresses).await.map_err(fail)?;
        // A command is one small packet; waiting for more would only make the dialogue slow.
        stream.set_nodelay(true).map_err(|error| broken(&error))?;
        Ok(Self(BufReader::new(Box::new(stream))))
    }

    /// The same connection, encrypted, to a server whose certificate is for `host`.
    pub async fn encrypt(self, host: &str, tls: ClientConfig) -> Result<Self, LineError> {
        if !self.0.buffer().is_empty() {
            return Err(LineError::Early);
        }
        let fail = |error: String| LineError::Tls(error);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| fail(error.to_string()))?;
        let connecting = TlsConnector::from(Arc::new(tls)).connect(name, self.0.into_inner());
        let stream = connecting.await.map_err(|error| fail(error.to_string()))?;
        Ok(Self(BufReader::new(Box::new(stream))))
    }

    /// Writes all of `bytes`.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), LineError> {
        let stream = self.0.get_mut();
        let written = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        written.await.map_err(|error: std::io::Error| broken(&error))
    }

    /// One line of at most `longest` bytes, without its end.
    pub async fn line(&mut self, longest: u64) -> Result<String, LineError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.0).take(longest);
        limited.read_until(b'\n', &mut line).await.map_err(|error| broken(&error))?;
        if line.last() != Some(&b'\n') {
            let long = u64::try_from(line.len()).is_ok_and(|length| length >= longest);
            let what = if long {
                "the server sent a line without an end"
            } else {
                "the server closed the connection"
            };
            return Err(LineError::Broken(what.to_owned()));
        }
        let text = String::from_utf8_lossy(&line);
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

fn broken(error: &std::io::Error) -> LineError {
    LineError::Broken(error.to_string())
}
