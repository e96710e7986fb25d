use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use dodona_value::{Numbers, Time};
use serde_json::json;

use super::*;
use crate::model::{Destination, Object, Section, SectionError};

/// A section of one field: keeps the former text if the new one is empty, and shows for which service it rendered.
struct Line {
    source: dodona_gotmpl::Template,
}

impl Section for Line {
    fn render(
        &self,
        context: &mut SectionContext<'_>,
        into: &mut serde_json::Value,
    ) -> Result<(), SectionError> {
        let text = self.source.render(context.scope, context.runtime);
        let text = text.map_err(|error| SectionError { field: "line".into(), message: error.to_string() })?;
        if !text.is_empty() || into.is_null() {
            *into = json!({"line": String::from_utf8(text).unwrap(), "service": context.service});
        }
        Ok(())
    }

    fn mentions(&self, name: &str) -> bool {
        self.source.mentions(name)
    }
}

/// A template `name` of a common text and sections.
fn template(name: &str, message: Option<&str>, sections: &[(&'static str, &str)]) -> (String, Arc<Template>) {
    let parse = |text: &str| dodona_gotmpl::Template::parse(name, text).unwrap();
    let line = |(key, text): &(&'static str, &str)| {
        (*key, Box::new(Line { source: parse(text) }) as Box<dyn Section>)
    };
    let sections = sections.iter().map(line).collect();
    (
        name.to_owned(),
        Arc::new(Template {
            name: name.into(),
            message: message.map(parse),
            sections,
            demands_answers: false,
            fingerprint: 0,
        }),
    )
}

fn send(templates: &[&str]) -> Send {
    let object =
        Object::parse(Bytes::from_static(br#"{"metadata":{"name":"o"}}"#), Numbers::Kubernetes).unwrap();
    Send {
        again: false,
        policy: 0,
        trigger: "on".into(),
        condition: "[0].x".into(),
        ledger_key: "k".into(),
        destination: Destination::new("workspace1", "chan"),
        templates: templates.iter().map(|name| (*name).to_owned()).collect(),
        object: Arc::new(object),
    }
}

fn policy() -> Policy {
    let templates = [
        template("first", Some("one {{.x}}"), &[("slack", "s1"), ("email", "e1")]),
        template("second", Some(""), &[("slack", "s2")]),
        template("third", Some("three"), &[("slack", "")]),
        template("bare", None, &[]),
        template("broken", Some("ok\n{{ .x.y }}"), &[]),
        template("broken-section", Some("ok"), &[("slack", "{{ .x.y }}"), ("email", "e")]),
        template("asks", None, &[("slack", "{{ call .repo.GetCommitMetadata `sha` }}")]),
    ];
    Policy { templates: templates.into_iter().collect::<BTreeMap<_, _>>(), ..Policy::default() }
}

fn composed(templates: &[&str], wanted: Wanted<'_>) -> Result<Message, ComposeError> {
    let scope: Scope = [("x", dodona_value::Value::text("X"))].into_iter().collect();
    compose(&send(templates), &policy(), wanted, &scope, &Runtime::fixed(Time::zero()))
}

const SLACK: Wanted<'static> = Wanted::Section(Some("slack"));

#[test]
fn a_later_text_counts_unless_it_is_empty() {
    assert_eq!(composed(&["first", "second"], SLACK).unwrap().text, "one X");
    assert_eq!(composed(&["first", "second", "third"], SLACK).unwrap().text, "three");
    assert_eq!(composed(&["third", "first", "bare"], SLACK).unwrap().text, "one X");
}

#[test]
fn only_the_section_of_the_destination_is_rendered() {
    let message = composed(&["first", "second"], SLACK).unwrap();
    assert_eq!(json!(message.sections), json!({"slack": {"line": "s2", "service": "workspace1"}}));
    assert!(composed(&["first"], Wanted::Section(None)).unwrap().sections.is_empty());
    let all = composed(&["first", "third"], Wanted::All).unwrap();
    assert_eq!(
        json!(all.sections),
        json!({"slack": {"line": "s1", "service": null}, "email": {"line": "e1", "service": null}})
    );
}

#[test]
fn a_section_that_nobody_reads_holds_nothing_back() {
    assert_eq!(composed(&["broken-section"], Wanted::Section(Some("email"))).unwrap().text, "ok");
    assert!(composed(&["broken-section"], Wanted::All).is_err());
}

#[test]
fn an_empty_list_is_an_empty_message() {
    assert_eq!(composed(&[], SLACK).unwrap(), Message::default());
}

#[test]
fn errors_name_template_field_and_place() {
    assert_eq!(
        composed(&["first", "none"], SLACK).unwrap_err().to_string(),
        "template 'none' is not supported"
    );
    let text = composed(&["broken"], SLACK).unwrap_err().to_string();
    assert!(
        text.starts_with("failed to render template `broken`, field `message`: line 2, column "),
        "{text}"
    );
    let text = composed(&["broken-section"], SLACK).unwrap_err().to_string();
    assert!(
        text.starts_with("failed to render template `broken-section`, field `slack.line`: line 1, column "),
        "{text}"
    );
}

#[test]
fn templates_that_ask_the_repo_server_are_known_beforehand() {
    assert!(needs_lookup(&send(&["first", "asks"]), &policy()));
    assert!(!needs_lookup(&send(&["first", "none"]), &policy()));
}
