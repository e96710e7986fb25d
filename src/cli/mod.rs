//! The command line: one file per command. The only part that prints and reads the environment.
//!
//! Exit status: 0 it worked, 1 it failed, 2 it was called wrongly.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is this part's work")]

mod assemble;
mod connection;
mod controller;
mod demo;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::model::{Redactor, SystemClock};
use crate::telemetry::logging::{Format, LogLevel, subscriber};

/// Tells people what happened to their deployments: watches Argo CD Applications, Argo Rollouts and any other kind, and
/// notifies Slack, e-mail, webhooks and more by the triggers, templates and annotations of the Argo notifications stack.
#[derive(Parser, Debug)]
#[command(name = "dodona", version, about, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Watch a cluster (or a folder of manifests) and send notifications
    Controller(Box<controller::ControllerArgs>),
    /// See it work: play a short story with no cluster and no network
    Demo(demo::DemoArgs),
}

/// Runs the command line `arguments`, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let wrong = error.use_stderr();
            // Nothing sensible is left to do where even the help text cannot be written.
            drop(error.print());
            return ExitCode::from(if wrong { 2 } else { 0 });
        }
    };
    let result = match cli.command {
        Command::Controller(arguments) => controller::run(*arguments),
        Command::Demo(arguments) => demo::run(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("dodona: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The runtime of the long-running commands.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .enable_all()
        .build()?)
}

/// Everything is logged to standard error, so that standard output stays for answers.
fn log_to_stderr(format: Format, level: LogLevel, redactor: &Redactor) -> anyhow::Result<()> {
    let subscriber = subscriber(format, level, Arc::new(SystemClock), redactor.clone(), std::io::stderr());
    Ok(tracing::subscriber::set_global_default(subscriber)?)
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether colours are asked for where there is no terminal (core 5.11).
fn forced_colors() -> bool {
    environment("FORCE_LOG_COLORS").is_some_and(|value| value == "1")
}
