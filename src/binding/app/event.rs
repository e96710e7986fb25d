//! `event`: what the version of an Application at hand means, so that triggers need no arithmetic with times.
//!
//! Argo CD writes the result of a sync and the health in different updates, so for a moment an Application is "synced and
//! healthy" with the health of the release before. An operation goes through these states, told from one version:
//!
//! ```text
//!   none ──▶ running ──▶ ended ──▶ settled ──▶ deployed
//! ```
//!
//! * running: `operationState.phase` is `Running` or `Terminating`;
//! * ended: it is `Succeeded`, `Failed` or `Error`;
//! * settled: `reconciledAt` or `observedAt` is not before `finishedAt` (core 5.3), so sync status and health were computed
//!   after its end;
//! * deployed: it succeeded, the health is `Healthy`, and that is no leftover: nothing was changed, or the health changed
//!   since the operation began, or the Application was reconciled again in a later second than that of its end.
//!
//! What was before comes from the sequence of versions ([`super::history`]). Fields are computed when they are asked for.

use std::any::Any;
use std::sync::Arc;

use dodona_value::time::{Layout, parse};
use dodona_value::{Document, GoType, Host, Map, NodeRef, Str, Value, Zone};
use jiff::Timestamp;

use super::history::Previous;
use crate::model::Object;

/// The fields, as `docs/configuration.md` lists them.
const FIELDS: [&str; 10] = [
    "operationSettled",
    "deployed",
    "previousHealth",
    "previousSync",
    "previousPhase",
    "changedResources",
    "images",
    "revision",
    "revisions",
    "revisionKey",
];

/// The variable `event` of one version.
pub(super) struct Event {
    object: Arc<Object>,
    previous: Previous,
}

impl Event {
    /// The event of `object`, after `previous`.
    pub(super) fn value(object: &Arc<Object>, previous: Previous) -> Value {
        Value::host(Self { object: Arc::clone(object), previous })
    }
}

