//! Answers cases on standard input, one JSON object a line, in the form of the oracle: for comparing the two on new questions.
//!
//! `oracle < cases.jsonl > theirs; cargo run -p dodona-expr --example answers < cases.jsonl > ours`

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::io::BufRead as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dodona_expr::Program;
use dodona_langhost::{Host, runtime, scope};
use dodona_value::{Text, Value, format};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Case {
    id: String,
    #[serde(default)]
    host: String,
    src: String,
    #[serde(default)]
    data: Option<Box<RawValue>>,
}

fn main() {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Ok(case) = serde_json::from_str::<Case>(&line) else { continue };
        println!("{}", answer(&case));
    }
}

fn answer(case: &Case) -> serde_json::Value {
    let program = match Program::compile(&case.src) {
        Ok(program) => program,
        Err(error) => return json!({"id": case.id, "out": "", "err": error.pretty(), "phase": "compile"}),
    };
    let host = Host::named(&case.host).unwrap_or(Host::None);
    let scope = match scope(case.data.as_deref(), host) {
        Ok(scope) => scope,
        Err(error) => return json!({"id": case.id, "out": "", "err": error}),
    };
    match program.eval(&scope, &runtime()) {
        Ok(value) => printed(case, &value),
        Err(error) => json!({"id": case.id, "out": "", "err": error.pretty(), "phase": "run"}),
    }
}

/// The value as text; `out_b64` has its bytes where they are not UTF-8.
fn printed(case: &Case, value: &Value) -> serde_json::Value {
    let mut text = Text::new(1 << 24);
    format::value(&mut text, value);
    let out = String::from_utf8_lossy(text.as_bytes());
    let mut answer = json!({"id": case.id, "out": out, "type": value.type_name(), "err": ""});
    if out.as_bytes() != text.as_bytes()
        && let Some(fields) = answer.as_object_mut()
    {
        fields.insert("out_b64".to_owned(), STANDARD.encode(text.as_bytes()).into());
    }
    answer
}
