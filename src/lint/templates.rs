//! Templates that cannot be rendered, or whose JSON or YAML breaks. Every text of a template is tried on complete sample objects
//! with the engine that renders messages.

use std::collections::BTreeSet;

use dodona_gotmpl::Template;
use dodona_value::{Runtime, Scope};

use super::Findings;
use super::groups::{Configuration, Value};
use super::samples::{self, Rendered};
use crate::config::raw::Key;
use crate::config::{self, place, yaml};
use crate::model::{Node, NodeKind, Notation, Position};

/// Functions behind which a text cannot break JSON or YAML any more.
const ESCAPING: &[&str] = &[
    "toJson",
    "mustToJson",
    "toRawJson",
    "mustToRawJson",
    "toPrettyJson",
    "mustToPrettyJson",
    "js",
    "b64enc",
    "urlquery",
    "replace",
    "regexReplaceAll",
    "regexReplaceAllLiteral",
    "len",
    "sha1sum",
    "sha256sum",
];

/// Last fields of paths that hold what people or tools have written.
const FREE_TEXT: &[&str] = &["author", "body", "description", "error", "subject", "title"];

/// What the message of a look-up depends on is not there when nobody is asked.
const LOOKUPS: &[&str] = &["GetCommitMetadata", "GetAppDetails", "GetInfo"];

/// What Go prints for nothing.
const NOTHING: &str = "<no value>";

/// Looks at every text of every template.
pub(super) fn check(configuration: &Configuration<'_>, findings: &mut Findings) {
    let facts = configuration.facts;
    let context = &configuration.config.context;
    let scopes: Vec<_> = facts
        .samples
        .iter()
        .filter_map(|sample| Some((sample.what, sample.scope(&*facts.binding, context)?)))
        .collect();
    let (variables, runtime) = (configuration.variables(true), samples::runtime());
    let structures = config::structures();
    for (key, kind, value) in configuration.own() {
        let (Key::Template(name), Ok(node)) = (kind, yaml::parse_node(&value.text)) else { continue };
        let trial = Trial {
            configuration,
            key,
            name,
            value,
            variables: variables.as_ref(),
            scopes: &scopes,
            structures: &structures,
            runtime: &runtime,
        };
        webhook_methods(&trial, &node, findings);
        trial.walk(&node, &mut Vec::new(), findings);
    }
}

/// A webhook block without `method` sends a GET (services 2.7).
fn webhook_methods(trial: &Trial<'_>, node: &Node, findings: &mut Findings) {
    let Ok(Some(blocks)) = node.fields().and_then(|fields| fields.fields("webhook")) else { return };
    for (name, block) in blocks.iter() {
        let Ok(fields) = block.fields() else { continue };
        if fields.text("method").is_ok_and(|method| method.is_empty()) {
            let message = "there is no `method`, so a GET is sent, and most receivers ignore its body; write `method: POST`";
            trial.add(
                "webhook-method",
                &["webhook".into(), name.text.clone()],
                name.at,
                message.to_owned(),
                findings,
            );
        }
    }
}

struct Trial<'a> {
    configuration: &'a Configuration<'a>,
    key: &'a str,
    name: &'a str,
    value: &'a Value<'a>,
    variables: Option<&'a BTreeSet<String>>,
    scopes: &'a [(&'static str, Scope)],
    /// The fields that may hold a structure as a text.
    structures: &'a [(String, Notation)],
    runtime: &'a Runtime,
}

/// One text of a template.
struct Leaf<'a> {
    path: &'a [String],
    at: Position,
    text: &'a str,
    /// What the text has to be besides a template.
    notation: Option<Notation>,
}

