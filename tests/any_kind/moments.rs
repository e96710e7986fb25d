//! Moments in which something could be lost, doubled or refused for good: the start, a reload, the stop, an object that takes
//! another one's name.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dodona::outbox::Policy;
use dodona_fakeapi::FakeApi;
use dodona_recorder::http::{Answer, HttpRecorder, Recorded};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::stage::{LIMIT, ON_IT, config, object, start, start_with, told};

const PODS: &str =
    "name: pod\nresource: {version: v1, plural: pods}\nvariable: pod\nconfigMap: cm\nsecret: cm\n";
const STATE: &str = "notified.notifications.argoproj.io";
/// Sends the object's name.
const NAME: (&str, &str) =
    ("template.it", "webhook: {hook: {method: POST, body: '{{ .pod.metadata.name }}'}}");

fn pod(name: &str) -> Value {
    object("v1", "Pod", "shop", name)
}

fn state(server: &FakeApi, name: &str) -> Option<String> {
    server.annotation("pods", "shop", name, STATE)
}

/// Lists of Pods that were asked for.
fn lists(server: &FakeApi) -> usize {
    let requests = server.requests();
    let lists = requests.iter().filter(|one| {
        one.path == "/api/v1/pods" && one.parameter("sendInitialEvents").is_some_and(|value| value == "true")
    });
    lists.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_of_the_start_is_no_change_of_it() {
    let server = FakeApi::start().await;
    let receiver = HttpRecorder::start(|_| Answer::reply(200, ""));
    server.apply(config("cm", &receiver, &[ON_IT, NAME]));
    server.apply(pod("a"));
    let pipeline = start(&server, &[PODS]).await;
    assert_eq!(told(&receiver, 1).await, ["a"]);
    assert_eq!((pipeline.lanes()["pod"].reloads(), lists(&server)), (0, 1));
}

/// An object is deleted and made again while its message is on its way, and the watch is late: what was told about the first one
/// was not told about the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_is_not_written_to_an_object_that_took_the_name() {
    let server = FakeApi::start().await;
    let (asked, open) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (bell, gate) = (Arc::clone(&asked), Arc::clone(&open));
    let receiver = HttpRecorder::start(move |_| {
        bell.store(true, Ordering::SeqCst);
        // Not for ever: a test that fails has to end.
        for _ in 0..10_000 {
            if gate.load(Ordering::SeqCst) {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Answer::reply(200, "")
    });
    let phase = ("trigger.on-it", "- {when: 'pod.status.phase == \"Failed\"', send: [it]}");
    server.apply(config("cm", &receiver, &[phase, NAME]));
    let mut failed = pod("a");
    failed["status"] = json!({"phase": "Failed"});
    server.apply(failed.clone());
    let _pipeline = start(&server, &[PODS]).await;
    let asked = |server: &FakeApi| server.watches("pods") > 0 && asked.load(Ordering::SeqCst);
    server.until("the message is on its way", asked).await;
    // From here on the controller sees nothing new.
    server.faults(|faults| faults.refuse = vec![("GET /api/v1/pods".into(), 503); 5000]);
    server.end_watches();
    server.delete("pods", "shop", "a");
    server.apply(failed);
    open.store(true, Ordering::SeqCst);
    server
        .until("the receipt was to be written", |server| {
            server.requests().iter().any(|request| request.method == "PATCH")
        })
        .await;
    assert_eq!(state(&server, "a"), None, "it was told about another object");
    server.faults(|faults| faults.refuse.clear());
    assert_eq!(told(&receiver, 2).await.len(), 2);
    server.until("the second one is recorded", |server| state(server, "a").is_some()).await;
}

fn body(request: &Recorded) -> String {
    String::from_utf8_lossy(&request.body).into_owned()
}

/// The outbox is full of what one service holds up, and another service's refused messages are to be sent again: the
/// configuration that helps the first one must come through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_outbox_does_not_hold_up_the_next_configuration() {
    let server = FakeApi::start().await;
    let answer = |request: &Recorded| match &*request.target {
        "/down" => Answer::reply(503, ""),
        "/wrong" => Answer::reply(401, ""),
        _ => Answer::reply(200, ""),
    };
    let receiver = HttpRecorder::start(answer);
    let services = |hook: &str, other: &str| {
        let host = receiver.host();
        let mut map = config(
            "cm",
            &receiver,
            &[
                ON_IT,
                (
                    "template.it",
                    "webhook: {hook: {method: POST, body: it}, other: {method: POST, body: other}}",
                ),
            ],
        );
        map["data"]["service.webhook.hook"] = format!("url: http://{host}/{hook}\nretryMax: -1\n").into();
        map["data"]["service.webhook.other"] = format!("url: http://{host}/{other}\nretryMax: -1\n").into();
        map
    };
    let at = |path: &str| receiver.requests().iter().filter(|one| *one.target == *path).count();
    server.apply(services("down", "wrong"));
    // Room for one message.
    let outbox = Policy { capacity: 1, ..Policy::default() };
    let pipeline = start_with(&server, &[PODS], outbox).await;
    let mut refused = pod("a");
    refused["metadata"]["annotations"] = json!({"notifications.argoproj.io/subscribe.on-it.other": ""});
    server.apply(refused);
    server.until("it is refused", |_| pipeline.outbox().dead_letters().len() == 1).await;
    server.apply(pod("b"));
    server.until("it waits", |_| at("/down") > 0).await;
    server.apply(services("down", "right"));
    server.until("the first change is in force", |_| pipeline.lanes()["pod"].reloads() == 1).await;
    server.apply(services("up", "right"));
    server.until("both are told", |_| at("/up") == 1 && at("/right") == 1).await;
}

/// A message is refused, a new template tells it otherwise, and later the service changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_otherwise_is_not_sent_again() {
    let server = FakeApi::start().await;
    let receiver = HttpRecorder::start(|request| match &*body(request) {
        "bad" => Answer::reply(400, ""),
        _ => Answer::reply(200, ""),
    });
    let template = |text: &str| format!("webhook: {{hook: {{method: POST, body: '{text}'}}}}");
    let map = |text: &str| config("cm", &receiver, &[ON_IT, ("template.it", &template(text))]);
    server.apply(map("bad"));
    server.apply(pod("a"));
    let pipeline = start(&server, &[PODS]).await;
    server.until("it is refused", |_| pipeline.outbox().dead_letters().len() == 1).await;
    server.apply(map("good"));
    server.until("it is told", |server| state(server, "a").is_some()).await;
    let mut other = map("good");
    let text = other["data"]["service.webhook.hook"].as_str().unwrap_or_default().to_owned();
    other["data"]["service.webhook.hook"] = format!("{text}headers: [{{name: X-New, value: y}}]\n").into();
    server.apply(other);
    server.until("the service is in force", |_| pipeline.lanes()["pod"].reloads() == 2).await;
    // Behind whatever else is on its way to the same destination.
    server.apply(pod("b"));
    assert_eq!(told(&receiver, 3).await, ["bad", "good", "good"]);
}

