//! `dodona demo`: the whole pipeline on an embedded default.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

/// `dodona demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
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
pub fn run(arguments: &DemoArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not assembled yet: {arguments:?}")
}
