//! The parts of a condition that a person can look at one by one: `a == 1 and (b or not c)` is `and` of a comparison and an `or`.
//!
//! It is made from the tokens alone and only splits where the grammar leaves no doubt; whatever else there is stays in one piece.

use crate::error::CompileError;
use crate::limit::MAX_NESTING;
use crate::syntax::lex;
use crate::syntax::token::{Token, TokenKind};

/// A part of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its text, without the brackets around it.
    pub text: String,
    /// How it is made of its parts.
    pub joint: Joint,
    /// The parts, in order of evaluation.
    pub parts: Vec<Part>,
}

/// How a part is made of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    /// Holds if all parts hold.
    All,
    /// Holds if one part holds.
    Any,
    /// Holds if its one part does not.
    Not,
    /// Compares its two parts: `==`, `<`, `in`, `contains`, `matches` and the like.
    Comparison,
    /// A constant written as such.
    Literal,
    /// Anything else: a path, a call, arithmetic.
    Value,
}

/// Operators of one strength; the last one of a text is the outermost.
const COMPARISONS: &[&str] =
    &["==", "!=", "<", ">", "<=", ">=", "in", "contains", "matches", "startsWith", "endsWith"];

/// Signs whose operands this module does not tell apart.
const OPAQUE: &[&str] = &["?", ":", ";", "|", "let", "if"];

/// `source` with its parts.
///
/// # Errors
/// A text that cannot be cut into tokens.
pub fn parts(source: &str) -> Result<Part, CompileError> {
    let mut tokens = lex(source)?;
    tokens.retain(|token| token.kind != TokenKind::End);
    Ok(cut(source, &tokens, MAX_NESTING.min(64)))
}

/// The recursion ends with `deeper`, far above what anybody writes.
fn cut(source: &str, tokens: &[Token], deeper: usize) -> Part {
    let tokens = strip(tokens);
    let whole = |joint, parts| Part { text: text(source, tokens), joint, parts };
    let Some(deeper) = deeper.checked_sub(1) else { return whole(Joint::Value, Vec::new()) };
    let outer = outer(tokens);
    let is = |index: &usize, signs: &[&str]| {
        tokens.get(*index).is_some_and(|token| signs.iter().any(|sign| token.is_operator(sign)))
    };
    if outer.iter().any(|index| is(index, OPAQUE)) {
        return whole(Joint::Value, Vec::new());
    }
    for (signs, shape) in [(&["or", "||"][..], Joint::Any), (&["and", "&&"], Joint::All)] {
        let signs: Vec<usize> = outer.iter().copied().filter(|index| is(index, signs)).collect();
        if !signs.is_empty() {
            let ends = signs.iter().copied().chain([tokens.len()]);
            let begins = std::iter::once(0).chain(signs.iter().map(|index| index + 1));
            let parts = begins
                .zip(ends)
                .map(|(begin, end)| cut(source, tokens.get(begin..end).unwrap_or_default(), deeper));
            return whole(shape, parts.collect());
        }
    }
    if let Some(sign) = outer.iter().rev().copied().find(|index| *index > 0 && is(index, COMPARISONS)) {
        // `not in` is one operator.
        let left = if is(&(sign - 1), &["not"]) && sign > 1 { sign - 1 } else { sign };
        let sides = [tokens.get(..left), tokens.get(sign + 1..)];
        let parts = sides.map(|side| cut(source, side.unwrap_or_default(), deeper));
        return whole(Joint::Comparison, parts.into());
    }
    if is(&0, &["not", "!"]) {
        let rest = cut(source, tokens.get(1..).unwrap_or_default(), deeper);
        return whole(Joint::Not, vec![rest]);
    }
    let constant = |token: &Token| {
        matches!(token.kind, TokenKind::Number | TokenKind::String | TokenKind::Bytes)
            || matches!(token.kind, TokenKind::Identifier if ["true", "false", "nil"].iter().any(|name| token.text == **name))
            || ["-", "+", ","].iter().any(|sign| token.is_operator(sign))
            || ["[", "]"].iter().any(|sign| token.is_bracket(sign))
    };
    let literal = !tokens.is_empty() && tokens.iter().all(constant);
    whole(if literal { Joint::Literal } else { Joint::Value }, Vec::new())
}

/// `tokens` without round brackets around the whole.
fn strip(mut tokens: &[Token]) -> &[Token] {
    while let [first, inner @ .., last] = tokens
        && first.is_bracket("(")
        && last.is_bracket(")")
        && depths(inner).all(|depth| depth >= 0)
    {
        tokens = inner;
    }
    tokens
}

/// Depth of brackets behind each token.
fn depths(tokens: &[Token]) -> impl Iterator<Item = i32> {
    tokens.iter().scan(0, |depth, token| {
        if token.kind == TokenKind::Bracket {
            let opens = ["(", "[", "{"].iter().any(|sign| token.is_bracket(sign));
            *depth += if opens { 1 } else { -1 };
        }
        Some(*depth)
    })
}

/// Numbers of the tokens that stand in no brackets.
fn outer(tokens: &[Token]) -> Vec<usize> {
    let inside = depths(tokens);
    inside
        .zip(tokens)
        .enumerate()
        .filter(|(_, (depth, token))| *depth == 0 && token.kind != TokenKind::Bracket)
        .map(|(index, _)| index)
        .collect()
}

fn text(source: &str, tokens: &[Token]) -> String {
    let span = tokens.first().zip(tokens.last()).map(|(first, last)| first.span.to(last.span));
    let range = span.map(|span| span.start as usize..span.end as usize);
    range.and_then(|range| source.get(range)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts in brackets: `all(a, any(b, c))`.
    fn shown(source: &str) -> String {
        fn show(whole: &Part) -> String {
            let parts: Vec<String> = whole.parts.iter().map(show).collect();
            let name = match whole.joint {
                Joint::All => "all",
                Joint::Any => "any",
                Joint::Not => "not",
                Joint::Comparison => "compare",
                Joint::Literal => return format!("'{}'", whole.text),
                Joint::Value => return whole.text.clone(),
            };
            format!("{name}({})", parts.join(", "))
        }
        show(&parts(source).unwrap())
    }

    #[test]
    fn conditions_fall_into_their_parts() {
        for (source, wanted) in [
            ("a.b == 7", "compare(a.b, '7')"),
            ("a and b or c", "any(all(a, b), c)"),
            ("a && (b || !c)", "all(a, any(b, not(c)))"),
            ("not (a in [1, 2])", "not(compare(a, '[1, 2]'))"),
            ("a not in [1]", "compare(a, '[1]')"),
            ("(a) == (b)", "compare(a, b)"),
            ("f(a and b)", "f(a and b)"),
            ("a ? b : c", "a ? b : c"),
            ("a?.b != nil", "compare(a?.b, 'nil')"),
            ("let x = a; x and b", "let x = a; x and b"),
            ("any(list, {# == 1}) and t", "all(any(list, {# == 1}), t)"),
            ("a + 1 > 2", "compare(a + 1, '2')"),
            ("", ""),
        ] {
            let wanted = wanted.to_owned();
            assert_eq!(shown(source).replace("''''", "''"), wanted.replace("''''", "''"), "{source}");
        }
    }

    #[test]
    fn no_depth_hurts() {
        let source = format!("{}a{}", "(not ".repeat(400), ")".repeat(400));
        assert!(parts(&source).is_ok());
    }
}
