//! Semantic versions as values: `(semver "1.2.3").Minor`.

use std::any::Any;
use std::cmp::Ordering;
use std::sync::LazyLock;

use ::regex::Regex;
use dodona_value::{CallCx, CallError, GoType, Host, Signature, UintKind, Value};

/// The Go type of a version.
const POINTER: &str = "*semver.Version";
/// The Go type of a version that a method has made.
const PLAIN: &str = "semver.Version";

/// A version. Missing parts are 0; a `v` in front is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    pub(super) pre: String,
    metadata: String,
    original: String,
    /// A `*semver.Version`. The methods that change a version return it without the pointer, and some methods need one.
    pointer: bool,
}

static SYNTAX: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = r"[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*";
    Regex::new(&format!(r"^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-({words}))?(?:\+({words}))?$")).ok()
});

impl Version {
    /// Reads a version.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let invalid = || format!("{text:?} is no semantic version");
        let parts = SYNTAX.as_ref().and_then(|syntax| syntax.captures(text)).ok_or_else(invalid)?;
        let part = |group: usize| parts.get(group).map_or("", |part| part.as_str());
        let number = |group: usize| match part(group) {
            "" => Ok(0),
            digits => digits.parse().map_err(|_| invalid()),
        };
        let pre = part(4).to_owned();
        if !valid_prerelease(&pre) {
            return Err(format!("{text:?}: a number of the prerelease begins with 0"));
        }
        Ok(Self {
            major: number(1)?,
            minor: number(2)?,
            patch: number(3)?,
            pre,
            metadata: part(5).to_owned(),
            original: text.to_owned(),
            pointer: true,
        })
    }

    /// What a deep copy makes of a version: the parts cannot be reached from outside, and are left out.
    pub(super) fn emptied(&self) -> Self {
        Self { pointer: self.pointer, ..Self::default() }
    }

    /// Order by precedence: metadata does not count.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch).cmp(&(other.major, other.minor, other.patch)).then_with(
            || match (self.pre.is_empty(), other.pre.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_prerelease(&self.pre, &other.pre),
            },
        )
    }

    fn text(&self) -> String {
        let mut text = format!("{}.{}.{}", self.major, self.minor, self.patch);
        for (mark, part) in [('-', &self.pre), ('+', &self.metadata)] {
            if !part.is_empty() {
                text.push(mark);
                text.push_str(part);
            }
        }
        text
    }

    /// The version after this one, for `IncMajor` and its relatives.
    fn next(&self, major: u64, minor: u64, patch: u64) -> Value {
        self.changed(Self {
            major,
            minor,
            patch,
            pre: String::new(),
            metadata: String::new(),
            original: String::new(),
            pointer: false,
        })
    }

    /// A version made of this one; it keeps the `v`.
    fn changed(&self, mut next: Self) -> Value {
        next.pointer = false;
        next.original = format!("{}{}", if self.original.starts_with('v') { "v" } else { "" }, next.text());
        Value::host(next)
    }
}

/// Whether no number among the words of a prerelease begins with a zero.
fn valid_prerelease(pre: &str) -> bool {
    pre.split('.').all(|word| {
        let number = word.bytes().all(|byte| byte.is_ascii_digit());
        let allowed = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        allowed && !(number && word.len() > 1 && word.starts_with('0'))
    })
}

/// Order of two prereleases, word by word; numbers come before other words.
pub(super) fn compare_prerelease(left: &str, right: &str) -> Ordering {
    let mut left = left.split('.');
    let mut right = right.split('.');
    loop {
        let (a, b) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => (a.unwrap_or(""), b.unwrap_or("")),
        };
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            _ if a == b => Ordering::Equal,
            _ if a.is_empty() => Ordering::Less,
            _ if b.is_empty() => Ordering::Greater,
            (Ok(a), Ok(b)) if a > b => Ordering::Greater,
            (Ok(_), _) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
}

impl Host for Version {
    fn type_name(&self) -> &str {
        if self.pointer { POINTER } else { PLAIN }
    }

