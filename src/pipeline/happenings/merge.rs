//! Two producers tell about the same things: Events, and differences of versions. Each occurrence is told once.
//!
//! An Event is told at once. A difference waits a little for its Event, which knows better what to show; if none comes, it is
//! told by itself, and its Event is not told when it comes late. Occurrences of one object and reason are paired in their
//! order, unless both sides say what tells them apart and say different things.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::Happening;

/// How long an Event that was told waits for its difference: the two watches are seconds apart at most.
const EVENT_WAITS: Duration = Duration::from_mins(2);
/// How long a difference that was told waits for its Event, which the controller may write late.
const TOLD_WAITS: Duration = Duration::from_mins(10);
/// Two Events about one abort come right after each other (core 6.5).
const FOLD: Duration = Duration::from_secs(10);
/// Occurrences of one object and reason that are remembered on each side.
const MOST: usize = 64;

/// uid of the object, and reason.
pub(super) type Key = (String, String);

/// What is to be done with an Event.
#[derive(Debug)]
pub(super) enum Ruling {
    /// It is news.
    Tell,
    /// It is news, and this difference waited for it.
    TellInstead(Box<Happening>),
    /// It was told.
    Known,
}

/// What was told, and what waits.
pub(super) struct Merge {
    slots: BTreeMap<Key, Slot>,
    /// How long a difference waits for its Event; nothing where there are no Events.
    grace: Duration,
}

#[derive(Default)]
struct Slot {
    /// Events that were told and whose difference has not been seen.
    events: VecDeque<(Instant, String)>,
    /// Differences that wait for their Event.
    waiting: VecDeque<Waiting>,
    /// Differences that were told without their Event.
    told: VecDeque<(Instant, String)>,
    last_event: Option<Instant>,
}

struct Waiting {
    until: Instant,
    mark: String,
    happening: Happening,
}

impl Merge {
    pub(super) fn new(grace: Duration) -> Self {
        Self { slots: BTreeMap::new(), grace }
    }

    /// An Event came. `times`: how often it happened since it was seen last; `folds`: whether several Events in a row are one
    /// occurrence.
    pub(super) fn event(&mut self, key: Key, mark: &str, times: u64, folds: bool, now: Instant) -> Ruling {
        let slot = self.slots.entry(key).or_default();
        let folded = folds && slot.last_event.is_some_and(|last| now.duration_since(last) < FOLD);
        slot.last_event = Some(now);
        if folded {
            return Ruling::Known;
        }
        for _ in 1..times.min(MOST as u64) {
            // The earlier ones were told too, as far as they can be told apart: by this one.
            if slot.claim_waiting(mark).is_none() && !claim(&mut slot.told, mark, now, TOLD_WAITS) {
                push(&mut slot.events, (now, mark.to_owned()));
            }
        }
        if let Some(waiting) = slot.claim_waiting(mark) {
            return Ruling::TellInstead(Box::new(waiting.happening));
        }
        if claim(&mut slot.told, mark, now, TOLD_WAITS) {
            return Ruling::Known;
        }
        push(&mut slot.events, (now, mark.to_owned()));
        Ruling::Tell
    }

    /// A difference was seen. Returns it if it is to be told now.
    pub(super) fn derived(
        &mut self,
        key: Key,
        mark: String,
        happening: Happening,
        now: Instant,
    ) -> Option<Happening> {
        let slot = self.slots.entry(key).or_default();
        if claim(&mut slot.events, &mark, now, EVENT_WAITS) {
            return None;
        }
        if self.grace.is_zero() {
            push(&mut slot.told, (now, mark));
            return Some(happening);
        }
        slot.waiting.push_back(Waiting { until: now + self.grace, mark, happening });
        None
    }

    /// When the next difference is to be told.
    pub(super) fn next(&self) -> Option<Instant> {
        self.slots.values().filter_map(|slot| slot.waiting.front().map(|waiting| waiting.until)).min()
    }

    /// Differences whose Event did not come, in the order in which they were seen.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Happening> {
        let mut due = Vec::new();
        for slot in self.slots.values_mut() {
            while let Some(waiting) = slot.waiting.pop_front_if(|waiting| waiting.until <= now) {
                push(&mut slot.told, (now, waiting.mark));
                due.push((waiting.until, waiting.happening));
            }
        }
        due.sort_by_key(|(until, _)| *until);
        due.into_iter().map(|(_, happening)| happening).collect()
    }

    /// Forgets what nothing is to be expected of any more.
    pub(super) fn prune(&mut self, now: Instant) {
        self.slots.retain(|_, slot| {
            slot.events.retain(|(at, _)| now.duration_since(*at) <= EVENT_WAITS);
            slot.told.retain(|(at, _)| now.duration_since(*at) <= TOLD_WAITS);
            let recent = slot.last_event.is_some_and(|at| now.duration_since(at) < FOLD);
            recent || !(slot.events.is_empty() && slot.told.is_empty() && slot.waiting.is_empty())
        });
    }
}

