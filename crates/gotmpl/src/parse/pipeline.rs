//! Compiles what stands inside an action: declarations, commands, operands and parentheses.
//!
//! Open parentheses are kept in a list of frames. Arguments are compiled in order, then the call; the value that a pipe
//! hands on lies below the arguments of the next command.

use dodona_value::{Duration, Str, Value};

use super::token::{Kind, Token};
use super::{OPEN, Parsed, Parser, literal};
use crate::code::{Chain, Name, Op, Slot};
use crate::function::{Callee, Param};
use crate::suggest;

/// How deeply parentheses may nest: Go's limit.
const MAX_PARENS: usize = 10_000;

/// A compiled pipeline. Its value is on the stack.
pub(super) struct Pipe {
    /// The variables that it declares or sets.
    pub(super) variables: Vec<Slot>,
    /// There is at least one such variable.
    pub(super) declares: bool,
    /// Where it stands.
    pub(super) span: (u32, u32),
}

/// A pipeline that is being read.
struct Frame<'s> {
    context: &'static str,
    end: Kind,
    start: u32,
    variables: Vec<(&'s str, Token)>,
    assigns: bool,
    /// Commands that are complete.
    stages: usize,
    command: Option<Command<'s>>,
}

/// A command that is being read.
struct Command<'s> {
    start: u32,
    head: Option<Head<'s>>,
    args: u16,
    literals: Vec<(u16, usize, Literal)>,
    /// The steps that leave an `and` or `or` early.
    decisions: Vec<usize>,
    /// The number of the chain that holds the name of the method, once that is known to be one.
    method: Option<u32>,
}

/// What a command begins with.
#[derive(Clone, Copy)]
enum Head<'s> {
    Function(&'s str, Token),
    /// A chain of fields, which may end in a method with arguments; the step that walks it.
    Fields(usize),
    /// Something that takes no arguments, and whether it is a literal.
    Plain {
        literal: bool,
    },
    Nil,
}

/// A literal whose type depends on the parameter that it is given to.
#[derive(Clone, Copy)]
enum Literal {
    Number(literal::Number),
    Text,
    Bool,
    Nil,
}

