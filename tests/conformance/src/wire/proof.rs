//! Signatures in requests: whether they were made with the vector's keys. Written apart from the product's own signing.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dodona_recorder::http::Recorded;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use ring::{digest, hmac};
use serde_json::Value;

use super::vector::Vector;

/// The keys that a vector brings.
pub(crate) struct Proof {
    /// Public halves of the private keys in secrets, settings, files and variables.
    public: Vec<Vec<u8>>,
    /// Texts that may be the secret key of AWS.
    secrets: Vec<String>,
}

impl Proof {
    /// The keys in `vector`.
    pub(crate) fn new(vector: &Vector) -> Self {
        let texts = [&vector.secrets, &vector.env, &vector.files];
        let mut texts: Vec<&str> =
            texts.into_iter().flatten().flatten().map(|(_, text)| text.as_str()).collect();
        texts.push(&vector.service_config);
        let public = texts.iter().flat_map(|text| private_keys(text)).collect();
        let settings = vector.service_config.lines().filter_map(|line| line.split_once(':'));
        let named = settings.filter(|(name, _)| name.trim().eq_ignore_ascii_case("secret"));
        let mut secrets: Vec<String> =
            named.map(|(_, value)| value.trim().trim_matches(['"', '\'']).to_owned()).collect();
        let variable = vector.env.as_ref().and_then(|env| env.get("AWS_SECRET_ACCESS_KEY"));
        secrets.extend(variable.cloned());
        secrets.extend(vector.secrets.iter().flatten().map(|(_, text)| text.trim_end().to_owned()));
        Self { public, secrets }
    }

    /// What is wrong with the signatures that `expected` asks for in `actual`, a text of `request`.
    pub(crate) fn check(&self, expected: &str, actual: &str, request: &Recorded) -> Option<&'static str> {
        if expected.contains("<sigv4>") && !self.secrets.iter().any(|secret| is_signed(request, secret)) {
            return Some("the signature of AWS does not fit the request and the key");
        }
        if expected.contains("<jwt ") && !actual.split(' ').any(|token| self.verifies(token)) {
            return Some("the token was not signed with the vector's key");
        }
        None
    }

    fn verifies(&self, token: &str) -> bool {
        let Some((signed, signature)) = token.rsplit_once('.') else { return false };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        self.public.iter().any(|key| {
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
            key.verify(signed.as_bytes(), &signature).is_ok()
        })
    }
}

/// The public halves of the RSA keys in `text`, which may be JSON with its line breaks written out.
fn private_keys(text: &str) -> Vec<Vec<u8>> {
    let text = text.replace("\\n", "\n");
    let mut keys = Vec::new();
    for block in text.split("-----BEGIN ").skip(1) {
        let Some((label, rest)) = block.split_once("-----") else { continue };
        let body: String = rest.split("-----").next().unwrap_or_default().split_whitespace().collect();
        let Ok(der) = STANDARD.decode(body) else { continue };
        let pair = match label {
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der),
            "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der),
            _ => continue,
        };
        keys.extend(pair.ok().map(|pair| pair.public_key().as_ref().to_vec()));
    }
    keys
}

/// What a token claims, if it says what a marker (`RS256 iss=… life=…`) wants; how long it may live is the marker's number
/// or ten minutes, whichever is more.
pub(crate) fn claims_fit(marker: &str, token: &str, now: i64) -> bool {
    let parts: Vec<&str> = token.split('.').collect();
    let decode =
        |part: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    let [header, claims, _] = parts.as_slice() else { return false };
    let (Some(header), Some(claims)) = (decode(header), decode(claims)) else { return false };
    let number = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
    let (issued, ends) = (number("iat"), number("exp"));
    let mut longest = 600;
    let (mut words, mut wanted) = (marker.split_whitespace(), Vec::new());
    let mut fits = words.next().is_none_or(|algorithm| header["alg"] == algorithm);
    for word in words {
        match (word.split_once('='), wanted.last_mut()) {
            (Some((name, value)), _) => wanted.push((name, vec![value])),
            // A scope has several words.
            (None, Some((_, values))) => values.push(word),
            (None, None) => fits = false,
        }
    }
    for (name, values) in wanted {
        let value = values.join(" ");
        match name {
            "life" => longest = value.trim_end_matches('s').parse().unwrap_or(0).max(longest),
            "scope" => {
                let given = claims["scope"].as_str().unwrap_or_default();
                fits &= values.iter().all(|scope| given.split(' ').any(|given| given == *scope));
            }
            name => fits &= claims[name].as_str().unwrap_or(&claims[name].to_string()) == value,
        }
    }
    fits && issued <= now + 60 && ends > now && (1..=longest).contains(&(ends - issued))
}

