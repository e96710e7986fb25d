use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::engine::condition_key;
use crate::model::{Destination, Secret};

/// A configuration with a mistake, and pieces of what is said about it.
#[derive(Deserialize)]
struct Mistake {
    rule: String,
    config: BTreeMap<String, String>,
    secret: Option<BTreeMap<String, String>>,
    #[serde(default)]
    legacy: bool,
    key: String,
    severity: String,
    says: Vec<String>,
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    let config_map = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Settings { config_map: Some(config_map), secret: None }
}

fn build(pairs: &[(&str, &str)]) -> Config {
    Config::build(&settings(pairs), None, &BuildOptions::default())
}

fn rebuild(pairs: &[(&str, &str)], before: &Config) -> Config {
    Config::build(&settings(pairs), Some(before), &BuildOptions::default())
}

fn key_of(config: &Config, trigger: &str, index: usize) -> String {
    config.policy.triggers[trigger].conditions[index].key.to_string()
}

#[test]
fn every_mistake_is_reported_with_its_key_place_and_what_to_do() {
    let mut cases = 0;
    for line in include_str!("../../tests/config/mistakes.jsonl").lines() {
        let case: Mistake = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let secret = case
            .secret
            .map(|pairs| pairs.into_iter().map(|(key, value)| (key, Secret::from(value.as_str()))).collect());
        let settings = Settings { config_map: Some(case.config), secret };
        let config =
            Config::build(&settings, None, &BuildOptions { legacy: case.legacy, ..BuildOptions::default() });
        let severity = if case.severity == "error" { Severity::Error } else { Severity::Warning };
        let reports: Vec<_> = config.reports.iter().map(ToString::to_string).collect();
        let found = config.reports.iter().any(|report| {
            let text = report.to_string();
            let under_key = report.key == case.key
                || report.key.strip_prefix(&case.key).is_some_and(|rest| rest.starts_with(": "));
            under_key && report.severity == severity && case.says.iter().all(|piece| text.contains(piece))
        });
        assert!(found, "{}\n  under {}: {:?}\n  says {reports:#?}", case.rule, case.key, case.says);
        cases += 1;
    }
    assert!(cases >= 50, "the cases are there");
}

#[test]
fn a_broken_key_harms_no_other_and_its_last_good_value_stays() {
    let good = [
        ("template.t", "message: one"),
        ("trigger.on-x", "- when: app.x\n  send: [t]"),
        ("service.webhook.a", "url: http://a"),
        ("subscriptions", "- recipients: [a]"),
        ("context", "u: v"),
    ];
    let first = build(&good);
    assert!(!first.has_errors(), "{:?}", first.reports);
    let broken = [
        ("template.t", "message: {{"),
        ("trigger.on-x", "- when: ="),
        ("service.webhook.a", "- x"),
        ("subscriptions", "a"),
        ("context", "[1"),
        ("template.new", "message: two"),
    ];
    let second = rebuild(&broken, &first);
    assert_eq!(second.reports.iter().filter(|report| report.severity == Severity::Error).count(), 5);
    assert!(second.reports.iter().any(|report| report.message.contains("last good value stays in force")));
    assert_eq!(second.policy.templates["t"].message.as_ref().unwrap().source(), "one");
    assert_eq!(second.policy.templates["new"].message.as_ref().unwrap().source(), "two");
    assert_eq!(key_of(&second, "on-x", 0), condition_key(0, "app.x"));
    assert!(second.services["a"].service.is_ok());
    assert_eq!(second.policy.global.len(), 1);
    assert_eq!(second.context["u"], "v");
    assert_eq!(first.changed_keys(&second).collect::<Vec<_>>(), ["template.new"]);
    // Still there after one more broken change, gone once the key is removed.
    let third = rebuild(&[("template.t", "message: [")], &second);
    assert_eq!(third.policy.templates["t"].message.as_ref().unwrap().source(), "one");
    assert!(rebuild(&[], &third).policy.templates.is_empty());
    let valid = |config: &Config, name: &str| {
        config.items.iter().find(|item| item.name == name).map(|item| item.valid)
    };
    assert_eq!(
        (valid(&first, "t"), valid(&second, "t"), valid(&second, "new")),
        (Some(true), Some(false), Some(true))
    );
}

