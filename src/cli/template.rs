//! `template get` and `template notify` (core 7.2).

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use dodona_value::Scope;
use serde_json::Value;

use super::output::{Format, json_line, print, print_lines, print_value};
use super::table::Table;
use super::trigger::GetArgs;
use super::workspace::Workspace;
use crate::delivery::Service;
use crate::delivery::services::console::Console;
use crate::engine::{Send, Wanted, compose, subscribe};
use crate::model::{Destination, Object};

/// Longest preview in bytes; a longer one is cut to one byte less, and dots.
const PREVIEW: usize = 100;

/// Longest time for one delivery where the service has no shorter one.
const DELIVERY: Duration = Duration::from_mins(1);

/// The commands about templates.
#[derive(Subcommand, Debug)]
pub(crate) enum TemplateCommand {
    /// Show the templates of the configuration
    #[command(
        after_help = "Examples:\n  template get\n  template get app-deployed -o yaml\n  template get --config-map cm.yaml --secret :empty"
    )]
    Get(GetArgs),
    /// Render a template for an object and send it
    #[command(
        after_help = "Examples:\n  template notify app-deployed guestbook -n argocd\n  template notify app-deployed guestbook -n argocd --recipient slack:my-channel\n  template notify app-deployed app.yaml --config-map cm.yaml --secret :empty"
    )]
    Notify(NotifyArgs),
}

/// `notify`.
#[derive(Args, Debug)]
pub(crate) struct NotifyArgs {
    /// Name of the template
    #[arg(value_name = "NAME")]
    name: String,
    /// The object: a file, `-` for standard input, or a name in the cluster (`name` or `namespace/name`)
    #[arg(value_name = "FILE|OBJECT")]
    object: String,
    /// Ignored, as upstream does
    #[arg(hide = true)]
    rest: Vec<String>,
    /// Whom to notify, `service:recipient`; may be repeated. `console` prints
    #[arg(long, value_name = "RECIPIENT", default_value = "console:stdout", allow_hyphen_values = true)]
    recipient: Vec<String>,
}

/// Runs a command about templates; `open` reads the configuration.
pub(crate) fn run(
    open: impl FnOnce() -> anyhow::Result<Workspace>,
    command: &TemplateCommand,
) -> anyhow::Result<ExitCode> {
    match command {
        TemplateCommand::Get(arguments) => get(&open()?, arguments),
        TemplateCommand::Notify(arguments) => notify(&open()?, arguments),
    }
}

fn get(workspace: &Workspace, arguments: &GetArgs) -> anyhow::Result<ExitCode> {
    let output = arguments.output.format()?;
    let mut templates = workspace.config.definitions().templates;
    templates.retain(|name, _| arguments.shows(name));
    match output {
        Format::Name => print_lines(templates.keys())?,
        Format::Wide => {
            let mut table = Table::new(&["NAME", "PREVIEW"]);
            for (name, template) in &templates {
                table.row(&[name, &preview(template)]);
            }
            print(&table.aligned())?;
        }
        format => print_value(&templates.into_iter().collect(), format)?,
    }
    Ok(if workspace.config.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The first line of the message, or of the definition as JSON where there is none. A cut that would fall inside a character
/// drops it.
fn preview(template: &Value) -> String {
    let text = match template.get("message").and_then(Value::as_str) {
        Some(message) => message.to_owned(),
        None => json_line(template),
    };
    let line = text.split('\n').next().unwrap_or_default();
    if line.len() <= PREVIEW {
        return line.to_owned();
    }
    let end = (0..PREVIEW).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", line.get(..end).unwrap_or_default())
}

/// Sends to one recipient after the other; the first failure ends it.
fn notify(workspace: &Workspace, arguments: &NotifyArgs) -> anyhow::Result<ExitCode> {
    super::log_requests(&workspace.redactor)?;
    let object = workspace.object(&arguments.object)?;
    for recipient in &arguments.recipient {
        send(workspace, &arguments.name, &object, recipient)
            .with_context(|| format!("failed to notify '{recipient}'"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn send(workspace: &Workspace, template: &str, object: &Arc<Object>, recipient: &str) -> anyhow::Result<()> {
    let destination = subscribe::recipient(recipient);
    let (service, wanted) = service(workspace, &destination)?;
    let policy = &workspace.config.policy;
    let asked = |name: &str| policy.templates.get(template).is_some_and(|template| template.mentions(name));
    let send = Send {
        again: false,
        policy: 0,
        trigger: String::new(),
        condition: String::new(),
        ledger_key: String::new(),
        destination,
        templates: vec![template.to_owned()],
        object: Arc::clone(object),
    };
    let program = |scope: &Scope| compose(&send, policy, wanted, scope, &workspace.runtime);
    let message = workspace.run(object, Some(&send.destination), asked, program)??;
    let delivery = async {
        tokio::time::timeout(DELIVERY, service.deliver(&message, &send.destination.recipient)).await
    };
    let answer = workspace.input.wait(delivery);
    answer.map_err(|_| anyhow!("no answer within {} s", DELIVERY.as_secs()))??;
    Ok(())
}

/// The service of a destination, and which part of the templates it reads. The console is the command line's own; one that is
/// configured under that name is not used (core 1.2.2).
fn service<'a>(
    workspace: &'a Workspace,
    destination: &Destination,
) -> anyhow::Result<(Arc<dyn Service>, Wanted<'a>)> {
    let name = &*destination.service;
    if name == "console" {
        let print = |text: &str| print(text).map_err(std::io::Error::other);
        return Ok((Arc::new(Console::new(print)), Wanted::All));
    }
    let Some(configured) = workspace.config.services.get(name) else {
        bail!("notification service '{name}' is not supported");
    };
    match &configured.service {
        Ok(service) => Ok((Arc::clone(service), Wanted::Section(configured.section))),
        Err(why) => bail!("service '{name}' is not usable: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn previews_are_cut_in_front_of_a_character() {
        assert_eq!(preview(&json!({"message": "one\ntwo"})), "one");
        assert_eq!(preview(&json!({"message": "\ntwo"})), "");
        assert_eq!(preview(&json!({"email": {"subject": "<"}})), r#"{"email":{"subject":"\u003c"}}"#);
        let line = "a".repeat(100);
        assert_eq!(preview(&json!({ "message": line })), line);
        assert_eq!(preview(&json!({"message": "a".repeat(101)})), format!("{}...", "a".repeat(99)));
        assert_eq!(preview(&json!({"message": "🚀".repeat(30)})), format!("{}...", "🚀".repeat(24)));
    }
}
