//! What rendering and compiling the usual notification templates costs. Run with `cargo bench -p dodona-gotmpl`.
#![expect(clippy::expect_used, reason = "a benchmark of what works")]

use divan::{Bencher, black_box};
use dodona_gotmpl::Template;
use dodona_langhost::{Host, runtime};
use dodona_value::Scope;
use serde_json::value::RawValue;

fn main() {
    divan::main();
}

const APPLICATION: &str = r#"{"app":{"metadata":{"name":"shop","namespace":"argocd","labels":{"team":"web"}},
"spec":{"project":"default","source":{"repoURL":"https://github.com/example/shop.git","targetRevision":"HEAD"},
"destination":{"server":"https://kubernetes.default.svc","namespace":"shop"}},
"status":{"health":{"status":"Degraded"},"sync":{"status":"OutOfSync","revision":"0123456789abcdef0123456789abcdef01234567"},
"conditions":[{"type":"SyncError","message":"failed: \"x\" & <y>"},{"type":"OrphanedResourceWarning","message":"two"}],
"operationState":{"phase":"Failed","startedAt":"2024-05-06T07:00:00Z","finishedAt":"2024-05-06T07:08:09Z",
"message":"one or more objects failed to apply","syncResult":{"revision":"0123456789abcdef"}}}},
"context":{"argocdUrl":"https://argocd.example.org"},"serviceType":"slack","recipient":"ops"}"#;

/// Templates of our own, in the style of catalogues: a line of text, a condition, a link, an attachment in JSON, a list.
const TEMPLATES: &[(&str, &str)] = &[
    ("field", "Application {{.app.metadata.name}} is now {{.app.status.health.status}}."),
    (
        "message",
        "{{if eq .serviceType \"slack\"}}:x:{{end}} The sync of {{.app.metadata.name}} failed at \
         {{.app.status.operationState.finishedAt}}: {{.app.status.operationState.message}}\n\
         Details: {{.context.argocdUrl}}/applications/{{.app.metadata.name}}?operation=true .",
    ),
    (
        "attachment",
        "[{\"title\": \"{{.app.metadata.name}}\", \"title_link\": \"{{.context.argocdUrl}}/applications/{{.app.metadata.name}}\",\
         \"color\": \"#E96D76\", \"fields\": [{\"title\": \"Sync\", \"value\": \"{{.app.status.sync.status}}\", \"short\": true},\
         {\"title\": \"Repository\", \"value\": \"{{.app.spec.source.repoURL}}\", \"short\": true}\
         {{range $index, $c := .app.status.conditions}}, {\"title\": \"{{$c.type}}\", \"value\": \"{{$c.message}}\", \"short\": true}{{end}}]}]",
    ),
    ("list", "{{range .app.status.conditions}}\n  * {{.message}}{{end}}"),
    ("call", "{{call .repo.RepoURLToHTTPS .app.spec.source.repoURL}}"),
    (
        "sprig",
        "{{.app.status.sync.revision | trunc 7 | upper}} {{default \"none\" .app.metadata.labels.owner}} {{toJson .app.metadata.labels}}",
    ),
];

fn scope() -> Scope {
    let data = RawValue::from_string(APPLICATION.to_owned()).expect("JSON");
    dodona_langhost::scope(Some(&data), Host::ArgoCd).expect("an object")
}

fn names() -> Vec<&'static str> {
    TEMPLATES.iter().map(|(name, _)| *name).collect()
}

fn source(name: &str) -> &'static str {
    TEMPLATES.iter().find(|(known, _)| *known == name).expect("a known template").1
}

#[divan::bench(args = names())]
fn render(bencher: Bencher<'_, '_>, name: &str) {
    let (scope, runtime) = (scope(), runtime());
    let template = Template::parse(name, source(name)).expect("a template");
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        template.render_into(black_box(&scope), &runtime, &mut out).expect("renders");
        out.len()
    });
}

#[divan::bench(args = names())]
fn compile(name: &str) -> Template {
    Template::parse(name, black_box(source(name))).expect("a template")
}
