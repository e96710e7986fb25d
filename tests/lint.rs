//! `dodona lint`: the examples of its page, complaints from the field, formats, and upstream's catalogue where it exists.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use dodona::config::yaml;
use dodona::lint::{Outcome, RULES, Source, lint, report};
use dodona::model::Severity;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A whole manifest, or keys of Argo CD's ConfigMap, as a source.
fn source(name: &str, text: &str) -> Source {
    let text = if text.lines().any(|line| line.starts_with("kind:")) {
        text.to_owned()
    } else {
        let mut manifest =
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-notifications-cm}\ndata:\n".to_owned();
        for line in text.lines() {
            writeln!(manifest, "  {line}").unwrap();
        }
        manifest
    };
    Source { name: name.to_owned(), text }
}

fn look(text: &str) -> Outcome {
    lint(&[source("example.yaml", text)], &[], "")
}

fn rules(outcome: &Outcome) -> Vec<&'static str> {
    let mut rules: Vec<_> = outcome.findings.iter().map(|finding| finding.rule.name).collect();
    rules.dedup();
    rules
}

/// The sections of the page: name, first line of text, bad and good examples.
struct Section {
    name: String,
    about: String,
    bad: Vec<String>,
    good: Vec<String>,
}

fn sections() -> Vec<Section> {
    let page = std::fs::read_to_string(root().join("docs/lint.md")).unwrap();
    let rules = page.split_once("\n## Rules\n").unwrap().1;
    let section = |text: &str| {
        let (name, rest) = text.split_once('\n').unwrap();
        let blocks = |kind: &str| {
            let begin = format!("```yaml {kind}\n");
            let parts = rest.split(&begin).skip(1);
            parts.map(|part| part.split("\n```").next().unwrap().to_owned() + "\n").collect()
        };
        let about = rest.trim_start().lines().next().unwrap_or_default().to_owned();
        Section { name: name.trim().to_owned(), about, bad: blocks("bad"), good: blocks("good") }
    };
    rules.split("\n### ").skip(1).map(section).collect()
}

#[test]
fn the_page_lists_every_rule_in_order() {
    let sections = sections();
    let names: Vec<_> = sections.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, RULES.iter().map(|rule| rule.name).collect::<Vec<_>>());
    for (section, rule) in sections.iter().zip(RULES) {
        let severity = if rule.severity == Severity::Error { "error" } else { "warning" };
        let expected = format!("{severity}: {}.", rule.summary).to_lowercase();
        assert!(
            section.about.to_lowercase().starts_with(&expected),
            "{}: the page says `{}`, the table `{expected}`",
            rule.name,
            section.about
        );
        assert!(!section.bad.is_empty() && !section.good.is_empty(), "{}: an example is missing", rule.name);
    }
}