/// What an operand begins with, before fields are attached.
#[derive(Clone, Copy)]
enum Term<'s> {
    Function(&'s str),
    Variable(&'s str),
    Field,
    Dot,
    Literal(Literal),
    Paren,
}

impl<'s> Parser<'s> {
    /// Compiles a pipeline up to and including `end`.
    pub(super) fn pipeline(&mut self, context: &'static str, end: Kind) -> Parsed<Pipe> {
        let mut frames = vec![self.open_frame(context, end)?];
        loop {
            let depth = frames.len();
            let Some(frame) = frames.last_mut() else {
                return Err(self.unexpected(self.peek(), context));
            };
            if let Some(command) = &mut frame.command {
                let token = self.peek_non_space();
                if token.kind == Kind::LeftParen {
                    if depth > MAX_PARENS {
                        return Err(self.error_at(token, "parentheses are nested too deeply"));
                    }
                    self.next_non_space();
                    frames.push(self.open_frame("parenthesized pipeline", Kind::RightParen)?);
                    continue;
                }
                if let Some(term) = self.term(token)? {
                    self.operand(command, term, token)?;
                }
                self.after_operand(frame)?;
                continue;
            }
            let token = self.next_non_space();
            if token.kind == frame.end {
                let Some(frame) = frames.pop() else { continue };
                let pipe = self.close_frame(&frame, token)?;
                let Some(outer) = frames.last_mut() else { return Ok(pipe) };
                if let Some(command) = &mut outer.command {
                    let open = Token { kind: Kind::LeftParen, start: pipe.span.0, end: pipe.span.1 };
                    self.operand(command, Term::Paren, open)?;
                }
                self.after_operand(outer)?;
            } else if starts_operand(token.kind) {
                self.at -= 1;
                frame.command = Some(Command {
                    start: token.start,
                    head: None,
                    args: 0,
                    literals: Vec::new(),
                    decisions: Vec::new(),
                    method: None,
                });
            } else {
                let context = frame.context;
                return Err(self.unexpected(token, context));
            }
        }
    }

    /// Reads the declarations at the beginning of a pipeline.
    fn open_frame(&mut self, context: &'static str, end: Kind) -> Parsed<Frame<'s>> {
        let start = self.peek_non_space().start;
        let mut frame =
            Frame { context, end, start, variables: Vec::new(), assigns: false, stages: 0, command: None };
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok(frame);
            }
            let before = self.at;
            self.next_non_space();
            let next = self.peek_non_space();
            let comma = next.kind == Kind::Punct && next.text(self.source) == ",";
            if !comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
                self.at = before;
                return Ok(frame);
            }
            self.next_non_space();
            let name = variable.text(self.source);
            frame.variables.push((name, variable));
            self.scopes.write(name);
            if !comma {
                frame.assigns = next.kind == Kind::Assign;
                return Ok(frame);
            }
            if context != "range" || frame.variables.len() > 1 {
                return Err(self.error_at(next, &format!("too many declarations in {context}")));
            }
            if !matches!(self.peek_non_space().kind, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                return Err(self.error_at(self.peek_non_space(), "range can only initialize variables"));
            }
        }
    }

    /// Ends a pipeline: its variables get their values.
    fn close_frame(&mut self, frame: &Frame<'s>, end: Token) -> Parsed<Pipe> {
        let span = (frame.start, end.start.max(frame.start));
        if frame.stages == 0 {
            return Err(self.error_at(end, &format!("missing value for {}", frame.context)));
        }
        let mut slots = Vec::with_capacity(frame.variables.len());
        if !frame.variables.is_empty() {
            self.push(Op::Settle, span);
        }
        for (name, token) in &frame.variables {
            let slot = if frame.assigns { self.scopes.find(name) } else { Some(self.slot(*token)?) };
            match slot {
                Some(slot) => {
                    self.push(Op::Store(slot), span);
                }
                None => {
                    self.fail(
                        format!("undefined variable: {name}; declare it with `:=`"),
                        (token.start, token.end),
                    );
                }
            }
            let slot = slot.unwrap_or_default();
            if !frame.assigns {
                self.scopes.declare(name, slot);
            }
            slots.push(slot);
        }
        Ok(Pipe { declares: !slots.is_empty(), variables: slots, span })
    }

    /// What may follow an operand: another one after a blank, a pipe, or the end of the pipeline.
    fn after_operand(&mut self, frame: &mut Frame<'s>) -> Parsed<()> {
        let token = self.next();
        match token.kind {
            Kind::Space => return Ok(()),
            Kind::RightDelim | Kind::RightParen => self.at -= 1,
            Kind::Pipe => {}
            _ => return Err(self.unexpected(token, "operand")),
        }
        let Some(command) = frame.command.take() else { return Ok(()) };
        self.close_command(&command, frame.stages, token)?;
        frame.stages += 1;
        Ok(())
    }

    /// Reads the token that an operand begins with; `None` if it begins none.
    fn term(&mut self, token: Token) -> Parsed<Option<Term<'s>>> {
        let text = token.text(self.source);
        let term = match token.kind {
            Kind::Identifier => {
                if !self.functions.contains(text) {
                    let hint = suggest::best(text, self.functions.names());
                    return Err(self.error_with_hint(token, &format!("function {text:?} not defined"), hint));
                }
                Term::Function(text)
            }
            Kind::Variable => {
                if !self.scopes.is_written(text) {
                    let hint = suggest::best(text, self.scopes.names());
                    return Err(self.error_with_hint(token, &format!("undefined variable {text:?}"), hint));
                }
                Term::Variable(text)
            }
            Kind::Field => Term::Field,
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Literal(Literal::Nil),
            Kind::Bool => Term::Literal(Literal::Bool),
            Kind::Quoted | Kind::Raw => Term::Literal(Literal::Text),
            Kind::Number | Kind::Complex | Kind::Char => {
                let number = match token.kind {
                    Kind::Number => literal::Number::parse(text),
                    Kind::Complex => literal::Number::parse_complex(text),
                    _ => literal::Number::parse_char(text),
                };
                Term::Literal(Literal::Number(number.map_err(|message| self.error_at(token, &message))?))
            }
            _ => return Ok(None),
        };
        self.next_non_space();
        Ok(Some(term))
    }

    /// Compiles an operand with the fields behind it, as the head of the command or as an argument.
    fn operand(&mut self, command: &mut Command<'s>, term: Term<'s>, token: Token) -> Parsed<()> {
        let mut names = Vec::new();
        if matches!(term, Term::Field) {
            names.push(self.field_name(token));
        }
        let mut end = token.end;
        while self.peek().kind == Kind::Field {
            let field = self.next();
            names.push(self.field_name(field));
            end = field.end;
        }
        if let (Term::Dot | Term::Literal(_), Some(name)) = (term, names.first()) {
            let message = format!("unexpected . after term {:?}", token.text(self.source));
            let at = Token { kind: Kind::Field, start: name.start - 1, end };
            return Err(self.error_at(at, &message));
        }
        let is_head = command.head.is_none();
        if !is_head {
            self.prepare_arguments(command);
        }
        let first = self.code.ops.len();
        let head = self.load(term, names, token, end, is_head)?;
        if is_head {
            command.head = Some(head);
            return Ok(());
        }
        if let Term::Literal(literal) = term {
            command.literals.push((command.args, first, literal));
        }
        command.args =
            command.args.checked_add(1).ok_or_else(|| self.error_at(token, "too many arguments"))?;
        if let Some(Head::Function(name @ ("and" | "or"), _)) = command.head {
            let decide = self.push(Op::Decide { stop_on: name == "or", to: OPEN }, (token.start, end));
            command.decisions.push(decide);
        }
        Ok(())
    }

    /// Compiles the steps that put an operand on the stack. A function that heads a command is called later.
    fn load(
        &mut self,
        term: Term<'s>,
        names: Vec<Name>,
        token: Token,
        end: u32,
        is_head: bool,
    ) -> Parsed<Head<'s>> {
        let span = (token.start, end);
        let slot = match term {
            Term::Function(name) => {
                if names.is_empty() && is_head {
                    return Ok(Head::Function(name, token));
                }
                self.call(name, token, 0, false, &[])?;
                if names.is_empty() {
                    return Ok(Head::Plain { literal: false });
                }
                return Ok(Head::Fields(self.push_chain(names, span)));
            }
            Term::Paren => {
                self.push(Op::Settle, span);
                if names.is_empty() {
                    return Ok(Head::Plain { literal: false });
                }
                return Ok(Head::Fields(self.push_chain(names, span)));
            }
            Term::Literal(literal) => {
                self.literal(literal, token)?;
                let nil = matches!(literal, Literal::Nil);
                return Ok(if nil { Head::Nil } else { Head::Plain { literal: true } });
            }
            Term::Dot => {
                self.push(Op::Load(self.scopes.dot), span);
                return Ok(Head::Plain { literal: true });
            }
            Term::Field => self.scopes.dot,
            Term::Variable(name) => {
                let Some(slot) = self.scopes.find(name) else {
                    self.fail(format!("undefined variable: {name}"), (token.start, token.end));
                    return Ok(Head::Plain { literal: false });
                };
                slot
            }
        };
        if names.is_empty() {
            self.push(Op::Load(slot), span);
            return Ok(Head::Plain { literal: false });
        }
        let chain = self.add_chain(names);
        Ok(Head::Fields(self.push(Op::Field { slot, chain }, span)))
    }

    /// Compiles a literal as it is where any type will do.
    fn literal(&mut self, literal: Literal, token: Token) -> Parsed<()> {
        let text = token.text(self.source);
        let value = match literal {
            Literal::Nil => Value::Nil,
            Literal::Bool => Value::Bool(text == "true"),
            Literal::Text => {
                let bytes = literal::unquote(text).map_err(|message| self.error_at(token, &message))?;
                Value::Str(Str::from(bytes))
            }
            Literal::Number(number) => match number.ideal(text) {
                Ok(value) => value,
                Err(message) => {
                    self.fail(message, (token.start, token.end));
                    return Ok(());
                }
            },
        };
        let number = self.add_constant(value);
        self.emit(Op::Const(number), token);
        Ok(())
    }

    /// Before the first argument of a method, its receiver has to be found without it.
    fn prepare_arguments(&mut self, command: &mut Command<'s>) {
        if let (Some(Head::Fields(op)), 0) = (command.head, command.args) {
            command.method = Some(self.split_method(op));
        }
    }

    /// Takes the last name off the chain of a step; returns the number of a chain with that name alone.
    fn split_method(&mut self, op: usize) -> u32 {
        let (slot, chain) = match self.code.ops.get(op) {
            Some(Op::Field { slot, chain }) => (Some(*slot), *chain),
            Some(Op::Chain(chain)) => (None, *chain),
            _ => return 0,
        };
        let mut names =
            self.code.chains.get(chain as usize).map(|chain| chain.names.clone()).unwrap_or_default();
        let method: Vec<Name> = names.pop().into_iter().collect();
        let receiver = (!names.is_empty() || slot.is_none()).then(|| self.add_chain(names));
        if let Some(step) = self.code.ops.get_mut(op) {
            *step = match (slot, receiver) {
                (Some(slot), Some(chain)) => Op::Field { slot, chain },
                (Some(slot), None) => Op::Load(slot),
                // With nothing to walk, the result of a function or of parentheses stays as it is, a nil included.
                (None, chain) => Op::Chain(chain.unwrap_or_default()),
            };
        }
        self.add_chain(method)
    }

    /// Ends a command: the call.
    fn close_command(&mut self, command: &Command<'s>, stage: usize, end: Token) -> Parsed<()> {
        let piped = stage > 0;
        let span = (command.start, end.start.max(command.start));
        let has_args = command.args > 0 || piped;
        match command.head {
            Some(Head::Plain { literal: true } | Head::Nil) if piped => {
                let at = Token { kind: Kind::Space, start: span.0, end: span.1 };
                return Err(
                    self.error_at(at, &format!("non executable command in pipeline stage {}", stage + 1))
                );
            }
            Some(Head::Nil) => {
                self.fail("nil is not a command".to_owned(), span);
            }
            Some(Head::Plain { .. }) if has_args => {
                let text = self.source.get(span.0 as usize..span.1 as usize).unwrap_or_default().trim();
                self.fail(format!("can't give argument to non-function in {text:?}"), span);
            }
            Some(Head::Fields(op)) if has_args => {
                let name = match command.method {
                    Some(name) => name,
                    None => self.split_method(op),
                };
                for (_, op, _) in
                    command.literals.iter().filter(|(.., literal)| matches!(literal, Literal::Nil))
                {
                    // Its type is not known yet: it becomes the nil of the parameter, as a missing value does.
                    let missing = self.add_constant(Value::Missing);
                    if let Some(step) = self.code.ops.get_mut(*op) {
                        *step = Op::Const(missing);
                    }
                }
                self.push(Op::Method { name, argc: command.args, piped }, span);
                let numbers = command.literals.iter().filter(|(index, _, literal)| {
                    *index < 64 && matches!(literal, Literal::Number(number) if number.int.is_some())
                });
                let bits = numbers.fold(0, |bits, (index, ..)| bits | 1_u64 << index);
                if bits != 0 {
                    let here = self.here();
                    self.code.literals.insert(here, bits);
                }
            }
            Some(Head::Function(name @ ("and" | "or"), token)) => {
                self.close_decision(command, name, token, piped, span);
            }
            Some(Head::Function(name, token)) => {
                self.call_spanning(name, token, command.args, piped, &command.literals, span)?;
            }
            Some(Head::Plain { .. } | Head::Fields(_)) | None => {}
        }
        if end.kind == Kind::Pipe {
            self.push(Op::Settle, span);
        }
        Ok(())
    }

    /// The end of an `and` or `or`. With a piped value, that one decides last.
    fn close_decision(
        &mut self,
        command: &Command<'s>,
        name: &str,
        token: Token,
        piped: bool,
        span: (u32, u32),
    ) {
        if command.args == 0 && !piped {
            self.fail(format!("wrong number of args for {name}: want at least 1 got 0"), span);
            return;
        }
        if !piped {
            if let Some(last) = command.decisions.last() {
                // The last argument is the result whatever it is; the step would only look at it.
                if let Some(op) = self.code.ops.get_mut(*last) {
                    *op = Op::Settle;
                }
            }
            let (_, earlier) = command.decisions.split_last().unwrap_or((&0, &[]));
            for decision in earlier {
                self.land(Some(*decision));
            }
            return;
        }
        let over = self.emit(Op::Jump(OPEN), token);
        for decision in &command.decisions {
            self.land(Some(*decision));
        }
        self.emit(Op::DropUnder, token);
        self.land(Some(over));
    }

    fn call(
        &mut self,
        name: &'s str,
        token: Token,
        argc: u16,
        piped: bool,
        literals: &[(u16, usize, Literal)],
    ) -> Parsed<()> {
        self.call_spanning(name, token, argc, piped, literals, (token.start, token.end))
    }

    /// Compiles a call. Wrong numbers of arguments and literals of a wrong type fail when the template runs, as in Go.
    fn call_spanning(
        &mut self,
        name: &'s str,
        token: Token,
        argc: u16,
        piped: bool,
        literals: &[(u16, usize, Literal)],
        span: (u32, u32),
    ) -> Parsed<()> {
        let number = self.callee(name, token)?;
        let count = usize::from(argc) + usize::from(piped);
        let Some(callee) = self.code.callees.get(usize::from(number)).cloned() else { return Ok(()) };
        if let Some(wanted) = callee.wrong_count(count) {
            self.fail(format!("wrong number of args for {name}: want {wanted} got {count}"), span);
            return Ok(());
        }
        for (index, op, literal) in literals {
            self.fit(&callee, usize::from(*index), *op, *literal);
        }
        self.push(Op::Call { callee: number, argc, piped }, span);
        Ok(())
    }

    /// Gives a literal the type of the parameter that it is for.
    fn fit(&mut self, callee: &Callee, index: usize, op: usize, literal: Literal) {
        let span = self.code.spans.get(op).copied().unwrap_or_default();
        let text = self.source.get(span.0 as usize..span.1 as usize).unwrap_or_default();
        let Some(param) = callee.param(index) else { return };
        let fitted = match fit_literal(param, literal, text) {
            Fit::AsIs => return,
            Fit::Value(value) => Op::Const(self.add_constant(value)),
            Fit::No(message) => {
                let number = u32::try_from(self.code.failures.len()).unwrap_or(u32::MAX);
                self.code.failures.push(message);
                Op::Fail(number)
            }
        };
        if let Some(step) = self.code.ops.get_mut(op) {
            *step = fitted;
        }
    }

    fn callee(&mut self, name: &'s str, token: Token) -> Parsed<u16> {
        if let Some(number) = self.callees.get(name) {
            return Ok(*number);
        }
        let missing = || self.error_at(token, &format!("function {name:?} not defined"));
        let callee = self.functions.get(name).ok_or_else(missing)?;
        let number = u16::try_from(self.code.callees.len())
            .map_err(|_| self.error_at(token, "too many different functions in one template"))?;
        self.code.callees.push(callee);
        self.callees.insert(name, number);
        Ok(number)
    }

    fn field_name(&self, token: Token) -> Name {
        let text = token.text(self.source).trim_start_matches('.');
        Name { text: Str::from(text), start: token.start + 1, end: token.end }
    }

    fn add_chain(&mut self, names: Vec<Name>) -> u32 {
        let number = u32::try_from(self.code.chains.len()).unwrap_or(u32::MAX);
        self.code.chains.push(Chain { names });
        number
    }

    fn push_chain(&mut self, names: Vec<Name>, span: (u32, u32)) -> usize {
        let chain = self.add_chain(names);
        self.push(Op::Chain(chain), span)
    }

    fn add_constant(&mut self, value: Value) -> u32 {
        let number = u32::try_from(self.code.constants.len()).unwrap_or(u32::MAX);
        self.code.constants.push(value);
        number
    }

    fn error_with_hint(&self, token: Token, message: &str, hint: Option<String>) -> crate::error::ParseError {
        crate::error::ParseError::new(self.source, (token.start, token.end), message.to_owned(), hint)
    }
}

