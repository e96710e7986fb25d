//! The command line: one file per command. The only part that prints and reads the environment.
//!
//! Exit status: 0 it worked, 1 it failed, 2 it was called wrongly.

mod assemble;
mod connection;
mod controller;
mod demo;
mod dispatch;
mod input;
mod lint;
mod output;
mod render;
mod repo_server;
mod rollout;
mod shell;
mod table;
mod template;
mod test;
mod tools;
mod trigger;
mod why;
mod workspace;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::model::{Redactor, SystemClock};
use crate::telemetry::logging::{Format, LogLevel, subscriber};

/// Tells people what happened to their deployments: watches Argo CD Applications, Argo Rollouts and any other kind, and
/// notifies Slack, e-mail, webhooks and more by the triggers, templates and annotations of the Argo notifications stack.
#[derive(Parser, Debug)]
#[command(
    name = "dodona",
    version,
    about,
    propagate_version = true,
    max_term_width = 110,
    args_override_self = true,
    after_help = "Exit status: 0 it worked, 1 it failed, 2 it was called wrongly."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Exit with 0 where upstream's tools do: on every failure that is not wrong use
    #[arg(long, global = true, hide_short_help = true)]
    exit_zero: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Watch a cluster (or a folder of manifests) and send notifications
    Controller(Box<controller::ControllerArgs>),
    /// See it work: play a short story with no cluster and no network
    Demo(demo::DemoArgs),
    /// Find mistakes in configurations and subscriptions before they matter
    Lint(Box<lint::LintArgs>),
    /// Test a configuration: given these objects, these notifications and no others
    Test(test::TestArgs),
    /// Triggers and templates of Argo CD, as `argocd admin notifications` has them
    App(Box<tools::AppArgs>),
    /// Triggers and templates of Argo Rollouts, as `kubectl argo rollouts` has them
    Rollouts(Box<tools::RolloutsArgs>),
    /// Show triggers, and try them on objects (any binding)
    Trigger(Box<tools::AnyTriggerArgs>),
    /// Show templates, and send notifications made of them (any binding)
    Template(Box<tools::AnyTemplateArgs>),
    /// Show what services would send about an object, and how people would see it
    Render(Box<render::RenderArgs>),
    /// Explain why a notification about an object would be sent, or was not
    Why(Box<why::WhyArgs>),
    /// Print completions for a shell
    Completions(shell::CompletionsArgs),
    /// Print manual pages
    Man(shell::ManArgs),
}

/// A command that was called wrongly in a way that only the command itself can see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongUse(String);

/// Fails with [`WrongUse`].
fn wrong_use<T>(message: impl Into<String>) -> anyhow::Result<T> {
    Err(WrongUse(message.into()).into())
}

/// Runs the command line `arguments`, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let server = environment("ARGOCD_NOTIFICATIONS_BINARY");
    let given: Vec<OsString> = arguments.into_iter().collect();
    let arguments = dispatch::arguments(&given, server.as_deref());
    let flags = arguments.iter().take_while(|argument| *argument != "--");
    let as_upstream = flags.clone().any(|argument| argument == "--exit-zero");
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing sensible is left to do where even the help text cannot be written.
            drop(error.print());
            return misused(&error, as_upstream);
        }
    };
    match execute(cli.command) {
        Ok(code) if as_upstream && code == ExitCode::FAILURE => ExitCode::SUCCESS,
        Ok(code) => code,
        Err(error) => {
            output::say(&format!("dodona: {error:#}"));
            let wrong = error.downcast_ref::<WrongUse>().is_some();
            match (wrong, as_upstream) {
                (true, true) | (false, false) => ExitCode::FAILURE,
                (true, false) => ExitCode::from(2),
                (false, true) => ExitCode::SUCCESS,
            }
        }
    }
}

fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Controller(arguments) => controller::run(*arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::App(arguments) => tools::app(*arguments),
        Command::Rollouts(arguments) => tools::rollouts(*arguments),
        Command::Trigger(arguments) => tools::any_trigger(*arguments),
        Command::Template(arguments) => tools::any_template(*arguments),
        Command::Render(arguments) => render::run(&arguments),
        Command::Why(arguments) => why::run(&arguments),
        Command::Completions(arguments) => shell::completions(&arguments),
        Command::Man(arguments) => shell::man(&arguments),
    }
}

/// The exit status of a command line that is not understood. Upstream's tools answer 1, and 0 for a command that they do not
/// know, which they take for a call for help (core 7.1.5, 7.1.6).
fn misused(error: &clap::Error, as_upstream: bool) -> ExitCode {
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    if !as_upstream {
        return ExitCode::from(2);
    }
    let in_group = error.get(ContextKind::Usage).is_some_and(|usage| match usage {
        ContextValue::StyledStr(usage) => {
            let usage = usage.to_string();
            usage.contains(" trigger ") || usage.contains(" template ")
        }
        _ => false,
    });
    if error.kind() == ErrorKind::InvalidSubcommand && !in_group {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints the help of a command that is called without saying what to do (core 7.1.6).
fn help_of(path: &[&str]) -> anyhow::Result<ExitCode> {
    let mut root = Cli::command();
    root.build();
    let mut command = &mut root;
    for name in path {
        command = command.find_subcommand_mut(name).context("a command that is not there")?;
    }
    output::print(&command.render_help().to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// The runtime of the long-running commands. One thread does the work: what an event or a delivery takes is less than what it
/// costs to wake a second thread for a part of it (`docs/performance.md`). What waits long does so on other threads.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
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

/// The variables of the environment whose names begin with one of `prefixes`; those that are no text are left out.
fn variables(prefixes: &[&str]) -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .collect()
}

/// Whether colours are asked for where there is no terminal (core 5.11).
fn forced_colors() -> bool {
    environment("FORCE_LOG_COLORS").is_some_and(|value| value == "1")
}

/// Shows requests and answers while a notification is sent by hand (core 7.2.3).
fn log_requests(redactor: &Redactor) -> anyhow::Result<()> {
    let terminal = std::io::stderr().is_terminal() && environment("NO_COLOR").is_none();
    let format = if terminal || forced_colors() { Format::Colored } else { Format::Text };
    log_to_stderr(format, LogLevel::Debug, redactor)
}
