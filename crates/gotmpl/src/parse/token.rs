//! The pieces that a template text falls into. Positions are byte offsets into the source.

/// What a token is. Keywords are tokens of their own, so that the parser never compares text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text outside of actions, already trimmed.
    Text,
    /// `{{`, with or without a trim marker.
    LeftDelim,
    /// `}}`, with or without a trim marker.
    RightDelim,
    /// A run of blanks inside an action; it separates arguments.
    Space,
    /// `=`
    Assign,
    /// `:=`
    Declare,
    /// `|`
    Pipe,
    /// `(`
    LeftParen,
    /// `)`
    RightParen,
    /// `.name`; the span includes the dot.
    Field,
    /// `$` or `$name`; the span includes the dollar sign.
    Variable,
    /// A function name.
    Identifier,
    /// `true` or `false`
    Bool,
    /// An integer, float or imaginary literal; syntax is checked by the parser.
    Number,
    /// A complex literal such as `1+2i`.
    Complex,
    /// A character literal such as `'a'`.
    Char,
    /// A quoted text, quotes included.
    Quoted,
    /// A text in backquotes, quotes included.
    Raw,
    /// Any other printable ASCII character, such as a comma.
    Punct,
    /// `.`
    Dot,
    /// `nil`
    Nil,
    /// A word that opens, divides or ends a block.
    Keyword(Keyword),
    /// The text cannot be read on from here; the lexer says why.
    Error,
    /// End of the source.
    Eof,
}

/// The words that may start an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    /// `block`
    Block,
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `define`
    Define,
    /// `else`
    Else,
    /// `end`
    End,
    /// `if`
    If,
    /// `range`
    Range,
    /// `template`
    Template,
    /// `with`
    With,
}

impl Keyword {
    /// The keyword that `word` spells.
    pub(crate) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "block" => Self::Block,
            "break" => Self::Break,
            "continue" => Self::Continue,
            "define" => Self::Define,
            "else" => Self::Else,
            "end" => Self::End,
            "if" => Self::If,
            "range" => Self::Range,
            "template" => Self::Template,
            "with" => Self::With,
            _ => return None,
        })
    }
}

/// One token: what it is and which bytes of the source it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Token {
    /// The piece of the source that the token covers.
    pub(crate) fn text<'s>(&self, source: &'s str) -> &'s str {
        source.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}
