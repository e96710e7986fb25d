//! Go's `fmt`: every verb, flag and width of `Printf`, and every value as Go prints it.
//!
//! Nothing here fails: mistakes in a format show up in the output as in Go (`%!d(string=x)`), and output beyond the limit of the [`Text`] is dropped, which
//! [`Text::finish`] reports.

mod pad;
mod print;
mod printf;
mod text;

pub(crate) use print::{NilPointer, go_syntax};
pub use text::Text;

use crate::value::Value;
use print::Printer;

/// How deep values are printed; below, `...` stands for what there is.
pub const MAX_DEPTH: usize = 1_000;

/// `%v`.
pub fn value(text: &mut Text, value: &Value) {
    match value {
        Value::Str(value) => text.push(value),
        other => Printer::new(text).print(other, 'v'),
    }
}

/// `%v` as bytes, at most `limit` of them.
pub fn to_bytes(value: &Value, limit: usize) -> Result<Vec<u8>, crate::LimitError> {
    let mut text = Text::new(limit);
    self::value(&mut text, value);
    text.finish()
}

/// `fmt.Sprintf`, mistakes in the format included: they appear in the output, as in Go.
pub fn sprintf(text: &mut Text, format: &[u8], args: &[Value]) {
    printf::run(text, format, args);
}

/// `fmt.Sprint`: blanks between operands that are both not strings.
pub fn sprint(text: &mut Text, args: &[Value]) {
    let mut after_text = true;
    for (index, arg) in args.iter().enumerate() {
        let is_text = matches!(arg, Value::Str(_));
        if index > 0 && !is_text && !after_text {
            text.push(b" ");
        }
        value(text, arg);
        after_text = is_text;
    }
}

/// `fmt.Sprintln`: blanks between all operands, and a newline.
pub fn sprintln(text: &mut Text, args: &[Value]) {
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            text.push(b" ");
        }
        value(text, arg);
    }
    text.push(b"\n");
}
