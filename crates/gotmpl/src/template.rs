//! [`Template`]: a compiled template, and how it is rendered.

use std::fmt;
use std::sync::Arc;

use dodona_value::{Runtime, Scope, Text, Value};

use crate::code::{Code, Op, ROOT};
use crate::error::{ParseError, RenderError};
use crate::exec::{self, Root};
use crate::function::{Callee, Functions};
use crate::parse;

/// A compiled template. Cheap to clone, and any number of threads may render it at once.
#[derive(Clone)]
pub struct Template(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    source: String,
    code: Code,
}

impl Template {
    /// Compiles `source` with Go's builtins and Sprig. `name` is what `{{template}}` calls this template itself.
    ///
    /// # Errors
    ///
    /// What Go's text/template refuses when it parses (core.md 4.1.2): syntax, unknown functions, undefined variables.
    pub fn parse(name: &str, source: &str) -> Result<Self, ParseError> {
        Self::parse_with(name, source, &Functions::new())
    }

    /// The same with functions that the application adds.
    pub fn parse_with(name: &str, source: &str, functions: &Functions) -> Result<Self, ParseError> {
        let code = parse::compile(name, source, functions)?;
        Ok(Self(Arc::new(Inner { name: name.into(), source: source.to_owned(), code })))
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The text that was compiled.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    pub(crate) fn code(&self) -> &Code {
        &self.0.code
    }

    /// Renders with a fresh budget of `runtime`. The output is bytes: some functions cut texts in the middle of a character.
    ///
    /// # Errors
    ///
    /// Where Go's text/template fails (core.md 4.1.3), and where a limit of the runtime is reached.
    pub fn render(&self, scope: &Scope, runtime: &Runtime) -> Result<Vec<u8>, RenderError> {
        let mut out = Vec::new();
        self.render_into(scope, runtime, &mut out)?;
        Ok(out)
    }

    /// The same, added to the end of `out`. After an error `out` is as it was.
    pub fn render_into(
        &self,
        scope: &Scope,
        runtime: &Runtime,
        out: &mut Vec<u8>,
    ) -> Result<(), RenderError> {
        if let Some(text) = self.static_text()
            && text.len() <= runtime.limits.output
        {
            out.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        self.run(Root::Scope(scope), runtime, out)
    }

    /// Renders with any value as the dot, instead of root variables.
    pub fn render_dot(&self, dot: &Value, runtime: &Runtime) -> Result<Vec<u8>, RenderError> {
        let mut out = Vec::new();
        // An explicit nil at the root is no value at all in Go.
        let dot = if dot.is_nil() { &Value::Missing } else { dot };
        self.run(Root::Value(dot), runtime, &mut out)?;
        Ok(out)
    }

    fn run(&self, root: Root<'_>, runtime: &Runtime, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let mut budget = runtime.budget();
        let mut text = Text::new(budget.output_limit());
        let inner = &*self.0;
        let input =
            exec::Input { name: &inner.name, source: &inner.source, code: &inner.code, root, runtime };
        exec::run(&input, &mut budget, &mut text)?;
        if out.is_empty() {
            // The machine has stopped before anything was dropped.
            *out = text.finish().unwrap_or_default();
        } else {
            out.extend_from_slice(text.as_bytes());
        }
        Ok(())
    }

    /// Whether the template has no actions: it renders to the same text for every object.
    pub fn is_static(&self) -> bool {
        self.static_text().is_some()
    }

    /// The text of a template without actions.
    pub fn static_text(&self) -> Option<&str> {
        let code = &self.0.code;
        let body = code.bodies.get(code.main as usize)?;
        match code.ops.get(body.entry as usize..)? {
            [Op::Return, ..] => Some(""),
            [Op::Text { start, end }, Op::Return, ..] => self.0.source.get(*start as usize..*end as usize),
            _ => None,
        }
    }

    /// Whether the variable `root_field` of the scope may be used: `.repo`, `$.repo`, or the whole scope at once. When in
    /// doubt, yes.
    pub fn mentions(&self, root_field: &str) -> bool {
        let code = &self.0.code;
        code.ops.iter().enumerate().any(|(at, op)| match op {
            // Slot 0 of a called body may hold the scope too.
            Op::Field { slot: ROOT | 0, chain } | Op::PrintField { slot: ROOT | 0, chain } => code
                .chains
                .get(*chain as usize)
                .and_then(|chain| chain.names.first())
                .is_none_or(|name| name.text == *root_field),
            // Handing the scope to another body is no use of it by itself: the fields used there are looked at above.
            Op::Load(ROOT) => {
                let next = (code.ops.get(at + 1), code.ops.get(at + 2));
                !matches!(next, (Some(Op::Settle), Some(Op::Template { .. })))
            }
            Op::Load(0) => true,
            _ => false,
        })
    }

    /// Whether the text may depend on the clock: it calls a function that asks for the time, or mentions `time` of the scope.
    pub fn uses_clock(&self) -> bool {
        let by_function = self.0.code.callees.iter().any(|callee| match callee {
            Callee::Native(def) => def.clock,
            Callee::Host(_) => false,
        });
        by_function || self.mentions("time")
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.0.name).finish()
    }
}
