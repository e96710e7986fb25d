//! Reads a template text and compiles it in the same pass: tokens in, [`Code`] out.
//!
//! This file knows blocks (`if`, `range`, `with`, `define`, `block`) and scopes; [`pipeline`] knows what stands inside
//! an action. Open blocks are kept in a list instead of on the native stack, so nesting is bounded by the size of the
//! source alone. What is refused here is refused when a configuration is loaded; errors that Go reports only when a
//! template runs become [`Op::Fail`].

mod lex;
mod literal;
mod pipeline;
mod scope;
mod token;

use std::collections::HashMap;

use self::scope::Scopes;
use self::token::{Keyword, Kind, Token};
use crate::code::{Address, Body, Code, Loop, Op, Slot, Target};
use crate::error::ParseError;
use crate::function::Functions;

/// Longest source that is read, in bytes.
const MAX_SOURCE: usize = 16 << 20;
/// No jump target yet.
const OPEN: Address = Address::MAX;

/// Compiles `source`; `name` is the name of the template itself.
pub(crate) fn compile(name: &str, source: &str, functions: &Functions) -> Result<Code, ParseError> {
    if source.len() > MAX_SOURCE {
        return Err(ParseError::new(
            source,
            (0, 0),
            format!("the template is longer than {MAX_SOURCE} bytes"),
            None,
        ));
    }
    let lexed = lex::tokens(source);
    let own_dollar = sets_dollar(&lexed.list, source);
    let mut parser = Parser {
        source,
        functions,
        tokens: lexed.list,
        lex_error: lexed.error,
        at: 0,
        code: Code::default(),
        callees: HashMap::new(),
        blocks: Vec::new(),
        scopes: Scopes::new(true, own_dollar),
        own_dollar,
        bodies: HashMap::new(),
        empty: true,
        loops: Loops::default(),
    };
    parser.run(name)?;
    Ok(parser.code)
}

/// Whether `$` itself is set or declared somewhere: `{{$ = .app}}`. Hardly anybody does, so that it costs the others nothing.
fn sets_dollar(tokens: &[Token], source: &str) -> bool {
    let mut rest = tokens.iter().filter(|token| token.kind != Kind::Space).peekable();
    std::iter::from_fn(|| rest.next().map(|token| (token, rest.peek().copied()))).any(|(token, next)| {
        token.kind == Kind::Variable
            && token.text(source) == "$"
            && next.is_some_and(|next| matches!(next.kind, Kind::Assign | Kind::Declare | Kind::Punct))
    })
}

/// A body that has a name, and whether it holds more than blanks.
struct Named {
    body: u32,
    empty: bool,
}

/// A block whose `end` has not been read yet.
struct Block {
    kind: BlockKind,
    /// Where it was opened, for messages.
    opened: (u32, u32),
    /// The step that jumps away when the condition fails.
    unless: Option<usize>,
    /// Jumps to the end of the block.
    to_end: Vec<usize>,
    /// How many variables were known before the block.
    mark: scope::Mark,
    /// How many after its head: what `else` still sees when the template runs.
    head_mark: scope::Mark,
    /// The dot outside of the block.
    outer_dot: Slot,
    /// `else` has been read.
    in_else: bool,
    /// What `break` and `continue` mean outside of the block.
    outer_loops: Loops,
    /// The block came from `else if` or `else with` and ends with the block around it.
    chained: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    If,
    With,
    Range(u32),
}

enum BlockKind {
    Control(Control),
    /// A `define` or `block`: a body of its own, with the state of the one around it.
    Body {
        name: String,
        entry: Address,
        skip: usize,
        outer: Box<Scopes>,
        /// Whether the body around it is empty so far.
        outer_empty: bool,
    },
}

struct Parser<'s> {
    source: &'s str,
    functions: &'s Functions,
    tokens: Vec<Token>,
    lex_error: Option<String>,
    at: usize,
    code: Code,
    /// Functions that the code calls already, by name.
    callees: HashMap<&'s str, u16>,
    blocks: Vec<Block>,
    scopes: Scopes,
    /// `$` is a slot of its own in every body.
    own_dollar: bool,
    bodies: HashMap<String, Named>,
    /// The body at hand holds nothing but blanks so far.
    empty: bool,
    loops: Loops,
}

