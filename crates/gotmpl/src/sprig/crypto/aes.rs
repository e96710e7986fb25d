//! AES-256 in CBC mode, in Sprig's form: the password filled with zeros is the key, the initialisation vector comes first, everything in base64.

use ::aes::Aes256;
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use dodona_value::{CallCx, CallError, Str, Value};

use super::super::{base64, made};

type Result<T> = std::result::Result<T, CallError>;

const BLOCK: usize = 16;

fn key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    for (slot, byte) in key.iter_mut().zip(password) {
        *slot = *byte;
    }
    key
}

pub(super) fn encrypt(cx: &mut CallCx<'_>, password: &[u8], text: &[u8]) -> Result<Value> {
    if text.is_empty() {
        return Ok(Value::Str(Str::EMPTY));
    }
    cx.budget.memory(text.len().saturating_mul(2))?;
    let mut vector = [0; BLOCK];
    cx.runtime.random.fill(&mut vector);
    let cipher = cbc::Encryptor::<Aes256>::new(&key(password).into(), &vector.into());
    let encrypted = cipher.encrypt_padded_vec_mut::<Pkcs7>(text);
    made(cx, base64::encode(&[vector.as_slice(), &encrypted].concat()))
}

pub(super) fn decrypt(cx: &mut CallCx<'_>, password: &[u8], text: &[u8]) -> Result<Value> {
    if text.is_empty() {
        return Ok(Value::Str(Str::EMPTY));
    }
    cx.budget.memory(text.len())?;
    let wrong = |what: &str| CallError::new(format!("failed to decrypt: {what}"));
    let bytes = base64::decode(text).map_err(|at| wrong(&format!("no base64 at byte {at}")))?;
    let (vector, body) = bytes.split_first_chunk::<BLOCK>().ok_or_else(|| wrong("the text is too short"))?;
    if !body.len().is_multiple_of(BLOCK) {
        return Err(wrong("the length is not a multiple of 16 bytes"));
    }
    let cipher = cbc::Decryptor::<Aes256>::new(&key(password).into(), vector.into());
    let mut plain =
        cipher.decrypt_padded_vec_mut::<NoPadding>(body).map_err(|_| wrong("the text is damaged"))?;
    // As Sprig: the last byte says how many bytes are padding; nothing else about them is checked.
    let padding = plain.last().copied().map(usize::from).ok_or_else(|| wrong("the text is too short"))?;
    let length =
        plain.len().checked_sub(padding).ok_or_else(|| wrong("wrong password, or the text is damaged"))?;
    plain.truncate(length);
    made(cx, plain)
}
