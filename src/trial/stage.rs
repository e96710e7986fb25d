//! Playing a case: every version of the object goes through the engine as the controller runs it, with a clock that the
//! case moves. What would be sent is composed and recorded, and counts as received at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dodona_value::{Numbers, Runtime};
use serde_json::{Value, json};

use super::file::{Case, Suite, Version};
use super::{Coverage, FileError, object};
use crate::binding::rollout::trigger_name;
use crate::binding::{SharedFacts, state_annotation};
use crate::config::{BuildOptions, Config, yaml};
use crate::delivery::capture::{Capture, Sent};
use crate::engine::{
    self, Annotations, Applicable, DecideInput, HappeningInput, Ledger, Plan, Reading, Send, Wanted,
};
use crate::model::{
    Cause, Change, Clock as _, Companions, FixedClock, Happening, Message, NoLookup, Object, ObjectKey,
    Severity, language_runtime, with_causes,
};

/// Most looks at the object in one case: a trigger that reads the clock is looked at every minute.
const MOST_LOOKS: usize = 20_000;

/// Most patches behind one look.
const MOST_PATCHES: usize = 20;

/// Something that would be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// Time since the case began.
    pub at: Duration,
    /// Name of the service.
    pub service: String,
    /// The recipient; may be empty.
    pub recipient: String,
    /// Name of the trigger.
    pub trigger: String,
    /// Names of the templates.
    pub templates: Vec<String>,
    /// The message, or why there is none.
    pub message: Result<Message, String>,
    /// What the service would send for it, or why nothing; `None` where no expectation of the case is about that.
    pub wire: Option<Result<Wire, String>>,
}

/// What a service sends for one notification.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wire {
    /// Requests in their order: `method`, `url`, `path`, `query`, `headers`, `body`.
    pub requests: Vec<Value>,
    /// The mail, headers and body.
    pub mail: Option<String>,
}

/// What was played.
pub(super) struct Played {
    pub(super) notifications: Vec<Notification>,
    pub(super) coverage: Coverage,
}

/// Plays `case`.
pub(super) fn play(suite: &Suite, case: &Case) -> Result<Played, FileError> {
    let mut stage = Stage::new(suite, case)?;
    let mut body = stage.fresh(case.object.clone(), case.line)?;
    let mut reason = Cause::Added;
    for version in &case.versions {
        stage.wait(version.at, &mut body, case.line)?;
        let whole = version.object.clone().map(|object| stage.fresh(object, case.line)).transpose()?;
        body = whole.unwrap_or(body);
        change(&mut body, version).map_err(|message| stage.error(case.line, message))?;
        if version.restart {
            stage.ledger = Ledger::new(stage.annotation.clone());
            reason = Cause::Added;
        }
        reason = if version.deleted { Cause::Deleted } else { reason };
        stage.look(&mut body, reason, case.line)?;
        if let Some(event) = &version.event {
            stage.happen(&body, event, case.line)?;
        }
        reason = if version.deleted { Cause::Added } else { Cause::Modified };
    }
    if let Some(until) = case.until {
        stage.wait(until, &mut body, case.line)?;
    }
    let policy = &stage.config.policy;
    let mut coverage = Coverage::default();
    coverage.triggers.0.extend(policy.triggers.keys().cloned());
    coverage.templates.0.extend(policy.templates.keys().cloned());
    for told in &stage.told {
        coverage.triggers.1.insert(told.trigger.clone());
        coverage.templates.1.extend(told.templates.iter().cloned());
    }
    Ok(Played { notifications: stage.told, coverage })
}

/// Changes an object as a version says.
fn change(body: &mut Value, version: &Version) -> Result<(), String> {
    for (path, value) in &version.set {
        object::set(body, path, value.clone())?;
    }
    for path in &version.unset {
        if !object::unset(body, path)? {
            return Err(format!("there is nothing at `{path}` to unset"));
        }
    }
    Ok(())
}

