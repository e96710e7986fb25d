//! Documents: looking into them, and changing what they gave out.

use dodona_value::{Document, GoType, Key, Map, MapError, Numbers, Scope, Value};

fn document(text: &str) -> Document {
    Document::parse(text.as_bytes(), Numbers::Kubernetes).unwrap()
}

#[test]
fn paths_are_found_and_missing_ones_are_not() {
    let document = document(r#"{"a":{"b":{"c":"found"}},"list":[1,2,3]}"#);
    assert_eq!(document.path(&["a", "b", "c"]).unwrap().as_str(), Some("found"));
    assert!(document.path(&["a", "x", "c"]).is_none());
    assert!(document.path(&["a", "b", "c", "d"]).is_none());
    assert_eq!(document.to_value().path(&["a", "b"]).to_string(), "map[c:found]");
    assert_eq!(document.path(&["list"]).unwrap().index(2).unwrap().as_i64(), Some(3));
}

#[test]
fn of_equal_keys_the_last_wins_in_small_and_large_objects() {
    let small = document(r#"{"a":1,"b":2,"a":{"x":3}}"#);
    assert_eq!(small.to_value().to_string(), "map[a:map[x:3] b:2]");
    assert_eq!(small.root().len(), 2);
    let entries: Vec<String> = (0..50).map(|index| format!("\"k{}\":{index}", index % 20)).collect();
    let text = format!("{{{},\"last\":true}}", entries.join(","));
    let large = document(&text);
    assert_eq!(large.root().len(), 21);
    assert_eq!(large.path(&["k5"]).unwrap().as_i64(), Some(45));
    assert_eq!(large.path(&["last"]).unwrap().as_bool(), Some(true));
    assert!(large.path(&["k20"]).is_none());
}

#[test]
fn a_change_is_seen_by_all_who_look_and_not_by_forks() {
    let original = document(r#"{"meta":{"name":"a","labels":{"x":"1"}},"list":[{"n":1}]}"#);
    let fork = original.fork();
    let Value::Map(root) = fork.to_value() else { panic!("a map") };
    let Some(Value::Map(before)) = root.get(b"meta") else { panic!("a map") };
    let Value::Map(meta) = fork.to_value().path(&["meta"]) else { panic!("a map") };
    meta.set("name", Value::text("b")).unwrap();
    assert_eq!(before.get(b"name").unwrap().to_string(), "b");
    assert_eq!(root.get(b"meta").unwrap().path(&["name"]).to_string(), "b");
    assert_eq!(fork.to_value().to_string(), "map[list:[map[n:1]] meta:map[labels:map[x:1] name:b]]");
    assert_eq!(original.to_value().path(&["meta", "name"]).to_string(), "a");
    meta.remove(&Key::from("labels"));
    assert_eq!(fork.to_value().path(&["meta"]).to_string(), "map[name:b]");
    fork.forget_changes();
    assert_eq!(fork.to_value().path(&["meta", "name"]).to_string(), "a");
}

#[test]
fn a_forked_scope_forgets_what_was_changed_in_it() {
    let scope: Scope = [("app", document(r#"{"name":"a"}"#).to_value())].into_iter().collect();
    {
        let fork = scope.fork();
        let Some(Value::Map(app)) = fork.get("app") else { panic!("a map") };
        app.set("name", Value::text("b")).unwrap();
        app.set("again", Value::Map(Map::of(GoType::Any, [("app", Value::Bool(true))]))).unwrap();
        assert_eq!(fork.get("app").unwrap().path(&["name"]).to_string(), "b");
        assert_eq!(scope.get("app").unwrap().path(&["name"]).to_string(), "a");
    }
    assert_eq!(scope.get("app").unwrap().to_string(), "map[name:a]");
}

#[test]
fn a_change_deep_inside_a_list_is_seen_from_outside() {
    let document = document(r#"{"list":[{"n":1},{"n":2}]}"#);
    let list = document.to_value().path(&["list"]);
    let Some(Value::Map(second)) = list.as_list().unwrap().get(1) else { panic!("a map") };
    second.set("n", Value::int(9)).unwrap();
    assert_eq!(document.to_value().to_string(), "map[list:[map[n:1] map[n:9]]]");
    // A change of the outer map keeps what was changed inside.
    let Value::Map(root) = document.to_value() else { panic!("a map") };
    root.set("x", Value::Bool(true)).unwrap();
    assert_eq!(document.to_value().to_string(), "map[list:[map[n:1] map[n:9]] x:true]");
    second.set("n", Value::int(10)).unwrap();
    assert_eq!(document.to_value().to_string(), "map[list:[map[n:1] map[n:10]] x:true]");
}

#[test]
fn a_map_cannot_contain_itself() {
    let document = document(r#"{"a":{"b":{}}}"#);
    let Value::Map(root) = document.to_value() else { panic!("a map") };
    let Value::Map(inner) = document.to_value().path(&["a", "b"]) else { panic!("a map") };
    let wrapped = Value::list(vec![Value::list(vec![Value::Map(root.clone())])]);
    assert_eq!(inner.set("up", wrapped), Err(MapError::Cycle));
    assert_eq!(root.set("copy", Value::Map(inner)), Ok(()));
    assert_eq!(document.to_value().to_string(), "map[a:map[b:map[]] copy:map[]]");
}

#[test]
fn an_error_says_where() {
    let error = Document::parse(b"{\n  \"a\": nul }".as_slice(), Numbers::Float).err().unwrap();
    assert_eq!((error.line, error.column), (2, 11));
    assert_eq!(
        error.to_string(),
        "unexpected character ' ' in JSON, expected `true`, `false` or `null` (line 2, column 11)"
    );
}
