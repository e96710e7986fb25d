//! Questions to the repo server, with a server that speaks its protocol.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails where something is missing")]

mod message;
mod server;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dodona::binding::app::AppBinding;
use dodona::binding::namespaces::NamespacePatterns;
use dodona::binding::{Binding as _, SharedFacts};
use dodona::lookup::{Address, LABEL, MARK, Patience, Protection, RepoServer, Surroundings, answered};
use dodona::model::{
    Destination, FixedClock, Lookup, NoLookup, Object, Redactor, Secrets, Unanswered, language_runtime,
};
use dodona::source::Shelf;
use dodona_recorder::Authority;
use dodona_value::{Numbers, Zone};
use prost::Message as _;
use serde_json::{Value, json};

use server::{Answer, CommitQuestion, DETAILS, DetailsQuestion, FakeRepoServer, METADATA};

/// Enough for every answer that comes at all.
const PATIENT: Patience = Patience {
    answer: Duration::from_secs(20),
    away: Duration::from_millis(300),
    refused: Duration::from_mins(1),
    commit: Duration::from_mins(1),
    details: Duration::from_mins(1),
};

fn parse(object: &Value) -> Arc<Object> {
    Arc::new(Object::parse(object.to_string().into(), Numbers::Kubernetes).unwrap())
}

fn shelf(objects: &[Value]) -> Arc<Shelf> {
    let shelf = Shelf::new(Box::new(|_| false));
    for object in objects {
        shelf.put(parse(object));
    }
    shelf.completed();
    shelf
}

/// A client with two repositories and the settings of Argo CD.
fn client(authority: &str, protection: Protection) -> Arc<dyn Lookup> {
    client_with(PATIENT, authority, protection)
}

fn client_with(patience: Patience, authority: &str, protection: Protection) -> Arc<dyn Lookup> {
    let secret = |name: &str, data: Value| {
        json!({
            "metadata": {"name": name, "namespace": "argocd", "labels": {LABEL: "repository"}}, "stringData": data,
        })
    };
    let surroundings = Surroundings {
        secrets: shelf(&[
            secret("a", json!({"url": "https://git.example.org/org/a.git", "password": "planted-secret"})),
            secret("h", json!({"url": "https://charts.example.org", "type": "helm", "name": "charts"})),
        ]),
        config_maps: shelf(&[json!({
            "metadata": {"name": "argocd-cm", "namespace": "argocd"}, "data": {"kustomize.buildOptions": "--enable-helm"},
        })]),
        namespace: "argocd".into(),
        redactor: Redactor::default(),
        zone: Zone::utc(),
    };
    let address = Address { authority: authority.to_owned(), protection };
    Arc::new(RepoServer::new(address, patience, surroundings, Vec::new()))
}

#[expect(clippy::needless_pass_by_value, reason = "cases are written in place")]
fn app(spec: Value, status: Value) -> Arc<Object> {
    parse(&json!({"metadata": {"name": "guestbook", "namespace": "argocd"}, "spec": spec, "status": status}))
}

fn one_source() -> Arc<Object> {
    let source = json!({"repoURL": "https://git.example.org/org/a", "path": "x", "helm": {
        "valueFiles": ["v.yaml"], "parameters": [{"name": "image.tag", "value": "3"}],
    }});
    app(json!({"project": "web", "source": source}), json!({}))
}

/// What a template says about an Application, and why something is missing.
async fn render(
    lookup: &Arc<dyn Lookup>,
    object: &Arc<Object>,
    template: &str,
    unanswered: Unanswered,
) -> (Result<String, String>, Option<String>) {
    let binding = AppBinding::new("argocd", NamespacePatterns::default());
    let facts = SharedFacts::new(&BTreeMap::new(), &Secrets::default(), Arc::new(NoLookup));
    let runtime = language_runtime(Arc::new(FixedClock::at(1_767_323_100)), Zone::utc());
    let destination = Destination::new("slack", "team");
    let template = dodona_gotmpl::Template::parse("t", template).unwrap();
    answered(lookup, unanswered, |lookup| {
        let scope = binding.scope(object, &facts.facts(Some(&destination)).asking(lookup)).unwrap();
        let text = template.render(&scope, &runtime).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(text).unwrap())
    })
    .await
}

const COMMIT: &str = r#"{{ with call .repo.GetCommitMetadata "abc" }}{{ .Author }}|{{ .Message }}|{{ .Date.Unix }}|{{ .Tags }}{{ end }}"#;

