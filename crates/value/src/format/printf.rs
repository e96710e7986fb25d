//! The format language of `Printf`.

use super::Text;
use super::pad::Flags;
use super::print::Printer;
use crate::value::Value;

/// Wider than this is a mistake, and reported as such.
const MAX_WIDTH: usize = 1_000_000;

struct Reader<'a> {
    format: &'a [u8],
    at: usize,
    args: &'a [Value],
    /// The next argument.
    next: usize,
    /// Whether any explicit index was used: then surplus arguments are no mistake.
    reordered: bool,
    good_index: bool,
}

pub(super) fn run(text: &mut Text, format: &[u8], args: &[Value]) {
    let mut reader = Reader { format, at: 0, args, next: 0, reordered: false, good_index: true };
    while !text.is_full() {
        let rest = format.get(reader.at..).unwrap_or_default();
        let plain = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
        text.push(rest.get(..plain).unwrap_or_default());
        reader.at += plain + 1;
        if plain == rest.len() || !reader.verb(text) {
            break;
        }
    }
    if !reader.reordered && reader.next < args.len() {
        extra(text, args.get(reader.next..).unwrap_or_default());
    }
}

/// Tells about arguments that no verb asked for.
fn extra(text: &mut Text, args: &[Value]) {
    text.push(b"%!(EXTRA ");
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            text.push(b", ");
        }
        if arg.is_nil() {
            text.push(b"<nil>");
        } else {
            text.push_str(&arg.type_name());
            text.push(b"=");
            Printer::new(text).print(arg, 'v');
        }
    }
    text.push(b")");
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// Reads and prints one verb; false at the end of the format.
    fn verb(&mut self, text: &mut Text) -> bool {
        self.good_index = true;
        let mut flags = self.flags();
        let mut after_index = self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            match self.int_arg() {
                Some(width) => {
                    flags.width = usize::try_from(width.unsigned_abs()).ok();
                    if width < 0 {
                        // Zeros are not padded to the right.
                        flags.minus = true;
                        flags.zero = false;
                    }
                }
                None => text.push(b"%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            flags.width = self.number();
            self.good_index &= !(after_index && flags.width.is_some());
        }
        // A point that ends the format is taken for the verb.
        if self.peek() == Some(b'.') && self.at + 1 < self.format.len() {
            self.at += 1;
            self.good_index &= !after_index;
            after_index = self.index();
            if self.peek() == Some(b'*') {
                self.at += 1;
                flags.precision = self.int_arg().and_then(|precision| usize::try_from(precision).ok());
                if flags.precision.is_none() {
                    text.push(b"%!(BADPREC)");
                }
                after_index = false;
            } else {
                flags.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
        let Some(verb) = self.character() else {
            text.push(b"%!(NOVERB)");
            return false;
        };
        self.print(text, verb, flags);
        true
    }

    fn print(&mut self, text: &mut Text, verb: Verb, mut flags: Flags) {
        if verb.char == Some('%') {
            return text.push(b"%");
        }
        let problem: &[u8] = if !self.good_index {
            b"(BADINDEX)"
        } else if let Some(arg) = self.args.get(self.next) {
            self.next += 1;
            if matches!(verb.char, Some('v' | 'w')) {
                flags.sharp_v = std::mem::take(&mut flags.sharp);
                flags.plus_v = std::mem::take(&mut flags.plus);
            }
            return Printer::with(text, flags).print(arg, verb.char.unwrap_or(char::REPLACEMENT_CHARACTER));
        } else {
            b"(MISSING)"
        };
        text.push(b"%!");
        text.push_str(verb.char.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4]));
        text.push(problem);
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        flags
    }

    /// A number of the format. One that is too large eats the rest of the format, as in Go.
    fn number(&mut self) -> Option<usize> {
        let (number, after) = number_in(self.format, self.at);
        self.at = after;
        number
    }

    /// `[3]`: the argument to take next. Returns whether there was one.
    fn index(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let rest = self.format.get(self.at..).unwrap_or_default();
        let Some(close) = rest.iter().position(|byte| *byte == b']').filter(|_| rest.len() >= 3) else {
            self.good_index = false;
            self.at += 1;
            return false;
        };
        let (number, after) = number_in(rest.get(..close).unwrap_or_default(), 1);
        self.at += close + 1;
        let Some(number) = number.filter(|_| after == close) else {
            self.good_index = false;
            return false;
        };
        match number.checked_sub(1).filter(|index| *index < self.args.len()) {
            Some(index) => self.next = index,
            None => self.good_index = false,
        }
        true
    }

    /// The next argument as a width or precision.
    fn int_arg(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        let number = match arg {
            Value::Int(number, _) => *number,
            Value::Uint(number, _) => i64::try_from(*number).ok()?,
            Value::Duration(duration) => duration.nanoseconds(),
            _ => return None,
        };
        (number.unsigned_abs() <= MAX_WIDTH as u64).then_some(number)
    }

    /// The character of the verb itself.
    fn character(&mut self) -> Option<Verb> {
        let rest = self.format.get(self.at..).filter(|rest| !rest.is_empty())?;
        let start = rest.get(..rest.len().min(4)).unwrap_or_default();
        let char = start.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
        self.at += char.map_or(1, char::len_utf8);
        Some(Verb { char })
    }
}

/// The character of a verb; `None` for a byte that is not UTF-8.
#[derive(Clone, Copy)]
struct Verb {
    char: Option<char>,
}

fn number_in(format: &[u8], start: usize) -> (Option<usize>, usize) {
    let mut at = start;
    let mut number = None;
    while let Some(digit) = format.get(at).filter(|byte| byte.is_ascii_digit()) {
        let next = number.unwrap_or(0) * 10 + usize::from(digit - b'0');
        if number.unwrap_or(0) > MAX_WIDTH {
            return (None, format.len());
        }
        number = Some(next);
        at += 1;
    }
    (number, at)
}
