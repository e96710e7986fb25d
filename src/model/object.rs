//! A watched object, parsed in two phases: metadata at once, the body only when somebody asks (design 1, step 1).

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use dodona_value::{Document, Numbers};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _};

/// Identity of an object inside a binding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
}

impl ObjectKey {
    /// The object `name` in `namespace` (empty for cluster-scoped kinds).
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// `namespace/name`, the form of upstream's `resource` log field (core 5.7).
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// One version of one object. Its JSON is kept as it came; the body is parsed at the first use and shared.
pub struct Object {
    key: ObjectKey,
    uid: String,
    resource_version: String,
    kind: String,
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
    deleting: bool,
    gone: bool,
    json: Bytes,
    numbers: Numbers,
    document: OnceLock<Result<Document, String>>,
}

/// An object whose metadata cannot be read. One object never stops another: the source logs it and goes on.
#[derive(Clone, Debug, thiserror::Error)]
#[error("unexpected object: {0}")]
pub struct ObjectError(String);

#[derive(Default, Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    kind: Option<String>,
    #[serde(borrow, default)]
    metadata: Option<Metadata<'a>>,
}

impl<'a> Envelope<'a> {
    /// Reads `json` until both are there. Servers write them first, and most objects of a cluster are nobody's business.
    fn begin(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        let mut envelope = Self::default();
        let read = serde_json::Deserializer::from_slice(json).deserialize_map(Head(&mut envelope));
        // That the rest was not read is an error for the deserializer.
        if envelope.is_complete() { Ok(envelope) } else { read.map(|()| envelope) }
    }

    fn is_complete(&self) -> bool {
        self.kind.is_some() && self.metadata.is_some()
    }
}

/// Fills an envelope from the first fields of an object.
struct Head<'e, 'a>(&'e mut Envelope<'a>);

impl<'a> Visitor<'a> for Head<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut fields: A) -> Result<(), A::Error> {
        while !self.0.is_complete()
            && let Some(name) = fields.next_key::<Cow<'a, str>>()?
        {
            match &*name {
                "kind" => self.0.kind = fields.next_value()?,
                "metadata" => self.0.metadata = fields.next_value()?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    uid: Option<String>,
    #[serde(default)]
    resource_version: Option<String>,
    #[serde(default)]
    deletion_timestamp: Option<String>,
    #[serde(borrow, default)]
    labels: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow, default)]
    annotations: Option<&'a serde_json::value::RawValue>,
}

impl Object {
    /// Reads the metadata of `json`; `numbers` says how the body's numbers are read later (core 3.2.2).
    pub fn parse(json: Bytes, numbers: Numbers) -> Result<Self, ObjectError> {
        Self::parse_any(json, numbers)?.named()
    }

    /// The same for what a server sent: no byte behind the metadata is looked at. Whether they are JSON turns out when somebody
    /// asks for the body.
    pub fn received(json: Bytes, numbers: Numbers) -> Result<Self, ObjectError> {
        let envelope = Envelope::begin(&json).map_err(|error| ObjectError(error.to_string()))?;
        let object = Self::assemble(envelope, numbers);
        Self { json, ..object }.named()
    }

    fn named(self) -> Result<Self, ObjectError> {
        if self.key.name.is_empty() { Err(ObjectError("no `metadata.name`".into())) } else { Ok(self) }
    }

    /// The same for what a person hands in, which may be a list or anything else without a name (core 7.1.3).
    pub fn parse_any(json: Bytes, numbers: Numbers) -> Result<Self, ObjectError> {
        let envelope = serde_json::from_slice(&json).map_err(|error| ObjectError(error.to_string()))?;
        let object = Self::assemble(envelope, numbers);
        Ok(Self { json, ..object })
    }

    /// An object without its JSON.
    fn assemble(envelope: Envelope<'_>, numbers: Numbers) -> Self {
        let metadata = envelope.metadata.unwrap_or_default();
        let name = metadata.name.unwrap_or_default();
        let labels = text_map(metadata.labels);
        let annotations = text_map(metadata.annotations);
        Self {
            key: ObjectKey::new(metadata.namespace.unwrap_or_default(), name),
            uid: metadata.uid.unwrap_or_default(),
            resource_version: metadata.resource_version.unwrap_or_default(),
            kind: envelope.kind.unwrap_or_default(),
            deleting: metadata.deletion_timestamp.is_some(),
            gone: false,
            labels,
            annotations,
            numbers,
            document: OnceLock::new(),
            json: Bytes::new(),
        }
    }

    /// The same version as that of an object which does not exist any more.
    pub fn as_gone(&self) -> Result<Self, ObjectError> {
        Ok(Self { gone: true, ..Self::parse_any(self.json.clone(), self.numbers)? })
    }

    /// Whether the object does not exist any more, and this is its last version.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// Namespace and name.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// `metadata.uid`; empty where the source has none.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// `metadata.resourceVersion`; opaque but for equality.
    pub fn resource_version(&self) -> &str {
        &self.resource_version
    }

    /// `kind`; empty where a list item leaves it out.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Whether `metadata.deletionTimestamp` is set.
    pub fn is_deleting(&self) -> bool {
        self.deleting
    }

