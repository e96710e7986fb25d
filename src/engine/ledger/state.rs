//! The state annotation as a value: parse, encode byte-equal to upstream, cut (core 3.5).

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Entries above which the oldest are cut when the annotation is written (core 3.5.5).
pub const LIMIT: usize = 100;

/// What was told: ledger key → Unix seconds, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    entries: Vec<(String, i64)>,
}

impl State {
    /// Reads the annotation's text. Whatever cannot be read is an empty state (core 3.5.1): no JSON, no object, or any
    /// value that is not a whole number of 64 bits. A value `null` counts as present with time 0; of equal keys the last
    /// one counts.
    pub fn parse(text: &str) -> Self {
        let mut reader = serde_json::Deserializer::from_str(text);
        let entries = reader.deserialize_map(Entries).and_then(|entries| reader.end().map(|()| entries));
        let Ok(mut entries) = entries else { return Self::default() };
        if !entries.is_sorted_by(|(left, _), (right, _)| left < right) {
            entries.reverse();
            entries.sort_by(|(left, _), (right, _)| left.cmp(right));
            entries.dedup_by(|next, kept| next.0 == kept.0);
        }
        Self { entries }
    }

    /// When `key` was told.
    pub fn get(&self, key: &str) -> Option<i64> {
        let index = self.find(key).ok()?;
        self.entries.get(index).map(|(_, time)| *time)
    }

    /// Records `key` at `time`.
    pub fn set(&mut self, key: &str, time: i64) {
        match self.find(key) {
            Ok(index) => {
                if let Some(entry) = self.entries.get_mut(index) {
                    entry.1 = time;
                }
            }
            Err(index) => self.entries.insert(index, (key.to_owned(), time)),
        }
    }

    /// Forgets `key`.
    pub fn remove(&mut self, key: &str) {
        if let Ok(index) = self.find(key) {
            self.entries.remove(index);
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was told.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.entries.iter().map(|(key, time)| (key.as_str(), *time))
    }

    /// Cuts the oldest entries (by time, then by key) until [`LIMIT`] are left. Entries that `live` names stay, even if
    /// that makes more than [`LIMIT`]: what is cut would be told again (core 3.5.5).
    pub fn cut(&mut self, live: &[String]) {
        let Some(surplus) = self.entries.len().checked_sub(LIMIT).filter(|surplus| *surplus > 0) else {
            return;
        };
        let live: BTreeSet<&str> = live.iter().map(String::as_str).collect();
        let mut past: Vec<(i64, &str)> =
            self.iter().filter(|(key, _)| !live.contains(key)).map(|(key, time)| (time, key)).collect();
        past.sort_unstable();
        let cut: BTreeSet<String> = past.into_iter().take(surplus).map(|(_, key)| key.to_owned()).collect();
        self.entries.retain(|(key, _)| !cut.contains(key));
    }

    /// The annotation's text, byte for byte as upstream's encoder writes it; `None` if the annotation is to be deleted
    /// (core 3.5.6).
    pub fn encode(&self) -> Option<String> {
        if self.entries.is_empty() {
            return None;
        }
        let mut text = String::with_capacity(self.entries.iter().map(|(key, _)| key.len() + 24).sum());
        for (index, (key, time)) in self.entries.iter().enumerate() {
            text.push(if index == 0 { '{' } else { ',' });
            push_quoted(&mut text, key);
            text.push(':');
            text.push_str(&time.to_string());
        }
        text.push('}');
        Some(text)
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|(known, _)| known.as_str().cmp(key))
    }
}

/// JSON text in the spelling of Go's encoder, which also escapes what could be taken for HTML.
fn push_quoted(into: &mut String, text: &str) {
    into.push('"');
    for c in text.chars() {
        match c {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\u{8}' => into.push_str("\\b"),
            '\u{c}' => into.push_str("\\f"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                into.push_str("\\u");
                into.extend(
                    [12, 8, 4, 0]
                        .map(|shift| char::from_digit(u32::from(c) >> shift & 0xf, 16).unwrap_or('0')),
                );
            }
            _ => into.push(c),
        }
    }
    into.push('"');
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(String, i64)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of Unix seconds")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((Key(key), time)) = map.next_entry::<Key, &'de RawValue>()? {
            let time = match time.get() {
                "null" => 0,
                // Also `-0`, which is a whole number in Go and a fraction to most readers.
                text => text.parse().map_err(|_| A::Error::custom("no whole number"))?,
            };
            entries.push((key, time));
        }
        Ok(entries)
    }
}

/// A key. Half of a surrogate pair stands for no character: it is read as Go does, as U+FFFD.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Key, E> {
        Ok(Key(text.to_owned()))
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Key, E> {
        let mut key = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            key.push_str(chunk.valid());
            // Three bytes for each half, of which the first one cannot begin anything else.
            key.extend(chunk.invalid().first().filter(|byte| **byte == 0xed).map(|_| '\u{fffd}'));
        }
        Ok(Key(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(entries: &[(&str, i64)]) -> State {
        let mut state = State::default();
        for (key, time) in entries {
            state.set(key, *time);
        }
        state
    }

    /// `["annotation", {"key": seconds}, "annotation as written"]`, one a line; the last is `null` where it is deleted.
    #[test]
    fn annotations_are_read_and_written_as_upstream_does() {
        for line in include_str!("../../../tests/engine/state.jsonl").lines() {
            let (text, entries, written): (String, std::collections::BTreeMap<String, i64>, Option<String>) =
                serde_json::from_str(line).unwrap();
            let parsed = State::parse(&text);
            assert_eq!(
                parsed.iter().map(|(key, time)| (key.to_owned(), time)).collect::<Vec<_>>(),
                entries.into_iter().collect::<Vec<_>>(),
                "{line}"
            );
            assert_eq!(parsed.encode(), written, "{line}");
        }
    }

    #[test]
    fn the_oldest_go_first_and_ties_go_by_key() {
        let mut full = State::default();
        for index in 0..=LIMIT {
            full.set(&format!("old-{index:03}"), 5);
        }
        full.set("new", 9);
        full.set("older", 1);
        full.cut(&[]);
        assert_eq!(full.len(), LIMIT);
        assert_eq!((full.get("older"), full.get("old-001"), full.get("old-002")), (None, None, Some(5)));
        assert_eq!(full.get("new"), Some(9));
    }

    #[test]
    fn live_entries_are_never_cut() {
        let live: Vec<String> = (0..130).map(|index| format!("live-{index:03}")).collect();
        let mut full = state(&[("old", 100)]);
        for key in &live {
            full.set(key, 1);
        }
        full.cut(&live);
        assert_eq!(full.len(), 130);
        assert_eq!(full.get("old"), None);
    }

    #[test]
    fn entries_are_set_and_removed() {
        let mut some = state(&[("b", 2), ("a", 1), ("c", 3), ("a", 4)]);
        some.remove("b");
        some.remove("x");
        assert_eq!(some.iter().collect::<Vec<_>>(), [("a", 4), ("c", 3)]);
    }
}
