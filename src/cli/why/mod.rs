//! `dodona why`: what the configuration says about one object, and why a notification would be sent or not.
//!
//! It decides as the controller does, with the same function, and knows what is written down: the configuration and the tenant's,
//! the object, its state annotation, and the Events in which refusals are told. What a running controller has under way is
//! not written down; the answer says so.

mod decided;
mod outcome;
mod sources;
mod told;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use dodona_value::Scope;
use serde_json::{Value, json};

use super::assemble;
use super::output::{Format, Output, Paint, print, print_lines, print_value};
use super::tools::PlaceArgs;
use super::workspace::Workspace;
use crate::binding::state_annotation;
use crate::config::Definitions;
use crate::engine::{Applicable, DecideInput, Ledger, Plan, Verdict, decide};
use crate::model::{Cause, Change, Destination, Object};
use decided::Fact;
use outcome::{Looker, Outcome};
use sources::Sources;
use told::{Told, ago, date};

/// `dodona why`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  dodona why guestbook -n argocd\n  dodona why argocd/guestbook --trigger on-deployed\n  dodona why app.yaml --config-map cm.yaml -o json\n  dodona why rollout.yaml --binding rollout --config-map cm.yaml"
)]
pub(crate) struct WhyArgs {
    /// The object: a file, `-` for standard input, or a name in the cluster (`name` or `namespace/name`)
    #[arg(value_name = "FILE|OBJECT")]
    object: String,
    /// Only this trigger; may be repeated
    #[arg(long, value_name = "NAME")]
    trigger: Vec<String>,
    /// Form of the output: wide, json, yaml, or name for what would be sent
    #[arg(short, long, value_name = "FORMAT", default_value = "wide")]
    output: Output,
    /// The configuration in the object's own namespace counts too, as with `--self-service-notification-enabled` of the controller
    #[arg(long, alias = "self-service-notification-enabled")]
    self_service: bool,
    /// File with the ConfigMap of the object's own namespace, instead of the cluster's; turns `--self-service` on
    #[arg(long, value_name = "FILE")]
    tenant_config_map: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
}

impl WhyArgs {
    fn counts_tenants(&self) -> bool {
        self.self_service || self.tenant_config_map.is_some()
    }
}

/// One condition of a trigger that somebody is subscribed to.
struct Looked {
    verdict: Verdict,
    /// The tenant whose configuration has the condition.
    tenant: Option<String>,
    /// The text of `when`; nothing if the trigger is not configured.
    when: Option<String>,
    facts: Vec<Fact>,
    outcomes: Vec<Outcome>,
}

/// Everything there is to say about one object.
struct Answer {
    name: String,
    skipped: Option<String>,
    sources: Sources,
    looked: Vec<Looked>,
    told: Vec<Told>,
    /// What receivers refused, by the Events of the last hour: time and message.
    refused: Vec<(String, String)>,
    problems: Vec<String>,
    /// What cannot be known from here.
    unknown: Vec<String>,
    now: i64,
}

