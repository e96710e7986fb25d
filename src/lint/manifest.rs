//! The objects of a source, each with the place where it stands.

use super::{Findings, Source};
use crate::config::{place, yaml};
use crate::model::{Fields, Node, NodeKind, Position};

/// One object.
pub(super) struct Manifest<'a> {
    /// Name of the source.
    pub(super) file: &'a str,
    /// The document that it stands in; of a `List` all items stand in one.
    document: &'a str,
    /// Lines in front of the document.
    offset: usize,
    /// `apiVersion`, `kind`.
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    /// The whole object.
    pub(super) node: Node,
}

impl<'a> Manifest<'a> {
    fn new(file: &'a str, document: &'a str, offset: usize, node: Node) -> Option<Self> {
        let fields = node.fields().ok()?;
        let (api_version, kind) = (fields.text("apiVersion").ok()?, fields.text("kind").ok()?);
        if api_version.is_empty() || kind.is_empty() {
            return None;
        }
        let metadata = fields.fields("metadata").ok().flatten();
        let text = |name| metadata.and_then(|metadata| metadata.text(name).ok()).unwrap_or_default();
        let (namespace, name) = (text("namespace"), text("name"));
        Some(Self { file, document, offset, api_version, kind, namespace, name, node })
    }

    /// The place of something that is no object.
    pub(super) fn bare(file: &'a str, node: Node) -> Self {
        let nothing = String::new;
        let (api_version, kind, namespace, name) = (nothing(), nothing(), nothing(), nothing());
        Self { file, document: "", offset: 0, api_version, kind, namespace, name, node }
    }

    /// A place in the document as a place in the source.
    pub(super) fn place(&self, at: Position) -> Position {
        Position { line: at.line.max(1) + self.offset, column: at.column.max(1) }
    }

    /// The place in the document of what stands at `at` in the text of the scalar that begins at `scalar`.
    pub(super) fn inside(&self, scalar: Position, at: Position) -> Position {
        place::inside(self.document, scalar, at.line.max(1), at.column.max(1))
    }

    /// `kind/name`, for findings.
    pub(super) fn title(&self) -> String {
        if self.namespace.is_empty() {
            format!("{} {}", self.kind, self.name)
        } else {
            format!("{} {}/{}", self.kind, self.namespace, self.name)
        }
    }

    /// A field of the object that is a mapping.
    pub(super) fn fields(&self, path: &[&str]) -> Option<Fields<'_>> {
        let mut fields = self.node.fields().ok()?;
        for name in path {
            fields = fields.fields(name).ok().flatten()?;
        }
        Some(fields)
    }

    /// Whether the object is of `kind` in any version of `group`.
    pub(super) fn is(&self, group: &str, kind: &str) -> bool {
        let own = self.api_version.split_once('/').map_or("", |(group, _)| group);
        self.kind == kind && own == group
    }
}

/// Reads all documents. Folders hold other YAML too: what is no object of Kubernetes is left out, and a document that does
/// not parse is told only if it claims to be one and is no template of a Helm chart.
pub(super) fn read<'a>(source: &'a Source, findings: &mut Findings) -> Vec<Manifest<'a>> {
    let mut manifests = Vec::new();
    for (offset, document) in yaml::documents(&source.text) {
        match yaml::parse_file(document) {
            Ok(parsed) => {
                let first = manifests.len();
                add(&source.name, document, offset, parsed.node, &mut manifests);
                if let Some(manifest) = manifests.get(first) {
                    for warning in parsed.warnings {
                        findings.add(warning.rule, manifest, warning.at, &manifest.title(), warning.message);
                    }
                }
            }
            Err(error) if is_manifest(document) && !is_chart(&source.name, document) => {
                let node = Node::new(NodeKind::Null, error.at);
                let broken = Manifest { document, offset, ..Manifest::bare(&source.name, node) };
                findings.add("yaml-syntax", &broken, error.at, "manifest", error.message);
            }
            Err(_) => {}
        }
    }
    manifests
}

fn add<'a>(file: &'a str, document: &'a str, offset: usize, node: Node, into: &mut Vec<Manifest<'a>>) {
    let is_list = node.fields().is_ok_and(|fields| {
        fields.text("kind").is_ok_and(|kind| kind == "List") && fields.get("items").is_some()
    });
    if !is_list {
        into.extend(Manifest::new(file, document, offset, node));
        return;
    }
    let NodeKind::Map(pairs) = node.kind else { return };
    for (_, items) in pairs.into_iter().filter(|(key, _)| key.text == "items") {
        if let NodeKind::List(items) = items.kind {
            into.extend(items.into_iter().filter_map(|item| Manifest::new(file, document, offset, item)));
        }
    }
}

fn is_manifest(document: &str) -> bool {
    let has =
        |name: &str| document.lines().any(|line| line.trim_start().trim_start_matches('"').starts_with(name));
    has("kind") && has("apiVersion")
}

fn is_chart(file: &str, document: &str) -> bool {
    let in_templates = file.split(['/', '\\']).rev().skip(1).any(|folder| folder == "templates");
    in_templates && document.contains("{{")
}
