//! Documentation that runs: every configuration in the README and in `docs/` loads, every command line that it shows is
//! one that the program understands, every JSON text is JSON, and every file that a command names is there. That the
//! commands do what the pages say is shown by `tests/e2e/guides`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails where something is missing")]

#[path = "docs/pages.rs"]
#[expect(dead_code, reason = "marks and names are for the tests that run the pages")]
mod pages;

use std::collections::BTreeMap;
use std::process::Command;

use dodona::config::{BuildOptions, Config, yaml};
use dodona::model::{Node, NodeKind, Secret, Settings, Severity};

use pages::{Block, Item, root};

fn blocks() -> Vec<Block> {
    let items = pages::pages().into_iter().flat_map(|page| page.items);
    items
        .filter_map(|item| match item {
            Item::Block(block) => Some(block),
            Item::Mark(..) | Item::Span(..) => None,
        })
        .collect()
}

/// The blocks in one of `languages`.
fn blocks_in(languages: &[&str]) -> Vec<Block> {
    let blocks: Vec<Block> =
        blocks().into_iter().filter(|block| languages.contains(&block.language.as_str())).collect();
    assert!(!blocks.is_empty(), "no block in {languages:?}: the test reads the wrong place");
    blocks
}

fn field<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let NodeKind::Map(fields) = &node.kind else { return None };
    fields.iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
}

fn texts(node: &Node) -> BTreeMap<String, String> {
    let NodeKind::Map(fields) = &node.kind else { return BTreeMap::new() };
    let text = |value: &Node| match &value.kind {
        NodeKind::Text(text) => text.clone(),
        NodeKind::Bool(value) => value.to_string(),
        NodeKind::Int(value) => value.to_string(),
        _ => String::new(),
    };
    fields.iter().map(|(key, value)| (key.text.clone(), text(value))).collect()
}

/// The data of a ConfigMap: of a whole one, or of a part of one that the page shows by itself.
fn config_data(node: &Node) -> Option<BTreeMap<String, String>> {
    if field(node, "kind").is_some_and(|kind| kind.kind == NodeKind::Text("ConfigMap".into())) {
        return field(node, "data").map(texts);
    }
    let NodeKind::Map(fields) = &node.kind else { return None };
    let is_key = |name: &str| {
        ["service.", "trigger.", "template.", "defaultTriggers."]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            || matches!(name, "subscriptions" | "context" | "defaultTriggers" | "presets")
    };
    (!fields.is_empty() && fields.iter().all(|(key, _)| is_key(&key.text))).then(|| texts(node))
}

const RSA_KEY: &str = include_str!("../src/delivery/sign/testdata/rsa-pkcs1.pem");

/// Every `$name` in `data` as a key of the Secret, so that nothing is missing.
fn secrets(data: &BTreeMap<String, String>) -> BTreeMap<String, Secret> {
    let mut secrets = BTreeMap::new();
    for text in data.values() {
        for part in text.split('$').skip(1) {
            let name: String =
                part.chars().take_while(|c| c.is_alphanumeric() || "-_.".contains(*c)).collect();
            // Keys have to be some.
            let is_key = name.to_lowercase().replace('-', "").contains("privatekey");
            let value = if is_key { RSA_KEY } else { "aGVsbG8taGVsbG8=" };
            secrets.insert(name, Secret::from(value));
        }
    }
    secrets
}

#[test]
fn every_configuration_loads() {
    let mut configurations = 0;
    let mut failures = Vec::new();
    for block in blocks_in(&["yaml", "yml"]) {
        for document in block.text.split("\n---\n") {
            let node = match yaml::parse_node(document) {
                Ok(node) => node,
                Err(error) => {
                    failures.push(format!("{}: {error}", block.place));
                    continue;
                }
            };
            let Some(data) = config_data(&node) else { continue };
            configurations += 1;
            let settings = Settings { secret: Some(secrets(&data)), config_map: Some(data) };
            let config = Config::build(&settings, None, &BuildOptions::default());
            let errors = config.reports.iter().filter(|report| report.severity == Severity::Error);
            failures.extend(errors.map(|report| format!("{}: {report}", block.place)));
        }
    }
    println!("documented configurations: {configurations} passed, {} failed", failures.len());
    assert!(configurations > 0, "no page shows a configuration");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_json_is_json() {
    let all = blocks().into_iter().filter(|block| block.language == "json");
    let failures: Vec<String> = all
        .filter_map(|block| {
            Some(format!(
                "{}: {}",
                block.place,
                serde_json::from_str::<serde_json::Value>(&block.text).err()?
            ))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The arguments of each `dodona …` and `cargo run --release -- …` in the shell blocks, and whole lines otherwise.
fn commands() -> Vec<(String, Vec<String>)> {
    let mut commands = Vec::new();
    for block in blocks_in(&["sh", "bash", "shell", "console"]) {
        for line in block.text.replace("\\\n", " ").lines() {
            let line = line.trim().trim_start_matches("$ ").split(" #").next().unwrap_or_default();
            let line = line.split("; ").next().unwrap_or_default();
            let words =
                line.split_whitespace().map(|word| word.trim_matches(['\'', '"']).to_owned()).collect();
            commands.push((block.place.clone(), words));
        }
    }
    commands
}

#[test]
fn every_command_line_is_understood() {
    let mut checked = 0;
    let mut failures = Vec::new();
    for (place, words) in commands() {
        let starts = [&["dodona"][..], &["cargo", "run", "--release", "--"]];
        let Some(start) = starts
            .iter()
            .find(|start| words.iter().zip(**start).filter(|(a, b)| a == *b).count() == start.len())
        else {
            continue;
        };
        let arguments = words.iter().skip(start.len()).cloned();
        // What follows is the shell's.
        let arguments: Vec<String> =
            arguments.take_while(|word| !matches!(word.as_str(), "|" | ">" | "&&" | "&" | "<")).collect();
        let output =
            Command::new(env!("CARGO_BIN_EXE_dodona")).args(&arguments).arg("--help").output().unwrap();
        checked += 1;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            failures.push(format!("{place}: dodona {}: {error}", arguments.join(" ")));
        }
    }
    println!("documented commands: {checked} passed, {} failed", failures.len());
    assert!(checked > 0, "no page shows a command");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_file_of_a_command_is_there() {
    const FOLDERS: &[&str] = &["kustomize/", "presets/", "e2e/", "docs/", "./test", "./kustomize/"];
    let missing = commands().into_iter().flat_map(|(place, words)| {
        let paths = words.into_iter().filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)));
        paths
            .filter(|path| !root().join(path).exists())
            .map(move |path| format!("{place}: {path}"))
            .collect::<Vec<_>>()
    });
    let missing: Vec<String> = missing.collect();
    assert!(missing.is_empty(), "a command names what is not there:\n{}", missing.join("\n"));
}
