//! The engine of events of Rollouts, from an API server to a receiver: what is told, with which version, and once.
#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod stage;

use std::time::Duration;

use dodona::binding::EventRules;
use dodona::pipeline::Beside;
use serde_json::json;
use stage::{Stage, reasons};

const PATIENT: Option<Duration> = Some(Duration::from_secs(30));
const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reason_of_an_event_is_told() {
    let stage = Stage::new().await;
    stage.configure(&json!({}));
    let pipeline = stage.start(EventRules { related: true, once_per: false }, PATIENT).await;
    let mut expected = Vec::new();
    for kind in ["Rollout", "Experiment", "AnalysisRun"] {
        let name = kind.to_lowercase();
        let version = stage.apply(kind, &name, &json!({}));
        stage.settle().await;
        for (reason, trigger) in reasons(kind) {
            stage.event(&reason, kind, &name, &version, 1);
            // A blank is in no key: nobody can be told (core 6.4).
            if !trigger.contains(' ') {
                expected.push(format!("{trigger} {kind} {name}"));
            }
        }
    }
    expected.sort();
    let mut told = stage.told(expected.len()).await;
    told.sort();
    assert_eq!(told, expected);
    let figures = stage.metrics.render();
    let wanted = "notification_send_success{namespace=\"shop\",name=\"rollout\",type=\"Normal\",reason=\"RolloutPaused\"} 1";
    assert!(figures.lines().any(|line| line == wanted), "{figures}");
    assert!(figures.contains("rollout_events_total{namespace=\"shop\",name=\"rollout\""), "{figures}");
    pipeline.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_show_the_version_that_the_event_names_and_an_occurrence_is_told_once() {
    let stage = Stage::new().await;
    stage.configure(&json!({}));
    let pipeline = stage.start(EventRules::default(), Some(Duration::from_millis(500))).await;
    let step = |step| json!({"currentStepIndex": step, "currentPodHash": "b"});
    let first = stage.apply("Rollout", "cart", &step(0));
    assert_eq!(stage.told(1).await, ["on-rollout-added-to-informer Rollout cart step 0"]);
    stage.apply("Rollout", "cart", &step(1));
    stage.event("RolloutStepCompleted", "Rollout", "cart", &first, 1);
    assert_eq!(stage.told(1).await, ["on-rollout-step-completed Rollout cart step 0"]);
    // The Event of the next step is lost, and told by the difference after a while.
    let before = stage.apply("Rollout", "cart", &step(2));
    assert_eq!(stage.told(1).await, ["on-rollout-step-completed Rollout cart step 1"]);
    // It comes late.
    stage.event("RolloutStepCompleted", "Rollout", "cart", &before, 1);
    assert_eq!(stage.told(0).await, [""; 0]);
    // Said once more: the count of the Event grows. Those of experiments and analyses are not told without their flag.
    stage.event("ScalingReplicaSet", "Rollout", "cart", &before, 1);
    stage.event("ScalingReplicaSet", "Rollout", "cart", &before, 4);
    stage.event("AnalysisRunFailed", "AnalysisRun", "run", "1", 1);
    stage.foreign("ScalingReplicaSet", "cart");
    assert_eq!(stage.told(2).await, ["on-scaling-replica-set Rollout cart step 2"; 2]);
    pipeline.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_tell_alone_where_there_are_no_events() {
    let stage = Stage::new().await;
    stage.configure(&json!({}));
    let pipeline = stage.start(EventRules { related: true, once_per: false }, AT_ONCE).await;
    stage.apply("Rollout", "cart", &json!({"currentPodHash": "b", "stableRS": "a"}));
    stage.apply("Rollout", "cart", &json!({"currentPodHash": "b", "stableRS": "b"}));
    stage.apply("Experiment", "exp", &json!({}));
    stage.apply("Experiment", "exp", &json!({"phase": "Failed"}));
    stage.apply("AnalysisRun", "run", &json!({}));
    stage.apply("AnalysisRun", "run", &json!({"phase": "Error"}));
    let mut told = stage.told(4).await;
    told.sort();
    let expected = [
        "on-analysis-run-error AnalysisRun run",
        "on-experiment-failed Experiment exp",
        "on-rollout-added-to-informer Rollout cart",
        "on-rollout-completed Rollout cart",
    ];
    assert_eq!(told, expected);
    stage.server.delete("rollouts", "shop", "cart");
    assert_eq!(stage.told(1).await, ["on-rollout-deleted Rollout cart"]);
    pipeline.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_catches_up_in_order_and_repeats_nothing() {
    let stage = Stage::of_old().await;
    stage.configure(&json!({}));
    let version = stage.apply("Rollout", "cart", &json!({}));
    // What happened before the first start is the past.
    stage.event_at("RolloutUpdated", "Rollout", "cart", &version, 1, -100);
    stage.event_at("RolloutAddedToInformer", "Rollout", "cart", &version, 1, 500);
    let pipeline = stage.start(EventRules::default(), PATIENT).await;
    stage.event("RolloutPaused", "Rollout", "cart", &version, 1);
    assert_eq!(stage.told(1).await, ["on-rollout-paused Rollout cart"]);
    pipeline.stop(Duration::from_secs(5)).await;
    stage.event_at("RolloutCompleted", "Rollout", "cart", &version, 1, 3);
    stage.event_at("RolloutResumed", "Rollout", "cart", &version, 1, 2);
    let pipeline = stage.start(EventRules::default(), PATIENT).await;
    assert_eq!(stage.told(2).await, ["on-rollout-resumed Rollout cart", "on-rollout-completed Rollout cart"]);
    pipeline.stop(Duration::from_secs(5)).await;
    let pipeline = stage.start(EventRules::default(), PATIENT).await;
    assert_eq!(stage.told(0).await, [""; 0]);
    pipeline.stop(Duration::from_secs(5)).await;
}

/// The watch of Rollouts is away for longer than an Event waits, and the one of Events is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_ahead_of_its_rollout_is_told() {
    let stage = Stage::of_old().await;
    stage.configure(&json!({}));
    let pipeline = stage.start(EventRules::default(), PATIENT).await;
    stage.server.faults(|faults| {
        faults.refuse = vec![("GET /apis/argoproj.io/v1alpha1/rollouts".into(), 503); 5000];
    });
    stage.server.end_watches();
    let version = stage.apply("Rollout", "cart", &json!({"currentStepIndex": 2}));
    stage.event("RolloutStepCompleted", "Rollout", "cart", &version, 1);
    assert_eq!(stage.told(1).await, ["on-rollout-step-completed Rollout cart step 2"]);
    pipeline.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_per_counts_for_events_where_it_is_asked_for() {
    let stage = Stage::new().await;
    let once = json!({"trigger.on-rollout-paused": "- send: [on-rollout-paused]\n  oncePer: rollout.status.round\n"});
    stage.configure(&once);
    let pipeline = stage.start(EventRules { related: false, once_per: true }, PATIENT).await;
    let version = stage.apply("Rollout", "cart", &json!({"round": "one"}));
    stage.event("RolloutPaused", "Rollout", "cart", &version, 1);
    assert_eq!(stage.told(1).await, ["on-rollout-paused Rollout cart"]);
    stage.event("RolloutPaused", "Rollout", "cart", &version, 2);
    assert_eq!(stage.told(0).await, [""; 0]);
    let annotation =
        || stage.server.annotation("rollouts", "shop", "cart", "notified.notifications.argoproj.io");
    stage
        .server
        .until("it is recorded", |_| annotation().is_some_and(|text| text.contains("one:on-rollout-paused:")))
        .await;
    let version = stage.apply("Rollout", "cart", &json!({"round": "two"}));
    stage.settle().await;
    stage.event("RolloutPaused", "Rollout", "cart", &version, 3);
    assert_eq!(stage.told(1).await, ["on-rollout-paused Rollout cart"]);
    pipeline.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_template_of_a_workload_and_plain_numbers_are_shown() {
    let stage = Stage::new().await;
    let text = "message: '{{.rollout.spec.replicas}} {{(index .rollout.spec.template.spec.containers 0).image}} {{.rollout.spec.selector.matchLabels.app}} {{len .analysisRuns}}'";
    stage.configure(&json!({"template.on-rollout-completed": text}));
    let spec = json!({"replicas": 2_000_000, "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"}});
    stage.server.apply(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {"spec": {"containers": [{"image": "cart:9"}]}}},
    }));
    for name in ["run-1", "run-2"] {
        stage.server.apply(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun",
            "metadata": {"name": name, "namespace": "shop", "labels": {"rollouts-pod-template-hash": "b"}},
        }));
    }
    let pipeline = stage.start(EventRules::default(), PATIENT).await;
    let version = stage.apply_with("Rollout", "cart", &spec, &json!({"currentPodHash": "b"}));
    stage.event("RolloutCompleted", "Rollout", "cart", &version, 1);
    assert_eq!(stage.told(1).await, ["2e+06 cart:9 cart 2"]);
    pipeline.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_told_twice_beside_a_rollouts_controller() {
    let stage = Stage::new().await;
    stage.configure(&json!({}));
    stage.server.apply(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {"holderIdentity": "rollouts-7"},
        "metadata": {"name": "argo-rollouts-controller-lock", "namespace": "dodona"},
    }));
    let start = |more: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_dodona"));
        command.args([
            "controller",
            "--binding",
            "rollout",
            "--metrics-port",
            "0",
            "--namespace",
            "dodona",
            "--kubeconfig",
        ]);
        command.arg(stage.kubeconfig()).args(more).kill_on_drop(true);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        command
    };
    let refused = start(&[]).output().await.unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for part in ["rollouts-7", "namespace dodona", "--rollout-config-map-name", "--allow-double-delivery"] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    for way_out in [&["--allow-double-delivery"][..], &["--rollout-config-map-name", "own"]] {
        let mut child = start(way_out).stderr(std::process::Stdio::null()).spawn().unwrap();
        stage.server.until("Rollouts are watched", |server| server.watches("rollouts") > 0).await;
        assert!(child.try_wait().unwrap().is_none(), "{way_out:?}");
        child.kill().await.unwrap();
        stage.server.until("it is gone", |server| server.watches("rollouts") == 0).await;
    }
}

/// The page shows every row of the data; after a change copy the rows from the failure.
#[test]
fn the_page_shows_who_tells_what() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rollouts.md")).unwrap();
    let mut missing = Vec::new();
    for (kind, reason, trigger, by) in stage::rows() {
        let trigger = if trigger.contains(' ') {
            "none: the name cannot be a key".to_owned()
        } else {
            format!("`{trigger}`")
        };
        let by = match by.as_str() {
            "both" => "Event or difference",
            "partly" => "Event; a difference mostly",
            _ => "**only an Event**",
        };
        let row = format!("| {kind} | `{reason}` | {trigger} | {by} |");
        if !page.contains(&row) {
            missing.push(row);
        }
    }
    assert!(missing.is_empty(), "docs/rollouts.md lacks\n{}", missing.join("\n"));
    assert_eq!(Beside::GRACE, Duration::from_secs(5), "the page says so");
}