#[test]
fn a_broken_key_without_a_last_good_value_is_absent() {
    let config = build(&[
        ("template.t", "message: {{"),
        ("service.slack", "icon: :x:"),
        ("trigger.on-x", "- when: true\n  send: [t]"),
    ]);
    assert!(config.policy.templates.is_empty());
    assert!(config.services["slack"].service.as_ref().is_err_and(|reason| reason.contains("quotes")));
    assert_eq!(config.policy.triggers.len(), 1);
    assert!(
        !config.reports.iter().any(|report| report.message.contains("no template called")),
        "the broken key has its own report"
    );
}

#[test]
fn strict_refuses_everything() {
    let options = BuildOptions { strict: true, namespace: "argocd".into(), ..BuildOptions::default() };
    let config = Config::build(&settings(&[("template.t", "message: x"), ("service.", "")]), None, &options);
    assert!(config.policy.templates.is_empty() && config.services.is_empty() && config.has_errors());
    let config = Config::build(&settings(&[("template.t", "message: x"), ("unknown", "[")]), None, &options);
    assert!(config.policy.templates.contains_key("t"));
}

#[test]
fn without_leniency_what_upstream_refuses_is_refused() {
    let options = BuildOptions { lenient: false, ..BuildOptions::default() };
    let refused =
        |key: &str, text: &str| Config::build(&settings(&[(key, text)]), None, &options).has_errors();
    assert!(refused("trigger.x", "when: app.x\nsend: [t]"));
    assert!(refused("trigger.x", "- when: app.x\n  send: t"));
    assert!(refused("subscriptions", "- recipients: slack:x"));
    assert!(refused("defaultTriggers", "on-x"));
    let config =
        Config::build(&settings(&[("subscriptions", "- recipients: [a]\n  trigger: on-x")]), None, &options);
    assert!(config.policy.global[0].triggers.is_empty());
}

#[test]
fn nothing_is_an_empty_configuration() {
    for config_map in [None, Some(BTreeMap::new())] {
        let options = BuildOptions { namespace: "argocd".into(), ..BuildOptions::default() };
        let config = Config::build(&Settings { config_map, secret: None }, None, &options);
        assert!(config.reports.is_empty() && config.policy.triggers.is_empty());
        assert_eq!((config.policy.namespace.as_str(), config.policy.prefix_keys), ("argocd", false));
    }
    let config = build(&[
        ("trigger.", "[]"),
        ("template.", ""),
        ("service.webhook", "# later"),
        ("subscriptions", ""),
        ("something", "x: ["),
    ]);
    assert!(!config.has_errors(), "{:?}", config.reports);
    assert!(config.policy.triggers.contains_key("") && config.policy.templates.contains_key(""));
}

#[test]
fn conditions_are_hashed_as_decoded() {
    let config = build(&[(
        "trigger.on-x",
        "- when: true\n- when: |\n    pod.status.phase in ['Running']\n- when: ~\n- When: pod.status.phase in ['Running']\n  SEND: [1, 2.5, true, null]\n  ONCEPER: 5\n-\n",
    )]);
    let conditions = &config.policy.triggers["on-x"].conditions;
    assert_eq!(conditions.len(), 5, "{:?}", config.reports);
    let hashes = [
        "[0].X_5TO4MPCKAyY0ipFgr6_IraRNs",
        "[1].OUvP2OZwoVgwqAoiBktdHi5Zgeg",
        "[2].2jmj7l5rSw0yVb_vlWAYkK_YBwk",
        "[3].jS5fTrIQi8Q4Q5uceLlcAF3t4Go",
        "[4].2jmj7l5rSw0yVb_vlWAYkK_YBwk",
    ];
    for (index, hash) in hashes.into_iter().enumerate() {
        assert_eq!(key_of(&config, "on-x", index), hash);
    }
    assert_eq!(conditions[3].send, ["1", "2.5", "true", ""]);
    assert!(conditions[3].once_per.is_some() && conditions[2].when_is_empty);
}