impl Host for Event {
    fn type_name(&self) -> &'static str {
        "event"
    }

    fn fields(&self) -> &[&str] {
        &FIELDS
    }

    fn field(&self, name: &str) -> Option<Value> {
        // A body that cannot be read has no scope, so nobody gets here without one.
        let app = App(self.object.document().ok()?);
        Some(match name {
            "operationSettled" => Value::Bool(app.is_settled()),
            "deployed" => Value::Bool(app.is_deployed()),
            "previousHealth" => Value::text(self.previous.health),
            "previousSync" => Value::text(self.previous.sync),
            "previousPhase" => Value::text(self.previous.phase),
            "changedResources" => Value::list(app.changed().map(resource).collect()),
            "images" => app.images(),
            "revision" => text(&app.revisions().join(", ")),
            "revisions" => Value::list(app.revisions().into_iter().map(text).collect()),
            "revisionKey" => text(&app.revisions().join(",")),
            _ => return None,
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An Application's object, as this variable looks at it.
#[derive(Clone, Copy)]
pub(super) struct App<'a>(pub(super) &'a Document);

impl<'a> App<'a> {
    fn at(self, path: &[&str]) -> Option<NodeRef<'a>> {
        self.0.root().path(path).filter(|node| !node.is_null())
    }

    fn text(self, path: &[&str]) -> &'a str {
        self.at(path).and_then(NodeRef::as_str).unwrap_or_default()
    }

    /// A time in the form that upstream takes, and in no other.
    fn time(self, path: &[&str]) -> Option<Timestamp> {
        let time = parse(Layout::RFC3339, self.text(path), &Zone::utc()).ok()?;
        let seconds = time.unix_seconds();
        // The nanoseconds since 1970 wrap around, and so does what is taken off.
        let nanos = time.unix_nanoseconds().wrapping_sub(seconds.wrapping_mul(1_000_000_000));
        Timestamp::new(seconds, i32::try_from(nanos).ok()?).ok()
    }

    fn phase(self) -> &'a str {
        self.text(&["status", "operationState", "phase"])
    }

    /// Whether the last operation has ended; `false` if there was none.
    pub(super) fn has_ended(self) -> bool {
        matches!(self.phase(), "Failed" | "Error" | "Succeeded")
    }

    /// When the Application was looked at last. A missing or malformed time counts as long ago, so one good time is enough.
    fn looked_at(self) -> Option<Timestamp> {
        ["reconciledAt", "observedAt"].iter().filter_map(|field| self.time(&["status", field])).max()
    }

    /// As [`App::is_settled`] where an operation has ended, to the letter of core 5.3: a time that is missing is year 1.
    pub(super) fn is_refreshed(self) -> bool {
        const YEAR_ONE: i64 = -62_135_596_800;
        let finished = self.time(&["status", "operationState", "finishedAt"]);
        let seen = self.looked_at().or_else(|| Timestamp::from_second(YEAR_ONE).ok());
        matches!((finished, seen), (Some(finished), Some(seen)) if finished <= seen)
    }

    /// Whether the statuses were computed after the last operation ended (core 5.3).
    pub(super) fn is_settled(self) -> bool {
        let finished = self.time(&["status", "operationState", "finishedAt"]);
        let seen = self.looked_at();
        self.has_ended() && matches!((finished, seen), (Some(finished), Some(seen)) if finished <= seen)
    }

    fn is_deployed(self) -> bool {
        let is_done = self.phase() == "Succeeded" && self.is_settled();
        is_done && self.text(&["status", "health", "status"]) == "Healthy" && self.is_health_new()
    }

    /// Whether the health is that of what the last operation brought.
    fn is_health_new(self) -> bool {
        let began = self.time(&["status", "operationState", "startedAt"]);
        let changed = self.time(&["status", "health", "lastTransitionTime"]);
        let ended = self.time(&["status", "operationState", "finishedAt"]);
        let moved = matches!((began, changed), (Some(began), Some(changed)) if changed >= began);
        let later = matches!((ended, self.looked_at()), (Some(ended), Some(seen)) if seen > ended);
        moved || later || self.changed().next().is_none()
    }

    /// The resources that the last operation changed: everything that it applied or pruned, without hooks, and without those
    /// that the cluster called unchanged.
    fn changed(self) -> impl Iterator<Item = NodeRef<'a>> {
        let resources = self.at(&["status", "operationState", "syncResult", "resources"]);
        let text = |node: NodeRef<'a>, key| node.get(key).and_then(NodeRef::as_str).unwrap_or_default();
        resources.into_iter().flat_map(NodeRef::items).filter(move |node| {
            matches!(text(*node, "status"), "Synced" | "Pruned")
                && text(*node, "hookType").is_empty()
                && !text(*node, "message").trim_end().ends_with("unchanged")
        })
    }

    fn images(self) -> Value {
        self.at(&["status", "summary", "images"]).map_or_else(|| Value::list(Vec::new()), NodeRef::to_value)
    }

    /// The revisions that the last operation brought or, without one, those that the sync status was computed for: one for
    /// each source. Empty ones are left out.
    fn revisions(self) -> Vec<&'a str> {
        for place in [&["status", "operationState", "syncResult"][..], &["status", "sync"]] {
            let Some(node) = self.at(place) else { continue };
            let many = node.get("revisions").into_iter().flat_map(NodeRef::items);
            let mut found: Vec<&str> = many.filter_map(NodeRef::as_str).collect();
            if found.iter().all(|revision| revision.is_empty()) {
                found = node.get("revision").and_then(NodeRef::as_str).into_iter().collect();
            }
            found.retain(|revision| !revision.is_empty());
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }
}

/// What a template wants to say of a changed resource.
fn resource(node: NodeRef<'_>) -> Value {
    let part = |key: &'static str| {
        (Str::from_static(key), text(node.get(key).and_then(NodeRef::as_str).unwrap_or_default()))
    };
    let parts = ["group", "version", "kind", "namespace", "name", "status", "message"];
    Value::Map(Map::of(GoType::Any, parts.map(part)))
}

fn text(text: &str) -> Value {
    Value::Str(Str::copy(text.as_bytes()))
}

#[cfg(test)]
mod tests;
