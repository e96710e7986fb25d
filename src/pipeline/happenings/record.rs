//! Which Events were told, so that a restart neither repeats the past nor misses what happened meanwhile (core 6.6).
//!
//! An Event is told without a trace at the object. What was told is kept here, and written to a notebook of our own once
//! the deliveries have ended: a crash repeats what nobody knows to be delivered, and loses nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::model::{CoreEvent, ObjectKey};
use crate::source::{Notebook, SourceError};

/// Seconds of Events that are remembered one by one, counted back from the newest; what is older counts as told.
const TRAIL: i64 = 300;
/// Most Events that are remembered one by one.
const MOST: usize = 10_000;
/// Seconds before the start that an Event may be old where nothing was written down: clocks differ.
const GRACE: i64 = 5;
/// Pauses after failed attempts to read the notebook.
const AGAIN: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_secs(1), Duration::from_secs(3)];

/// What was told.
pub(crate) struct Record {
    state: Mutex<State>,
    notebook: Option<Arc<dyn Notebook>>,
}

struct State {
    /// Events up to this Unix second count as told.
    since: i64,
    /// Later ones, by uid: how often they were told, and when they happened.
    seen: HashMap<String, (u64, i64)>,
    /// Earlier ones whose deliveries had not ended when the last process did.
    owed: BTreeSet<String>,
    /// Happenings with deliveries under way.
    open: HashMap<String, Open>,
    newest: i64,
    /// Counts what happened; what of it is written. A write that is broken off counts for nothing.
    changes: u64,
    written: u64,
    complained: bool,
}

struct Open {
    left: usize,
    begun: Instant,
    object: ObjectKey,
    /// uid of the Event, if it is one.
    event: Option<String>,
}

/// The text in the notebook.
#[derive(Serialize, Deserialize, Debug, PartialEq, Eq)]
struct Page {
    since: i64,
    seen: BTreeMap<String, u64>,
    /// Not known to have been delivered, however old they are.
    #[serde(default)]
    owed: BTreeSet<String>,
}

impl Record {
    /// Nothing was told before `now`, in Unix seconds.
    pub(in crate::pipeline) fn new(notebook: Option<Arc<dyn Notebook>>, now: i64) -> Self {
        let state = State {
            since: now - GRACE,
            seen: HashMap::new(),
            owed: BTreeSet::new(),
            open: HashMap::new(),
            newest: now,
            changes: 0,
            written: 0,
            complained: false,
        };
        Self { state: Mutex::new(state), notebook }
    }

    /// Takes over what an earlier process wrote. Returns whether there was anything.
    pub(super) async fn load(&self) -> bool {
        let Some(notebook) = &self.notebook else { return false };
        let mut again = AGAIN.iter();
        let text = loop {
            match (notebook.read().await, again.next()) {
                (Ok(Some(text)), _) => break text,
                (Ok(None), _) => return false,
                // A server that is just starting knows better in a moment, and what is written soon replaces the text.
                (Err(SourceError::Failed { .. }), Some(pause)) => tokio::time::sleep(*pause).await,
                (Err(error), _) => {
                    tracing::warn!(%error, "failed to read which Events were told: those before the start count as told");
                    return false;
                }
            }
        };
        let Ok(page) = serde_json::from_str::<Page>(&text) else {
            tracing::warn!(
                "what is written about the Events that were told cannot be read: those before the start count as told"
            );
            return false;
        };
        let mut state = self.state();
        state.since = page.since;
        state.owed = page.owed;
        let newest = state.newest;
        state.seen = page.seen.into_iter().map(|(uid, count)| (uid, (count, newest))).collect();
        true
    }

    /// How often `event` happened since it was told last; 0 if it was told.
    pub(super) fn news(&self, event: &CoreEvent) -> u64 {
        let state = self.state();
        match state.seen.get(&event.uid) {
            Some((told, _)) => event.count.saturating_sub(*told),
            None if event.time <= state.since && !state.owed.contains(&event.uid) => 0,
            // What it counted before is not known; it happened now.
            None => 1,
        }
    }

