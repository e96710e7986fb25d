//! What can be said of a condition without an object: for `lint`, which looks for conditions that can never hold.
//!
//! The tree is read as it was written, before anything is folded. What cannot be said is left out: nobody may be warned
//! because of a guess.

use std::collections::HashSet;

use crate::check::nature::Ty;
use crate::error::{CompileError, Span};
use crate::syntax::ast::{BinaryOp, NodeId, NodeKind, Tree};
use crate::{check, syntax};

/// Texts of more tokens are not looked at: compiling them needs a stack of its own.
const LARGEST: usize = 200;

/// What a condition is made of.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// What the whole evaluates to.
    pub shape: Shape,
    /// Fields that are looked at, from a variable on, as far as their names are literal.
    pub paths: Vec<Path>,
    /// Fields that are compared with literal texts.
    pub comparisons: Vec<Comparison>,
}

/// What a condition evaluates to, as far as its text tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// A boolean, or nothing is known.
    #[default]
    Open,
    /// Always this boolean.
    Constant(bool),
    /// Never a boolean; the name of the type that it has instead.
    Never(&'static str),
    /// The value of a field, whatever that is.
    Field(String),
}

/// A chain of fields: `app.status.operationState?.phase`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The variable and the fields behind it.
    pub names: Vec<String>,
    /// How many leading names stand in front of a step that fails where they are absent: for each unguarded step the
    /// number of names before it.
    pub unguarded: Vec<usize>,
    /// Where the last name stands.
    pub span: Span,
}

/// `path == 'a'`, `path != 'a'`, `path in ['a', 'b']`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The variable and the fields behind it.
    pub names: Vec<String>,
    /// The texts, and where each stands.
    pub values: Vec<(String, Span)>,
}

impl Outline {
    /// Reads `source`; a very long text has an empty outline.
    ///
    /// # Errors
    /// As [`crate::Program::compile`].
    pub fn of(source: &str) -> Result<Self, CompileError> {
        let tokens = syntax::lex(source)?;
        if tokens.len() > LARGEST {
            return Ok(Self::default());
        }
        let mut tree = syntax::parse(source, tokens)?;
        check::check(source, &mut tree)?;
        Ok(Reader::new(&tree).read())
    }

    /// The line and the column (in characters), both from 1, at which `span` begins in `source`.
    pub fn position(source: &str, span: Span) -> (usize, usize) {
        let mut start = (span.start as usize).min(source.len());
        while !source.is_char_boundary(start) {
            start -= 1;
        }
        let (before, _) = source.split_at(start);
        let line = before.matches('\n').count() + 1;
        (line, before.rsplit('\n').next().unwrap_or(before).chars().count() + 1)
    }
}

struct Reader<'a> {
    tree: &'a Tree,
    /// Names of `let`, which are no variables.
    locals: HashSet<String>,
    /// Paths that are compared with `nil`, or stand before `??`: whoever does that knows that they may be absent.
    guarded: HashSet<Vec<String>>,
    outline: Outline,
}

impl<'a> Reader<'a> {
    fn new(tree: &'a Tree) -> Self {
        let (locals, guarded) = (HashSet::new(), HashSet::new());
        Self { tree, locals, guarded, outline: Outline::default() }
    }

    fn read(mut self) -> Outline {
        let nodes = self.nodes();
        for (id, _) in &nodes {
            self.note(*id);
        }
        for (id, inside_path) in nodes {
            if !inside_path {
                self.path(id);
            }
        }
        self.outline.shape = self.shape();
        self.outline
    }

    /// Every node, and whether it is part of a path that a node above it makes.
    fn nodes(&self) -> Vec<(NodeId, bool)> {
        let (mut found, mut open, mut children) = (Vec::new(), vec![(self.tree.root, false)], Vec::new());
        while let Some((id, inside)) = open.pop() {
            found.push((id, inside));
            let is_path = self.names(id).is_some_and(|names| names.len() > 1);
            self.tree.children(id, &mut children);
            // Backwards, so that what stands first is found first.
            open.extend(children.drain(..).rev().map(|child| (child, is_path)));
        }
        found
    }

    fn note(&mut self, id: NodeId) {
        match self.tree.kind(id) {
            NodeKind::Let { name, .. } => {
                self.locals.extend(name.to_str().map(str::to_owned));
            }
            NodeKind::Binary(BinaryOp::Equal | BinaryOp::NotEqual, left, right) => {
                for (path, other) in [(*left, *right), (*right, *left)] {
                    match self.tree.kind(other) {
                        NodeKind::Nil => self.guarded.extend(self.names(path)),
                        _ => self.compare(path, &[other]),
                    }
                }
            }
            NodeKind::Binary(BinaryOp::In, left, right) => {
                if let NodeKind::Array(items) = self.tree.kind(*right) {
                    self.compare(*left, &items.clone());
                }
                // Whoever asks whether something is in a map knows that it may not be there.
                self.guarded.extend(self.names(*right));
            }
            NodeKind::Binary(BinaryOp::Coalesce, left, _) => self.guarded.extend(self.names(*left)),
            _ => {}
        }
    }

    fn compare(&mut self, path: NodeId, values: &[NodeId]) {
        let Some(names) = self.names(path).filter(|names| names.len() > 1) else { return };
        let text = |id: &NodeId| match self.tree.kind(*id) {
            NodeKind::Str(text) => Some((text.to_str()?.to_owned(), self.tree.span(*id))),
            _ => None,
        };
        let values: Vec<_> = values.iter().filter_map(text).collect();
        if !values.is_empty() {
            self.outline.comparisons.push(Comparison { names, values });
        }
    }

