//! The connection below the dialogue, encrypted or not.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::SmtpError;

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// The longest line of a reply.
const LONGEST_LINE: u64 = 4096;

/// A connection that is read line by line.
pub(super) struct Wire(BufReader<Box<dyn Stream>>);

impl Wire {
    pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<Self, SmtpError> {
        let stream =
            TcpStream::connect(addresses).await.map_err(|error| SmtpError::Connect(error.to_string()))?;
        // A command is one small packet; waiting for more would only make the dialogue slow.
        stream.set_nodelay(true).map_err(|error| SmtpError::Broken(error.to_string()))?;
        Ok(Self(BufReader::new(Box::new(stream))))
    }

    /// The same connection, encrypted. What came in clear after the last reply is an attack or a defect.
    pub(super) async fn encrypt(self, host: &str, tls: ClientConfig) -> Result<Self, SmtpError> {
        if !self.0.buffer().is_empty() {
            return Err(SmtpError::Unsafe("the server sent more than one reply before the TLS handshake"));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| SmtpError::Tls(error.to_string()))?;
        let connector = TlsConnector::from(Arc::new(tls));
        let stream = connector
            .connect(name, self.0.into_inner())
            .await
            .map_err(|error| SmtpError::Tls(error.to_string()))?;
        Ok(Self(BufReader::new(Box::new(stream))))
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), SmtpError> {
        let stream = self.0.get_mut();
        let written = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        written.await.map_err(|error: std::io::Error| SmtpError::Broken(error.to_string()))
    }

    /// One line without its end.
    pub(super) async fn line(&mut self) -> Result<String, SmtpError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.0).take(LONGEST_LINE);
        limited.read_until(b'\n', &mut line).await.map_err(|error| SmtpError::Broken(error.to_string()))?;
        if line.last() != Some(&b'\n') {
            let long = u64::try_from(line.len()).is_ok_and(|length| length >= LONGEST_LINE);
            let what = if long {
                "the server sent a line without an end"
            } else {
                "the server closed the connection"
            };
            return Err(SmtpError::Broken(what.to_owned()));
        }
        let text = String::from_utf8_lossy(&line);
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}