#[tokio::test]
async fn a_commit_is_asked_for_once_with_the_credentials_of_its_repository() {
    let server = FakeRepoServer::start(None).await;
    let lookup = client(&server.authority, Protection::Plaintext);
    for _ in 0..3 {
        let (text, missing) = render(&lookup, &one_source(), COMMIT, Unanswered::Marked).await;
        assert_eq!(text.unwrap(), "Ada <ada@example.org>|fix: it\n\nbody|1714979289|[v1]");
        assert_eq!(missing, None);
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let question = CommitQuestion::decode(&*requests[0].1).unwrap();
    let repo = question.repo.unwrap();
    assert_eq!((requests[0].0.as_str(), question.revision.as_str()), (METADATA, "abc"));
    assert_eq!(
        (repo.url.as_str(), repo.password.as_str()),
        ("https://git.example.org/org/a.git", "planted-secret")
    );
}

#[tokio::test]
async fn equal_questions_at_the_same_time_are_one() {
    let server = FakeRepoServer::start(None).await;
    server.answer(METADATA, Answer::Bytes(Vec::new(), Duration::from_millis(100)));
    let lookup = client(&server.authority, Protection::Plaintext);
    let object = one_source();
    let renders = (0..10).map(|_| render(&lookup, &object, COMMIT, Unanswered::Marked));
    assert!(
        futures::future::join_all(renders)
            .await
            .iter()
            .all(|(text, missing)| text.is_ok() && missing.is_none())
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn the_revision_finds_its_source_and_the_index_names_it() {
    let server = FakeRepoServer::start(None).await;
    let lookup = client(&server.authority, Protection::Plaintext);
    let object = app(
        json!({"sources": [{"repoURL": "https://one"}, {"repoURL": "https://two"}]}),
        json!({"sync": {"revisions": ["r1", "r2"]}}),
    );
    let template = r#"{{ (call .repo.GetCommitMetadata "r2").Author }}{{ (call .repo.GetCommitMetadata "r2" 0).Author }}"#;
    let (text, missing) = render(&lookup, &object, template, Unanswered::Marked).await;
    assert_eq!((text.unwrap().len(), missing), (42, None));
    let mut urls: Vec<String> = server
        .requests()
        .iter()
        .map(|(_, body)| CommitQuestion::decode(&**body).unwrap().repo.unwrap().url)
        .collect();
    urls.sort();
    assert_eq!(urls, ["https://one", "https://two"]);
}

#[tokio::test]
async fn details_have_both_spellings_and_the_application_s_own_parameters_first() {
    // `Helm`; a chart named `c` with the parameters `image.tag: 2` and `x: y`.
    let details = b"\x0a\x04Helm\x1a\x23\x0a\x01c\x1a\x06v.yaml\x22\x0e\x0a\x09image.tag\x12\x012\x22\x06\x0a\x01x\x12\x01y";
    let server = FakeRepoServer::start(None).await;
    server.answer(DETAILS, Answer::Bytes(details.to_vec(), Duration::ZERO));
    let lookup = client(&server.authority, Protection::Plaintext);
    let template = r#"{{ with call .repo.GetAppDetails }}{{ .Type }}|{{ .Helm.Name }}|{{ .Helm.HelmAppSpec.Name }}|{{ .Helm.GetParameterValueByName "image.tag" }}|{{ range .Helm.Parameters }}{{ .Name }}={{ .Value }} {{ end }}|{{ .Helm.HelmAppSpec.ValueFiles }}|{{ if .Kustomize }}k{{ end }}{{ end }}"#;
    let (text, missing) = render(&lookup, &one_source(), template, Unanswered::Marked).await;
    assert_eq!((text.unwrap().as_str(), missing), ("Helm|c|c|3|image.tag=2 x=y |[v.yaml]|", None));
    let question = DetailsQuestion::decode(&*server.requests()[0].1).unwrap();
    assert_eq!(question.app, "guestbook");
    let source = question.source.unwrap();
    assert_eq!((source.path.as_str(), source.helm.unwrap().texts), ("x", vec!["v.yaml".to_owned()]));
    assert_eq!(question.repos[0].kind, "helm");
    assert_eq!(question.kustomize.unwrap().text, "--enable-helm");
    assert_eq!(question.helm.unwrap().texts, ["https", "http"]);
}

#[tokio::test]
async fn a_server_that_is_away_costs_a_mark_and_not_the_message() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    drop(listener);
    let lookup = client(&authority, Protection::Plaintext);
    let (text, missing) = render(&lookup, &one_source(), COMMIT, Unanswered::Marked).await;
    assert_eq!(text.unwrap().split('|').next(), Some(MARK));
    assert!(missing.unwrap().contains("does not answer"));
    // Details too, however a template looks at them.
    let template = r#"{{ with call .repo.GetAppDetails }}{{ .Helm.HelmAppSpec.Name }}{{ .Helm.GetParameterValueByName "x" }}{{ .Kustomize.Images }}{{ end }}"#;
    let (text, _) = render(&lookup, &one_source(), template, Unanswered::Marked).await;
    assert_eq!(text.unwrap(), format!("{MARK}{MARK}[{MARK}]"));
    // A condition gets an error instead.
    let (text, missing) = render(&lookup, &one_source(), COMMIT, Unanswered::Refused).await;
    assert!(text.unwrap_err().contains("does not answer") && missing.is_some());
    // When it is back, it is asked.
    let server = FakeRepoServer::serve(tokio::net::TcpListener::bind(authority).await.unwrap(), None);
    tokio::time::sleep(PATIENT.away * 2).await;
    let (text, missing) = render(&lookup, &one_source(), COMMIT, Unanswered::Marked).await;
    assert!(text.unwrap().starts_with("Ada") && missing.is_none());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_hangs_is_waited_for_once() {
    let server = FakeRepoServer::start(None).await;
    server.answer(METADATA, Answer::Never);
    let patience = Patience { answer: Duration::from_millis(400), away: Duration::from_mins(1), ..PATIENT };
    let lookup = client_with(patience, &server.authority, Protection::Plaintext);
    let begin = Instant::now();
    let (text, missing) = render(&lookup, &one_source(), COMMIT, Unanswered::Marked).await;
    assert!(text.unwrap().starts_with(MARK) && missing.unwrap().contains("no answer within"));
    assert!(begin.elapsed() < PATIENT.answer);
    let other = app(json!({"source": {"repoURL": "https://other"}}), json!({}));
    render(&lookup, &other, COMMIT, Unanswered::Marked).await.0.unwrap();
    assert_eq!(server.requests().len(), 1, "a server that is away is not asked");
}

#[tokio::test]
async fn a_question_that_is_refused_is_not_asked_again_soon() {
    let server = FakeRepoServer::start(None).await;
    server.answer(METADATA, Answer::Status(5, "unknown revision"));
    let lookup = client(&server.authority, Protection::Plaintext);
    for _ in 0..2 {
        let (text, missing) = render(&lookup, &one_source(), COMMIT, Unanswered::Marked).await;
        assert!(text.unwrap().starts_with(MARK));
        let missing = missing.unwrap();
        assert!(missing.contains("unknown revision") && missing.contains("`abc`"), "{missing}");
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn without_a_question_nothing_is_asked() {
    let server = FakeRepoServer::start(None).await;
    let lookup = client(&server.authority, Protection::Plaintext);
    let template = r#"{{ call .repo.FullNameByRepoURL "https://git.example.org/org/a.git" }}"#;
    assert_eq!(render(&lookup, &one_source(), template, Unanswered::Marked).await.0.unwrap(), "org/a");
    let empty = r#"{{ (call .repo.GetCommitMetadata "").Message }}"#;
    let (text, missing) = render(&lookup, &one_source(), empty, Unanswered::Marked).await;
    assert_eq!(text.unwrap(), MARK);
    assert!(missing.unwrap().contains("empty revision"));
    assert!(server.requests().is_empty());
}

fn files(pairs: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = pairs
        .iter()
        .map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        })
        .collect();
    (folder, paths)
}

#[tokio::test]
async fn certificates_are_verified_where_there_is_an_authority() {
    let (own, other) = (Authority::new(), Authority::new());
    let server = FakeRepoServer::start(Some(own.server())).await;
    let (_folder, paths) = files(&[("own.crt", own.pem()), ("other.crt", other.pem()), ("none.crt", "text")]);
    for (authorities, good) in
        [(vec![], true), (vec![&paths[0]], true), (vec![&paths[1]], false), (vec![&paths[2]], false)]
    {
        let authorities: Vec<PathBuf> = authorities.into_iter().cloned().collect();
        let named = format!("{authorities:?}");
        let lookup = client(&server.authority, Protection::Tls { authorities, client: None });
        let (text, missing) = render(&lookup, &one_source(), COMMIT, Unanswered::Marked).await;
        assert_eq!(text.unwrap().starts_with("Ada"), good, "{named}: {missing:?}");
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_there_is_one() {
    let authority = Authority::new();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .unwrap();
    let pem = |text: &str| text.as_bytes().to_vec();
    let (chain, key) = (pem(&authority.chain_pem()), pem(authority.key_pem()));
    let read = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::pem_slice_iter;
    let chain: Vec<_> =
        read(&chain).map(Result::unwrap).map(rustls::pki_types::CertificateDer::into_owned).collect();
    let key =
        <rustls::pki_types::PrivateKeyDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(&key)
            .unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    let server = FakeRepoServer::start(Some(Arc::new(config))).await;
    let (_folder, paths) =
        files(&[("client.crt", &authority.chain_pem()), ("client.key", authority.key_pem())]);
    let missing = PathBuf::from("/nowhere/client.crt");
    for pair in [(missing.clone(), missing), (paths[0].clone(), paths[1].clone())] {
        let protection = Protection::Tls { authorities: Vec::new(), client: Some(pair) };
        let (text, missing) =
            render(&client(&server.authority, protection), &one_source(), COMMIT, Unanswered::Marked).await;
        assert!(text.unwrap().starts_with("Ada"), "{missing:?}");
    }
    assert_eq!(server.certificates(), [0, 2]);
}
