//! Upstream's tree of commands, `trigger get|run` and `template get|notify`, for each product (core 7.1).

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::connection::ConnectionArgs;
use super::input::InputArgs;
use super::template::{self, TemplateCommand};
use super::trigger::{self, TriggerCommand};
use super::workspace::{ArgoCdArgs, BindingArgs, Workspace};
use super::{assemble, help_of, wrong_use};
use crate::binding::Binding;

/// Where configuration and objects come from.
#[derive(Args, Debug)]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// `dodona app`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  dodona app trigger get\n  dodona app trigger run on-sync-failed guestbook -n argocd\n  dodona app template notify app-sync-failed app.yaml --config-map cm.yaml --secret :empty"
)]
pub(crate) struct AppArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    argo_cd: ArgoCdArgs,
    #[command(subcommand)]
    command: Option<Tool>,
}

/// `dodona rollouts`.
#[derive(Args, Debug)]
pub(crate) struct RolloutsArgs {
    #[command(subcommand)]
    command: Option<RolloutsCommand>,
}

#[derive(Subcommand, Debug)]
enum RolloutsCommand {
    /// Triggers and templates of Argo Rollouts
    Notifications(NotificationsArgs),
}

/// `dodona rollouts notifications`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  dodona rollouts notifications trigger get -n argo-rollouts\n  dodona rollouts notifications template notify rollout-completed rollout.yaml --config-map cm.yaml --secret :empty"
)]
struct NotificationsArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(subcommand)]
    command: Option<Tool>,
}

#[derive(Subcommand, Debug)]
enum Tool {
    /// Show triggers, and try them on objects
    Trigger(TriggerGroup),
    /// Show templates, and send notifications made of them
    Template(TemplateGroup),
}

#[derive(Args, Debug)]
struct TriggerGroup {
    #[command(subcommand)]
    command: Option<TriggerCommand>,
}

#[derive(Args, Debug)]
struct TemplateGroup {
    #[command(subcommand)]
    command: Option<TemplateCommand>,
}

/// Which binding a command is about, and where its configuration, its objects and what lies beside objects come from.
#[derive(Args, Debug)]
pub(crate) struct PlaceArgs {
    #[command(flatten)]
    pub(crate) binding: BindingArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) argo_cd: ArgoCdArgs,
}

/// `dodona trigger`, for any binding.
#[derive(Args, Debug)]
pub(crate) struct AnyTriggerArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    group: TriggerGroup,
}

/// `dodona template`, for any binding.
#[derive(Args, Debug)]
pub(crate) struct AnyTemplateArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    group: TemplateGroup,
}

fn of_any(place: &PlaceArgs, tool: Tool) -> anyhow::Result<ExitCode> {
    let binding = assemble::known(&place.binding.binding, &place.source.connection)?;
    run(binding, tool, &place.source, Some(&place.argo_cd))
}

/// Runs `dodona app …`.
pub(crate) fn app(arguments: AppArgs) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Some(tool) => run(
            assemble::known("app", &arguments.source.connection)?,
            tool,
            &arguments.source,
            Some(&arguments.argo_cd),
        ),
        None => help_of(&["app"]),
    }
}

/// Runs `dodona rollouts …`.
pub(crate) fn rollouts(arguments: RolloutsArgs) -> anyhow::Result<ExitCode> {
    let Some(RolloutsCommand::Notifications(arguments)) = arguments.command else {
        return help_of(&["rollouts"]);
    };
    match arguments.command {
        Some(tool) => {
            run(assemble::known("rollout", &arguments.source.connection)?, tool, &arguments.source, None)
        }
        None => help_of(&["rollouts", "notifications"]),
    }
}

/// Runs `dodona trigger …`.
pub(crate) fn any_trigger(arguments: AnyTriggerArgs) -> anyhow::Result<ExitCode> {
    of_any(&arguments.place, Tool::Trigger(arguments.group))
}

/// Runs `dodona template …`.
pub(crate) fn any_template(arguments: AnyTemplateArgs) -> anyhow::Result<ExitCode> {
    of_any(&arguments.place, Tool::Template(arguments.group))
}

fn run(
    binding: Arc<dyn Binding>,
    tool: Tool,
    source: &SourceArgs,
    argo_cd: Option<&ArgoCdArgs>,
) -> anyhow::Result<ExitCode> {
    let open = || {
        let mut workspace = Workspace::open(binding, &source.input, &source.connection)?;
        if let Some(flags) = argo_cd {
            workspace = workspace.with_argo_cd(flags);
        }
        workspace.show_reports();
        anyhow::Ok(workspace)
    };
    match tool {
        Tool::Trigger(TriggerGroup { command: Some(command) }) => trigger::run(&open()?, &command),
        Tool::Template(TemplateGroup { command: Some(command) }) => template::run(open, &command),
        Tool::Trigger(_) => wrong_use("select child command: `trigger get` or `trigger run`"),
        Tool::Template(_) => wrong_use("select child command: `template get` or `template notify`"),
    }
}
