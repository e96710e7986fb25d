//! Semantic versions and what they have to satisfy.

use std::cmp::Ordering;
use std::sync::LazyLock;

use ::regex::Regex;
use dodona_value::{CallCx, CallError, Value};

use super::version::{Version, compare_prerelease};
use crate::function::{Args, FunctionDef, Param};

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "semver",
        &[Param::Str],
        |cx, args| {
            cx.budget.memory(args.str(0).len().saturating_mul(4))?;
            Ok(Value::host(Version::parse(&args.text(0))?))
        },
        "A version with the methods `Major`, `Minor`, `Patch`, `Prerelease`, `Metadata`, `Original`, `Compare` and so on.",
        &[
            ("{{(semver \"v1.2.3-rc1\").Minor}}", "2"),
            ("{{(semver \"1.2.3\").Compare (semver \"1.3.0\")}}", "-1"),
        ],
    ),
    FunctionDef::new(
        "semverCompare",
        &[Param::Str, Param::Str],
        compare,
        "Whether the version satisfies the constraint, such as `>=1.2.0`, `^1.2`, `~1.2.3`, `1.x`, `1.2 - 1.4` or `<1 || >=2`.",
        &[
            ("{{semverCompare \"^1.2.0\" \"1.2.3\"}}", "true"),
            ("{{semverCompare \"<1.2\" \"1.2.3\"}}", "false"),
        ],
    ),
];

/// Longest constraint that is read, in bytes.
const MAX_CONSTRAINT: usize = 4096;

struct Syntax {
    /// A constraint of one version.
    one: Regex,
    /// The constraints in a list of them.
    find: Regex,
    /// A whole list, separated by blanks or commas.
    all: Regex,
    /// Two versions with a dash between them.
    range: Regex,
}

static SYNTAX: LazyLock<Option<Syntax>> = LazyLock::new(|| {
    let blank = r"[\t\n\x0c\r ]";
    let digits = r"[0-9|xX*]+";
    let words = r"[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*";
    let version = format!(r"v?(?:{digits})(?:\.{digits})?(?:\.{digits})?(?:-{words})?(?:\+{words})?");
    let parts = format!(r"v?({digits})(\.{digits})?(\.{digits})?((?:-{words})?)(?:\+{words})?");
    let sign = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
    Some(Syntax {
        one: Regex::new(&format!("^{blank}*({sign}){blank}*(?:{parts}){blank}*$")).ok()?,
        find: Regex::new(&format!("(?:{sign}){blank}*(?:{version})")).ok()?,
        all: Regex::new(&format!(
            "^{blank}*(?:{sign}){blank}*(?:{version}){blank}*(?:(?:{blank}+|,{blank}*)(?:{sign}){blank}*(?:{version}){blank}*)*$"
        ))
        .ok()?,
        range: Regex::new(&format!("{blank}*({version}){blank}+-{blank}+({version}){blank}*")).ok()?,
    })
});

