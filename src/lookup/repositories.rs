//! Repository credentials, from the Secrets in which Argo CD keeps them.
//!
//! A Secret with the label `argocd.argoproj.io/secret-type` is a `repository` or, as `repo-creds`, a template of credentials for all
//! repositories whose URL begins with its own. A repository without credentials of its own takes those of the longest template.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::wire::Repository;
use crate::model::{Object, Secret};

/// The label by which Argo CD knows its Secrets.
pub const LABEL: &str = "argocd.argoproj.io/secret-type";

/// What the Secrets say now.
#[derive(Default)]
pub(super) struct Repositories {
    known: Vec<Repository>,
    templates: Vec<Repository>,
}

impl Repositories {
    /// Reads the Secrets among `objects`.
    pub(super) fn read<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Self {
        let mut repositories = Self::default();
        for object in objects {
            match object.label(LABEL) {
                Some("repository") => repositories.known.push(repository(&data(object))),
                Some("repo-creds") => repositories.templates.push(repository(&data(object))),
                _ => {}
            }
        }
        repositories
    }

    /// The repository `url` as `project` may use it: one of the project, else one of everybody, else one without credentials.
    pub(super) fn find(&self, url: &str, project: &str) -> Repository {
        let wanted = normalized(url);
        let same = |repository: &&Repository| normalized(&repository.repo) == wanted;
        let own = self.known.iter().filter(same).find(|repository| repository.project == project);
        let shared = || self.known.iter().filter(same).find(|repository| repository.project.is_empty());
        let none = || Repository { repo: url.to_owned(), ..Repository::default() };
        self.enriched(own.or_else(shared).cloned().unwrap_or_else(none))
    }

    /// Repositories of charts that others may depend on.
    pub(super) fn helm(&self) -> Vec<Repository> {
        let named = self.known.iter().filter(|one| one.kind == "helm" && !one.name.is_empty());
        named.map(|one| self.enriched(one.clone())).collect()
    }

    /// Everything in them that nobody may see.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let all = self.known.iter().chain(&self.templates);
        let texts = all.flat_map(|one| {
            [
                &one.password,
                &one.bearer_token,
                &one.ssh_private_key,
                &one.tls_client_cert_key,
                &one.github_app_private_key,
                &one.gcp_service_account_key,
                &one.azure_service_principal_client_secret,
            ]
        });
        texts.filter(|text| !text.is_empty()).map(|text| Secret::from(text.as_str())).collect()
    }

    fn enriched(&self, repository: Repository) -> Repository {
        if has_credentials(&repository) {
            return repository;
        }
        let url = normalized(&repository.repo);
        let longest = self
            .templates
            .iter()
            .map(|template| (normalized(&template.repo), template))
            .filter(|(prefix, _)| !prefix.is_empty() && url.starts_with(prefix.as_str()))
            .max_by_key(|(prefix, _)| prefix.len());
        match longest {
            Some((_, template)) => inherit(repository, template),
            None => repository,
        }
    }
}

fn has_credentials(one: &Repository) -> bool {
    let texts = [
        &one.username,
        &one.password,
        &one.bearer_token,
        &one.ssh_private_key,
        &one.tls_client_cert_data,
        &one.github_app_private_key,
        &one.azure_service_principal_client_secret,
    ];
    one.use_azure_workload_identity || texts.iter().any(|text| !text.is_empty())
}

/// `repository` with the template's credentials where it has none. It keeps what only it can know.
fn inherit(repository: Repository, template: &Repository) -> Repository {
    let text = |own: String, theirs: &String| if own.is_empty() { theirs.clone() } else { own };
    let number = |own: i64, theirs: i64| if own == 0 { theirs } else { own };
    Repository {
        github_app_id: number(repository.github_app_id, template.github_app_id),
        github_app_installation_id: number(
            repository.github_app_installation_id,
            template.github_app_installation_id,
        ),
        github_app_enterprise_base_url: text(
            repository.github_app_enterprise_base_url,
            &template.github_app_enterprise_base_url,
        ),
        gcp_service_account_key: text(repository.gcp_service_account_key, &template.gcp_service_account_key),
        proxy: text(repository.proxy, &template.proxy),
        no_proxy: text(repository.no_proxy, &template.no_proxy),
        kind: text(repository.kind, &template.kind),
        inherited_creds: true,
        // Of the repository: its URL and whatever is about it and not about who may read it.
        repo: repository.repo,
        name: repository.name,
        project: repository.project,
        depth: repository.depth,
        enable_lfs: repository.enable_lfs,
        insecure: repository.insecure,
        insecure_ignore_host_key: repository.insecure_ignore_host_key,
        // It had none of the others.
        ..template.clone()
    }
}