    /// `event` is dealt with at Unix second `now`. A clock that is ahead of ours must not make others look old.
    pub(super) fn dealt_with(&self, event: &CoreEvent, now: i64) {
        let mut state = self.state();
        state.changes += 1;
        state.newest = state.newest.max(event.time.min(now));
        state.owed.remove(&event.uid);
        state.seen.insert(event.uid.clone(), (event.count, event.time));
        state.trim();
    }

    /// Messages about a happening are on their way.
    pub(super) fn open(&self, id: &str, object: &ObjectKey, messages: usize, event: Option<&CoreEvent>) {
        let event = event.map(|event| event.uid.clone());
        let one = Open { left: messages, begun: Instant::now(), object: object.clone(), event };
        self.state().open.insert(id.to_owned(), one);
    }

    /// A message about the happening `id` came to its end. After the last one: how long that took.
    pub(super) fn ended(&self, id: &str) -> Option<(ObjectKey, Duration)> {
        let mut state = self.state();
        let one = state.open.get_mut(id)?;
        one.left = one.left.saturating_sub(1);
        if one.left > 0 {
            return None;
        }
        state.changes += 1;
        let one = state.open.remove(id)?;
        Some((one.object, one.begun.elapsed()))
    }

    /// Writes down what was told, if something was since the last time.
    pub(crate) async fn write(&self) {
        let Some(notebook) = &self.notebook else { return };
        let (text, changes) = {
            let state = self.state();
            if state.changes == state.written {
                return;
            }
            (serde_json::to_string(&state.page()).unwrap_or_default(), state.changes)
        };
        let result = notebook.write(&text).await;
        let mut state = self.state();
        match result {
            Ok(()) => {
                state.written = state.written.max(changes);
                state.complained = false;
            }
            Err(error) => {
                if !std::mem::replace(&mut state.complained, true) {
                    tracing::error!(%error, "failed to write down which Events were told: a restart would miss what happens meanwhile");
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lets go of what is old enough.
    fn trim(&mut self) {
        let mut since = self.since.max(self.newest - TRAIL);
        if self.seen.len() > MOST {
            let mut times: Vec<i64> = self.seen.values().map(|(_, time)| *time).collect();
            times.sort_unstable();
            since = since.max(times.get(times.len() / 2).copied().unwrap_or(since));
        }
        if since > self.since {
            self.since = since;
            self.seen.retain(|_, (_, time)| *time > since);
        }
    }

    /// Only what is known to have ended: the rest is told again by the next process.
    fn page(&self) -> Page {
        let under_way = self.open.values().filter_map(|one| one.event.clone());
        let owed: BTreeSet<String> = under_way.chain(self.owed.iter().cloned()).collect();
        let told = self.seen.iter().filter(|(uid, _)| !owed.contains(*uid));
        Page { since: self.since, seen: told.map(|(uid, (count, _))| (uid.clone(), *count)).collect(), owed }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::future::BoxFuture;

    use super::*;
    use crate::model::Involved;

    #[derive(Default)]
    struct Paper(Mutex<Option<String>>);

    impl Notebook for Paper {
        fn read(&self) -> BoxFuture<'_, Result<Option<String>, SourceError>> {
            async { Ok(self.0.lock().unwrap().clone()) }.boxed()
        }

        fn write<'a>(&'a self, text: &'a str) -> BoxFuture<'a, Result<(), SourceError>> {
            async { self.0.lock().unwrap().replace(text.to_owned()).map_or(Ok(()), |_| Ok(())) }.boxed()
        }
    }

    fn event(uid: &str, count: u64, time: i64) -> CoreEvent {
        let key = ObjectKey::new("shop", "cart");
        CoreEvent {
            uid: uid.into(),
            about: Involved { kind: "Rollout".into(), key, uid: "u".into(), resource_version: "1".into() },
            reason: "RolloutPaused".into(),
            warning: false,
            message: String::new(),
            component: String::new(),
            count,
            time,
            version: "2".into(),
        }
    }

    #[tokio::test]
    async fn a_restart_catches_up_and_repeats_nothing() {
        let paper = Arc::new(Paper::default());
        let first = Record::new(Some(Arc::clone(&paper) as _), 1_000);
        assert!(!first.load().await);
        assert_eq!(first.news(&event("past", 4, 900)), 0, "it happened before the first start");
        for one in [event("a", 1, 1_001), event("b", 2, 1_002), event("slow", 1, 1_003)] {
            assert_eq!(first.news(&one), 1);
            first.dealt_with(&one, 1_010);
        }
        assert_eq!(first.news(&event("b", 5, 1_004)), 3);
        first.open("slow.1", &ObjectKey::new("shop", "cart"), 2, Some(&event("slow", 1, 1_003)));
        assert!(first.ended("slow.1").is_none());
        first.write().await;

        let second = Record::new(Some(Arc::clone(&paper) as _), 1_900);
        assert!(second.load().await);
        assert_eq!(second.news(&event("past", 4, 900)), 0);
        assert_eq!(second.news(&event("a", 1, 1_001)), 0);
        assert_eq!(second.news(&event("b", 3, 1_100)), 1);
        assert_eq!(second.news(&event("slow", 1, 1_003)), 1, "nobody knows whether it was delivered");
        assert_eq!(second.news(&event("meanwhile", 1, 1_500)), 1);

        assert!(first.ended("slow.1").is_some());
        first.write().await;
        let third = Record::new(Some(paper), 1_900);
        assert!(third.load().await);
        assert_eq!(third.news(&event("slow", 1, 1_003)), 0);
    }

    /// A notebook whose first write never ends, and whose first read fails.
    #[derive(Default)]
    struct Slow(Mutex<Option<String>>, std::sync::atomic::AtomicU32, std::sync::atomic::AtomicU32);

    impl Notebook for Slow {
        fn read(&self) -> BoxFuture<'_, Result<Option<String>, SourceError>> {
            async {
                match self.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                    0 => Err(SourceError::Failed { action: "get".into(), detail: "starting".into() }),
                    _ => Ok(self.0.lock().unwrap().clone()),
                }
            }
            .boxed()
        }

        fn write<'a>(&'a self, text: &'a str) -> BoxFuture<'a, Result<(), SourceError>> {
            async {
                if self.2.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
                    std::future::pending::<()>().await;
                }
                self.0.lock().unwrap().replace(text.to_owned());
                Ok(())
            }
            .boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_the_stop_breaks_off_is_made_up_for() {
        let slow = Arc::new(Slow::default());
        let first = Record::new(Some(Arc::clone(&slow) as _), 1_000);
        assert!(!first.load().await);
        first.dealt_with(&event("a", 1, 1_001), 1_010);
        tokio::time::timeout(Duration::from_secs(1), first.write()).await.unwrap_err();
        first.write().await;
        let second = Record::new(Some(slow), 1_900);
        assert!(second.load().await);
        assert_eq!(second.news(&event("a", 1, 1_001)), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_just_starting_is_asked_again() {
        let slow = Arc::new(Slow::default());
        *slow.0.lock().unwrap() = Some(r#"{"since":900,"seen":{}}"#.into());
        let record = Record::new(Some(slow), 1_000);
        assert!(record.load().await);
        assert_eq!(record.news(&event("meanwhile", 1, 950)), 1);
    }

    #[tokio::test]
    async fn a_clock_that_is_ahead_makes_nothing_old() {
        let record = Record::new(None, 1_000);
        record.dealt_with(&event("ahead", 1, 9_000), 1_001);
        assert_eq!(record.news(&event("next", 1, 1_002)), 1);
    }

    #[tokio::test]
    async fn what_is_remembered_has_a_bound() {
        let record = Record::new(None, 0);
        for number in 0..30_000 {
            record.dealt_with(&event(&number.to_string(), 1, number / 1_000), 40);
        }
        assert!(record.state().seen.len() <= MOST);
        assert_eq!(record.news(&event("29999", 1, 29)), 0);
        assert_eq!(record.news(&event("3", 1, 0)), 0, "too old to be news");
    }
}
