//! `spec.workloadRef`: the pod template of such a Rollout is in another object (core 6.2, 6.6.1).

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::model::{Object, ObjectKey, Resource};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Outer {
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    workload_ref: Option<Reference>,
    template: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Reference {
    api_version: String,
    kind: String,
    name: String,
}

/// The object that has the template of `rollout`, if it is not in the Rollout itself.
pub fn reference(rollout: &Object) -> Option<(Resource, ObjectKey)> {
    // Most Rollouts have none, and this runs for each notification.
    memchr::memmem::find(rollout.json(), b"\"workloadRef\"")?;
    let spec = serde_json::from_slice::<Outer>(rollout.json()).ok()?.spec;
    let reference =
        spec.workload_ref.filter(|reference| !reference.name.is_empty() && spec.template.is_none())?;
    let (group, version) = reference.api_version.split_once('/').unwrap_or(("", &reference.api_version));
    let plural = match reference.kind.as_str() {
        "Deployment" => "deployments",
        "ReplicaSet" => "replicasets",
        "PodTemplate" => "podtemplates",
        _ => return None,
    };
    let resource = Resource::new(group, version, plural, Some(&reference.kind));
    Some((resource, ObjectKey::new(rollout.key().namespace.clone(), reference.name.as_str())))
}

/// The JSON of `rollout` with the template and the selector of `workload` put in.
pub fn fill(rollout: &Object, workload: &Object) -> Result<Bytes, serde_json::Error> {
    let mut body: Value = serde_json::from_slice(rollout.json())?;
    let mut from: Value = serde_json::from_slice(workload.json())?;
    // A PodTemplate has its template beside the metadata, and selects by the labels of it.
    let template = match from.pointer_mut("/spec/template") {
        Some(template) => template.take(),
        None => from.get_mut("template").map(Value::take).unwrap_or_default(),
    };
    let selector = match from.pointer_mut("/spec/selector") {
        Some(selector) => selector.take(),
        None => {
            serde_json::json!({ "matchLabels": template.pointer("/metadata/labels").unwrap_or(&Value::Null) })
        }
    };
    if let Some(spec) = body.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("template".into(), template);
        if !spec.get("selector").is_some_and(Value::is_object) {
            spec.insert("selector".into(), selector);
        }
    }
    Ok(serde_json::to_vec(&body)?.into())
}

#[cfg(test)]
mod tests {
    use dodona_value::Numbers;

    use super::*;

    fn object(json: &str) -> Object {
        Object::parse(json.to_owned().into(), Numbers::Kubernetes).unwrap()
    }

    #[test]
    fn a_template_is_found_and_put_in() {
        let rollout = |kind: &str, version: &str| {
            object(&format!(
                r#"{{"metadata":{{"name":"cart","namespace":"shop"}},"spec":{{"replicas":2,"workloadRef":{{"apiVersion":"{version}","kind":"{kind}","name":"cart-d"}}}}}}"#
            ))
        };
        let (resource, key) = reference(&rollout("Deployment", "apps/v1")).unwrap();
        assert_eq!(
            (resource.to_string().as_str(), key.to_string().as_str()),
            ("deployments.apps", "shop/cart-d")
        );
        assert_eq!(reference(&rollout("PodTemplate", "v1")).unwrap().0.to_string(), "podtemplates");
        assert!(reference(&rollout("CronJob", "batch/v1")).is_none());
        assert!(reference(&object(r#"{"metadata":{"name":"a"},"spec":{"template":{}}}"#)).is_none());
        let from = object(
            r#"{"metadata":{"name":"cart-d"},"spec":{"selector":{"matchLabels":{"app":"cart"}},"template":{"spec":1}}}"#,
        );
        let filled: Value =
            serde_json::from_slice(&fill(&rollout("Deployment", "apps/v1"), &from).unwrap()).unwrap();
        assert_eq!(filled["spec"]["template"]["spec"], 1);
        assert_eq!(
            (filled["spec"]["selector"]["matchLabels"]["app"].as_str(), &filled["spec"]["replicas"]),
            (Some("cart"), &Value::from(2))
        );
        let from = object(r#"{"metadata":{"name":"cart-d"},"template":{"metadata":{"labels":{"app":"x"}}}}"#);
        let filled: Value =
            serde_json::from_slice(&fill(&rollout("PodTemplate", "v1"), &from).unwrap()).unwrap();
        assert_eq!(filled["spec"]["selector"]["matchLabels"]["app"], "x");
    }
}
