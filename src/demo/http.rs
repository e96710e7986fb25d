//! The inbox over HTTP: Slack's API, a webhook, and the page that shows what arrived.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::{any, get, post};
use axum::{Form, Router};
use serde::Deserialize;
use tokio::net::TcpListener;

use super::clock;
use super::inbox::{Inbox, Note};

/// The page; it asks for the notifications every second.
const PAGE: &str = include_str!("page.html");

/// Serves the inbox on `listener` until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, inbox: Inbox) -> std::io::Result<()> {
    axum::serve(listener, router(inbox)).await
}

/// A listener on a free port of the loopback address, or on `port`.
pub(crate) async fn listen(port: u16) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn router(inbox: Inbox) -> Router {
    Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route(
            "/notifications",
            get(|State(inbox): State<Inbox>| async move {
                ([(header::CACHE_CONTROL, "no-store")], Json(inbox.all()))
            }),
        )
        .route("/slack/api/chat.postMessage", post(slack))
        .route("/webhook/{*path}", any(webhook))
        .with_state(inbox)
}

/// The fields of `chat.postMessage` that the inbox shows.
#[derive(Deserialize)]
struct SlackCall {
    token: String,
    channel: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    attachments: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Attachment {
    title: String,
    title_link: Option<String>,
    color: Option<String>,
    fields: Vec<AttachmentField>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AttachmentField {
    title: String,
    value: String,
}

async fn slack(State(inbox): State<Inbox>, Form(call): Form<SlackCall>) -> Response {
    if call.token != super::SLACK_TOKEN {
        return Json(serde_json::json!({"ok": false, "error": "invalid_auth"})).into_response();
    }
    let attachments: Vec<Attachment> = match call.attachments.as_str() {
        "" => Vec::new(),
        text => match serde_json::from_str(text) {
            Ok(attachments) => attachments,
            Err(_) => {
                return Json(serde_json::json!({"ok": false, "error": "invalid_attachments"}))
                    .into_response();
            }
        },
    };
    let first = attachments.into_iter().next().unwrap_or_default();
    let timestamp = format!("{}.000100", clock::unix_seconds());
    inbox.receive(Note {
        service: "slack",
        to: format!("#{}", call.channel),
        title: first.title,
        text: call.text.trim_end().to_owned(),
        fields: first.fields.into_iter().map(|field| (field.title, field.value)).collect(),
        link: first.title_link,
        color: first.color,
        at: clock::time_of_day(),
    });
    Json(serde_json::json!({"ok": true, "channel": call.channel, "ts": timestamp})).into_response()
}

async fn webhook(State(inbox): State<Inbox>, Path(path): Path<String>, body: Bytes) -> &'static str {
    let text = String::from_utf8_lossy(&body).trim_end().to_owned();
    inbox.receive(Note {
        service: "webhook",
        to: format!("/webhook/{path}"),
        title: String::new(),
        text,
        fields: Vec::new(),
        link: None,
        color: None,
        at: clock::time_of_day(),
    });
    "ok"
}
