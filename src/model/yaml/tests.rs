use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::*;

/// What go-yaml v2 and Go's JSON decoder made of a text.
#[derive(Deserialize)]
struct Case {
    rule: String,
    yaml: String,
    tree: Option<Value>,
    text: Option<serde_json::Map<String, Value>>,
}

/// A text that is refused, and pieces of what is said about it.
#[derive(Deserialize)]
struct Refusal {
    rule: String,
    yaml: String,
    says: Vec<String>,
}

fn lines<T: for<'a> Deserialize<'a>>(text: &str) -> Vec<T> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

fn same(node: &Node, value: &Value) -> bool {
    match (&node.kind, value) {
        (NodeKind::Null, Value::Null) => true,
        (NodeKind::Bool(one), Value::Bool(other)) => one == other,
        (NodeKind::Int(one), Value::Number(other)) => other.as_i64() == Some(*one),
        (NodeKind::Uint(one), Value::Number(other)) => other.as_u64() == Some(*one),
        (NodeKind::Float(one), Value::Number(other)) => {
            other.as_f64().is_some_and(|other| (one - other).abs() <= other.abs() * 1e-15)
        }
        (NodeKind::Text(one), Value::String(other)) => one == other,
        (NodeKind::List(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (NodeKind::Map(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(&key.text).is_some_and(|other| same(one, other)))
        }
        _ => false,
    }
}

#[test]
fn texts_mean_what_they_mean_upstream() {
    let cases: Vec<Case> = lines(include_str!("../../../tests/config/decode.jsonl"));
    assert!(cases.len() > 150, "the cases are there");
    for case in &cases {
        let place = format!("{} {:?}", case.rule, case.yaml);
        let node = parse_node(&case.yaml).unwrap_or_else(|error| panic!("{place}: {} {error}", error.at));
        if let Some(tree) = &case.tree {
            assert!(same(&node, tree), "{place}\n  is {:?}\n  should be {tree}", node.kind);
        }
        for (name, text) in case.text.iter().flatten() {
            let NodeKind::Map(pairs) = &node.kind else { panic!("{place}: no mapping") };
            let value = pairs
                .iter()
                .find(|(key, _)| key.text == *name)
                .unwrap_or_else(|| panic!("{place}: no {name}"));
            assert_eq!(value.1.text().unwrap(), text.as_str().unwrap(), "{place}: {name}");
        }
    }
}

#[test]
fn refusals_name_the_place_and_what_to_do() {
    for case in lines::<Refusal>(include_str!("../../../tests/config/refused.jsonl")) {
        let place = format!("{} {:?}", case.rule, case.yaml);
        let error = match parse(&case.yaml) {
            Ok(parsed) => panic!("{place} is accepted: {:?}", parsed.node),
            Err(error) => format!("{}: {error}", error.at),
        };
        for piece in &case.says {
            assert!(error.contains(piece), "{place}\n  says {error}\n  should say {piece}");
        }
    }
}

#[test]
fn what_is_probably_not_meant_is_warned_about() {
    let warned = |text: &str| {
        parse(text)
            .unwrap()
            .warnings
            .into_iter()
            .map(|warning| format!("{}: {warning}", warning.at))
            .collect::<Vec<_>>()
    };
    assert!(warned("a: 1\nb: 2\na: 3\n")[0].starts_with("line 3, column 1: `a` is given twice"));
    assert!(warned("when: !foo.bar")[0].contains("quotes"));
    assert!(warned("{a: 1}\nb").first().is_none_or(|text| text.contains("ignored")));
    assert!(warned("a: {<<: {b: 1}, b: 2}").is_empty());
}

#[test]
fn places_are_those_of_the_text_as_written() {
    let node = parse_node("a: 1\nb:\n  - {x: y}\n  - \"é\": 'two\nlines' \n    z: 3\n").unwrap();
    let fields = node.fields().unwrap();
    let items = fields.list("b").unwrap();
    assert_eq!(items[0].fields().unwrap().get("x").unwrap().at, Position { line: 3, column: 9 });
    let (key, value) = items[1].fields().unwrap().iter().next().unwrap();
    assert_eq!((key.at.line, key.at.column, value.at.column), (4, 5, 10));
    assert_eq!(items[1].fields().unwrap().get("z").unwrap().at, Position { line: 6, column: 8 });
    assert_eq!(value.text().unwrap(), "two lines");
}

#[test]
fn size_depth_and_expansion_are_bounded() {
    assert!(parse(&"[".repeat(100_000)).is_err());
    assert!(parse(&"- ".repeat(100_000)).is_err());
    assert!(parse(&"{a: ".repeat(1000)).is_err());
    assert!(parse(&"x".repeat(MAX_TEXT + 1)).is_err());
    assert!(parse_file(&"x".repeat(MAX_TEXT + 1)).is_ok());
    let list = "- {a: b, c: [d, e]}\n".repeat(60_000);
    assert!(parse(&list).is_err() && parse_file(&list).is_ok());
    let nested = |levels: usize, width: usize| -> String {
        let level = |level: usize| {
            let before = if level == 0 { "x".to_owned() } else { format!("*a{}", level - 1) };
            format!("a{level}: &a{level} [{}]\n", vec![before; width].join(", "))
        };
        (0..levels).map(level).collect()
    };
    assert!(parse(&nested(20, 9)).unwrap_err().message.contains("too large"));
    assert!(parse(&nested(90, 1)).unwrap_err().message.contains("levels deep"));
    assert!(parse(&nested(5, 3)).is_ok());
}

/// Pieces out of which YAML and its mistakes are made.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b: ", "- ", "\n", "  ", "\n  ", "'", "\"", "{", "}", "[", "]", ", ", "#", "&a ", "*a", "!x ",
        "|\n", ">-\n", "? ", "<<: ", "~", "yes", "{{.x}}", "\t", "%", "@", "---\n", "...\n", "!!int ", "\\",
        "$k", "0x1", ":", "é", "\u{2028}", "\r\n", "\u{feff}", "1e9",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_stops_the_parser(text in any::<String>()) {
        let lines = text.lines().count() + 1;
        prop_assert!(parse(&text).err().is_none_or(|error| (1..=lines).contains(&error.at.line)));
    }

    #[test]
    fn no_yaml_stops_the_parser(text in pieces()) {
        match parse(&text) {
            Ok(parsed) => prop_assert!(parsed.node.at.line >= 1 && parsed.node.at.column >= 1),
            Err(error) => prop_assert!(error.at.line >= 1 && !error.message.is_empty()),
        }
    }
}
