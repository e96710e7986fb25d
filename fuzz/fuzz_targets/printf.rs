//! `fmt.Sprintf` with a format of any bytes.
#![no_main]

use dodona_value::{Text, Value, format};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let list = Value::list(vec![Value::int(-5), Value::text("a"), Value::Nil]);
    let args = [Value::int(7), Value::float(-1.5e10), Value::text("h\u{e9}llo"), list, Value::Missing];
    let mut text = Text::new(1 << 16);
    format::sprintf(&mut text, bytes, &args);
    assert!(text.len() <= 1 << 16);
});
