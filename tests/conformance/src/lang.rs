//! `lang`: the two languages. A case is a program, its data, and what Go answered; text and phase of failure are compared.

use std::path::Path;

use anyhow::Context;
use base64::Engine as _;
use dodona_expr::Program;
use dodona_gotmpl::Template;
use dodona_langhost::{Host, family, runtime, scope};
use dodona_value::{Document, NodeKind, Numbers, Text};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::report::{Outcome, Report};

#[derive(Deserialize)]
struct Case {
    id: String,
    kind: String,
    src: String,
    #[serde(default)]
    data: Option<Box<RawValue>>,
    #[serde(default)]
    host: String,
    #[serde(flatten)]
    answer: Answer,
    // The answers of the newer version of the condition language, which Dodona follows.
    out_1_17_8: Option<String>,
    type_1_17_8: Option<String>,
    err_1_17_8: Option<String>,
    phase_1_17_8: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Answer {
    out: String,
    out_b64: Option<String>,
    #[serde(rename = "type")]
    go_type: String,
    err: String,
    phase: String,
}

/// What a program came to.
enum Came {
    Refused(String),
    Failed(String),
    /// The text, and Go's type of an expression's value.
    Out(Vec<u8>, String),
}

/// Runs the cases of `file`.
pub(crate) fn run(file: &Path) -> anyhow::Result<Report> {
    let text = std::fs::read_to_string(file)?;
    let mut report = Report::new(file);
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let case: Case = serde_json::from_str(line).with_context(|| format!("line {}", number + 1))?;
        let outcome = match differs(&case, &came(&case)?) {
            None => Outcome::Passed,
            Some(difference) => Outcome::Failed(vec![format!("program: {}", shorten(&case.src)), difference]),
        };
        report.add(case.id, outcome);
    }
    Ok(report)
}

impl Case {
    fn answer(&self) -> Answer {
        if self.out_1_17_8.is_none() && self.err_1_17_8.is_none() && self.phase_1_17_8.is_none() {
            return self.answer.clone();
        }
        Answer {
            out: self.out_1_17_8.clone().unwrap_or_else(|| self.answer.out.clone()),
            out_b64: None,
            go_type: self.type_1_17_8.clone().unwrap_or_else(|| self.answer.go_type.clone()),
            err: self.err_1_17_8.clone().unwrap_or_default(),
            phase: self.phase_1_17_8.clone().unwrap_or_default(),
        }
    }
}

fn came(case: &Case) -> anyhow::Result<Came> {
    let host =
        Host::named(&case.host).with_context(|| format!("{}: unknown host `{}`", case.id, case.host))?;
    let scope = || scope(case.data.as_deref(), host).map_err(anyhow::Error::msg);
    if case.kind == "expr" {
        let program = match Program::compile(&case.src) {
            Ok(program) => program,
            Err(error) => return Ok(Came::Refused(error.to_string())),
        };
        return Ok(match program.eval(&scope()?, &runtime()) {
            Err(error) => Came::Failed(error.to_string()),
            Ok(value) => {
                let mut text = Text::new(1 << 24);
                dodona_value::format::value(&mut text, &value);
                Came::Out(text.as_bytes().to_vec(), value.type_name())
            }
        });
    }
    let template = match Template::parse("t", &case.src) {
        Ok(template) => template,
        Err(error) => return Ok(Came::Refused(error.to_string())),
    };
    // Without a host the data may be anything, not only an object of variables.
    let data = case.data.as_deref().map_or("null", RawValue::get);
    let document = Document::parse(data, Numbers::Kubernetes)
        .map_err(|error| anyhow::anyhow!("{}: {error}", case.id))?;
    let rendered = if host == Host::None && document.root().kind() != NodeKind::Map {
        template.render_dot(&document.to_value(), &runtime())
    } else {
        template.render(&scope()?, &runtime())
    };
    Ok(rendered.map_or_else(|error| Came::Failed(error.to_string()), |text| Came::Out(text, String::new())))
}

fn differs(case: &Case, result: &Came) -> Option<String> {
    let answer = case.answer();
    let wanted = match &answer.out_b64 {
        Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded).unwrap_or_default(),
        None => answer.out.clone().into_bytes(),
    };
    let original = match (answer.err.as_str(), answer.phase.as_str()) {
        ("", _) => format!("{:?}", shorten(&String::from_utf8_lossy(&wanted))),
        (error, phase) => format!("an error at {phase}: {}", shorten(error)),
    };
    match result {
        Came::Refused(_) if !answer.err.is_empty() && answer.phase == "compile" => None,
        Came::Failed(_) if !answer.err.is_empty() && answer.phase != "compile" => None,
        Came::Out(text, kind) if answer.err.is_empty() && *text == wanted => {
            let differ =
                case.kind == "expr" && !answer.go_type.is_empty() && family(kind) != family(&answer.go_type);
            differ.then(|| format!("wanted a {}, got a {kind}", answer.go_type))
        }
        Came::Refused(error) => {
            Some(format!("wanted {original}, got an error at compile: {}", shorten(error)))
        }
        Came::Failed(error) => Some(format!("wanted {original}, got an error at run: {}", shorten(error))),
        Came::Out(text, _) => {
            Some(format!("wanted {original}, got {:?}", shorten(&String::from_utf8_lossy(text))))
        }
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(300).collect()
}
