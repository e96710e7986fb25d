//! Random texts and numbers, from the random source of the runtime.

use dodona_value::{CallCx, CallError, Str, Value};

use super::{base64, count, made, runes};
use crate::function::{Args, FunctionDef, Param};

type Result<T> = std::result::Result<T, CallError>;

const COUNT: &[Param] = &[Param::INT];

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "randAlphaNum",
        COUNT,
        |cx, args| of_alphabet(cx, &args, |byte| byte.is_ascii_alphanumeric()),
        "That many random letters and digits.",
        &[("{{randAlphaNum 5 | len}}", "5")],
    ),
    FunctionDef::new(
        "randAlpha",
        COUNT,
        |cx, args| of_alphabet(cx, &args, |byte| byte.is_ascii_alphabetic()),
        "That many random letters.",
        &[("{{randAlpha 5 | regexMatch \"^[a-zA-Z]{5}$\"}}", "true")],
    ),
    FunctionDef::new(
        "randNumeric",
        COUNT,
        |cx, args| of_alphabet(cx, &args, |byte| byte.is_ascii_digit()),
        "That many random digits.",
        &[("{{randNumeric 5 | regexMatch \"^[0-9]{5}$\"}}", "true")],
    ),
    FunctionDef::new(
        "randAscii",
        COUNT,
        |cx, args| of_alphabet(cx, &args, |byte| matches!(byte, b' '..=b'~')),
        "That many random printable characters.",
        &[("{{randAscii 5 | len}}", "5")],
    ),
    FunctionDef::new(
        "randBytes",
        COUNT,
        |cx, args| {
            let length = count(args.int(0))?;
            cx.budget.memory(length.saturating_mul(3))?;
            let mut bytes = vec![0; length];
            cx.runtime.random.fill(&mut bytes);
            made(cx, base64::encode(&bytes))
        },
        "That many random bytes in base64.",
        &[("{{randBytes 16 | b64dec | len}}", "16")],
    ),
    FunctionDef::new(
        "randInt",
        &[Param::INT, Param::INT],
        |cx, args| {
            let (least, limit) = (args.int(0), args.int(1));
            let span = limit.checked_sub(least).and_then(|span| u64::try_from(span).ok());
            match span.and_then(|span| below(cx, span)) {
                Some(number) => Ok(Value::int(least.wrapping_add_unsigned(number))),
                None => Err(CallError::new(format!("there is no number from {least} to below {limit}"))),
            }
        },
        "A random number from the first up to below the second argument.",
        &[("{{randInt 7 8}}", "7")],
    ),
    FunctionDef::new(
        "shuffle",
        &[Param::Str],
        shuffle,
        "The characters of a text in random order.",
        &[("{{shuffle \"aaa\"}}", "aaa")],
    ),
];

/// A random number below `limit`, every one equally likely; `None` if there is none.
pub(super) fn below(cx: &CallCx<'_>, limit: u64) -> Option<u64> {
    let rejected = (u64::MAX % limit.max(1)).wrapping_add(1) % limit.max(1);
    if limit == 0 {
        return None;
    }
    loop {
        let mut bytes = [0; 8];
        cx.runtime.random.fill(&mut bytes);
        let number = u64::from_le_bytes(bytes);
        if number <= u64::MAX - rejected {
            return Some(number % limit);
        }
    }
}

fn of_alphabet(cx: &mut CallCx<'_>, args: &Args<'_>, belongs: fn(u8) -> bool) -> Result<Value> {
    // Sprig swallows the error for a negative length.
    let length = count(args.int(0)).unwrap_or(0);
    cx.budget.memory(length)?;
    cx.budget.step(length as u64)?;
    let alphabet: Vec<u8> = (0..=u8::MAX).filter(|byte| belongs(*byte)).collect();
    let mut text = Vec::with_capacity(length);
    while text.len() < length {
        let at = below(cx, alphabet.len() as u64).unwrap_or(0);
        text.extend(usize::try_from(at).ok().and_then(|at| alphabet.get(at)));
    }
    Ok(Value::Str(Str::from(text)))
}

fn shuffle(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let mut characters: Vec<char> = runes::runes(args.str(0)).collect();
    cx.budget.step(characters.len() as u64)?;
    cx.budget.memory(characters.len().saturating_mul(4))?;
    for last in (1..characters.len()).rev() {
        let other = below(cx, last as u64 + 1).and_then(|other| usize::try_from(other).ok());
        characters.swap(last, other.unwrap_or(last));
    }
    made(cx, characters.into_iter().collect::<String>())
}
