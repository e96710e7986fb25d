//! The connection to the repo server: gRPC over HTTP/2, plain or with TLS (core 5.11).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use crate::delivery::client::tls::{Trust, client_config};
use crate::model::with_causes;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How often an idle connection is tried out: a server that went away without a word is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Largest answer; `values.yaml` of a chart is part of one.
const ANSWER_LIMIT: usize = 32 << 20;

/// Where the repo server is and how to talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `argocd-repo-server:8081`
    pub authority: String,
    /// How the connection is protected.
    pub protection: Protection,
}

/// How the connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protection {
    /// `--argocd-repo-server-plaintext`: not at all.
    Plaintext,
    /// By TLS.
    Tls {
        /// PEM files with the authorities that the server's certificate is verified against. Without any it is not verified,
        /// as upstream does: the server makes itself a certificate when it starts.
        authorities: Vec<PathBuf>,
        /// Client certificate and key, where both files exist. They are read anew for each connection.
        client: Option<(PathBuf, PathBuf)>,
    },
}

/// Both kinds of connection.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A channel that connects when it is used first, and again when it has to. Needs a tokio runtime.
pub(super) fn open(address: &Address) -> Result<Channel, String> {
    let scheme = match address.protection {
        Protection::Plaintext => "http",
        Protection::Tls { .. } => "https",
    };
    let uri = format!("{scheme}://{}", address.authority);
    let endpoint = Endpoint::from_shared(uri)
        .map_err(|error| format!("`{}` is no address of a repo server: {error}", address.authority))?;
    let endpoint = endpoint
        .connect_timeout(CONNECT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(CONNECT)
        .keep_alive_while_idle(true);
    let protection = Arc::new(address.protection.clone());
    Ok(endpoint.connect_with_connector_lazy(tower::service_fn(move |uri: Uri| {
        let protection = Arc::clone(&protection);
        async move { connect(&uri, &protection).await.map(TokioIo::new) }
    })))
}

async fn connect(uri: &Uri, protection: &Protection) -> io::Result<Box<dyn Stream>> {
    let host = uri.host().unwrap_or_default();
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((name, uri.port_u16().unwrap_or(8081))).await?;
    stream.set_nodelay(true)?;
    let Protection::Tls { authorities, client } = protection else { return Ok(Box::new(stream)) };
    let config = tls(authorities, client.as_ref())?;
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
}

fn tls(authorities: &[PathBuf], client: Option<&(PathBuf, PathBuf)>) -> io::Result<rustls::ClientConfig> {
    let mut certificates = Vec::new();
    for path in authorities {
        certificates.extend(read(path)?.into_iter().map(|certificate| certificate.to_vec()));
    }
    let trust = if authorities.is_empty() { Trust::Anything } else { Trust::Only(certificates) };
    let system = || Arc::new(RootCertStore::empty());
    let mut config = client_config(&trust, system, &[b"h2"]).map_err(io::Error::other)?;
    if let Some((certificate, key)) = client.filter(|(certificate, key)| certificate.exists() && key.exists())
    {
        config.client_auth_cert_resolver = Arc::new(ClientCertificate::read(certificate, key)?);
    }
    Ok(config)
}

/// The certificates of a PEM file; an error names the file.
fn read(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let named = |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", path.display()));
    let pem = std::fs::read(path).map_err(|error| named(&error))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(named(&"there is no certificate in it")),
        Ok(found) => Ok(found),
        Err(error) => Err(named(&error)),
    }
}

/// The one certificate that we show.
#[derive(Debug)]
struct ClientCertificate(Arc<CertifiedKey>);

impl ClientCertificate {
    fn read(certificate: &Path, key: &Path) -> io::Result<Self> {
        let chain = read(certificate)?;
        let named = |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", key.display()));
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| named(&error))?;
        let signer =
            rustls::crypto::ring::sign::any_supported_type(&private).map_err(|error| named(&error))?;
        Ok(Self(Arc::new(CertifiedKey::new(chain, signer))))
    }
}

impl ResolvesClientCert for ClientCertificate {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// One question and its answer.
pub(super) async fn ask<Q, A>(channel: Channel, path: &'static str, question: Q) -> Result<A, tonic::Status>
where
    Q: prost::Message + Send + Sync + 'static,
    A: prost::Message + Default + Send + Sync + 'static,
{
    let mut grpc = Grpc::new(channel).max_decoding_message_size(ANSWER_LIMIT);
    grpc.ready().await.map_err(|error| tonic::Status::unavailable(with_causes(&error)))?;
    let codec = ProstCodec::<Q, A>::default();
    let answer = grpc.unary(tonic::Request::new(question), PathAndQuery::from_static(path), codec).await?;
    Ok(answer.into_inner())
}
