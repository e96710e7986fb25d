//! Kinds by binding files on the fake API server: several in one process, a kind that comes later, deletions, and the Events that
//! people find with `kubectl describe`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails where something is missing")]

mod moments;
mod stage;

use std::time::Duration;

use dodona::binding::generic::GenericBinding;
use dodona::config::yaml;
use dodona_fakeapi::{FakeApi, Kind};
use dodona_recorder::http::{Answer, HttpRecorder};
use serde_json::{Value, json};
use stage::{ON_IT, QUIET, binding, config, object, start, told};
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_kinds_share_a_configuration_and_one_comes_later() {
    let server = FakeApi::start().await;
    let receiver = HttpRecorder::start(|_| Answer::reply(200, ""));
    let template = (
        "template.it",
        "webhook: {hook: {method: POST, body: '{{ with .pod }}pod{{ end }}{{ with .ns }}namespace{{ end }}{{ with .foo }}foo{{ end }}'}}",
    );
    server.apply(config("shared", &receiver, &[ON_IT, template]));
    server.apply(object("v1", "Pod", "shop", "a"));
    server.apply(object("v1", "Namespace", "", "shop"));
    let file = |name: &str, resource: &str| {
        format!("name: {name}\nresource: {resource}\nvariable: {name}\nconfigMap: shared\nsecret: shared\n")
    };
    let files = [
        file("pod", "{version: v1, plural: pods}"),
        file("ns", "{version: v1, plural: namespaces}"),
        file("foo", "{group: dummy.example.org, version: v1, plural: foos}"),
    ];
    let _pipeline = start(&server, &files.each_ref().map(String::as_str)).await;
    let mut first = told(&receiver, 2).await;
    first.sort();
    assert_eq!(first, ["namespace", "pod"]);
    // Its record is kept where it has no namespace, too.
    let state = "notified.notifications.argoproj.io";
    server
        .until("the state is written", |server| server.annotation("namespaces", "", "shop", state).is_some())
        .await;
    server.install(Kind::new("dummy.example.org", "v1", "Foo", "foos"));
    server.apply(object("dummy.example.org/v1", "Foo", "shop", "late"));
    assert_eq!(told(&receiver, 3).await[2], "foo");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_is_told_where_the_binding_says_so() {
    let server = FakeApi::start().await;
    let receiver = HttpRecorder::start(|_| Answer::reply(200, ""));
    let keys = [
        (
            "trigger.on-it",
            "- {when: deleted, send: [it]}\n- {when: 'pod.status.phase == \"Failed\"', send: [failed]}",
        ),
        (
            "template.it",
            "webhook: {hook: {method: POST, body: '{{ .pod.metadata.name }} is gone, {{ .pod.status.phase }}'}}",
        ),
        (
            "template.failed",
            "webhook: {hook: {method: POST, body: '{{ .pod.metadata.name }} failed {{ .deleted }}'}}",
        ),
    ];
    server.apply(config("told", &receiver, &keys));
    server.apply(config("silent", &receiver, &[("trigger.on-it", keys[0].1), keys[1], keys[2]]));
    let mut pod = object("v1", "Pod", "shop", "a");
    pod["status"] = json!({"phase": "Failed"});
    server.apply(pod.clone());
    let file = |name: &str, more: &str| {
        format!(
            "name: {name}\nresource: {{version: v1, plural: pods}}\nvariable: pod\nconfigMap: {name}\nsecret: {name}\n{more}"
        )
    };
    let pipeline = start(&server, &[&file("told", "deletions: true")]).await;
    assert_eq!(told(&receiver, 1).await, ["a failed false"]);
    server.delete("pods", "shop", "a");
    // What was told is not told again by the last look.
    assert_eq!(told(&receiver, 2).await[1], "a is gone, Failed");
    // An object of the same name is another one.
    server.apply(pod);
    assert_eq!(told(&receiver, 3).await[2], "a failed false");
    server.delete("pods", "shop", "a");
    assert_eq!(told(&receiver, 4).await[3], "a is gone, Failed");
    pipeline.stop(Duration::from_secs(1)).await;
    let _pipeline = start(&server, &[&file("silent", "")]).await;
    server.apply(object("v1", "Pod", "shop", "b"));
    sleep(QUIET).await;
    server.delete("pods", "shop", "b");
    assert_eq!(told(&receiver, 4).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_is_found_where_people_look_and_once() {
    let server = FakeApi::start().await;
    let receiver = HttpRecorder::start(|_| Answer::reply(404, "no such room"));
    let template = ("template.it", "webhook: {hook: {method: POST, body: it}}");
    let broken = ("template.broken", "message: '{{ .x'");
    let unrendered = ("template.it2", "message: '{{ fail \"nothing to say\" }}'");
    let second = ("trigger.on-it", "- {when: 'true', send: [it]}\n- {when: 'true', send: [it2]}");
    server.apply(config("cm", &receiver, &[second, template, broken, unrendered]));
    server.apply(object("v1", "Pod", "shop", "a"));
    let file = "name: pod\nresource: {version: v1, plural: pods}\nvariable: pod\nconfigMap: cm\nsecret: cm\n";
    let events = |server: &FakeApi, reason: &str| -> Vec<Value> {
        server.objects("events").into_iter().filter(|event| event["reason"] == reason).collect()
    };
    for _ in 0..2 {
        let pipeline = start(&server, &[file]).await;
        server
            .until("the Events are there", |server| {
                events(server, "NotificationRefused").len() >= 2
                    && !events(server, "ConfigurationRefused").is_empty()
            })
            .await;
        // A look at the object and one at the configuration more change nothing.
        let mut pod = server.object("pods", "shop", "a").unwrap();
        pod["metadata"]["labels"] = json!({"x": pod["metadata"]["resourceVersion"]});
        server.apply(pod);
        sleep(QUIET).await;
        pipeline.stop(Duration::from_secs(1)).await;
    }
    let refused = events(&server, "NotificationRefused");
    assert_eq!(refused.len(), 2, "{refused:#?}");
    let pod = server.object("pods", "shop", "a").unwrap();
    for event in &refused {
        assert_eq!(event["involvedObject"]["uid"], pod["metadata"]["uid"]);
        assert_eq!((&event["involvedObject"]["kind"], &event["type"]), (&json!("Pod"), &json!("Warning")));
    }
    let messages: Vec<&str> = refused.iter().map(|event| event["message"].as_str().unwrap()).collect();
    assert!(messages.iter().any(|message| message.contains("404")), "{messages:?}");
    assert!(messages.iter().any(|message| message.contains("nothing to say")), "{messages:?}");
    let of_config = events(&server, "ConfigurationRefused");
    assert_eq!(of_config.len(), 1, "{of_config:#?}");
    let map = server.object("configmaps", "ops", "cm").unwrap();
    assert_eq!(of_config[0]["involvedObject"]["uid"], map["metadata"]["uid"]);
    assert!(of_config[0]["message"].as_str().unwrap().contains("template.broken"));
}

#[test]
fn mistakes_in_a_binding_file_are_named() {
    let good = "name: cert\nresource: {group: cert-manager.io, version: v1, plural: certificates}\nvariable: cert\nconfigMap: c\nsecret: s\n";
    binding(good);
    let cases = [
        ("labels: x\n", "unknown field `labels`"),
        ("prefix: 'a b'\n", "cannot be a prefix"),
        ("namespaces: [a, B]\n", "`B` cannot be a namespace"),
        ("namespaces: [a, a]\n", "twice"),
        ("resync: 1ms\n", "at least `1s`"),
        ("deletions: sometimes\n", "deletions"),
    ];
    let edits = [
        ("name: cert", "", "`name` is missing"),
        ("name: cert", "name: app", "built-in"),
        ("name: cert", "name: My_Cert", "cannot be a name"),
        ("variable: cert", "variable: secrets", "means something else"),
        ("variable: cert", "variable: a-b", "cannot be a variable"),
        ("configMap: c", "configMap: A", "cannot be the name of an object"),
        ("plural: certificates", "plural: Certificate", "is a kind"),
        ("plural: certificates", "plural: certificates, scope: Cluster", "unknown field `scope`"),
        ("version: v1", "version: cert-manager.io/v1", "write what is before the `/`"),
        ("version: v1, ", "", "`resource.version` is missing"),
        (
            "resource: {group: cert-manager.io, version: v1, plural: certificates}",
            "",
            "`resource` is missing",
        ),
        ("group: cert-manager.io", "group: 'x y'", "no group"),
    ];
    let texts = cases.iter().map(|(more, error)| (format!("{good}{more}"), *error));
    let edited = edits.iter().map(|(from, to, error)| (good.replacen(from, to, 1), *error));
    for (text, expected) in texts.chain(edited) {
        let node = yaml::parse_node(&text).unwrap();
        let error = GenericBinding::from_node(&node).unwrap_err();
        assert!(error.message.contains(expected) || error.path.contains(expected), "{text}\n{error:?}");
        assert!(error.at.line >= 1, "{error:?}");
    }
}

/// What the controller says about binding files that do not go together.
fn complaint(files: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dodona"));
    command.args(["controller", "--metrics-port", "0", "--dir"]).arg(folder.path());
    for (index, text) in files.iter().enumerate() {
        let path = folder.path().join(format!("{index}.binding"));
        std::fs::write(&path, text).unwrap();
        command.arg("--binding").arg(path);
    }
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn bindings_that_take_each_other_for_themselves_are_refused() {
    let pods = |name: &str, more: &str| {
        format!(
            "name: {name}\nresource: {{version: v1, plural: pods}}\nvariable: pod\nconfigMap: c\nsecret: s\n{more}"
        )
    };
    let twice = complaint(&[&pods("one", ""), &pods("one", "prefix: other.example.org\n")]);
    assert!(twice.contains("a binding called `one` already"), "{twice}");
    let same = complaint(&[&pods("one", "namespaces: [a, b]\n"), &pods("two", "namespaces: [b]\n")]);
    assert!(same.contains("keep their record in one annotation"), "{same}");
    let selector = complaint(&[&pods("one", "labelSelector: 'a in b'\n")]);
    assert!(selector.contains("label selector of binding `one`"), "{selector}");
}
