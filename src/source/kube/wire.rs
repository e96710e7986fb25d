//! What the API server writes: lines of a watch and pages of a list, taken apart without building trees.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ApiError;
use crate::model::Cause;

/// One line of a watch. Objects are the bytes between the braces, as they came.
#[derive(Debug, PartialEq)]
pub(super) enum Event<'a> {
    Added(&'a [u8]),
    Modified(&'a [u8]),
    Deleted(&'a [u8]),
    /// Nothing changed, but the watch has come this far. `initial_end`: all that existed has been sent.
    Bookmark {
        resource_version: String,
        initial_end: bool,
    },
    /// The server ends the watch; the bytes are a Status object.
    Error(&'a [u8]),
    /// A type of event that does not exist today.
    Unknown,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    resource_version: String,
    #[serde(rename = "continue")]
    next: Option<String>,
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OnlyMeta {
    metadata: Meta,
}

/// Takes one line apart.
pub(super) fn event(line: &[u8]) -> Result<Event<'_>, serde_json::Error> {
    let line: Line<'_> = serde_json::from_slice(line)?;
    let object = line.object.get().as_bytes();
    Ok(match &*line.kind {
        "ADDED" => Event::Added(object),
        "MODIFIED" => Event::Modified(object),
        "DELETED" => Event::Deleted(object),
        "BOOKMARK" => {
            let meta = serde_json::from_slice::<OnlyMeta>(object)?.metadata;
            let end = meta
                .annotations
                .is_some_and(|map| map.get("k8s.io/initial-events-end").is_some_and(|v| v == "true"));
            Event::Bookmark { resource_version: meta.resource_version, initial_end: end }
        }
        "ERROR" => Event::Error(object),
        _ => Event::Unknown,
    })
}

/// The object of a line as servers write it, found by the line's two ends alone: most objects are nobody's business, and a
/// start-up list has hundreds of megabytes. If what is found is no object, [`event`] says what the line is.
pub(super) fn quick(line: &[u8]) -> Option<(&[u8], Cause)> {
    let rest = line.strip_prefix(b"{\"type\":\"")?.trim_ascii_end().strip_suffix(b"}")?;
    if !rest.ends_with(b"}") {
        return None;
    }
    let kinds: [(&[u8], Cause); 3] = [
        (b"ADDED\",\"object\":", Cause::Added),
        (b"MODIFIED\",\"object\":", Cause::Modified),
        (b"DELETED\",\"object\":", Cause::Deleted),
    ];
    kinds.into_iter().find_map(|(head, cause)| Some((rest.strip_prefix(head)?, cause)))
}

/// `metadata.resourceVersion` of an object that may be broken otherwise; empty if it cannot be found.
pub(super) fn resource_version(object: &[u8]) -> String {
    serde_json::from_slice::<OnlyMeta>(object).unwrap_or_default().metadata.resource_version
}

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) resource_version: String,
    /// Token for the next page.
    pub(super) next: Option<String>,
    pub(super) items: Vec<&'a RawValue>,
    api_version: String,
    kind: String,
}

/// Takes a list apart; the items stay text.
pub(super) fn page(body: &[u8]) -> Result<Page<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct List<'a> {
        #[serde(default)]
        metadata: Meta,
        #[serde(default)]
        kind: String,
        #[serde(default)]
        api_version: String,
        #[serde(borrow, default)]
        items: Option<Vec<&'a RawValue>>,
    }
    let list: List<'_> = serde_json::from_slice(body)
        .map_err(|error| ApiError::Connection(format!("failed to read the list: {error}")))?;
    Ok(Page {
        resource_version: list.metadata.resource_version,
        next: list.metadata.next.filter(|token| !token.is_empty()),
        items: list.items.unwrap_or_default(),
        api_version: list.api_version,
        kind: list.kind.strip_suffix("List").unwrap_or(&list.kind).to_owned(),
    })
}

impl Page<'_> {
    /// The object `item`, made like the objects of a watch: built-in kinds leave `apiVersion` and `kind` out of list items.
    pub(super) fn object<'b>(&self, item: &'b RawValue) -> Cow<'b, [u8]> {
        #[derive(Deserialize)]
        struct Typed {
            kind: Option<serde::de::IgnoredAny>,
        }
        let text = item.get();
        let typed = serde_json::from_str::<Typed>(text).map_or(true, |head| head.kind.is_some());
        match text.strip_prefix('{') {
            Some(rest) if !typed && !self.kind.is_empty() => {
                let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
                let head =
                    serde_json::json!({ "apiVersion": self.api_version, "kind": self.kind }).to_string();
                format!("{}{comma}{rest}", head.strip_suffix('}').unwrap_or(&head)).into_bytes().into()
            }
            _ => text.as_bytes().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line() {
        assert_eq!(event(br#"{"type":"ADDED","object":{"a":1}}"#).unwrap(), Event::Added(br#"{"a":1}"#));
        assert_eq!(event(br#"{"object":{"a":1},"type":"DELETED"}"#).unwrap(), Event::Deleted(br#"{"a":1}"#));
        assert_eq!(event(br#"{"type":"NEW","object":{}}"#).unwrap(), Event::Unknown);
        let bookmark = br#"{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"12","creationTimestamp":null}}}"#;
        assert_eq!(
            event(bookmark).unwrap(),
            Event::Bookmark { resource_version: "12".into(), initial_end: false }
        );
        let end = br#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
        assert_eq!(event(end).unwrap(), Event::Bookmark { resource_version: "9".into(), initial_end: true });
        assert!(event(b"{\"type\":\"ADDED\"").is_err());
    }

    #[test]
    fn the_quick_way_finds_what_the_thorough_one_finds() {
        let line = br#"{"type":"MODIFIED","object":{"a":{"b":"}"}}}"#;
        assert_eq!(quick(line), Some((&br#"{"a":{"b":"}"}}"#[..], Cause::Modified)));
        assert_eq!(event(line).unwrap(), Event::Modified(br#"{"a":{"b":"}"}}"#));
        let others: [&[u8]; 5] = [
            br#"{"type":"BOOKMARK","object":{}}"#,
            br#"{"type":"ADDED","object":{},"more":1}"#,
            br#"{"object":{},"type":"ADDED"}"#,
            b"{",
            b"",
        ];
        assert!(others.into_iter().all(|line| quick(line).is_none()));
    }

    #[test]
    fn items_of_a_list_get_the_kind_that_the_list_has() {
        let body = br#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"5","continue":""},"items":[{"metadata":{"name":"a"}},{},{"kind":"X"}]}"#;
        let page = page(body).unwrap();
        assert_eq!((page.resource_version.as_str(), &page.next), ("5", &None));
        let items: Vec<String> =
            page.items.iter().map(|item| String::from_utf8(page.object(item).to_vec()).unwrap()).collect();
        assert_eq!(
            items,
            [
                r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#,
                r#"{"apiVersion":"v1","kind":"Pod"}"#,
                r#"{"kind":"X"}"#
            ]
        );
    }

    #[test]
    fn a_list_may_have_no_items() {
        assert!(
            page(br#"{"items":null,"metadata":{"resourceVersion":"5","continue":"t"}}"#)
                .unwrap()
                .next
                .is_some()
        );
        assert!(page(b"<html>").is_err());
    }

    #[test]
    fn the_version_of_a_broken_object() {
        assert_eq!(resource_version(br#"{"metadata":{"resourceVersion":"7"}}"#), "7");
        assert_eq!(resource_version(br#"{"metadata":[]}"#), "");
    }
}
