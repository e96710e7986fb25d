//! One message on its whole way: configuration, trigger, template, outbox, receiver. For what others see of it then: dead
//! letters and metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dodona::binding::Binding as _;
use dodona::binding::app::AppBinding;
use dodona::binding::namespaces::NamespacePatterns;
use dodona::config::BuildOptions;
use dodona::delivery::client::Clients;
use dodona::model::{Clock, NoLookup, Redactor, Settings, SystemClock, language_runtime};
use dodona::outbox::Policy;
use dodona::pipeline::{Beside, Pipeline, PipelineOptions, Refused, Watched};
use dodona::source::WatchSpec;
use dodona::source::dir::{DirSource, Folder};
use dodona::telemetry::metrics::Metrics;
use dodona_value::Zone;
use tokio::sync::watch;

use crate::contract::{Contract, fill, quiet};
use crate::receivers::SOON;

/// Everything that shows what became of the contract's message to the receiver at `url` or `port`: dead letters, the state
/// of the queues, the page of metrics.
pub(crate) async fn seen(kind: &str, contract: &Contract, url: &str, port: u16) -> String {
    let folder = tempfile::tempdir().unwrap();
    let object = serde_json::json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "a", "namespace": "argocd",
            "annotations": {format!("notifications.argoproj.io/subscribe.on-it.{kind}"): contract.recipient}},
    });
    std::fs::write(folder.path().join("a.yaml"), object.to_string()).unwrap();
    let keys = BTreeMap::from([
        (format!("service.{kind}"), fill(&contract.settings.to_string(), url, port)),
        ("trigger.on-it".to_owned(), "- {when: 'true', send: [it]}".to_owned()),
        ("template.it".to_owned(), contract.template.to_string()),
    ]);
    let (_keep, settings) = watch::channel(Settings { config_map: Some(keys), secret: None });
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let metrics = Arc::new(Metrics::new());
    let options = PipelineOptions {
        runtime: language_runtime(Arc::clone(&clock), Zone::utc()),
        clock,
        // What fails for now is given up at once too.
        outbox: Policy { max_age: Duration::ZERO, ..Policy::default() },
        store: None,
        metrics: Arc::clone(&metrics),
        lookup: Arc::new(NoLookup),
        redactor: Redactor::default(),
        refused: Refused::default(),
    };
    let binding = AppBinding::new("argocd", NamespacePatterns::parse(&[]));
    let spec = WatchSpec::new("app", binding.resource().clone());
    let clients = Clients::new(quiet());
    let watched = Watched {
        binding: Arc::new(binding),
        source: Arc::new(DirSource::new(Folder::new(folder.path(), "argocd"), spec)),
        settings,
        build: BuildOptions { namespace: "argocd".into(), clients, ..BuildOptions::default() },
        notices: None,
        tenants: None,
        companions: None,
        beside: Beside::default(),
    };
    let pipeline = Pipeline::start(options, vec![watched]);
    let ended = async {
        while pipeline.outbox().dead_letters().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ended = tokio::time::timeout(SOON, ended).await;
    assert!(ended.is_ok(), "{kind}: no dead letter: {}", metrics.render());
    let letters = pipeline.outbox().dead_letters();
    let parcels: Vec<_> = letters.iter().map(|letter| &letter.parcel).collect();
    let kept = serde_json::to_string(&parcels).unwrap();
    format!("{letters:?}\n{kept}\n{:?}\n{}", pipeline.outbox().snapshot(), metrics.render())
}
