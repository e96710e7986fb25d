//! Conditions that can never hold, hold always, or fail for some objects.

use std::collections::{BTreeMap, BTreeSet};

use dodona_expr::{Outline, Shape, Span};

use super::Findings;
use super::groups::{Configuration, Value};
use super::samples::is_near;
use crate::config::raw::Key;
use crate::config::{place, yaml};
use crate::model::{Fields, NodeKind, Position};

/// Values of `oncePer` that are nothing for an Application with several sources, and then the same for ever.
const SINGLE_SOURCE: &[&str] = &[
    "app.spec.source.repoURL",
    "app.spec.source.targetRevision",
    "app.status.sync.comparedTo.source.targetRevision",
    "app.status.sync.revision",
];

/// Looks at every condition of every trigger.
pub(super) fn check(configuration: &Configuration<'_>, findings: &mut Findings) {
    let (variables, members) = (configuration.variables(false), configuration.members());
    for (key, kind, value) in configuration.own() {
        let (Key::Trigger(_), Ok(node)) = (kind, yaml::parse_node(&value.text)) else { continue };
        let items = match &node.kind {
            NodeKind::Map(_) => std::slice::from_ref(&node),
            NodeKind::List(items) => items,
            _ => continue,
        };
        for (index, item) in items.iter().enumerate() {
            let Ok(fields) = item.fields() else { continue };
            let variables = variables.as_ref();
            let condition =
                Condition { configuration, key, value, index, fields, variables, members: &members };
            condition.check(findings);
        }
    }
}

struct Condition<'a> {
    configuration: &'a Configuration<'a>,
    key: &'a str,
    value: &'a Value<'a>,
    index: usize,
    fields: Fields<'a>,
    /// The variables that conditions may use, if they are known.
    variables: Option<&'a BTreeSet<String>>,
    /// What the variables have that hold functions.
    members: &'a BTreeMap<String, Vec<String>>,
}

/// An expression of a condition, where it begins, and what is known of it.
struct Expression<'a> {
    field: &'a str,
    source: &'a str,
    at: Position,
    outline: Outline,
}