#[test]
fn every_bad_example_breaks_its_rule_and_no_other() {
    let mut failures = Vec::new();
    let mut messages = String::new();
    for section in sections() {
        for text in &section.bad {
            let outcome = look(text);
            if rules(&outcome) != [section.name.as_str()] {
                failures.push(format!("{}: found {}", section.name, report::text(&outcome)));
            }
            let first = report::text(&outcome).lines().next().unwrap_or_default().to_owned();
            // The list grows with every new service.
            let stable = first.split("the types are").next().unwrap_or_default();
            writeln!(messages, "{stable}").unwrap();
        }
        for text in &section.good {
            let outcome = look(text);
            if !outcome.findings.is_empty() {
                failures.push(format!("{}: the good example has {}", section.name, report::text(&outcome)));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    insta::with_settings!({snapshot_path => "lint", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("examples", messages);
    });
}

/// A complaint from the field that `lint` shows.
#[derive(serde::Deserialize)]
struct Complaint {
    /// Number and words of the complaint.
    pain: String,
    finds: Vec<String>,
    text: String,
}

#[test]
fn complaints_from_the_field_are_seen() {
    let file = std::fs::read_to_string(root().join("tests/lint/complaints.yaml")).unwrap();
    let json = yaml::parse_node(&file).unwrap().to_json();
    let complaints: Vec<Complaint> = serde_json::from_value(json).unwrap();
    assert!(complaints.len() > 10, "the file is not read");
    for Complaint { pain, finds, text } in complaints {
        let outcome = look(&text);
        let mut found = rules(&outcome);
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, finds, "{pain}\n{}", report::text(&outcome));
    }
}

#[test]
fn names_in_other_files_and_overlays() {
    let base = source(
        "base.yaml",
        "template.a: |\n  message: a\ntrigger.on-x: |\n  - when: app.status.health.status == 'Degraded'\n    send: [a, b]\n",
    );
    let team = source("team.yaml", "template.b: |\n  message: b\n");
    assert_eq!(rules(&lint(std::slice::from_ref(&base), &[], "")), ["unknown-template"]);
    assert_eq!(rules(&lint(&[base.clone(), team.clone()], &[], "")), [""; 0]);
    let overlay = source("overlay.yaml", "template.b: |\n  message: '{{'\n");
    let outcome = lint(&[base, team, overlay], &[], "");
    let files: Vec<_> = outcome.findings.iter().map(|one| (one.file.as_str(), one.rule.name)).collect();
    assert_eq!(files, [("overlay.yaml", "template-syntax")]);
}

/// Of a kind that nobody has described, nothing is said about variables.
#[test]
fn configurations_of_other_kinds() {
    let text = |name: &str, variable: &str| {
        format!(
            "kind: ConfigMap\napiVersion: v1\nmetadata: {{name: {name}}}\ndata:\n  template.a: |\n    message: '{{{{.{variable}.metadata.name}}}}'\n  trigger.t: |\n    - when: {variable}.status.phase == 'x'\n      send: [a]\n"
        )
    };
    assert_eq!(rules(&look(&text("cert-notifications-cm", "cert"))), [""; 0]);
    assert_eq!(rules(&look(&text("argocd-notifications-cm", "cert"))), ["unknown-variable"]);
    assert_eq!(rules(&look(&text("team-notifications", "rollout"))), ["unknown-value"]);
}

#[test]
fn comments_allow_rules() {
    let text = |comment: &str, at_end: &str| {
        format!("{comment}template.a: |\n  webhook:\n    ci:{at_end}\n      body: x\n")
    };
    assert_eq!(rules(&look(&text("", ""))), ["webhook-method"]);
    assert_eq!(rules(&look(&text("# dodona-lint: allow webhook-method\n", ""))), [""; 0]);
    assert_eq!(rules(&look(&text("# dodona-lint: allow-file webhook-method -- all of them\n", ""))), [""; 0]);
    assert_eq!(rules(&look(&text("", " # dodona-lint: allow webhook-method"))), [""; 0]);
    assert_eq!(rules(&look(&text("# dodona-lint: allow json-invalid\n", ""))), ["webhook-method"]);
    let before = "# dodona-lint: allow webhook-method\ntemplate.b: |\n  message: x\n";
    assert_eq!(rules(&look(&(before.to_owned() + &text("", "")))), ["webhook-method"]);
}

#[test]
fn formats() {
    let outcome = look("template.a: |\n  webhook:\n    ci:\n      body: 'x'\ntrigger.t: |\n  - when: 'x\n");
    insta::with_settings!({snapshot_path => "lint", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("format-text", report::text(&outcome));
        insta::assert_snapshot!("format-json", report::json(&outcome));
        insta::assert_snapshot!("format-github", report::github(&outcome));
    });
    let sarif: serde_json::Value = serde_json::from_str(&report::sarif(&outcome)).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), RULES.len());
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(result["ruleId"], RULES[index].name);
        assert!(result["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64().unwrap() > 1);
    }
}

/// What is ours has no findings; a maintainer agrees with each on upstream's (docs/lint.md).
#[test]
fn catalogues() {
    assert_eq!(rules(&look("presets: argocd\n")), [""; 0]);
    for set in dodona::config::PRESETS {
        let mut data = serde_json::Map::new();
        for (key, text) in set.items {
            data.insert((*key).to_owned(), (*text).into());
        }
        let name = if set.name == "argocd" {
            "argocd-notifications-cm"
        } else {
            "argo-rollouts-notification-configmap"
        };
        let map = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
        let outcome = look(&format!("kind: x\n---\n{}", dodona::model::to_yaml(&map)));
        assert_eq!(outcome.findings, [], "{}", set.name);
    }
    let upstream = root().join("../shared/upstream/argo-cd-catalogue.yaml");
    let Ok(text) = std::fs::read_to_string(&upstream) else {
        println!("{} is not there; skipped", upstream.display());
        return;
    };
    let outcome = look(&text);
    let mut counts = BTreeMap::new();
    for finding in &outcome.findings {
        *counts.entry(finding.rule.name).or_insert(0) += 1;
    }
    println!("findings on upstream's catalogue: {counts:?}");
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("json-unescaped", 12), ("multi-source", 2)]);
}

#[test]
fn nothing_makes_it_panic() {
    let examples: Vec<String> =
        sections().into_iter().flat_map(|one| one.bad.into_iter().chain(one.good)).collect();
    for text in examples {
        let whole = source("cut.yaml", &text).text;
        for end in (0..whole.len()).step_by(61).filter(|end| whole.is_char_boundary(*end)) {
            lint(&[Source { name: "cut.yaml".into(), text: whole.get(..end).unwrap().to_owned() }], &[], "");
        }
    }
}
