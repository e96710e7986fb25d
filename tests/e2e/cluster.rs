//! Where a case runs: the fake API server, or a real one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use dodona_fakeapi::{FakeApi, Kind};
use futures::future::BoxFuture;
use http::Request;
use serde_json::{Value, json};

/// What a case needs of a cluster.
pub(crate) trait Cluster: Send + Sync {
    /// For messages.
    fn name(&self) -> &'static str;
    /// A kubeconfig for the binary.
    fn kubeconfig(&self) -> PathBuf;
    /// Makes a custom resource definition of `e2e/crds` known; `wait` until it is served.
    fn install<'a>(&'a self, plural: &'a str) -> BoxFuture<'a, anyhow::Result<()>>;
    /// Forgets a kind.
    fn uninstall<'a>(&'a self, plural: &'a str) -> BoxFuture<'a, anyhow::Result<()>>;
    /// Makes a namespace.
    fn namespace<'a>(&'a self, name: &'a str) -> BoxFuture<'a, anyhow::Result<()>>;
    /// Creates or changes an object, status included.
    fn apply<'a>(&'a self, object: &'a Value) -> BoxFuture<'a, anyhow::Result<()>>;
    /// The object as it is now.
    fn get<'a>(&'a self, object: &'a Value) -> BoxFuture<'a, anyhow::Result<Value>>;
}

/// The kinds of the cases: group, version, kind, plural, and whether it has a definition in `e2e/crds`.
pub(crate) const KINDS: [(&str, &str, &str, &str, bool); 9] = [
    ("", "v1", "Pod", "pods", false),
    ("", "v1", "ConfigMap", "configmaps", false),
    ("", "v1", "Secret", "secrets", false),
    ("", "v1", "Event", "events", false),
    ("argoproj.io", "v1alpha1", "Application", "applications", true),
    ("argoproj.io", "v1alpha1", "AppProject", "appprojects", true),
    ("argoproj.io", "v1alpha1", "Rollout", "rollouts", true),
    ("cert-manager.io", "v1", "Certificate", "certificates", true),
    ("dummy.example.org", "v1", "Foo", "foos", true),
];

fn plural(object: &Value) -> anyhow::Result<&'static str> {
    let kind = object["kind"].as_str().unwrap_or_default();
    KINDS
        .iter()
        .find(|row| row.2 == kind)
        .map(|row| row.3)
        .with_context(|| format!("kind `{kind}` is not known to the harness"))
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// The fake API server.
pub(crate) struct Fake {
    api: FakeApi,
    folder: tempfile::TempDir,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let fake = Self { api: FakeApi::start().await, folder: tempfile::tempdir().unwrap() };
        std::fs::write(fake.kubeconfig(), fake.api.kubeconfig("default")).unwrap();
        for (group, version, kind, plural, _) in KINDS {
            fake.api.install(Kind::new(group, version, kind, plural));
        }
        fake
    }
}

impl Cluster for Fake {
    fn name(&self) -> &'static str {
        "the fake API server"
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    fn install<'a>(&'a self, plural: &'a str) -> BoxFuture<'a, anyhow::Result<()>> {
        if let Some((group, version, kind, plural, _)) = KINDS.iter().find(|row| row.3 == plural) {
            self.api.install(Kind::new(group, version, kind, plural));
        }
        Box::pin(async { Ok(()) })
    }

    fn uninstall<'a>(&'a self, plural: &'a str) -> BoxFuture<'a, anyhow::Result<()>> {
        self.api.uninstall(plural);
        Box::pin(async { Ok(()) })
    }

    fn namespace<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn apply<'a>(&'a self, object: &'a Value) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let mut object = object.clone();
            // A server keeps data of a Secret encoded; its `stringData` is folded in (core 1.1.1).
            if let Some(texts) = object["stringData"].as_object().cloned() {
                use base64::Engine as _;
                for (key, value) in texts {
                    object["data"][key] = base64::engine::general_purpose::STANDARD
                        .encode(value.as_str().unwrap_or_default())
                        .into();
                }
            }
            let before = self.api.object(plural(&object)?, text(&object, "namespace"), text(&object, "name"));
            if let Some(before) = before {
                // As with a patch: annotations that the manifest does not name stay.
                for (key, value) in before["metadata"]["annotations"].as_object().into_iter().flatten() {
                    if object["metadata"]["annotations"][key].is_null() {
                        object["metadata"]["annotations"][key] = value.clone();
                    }
                }
            }
            self.api.apply(object);
            Ok(())
        })
    }

    fn get<'a>(&'a self, object: &'a Value) -> BoxFuture<'a, anyhow::Result<Value>> {
        Box::pin(async move {
            self.api
                .object(plural(object)?, text(object, "namespace"), text(object, "name"))
                .context("the object is gone")
        })
    }
}

/// The kubeconfig of the real API server, if there is one; else it is said that `what` was not run.
pub(crate) fn kubeconfig(what: &str) -> Option<PathBuf> {
    let given = std::env::var_os("DODONA_E2E_KUBECONFIG").map(PathBuf::from);
    if given.is_none() {
        println!("{what} on a real API server: not run, DODONA_E2E_KUBECONFIG is not set");
    }
    given
}