#[test]
fn subscriptions_and_default_triggers() {
    let config = build(&[
        (
            "subscriptions",
            "- recipients: [dingtalk, 'teams:https://host/x', slack: y]\n  triggers: [on-a]\n  selector: tier=web\n- Recipients: [a:r1]\n  trigger: [on-b]\n-\n",
        ),
        ("defaultTriggers", "[a, b]"),
        ("defaultTriggers.slack", "[]"),
    ]);
    assert!(
        config.policy.global.is_empty(),
        "a mapping among the recipients is refused: {:?}",
        config.reports
    );
    let config = build(&[
        (
            "subscriptions",
            "- recipients: [dingtalk, 'teams:https://host/x', 'slack: y']\n  triggers: [on-a]\n  selector: tier=web\n- Recipients: [a:r1]\n  trigger: [on-b]\n-\n",
        ),
        ("defaultTriggers", "[a, b]"),
        ("defaultTriggers.slack", "[]"),
    ]);
    let global = &config.policy.global;
    let expected = [
        Destination::new("dingtalk", ""),
        Destination::new("teams", "https://host/x"),
        Destination::new("slack", " y"),
    ];
    assert_eq!(global[0].destinations, expected);
    assert_eq!(
        (&global[0].triggers[..], &global[1].triggers[..]),
        (&["on-a".to_owned()][..], &["on-b".to_owned()][..])
    );
    assert!(!global[0].selector.is_empty() && global[1].selector.is_empty());
    assert!(global[2].destinations.is_empty() && global.len() == 3);
    assert_eq!(config.policy.default_triggers, ["a", "b"]);
    assert!(config.policy.default_triggers_for("slack").is_empty());
}

#[test]
fn presets_of_the_command_line_are_for_those_who_name_none() {
    let options = BuildOptions { presets: "argocd".into(), ..BuildOptions::default() };
    let names = |keys: &[(&str, &str)]| {
        let data = keys.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        Config::build(&Settings { config_map: Some(data), secret: None }, None, &options).presets
    };
    assert_eq!(names(&[]), ["argocd"]);
    assert_eq!(names(&[("presets", "rollouts")]), ["rollouts"]);
    assert_eq!(names(&[("presets", "[]")]), [""; 0]);
}

#[test]
fn a_key_that_nobody_wrote_is_no_item() {
    let items = |keys: &[(&str, &str)]| build(keys).items.len();
    assert_eq!(items(&[]), 0);
    assert_eq!(items(&[("context", "a: b")]), 1);
}

#[test]
fn presets_are_brought_in_by_name_and_any_key_wins_over_them() {
    for (presets, names) in [("argocd", &["argocd"][..]), ("[argocd, rollouts]", &["argocd", "rollouts"])] {
        let config = build(&[("presets", presets), ("template.app-deployed", "message: mine")]);
        assert!(config.reports.is_empty(), "{:#?}", config.reports);
        assert_eq!(config.presets, names);
        assert!(config.policy.triggers.contains_key("on-deployed"));
        assert_eq!(config.policy.triggers.contains_key("on-rollout-completed"), names.len() == 2);
        assert_eq!(config.policy.templates["app-deployed"].message.as_ref().unwrap().source(), "mine");
    }
}

#[test]
fn the_later_of_two_keys_makes_the_service_and_its_secret_counts() {
    let config =
        build(&[("service.webhook", "url: http://one"), ("service.webhook.webhook", "url: http://two")]);
    assert_eq!(config.services.len(), 1);
    assert_eq!(config.services["webhook"].key, "service.webhook.webhook");
    let with = |value: &str| {
        let secret = Some([("u".to_owned(), Secret::from(value))].into());
        Config::build(
            &Settings { secret, ..settings(&[("service.webhook.a", "url: $u")]) },
            None,
            &BuildOptions::default(),
        )
    };
    let (one, two) = (with("http://one"), with("http://two"));
    assert_ne!(one.policy.service_fingerprints["a"], two.policy.service_fingerprints["a"]);
    assert_eq!(one.changed_keys(&two).collect::<Vec<_>>(), ["service.webhook.a"]);
    assert_eq!(one.changed_keys(&with("http://one")).count(), 0);
    assert!(one.services["a"].secrets.contains("u"));
    assert!(!format!("{:?}", one.services).contains("http://one"));
}

#[test]
fn what_is_said_about_settings_keeps_their_secrets() {
    let secret = Some([("p".to_owned(), Secret::from("hunter2-hunter2"))].into());
    for text in [
        "url: http://x\nretryWaitMin: $p",
        "url: http://x\nretryMax: $p",
        "url: http://x\nheaders:\n  $p: [a]\n",
        "url: http://[$p",
    ] {
        let settings =
            Settings { secret: Option::clone(&secret), ..settings(&[("service.webhook.a", text)]) };
        let config = Config::build(&settings, None, &BuildOptions::default());
        let said = format!("{:?} {:?}", config.reports, config.services["a"].service.as_ref().err());
        assert!(!said.contains("hunter2"), "{said}");
    }
}

