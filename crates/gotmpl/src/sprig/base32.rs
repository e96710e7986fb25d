//! Base32 with padding, as Go reads and writes it. Own code because the position of an error is part of what `b32dec` prints.

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Writes base32.
pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let bits = (0..5).fold(0_u64, |bits, at| bits << 8 | u64::from(chunk.get(at).copied().unwrap_or(0)));
        let digits = (chunk.len() * 8).div_ceil(5);
        for place in 0..8 {
            let digit = ALPHABET.get((bits >> (35 - 5 * place) & 31) as usize).copied().unwrap_or(b'=');
            out.push(if place < digits { digit } else { b'=' });
        }
    }
    out
}

/// Reads base32; line breaks are left out before. The error is the position of the first byte that is wrong.
pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, usize> {
    let text: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    let mut at = 0;
    while at < text.len() {
        let mut bits = 0_u64;
        let mut count = 0;
        let mut end = false;
        while count < 8 {
            let Some(byte) = text.get(at).copied() else { return Err(text.len() - count) };
            at += 1;
            if byte == b'=' && count >= 2 && text.len() - at < 8 {
                check_padding(&text, at, count)?;
                end = true;
                break;
            }
            let digit = ALPHABET.iter().position(|digit| *digit == byte).ok_or(at - 1)?;
            bits = bits << 5 | digit as u64;
            count += 1;
        }
        let bytes = (bits << (5 * (8 - count))).to_be_bytes();
        out.extend_from_slice(bytes.get(3..3 + count * 5 / 8).unwrap_or_default());
        if end {
            break;
        }
    }
    Ok(out)
}

/// Checks the padding whose first `=` stands before `at` and behind `count` digits.
fn check_padding(text: &[u8], at: usize, count: usize) -> Result<(), usize> {
    let left = text.len() - at;
    if left + count < 7 {
        return Err(text.len());
    }
    for place in 0..7 - count {
        if text.get(at + place).is_some_and(|byte| *byte != b'=') {
            return Err((at + place).saturating_sub(1));
        }
    }
    if matches!(count, 1 | 3 | 6) { Err(at - 1) } else { Ok(()) }
}
