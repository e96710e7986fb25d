//! What people see of a message: read from what is sent, not from what was meant.

use mail_parser::{Address, MessageParser};
use serde_json::Value;

use super::rich::Rich;
use crate::delivery::capture::Sent;

/// A message as people see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct View {
    /// Where they see it: `Slack`, `Microsoft Teams`, `a mail program`, `the chat`.
    pub(super) place: &'static str,
    /// Lines above the message: who writes, to whom, about what.
    pub(super) head: Vec<(&'static str, String)>,
    /// The message.
    pub(super) parts: Vec<Part>,
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Title(Rich),
    Text(Rich),
    /// Names and values.
    Facts(Vec<(String, Rich)>),
    Button {
        label: String,
        url: String,
    },
    Image {
        alt: String,
        url: String,
    },
    Line,
    /// Parts beside a bar of this colour (`#rrggbb`; empty for none).
    Bar(String, Vec<Part>),
    /// A web page.
    Html(String),
}

/// The deepest nesting of parts that is followed.
const DEEPEST: usize = 16;

/// The view of something sent; `None` for what only machines read.
pub(super) fn view(sent: &Sent) -> Option<View> {
    if let Sent::Mail(mail) = sent {
        return self::mail(mail);
    }
    let payload = sent.payload()?;
    if text(&payload, "@type") == "MessageCard" {
        return Some(View { place: "Microsoft Teams", head: Vec::new(), parts: message_card(&payload) });
    }
    if let Some(cards) = adaptive_cards(&payload) {
        return Some(View { place: "Microsoft Teams", head: Vec::new(), parts: cards });
    }
    chat(&payload)
}

fn mail(mail: &str) -> Option<View> {
    let mail = MessageParser::default().parse(mail.as_bytes())?;
    let people = |address: Option<&Address<'_>>| {
        let names = address.into_iter().flat_map(Address::iter).filter_map(|one| one.address());
        names.collect::<Vec<_>>().join(", ")
    };
    let subject = mail.subject().unwrap_or_default().to_owned();
    let head = vec![("From", people(mail.from())), ("To", people(mail.to())), ("Subject", subject)];
    let is_html = mail.html_body.first().is_some_and(|part| !mail.text_body.contains(part))
        || mail.part(0).is_some_and(mail_parser::MessagePart::is_text_html);
    let body = if is_html { mail.body_html(0) } else { mail.body_text(0) }.unwrap_or_default().into_owned();
    let part = if is_html { Part::Html(body) } else { Part::Text(Rich::plain(body.trim_end())) };
    Some(View { place: "a mail program", head, parts: vec![part] })
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn push_text(parts: &mut Vec<Part>, rich: Rich, part: fn(Rich) -> Part) {
    if !rich.is_empty() {
        parts.push(part(rich));
    }
}

/// Slack and the chats that took over its attachments.
fn chat(payload: &Value) -> Option<View> {
    // In a form, attachments and blocks are JSON as text.
    let structure = |name: &str| match payload.get(name)? {
        Value::String(json) => serde_json::from_str(json).ok(),
        other => Some(other.clone()),
    };
    let body =
        ["text", "msg", "content"].iter().map(|name| text(payload, name)).find(|body| !body.is_empty());
    let (attachments, blocks): (Option<Value>, Option<Value>) =
        (structure("attachments"), structure("blocks"));
    let mut parts = Vec::new();
    let blocks: Vec<Value> = blocks.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
    if blocks.is_empty() {
        push_text(&mut parts, Rich::slack(body.unwrap_or_default()), Part::Text);
    }
    parts.extend(blocks.iter().flat_map(block));
    parts.extend(attachments.as_ref().and_then(Value::as_array).into_iter().flatten().map(attachment));
    if parts.is_empty() {
        return None;
    }
    let mut head = Vec::new();
    for (title, name) in [("From", "username"), ("Channel", "channel")] {
        if !text(payload, name).is_empty() {
            head.push((title, text(payload, name).to_owned()));
        }
    }
    let place = if payload.get("token").is_some() { "Slack" } else { "the chat" };
    Some(View { place, head, parts })
}

