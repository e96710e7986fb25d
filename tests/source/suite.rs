//! The contract of [`Source`](dodona::source::Source) and [`SettingsSource`](dodona::source::SettingsSource), for both sources.

use std::time::Duration;

use dodona::model::{Cause, Companions as _, ObjectKey, Secret};
use dodona::source::{ByNamespace, Settings, Shelf};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use super::world::{LIMIT, Running, World, application, applications, expected, step};

const STATE: &str = "notified.notifications.argoproj.io";

macro_rules! for_both {
    ($($name:ident),* $(,)?) => {
        mod kube {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::World::kube().await).await;
            })*
        }
        mod dir {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::World::dir()).await;
            })*
        }
    };
}

for_both!(
    what_exists_comes_first,
    changes_come_in_order,
    other_kinds_and_namespaces_do_not_come,
    an_annotation_that_is_written_comes_back,
    an_annotation_can_be_removed,
    an_object_that_is_gone_cannot_be_annotated,
    a_deletion_comes_with_the_last_version,
    an_object_that_is_made_anew_has_no_state,
    a_resync_brings_everything_once,
    a_resync_before_the_start_is_part_of_the_first_list,
    nothing_happens_and_nothing_comes,
    the_source_ends_when_nobody_listens,
    settings_that_are_missing_are_no_error,
    settings_follow_the_objects,
    settings_are_decoded,
    settings_of_all_namespaces_follow_their_objects,
    companions_are_as_the_objects_are,
);

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("argocd", name)
}

async fn what_exists_comes_first(world: World) {
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        world.apply(application(name, 1));
    }
    let source = world.source(applications());
    assert!(!*source.synced().borrow());
    let mut running = Running::start(source);
    let steps = running.steps(7).await;
    let names: Vec<_> = ["a", "b", "c", "d", "e", "f", "g"].map(|name| (name, 1)).into();
    assert_eq!(steps, expected(Cause::Added, &names));
    running.synced().await;
    let object = running.source.get(&key("c")).await.unwrap().unwrap();
    assert_eq!(
        (object.kind(), object.label("name"), object.annotation("mine")),
        ("Application", Some("c"), Some("untouched"))
    );
    assert!(!object.uid().is_empty() && !object.resource_version().is_empty());
    assert!(running.source.get(&key("nobody")).await.unwrap().is_none());
}

async fn changes_come_in_order(world: World) {
    world.apply(application("a", 0));
    let mut running = Running::start(world.source(applications()));
    assert_eq!(running.step().await, (Cause::Added, "a".into(), 0));
    running.synced().await;
    let mut versions = Vec::new();
    for step in 1..6 {
        world.apply(application("a", step));
        let change = running.next().await;
        assert_eq!(
            (change.cause, super::world::step(&change), &*change.binding),
            (Cause::Modified, step, "app")
        );
        versions.push(change.object.resource_version().to_owned());
    }
    versions.dedup();
    assert_eq!(versions.len(), 5);
    world.apply(application("b", 9));
    assert_eq!(running.step().await, (Cause::Added, "b".into(), 9));
}

async fn other_kinds_and_namespaces_do_not_come(world: World) {
    world.apply(application("a", 1));
    let mut elsewhere = application("elsewhere", 1);
    elsewhere["metadata"]["namespace"] = "other".into();
    world.apply(elsewhere);
    let mut project = application("p", 1);
    project["kind"] = "AppProject".into();
    world.apply(project);
    let spec =
        dodona::source::WatchSpec { namespaces: vec!["argocd".into(), "third".into()], ..applications() };
    let mut running = Running::start(world.source(spec));
    assert_eq!(running.step().await, (Cause::Added, "a".into(), 1));
    running.synced().await;
    running.nothing_more().await;
}

async fn an_annotation_that_is_written_comes_back(world: World) {
    world.apply(application("a", 1));
    let mut running = Running::start(world.source(applications()));
    running.next().await;
    running.synced().await;
    let text = r#"{"x:\u003c[0].y:slack:#c":1700000000}"#;
    let written = running.source.annotate(&key("a"), "", STATE, Some(text)).await.unwrap().unwrap();
    assert_eq!((written.annotation(STATE), written.annotation("mine")), (Some(text), Some("untouched")));
    let change = running.next().await;
    assert_eq!(
        (change.cause, step(&change), change.object.annotation(STATE)),
        (Cause::Modified, 1, Some(text))
    );
    assert_eq!(change.object.resource_version(), written.resource_version());
    let read = running.source.get(&key("a")).await.unwrap().unwrap();
    assert_eq!((read.annotation(STATE), read.annotation("mine")), (Some(text), Some("untouched")));
    running.nothing_more().await;
    // It stays when the object changes otherwise.
    let mut next = application("a", 2);
    if let World::Kube { .. } = world {
        next["metadata"]["annotations"][STATE] = text.into();
    }
    world.apply(next);
    let change = running.next().await;
    assert_eq!((step(&change), change.object.annotation(STATE)), (2, Some(text)));
}

