//! What only folders have: files that a person edits, and side files.

use std::sync::Arc;

use dodona::model::{Cause, ObjectKey, Secret};
use dodona::source::Source as _;
use dodona::source::dir::{DirSource, Folder};

use super::world::{LIMIT, Running, World, application, applications};

const STATE: &str = "notified.notifications.argoproj.io";

fn world() -> (World, std::path::PathBuf, Arc<Folder>) {
    let world = World::dir();
    let World::Dir { root, folder } = &world else { unreachable!() };
    let (path, folder) = (root.path().to_owned(), Arc::clone(folder));
    (world, path, folder)
}

fn manifest(name: &str, step: i64) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {name}\nspec:\n  step: {step}\n"
    )
}

#[tokio::test]
async fn one_file_may_have_many_objects_and_folders_may_have_folders() {
    let (world, root, _) = world();
    std::fs::create_dir(root.join("more")).unwrap();
    std::fs::write(
        root.join("all.yaml"),
        format!("# all\n---\n{}---\n{}", manifest("a", 1), manifest("b", 1)),
    )
    .unwrap();
    std::fs::write(root.join("more/c.yml"), manifest("c", 1)).unwrap();
    std::fs::write(root.join("values.yaml"), "replicas: 3\n").unwrap();
    std::fs::write(root.join("readme.md"), "kind: [").unwrap();
    std::fs::write(root.join(".hidden.yaml"), manifest("hidden", 1)).unwrap();
    let mut running = Running::start(world.source(applications()));
    let names: Vec<String> = running.steps(3).await.into_iter().map(|(_, name, _)| name).collect();
    assert_eq!(names, ["a", "b", "c"]);
    std::fs::write(root.join("all.yaml"), format!("{}---\n{}", manifest("a", 2), manifest("b", 1))).unwrap();
    assert_eq!(running.step().await, (Cause::Modified, "a".into(), 2));
    std::fs::write(root.join("all.yaml"), manifest("b", 1)).unwrap();
    assert_eq!(running.step().await, (Cause::Deleted, "a".into(), 2));
    running.nothing_more().await;
}

#[tokio::test]
async fn a_broken_file_keeps_its_last_good_content_and_harms_no_other() {
    let (world, root, _) = world();
    std::fs::write(root.join("a.yaml"), manifest("a", 1)).unwrap();
    std::fs::write(root.join("b.yaml"), manifest("b", 1)).unwrap();
    let mut running = Running::start(world.source(applications()));
    running.steps(2).await;
    std::fs::write(root.join("a.yaml"), "apiVersion: v1\nkind: [\n").unwrap();
    running.nothing_more().await;
    std::fs::write(root.join("b.yaml"), manifest("b", 2)).unwrap();
    assert_eq!(running.step().await, (Cause::Modified, "b".into(), 2));
    std::fs::write(root.join("a.yaml"), manifest("a", 3)).unwrap();
    assert_eq!(running.step().await, (Cause::Modified, "a".into(), 3));
}

#[tokio::test]
async fn an_editor_that_replaces_files_deletes_nothing() {
    let (world, root, _) = world();
    std::fs::write(root.join("a.yaml"), manifest("a", 1)).unwrap();
    let mut running = Running::start(world.source(applications()));
    running.next().await;
    running.source.annotate(&ObjectKey::new("argocd", "a"), "", STATE, Some("{}")).await.unwrap();
    running.next().await;
    for step in 2..6 {
        std::fs::remove_file(root.join("a.yaml")).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(40)).await;
        std::fs::write(root.join("a.yaml.new"), manifest("a", step)).unwrap();
        std::fs::rename(root.join("a.yaml.new"), root.join("a.yaml")).unwrap();
        let change = running.next().await;
        assert_eq!((change.cause, super::world::step(&change)), (Cause::Modified, step));
        assert_eq!(change.object.annotation(STATE), Some("{}"));
    }
}

#[tokio::test]
async fn the_state_outlives_the_process_and_belongs_to_the_person() {
    let (world, root, _) = world();
    world.apply(application("a", 1));
    let before = std::fs::read_dir(&root).unwrap().count();
    let mut running = Running::start(world.source(applications()));
    running.next().await;
    running.source.annotate(&ObjectKey::new("argocd", "a"), "", STATE, Some("{\"k\":1}")).await.unwrap();
    drop(running);
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), before + 1, "only `.dodona` is new");

    let again = Arc::new(DirSource::new(Folder::new(&root, "argocd"), applications()));
    let object = again.get(&ObjectKey::new("argocd", "a")).await.unwrap().unwrap();
    assert_eq!(object.annotation(STATE), Some("{\"k\":1}"));
    let mut running = Running::start(again);
    assert_eq!(running.next().await.object.annotation(STATE), Some("{\"k\":1}"));
    std::fs::remove_file(root.join(".dodona/state/app/argocd.a.yaml")).unwrap();
    let change = running.next().await;
    assert_eq!((change.cause, change.object.annotation(STATE)), (Cause::Modified, None));
}

#[tokio::test]
async fn a_folder_may_come_later() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("later");
    let mut running = Running::start(Arc::new(DirSource::new(Folder::new(&root, "argocd"), applications())));
    running.synced().await;
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("a.yaml"), manifest("a", 1)).unwrap();
    assert_eq!(running.step().await, (Cause::Added, "a".into(), 1));
}

#[tokio::test]
async fn a_filter_leaves_objects_out() {
    let (world, _, folder) = world();
    world.apply(application("a", 1));
    world.apply(application("b", 1));
    let filter = Box::new(|object: &dodona::model::Object| object.label("name") == Some("b"));
    let mut running = Running::start(Arc::new(DirSource::new(folder, applications()).with_filter(filter)));
    assert_eq!(running.step().await.1, "b");
    running.nothing_more().await;
}

#[tokio::test]
async fn string_data_of_a_secret_is_folded_in() {
    let (world, root, _) = world();
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  a: YQ==\n  b: Yg==\nstringData:\n  b: plain\n  c: 'two\n    lines'\n";
    std::fs::write(root.join("secret.yaml"), text).unwrap();
    std::fs::write(
        root.join("cm.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  count: 8\n  t: |\n    x: 1\n",
    )
    .unwrap();
    let receiver = tokio::time::timeout(LIMIT, world.settings().watch("c", "s")).await.unwrap().unwrap();
    let settings = receiver.borrow().clone();
    let secret = settings.secret.unwrap();
    assert_eq!(secret.get("a"), Some(&Secret::from("a")));
    assert_eq!(secret.get("b"), Some(&Secret::from("plain")));
    assert_eq!(secret.get("c"), Some(&Secret::from("two lines")));
    let data = settings.config_map.unwrap();
    assert_eq!((data["count"].as_str(), data["t"].as_str()), ("8", "x: 1\n"));
}