fn attachment(attachment: &Value) -> Part {
    let mut parts = Vec::new();
    push_text(&mut parts, Rich::slack(text(attachment, "pretext")), Part::Text);
    let (title, link) = (text(attachment, "title"), text(attachment, "title_link"));
    if link.is_empty() {
        push_text(&mut parts, Rich::slack(title), Part::Title);
    } else {
        parts.push(Part::Title(Rich::slack(&format!("<{link}|{title}>"))));
    }
    push_text(&mut parts, Rich::slack(text(attachment, "text")), Part::Text);
    let facts: Vec<(String, Rich)> = list(attachment, "fields")
        .map(|field| (text(field, "title").to_owned(), Rich::slack(&scalar(field.get("value")))))
        .collect();
    if !facts.is_empty() {
        parts.push(Part::Facts(facts));
    }
    parts.extend(list(attachment, "blocks").flat_map(block));
    for action in list(attachment, "actions") {
        parts.push(Part::Button {
            label: text(action, "text").to_owned(),
            url: text(action, "url").to_owned(),
        });
    }
    if !text(attachment, "image_url").is_empty() {
        parts.push(Part::Image { alt: "image".into(), url: text(attachment, "image_url").to_owned() });
    }
    push_text(&mut parts, Rich::slack(text(attachment, "footer")), Part::Text);
    let color = match text(attachment, "color") {
        "good" => "#2eb886",
        "warning" => "#daa038",
        "danger" => "#a30200",
        other => other,
    };
    Part::Bar(color.to_owned(), parts)
}