async fn an_annotation_can_be_removed(world: World) {
    let mut object = application("a", 1);
    object["metadata"]["annotations"][STATE] = "{}".into();
    world.apply(object);
    let mut running = Running::start(world.source(applications()));
    assert_eq!(running.next().await.object.annotation(STATE), Some("{}"));
    let written = running.source.annotate(&key("a"), "", STATE, None).await.unwrap().unwrap();
    assert_eq!((written.annotation(STATE), written.annotation("mine")), (None, Some("untouched")));
    let change = running.next().await;
    assert_eq!((change.cause, change.object.annotation(STATE)), (Cause::Modified, None));
}

async fn an_object_that_is_gone_cannot_be_annotated(world: World) {
    let running = Running::start(world.source(applications()));
    running.synced().await;
    assert!(running.source.annotate(&key("a"), "", STATE, Some("{}")).await.unwrap().is_none());
}

async fn a_deletion_comes_with_the_last_version(world: World) {
    world.apply(application("a", 7));
    let mut running = Running::start(world.source(applications()));
    running.next().await;
    running.synced().await;
    world.delete("Application", "applications", "argocd", "a");
    assert_eq!(running.step().await, (Cause::Deleted, "a".into(), 7));
    assert!(running.source.get(&key("a")).await.unwrap().is_none());
    running.nothing_more().await;
}

async fn an_object_that_is_made_anew_has_no_state(world: World) {
    world.apply(application("a", 1));
    let mut running = Running::start(world.source(applications()));
    running.next().await;
    running.synced().await;
    running.source.annotate(&key("a"), "", STATE, Some("{}")).await.unwrap();
    running.next().await;
    world.delete("Application", "applications", "argocd", "a");
    assert_eq!(running.next().await.cause, Cause::Deleted);
    world.apply(application("a", 2));
    let change = running.next().await;
    assert_eq!((change.cause, step(&change), change.object.annotation(STATE)), (Cause::Added, 2, None));
}

async fn a_resync_brings_everything_once(world: World) {
    for name in ["a", "b", "c", "d"] {
        world.apply(application(name, 1));
    }
    let mut running = Running::start(world.source(applications()));
    running.steps(4).await;
    running.synced().await;
    running.source.resync();
    let names = [("a", 1), ("b", 1), ("c", 1), ("d", 1)];
    assert_eq!(running.steps(4).await, expected(Cause::Resync, &names));
    running.nothing_more().await;
    // The watch goes on.
    world.apply(application("a", 2));
    assert_eq!(running.step().await, (Cause::Modified, "a".into(), 2));
}

async fn a_resync_before_the_start_is_part_of_the_first_list(world: World) {
    world.apply(application("a", 1));
    let source = world.source(applications());
    source.resync();
    let mut running = Running::start(source);
    assert_eq!(running.step().await.0, Cause::Added);
    running.nothing_more().await;
}

async fn nothing_happens_and_nothing_comes(world: World) {
    world.apply(application("a", 1));
    let mut running = Running::start(world.source(applications()));
    running.next().await;
    running.synced().await;
    world.apply(application("a", 1));
    running.nothing_more().await;
}

async fn the_source_ends_when_nobody_listens(world: World) {
    world.apply(application("a", 1));
    let mut running = Running::start(world.source(applications()));
    running.next().await;
    drop(running.changes);
    timeout(LIMIT, running.task).await.expect("the source goes on").unwrap();
}

fn config_map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "argocd"}, "data": data})
}

fn secret(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "argocd"}, "data": data})
}

async fn until(receiver: &mut watch::Receiver<Settings>, what: impl Fn(&Settings) -> bool) -> Settings {
    let found = timeout(LIMIT, receiver.wait_for(|settings| what(settings))).await;
    found.expect("the settings did not come").unwrap().clone()
}

fn text<'a>(settings: &'a Settings, key: &str) -> Option<&'a str> {
    settings.config_map.as_ref()?.get(key).map(String::as_str)
}

async fn settings_that_are_missing_are_no_error(world: World) {
    world.apply(config_map("other", &json!({"a": "1"})));
    let receiver = timeout(LIMIT, world.settings().watch("c", "s")).await.unwrap().unwrap();
    assert_eq!(*receiver.borrow(), Settings::default());
}

