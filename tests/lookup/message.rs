//! Whole messages: what a template asks, the outbox gets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dodona::binding::Binding as _;
use dodona::binding::app::AppBinding;
use dodona::binding::namespaces::NamespacePatterns;
use dodona::config::BuildOptions;
use dodona::model::{Clock, Lookup, Redactor, Settings, SystemClock, language_runtime};
use dodona::outbox::Policy;
use dodona::pipeline::{Pipeline, PipelineOptions, Refused, Watched};
use dodona::source::WatchSpec;
use dodona::source::dir::{DirSource, Folder};
use dodona::telemetry::metrics::Metrics;
use dodona_recorder::http::{Answer as Reply, HttpRecorder};
use dodona_value::Zone;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::server::{Answer, FakeRepoServer, METADATA};
use super::{MARK, Protection, client};

const LIMIT: Duration = Duration::from_mins(1);

/// A pipeline on a folder with one Application, and what it told.
struct Stage {
    receiver: HttpRecorder,
    folder: tempfile::TempDir,
    _settings: watch::Sender<Settings>,
    _pipeline: Pipeline,
}

impl Stage {
    fn start(lookup: Arc<dyn Lookup>, keys: &[(&str, &str)]) -> Self {
        let receiver = HttpRecorder::start(|_| Reply::reply(200, ""));
        let folder = tempfile::tempdir().unwrap();
        let binding = AppBinding::new("argocd", NamespacePatterns::default());
        let source = DirSource::new(
            Folder::new(folder.path(), "argocd"),
            WatchSpec::new("app", binding.resource().clone()),
        );
        let host = receiver.host();
        let data: BTreeMap<String, String> =
            keys.iter().map(|(key, text)| ((*key).to_owned(), text.replace("@HOST@", &host))).collect();
        let (sender, settings) = watch::channel(Settings { config_map: Some(data), secret: None });
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let options = PipelineOptions {
            runtime: language_runtime(Arc::clone(&clock), Zone::utc()),
            clock,
            outbox: Policy::default(),
            store: None,
            metrics: Arc::new(Metrics::new()),
            lookup,
            redactor: Redactor::default(),
            refused: Refused::default(),
        };
        let watched = Watched {
            binding: Arc::new(binding),
            source: Arc::new(source),
            settings,
            build: BuildOptions { namespace: "argocd".into(), ..BuildOptions::default() },
            notices: None,
            tenants: None,
            companions: None,
            beside: dodona::pipeline::Beside::default(),
        };
        let pipeline = Pipeline::start(options, vec![watched]);
        Self { receiver, folder, _settings: sender, _pipeline: pipeline }
    }

    fn apply(&self, phase: &str, subscriptions: &str) {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: a\n  annotations:\n{subscriptions}\nspec: {{project: web, source: {{repoURL: 'https://git.example.org/org/a'}}}}\nstatus: {{phase: {phase}}}\n"
        );
        let new = self.folder.path().join(".new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.folder.path().join("a.yaml")).unwrap();
    }

    /// Paths and bodies in order of arrival, once there are `count`.
    async fn told(&self, count: usize) -> Vec<String> {
        let wait = async {
            while self.receiver.requests().len() < count {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("{:?}", self.receiver.requests()));
        let text = |request: &dodona_recorder::http::Recorded| {
            format!("{} {}", request.target, String::from_utf8_lossy(&request.body))
        };
        self.receiver.requests().iter().map(text).collect()
    }
}

const ASKING: (&str, &str) =
    ("template.asks", "message: '{{ (call .repo.GetCommitMetadata \"abc\").Author }}'");
const PLAIN: (&str, &str) = ("template.plain", "message: plain");
const ONE: (&str, &str) = ("service.webhook.one", "url: http://@HOST@/one");
const TWO: (&str, &str) = ("service.webhook.two", "url: http://@HOST@/two");
const ON_ASK: (&str, &str) = ("trigger.on-ask", "- {when: app.status.phase == 'ask', send: [asks]}");
const ON_PLAIN: (&str, &str) =
    ("trigger.on-plain", "- {when: 'app.status.phase in [\"plain\", \"ask\"]', send: [plain]}");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_takes_long_delays_its_own_destination_only_and_keeps_its_order() {
    let server = FakeRepoServer::start(None).await;
    server.answer(METADATA, Answer::Bytes(b"\x0a\x03Ada".to_vec(), Duration::from_millis(300)));
    let stage = Stage::start(
        client(&server.authority, Protection::Plaintext),
        &[ASKING, PLAIN, ONE, TWO, ON_ASK, ON_PLAIN],
    );
    stage.apply(
        "ask",
        "    notifications.argoproj.io/subscribe.on-ask.one: ''\n    notifications.argoproj.io/subscribe.on-plain.one: ''\n    notifications.argoproj.io/subscribe.on-plain.two: ''",
    );
    // `on-ask` is decided first: `one` gets its message first, and `two` does not wait for it.
    assert_eq!(stage.told(3).await, ["/two plain", "/one Ada", "/one plain"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_leaves_with_a_mark_or_waits_where_the_template_requires_the_answer() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    drop(listener);
    let strict = (
        "template.strict",
        "required: [repo]\nmessage: '{{ (call .repo.GetCommitMetadata \"abc\").Author }}'",
    );
    let on_strict = ("trigger.on-strict", "- {when: app.status.phase == 'ask', send: [strict]}");
    let stage = Stage::start(
        client(&authority, Protection::Plaintext),
        &[ASKING, strict, ONE, TWO, ON_ASK, on_strict],
    );
    stage.apply(
        "ask",
        "    notifications.argoproj.io/subscribe.on-ask.one: ''\n    notifications.argoproj.io/subscribe.on-strict.two: ''",
    );
    assert_eq!(stage.told(1).await, [format!("/one {MARK}")]);
    let _server = FakeRepoServer::serve(tokio::net::TcpListener::bind(authority).await.unwrap(), None);
    assert_eq!(stage.told(2).await[1], "/two Ada <ada@example.org>");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_that_cannot_be_decided_tells_and_forgets_nothing() {
    let server = FakeRepoServer::start(None).await;
    let stage = Stage::start(
        client(&server.authority, Protection::Plaintext),
        &[
            PLAIN,
            ONE,
            TWO,
            (
                "trigger.on-ada",
                "- {when: 'repo.GetCommitMetadata(app.status.phase).Author startsWith \"Ada\"', send: [plain]}",
            ),
            ON_PLAIN,
        ],
    );
    let subscriptions = "    notifications.argoproj.io/subscribe.on-ada.one: ''\n    notifications.argoproj.io/subscribe.on-plain.two: ''";
    stage.apply("abc", subscriptions);
    assert_eq!(stage.told(1).await, ["/one plain"]);
    // Not known any more: a condition that counted as false now would be told again afterwards.
    server.answer(METADATA, Answer::Status(13, "no luck"));
    stage.apply("plain", subscriptions);
    assert_eq!(stage.told(2).await[1], "/two plain");
    server.answer(METADATA, Answer::Bytes(b"\x0a\x03Ada".to_vec(), Duration::ZERO));
    stage.apply("def", subscriptions);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(stage.told(2).await.len(), 2);
}
