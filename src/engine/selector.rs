//! Kubernetes label selectors, as global subscriptions use them (core 2.4.3).
//!
//! Grammar and checks are those of the API server, so that a text that works in `kubectl -l` works here and means the same.

/// Which objects, by their labels: all requirements must hold. The empty selector matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Exists,
    Missing,
    /// `=`, `==`, `in`.
    In(Vec<String>),
    /// `!=`, `notin`: also holds for objects without the key.
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl Selector {
    /// Reads a selector such as `team in (a, b), tier != test, !legacy`. The error says what was found and what may stand
    /// there instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text), next: 0 };
        let mut requirements = Vec::new();
        if parser.peek() == &Token::End {
            return Ok(Self { requirements });
        }
        loop {
            requirements.push(parser.requirement()?);
            match parser.take() {
                Token::End => return Ok(Self { requirements }),
                Token::Comma => {}
                other => return Err(unexpected(&other, "`,` or the end")),
            }
        }
    }

    /// Whether an object with these labels (sorted by key, as [`crate::model::Object::labels`] gives them) is selected.
    pub fn matches(&self, labels: &[(String, String)]) -> bool {
        self.requirements.iter().all(|requirement| requirement.holds(labels))
    }

    /// Whether it selects every object.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
}

impl Requirement {
    fn holds(&self, labels: &[(String, String)]) -> bool {
        let found = labels.binary_search_by(|(key, _)| key.as_str().cmp(&self.key)).ok();
        let value = found.and_then(|index| labels.get(index)).map(|(_, value)| value.as_str());
        let number = || value.and_then(|text| text.parse::<i64>().ok());
        match &self.test {
            Test::Exists => value.is_some(),
            Test::Missing => value.is_none(),
            Test::In(set) => value.is_some_and(|value| set.iter().any(|item| item == value)),
            Test::NotIn(set) => value.is_none_or(|value| set.iter().all(|item| item != value)),
            Test::Greater(bound) => number().is_some_and(|number| number > *bound),
            Test::Less(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Not,
    Equal,
    NotEqual,
    Greater,
    Less,
    Open,
    Close,
    Comma,
    End,
}

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        found.push(match c {
            ' ' | '\t' | '\r' | '\n' => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '>' => Token::Greater,
            '<' => Token::Less,
            '=' => {
                rest.next_if_eq(&'=');
                Token::Equal
            }
            '!' if rest.next_if_eq(&'=').is_some() => Token::NotEqual,
            '!' => Token::Not,
            _ => {
                let mut word = String::from(c);
                while let Some(c) =
                    rest.next_if(|c| !is_special(*c) && !matches!(c, ' ' | '\t' | '\r' | '\n'))
                {
                    word.push(c);
                }
                Token::Word(word)
            }
        });
    }
    found
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.next).unwrap_or(&Token::End)
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn word(&mut self, expected: &str) -> Result<String, String> {
        match self.take() {
            Token::Word(word) => Ok(word),
            other => Err(unexpected(&other, expected)),
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let negated = self.peek() == &Token::Not;
        if negated {
            self.next += 1;
        }
        let key = self.word("a label key")?;
        check_key(&key)?;
        if negated {
            return Ok(Requirement { key, test: Test::Missing });
        }
        if matches!(self.peek(), Token::End | Token::Comma) {
            return Ok(Requirement { key, test: Test::Exists });
        }
        let test = match self.take() {
            Token::Equal => Test::In(vec![self.value()?]),
            Token::NotEqual => Test::NotIn(vec![self.value()?]),
            Token::Greater => Test::Greater(self.number(&key)?),
            Token::Less => Test::Less(self.number(&key)?),
            Token::Word(word) if word == "in" => Test::In(self.values()?),
            Token::Word(word) if word == "notin" => Test::NotIn(self.values()?),
            other => return Err(unexpected(&other, "`=`, `==`, `!=`, `in`, `notin`, `>` or `<`")),
        };
        Ok(Requirement { key, test })
    }

    /// The value after `=` and its like; nothing there is the empty value.
    fn value(&mut self) -> Result<String, String> {
        if matches!(self.peek(), Token::End | Token::Comma) {
            return Ok(String::new());
        }
        let value = self.word("a label value")?;
        check_value(&value)?;
        Ok(value)
    }

    fn number(&mut self, key: &str) -> Result<i64, String> {
        let text = self.value()?;
        text.parse().map_err(|_| {
            format!("`{key}` is compared with `{text}`, expected a whole number after `>` and `<`")
        })
    }

    /// `(a, b)`. An empty place between commas is the empty value.
    fn values(&mut self) -> Result<Vec<String>, String> {
        match self.take() {
            Token::Open => {}
            other => return Err(unexpected(&other, "`(`")),
        }
        if self.peek() == &Token::Close {
            return Err("unexpected `()`, expected at least one value after `in` and `notin`".into());
        }
        let mut values = Vec::new();
        let mut value = String::new();
        loop {
            match self.take() {
                Token::Word(word) => {
                    check_value(&word)?;
                    value = word;
                    if !matches!(self.peek(), Token::Comma | Token::Close) {
                        return Err(unexpected(self.peek(), "`,` or `)`"));
                    }
                }
                Token::Comma => values.push(std::mem::take(&mut value)),
                Token::Close => {
                    values.push(value);
                    return Ok(values);
                }
                other => return Err(unexpected(&other, "`,`, `)` or a label value")),
            }
        }
    }
}

fn unexpected(found: &Token, expected: &str) -> String {
    let found = match found {
        Token::Word(word) => word,
        Token::Not => "!",
        Token::Equal => "=",
        Token::NotEqual => "!=",
        Token::Greater => ">",
        Token::Less => "<",
        Token::Open => "(",
        Token::Close => ")",
        Token::Comma => ",",
        Token::End => return format!("unexpected end of the selector, expected {expected}"),
    };
    format!("unexpected `{found}`, expected {expected}")
}

/// A name: letters, digits, `-`, `_`, `.`, with a letter or digit at both ends, at most 63 characters.
fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// A DNS subdomain in lower case, at most 253 characters.
fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            let bytes = label.as_bytes();
            let ends = |byte: Option<&u8>| {
                byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            };
            ends(bytes.first())
                && ends(bytes.last())
                && bytes
                    .iter()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
        })
}

