//! JSON values as YAML text, byte for byte as upstream's `-o yaml` and its console print them (core 1.6.3, services 2.22).
//!
//! Block style with two blanks; lists stand at the column of their name; keys in "natural" order, where `a9` precedes `a10`;
//! texts plain where YAML 1.1 reads them back as text, long ones folded behind column 80. Two characters that upstream
//! prints in a way that cannot be read back (U+2028, U+2029) and one on which it fails (U+007F) are escaped instead.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::go_text::go_float64;
use super::yaml_scalar::is_plain_text;

/// Column behind which a text is folded at its next blank.
const WIDTH: usize = 80;

/// Longest key that is written before its colon; longer ones are announced by `? `.
const LONGEST_KEY: usize = 128;

/// `value` as a YAML document that ends in a line break.
pub fn to_yaml(value: &Value) -> String {
    let mut writer = Writer::default();
    match value {
        Value::Object(map) if !map.is_empty() => writer.map(map, 0),
        Value::Array(items) if !items.is_empty() => writer.list(items, 0),
        other => writer.scalar(other, 2),
    }
    writer.end_line();
    writer.out
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Characters in the present line.
    column: usize,
}

/// How a text is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl Writer {
    fn put(&mut self, text: &str) {
        for letter in text.chars() {
            self.push(letter);
        }
    }

    fn push(&mut self, letter: char) {
        self.out.push(letter);
        self.column = if letter == '\n' { 0 } else { self.column + 1 };
    }

    fn end_line(&mut self) {
        if self.column > 0 {
            self.push('\n');
        }
    }

    /// Begins a line at `indent`, unless the present one is still empty up to there.
    fn begin(&mut self, indent: usize) {
        if self.column > indent || (self.column > 0 && !self.out.ends_with(' ')) {
            self.push('\n');
        }
        while self.column < indent {
            self.push(' ');
        }
    }

    fn map(&mut self, map: &Map<String, Value>, indent: usize) {
        for (key, value) in natural_order(map) {
            self.begin(indent);
            let simple = self.key(key, indent);
            if !simple {
                self.begin(indent);
            }
            self.push(':');
            // Behind a key in a line of its own the value begins in the line of the colon.
            match value {
                Value::Object(map) if !map.is_empty() => {
                    self.push(if simple { '\n' } else { ' ' });
                    self.map(map, indent + 2);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.push(if simple { '\n' } else { ' ' });
                    self.list(items, if simple { indent } else { indent + 2 });
                }
                other => {
                    self.push(' ');
                    self.scalar(other, indent + 2);
                }
            }
        }
    }

    /// Writes a key; `false` if it was too long or had several lines, so that the colon goes into a line of its own.
    fn key(&mut self, key: &str, indent: usize) -> bool {
        let simple = key.len() <= LONGEST_KEY && !key.contains(is_break);
        if simple {
            let style = match style_of(key) {
                Style::Literal => Style::Double,
                style => style,
            };
            self.text_as(key, style, indent + 2, false);
        } else {
            self.put("? ");
            self.text(key, indent + 2);
        }
        simple
    }

    fn list(&mut self, items: &[Value], indent: usize) {
        for item in items {
            self.begin(indent);
            self.put("- ");
            match item {
                Value::Object(map) if !map.is_empty() => self.map(map, indent + 2),
                Value::Array(items) if !items.is_empty() => self.list(items, indent + 2),
                other => self.scalar(other, indent + 2),
            }
        }
    }

    /// A value in one piece, empty collections included; `indent` is where further lines of a text begin.
    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::String(text) => self.text(text, indent),
            Value::Null => self.put("null"),
            Value::Bool(value) => self.put(if *value { "true" } else { "false" }),
            Value::Number(number) => self.put(&number_text(number)),
            Value::Array(_) => self.put("[]"),
            Value::Object(_) => self.put("{}"),
        }
    }

    fn text(&mut self, text: &str, indent: usize) {
        self.text_as(text, style_of(text), indent, true);
    }

    fn text_as(&mut self, text: &str, style: Style, indent: usize, fold: bool) {
        match style {
            Style::Plain => self.plain(text, indent, fold),
            Style::Single => {
                self.push('\'');
                self.single(text, indent, fold);
                self.push('\'');
            }
            Style::Double => {
                self.push('"');
                self.double(text, indent, fold);
                self.push('"');
            }
            Style::Literal => self.literal(text, indent),
        }
    }

    fn plain(&mut self, text: &str, indent: usize, fold: bool) {
        let mut letters = text.chars().peekable();
        let mut after_blank = false;
        while let Some(letter) = letters.next() {
            let may_fold = fold && letter == ' ' && !after_blank && letters.peek() != Some(&' ');
            if may_fold && self.column > WIDTH {
                self.begin(indent);
            } else {
                self.push(letter);
            }
            after_blank = letter == ' ';
        }
    }

    fn single(&mut self, text: &str, indent: usize, fold: bool) {
        let mut letters = text.chars().peekable();
        let (mut after_blank, mut first) = (false, true);
        while let Some(letter) = letters.next() {
            let inside = !first && letters.peek().is_some_and(|next| *next != ' ');
            if fold && letter == ' ' && !after_blank && inside && self.column > WIDTH {
                self.begin(indent);
            } else {
                if letter == '\'' {
                    self.push('\'');
                }
                self.push(letter);
            }
            after_blank = letter == ' ';
            first = false;
        }
    }

    fn double(&mut self, text: &str, indent: usize, fold: bool) {
        let mut letters = text.chars().peekable();
        let (mut after_blank, mut first) = (false, true);
        while let Some(letter) = letters.next() {
            if letter == '"' || letter == '\\' || is_break(letter) || !is_printable(letter) {
                self.escape(letter);
            } else if fold
                && letter == ' '
                && !after_blank
                && !first
                && letters.peek().is_some()
                && self.column > WIDTH
            {
                self.begin(indent);
                if letters.peek() == Some(&' ') {
                    self.push('\\');
                }
            } else {
                self.push(letter);
            }
            after_blank = letter == ' ';
            first = false;
        }
    }

    fn escape(&mut self, letter: char) {
        self.push('\\');
        let short = match letter {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let code = u32::from(letter);
                return match code {
                    0..=0xff => self.put(&format!("x{code:02X}")),
                    0x100..=0xffff => self.put(&format!("u{code:04X}")),
                    _ => self.put(&format!("U{code:08X}")),
                };
            }
        };
        self.push(short);
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.push('|');
        if text.starts_with([' ', '\n']) {
            self.push('2');
        }
        let kept = text.strip_suffix('\n');
        match kept {
            None => self.push('-'),
            Some(rest) if rest.is_empty() || rest.ends_with('\n') => self.push('+'),
            Some(_) => {}
        }
        for line in kept.unwrap_or(text).split('\n') {
            self.push('\n');
            if !line.is_empty() {
                self.begin(indent);
                self.put(line);
            }
        }
        if kept.is_some() {
            self.push('\n');
        }
    }
}