    fn path(&mut self, id: NodeId) {
        let Some(names) = self.names(id) else { return };
        let root = names.first().cloned().unwrap_or_default();
        if root.starts_with('$') || self.locals.contains(&root) {
            return;
        }
        let is_guarded =
            |length: &usize| names.get(..*length).is_some_and(|path| self.guarded.contains(path));
        let unguarded: Vec<usize> =
            self.plain_steps(id).into_iter().filter(|length| !is_guarded(length)).collect();
        self.outline.paths.push(Path { names, unguarded, span: self.tree.span(id) });
    }

    /// The variable and the literal field names of a chain of fields. `f(x).y` is none.
    fn names(&self, id: NodeId) -> Option<Vec<String>> {
        let (mut id, mut names) = (id, Vec::new());
        loop {
            match self.tree.kind(id) {
                NodeKind::Chain(inner) => id = *inner,
                NodeKind::Member { object, property, .. } => {
                    let NodeKind::Str(name) = self.tree.kind(*property) else { return None };
                    names.push(name.to_str()?.to_owned());
                    id = *object;
                }
                NodeKind::Identifier(name) => {
                    names.push(name.to_str()?.to_owned());
                    names.reverse();
                    return Some(names);
                }
                _ => return None,
            }
        }
    }

    /// For each step by `.` the number of names in front of it.
    fn plain_steps(&self, id: NodeId) -> Vec<usize> {
        let mut optional = Vec::new();
        let mut id = id;
        loop {
            match self.tree.kind(id) {
                NodeKind::Chain(inner) => id = *inner,
                NodeKind::Member { object, optional: is_optional, .. } => {
                    optional.push(*is_optional);
                    id = *object;
                }
                _ => break,
            }
        }
        let steps = optional.iter().rev().enumerate();
        steps.filter(|(_, optional)| !**optional).map(|(index, _)| index + 1).collect()
    }

    fn shape(&self) -> Shape {
        let root = self.tree.root;
        if let NodeKind::Bool(value) = self.tree.kind(root) {
            return Shape::Constant(*value);
        }
        match self.tree.nature(root).ty {
            Ty::Bool => Shape::Open,
            Ty::Unknown | Ty::Any => match self.names(root) {
                Some(names) if !self.locals.contains(names.first().map_or("", String::as_str)) => {
                    Shape::Field(names.join("."))
                }
                _ => Shape::Open,
            },
            other => Shape::Never(other.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(source: &str) -> Shape {
        Outline::of(source).unwrap().shape
    }

    #[test]
    fn shapes() {
        assert_eq!(shape("app.status.health.status == 'Degraded'"), Shape::Open);
        assert_eq!(shape("true"), Shape::Constant(true));
        assert_eq!(shape("'Degraded'"), Shape::Never("string"));
        assert_eq!(shape("1 + 2"), Shape::Never("int"));
        assert_eq!(shape("nil"), Shape::Never("nil"));
        assert_eq!(shape("app.status?.health.status"), Shape::Field("app.status.health.status".into()));
        assert_eq!(shape("Degraded"), Shape::Field("Degraded".into()));
        assert_eq!(shape("not app.spec.x"), Shape::Open);
        assert_eq!(shape("let x = 1; x == 1"), Shape::Open);
    }

    fn unguarded(source: &str) -> Vec<String> {
        let outline = Outline::of(source).unwrap();
        let named = |path: &Path| {
            let before = |length: &usize| path.names.get(..*length).unwrap_or_default().join(".");
            path.unguarded.iter().map(before).collect::<Vec<_>>()
        };
        outline.paths.iter().flat_map(named).collect()
    }

    #[test]
    fn steps_that_may_fail() {
        assert_eq!(unguarded("app.a.b == 'x'"), ["app", "app.a"]);
        assert_eq!(unguarded("app.a?.b == 'x'"), ["app"]);
        assert_eq!(unguarded("app.a != nil and app.a.b == 'x'"), ["app", "app"]);
        assert_eq!(unguarded("(app.a ?? {}).b == 'x'"), ["app"]);
        assert_eq!(unguarded("time.Parse(app.a.b).Before(x)"), ["time", "app", "app.a"]);
    }

    #[test]
    fn comparisons_and_variables() {
        let outline = Outline::of("app.x in ['a', 'b'] or 'c' != app.y or foo == 'd'").unwrap();
        let values = |one: &Comparison| {
            let texts: Vec<_> = one.values.iter().map(|(text, _)| text.as_str()).collect();
            format!("{} {}", one.names.join("."), texts.join(","))
        };
        assert_eq!(outline.comparisons.iter().map(values).collect::<Vec<_>>(), ["app.x a,b", "app.y c"]);
        let roots: Vec<_> = outline.paths.iter().filter_map(|path| path.names.first().cloned()).collect();
        assert_eq!(roots, ["app", "app", "foo"]);
        assert_eq!(Outline::of("let x = app.a; x.b == 1").unwrap().paths.len(), 1);
    }

    #[test]
    fn places() {
        assert_eq!(Outline::position("a\nbcd", Span { start: 4, end: 5 }), (2, 3));
        assert_eq!(Outline::position("é", Span { start: 1, end: 9 }), (1, 1));
    }
}
