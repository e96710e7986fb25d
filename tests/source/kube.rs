//! What only clusters have: versions that expire, connections that break, kinds that come and go, permissions.

use std::sync::Arc;
use std::time::Duration;

use dodona::model::{Cause, FixedClock, ObjectKey, Resource, Severity};
use dodona::source::kube::{EventRecorder, KubeSettings, KubeSource, Pace, connect};
use dodona::source::{Notices as _, SettingsSource as _, SourceError, Subject, WatchSpec};
use dodona_fakeapi::{FakeApi, Kind, Request, StreamingLists};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::world::{
    LIMIT, QUIET, Running, World, application, applications, client, expected, kubeconfig, pace,
};

const PLURAL: &str = "applications";

struct Cluster {
    server: Box<FakeApi>,
    running: Running,
}

/// A cluster with the Applications `names` at step 1, and a source that has seen them.
async fn watching(names: &[&str], spec: WatchSpec, prepare: impl FnOnce(&FakeApi)) -> Cluster {
    let World::Kube { server, api } = World::kube().await else { unreachable!() };
    prepare(&server);
    for name in names {
        server.apply(application(name, 1));
    }
    let mut running = Running::start(Arc::new(KubeSource::new(api, spec)));
    let steps: Vec<_> = names.iter().map(|name| (*name, 1)).collect();
    assert_eq!(running.steps(names.len()).await, expected(Cause::Added, &steps));
    running.synced().await;
    server.until("the watch is open", |server| server.watches(PLURAL) == 1).await;
    Cluster { server, running }
}

fn reads(server: &FakeApi) -> Vec<Request> {
    server
        .requests()
        .into_iter()
        .filter(|request| request.method == "GET" && request.path.ends_with(PLURAL))
        .collect()
}

#[tokio::test]
async fn a_streaming_list_is_used_where_there_is_one() {
    let mut cluster = watching(&["a", "b"], applications(), |_| {}).await;
    let requests = reads(&cluster.server);
    assert_eq!(requests.len(), 1, "{requests:#?}");
    assert_eq!(requests[0].path, "/apis/argoproj.io/v1alpha1/applications");
    for (name, value) in [
        ("watch", "true"),
        ("sendInitialEvents", "true"),
        ("resourceVersionMatch", "NotOlderThan"),
        ("allowWatchBookmarks", "true"),
        ("resourceVersion", ""),
    ] {
        assert_eq!(requests[0].parameter(name), Some(value), "{name}");
    }
    cluster.server.apply(application("c", 1));
    assert_eq!(cluster.running.step().await, (Cause::Added, "c".into(), 1));
    assert_eq!(reads(&cluster.server).len(), 1);
}

#[tokio::test]
async fn pages_are_used_where_there_is_no_streaming_list() {
    for streaming in [StreamingLists::Refused, StreamingLists::Ignored] {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let World::Kube { server, api } = World::kube().await else { unreachable!() };
        server.faults(|faults| faults.streaming_lists = streaming);
        for name in &names {
            server.apply(application(name, 1));
        }
        let mut running = Running::start(Arc::new(KubeSource::new(api, applications())));
        // A server that ignores the parameter sends everything before it turns out that no end comes.
        let times = if streaming == StreamingLists::Ignored { 2 } else { 1 };
        let mut steps = running.steps(7 * times).await;
        steps.dedup();
        assert_eq!(steps, expected(Cause::Added, &names.map(|name| (name, 1))), "{streaming:?}");
        running.synced().await;
        let lists: Vec<Request> = reads(&server).into_iter().filter(|request| !request.is_watch()).collect();
        assert_eq!(lists.len(), 3, "{lists:#?}");
        assert!(lists.iter().all(|list| list.parameter("limit") == Some("3")));
        assert!(lists[0].parameter("continue").is_none() && lists[1].parameter("continue").is_some());
        server.apply(application("a", 2));
        assert_eq!(running.step().await, (Cause::Modified, "a".into(), 2), "{streaming:?}");
        running.source.resync();
        assert_eq!(running.steps(7).await.len(), 7);
        running.nothing_more().await;
    }
}

#[tokio::test]
async fn items_of_pages_have_the_kind_of_the_list() {
    let World::Kube { server, api } = World::kube().await else { unreachable!() };
    server.faults(|faults| faults.streaming_lists = StreamingLists::Refused);
    server.apply_raw(
        "pods",
        "argocd",
        "p",
        json!({"metadata": {"name": "p", "namespace": "argocd"}, "spec": {"step": 1}}),
    );
    let pods = WatchSpec::new("pod", Resource::new("", "v1", "pods", None));
    let mut running = Running::start(Arc::new(KubeSource::new(api, pods)));
    assert_eq!(running.next().await.object.kind(), "Pod");
}