impl Trial<'_> {
    /// Recurses as deep as the tree, which the parser bounds.
    fn walk(&self, node: &Node, path: &mut Vec<String>, findings: &mut Findings) {
        match &node.kind {
            NodeKind::Text(text) => {
                let leaf = Leaf { path, at: node.at, text, notation: notation(self.structures, path, text) };
                self.leaf(&leaf, findings);
            }
            NodeKind::List(items) => items.iter().for_each(|item| self.walk(item, path, findings)),
            NodeKind::Map(pairs) => {
                for (key, value) in pairs {
                    path.push(key.text.clone());
                    self.walk(value, path, findings);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    fn leaf(&self, leaf: &Leaf<'_>, findings: &mut Findings) {
        if !leaf.text.contains("{{") {
            if let Some(notation) = leaf.notation {
                self.structure(leaf, notation, &[("every object", leaf.text.to_owned())], findings);
            }
            return;
        }
        self.helm(leaf, findings);
        // What does not parse has been reported.
        let Ok(template) = Template::parse(self.name, leaf.text) else { return };
        let known = self.variables(leaf, &template, findings);
        self.misspelled(leaf, &template, findings);
        if let Some(notation) = leaf.notation {
            self.unescaped(leaf, notation, &template, findings);
        }
        if known && !LOOKUPS.iter().any(|name| leaf.text.contains(name)) {
            self.samples(leaf, &template, findings);
        }
    }

    fn helm(&self, leaf: &Leaf<'_>, findings: &mut Findings) {
        for mark in ["{{`{{", "{{ `{{", "{{\"{{\"}}", "{{ \"{{\" }}"] {
            if let Some(offset) = leaf.text.find(mark) {
                let message = "this prints braces instead of a value: they are escaped as in a Helm chart; write `{{ … }}`, or lint the output of `helm template`";
                self.add("helm-braces", leaf.path, self.place(leaf, offset), message.to_owned(), findings);
                return;
            }
        }
    }

    /// Whether all variables are known.
    fn variables(&self, leaf: &Leaf<'_>, template: &Template, findings: &mut Findings) -> bool {
        let Some(known) = self.variables else { return true };
        let mut unknown = BTreeSet::new();
        for variable in template.variables() {
            if !known.contains(variable.name) && unknown.insert(variable.name.to_owned()) {
                let names: Vec<_> = known.iter().map(String::as_str).collect();
                let message = format!(
                    "there is no variable `.{}`; the variables are {}",
                    variable.name,
                    names.join(", ")
                );
                self.add(
                    "unknown-variable",
                    leaf.path,
                    self.place(leaf, variable.span.start),
                    message,
                    findings,
                );
            }
        }
        unknown.is_empty()
    }

    fn misspelled(&self, leaf: &Leaf<'_>, template: &Template, findings: &mut Findings) {
        let mut told = BTreeSet::new();
        for printed in template.printed() {
            for field in &printed.fields {
                let names: Vec<String> = field.iter().map(|name| (*name).to_owned()).collect();
                let misspelled = self.configuration.facts.misspelled(&names);
                let Some((name, meant)) = misspelled.or_else(|| self.context(&names)) else { continue };
                if told.insert(names.join(".")) {
                    let message = format!(
                        "there is no field `{name}` here, so this shows `{NOTHING}`; `{meant}` is probably meant"
                    );
                    let at = self.place(leaf, printed.span.start);
                    self.add("misspelled-field", leaf.path, at, message, findings);
                }
            }
        }
    }

    /// A key of `context` that is not there, and the one that reads nearly the same.
    fn context<'n>(&'n self, names: &'n [String]) -> Option<(&'n str, &'n str)> {
        let [root, name, ..] = names else { return None };
        let known = &self.configuration.config.context;
        if root != "context" || known.contains_key(name) {
            return None;
        }
        let near = known.keys().find(|known| samples::is_near(known, name));
        near.map(|meant| (name.as_str(), meant.as_str()))
    }

    /// Free text between the quotes of JSON or YAML.
    fn unescaped(&self, leaf: &Leaf<'_>, notation: Notation, template: &Template, findings: &mut Findings) {
        let quoted = Quotes::of(leaf.text);
        for printed in template.printed() {
            let is_free = |names: &Vec<&str>| {
                let last = names.last().map_or(String::new(), |name| name.to_ascii_lowercase());
                last.ends_with("message") || FREE_TEXT.contains(&last.as_str())
            };
            let is_escaped = printed.functions.iter().any(|name| ESCAPING.contains(name));
            let Some(field) = printed.fields.iter().find(|names| is_free(names)).filter(|_| !is_escaped)
            else {
                continue;
            };
            if quoted.contain(printed.span.start) {
                let name = field.join(".");
                let message = format!(
                    "a quote or line break in `{name}` makes this invalid {}, and the message is not sent; write `{{{{… | toJson}}}}` without quotes around it",
                    name_of(notation)
                );
                self.add(
                    "json-unescaped",
                    leaf.path,
                    self.place(leaf, printed.span.start),
                    message,
                    findings,
                );
            }
        }
    }

    fn samples(&self, leaf: &Leaf<'_>, template: &Template, findings: &mut Findings) {
        let rendered: Vec<_> = self
            .scopes
            .iter()
            .map(|(what, scope)| (*what, samples::render(template, scope, self.runtime)))
            .collect();
        let shown = rendered.iter().any(|(_, one)| matches!(one, Rendered::Text(_)));
        if let (false, Some((what, Rendered::Failed { message, line, column }))) = (shown, rendered.first()) {
            let message = format!(
                "this cannot be rendered, not even for {what} in which all fields are there: {message}; correct the path, or guard it with `with` or `if`"
            );
            let at = place::inside(&self.value.text, leaf.at, *line, *column);
            return self.add("template-fails", leaf.path, at, message, findings);
        }
        self.several_sources(leaf, template, &rendered, findings);
        if let Some(notation) = leaf.notation {
            let texts: Vec<_> = rendered
                .into_iter()
                .filter_map(|(what, one)| match one {
                    Rendered::Text(text) => Some((what, text)),
                    Rendered::Failed { .. } => None,
                })
                .collect();
            self.structure(leaf, notation, &texts, findings);
        }
    }

    /// The second sample of Argo CD differs from the first in its sources only.
    fn several_sources(
        &self,
        leaf: &Leaf<'_>,
        template: &Template,
        rendered: &[(&str, Rendered)],
        findings: &mut Findings,
    ) {
        let [(_, Rendered::Text(single)), (what, several)] = rendered else { return };
        let advice = "ask with `if .app.spec.sources`, or take the first with `(index .app.spec.sources 0)`";
        match several {
            Rendered::Failed { message, line, column } => {
                let message =
                    format!("for {what} this cannot be rendered, and nothing is sent: {message}; {advice}");
                let at = place::inside(&self.value.text, leaf.at, *line, *column);
                self.add("multi-source", leaf.path, at, message, findings);
            }
            Rendered::Text(text) if text.contains(NOTHING) && !single.contains(NOTHING) => {
                let at = self.first_nothing(leaf, template).unwrap_or(leaf.at);
                let message =
                    format!("for {what} this shows `{NOTHING}`; {advice}, or `.app.status.sync.revisions`");
                self.add("multi-source", leaf.path, at, message, findings);
            }
            Rendered::Text(_) => {}
        }
    }

    /// The place of the first value that shows nothing for the second sample only.
    fn first_nothing(&self, leaf: &Leaf<'_>, template: &Template) -> Option<Position> {
        let shows_nothing = |scope: &Scope, part: &Template| matches!(samples::render(part, scope, self.runtime), Rendered::Text(text) if text.contains(NOTHING));
        let [(_, single), (_, several)] = self.scopes else { return None };
        let mut printed = template.printed().into_iter();
        let found = printed.find(|printed| {
            let source = leaf.text.get(printed.span.clone()).unwrap_or_default();
            // What uses a variable of its surroundings does not parse alone.
            Template::parse(self.name, &format!("{{{{{source}}}}}"))
                .is_ok_and(|part| shows_nothing(several, &part) && !shows_nothing(single, &part))
        })?;
        Some(self.place(leaf, found.span.start))
    }

    /// The first of `texts` that cannot be read. An empty text is left out of the message.
    fn structure(
        &self,
        leaf: &Leaf<'_>,
        notation: Notation,
        texts: &[(&str, String)],
        findings: &mut Findings,
    ) {
        for (what, text) in texts {
            if text.trim().is_empty() {
                continue;
            }
            let Some((reason, line)) = problem(notation, text) else { continue };
            let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
            let shown: String = line.trim().chars().take(80).collect();
            let advice = match notation {
                Notation::Json => "check commas and quotes, or write YAML instead of JSON here",
                Notation::Yaml => "check indents and quotes, or write a structure here instead of a text",
            };
            let message =
                format!("for {what} this is no {}: {reason} in `{shown}`; {advice}", name_of(notation));
            return self.add("json-invalid", leaf.path, leaf.at, message, findings);
        }
    }

    /// The place in the value of the byte `offset` of a text.
    fn place(&self, leaf: &Leaf<'_>, offset: usize) -> Position {
        let before = leaf.text.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        place::inside(&self.value.text, leaf.at, line, column)
    }

    fn add(&self, rule: &str, path: &[String], at: Position, message: String, findings: &mut Findings) {
        let subject = format!("{}: {}", self.key, path.join("."));
        self.configuration.add(rule, self.key, Some(at), &subject, message, findings);
    }
}

/// Why `text` cannot be read, and the line.
fn problem(notation: Notation, text: &str) -> Option<(String, usize)> {
    match notation {
        Notation::Json => {
            let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
            let reason = error.to_string();
            Some((reason.split(" at line ").next().unwrap_or_default().to_owned(), error.line()))
        }
        Notation::Yaml => yaml::parse_node(text).err().map(|error| (error.message, error.at.line)),
    }
}

fn name_of(notation: Notation) -> &'static str {
    match notation {
        Notation::Json => "JSON",
        Notation::Yaml => "YAML",
    }
}

/// What the field at `path` is written in: the known ones, and bodies of webhooks that begin like JSON.
fn notation(structures: &[(String, Notation)], path: &[String], text: &str) -> Option<Notation> {
    let name = path.join(".");
    if let Some((_, notation)) = structures.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
        return Some(*notation);
    }
    let begin = text.trim_start();
    let begins = begin.starts_with('[') || begin.starts_with('{') && !begin.starts_with("{{");
    let is_body = matches!(path, [section, _, field] if section == "webhook" && field == "body");
    (is_body && begins).then_some(Notation::Json)
}

