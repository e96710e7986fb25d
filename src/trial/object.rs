//! Versions of an object: paths into it, and what is set or taken away there.

use serde_json::{Map, Value};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
}

/// The longest list that a path makes.
const LONGEST: usize = 1_000;

/// Reads `status.conditions[0].type`, `metadata.annotations["a.b/c"]`.
fn steps(path: &str) -> Result<Vec<Step>, String> {
    let wrong =
        || format!("`{path}` is no path; write `status.phase`, `list[0].name` or `annotations[\"a.b/c\"]`");
    let (mut steps, mut rest) = (Vec::new(), path);
    while !rest.is_empty() {
        if let Some(bracket) = rest.strip_prefix('[') {
            let after = if let Some(quoted) = bracket.strip_prefix('"') {
                let (name, after) = quoted.split_once("\"]").ok_or_else(wrong)?;
                steps.push(Step::Field(name.to_owned()));
                after
            } else {
                let (index, after) = bracket.split_once(']').ok_or_else(wrong)?;
                let index = index.parse().ok().filter(|index| *index < LONGEST).ok_or_else(wrong)?;
                steps.push(Step::Index(index));
                after
            };
            rest = after.strip_prefix('.').unwrap_or(after);
            continue;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end).ok_or_else(wrong)?;
        if name.is_empty() {
            return Err(wrong());
        }
        steps.push(Step::Field(name.to_owned()));
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    if steps.is_empty() { Err(wrong()) } else { Ok(steps) }
}

/// Puts `value` at `path`, and makes what is missing on the way.
pub(super) fn set(object: &mut Value, path: &str, value: Value) -> Result<(), String> {
    let mut place = object;
    for step in steps(path)? {
        match step {
            Step::Field(name) => {
                if !place.is_object() {
                    if !place.is_null() {
                        return Err(format!(
                            "`{path}` leads into something that has no fields, before `{name}`"
                        ));
                    }
                    *place = Value::Object(Map::new());
                }
                let Value::Object(fields) = place else { return Ok(()) };
                place = fields.entry(name).or_insert(Value::Null);
            }
            Step::Index(index) => {
                if place.is_null() {
                    *place = Value::Array(Vec::new());
                }
                let Value::Array(items) = place else {
                    return Err(format!("`{path}` leads into something that is no list, before [{index}]"));
                };
                if items.len() <= index {
                    items.resize(index + 1, Value::Null);
                }
                match items.get_mut(index) {
                    Some(item) => place = item,
                    None => return Ok(()),
                }
            }
        }
    }
    *place = value;
    Ok(())
}

/// Takes away what stands at `path`; whether anything did.
pub(super) fn unset(object: &mut Value, path: &str) -> Result<bool, String> {
    let mut steps = steps(path)?;
    let Some(last) = steps.pop() else { return Ok(false) };
    let mut place = object;
    for step in steps {
        let next = match step {
            Step::Field(name) => place.get_mut(name),
            Step::Index(index) => place.get_mut(index),
        };
        match next {
            Some(next) => place = next,
            None => return Ok(false),
        }
    }
    Ok(match (place, last) {
        (Value::Object(fields), Step::Field(name)) => fields.shift_remove(&name).is_some(),
        (Value::Array(items), Step::Index(index)) if index < items.len() => {
            items.remove(index);
            true
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_put_and_taken() {
        let mut object = json!({"a": {"b": [1]}});
        for (path, value) in [("a.b[2].c", json!("x")), ("m[\"n.o/p\"]", json!(true)), ("a.d", json!(null))] {
            set(&mut object, path, value).unwrap();
        }
        assert_eq!(object, json!({"a": {"b": [1, null, {"c": "x"}], "d": null}, "m": {"n.o/p": true}}));
        assert_eq!(unset(&mut object, "a.b[0]"), Ok(true));
        assert_eq!(unset(&mut object, "m[\"n.o/p\"]"), Ok(true));
        assert_eq!(unset(&mut object, "x.y"), Ok(false));
        assert_eq!(object, json!({"a": {"b": [null, {"c": "x"}], "d": null}, "m": {}}));
    }

    #[test]
    fn what_is_no_path_is_told() {
        for path in ["", "a..b", "a[", "a[x]", "a[99999]", ".a"] {
            assert!(steps(path).is_err(), "{path}");
        }
        assert!(set(&mut json!({"a": 1}), "a.b", json!(1)).is_err());
        assert!(set(&mut json!({"a": 1}), "a[0]", json!(1)).is_err());
    }
}
