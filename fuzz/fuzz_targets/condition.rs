//! A condition, on an object.
#![no_main]

use dodona_expr::Program;
use dodona_value::{Document, Numbers, Runtime, Scope, Time, Value};

const OBJECT: &[u8] = br#"{"status":{"phase":"Succeeded","count":3,"list":[1,"a",null,{"n":1}]},"metadata":{"labels":{"a/b":"c"}}}"#;

libfuzzer_sys::fuzz_target!(|source: &str| {
    let Ok(program) = Program::compile(source) else { return };
    let document = Document::parse(OBJECT, Numbers::Kubernetes).expect("JSON");
    let scope: Scope = [("app", document.to_value()), ("n", Value::int64(7))].into_iter().collect();
    // A failure is a fine answer; not coming back is none.
    let _value = program.eval(&scope, &Runtime::fixed(Time::zero()));
});