impl Slot {
    fn claim_waiting(&mut self, mark: &str) -> Option<Waiting> {
        let index = self.waiting.iter().position(|waiting| may_be(&waiting.mark, mark))?;
        self.waiting.remove(index)
    }
}

/// Whether two marks may be about one occurrence: one of them says nothing, or they say the same.
fn may_be(one: &str, other: &str) -> bool {
    one.is_empty() || other.is_empty() || one == other
}

fn claim(list: &mut VecDeque<(Instant, String)>, mark: &str, now: Instant, waits: Duration) -> bool {
    let found = list.iter().position(|(at, known)| now.duration_since(*at) <= waits && may_be(known, mark));
    found.is_some_and(|index| list.remove(index).is_some())
}

fn push(list: &mut VecDeque<(Instant, String)>, one: (Instant, String)) {
    if list.len() == MOST {
        list.pop_front();
    }
    list.push_back(one);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dodona_value::Numbers;

    use super::*;
    use crate::model::Object;

    fn key() -> Key {
        ("u".into(), "RolloutPaused".into())
    }

    fn happening(id: &str) -> Happening {
        let json = r#"{"metadata":{"name":"cart","namespace":"shop"}}"#;
        let object = Arc::new(Object::parse(json.into(), Numbers::Kubernetes).unwrap());
        Happening { object, reason: "RolloutPaused".into(), warning: false, id: id.into() }
    }

    /// Plays a line of letters, each some seconds after the last: `e` and `d` are an Event and a difference (with a mark
    /// after them where a digit follows), `.` is nothing. Returns what was told: `E`, `D`.
    fn play(line: &str, folds: bool) -> String {
        let mut merge = Merge::new(Duration::from_secs(5));
        let mut now = Instant::now();
        let mut told = String::new();
        let letters: Vec<char> = line.chars().collect();
        for (index, letter) in letters.iter().enumerate() {
            now += Duration::from_secs(u64::from(!letter.is_ascii_digit()));
            told.extend(merge.due(now).iter().map(|_| 'D'));
            let mark: String =
                letters.get(index + 1).filter(|next| next.is_ascii_digit()).into_iter().collect();
            match letter {
                'e' => match merge.event(key(), &mark, 1, folds, now) {
                    Ruling::Known => {}
                    Ruling::Tell | Ruling::TellInstead(_) => told.push('E'),
                },
                'd' => told.extend(merge.derived(key(), mark, happening("d"), now).map(|_| 'D')),
                _ => {}
            }
        }
        told
    }

    #[tokio::test(start_paused = true)]
    async fn each_occurrence_is_told_once() {
        for (line, told) in [
            ("ed..........", "E"),
            ("de..........", "E"),
            ("e...........", "E"),
            ("d...........", "D"),
            ("d.......e...", "D"),
            ("eedd........", "EE"),
            ("eded........", "EE"),
            ("ddee........", "EE"),
            ("edd.........", "ED"),
            ("dde.........", "ED"),
            ("d.......ee..", "DE"),
            ("e1d1........", "E"),
            ("e1d2........", "ED"),
            ("d1d2e2......", "ED"),
            ("d1d2e2e1....", "EE"),
            ("e1d.........", "E"),
        ] {
            assert_eq!(play(line, false), told, "{line}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn two_events_about_one_abort_are_one_occurrence() {
        assert_eq!(play("eed.........", true), "E");
        assert_eq!(play("ede.........", true), "E");
        assert_eq!(play("dee.........", true), "E");
        assert_eq!(play("ed............ed..", true), "EE");
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_counts_for_several_takes_their_differences() {
        let mut merge = Merge::new(Duration::from_secs(5));
        let now = Instant::now();
        assert!(merge.derived(key(), String::new(), happening("1"), now).is_none());
        assert!(matches!(merge.event(key(), "", 3, false, now), Ruling::Tell));
        assert!(merge.derived(key(), String::new(), happening("2"), now).is_none());
        assert!(merge.derived(key(), String::new(), happening("3"), now).is_none());
        assert!(merge.due(now + Duration::from_mins(1)).is_empty());
        merge.prune(now + Duration::from_mins(20));
        assert!(merge.slots.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn without_events_nothing_waits() {
        let mut merge = Merge::new(Duration::ZERO);
        assert!(merge.derived(key(), String::new(), happening("1"), Instant::now()).is_some());
        assert!(matches!(merge.event(key(), "", 1, false, Instant::now()), Ruling::Known));
    }
}