#[tokio::test]
async fn a_continue_token_that_expires_starts_the_list_again() {
    let World::Kube { server, api } = World::kube().await else { unreachable!() };
    server.faults(|faults| {
        faults.streaming_lists = StreamingLists::Refused;
    });
    let names: Vec<String> = (0..20).map(|index| format!("a{index:02}")).collect();
    for name in &names {
        server.apply(application(name, 1));
    }
    let mut running = Running::with_room(Arc::new(KubeSource::new(api, applications())), 1);
    running.next().await;
    server.expire();
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 20 {
        seen.insert(running.next().await.object.key().name.to_string());
    }
    let limits: Vec<String> =
        reads(&server).iter().filter_map(|request| request.parameter("limit").map(str::to_owned)).collect();
    assert!(limits.contains(&"12".to_owned()), "{limits:?}");
}

#[tokio::test]
async fn a_broken_connection_is_taken_up_where_it_was() {
    let mut cluster = watching(&["a", "b"], applications(), |_| {}).await;
    for step in 2..6 {
        cluster.server.forget_requests();
        if step % 2 == 0 {
            cluster.server.break_watches();
        } else {
            cluster.server.end_watches();
        }
        // This happens while nobody watches.
        cluster.server.apply(application("a", step));
        assert_eq!(cluster.running.step().await, (Cause::Modified, "a".into(), step));
        let requests = reads(&cluster.server);
        assert!(
            requests
                .iter()
                .all(|request| request.is_watch() && request.parameter("sendInitialEvents").is_none()),
            "{requests:#?}"
        );
    }
    cluster.running.nothing_more().await;
}

#[tokio::test]
async fn a_deletion_during_a_broken_connection_is_seen() {
    let mut cluster = watching(&["a", "b"], applications(), |_| {}).await;
    cluster.server.break_watches();
    cluster.server.delete(PLURAL, "argocd", "a");
    assert_eq!(cluster.running.step().await, (Cause::Deleted, "a".into(), 1));
}

#[tokio::test]
async fn bookmarks_move_the_place_from_which_a_watch_resumes() {
    let cluster = watching(&["a"], applications(), |_| {}).await;
    // Other kinds move the version on, and the old ones expire.
    for index in 0..5 {
        cluster.server.apply(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("c{index}")}}),
        );
    }
    let sent = cluster.server.lines_sent();
    cluster.server.bookmark();
    cluster.server.until("the bookmark is sent", |server| server.lines_sent() > sent).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    cluster.server.forget_requests();
    cluster.server.end_watches();
    cluster.server.until("the watch is open again", |server| server.watches(PLURAL) == 1).await;
    let requests = reads(&cluster.server);
    assert_eq!(requests[0].parameter("resourceVersion"), Some("1006"), "{requests:#?}");
}

#[tokio::test]
async fn a_version_that_is_too_old_leads_to_a_new_list() {
    let mut cluster = watching(&["a", "b", "c"], applications(), |_| {}).await;
    // Found when the watch is opened again.
    cluster.server.break_watches();
    cluster.server.apply(application("a", 2));
    cluster.server.delete(PLURAL, "argocd", "c");
    cluster.server.expire();
    assert_eq!(cluster.running.steps(2).await, expected(Cause::Resync, &[("a", 2), ("b", 1)]));
    // Found in the middle of a watch.
    cluster.server.until("the watch is open", |server| server.watches(PLURAL) == 1).await;
    cluster.server.expire_watches();
    assert_eq!(cluster.running.steps(2).await, expected(Cause::Resync, &[("a", 2), ("b", 1)]));
    cluster.server.apply(application("b", 2));
    assert_eq!(cluster.running.step().await, (Cause::Modified, "b".into(), 2));
    cluster.running.nothing_more().await;
}