fn number_text(number: &Number) -> String {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(value), _, _) => value.to_string(),
        (_, Some(value), _) => value.to_string(),
        (_, _, Some(value)) => go_float64(value),
        _ => number.to_string(),
    }
}

/// The style that upstream's printer chooses for a text outside of brackets.
fn style_of(text: &str) -> Style {
    let facts = Facts::of(text);
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if is_plain_text(text) {
        Style::Plain
    } else {
        Style::Double
    };
    match wanted {
        Style::Literal if facts.literal => Style::Literal,
        Style::Plain if facts.plain => Style::Plain,
        Style::Plain if facts.single => Style::Single,
        _ => Style::Double,
    }
}

/// Which styles a text allows.
struct Facts {
    plain: bool,
    single: bool,
    literal: bool,
}

impl Facts {
    fn of(text: &str) -> Self {
        let mut indicator = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut breaks, mut break_blank, mut blank_break) = (false, false, false, false);
        let mut before = None;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let blank_follows = letters.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
            indicator |= match (letter, before) {
                (
                    '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                    | '`',
                    None,
                ) => true,
                ('?' | '-', None) | (':', _) => blank_follows,
                ('#', Some(before)) => matches!(before, ' ' | '\t') || is_break(before),
                _ => false,
            };
            special |= !is_printable(letter) || matches!(letter, '\u{2028}' | '\u{2029}');
            breaks |= is_break(letter);
            break_blank |= letter == ' ' && before.is_some_and(is_break);
            blank_break |= is_break(letter) && before == Some(' ');
            before = Some(letter);
        }
        let edges = text.starts_with(|letter| letter == ' ' || is_break(letter))
            || text.ends_with(|letter| letter == ' ' || is_break(letter));
        Self {
            plain: !(indicator || special || breaks || edges),
            single: !(break_blank || blank_break || special),
            literal: !(blank_break || special || text.ends_with(' ')),
        }
    }
}

fn is_break(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What is printed as it is: no control characters, nothing outside the basic plane, no byte order mark.
fn is_printable(letter: char) -> bool {
    matches!(letter, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Fields in natural order. The order of upstream is not one in the strict sense for odd names; the sorting here cannot
/// fail on it.
fn natural_order(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut sorted: Vec<(&String, &Value)> = Vec::with_capacity(map.len());
    for pair in map {
        let index = sorted.partition_point(|other| natural(other.0, pair.0) == Ordering::Less);
        sorted.insert(index, pair);
    }
    sorted
}

/// Digits compare as numbers, and come before letters.
fn natural(one: &str, other: &str) -> Ordering {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let Some(index) = one.iter().zip(&other).position(|(one, other)| one != other) else {
        return one.len().cmp(&other.len());
    };
    let (left, right) = (one.get(index..).unwrap_or_default(), other.get(index..).unwrap_or_default());
    let (Some(first_left), Some(first_right)) = (left.first(), right.first()) else { return Ordering::Equal };
    match (first_left.is_alphabetic(), first_right.is_alphabetic()) {
        (true, true) => return first_left.cmp(first_right),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero inside a number is a digit of it; at its beginning it is not.
    let zero = *first_left == '0' || *first_right == '0';
    let before = one.get(..index).unwrap_or_default();
    let carried =
        zero && before.iter().rev().take_while(|letter| letter.is_ascii_digit()).any(|letter| *letter != '0');
    let (left_number, left_length) = leading_number(left, carried);
    let (right_number, right_length) = leading_number(right, carried);
    left_number.cmp(&right_number).then(left_length.cmp(&right_length)).then(first_left.cmp(first_right))
}

fn leading_number(letters: &[char], carried: bool) -> (i64, usize) {
    let digits = letters.iter().map_while(|letter| letter.to_digit(10));
    digits.fold((i64::from(carried), 0), |(number, length), digit| {
        (number.wrapping_mul(10).wrapping_add(i64::from(digit)), length + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value and what upstream's printer made of it.
    #[derive(serde::Deserialize)]
    struct Case {
        json: Value,
        yaml: String,
    }

    #[test]
    fn values_are_printed_as_upstream_prints_them() {
        let mut cases = 0;
        for line in include_str!("../../tests/config/emit.jsonl").lines() {
            let case: Case = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(to_yaml(&case.json), case.yaml, "{line}");
            cases += 1;
        }
        assert!(cases > 200, "the cases are there");
    }

    #[test]
    fn what_upstream_garbles_is_escaped() {
        let printed = |text: &str| to_yaml(&Value::String(text.into()));
        assert_eq!(printed("a\u{2028}b"), "\"a\\Lb\"\n");
        assert_eq!(printed("a\u{2029}b"), "\"a\\Pb\"\n");
        assert_eq!(printed("a\u{85}b"), "\"a\\Nb\"\n");
        assert_eq!(printed("a\u{7f}b"), "\"a\\x7Fb\"\n");
    }
}
