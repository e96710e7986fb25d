//! Password hashes, and passwords that follow from a master password.

use dodona_value::{CallCx, CallError, Value};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{MILLISECOND, made};
use crate::function::Args;

type Result<T> = std::result::Result<T, CallError>;

const COST: u32 = 10;

/// The bcrypt hash; Sprig gives the text of the failure for a password that is too long.
pub(super) fn bcrypt(cx: &mut CallCx<'_>, password: &[u8]) -> Result<String> {
    if password.len() > 72 {
        return Ok(
            "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_owned()
        );
    }
    cx.budget.step(70 * MILLISECOND)?;
    let mut salt = [0; 16];
    cx.runtime.random.fill(&mut salt);
    let hash = bcrypt::hash_with_salt(password, COST, salt)
        .map_err(|error| CallError::new(format!("failed to hash the password: {error}")))?;
    Ok(hash.format_for_version(bcrypt::Version::TwoA))
}

pub(super) fn htpasswd(cx: &mut CallCx<'_>, args: &Args<'_>) -> Result<Value> {
    let user = args.str(0);
    if user.contains(&b':') {
        return made(cx, [b"invalid username: ", user].concat());
    }
    let hash = bcrypt(cx, args.str(1))?;
    made(cx, [user, b":", hash.as_bytes()].concat())
}

const SEED: &[u8] = b"com.lyndir.masterpassword";

/// The patterns of a kind of password; a letter stands for a class of characters.
fn patterns(kind: &[u8]) -> Option<&'static [&'static str]> {
    Some(match kind {
        b"maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        b"long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        b"medium" => &["CvcnoCvc", "CvcCvcno"],
        b"short" => &["Cvcn"],
        b"basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        b"pin" => &["nnnn"],
        _ => return None,
    })
}

const fn characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

fn with_length(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), text].concat()
}

pub(super) fn derive(cx: &mut CallCx<'_>, args: &Args<'_>) -> Result<Value> {
    let Some(patterns) = patterns(args.str(1)) else {
        return made(cx, [b"cannot find password template ", args.str(1)].concat());
    };
    let fail =
        |what: &dyn std::fmt::Display| CallError::new(format!("failed to derive the password: {what}"));
    cx.budget.step(200 * MILLISECOND)?;
    // The derivation works in 32 MiB.
    cx.budget.memory(32 << 20)?;
    let salt = [SEED, &with_length(args.str(3))].concat();
    let mut master = [0; 64];
    let params = scrypt::Params::new(15, 8, 2, master.len()).map_err(|error| fail(&error))?;
    scrypt::scrypt(args.str(2), &salt, &params, &mut master).map_err(|error| fail(&error))?;

    let counter = u32::try_from(args.int(0)).unwrap_or(0);
    let mut mac = Hmac::<Sha256>::new_from_slice(&master).map_err(|error| fail(&error))?;
    mac.update(&[SEED, &with_length(args.str(4)), &counter.to_be_bytes()].concat());
    let seed = mac.finalize().into_bytes();

    let (first, rest) = seed.split_first().ok_or_else(|| fail(&"no seed"))?;
    let pattern = patterns.get(usize::from(*first) % patterns.len()).copied().unwrap_or_default();
    let password: Vec<u8> = pattern
        .bytes()
        .zip(rest)
        .filter_map(|(class, byte)| {
            let characters = characters(class);
            characters.get(usize::from(*byte) % characters.len()).copied()
        })
        .collect();
    made(cx, password)
}