/// Core 1.8: the bundle changes the first condition, replaces templates and subscriptions, and enables triggers.
#[test]
fn a_legacy_bundle_is_merged() {
    let bundle = "context: {a: legacy, y: 1}\nsubscriptions:\n- recipients: [b:legacy]\n  triggers: [on-x]\ntemplates:\n- name: t\n  title: subject\n  body: body\n- name: old\n  subject: s\n  email: {body: b}\ntriggers:\n- name: on-x\n  condition: 'true'\n  enabled: true\n- name: on-old\n  condition: app.old\n  template: old\n";
    let pairs = [
        ("config.yaml", bundle),
        ("context", "a: modern\nb: kept"),
        ("template.t", "message: modern"),
        ("trigger.on-x", "- when: app.x\n  send: [t]\n- when: app.y\n  send: [t]"),
        ("defaultTriggers", "[z]"),
    ];
    let notifiers = "slack: {token: abc}\nwebhook:\n- name: a\n  url: http://legacy/$x\n";
    let secret = Some([("notifiers.yaml".to_owned(), Secret::from(notifiers))].into());
    let options = BuildOptions { legacy: true, ..BuildOptions::default() };
    let config = Config::build(&Settings { secret: secret.clone(), ..settings(&pairs) }, None, &options);
    assert!(!config.has_errors(), "{:#?}", config.reports);
    assert_eq!(
        (config.context["a"].as_str(), config.context["b"].as_str(), config.context["true"].as_str()),
        ("legacy", "kept", "1")
    );
    assert_eq!(config.policy.global[0].destinations, [Destination::new("b", "legacy")]);
    assert_eq!(config.policy.templates["t"].message.as_ref().unwrap().source(), "body");
    assert_eq!(config.policy.templates["t"].sections[0].0, "email");
    assert_eq!(config.policy.templates["old"].sections.len(), 1);
    assert_eq!(key_of(&config, "on-x", 0), condition_key(0, "true"));
    assert_eq!(key_of(&config, "on-x", 1), condition_key(1, "app.y"));
    assert_eq!(config.policy.triggers["on-x"].conditions[0].send, ["t"]);
    assert_eq!(config.policy.triggers["on-old"].conditions[0].send, ["old"]);
    assert_eq!(config.policy.default_triggers, ["z", "on-x"]);
    assert!(config.services.contains_key("slack") && config.services.contains_key("a"));
    let without = Config::build(&Settings { secret, ..settings(&pairs) }, None, &BuildOptions::default());
    assert!(without.services.is_empty() && !without.policy.triggers.contains_key("on-old"));
}

#[test]
fn broken_legacy_bundles_harm_nothing_else() {
    let options = BuildOptions { legacy: true, ..BuildOptions::default() };
    let pairs = [
        ("config.yaml", "triggers:\n- name: on-x\n  condition: '='"),
        ("trigger.on-x", "- when: app.x\n  send: []"),
    ];
    let config = Config::build(&settings(&pairs), None, &options);
    assert!(config.has_errors());
    assert_eq!(key_of(&config, "on-x", 0), condition_key(0, "app.x"));
}

fn any_key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "template.t",
        "trigger.x",
        "service.slack",
        "service.webhook.a",
        "service.email",
        "subscriptions",
        "defaultTriggers",
        "defaultTriggers.a",
        "context",
        "presets",
        "config.yaml",
        "other",
        "service.a.b.c",
    ])
    .prop_map(str::to_owned)
}

fn any_value() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "when: ",
        "send: ",
        "oncePer: ",
        "- ",
        "\n",
        "  ",
        "message: ",
        "slack:\n",
        "  attachments: ",
        "recipients: ",
        "triggers: ",
        "selector: ",
        "url: ",
        "token: ",
        "$a",
        "'",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "app.x == 1",
        "{{.a}}",
        "{{",
        "a",
        "true",
        "5",
        "~",
        "&a ",
        "*a",
        "!x ",
        "|\n",
        "webhook:\n",
        "name: ",
        "templates:\n",
        "body: ",
        "condition: ",
    ]);
    prop_oneof![prop::collection::vec(piece, 0..25).prop_map(|pieces| pieces.concat()), any::<String>()]
}

proptest! {
    #[test]
    fn no_configuration_stops_the_process(keys in prop::collection::btree_map(any_key(), any_value(), 0..6), secret in any_value()) {
        let secret = Some([("a".to_owned(), Secret::from(secret.as_str())), ("notifiers.yaml".to_owned(), Secret::from(secret.as_str()))].into());
        let options = BuildOptions { legacy: true, ..BuildOptions::default() };
        let settings = Settings { config_map: Some(keys), secret };
        let first = Config::build(&settings, None, &options);
        let second = Config::build(&settings, Some(&first), &options);
        prop_assert_eq!(first.reports.len(), second.reports.len());
    }
}
