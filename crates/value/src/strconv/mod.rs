//! Go's `strconv`: numbers and quoted texts.

mod float;
mod number;
mod quote;

pub use float::format_float;
pub use number::{NumberError, format_int, parse_float, parse_int, parse_uint, trim_zero_decimal};
pub use quote::{can_backquote, is_print, quote, quote_rune, quote_rune_to_ascii, quote_to_ascii, unquote};