/// What `break` and `continue` mean at the moment.
#[derive(Clone, Copy, Default)]
struct Loops {
    /// The innermost `range`, as an index into the open blocks.
    innermost: Option<usize>,
    /// The loop whose next element `continue` takes: the innermost one whose `else` this is not.
    active: Option<u32>,
}

type Parsed<T> = Result<T, ParseError>;

impl Parser<'_> {
    fn run(&mut self, name: &str) -> Parsed<()> {
        self.begin_body();
        loop {
            let token = self.next();
            match token.kind {
                Kind::Eof if self.blocks.is_empty() => break,
                Kind::Eof => return Err(self.unclosed(token)),
                Kind::Text => {
                    self.empty &= token.text(self.source).trim().is_empty();
                    self.emit(Op::Text { start: token.start, end: token.end }, token);
                }
                Kind::LeftDelim => self.action(token)?,
                _ => return Err(self.unexpected(token, "input")),
            }
        }
        self.emit(Op::Return, Token { kind: Kind::Eof, start: 0, end: 0 });
        let body = Body { entry: 0, slots: self.scopes.size() };
        self.add_body(name.to_owned(), body, self.empty, (0, 0))?;
        self.link(name);
        Ok(())
    }

    /// Resolves calls by name, now that every body is known.
    fn link(&mut self, name: &str) {
        for target in &mut self.code.targets {
            target.body = self.bodies.get(&target.name).map(|named| named.body);
        }
        self.code.main = self.bodies.get(name).map_or(0, |named| named.body);
    }

    fn action(&mut self, open: Token) -> Parsed<()> {
        let token = self.next_non_space();
        let Kind::Keyword(keyword) = token.kind else {
            self.at -= 1;
            self.empty = false;
            return self.output(open);
        };
        let opens = !matches!(keyword, Keyword::Define | Keyword::Else | Keyword::End);
        self.empty &= !opens;
        match keyword {
            Keyword::Block => self.block(token),
            Keyword::Break => self.break_or_continue(token, true),
            Keyword::Continue => self.break_or_continue(token, false),
            Keyword::Define if self.blocks.is_empty() => self.define(token),
            Keyword::Define => Err(self.unexpected(token, "command")),
            Keyword::Else => self.otherwise(token),
            Keyword::End => self.end(token),
            Keyword::If => self.control(token, Control::If, false),
            Keyword::With => self.control(token, Control::With, false),
            Keyword::Range => self.control(token, Control::Range(0), false),
            Keyword::Template => self.template(token),
        }
    }

    /// `{{pipeline}}`: writes the value, unless it declares or sets a variable.
    fn output(&mut self, open: Token) -> Parsed<()> {
        let first = self.code.ops.len();
        let pipe = self.pipeline("command", Kind::RightDelim)?;
        if pipe.declares {
            self.emit(Op::Pop, open);
            return Ok(());
        }
        if let (Some(Op::Field { slot, chain }), true) =
            (self.code.ops.last().copied(), self.code.ops.len() == first + 1)
        {
            self.code.ops.pop();
            let span = self.code.spans.pop().unwrap_or_default();
            self.push(Op::PrintField { slot, chain }, span);
            return Ok(());
        }
        self.push(Op::Print, pipe.span);
        Ok(())
    }

    /// The head of `if`, `with` or `range`.
    fn control(&mut self, token: Token, control: Control, chained: bool) -> Parsed<()> {
        let mark = self.scopes.mark();
        let context = match control {
            Control::If => "if",
            Control::With => "with",
            Control::Range(_) => "range",
        };
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let head_mark = self.scopes.mark();
        let outer_dot = self.scopes.dot;
        let mut control = control;
        let mut unless = None;
        match &mut control {
            Control::If => unless = Some(self.push(Op::JumpUnless(OPEN), pipe.span)),
            Control::With => {
                unless = Some(self.push(Op::With(OPEN), pipe.span));
                let dot = self.slot(token)?;
                self.push(Op::Store(dot), pipe.span);
                self.push(Op::Pop, pipe.span);
                self.scopes.dot = dot;
            }
            Control::Range(number) => {
                *number = u32::try_from(self.code.loops.len()).unwrap_or(u32::MAX);
                let dot = self.slot(token)?;
                let (index, element) = match pipe.variables.as_slice() {
                    [] => (None, None),
                    [element] => (None, Some(*element)),
                    [index, element, ..] => (Some(*index), Some(*element)),
                };
                self.push(Op::RangeStart(*number), pipe.span);
                self.code.loops.push(Loop {
                    index,
                    element,
                    dot,
                    head: self.here(),
                    otherwise: OPEN,
                    done: OPEN,
                });
                self.push(Op::RangeNext(*number), pipe.span);
                self.scopes.dot = dot;
            }
        }
        self.blocks.push(Block {
            kind: BlockKind::Control(control),
            opened: (token.start, token.end),
            unless,
            to_end: Vec::new(),
            mark,
            head_mark,
            outer_dot,
            in_else: false,
            outer_loops: self.loops,
            chained,
        });
        if let Control::Range(number) = control {
            self.loops = Loops { innermost: Some(self.blocks.len() - 1), active: Some(number) };
        }
        Ok(())
    }

    fn otherwise(&mut self, token: Token) -> Parsed<()> {
        let next = self.peek_non_space();
        let chained = match next.kind {
            Kind::Keyword(Keyword::If) => Some(Control::If),
            Kind::Keyword(Keyword::With) => Some(Control::With),
            _ => {
                self.expect(Kind::RightDelim, "else")?;
                None
            }
        };
        let control = match self.blocks.last() {
            Some(Block { kind: BlockKind::Control(control), in_else: false, .. }) => *control,
            Some(Block { kind: BlockKind::Control(_), .. }) => {
                return Err(self.error_at(token, "expected end; found {{else}}"));
            }
            _ => return Err(self.error_at(token, "unexpected {{else}}")),
        };
        self.begin_else(control, token);
        match chained {
            None => Ok(()),
            Some(inner) if inner == control => {
                let keyword = self.next_non_space();
                self.control(keyword, inner, true)
            }
            Some(_) => Err(self.unexpected(next, "input")),
        }
    }

    fn begin_else(&mut self, control: Control, token: Token) {
        match control {
            Control::Range(number) => {
                self.emit(Op::Jump(self.loop_head(number)), token);
                let here = self.here();
                if let Some(info) = self.code.loops.get_mut(number as usize) {
                    info.otherwise = here;
                }
            }
            Control::If | Control::With => {
                let jump = self.emit(Op::Jump(OPEN), token);
                let unless = self.blocks.last_mut().and_then(|block| {
                    block.to_end.push(jump);
                    block.unless.take()
                });
                self.land(unless);
            }
        }
        if let Some(block) = self.blocks.last_mut() {
            block.in_else = true;
            if matches!(control, Control::Range(_)) {
                self.loops.active = block.outer_loops.active;
            }
            self.scopes.dot = block.outer_dot;
            self.scopes.forget_declared(block.head_mark);
        }
    }

    /// The `RangeNext` of a loop.
    fn loop_head(&self, number: u32) -> Address {
        self.code.loops.get(number as usize).map_or(OPEN, |info| info.head)
    }

    fn end(&mut self, token: Token) -> Parsed<()> {
        self.expect(Kind::RightDelim, "end")?;
        loop {
            let Some(block) = self.blocks.pop() else {
                return Err(self.error_at(token, "unexpected {{end}}"));
            };
            let chained = block.chained;
            self.close(block, token)?;
            if !chained {
                return Ok(());
            }
        }
    }

    fn close(&mut self, block: Block, token: Token) -> Parsed<()> {
        let control = match block.kind {
            BlockKind::Control(control) => control,
            BlockKind::Body { name, entry, skip, outer, outer_empty } => {
                self.emit(Op::Return, token);
                let body = Body { entry, slots: self.scopes.size() };
                self.scopes = *outer;
                self.land(Some(skip));
                self.loops = block.outer_loops;
                let empty = std::mem::replace(&mut self.empty, outer_empty);
                return self.add_body(name, body, empty, block.opened);
            }
        };
        if let Control::Range(number) = control {
            if !block.in_else {
                self.emit(Op::Jump(self.loop_head(number)), token);
            }
            let here = self.here();
            if let Some(info) = self.code.loops.get_mut(number as usize) {
                info.done = here;
                if !block.in_else {
                    info.otherwise = here;
                }
            }
        }
        self.land(block.unless);
        for jump in block.to_end {
            self.land(Some(jump));
        }
        self.loops = block.outer_loops;
        self.scopes.dot = block.outer_dot;
        self.scopes.forget(block.mark);
        Ok(())
    }

    fn break_or_continue(&mut self, token: Token, is_break: bool) -> Parsed<()> {
        let word = if is_break { "{{break}}" } else { "{{continue}}" };
        let next = self.next_non_space();
        if next.kind != Kind::RightDelim {
            return Err(self.unexpected(next, word));
        }
        let Some(active) = self.loops.active else {
            return Err(self.error_at(token, &format!("{word} outside {{{{range}}}}")));
        };
        if !is_break {
            self.emit(Op::Jump(self.loop_head(active)), token);
            return Ok(());
        }
        // In the else branch of an inner loop, Go's break leaves that branch only, and continues the outer loop from there.
        let depth = self.loops.innermost.unwrap_or_default();
        if self.blocks.get(depth).is_some_and(|block| !block.in_else) {
            self.emit(Op::RangeDrop, token);
        }
        let jump = self.emit(Op::Jump(OPEN), token);
        if let Some(block) = self.blocks.get_mut(depth) {
            block.to_end.push(jump);
        }
        Ok(())
    }

    fn define(&mut self, token: Token) -> Parsed<()> {
        let name = self.body_name("define clause")?;
        self.expect(Kind::RightDelim, "define clause")?;
        self.open_body(name, token);
        Ok(())
    }

    /// `block` is a `define` and a `template` in one.
    fn block(&mut self, token: Token) -> Parsed<()> {
        let name = self.body_name("block clause")?;
        let pipe = self.pipeline("block clause", Kind::RightDelim)?;
        self.call_body(name.clone(), true, (token.start, pipe.span.1));
        self.open_body(name, token);
        Ok(())
    }

    fn template(&mut self, token: Token) -> Parsed<()> {
        let name = self.body_name("template clause")?;
        let next = self.next_non_space();
        if next.kind == Kind::RightDelim {
            self.call_body(name, false, (token.start, next.start));
            return Ok(());
        }
        self.at -= 1;
        let pipe = self.pipeline("template clause", Kind::RightDelim)?;
        self.call_body(name, true, (token.start, pipe.span.1));
        Ok(())
    }

    fn call_body(&mut self, name: String, dot: bool, span: (u32, u32)) {
        if dot {
            self.push(Op::Settle, span);
        }
        let number = u32::try_from(self.code.targets.len()).unwrap_or(u32::MAX);
        self.code.targets.push(Target { name, body: None });
        self.push(Op::Template { name: number, dot }, span);
    }

    /// Gives `$` its first value, where it is not the dot itself.
    fn begin_body(&mut self) {
        if let (true, Some(dollar)) = (self.own_dollar, self.scopes.find("$")) {
            self.push(Op::Load(self.scopes.dot), (0, 0));
            self.push(Op::Store(dollar), (0, 0));
            self.push(Op::Pop, (0, 0));
        }
    }

    fn open_body(&mut self, name: String, token: Token) {
        let skip = self.emit(Op::Jump(OPEN), token);
        let outer = std::mem::replace(&mut self.scopes, Scopes::new(false, self.own_dollar));
        self.blocks.push(Block {
            kind: BlockKind::Body {
                name,
                entry: self.here(),
                skip,
                outer: Box::new(outer),
                outer_empty: std::mem::replace(&mut self.empty, true),
            },
            opened: (token.start, token.end),
            unless: None,
            to_end: Vec::new(),
            mark: self.scopes.mark(),
            head_mark: self.scopes.mark(),
            outer_dot: 0,
            in_else: false,
            outer_loops: std::mem::take(&mut self.loops),
            chained: false,
        });
        self.begin_body();
    }

    fn body_name(&mut self, context: &str) -> Parsed<String> {
        let token = self.next_non_space();
        if !matches!(token.kind, Kind::Quoted | Kind::Raw) {
            return Err(self.unexpected(token, context));
        }
        let bytes =
            literal::unquote(token.text(self.source)).map_err(|message| self.error_at(token, &message))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Two bodies of one name are an error, unless one of them is blank.
    fn add_body(&mut self, name: String, body: Body, empty: bool, opened: (u32, u32)) -> Parsed<()> {
        let number = u32::try_from(self.code.bodies.len()).unwrap_or(u32::MAX);
        self.code.bodies.push(body);
        match self.bodies.get(&name) {
            Some(known) if !known.empty && empty => return Ok(()),
            Some(known) if !known.empty => {
                return Err(ParseError::new(
                    self.source,
                    opened,
                    format!("multiple definition of template {name:?}"),
                    None,
                ));
            }
            _ => {}
        }
        self.bodies.insert(name, Named { body: number, empty });
        Ok(())
    }

    fn slot(&mut self, token: Token) -> Parsed<Slot> {
        self.scopes
            .new_slot()
            .ok_or_else(|| self.error_at(token, "too many variables and nested blocks in one template"))
    }

    // Steps

    fn emit(&mut self, op: Op, token: Token) -> usize {
        self.push(op, (token.start, token.end))
    }

    fn push(&mut self, op: Op, span: (u32, u32)) -> usize {
        self.code.ops.push(op);
        self.code.spans.push(span);
        self.code.ops.len() - 1
    }

    fn here(&self) -> Address {
        Address::try_from(self.code.ops.len()).unwrap_or(OPEN)
    }

    /// Lets a jump that was emitted earlier land here.
    fn land(&mut self, jump: Option<usize>) {
        let here = self.here();
        let op = jump.and_then(|jump| self.code.ops.get_mut(jump));
        if let Some(Op::Jump(to) | Op::JumpUnless(to) | Op::With(to) | Op::Decide { to, .. }) = op {
            *to = here;
        }
    }

    /// A step that fails with `message` when it is reached.
    fn fail(&mut self, message: String, span: (u32, u32)) -> usize {
        let number = u32::try_from(self.code.failures.len()).unwrap_or(u32::MAX);
        self.code.failures.push(message);
        self.push(Op::Fail(number), span)
    }

    // Tokens

    fn peek(&self) -> Token {
        let last = Token { kind: Kind::Eof, start: 0, end: 0 };
        self.tokens.get(self.at).or(self.tokens.last()).copied().unwrap_or(last)
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at = (self.at + 1).min(self.tokens.len());
        token
    }

    fn next_non_space(&mut self) -> Token {
        let mut token = self.next();
        while token.kind == Kind::Space {
            token = self.next();
        }
        token
    }

    fn peek_non_space(&self) -> Token {
        let mut at = self.at;
        while self.tokens.get(at).is_some_and(|token| token.kind == Kind::Space) {
            at += 1;
        }
        self.tokens.get(at).or(self.tokens.last()).copied().unwrap_or_else(|| self.peek())
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { Err(self.unexpected(token, context)) }
    }

    fn error_at(&self, token: Token, message: &str) -> ParseError {
        ParseError::new(self.source, (token.start, token.end), message.to_owned(), None)
    }

    fn unexpected(&self, token: Token, context: &str) -> ParseError {
        let message = match (token.kind, &self.lex_error) {
            (Kind::Error, Some(message)) => message.clone(),
            (Kind::Eof, _) => format!("unexpected end of the template in {context}"),
            _ => format!("unexpected {:?} in {context}", token.text(self.source)),
        };
        self.error_at(token, &message)
    }

    fn unclosed(&self, token: Token) -> ParseError {
        let Some(block) = self.blocks.last() else { return self.unexpected(token, "input") };
        let word = self.source.get(block.opened.0 as usize..block.opened.1 as usize).unwrap_or_default();
        ParseError::new(self.source, block.opened, format!("`{word}` has no {{{{end}}}}"), None)
    }
}