/// Nobody decides any more about an object that is gone, so that what was refused about it is sent again all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_about_an_object_that_is_gone_is_sent_again() {
    let server = FakeApi::start().await;
    let receiver = HttpRecorder::start(|request| match request.header("X-Token") {
        Some("right") => Answer::reply(200, ""),
        _ => Answer::reply(401, ""),
    });
    let mut map = config("cm", &receiver, &[ON_IT, NAME]);
    server.apply(map.clone());
    server.apply(pod("a"));
    let pipeline = start(&server, &[PODS]).await;
    server.until("it is refused", |_| pipeline.outbox().dead_letters().len() == 1).await;
    server.delete("pods", "shop", "a");
    let text = map["data"]["service.webhook.hook"].as_str().unwrap_or_default().to_owned();
    map["data"]["service.webhook.hook"] =
        format!("{text}headers: [{{name: X-Token, value: right}}]\n").into();
    server.apply(map);
    assert_eq!(told(&receiver, 2).await, ["a", "a"]);
    assert!(pipeline.outbox().dead_letters().is_empty());
}

/// The API server is away, the pause before the next patch is long by now, and the process is to stop: it tries once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_the_next_try() {
    let server = FakeApi::start().await;
    let receiver = HttpRecorder::start(|_| Answer::reply(200, ""));
    server.apply(config("cm", &receiver, &[ON_IT, NAME]));
    server.faults(|faults| faults.patch_status = Some(503));
    server.apply(pod("a"));
    let pipeline = start(&server, &[PODS]).await;
    let patches =
        |server: &FakeApi| server.requests().iter().filter(|request| request.method == "PATCH").count();
    server.until("the pause is longer than a stop takes", |server| patches(server) == 5).await;
    server.faults(|faults| faults.patch_status = None);
    timeout(LIMIT, pipeline.stop(Duration::from_millis(100))).await.ok();
    assert!(state(&server, "a").is_some(), "{} patches", patches(&server));
}

