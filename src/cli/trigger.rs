//! `trigger get` and `trigger run` (core 7.2).

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use clap::{Args, Subcommand};
use dodona_value::Scope;
use serde_json::Value;

use super::output::{Format, Output, Paint, print, print_lines, print_value, say};
use super::table::Table;
use super::workspace::Workspace;
use crate::config::condition_definition;
use crate::engine::{ConditionText, evaluate};

/// The commands about triggers.
#[derive(Subcommand, Debug)]
pub(crate) enum TriggerCommand {
    /// Show the triggers of the configuration
    #[command(
        after_help = "Examples:\n  trigger get\n  trigger get on-deployed -o yaml\n  trigger get --config-map cm.yaml --secret :empty"
    )]
    Get(GetArgs),
    /// Evaluate the conditions of a trigger against an object; nothing is sent
    #[command(
        after_help = "Examples:\n  trigger run on-deployed guestbook -n argocd\n  trigger run on-deployed app.yaml --config-map cm.yaml --secret :empty"
    )]
    Run(RunArgs),
}

/// `get`.
#[derive(Args, Debug)]
pub(crate) struct GetArgs {
    /// Show only this one; with several names everything is shown
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Form of the output: wide, name, json or yaml
    #[arg(short, long, value_name = "FORMAT", default_value = "wide")]
    pub(crate) output: Output,
}

impl GetArgs {
    /// Whether `name` is shown.
    pub(crate) fn shows(&self, name: &str) -> bool {
        match self.names.as_slice() {
            [only] => only.is_empty() || only == name,
            _ => true,
        }
    }
}

/// `run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// Name of the trigger
    #[arg(value_name = "NAME")]
    name: String,
    /// The object: a file, `-` for standard input, or a name in the cluster (`name` or `namespace/name`)
    #[arg(value_name = "FILE|OBJECT")]
    object: String,
    /// Ignored, as upstream does
    #[arg(hide = true)]
    rest: Vec<String>,
}

/// Runs a command about triggers.
pub(crate) fn run(workspace: &Workspace, command: &TriggerCommand) -> anyhow::Result<ExitCode> {
    match command {
        TriggerCommand::Get(arguments) => get(workspace, arguments),
        TriggerCommand::Run(arguments) => evaluate_on(workspace, arguments),
    }
}

fn get(workspace: &Workspace, arguments: &GetArgs) -> anyhow::Result<ExitCode> {
    let output = arguments.output.format()?;
    let mut triggers = workspace.config.definitions().triggers;
    triggers.retain(|name, _| arguments.shows(name));
    match output {
        Format::Name => print_lines(triggers.keys())?,
        Format::Wide => {
            let mut table = Table::new(&["NAME", "TEMPLATE", "CONDITION"]);
            for (name, conditions) in &triggers {
                let first = std::iter::once(name.as_str()).chain(std::iter::repeat(""));
                for (name, condition) in first.zip(conditions.iter().flatten()) {
                    table.row(&[name, &condition.send.join(", "), &condition.when]);
                }
            }
            print(&table.aligned())?;
        }
        format => {
            let list =
                |conditions: &Vec<ConditionText>| conditions.iter().map(condition_definition).collect();
            let value =
                |conditions: &Option<Vec<ConditionText>>| conditions.as_ref().map_or(Value::Null, list);
            print_value(
                &triggers.iter().map(|(name, conditions)| (name.clone(), value(conditions))).collect(),
                format,
            )?;
        }
    }
    Ok(if workspace.config.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The answers of all conditions. One that cannot be evaluated counts as false, as in the controller, and the command fails.
fn evaluate_on(workspace: &Workspace, arguments: &RunArgs) -> anyhow::Result<ExitCode> {
    let definitions = workspace.config.definitions();
    let triggers = &workspace.config.policy.triggers;
    let Some(trigger) = triggers.get(&arguments.name) else {
        let found: Vec<&str> = triggers.keys().map(String::as_str).collect();
        bail!("trigger with name '{}' does not exist (found {})", arguments.name, found.join(", "));
    };
    let object = workspace.object(&arguments.object)?;
    let texts = definitions.triggers.get(&arguments.name).cloned().flatten().unwrap_or_default();
    let name = Arc::from(arguments.name.as_str());
    let mut table = Table::new(&["CONDITION", "RESULT"]);
    let mut code = ExitCode::SUCCESS;
    let program = |scope: &Scope| evaluate(0, &name, trigger, scope, &workspace.runtime).collect::<Vec<_>>();
    let verdicts = workspace.run(&object, None, |name| trigger.mentions(name), program)?;
    for (verdict, text) in verdicts.into_iter().zip(&texts) {
        table.row(&[&text.when, if verdict.triggered { "true" } else { "false" }]);
        if let Some(error) = verdict.error {
            say(&format!("{}: `{}`: {error}", Paint::stderr().red("error"), text.when.trim_end()));
            code = ExitCode::FAILURE;
        }
    }
    print(&table.aligned())?;
    Ok(code)
}
