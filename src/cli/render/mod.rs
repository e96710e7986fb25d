//! `dodona render`: what services would send about an object, and how people would see it. Nothing is sent: the services run
//! with a rehearsal in the place of the network.

mod page;
mod rich;
mod terminal;
mod view;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use dodona_value::Scope;
use serde_json::{Value, json};

use super::assemble;
use super::output::{Format, Output, Paint, print, print_lines, print_value, say};
use super::tools::PlaceArgs;
use super::workspace::Workspace;
use crate::config::{ConfiguredService, yaml};
use crate::delivery::capture::{Capture, Sent};
use crate::engine::{Send, Wanted, compose, destinations, evaluate, subscribe};
use crate::model::{Destination, Object};
use view::View;

/// `dodona render`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  dodona render app-sync-failed app.yaml --config-map cm.yaml\n  dodona render trigger.on-deployed guestbook -n argocd --service slack\n  dodona render app-deployed app.yaml --config-map cm.yaml --recipient slack:team-web --open"
)]
pub(crate) struct RenderArgs {
    /// A template or a trigger; `template.NAME` or `trigger.NAME` where both exist
    #[arg(value_name = "NAME")]
    name: String,
    /// The object: a file, `-` for standard input, or a name in the cluster (`name` or `namespace/name`)
    #[arg(value_name = "FILE|OBJECT")]
    object: String,
    /// Only this service; may be repeated
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
    /// Only this recipient, `service:recipient`; may be repeated
    #[arg(long, value_name = "RECIPIENT", conflicts_with = "service")]
    recipient: Vec<String>,
    /// Form of the output: wide, json, yaml, or name for the destinations alone
    #[arg(short, long, value_name = "FORMAT", default_value = "wide")]
    output: Output,
    /// Write the previews to a page for the browser, and open it where there is a terminal
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    open: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Templates that are sent together.
struct Job {
    /// `trigger on-x, condition [0]: …`; empty where a template was asked for.
    title: String,
    /// Whether the condition holds.
    holds: bool,
    templates: Vec<String>,
}

/// What one service does with one job.
struct Rendered {
    job: String,
    destination: String,
    templates: Vec<String>,
    sent: Vec<Sent>,
    view: Option<View>,
    problem: Option<String>,
}

/// Renders.
pub(crate) fn run(arguments: &RenderArgs) -> anyhow::Result<ExitCode> {
    arguments.output.format()?;
    let binding = assemble::known(&arguments.place.binding.binding, &arguments.place.source.connection)?;
    let mut capture = None;
    let clients = |redactor: &crate::model::Redactor| {
        let rehearsal = Arc::new(Capture::new(redactor.clone()));
        let clients = rehearsal.clients();
        capture = Some(rehearsal);
        clients
    };
    let source = &arguments.place.source;
    let workspace = Workspace::open_dry(binding, &source.input, &source.connection, clients)?;
    let workspace = workspace.with_argo_cd(&arguments.place.argo_cd);
    workspace.show_reports();
    let capture = capture.context("no configuration was built")?;
    let object = workspace.object(&arguments.object)?;
    let jobs = jobs(&workspace, &object, &arguments.name)?;
    let targets = targets(&workspace, &object, arguments)?;
    let mut all = Vec::new();
    for job in &jobs {
        for target in &targets {
            all.push(rehearse(&workspace, &capture, &object, job, target));
        }
    }
    show(&all, arguments)?;
    let failed = all.iter().filter(|one| one.problem.is_some()).count();
    if failed > 0 {
        bail!("{failed} of {} messages would not be sent", all.len());
    }
    Ok(ExitCode::SUCCESS)
}

/// The templates of `name`: one, or those of the conditions of a trigger that hold. Where none holds, all of them.
fn jobs(workspace: &Workspace, object: &Arc<Object>, name: &str) -> anyhow::Result<Vec<Job>> {
    let policy = &workspace.config.policy;
    let (as_template, as_trigger) = match (name.strip_prefix("template."), name.strip_prefix("trigger.")) {
        (Some(template), _) if !policy.templates.contains_key(name) => (Some(template), None),
        (_, Some(trigger)) if !policy.triggers.contains_key(name) => (None, Some(trigger)),
        _ => (Some(name), Some(name)),
    };
    let template = as_template.filter(|name| policy.templates.contains_key(*name));
    let trigger = as_trigger.and_then(|name| Some((name, policy.triggers.get(name)?)));
    let (name, trigger) = match (template, trigger) {
        (Some(name), None) => {
            return Ok(vec![Job { title: String::new(), holds: true, templates: vec![name.to_owned()] }]);
        }
        (None, Some(trigger)) => trigger,
        (Some(_), Some(_)) => bail!(
            "there is a template and a trigger called `{name}`; write `template.{name}` or `trigger.{name}`"
        ),
        (None, None) => {
            let known: Vec<&str> =
                policy.templates.keys().chain(policy.triggers.keys()).map(String::as_str).collect();
            bail!("there is no template and no trigger called `{name}` (found {})", known.join(", "));
        }
    };
    let named = Arc::from(name);
    let program = |scope: &Scope| evaluate(0, &named, trigger, scope, &workspace.runtime).collect::<Vec<_>>();
    let verdicts = workspace.run(object, None, |variable| trigger.mentions(variable), program)?;
    let mut jobs: Vec<Job> = verdicts
        .into_iter()
        .enumerate()
        .map(|(index, verdict)| {
            let state = match &verdict.error {
                Some(error) => format!("cannot be evaluated ({error})"),
                None if verdict.triggered => "holds".to_owned(),
                None => "does not hold".to_owned(),
            };
            let title = format!("trigger {name}, condition [{index}] {state}");
            Job { title, holds: verdict.triggered, templates: verdict.templates }
        })
        .collect();
    if jobs.iter().any(|job| job.holds) {
        jobs.retain(|job| job.holds);
    }
    Ok(jobs)
}

/// Where to: what the flags say; otherwise each service, to those who are subscribed through it.
fn targets(
    workspace: &Workspace,
    object: &Object,
    arguments: &RenderArgs,
) -> anyhow::Result<Vec<Destination>> {
    if !arguments.recipient.is_empty() {
        return Ok(arguments.recipient.iter().map(|text| subscribe::recipient(text)).collect());
    }
    let services = &workspace.config.services;
    if let Some(unknown) = arguments.service.iter().find(|name| !services.contains_key(*name)) {
        let known: Vec<&str> = services.keys().map(String::as_str).collect();
        bail!("notification service '{unknown}' is not supported (found {})", known.join(", "));
    }
    let beside = workspace.beside(object).and_then(|(_, found)| found.ok());
    let projects: Vec<_> = beside.iter().map(|found| found.annotations()).collect();
    let subscribed =
        destinations(object, &workspace.config.policy, &projects, workspace.reading(), &mut Vec::new());
    let mut found = Vec::new();
    for service in services.values() {
        if !arguments.service.is_empty() && !arguments.service.contains(&service.name) {
            continue;
        }
        let mut own: Vec<Destination> = subscribed
            .iter()
            .flat_map(|(_, destinations)| destinations)
            .filter(|destination| *destination.service == *service.name)
            .cloned()
            .collect();
        own.sort();
        own.dedup();
        if own.is_empty() {
            own.push(Destination::new(service.name.as_str(), stand_in(workspace, service)));
        }
        found.extend(own);
    }
    if found.is_empty() {
        found.push(Destination::new("console", "stdout"));
    }
    Ok(found)
}

/// A recipient where nobody is subscribed: the first one that the service lists, if it lists any.
fn stand_in(workspace: &Workspace, service: &ConfiguredService) -> String {
    /// Options that are recipients by name.
    const LISTS: &[&str] = &["recipientUrls", "webhooks", "apiKeys", "serviceKeys", "serviceIDs"];
    let text = workspace.settings.config_map.as_ref().and_then(|keys| keys.get(&service.key));
    let settings = text.and_then(|text| yaml::parse_node(text).ok());
    let fields = settings.as_ref().and_then(|settings| settings.fields().ok());
    let mut lists = LISTS.iter().filter_map(|name| fields?.fields(name).ok().flatten());
    let first = lists.find_map(|list| list.iter().next().map(|(key, _)| key.text.clone()));
    let unlisted = match service.kind.as_str() {
        "email" => "somebody@example.org",
        "webhook" => "",
        _ => "somebody",
    };
    first.unwrap_or_else(|| unlisted.to_owned())
}

fn rehearse(
    workspace: &Workspace,
    capture: &Capture,
    object: &Arc<Object>,
    job: &Job,
    target: &Destination,
) -> Rendered {
    let shown = if target.recipient.is_empty() {
        target.service.to_string()
    } else {
        format!("{}:{}", target.service, target.recipient)
    };
    let mut rendered = Rendered {
        job: job.title.clone(),
        destination: shown,
        templates: job.templates.clone(),
        sent: Vec::new(),
        view: None,
        problem: None,
    };
    let result = deliver(workspace, object, job, target);
    rendered.sent = capture.take();
    rendered.view = rendered.sent.iter().find_map(view::view);
    match result {
        Ok(Some(text)) => rendered.sent.push(Sent::Mail(text)),
        Ok(None) => {}
        // The answer was made up; what came before it is real.
        Err(_) if !rendered.sent.is_empty() => {}
        Err(error) => rendered.problem = Some(workspace.redactor.redact(&format!("{error:#}")).into_owned()),
    }
    rendered
}

/// Composes and hands over; the text of the message where there is no service to hand it to.
fn deliver(
    workspace: &Workspace,
    object: &Arc<Object>,
    job: &Job,
    target: &Destination,
) -> anyhow::Result<Option<String>> {
    let policy = &workspace.config.policy;
    let configured = workspace.config.services.get(&*target.service);
    let asked = |name: &str| {
        job.templates.iter().filter_map(|one| policy.templates.get(one)).any(|one| one.mentions(name))
    };
    let send = Send {
        again: false,
        policy: 0,
        trigger: String::new(),
        condition: String::new(),
        ledger_key: String::new(),
        destination: target.clone(),
        templates: job.templates.clone(),
        object: Arc::clone(object),
    };
    let wanted = configured.map_or(Wanted::All, |service| Wanted::Section(service.section));
    let program = |scope: &Scope| compose(&send, policy, wanted, scope, &workspace.runtime);
    let message = workspace.run(object, Some(target), asked, program)??;
    match configured.map(|configured| &configured.service) {
        Some(Ok(service)) => {
            workspace.input.wait(service.deliver(&message, &target.recipient))?;
            Ok(None)
        }
        Some(Err(why)) => bail!("service '{}' is not usable: {why}", target.service),
        None if &*target.service == "console" => Ok(Some(crate::delivery::services::console::show(&message))),
        None => bail!("notification service '{}' is not supported", target.service),
    }
}

fn show(all: &[Rendered], arguments: &RenderArgs) -> anyhow::Result<()> {
    match arguments.output.format()? {
        Format::Wide => {
            let paint = Paint::stdout();
            print(&all.iter().map(|one| lines(one, paint)).collect::<Vec<_>>().join("\n"))?;
        }
        Format::Name => print_lines(all.iter().map(|one| &one.destination))?,
        format => print_value(&all.iter().map(Rendered::to_json).collect(), format)?,
    }
    if let Some(file) = &arguments.open {
        write_page(all, arguments, file)?;
    }
    Ok(())
}

impl Rendered {
    fn heading(&self) -> String {
        let job = if self.job.is_empty() { String::new() } else { format!("{}: ", self.job) };
        format!("{job}{} to {}", self.templates.join(", "), self.destination)
    }