fn compare(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value, CallError> {
    let constraint = args.text(0);
    if constraint.len() > MAX_CONSTRAINT {
        return Err(CallError::new(format!("the constraint is longer than {MAX_CONSTRAINT} bytes")));
    }
    cx.budget.step(constraint.len() as u64 * 16)?;
    let alternatives = read(&constraint)?;
    let version = Version::parse(&args.text(1))?;
    let satisfied = alternatives.iter().any(|all| all.iter().all(|one| one.allows(&version)));
    Ok(Value::Bool(satisfied))
}

/// The alternatives of a constraint, each a list of what has to be true at once.
fn read(text: &str) -> Result<Vec<Vec<Constraint>>, CallError> {
    let syntax = SYNTAX.as_ref().ok_or("versions cannot be compared")?;
    let text = syntax.range.replace_all(text, ">= $1, <= $2 ");
    text.split("||")
        .map(|list| {
            if !syntax.all.is_match(list) {
                return Err(CallError::new(format!("improper constraint: {list}")));
            }
            syntax.find.find_iter(list).map(|one| Constraint::read(syntax, one.as_str())).collect()
        })
        .collect()
}

/// A comparison with a version of which parts may be left open.
struct Constraint {
    sign: String,
    version: Version,
    /// Some part is open.
    open: bool,
    /// The minor version is open, but not the major one.
    open_minor: bool,
    /// The patch is open, but not the minor version.
    open_patch: bool,
}

impl Constraint {
    fn read(syntax: &Syntax, text: &str) -> Result<Self, CallError> {
        let improper = || CallError::new(format!("improper constraint: {text}"));
        let parts = syntax.one.captures(text).ok_or_else(improper)?;
        let part = |group: usize| parts.get(group).map_or("", |part| part.as_str());
        let is_open = |group: usize| matches!(part(group).trim_start_matches('.'), "" | "x" | "X" | "*");
        let (major, minor, patch) = (is_open(2), is_open(3), is_open(4));
        let pre = part(5);
        let version = match (major, minor, patch) {
            (true, ..) => format!("0.0.0{pre}"),
            (_, true, _) => format!("{}.0.0{pre}", part(2)),
            (_, _, true) => format!("{}{}.0{pre}", part(2), part(3)),
            _ => format!("{}{}{}{pre}", part(2), part(3), part(4)),
        };
        Ok(Self {
            sign: part(1).to_owned(),
            version: Version::parse(&version).map_err(|_| improper())?,
            open: major || minor || patch,
            open_minor: !major && minor,
            open_patch: !major && !minor && patch,
        })
    }

    fn allows(&self, version: &Version) -> bool {
        if self.sign == "!=" {
            return self.differs(version);
        }
        // A prerelease satisfies only constraints that name one.
        if !version.pre.is_empty() && self.version.pre.is_empty() {
            return false;
        }
        let order = version.compare(&self.version);
        match self.sign.as_str() {
            ">" => self.less_than(version, order),
            "<" => order.is_lt(),
            ">=" | "=>" => order.is_ge(),
            "<=" | "=<" => self.at_least(version, order),
            "~" | "~>" => self.tilde(version, order),
            "^" => self.caret(version, order),
            _ if self.open => self.tilde(version, order),
            _ => order.is_eq(),
        }
    }

    fn differs(&self, version: &Version) -> bool {
        if !self.open {
            return version.compare(&self.version).is_ne();
        }
        if !version.pre.is_empty() && self.version.pre.is_empty() {
            return false;
        }
        if version.major != self.version.major {
            return true;
        }
        if self.open_minor {
            return false;
        }
        if version.minor != self.version.minor {
            return true;
        }
        if self.open_patch {
            let named = !version.pre.is_empty() || !self.version.pre.is_empty();
            return named && compare_prerelease(&version.pre, &self.version.pre).is_ne();
        }
        version.patch != self.version.patch || version.compare(&self.version).is_ne()
    }

    /// Whether the constraint is less than the version.
    fn less_than(&self, version: &Version, order: Ordering) -> bool {
        match version.major.cmp(&self.version.major) {
            _ if !self.open => order.is_gt(),
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal if self.open_minor => false,
            Ordering::Equal if self.open_patch => version.minor > self.version.minor,
            Ordering::Equal => order.is_gt(),
        }
    }

    /// Whether the constraint is at least the version.
    fn at_least(&self, version: &Version, order: Ordering) -> bool {
        if !self.open {
            return order.is_le();
        }
        version.major < self.version.major
            || version.major == self.version.major && (self.open_minor || version.minor <= self.version.minor)
    }

    fn tilde(&self, version: &Version, order: Ordering) -> bool {
        if order.is_lt() {
            return false;
        }
        let zero = self.version.major == 0 && self.version.minor == 0 && self.version.patch == 0;
        if zero && !self.open_minor && !self.open_patch {
            return true;
        }
        version.major == self.version.major && (self.open_minor || version.minor == self.version.minor)
    }

    fn caret(&self, version: &Version, order: Ordering) -> bool {
        if order.is_lt() {
            return false;
        }
        if self.version.major > 0 || self.open_minor {
            return version.major == self.version.major;
        }
        if version.major > 0 {
            return false;
        }
        if self.version.minor > 0 || self.open_patch {
            return version.minor == self.version.minor;
        }
        version.minor == 0 && version.patch == self.version.patch
    }
}
