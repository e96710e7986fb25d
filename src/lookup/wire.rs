//! Messages of Argo CD's repo server: the fields that we send or read, under the numbers that they have on the wire.
//!
//! Fields that are not here are skipped when read, and absent when written, as in any protocol buffer.

use std::collections::BTreeMap;

use prost::Message;

/// Path of the question about one commit.
pub const REVISION_METADATA: &str = "/repository.RepoServerService/GetRevisionMetadata";
/// Path of the question about what an application's source contains.
pub const APP_DETAILS: &str = "/repository.RepoServerService/GetAppDetails";

/// A repository with its credentials.
#[expect(clippy::struct_excessive_bools, reason = "the protocol's")]
#[derive(Clone, PartialEq, Message)]
pub struct Repository {
    /// Its URL.
    #[prost(string, tag = "1")]
    pub repo: String,
    /// User name for HTTPS.
    #[prost(string, tag = "2")]
    pub username: String,
    /// Password or token for HTTPS.
    #[prost(string, tag = "3")]
    pub password: String,
    /// PEM text.
    #[prost(string, tag = "4")]
    pub ssh_private_key: String,
    /// Deprecated by Argo CD in favour of `insecure`.
    #[prost(bool, tag = "6")]
    pub insecure_ignore_host_key: bool,
    /// No verification of certificates and host keys.
    #[prost(bool, tag = "7")]
    pub insecure: bool,
    /// Large file storage.
    #[prost(bool, tag = "8")]
    pub enable_lfs: bool,
    /// PEM text.
    #[prost(string, tag = "9")]
    pub tls_client_cert_data: String,
    /// PEM text.
    #[prost(string, tag = "10")]
    pub tls_client_cert_key: String,
    /// `git`, `helm` or `oci`; empty is `git`.
    #[prost(string, tag = "11")]
    pub kind: String,
    /// Name, of Helm repositories.
    #[prost(string, tag = "12")]
    pub name: String,
    /// Whether the credentials are those of a template.
    #[prost(bool, tag = "13")]
    pub inherited_creds: bool,
    /// Helm charts in an OCI registry.
    #[prost(bool, tag = "14")]
    pub enable_oci: bool,
    /// PEM text.
    #[prost(string, tag = "15")]
    pub github_app_private_key: String,
    /// Id of a GitHub App.
    #[prost(int64, tag = "16")]
    pub github_app_id: i64,
    /// Id of its installation.
    #[prost(int64, tag = "17")]
    pub github_app_installation_id: i64,
    /// API of a GitHub Enterprise server.
    #[prost(string, tag = "18")]
    pub github_app_enterprise_base_url: String,
    /// Proxy URL.
    #[prost(string, tag = "19")]
    pub proxy: String,
    /// The project that alone may use it.
    #[prost(string, tag = "20")]
    pub project: String,
    /// JSON text.
    #[prost(string, tag = "21")]
    pub gcp_service_account_key: String,
    /// HTTP basic authentication without being asked.
    #[prost(bool, tag = "22")]
    pub force_http_basic_auth: bool,
    /// Hosts that are reached without the proxy.
    #[prost(string, tag = "23")]
    pub no_proxy: String,
    /// Azure's workload identity.
    #[prost(bool, tag = "24")]
    pub use_azure_workload_identity: bool,
    /// Token for HTTPS.
    #[prost(string, tag = "25")]
    pub bearer_token: String,
    /// OCI over plain HTTP.
    #[prost(bool, tag = "26")]
    pub insecure_oci_force_http: bool,
    /// Depth of clones.
    #[prost(int64, tag = "27")]
    pub depth: i64,
    /// Azure's service principal.
    #[prost(string, tag = "29")]
    pub azure_service_principal_client_id: String,
    /// Azure's service principal.
    #[prost(string, tag = "30")]
    pub azure_service_principal_client_secret: String,
    /// Azure's service principal.
    #[prost(string, tag = "31")]
    pub azure_service_principal_tenant_id: String,
    /// Azure's service principal.
    #[prost(string, tag = "32")]
    pub azure_active_directory_endpoint: String,
}

/// The question about one commit.
#[derive(Clone, PartialEq, Message)]
pub struct RevisionMetadataRequest {
    /// Where.
    #[prost(message, optional, tag = "1")]
    pub repo: Option<Repository>,
    /// Which.
    #[prost(string, tag = "2")]
    pub revision: String,
}

