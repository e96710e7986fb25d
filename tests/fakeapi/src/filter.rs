//! Which objects a list or watch is about.

use serde_json::Value;

/// Namespace and selectors of one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filter {
    /// Empty for all.
    pub(crate) namespace: String,
    labels: Vec<Requirement>,
    /// `metadata.name`, `metadata.namespace` and, of Events, `source` and `involvedObject.name`: path, whether it must be equal, value.
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

impl Filter {
    /// Reads the selectors of a request.
    pub(crate) fn new(namespace: &str, labels: &str, fields: &str) -> Result<Self, String> {
        let labels = split(labels).into_iter().map(requirement).collect::<Result<_, _>>()?;
        let fields = split(fields).into_iter().map(field).collect::<Result<_, _>>()?;
        Ok(Self { namespace: namespace.to_owned(), labels, fields })
    }

    pub(crate) fn matches(&self, namespace: &str, name: &str, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        let label = |key: &str| labels[key].as_str();
        (self.namespace.is_empty() || self.namespace == namespace)
            && self.labels.iter().all(|requirement| match requirement {
                Requirement::In(key, values) => {
                    label(key).is_some_and(|value| values.iter().any(|given| given == value))
                }
                Requirement::NotIn(key, values) => {
                    label(key).is_none_or(|value| values.iter().all(|given| given != value))
                }
                Requirement::Exists(key) => label(key).is_some(),
                Requirement::Absent(key) => label(key).is_none(),
            })
            && self.fields.iter().all(|(path, equal, value)| {
                let actual = match path.as_str() {
                    "metadata.name" => name,
                    "source" => source(object),
                    "involvedObject.name" => object["involvedObject"]["name"].as_str().unwrap_or_default(),
                    _ => namespace,
                };
                (actual == value) == *equal
            })
    }
}

/// Who wrote an Event.
fn source(event: &Value) -> &str {
    let component = event["source"]["component"].as_str().filter(|component| !component.is_empty());
    component.or(event["reportingComponent"].as_str()).unwrap_or_default()
}

/// At commas outside of brackets.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let parts = text.split(move |c| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let set = |key: &str, rest: &str| {
        let values = rest.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let values = values.ok_or_else(|| format!("unable to parse requirement: {text}"))?;
        Ok::<_, String>((
            key.trim().to_owned(),
            values.split(',').map(|value| value.trim().to_owned()).collect(),
        ))
    };
    if let Some((key, rest)) = text.split_once(" notin ") {
        let (key, values) = set(key, rest)?;
        return Ok(Requirement::NotIn(key, values));
    }
    if let Some((key, rest)) = text.split_once(" in ") {
        let (key, values) = set(key, rest)?;
        return Ok(Requirement::In(key, values));
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Ok(Requirement::NotIn(key.trim().into(), vec![value.trim().into()]));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Ok(Requirement::In(key.trim().into(), vec![value.trim().into()]));
    }
    Ok(match text.strip_prefix('!') {
        Some(key) => Requirement::Absent(key.trim().into()),
        None => Requirement::Exists(text.into()),
    })
}

fn field(text: &str) -> Result<(String, bool, String), String> {
    let parts = text.split_once("!=").map(|(path, value)| (path, false, value));
    let parts = parts.or_else(|| {
        text.split_once("==").or_else(|| text.split_once('=')).map(|(path, value)| (path, true, value))
    });
    match parts {
        Some((
            path @ ("metadata.name" | "metadata.namespace" | "source" | "involvedObject.name"),
            equal,
            value,
        )) => Ok((path.into(), equal, value.into())),
        _ => Err(format!("field label not supported: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors() {
        let object = json!({"metadata": {"labels": {"a": "1", "b": "2"}}});
        let holds =
            |labels: &str, fields: &str| Filter::new("", labels, fields).unwrap().matches("ns", "x", &object);
        for labels in ["a=1", "a==1,b!=1", "a in (1, 2),b", "!c", "c notin (1)", "a,b", ""] {
            assert!(holds(labels, ""), "{labels}");
        }
        for labels in ["a=2", "c", "!a", "a in (2,3)", "a notin (1)", "a=1,b=1"] {
            assert!(!holds(labels, ""), "{labels}");
        }
        assert!(
            holds("", "metadata.name=x")
                && !holds("", "metadata.name=y")
                && holds("", "metadata.namespace!=z")
        );
        assert!(Filter::new("", "", "spec.x=1").is_err());
        let event = json!({"source": {"component": ""}, "reportingComponent": "c"});
        let from = |fields: &str| Filter::new("", "", fields).unwrap().matches("ns", "x", &event);
        assert!(from("source=c") && !from("source=d"));
    }
}
