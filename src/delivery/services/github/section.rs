//! The `github` section of a template (services 2.10).
//!
//! `_repoURL` and `_revision` hold what the two paths render to; the console shows the paths themselves, as upstream does.

use serde_json::{Map, Value};

use crate::delivery::section::{Field, FieldSection, Kind, object};
use crate::delivery::template::Text;
use crate::model::{Fields, Node, NodeError, NodeKind, Notation, Section, SectionContext, SectionError};

/// Where the repository is by default; an application with several sources has it elsewhere.
const REPOSITORY: Default =
    Default { shown: "{{.app.spec.source.repoURL}}", otherwise: "{{(index .app.spec.sources 0).repoURL}}" };

/// Where the revision is by default.
const REVISION: Default = Default {
    shown: "{{.app.status.operationState.syncResult.revision}}",
    otherwise: "{{index .app.status.operationState.syncResult.revisions 0}}",
};

/// A path that upstream has, and what is tried where it leads to nothing.
struct Default {
    shown: &'static str,
    otherwise: &'static str,
}

/// What a template prints where a path leads to nothing.
pub(super) const NOTHING: &str = "<no value>";

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
    (
        "repositoryDispatch",
        &[Field::text("event_type").always(), Field::text("client_payload").always().holds(Kind::Payload)],
    ),
];

const OUTPUT: &[Field] =
    &[Field::text("title").always(), Field::text("summary").always(), Field::text("text").always()];

struct GitHub {
    paths: [Path; 2],
    parts: Vec<(&'static str, FieldSection)>,
    output: Option<FieldSection>,
    /// Literal fields of a deployment: `autoMerge`, `requiredContexts`.
    deployment: Map<String, Value>,
}

/// Repository or revision.
struct Path {
    /// The field as users write it.
    name: &'static str,
    /// The field for what it renders to.
    into: &'static str,
    /// As it is shown.
    source: String,
    text: Text,
    /// What is tried where a default leads to nothing.
    otherwise: Option<Text>,
}

impl Path {
    fn compile(
        template: &str,
        fields: Fields<'_>,
        name: &'static str,
        into: &'static str,
        default: &Default,
    ) -> Result<Self, NodeError> {
        let compile =
            |source: &str| Text::from_source(template, source).map_err(|message| fields.error(name, message));
        let own = fields.text(name)?;
        let otherwise = own.is_empty().then(|| compile(default.otherwise)).transpose()?;
        let source = if own.is_empty() { default.shown.to_owned() } else { own };
        Ok(Self { name, into, text: compile(&source)?, source, otherwise })
    }

    fn render(&self, context: &mut SectionContext<'_>) -> Result<String, SectionError> {
        let text = self.text.render(self.name, context)?;
        match &self.otherwise {
            // It fails where there is nothing either; then the first answer stands.
            Some(otherwise) if text == NOTHING => {
                Ok(otherwise.render(self.name, context).ok().filter(|text| !text.is_empty()).unwrap_or(text))
            }
            _ => Ok(text),
        }
    }
}

pub(super) fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    let fields = section.fields()?;
    let mut parts = Vec::new();
    for (name, list) in PARTS {
        if let Some(node) = fields.get(name).filter(|node| !node.is_null()) {
            parts.push((*name, FieldSection::new(template, node, list).map_err(|error| error.inside(name))?));
        }
    }
    let output = fields.fields("checkRun")?.and_then(|run| run.get("output")).filter(|node| !node.is_null());
    let output = output.map(|node| FieldSection::new(template, node, OUTPUT)).transpose();
    Ok(Box::new(GitHub {
        paths: [
            Path::compile(template, fields, "repoURLPath", "_repoURL", &REPOSITORY)?,
            Path::compile(template, fields, "revisionPath", "_revision", &REVISION)?,
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
        for path in &self.paths {
            into.entry(path.name).or_insert_with(|| path.source.clone().into());
            into.insert(path.into.to_owned(), path.render(context)?.into());
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
        self.paths.iter().any(|path| path.text.mentions(name))
            || self.parts.iter().any(|(_, fields)| fields.mentions(name))
            || self.output.as_ref().is_some_and(|output| output.mentions(name))
    }

    fn structures(&self) -> Vec<(String, Notation)> {
        let all = PARTS.iter().flat_map(|(part, fields)| fields.iter().map(move |field| (part, field)));
        all.filter_map(|(part, field)| Some((format!("{part}.{}", field.name), field.notation()?))).collect()
    }
}

/// The line by which a comment is found again, once, at the end of the content (services 2.10, FIX).
fn tag(part: &mut Map<String, Value>) {
    let text = |name: &str| part.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (content, tag) = (text("content"), text("commentTag"));
    if !tag.is_empty() {
        part.insert("content".to_owned(), format!("{content}\n{}", tag_line(&tag)).into());
    }
}

/// What is looked for in comments.
pub(super) fn tag_line(tag: &str) -> String {
    format!("<!-- argocd-notifications {tag} -->")
}
