//! The requests of one message: a post, an update, or both, and what is remembered of a thread for the next one.

use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use super::{Form, REPEATS, Slack, judge, request};
use crate::delivery::conversation::{Conversation, ConversationKey, Conversations};
use crate::delivery::progress::Progress;
use crate::delivery::section::text;
use crate::delivery::{DeliveryError, Retry};
use crate::model::Receipt;

/// The step of a message with two that is remembered until the other one is done.
const POSTED: &str = "posted";

/// Codes of a post into a thread whose first message is gone.
const NO_REPLY: &[&str] = &["message_not_found", "thread_not_found", "cannot_reply_to_message"];

/// Codes of an update whose message is gone, may not be changed (any more), or was in a channel that is gone: another one
/// can have its name by now.
const NO_UPDATE: &[&str] = &[
    "message_not_found",
    "thread_not_found",
    "cant_update_message",
    "edit_window_closed",
    "channel_not_found",
    "is_archived",
];

/// One message on its way.
pub(super) struct Send<'a> {
    pub(super) slack: &'a Slack,
    pub(super) channel: &'a str,
    pub(super) form: Form,
    pub(super) broadcast: bool,
    pub(super) deadline: Instant,
}

impl Send<'_> {
    /// Posts outside of any thread.
    pub(super) async fn alone(&self) -> Result<Receipt, DeliveryError> {
        self.post(None).await.map(|posted| told(&posted))
    }

    /// Posts into the thread, beginning it where there is none, and then changes its first message. What was posted is
    /// remembered until the change is made too: the next attempt must not post it again.
    pub(super) async fn post_and_update(
        &self,
        key: ConversationKey,
        mut progress: Progress,
    ) -> Result<Receipt, DeliveryError> {
        let Some(thread) = self.conversations().get(&key) else {
            if progress.has(POSTED) {
                // The attempt that posted it found the thread's first message gone: there is nothing left to change.
                return Ok(Receipt { id: None, detail: "posted by an earlier attempt".to_owned() });
            }
            return self.begin(key).await;
        };
        if !progress.has(POSTED) {
            self.reply(&key, &thread).await?;
            progress.add(POSTED);
        }
        progress.save();
        let result = self.update(&key, &thread).await;
        if result.as_ref().map_or_else(|error| error.retry == Retry::No, |_| true) {
            progress.end();
        }
        result
    }

    /// Begins a thread; in one that is there already changes its first message, or posts into it.
    pub(super) async fn post_or_update(
        &self,
        key: ConversationKey,
        updates: bool,
    ) -> Result<Receipt, DeliveryError> {
        match self.conversations().get(&key) {
            None => self.begin(key).await,
            Some(thread) if updates => self.update(&key, &thread).await,
            Some(thread) => self.reply(&key, &thread).await,
        }
    }

    /// Posts the first message of a thread, and remembers it.
    async fn begin(&self, key: ConversationKey) -> Result<Receipt, DeliveryError> {
        let posted = self.post(None).await?;
        let receipt = told(&posted);
        if !posted.first.is_empty() {
            self.conversations().put(key, posted);
        }
        Ok(receipt)
    }

    /// Posts into `thread`.
    async fn reply(&self, key: &ConversationKey, thread: &Conversation) -> Result<Receipt, DeliveryError> {
        let posted = self.post(Some(thread)).await;
        posted.map(|posted| told(&posted)).map_err(|error| self.or_lost(key, error, NO_REPLY))
    }

    async fn post(&self, thread: Option<&Conversation>) -> Result<Conversation, DeliveryError> {
        let mut form = self.form.clone();
        form.push(("channel", self.channel.to_owned()));
        form.extend(thread.map(|thread| ("thread_ts", thread.first.clone())));
        form.extend(self.broadcast.then(|| ("reply_broadcast", "true".to_owned())));
        let answer = self.call("chat.postMessage", &form).await?;
        let field = |name: &str| text(Some(&answer), name).to_owned();
        let place =
            Some(field("channel")).filter(|id| !id.is_empty()).unwrap_or_else(|| self.channel.to_owned());
        Ok(Conversation { place, first: field("ts") })
    }

    /// Changes the first message of `thread`.
    async fn update(&self, key: &ConversationKey, thread: &Conversation) -> Result<Receipt, DeliveryError> {
        let place = if thread.place.is_empty() { self.channel } else { &thread.place };
        let mut form = self.form.clone();
        form.push(("channel", place.to_owned()));
        form.push(("ts", thread.first.clone()));
        form.push(("as_user", "true".to_owned()));
        let answer = self.call("chat.update", &form).await;
        answer.map_err(|error| self.or_lost(key, error, NO_UPDATE))?;
        Ok(Receipt { id: Some(thread.first.clone()), detail: format!("updated in {place}") })
    }

    async fn call(&self, method: &str, form: &Form) -> Result<Value, DeliveryError> {
        let request = request(&self.slack.api, method, form)?;
        judge(&self.slack.caller.send(request, REPEATS, self.deadline).await?)
    }

    /// Where one of `codes` says that the thread of `key` cannot be continued, it is forgotten, and the message is tried
    /// again: the next attempt begins a new one. Otherwise every later message would fail the same way.
    fn or_lost(&self, key: &ConversationKey, error: DeliveryError, codes: &[&str]) -> DeliveryError {
        let code = error.detail.split(' ').next().unwrap_or_default();
        if !codes.contains(&code) {
            return error;
        }
        self.conversations().forget(key);
        let detail =
            format!("{} (the thread cannot be continued; the next message begins a new one)", error.detail);
        DeliveryError { retry: Retry::Later, detail, ..error }
    }

    fn conversations(&self) -> &Arc<dyn Conversations> {
        self.slack.caller.clients().conversations()
    }
}

fn told(posted: &Conversation) -> Receipt {
    Receipt { id: Some(posted.first.clone()), detail: format!("posted to {}", posted.place) }
}
