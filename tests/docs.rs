//! Documentation that runs: every configuration in the README and in `docs/` loads, every command line that it shows is
//! one that the program understands, every JSON text is JSON, and every file that a command names is there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails where something is missing")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use dodona::config::{BuildOptions, Config, yaml};
use dodona::model::{Node, NodeKind, Secret, Settings, Severity};

/// A fenced block of a page.
struct Block {
    /// `page.md:line`.
    place: String,
    /// What stands behind the three ticks: the language, and `file=NAME` where a page's commands find the block as a file.
    info: String,
    language: String,
    text: String,
}

impl Block {
    fn page(&self) -> &str {
        self.place.split(':').next().unwrap_or_default()
    }

    fn file(&self) -> Option<&str> {
        self.info.split_whitespace().find_map(|word| word.strip_prefix("file="))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            pages(&entry, into);
        } else if entry.extension().is_some_and(|extension| extension == "md") {
            into.push(entry);
        }
    }
}

fn blocks() -> Vec<Block> {
    let mut paths = vec![root().join("README.md")];
    pages(&root().join("docs"), &mut paths);
    paths.sort();
    let mut blocks = Vec::new();
    for path in paths {
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let mut open: Option<(usize, Block)> = None;
        for (line, number) in text.lines().zip(1..) {
            let indent = line.len() - line.trim_start().len();
            match (line.trim().strip_prefix("```"), open.take()) {
                (Some(info), None) => {
                    let mut words = info.split_whitespace();
                    let language = words.next().unwrap_or_default();
                    // Mistakes that a page shows are tested where their page's own test is.
                    let language = if words.next() == Some("bad") { "bad" } else { language }.to_owned();
                    open = Some((
                        indent,
                        Block {
                            place: format!("{name}:{number}"),
                            info: info.to_owned(),
                            language,
                            text: String::new(),
                        },
                    ));
                }
                (Some(_), Some((_, block))) => blocks.push(block),
                (None, Some((indent, mut block))) => {
                    block.text.push_str(line.get(indent..).unwrap_or_default());
                    block.text.push('\n');
                    open = Some((indent, block));
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{name}: a fenced block is not closed");
    }
    blocks
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

/// On a page that shows files (`file=NAME` behind the language), every `$ command` of a `console` block prints what stands
/// below it, both streams together.
#[test]
fn every_session_prints_what_the_page_shows() {
    let mut checked = 0;
    let mut failures = Vec::new();
    let blocks = blocks();
    let pages: std::collections::BTreeSet<&str> =
        blocks.iter().filter(|block| block.file().is_some()).map(Block::page).collect();
    for page in pages {
        let folder = tempfile::tempdir().unwrap();
        let of_page = || blocks.iter().filter(|block| block.page() == page);
        for (name, block) in of_page().filter_map(|block| Some((block.file()?, block))) {
            std::fs::write(folder.path().join(name), &block.text).unwrap();
        }
        for block in of_page().filter(|block| block.language == "console") {
            for step in format!("\n{}", block.text).split("\n$ ").skip(1) {
                let (command, wanted) = step.split_once('\n').unwrap_or((step, ""));
                let got = run(command, folder.path());
                checked += 1;
                if got.trim_end() != wanted.trim_end() {
                    failures.push(format!(
                        "{}: $ {command}\n--- the page\n{wanted}\n--- the program\n{got}",
                        block.place
                    ));
                }
            }
        }
    }
    println!("documented sessions: {checked} passed, {} failed", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What a shell shows for `command` in `folder`.
fn run(command: &str, folder: &Path) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_dodona")).parent().unwrap();
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
        .env("HOME", folder)
        .env("TZ", "UTC")
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
