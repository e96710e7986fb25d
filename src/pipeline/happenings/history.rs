//! The last versions of the objects that somebody is subscribed to (core 6.3).
//!
//! An Event names the version that the controller had in hand, which is mostly the one before the newest, and messages
//! show that one. Differences of versions are events too. Objects that nobody is subscribed to are not kept.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Object, ObjectKey};

/// Versions of one object that are kept.
const VERSIONS: usize = 10;
/// How long a version is kept after a newer one came, and the last one after the object is gone.
const KEPT: Duration = Duration::from_mins(2);

/// The kinds that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Rollout,
    Experiment,
    AnalysisRun,
}

/// An object of one kind.
pub(super) type Place = (Kind, ObjectKey);

/// The versions by object.
#[derive(Default)]
pub(super) struct History {
    objects: BTreeMap<Place, Versions>,
}

#[derive(Default)]
struct Versions {
    /// Oldest first, each with the time at which it came.
    kept: VecDeque<(Instant, Arc<Object>)>,
    gone: Option<Instant>,
}

/// What is known about a version.
#[derive(Debug)]
pub(super) enum Found {
    /// It is here.
    Exact(Arc<Object>),
    /// It is not: the newest older one.
    Older(Arc<Object>),
    /// All that are known are newer; the oldest of them.
    Newer(Arc<Object>),
    /// The watch has not come so far. The newest one, if there is any.
    Ahead(Option<Arc<Object>>),
}

impl History {
    /// The newest version; that of an object that is gone counts until it is forgotten.
    pub(super) fn newest(&self, place: &Place) -> Option<&Arc<Object>> {
        self.objects.get(place)?.kept.back().map(|(_, object)| object)
    }

    /// Whether the object is known and not gone.
    pub(super) fn is_alive(&self, place: &Place) -> bool {
        self.objects.get(place).is_some_and(|versions| versions.gone.is_none() && !versions.kept.is_empty())
    }

    /// Puts a version in.
    pub(super) fn add(&mut self, kind: Kind, object: Arc<Object>, now: Instant) {
        let versions = self.objects.entry((kind, object.key().clone())).or_default();
        versions.gone = None;
        versions.kept.push_back((now, object));
        versions.prune(now);
    }

    /// The object does not exist any more; Events about its end are still to come.
    pub(super) fn gone(&mut self, place: &Place, now: Instant) {
        if let Some(versions) = self.objects.get_mut(place) {
            versions.gone = Some(now);
        }
    }

    /// Nobody is subscribed to the object.
    pub(super) fn forget(&mut self, place: &Place) {
        self.objects.remove(place);
    }

    /// Looks for the version `version` of the object with `uid` (empty: any).
    pub(super) fn find(&self, place: &Place, uid: &str, version: &str) -> Found {
        let Some(versions) = self.objects.get(place) else { return Found::Ahead(None) };
        let same = |object: &Object| uid.is_empty() || object.uid().is_empty() || object.uid() == uid;
        let mut kept =
            versions.kept.iter().map(|(_, object)| object).filter(|object| same(object)).peekable();
        let Some(oldest) = kept.peek().map(|object| Arc::clone(object)) else { return Found::Ahead(None) };
        let mut newest = Arc::clone(&oldest);
        let mut older = None;
        for object in kept {
            if object.resource_version() == version {
                return Found::Exact(Arc::clone(object));
            }
            if is_older(object.resource_version(), version) {
                older = Some(Arc::clone(object));
            }
            newest = Arc::clone(object);
        }
        match older {
            // Nobody knows which one it is: the one of now.
            _ if version.parse::<u64>().is_err() => Found::Older(newest),
            Some(older) if Arc::ptr_eq(&older, &newest) && versions.gone.is_none() => {
                Found::Ahead(Some(newest))
            }
            Some(older) => Found::Older(older),
            None => Found::Newer(oldest),
        }
    }

