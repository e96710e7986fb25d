//! Encodings and checksums.

use std::fmt::Write as _;

use dodona_value::{CallError, Value};
use sha2::Digest as _;

use super::{base32, base64, made};
use crate::function::{FunctionDef, Param};

type Result<T> = std::result::Result<T, CallError>;

const TEXT: &[Param] = &[Param::Str];

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "b64enc",
        TEXT,
        |cx, args| made(cx, base64::encode(args.str(0))),
        "The text in base64.",
        &[("{{b64enc \"hello\"}}", "aGVsbG8=")],
    ),
    FunctionDef::new(
        "b64dec",
        TEXT,
        |cx, args| match base64::decode(args.str(0)) {
            Ok(bytes) => made(cx, bytes),
            Err(at) => made(cx, format!("illegal base64 data at input byte {at}")),
        },
        "The text that is written in base64. If it is no base64, the result is a message that says so.",
        &[("{{b64dec \"aGVsbG8=\"}}", "hello")],
    ),
    FunctionDef::new(
        "b32enc",
        TEXT,
        |cx, args| made(cx, base32::encode(args.str(0))),
        "The text in base32.",
        &[("{{b32enc \"hello\"}}", "NBSWY3DP")],
    ),
    FunctionDef::new(
        "b32dec",
        TEXT,
        |cx, args| match base32::decode(args.str(0)) {
            Ok(bytes) => made(cx, bytes),
            Err(at) => made(cx, format!("illegal base32 data at input byte {at}")),
        },
        "The text that is written in base32. If it is no base32, the result is a message that says so.",
        &[("{{b32dec \"NBSWY3DP\"}}", "hello")],
    ),
    FunctionDef::new(
        "sha1sum",
        TEXT,
        |_, args| hex(&sha1::Sha1::digest(args.str(0))),
        "The SHA-1 checksum in hexadecimal.",
        &[("{{sha1sum \"hello\"}}", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d")],
    ),
    FunctionDef::new(
        "sha256sum",
        TEXT,
        |_, args| hex(&sha2::Sha256::digest(args.str(0))),
        "The SHA-256 checksum in hexadecimal.",
        &[("{{sha256sum \"hello\" | trunc 8}}", "2cf24dba")],
    ),
    FunctionDef::new(
        "sha512sum",
        TEXT,
        |_, args| hex(&sha2::Sha512::digest(args.str(0))),
        "The SHA-512 checksum in hexadecimal.",
        &[("{{sha512sum \"hello\" | trunc 8}}", "9b71d224")],
    ),
    FunctionDef::new(
        "adler32sum",
        TEXT,
        |_, args| Ok(Value::from(adler32(args.str(0)).to_string())),
        "The Adler-32 checksum as a number.",
        &[("{{adler32sum \"hello\"}}", "103547413")],
    ),
];

fn hex(bytes: &[u8]) -> Result<Value> {
    let text = bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    });
    Ok(Value::from(text))
}

fn adler32(text: &[u8]) -> u32 {
    let (low, high) = text.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}
