//! `dodona demo`: the whole pipeline on an embedded default.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::assemble;
use super::output::line;
use crate::binding::Binding;
use crate::binding::app::AppBinding;
use crate::binding::namespaces::NamespacePatterns;
use crate::binding::rollout::RolloutBinding;
use crate::config::BuildOptions;
use crate::demo::{Review, Stage};
use crate::model::{NoLookup, Redactor};
use crate::pipeline::Pipeline;
use crate::telemetry::logging::{Format, LogLevel};
use crate::telemetry::metrics::Metrics;

/// `dodona demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Play the story, check that every notification of it arrived exactly once, and end
    #[arg(long)]
    once: bool,
    /// Folder for the manifests; a new temporary one by default
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Port of the inbox page; a free one by default
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
}

/// Plays the demo.
pub(crate) fn run(arguments: &DemoArgs) -> anyhow::Result<ExitCode> {
    let redactor = Redactor::default();
    super::log_to_stderr(Format::Text, LogLevel::Error, &redactor)?;
    super::runtime()?.block_on(play(arguments, redactor))
}

async fn play(arguments: &DemoArgs, redactor: Redactor) -> anyhow::Result<ExitCode> {
    let stage = Stage::open(arguments.dir.clone(), arguments.port).await?;
    line(
        "Dodona demo: a folder of manifests is the cluster, this process is Slack, webhook and mail server.\n",
    );
    line(&format!("  manifests  {}", stage.folder().display()));
    line(&format!("  inbox      {}", stage.page));
    let metrics = Arc::new(Metrics::new());
    let mut watched = Vec::new();
    let bindings: [(Arc<dyn Binding>, &str); 2] = [
        (Arc::new(AppBinding::new("argocd", NamespacePatterns::default())), "argocd"),
        (Arc::new(RolloutBinding::default()), "argo-rollouts"),
    ];
    for (binding, namespace) in bindings {
        watched
            .push(assemble::from_folder(binding, stage.folder(), namespace, build(namespace), None).await?);
    }
    let pipeline = Pipeline::start(assemble::options(&metrics, redactor, Arc::new(NoLookup)), watched);
    let review = stage.play(line).await?;
    let code = conclude(&review);
    if !arguments.once {
        invite(&stage);
        tokio::select! {
            () = stage.go_on(line) => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
    pipeline.stop(Duration::from_secs(5)).await;
    Ok(code)
}

/// How the demo's configurations are read: its receivers are all in this process.
fn build(namespace: &str) -> BuildOptions {
    BuildOptions { namespace: namespace.to_owned(), ..BuildOptions::default() }
}

fn conclude(review: &Review) -> ExitCode {
    if review.complaints.is_empty() {
        line(&format!("\n{} notifications, each exactly once.", review.arrived));
        return ExitCode::SUCCESS;
    }
    line("\nThe story did not go as it should:");
    for complaint in &review.complaints {
        line(&format!("  {complaint}"));
    }
    ExitCode::FAILURE
}

fn invite(stage: &Stage) {
    let folder = stage.folder().display();
    line("\nYour turn. To cause the next notification, edit");
    line(&format!(
        "  {folder}/checkout.yaml: give status.currentPodHash and stableRS the same new digit, the next rollout is complete; or"
    ));
    line(&format!(
        "  {folder}/guestbook.yaml: change a digit of status.sync.revision, a new revision is live; or"
    ));
    line(&format!("  {folder}/argocd-notifications-cm.yaml: write a trigger of your own."));
    line("Stop with Ctrl-C.");
}
