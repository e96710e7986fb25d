//! slack: chat.postMessage and chat.update (services 2.1), with threads that later messages continue or update.

mod send;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::Value;

use crate::delivery::conversation::{self, ConversationKey};
use crate::delivery::driver::{CallService, Caller, Repeats, Reply, When};
use crate::delivery::look::{is_emoji, is_image};
use crate::delivery::options::Options;
use crate::delivery::payload::{self, InvalidPayload, List, OnInvalid};
use crate::delivery::progress::Progress;
use crate::delivery::request::Outgoing;
use crate::delivery::section::{Field, FieldSection, Kind, flag, text, text_or};
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, Retry, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt, Section};
use send::Send;

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "slack",
    section: Some(SectionType { key: "slack", compile }),
    needs_recipient: true,
    build,
};

/// Where Slack is.
const DEFAULT_API: &str = "https://slack.com/api/";

/// Slack's rate limit is repeated within one attempt only while the pauses are short; the outbox does the rest.
const REPEATS: Repeats =
    Repeats { most: 20, pause: Duration::ZERO, longest: Duration::ZERO, when: When::Asked };

const FIELDS: &[Field] = &[
    Field::text("username").always(),
    Field::text("icon").always(),
    Field::text("attachments").always().holds(Kind::Payload),
    Field::text("blocks").always().holds(Kind::Payload),
    Field::text("groupingKey").always().shown(),
    Field::text("notifyBroadcast").always().shown().holds(Kind::Flag),
    Field::text("deliveryPolicy").always().shown().holds(Kind::Word(policy)),
];

/// The policies, case-sensitive; anything else is `Post`.
fn policy(text: &str) -> &'static str {
    match text {
        "PostAndUpdate" => "PostAndUpdate",
        "Update" => "Update",
        _ => "Post",
    }
}

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    FieldSection::compile(template, section, FIELDS)
}

struct Slack {
    caller: Caller,
    /// Service name and a fingerprint of the token: two workspaces never share a thread.
    account: String,
    token: String,
    api: String,
    username: String,
    icon: String,
    disable_unfurl: bool,
    on_invalid: OnInvalid,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let token = options.secret("token")?;
    options.secret("signingSecret")?;
    if token.is_empty() {
        context.warnings.push(options.error("token", "no `token` is set: Slack will refuse every message"));
    }
    Ok(Arc::new(Slack {
        account: conversation::account("slack", context.name, &[&token]),
        token,
        api: api(&options.text("apiURL")?),
        username: options.text("username")?,
        icon: options.text("icon")?,
        disable_unfurl: options.flag("disableUnfurl")?,
        on_invalid: OnInvalid::read(context, &options)?,
        caller: Caller::new(context, &options)?,
    }))
}

/// The base URL with the slash at its end that upstream insists on (services 2.1, FIX).
fn api(setting: &str) -> String {
    match setting.trim() {
        "" => DEFAULT_API.to_owned(),
        url if url.ends_with('/') => url.to_owned(),
        url => format!("{url}/"),
    }
}

