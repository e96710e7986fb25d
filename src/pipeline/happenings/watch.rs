//! The kinds beside the Rollouts: AnalysisRuns and Experiments.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::binding::rollout::Runs;
use crate::model::{Cause, Change};
use crate::pipeline::Lane;
use crate::source::Source;

/// Keeps `runs` (of AnalysisRuns) as the objects of `source` are, and hands every change on to `next`, where somebody wants it.
/// `complete` says when all that existed at the start is there.
pub(super) async fn follow(
    source: Arc<dyn Source>,
    lane: Arc<Lane>,
    runs: Option<Arc<Runs>>,
    next: Option<mpsc::UnboundedSender<Change>>,
    complete: watch::Sender<bool>,
) {
    let mut synced = source.synced();
    let (sender, mut changes) = mpsc::channel::<Change>(1);
    let take = async {
        let mut waiting = true;
        loop {
            tokio::select! {
                // What was sent before the list was complete is taken before that counts.
                biased;
                change = changes.recv() => {
                    let Some(change) = change else { return };
                    keep(runs.as_deref(), &change);
                    if let Some(next) = &next {
                        // Nobody listens at the end of the process.
                        next.send(change).ok();
                    } else {
                        lane.looked_at();
                    }
                }
                done = synced.wait_for(|synced| *synced), if waiting => {
                    waiting = false;
                    complete.send_replace(done.is_ok());
                }
            }
        }
    };
    futures::future::join(source.run(sender), take).await;
}

fn keep(runs: Option<&Runs>, change: &Change) {
    match runs {
        Some(runs) if change.cause == Cause::Deleted => runs.take(change.object.key()),
        Some(runs) => runs.put(&change.object),
        None => {}
    }
}