    /// Lets go of what is too old; names the objects that are gone for good.
    pub(super) fn prune(&mut self, now: Instant) -> Vec<Place> {
        let is_over = |at: &Instant| now.duration_since(*at) > KEPT;
        let over = self.objects.iter().filter(|(_, versions)| versions.gone.as_ref().is_some_and(is_over));
        let over: Vec<Place> = over.map(|(place, _)| place.clone()).collect();
        for place in &over {
            self.objects.remove(place);
        }
        for versions in self.objects.values_mut().filter(|versions| versions.kept.len() > 1) {
            versions.prune(now);
        }
        over
    }
}

impl Versions {
    /// A version counts from the time at which the next one came: until then it was the present.
    fn prune(&mut self, now: Instant) {
        while self.kept.len() > 1 {
            let old = self.kept.get(1).is_some_and(|(next, _)| now.duration_since(*next) > KEPT);
            if !old && self.kept.len() <= VERSIONS {
                return;
            }
            self.kept.pop_front();
        }
    }
}

/// Whether `version` was made before `other`. The API server's versions are numbers.
pub(super) fn is_older(version: &str, other: &str) -> bool {
    matches!((version.parse::<u64>(), other.parse::<u64>()), (Ok(version), Ok(other)) if version < other)
}

#[cfg(test)]
mod tests {
    use dodona_value::Numbers;

    use super::*;

    fn version(number: u32) -> Arc<Object> {
        let json = format!(
            r#"{{"metadata":{{"name":"cart","namespace":"shop","uid":"u","resourceVersion":"{number}"}}}}"#
        );
        Arc::new(Object::parse(json.into(), Numbers::Kubernetes).unwrap())
    }

    fn place() -> Place {
        (Kind::Rollout, ObjectKey::new("shop", "cart"))
    }

    fn said(found: &Found) -> String {
        match found {
            Found::Exact(object) => format!("exact {}", object.resource_version()),
            Found::Older(object) => format!("older {}", object.resource_version()),
            Found::Newer(object) => format!("newer {}", object.resource_version()),
            Found::Ahead(object) => {
                format!("ahead of {}", object.as_ref().map_or("nothing", |one| one.resource_version()))
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_version_of_an_event_is_found() {
        let mut history = History::default();
        for number in [10, 14, 20] {
            history.add(Kind::Rollout, version(number), Instant::now());
        }
        for (asked, uid, answer) in [
            ("14", "u", "exact 14"),
            ("15", "u", "older 14"),
            ("20", "", "exact 20"),
            ("21", "u", "ahead of 20"),
            ("9", "u", "newer 10"),
            ("", "u", "older 20"),
            ("14", "other", "ahead of nothing"),
        ] {
            assert_eq!(said(&history.find(&place(), uid, asked)), answer, "{asked} {uid}");
        }
        history.gone(&place(), Instant::now());
        assert_eq!(said(&history.find(&place(), "u", "21")), "older 20");
        tokio::time::advance(KEPT + Duration::from_secs(1)).await;
        assert_eq!(history.prune(Instant::now()), [place()]);
        assert_eq!(said(&history.find(&place(), "u", "20")), "ahead of nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_version_stays_and_old_ones_go() {
        let mut history = History::default();
        history.add(Kind::Rollout, version(1), Instant::now());
        tokio::time::advance(Duration::from_hours(5)).await;
        history.prune(Instant::now());
        history.add(Kind::Rollout, version(2), Instant::now());
        assert_eq!(said(&history.find(&place(), "", "1")), "exact 1", "it was the present until now");
        tokio::time::advance(KEPT + Duration::from_secs(1)).await;
        history.prune(Instant::now());
        assert_eq!(said(&history.find(&place(), "", "1")), "newer 2");
        for number in 3..40 {
            history.add(Kind::Rollout, version(number), Instant::now());
        }
        assert_eq!(history.objects[&place()].kept.len(), VERSIONS);
    }
}
