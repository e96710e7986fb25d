//! The presets: every trigger and template compiles, every template renders against every sample, and the conditions of
//! Argo CD have upstream's keys.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails where something is missing")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dodona::binding::app::AppBinding;
use dodona::binding::namespaces::NamespacePatterns;
use dodona::binding::rollout::RolloutBinding;
use dodona::binding::{Binding, SharedFacts};
use dodona::config::{BuildOptions, Config, PRESETS, yaml};
use dodona::engine::{Send, Wanted, compose};
use dodona::model::{Destination, FixedClock, NoLookup, Object, Secrets, Settings, language_runtime};
use dodona::trial;
use dodona_value::{Numbers, Zone};

fn config(set: &str) -> Config {
    let keys = [("presets", set), ("context", "argocdUrl: https://cd.example.org/\n")];
    let data = keys.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    let config =
        Config::build(&Settings { config_map: Some(data), secret: None }, None, &BuildOptions::default());
    assert!(config.reports.is_empty(), "{:#?}", config.reports);
    config
}

/// Objects of the event engine of Rollouts have plain JSON numbers (core 3.2.2).
fn numbers(set: &str) -> Numbers {
    if set == "rollouts" { Numbers::Float } else { Numbers::Kubernetes }
}

fn samples(set: &str) -> Vec<(String, Arc<Object>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("presets").join(set).join("samples");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: &PathBuf| {
        let node = yaml::parse_node(&std::fs::read_to_string(path).unwrap()).unwrap();
        let object = Object::parse(node.to_json().to_string().into(), numbers(set)).unwrap();
        (path.file_stem().unwrap().to_string_lossy().into_owned(), Arc::new(object))
    };
    files.iter().map(read).collect()
}

/// Everything that a template renders to for every sample, with and without what may be missing.
fn render_all(set: &str, binding: &dyn Binding) -> BTreeMap<String, String> {
    let config = config(set);
    let facts = SharedFacts::new(&config.context, &Secrets::default(), Arc::new(NoLookup));
    let runtime = language_runtime(Arc::new(FixedClock::at(1_767_323_100)), Zone::utc());
    let destination = Destination::new("slack", "team");
    let mut rendered = BTreeMap::new();
    for name in config.policy.templates.keys() {
        let text = rendered.entry(name.clone()).or_insert_with(String::new);
        for (sample, object) in samples(set) {
            let send = Send {
                again: false,
                policy: 0,
                trigger: "preset".into(),
                condition: "[0]".into(),
                ledger_key: "key".into(),
                destination: destination.clone(),
                templates: vec![name.clone()],
                object: Arc::clone(&object),
            };
            let scope = binding.scope(&object, &facts.facts(Some(&destination))).unwrap();
            let message = compose(&send, &config.policy, Wanted::All, &scope, &runtime);
            let message = message.unwrap_or_else(|error| panic!("{name} on {sample}: {error}"));
            writeln!(text, "== {sample}\n{}", message.text.trim_end()).unwrap();
            for (section, value) in &message.sections {
                writeln!(text, "-- {section}\n{value:#}").unwrap();
            }
        }
    }
    rendered
}

fn check(set: &str, binding: &dyn Binding) {
    for (name, text) in render_all(set, binding) {
        assert!(!text.contains("<no value>"), "{name} shows a missing value:\n{text}");
        insta::with_settings!({snapshot_path => format!("presets/{set}"), prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[test]
fn templates_of_argo_cd() {
    check("argocd", &AppBinding::new("argocd", NamespacePatterns::default()));
}

#[test]
fn templates_of_rollouts() {
    check("rollouts", &RolloutBinding::default());
}

/// All triggers of Rollouts are upstream's: an event alone tells them (core 8.3).
#[test]
fn triggers_of_rollouts_have_no_condition() {
    for (name, trigger) in &config("rollouts").policy.triggers {
        assert!(trigger.conditions.iter().all(|one| one.when_is_empty && one.once_per.is_none()), "{name}");
    }
}

/// A different key would tell every Application again (core 3.3).
#[test]
fn conditions_of_argo_cd_have_upstreams_keys() {
    let config = config("argocd");
    for (trigger, hash) in [
        ("on-created", "X_5TO4MPCKAyY0ipFgr6_IraRNs"),
        ("on-deleted", "BmlU8P6R19BGtNv5gj8udVypmxQ"),
        ("on-deployed", "qyWrLKXYec9qR5FVB0ylUEJLjFg"),
        ("on-health-degraded", "zoG5zUjYGjimkwCGgIQGjx1hO5s"),
        ("on-sync-failed", "QocUZC1QzO--b2WEwALX85YPE5o"),
        ("on-sync-running", "ic91dZU3WrtgRdlZCpg-L8ARI0Q"),
        ("on-sync-status-unknown", "6SzWb05EK-0v90hwjyytTbN7S6A"),
        ("on-sync-succeeded", "IwKhHw9Hu8IE3z5Y8CQE4vReLYs"),
    ] {
        let conditions = &config.policy.triggers[trigger].conditions;
        assert_eq!(
            conditions.iter().map(|one| &*one.key).collect::<Vec<_>>(),
            [format!("[0].{hash}")],
            "{trigger}"
        );
    }
}

/// The ConfigMaps of `kustomize/components/presets-as-text` hold the presets as they are.
#[test]
fn presets_as_text_are_the_presets() {
    for (set, map) in
        [("argocd", "argocd-notifications-cm"), ("rollouts", "argo-rollouts-notification-configmap")]
    {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = root.join(format!("kustomize/components/presets-as-text/{set}/{map}.yaml"));
        let update = "DODONA_UPDATE_DOCS=1 cargo test --test presets";
        let mut text = format!(
            "# Made from presets/{set} by `{update}`.\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {map}\ndata:\n"
        );
        let items = PRESETS.iter().find(|known| known.name == set).unwrap().items;
        for (key, value) in items.iter().copied().collect::<BTreeMap<_, _>>() {
            writeln!(text, "  {key}: |").unwrap();
            for line in value.trim_end_matches('\n').split('\n') {
                writeln!(text, "{}{line}", if line.is_empty() { "" } else { "    " }).unwrap();
            }
        }
        if std::env::var_os("DODONA_UPDATE_DOCS").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        assert!(std::fs::read_to_string(&file).unwrap() == text, "{} is stale: {update}", file.display());
    }
}

/// The test files of the presets pass, and no trigger and no template is left out.
#[test]
fn what_the_presets_tell() {
    for (set, file) in [("argocd", "argocd.test.yaml"), ("rollouts", "rollouts.test.yaml")] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("presets").join(set).join(file);
        let outcome = trial::run(&path, false, None).unwrap();
        let text = trial::report::text(std::slice::from_ref(&outcome), false);
        assert!(outcome.cases.len() > 2, "{text}");
        assert!(outcome.cases.iter().all(|case| case.failures.is_empty()), "{text}");
        assert_eq!(outcome.coverage.missing(), Vec::<String>::new(), "{set}");
    }
}
