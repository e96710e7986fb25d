//! Triggers: conditions compiled and evaluated (core 3.1 to 3.4).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dodona_expr::{CompileError, Program, RunError};
use dodona_value::{CallCx, Runtime, Scope, Text, Value};
use sha1::{Digest, Sha1};

/// A trigger: its conditions in order; the index is part of the ledger key (core 3.1).
#[derive(Default)]
pub struct Trigger {
    /// The conditions.
    pub conditions: Vec<Condition>,
}

/// One condition of a trigger, compiled.
pub struct Condition {
    /// `[<index>].<hash>` (core 3.3), computed from the text of `when` exactly as decoded.
    pub key: Arc<str>,
    /// The condition itself. The empty text compiles as `false` (core 3.2.2).
    pub when: Program,
    /// Whether the text of `when` was empty (Rollouts' event engine treats that as always, core 6.1).
    pub when_is_empty: bool,
    /// Compiled `oncePer`, if it is not the empty text.
    pub once_per: Option<Program>,
    /// Names of the templates to send, in merge order (core 4.4).
    pub send: Vec<String>,
    /// `for`: seconds for which the condition has to hold without a break before it is told.
    pub lasting: Option<i64>,
    /// `resolved`: names of the templates that those who were told get when the condition ends.
    pub resolved: Vec<String>,
    /// `description`.
    pub description: String,
}

/// The texts of one condition, exactly as decoded.
#[derive(Clone, Debug, Default)]
pub struct ConditionText {
    /// `when`.
    pub when: String,
    /// `oncePer`.
    pub once_per: String,
    /// `send`.
    pub send: Vec<String>,
    /// `for`.
    pub lasting: Option<Duration>,
    /// `resolved`.
    pub resolved: Vec<String>,
    /// `description`.
    pub description: String,
}

/// A condition that does not compile.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{field}: {error}")]
pub struct ConditionError {
    /// `when` or `oncePer`.
    pub field: &'static str,
    /// What is wrong, with line and column inside the text of the field.
    pub error: CompileError,
}

impl Condition {
    /// Compiles the condition at `index` of its trigger.
    pub fn compile(index: usize, text: ConditionText) -> Result<Self, ConditionError> {
        let fail = |field| move |error| ConditionError { field, error };
        let source = if text.when.is_empty() { "false" } else { &text.when };
        let when = Program::compile(source).map_err(fail("when"))?;
        let once_per = match text.once_per.as_str() {
            "" => None,
            source => Some(Program::compile(source).map_err(fail("oncePer"))?),
        };
        Ok(Self {
            key: condition_key(index, &text.when).into(),
            when_is_empty: text.when.is_empty(),
            when,
            once_per,
            send: text.send,
            lasting: text.lasting.filter(|lasting| !lasting.is_zero()).map(seconds),
            resolved: text.resolved,
            description: text.description,
        })
    }

    fn programs(&self) -> impl Iterator<Item = &Program> {
        std::iter::once(&self.when).chain(&self.once_per)
    }
}

/// Whole seconds; a part of one counts as one, as the ledger counts in seconds.
fn seconds(duration: Duration) -> i64 {
    let more = u64::from(duration.subsec_nanos() > 0);
    i64::try_from(duration.as_secs().saturating_add(more)).unwrap_or(i64::MAX)
}

impl Trigger {
    /// Whether an answer may change by the passing of time alone.
    pub fn uses_clock(&self) -> bool {
        self.conditions.iter().flat_map(Condition::programs).any(Program::uses_clock)
    }

    /// Whether a condition may use the variable `name` (`repo`), so that evaluating it may have to look something up.
    pub fn mentions(&self, name: &str) -> bool {
        self.conditions.iter().flat_map(Condition::programs).any(|program| program.mentions(name))
    }
}

/// The key of a condition: its index and the hash of its text (core 3.3). Stored in clusters; never changes.
pub fn condition_key(index: usize, when: &str) -> String {
    format!("[{index}].{}", URL_SAFE_NO_PAD.encode(Sha1::digest(when.as_bytes())))
}

/// What the evaluation of one condition said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Index of the policy in the input of the decision.
    pub policy: usize,
    /// Name of the trigger.
    pub trigger: Arc<str>,
    /// Key of the condition; empty if the trigger is not configured.
    pub key: Arc<str>,
    /// Whether the condition holds, and has held for as long as its `for` wants.
    pub triggered: bool,
    /// Unix second at which a condition that holds will have held for as long as its `for` wants.
    pub waits_until: Option<i64>,
    /// What `oncePer` evaluated to; empty if there is none, it failed, or the condition does not hold (core 3.2.5).
    pub once_per: String,
    /// Names of the templates to send.
    pub templates: Vec<String>,
    /// What went wrong: the condition counts as false, or `oncePer` as absent (core 3.2, 3.4).
    pub error: Option<String>,
}