/// What is known of one commit.
#[derive(Clone, PartialEq, Message)]
pub struct RevisionMetadata {
    /// `Name <address>`
    #[prost(string, tag = "1")]
    pub author: String,
    /// When.
    #[prost(message, optional, tag = "2")]
    pub date: Option<Timestamp>,
    /// Tags that name the commit.
    #[prost(string, repeated, tag = "3")]
    pub tags: Vec<String>,
    /// The whole message.
    #[prost(string, tag = "4")]
    pub message: String,
}

/// A moment.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Timestamp {
    /// Since 1970.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds in the second.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// The question about what an application's source contains.
#[derive(Clone, PartialEq, Message)]
pub struct AppDetailsQuery {
    /// Where.
    #[prost(message, optional, tag = "1")]
    pub repo: Option<Repository>,
    /// What of it.
    #[prost(message, optional, tag = "2")]
    pub source: Option<ApplicationSource>,
    /// Helm repositories that charts may depend on.
    #[prost(message, repeated, tag = "3")]
    pub repos: Vec<Repository>,
    /// From `argocd-cm`.
    #[prost(message, optional, tag = "4")]
    pub kustomize_options: Option<KustomizeOptions>,
    /// Name of the application.
    #[prost(string, tag = "5")]
    pub app_name: String,
    /// From `argocd-cm`.
    #[prost(message, optional, tag = "10")]
    pub helm_options: Option<HelmOptions>,
}

/// `kustomize.buildOptions` of `argocd-cm`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct KustomizeOptions {
    /// The options.
    #[prost(string, tag = "1")]
    pub build_options: String,
}

/// `helm.valuesFileSchemes` of `argocd-cm`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct HelmOptions {
    /// The schemes.
    #[prost(string, repeated, tag = "1")]
    pub values_file_schemes: Vec<String>,
}

/// One source of an application.
#[derive(Clone, PartialEq, Message)]
pub struct ApplicationSource {
    /// URL of the repository.
    #[prost(string, tag = "1")]
    pub repo_url: String,
    /// Folder in it.
    #[prost(string, tag = "2")]
    pub path: String,
    /// Branch, tag, commit or version.
    #[prost(string, tag = "4")]
    pub target_revision: String,
    /// Helm's settings.
    #[prost(message, optional, tag = "7")]
    pub helm: Option<HelmSource>,
    /// Kustomize's settings.
    #[prost(message, optional, tag = "8")]
    pub kustomize: Option<KustomizeSource>,
    /// Settings of plain manifests.
    #[prost(message, optional, tag = "10")]
    pub directory: Option<DirectorySource>,
    /// A plugin's settings.
    #[prost(message, optional, tag = "11")]
    pub plugin: Option<PluginSource>,
    /// Name of a chart.
    #[prost(string, tag = "12")]
    pub chart: String,
    /// Name under which other sources refer to it.
    #[prost(string, tag = "13")]
    pub reference: String,
    /// Name of the source.
    #[prost(string, tag = "14")]
    pub name: String,
}

/// Helm's settings of a source.
#[derive(Clone, PartialEq, Message)]
pub struct HelmSource {
    /// Files of values.
    #[prost(string, repeated, tag = "1")]
    pub value_files: Vec<String>,
    /// Parameters that override values.
    #[prost(message, repeated, tag = "2")]
    pub parameters: Vec<HelmParameter>,
    /// Name of the release.
    #[prost(string, tag = "3")]
    pub release_name: String,
    /// Values as YAML.
    #[prost(string, tag = "4")]
    pub values: String,
    /// Parameters from files.
    #[prost(message, repeated, tag = "5")]
    pub file_parameters: Vec<HelmFileParameter>,
    /// Version of Helm.
    #[prost(string, tag = "6")]
    pub version: String,
    /// Whether dependencies get the credentials.
    #[prost(bool, tag = "7")]
    pub pass_credentials: bool,
    /// Whether files that are missing matter.
    #[prost(bool, tag = "8")]
    pub ignore_missing_value_files: bool,
    /// Whether definitions are left out.
    #[prost(bool, tag = "9")]
    pub skip_crds: bool,
    /// Values as JSON.
    #[prost(message, optional, tag = "10")]
    pub values_object: Option<RawExtension>,
}

/// Any JSON.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RawExtension {
    /// Its text.
    #[prost(bytes = "vec", tag = "1")]
    pub raw: Vec<u8>,
}

