//! The kinds that a server knows.

/// A kind of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind: `Application`.
    pub kind: String,
    /// Plural: `applications`.
    pub plural: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

impl Kind {
    /// A namespaced kind.
    pub fn new(group: &str, version: &str, kind: &str, plural: &str) -> Self {
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: plural.into(),
            namespaced: true,
        }
    }

    /// The same kind without namespaces.
    #[must_use]
    pub fn cluster_scoped(mut self) -> Self {
        self.namespaced = false;
        self
    }

    /// The kinds of Argo CD and Argo Rollouts that a notifier reads.
    pub fn argo() -> Vec<Self> {
        [
            ("Application", "applications"),
            ("AppProject", "appprojects"),
            ("Rollout", "rollouts"),
            ("AnalysisRun", "analysisruns"),
            ("Experiment", "experiments"),
        ]
        .into_iter()
        .map(|(kind, plural)| Self::new("argoproj.io", "v1alpha1", kind, plural))
        .collect()
    }

    /// `v1`, `argoproj.io/v1alpha1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// What is there from the start.
pub(crate) fn built_in() -> Vec<Kind> {
    vec![
        Kind::new("", "v1", "ConfigMap", "configmaps"),
        Kind::new("", "v1", "Secret", "secrets"),
        Kind::new("", "v1", "Event", "events"),
        Kind::new("", "v1", "Pod", "pods"),
        Kind::new("", "v1", "Namespace", "namespaces").cluster_scoped(),
        Kind::new("coordination.k8s.io", "v1", "Lease", "leases"),
    ]
}
