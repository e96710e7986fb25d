//! Private keys: making, reading, writing, signing.

use dodona_value::{CallCx, CallError};
use ed25519_dalek::Signer as _;
use rand_core::{CryptoRng, RngCore};
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey, EncodeRsaPublicKey};
use rsa::pkcs8::DecodePrivateKey;
use rsa::signature::SignatureEncoding;
use sha2::Sha256;

use super::{MILLISECOND, der, dsa, pem};

type Result<T> = std::result::Result<T, CallError>;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// The largest RSA key that is worked with: beyond it a signature takes seconds.
const MAX_RSA_BYTES: usize = 1024;

/// A private key of a kind that Sprig makes.
pub(super) enum PrivateKey {
    Rsa(Box<rsa::RsaPrivateKey>),
    Ecdsa(p256::SecretKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Dsa(Box<dsa::Key>),
    /// A DSA key that was read: it can be told from damage, and that is all it is good for.
    DsaRead,
}

/// A new RSA key of so many bits.
pub(super) fn new_rsa(random: &mut (impl RngCore + CryptoRng), bits: usize) -> Result<PrivateKey> {
    let key = rsa::RsaPrivateKey::new(random, bits);
    let key = key.map_err(|error| CallError::new(format!("failed to generate an RSA key: {error}")))?;
    Ok(PrivateKey::Rsa(Box::new(key)))
}

/// A new key on the curve P-256.
pub(super) fn new_ecdsa(random: &mut (impl RngCore + CryptoRng)) -> PrivateKey {
    PrivateKey::Ecdsa(p256::SecretKey::random(random))
}

/// A new Ed25519 key.
pub(super) fn new_ed25519(random: &mut (impl RngCore + CryptoRng)) -> PrivateKey {
    let mut seed = [0; 32];
    random.fill_bytes(&mut seed);
    PrivateKey::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
}

/// Reads a private key in PEM.
pub(super) fn read(cx: &mut CallCx<'_>, text: &[u8]) -> Result<PrivateKey> {
    cx.budget.memory(text.len())?;
    cx.budget.step(20 * MILLISECOND)?;
    let wrong = |what: String| CallError::new(format!("failed to read the private key: {what}"));
    let block = pem::decode(text).ok_or_else(|| wrong("there is no PEM block in it".to_owned()))?;
    let content = block.content.as_slice();
    let key = match block.kind.as_str() {
        "RSA PRIVATE KEY" => rsa::RsaPrivateKey::from_pkcs1_der(content).ok().and_then(checked_rsa),
        "EC PRIVATE KEY" => read_ec(content),
        "PRIVATE KEY" => read_pkcs8(content),
        "DSA PRIVATE KEY" => {
            let numbers = der::content(content, der::SEQUENCE).map(|numbers| der::Elements(numbers).count());
            (numbers == Some(6)).then_some(PrivateKey::DsaRead)
        }
        kind => return Err(wrong(format!("a PEM block of kind `{kind}` is none that is known here"))),
    };
    key.ok_or_else(|| {
        wrong(format!(
            "the content of the block `{}` is damaged, or of a kind that is not known here",
            block.kind
        ))
    })
}

fn checked_rsa(key: rsa::RsaPrivateKey) -> Option<PrivateKey> {
    let small = rsa::traits::PublicKeyParts::size(&key) <= MAX_RSA_BYTES;
    small.then(|| PrivateKey::Rsa(Box::new(key)))
}

/// `SEQUENCE { 1, key, [0] curve, [1] public key }`.
fn read_ec(content: &[u8]) -> Option<PrivateKey> {
    let mut parts = der::Elements(der::content(content, der::SEQUENCE)?);
    let secret = parts.nth(1).filter(|part| part.tag == der::OCTET_STRING)?.content;
    let curve = parts.find(|part| part.tag == 0xa0);
    if curve.is_some_and(|curve| der::content(curve.content, der::OBJECT_ID) != Some(P256)) {
        return None;
    }
    p256::SecretKey::from_slice(secret).ok().map(PrivateKey::Ecdsa)
}

/// `SEQUENCE { 0, SEQUENCE { algorithm, … }, key }`.
fn read_pkcs8(content: &[u8]) -> Option<PrivateKey> {
    let mut parts = der::Elements(der::content(content, der::SEQUENCE)?);
    let algorithm = parts.nth(1).filter(|part| part.tag == der::SEQUENCE)?.content;
    let key = parts.next().filter(|part| part.tag == der::OCTET_STRING)?.content;
    let mut names = der::Elements(algorithm);
    match names.next()?.content {
        RSA => rsa::RsaPrivateKey::from_pkcs8_der(content).ok().and_then(checked_rsa),
        EC_PUBLIC_KEY if names.next().is_some_and(|curve| curve.content == P256) => read_ec(key),
        ED25519 => {
            let seed = der::content(key, der::OCTET_STRING)?.try_into().ok()?;
            Some(PrivateKey::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed))))
        }
        _ => None,
    }
}