#[tokio::test]
async fn errors_of_the_server_are_outlived() {
    let refuse = [500, 503, 429, 401, 403, 504, 500];
    let cluster = watching(&["a"], applications(), |server| {
        server.faults(|faults| {
            faults.refuse =
                refuse.map(|status| (format!("GET /apis/argoproj.io/v1alpha1/{PLURAL}"), status)).into();
        });
    });
    let mut cluster = timeout(LIMIT, cluster).await.unwrap();
    cluster.server.faults(|faults| faults.refuse = refuse.map(|status| (PLURAL.to_owned(), status)).into());
    cluster.server.break_watches();
    cluster.server.apply(application("a", 2));
    assert_eq!(cluster.running.step().await, (Cause::Modified, "a".into(), 2));
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_waited_for() {
    let server = FakeApi::start().await;
    let (url, settings) = (server.url().to_owned(), kubeconfig(&server));
    drop(server);
    let api = connect(&settings, pace()).await.unwrap();
    let mut running = Running::start(Arc::new(KubeSource::new(api, applications())));
    running.nothing_more().await;
    assert!(!*running.source.synced().borrow(), "{url}");
}

#[tokio::test]
async fn objects_that_are_none_stop_nothing() {
    let broken = [
        json!({"metadata": []}),
        json!({"metadata": {"name": 5}}),
        json!("text"),
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}),
    ];
    for streaming in [StreamingLists::Offered, StreamingLists::Refused] {
        let mut cluster = watching(&["a", "b"], applications(), |server| {
            server.faults(|faults| faults.streaming_lists = streaming);
            for (index, object) in broken.iter().enumerate() {
                server.apply_raw(PLURAL, "argocd", &format!("a{index}"), object.clone());
            }
        })
        .await;
        for (index, object) in broken.iter().enumerate() {
            cluster.server.apply_raw(PLURAL, "argocd", &format!("z{index}"), object.clone());
        }
        for line in [
            "nonsense",
            "{}",
            "{\"type\":\"ADDED\"}",
            "{\"type\":5,\"object\":{}}",
            "{\"type\":\"BOOKMARK\",\"object\":7}",
            "",
            "[]",
        ] {
            cluster.server.inject(PLURAL, line);
        }
        cluster.server.apply(application("b", 2));
        assert_eq!(cluster.running.step().await, (Cause::Modified, "b".into(), 2));
        assert_eq!(cluster.server.watches(PLURAL), 1, "the watch goes on");
        // Nor do they when the watch starts again.
        cluster.server.break_watches();
        cluster.server.apply(application("b", 3));
        assert_eq!(cluster.running.step().await, (Cause::Modified, "b".into(), 3));
    }
}

#[tokio::test]
async fn odd_labels_and_annotations_do_not_hide_an_object() {
    let World::Kube { server, api } = World::kube().await else { unreachable!() };
    let mut object = application("a", 1);
    object["metadata"]["labels"] = json!({"n": 5});
    object["metadata"]["annotations"] = json!("none");
    server.apply_raw(PLURAL, "argocd", "a", object);
    let mut running = Running::start(Arc::new(KubeSource::new(api, applications())));
    assert_eq!(running.step().await, (Cause::Added, "a".into(), 1));
}

#[tokio::test]
async fn a_kind_that_is_not_installed_is_waited_for() {
    let server = FakeApi::start().await;
    let api = client(&server).await;
    let foos = WatchSpec::new("foo", Resource::new("example.com", "v1", "foos", None));
    let mut running = Running::start(Arc::new(KubeSource::new(api, foos)));
    // Nothing exists that could be told about: ready.
    running.synced().await;
    let foo = |name: &str| json!({"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": name, "namespace": "x"}, "spec": {"step": 1}});
    for _ in 0..2 {
        running.nothing_more().await;
        server.install(Kind::new("example.com", "v1", "Foo", "foos"));
        server.apply(foo("f"));
        assert_eq!(running.step().await, (Cause::Added, "f".into(), 1));
        server.until("the watch is open", |server| server.watches("foos") == 1).await;
        server.apply(foo("g"));
        assert_eq!(running.step().await, (Cause::Added, "g".into(), 1));
        server.uninstall("foos");
    }
}

#[tokio::test]
async fn several_namespaces_are_watched_one_by_one() {
    let World::Kube { server, api } = World::kube().await else { unreachable!() };
    for (name, namespace) in [("a", "one"), ("b", "two"), ("c", "three")] {
        let mut object = application(name, 1);
        object["metadata"]["namespace"] = namespace.into();
        server.apply(object);
    }
    let spec = WatchSpec { namespaces: vec!["one".into(), "two".into(), "empty".into()], ..applications() };
    let mut running = Running::start(Arc::new(KubeSource::new(api, spec)));
    assert_eq!(running.steps(2).await, expected(Cause::Added, &[("a", 1), ("b", 1)]));
    running.synced().await;
    assert_eq!(server.watches(PLURAL), 3);
    running.source.resync();
    assert_eq!(running.steps(2).await, expected(Cause::Resync, &[("a", 1), ("b", 1)]));
    running.nothing_more().await;
}

