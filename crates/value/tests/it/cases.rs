//! Reading case files: one JSON object a line, values written as `{"type": content}`.

use std::path::{Path, PathBuf};

use dodona_value::{
    Document, Duration, GoType, IntKind, List, Map, NodeKind, NodeRef, Numbers, Str, UintKind, Value, Zone,
    time,
};

/// One case: a JSON object.
pub(crate) struct Case {
    pub(crate) line: usize,
    document: Document,
}

impl Case {
    pub(crate) fn node(&self, key: &str) -> Option<NodeRef<'_>> {
        self.document.root().get(key)
    }

    /// The text under `key`; empty if there is none.
    pub(crate) fn text(&self, key: &str) -> String {
        self.node(key).and_then(NodeRef::as_str).unwrap_or_default().to_owned()
    }

    /// The expected bytes: `want`, or `want_hex` where they are not UTF-8.
    pub(crate) fn want(&self) -> Vec<u8> {
        match self.node("want_hex").and_then(NodeRef::as_str) {
            Some(hex) => (0..hex.len() / 2)
                .map(|index| u8::from_str_radix(hex.get(index * 2..index * 2 + 2).unwrap(), 16).unwrap())
                .collect(),
            None => self.text("want").into_bytes(),
        }
    }
}

/// All cases of a file in `testdata`.
pub(crate) fn read(name: &str) -> Vec<Case> {
    let path = match std::env::var_os("DODONA_CASES") {
        Some(folder) => PathBuf::from(folder).join(name),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name),
    };
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(index, line)| {
            let document = Document::parse(line.as_bytes(), Numbers::Kubernetes)
                .unwrap_or_else(|error| panic!("{name} line {}: {error}", index + 1));
            Case { line: index + 1, document }
        })
        .collect()
}

/// A typed value: `{"int": 1}`, `{"list": [{"str": "a"}]}`, `{"json": …}`.
pub(crate) fn value(node: NodeRef<'_>) -> Value {
    let (kind, content) = node.entries().next().expect("a typed value");
    let items = || content.items().map(value).collect::<Vec<_>>();
    let text = || Str::from(content.as_bytes().unwrap_or_default());
    let number = || content.as_i64().expect("a whole number");
    match kind.as_str().unwrap() {
        "nil" => Value::Nil,
        "bool" => Value::Bool(content.as_bool().unwrap()),
        "int" => Value::int(number()),
        "int64" => Value::int64(number()),
        "rune" => Value::Int(number(), IntKind::Int32),
        "uint8" => Value::Uint(number().try_into().unwrap(), UintKind::Uint8),
        "float" => Value::float(content.as_f64().unwrap()),
        "str" => Value::Str(text()),
        "bytes" => Value::bytes(text()),
        "duration" => Value::Duration(Duration::from_nanoseconds(number())),
        "time" => {
            Value::Time(time::parse(time::Layout::RFC3339, content.as_str().unwrap(), &Zone::utc()).unwrap())
        }
        "list" => Value::list(items()),
        "strings" => Value::List(List::of_texts(content.items().map(NodeRef::to_str_value))),
        "ints" => Value::List(List::new(
            GoType::INT,
            content.items().map(|item| Value::int(item.as_i64().unwrap())).collect(),
        )),
        "map" => Value::Map(Map::of(
            GoType::Any,
            content.entries().map(|(key, item)| (key.to_str_value(), value(item))),
        )),
        "json" => content.to_value(),
        other => panic!("unknown type {other} ({:?})", NodeKind::Map),
    }
}

/// Runs a check over all cases of a file and tells about all that fail.
pub(crate) fn check(name: &str, run: impl Fn(&Case) -> Vec<u8>) {
    let cases = read(name);
    let mut failures = Vec::new();
    for case in &cases {
        let (got, want) = (run(case), case.want());
        if got != want {
            failures.push(format!(
                "{name} line {}: {:?}\n   want {:?}\n    got {:?}",
                case.line,
                case.document.to_value(),
                String::from_utf8_lossy(&want),
                String::from_utf8_lossy(&got)
            ));
        }
    }
    let shown: Vec<_> = failures.iter().take(40).cloned().collect();
    assert!(failures.is_empty(), "{} of {} cases fail\n{}", failures.len(), cases.len(), shown.join("\n"));
}
