//! What the command line says: every help page, and what a person reads when something is wrong. All of it is compared with
//! snapshots, so that a change of a text is a change that somebody has looked at.

mod cluster;
#[cfg(target_os = "linux")]
mod runs;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory as _;
use dodona::cli::Cli;
use serde_json::{Value, json};

/// Width of the terminal that help is made for.
const WIDTH: usize = 100;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli")
}

/// The help of `command` and of everything below it, by name.
fn pages(command: &clap::Command, name: &str, into: &mut Vec<(String, String)>) {
    let mut own = command.clone().term_width(WIDTH);
    into.push((name.to_owned(), own.render_long_help().to_string()));
    let inner = command.get_subcommands().filter(|inner| inner.get_name() != "help" && !inner.is_hide_set());
    for one in inner {
        pages(one, &format!("{name}-{}", one.get_name()), into);
    }
}

#[test]
fn every_help_page_is_as_it_was() {
    let mut root = Cli::command();
    root.build();
    let mut all = Vec::new();
    pages(&root, "dodona", &mut all);
    for (name, text) in all {
        insta::with_settings!({snapshot_path => "help", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(name, text);
        });
    }
}

/// Each line of `errors.txt` is a command line that goes wrong, run where the files of `files/` are.
#[test]
fn every_error_is_as_it_was() {
    let lines = std::fs::read_to_string(folder().join("errors.txt")).unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut seen = String::new();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let output = Command::new(env!("CARGO_BIN_EXE_dodona"))
            .args(line.split_whitespace())
            .current_dir(folder().join("files"))
            .env_clear()
            .env("HOME", home.path())
            .env("TZ", "UTC")
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        writeln!(seen, "$ dodona {line}\n{out}{err}[{}]\n", output.status.code().unwrap()).unwrap();
    }
    insta::with_settings!({snapshot_path => ".", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("errors", seen);
    });
}

/// One file of `cases/`: a question to `why` or `render`, and what the answer has to say.
#[derive(serde::Deserialize)]
struct Case {
    about: String,
    command: String,
    config: BTreeMap<String, String>,
    /// The configuration of the object's namespace, as `tenant.json`.
    #[serde(default)]
    tenant: BTreeMap<String, String>,
    object: Value,
    says: Vec<String>,
    #[serde(default)]
    silent: Vec<String>,
}

#[test]
fn complaints_are_answered() {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder().join("cases")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let node = dodona::config::yaml::parse_node(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let case: Case = serde_json::from_value(node.to_json()).unwrap();
        let place = tempfile::tempdir().unwrap();
        let config_map = |data: &BTreeMap<String, String>| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-notifications-cm"}, "data": data});
        let object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "argocd", "annotations": case.object["annotations"]}, "status": case.object["status"]});
        std::fs::write(place.path().join("cm.json"), config_map(&case.config).to_string()).unwrap();
        std::fs::write(place.path().join("tenant.json"), config_map(&case.tenant).to_string()).unwrap();
        std::fs::write(place.path().join("app.json"), object.to_string()).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_dodona"))
            .args(case.command.split_whitespace())
            .args(["app.json", "--config-map", "cm.json"])
            .current_dir(place.path())
            .env_clear()
            .env("HOME", place.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        for wanted in &case.says {
            assert!(
                said.contains(wanted.as_str()),
                "{}: {}\nwanted {wanted:?} in\n{said}",
                file.display(),
                case.about
            );
        }
        for secret in &case.silent {
            assert!(!said.contains(secret.as_str()), "{}: {}\n{said}", file.display(), case.about);
        }
    }
}

/// Scripts in three shells, and a page for each command.
#[test]
fn shells_and_manuals_are_served() {
    let run =
        |arguments: &[&str]| Command::new(env!("CARGO_BIN_EXE_dodona")).args(arguments).output().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["completions", shell]);
        let script = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && script.contains("notifications"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(run(&["man", "--dir", folder.path().to_str().unwrap()]).status.success());
    let page = std::fs::read_to_string(folder.path().join("dodona-app-template-notify.1")).unwrap();
    assert!(page.contains("recipient"), "{page}");
    assert!(!folder.path().join("dodona-help.1").exists());
}

/// `NO_COLOR` and a stream that is no terminal both mean plain text.
#[test]
fn nothing_is_coloured_without_a_terminal() {
    let files = folder().join("files");
    let output = Command::new(env!("CARGO_BIN_EXE_dodona"))
        .args(["why", "app.yaml", "--config-map", "cm.yaml"])
        .current_dir(files)
        .output()
        .unwrap();
    assert!(output.status.success() && !output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b));
}
