//! What evaluating the programs of a set of cases costs, beside the original's libraries, program by program in one run.
//!
//! `cargo bench -p dodona-langhost -- [--go COMMAND] [--only TEXT] FILE...`: each program that the original compiles is compiled once
//! and run again and again for at least 100 ms; with `--go`, the oracle of the sets is asked for its time right before, so that
//! both see the same machine. `--only` takes the cases whose category contains the text. Each program is also run on its
//! object with 300 resources. Nothing is judged here: the table is the result.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing the result is this program's work")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use dodona_expr::Program;
use dodona_gotmpl::Template;
use dodona_langhost::{Host, scope, ticking};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// How long one program is run.
const WINDOW: Duration = Duration::from_millis(100);

/// Entries of `status.resources` in the large objects.
const RESOURCES: usize = 300;

fn main() -> anyhow::Result<()> {
    // Cargo says that it is a benchmark.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let options = Options::read(&arguments)?;
    if options.files.is_empty() {
        // A plain `cargo bench` names no cases, as they lie outside of the project.
        eprintln!("usage: cargo bench -p dodona-langhost -- [--go COMMAND] [--only TEXT] FILE...");
        return Ok(());
    }
    let cases = options.cases()?;
    if cases.is_empty() {
        bail!("no case of the files given has a category that contains `{}`", options.only);
    }
    let mut groups: BTreeMap<(String, String), Vec<Pair>> = BTreeMap::new();
    for case in &cases {
        let theirs = options.go.as_deref().map(|go| ask(go, case)).transpose()?.flatten();
        let Some(ours) = time(case)? else { continue };
        groups.entry((case.kind.clone(), case.object.clone())).or_default().push(Pair { ours, theirs });
    }
    print_table(&groups);
    let (programs, took) = compile_all(&cases);
    println!("compiling the {programs} programs: {:.3} ms (median of 101)", took.as_secs_f64() * 1e3);
    Ok(())
}

struct Options {
    go: Option<PathBuf>,
    only: String,
    files: Vec<PathBuf>,
}

impl Options {
    fn read(arguments: &[String]) -> anyhow::Result<Self> {
        let mut options = Self { go: None, only: String::new(), files: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value")).cloned();
            match argument.as_str() {
                "--go" => options.go = Some(value()?.into()),
                "--only" => options.only = value()?,
                other if other.starts_with("--") => {
                    bail!("unknown flag {other}: there are --go and --only")
                }
                file => options.files.push(file.into()),
            }
        }
        Ok(options)
    }

    /// The cases: those of the files, and each program once more on a large object.
    fn cases(&self) -> anyhow::Result<Vec<Case>> {
        let mut cases = Vec::new();
        let mut large = BTreeSet::new();
        for file in &self.files {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                let case: Value = serde_json::from_str(line)?;
                let phase = case["phase_1_17_8"].as_str().or(case["phase"].as_str()).unwrap_or_default();
                if phase == "compile" || !case["category"].as_str().unwrap_or_default().contains(&self.only) {
                    continue;
                }
                let case = Case::new(&case)?;
                if large.insert(case.src.clone()) {
                    cases.extend(case.with_resources(RESOURCES)?);
                }
                cases.push(case);
            }
        }
        Ok(cases)
    }
}

/// A program and the object that it is run on.
struct Case {
    kind: String,
    src: String,
    object: String,
    host: Host,
    host_name: String,
    data: Box<RawValue>,
}

impl Case {
    fn new(case: &Value) -> anyhow::Result<Self> {
        let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
        let host_name = text("host");
        Ok(Self {
            kind: text("kind"),
            src: text("src"),
            object: object_name(&text("id")),
            host: Host::named(&host_name).with_context(|| format!("unknown host `{host_name}`"))?,
            host_name,
            data: RawValue::from_string(case["data"].to_string())?,
        })
    }

    /// The same on an Application of `count` resources; nothing if the object is none.
    fn with_resources(&self, count: usize) -> anyhow::Result<Option<Self>> {
        let mut data: Value = serde_json::from_str(self.data.get())?;
        let Some(status) = data.pointer_mut("/app/status").and_then(Value::as_object_mut) else {
            return Ok(None);
        };
        let resource = |number: usize| {
            json!({"version": "v1", "kind": "Deployment", "namespace": "shop", "name": format!("part-{number}"),
                "status": "Synced", "health": {"status": "Healthy"}})
        };
        status.insert("resources".to_owned(), (0..count).map(resource).collect());
        Ok(Some(Self {
            kind: self.kind.clone(),
            src: self.src.clone(),
            object: format!("{count} resources"),
            host: self.host,
            host_name: self.host_name.clone(),
            data: RawValue::from_string(data.to_string())?,
        }))
    }
}

