//! RE2 patterns as Go reads them, rewritten for the regex library of Rust.
//!
//! What differs: `\d \w \s \b` are ASCII; `\Q…\E` quotes; a `{` that starts no count is itself; counts go to 1,000, nested ones multiplied; a repetition of a
//! repetition is an error; in a class only `[:name:]` and escapes are special, so that nested brackets and `&&` mean themselves; there are no flags `x`, `u`, `R`.

use super::RegexError;

/// The highest count, and the highest product of nested counts.
const MAX_REPEAT: u64 = 1_000;

pub(super) struct Translated {
    pub(super) pattern: String,
    /// Names of the groups, the whole match first.
    pub(super) names: Vec<Option<String>>,
    /// Characters that the pattern stands for, repetitions unrolled.
    pub(super) size: u64,
}

/// What the last piece was, as far as a repetition behind it cares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Nothing that could be repeated.
    Nothing,
    /// Something: its size and the product of the counts in it.
    Piece { size: u64, repeat: u64 },
    /// A repetition: the same of the whole.
    Repeated { size: u64, repeat: u64 },
}

struct Group {
    /// Where it begins in the output.
    start: usize,
    /// Size and count product of what came before in the enclosing sequence.
    size: u64,
    repeat: u64,
}

struct Translator<'p> {
    pattern: &'p str,
    at: usize,
    out: String,
    names: Vec<Option<String>>,
    groups: Vec<Group>,
    last: Last,
    /// Where the last piece begins and ends in the output, with its repetition.
    piece_start: usize,
    piece_end: usize,
    /// Size and largest count product of the sequence that is being read.
    size: u64,
    repeat: u64,
}

pub(super) fn translate(pattern: &str) -> Result<Translated, RegexError> {
    let mut translator = Translator {
        pattern,
        at: 0,
        out: String::with_capacity(pattern.len() + 16),
        names: vec![None],
        groups: Vec::new(),
        last: Last::Nothing,
        piece_start: 0,
        piece_end: 0,
        size: 0,
        repeat: 1,
    };
    translator.run()?;
    let Translator { out, names, size, .. } = translator;
    Ok(Translated { pattern: out, names, size })
}