#[tokio::test]
async fn cluster_scoped_kinds_have_no_namespaces() {
    let World::Kube { server, api } = World::kube().await else { unreachable!() };
    server.apply(
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}, "spec": {"step": 1}}),
    );
    let spec = WatchSpec {
        namespaces: vec!["argocd".into()],
        ..WatchSpec::new("ns", Resource::new("", "v1", "namespaces", None))
    };
    let mut running = Running::start(Arc::new(KubeSource::new(api, spec)));
    let change = running.next().await;
    assert_eq!(change.object.key(), &ObjectKey::new("", "n"));
    let written =
        running.source.annotate(&ObjectKey::new("", "n"), "", "k", Some("v")).await.unwrap().unwrap();
    assert_eq!(written.annotation("k"), Some("v"));
}

#[tokio::test]
async fn a_label_selector_is_the_server_s_affair() {
    let spec = WatchSpec { label_selector: "name in (a, b),name!=b".into(), ..applications() };
    let mut cluster = watching(&["a"], spec, |server| {
        server.apply(application("b", 1));
    })
    .await;
    cluster.server.apply(application("b", 2));
    cluster.server.apply(application("a", 2));
    assert_eq!(cluster.running.step().await, (Cause::Modified, "a".into(), 2));
    // An object that loses the label is gone as far as this source can see.
    let mut object = application("a", 3);
    object["metadata"]["labels"]["name"] = "b".into();
    cluster.server.apply(object);
    assert_eq!(cluster.running.step().await.0, Cause::Deleted);
}

#[tokio::test]
async fn a_patch_has_one_annotation_and_nothing_else() {
    let cluster = watching(&["a"], applications(), |_| {}).await;
    let key = ObjectKey::new("argocd", "a");
    cluster.running.source.annotate(&key, "", "notified.x", Some("{\"<\":1}")).await.unwrap();
    cluster.running.source.annotate(&key, "", "notified.x", None).await.unwrap();
    let patches: Vec<Request> =
        cluster.server.requests().into_iter().filter(|request| request.method == "PATCH").collect();
    assert_eq!(patches[0].path, "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/a");
    assert_eq!(patches[0].body, json!({"metadata": {"annotations": {"notified.x": "{\"<\":1}"}}}));
    assert_eq!(patches[1].body, json!({"metadata": {"annotations": {"notified.x": null}}}));
    assert_eq!(cluster.server.annotation(PLURAL, "argocd", "a", "mine").as_deref(), Some("untouched"));
}

/// A patch is answered with the whole object unless one asks otherwise: kilobytes that the server writes, and we read, for nothing.
#[tokio::test]
async fn the_answer_to_a_patch_has_no_body() {
    let cluster = watching(&["a"], applications(), |_| {}).await;
    let key = ObjectKey::new("argocd", "a");
    let written = cluster.running.source.annotate(&key, "", "n", Some("{}")).await.unwrap().unwrap();
    let requests = cluster.server.requests();
    assert!(requests.iter().any(|request| request.method == "PATCH" && request.wants_only_metadata()));
    assert_eq!((written.key(), written.annotation("n")), (&key, Some("{}")));
    assert!(!written.resource_version().is_empty() && !written.uid().is_empty());
    assert!(written.document().unwrap().path(&["spec"]).is_none());
}

#[tokio::test]
async fn an_object_that_took_the_name_is_left_as_it_is() {
    let cluster = watching(&["a"], applications(), |_| {}).await;
    let key = ObjectKey::new("argocd", "a");
    let object = cluster.server.object(PLURAL, "argocd", "a").unwrap();
    let uid = object["metadata"]["uid"].as_str().unwrap();
    cluster.running.source.annotate(&key, uid, "n", Some("{}")).await.unwrap().unwrap();
    let error =
        cluster.running.source.annotate(&key, "of-another", "n", Some("{\"k\":1}")).await.unwrap_err();
    assert!(error.to_string().contains("field is immutable"), "{error}");
    assert_eq!(cluster.server.annotation(PLURAL, "argocd", "a", "n").as_deref(), Some("{}"));
}