    fn to_json(&self) -> Value {
        let sent: Vec<Value> = self.sent.iter().map(Sent::to_json).collect();
        let mut value = json!({"destination": self.destination, "templates": self.templates, "sent": sent});
        if !self.job.is_empty() {
            value["why"] = self.job.clone().into();
        }
        if let Some(problem) = &self.problem {
            value["error"] = problem.clone().into();
        }
        value
    }

    /// What is sent, as text.
    fn wire(&self) -> String {
        let one = |sent: &Sent| match sent {
            Sent::Mail(text) => text.replace("\r\n", "\n"),
            Sent::Request { line, headers, body } => {
                let headers: Vec<String> = headers
                    .iter()
                    .map(|(name, value)| {
                        format!(
                            "{name}: {value}
"
                        )
                    })
                    .collect();
                let headers = headers.concat();
                let body = match sent.readable() {
                    Some(payload) => format!("{payload:#}"),
                    None => body.trim_end().to_owned(),
                };
                let gap = if body.is_empty() { "" } else { "\n" };
                format!("{line}\n{headers}{gap}{body}")
            }
        };
        self.sent.iter().map(one).map(|text| text.trim_end().to_owned()).collect::<Vec<_>>().join("\n\n")
    }
}

fn lines(one: &Rendered, paint: Paint) -> String {
    let indented = |text: &str| -> String {
        text.lines().map(|line| format!("  {line}").trim_end().to_owned() + "\n").collect()
    };
    let mut parts = vec![format!("{}\n", paint.bold(&one.heading()))];
    let wire = one.wire();
    if !wire.is_empty() {
        parts.push(indented(&wire));
    }
    if let Some(view) = &one.view {
        let title = paint.dim(&format!("As {} shows it:", view.place));
        parts.push(format!("{title}\n\n{}", terminal::show(view, paint)));
    }
    if let Some(problem) = &one.problem {
        parts.push(format!("  {} {problem}\n", paint.red("failed:")));
    }
    parts.join("\n")
}

/// Writes the page, says where it is, and shows it to whoever sits there.
fn write_page(all: &[Rendered], arguments: &RenderArgs, file: &std::path::Path) -> anyhow::Result<()> {
    let file = if file.as_os_str().is_empty() {
        std::env::temp_dir().join("dodona-preview.html")
    } else {
        file.to_owned()
    };
    let entries: Vec<page::Entry> = all
        .iter()
        .map(|one| page::Entry {
            heading: one.heading(),
            view: one.view.clone(),
            sent: one.wire(),
            problem: one.problem.clone(),
        })
        .collect();
    let title = format!("{} for {}", arguments.name, arguments.object);
    std::fs::write(&file, page::page(&title, &entries))
        .with_context(|| format!("failed to write {}", file.display()))?;
    say(&format!("preview: {}", file.display()));
    if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let silent = Command::new(program).arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        // Without a desktop there is still the file.
        drop(silent);
    }
    Ok(())
}
