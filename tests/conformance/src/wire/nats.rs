//! What came to the NATS server against what should have come.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dodona_recorder::nats::{INFO, Published, Script, Traffic};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;

use super::vector::{Nats, NatsMessage, NatsServer};

/// The script of a vector's server.
pub(crate) fn script(server: Option<&NatsServer>) -> Script {
    let mut info: Value = serde_json::from_str(INFO).unwrap_or_default();
    for (name, value) in server.and_then(|server| server.info.as_ref()).into_iter().flatten() {
        info[name.as_str()] = value.clone();
    }
    Script {
        info: info.to_string(),
        connect_error: server.and_then(|server| server.connect_error.clone()),
        publish_error: server.and_then(|server| server.publish_error.clone()),
        ..Script::default()
    }
}

/// Differences of one send. `former` is the last CONNECT of the sends before: a connection may be kept.
pub(crate) fn compare(
    expected: &Nats,
    server: Option<&NatsServer>,
    seen: &Traffic,
    former: &mut Option<Value>,
) -> Vec<String> {
    let mut differences = Vec::new();
    if let Some((text, _)) = seen.connects.last() {
        *former = serde_json::from_str(text).ok();
    }
    if let Some(wanted) = &expected.connect {
        match former {
            Some(found) => connect(wanted, found, server, &mut differences),
            None => differences.push("no CONNECT came".to_owned()),
        }
    }
    let wanted = expected.messages.as_deref().unwrap_or_default();
    if wanted.len() != seen.messages.len() {
        differences.push(format!("expected {} messages, got {:?}", wanted.len(), seen.messages));
    }
    for (index, (wanted, found)) in wanted.iter().zip(&seen.messages).enumerate() {
        message(&format!("message {}", index + 1), wanted, found, &mut differences);
    }
    differences
}

fn connect(wanted: &Value, found: &Value, server: Option<&NatsServer>, differences: &mut Vec<String>) {
    for name in ["user", "pass", "auth_token", "nkey", "jwt"] {
        if wanted.get(name) != found.get(name) {
            differences.push(format!(
                "CONNECT {name}: expected {:?}, got {:?}",
                wanted.get(name),
                found.get(name)
            ));
        }
    }
    match (wanted.get("sig"), found["sig"].as_str()) {
        (None, None) => {}
        (Some(_), Some(signature)) => {
            let nonce = server.and_then(|server| server.info.as_ref()?.get("nonce")?.as_str());
            let key = found["nkey"].as_str().and_then(public_key).unwrap_or_default();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
            let key = UnparsedPublicKey::new(&ED25519, key);
            if key.verify(nonce.unwrap_or_default().as_bytes(), &signature).is_err() {
                differences.push("CONNECT sig: no signature of the nonce with this nkey".to_owned());
            }
        }
        (wanted, found) => differences.push(format!("CONNECT sig: expected {wanted:?}, got {found:?}")),
    }
}

/// The 32 bytes in a public nkey: base32 with a prefix of one byte and a checksum of two.
fn public_key(text: &str) -> Option<Vec<u8>> {
    let mut bits: Vec<bool> = Vec::new();
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        bits.extend((0..5).rev().map(|place| value >> place & 1 == 1));
    }
    let byte = |bits: &[bool]| bits.iter().fold(0u8, |byte, bit| byte << 1 | u8::from(*bit));
    let bytes: Vec<u8> = bits.chunks_exact(8).map(byte).collect();
    bytes.get(1..33).map(<[u8]>::to_vec)
}

fn message(place: &str, wanted: &NatsMessage, found: &Published, differences: &mut Vec<String>) {
    let payload = String::from_utf8_lossy(&found.payload);
    for (what, wanted, found) in [
        ("subject", wanted.subject.as_str(), found.subject.as_str()),
        ("reply", wanted.reply.as_deref().unwrap_or_default(), found.reply.as_str()),
        ("payload", wanted.payload.as_str(), payload.as_ref()),
    ] {
        if wanted != found {
            differences.push(format!("{place} {what}: expected {wanted:?}, got {found:?}"));
        }
    }
    let headers = wanted.headers.iter().flatten();
    let mut headers: Vec<(String, String)> =
        headers.flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone()))).collect();
    let mut found = found.headers.clone();
    headers.sort();
    found.sort();
    if headers != found {
        differences.push(format!("{place} headers: expected {headers:?}, got {found:?}"));
    }
}