#[tokio::test]
async fn refused_patches_say_why_and_are_not_repeated() {
    let cluster = watching(&["a"], applications(), |_| {}).await;
    let key = ObjectKey::new("argocd", "a");
    for status in [403, 409, 422, 500, 503, 429] {
        cluster.server.faults(|faults| faults.patch_status = Some(status));
        cluster.server.forget_requests();
        let error = cluster.running.source.annotate(&key, "", "n", Some("{}")).await.unwrap_err();
        assert_eq!(matches!(error, SourceError::Forbidden { .. }), status == 403, "{error}");
        let text = error.to_string();
        assert!(text.starts_with("failed to patch applications/argocd/a: "), "{text}");
        assert!(text.contains("cannot patch resource") && text.contains(&status.to_string()), "{text}");
        assert_eq!(cluster.server.requests().len(), 1, "{status}");
    }
    for status in [404, 410] {
        cluster.server.faults(|faults| faults.patch_status = Some(status));
        assert!(cluster.running.source.annotate(&key, "", "n", Some("{}")).await.unwrap().is_none());
    }
}

/// A receiver that does not take anything stops the server, not the memory.
#[tokio::test]
async fn a_slow_receiver_slows_the_server_down() {
    let World::Kube { server, api } = World::kube().await else { unreachable!() };
    let filler = "x".repeat(50_000);
    for index in 0..500 {
        let mut object = application(&format!("a{index:03}"), 1);
        object["spec"]["filler"] = filler.as_str().into();
        server.apply(object);
    }
    let mut running = Running::with_room(Arc::new(KubeSource::new(api, applications())), 1);
    running.next().await;
    tokio::time::sleep(QUIET).await;
    let sent = server.lines_sent();
    // 25 MB in all; what is under way lies in the buffers of the sockets.
    assert!(sent < 400, "{sent} of 500 objects left the server");
    tokio::time::sleep(QUIET).await;
    assert!(server.lines_sent() <= sent + 2);
    assert_eq!(running.steps(499).await.len(), 499);
    running.synced().await;
}

/// An older version never follows a newer one, whatever happens during a resync (a stale version would look like a new occurrence).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_never_go_back_during_resyncs() {
    for streaming in [StreamingLists::Offered, StreamingLists::Refused] {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let mut cluster = watching(&names, applications(), |server| {
            server.faults(|faults| faults.streaming_lists = streaming);
        })
        .await;
        let mut latest: std::collections::BTreeMap<String, i64> = std::collections::BTreeMap::new();
        let mut resyncs = 0;
        for step in 2..200 {
            for name in names {
                cluster.server.apply(application(name, step));
            }
            if step % 7 == 0 {
                cluster.running.source.resync();
            }
            if step % 50 == 0 {
                cluster.server.break_watches();
            }
            while let Ok(change) = cluster.running.changes.try_recv() {
                resyncs += usize::from(change.cause == Cause::Resync);
                note(&mut latest, &change);
            }
            tokio::task::yield_now().await;
        }
        while latest.values().filter(|step| **step == 199).count() < names.len() {
            let change = cluster.running.next().await;
            resyncs += usize::from(change.cause == Cause::Resync);
            note(&mut latest, &change);
        }
        cluster.running.source.resync();
        resyncs += cluster.running.steps(8).await.len();
        assert!(resyncs >= 8, "{streaming:?}");
    }
}

fn note(latest: &mut std::collections::BTreeMap<String, i64>, change: &dodona::model::Change) {
    let step = super::world::step(change);
    let before = latest.insert(change.object.key().name.to_string(), step).unwrap_or(0);
    assert!(step >= before, "{change:?} at step {step} came after step {before}");
}

/// Every event is handed on, also those that are overtaken at once: a phase that lasts one event is seen.
#[tokio::test]
async fn no_event_is_left_out() {
    let mut cluster = watching(&["a"], applications(), |_| {}).await;
    for step in 2..102 {
        cluster.server.apply(application("a", step));
    }
    for step in 2..102 {
        assert_eq!(cluster.running.step().await, (Cause::Modified, "a".into(), step));
    }
}

#[tokio::test]
async fn many_requests_for_a_resync_are_one() {
    let mut cluster = watching(&["a"], applications(), |_| {}).await;
    cluster.server.forget_requests();
    for _ in 0..50 {
        cluster.running.source.resync();
    }
    cluster.running.next().await;
    cluster.running.nothing_more().await;
    assert_eq!(reads(&cluster.server).len(), 1);
}

#[tokio::test]
async fn a_resync_that_fails_is_made_up_for() {
    let mut cluster = watching(&["a"], applications(), |_| {}).await;
    cluster.server.faults(|faults| faults.refuse = vec![(PLURAL.into(), 503), (PLURAL.into(), 500)]);
    cluster.running.source.resync();
    assert_eq!(cluster.running.step().await, (Cause::Resync, "a".into(), 1));
    cluster.running.nothing_more().await;
}

