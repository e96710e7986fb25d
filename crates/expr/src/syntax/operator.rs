//! Operators and how tightly they bind.

/// A binary operator. The two spellings of the logical ones stay apart, because the optimizer tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    Greater,
    GreaterEqual,
    LessEqual,
    In,
    Matches,
    Contains,
    StartsWith,
    EndsWith,
    Range,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Coalesce,
}

impl BinaryOp {
    /// The sign, for messages.
    pub(crate) const fn sign(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::LessEqual => "<=",
            Self::In => "in",
            Self::Matches => "matches",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Range => "..",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Power => "**",
            Self::Coalesce => "??",
        }
    }

    /// Whether the operator orders its sides, so that `a < b < c` means `a < b and b < c`.
    pub(super) const fn is_comparison(self) -> bool {
        matches!(self, Self::Less | Self::Greater | Self::GreaterEqual | Self::LessEqual)
    }

    /// Whether `not` may stand before it: `x not in xs`.
    pub(super) const fn takes_not(self) -> bool {
        matches!(self, Self::Contains | Self::Matches | Self::StartsWith | Self::EndsWith | Self::In)
    }
}

/// What an infix sign means to the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Infix {
    /// `x | f(y)`, which calls `f(x, y)`.
    Pipe,
    Binary(BinaryOp),
}

impl Infix {
    /// The infix with this sign, with its precedence.
    pub(super) fn of(sign: &[u8]) -> Option<(Self, u32)> {
        use BinaryOp as B;
        let (op, precedence) = match sign {
            b"|" => return Some((Self::Pipe, 0)),
            b"or" | b"||" => (B::Or, 10),
            b"and" | b"&&" => (B::And, 15),
            b"==" => (B::Equal, 20),
            b"!=" => (B::NotEqual, 20),
            b"<" => (B::Less, 20),
            b">" => (B::Greater, 20),
            b">=" => (B::GreaterEqual, 20),
            b"<=" => (B::LessEqual, 20),
            b"in" => (B::In, 20),
            b"matches" => (B::Matches, 20),
            b"contains" => (B::Contains, 20),
            b"startsWith" => (B::StartsWith, 20),
            b"endsWith" => (B::EndsWith, 20),
            b".." => (B::Range, 25),
            b"+" => (B::Add, 30),
            b"-" => (B::Subtract, 30),
            b"*" => (B::Multiply, 60),
            b"/" => (B::Divide, 60),
            b"%" => (B::Modulo, 60),
            b"**" | b"^" => (B::Power, 100),
            b"??" => (B::Coalesce, 500),
            _ => return None,
        };
        Some((Self::Binary(op), precedence))
    }
}

/// A prefix operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnaryOp {
    Not,
    Minus,
    Plus,
}

impl UnaryOp {
    /// The prefix with this sign, with its precedence.
    pub(super) fn of(sign: &[u8]) -> Option<(Self, u32)> {
        Some(match sign {
            b"not" | b"!" => (Self::Not, 50),
            b"-" => (Self::Minus, 90),
            b"+" => (Self::Plus, 90),
            _ => return None,
        })
    }

    /// The sign, for messages.
    pub(crate) const fn sign(self) -> &'static str {
        match self {
            Self::Not => "not",
            Self::Minus => "-",
            Self::Plus => "+",
        }
    }
}