/// One Helm parameter.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct HelmParameter {
    /// Its path.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub value: String,
    /// Whether the value is a text whatever it looks like.
    #[prost(bool, tag = "3")]
    pub force_string: bool,
}

/// One Helm parameter out of a file.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct HelmFileParameter {
    /// Its path.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The file.
    #[prost(string, tag = "2")]
    pub path: String,
}

/// Kustomize's settings of a source.
#[derive(Clone, PartialEq, Message)]
pub struct KustomizeSource {
    /// Put before names.
    #[prost(string, tag = "1")]
    pub name_prefix: String,
    /// Put behind names.
    #[prost(string, tag = "2")]
    pub name_suffix: String,
    /// Images that replace others.
    #[prost(string, repeated, tag = "3")]
    pub images: Vec<String>,
    /// Labels for everything.
    #[prost(btree_map = "string, string", tag = "4")]
    pub common_labels: BTreeMap<String, String>,
    /// Version of Kustomize.
    #[prost(string, tag = "5")]
    pub version: String,
    /// Annotations for everything.
    #[prost(btree_map = "string, string", tag = "6")]
    pub common_annotations: BTreeMap<String, String>,
    /// Namespace of everything.
    #[prost(string, tag = "9")]
    pub namespace: String,
    /// Components.
    #[prost(string, repeated, tag = "13")]
    pub components: Vec<String>,
}

/// Settings of plain manifests; that they are there says that it is no chart.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct DirectorySource {
    /// Whether folders in the folder count.
    #[prost(bool, tag = "1")]
    pub recurse: bool,
}

/// A plugin's settings.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct PluginSource {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// What an application's source contains.
#[derive(Clone, PartialEq, Message)]
pub struct AppDetails {
    /// `Helm`, `Kustomize`, `Directory`, `Plugin`.
    #[prost(string, tag = "1")]
    pub kind: String,
    /// Of a chart.
    #[prost(message, optional, tag = "3")]
    pub helm: Option<HelmDetails>,
    /// Of a kustomization.
    #[prost(message, optional, tag = "4")]
    pub kustomize: Option<KustomizeDetails>,
    /// Of plain manifests.
    #[prost(message, optional, tag = "5")]
    pub directory: Option<DirectoryDetails>,
}

/// Of a chart.
#[derive(Clone, PartialEq, Message)]
pub struct HelmDetails {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its files of values.
    #[prost(string, repeated, tag = "3")]
    pub value_files: Vec<String>,
    /// Its parameters.
    #[prost(message, repeated, tag = "4")]
    pub parameters: Vec<HelmParameter>,
    /// Its `values.yaml`.
    #[prost(string, tag = "5")]
    pub values: String,
    /// Its parameters from files.
    #[prost(message, repeated, tag = "6")]
    pub file_parameters: Vec<HelmFileParameter>,
}

/// Of a kustomization.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct KustomizeDetails {
    /// Its images.
    #[prost(string, repeated, tag = "3")]
    pub images: Vec<String>,
}

/// Of plain manifests: nothing.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct DirectoryDetails {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes by hand: field number and wire type in one byte, a length, the text.
    #[test]
    fn fields_have_the_numbers_of_the_protocol() {
        let request = RevisionMetadataRequest {
            repo: Some(Repository { repo: "r".into(), project: "p".into(), ..Repository::default() }),
            revision: "s".into(),
        };
        // `project` is field 20: two bytes.
        assert_eq!(request.encode_to_vec(), b"\x0a\x07\x0a\x01r\xa2\x01\x01p\x12\x01s");
        let answer: &[u8] = b"\x0a\x01a\x12\x02\x08\x05\x1a\x01t\x22\x01m\x2a\x03sig";
        assert_eq!(
            RevisionMetadata::decode(answer).unwrap(),
            RevisionMetadata {
                author: "a".into(),
                date: Some(Timestamp { seconds: 5, nanos: 0 }),
                tags: vec!["t".into()],
                message: "m".into(),
            }
        );
        let details: &[u8] = b"\x0a\x04Helm\x1a\x0a\x0a\x01n\x22\x05\x0a\x01k\x12\x00";
        let details = AppDetails::decode(details).unwrap();
        assert_eq!((details.kind.as_str(), details.helm.unwrap().parameters[0].name.as_str()), ("Helm", "k"));
    }
}
