//! What tenants may not do (design 7).
#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dodona::binding::Binding as _;
use dodona::binding::app::AppBinding;
use dodona::binding::namespaces::NamespacePatterns;
use dodona::config::BuildOptions;
use dodona::delivery::client::{Clients, Egress};
use dodona::model::{Clock, NoLookup, Redactor, Settings, SystemClock, language_runtime};
use dodona::outbox::Policy;
use dodona::pipeline::{Pipeline, PipelineOptions, Refused, Tenants, Watched};
use dodona::source::dir::{DirSource, Folder};
use dodona::source::{ByNamespace, WatchSpec};
use dodona::telemetry::metrics::Metrics;
use dodona_recorder::http::{Answer, HttpRecorder};
use dodona_value::Zone;
use tokio::sync::watch;
use tokio::time::sleep;

fn settings(keys: &[(&str, &str)], host: &str) -> Settings {
    let data: BTreeMap<String, String> =
        keys.iter().map(|(key, text)| ((*key).to_owned(), text.replace("@HOST@", host))).collect();
    Settings { config_map: Some(data), secret: None }
}

/// Everything that was told about one Application of `team-a` under one configuration for all.
async fn told(egress: &str, keys: &[(&str, &str)]) -> Vec<String> {
    let receiver = HttpRecorder::start(|_| Answer::reply(200, ""));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("a.yaml"),
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: a\n  namespace: team-a\n  annotations: {notifications.argoproj.io/subscribe.on-it.hook: ''}\n",
    )
    .unwrap();
    let patterns = NamespacePatterns::parse(&["team-*".to_owned()]);
    let binding = AppBinding::new("argocd", patterns);
    let spec = WatchSpec::new("app", binding.resource().clone());
    let one = |who: &str| {
        let keys: Vec<(&str, String)> =
            keys.iter().map(|(key, text)| (*key, text.replace("@WHO@", who))).collect();
        let keys: Vec<(&str, &str)> = keys.iter().map(|(key, text)| (*key, text.as_str())).collect();
        settings(&keys, &receiver.host())
    };
    let (_central, central) = watch::channel(one("central"));
    let own = ByNamespace::from([("team-a".to_owned(), one("tenant")), ("other".to_owned(), one("nobody"))]);
    let (_own, own) = watch::channel(own);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let options = PipelineOptions {
        runtime: language_runtime(Arc::clone(&clock), Zone::utc()),
        clock,
        outbox: Policy { max_age: Duration::ZERO, ..Policy::default() },
        store: None,
        metrics: Arc::new(Metrics::new()),
        lookup: Arc::new(NoLookup),
        redactor: Redactor::default(),
        refused: Refused::default(),
    };
    let watched = Watched {
        binding: Arc::new(binding),
        source: Arc::new(DirSource::new(Folder::new(folder.path(), "argocd"), spec)),
        settings: central,
        build: BuildOptions { namespace: "argocd".into(), ..BuildOptions::default() },
        notices: None,
        tenants: Some(Tenants {
            settings: own,
            clients: Clients::default().guarded(Egress::parse(egress).unwrap()),
        }),
        companions: None,
        beside: dodona::pipeline::Beside::default(),
    };
    let pipeline = Pipeline::start(options, vec![watched]);
    let lane = Arc::clone(&pipeline.lanes()["app"]);
    while !lane.is_idle(1) {
        sleep(Duration::from_millis(5)).await;
    }
    let mut told: Vec<String> =
        receiver.requests().iter().map(|one| String::from_utf8_lossy(&one.body).into_owned()).collect();
    told.sort();
    told
}

const HOOK: (&str, &str) = ("service.webhook.hook", "url: http://@HOST@/\nretryMax: -1");
const ON_IT: (&str, &str) = ("trigger.on-it", "- {when: 'true', send: [it]}");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_reaches_what_the_operator_allows() {
    let plain = ("template.it", "webhook: {hook: {method: POST, body: '@WHO@'}}");
    assert_eq!(told("", &[HOOK, ON_IT, plain]).await, ["central"]);
    assert_eq!(told("127.0.0.0/8", &[HOOK, ON_IT, plain]).await, ["central", "tenant"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_s_template_makes_no_keys() {
    let key = (
        "template.it",
        "webhook: {hook: {method: POST, body: '@WHO@ {{ genPrivateKey \"ed25519\" | len }}'}}",
    );
    let told = told("127.0.0.0/8", &[HOOK, ON_IT, key]).await;
    assert!(told.len() == 1 && told[0].starts_with("central "), "{told:?}");
}
