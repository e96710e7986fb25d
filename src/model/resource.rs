//! Which kind of object a binding watches.

use std::fmt;

/// A kind of Kubernetes object, named as its URL names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: String,
    /// Version, such as `v1alpha1`.
    pub version: String,
    /// Plural name in lower case, such as `applications`.
    pub plural: String,
    /// Kind, such as `Application`; where it is absent a cluster is asked, and a manifest's kind is compared with the plural.
    pub kind: Option<String>,
}

impl Resource {
    /// The resource `plural` of `group`/`version` with a known kind.
    pub fn new(group: &str, version: &str, plural: &str, kind: Option<&str>) -> Self {
        Self {
            group: group.into(),
            version: version.into(),
            plural: plural.into(),
            kind: kind.map(Into::into),
        }
    }

    /// `group/version`, or the version alone for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether a manifest with this `apiVersion` and `kind` is one of these objects. Without a known kind the plural is
    /// compared by the rules of English that API authors use (`s`, `es`, `ies`).
    pub fn is(&self, api_version: &str, kind: &str) -> bool {
        if api_version != self.api_version() {
            return false;
        }
        if let Some(known) = &self.kind {
            return known == kind;
        }
        let kind = kind.to_lowercase();
        self.plural == kind
            || self.plural == format!("{kind}s")
            || self.plural == format!("{kind}es")
            || kind.strip_suffix('y').is_some_and(|stem| self.plural == format!("{stem}ies"))
    }
}

/// `plural.group`, or the plural alone for the core group, as `kubectl` names it.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.plural)
        } else {
            write!(f, "{}.{}", self.plural, self.group)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_recognised_with_and_without_a_known_kind() {
        let known = Resource::new("argoproj.io", "v1alpha1", "applications", Some("Application"));
        assert!(
            known.is("argoproj.io/v1alpha1", "Application") && !known.is("argoproj.io/v1", "Application")
        );
        for (plural, kind) in
            [("pods", "Pod"), ("ingresses", "Ingress"), ("policies", "Policy"), ("sheep", "Sheep")]
        {
            assert!(Resource::new("", "v1", plural, None).is("v1", kind), "{kind}");
        }
    }
}
