//! Which source of an Application a question is about, and the source as the repo server wants it.
//!
//! An Application has one source, several, or one that is hydrated. A revision belongs to the source that Argo CD names beside it
//! in the status; where nothing is named, the index in the list says it.

use serde::Deserialize;
use serde_json::Value as Json;

use super::wire::{
    ApplicationSource, DirectorySource, HelmFileParameter, HelmParameter, HelmSource, KustomizeSource,
    PluginSource, RawExtension,
};

/// `spec.project`; Argo CD takes an empty one for `default`.
pub(super) fn project(app: &Json) -> String {
    let name = app.pointer("/spec/project").and_then(Json::as_str).unwrap_or_default();
    if name.is_empty() { "default".into() } else { name.into() }
}

/// The sources of an Application in order.
pub(super) fn sources(app: &Json) -> Vec<Json> {
    if let Some(hydrator) = app.pointer("/spec/sourceHydrator").filter(|hydrator| hydrator.is_object()) {
        let url = hydrator.pointer("/drySource/repoURL").cloned().unwrap_or_default();
        let path = hydrator.pointer("/syncSource/path").cloned().unwrap_or_default();
        let branch = hydrator.pointer("/syncSource/targetBranch").cloned().unwrap_or_default();
        return vec![serde_json::json!({"repoURL": url, "path": path, "targetRevision": branch})];
    }
    match app.pointer("/spec/sources").and_then(Json::as_array).filter(|sources| !sources.is_empty()) {
        Some(sources) => sources.clone(),
        None => {
            app.pointer("/spec/source").filter(|source| source.is_object()).cloned().into_iter().collect()
        }
    }
}

/// URL of the repository that `revision` is a commit of. With `index`, that of this source.
pub(super) fn repository_of(app: &Json, revision: &str, index: Option<i64>) -> Result<String, String> {
    let sources = sources(app);
    let url = |source: &Json| source["repoURL"].as_str().unwrap_or_default().to_owned();
    let found = match (index, sources.as_slice()) {
        (_, []) => return Err("the Application has no source".into()),
        (Some(index), sources) => {
            let source = usize::try_from(index).ok().and_then(|index| sources.get(index));
            let count = sources.len();
            source.map(url).ok_or_else(|| {
                format!("there is no source {index}: the Application has {count}, counted from 0")
            })?
        }
        (None, [only]) => url(only),
        (None, several) => {
            if let Some(source) = named_beside(app, revision, several) {
                url(&source)
            } else {
                // Only one of them can have commits at all.
                let is_plain = |source: &&Json| source["chart"].as_str().unwrap_or_default().is_empty();
                let mut plain = several.iter().filter(is_plain);
                match (plain.next(), plain.next()) {
                    (Some(source), None) => url(source),
                    _ => return Err(unknown_revision(revision, several.len())),
                }
            }
        }
    };
    if found.is_empty() { Err("the source has no `repoURL`".into()) } else { Ok(found) }
}

fn unknown_revision(revision: &str, sources: usize) -> String {
    format!(
        "revision `{revision}` belongs to none of the {sources} sources as far as the status says; name the source: `GetCommitMetadata` takes its index as the second argument"
    )
}

/// The source that the status names beside the revision: of the present state, of the operation, of the history.
fn named_beside(app: &Json, revision: &str, spec: &[Json]) -> Option<Json> {
    if revision.is_empty() {
        return None;
    }
    let mut places = vec![
        (app.pointer("/status/sync"), "/comparedTo/sources"),
        (app.pointer("/status/operationState/syncResult"), "/sources"),
        (app.pointer("/status/operationState/operation/sync"), "/sources"),
        (app.pointer("/operation/sync"), "/sources"),
    ];
    let history = app.pointer("/status/history").and_then(Json::as_array);
    places.extend(history.into_iter().flatten().rev().map(|entry| (Some(entry), "/sources")));
    for (place, sources) in places {
        let Some(place) = place else { continue };
        let revisions = place.get("revisions").and_then(Json::as_array);
        let position = revisions.and_then(|list| list.iter().position(|one| one == revision));
        if let Some(position) = position {
            let beside = place.pointer(sources).and_then(|list| list.get(position));
            return beside.or_else(|| spec.get(position)).cloned();
        }
    }
    None
}

/// `value`, or nothing where it has another shape: a field that is wrong must not take the others with it.
fn read<T: for<'de> Deserialize<'de> + Default>(value: &Json) -> T {
    T::deserialize(value).unwrap_or_default()
}

fn text(value: &Json, key: &str) -> String {
    read(&value[key])
}