    /// Labels, sorted by key.
    pub fn labels(&self) -> &[(String, String)] {
        &self.labels
    }

    /// Annotations, sorted by key.
    pub fn annotations(&self) -> &[(String, String)] {
        &self.annotations
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        find(&self.labels, key)
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        find(&self.annotations, key)
    }

    /// The object as it came.
    pub fn json(&self) -> &Bytes {
        &self.json
    }

    /// The body, parsed at the first call.
    pub fn document(&self) -> Result<&Document, ObjectError> {
        self.document
            .get_or_init(|| {
                Document::parse(self.json.clone(), self.numbers).map_err(|error| error.to_string())
            })
            .as_ref()
            .map_err(|error| ObjectError(error.clone()))
    }

    /// The same object with its numbers read as `numbers` says.
    pub fn with_numbers(&self, numbers: Numbers) -> Result<Self, ObjectError> {
        Self::parse(self.json.clone(), numbers)
    }

    /// The same object with `annotation` set or removed and a new resource version: what a source returns after a patch.
    pub fn with_annotation(
        &self,
        annotation: &str,
        value: Option<&str>,
        resource_version: &str,
    ) -> Result<Self, ObjectError> {
        let fail = |error: serde_json::Error| ObjectError(error.to_string());
        let mut body: serde_json::Value = serde_json::from_slice(&self.json).map_err(fail)?;
        let metadata = &mut body["metadata"];
        metadata["resourceVersion"] = resource_version.into();
        match value {
            Some(text) => {
                if !metadata["annotations"].is_object() {
                    metadata["annotations"] = serde_json::json!({});
                }
                metadata["annotations"][annotation] = text.into();
            }
            None => {
                if let Some(annotations) = metadata["annotations"].as_object_mut() {
                    annotations.remove(annotation);
                }
            }
        }
        Self::parse(serde_json::to_vec(&body).map_err(fail)?.into(), self.numbers)
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({} {} @{})", self.kind, self.key, self.resource_version)
    }
}

fn find<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    let index = pairs.binary_search_by(|(name, _)| name.as_str().cmp(key)).ok()?;
    pairs.get(index).map(|(_, value)| value.as_str())
}

/// A malformed map counts as empty: a typed client would have refused the object, and one odd field must not hide it.
fn text_map(raw: Option<&serde_json::value::RawValue>) -> Vec<(String, String)> {
    let Some(raw) = raw else { return Vec::new() };
    let map: std::collections::BTreeMap<String, Option<String>> =
        serde_json::from_str(raw.get()).unwrap_or_default();
    map.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_without_the_body() {
        let json = r#"{"kind":"Pod","metadata":{"name":"a","namespace":"b","labels":{"z":"1","a":"2"},"annotations":{"k":"v"}}}"#;
        let object = Object::parse(Bytes::from_static(json.as_bytes()), Numbers::Kubernetes).unwrap();
        assert_eq!(object.key().to_string(), "b/a");
        assert_eq!((object.label("a"), object.label("z"), object.label("x")), (Some("2"), Some("1"), None));
        assert_eq!(object.annotation("k"), Some("v"));
        assert!(object.document.get().is_none());
    }

    /// `received` finds what `parse` finds, wherever the fields stand, and does not mind what comes after them.
    #[test]
    fn what_a_server_sent_is_read_up_to_its_metadata() {
        let received =
            |json: &str| Object::received(Bytes::copy_from_slice(json.as_bytes()), Numbers::Kubernetes);
        let told = |object: Object| format!("{object:?} {:?}", object.annotations());
        let expected = r#"Object(Pod b/a @7) [("k", "v")]"#;
        let metadata =
            r#""metadata":{"name":"a","namespace":"b","resourceVersion":"7","annotations":{"k":"v"}}"#;
        for json in [
            format!(r#"{{"apiVersion":"v1","kind":"Pod",{metadata},"spec":{{"x":1}}}}"#),
            format!(r#"{{{metadata},"spec":{{"metadata":{{"name":"c"}}}},"kind":"Pod"}}"#),
            format!(r#"{{"kind":"Pod",{metadata},"spec":nonsense"#),
        ] {
            assert_eq!(told(received(&json).unwrap()), expected, "{json}");
        }
        for json in ["nonsense", "[]", "{}", r#"{"kind":"Pod","metadata":{"name":"a""#, r#"{"metadata":{}}"#]
        {
            assert!(received(json).is_err(), "{json}");
        }
        assert!(
            received(&format!(r#"{{"kind":"Pod",{metadata},"spec":nonsense"#)).unwrap().document().is_err()
        );
        // Without a kind everything is read, and has to be whole.
        assert!(received(&format!("{{{metadata}}}")).is_ok());
        assert!(received(&format!("{{{metadata}")).is_err());
    }

    #[test]
    fn an_object_without_a_name_is_an_error() {
        assert!(Object::parse(Bytes::from_static(b"{\"metadata\":{}}"), Numbers::Kubernetes).is_err());
        assert!(Object::parse(Bytes::from_static(b"nonsense"), Numbers::Kubernetes).is_err());
    }
}