impl Condition<'_> {
    fn check(&self, findings: &mut Findings) {
        let text = |field| self.fields.text(field).unwrap_or_default();
        let (when, once_per) = (text("when"), text("oncePer"));
        if when.is_empty() {
            if self.configuration.facts.is_app() {
                let message = "there is no `when`, and such a condition never holds; add one, or `when: \"true\"` with `oncePer`";
                self.add("when-missing", "when", self.fields.at(), message, findings);
            }
        } else if let Some(when) = self.expression("when", &when) {
            self.shape(&when, once_per.is_empty(), findings);
            self.values(&when, findings);
            self.paths(&when, findings);
        }
        if let Some(once_per) = self.expression("oncePer", &once_per) {
            self.once_per(&once_per, findings);
            self.paths(&once_per, findings);
        }
    }

    /// What does not compile has been reported.
    fn expression<'t>(&self, field: &'t str, source: &'t str) -> Option<Expression<'t>> {
        if source.is_empty() {
            return None;
        }
        let at = self.fields.get(field).map_or(self.fields.at(), |node| node.at);
        Some(Expression { field, source, at, outline: Outline::of(source).ok()? })
    }

    fn shape(&self, when: &Expression<'_>, forgets: bool, findings: &mut Findings) {
        match &when.outline.shape {
            Shape::Never(kind) => {
                let message = format!(
                    "this is a {kind} and never true; compare it with something, such as `… == 'Degraded'`"
                );
                self.add("when-not-boolean", "when", when.at, message, findings);
            }
            Shape::Field(name) => self.field(when, name, findings),
            Shape::Constant(false) => {
                self.add(
                    "when-constant",
                    "when",
                    when.at,
                    "this never holds; remove the condition, or give it something to look at",
                    findings,
                );
            }
            Shape::Constant(true) if forgets => {
                let message = "this holds for every object from the first look on, so it is told once for each object and never again; say with `oncePer` what makes it news";
                self.add("when-constant", "when", when.at, message, findings);
            }
            // The clock, and all variables by name, are no paths.
            Shape::Open
                if self.variables.is_some()
                    && when.outline.paths.is_empty()
                    && !["now", "$env"].iter().any(|word| when.source.contains(word)) =>
            {
                let message = "this looks at nothing, so it is always the same; a path stands without quotes, such as `app.status.sync.status`";
                self.add("when-constant", "when", when.at, message, findings);
            }
            _ => {}
        }
    }

    /// `when: app.status.health.status`.
    fn field(&self, when: &Expression<'_>, name: &str, findings: &mut Findings) {
        let names: Vec<String> = name.split('.').map(str::to_owned).collect();
        let Some(root) = names.first().filter(|root| self.knows(root)) else { return };
        match self.configuration.facts.values_of(&names) {
            Some(values) => {
                let example = values.first().copied().unwrap_or_default();
                let message =
                    format!("`{name}` is a text and never true; compare it, such as `{name} == '{example}'`");
                self.add("when-not-boolean", "when", when.at, message, findings);
            }
            None if names.len() == 1 => {
                let message =
                    format!("`{root}` is no boolean, so this never holds; compare one of its fields");
                self.add("when-not-boolean", "when", when.at, message, findings);
            }
            None if self.variables.is_some() => {
                let message = format!(
                    "this holds only if `{name}` is the boolean `true`; compare it with something if it is anything else"
                );
                self.add("when-is-field", "when", when.at, message, findings);
            }
            // Of other kinds nobody knows which fields are booleans.
            None => {}
        }
    }

    fn values(&self, when: &Expression<'_>, findings: &mut Findings) {
        for comparison in &when.outline.comparisons {
            let Some(known) = self.configuration.facts.values_of(&comparison.names) else { continue };
            for (text, span) in &comparison.values {
                if !known.contains(&text.as_str()) {
                    let name = comparison.names.join(".");
                    let message = format!("`{name}` is never `{text}`; its values are {}", known.join(", "));
                    self.add("unknown-value", when.field, self.place(when, *span), message, findings);
                }
            }
        }
    }

    fn paths(&self, expression: &Expression<'_>, findings: &mut Findings) {
        let mut told = BTreeSet::new();
        for path in &expression.outline.paths {
            let root = path.names.first().map_or("", String::as_str);
            let at = self.place(expression, path.span);
            if !self.knows(root) && told.insert(root.to_owned()) {
                let advice = match root {
                    "null" | "None" | "undefined" => "write `nil`".to_owned(),
                    _ if path.names.len() == 1 => {
                        format!("put a text in quotes; the variables are {}", self.known())
                    }
                    _ => format!("the variables are {}", self.known()),
                };
                let message = format!("there is no variable `{root}`; {advice}");
                self.add("unknown-variable", expression.field, at, message, findings);
            }
            if let (Some(known), Some(member)) = (self.members.get(root), path.names.get(1))
                && !known.contains(member)
                && told.insert(format!("{root}.{member}"))
            {
                let meant = known.iter().find(|known| is_near(known, member));
                let advice = match meant {
                    Some(meant) => format!("`{root}.{meant}` is probably meant"),
                    None => format!("`{root}` has {}", known.join(", ")),
                };
                let message = format!("there is no `{root}.{member}`; {advice}");
                self.add("unknown-variable", expression.field, at, message, findings);
            }
            if let Some((name, meant)) = self.configuration.facts.misspelled(&path.names)
                && told.insert(path.names.join("."))
            {
                let message = format!(
                    "there is no field `{name}` here, so this is nothing; `{meant}` is probably meant"
                );
                self.add("misspelled-field", expression.field, at, message, findings);
            }
            for length in &path.unguarded {
                let (Some(before), Some(next)) = (path.names.get(..*length), path.names.get(*length)) else {
                    continue;
                };
                let name = before.join(".");
                if self.configuration.facts.may_be_absent(before) && told.insert(name.clone()) {
                    let effect = if expression.field == "when" {
                        "the condition fails there"
                    } else {
                        "`oncePer` counts as absent there"
                    };
                    let message = format!(
                        "`{name}` is absent in some objects, and {effect}; write `{name}?.{next}`, or ask for `{name} != nil` first"
                    );
                    self.add("unguarded-path", expression.field, at, message, findings);
                }
            }
        }
    }

    fn once_per(&self, once_per: &Expression<'_>, findings: &mut Findings) {
        let Shape::Field(name) = &once_per.outline.shape else { return };
        if self.configuration.facts.is_app() && SINGLE_SOURCE.contains(&name.as_str()) {
            let message = format!(
                "`{name}` is nothing for an Application with several sources, so it is told once and never again; use `app.status.operationState?.syncResult?.revision`, or `app.status.operationState?.startedAt` for each sync"
            );
            self.add("once-per-revision", "oncePer", once_per.at, message, findings);
        }
    }

    fn knows(&self, root: &str) -> bool {
        self.variables.is_none_or(|variables| variables.contains(root))
    }

    fn known(&self) -> String {
        let names: Vec<_> = self.variables.into_iter().flatten().map(String::as_str).collect();
        names.join(", ")
    }

    fn place(&self, expression: &Expression<'_>, span: Span) -> Position {
        let (line, column) = Outline::position(expression.source, span);
        place::inside(&self.value.text, expression.at, line, column)
    }

    fn add(
        &self,
        rule: &str,
        field: &str,
        at: Position,
        message: impl Into<String>,
        findings: &mut Findings,
    ) {
        let subject = format!("{}: [{}].{field}", self.key, self.index);
        self.configuration.add(rule, self.key, Some(at), &subject, message, findings);
    }
}
