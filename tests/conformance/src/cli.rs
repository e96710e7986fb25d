//! `cli`: what the original's command lines printed. Each vector runs the `dodona` binary that lies beside this one.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::Context;
use base64::Engine as _;
use dodona_recorder::http::{Answer, HttpRecorder};
use serde::Deserialize;
use serde_json::Value;

use crate::report::{Outcome, Report};

#[derive(Deserialize)]
struct Vector {
    id: String,
    product: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    args: Vec<String>,
    #[serde(default)]
    stdin: String,
    #[serde(default)]
    cluster: Vec<Value>,
    #[serde(default)]
    answers: BTreeMap<String, Value>,
    #[serde(default)]
    stdout: String,
    stdout_base64: Option<String>,
    stdout_fixed: Option<String>,
    #[serde(default)]
    stdout_match: String,
    exit_dodona: Value,
    #[serde(default)]
    requests: Vec<Value>,
}

/// What stands for the receiver's address in a vector.
const PLACEHOLDER: &str = "recorder.test";

/// Runs the vectors of `file`.
pub(crate) fn run(file: &Path) -> anyhow::Result<Report> {
    let binary = std::env::current_exe()?.with_file_name("dodona");
    let mut report = Report::new(file);
    for (number, line) in
        std::fs::read_to_string(file)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty())
    {
        let vector: Vector = serde_json::from_str(line).with_context(|| format!("line {}", number + 1))?;
        let outcome = match differences(&vector, &binary) {
            Ok(differences) if differences.is_empty() => Outcome::Passed,
            Ok(differences) => Outcome::Failed(differences),
            Err(error) => Outcome::Failed(vec![format!("{error:#}")]),
        };
        report.add(vector.id, outcome);
    }
    Ok(report)
}

fn differences(vector: &Vector, binary: &PathBuf) -> anyhow::Result<Vec<String>> {
    if !vector.cluster.is_empty() {
        return Ok(vec!["vectors with a cluster are not run yet".into()]);
    }
    let answers = vector.answers.clone();
    let recorder = HttpRecorder::start(move |request| answer(&answers, &request.target));
    let host = recorder.host();
    let output = execute(vector, binary, &host)?;
    let mut differences = Vec::new();
    let code = output.status.code().unwrap_or(-1);
    let accepted = match &vector.exit_dodona {
        Value::Array(codes) => codes.iter().any(|one| one.as_i64() == Some(code.into())),
        one => one.as_i64() == Some(code.into()),
    };
    if !accepted {
        differences.push(format!("exit status: wanted {}, got {code}", vector.exit_dodona));
    }
    differences.extend(output_differs(vector, &output, &host, code));
    if code != 0 && output.stderr.is_empty() {
        differences.push("standard error is empty".into());
    }
    let arrived: Vec<String> =
        recorder.take().iter().map(|request| format!("{} {}", request.method, request.target)).collect();
    let wanted: Vec<String> = vector
        .requests
        .iter()
        .map(|request| format!("{} {}", text(&request["method"]), text(&request["path"])))
        .collect();
    if arrived != wanted {
        differences.push(format!("requests: wanted {wanted:?}, got {arrived:?}"));
    }
    Ok(differences)
}

fn execute(vector: &Vector, binary: &PathBuf, host: &str) -> anyhow::Result<Output> {
    let folder = tempfile::tempdir()?;
    let home = tempfile::tempdir()?;
    let fill = |text: &str| text.replace(PLACEHOLDER, host);
    for (name, text) in &vector.files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().context("a file without a folder")?)?;
        std::fs::write(path, fill(text))?;
    }
    let product: &[&str] =
        if vector.product == "rollouts" { &["rollouts", "notifications"] } else { &["app"] };
    let mut child = Command::new(binary)
        .args(product)
        .args(vector.args.iter().map(|argument| fill(argument)))
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", home.path())
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to start {}; build the `dodona` binary first", binary.display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read its input is free to close it.
        stdin.write_all(fill(&vector.stdin).as_bytes()).ok();
    }
    Ok(child.wait_with_output()?)
}

fn output_differs(vector: &Vector, output: &Output, host: &str, code: i32) -> Option<String> {
    let wanted = match (&vector.stdout_fixed, &vector.stdout_base64) {
        (Some(fixed), _) => fixed.clone().into_bytes(),
        (None, Some(encoded)) => {
            base64::engine::general_purpose::STANDARD.decode(encoded).unwrap_or_default()
        }
        (None, None) => vector.stdout.clone().into_bytes(),
    };
    let got = String::from_utf8_lossy(&output.stdout).replace(host, PLACEHOLDER);
    let same = match vector.stdout_match.as_str() {
        "free" => true,
        "help" => !output.stdout.is_empty(),
        "if-ok" if code != 0 => true,
        _ => output.stdout == wanted || got.as_bytes() == wanted,
    };
    (!same).then(|| format!("standard output: wanted {:?}, got {got:?}", String::from_utf8_lossy(&wanted)))
}

fn answer(answers: &BTreeMap<String, Value>, path: &str) -> Answer {
    let longest = answers
        .iter()
        .filter(|(prefix, _)| path.starts_with(prefix.as_str()))
        .max_by_key(|(prefix, _)| prefix.len());
    let Some((_, script)) = longest else { return Answer::reply(200, "ok") };
    let status = script["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    Answer::reply(status, text(&script["body"]))
        .with("Content-Type", script["type"].as_str().unwrap_or("text/plain"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
