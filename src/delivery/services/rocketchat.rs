//! rocketchat: posts through the REST API, logged in as a user (services 2.8).
//!
//! A login is kept until the server no longer takes it; upstream logs in for every message, which trips the server's limit.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::delivery::driver::{CallService, Caller, Repeats, Reply};
use crate::delivery::look::{is_emoji, is_image};
use crate::delivery::options::Options;
use crate::delivery::payload::{self, OnInvalid};
use crate::delivery::request::{Outgoing, parse_url};
use crate::delivery::section::{Field, FieldSection, Kind, text};
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, Retry, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt, Section};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "rocketchat",
    section: Some(SectionType { key: "rocketchat", compile }),
    needs_recipient: true,
    build,
};

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    FieldSection::compile(template, section, &[Field::text("attachments").always().holds(Kind::Payload)])
}

struct RocketChat {
    caller: Caller,
    /// Up to and with `/api/v1`.
    api: String,
    email: String,
    password: String,
    alias: String,
    emoji: String,
    avatar: String,
    on_invalid: OnInvalid,
    /// Held while logging in, so that messages at the same time share one login.
    login: Mutex<Option<Arc<Login>>>,
}

/// What the server knows the user by.
struct Login {
    token: String,
    user: String,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let server = options.text("serverUrl")?;
    // Of the address upstream takes scheme, host and path only.
    let server = server.trim().split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    if server.is_empty() {
        let message =
            "no `serverUrl` is set: expected the address of your server, `https://chat.example.org`";
        return Err(options.error("serverUrl", message));
    }
    if let Err(problem) = parse_url(server) {
        let message =
            format!("every message to this service will be refused: the URL cannot be used: {problem}");
        context.warnings.push(options.error("serverUrl", message));
    }
    let mut picture = |field: &str, fits: fn(&str) -> bool, expected: &str| {
        let value = options.text(field)?;
        if value.is_empty() || fits(&value) {
            return Ok(value);
        }
        let message = format!("`{value}` is not {expected}; messages go out without it");
        context.warnings.push(options.error(field, message));
        Ok(String::new())
    };
    let emoji = picture("icon", is_emoji, "an emoji such as `:ship:`")?;
    let avatar = picture("avatar", is_image, "an http(s) URL of an image")?;
    let alias = options.text("alias")?;
    let email = options.text("email")?;
    let password = options.secret("password")?;
    if email.is_empty() || password.is_empty() {
        let message = "`email` and `password` are needed: Rocket.Chat will refuse every message";
        context.warnings.push(options.error("email", message));
    }
    Ok(Arc::new(RocketChat {
        api: format!("{server}/api/v1"),
        email,
        password,
        alias,
        emoji,
        avatar,
        on_invalid: OnInvalid::read(context, &options)?,
        caller: Caller::new(context, &options)?,
        login: Mutex::default(),
    }))
}

impl CallService for RocketChat {
    fn caller(&self) -> &Caller {
        &self.caller
    }

    async fn attempt(&self, message: &Message, recipient: &str) -> Result<Receipt, DeliveryError> {
        let deadline = self.caller.deadline();
        let (login, is_new) = self.login(None, deadline).await?;
        let body = self.body(message, recipient)?;
        let mut reply = self.post(&body, &login, deadline).await?;
        if reply.status().as_u16() == 401 && !is_new {
            // The token has run out or was taken back.
            let (login, _) = self.login(Some(&login), deadline).await?;
            reply = self.post(&body, &login, deadline).await?;
        }
        let answer = judge(&reply, said_yes)?;
        let id = answer.pointer("/message/_id").and_then(Value::as_str).map(ToOwned::to_owned);
        Ok(reply.receipt(id))
    }
}