type Form = Vec<(&'static str, String)>;

impl CallService for Slack {
    fn caller(&self) -> &Caller {
        &self.caller
    }

    async fn attempt(&self, message: &Message, channel: &str) -> Result<Receipt, DeliveryError> {
        let section = message.section("slack");
        let send = Send {
            slack: self,
            channel,
            form: self.form(message, section)?,
            broadcast: flag(section, "notifyBroadcast"),
            deadline: self.caller.deadline(),
        };
        let Some(key) = self.thread(channel, text(section, "groupingKey")) else {
            return send.alone().await;
        };
        match text(section, "deliveryPolicy") {
            "PostAndUpdate" => {
                let progress = Progress::resume(&self.caller, &self.account, channel, "slack", message);
                send.post_and_update(key, progress).await
            }
            policy => send.post_or_update(key, policy == "Update").await,
        }
    }
}

impl Slack {
    /// The thread's key; `None` without a grouping key.
    fn thread(&self, channel: &str, topic: &str) -> Option<ConversationKey> {
        let key = ConversationKey {
            account: self.account.clone(),
            place: channel.to_owned(),
            topic: topic.to_owned(),
        };
        Some(key).filter(|key| !key.topic.is_empty())
    }

    /// The fields that post and update share.
    fn form(&self, message: &Message, section: Option<&Value>) -> Result<Form, DeliveryError> {
        let mut form: Form = vec![("token", self.token.clone())];
        let mut body = message.text.clone();
        let username = text_or(section, "username", &self.username);
        form.extend(Some(username).filter(|name| !name.is_empty()).map(|name| ("username", name.to_owned())));
        form.extend(icon(text_or(section, "icon", &self.icon)));
        if let Some(attachments) = self.on_invalid.settle(attachments(section), &mut body)? {
            form.push(("attachments", attachments.to_string()));
        }
        if let Some(blocks) = self.on_invalid.settle(blocks(section), &mut body)? {
            form.push(("blocks", blocks.to_string()));
        }
        if self.disable_unfurl {
            form.extend([("unfurl_links", "false".to_owned()), ("unfurl_media", "false".to_owned())]);
        }
        form.push(("text", body));
        Ok(form)
    }
}

fn request(api: &str, method: &str, form: &Form) -> Result<Request<Bytes>, DeliveryError> {
    Ok(Outgoing::new("POST", &format!("{api}{method}"))?.form(form))
}

/// `:name:` is an emoji, an absolute URL an image; anything else is left out, as upstream does.
fn icon(icon: &str) -> Option<(&'static str, String)> {
    if is_emoji(icon) {
        return Some(("icon_emoji", icon.to_owned()));
    }
    if is_image(icon) {
        return Some(("icon_url", icon.to_owned()));
    }
    if !icon.is_empty() {
        tracing::warn!(
            "icon `{icon}` is neither `:emoji:` nor an http(s) URL; the message goes out without it"
        );
    }
    None
}

/// The attachments: an array whose known keys are put into Slack's spelling; `[]` where the section names none.
fn attachments(section: Option<&Value>) -> Result<Option<Value>, InvalidPayload> {
    if section.is_none() {
        return Ok(None);
    }
    Ok(match payload::list(section, "attachments")? {
        List::Absent => Some(Value::Array(Vec::new())),
        List::Null => None,
        List::Items(items) => Some(items.into_iter().map(|item| fold_keys(item, ATTACHMENT_KEYS)).collect()),
    })
}

/// The blocks: an array, or the object around one that Block Kit Builder exports; left out if there is none.
fn blocks(section: Option<&Value>) -> Result<Option<Value>, InvalidPayload> {
    let blocks = match payload::read(section, "blocks")? {
        Some(Value::Object(mut map)) if map.get("blocks").is_some_and(Value::is_array) => {
            map.remove("blocks")
        }
        other => other,
    };
    match blocks {
        None | Some(Value::Null) => Ok(None),
        // Upstream's library reads this as no blocks.
        Some(Value::Object(map)) if map.is_empty() => Ok(None),
        Some(Value::Array(items)) => {
            Ok(Some(Value::Array(items))
                .filter(|items| items.as_array().is_some_and(|items| !items.is_empty())))
        }
        Some(other) => Err(payload::wrong_shape(section, "blocks", "an array of blocks", &other)),
    }
}

/// Keys of an attachment that upstream matches without case and sends in this spelling.
const ATTACHMENT_KEYS: &[&str] = &[
    "actions",
    "attachment_type",
    "author_icon",
    "author_id",
    "author_link",
    "author_name",
    "author_subname",
    "blocks",
    "callback_id",
    "color",
    "fallback",
    "fields",
    "footer",
    "footer_icon",
    "id",
    "image_url",
    "mrkdwn_in",
    "pretext",
    "service_icon",
    "service_name",
    "text",
    "thumb_url",
    "title",
    "title_link",
    "ts",
    "from_url",
    "original_url",
];

/// Keys of a field inside an attachment.
const FIELD_KEYS: &[&str] = &["title", "value", "short"];

fn fold_keys(item: Value, known: &[&str]) -> Value {
    let Value::Object(map) = item else { return item };
    let fold = |(key, value): (String, Value)| {
        let name =
            known.iter().find(|name| name.eq_ignore_ascii_case(&key)).map_or(key, |name| (*name).to_owned());
        let value = match (name.as_str(), value) {
            ("fields", Value::Array(fields)) => {
                fields.into_iter().map(|field| fold_keys(field, FIELD_KEYS)).collect()
            }
            (_, value) => value,
        };
        (name, value)
    };
    Value::Object(map.into_iter().map(fold).collect())
}

/// Slack answers 200 and JSON with `ok`; everything else is a failure, `ok: false` without a code too (services E2).
fn judge(reply: &Reply) -> Result<Value, DeliveryError> {
    let status = reply.status();
    if status != StatusCode::OK {
        return Err(reply.error(format!("slack server error: {status}")));
    }
    let answer = reply.expect_json("Slack's API")?;
    if answer.get("ok").and_then(Value::as_bool) == Some(true) {
        return Ok(answer);
    }
    let code = text(Some(&answer), "error");
    if code.is_empty() {
        let detail = "slack answered `ok: false` without saying why";
        return Err(DeliveryError::temporary(ErrorKind::Unavailable, detail).with_status(200));
    }
    let (kind, retry) = meaning(code);
    let retry = reply.retry_after().filter(|_| retry != Retry::No).map_or(retry, Retry::After);
    let detail = format!("{code}{}", details(&answer));
    Err(DeliveryError { kind, retry, status: Some(200), detail })
}

/// What else Slack says: which scope is missing, which block is wrong.
fn details(answer: &Value) -> String {
    let mut details: Vec<String> = Vec::new();
    let needed = text(Some(answer), "needed");
    if !needed.is_empty() {
        details.push(format!("the token needs the scope `{needed}`"));
    }
    let messages = answer.pointer("/response_metadata/messages").and_then(Value::as_array);
    let errors = answer.get("errors").and_then(Value::as_array);
    for message in messages.into_iter().chain(errors).flatten().filter_map(Value::as_str).take(5) {
        details.push(message.chars().take(200).collect());
    }
    if details.is_empty() { String::new() } else { format!(" ({})", details.join("; ")) }
}

/// What Slack's error codes mean for trying again.
fn meaning(code: &str) -> (ErrorKind, Retry) {
    match code {
        "not_authed"
        | "invalid_auth"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "no_permission"
        | "missing_scope"
        | "ekm_access_denied"
        | "enterprise_is_restricted"
        | "not_allowed_token_type"
        | "org_login_required"
        | "two_factor_setup_required"
        | "access_denied"
        | "restricted_action" => (ErrorKind::Auth, Retry::No),
        "channel_not_found" | "not_in_channel" | "is_archived" | "user_not_found" | "message_not_found"
        | "team_not_found" | "thread_not_found" => (ErrorKind::NotFound, Retry::No),
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => (ErrorKind::RateLimited, Retry::Later),
        "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org"
        | "org_login_pending" => (ErrorKind::Unavailable, Retry::Later),
        _ => (ErrorKind::Rejected, Retry::No),
    }
}