#[tokio::test]
async fn a_watch_that_is_silent_for_too_long_is_opened_anew() {
    let World::Kube { server, .. } = World::kube().await else { unreachable!() };
    let pace = Pace { silence: Duration::from_millis(100), ..pace() };
    let api = connect(&kubeconfig(&server), pace).await.unwrap();
    server.apply(application("a", 1));
    let mut running = Running::start(Arc::new(KubeSource::new(api, applications())));
    running.next().await;
    server.until("there are three watches", |server| reads(server).len() >= 3).await;
    running.nothing_more().await;
}

#[tokio::test]
async fn settings_are_watched_by_name_in_one_namespace() {
    let World::Kube { server, api } = World::kube().await else { unreachable!() };
    let elsewhere = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "other"}, "data": {"a": "wrong"}});
    server.apply(elsewhere);
    let settings = Arc::new(KubeSettings::new(api, "argocd"));
    let mut receiver = settings.watch("c", "s").await.unwrap();
    assert_eq!(receiver.borrow().config_map, None);
    let requests = server.requests();
    let paths: Vec<&str> = requests.iter().map(|request| request.path.as_str()).collect();
    for kind in ["configmaps", "secrets"] {
        assert!(paths.contains(&format!("/api/v1/namespaces/argocd/{kind}").as_str()), "{paths:?}");
    }
    assert!(requests.iter().any(|request| request.parameter("fieldSelector") == Some("metadata.name=c")));
    // Whatever happened while the connection was away is seen afterwards, deletions too, even if the versions expired.
    server.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "argocd"}, "data": {"a": "1"}}));
    timeout(LIMIT, receiver.wait_for(|settings| settings.config_map.is_some())).await.unwrap().unwrap();
    server.break_watches();
    server.delete("configmaps", "argocd", "c");
    server.expire();
    timeout(LIMIT, receiver.wait_for(|settings| settings.config_map.is_none())).await.unwrap().unwrap();
}

#[tokio::test]
async fn settings_that_are_forbidden_are_an_error_at_the_start() {
    let World::Kube { server, api } = World::kube().await else { unreachable!() };
    server.faults(|faults| faults.refuse = vec![("argocd/secrets".into(), 403); 100]);
    let error = timeout(LIMIT, Arc::new(KubeSettings::new(api, "argocd")).watch("c", "s"))
        .await
        .unwrap()
        .unwrap_err();
    assert!(matches!(error, SourceError::Forbidden { .. }), "{error}");
    assert!(error.to_string().contains("list secrets in namespace argocd"), "{error}");
}

#[tokio::test]
async fn events_are_written_once() {
    let World::Kube { server, api } = World::kube().await else { unreachable!() };
    let recorder = EventRecorder::start(api, Arc::new(FixedClock::at(1_700_000_000)));
    let subject = Subject {
        api_version: "argoproj.io/v1alpha1".into(),
        kind: "Application".into(),
        plural: "applications".into(),
        key: ObjectKey::new("argocd", "guestbook"),
        uid: "u".into(),
    };
    for _ in 0..3 {
        recorder.record(&subject, Severity::Error, "DeliveryRefused", "the receiver says no");
    }
    recorder.record(&subject, Severity::Warning, "Other", &"long ".repeat(1000));
    server.until("the events are there", |server| server.objects("events").len() == 2).await;
    let events = server.objects("events");
    let first: &Value = events.iter().find(|event| event["reason"] == "DeliveryRefused").unwrap();
    assert_eq!(first["involvedObject"]["name"], "guestbook");
    assert_eq!(
        (first["metadata"]["namespace"].as_str(), first["type"].as_str()),
        (Some("argocd"), Some("Warning"))
    );
    assert_eq!(
        (first["message"].as_str(), first["firstTimestamp"].as_str()),
        (Some("the receiver says no"), Some("2023-11-14T22:13:20Z"))
    );
    assert!(events.iter().all(|event| event["message"].as_str().unwrap().len() <= 1024));
    // A server that refuses them is no reason to stop.
    server.faults(|faults| faults.refuse = vec![("POST".into(), 403)]);
    recorder.record(&subject, Severity::Error, "Third", "refused");
    recorder.record(&subject, Severity::Error, "Fourth", "written");
    server.until("the next one is there", |server| server.objects("events").len() == 3).await;
}