/// Explains.
pub(crate) fn run(arguments: &WhyArgs) -> anyhow::Result<ExitCode> {
    let output = arguments.output.format()?;
    let object_name = arguments.object.as_str();
    let mut connection = arguments.place.source.connection.clone();
    let is_file = std::path::Path::new(object_name).is_file();
    // `namespace/name` says where the object is; a file may be anywhere. A tenant's object is not where the central
    // configuration is.
    if let (None, Some((namespace, _)), false, false) =
        (&connection.namespace, object_name.split_once('/'), is_file, arguments.counts_tenants())
    {
        connection.namespace = Some(namespace.to_owned());
    }
    let binding = assemble::known(&arguments.place.binding.binding, &connection)?;
    let workspace =
        Workspace::open_dry(binding, &arguments.place.source.input, &connection, |_| assemble::clients())?;
    let workspace = workspace.with_argo_cd(&arguments.place.argo_cd);
    workspace.show_reports();
    let object = workspace.object(object_name)?;
    let mut unknown = Vec::new();
    let tenant = tenant(&workspace, &object, arguments, is_file, &mut unknown)?;
    tenant.iter().for_each(Workspace::show_reports);
    let workspaces: Vec<&Workspace> = std::iter::once(&workspace).chain(&tenant).collect();
    let mut answer = answer(&workspaces, &object, &arguments.trigger)?;
    answer.unknown = unknown;
    answer.look_for_refusals(&workspace, &object, is_file || object_name == "-");
    let outcomes = || answer.looked.iter().flat_map(|one| &one.outcomes);
    match output {
        Format::Wide => print(&answer.text(Paint::stdout()))?,
        Format::Name => {
            let names: Vec<String> = outcomes()
                .filter(|outcome| outcome.sends)
                .map(|outcome| format!("{} {}", outcome.trigger, outcome.destination))
                .collect();
            print_lines(&names)?;
        }
        format => print_value(&answer.to_json(), format)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration of the object's namespace, if it counts. Where it is there and was not asked for, that is said.
fn tenant(
    workspace: &Workspace,
    object: &Object,
    arguments: &WhyArgs,
    is_file: bool,
    unknown: &mut Vec<String>,
) -> anyhow::Result<Option<Workspace>> {
    let namespace = &*object.key().namespace;
    if let Some(file) = &arguments.tenant_config_map {
        return workspace.of_tenant(namespace, Some(file));
    }
    let central = || workspace.input.wait(workspace.input.cluster.namespace());
    if namespace.is_empty() || !arguments.self_service && is_file {
        return Ok(None);
    }
    if central().is_none_or(|central| central == namespace) {
        return Ok(None);
    }
    if arguments.self_service {
        return workspace.of_tenant(namespace, None);
    }
    if let Ok(Some(_)) = workspace.input.settings_in(namespace, workspace.binding.settings_names()) {
        let name = workspace.binding.settings_names().0;
        unknown.push(format!(
            "whether the ConfigMap {name} in namespace {namespace} counts: it does where the controller runs with --self-service-notification-enabled; ask with --self-service"
        ));
    }
    Ok(None)
}

fn answer(workspaces: &[&Workspace], object: &Arc<Object>, only: &[String]) -> anyhow::Result<Answer> {
    let [workspace, ..] = workspaces else { anyhow::bail!("no configuration was read") };
    let mut problems = Vec::new();
    let beside = match workspace.beside(object) {
        Some((name, Ok(found))) => Some((name, found)),
        Some((name, Err(error))) => {
            problems.push(format!("the subscriptions of {name} are not known: {error:#}"));
            None
        }
        None => None,
    };
    let named = || beside.as_ref().map(|(name, found)| (name.as_str(), &**found));
    let mut sources: Vec<Sources> =
        workspaces.iter().map(|workspace| sources::of(workspace, object, named())).collect();
    for one in &mut sources {
        one.found.retain(|one| only.is_empty() || only.contains(&one.trigger));
    }
    let mut scopes = Vec::new();
    for workspace in workspaces {
        let asked =
            |name: &str| workspace.config.policy.triggers.values().any(|trigger| trigger.mentions(name));
        scopes.push(workspace.run(object, None, asked, Scope::clone)?);
    }
    let projects: Vec<_> = beside.iter().map(|(_, found)| found.annotations()).collect();
    let plan = plan(workspaces, object, &projects, &scopes);
    problems.extend(plan.reports.iter().map(ToString::to_string).chain(plan.problem.clone()));
    let state = object.annotation(&annotation(workspace)).unwrap_or_default();
    let policies: Vec<_> = workspaces.iter().map(|workspace| &*workspace.config.policy).collect();
    let told = told::read(state, &policies);
    if told.is_empty() && !matches!(state.trim(), "" | "{}" | "null") {
        problems.push(
            "the state annotation cannot be read and counts as empty: whatever holds is told again"
                .to_owned(),
        );
    }
    let skipped = workspace.binding.skip(object)?;
    let view = View { object, plan: &plan, told: &told, skipped: skipped.is_some() };
    let wanted = |verdict: &&Verdict| {
        let known = policies.iter().any(|policy| policy.triggers.contains_key(&*verdict.trigger));
        // What one configuration does not have, another one has.
        let elsewhere = verdict.key.is_empty() && known;
        !elsewhere && (only.is_empty() || only.iter().any(|name| **name == *verdict.trigger))
    };
    let verdicts = plan.verdicts.iter().filter(wanted);
    let looked = verdicts.filter_map(|verdict| {
        let index = verdict.policy;
        Some(view.looked(verdict, workspaces.get(index)?, scopes.get(index)?, sources.get(index)?))
    });
    let looked = looked.collect();
    let kind = if object.kind().is_empty() { "object" } else { object.kind() };
    Ok(Answer {
        name: format!("{kind} {}", object.key()),
        skipped,
        sources: Sources::joined(&sources),
        looked,
        told,
        refused: Vec::new(),
        problems,
        unknown: Vec::new(),
        now: now(workspace),
    })
}

/// What the answers about single conditions are made of.
struct View<'a> {
    object: &'a Arc<Object>,
    plan: &'a Plan,
    told: &'a [Told],
    skipped: bool,
}

impl View<'_> {
    fn looked(&self, verdict: &Verdict, workspace: &Workspace, scope: &Scope, sources: &Sources) -> Looked {
        let when = when(&workspace.config.definitions(), verdict);
        let facts = match &when {
            Some(when) => decided::facts(when, scope, workspace),
            None => Vec::new(),
        };
        let Self { object, plan, told, skipped } = *self;
        let looker = Looker { workspace, object, plan, told, skipped };
        let targets = sources.destinations(&verdict.trigger).into_iter();
        let outcomes = targets.map(|target| looker.outcome(verdict, target)).collect();
        Looked { verdict: verdict.clone(), tenant: workspace.tenant.clone(), when, facts, outcomes }
    }
}