impl Verdict {
    /// The verdict on a trigger that the configuration does not have (core 3.4.1).
    pub(super) fn not_configured(policy: usize, trigger: &Arc<str>) -> Self {
        Self {
            policy,
            trigger: Arc::clone(trigger),
            key: "".into(),
            triggered: false,
            waits_until: None,
            once_per: String::new(),
            templates: Vec::new(),
            error: Some(format!("trigger '{trigger}' is not configured")),
        }
    }
}

/// Evaluates all conditions of a trigger, in order and without a short cut (core 3.2).
pub fn evaluate<'a>(
    policy: usize,
    name: &'a Arc<str>,
    trigger: &'a Trigger,
    scope: &'a Scope,
    runtime: &'a Runtime,
) -> impl Iterator<Item = Verdict> + 'a {
    trigger.conditions.iter().map(move |condition| {
        let (triggered, error) = holds(condition, scope, runtime);
        judge(policy, name, condition, scope, runtime, triggered, error)
    })
}

/// Evaluates all conditions of a trigger for an event: an empty `when` always holds (core 6.1, 6.2.1), and `once_per` says
/// whether `oncePer` counts; upstream ignores it here.
pub fn evaluate_event<'a>(
    policy: usize,
    name: &'a Arc<str>,
    trigger: &'a Trigger,
    scope: &'a Scope,
    runtime: &'a Runtime,
    once_per: bool,
) -> impl Iterator<Item = Verdict> + 'a {
    trigger.conditions.iter().map(move |condition| {
        let (triggered, error) =
            if condition.when_is_empty { (true, None) } else { holds(condition, scope, runtime) };
        if once_per {
            return judge(policy, name, condition, scope, runtime, triggered, error);
        }
        verdict(policy, name, condition, triggered, error)
    })
}

/// Whether `when` holds, and why it could not be evaluated.
fn holds(condition: &Condition, scope: &Scope, runtime: &Runtime) -> (bool, Option<String>) {
    match run(&condition.when, scope, runtime) {
        Ok(Value::Bool(truth)) => (truth, None),
        Ok(_) => (false, None),
        Err(error) => (false, Some(format!("failed to execute when condition: {error}"))),
    }
}

/// The verdict with `oncePer` (core 3.2.5).
fn judge(
    policy: usize,
    name: &Arc<str>,
    condition: &Condition,
    scope: &Scope,
    runtime: &Runtime,
    triggered: bool,
    error: Option<String>,
) -> Verdict {
    let mut verdict = verdict(policy, name, condition, triggered, error);
    if let Some(program) = condition.once_per.as_ref().filter(|_| triggered) {
        match run(program, scope, runtime)
            .map_err(|error| error.to_string())
            .and_then(|value| print(&value, runtime))
        {
            Ok(text) => verdict.once_per = text,
            Err(message) => {
                verdict.error = Some(format!("failed to execute oncePer condition: {message}"));
            }
        }
    }
    verdict
}

fn verdict(
    policy: usize,
    name: &Arc<str>,
    condition: &Condition,
    triggered: bool,
    error: Option<String>,
) -> Verdict {
    Verdict {
        policy,
        trigger: Arc::clone(name),
        key: Arc::clone(&condition.key),
        triggered,
        waits_until: None,
        once_per: String::new(),
        templates: condition.send.clone(),
        error,
    }
}

/// Runs a program with a budget of its own: one that burns everything does not make the others fail.
fn run(program: &Program, scope: &Scope, runtime: &Runtime) -> Result<Value, RunError> {
    program.run(scope, &mut CallCx { runtime, budget: &mut runtime.budget() })
}