/// `cf-010-app-healthy-slack` is about the object `app-healthy`.
fn object_name(id: &str) -> String {
    let parts: Vec<&str> = id.split('-').skip(2).collect();
    let parts = parts.split_last().map_or(&parts[..], |(_, rest)| rest);
    if parts.is_empty() { "-".to_owned() } else { parts.join("-") }
}

/// Nanoseconds a run.
struct Pair {
    ours: f64,
    theirs: Option<f64>,
}

/// Asks the oracle, in its mode `bench`, what the case costs there. It answers when its input ends, so each case has a
/// process of its own.
fn ask(go: &Path, case: &Case) -> anyhow::Result<Option<f64>> {
    let question =
        json!({"id": "x", "kind": case.kind, "host": case.host_name, "src": case.src, "data": case.data});
    let mut child = Command::new(go)
        .arg("bench")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| go.display().to_string())?;
    writeln!(child.stdin.take().context("no standard input")?, "{question}")?;
    let output = child.wait_with_output()?;
    let answer: Value = serde_json::from_slice(&output.stdout).context("the oracle's answer")?;
    Ok(answer["ns"].as_f64().filter(|ns| *ns > 0.0))
}

/// What one run takes; nothing if the program does not compile.
fn time(case: &Case) -> anyhow::Result<Option<f64>> {
    let host = ticking();
    let scope = scope(Some(&case.data), case.host).map_err(anyhow::Error::msg)?;
    if case.kind == "expr" {
        let Ok(program) = Program::compile(&case.src) else { return Ok(None) };
        return Ok(Some(repeat(|| drop(std::hint::black_box(program.eval(&scope, &host))))));
    }
    let Ok(template) = Template::parse("t", &case.src) else { return Ok(None) };
    let mut out = Vec::new();
    Ok(Some(repeat(|| {
        out.clear();
        drop(std::hint::black_box(template.render_into(&scope, &host, &mut out)));
    })))
}

/// Nanoseconds a call, taken as the oracle does: twice as many calls until they take [`WINDOW`]; the last round counts.
fn repeat(mut once: impl FnMut()) -> f64 {
    let mut count = 64_u32;
    loop {
        let start = Instant::now();
        (0..count).for_each(|_| once());
        let took = start.elapsed();
        if took >= WINDOW {
            return took.as_secs_f64() * 1e9 / f64::from(count);
        }
        count = count.saturating_mul(2);
    }
}

/// Compiles each program of the cases once; how many there are, and how long it takes.
fn compile_all(cases: &[Case]) -> (usize, Duration) {
    let programs: BTreeSet<(&str, &str)> =
        cases.iter().map(|case| (case.kind.as_str(), case.src.as_str())).collect();
    let once = |(kind, src): &(&str, &str)| {
        if *kind == "expr" {
            std::hint::black_box(Program::compile(src).is_ok())
        } else {
            std::hint::black_box(Template::parse("t", src).is_ok())
        }
    };
    let mut rounds: Vec<Duration> = (0..101)
        .map(|_| {
            let start = Instant::now();
            for program in &programs {
                once(program);
            }
            start.elapsed()
        })
        .collect();
    rounds.sort_unstable();
    (programs.len(), rounds[rounds.len() / 2])
}

fn print_table(groups: &BTreeMap<(String, String), Vec<Pair>>) {
    println!(
        "{:<10}{:<22}{:>6}{:>12}{:>12}{:>12}{:>14}",
        "language", "object", "cases", "median ns", "Go ns", "Go / ours", "Go is faster"
    );
    let mut kinds: BTreeMap<&str, Vec<&Pair>> = BTreeMap::new();
    for ((kind, object), pairs) in groups {
        kinds.entry(kind).or_default().extend(pairs);
        print_row(kind, object, &pairs.iter().collect::<Vec<_>>());
    }
    for (kind, pairs) in kinds {
        print_row(kind, "all", &pairs);
    }
}

fn print_row(kind: &str, object: &str, pairs: &[&Pair]) {
    let ours = median(pairs.iter().map(|pair| pair.ours).collect());
    let theirs = median(pairs.iter().filter_map(|pair| pair.theirs).collect());
    let ratio = median(pairs.iter().filter_map(|pair| Some(pair.theirs? / pair.ours)).collect());
    let slower = pairs.iter().filter(|pair| pair.theirs.is_some_and(|theirs| theirs < pair.ours)).count();
    println!("{kind:<10}{object:<22}{:>6}{ours:>12.0}{theirs:>12.0}{ratio:>12.2}{slower:>14}", pairs.len());
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
