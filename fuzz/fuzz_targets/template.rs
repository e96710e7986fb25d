//! A template, on an object. Key generation is off: it takes longer than a second by its nature.
#![no_main]

use dodona_gotmpl::Template;
use dodona_value::{Document, Numbers, Runtime, Scope, Time, Value};

const OBJECT: &[u8] = br#"{"status":{"phase":"Succeeded","count":3,"list":[1,"a",null,{"n":1}]},"metadata":{"labels":{"a/b":"c"}}}"#;

libfuzzer_sys::fuzz_target!(|source: &str| {
    let Ok(template) = Template::parse("fuzz", source) else { return };
    let document = Document::parse(OBJECT, Numbers::Kubernetes).expect("JSON");
    let scope: Scope = [("app", document.to_value()), ("n", Value::int64(7))].into_iter().collect();
    let mut runtime = Runtime::fixed(Time::zero());
    runtime.allow_key_generation = false;
    runtime.limits.steps = 2_000_000;
    // A failure is a fine answer; not coming back is none.
    let _text = template.render(&scope, &runtime);
});
