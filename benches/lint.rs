//! What a look at many manifests costs. Run with `cargo bench --bench lint`; 1,000 manifests take less than a second.

use divan::{Bencher, black_box};
use dodona::config::PRESETS;
use dodona::lint::{Source, lint};

fn main() {
    divan::main();
}

/// A configuration with all presets of Argo CD written out, and Applications that subscribe.
fn sources(count: usize) -> Vec<Source> {
    let mut data = serde_json::Map::new();
    for (key, text) in PRESETS.iter().filter(|set| set.name == "argocd").flat_map(|set| set.items) {
        data.insert((*key).to_owned(), (*text).into());
    }
    data.insert("service.slack".to_owned(), "token: $slack-token".into());
    let map = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-notifications-cm"}, "data": data,
    });
    let mut sources = vec![Source { name: "cm.yaml".to_owned(), text: dodona::model::to_yaml(&map) }];
    sources.extend((1..count).map(|number| Source {
        name: format!("app-{number}.yaml"),
        text: format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: app-{number}\n  namespace: argocd\n  annotations:\n    notifications.argoproj.io/subscribe.on-sync-failed.slack: team-{number}\n    notifications.argoproj.io/subscribe.on-deployed.slack: team-{number};everybody\nspec:\n  project: default\n  source:\n    repoURL: https://git.example.org/shop/app-{number}.git\n    path: deploy\n    targetRevision: main\n  destination:\n    server: https://kubernetes.default.svc\n    namespace: shop-{number}\n  syncPolicy:\n    automated:\n      prune: true\n      selfHeal: true\n"
        ),
    }));
    sources
}

#[divan::bench(args = [1, 1000])]
fn manifests(bencher: Bencher<'_, '_>, count: usize) {
    let sources = sources(count);
    let outcome = lint(&sources, &[], "");
    assert_eq!(outcome.manifests, count);
    assert_eq!(outcome.findings, []);
    bencher.bench(|| lint(black_box(&sources), &[], ""));
}