impl RocketChat {
    fn body(&self, message: &Message, recipient: &str) -> Result<Value, DeliveryError> {
        let mut words = message.text.clone();
        let attachments = payload::objects(message.section("rocketchat"), "attachments");
        let attachments = self.on_invalid.settle(attachments, &mut words)?.items();
        let to = if recipient.starts_with(['#', '@']) { "channel" } else { "roomId" };
        let texts = [
            (to, recipient),
            ("text", &words),
            ("alias", &self.alias),
            ("emoji", &self.emoji),
            ("avatar", &self.avatar),
        ];
        let mut body: Map<String, Value> = texts
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(field, text)| (field.to_owned(), text.into()))
            .collect();
        if !attachments.is_empty() {
            body.insert("attachments".to_owned(), attachments.into());
        }
        Ok(Value::Object(body))
    }

    /// The login in use, or a new one if there is none or it is the `refused` one; and whether it is new.
    async fn login(
        &self,
        refused: Option<&Arc<Login>>,
        deadline: Instant,
    ) -> Result<(Arc<Login>, bool), DeliveryError> {
        let mut current = self.login.lock().await;
        if let Some(login) = &*current {
            if refused.is_none_or(|refused| !Arc::ptr_eq(refused, login)) {
                return Ok((Arc::clone(login), false));
            }
            *current = None;
        }
        let form = [("user", self.email.clone()), ("password", self.password.clone())];
        let request = Outgoing::new("POST", &format!("{}/login", self.api))?.form(&form);
        let reply = self.caller.send_for(&["/data/authToken"], request, Repeats::NONE, deadline).await?;
        let answer = judge(&reply, |answer| said_yes(answer) || text(Some(answer), "status") == "success")?;
        let field = |name: &str| text(answer.get("data"), name).to_owned();
        let login = Login { token: field("authToken"), user: field("userId") };
        if login.token.is_empty() || login.user.is_empty() {
            let detail = "the login was accepted and gave no token, so this is not Rocket.Chat's API";
            return Err(DeliveryError::temporary(ErrorKind::Unavailable, detail).with_status(200));
        }
        Ok((Arc::clone(current.insert(Arc::new(login))), true))
    }

    async fn post(&self, body: &Value, login: &Login, deadline: Instant) -> Result<Reply, DeliveryError> {
        let request = Outgoing::new("POST", &format!("{}/chat.postMessage", self.api))?
            .header("x-auth-token", &login.token)?
            .header("x-user-id", &login.user)?
            .json(body);
        self.caller.send(request, Repeats::NONE, deadline).await
    }
}

/// How a success is said in the body; after a login `status: success` says it too.
fn said_yes(answer: &Value) -> bool {
    answer.get("success").and_then(Value::as_bool) == Some(true)
}

/// A success has a good status and a body that `says_yes`.
fn judge(reply: &Reply, says_yes: impl Fn(&Value) -> bool) -> Result<Value, DeliveryError> {
    let Some(answer) = reply.json() else {
        if reply.status().is_success() {
            let error = reply.expect_json("Rocket.Chat's API").err().unwrap_or_else(|| reply.refused());
            return Err(DeliveryError { detail: format!("got false response: {}", error.detail), ..error });
        }
        return Err(reply.error(told(reply, &Value::Null)));
    };
    if reply.status().is_success() && says_yes(&answer) {
        return Ok(answer);
    }
    let detail = told(reply, &answer);
    let error = reply.error(&*detail);
    let codes = format!("{} {detail}", text(Some(&answer), "errorType"));
    Err(match meaning(&codes) {
        // A status that says it may go away has the last word.
        Some((kind, retry)) if error.retry == Retry::No => DeliveryError { kind, retry, ..error },
        _ => error,
    })
}

/// What went wrong, in the server's words where it has some.
fn told(reply: &Reply, answer: &Value) -> String {
    let (error, message) = (text(Some(answer), "error"), text(Some(answer), "message"));
    let words = match (error, message) {
        ("", "") => String::new(),
        ("", message) => format!(": status: {}, message: {message}", text(Some(answer), "status")),
        (error, _) => format!(": {error}"),
    };
    let words: String = words.chars().take(500).collect();
    if reply.status().is_success() {
        return format!("got false response{words}");
    }
    format!("Request error: {}{words}", reply.status())
}

/// What the server's error codes mean, which come with 200 and 400.
fn meaning(codes: &str) -> Option<(ErrorKind, Retry)> {
    let has = |code: &str| codes.contains(code);
    if has("error-too-many-requests") {
        // `… You must wait 23 seconds before …`
        let seconds =
            codes.split_once("must wait ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        let pause = seconds.map(|seconds: u64| Duration::from_secs(seconds.clamp(1, 3600)));
        return Some((ErrorKind::RateLimited, pause.map_or(Retry::Later, Retry::After)));
    }
    let missing = [
        "invalid-channel",
        "error-invalid-room",
        "error-room-not-found",
        "error-invalid-user",
        "room-not-found",
    ];
    if missing.iter().any(|code| has(code)) {
        return Some((ErrorKind::NotFound, Retry::No));
    }
    let denied = ["error-not-allowed", "not-authorized", "totp-required", "unauthorized"];
    denied.iter().any(|code| has(code)).then_some((ErrorKind::Auth, Retry::No))
}
