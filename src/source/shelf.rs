//! Objects of one kind that are kept in memory, because watched objects refer to them: AppProjects (core 2.7).
//!
//! The exception to "no cache of objects": a cluster has few of them, and asking for one at each evaluation would be worse. Which
//! kind it is and what it is good for is the binding's affair; a [`Source`](super::Source) keeps the shelf up to date.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tokio::sync::watch;

use crate::model::{Companions, Object, ObjectKey};

/// Whether an object of a shelf is one that decisions ask about even if nobody names it: a project with subscriptions.
pub type Mark = Box<dyn Fn(&Object) -> bool + Send + Sync>;

/// How often something has changed on a shelf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Changes of the annotations of marked objects.
    pub marked: u64,
    /// Changes of any kind.
    pub all: u64,
}

/// The objects.
pub struct Shelf {
    held: RwLock<Held>,
    mark: Mark,
    news: watch::Sender<News>,
    complete: watch::Sender<bool>,
    /// What had changed when all that existed at the start was there.
    beginning: OnceLock<News>,
}

#[derive(Default)]
struct Held {
    objects: BTreeMap<ObjectKey, Arc<Object>>,
    marked: usize,
}

impl Shelf {
    /// An empty shelf that counts the objects which `mark` knows.
    pub fn new(mark: Mark) -> Arc<Self> {
        Arc::new(Self {
            held: RwLock::default(),
            mark,
            news: watch::Sender::default(),
            complete: watch::Sender::new(false),
            beginning: OnceLock::new(),
        })
    }

    /// Whether there is a marked object at all.
    pub fn has_marked(&self) -> bool {
        self.held.read().unwrap_or_else(PoisonError::into_inner).marked > 0
    }

    /// All objects, by namespace and name.
    pub fn all(&self) -> Vec<Arc<Object>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).objects.values().cloned().collect()
    }

    /// Puts a version of an object in the place of the last one.
    pub fn put(&self, object: Arc<Object>) {
        self.set(&object.key().clone(), Some(object));
    }

    /// Takes an object away.
    pub fn take(&self, key: &ObjectKey) {
        self.set(key, None);
    }

    /// Takes away what is not in `keys`: a list has just said what there is.
    pub fn keep_only(&self, keys: &std::collections::BTreeSet<ObjectKey>) {
        let gone: Vec<ObjectKey> = {
            let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
            held.objects.keys().filter(|key| !keys.contains(*key)).cloned().collect()
        };
        for key in &gone {
            self.take(key);
        }
    }

    /// All that existed at the start is there, or can not be had.
    pub fn completed(&self) {
        self.beginning.get_or_init(|| *self.news.borrow());
        self.complete.send_if_modified(|complete| !std::mem::replace(complete, true));
    }

    /// Whether all that existed at the start is there.
    pub fn complete(&self) -> watch::Receiver<bool> {
        self.complete.subscribe()
    }

    /// What had changed when the shelf was complete: later changes are news to whoever has looked at it.
    pub fn beginning(&self) -> News {
        self.beginning.get().copied().unwrap_or_default()
    }

    /// What has changed.
    pub fn news(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    fn set(&self, key: &ObjectKey, object: Option<Arc<Object>>) {
        let mut news = News { marked: 0, all: 1 };
        {
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            let after = object.clone();
            let before = match object {
                Some(object) => held.objects.insert(key.clone(), object),
                None => held.objects.remove(key),
            };
            if let (Some(before), Some(after)) = (&before, &after)
                && before.resource_version() == after.resource_version()
            {
                return;
            }
            let is_marked =
                |object: &Option<Arc<Object>>| object.as_ref().is_some_and(|object| (self.mark)(object));
            let (was, is) = (is_marked(&before), is_marked(&after));
            held.marked = held.marked - usize::from(was) + usize::from(is);
            let annotations =
                |object: &Option<Arc<Object>>| object.as_ref().map(|o| o.annotations().to_vec());
            if (was || is) && annotations(&before) != annotations(&after) {
                news.marked = 1;
            }
        }
        self.news.send_modify(|known| {
            *known = News { marked: known.marked + news.marked, all: known.all + news.all };
        });
    }
}

impl Companions for Shelf {
    fn find(&self, key: &ObjectKey) -> Option<Arc<Object>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).objects.get(key).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use dodona_value::Numbers;

    use super::*;

    fn project(name: &str, version: &str, annotation: &str) -> Arc<Object> {
        let json = format!(
            r#"{{"metadata":{{"name":"{name}","namespace":"argocd","resourceVersion":"{version}","annotations":{{"{annotation}":"x"}}}}}}"#
        );
        Arc::new(Object::parse(json.into(), Numbers::Kubernetes).unwrap())
    }

    #[test]
    fn it_counts_the_marked_and_says_what_is_new() {
        let shelf = Shelf::new(Box::new(|object| object.annotations().iter().any(|(key, _)| key == "mark")));
        let news = |marked, all| assert_eq!(*shelf.news().borrow(), News { marked, all });
        shelf.put(project("a", "1", "other"));
        news(0, 1);
        assert!(!shelf.has_marked());
        shelf.put(project("b", "2", "mark"));
        news(1, 2);
        assert!(shelf.has_marked());
        shelf.put(project("b", "2", "mark"));
        news(1, 2);
        shelf.put(project("b", "3", "mark"));
        news(1, 3);
        shelf.put(project("b", "4", "other"));
        news(2, 4);
        assert!(!shelf.has_marked());
        shelf.put(project("c", "5", "mark"));
        shelf.keep_only(&BTreeSet::from([ObjectKey::new("argocd", "b")]));
        news(4, 7);
        assert_eq!(shelf.beginning(), News::default(), "it was never complete");
        shelf.completed();
        shelf.put(project("d", "6", "mark"));
        shelf.completed();
        assert_eq!(shelf.beginning(), News { marked: 4, all: 7 }, "what came afterwards is news");
        shelf.take(&ObjectKey::new("argocd", "d"));
        assert!(!shelf.has_marked() && shelf.find(&ObjectKey::new("argocd", "a")).is_none());
        assert!(shelf.find(&ObjectKey::new("argocd", "b")).is_some());
    }
}
