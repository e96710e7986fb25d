//! Reading a case: YAML files with placeholders (`e2e/cases/README.md`).

use std::path::Path;

use anyhow::{Context, bail};
use dodona::config::yaml;
use serde_json::{Map, Value};

/// A case as its `case.yaml` says.
pub(crate) struct Case {
    pub(crate) bindings: Vec<String>,
    pub(crate) namespace: String,
    pub(crate) late: Vec<String>,
    /// A ConfigMap outside of the repository whose keys join those of the case.
    pub(crate) catalogue: Option<String>,
    pub(crate) steps: Vec<Step>,
}

/// One step.
pub(crate) struct Step {
    pub(crate) apply: Value,
    pub(crate) file: String,
    pub(crate) requests: Vec<Value>,
    pub(crate) state: Map<String, Value>,
}

/// Fills in the placeholders of a text.
pub(crate) struct Places {
    pub(crate) receiver: String,
    pub(crate) namespace: String,
}

impl Places {
    fn fill(&self, text: &str) -> String {
        text.replace("@RECEIVER@", &self.receiver).replace("@NAMESPACE@", &self.namespace)
    }

    /// The documents of a YAML file.
    pub(crate) fn documents(&self, path: &Path) -> anyhow::Result<Vec<Value>> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let text = self.fill(&text);
        let mut documents = Vec::new();
        for part in text.split("\n---\n") {
            let node = yaml::parse_node(part)
                .map_err(|error| anyhow::anyhow!("{}: {}: {error}", path.display(), error.at))?;
            documents.push(node.to_json());
        }
        Ok(documents)
    }
}

pub(crate) fn read(folder: &Path, places: &Places) -> anyhow::Result<Case> {
    let case = places.documents(&folder.join("case.yaml"))?.remove(0);
    let mut steps = Vec::new();
    for step in case["steps"].as_array().context("no steps")? {
        let Some(file) = step["apply"].as_str() else { bail!("a step without `apply`") };
        steps.push(Step {
            apply: places.documents(&folder.join(file))?.remove(0),
            file: file.to_owned(),
            requests: step["requests"].as_array().context("a step without `requests`")?.clone(),
            state: step["state"].as_object().cloned().unwrap_or_default(),
        });
    }
    Ok(Case {
        bindings: texts(&case["bindings"]),
        namespace: places.namespace.clone(),
        late: texts(&case["late"]),
        catalogue: case["catalogue"].as_str().map(str::to_owned),
        steps,
    })
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