impl PrivateKey {
    /// The key in PEM, in the form that Go chooses for its kind.
    pub(super) fn to_pem(&self) -> Result<String> {
        Ok(match self {
            Self::Rsa(key) => {
                let document = key.to_pkcs1_der();
                let document =
                    document.map_err(|error| CallError::new(format!("failed to write the key: {error}")))?;
                pem::encode("RSA PRIVATE KEY", document.as_bytes())
            }
            Self::Ecdsa(key) => {
                let curve = der::element(0xa0, &[&der::object(P256)]);
                let public = der::element(0xa1, &[&der::bits(&point(key))]);
                let secret = der::element(der::OCTET_STRING, &[&key.to_bytes()]);
                pem::encode(
                    "EC PRIVATE KEY",
                    &der::element(der::SEQUENCE, &[&der::integer(&[1]), &secret, &curve, &public]),
                )
            }
            Self::Ed25519(key) => {
                let seed =
                    der::element(der::OCTET_STRING, &[&der::element(der::OCTET_STRING, &[key.as_bytes()])]);
                let algorithm = der::element(der::SEQUENCE, &[&der::object(ED25519)]);
                pem::encode(
                    "PRIVATE KEY",
                    &der::element(der::SEQUENCE, &[&der::integer(&[]), &algorithm, &seed]),
                )
            }
            Self::Dsa(key) => pem::encode("DSA PRIVATE KEY", &key.to_der()),
            Self::DsaRead => return Err(unsupported()),
        })
    }

    /// What a certificate says about the public key: algorithm and key.
    pub(super) fn public_info(&self) -> Result<Vec<u8>> {
        let null = &[0x05, 0x00];
        Ok(match self {
            Self::Rsa(_) => {
                let algorithm = der::element(der::SEQUENCE, &[&der::object(RSA), null]);
                der::element(der::SEQUENCE, &[&algorithm, &der::bits(&self.public_bits()?)])
            }
            Self::Ecdsa(_) => {
                let algorithm =
                    der::element(der::SEQUENCE, &[&der::object(EC_PUBLIC_KEY), &der::object(P256)]);
                der::element(der::SEQUENCE, &[&algorithm, &der::bits(&self.public_bits()?)])
            }
            Self::Ed25519(_) => {
                let algorithm = der::element(der::SEQUENCE, &[&der::object(ED25519)]);
                der::element(der::SEQUENCE, &[&algorithm, &der::bits(&self.public_bits()?)])
            }
            Self::Dsa(_) | Self::DsaRead => return Err(unsupported()),
        })
    }

    /// The public key itself.
    pub(super) fn public_bits(&self) -> Result<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                let document = key.to_public_key().to_pkcs1_der();
                document
                    .map(|document| document.as_bytes().to_vec())
                    .map_err(|error| CallError::new(error.to_string()))
            }
            Self::Ecdsa(key) => Ok(point(key)),
            Self::Ed25519(key) => Ok(key.verifying_key().as_bytes().to_vec()),
            Self::Dsa(_) | Self::DsaRead => Err(unsupported()),
        }
    }

    /// The name of the signature algorithm, as a certificate has it.
    pub(super) fn signature_algorithm(&self) -> Result<Vec<u8>> {
        Ok(match self {
            Self::Rsa(_) => der::element(der::SEQUENCE, &[&der::object(SHA256_WITH_RSA), &[0x05, 0x00]]),
            Self::Ecdsa(_) => der::element(der::SEQUENCE, &[&der::object(ECDSA_WITH_SHA256)]),
            Self::Ed25519(_) => der::element(der::SEQUENCE, &[&der::object(ED25519)]),
            Self::Dsa(_) | Self::DsaRead => return Err(unsupported()),
        })
    }

    /// Signs a message.
    pub(super) fn sign(&self, cx: &mut CallCx<'_>, message: &[u8]) -> Result<Vec<u8>> {
        cx.budget.step(20 * MILLISECOND)?;
        match self {
            Self::Rsa(key) => {
                let key = rsa::pkcs1v15::SigningKey::<Sha256>::new(rsa::RsaPrivateKey::clone(key));
                key.try_sign(message)
                    .map(|signature| signature.to_vec())
                    .map_err(|error| CallError::new(format!("failed to sign: {error}")))
            }
            Self::Ecdsa(key) => {
                let signature: p256::ecdsa::Signature = p256::ecdsa::SigningKey::from(key).sign(message);
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Self::Ed25519(key) => Ok(key.sign(message).to_bytes().to_vec()),
            Self::Dsa(_) | Self::DsaRead => Err(unsupported()),
        }
    }
}

/// The public point of an elliptic curve key, uncompressed.
fn point(key: &p256::SecretKey) -> Vec<u8> {
    p256::ecdsa::SigningKey::from(key).verifying_key().to_encoded_point(false).as_bytes().to_vec()
}

fn unsupported() -> CallError {
    CallError::new("there are no certificates for DSA keys; use an rsa, ecdsa or ed25519 key")
}