/// A value as Go's `%v` prints it; the text is stored in clusters (core 3.2.1).
fn print(value: &Value, runtime: &Runtime) -> Result<String, String> {
    if let Value::Str(text) = value {
        return Ok(String::from_utf8_lossy(text.as_bytes()).into_owned());
    }
    let mut text = Text::new(runtime.limits.output);
    let value = if value.is_nil() { &Value::Nil } else { value };
    dodona_value::format::value(&mut text, value);
    let bytes = text.finish().map_err(|limit| limit.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The key under which a notification is recorded (core 3.5). `namespace` is that of a tenant's configuration.
pub(super) fn ledger_key(
    into: &mut String,
    namespace: Option<&str>,
    verdict: &Verdict,
    destination: &crate::model::Destination,
) {
    into.clear();
    let parts = [Some(verdict.once_per.as_str()).filter(|text| !text.is_empty()), namespace];
    for part in parts.into_iter().flatten().chain([&*verdict.trigger, &*verdict.key, &*destination.service]) {
        into.push_str(part);
        into.push(':');
    }
    into.push_str(&destination.recipient);
}

#[cfg(test)]
mod tests {
    use dodona_value::Time;

    use super::*;
    use crate::model::Destination;

    fn condition(index: usize, when: &str, once_per: &str) -> Condition {
        let text = ConditionText {
            when: when.into(),
            once_per: once_per.into(),
            send: vec!["t".into()],
            ..ConditionText::default()
        };
        Condition::compile(index, text).unwrap()
    }

    fn verdicts(conditions: Vec<Condition>) -> Vec<Verdict> {
        let scope: Scope =
            [("yes", Value::Bool(true)), ("word", Value::text("x:y")), ("number", Value::int64(5))]
                .into_iter()
                .collect();
        let runtime = Runtime::fixed(Time::zero());
        evaluate(0, &"on".into(), &Trigger { conditions }, &scope, &runtime).collect()
    }

    /// `hash | text as a JSON string`, from spec 3.3.
    #[test]
    fn condition_keys_are_those_that_clusters_store() {
        for line in include_str!("../../tests/engine/condition-keys.txt").lines() {
            let (hash, text) = line.split_once(" | ").unwrap();
            let text: String = serde_json::from_str(text).unwrap();
            assert_eq!(condition_key(0, &text), format!("[0].{hash}"), "{text:?}");
            assert_eq!(condition_key(12, &text), format!("[12].{hash}"), "{text:?}");
        }
    }

    #[test]
    fn only_the_boolean_true_triggers() {
        for (when, triggered) in [
            ("true", true),
            ("false", false),
            ("", false),
            ("yes", true),
            ("'true'", false),
            ("1", false),
            ("nil", false),
            ("unknown", false),
        ] {
            assert_eq!(verdicts(vec![condition(0, when, "")])[0].triggered, triggered, "{when}");
        }
    }

    #[test]
    fn the_empty_condition_never_holds_and_has_its_own_key() {
        let empty = condition(0, "", "");
        assert!(empty.when_is_empty && &*empty.key == "[0].2jmj7l5rSw0yVb_vlWAYkK_YBwk");
    }

    #[test]
    fn blanks_and_broken_texts_do_not_compile() {
        for (when, once_per, field) in
            [(" ", "", "when"), ("a ==", "", "when"), ("true", "a +", "oncePer"), ("true", " ", "oncePer")]
        {
            let text =
                ConditionText { when: when.into(), once_per: once_per.into(), ..ConditionText::default() };
            assert_eq!(
                Condition::compile(0, text).err().map(|error| error.field),
                Some(field),
                "{when:?} {once_per:?}"
            );
        }
    }

    #[test]
    fn an_error_is_told_and_stops_nothing() {
        let verdicts = verdicts(vec![
            condition(0, "unknown.field == 1", ""),
            condition(1, "yes", "unknown.field"),
            condition(2, "yes", ""),
        ]);
        assert!(
            !verdicts[0].triggered
                && verdicts[0].error.as_ref().unwrap().starts_with("failed to execute when condition: ")
        );
        assert!(verdicts[1].triggered && verdicts[1].once_per.is_empty());
        assert!(verdicts[1].error.as_ref().unwrap().starts_with("failed to execute oncePer condition: "));
        assert!(verdicts[2].triggered && verdicts[2].error.is_none());
    }

    #[test]
    fn once_per_is_evaluated_only_where_the_condition_holds_and_prints_as_go_does() {
        for (once_per, printed) in [
            ("word", "x:y"),
            ("number", "5"),
            ("unknown", "<nil>"),
            ("yes", "true"),
            ("[1, nil, 'a']", "[1 <nil> a]"),
            ("2.5", "2.5"),
            ("''", ""),
        ] {
            let all = verdicts(vec![condition(0, "yes", once_per), condition(1, "false", once_per)]);
            assert_eq!((all[0].once_per.as_str(), all[1].once_per.as_str()), (printed, ""), "{once_per}");
        }
    }

    #[test]
    fn ledger_keys_follow_the_formula() {
        let mut verdict = verdicts(vec![condition(0, "true", "")]).remove(0);
        let mut key = String::new();
        ledger_key(&mut key, None, &verdict, &Destination::new("slack", "a:b"));
        assert_eq!(key, "on:[0].X_5TO4MPCKAyY0ipFgr6_IraRNs:slack:a:b");
        verdict.once_per = "abc".into();
        ledger_key(&mut key, Some("team"), &verdict, &Destination::new("webhook", ""));
        assert_eq!(key, "abc:team:on:[0].X_5TO4MPCKAyY0ipFgr6_IraRNs:webhook:");
    }
}