/// What the template wants is not in the object yet: people are told that it cannot be rendered, and the message leaves when it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_cannot_be_rendered_leaves_when_it_can() {
    let server = FakeApi::start().await;
    let receiver = HttpRecorder::start(|_| Answer::reply(200, ""));
    let template =
        ("template.it", "webhook: {hook: {method: POST, body: '{{ index .pod.status.lines 0 }}'}}");
    server.apply(config("cm", &receiver, &[ON_IT, template]));
    server.apply(pod("a"));
    let _pipeline = start(&server, &[PODS]).await;
    let events = |server: &FakeApi| {
        let events = server.objects("events");
        events.iter().filter(|event| event["reason"] == "NotificationRefused").count()
    };
    server.until("people are told", |server| events(server) == 1).await;
    let mut better = server.object("pods", "shop", "a").unwrap_or_default();
    better["status"] = json!({"lines": ["out of memory"]});
    server.apply(better);
    assert_eq!(told(&receiver, 1).await, ["out of memory"]);
    server.until("it is recorded", |server| state(server, "a").is_some()).await;
    assert_eq!(events(&server), 1);
}

/// A ConfigMap is replaced by deleting it and making it again: whoever waits for the end of a condition still waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_is_gone_for_a_moment_ends_nothing() {
    let server = FakeApi::start().await;
    let receiver = HttpRecorder::start(|_| Answer::reply(200, ""));
    let keys = [
        ("trigger.on-it", "- {when: 'pod.status.phase == \"Failed\"', send: [it], resolved: [over]}"),
        NAME,
        ("template.over", "webhook: {hook: {method: POST, body: '{{ .pod.metadata.name }} works again'}}"),
    ];
    let map = config("cm", &receiver, &keys);
    server.apply(map.clone());
    let mut failed = pod("a");
    failed["status"] = json!({"phase": "Failed"});
    server.apply(failed);
    let pipeline = start(&server, &[PODS]).await;
    server.until("it is told", |server| state(server, "a").is_some_and(|text| text.contains("~open"))).await;
    server.delete("configmaps", "ops", "cm");
    server.until("the configuration is gone", |_| pipeline.lanes()["pod"].reloads() == 1).await;
    // Something else happens to the object meanwhile.
    let mut object = server.object("pods", "shop", "a").unwrap_or_default();
    object["metadata"]["labels"] = json!({"x": "y"});
    server.apply(object);
    server.apply(map);
    server.until("the configuration is back", |_| pipeline.lanes()["pod"].reloads() == 2).await;
    let mut well = server.object("pods", "shop", "a").unwrap_or_default();
    well["status"] = json!({"phase": "Running"});
    server.apply(well);
    assert_eq!(told(&receiver, 2).await, ["a", "a works again"]);
}