fn scalar(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// One block of Slack.
fn block(block: &Value) -> Vec<Part> {
    let inner = |value: Option<&Value>| -> Rich {
        let Some(value) = value else { return Rich::default() };
        if text(value, "type") == "mrkdwn" {
            Rich::slack(text(value, "text"))
        } else {
            Rich::plain(text(value, "text"))
        }
    };
    let mut parts = Vec::new();
    match text(block, "type") {
        "header" => push_text(&mut parts, inner(block.get("text")), Part::Title),
        "section" => {
            push_text(&mut parts, inner(block.get("text")), Part::Text);
            list(block, "fields").for_each(|field| push_text(&mut parts, inner(Some(field)), Part::Text));
            parts.extend(block.get("accessory").and_then(element));
        }
        "markdown" => push_text(&mut parts, Rich::markdown(text(block, "text")), Part::Text),
        "context" => list(block, "elements").for_each(|one| match text(one, "type") {
            "image" => parts.extend(element(one)),
            _ => push_text(&mut parts, inner(Some(one)), Part::Text),
        }),
        "actions" => parts.extend(list(block, "elements").filter_map(element)),
        "image" => parts.extend(element(block)),
        "divider" => parts.push(Part::Line),
        other => parts.push(Part::Text(Rich::plain(&format!("[{other}]")))),
    }
    parts
}

fn element(element: &Value) -> Option<Part> {
    match text(element, "type") {
        "image" => Some(Part::Image {
            alt: text(element, "alt_text").to_owned(),
            url: text(element, "image_url").to_owned(),
        }),
        "button" => Some(Part::Button {
            label: element.get("text").map(|label| text(label, "text").to_owned()).unwrap_or_default(),
            url: text(element, "url").to_owned(),
        }),
        _ => None,
    }
}

/// A card of the old connectors of Teams.
fn message_card(card: &Value) -> Vec<Part> {
    let mut parts = Vec::new();
    push_text(&mut parts, Rich::markdown(text(card, "title")), Part::Title);
    push_text(&mut parts, Rich::markdown(text(card, "text")), Part::Text);
    for section in list(card, "sections") {
        for name in ["title", "activityTitle"] {
            push_text(&mut parts, Rich::markdown(text(section, name)), Part::Title);
        }
        push_text(&mut parts, Rich::markdown(text(section, "text")), Part::Text);
        parts.extend(facts(section, "name"));
    }
    for action in list(card, "potentialAction") {
        let url = list(action, "targets").map(|target| text(target, "uri")).next().unwrap_or_default();
        parts.push(Part::Button { label: text(action, "name").to_owned(), url: url.to_owned() });
    }
    let color = text(card, "themeColor");
    let color =
        if color.is_empty() || color.starts_with('#') { color.to_owned() } else { format!("#{color}") };
    vec![Part::Bar(color, parts)]
}

fn facts(part: &Value, name: &str) -> Option<Part> {
    let facts: Vec<(String, Rich)> = list(part, "facts")
        .map(|fact| (text(fact, name).to_owned(), Rich::markdown(&scalar(fact.get("value")))))
        .collect();
    (!facts.is_empty()).then_some(Part::Facts(facts))
}

/// The adaptive cards of a message of Teams' workflows; `None` if it has none.
fn adaptive_cards(payload: &Value) -> Option<Vec<Part>> {
    let cards: Vec<Part> = list(payload, "attachments")
        .filter(|attachment| text(attachment, "contentType").contains("card.adaptive"))
        .filter_map(|attachment| attachment.get("content"))
        .map(|card| {
            let mut parts = items(card, "body", DEEPEST);
            parts.extend(items(card, "actions", DEEPEST));
            Part::Bar(String::new(), parts)
        })
        .collect();
    (!cards.is_empty()).then_some(cards)
}

fn items(parent: &Value, name: &str, deeper: usize) -> Vec<Part> {
    let Some(deeper) = deeper.checked_sub(1) else { return Vec::new() };
    list(parent, name).flat_map(|item| adaptive(item, deeper)).collect()
}

fn adaptive(item: &Value, deeper: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    match text(item, "type") {
        "TextBlock" => {
            let heading = matches!(text(item, "weight").to_ascii_lowercase().as_str(), "bolder");
            let part: fn(Rich) -> Part = if heading { Part::Title } else { Part::Text };
            push_text(&mut parts, Rich::markdown(text(item, "text")), part);
        }
        "FactSet" => parts.extend(facts(item, "title")),
        "Image" => {
            parts.push(Part::Image {
                alt: text(item, "altText").to_owned(),
                url: text(item, "url").to_owned(),
            });
        }
        "Action.OpenUrl" => {
            parts.push(Part::Button {
                label: text(item, "title").to_owned(),
                url: text(item, "url").to_owned(),
            });
        }
        _ => {
            for name in ["items", "columns", "actions", "body"] {
                parts.extend(items(item, name, deeper));
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seen(payload: &Value) -> View {
        let sent = Sent::Request { line: String::new(), headers: Vec::new(), body: payload.to_string() };
        view(&sent).unwrap()
    }

    #[test]
    fn slack_attachments_and_blocks() {
        let view = seen(&json!({
            "token": "t", "channel": "c", "text": "*a*",
            "attachments": "[{\"color\": \"good\", \"title\": \"T\", \"fields\": [{\"title\": \"F\", \"value\": 1}]}]",
        }));
        assert_eq!((view.place, view.head.as_slice()), ("Slack", &[("Channel", "c".to_owned())][..]));
        let Part::Bar(color, parts) = &view.parts[1] else { panic!("{view:?}") };
        assert_eq!((color.as_str(), parts.len()), ("#2eb886", 2));
        let blocks = seen(&json!({"text": "unseen", "blocks": [{"type": "divider"}, {"type": "rich_text"}]}));
        assert_eq!(blocks.parts, [Part::Line, Part::Text(Rich::plain("[rich_text]"))]);
    }

    #[test]
    fn cards_of_teams() {
        let old = seen(&json!({"@type": "MessageCard", "title": "T", "themeColor": "ff0000",
            "sections": [{"facts": [{"name": "n", "value": "v"}]}], "potentialAction": [{"name": "go", "targets": [{"uri": "https://x.org"}]}]}));
        let Part::Bar(color, parts) = &old.parts[0] else { panic!("{old:?}") };
        assert_eq!((color.as_str(), parts.len()), ("#ff0000", 3));
        let new = seen(
            &json!({"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive",
            "content": {"body": [{"type": "Container", "items": [{"type": "TextBlock", "text": "x"}]}]}}]}),
        );
        assert_eq!(new.parts, [Part::Bar(String::new(), vec![Part::Text(Rich::plain("x"))])]);
    }

    #[test]
    fn mails_and_what_only_machines_read() {
        let mail = Sent::Mail(
            "From: a@x.org\r\nTo: b@x.org\r\nSubject: hi\r\nContent-Type: text/plain\r\n\r\nbody\r\n".into(),
        );
        let view = view(&mail).unwrap();
        assert_eq!(view.head[2], ("Subject", "hi".to_owned()));
        assert_eq!(view.parts, [Part::Text(Rich::plain("body"))]);
        let other = Sent::Request { line: String::new(), headers: Vec::new(), body: "{\"x\": 1}".into() };
        assert_eq!(super::view(&other), None);
    }
}
