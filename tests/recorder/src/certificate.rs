//! A certificate authority made up for one test.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// An authority that has signed one certificate, for `127.0.0.1` and `localhost`.
pub struct Authority {
    pem: String,
    der: Vec<u8>,
    leaf: Vec<u8>,
    leaf_pem: String,
    key: Vec<u8>,
    key_pem: String,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// Makes one up, with a certificate for this machine.
    pub fn new() -> Self {
        Self::for_names(&["127.0.0.1", "localhost"])
    }

    /// The same with a certificate for other names.
    pub fn for_names(names: &[&str]) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let leaf_key = KeyPair::generate().expect("a key");
        let leaf =
            CertificateParams::new(names).expect("names").signed_by(&leaf_key, &authority).expect("a leaf");
        Self {
            pem: authority.pem(),
            der: authority.der().to_vec(),
            leaf: leaf.der().to_vec(),
            leaf_pem: leaf.pem(),
            key: leaf_key.serialize_der(),
            key_pem: leaf_key.serialize_pem(),
        }
    }

    /// The authority's certificate as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The server's certificate and the authority's, as PEM.
    pub fn chain_pem(&self) -> String {
        format!("{}{}", self.leaf_pem, self.pem)
    }

    /// The server's private key as PEM.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// The authority's certificate as DER.
    pub fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.der.clone())
    }

    /// What a server needs that shows the certificate.
    pub fn server(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(self.key.clone()).expect("a key");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(self.leaf.clone())], key)
            .expect("a certificate");
        Arc::new(config)
    }
}