/// A real API server.
pub(crate) struct Real {
    client: kube::Client,
    kubeconfig: PathBuf,
}

impl Real {
    pub(crate) async fn connect(kubeconfig: &Path) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let config = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
        let config =
            kube::Config::from_custom_kubeconfig(config, &kube::config::KubeConfigOptions::default())
                .await
                .unwrap();
        let real =
            Self { client: kube::Client::try_from(config).unwrap(), kubeconfig: kubeconfig.to_owned() };
        for (.., plural, custom) in KINDS {
            if custom {
                real.install(plural).await.unwrap();
            }
        }
        real
    }

    async fn send(&self, method: &str, path: &str, content: &str, body: &Value) -> anyhow::Result<Value> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content)
            .body(serde_json::to_vec(body)?)?;
        Ok(self.client.request::<Value>(request).await?)
    }

    fn path(object: &Value) -> anyhow::Result<String> {
        let kind = object["kind"].as_str().unwrap_or_default();
        let row = KINDS
            .iter()
            .find(|row| row.2 == kind)
            .with_context(|| format!("kind `{kind}` is not known to the harness"))?;
        let group =
            if row.0.is_empty() { format!("/api/{}", row.1) } else { format!("/apis/{}/{}", row.0, row.1) };
        Ok(format!("{group}/namespaces/{}/{}", text(object, "namespace"), row.3))
    }
}

impl Cluster for Real {
    fn name(&self) -> &'static str {
        "a real API server"
    }

    fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig.clone()
    }

    fn install<'a>(&'a self, plural: &'a str) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let file = definition(plural);
            let places = crate::case::Places { receiver: String::new(), namespace: String::new() };
            let definition = places.documents(&file)?.remove(0);
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            let created = self.send("POST", path, "application/json", &definition).await;
            if let Err(error) = created
                && !error.to_string().contains("AlreadyExists")
                && !error.to_string().contains("already exists")
            {
                return Err(error.context(format!("installing {plural}")));
            }
            let (group, version) =
                (text_of(&definition["spec"]["group"]), text_of(&definition["spec"]["versions"][0]["name"]));
            for _ in 0..200 {
                if self
                    .send(
                        "GET",
                        &format!("/apis/{group}/{version}/{plural}"),
                        "application/json",
                        &Value::Null,
                    )
                    .await
                    .is_ok()
                {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            bail!("{plural} is not served")
        })
    }

    fn uninstall<'a>(&'a self, plural: &'a str) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let row = KINDS.iter().find(|row| row.3 == plural).context("unknown kind")?;
            let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{}", row.0);
            self.send("DELETE", &path, "application/json", &json!({})).await?;
            for _ in 0..200 {
                let served = self
                    .send(
                        "GET",
                        &format!("/apis/{}/{}/{plural}", row.0, row.1),
                        "application/json",
                        &Value::Null,
                    )
                    .await;
                if served.is_err() {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            bail!("{plural} is still served")
        })
    }

    fn namespace<'a>(&'a self, name: &'a str) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            self.send("POST", "/api/v1/namespaces", "application/json", &body).await?;
            Ok(())
        })
    }

    fn apply<'a>(&'a self, object: &'a Value) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let path = Self::path(object)?;
            let one = format!("{path}/{}", text(object, "name"));
            if self.send("GET", &one, "application/json", &Value::Null).await.is_err() {
                self.send("POST", &path, "application/json", object)
                    .await
                    .with_context(|| format!("creating {one}"))?;
            } else {
                // Pods may not be changed but for their metadata; a merge patch of what is equal changes nothing.
                self.send("PATCH", &one, "application/merge-patch+json", object)
                    .await
                    .with_context(|| format!("changing {one}"))?;
            }
            if !object["status"].is_null() {
                // Kinds without the subresource have taken the status with the object itself.
                let status = json!({"status": object["status"]});
                drop(
                    self.send("PATCH", &format!("{one}/status"), "application/merge-patch+json", &status)
                        .await,
                );
            }
            Ok(())
        })
    }

    fn get<'a>(&'a self, object: &'a Value) -> BoxFuture<'a, anyhow::Result<Value>> {
        Box::pin(async move {
            let path = format!("{}/{}", Self::path(object)?, text(object, "name"));
            self.send("GET", &path, "application/json", &Value::Null).await
        })
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The real definition where it lies beside the repository, else our own small one.
pub(crate) fn definition(plural: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let real = match plural {
        "applications" => "argo-cd-application.yaml",
        "appprojects" => "argo-cd-appproject.yaml",
        "rollouts" => "rollouts-rollout.yaml",
        "analysisruns" => "rollouts-analysis-run.yaml",
        _ => "",
    };
    let real = root.join("../shared/upstream/crds").join(real);
    if real.is_file() { real } else { root.join(format!("e2e/crds/{plural}.yaml")) }
}