enum Fit {
    /// The constant is right as it was compiled.
    AsIs,
    Value(Value),
    No(String),
}

/// What a literal becomes as an argument for `param`.
fn fit_literal(param: Param, literal: Literal, text: &str) -> Fit {
    let wrong = |what: &str| Fit::No(format!("expected {what}; found {text}"));
    match (param, literal) {
        (Param::Any | Param::Reflect, _) | (Param::Str, Literal::Text) | (Param::Bool, Literal::Bool) => {
            Fit::AsIs
        }
        (_, Literal::Nil) => match param.nil() {
            Some(value) => Fit::Value(value),
            None => Fit::No(format!("cannot assign nil to {}", param.go_name())),
        },
        (Param::Str, _) => wrong("string"),
        (Param::Bool, _) => wrong("bool"),
        (Param::Integer(_) | Param::Duration, Literal::Number(literal::Number { int: Some(int), .. })) => {
            Fit::Value(match param {
                Param::Integer(kind) => Value::Int(int, kind),
                _ => Value::Duration(Duration::from_nanoseconds(int)),
            })
        }
        (Param::Integer(_) | Param::Duration, _) => wrong("integer"),
        (Param::Unsigned(kind), Literal::Number(literal::Number { uint: Some(uint), .. })) => {
            Fit::Value(Value::Uint(uint, kind))
        }
        (Param::Unsigned(_), _) => wrong("unsigned integer"),
        (Param::Floating(kind), Literal::Number(literal::Number { float: Some(float), .. })) => {
            Fit::Value(Value::Float(float, kind))
        }
        (Param::Floating(_), _) => wrong("float"),
        _ => Fit::No(format!("can't handle {text} for arg of type {}", param.go_name())),
    }
}

/// Whether an operand may begin with a token of this kind.
fn starts_operand(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bool
            | Kind::Char
            | Kind::Complex
            | Kind::Dot
            | Kind::Field
            | Kind::Identifier
            | Kind::Number
            | Kind::Nil
            | Kind::Raw
            | Kind::Quoted
            | Kind::Variable
            | Kind::LeftParen
    )
}