struct Stage<'a> {
    suite: &'a Suite,
    config: Config,
    facts: SharedFacts,
    projects: Projects,
    clock: Arc<FixedClock>,
    runtime: Runtime,
    ledger: Ledger,
    annotation: String,
    wake_at: Option<i64>,
    version: usize,
    looks: usize,
    told: Vec<Notification>,
    /// Takes what services send.
    capture: Option<Arc<Capture>>,
}

/// AppProjects of a case.
struct Projects(Vec<Arc<Object>>);

impl Companions for Projects {
    fn find(&self, key: &ObjectKey) -> Option<Arc<Object>> {
        self.0.iter().find(|object| object.key() == key).cloned()
    }
}

impl<'a> Stage<'a> {
    /// The configuration has to load whole: a test of half a configuration shows nothing.
    fn new(suite: &'a Suite, case: &Case) -> Result<Self, FileError> {
        let binding = &suite.binding;
        let capture = case.is_on_the_wire().then(|| Arc::new(Capture::open(suite.redactor.clone())));
        let options = BuildOptions {
            namespace: suite.namespace.clone(),
            legacy: binding.name() == "app",
            clients: capture.as_ref().map(Capture::clients).unwrap_or_default(),
            ..BuildOptions::default()
        };
        let config = Config::build(&suite.settings, None, &options);
        if let Some(report) = config.reports.iter().find(|report| report.severity == Severity::Error) {
            return Err(FileError {
                place: suite.name.clone(),
                message: format!("the configuration has an error: {report}"),
            });
        }
        let facts = SharedFacts::new(&config.context, &config.secrets, Arc::new(NoLookup));
        let clock = Arc::new(FixedClock::at(suite.begin));
        let annotation = state_annotation(binding.annotation_prefix());
        let mut stage = Self {
            suite,
            config,
            facts,
            projects: Projects(Vec::new()),
            runtime: language_runtime(Arc::clone(&clock) as _, suite.zone.clone()),
            clock,
            ledger: Ledger::new(annotation.clone()),
            annotation,
            wake_at: None,
            version: 0,
            looks: 0,
            told: Vec::new(),
            capture,
        };
        if let Some(project) = &case.project {
            let body = stage.fresh(project.clone(), case.line)?;
            stage.projects.0.push(stage.parse(&body, case.line)?);
        }
        Ok(stage)
    }

    fn error(&self, line: usize, message: impl Into<String>) -> FileError {
        FileError { place: format!("{}:{line}", self.suite.name), message: message.into() }
    }