/// A Secret's fields become a repository.
fn repository(data: &BTreeMap<String, String>) -> Repository {
    let text = |key: &str| data.get(key).cloned().unwrap_or_default();
    let truth = |key: &str| matches!(text(key).trim(), "1" | "t" | "T" | "true" | "TRUE" | "True");
    let number = |key: &str| text(key).trim().parse::<i64>().unwrap_or_default();
    // Templates and repositories spell two of Azure's fields differently.
    let either = |one: &str, other: &str| if text(one).is_empty() { text(other) } else { text(one) };
    Repository {
        repo: text("url"),
        username: text("username"),
        password: text("password"),
        ssh_private_key: text("sshPrivateKey"),
        insecure_ignore_host_key: truth("insecureIgnoreHostKey"),
        insecure: truth("insecure"),
        enable_lfs: truth("enableLfs"),
        tls_client_cert_data: text("tlsClientCertData"),
        tls_client_cert_key: text("tlsClientCertKey"),
        kind: text("type"),
        name: text("name"),
        inherited_creds: false,
        enable_oci: truth("enableOCI"),
        github_app_private_key: text("githubAppPrivateKey"),
        github_app_id: number("githubAppID"),
        github_app_installation_id: number("githubAppInstallationID"),
        github_app_enterprise_base_url: text("githubAppEnterpriseBaseUrl"),
        proxy: text("proxy"),
        project: text("project"),
        gcp_service_account_key: text("gcpServiceAccountKey"),
        force_http_basic_auth: truth("forceHttpBasicAuth"),
        no_proxy: text("noProxy"),
        use_azure_workload_identity: truth("useAzureWorkloadIdentity"),
        bearer_token: text("bearerToken"),
        insecure_oci_force_http: truth("insecureOCIForceHttp"),
        depth: number("depth"),
        azure_service_principal_client_id: either(
            "azureServicePrincipalClientId",
            "azureServicePrincipalClientID",
        ),
        azure_service_principal_client_secret: text("azureServicePrincipalClientSecret"),
        azure_service_principal_tenant_id: either(
            "azureServicePrincipalTenantId",
            "azureServicePrincipalTenantID",
        ),
        azure_active_directory_endpoint: text("azureActiveDirectoryEndpoint"),
    }
}

/// `data` decoded, and `stringData` over it: a folder of manifests may have either.
fn data(secret: &Object) -> BTreeMap<String, String> {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Body {
        data: Option<BTreeMap<String, String>>,
        string_data: Option<BTreeMap<String, String>>,
    }
    let body: Body = serde_json::from_slice(secret.json()).unwrap_or_else(|error| {
        tracing::warn!(secret = %secret.key(), line = error.line(), column = error.column(), "failed to read the Secret of a repository: taken as empty");
        Body::default()
    });
    let mut texts = BTreeMap::new();
    for (key, encoded) in body.data.unwrap_or_default() {
        if let Ok(bytes) = STANDARD.decode(encoded.as_bytes()) {
            texts.insert(key, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    texts.extend(body.string_data.unwrap_or_default());
    texts
}

/// Spellings of one URL that Argo CD takes for the same: case, blanks, `.git` at the end, `git@host:path` for `ssh://git@host/path`.
fn normalized(url: &str) -> String {
    let url = url.trim().to_lowercase();
    let url = match url.strip_prefix("ssh://") {
        Some(rest) => rest.to_owned(),
        None => match url.split_once(':') {
            // `user@host:path`, not `scheme://user@host`.
            Some((host, path)) if host.contains('@') && !host.contains('/') => format!("{host}/{path}"),
            _ => url,
        },
    };
    url.strip_suffix(".git").unwrap_or(&url).to_owned()
}

#[cfg(test)]
mod tests {
    use dodona_value::Numbers;
    use serde_json::json;

    use super::*;

    fn secret(kind: &str, data: &serde_json::Value) -> Object {
        let json = json!({
            "metadata": {"name": "s", "namespace": "argocd", "labels": {LABEL: kind}}, "stringData": data,
        });
        Object::parse(json.to_string().into(), Numbers::Kubernetes).unwrap()
    }

    #[test]
    fn spellings_of_one_url() {
        for (one, other) in [
            ("https://Host/Org/Repo.git", "https://host/org/repo"),
            ("git@host:org/repo.git", "ssh://git@host/org/repo"),
            (" https://host/a ", "https://host/a"),
        ] {
            assert_eq!(normalized(one), normalized(other), "{one}");
        }
        assert_ne!(normalized("https://host/a"), normalized("http://host/a"));
        assert_ne!(normalized("https://u:p@host/a"), normalized("https://host/a"));
    }

    #[test]
    fn the_project_s_own_comes_before_everybody_s_and_templates_fill_in() {
        let secrets = [
            secret("repository", &json!({"url": "https://host/org/a.git", "password": "everybody"})),
            secret("repository", &json!({"url": "https://host/org/a", "password": "web", "project": "web"})),
            secret(
                "repository",
                &json!({"url": "https://host/org/b", "enableLfs": "true", "type": "helm", "name": "b"}),
            ),
            secret("repo-creds", &json!({"url": "https://host", "password": "short"})),
            secret(
                "repo-creds",
                &json!({"url": "https://host/org", "username": "u", "password": "long", "proxy": "p"}),
            ),
            secret("cluster", &json!({"url": "https://host/org/a"})),
        ];
        let repositories = Repositories::read(&secrets);
        let password = |url: &str, project: &str| repositories.find(url, project).password;
        assert_eq!(password("https://host/org/a", "web"), "web");
        assert_eq!(password("https://HOST/org/a.git", "other"), "everybody");
        assert_eq!(password("https://host/other", "web"), "short");
        assert_eq!(password("https://elsewhere/x", "web"), "");
        let inherited = repositories.find("https://host/org/b", "");
        assert_eq!(
            (
                inherited.password.as_str(),
                inherited.proxy.as_str(),
                inherited.inherited_creds,
                inherited.enable_lfs
            ),
            ("long", "p", true, true)
        );
        assert_eq!(repositories.helm(), [inherited]);
        assert_eq!(repositories.secrets().len(), 4);
    }
}
