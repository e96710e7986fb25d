//! Patterns against what Go's `regexp` found, split, replaced and refused.

use dodona_value::{Budget, Limits, NodeRef, Str, Text, Value, json, regex::Regex};

use crate::cases::{Case, check};

#[test]
fn patterns_mean_what_they_mean_in_go() {
    check("regex.jsonl", |case| {
        let got = answer(case);
        // A refusal is an empty text on both sides; no answer is empty.
        if case.node("error").is_some() {
            got.unwrap_or_default()
        } else {
            got.unwrap_or_else(|| b"refused".to_vec())
        }
    });
}

fn answer(case: &Case) -> Option<Vec<u8>> {
    let mut budget = Budget::new(Limits::default());
    let regex = Regex::new(&case.text("pattern")).ok()?;
    let text = case.text("text");
    let text = text.as_bytes();
    let limit = case.node("limit").and_then(NodeRef::as_i64).unwrap_or(-1);
    let limit = usize::try_from(limit).ok();
    let texts =
        |parts: Vec<&[u8]>| Value::list(parts.into_iter().map(|part| Value::Str(Str::from(part))).collect());
    let value = match case.text("op").as_str() {
        "find_all" => {
            let found = regex.find_all(text, limit, &mut budget).unwrap();
            if found.is_empty() {
                Value::Nil
            } else {
                texts(found.into_iter().map(|(start, end)| text.get(start..end).unwrap()).collect())
            }
        }
        "split" if limit == Some(0) => Value::Nil,
        "split" => texts(regex.split(text, limit, &mut budget).unwrap()),
        _ => {
            Value::Str(regex.replace_all(text, case.text("template").as_bytes(), &mut budget).unwrap().into())
        }
    };
    let mut out = Text::new(1 << 20);
    json::write(&mut out, &value, json::Style::COMPACT).unwrap();
    Some(out.finish().unwrap())
}
