//! `docs/services/<service>.md`: every page exists, and the configuration in it works: it is read, rendered and sent.

use dodona::config::yaml;
use dodona::delivery::client::{Clients, Reach};
use dodona::delivery::{service_types, services};
use dodona::model::{Message, Node};
use dodona_recorder::nats::{self, NatsRecorder};
use dodona_recorder::smtp::{Script, SmtpRecorder};
use serde_json::{Value, json};

use crate::contract::{contracts, fill};
use crate::play::{build, render, to_json};

/// The ConfigMap data in the section `## Example` of a page.
fn example(kind: &str) -> Node {
    let file =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/services").join(format!("{kind}.md"));
    let page = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (_, rest) =
        page.split_once("\n## Example\n").unwrap_or_else(|| panic!("{kind}.md has no section `## Example`"));
    let (_, rest) =
        rest.split_once("```yaml\n").unwrap_or_else(|| panic!("{kind}.md has no YAML block in its example"));
    let (block, _) = rest.split_once("```").unwrap();
    yaml::parse_node(block).unwrap_or_else(|error| panic!("{kind}.md: {}: {error}", error.at))
}

/// The variables that examples may use.
fn vars() -> serde_json::Map<String, Value> {
    let vars = json!({
        "app": {
            "metadata": {"name": "guestbook", "namespace": "argocd", "annotations": {}, "labels": {"team": "web"}},
            "spec": {"project": "default", "source": {"repoURL": "https://github.com/org/repo.git"}},
            "status": {
                "health": {"status": "Healthy"},
                "sync": {"status": "Synced", "revision": "abc123"},
                "operationState": {"phase": "Succeeded", "message": "done \"well\"", "finishedAt": "2026-01-01T00:00:00Z",
                    "syncResult": {"revision": "abc123"}}
            }
        },
        "context": {"argocdUrl": "https://cd.example.org"},
        "recipient": "somebody", "serviceType": "service"
    });
    vars.as_object().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_pages_work() {
    for (kind, contract) in contracts() {
        let example = example(kind);
        let fields = example.fields().unwrap();
        let mut message = Message::default();
        let mut templates = 0;
        let name_of = |key: &str| key.rsplit('.').next().unwrap().to_owned();
        let service = fields.iter().find(|(key, _)| key.text.starts_with(&format!("service.{kind}")));
        let name = service.map_or_else(|| kind.to_owned(), |(key, _)| name_of(&key.text));
        for (key, node) in fields.iter().filter(|(key, _)| key.text.starts_with("template.")) {
            templates += 1;
            let wanted = if kind == "console" { None } else { Some((kind, name.as_str())) };
            render(&key.text, &node.text().unwrap(), &vars(), wanted, &mut message)
                .unwrap_or_else(|error| panic!("{kind}.md, `{}`: {error}", key.text));
        }
        assert!(templates > 0, "{kind}.md shows no template");
        if contract.transport == "none" {
            assert!(!services::console::show(&message).is_empty());
            continue;
        }
        let (_, settings) = service.unwrap_or_else(|| panic!("{kind}.md shows no `service.{kind}`"));
        let http = contract.accepting();
        let smtp = SmtpRecorder::start(Script { ehlo: vec!["AUTH PLAIN".into()], ..Script::default() });
        let mut settings = to_json(&yaml::parse_node(&settings.text().unwrap()).unwrap());
        for (key, value) in contract.point.as_object().unwrap() {
            settings[key] = value.clone();
        }
        let nats = NatsRecorder::start(nats::Script::default());
        let url = match contract.transport.as_str() {
            "nats" => format!("nats://{}", nats.host()),
            _ => format!("http://{}", http.host()),
        };
        let settings = fill(&settings.to_string(), &url, smtp.port());
        let clients = Clients::new(Reach { tls_directory: None, ..Reach::default() });
        let mut warnings = Vec::new();
        let service = build(kind, &name, &settings, &clients, &mut warnings)
            .unwrap_or_else(|error| panic!("{kind}.md: {}: {error}", error.path));
        assert!(warnings.is_empty(), "{kind}.md: {warnings:?}");
        let sent = service.deliver(&message, &contract.recipient).await;
        sent.unwrap_or_else(|error| panic!("{kind}.md: {error}"));
        let arrived = http.requests().len() + smtp.mails().mails.len() + nats.traffic().messages.len();
        assert!(arrived > 0, "{kind}.md: nothing arrived");
    }
}

/// Every page has the parts that readers look for.
#[test]
fn pages_have_their_parts() {
    for row in service_types() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("docs/services")
            .join(format!("{}.md", row.name));
        let page =
            std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let needed: &[&str] = if row.name == "console" {
            &["## Use", "## Example", "## Different from upstream"]
        } else {
            &[
                "## Set up",
                "## Options",
                "## Template",
                "## Example",
                "## Limits",
                "## Different from upstream",
            ]
        };
        for heading in needed {
            assert!(page.contains(&format!("\n{heading}\n")), "{}.md has no `{heading}`", row.name);
        }
    }
}
