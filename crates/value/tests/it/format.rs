//! `Printf` against what Go printed.

use dodona_value::{NodeRef, Text, Value, format};

use crate::cases::{check, value};

#[test]
fn printf_prints_as_go_does() {
    check("printf.jsonl", |case| {
        let args: Vec<Value> = case.node("args").unwrap().items().map(value).collect();
        let template = case.node("format").and_then(NodeRef::as_bytes).unwrap();
        let mut text = Text::new(1 << 20);
        format::sprintf(&mut text, template, &args);
        text.finish().unwrap()
    });
}
