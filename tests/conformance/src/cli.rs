//! `cli`: what the original's command lines printed. Each vector runs the `dodona` binary that lies beside this one, with a
//! receiver that records, and an API server where the vector has a cluster.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dodona_fakeapi::{FakeApi, Kind};
use dodona_recorder::http::{Answer, HttpRecorder, Recorded};
use jiff::{SignedDuration, Timestamp};
use regex::{Captures, Regex};
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

/// Times of the run are this close to now; others are the object's own.
const NOW: SignedDuration = SignedDuration::from_mins(10);

/// Runs the vectors of `file`.
pub(crate) fn run(file: &Path) -> anyhow::Result<Report> {
    let binary = std::env::current_exe()?.with_file_name("dodona");
    // The API server of a vector lives here while the program runs.
    let runtime = tokio::runtime::Runtime::new()?;
    let _inside = runtime.enter();
    let mut report = Report::new(file);
    for (number, line) in
        std::fs::read_to_string(file)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty())
    {
        let vector: Vector = serde_json::from_str(line).with_context(|| format!("line {}", number + 1))?;
        let api = (!vector.cluster.is_empty()).then(|| runtime.block_on(cluster(&vector.cluster)));
        let outcome = match differences(&vector, &binary, api.as_ref()) {
            Ok(differences) if differences.is_empty() => Outcome::Passed,
            Ok(differences) => Outcome::Failed(differences),
            Err(error) => Outcome::Failed(vec![format!("{error:#}")]),
        };
        report.add(vector.id, outcome);
    }
    Ok(report)
}

/// An API server with the objects of a vector.
async fn cluster(objects: &[Value]) -> FakeApi {
    let api = FakeApi::start().await;
    for kind in Kind::argo() {
        api.install(kind);
    }
    for object in objects {
        let mut object = object.clone();
        fold_string_data(&mut object);
        api.apply(object);
    }
    api
}

/// `stringData` becomes `data`, as API servers do it.
fn fold_string_data(object: &mut Value) {
    let texts = object.as_object_mut().and_then(|object| object.remove("stringData"));
    for (key, text) in texts.iter().filter_map(Value::as_object).flatten() {
        object["data"][key] = STANDARD.encode(text.as_str().unwrap_or_default()).into();
    }
}

fn differences(vector: &Vector, binary: &PathBuf, api: Option<&FakeApi>) -> anyhow::Result<Vec<String>> {
    let answers = vector.answers.clone();
    let recorder = HttpRecorder::start(move |request| answer(&answers, &request.target));
    let host = recorder.host();
    let output = execute(vector, binary, &host, api)?;
    let mut differences = Vec::new();
    let code = output.status.code().unwrap_or(-1);
    let accepted = match &vector.exit_dodona {
        Value::Array(codes) => codes.iter().any(|one| one.as_i64() == Some(code.into())),
        one => one.as_i64() == Some(code.into()),
    };
    if !accepted {
        let said = String::from_utf8_lossy(&output.stderr);
        differences.push(format!("exit status: wanted {}, got {code}: {said}", vector.exit_dodona));
    }
    differences.extend(output_differs(vector, &output, &host, code));
    if code != 0 && output.stderr.is_empty() {
        differences.push("standard error is empty".into());
    }
    differences.extend(requests_differ(vector, &recorder.take(), &host));
    Ok(differences)
}

/// Requests that are refused may be repeated; all others arrive as often as they are listed.
fn requests_differ(vector: &Vector, arrived: &[Recorded], host: &str) -> Vec<String> {
    let line = |method: &str, path: &str| format!("{method} {path}");
    let refused = |path: &str| script(&vector.answers, path).is_some_and(|script| status(script) / 100 != 2);
    let mut wanted: Vec<&Value> = vector.requests.iter().collect();
    wanted.dedup_by(|one, other| one == other && refused(text(&one["path"])));
    let mut got: Vec<&Recorded> = arrived.iter().collect();
    got.dedup_by(|one, other| one.target == other.target && refused(&one.target));
    let wanted_lines: Vec<String> =
        wanted.iter().map(|one| line(text(&one["method"]), text(&one["path"]))).collect();
    let got_lines: Vec<String> = got.iter().map(|one| line(&one.method, &one.target)).collect();
    if wanted_lines != got_lines {
        return vec![format!("requests: wanted {wanted_lines:?}, got {got_lines:?}")];
    }
    wanted.iter().zip(got).flat_map(|(wanted, got)| request_differs(wanted, got, host)).collect()
}