impl<'p> Translator<'p> {
    fn rest(&self) -> &'p str {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T, RegexError> {
        Err(RegexError::new(message, self.at))
    }

    fn piece(&mut self, text: &str) {
        self.piece_start = self.out.len();
        self.out.push_str(text);
        self.piece_end = self.out.len();
        self.last = Last::Piece { size: 1, repeat: 1 };
        self.size = self.size.saturating_add(1);
    }

    fn literal(&mut self, c: char) {
        let text = escaped(c);
        self.piece(&text);
    }

    fn run(&mut self) -> Result<(), RegexError> {
        while let Some(c) = self.peek() {
            match c {
                '(' => self.open()?,
                ')' => self.close()?,
                '|' => {
                    self.take();
                    self.out.push('|');
                    self.last = Last::Nothing;
                }
                '*' | '+' | '?' => {
                    self.take();
                    self.repetition(c.to_string(), None)?;
                }
                '{' => {
                    if let Some((text, least, most)) = self.count() {
                        self.counted(text, least, most)?;
                    } else {
                        self.take();
                        self.literal('{');
                    }
                }
                '[' => {
                    let class = self.class()?;
                    self.piece(&class);
                }
                '\\' => self.escape()?,
                '.' | '^' | '$' => {
                    self.take();
                    self.piece(c.encode_utf8(&mut [0; 4]));
                }
                _ => {
                    self.take();
                    self.literal(c);
                }
            }
        }
        if self.groups.is_empty() { Ok(()) } else { self.fail("missing closing `)`") }
    }

    fn open(&mut self) -> Result<(), RegexError> {
        let start = self.at;
        self.take();
        if self.peek() != Some('?') {
            self.names.push(None);
            return self.enter("(");
        }
        self.take();
        if self.eat("P<") || self.eat("<") {
            let rest = self.rest();
            let name = rest.split_once('>').map(|(name, _)| name).unwrap_or_default();
            let valid = !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
            if !valid {
                return Err(RegexError::new("invalid name of a group", start));
            }
            self.at += name.len() + 1;
            self.names.push(Some(name.to_owned()));
            return self.enter("(");
        }
        self.flags(start)
    }

    /// `(?i)` or `(?i-s:`.
    fn flags(&mut self, start: usize) -> Result<(), RegexError> {
        let mut text = String::from("(?");
        let (mut negative, mut any) = (false, false);
        loop {
            match self.take() {
                Some(c @ ('i' | 'm' | 's' | 'U')) => {
                    any = true;
                    // Said twice is no mistake in Go.
                    if !text.contains(c) {
                        text.push(c);
                    }
                }
                Some('-') if !negative => {
                    negative = true;
                    any = false;
                    text.push('-');
                }
                Some(end @ (':' | ')')) if any || !negative => {
                    text.push(end);
                    if end == ':' {
                        return self.enter(&text);
                    }
                    self.close_repetition();
                    // `(?)` says nothing; Rust does not know it.
                    if text != "(?)" {
                        self.out.push_str(&text);
                    }
                    return Ok(());
                }
                _ => return Err(RegexError::new("unknown syntax after `(?`", start)),
            }
        }
    }

    /// A repetition behind flags repeats what stands before them, even where that is a repetition.
    fn close_repetition(&mut self) {
        let Last::Repeated { size, repeat } = self.last else { return };
        self.out.insert(self.piece_end, ')');
        self.out.insert_str(self.piece_start, "(?:");
        self.piece_end += "(?:)".len();
        self.last = Last::Piece { size, repeat };
    }

    fn enter(&mut self, opening: &str) -> Result<(), RegexError> {
        if self.groups.len() >= super::NEST_LIMIT as usize {
            return self.fail("groups are nested too deep");
        }
        self.groups.push(Group { start: self.out.len(), size: self.size, repeat: self.repeat });
        self.out.push_str(opening);
        self.size = 1;
        self.repeat = 1;
        self.last = Last::Nothing;
        Ok(())
    }

    fn close(&mut self) -> Result<(), RegexError> {
        let Some(outer) = self.groups.pop() else { return self.fail("`)` without `(`") };
        self.take();
        self.out.push(')');
        self.piece_start = outer.start;
        self.piece_end = self.out.len();
        self.last = Last::Piece { size: self.size, repeat: self.repeat };
        self.size = self.size.saturating_add(outer.size);
        self.repeat = self.repeat.max(outer.repeat);
        Ok(())
    }

    /// A count at the current place: its text, least and most.
    fn count(&self) -> Option<(&'p str, u64, Option<u64>)> {
        let body = self.rest().strip_prefix('{')?;
        let (body, _) = body.split_once('}')?;
        let (least, most) = match body.split_once(',') {
            None => (number(body)?, Some(number(body)?)),
            Some((least, "")) => (number(least)?, None),
            Some((least, most)) => (number(least)?, Some(number(most)?)),
        };
        let text = self.rest().get(..body.len() + 2)?;
        Some((text, least, most))
    }

    fn counted(&mut self, text: &str, least: u64, most: Option<u64>) -> Result<(), RegexError> {
        let highest = most.unwrap_or(least);
        if least > MAX_REPEAT || highest > MAX_REPEAT || highest < least {
            return self.fail(format!("invalid count `{text}`; counts go to 1000"));
        }
        self.at += text.len();
        let canonical = match most {
            Some(most) => format!("{{{least},{most}}}"),
            None => format!("{{{least},}}"),
        };
        self.repetition(canonical, Some(highest))
    }

    fn repetition(&mut self, text: String, count: Option<u64>) -> Result<(), RegexError> {
        let (size, repeat) = match self.last {
            Last::Nothing => return self.fail(format!("nothing to repeat before `{text}`")),
            Last::Repeated { .. } => {
                return self.fail(format!("`{text}` repeats a repetition; put the first one in a group"));
            }
            Last::Piece { size, repeat } => (size, repeat),
        };
        let (mut whole, mut product) = (size, repeat);
        if let Some(count) = count {
            product = repeat.saturating_mul(count.max(1));
            if product > MAX_REPEAT {
                return self.fail("nested counts multiply to more than 1000");
            }
            whole = size.saturating_mul(count);
            self.repeat = self.repeat.max(product);
            self.size = self.size.saturating_add(whole);
        }
        let text = if self.eat("?") { format!("{text}?") } else { text };
        self.out.insert_str(self.piece_end, &text);
        self.piece_end += text.len();
        self.last = Last::Repeated { size: whole, repeat: product };
        Ok(())
    }

    fn escape(&mut self) -> Result<(), RegexError> {
        if self.eat(r"\Q") {
            let (quoted, length) = match self.rest().split_once(r"\E") {
                Some((quoted, _)) => (quoted, quoted.len() + 2),
                None => (self.rest(), self.rest().len()),
            };
            self.at += length;
            for c in quoted.chars() {
                self.literal(c);
            }
            return Ok(());
        }
        for (from, to) in [(r"\A", r"\A"), (r"\z", r"\z"), (r"\b", r"(?-u:\b)"), (r"\B", r"(?-u:\B)")] {
            if self.eat(from) {
                self.piece(to);
                return Ok(());
            }
        }
        if let Some(set) = self.set()? {
            let text =
                if set.starts_with(r"\p") || set.starts_with(r"\P") { set } else { format!("[{set}]") };
            self.piece(&text);
            return Ok(());
        }
        let c = self.character()?;
        self.literal(c);
        Ok(())
    }

    /// `\d`, `\pL`, `\p{Greek}` and their opposites, in the form that can stand in a class.
    fn set(&mut self) -> Result<Option<String>, RegexError> {
        for (from, to) in [
            (r"\d", "0-9"),
            (r"\D", "[^0-9]"),
            (r"\s", r"\t\n\x0C\r\x20"),
            (r"\S", r"[^\t\n\x0C\r\x20]"),
            (r"\w", "0-9A-Za-z_"),
            (r"\W", "[^0-9A-Za-z_]"),
        ] {
            if self.eat(from) {
                return Ok(Some(to.to_owned()));
            }
        }
        let negative = self.rest().starts_with(r"\P");
        if !negative && !self.rest().starts_with(r"\p") {
            return Ok(None);
        }
        self.at += 2;
        let name = if self.eat("{") {
            let Some((name, _)) = self.rest().split_once('}') else {
                return self.fail("missing `}` after `\\p{`");
            };
            self.at += name.len() + 1;
            name
        } else {
            let start = self.at;
            self.take();
            self.pattern.get(start..self.at).unwrap_or_default()
        };
        let (name, negative) = match name.strip_prefix('^') {
            Some(name) => (name, !negative),
            None => (name, negative),
        };
        // Rust knows more forms of names, such as `gc=L`; Go knows letters and underscores.
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphabetic() || c == '_') {
            return self.fail(format!("unknown character class `{name}`"));
        }
        Ok(Some(format!(r"\{}{{{name}}}", if negative { 'P' } else { 'p' })))
    }

    /// An escape that means one character.
    fn character(&mut self) -> Result<char, RegexError> {
        let start = self.at;
        let fail = |message: &str| Err(RegexError::new(message, start));
        self.take();
        let Some(c) = self.take() else { return fail("`\\` at the end of the pattern") };
        match c {
            'a' => Ok('\u{7}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\u{b}'),
            '0' => Ok(self.octal(0, 2)),
            // A single digit would be a reference to a group, which RE2 does not have.
            '1'..='7' if self.peek().is_some_and(|next| next.is_digit(8)) => {
                Ok(self.octal(c.to_digit(8).unwrap_or(0), 2))
            }
            'x' => match self.hexadecimal() {
                Some(c) => Ok(c),
                None => fail("invalid hexadecimal escape"),
            },
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            _ => fail("unknown escape"),
        }
    }

    fn octal(&mut self, first: u32, more: usize) -> char {
        let mut code = first;
        for _ in 0..more {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
            self.take();
            code = code * 8 + digit;
        }
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn hexadecimal(&mut self) -> Option<char> {
        let digits = if self.eat("{") {
            let (digits, _) = self.rest().split_once('}')?;
            self.at += digits.len() + 1;
            digits
        } else {
            let digits = self.rest().get(..2)?;
            self.at += 2;
            digits
        };
        let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        char::from_u32(u32::from_str_radix(digits, 16).ok().filter(|_| valid)?)
    }

    fn class(&mut self) -> Result<String, RegexError> {
        let start = self.at;
        self.take();
        let mut class = String::from(if self.eat("^") { "[^" } else { "[" });
        let mut first = true;
        loop {
            match self.peek() {
                None => return Err(RegexError::new("missing closing `]`", start)),
                Some(']') if !first => break,
                _ => {}
            }
            first = false;
            if self.rest().starts_with("[:") && self.rest().contains(":]") {
                class.push_str(self.named_class()?);
                continue;
            }
            if self.rest().starts_with('\\')
                && let Some(set) = self.set()?
            {
                class.push_str(&set);
                continue;
            }
            let low = self.class_character()?;
            class.push_str(&escaped(low));
            let mut next = self.rest().chars();
            if next.next() == Some('-') && next.next().is_some_and(|c| c != ']') {
                self.take();
                let high = self.class_character()?;
                if high < low {
                    return self.fail(format!("the range `{low}-{high}` goes backwards"));
                }
                class.push('-');
                class.push_str(&escaped(high));
            }
        }
        self.take();
        class.push(']');
        Ok(class)
    }

    fn class_character(&mut self) -> Result<char, RegexError> {
        if self.rest().starts_with('\\') {
            return self.character();
        }
        match self.take() {
            Some(c) => Ok(c),
            None => self.fail("missing closing `]`"),
        }
    }

    /// `[:alpha:]`.
    fn named_class(&mut self) -> Result<&'p str, RegexError> {
        const NAMES: [&str; 14] = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
            "space", "upper", "word", "xdigit",
        ];
        let Some((name, _)) = self.rest().get(2..).and_then(|rest| rest.split_once(":]")) else {
            return self.fail("missing `:]`");
        };
        if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return self.fail(format!("unknown character class `[:{name}:]`"));
        }
        let text = self.rest().get(..name.len() + 4).unwrap_or_default();
        self.at += text.len();
        Ok(text)
    }
}

/// A count without leading zeros; a huge one is simply too large.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// One character that stands for itself in patterns and in classes.
fn escaped(c: char) -> String {
    if c.is_ascii_alphanumeric() || !c.is_ascii() {
        c.to_string()
    } else {
        format!("\\x{:02X}", u32::from(c))
    }
}