fn annotation(workspace: &Workspace) -> String {
    state_annotation(workspace.binding.annotation_prefix())
}

fn now(workspace: &Workspace) -> i64 {
    workspace.runtime.clock.now().unix_seconds()
}

/// The controller's own decision, with an empty memory.
fn plan(
    workspaces: &[&Workspace],
    object: &Arc<Object>,
    projects: &[&crate::engine::Annotations],
    scopes: &[Scope],
) -> Plan {
    let Some(workspace) = workspaces.first() else { return Plan::default() };
    let change =
        Change { binding: workspace.binding.name().into(), object: Arc::clone(object), cause: Cause::Added };
    let scopes: Vec<_> = scopes.iter().map(|scope| move || Ok(scope.clone())).collect();
    let policies: Vec<Applicable<'_>> = workspaces
        .iter()
        .zip(&scopes)
        .map(|(workspace, scope)| Applicable {
            policy: &workspace.config.policy,
            projects,
            scope,
            undecided: &[],
        })
        .collect();
    let input = DecideInput {
        change: &change,
        policies: &policies,
        reading: workspace.reading(),
        runtime: &workspace.runtime,
        now: now(workspace),
        resync: i64::try_from(workspace.binding.resync().as_secs()).unwrap_or(i64::MAX),
    };
    decide(&input, &mut Ledger::new(annotation(workspace)))
}

/// `[0].hash` names the condition.
fn index(verdict: &Verdict) -> Option<usize> {
    verdict.key.strip_prefix('[')?.split_once(']')?.0.parse().ok()
}

fn when(definitions: &Definitions, verdict: &Verdict) -> Option<String> {
    let conditions = definitions.triggers.get(&*verdict.trigger)?.as_ref()?;
    Some(conditions.get(index(verdict)?)?.when.trim().to_owned())
}

fn shown(destination: &Destination) -> String {
    let colon = if destination.recipient.is_empty() { "" } else { ":" };
    format!("{}{colon}{}", destination.service, destination.recipient)
}

impl Answer {
    /// Reads the Events in which a controller tells what receivers refused, and says what cannot be known.
    fn look_for_refusals(&mut self, workspace: &Workspace, object: &Object, is_file: bool) {
        let input = &workspace.input;
        let refusals = if is_file { None } else { input.wait(input.cluster.told_about(object)).ok() };
        let more = if refusals.is_some() {
            "; what receivers refused is known from Events, which a cluster keeps for an hour"
        } else {
            ", and what receivers refused: see the Events of the object (`kubectl describe`) and the controller's log"
        };
        self.unknown.push(format!("what a running controller is about to send{more}"));
        self.refused = refusals.unwrap_or_default();
    }

    /// The one sentence that sums it up.
    fn sentence(&self) -> String {
        let outcomes: Vec<&Outcome> = self.looked.iter().flat_map(|one| &one.outcomes).collect();
        let sends = outcomes.iter().filter(|outcome| outcome.sends).count();
        match (&self.skipped, outcomes.len(), sends) {
            (Some(reason), _, _) => format!("Nothing is sent, because this version of the object is not looked at: {reason}{}.", if reason.contains("out of date") { " (Argo CD has not compared the Application since its last operation ended: `finishedAt` is later than `reconciledAt` and `observedAt`)" } else { "" }),
            (None, 0, _) => "Nothing is sent, because nobody is subscribed: no annotation and no entry of `subscriptions` concerns this object.".to_owned(),
            (None, 1, _) => outcomes.first().map(|one| sentence(&one.because)).unwrap_or_default(),
            (None, all, 0) => format!("Nothing is sent: none of {all} notifications is due."),
            (None, all, sends) => format!("{sends} of {all} notifications would be sent now."),
        }
    }