fn check_key(key: &str) -> Result<(), String> {
    let good = match key.split_once('/') {
        Some((domain, name)) => is_domain(domain) && is_name(name),
        None => is_name(key),
    };
    if good { Ok(()) } else { Err(format!("`{key}` is not a label key, expected `name` or `domain/name`")) }
}

fn check_value(value: &str) -> Result<(), String> {
    if value.is_empty() || is_name(value) {
        return Ok(());
    }
    Err(format!("`{value}` is not a label value, expected at most 63 letters, digits, `-`, `_` and `.`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Vec<(String, String)> {
        let mut pairs: Vec<(String, String)> = text
            .split_whitespace()
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        pairs.sort();
        pairs
    }

    /// `selector | labels it selects | labels it does not select`, `;` between sets, from the data file.
    #[test]
    fn selectors_match_as_the_api_server_does() {
        for line in include_str!("../../tests/engine/selectors.txt").lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let [text, yes, no] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
            let selector = Selector::parse(text).unwrap_or_else(|error| panic!("{line}: {error}"));
            for (sets, expected) in [(yes, true), (no, false)] {
                for set in sets.split(';').filter(|set| set.trim() != "-") {
                    assert_eq!(selector.matches(&labels(set)), expected, "{line}: {set}");
                }
            }
        }
    }

    #[test]
    fn broken_selectors_say_what_is_wrong() {
        for line in include_str!("../../tests/engine/selectors-broken.txt").lines() {
            let (text, message) = line.split_once(" => ").unwrap();
            assert_eq!(Selector::parse(text).unwrap_err(), message, "{text}");
        }
    }
}