    /// An object as a cluster would have it.
    fn fresh(&self, mut body: Value, line: usize) -> Result<Value, FileError> {
        let namespace = self.suite.namespace.clone();
        let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) else {
            return Err(self.error(line, "the object has no `metadata`; it needs at least a name"));
        };
        metadata.entry("namespace").or_insert_with(|| namespace.into());
        metadata.entry("uid").or_insert_with(|| "00000000-0000-4000-8000-000000000001".into());
        Ok(body)
    }

    fn parse(&self, body: &Value, line: usize) -> Result<Arc<Object>, FileError> {
        self.read(body, self.suite.binding.numbers(), line)
    }

    fn read(&self, body: &Value, numbers: Numbers, line: usize) -> Result<Arc<Object>, FileError> {
        let parsed = Object::parse(body.to_string().into(), numbers);
        parsed.map(Arc::new).map_err(|error| self.error(line, error.to_string()))
    }

    /// Moves the clock to `until` after the begin, and looks at the object whenever a trigger asks for it.
    fn wait(&mut self, until: Duration, body: &mut Value, line: usize) -> Result<(), FileError> {
        let seconds = i64::try_from(until.as_secs()).unwrap_or(i64::MAX);
        let end = self.suite.begin.saturating_add(seconds);
        while let Some(at) =
            self.wake_at.filter(|at| *at < end || *at == end && self.clock.unix_seconds() < end)
        {
            self.clock.set(at.max(self.clock.unix_seconds()));
            self.wake_at = None;
            self.look(body, Cause::Timer, line)?;
        }
        self.clock.set(end);
        Ok(())
    }

    /// One version: decide, send, record, and look at what the patch of the annotation brings.
    fn look(&mut self, body: &mut Value, cause: Cause, line: usize) -> Result<(), FileError> {
        let mut cause = cause;
        for _ in 0..MOST_PATCHES {
            self.looks += 1;
            if self.looks > MOST_LOOKS {
                return Err(self.error(
                    line,
                    format!("the object was looked at more than {MOST_LOOKS} times; shorten `until`"),
                ));
            }
            self.version += 1;
            if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut)
                && cause != Cause::Timer
            {
                metadata.insert("resourceVersion".into(), self.version.to_string().into());
            }
            let object = self.parse(body, line)?;
            let change =
                Change { binding: self.suite.binding.name().into(), object: Arc::clone(&object), cause };
            if cause == Cause::Deleted && self.suite.binding.tells_deletions() {
                self.last_look(&change, line)?;
            }
            self.decide(&change, line)?;
            let Some(patch) = self.ledger.patch_for(object.key()) else { return Ok(()) };
            self.patch(body, patch.value, line)?;
            cause = Cause::Modified;
        }
        Err(self.error(line, "the state annotation does not come to rest"))
    }

    /// What is deleted is looked at once more, where the binding wants it.
    fn last_look(&mut self, change: &Change, line: usize) -> Result<(), FileError> {
        let gone = change.object.as_gone().map_err(|error| self.error(line, error.to_string()))?;
        self.decide(&Change { object: Arc::new(gone), cause: Cause::Modified, ..change.clone() }, line)
    }

    fn patch(&mut self, body: &mut Value, value: Option<String>, line: usize) -> Result<(), FileError> {
        let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) else { return Ok(()) };
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        match (annotations.as_object_mut(), value) {
            (Some(annotations), Some(text)) => drop(annotations.insert(self.annotation.clone(), text.into())),
            (Some(annotations), None) => drop(annotations.shift_remove(&self.annotation)),
            (None, _) => return Err(self.error(line, "`metadata.annotations` is no mapping")),
        }
        self.version += 1;
        metadata.insert("resourceVersion".into(), self.version.to_string().into());
        let object = self.parse(body, line)?;
        self.ledger.patched(object.key(), &object);
        Ok(())
    }

    fn decide(&mut self, change: &Change, line: usize) -> Result<(), FileError> {
        let object = &change.object;
        let skip = self.suite.binding.skip(object).map_err(|error| self.error(line, error.to_string()))?;
        if skip.is_some() {
            self.ledger.notice(change);
            return Ok(());
        }
        let mut ledger = std::mem::replace(&mut self.ledger, Ledger::new(self.annotation.clone()));
        let plan = self.with_policy(object, |policies, reading| {
            let input = DecideInput {
                change,
                policies,
                reading,
                runtime: &self.runtime,
                now: self.clock.unix_seconds(),
                resync: i64::try_from(self.suite.binding.resync().as_secs()).unwrap_or(i64::MAX),
            };
            engine::decide(&input, &mut ledger)
        });
        self.ledger = ledger;
        self.wake_at = plan.wake_at;
        self.tell(plan, line)
    }

    /// An Event of the Rollouts controller, whose reason names the trigger (core 6.4).
    fn happen(&mut self, body: &Value, reason: &str, line: usize) -> Result<(), FileError> {
        let Some(rules) = self.suite.binding.event_rules() else {
            return Err(self.error(line, "only the binding `rollout` has events"));
        };
        // Events show plain JSON numbers (core 3.2.2).
        let object = self.read(body, Numbers::Float, line)?;
        let id = format!("event-{}", self.version);
        let happening =
            Happening { object: Arc::clone(&object), reason: reason.to_owned(), warning: false, id };
        let trigger = trigger_name(reason);
        let mut ledger = std::mem::replace(&mut self.ledger, Ledger::new(self.annotation.clone()));
        let plan = self.with_policy(&object, |policies, reading| {
            let input = HappeningInput {
                happening: &happening,
                trigger: &trigger,
                policies,
                reading,
                runtime: &self.runtime,
                once_per: rules.once_per.then_some(&*object),
            };
            engine::decide_happening(&input, &mut ledger)
        });
        self.ledger = ledger;
        self.tell(plan, line)
    }

    fn with_policy(
        &self,
        object: &Arc<Object>,
        decide: impl FnOnce(&[Applicable<'_>], Reading<'_>) -> Plan,
    ) -> Plan {
        let binding = &self.suite.binding;
        let key = binding.subscribed_by(object).unwrap_or_default();
        let project = key.and_then(|key| self.projects.find(&key));
        let projects: Vec<&Annotations> = project.iter().map(|project| project.annotations()).collect();
        let scope = || binding.scope(object, &self.facts.facts(None).beside(&self.projects));
        let policy = &self.config.policy;
        let applicable = Applicable { policy, projects: &projects, undecided: &[], scope: &scope };
        let reading = Reading { prefix: binding.annotation_prefix(), legacy: false, yaml: yaml::parse_node };
        decide(&[applicable], reading)
    }

    /// Composes and records what a decision sends.
    fn tell(&mut self, plan: Plan, line: usize) -> Result<(), FileError> {
        if let Some(problem) = plan.problem {
            return Err(self.error(line, format!("the object cannot be read: {problem}")));
        }
        let now = self.clock.unix_seconds();
        for send in plan.send {
            let message = self.message(&send);
            let key = send.object.key();
            match &message {
                Ok(_) if send.ledger_key.is_empty() => {}
                Ok(_) => drop(self.ledger.record_receipt(key, &send.ledger_key, now)),
                Err(error) if !self.ledger.record_unrenderable(key, &send.ledger_key, error) => continue,
                Err(_) => {}
            }
            let wire = self.wire(&send, message.as_ref().ok());
            let seconds = u64::try_from(now - self.suite.begin).unwrap_or_default();
            self.told.push(Notification {
                at: Duration::from_secs(seconds),
                service: send.destination.service.to_string(),
                recipient: send.destination.recipient.to_string(),
                trigger: send.trigger,
                templates: send.templates,
                message,
                wire,
            });
        }
        Ok(())
    }

    /// What the service of the destination sends for `message`, where somebody wants to know it.
    fn wire(&self, send: &Send, message: Option<&Message>) -> Option<Result<Wire, String>> {
        let (capture, message) = (self.capture.as_ref()?, message?);
        let service = &self.config.services.get(&*send.destination.service)?.service;
        let held = match service {
            Ok(service) => capture
                .hold(&**service, message, &send.destination.recipient)
                .map_err(|error| with_causes(&error)),
            Err(why) => Err(why.clone()),
        };
        Some(held.map(|sent| Wire {
            requests: sent.iter().filter_map(Sent::parts).collect(),
            mail: sent.iter().find_map(Sent::mail).map(str::to_owned),
        }))
    }

    /// The message as the service of the destination would get it.
    fn message(&self, send: &Send) -> Result<Message, String> {
        let name = &*send.destination.service;
        let service = self.config.services.get(name);
        let service = service.ok_or_else(|| format!("notification service '{name}' is not supported"))?;
        let facts = self.facts.facts(Some(&send.destination)).beside(&self.projects);
        let scope = self.suite.binding.scope(&send.object, &facts).map_err(|error| error.to_string())?;
        let wanted = Wanted::Section(service.section);
        engine::compose(send, &self.config.policy, wanted, &scope, &self.runtime)
            .map_err(|error| error.to_string())
    }
}

impl Notification {
    /// The notification as a value, for comparing and for snapshots.
    pub(super) fn to_json(&self) -> Value {
        let mut value = json!({
            "at": super::report::duration(self.at), "service": self.service, "recipient": self.recipient,
            "trigger": self.trigger, "templates": self.templates,
        });
        let Value::Object(fields) = &mut value else { return value };
        match &self.message {
            Ok(message) => {
                fields.insert("message".into(), message.text.clone().into());
                let sections: BTreeSet<_> = message.sections.keys().collect();
                for name in sections {
                    fields.insert(name.clone(), message.sections.get(name).cloned().unwrap_or_default());
                }
            }
            Err(error) => drop(fields.insert("error".into(), error.clone().into())),
        }
        value
    }
}