async fn settings_follow_the_objects(world: World) {
    world.apply(config_map("c", &json!({"a": "1"})));
    let mut receiver = timeout(LIMIT, world.settings().watch("c", "s")).await.unwrap().unwrap();
    assert_eq!((text(&receiver.borrow(), "a"), receiver.borrow().secret.is_none()), (Some("1"), true));
    world.apply(config_map("c", &json!({"a": "2", "b": "x\ny"})));
    let settings = until(&mut receiver, |settings| text(settings, "a") == Some("2")).await;
    assert_eq!(text(&settings, "b"), Some("x\ny"));
    world.apply(secret(&json!({"token": "dA=="})));
    until(&mut receiver, |settings| settings.secret.is_some()).await;
    world.delete("ConfigMap", "configmaps", "argocd", "c");
    let settings = until(&mut receiver, |settings| settings.config_map.is_none()).await;
    assert!(settings.secret.is_some());
    world.apply(config_map("c", &json!({"a": "3"})));
    until(&mut receiver, |settings| text(settings, "a") == Some("3")).await;
    // Another object, or the same text again, is no news.
    receiver.mark_unchanged();
    world.apply(config_map("other", &json!({"a": "1"})));
    world.apply(config_map("c", &json!({"a": "3"})));
    assert!(timeout(Duration::from_millis(700), receiver.changed()).await.is_err());
}

async fn settings_are_decoded(world: World) {
    world.apply(secret(&json!({"token": "c2VjcmV0", "binary": "/w==", "broken": "not base64"})));
    world.apply(config_map("c", &Value::Null));
    let receiver = timeout(LIMIT, world.settings().watch("c", "s")).await.unwrap().unwrap();
    let settings = receiver.borrow().clone();
    let secrets = settings.secret.unwrap();
    assert_eq!(secrets.get("token"), Some(&Secret::from("secret")));
    assert_eq!(secrets.get("binary").map(Secret::expose), Some(&[255_u8][..]));
    assert_eq!(secrets.get("broken"), None);
    assert_eq!(settings.config_map, Some(std::collections::BTreeMap::new()));
}

async fn settings_of_all_namespaces_follow_their_objects(world: World) {
    let map = |namespace: &str, value: &str| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": namespace}, "data": {"a": value},
        })
    };
    world.apply(map("argocd", "0"));
    world.apply(map("team-a", "1"));
    world.apply(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other", "namespace": "team-x"}, "data": {"a": "x"},
    }));
    let mut receiver = timeout(LIMIT, world.settings().watch_all("c", "s")).await.unwrap().unwrap();
    let wait = async |receiver: &mut watch::Receiver<ByNamespace>, wanted: &[(&str, Option<&str>)]| {
        let same = |found: &ByNamespace| {
            found.len() == wanted.len()
                && wanted.iter().all(|(namespace, value)| {
                    found.get(*namespace).is_some_and(|settings| text(settings, "a") == *value)
                })
        };
        let found = timeout(LIMIT, receiver.wait_for(same)).await;
        found.unwrap_or_else(|_| panic!("{wanted:?} did not come")).unwrap();
    };
    wait(&mut receiver, &[("argocd", Some("0")), ("team-a", Some("1"))]).await;
    world.apply(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "team-b"}, "data": {"k": "dg=="},
    }));
    wait(&mut receiver, &[("argocd", Some("0")), ("team-a", Some("1")), ("team-b", None)]).await;
    assert_eq!(receiver.borrow()["team-b"].secret.as_ref().unwrap()["k"], Secret::from("v"));
    world.apply(map("team-b", "2"));
    world.delete("ConfigMap", "configmaps", "team-a", "c");
    wait(&mut receiver, &[("argocd", Some("0")), ("team-b", Some("2"))]).await;
}

async fn companions_are_as_the_objects_are(world: World) {
    world.apply(application("a", 1));
    world.apply(application("b", 1));
    let shelf = Shelf::new(Box::new(|object| object.key().name.starts_with('b')));
    let kept = tokio::spawn(world.source(applications()).keep(std::sync::Arc::clone(&shelf)));
    timeout(LIMIT, shelf.complete().wait_for(|complete| *complete)).await.unwrap().unwrap();
    assert!(shelf.find(&key("a")).is_some() && shelf.find(&key("c")).is_none() && shelf.has_marked());
    world.apply(application("c", 1));
    world.delete("Application", "applications", "argocd", "b");
    let mut news = shelf.news();
    while shelf.find(&key("c")).is_none() || shelf.find(&key("b")).is_some() {
        timeout(LIMIT, news.changed()).await.unwrap().unwrap();
    }
    assert!(!shelf.has_marked());
    kept.abort();
}
