//! A composed notification: what is delivered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One rendered notification. It serialises, so that an outbox can keep it across restarts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The common text (`message:`). May be empty (core 1.6.2).
    #[serde(default)]
    pub text: String,
    /// The rendered sections by key (`slack`, `email`, `webhook`, …), each in the form that its service reads back.
    /// Normally only the section that the destination's service uses (core 4.4.1); all of them for the console.
    #[serde(default)]
    pub sections: BTreeMap<String, serde_json::Value>,
}

impl Message {
    /// A message with a text and no section.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), sections: BTreeMap::new() }
    }

    /// The rendered section of `key`, if the templates had one.
    pub fn section(&self, key: &str) -> Option<&serde_json::Value> {
        self.sections.get(key)
    }

    /// Bytes that the message takes in memory, roughly; the outbox is bounded by it.
    pub fn weight(&self) -> usize {
        fn weigh(value: &serde_json::Value) -> usize {
            match value {
                serde_json::Value::String(text) => 32 + text.len(),
                serde_json::Value::Array(items) => 32 + items.iter().map(weigh).sum::<usize>(),
                serde_json::Value::Object(fields) => {
                    32 + fields.iter().map(|(key, item)| 32 + key.len() + weigh(item)).sum::<usize>()
                }
                _ => 32,
            }
        }
        self.text.len() + self.sections.values().map(weigh).sum::<usize>() + 64
    }
}
