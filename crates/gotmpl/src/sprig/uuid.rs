//! Unique identifiers.

use dodona_value::{CallCx, CallError, Value};

use crate::function::{Args, FunctionDef};

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[FunctionDef::new(
    "uuidv4",
    &[],
    random,
    "A random identifier (UUID version 4).",
    &[(
        "{{uuidv4 | regexMatch \"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$\"}}",
        "true",
    )],
)];

fn random(cx: &mut CallCx<'_>, _: Args<'_>) -> Result<Value, CallError> {
    let mut bytes = [0; 16];
    cx.runtime.random.fill(&mut bytes);
    // Version 4 in the thirteenth digit, the variant in the two highest bits of the seventeenth.
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{number:032x}");
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    Ok(Value::from(format!(
        "{}-{}-{}-{}-{}",
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32)
    )))
}
