//! Whom we trust: the system's authorities, one host's own, or anybody (services 1.4, core 5.10.1).

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Whose certificates a connection accepts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Those that the system's authorities signed.
    System,
    /// Those that these authorities signed, and no others.
    Only(Vec<Vec<u8>>),
    /// All (`insecureSkipVerify`).
    Anything,
}

impl Trust {
    /// The certificates in a PEM text; the system's if there is none in it, as upstream.
    pub fn only(pem: &[u8]) -> Self {
        let certificates = CertificateDer::pem_slice_iter(pem);
        let certificates: Vec<Vec<u8>> = certificates.filter_map(|one| Some(one.ok()?.to_vec())).collect();
        if certificates.is_empty() { Self::System } else { Self::Only(certificates) }
    }
}

/// The file for `host` in `folder`; `None` if there is none or if the name would leave the folder.
pub(super) fn authority_file(folder: &Path, host: &str) -> Option<Vec<u8>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_name = !host.is_empty() && host != "." && host != ".." && !host.contains(['/', '\\', '\0']);
    if !is_name {
        return None;
    }
    std::fs::read(folder.join(host)).ok()
}

/// The authorities of the system, or `instead` of them.
pub(super) fn system_roots(instead: Option<&[CertificateDer<'static>]>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    match instead {
        Some(certificates) => roots.add_parsable_certificates(certificates.iter().cloned()),
        None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    };
    roots
}

/// A client configuration; `http2` offers HTTP/2 as well.
pub fn client_config(
    trust: &Trust,
    system: impl FnOnce() -> Arc<RootCertStore>,
    protocols: &[&[u8]],
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let mut config = match trust {
        Trust::System => builder.with_root_certificates(system()).with_no_client_auth(),
        Trust::Only(certificates) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates.iter().cloned().map(CertificateDer::from));
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        Trust::Anything => {
            let verifier = Arc::new(NoVerification(provider));
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

/// Accepts every certificate, because the user said so; signatures of the handshake are still checked.
#[derive(Debug)]
struct NoVerification(Arc<CryptoProvider>);

impl ServerCertVerifier for NoVerification {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("good.example"), "x").unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        let inside = folder.path().join("sub");
        assert_eq!(authority_file(folder.path(), "good.example"), Some(b"x".to_vec()));
        for host in ["../good.example", "..", ".", "", "a/b", "missing"] {
            assert_eq!(authority_file(&inside, host), None, "{host}");
        }
    }

    #[test]
    fn a_file_without_certificates_means_the_system() {
        assert_eq!(Trust::only(b"nonsense"), Trust::System);
    }
}
