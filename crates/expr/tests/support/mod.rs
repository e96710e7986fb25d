//! Reads and runs cases; see `testdata/README.md` for their form.

#![expect(clippy::panic, clippy::print_stdout, reason = "this is part of a test")]

use std::path::{Path, PathBuf};

use dodona_expr::Program;
use dodona_langhost::{Host, family, runtime, scope};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) kind: String,
    #[serde(default)]
    host: String,
    pub(crate) src: String,
    #[serde(default)]
    data: Option<Box<RawValue>>,
    #[serde(default)]
    out: String,
    #[serde(default)]
    out_b64: Option<String>,
    #[serde(default, rename = "type")]
    go_type: String,
    #[serde(default)]
    err: String,
    #[serde(default)]
    phase: String,
    out_1_17_8: Option<String>,
    type_1_17_8: Option<String>,
    err_1_17_8: Option<String>,
    phase_1_17_8: Option<String>,
}

/// The folder of the recorded sets, if it is there.
#[expect(clippy::disallowed_methods, reason = "a test is told by its environment where the cases are")]
pub(crate) fn conformance_dir() -> Option<PathBuf> {
    let dir = match std::env::var("DODONA_CONFORMANCE") {
        Ok(dir) => PathBuf::from(dir),
        Err(_) => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
    };
    dir.join("lang").is_dir().then_some(dir)
}

/// The cases of the condition language in a file.
pub(crate) fn read_cases(path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("//"))
        .map(|line| serde_json::from_str::<Case>(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .filter(|case| case.kind.is_empty() || case.kind == "expr")
        .collect()
}

/// Runs the cases, prints those that fail and the count. Gives how many failed.
pub(crate) fn report(set: &str, cases: &[Case]) -> usize {
    let mut failed = 0;
    for case in cases {
        if let Err(problem) = case.run() {
            failed += 1;
            println!("{set}/{}: {problem}\n    {}", case.id, case.src.chars().take(200).collect::<String>());
        }
    }
    println!("{set}: {} passed, {failed} failed", cases.len() - failed);
    failed
}

impl Case {
    fn run(&self) -> Result<(), String> {
        let newer = self.out_1_17_8.is_some() || self.err_1_17_8.is_some() || self.phase_1_17_8.is_some();
        let (err, phase) = if newer {
            (self.err_1_17_8.as_deref().unwrap_or(""), self.phase_1_17_8.as_deref().unwrap_or(""))
        } else {
            (self.err.as_str(), self.phase.as_str())
        };
        let (out, go_type) = if newer {
            (
                self.out_1_17_8.as_deref().unwrap_or(&self.out),
                self.type_1_17_8.as_deref().unwrap_or(&self.go_type),
            )
        } else {
            (self.out.as_str(), self.go_type.as_str())
        };
        let program = match (Program::compile(&self.src), err.is_empty(), phase) {
            (Ok(_), false, "compile") => return Err(format!("compiles, but upstream says {}", first(err))),
            (Err(_), false, "compile") => return Ok(()),
            (Err(error), _, _) => {
                return Err(format!("does not compile: {error}; upstream gives {out:?} {err:?}"));
            }
            (Ok(program), _, _) => program,
        };
        let host = Host::named(&self.host).ok_or("unknown host")?;
        let scope = scope(self.data.as_deref(), host)?;
        let value = match (program.eval(&scope, &runtime()), err.is_empty()) {
            (Ok(value), false) => return Err(format!("gives {value}, but upstream says {}", first(err))),
            (Err(_), false) => return Ok(()),
            (Err(error), true) => return Err(format!("fails: {error}; upstream gives {out:?}")),
            (Ok(value), true) => value,
        };
        let mut text = dodona_value::Text::new(1 << 24);
        dodona_value::format::value(&mut text, &value);
        let wanted = match &self.out_b64 {
            Some(encoded) => decode(encoded),
            None => out.as_bytes().to_vec(),
        };
        if text.as_bytes() != wanted {
            let given = String::from_utf8_lossy(text.as_bytes()).chars().take(300).collect::<String>();
            return Err(format!("gives {given:?}, upstream {:?}", out.chars().take(300).collect::<String>()));
        }
        if !go_type.is_empty() && family(&value.type_name()) != family(go_type) {
            return Err(format!("is a {}, upstream {go_type}", value.type_name()));
        }
        Ok(())
    }
}

fn first(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

fn decode(encoded: &str) -> Vec<u8> {
    let value = |byte: u8| -> u32 {
        let table = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        table.iter().position(|known| *known == byte).map_or(0, |at| u32::try_from(at).unwrap_or(0))
    };
    let mut out = Vec::new();
    for chunk in encoded.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 6 | value(*byte)) << (6 * (4 - chunk.len()));
        out.extend_from_slice(bits.to_be_bytes().get(1..chunk.len()).unwrap_or_default());
    }
    out
}
