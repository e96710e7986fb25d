//! Keys of NATS (nkeys): Ed25519 seeds with a prefix and a checksum, in base32.

use ring::signature::{Ed25519KeyPair, KeyPair as _};

/// The prefix of seeds.
const SEED: u8 = 18 << 3;

/// The prefixes of public keys: account, cluster, operator, server, user.
const PUBLIC: [u8; 5] = [0, 2 << 3, 14 << 3, 13 << 3, 20 << 3];

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A seed that cannot be used. The text never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    /// Another letter than those of base32.
    #[error("illegal base32 data at input byte {0}")]
    NoBase32(usize),
    /// Another length.
    #[error("a seed has 58 characters, and this text has another length")]
    Length,
    /// A public key, or something else.
    #[error("the text is no seed; seeds begin with `S`, those of users with `SU`")]
    NoSeed,
    /// A letter was lost or changed.
    #[error("the checksum of the seed does not fit: a letter is wrong or missing")]
    Checksum,
}

/// A seed, ready to sign.
pub struct Seed {
    pair: Ed25519KeyPair,
    public: String,
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seed({})", self.public)
    }
}

impl Seed {
    /// Reads a seed such as `SUA…`.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        let raw = decode(text.trim())?;
        // Two bytes of prefixes, the key, two of checksum.
        let Some((body, sum)) = raw.split_last_chunk::<2>() else { return Err(SeedError::Length) };
        let (Some((&[first, second], key)), true) = (body.split_first_chunk::<2>(), body.len() == 34) else {
            return Err(if raw.first().is_some_and(|byte| byte & 0xf8 != SEED) {
                SeedError::NoSeed
            } else {
                SeedError::Length
            });
        };
        let public = (first & 7) << 5 | second >> 3;
        if first & 0xf8 != SEED || !PUBLIC.contains(&public) {
            return Err(SeedError::NoSeed);
        }
        if u16::from_le_bytes(*sum) != checksum(body) {
            return Err(SeedError::Checksum);
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(key).map_err(|_| SeedError::Length)?;
        let mut bytes = vec![public];
        bytes.extend_from_slice(pair.public_key().as_ref());
        let sum = checksum(&bytes);
        bytes.extend(sum.to_le_bytes());
        Ok(Self { pair, public: encode(&bytes) })
    }

    /// The public key, as servers know it: `U…`.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The signature of `bytes`.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.pair.sign(bytes).as_ref().to_vec()
    }
}

/// The JWT and the seed in a credentials file, as `nsc` and Synadia write it.
pub fn credentials(text: &str) -> Option<(String, String)> {
    let block = |label: &str| {
        let (_, rest) = text.split_once(&format!("BEGIN {label}"))?;
        let mut lines = rest.lines().skip(1).map(str::trim);
        lines.find(|line| !line.is_empty()).filter(|line| !line.starts_with('-')).map(ToOwned::to_owned)
    };
    Some((block("NATS USER JWT")?, block("USER NKEY SEED")?))
}

/// Base32 of RFC 4648 without padding.
fn decode(text: &str) -> Result<Vec<u8>, SeedError> {
    let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
    for (index, letter) in text.bytes().enumerate() {
        let value = ALPHABET.iter().position(|known| *known == letter).ok_or(SeedError::NoBase32(index))?;
        bits = bits << 5 | u32::try_from(value).unwrap_or_default();
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap_or_default());
        }
    }
    Ok(bytes)
}

fn encode(bytes: &[u8]) -> String {
    let (mut bits, mut count, mut text) = (0u32, 0, String::new());
    let letter = |value: u32| {
        let index = usize::try_from(value & 31).unwrap_or_default();
        char::from(*ALPHABET.get(index).unwrap_or(&b'A'))
    };
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(letter(bits >> count));
        }
    }
    if count > 0 {
        text.push(letter(bits << (5 - count)));
    }
    text
}

/// CRC-16 with the polynomial of XMODEM.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0u16, |sum, byte| {
        (0..8).fold(
            sum ^ u16::from(*byte) << 8,
            |sum, _| {
                if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x1021 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    /// The bytes 0 to 31 as the seed of a user.
    fn seed() -> String {
        let mut bytes = vec![SEED | (20 << 3) >> 5, (20 << 3 & 31) << 3];
        bytes.extend(0..32);
        let sum = checksum(&bytes);
        bytes.extend(sum.to_le_bytes());
        encode(&bytes)
    }

    #[test]
    fn seeds_sign_and_name_their_public_keys() {
        assert_eq!(checksum(b"123456789"), 0x31c3);
        let text = seed();
        assert!(text.starts_with("SU") && text.len() == 58, "{text}");
        let seed = Seed::parse(&format!("{text}\n")).unwrap();
        assert!(seed.public().starts_with('U') && seed.public().len() == 56);
        let public = decode(seed.public()).unwrap();
        let public = UnparsedPublicKey::new(&ED25519, public.get(1..33).unwrap());
        assert!(public.verify(b"nonce", &seed.sign(b"nonce")).is_ok());
    }

    #[test]
    fn bad_seeds_say_what_is_wrong() {
        let good = seed();
        let changed = good.replacen("SUAA", "SUAB", 1);
        for (text, error) in [
            ("abc", SeedError::NoBase32(0)),
            ("", SeedError::Length),
            ("SUAA", SeedError::Length),
            (changed.as_str(), SeedError::Checksum),
            (Seed::parse(&good).unwrap().public(), SeedError::NoSeed),
        ] {
            assert_eq!(Seed::parse(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn credentials_files_have_two_parts() {
        let text = "-----BEGIN NATS USER JWT-----\neyJ0.x.y\n------END NATS USER JWT------\n\n\
                    *************** IMPORTANT ***************\n-----BEGIN USER NKEY SEED-----\nSUAX\n------END USER NKEY SEED------\n";
        assert_eq!(credentials(text), Some(("eyJ0.x.y".to_owned(), "SUAX".to_owned())));
        assert_eq!(credentials("SUAX"), None);
    }
}
