//! From text to a tree: tokens, grammar, nodes. Knows nothing of types or values.

pub(crate) mod ast;
mod call;
mod escape;
mod lexer;
mod operator;
mod parser;
mod postfix;
mod primary;
pub(crate) mod token;

pub(crate) use lexer::lex;
pub(crate) use parser::parse;