    fn method(&self, name: &str) -> Option<Signature> {
        let number = GoType::Uint(UintKind::Uint64);
        let version = || GoType::Named(POINTER.into());
        let needs_pointer = matches!(name, "Original" | "Compare" | "Equal") || name.contains("Than");
        if needs_pointer && !self.pointer {
            return None;
        }
        Some(match name {
            "Major" | "Minor" | "Patch" => Signature::new([], number),
            "Prerelease" | "Metadata" | "Original" | "String" => Signature::new([], GoType::Str),
            "IncMajor" | "IncMinor" | "IncPatch" => Signature::new([], GoType::Named(PLAIN.into())),
            "SetPrerelease" | "SetMetadata" => {
                Signature::new([GoType::Str], GoType::Named(PLAIN.into())).fallible()
            }
            "Compare" => Signature::new([version()], GoType::INT),
            "LessThan" | "LessThanEqual" | "GreaterThan" | "GreaterThanEqual" | "Equal" => {
                Signature::new([version()], GoType::Bool)
            }
            _ => return None,
        })
    }

    fn call(&self, _: &mut CallCx<'_>, name: &str, args: &[Value]) -> Result<Value, CallError> {
        let number = |number| Value::Uint(number, UintKind::Uint64);
        let text = |text: &str| Value::from(text);
        Ok(match name {
            "Major" => number(self.major),
            "Minor" => number(self.minor),
            "Patch" => number(self.patch),
            "Prerelease" => text(&self.pre),
            "Metadata" => text(&self.metadata),
            "Original" => text(&self.original),
            "String" => Value::from(self.text()),
            "IncMajor" => self.next(self.major.wrapping_add(1), 0, 0),
            "IncMinor" => self.next(self.major, self.minor.wrapping_add(1), 0),
            "IncPatch" => {
                // The release that a prerelease leads to comes next.
                let step = u64::from(self.pre.is_empty());
                self.next(self.major, self.minor, self.patch.wrapping_add(step))
            }
            "SetPrerelease" | "SetMetadata" => self.with_part(name == "SetMetadata", args)?,
            _ => return self.compare_with(name, args),
        })
    }

    fn inside(&self) -> Vec<(&str, Value)> {
        let number = |number| Value::Uint(number, UintKind::Uint64);
        vec![
            ("major", number(self.major)),
            ("minor", number(self.minor)),
            ("patch", number(self.patch)),
            ("pre", Value::from(self.pre.as_str())),
            ("metadata", Value::from(self.metadata.as_str())),
            ("original", Value::from(self.original.as_str())),
        ]
    }

    fn string(&self) -> Option<String> {
        Some(self.text())
    }

    fn json(&self) -> Option<Value> {
        Some(self.text().into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Version {
    fn with_part(&self, metadata: bool, args: &[Value]) -> Result<Value, CallError> {
        let part = args.first().and_then(Value::as_str).map(|text| text.to_string_lossy().into_owned());
        let part = part.unwrap_or_default();
        let words =
            part.split('.').all(|word| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        if !words || !metadata && !part.is_empty() && !valid_prerelease(&part) {
            return Err(CallError::new(format!("{part:?} cannot be part of a version")));
        }
        let mut next = self.clone();
        *if metadata { &mut next.metadata } else { &mut next.pre } = part;
        Ok(self.changed(next))
    }

    fn compare_with(&self, name: &str, args: &[Value]) -> Result<Value, CallError> {
        let other = match args.first() {
            Some(Value::Host(host)) => host.as_any().downcast_ref::<Self>(),
            _ if name == "Equal" => return Ok(Value::Bool(false)),
            _ => None,
        };
        let order = self.compare(other.ok_or("a version is needed")?);
        Ok(match name {
            "Compare" => Value::int(order as i64),
            "LessThan" => Value::Bool(order.is_lt()),
            "LessThanEqual" => Value::Bool(order.is_le()),
            "GreaterThan" => Value::Bool(order.is_gt()),
            "GreaterThanEqual" => Value::Bool(order.is_ge()),
            _ => Value::Bool(order.is_eq()),
        })
    }
}
