//! github: statuses, deployments, comments, check runs and dispatches (services 2.10).
//!
//! `_repoURL` and `_revision` hold what the two paths render to; the console shows the paths themselves, as upstream does.

use serde_json::{Map, Value};

use crate::delivery::section::{Field, FieldSection, Kind, object};
use crate::delivery::template::Text;
use crate::model::{Fields, Node, NodeError, NodeKind, Section, SectionContext, SectionError};

const DEFAULT_REPOSITORY: &str = "{{.app.spec.source.repoURL}}";
const DEFAULT_REVISION: &str = "{{.app.status.operationState.syncResult.revision}}";

/// The parts of the section and their templated fields.
const PARTS: &[(&str, &[Field])] = &[
    (
        "status",
        &[Field::text("state").always(), Field::text("label").always(), Field::text("targetURL").always()],
    ),
    (
        "deployment",
        &[
            Field::text("state").always(),
            Field::text("environment").always(),
            Field::text("environmentURL").always(),
            Field::text("logURL").always(),
            Field::text("reference").always(),
            Field::text("transientEnvironment").always().shown().holds(Kind::Flag),
        ],
    ),
    ("pullRequestComment", &[Field::text("content").always(), Field::text("commentTag").always()]),
    (
        "checkRun",
        &[
            Field::text("name").always(),
            Field::text("details_url").always(),
            Field::text("status").always(),
            Field::text("conclusion").always(),
            Field::text("started_at").always(),
            Field::text("completed_at").always(),
        ],
    ),
    ("repositoryDispatch", &[Field::text("event_type").always(), Field::text("client_payload").always()]),
];

const OUTPUT: &[Field] =
    &[Field::text("title").always(), Field::text("summary").always(), Field::text("text").always()];

struct GitHub {
    /// The path as it is shown, its field, and the field for what it renders to.
    paths: Vec<(String, &'static str, &'static str, Text)>,
    parts: Vec<(&'static str, FieldSection)>,
    output: Option<FieldSection>,
    /// Literal fields of a deployment: `autoMerge`, `requiredContexts`.
    deployment: Map<String, Value>,
}

pub(super) fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    let fields = section.fields()?;
    let path = |name, into, default: &str| {
        let own = fields.text(name)?;
        let source = if own.is_empty() { default.to_owned() } else { own };
        let text = Text::from_source(template, &source).map_err(|message| fields.error(name, message))?;
        Ok((source, name, into, text))
    };
    let mut parts = Vec::new();
    for (name, list) in PARTS {
        if let Some(node) = fields.get(name).filter(|node| !node.is_null()) {
            parts.push((*name, FieldSection::new(template, node, list).map_err(|error| error.inside(name))?));
        }
    }
    let output = fields.fields("checkRun")?.and_then(|run| run.get("output")).filter(|node| !node.is_null());
    let output = output.map(|node| FieldSection::new(template, node, OUTPUT)).transpose();
    Ok(Box::new(GitHub {
        paths: vec![
            path("repoURLPath", "_repoURL", DEFAULT_REPOSITORY)?,
            path("revisionPath", "_revision", DEFAULT_REVISION)?,
        ],
        parts,
        output: output.map_err(|error| error.inside("output").inside("checkRun"))?,
        deployment: fields.fields("deployment")?.map(literals).transpose()?.unwrap_or_default(),
    }))
}

fn literals(deployment: Fields<'_>) -> Result<Map<String, Value>, NodeError> {
    let auto_merge = deployment.opt_bool("autoMerge")?.unwrap_or(true);
    let contexts = match deployment.get("requiredContexts").map(|node| &node.kind) {
        None | Some(NodeKind::Null) => Value::Null,
        Some(_) => deployment.text_list("requiredContexts")?.into(),
    };
    Ok([("autoMerge".to_owned(), auto_merge.into()), ("requiredContexts".to_owned(), contexts)]
        .into_iter()
        .collect())
}

impl Section for GitHub {
    fn render(&self, context: &mut SectionContext<'_>, into: &mut Value) -> Result<(), SectionError> {
        let into = object(into);
        for (source, shown, rendered, text) in &self.paths {
            into.entry(*shown).or_insert_with(|| source.clone().into());
            into.insert((*rendered).to_owned(), text.render(shown, context)?.into());
        }
        for (name, fields) in &self.parts {
            let part = object(into.entry(*name).or_insert(Value::Null));
            let inside =
                |error: SectionError| SectionError { field: format!("{name}.{}", error.field), ..error };
            fields.render_into(context, part).map_err(inside)?;
            match *name {
                "deployment" => part.extend(self.deployment.clone()),
                "pullRequestComment" => tag(part),
                "checkRun" => {
                    if let Some(output) = &self.output {
                        output
                            .render(context, part.entry("output").or_insert(Value::Null))
                            .map_err(inside)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn mentions(&self, name: &str) -> bool {
        self.paths.iter().any(|(_, _, _, text)| text.mentions(name))
            || self.parts.iter().any(|(_, fields)| fields.mentions(name))
            || self.output.as_ref().is_some_and(|output| output.mentions(name))
    }
}

/// The line by which a comment is found again, once, at the end of the content (services 2.10, FIX).
fn tag(part: &mut Map<String, Value>) {
    let text = |name: &str| part.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (content, tag) = (text("content"), text("commentTag"));
    if !tag.is_empty() {
        part.insert("content".to_owned(), format!("{content}\n<!-- argocd-notifications {tag} -->").into());
    }
}