/// Whether the `authorization` of `request` is a signature (version 4) of it under `secret`.
fn is_signed(request: &Recorded, secret: &str) -> bool {
    let part = |name: &str| {
        let (_, rest) = request.header("authorization")?.split_once(&format!("{name}="))?;
        rest.split(',').next().map(str::trim)
    };
    let (Some(credential), Some(names), Some(signature)) =
        (part("Credential"), part("SignedHeaders"), part("Signature"))
    else {
        return false;
    };
    let names: Vec<&str> = names.split(';').collect();
    let must_be = |header: &&(String, String)| {
        let name = header.0.to_ascii_lowercase();
        matches!(name.as_str(), "host" | "content-type") || name.starts_with("x-amz-")
    };
    let forgotten = request
        .headers
        .iter()
        .filter(must_be)
        .any(|(name, _)| !names.contains(&name.to_ascii_lowercase().as_str()));
    let Some((_, scope)) = credential.split_once('/') else { return false };
    if forgotten || !names.is_sorted() {
        return false;
    }
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut canonical = format!("{}\n{}\n{query}\n", request.method, escape(path));
    for name in &names {
        let value = request.header(name).unwrap_or_default();
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        canonical.extend([*name, ":", value.as_str(), "\n"]);
    }
    canonical.extend(["\n", &names.join(";"), "\n", &hash(&request.body)]);
    let time = request.header("x-amz-date").unwrap_or_default();
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(canonical.as_bytes()));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.split('/') {
        key = keyed(&key, part);
    }
    hex(&keyed(&key, &text)) == signature
}

/// A path as all services but S3 sign it: escaped once more.
fn escape(path: &str) -> String {
    let mut escaped = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                escaped.push(char::from(byte));
            }
            other => drop(write!(escaped, "%{other:02X}")),
        }
    }
    escaped
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A request of AWS's published test suite (`post-x-www-form-urlencoded`).
    fn request(signature: &str) -> Recorded {
        let scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=content-type;host;x-amz-date, Signature={signature}"
        );
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Host", "example.amazonaws.com"),
            ("X-Amz-Date", "20150830T123600Z"),
            ("Authorization", &authorization),
        ];
        Recorded {
            scheme: "https",
            address: "127.0.0.1:1".parse().unwrap(),
            method: "POST".to_owned(),
            target: "/".to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: b"Param1=value1".to_vec(),
            at: Instant::now(),
            connection: 0,
        }
    }

    #[test]
    fn signatures_are_checked() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let good = request("ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
        assert!(is_signed(&good, secret));
        assert!(!is_signed(&good, "another"));
        let mut forgotten = good.clone();
        forgotten.headers.push(("X-Amz-Target".to_owned(), "x".to_owned()));
        assert!(!is_signed(&forgotten, secret), "a header of AWS must be signed");
        assert!(!is_signed(&request(&"0".repeat(64)), secret));
    }

    #[test]
    fn claims_are_checked() {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token =
            |claims: Value| format!("{}.{}.x", encode(&serde_json::json!({"alg": "RS256"})), encode(&claims));
        let good = token(serde_json::json!({"iss": "12345", "scope": "a b", "iat": 1000, "exp": 1120}));
        assert!(claims_fit("RS256 iss=12345 life=120s", &good, 1000));
        assert!(claims_fit("RS256 iss=12345 scope=a b life=120s", &good, 1000));
        for (marker, now) in [
            ("RS256 iss=1 life=120s", 1000),
            ("RS256 iss=12345 scope=c", 1000),
            ("ES256 iss=12345", 1000),
            ("RS256 iss=12345", 1120),
            ("RS256 iss=12345", 900),
        ] {
            assert!(!claims_fit(marker, &good, now), "{marker} at {now}");
        }
        let long = token(serde_json::json!({"iss": 12345, "iat": 1000, "exp": 1601}));
        assert!(!claims_fit("RS256 iss=12345 life=120s", &long, 1000));
    }
}
