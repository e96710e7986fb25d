//! What a delivery over HTTP costs, from the outbox to the receipt. Run with `cargo bench --bench deliver`.
//!
//! Two figures come first: the connections that 1,000 messages to one service open (at most as many as are under way at
//! the same time), and the CPU that each of them takes on our side (target: under 100 µs). The receiver runs on threads of
//! its own, which do not count. Divan's figures behind them are times on the clock, the receiver's included.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark of what works says what it found")]

use std::sync::Arc;
use std::time::Duration;

use divan::{Bencher, counter::ItemsCount};
use dodona::config::yaml;
use dodona::delivery::client::{Clients, Reach};
use dodona::delivery::{BuildContext, DeliveryError, DeliveryOptions, Service, service_type};
use dodona::model::{Destination, Message, Receipt, SystemClock};
use dodona::outbox::store::{DeadLetterLimits, MemoryStore};
use dodona::outbox::{Courier, Ending, Outbox, Parcel, Policy};
use dodona_recorder::http::{Answer, HttpRecorder};
use futures::future::BoxFuture;
use tokio::runtime::Runtime;

/// Messages in one measurement.
const MESSAGES: u32 = 1000;

/// Recipients, so that queues do not limit what is under way.
const RECIPIENTS: u32 = 100;

/// The most CPU that a message may take.
const TARGET: Duration = Duration::from_micros(100);

fn main() {
    let most = Policy::default().concurrency;
    for kind in ["webhook", "slack", "pagerdutyv2"] {
        let (connections, cpu) = measure(kind);
        assert!(connections <= most, "{kind}: {connections} connections, at most {most} expected");
        let cpu = cpu.map_or_else(
            || "CPU not known on this system".to_owned(),
            |cpu| format!("{cpu:?} of CPU each (target {TARGET:?})"),
        );
        println!("{kind}: {MESSAGES} messages over {connections} connections (at most {most}), {cpu}");
    }
    divan::main();
}

/// A runtime on this thread alone, so that its CPU time is what the deliveries take.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn receiver() -> HttpRecorder {
    HttpRecorder::start(|_| Answer::reply(200, r#"{"ok": true, "ts": "1.2", "channel": "C1"}"#))
}

fn service(kind: &str, host: &str) -> Arc<dyn Service> {
    let settings = match kind {
        "webhook" => {
            format!("url: http://{host}/hook\nheaders: [{{name: Authorization, value: Bearer token-1}}]")
        }
        "slack" => format!("apiURL: http://{host}/api/\ntoken: xoxb-token-1"),
        _ => {
            let keys: Vec<String> =
                (0..RECIPIENTS).map(|number| format!("r{number}: key-{number}")).collect();
            format!("apiURL: http://{host}\nserviceKeys: {{{}}}", keys.join(", "))
        }
    };
    let clients = Clients::new(Reach { tls_directory: None, ..Reach::default() });
    let mut context = BuildContext { name: kind, clients: &clients, warnings: &mut Vec::new() };
    (service_type(kind).unwrap().build)(&mut context, &yaml::parse_node(&settings).unwrap()).unwrap()
}

/// A message of the usual size for each kind of service.
fn message(kind: &str) -> Message {
    let text = "Application shop is at 5b9ad7f06a1b4d159a615d5d3a4b6c0e (Healthy). ".repeat(4);
    let section = match kind {
        "webhook" => serde_json::json!({"webhook": {"method": "POST", "path": "", "body": text}}),
        "slack" => serde_json::json!({"attachments": [{"title": "shop", "text": text, "color": "#18be52"}]}),
        _ => serde_json::json!({"summary": text, "severity": "info", "source": "shop", "dedupKey": "shop"}),
    };
    Message { text, sections: [(kind.to_owned(), section)].into() }
}

struct One(Arc<dyn Service>);

impl Courier for One {
    fn attempt<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, DeliveryError>> {
        self.0.deliver(&parcel.message, &parcel.destination.recipient)
    }

    fn options(&self, _parcel: &Parcel) -> DeliveryOptions {
        self.0.options()
    }
}

fn parcel(kind: &str, number: u32, message: Message) -> Parcel {
    Parcel {
        id: 0,
        binding: "app".into(),
        namespace: "argocd".into(),
        name: "shop".into(),
        config_namespace: "argocd".into(),
        destination: Destination::new(kind, format!("r{}", number % RECIPIENTS)),
        trigger: "on-deployed".into(),
        condition: "[0]".into(),
        ledger_key: format!("on-deployed:[0]:{kind}:{number}"),
        message,
        accepted_at: 0,
        attempts: 0,
    }
}

/// Hands `count` messages to an outbox and waits for all receipts.
async fn deliver(kind: &str, service: &Arc<dyn Service>, count: u32) {
    let store = Arc::new(MemoryStore::new(DeadLetterLimits::default()));
    let (outbox, idle) = Outbox::new(Policy::default(), store, Arc::new(SystemClock));
    let mut outcomes = idle.start(Arc::new(One(Arc::clone(service))));
    let message = message(kind);
    for number in 0..count {
        outbox.accept(parcel(kind, number, message.clone())).await.unwrap();
    }
    for _ in 0..count {
        let outcome = outcomes.recv().await.unwrap();
        assert!(matches!(outcome.ending, Ending::Delivered(_)), "{:?}", outcome.ending);
    }
}

/// Connections opened by [`MESSAGES`] messages, and the CPU time of each.
fn measure(kind: &str) -> (usize, Option<Duration>) {
    let (runtime, receiver) = (runtime(), receiver());
    let service = service(kind, &receiver.host());
    let before = cpu();
    runtime.block_on(deliver(kind, &service, MESSAGES));
    let cpu = before.zip(cpu()).map(|(before, after)| after.saturating_sub(before) / MESSAGES);
    assert_eq!(receiver.requests().len(), 1000);
    (receiver.connections(), cpu)
}

/// The CPU time of this thread until now, as Linux counts it.
fn cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

#[divan::bench(args = ["webhook", "slack", "pagerdutyv2"], sample_count = 20)]
fn a_thousand(bencher: Bencher<'_, '_>, kind: &str) {
    let (runtime, receiver) = (runtime(), receiver());
    let service = service(kind, &receiver.host());
    bencher.counter(ItemsCount::new(MESSAGES)).bench_local(|| {
        runtime.block_on(deliver(kind, &service, MESSAGES));
        receiver.take().len()
    });
}

#[divan::bench(args = ["webhook", "slack", "pagerdutyv2"])]
fn one(bencher: Bencher<'_, '_>, kind: &str) {
    let (runtime, receiver) = (runtime(), receiver());
    let (service, message) = (service(kind, &receiver.host()), message(kind));
    bencher.bench_local(|| {
        runtime.block_on(service.deliver(&message, "r1")).unwrap();
        receiver.take().len()
    });
}