/// A source of an Application as the repo server reads it.
pub(super) fn to_wire(source: &Json) -> ApplicationSource {
    let part = |key: &str| source.get(key).filter(|part| part.is_object());
    ApplicationSource {
        repo_url: text(source, "repoURL"),
        path: text(source, "path"),
        target_revision: text(source, "targetRevision"),
        helm: part("helm").map(helm),
        kustomize: part("kustomize").map(|part| KustomizeSource {
            name_prefix: text(part, "namePrefix"),
            name_suffix: text(part, "nameSuffix"),
            images: read(&part["images"]),
            common_labels: read(&part["commonLabels"]),
            version: text(part, "version"),
            common_annotations: read(&part["commonAnnotations"]),
            namespace: text(part, "namespace"),
            components: read(&part["components"]),
        }),
        directory: part("directory").map(|part| DirectorySource { recurse: read(&part["recurse"]) }),
        plugin: part("plugin").map(|part| PluginSource { name: text(part, "name") }),
        chart: text(source, "chart"),
        reference: text(source, "ref"),
        name: text(source, "name"),
    }
}

fn helm(part: &Json) -> HelmSource {
    let files = part["fileParameters"].as_array();
    HelmSource {
        value_files: read(&part["valueFiles"]),
        parameters: parameters(part),
        release_name: text(part, "releaseName"),
        values: text(part, "values"),
        file_parameters: files
            .into_iter()
            .flatten()
            .map(|one| HelmFileParameter { name: text(one, "name"), path: text(one, "path") })
            .collect(),
        version: text(part, "version"),
        pass_credentials: read(&part["passCredentials"]),
        ignore_missing_value_files: read(&part["ignoreMissingValueFiles"]),
        skip_crds: read(&part["skipCrds"]),
        values_object: part
            .get("valuesObject")
            .filter(|object| object.is_object())
            .map(|object| RawExtension { raw: object.to_string().into_bytes() }),
    }
}

/// `parameters` of Helm's settings.
pub(super) fn parameters(helm: &Json) -> Vec<HelmParameter> {
    let list = helm["parameters"].as_array();
    list.into_iter()
        .flatten()
        .map(|one| HelmParameter {
            name: text(one, "name"),
            value: text(one, "value"),
            force_string: read(&one["forceString"]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_revision_belongs_to_the_source_that_the_status_names() {
        let app = json!({
            "spec": {"sources": [{"repoURL": "a"}, {"repoURL": "b"}, {"repoURL": "c", "chart": "x"}]},
            "status": {
                "sync": {"revisions": ["1", "2", "3"]},
                "operationState": {"syncResult": {"revisions": ["4", "5", "6"], "sources": [{"repoURL": "old-a"}, {"repoURL": "old-b"}]}},
                "history": [{"revisions": ["7"], "sources": [{"repoURL": "older-a"}]}, {"revisions": ["8"]}],
            },
        });
        for (revision, index, expected) in [
            ("1", None, Ok("a")),
            ("2", None, Ok("b")),
            ("5", None, Ok("old-b")),
            ("6", None, Ok("c")),
            ("7", None, Ok("older-a")),
            ("8", None, Ok("a")),
            ("2", Some(0), Ok("a")),
            ("9", None, Err("belongs to none of the 3 sources")),
            ("", None, Err("belongs to none")),
            ("1", Some(3), Err("there is no source 3")),
            ("1", Some(-1), Err("there is no source -1")),
        ] {
            match (repository_of(&app, revision, index), expected) {
                (Ok(url), Ok(wanted)) => assert_eq!(url, wanted, "{revision}"),
                (Err(error), Err(wanted)) => assert!(error.contains(wanted), "{error}"),
                (found, _) => panic!("{revision}: {found:?}"),
            }
        }
    }

    #[test]
    fn one_source_needs_no_status() {
        let only = json!({"spec": {"source": {"repoURL": "a"}}});
        assert_eq!(repository_of(&only, "x", None).unwrap(), "a");
        let one_of_many = json!({"spec": {"sources": [{"repoURL": "a"}, {"repoURL": "c", "chart": "x"}]}});
        assert_eq!(repository_of(&one_of_many, "x", None).unwrap(), "a");
        let dry = json!({"spec": {"source": null, "sourceHydrator": {
            "drySource": {"repoURL": "dry", "path": "p"}, "syncSource": {"targetBranch": "env", "path": "q"},
        }}});
        assert_eq!(sources(&dry), [json!({"repoURL": "dry", "path": "q", "targetRevision": "env"})]);
        assert!(repository_of(&json!({"spec": {}}), "x", None).unwrap_err().contains("no source"));
    }

    #[test]
    fn odd_shapes_take_nothing_else_with_them() {
        let source = to_wire(&json!({
            "repoURL": "a", "path": 7, "helm": {"parameters": [{"name": "n", "value": "v"}, 3], "valueFiles": "x", "valuesObject": {"a": 1}},
        }));
        let helm = source.helm.unwrap();
        assert_eq!((source.repo_url.as_str(), source.path.as_str(), helm.parameters.len()), ("a", "", 2));
        assert_eq!((helm.value_files.len(), helm.values_object.unwrap().raw), (0, b"{\"a\":1}".to_vec()));
        assert!(source.kustomize.is_none());
    }
}
