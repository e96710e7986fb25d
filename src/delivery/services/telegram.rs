//! telegram: a bot's messages to channels, groups and persons (services 2.6).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::delivery::cut;
use crate::delivery::driver::{CallService, Caller, Repeats, Reply};
use crate::delivery::options::Options;
use crate::delivery::request::Outgoing;
use crate::delivery::section::text;
use crate::delivery::verdict::LONGEST_RETRY_AFTER;
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, Retry, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt};

/// The row of the table.
pub(super) const TYPE: ServiceType =
    ServiceType { name: "telegram", section: None, needs_recipient: true, build };

/// Where Telegram is.
const DEFAULT_API: &str = "https://api.telegram.org";

/// The longest message that Telegram takes, in UTF-16 units.
const LONGEST: usize = 4096;

/// Requests for one message: as it is, without formatting, and to the chat that a group has become.
const MOST_REQUESTS: usize = 3;

struct Telegram {
    caller: Caller,
    api: String,
    token: String,
    /// `parse_mode`; empty for plain text.
    formatting: String,
    silent: bool,
    no_preview: bool,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let token = options.secret("token")?;
    if token.is_empty() {
        context
            .warnings
            .push(options.error("token", "no `token` is set: Telegram will refuse every message"));
    }
    let own = options.text("apiURL")?;
    let own = own.trim().trim_end_matches('/');
    Ok(Arc::new(Telegram {
        token,
        api: if own.is_empty() { DEFAULT_API } else { own }.to_owned(),
        formatting: formatting(&options)?,
        silent: options.flag("disableNotification")?,
        no_preview: options.flag("disableLinkPreview")?,
        caller: Caller::new(context, &options)?,
    }))
}