/// The parts of a JSON or YAML text with actions that stand between quotes.
struct Quotes(Vec<std::ops::Range<usize>>);

impl Quotes {
    fn of(text: &str) -> Self {
        let (mut found, mut open, mut escaped, mut rest) = (Vec::new(), None, false, 0);
        let bytes = text.as_bytes();
        while let Some(byte) = bytes.get(rest) {
            if bytes.get(rest..).is_some_and(|bytes| bytes.starts_with(b"{{")) {
                let end = text
                    .get(rest..)
                    .and_then(|action| action.find("}}"))
                    .map_or(text.len(), |end| rest + end + 2);
                rest = end;
                continue;
            }
            match (byte, open) {
                _ if escaped => escaped = false,
                (b'\\', _) => escaped = true,
                (b'"', Some(begin)) => {
                    found.push(begin..rest);
                    open = None;
                }
                (b'"', None) => open = Some(rest),
                _ => {}
            }
            rest += 1;
        }
        Self(found)
    }

    fn contain(&self, offset: usize) -> bool {
        self.0.iter().any(|range| range.contains(&offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_of_json_with_actions() {
        let text = r#"{"a": "x {{printf "%s" .b}}", "c": {{.d}}}"#;
        let quotes = Quotes::of(text);
        assert!(quotes.contain(text.find(".b").unwrap()));
        assert!(!quotes.contain(text.find(".d").unwrap()));
    }

    /// The services say which; a new one's come in by themselves.
    #[test]
    fn fields_that_hold_structures() {
        let known = config::structures();
        let named: Vec<_> = known.iter().map(|(name, how)| format!("{name} {}", name_of(*how))).collect();
        let expected = [
            "github.repositoryDispatch.client_payload JSON",
            "googlechat.cards YAML",
            "googlechat.cardsV2 YAML",
            "pagerdutyv2.links JSON",
            "slack.blocks JSON",
            "teams-workflows.adaptiveCard JSON",
        ];
        for field in expected {
            assert!(named.iter().any(|name| name == field), "{field}: {named:?}");
        }
        for text in ["slack.username", "googlechat.threadKey", "email.subject"] {
            assert!(known.iter().all(|(name, _)| name != text), "{text}: {named:?}");
        }
    }

    #[test]
    fn what_a_field_is_written_in() {
        let known = config::structures();
        let of = |name: &str, text: &str| {
            let path: Vec<_> = name.split('.').map(str::to_owned).collect();
            notation(&known, &path, text)
        };
        assert_eq!(of("webhook.a.body", " {\"x\": 1}"), Some(Notation::Json));
        assert_eq!(of("webhook.a.body", "{{.app}}"), None);
        assert_eq!(of("slack.attachments", "{{.app}}"), Some(Notation::Json));
        assert_eq!(of("googlechat.cardsv2", "x"), Some(Notation::Yaml));
        assert_eq!(of("message", "{}"), None);
    }
}
