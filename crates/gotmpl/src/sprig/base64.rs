//! Base64 with padding, as Go reads and writes it. Own code because the position of an error is part of what `b64dec` prints.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes base64.
pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for place in 0..4 {
            let digit = ALPHABET.get((bits >> (18 - 6 * place) & 63) as usize).copied().unwrap_or(b'=');
            out.push(if place <= chunk.len() { digit } else { b'=' });
        }
    }
    out
}

/// Reads base64; line breaks are skipped. The error is the position of the first byte that is wrong.
pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut at = 0;
    loop {
        let mut bits = 0_u32;
        let mut count = 0;
        while count < 4 {
            let Some(byte) = text.get(at).copied() else {
                return if count == 0 { Ok(out) } else { Err(at - count) };
            };
            at += 1;
            match byte {
                b'\n' | b'\r' => {}
                b'=' => {
                    end_of_padding(text, at, count)?;
                    let bytes = (bits << (6 * (4 - count))).to_be_bytes();
                    out.extend_from_slice(bytes.get(1..count).unwrap_or_default());
                    return Ok(out);
                }
                byte => {
                    let digit = ALPHABET.iter().position(|digit| *digit == byte).ok_or(at - 1)?;
                    bits = bits << 6 | u32::try_from(digit).unwrap_or(0);
                    count += 1;
                }
            }
        }
        out.extend_from_slice(bits.to_be_bytes().get(1..).unwrap_or_default());
    }
}

/// Checks what follows the first `=`, which stands before `at` and behind `count` digits.
fn end_of_padding(text: &[u8], at: usize, count: usize) -> Result<(), usize> {
    let skip = |mut at: usize| {
        while matches!(text.get(at), Some(b'\n' | b'\r')) {
            at += 1;
        }
        at
    };
    let mut at = at;
    match count {
        0 | 1 => return Err(at - 1),
        2 => {
            at = skip(at);
            match text.get(at) {
                None => return Err(text.len()),
                Some(b'=') => at += 1,
                Some(_) => return Err(at - 1),
            }
        }
        _ => {}
    }
    let end = skip(at);
    if end < text.len() { Err(end) } else { Ok(()) }
}
