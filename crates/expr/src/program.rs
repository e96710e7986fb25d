//! [`Program`]: a compiled condition.

use std::sync::Arc;

use dodona_value::{CallCx, Runtime, Scope, Value};

use crate::code::{Code, Op, Start, generate};
use crate::error::{CompileError, CompileErrorKind, RunError, Span};
use crate::syntax::token::Token;
use crate::{check, optimize, syntax, vm};

/// Up to this many tokens, compiling needs little stack.
const SMALL: usize = 200;

/// The stack of the thread that compiles texts of more tokens: [`crate::limit::MAX_NESTING`] levels, at the size that frames have without optimization.
const STACK: usize = 256 << 20;

/// A compiled condition. Cheap to clone; may run on many threads at once.
#[derive(Clone)]
pub struct Program(Arc<Inner>);

struct Inner {
    source: Arc<str>,
    code: Code,
    uses_clock: bool,
}

impl Program {
    /// Compiles a text. The empty text and blanks are errors, as upstream; that an empty `when` means `false` is the engine's rule (core.md 3.2 rule 2).
    ///
    /// # Errors
    /// What upstream refuses at load, and texts beyond the limits of size and nesting.
    pub fn compile(source: &str) -> Result<Self, CompileError> {
        let tokens = syntax::lex(source)?;
        let code = if tokens.len() <= SMALL { build(source, tokens) } else { build_large(source, tokens) }?;
        let uses_clock = uses_clock(&code);
        Ok(Self(Arc::new(Inner { source: source.into(), code, uses_clock })))
    }

    /// Evaluates the program. `cx` brings the host and the budget.
    ///
    /// # Errors
    /// What upstream refuses when it runs, and exhausted budgets.
    pub fn run(&self, scope: &Scope, cx: &mut CallCx<'_>) -> Result<Value, RunError> {
        vm::run(&self.0.code, scope, cx).map_err(|(fault, span)| {
            RunError::new(fault.kind(), Arc::clone(&self.0.source), span, fault.into_message())
        })
    }

    /// Evaluates the program with a whole budget of its own.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn eval(&self, scope: &Scope, runtime: &Runtime) -> Result<Value, RunError> {
        let mut budget = runtime.budget();
        self.run(scope, &mut CallCx { runtime, budget: &mut budget })
    }

    /// The text that was compiled.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The root variables that the program looks at, in order of appearance. With `$env` it may look at any.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.code.roots.iter().map(String::as_str)
    }

    /// Whether the program may look at the root variable `name`.
    pub fn mentions(&self, name: &str) -> bool {
        self.0.code.uses_env || self.names().any(|known| known == name)
    }

    /// Whether the result may change because time passes: the program calls `now()`, reads `time.Now`, or does with `time` what cannot be followed.
    /// All others need not be evaluated again before their object changes.
    pub fn uses_clock(&self) -> bool {
        self.0.uses_clock
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Program").field(&self.0.source).finish()
    }
}

/// Tokens to code.
fn build(source: &str, tokens: Vec<Token>) -> Result<Code, CompileError> {
    let mut tree = syntax::parse(source, tokens)?;
    check::check(source, &mut tree)?;
    optimize::optimize(source, &mut tree)?;
    generate(source, &tree)
}

/// The same for texts that may nest deeply, on a stack that is deep enough for the limit of nesting.
fn build_large(source: &str, tokens: Vec<Token>) -> Result<Code, CompileError> {
    let failed = || {
        let message = "no thread could be started to compile this large expression".to_owned();
        CompileError::new(CompileErrorKind::Limit, source, Span::default(), message)
    };
    std::thread::scope(|scope| {
        let thread =
            std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || build(source, tokens));
        thread.map_err(|_| failed())?.join().map_err(|_| failed())?
    })
}

/// Whether time can change the result. Members of `time` other than `Now` are constants or functions of their arguments.
fn uses_clock(code: &Code) -> bool {
    let is_time = |number: u32| code.roots.get(number as usize).is_some_and(|name| name == "time");
    code.ops.iter().enumerate().any(|(position, op)| match op {
        Op::Env => true,
        Op::Builtin { function, .. } => function.is("now"),
        Op::Path(number) => code.paths.get(*number as usize).is_some_and(|path| {
            matches!(path.start, Start::Root(root) if is_time(root))
                && path.keys.first().is_none_or(|(key, _)| *key == *"Now")
        }),
        // `time` itself on the stack: harmless only as the object of a call of something else than `Now`.
        Op::Root(number) if is_time(*number) => !calls_other_member(code, position),
        _ => false,
    })
}

/// Whether the object that the instruction at `position` pushes is used for the call of a member other than `Now`.
fn calls_other_member(code: &Code, position: usize) -> bool {
    let number = u32::try_from(position).unwrap_or(u32::MAX);
    code.member_calls.iter().any(|(object, name)| *object == number && *name != *"Now")
}
