//! Runs a source by itself: how long it takes to see everything, and how much memory that needs.
//!
//! `KUBECONFIG=… cargo run --release --example watch -- argoproj.io/v1alpha1/applications [SECONDS]`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dodona::model::{Cause, Resource};
use dodona::source::kube::{ConnectionSettings, KubeSource, Pace, connect};
use dodona::source::{Source, WatchSpec};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let mut arguments = std::env::args().skip(1);
    let resource = arguments.next().unwrap_or_else(|| "argoproj.io/v1alpha1/applications".into());
    let seconds: u64 = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let parts: Vec<&str> = resource.split('/').collect();
    let resource = match *parts {
        [group, version, plural] => Resource::new(group, version, plural, None),
        [version, plural] => Resource::new("", version, plural, None),
        _ => anyhow::bail!("expected [GROUP/]VERSION/PLURAL, got `{resource}`"),
    };
    let kubeconfig =
        std::env::var_os("KUBECONFIG").map(|paths| std::env::split_paths(&paths).collect::<Vec<PathBuf>>());
    let settings =
        ConnectionSettings { kubeconfig: kubeconfig.unwrap_or_default(), ..ConnectionSettings::default() };
    let started = Instant::now();
    let api = connect(&settings, Pace::default()).await?;
    let source = Arc::new(KubeSource::new(api, WatchSpec::new("watch", resource)));
    let (sender, mut changes) = tokio::sync::mpsc::channel(16);
    let mut synced = source.synced();
    tokio::spawn(Arc::clone(&source).run(sender));
    let (mut objects, mut bytes) = (0_usize, 0_usize);
    loop {
        tokio::select! {
            biased;
            change = changes.recv() => {
                let Some(change) = change else { anyhow::bail!("the source ended") };
                objects += usize::from(change.cause == Cause::Added);
                bytes += change.object.json().len();
            }
            () = async { synced.wait_for(|synced| *synced).await.map(drop).unwrap_or_default() } => break,
        }
    }
    report(&format!("{objects} objects, {bytes} bytes in {} ms", started.elapsed().as_millis()));
    let end = tokio::time::sleep(Duration::from_secs(seconds));
    tokio::pin!(end);
    let mut later = 0_usize;
    loop {
        tokio::select! {
            Some(_) = changes.recv() => later += 1,
            () = &mut end => break,
        }
    }
    report(&format!("{later} changes in {seconds} s"));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what the program is for")]
fn report(what: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?").trim().to_owned();
    let cpu = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: Vec<&str> = cpu.split_whitespace().skip(13).take(2).collect();
    println!("{what}; resident {}, peak {}, CPU ticks {ticks:?}", field("VmRSS:"), field("VmHWM:"));
}
