//! `dodona why`: what the configuration says about one object, and why a notification would be sent or not.
//!
//! It decides as the controller does, with the same function, and knows what is written down: the configuration, the object and
//! its state annotation. What a running controller has under way, or what a receiver refused, is not written down there.

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
use super::output::{Format, Paint, print, print_lines, print_value};
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
    output: Format,
    #[command(flatten)]
    place: PlaceArgs,
}

/// One condition of a trigger that somebody is subscribed to.
struct Looked {
    verdict: Verdict,
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
    problems: Vec<String>,
    now: i64,
}

/// Explains.
pub(crate) fn run(arguments: &WhyArgs) -> anyhow::Result<ExitCode> {
    let object_name = arguments.object.as_str();
    let mut connection = arguments.place.source.connection.clone();
    // `namespace/name` says where the object is; a file may be anywhere.
    if let (None, Some((namespace, _)), false) =
        (&connection.namespace, object_name.split_once('/'), std::path::Path::new(object_name).is_file())
    {
        connection.namespace = Some(namespace.to_owned());
    }
    let binding = assemble::known(&arguments.place.binding.binding, &connection)?;
    let workspace =
        Workspace::open_dry(binding, &arguments.place.source.input, &connection, |_| assemble::clients())?;
    let workspace = workspace.with_argo_cd(&arguments.place.argo_cd);
    workspace.show_reports();
    let object = workspace.object(object_name)?;
    let answer = answer(&workspace, &object, &arguments.trigger)?;
    let outcomes = || answer.looked.iter().flat_map(|one| &one.outcomes);
    match arguments.output {
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

fn answer(workspace: &Workspace, object: &Arc<Object>, only: &[String]) -> anyhow::Result<Answer> {
    let policy = &workspace.config.policy;
    let mut problems = Vec::new();
    let beside = match workspace.beside(object) {
        Some((name, Ok(found))) => Some((name, found)),
        Some((name, Err(error))) => {
            problems.push(format!("the subscriptions of {name} are not known: {error:#}"));
            None
        }
        None => None,
    };
    let mut sources =
        sources::of(workspace, object, beside.as_ref().map(|(name, found)| (name.as_str(), &**found)));
    sources.found.retain(|one| only.is_empty() || only.contains(&one.trigger));
    let asked = |name: &str| policy.triggers.values().any(|trigger| trigger.mentions(name));
    let scope = workspace.run(object, None, asked, Scope::clone)?;
    let projects: Vec<_> = beside.iter().map(|(_, found)| found.annotations()).collect();
    let plan = plan(workspace, object, &projects, &scope);
    problems.extend(plan.reports.iter().map(ToString::to_string).chain(plan.problem.clone()));
    let state = object.annotation(&annotation(workspace)).unwrap_or_default();
    let told = told::read(state, policy);
    if told.is_empty() && !matches!(state.trim(), "" | "{}" | "null") {
        problems.push(
            "the state annotation cannot be read and counts as empty: whatever holds is told again"
                .to_owned(),
        );
    }
    let definitions = workspace.config.definitions();
    let skipped = workspace.binding.skip(object)?;
    let looked = plan
        .verdicts
        .iter()
        .filter(|verdict| only.is_empty() || only.iter().any(|name| **name == *verdict.trigger))
        .map(|verdict| {
            let when = when(&definitions, verdict);
            let facts = match &when {
                Some(when) => decided::facts(when, &scope, workspace),
                None => Vec::new(),
            };
            let looker = Looker { workspace, object, plan: &plan, told: &told, skipped: skipped.is_some() };
            let targets = sources.destinations(&verdict.trigger);
            let outcomes = targets.into_iter().map(|target| looker.outcome(verdict, target)).collect();
            Looked { verdict: verdict.clone(), when, facts, outcomes }
        })
        .collect();
    let kind = if object.kind().is_empty() { "object" } else { object.kind() };
    Ok(Answer {
        name: format!("{kind} {}", object.key()),
        skipped,
        sources,
        looked,
        told,
        problems,
        now: now(workspace),
    })
}

fn annotation(workspace: &Workspace) -> String {
    state_annotation(workspace.binding.annotation_prefix())
}

fn now(workspace: &Workspace) -> i64 {
    workspace.runtime.clock.now().unix_seconds()
}

/// The controller's own decision, with an empty memory.
fn plan(
    workspace: &Workspace,
    object: &Arc<Object>,
    projects: &[&crate::engine::Annotations],
    scope: &Scope,
) -> Plan {
    let change =
        Change { binding: workspace.binding.name().into(), object: Arc::clone(object), cause: Cause::Added };
    let scope = || Ok(scope.clone());
    let input = DecideInput {
        change: &change,
        policies: &[Applicable { policy: &workspace.config.policy, projects, scope: &scope, undecided: &[] }],
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
        if !self.problems.is_empty() {
            lines.extend([String::new(), paint.bold("Problems")]);
        }
        lines.extend(self.problems.iter().map(|problem| format!("  {problem}")));
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
        json!({
            "object": self.name, "because": self.sentence(), "subscriptions": subscriptions,
            "ignored": self.sources.idle, "conditions": conditions, "told": told, "problems": self.problems,
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
            "trigger": &*self.verdict.trigger, "condition": &*self.verdict.key, "when": self.when,
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
