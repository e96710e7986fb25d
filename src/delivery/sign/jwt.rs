//! JSON Web Tokens signed with RS256: GitHub Apps and Google service accounts prove with them who they are.
//!
//! What is in the claims, and where the time in them comes from, is the caller's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

/// A private key that cannot sign. The text never quotes the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing at all.
    #[error("the private key is empty")]
    Empty,
    /// No PEM text.
    #[error(
        "the private key is no PEM text: it must begin with `-----BEGIN PRIVATE KEY-----` or \
         `-----BEGIN RSA PRIVATE KEY-----` and keep its line breaks"
    )]
    NoPem,
    /// A key behind a passphrase.
    #[error(
        "the private key is protected with a passphrase; store it without one (`openssl rsa -in KEY -out NEW`)"
    )]
    Encrypted,
    /// PEM of something else, with its label.
    #[error("expected a private key, found the PEM block `{0}`")]
    NoPrivateKey(String),
    /// A key that cannot make RS256 signatures.
    #[error("the private key cannot be used: {0}; an RSA key of 2048 to 4096 bits is needed")]
    Unusable(String),
    /// The signature failed.
    #[error("the private key does not sign")]
    Failed,
}

/// A private RSA key.
pub struct SigningKey(RsaKeyPair);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// Reads a key in PEM: PKCS#1 (`RSA PRIVATE KEY`) or PKCS#8 (`PRIVATE KEY`), with either kind of line breaks. A text in
    /// one line with `\n` written out, as it comes out of JSON that was copied by hand, is accepted too.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let pem = pem.trim();
        if pem.is_empty() {
            return Err(KeyError::Empty);
        }
        let unfolded = (!pem.contains('\n')).then(|| pem.replace("\\r", "").replace("\\n", "\n"));
        let pem = unfolded.as_deref().unwrap_or(pem);
        if pem.contains("ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| other_block(pem))?;
        let pair = match &key {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return Err(KeyError::Unusable("it is no RSA key".to_owned())),
        };
        pair.map(Self).map_err(|rejected| KeyError::Unusable(reason(&rejected.to_string())))
    }

    /// A token with `claims`.
    pub fn sign(&self, claims: &Value) -> Result<String, KeyError> {
        self.sign_with_header(&json!({"alg": "RS256", "typ": "JWT"}), claims)
    }

    /// A token with `claims` that names the key it was signed with (`kid`), where a receiver knows several.
    pub fn sign_as(&self, key_id: &str, claims: &Value) -> Result<String, KeyError> {
        if key_id.is_empty() {
            return self.sign(claims);
        }
        self.sign_with_header(&json!({"alg": "RS256", "typ": "JWT", "kid": key_id}), claims)
    }

    fn sign_with_header(&self, header: &Value, claims: &Value) -> Result<String, KeyError> {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| KeyError::Failed)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// What a text without a private key is.
fn other_block(pem: &str) -> KeyError {
    let label = pem.split_once("-----BEGIN ").and_then(|(_, rest)| rest.split_once("-----"));
    match label {
        Some((label, _)) if !label.contains("PRIVATE KEY") && label.len() <= 40 => {
            KeyError::NoPrivateKey(label.to_owned())
        }
        _ => KeyError::NoPem,
    }
}

/// ring's one word for a rejected key, as a sentence.
fn reason(word: &str) -> String {
    match word {
        "TooSmall" => "it is shorter than 2048 bits".to_owned(),
        "TooLarge" => "it is longer than 4096 bits".to_owned(),
        "WrongAlgorithm" => "it is no RSA key".to_owned(),
        "InvalidEncoding" => "it is damaged".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    const PKCS1: &str = include_str!("testdata/rsa-pkcs1.pem");
    const PKCS8: &str = include_str!("testdata/rsa-pkcs8.pem");

    fn decoded(token: &str) -> (Value, Value) {
        let part = |index: usize| {
            let part = token.split('.').nth(index).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        (part(0), part(1))
    }

    fn verifies(key: &SigningKey, token: &str) -> bool {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.0.public_key().as_ref());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).is_ok()
    }

    #[test]
    fn tokens_verify_and_say_what_was_claimed() {
        let claims = json!({"iss": "12345", "iat": 1, "exp": 2});
        let crlf = PKCS1.replace('\n', "\r\n");
        let one_line = PKCS8.trim().replace('\n', "\\n");
        for pem in [PKCS1, PKCS8, &crlf, &one_line, &format!("\n  {PKCS1}\n\n")] {
            let key = SigningKey::from_pem(pem).unwrap();
            let token = key.sign(&claims).unwrap();
            assert_eq!(decoded(&token), (json!({"alg": "RS256", "typ": "JWT"}), claims.clone()));
            assert!(verifies(&key, &token));
            assert!(!verifies(&key, &token.replacen('.', "A.", 1)));
        }
        let token = SigningKey::from_pem(PKCS8).unwrap().sign_as("key-1", &claims).unwrap();
        assert_eq!(decoded(&token).0["kid"], "key-1");
    }

    #[test]
    fn bad_keys_say_what_is_wrong_and_never_quote_the_key() {
        let cut: String = PKCS1.lines().take(5).collect::<Vec<_>>().join("\n");
        for (pem, words) in [
            ("", "is empty"),
            ("abc", "no PEM text"),
            (cut.as_str(), "no PEM text"),
            (include_str!("testdata/encrypted.pem"), "passphrase"),
            (include_str!("testdata/public.pem"), "found the PEM block `PUBLIC KEY`"),
            (include_str!("testdata/ec.pem"), "no RSA key"),
            (include_str!("testdata/short.pem"), "shorter than 2048 bits"),
        ] {
            let error = SigningKey::from_pem(pem).unwrap_err().to_string();
            assert!(error.contains(words), "{words}: {error}");
            assert!(
                !pem.lines().any(|line| line.len() > 30 && !line.starts_with('-') && error.contains(line))
            );
        }
    }
}
