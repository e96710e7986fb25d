//! The state annotation in plain words (core 3.5).

use jiff::Timestamp;

use crate::engine::Policy;
use crate::engine::ledger::State;

/// One entry of the annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) key: String,
    /// Unix seconds.
    pub(super) time: i64,
    pub(super) words: String,
}

/// The entries of an annotation, the latest first.
pub(super) fn read(text: &str, policies: &[&Policy]) -> Vec<Told> {
    let state = State::parse(text);
    let mut told: Vec<Told> = state
        .iter()
        .map(|(key, time)| Told { key: key.to_owned(), time, words: words(key, policies) })
        .collect();
    told.sort_by(|one, other| (other.time, &one.key).cmp(&(one.time, &other.key)));
    told
}

/// `trigger on-x, condition [0], to slack:team, for 0a1b2c3`, and what it is worth today.
fn words(key: &str, policies: &[&Policy]) -> String {
    for (sign, meaning) in [
        ("~for:", "holds since then"),
        ("~open:", "was told, and its end is going to be told"),
        ("~resolved:", "had its end told"),
    ] {
        if let Some(rest) = key.strip_prefix(sign) {
            // A duration is the condition's alone, so that nobody stands behind it.
            let key = if sign == "~for:" { format!("{rest}::") } else { rest.to_owned() };
            let what = Parts::of(&key).map_or_else(|| rest.to_owned(), |parts| parts.what());
            return format!("{} {meaning}", what.trim_end_matches(", to "));
        }
    }
    let Some(parts) = Parts::of(key) else { return format!("an entry that nobody reads: {key}") };
    let mut words = parts.what();
    if !parts.once_per.is_empty() {
        words.push_str(", for ");
        words.push_str(parts.once_per);
    }
    let index = parts.index.parse::<usize>().ok();
    let present: Vec<_> = policies.iter().filter_map(|policy| policy.triggers.get(parts.trigger)).collect();
    let conditions: Vec<_> = present.iter().filter_map(|trigger| trigger.conditions.get(index?)).collect();
    if present.is_empty() {
        words.push_str(" (the trigger is not configured any more)");
    } else if conditions.is_empty() {
        words.push_str(" (the trigger does not have this condition any more)");
    } else if conditions.iter().all(|condition| *condition.key != *parts.condition) {
        words.push_str(" (the text of the condition has changed since, so this does not count any more)");
    }
    words
}

/// The parts of a key. Nothing in it is escaped, but the middle has a form that no name can have.
struct Parts<'a> {
    /// What the notification was for, and a tenant's namespace behind it if there is one.
    once_per: &'a str,
    trigger: &'a str,
    /// `[0].hash`
    condition: &'a str,
    index: &'a str,
    service: &'a str,
    recipient: &'a str,
}

impl<'a> Parts<'a> {
    /// `trigger on-x, condition [0], to slack:team`
    fn what(&self) -> String {
        let colon = if self.recipient.is_empty() { "" } else { ":" };
        let Self { trigger, index, service, recipient, .. } = self;
        format!("trigger {trigger}, condition [{index}], to {service}{colon}{recipient}")
    }

    fn of(key: &'a str) -> Option<Self> {
        let begin = key.match_indices(":[").map(|(at, _)| at).find(|at| {
            let rest = key.get(at + 2..).unwrap_or_default();
            rest.split_once("].").is_some_and(|(index, hash)| {
                !index.is_empty()
                    && index.bytes().all(|digit| digit.is_ascii_digit())
                    && hash.find(':') == Some(27)
            })
        })?;
        let (head, rest) = (key.get(..begin)?, key.get(begin + 1..)?);
        let (condition, target) = rest.split_once(':')?;
        let (index, _) = condition.strip_prefix('[')?.split_once(']')?;
        let (service, recipient) = target.split_once(':')?;
        let (once_per, trigger) = head.rsplit_once(':').unwrap_or(("", head));
        Some(Self { once_per, trigger, condition, index, service, recipient })
    }
}

/// `3 minutes ago`; the future and the distant past are as they are.
pub(super) fn ago(time: i64, now: i64) -> String {
    let seconds = now.saturating_sub(time);
    let (count, unit) = match seconds {
        ..0 => return "in the future".to_owned(),
        0..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// A Unix second as a date.
pub(super) fn date(time: i64) -> String {
    Timestamp::from_second(time).map_or_else(|_| time.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back() {
        let policy = Policy::default();
        let hash = "jS5fTrIQi8Q4Q5uceLlcAF3t4Go";
        for (key, begin) in [
            (
                format!("on-pod-ready:[0].{hash}:webhook:"),
                "trigger on-pod-ready, condition [0], to webhook (",
            ),
            (
                format!("abc123:on-deployed:[1].{hash}:slack:chan"),
                "trigger on-deployed, condition [1], to slack:chan, for abc123 (",
            ),
            (format!("a:[b]:t:[0].{hash}:email:a:b"), "trigger t, condition [0], to email:a:b, for a:[b] ("),
            (format!("~for:t:[0].{hash}"), "trigger t, condition [0] holds since then"),
            (format!("~open:t:[0].{hash}:slack:c"), "trigger t, condition [0], to slack:c was told"),
            ("nonsense".to_owned(), "an entry that nobody reads"),
        ] {
            assert!(words(&key, &[&policy]).starts_with(begin), "{key}: {}", words(&key, &[&policy]));
        }
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        assert_eq!(ago(100, 101), "1 second ago");
        assert_eq!(ago(0, 7_199), "119 minutes ago");
        assert_eq!(ago(0, 864_000), "10 days ago");
        assert_eq!(ago(5, 0), "in the future");
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
    }
}