fn formatting(options: &Options<'_>) -> Result<String, NodeError> {
    let mode = options.text("parseMode")?;
    match mode.as_str() {
        "" => Ok("Markdown".to_owned()),
        "none" => Ok(String::new()),
        "Markdown" | "MarkdownV2" | "HTML" => Ok(mode),
        other => Err(options.error(
            "parseMode",
            format!("expected `Markdown`, `MarkdownV2`, `HTML` or `none`, found `{other}`"),
        )),
    }
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chat {
    /// A number, or `@` and a name.
    id: String,
    /// The topic of a forum; 0 for none.
    thread: i64,
}

/// Reads a recipient: a chat's number with its topic (`-100123|42`), or the name of a channel.
fn chat(recipient: &str) -> Result<Chat, DeliveryError> {
    let mut parts = recipient.split('|');
    let (id, thread) = (parts.next().unwrap_or_default(), parts.next());
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    if !recipient.starts_with('-') && !is_number {
        let name = recipient.strip_prefix('@').unwrap_or(recipient);
        return Ok(Chat { id: format!("@{name}"), thread: 0 });
    }
    let refuse = |what: &str, part: &str| {
        let detail = format!(
            "recipient `{recipient}`: `{part}` is no {what}; expected a number such as `-100123`, or `-100123|42` with a topic"
        );
        DeliveryError::permanent(ErrorKind::Config, detail)
    };
    let number: i64 = id.parse().map_err(|_| refuse("chat id", id))?;
    let thread = thread.map_or(Ok(0), |thread| thread.parse().map_err(|_| refuse("topic", thread)))?;
    Ok(Chat { id: number.to_string(), thread })
}

/// What the answer asks for.
enum Verdict {
    Done(Receipt),
    /// The formatting cannot be read: send the text as it is.
    Plain,
    /// The group has become another chat.
    Moved(String),
    Failed(DeliveryError),
}

impl CallService for Telegram {
    fn caller(&self) -> &Caller {
        &self.caller
    }

    async fn attempt(&self, message: &Message, recipient: &str) -> Result<Receipt, DeliveryError> {
        let mut chat = chat(recipient)?;
        let mut formatting = self.formatting.as_str();
        let deadline = self.caller.deadline();
        let url = format!("{}/bot{}/sendMessage", self.api, self.token);
        for _ in 0..MOST_REQUESTS {
            let request = Outgoing::new("POST", &url)?.form(&self.form(&message.text, &chat, formatting));
            let reply = self.caller.send(request, Repeats::NONE, deadline).await?;
            match judge(&reply) {
                Verdict::Done(receipt) => return Ok(receipt),
                Verdict::Plain if !formatting.is_empty() => formatting = "",
                Verdict::Moved(id) if id != chat.id => chat.id = id,
                Verdict::Plain | Verdict::Moved(_) => return Err(reply.error(told(&reply))),
                Verdict::Failed(error) => return Err(error),
            }
        }
        let detail = "telegram sends the message from one chat to the next";
        Err(DeliveryError::permanent(ErrorKind::Rejected, detail))
    }
}

impl Telegram {
    fn form(&self, message: &str, chat: &Chat, formatting: &str) -> Vec<(&'static str, String)> {
        let mut form = vec![("chat_id", chat.id.clone())];
        let mut set = |name, value: String| {
            if !value.is_empty() {
                form.push((name, value));
            }
        };
        set("text", cut::to_utf16(message, LONGEST));
        set("parse_mode", formatting.to_owned());
        set("message_thread_id", if chat.thread == 0 { String::new() } else { chat.thread.to_string() });
        set("disable_notification", if self.silent { "true".to_owned() } else { String::new() });
        if self.no_preview {
            set("link_preview_options", json!({"is_disabled": true}).to_string());
        }
        form
    }
}

/// Telegram says in the body whether it took the message; the status adds what kind of failure it was.
fn judge(reply: &Reply) -> Verdict {
    let Some(answer) = reply.json() else {
        return Verdict::Failed(if reply.status().is_success() {
            reply.expect_json("Telegram's API").err().unwrap_or_else(|| reply.refused())
        } else {
            reply.refused()
        });
    };
    if answer.get("ok").and_then(Value::as_bool) == Some(true) {
        if !answer.get("result").is_some_and(Value::is_object) {
            // Not Telegram's words: whether somebody got the message is not known, and a second one may be one too many.
            let detail = format!("telegram answered `ok` without the message: {}", reply.quote);
            let error = DeliveryError::permanent(ErrorKind::Rejected, detail);
            return Verdict::Failed(error.with_status(reply.status().as_u16()));
        }
        let id = answer.pointer("/result/message_id").and_then(Value::as_i64);
        return Verdict::Done(reply.receipt(id.map(|id| id.to_string())));
    }
    let moved = answer.pointer("/parameters/migrate_to_chat_id").and_then(Value::as_i64);
    if let Some(id) = moved {
        return Verdict::Moved(id.to_string());
    }
    if text(Some(&answer), "description").contains("can't parse entities") {
        return Verdict::Plain;
    }
    let mut error = reply.error(told(reply));
    if error.kind == ErrorKind::Rejected && text(Some(&answer), "description").contains("chat not found") {
        error.kind = ErrorKind::NotFound;
    }
    let pause = answer.pointer("/parameters/retry_after").and_then(Value::as_u64).map(Duration::from_secs);
    if let Some(pause) = pause {
        error.kind = ErrorKind::RateLimited;
        error.retry = Retry::After(pause.min(LONGEST_RETRY_AFTER));
    }
    Verdict::Failed(error)
}

/// Telegram's own words, which say more than the status.
fn told(reply: &Reply) -> String {
    let description = text(reply.json().as_ref(), "description").to_owned();
    if description.is_empty() {
        return format!("telegram answered {} without saying why: {}", reply.status(), reply.quote);
    }
    description.chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients() {
        for (recipient, id, thread) in [
            ("mychan", "@mychan", 0),
            ("@mychan", "@mychan", 0),
            ("@@x", "@@x", 0),
            ("", "@", 0),
            ("-100123", "-100123", 0),
            ("-100123|42", "-100123", 42),
            ("-100123|42|x", "-100123", 42),
            ("12345", "12345", 0),
            ("12345|7", "12345", 7),
            ("-100123|0", "-100123", 0),
            ("12a|7", "@12a|7", 0),
        ] {
            assert_eq!(chat(recipient).unwrap(), Chat { id: id.into(), thread }, "{recipient}");
        }
        for recipient in ["-", "-100123|", "-x", "-1|y", "99999999999999999999", "-1 |2", "5|"] {
            assert_eq!(chat(recipient).unwrap_err().kind, ErrorKind::Config, "{recipient}");
        }
    }
}
