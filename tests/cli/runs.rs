//! One file of `runs/`: a command line with its files, and what comes of it.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    about: String,
    /// The name by which the program is called.
    #[serde(default)]
    program: String,
    /// One text, or a list where a word is empty or has blanks.
    args: Words,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
    #[serde(default)]
    stdin: String,
    /// `full`: a place where nothing can be written.
    #[serde(default, rename = "stdout_to")]
    out: String,
    #[serde(default, rename = "stderr")]
    err: String,
    #[serde(default)]
    exit: i32,
    /// Standard output to the letter.
    #[serde(default)]
    stdout: String,
    /// Parts of standard output that are there.
    #[serde(default)]
    shows: Vec<String>,
    /// Parts of standard error that are there, each once.
    #[serde(default)]
    says: Vec<String>,
    /// Parts that are in neither.
    #[serde(default)]
    silent: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Words {
    Text(String),
    List(Vec<String>),
}

impl Words {
    fn all(&self) -> Vec<&str> {
        match self {
            Self::Text(text) => text.split_whitespace().collect(),
            Self::List(words) => words.iter().map(String::as_str).collect(),
        }
    }
}

fn stream(name: &str) -> Stdio {
    match name {
        "full" => std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into(),
        _ => Stdio::piped(),
    }
}

fn check(file: &Path) -> Vec<String> {
    let node = dodona::config::yaml::parse_node(&std::fs::read_to_string(file).unwrap()).unwrap();
    let run: Run = serde_json::from_value(node.to_json()).unwrap();
    let place = tempfile::tempdir().unwrap();
    for (name, text) in &run.files {
        std::fs::write(place.path().join(name), text).unwrap();
    }
    std::fs::write(place.path().join("stdin"), &run.stdin).unwrap();
    let mut program = PathBuf::from(env!("CARGO_BIN_EXE_dodona"));
    if !run.program.is_empty() {
        let link = place.path().join(&run.program);
        std::os::unix::fs::symlink(&program, &link).unwrap();
        program = link;
    }
    let output = Command::new(program)
        .args(run.args.all())
        .current_dir(place.path())
        .env_clear()
        .env("HOME", place.path())
        .env("TZ", "UTC")
        .envs(&run.environment)
        .stdin(std::fs::File::open(place.path().join("stdin")).unwrap())
        .stdout(stream(&run.out))
        .stderr(stream(&run.err))
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut wrong = Vec::new();
    if output.status.code() != Some(run.exit) {
        wrong.push(format!("exit status {:?}, expected {}", output.status.code(), run.exit));
    }
    if run.shows.is_empty() && *out != run.stdout {
        wrong.push(format!("standard output is\n{out}"));
    }
    wrong.extend(
        run.shows.iter().filter(|part| !out.contains(*part)).map(|part| format!("{part:?} is not in\n{out}")),
    );
    wrong.extend(
        run.says
            .iter()
            .filter(|part| err.matches(*part).count() != 1)
            .map(|part| format!("{part:?} is not once in")),
    );
    wrong.extend(
        run.silent
            .iter()
            .filter(|part| err.contains(*part) || out.contains(*part))
            .map(|part| format!("{part:?} is said")),
    );
    if wrong.is_empty() {
        return wrong;
    }
    vec![format!("{} ({}):\n{}\nstandard error:\n{err}", file.display(), run.about, wrong.join("\n"))]
}

#[test]
fn every_command_line_does_what_its_case_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/runs");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let failures: Vec<String> = files.iter().flat_map(|file| check(file)).collect();
    assert!(!files.is_empty() && failures.is_empty(), "{}", failures.join("\n\n"));
}