    fn text(&self, paint: Paint) -> String {
        let mut lines = vec![paint.bold(&self.name), self.sentence()];
        self.subscriptions(&mut lines, paint);
        for one in &self.looked {
            lines.push(String::new());
            one.text(&mut lines, paint);
        }
        if !self.told.is_empty() {
            lines.extend([String::new(), paint.bold("Told so far")]);
        }
        for told in &self.told {
            lines.push(format!("  {} ({}): {}", date(told.time), ago(told.time, self.now), told.words));
        }
        let refused: Vec<String> =
            self.refused.iter().map(|(time, message)| format!("{time}: {message}")).collect();
        for (title, all) in
            [("Refused", &refused), ("Problems", &self.problems), ("Not known here", &self.unknown)]
        {
            if !all.is_empty() {
                lines.extend([String::new(), paint.bold(title)]);
            }
            lines.extend(all.iter().map(|one| format!("  {one}")));
        }
        lines.join("\n") + "\n"
    }

    fn subscriptions(&self, lines: &mut Vec<String>, paint: Paint) {
        lines.extend([String::new(), paint.bold("Subscriptions")]);
        if self.sources.found.is_empty() {
            lines.push("  none".to_owned());
        }
        for one in &self.sources.found {
            let default = if one.by_default { ", by default" } else { "" };
            lines.push(format!("  {} to {}: {}{default}", one.trigger, shown(&one.destination), one.from));
        }
        lines.extend(self.sources.idle.iter().map(|idle| format!("  {idle}")));
    }

    fn to_json(&self) -> Value {
        let subscriptions: Vec<Value> = self.sources.found.iter().map(|one| {
            json!({"trigger": one.trigger, "service": &*one.destination.service, "recipient": &*one.destination.recipient, "from": one.from, "byDefault": one.by_default})
        }).collect();
        let conditions: Vec<Value> = self.looked.iter().map(Looked::to_json).collect();
        let told: Vec<Value> = self
            .told
            .iter()
            .map(|told| json!({"key": told.key, "time": date(told.time), "meaning": told.words}))
            .collect();
        let refused: Vec<Value> =
            self.refused.iter().map(|(time, message)| json!({"time": time, "message": message})).collect();
        json!({
            "object": self.name, "because": self.sentence(), "subscriptions": subscriptions,
            "ignored": self.sources.idle, "conditions": conditions, "told": told, "refused": refused,
            "problems": self.problems, "unknown": self.unknown,
        })
    }
}

impl Looked {
    fn text(&self, lines: &mut Vec<String>, paint: Paint) {
        let verdict = &self.verdict;
        let title = match index(verdict) {
            Some(index) => format!("{} [{index}]", verdict.trigger),
            None => verdict.trigger.to_string(),
        };
        let title = match &self.tenant {
            Some(tenant) => format!("{title} of namespace {tenant}"),
            None => title,
        };
        let state = match (&verdict.error, verdict.triggered) {
            _ if self.when.is_none() => paint.red("is not configured"),
            (_, true) => paint.green("holds"),
            (Some(_), false) => paint.red("cannot be evaluated"),
            (None, false) => "does not hold".to_owned(),
        };
        lines.push(format!("{} {state}", paint.bold(&title)));
        lines.extend(
            self.when.iter().flat_map(|when| when.lines()).map(|line| format!("  {}", paint.dim(line))),
        );
        lines.extend(self.facts.iter().map(|fact| match &fact.value {
            Ok(value) => format!("    {} is {value}", fact.text),
            Err(error) => format!("    {} has no value: {error}", fact.text),
        }));
        if !verdict.once_per.is_empty() {
            lines.push(format!("    oncePer is {}", verdict.once_per));
        }
        lines.extend(verdict.error.iter().filter(|_| verdict.triggered).map(|error| format!("    {error}")));
        for outcome in &self.outcomes {
            let sign = if outcome.sends { paint.green("→") } else { "·".to_owned() };
            lines.push(format!("  {sign} {}", sentence(&outcome.because)));
        }
    }

    fn to_json(&self) -> Value {
        let facts: serde_json::Map<String, Value> =
            self.facts.iter().map(|fact| (fact.text.clone(), fact.value.clone().ok().into())).collect();
        let outcomes: Vec<Value> = self
            .outcomes
            .iter()
            .map(|one| json!({"destination": one.destination, "sends": one.sends, "because": one.because}))
            .collect();
        json!({
            "trigger": &*self.verdict.trigger, "tenant": self.tenant, "condition": &*self.verdict.key, "when": self.when,
            "holds": self.verdict.triggered, "oncePer": self.verdict.once_per, "templates": self.verdict.templates,
            "error": self.verdict.error, "values": facts, "notifications": outcomes,
        })
    }
}

/// A text as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}