fn request_differs(wanted: &Value, got: &Recorded, host: &str) -> Vec<String> {
    let mut differences = Vec::new();
    for (name, value) in wanted["headers"].as_object().into_iter().flatten() {
        let found = got.header(name).map(|found| placeholders(found, host));
        if found.as_deref() != value.as_str() {
            differences.push(format!("header {name}: wanted {value}, got {found:?}"));
        }
    }
    let body = placeholders(&String::from_utf8_lossy(&got.body), host);
    // The placeholder of a number is no JSON.
    let json = |body: &str| serde_json::from_str::<Value>(&body.replace(":<time>", ":\"<time>\"")).ok();
    let same = match (json(text(&wanted["body"])), json(&body)) {
        (Some(wanted), Some(got)) => wanted == got,
        _ => text(&wanted["body"]) == body,
    };
    if !same {
        differences.push(format!("body: wanted {}, got {body:?}", wanted["body"]));
    }
    differences
}

/// `output` with the recorder's address and the times of this run replaced by what stands for them.
fn placeholders(output: &str, host: &str) -> String {
    let output = output.replace(host, PLACEHOLDER);
    let near = |time: Timestamp| Timestamp::now().duration_since(time).abs() <= NOW;
    let replace = |pattern: &str, output: &str, read: &dyn Fn(&Captures<'_>) -> Option<Timestamp>| {
        let Ok(pattern) = Regex::new(pattern) else { return output.to_owned() };
        let fill = |found: &Captures<'_>| {
            let prefix = found.name("before").map_or("", |before| before.as_str());
            match read(found) {
                Some(time) if near(time) => format!("{prefix}<time>"),
                _ => found.get(0).map_or_else(String::new, |whole| whole.as_str().to_owned()),
            }
        };
        pattern.replace_all(output, fill).into_owned()
    };
    let output = replace(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", &output, &|found| {
        found.get(0)?.as_str().parse().ok()
    });
    replace(r#"(?<before>"time":)(?<milliseconds>\d{13})"#, &output, &|found| {
        Timestamp::from_millisecond(found.name("milliseconds")?.as_str().parse().ok()?).ok()
    })
}

fn execute(vector: &Vector, binary: &PathBuf, host: &str, api: Option<&FakeApi>) -> anyhow::Result<Output> {
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
    let mut command = Command::new(binary);
    command.env_clear();
    if let Some(api) = api {
        let path = home.path().join("kubeconfig");
        std::fs::write(&path, api.kubeconfig("default"))?;
        command.env("KUBECONFIG", path);
    }
    let mut child = command
        .args(product)
        .args(vector.args.iter().map(|argument| fill(argument)))
        .current_dir(folder.path())
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
        (None, Some(encoded)) => STANDARD.decode(encoded).unwrap_or_default(),
        (None, None) => vector.stdout.clone().into_bytes(),
    };
    let got = placeholders(&String::from_utf8_lossy(&output.stdout), host);
    let same = match vector.stdout_match.as_str() {
        "free" => true,
        "help" => !output.stdout.is_empty(),
        "if-ok" if code != 0 => true,
        _ => output.stdout == wanted || got.as_bytes() == wanted,
    };
    (!same).then(|| format!("standard output: wanted {:?}, got {got:?}", String::from_utf8_lossy(&wanted)))
}

/// The answer for a path: that of its longest prefix.
fn script<'a>(answers: &'a BTreeMap<String, Value>, path: &str) -> Option<&'a Value> {
    let fitting = answers.iter().filter(|(prefix, _)| path.starts_with(prefix.as_str()));
    fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(_, script)| script)
}

fn status(script: &Value) -> u16 {
    script["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200)
}

fn answer(answers: &BTreeMap<String, Value>, path: &str) -> Answer {
    let Some(script) = script(answers, path) else { return Answer::reply(200, "ok") };
    Answer::reply(status(script), text(&script["body"]))
        .with("Content-Type", script["type"].as_str().unwrap_or("text/plain"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
