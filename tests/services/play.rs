//! Plays a case: builds the service, composes each message, sends it, compares.

use std::collections::BTreeMap;
use std::sync::Arc;

use dodona::config::yaml;
use dodona::delivery::client::{Clients, Egress, Reach};
use dodona::delivery::{BuildContext, DeliveryError, Retry, Service, service_type, service_types, services};
use dodona::model::{Message, Node, NodeError, NodeKind, Receipt, SectionContext};
use dodona_recorder::Authority;
use dodona_recorder::http::{Answer, HttpRecorder, Recorded};
use dodona_recorder::nats::{NatsRecorder, Traffic};
use dodona_recorder::smtp::{Script, SmtpRecorder};
use dodona_value::{Document, Numbers, Runtime, Scope, Str, Time};
use serde_json::Value;

use crate::case::{Case, Send};

/// Runs the case in `text` against the service type `kind`; returns the differences.
pub(crate) async fn case(kind: &str, text: &str) -> Vec<String> {
    let node = yaml::parse_node(text).unwrap_or_else(|error| panic!("{error}"));
    let case: Case = serde_json::from_value(to_json(&node)).unwrap_or_else(|error| panic!("{error}"));
    let authority = Authority::new();
    let answers = Arc::new(std::sync::Mutex::new(Vec::<Answer>::new()));
    let http = scripted(Arc::clone(&answers));
    let smtp = SmtpRecorder::start(script(&case, &authority));
    let nats = case.nats.as_ref().map(|nats| NatsRecorder::start(nats_script(nats, &authority)));
    let folder = tempfile::tempdir().unwrap();
    let fill = |text: String| {
        let text = match &nats {
            Some(nats) => text.replace("__NATS__", &nats.host()),
            None => text,
        };
        let text = text.replace("__HOST__", &http.host()).replace("__PORT__", &smtp.port().to_string());
        let key = Value::from(crate::contract::RSA_KEY).to_string();
        let text = text.replace("__RSA_KEY__", key.trim_matches('"'));
        text.replace("__DIR__", &folder.path().display().to_string())
    };
    for (name, text) in &case.files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, fill(text.clone())).unwrap();
    }
    let settings = match &case.settings {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let clients = clients(&case, &authority, &fill);
    let name = case.name.as_deref().unwrap_or(kind);
    if kind == "console" {
        return case.sends.iter().flat_map(|send| console(&case, send)).collect();
    }
    let mut warnings = Vec::new();
    let service = match (build(kind, name, &fill(settings), &clients, &mut warnings), &case.refused) {
        (Ok(service), None) => service,
        (Err(error), Some(refused)) if error.to_string().contains(refused.as_str()) => return Vec::new(),
        (Err(error), _) => return vec![format!("the settings are refused: {}: {error}", error.path)],
        (Ok(_), Some(refused)) => return vec![format!("the settings are not refused: {refused}")],
    };
    let mut differences = check_warnings(&case, &warnings);
    for (index, send) in case.sends.iter().enumerate() {
        *answers.lock().unwrap() = send.answers.iter().map(answer).collect();
        let found = match compose(&case, send, kind, name) {
            Ok(message) => {
                let result = service.deliver(&message, &send.recipient).await;
                let mut found = check_result(send, &result);
                found.extend(check_requests(send, &http.take(), &fill));
                found.extend(check_mails(&case, send, &smtp.take()));
                found.extend(nats.iter().flat_map(|nats| check_nats(send, &nats.take())));
                found
            }
            Err(error) => vec![format!("cannot be composed: {error}")],
        };
        differences.extend(found.into_iter().map(|line| format!("send {}: {line}", index + 1)));
    }
    differences.into_iter().map(|line| format!("{line}\n    ({})", case.about)).collect()
}

fn clients(case: &Case, authority: &Authority, fill: &impl Fn(String) -> String) -> Clients {
    let environment = case.environment.iter().map(|(name, value)| (name.clone(), fill(value.clone())));
    let clients = Clients::new(Reach {
        tls_directory: None,
        authorities: Some(vec![authority.der()]),
        strict_payloads: case.strict,
        environment: Arc::new(environment.collect()),
        ..Reach::default()
    });
    if case.tenant { clients.guarded(Egress::parse("127.0.0.0/8").unwrap()) } else { clients }
}

fn scripted(answers: Arc<std::sync::Mutex<Vec<Answer>>>) -> HttpRecorder {
    HttpRecorder::start(move |_| {
        let mut answers = answers.lock().unwrap();
        if answers.is_empty() { Answer::reply(500, "no answer left") } else { answers.remove(0) }
    })
}

fn script(case: &Case, authority: &Authority) -> Script {
    Script {
        ehlo: case.smtp.ehlo.clone(),
        ehlo_tls: case.smtp.ehlo_tls.clone(),
        no_ehlo: case.smtp.no_ehlo,
        greeting: case.smtp.greeting.clone(),
        replies: case.smtp.replies.clone(),
        challenge: case.smtp.challenge.clone(),
        tls: Some(authority.server()),
        implicit: case.smtp.implicit,
        ..Script::default()
    }
}

fn nats_script(nats: &crate::case::Nats, authority: &Authority) -> dodona_recorder::nats::Script {
    let mut info: Value = serde_json::from_str(dodona_recorder::nats::INFO).unwrap();
    for (name, value) in &nats.info {
        info[name.as_str()] = value.clone();
    }
    dodona_recorder::nats::Script {
        info: info.to_string(),
        connect_error: nats.connect_error.clone(),
        publish_error: nats.publish_error.clone(),
        tls: Some(authority.server()),
        ..Default::default()
    }
}

/// Builds a service from the text of its settings.
pub(crate) fn build(
    kind: &str,
    name: &str,
    settings: &str,
    clients: &Clients,
    warnings: &mut Vec<NodeError>,
) -> Result<Arc<dyn Service>, NodeError> {
    let row = service_type(kind).unwrap_or_else(|| panic!("no service type `{kind}`"));
    let node = yaml::parse_node(settings)?;
    (row.build)(&mut BuildContext { name, clients, warnings }, &node)
}

/// Renders the templates of `send` as the engine does: the text, and the section that the service reads.
fn compose(case: &Case, send: &Send, kind: &str, name: &str) -> Result<Message, String> {
    let names: Vec<&String> = match &send.templates {
        Some(names) => names.iter().collect(),
        None => case.templates.keys().collect(),
    };
    let mut vars = send.vars.clone();
    vars.insert("recipient".to_owned(), send.recipient.as_str().into());
    vars.insert("serviceType".to_owned(), name.into());
    let mut message = Message::default();
    for template in names {
        let source = case.templates.get(template).unwrap_or_else(|| panic!("no template `{template}`"));
        let wanted = if kind == "console" { None } else { Some((kind, name)) };
        render(template, &source.to_string(), &vars, wanted, &mut message)?;
    }
    Ok(message)
}

/// Renders one template (YAML or JSON text) into `message`: for the type and name of one service, or all sections.
pub(crate) fn render(
    template: &str,
    source: &str,
    vars: &serde_json::Map<String, Value>,
    wanted: Option<(&str, &str)>,
    message: &mut Message,
) -> Result<(), String> {
    let node = yaml::parse_node(source).map_err(|error| error.to_string())?;
    let fields = node.fields().map_err(|error| error.to_string())?;
    let (scope, runtime) = (scope(vars), Runtime::fixed(Time::zero()));
    let text = fields.text("message").map_err(|error| error.to_string())?;
    let text = dodona_gotmpl::Template::parse(template, &text).map_err(|error| error.to_string())?;
    let text = text.render(&scope, &runtime).map_err(|error| error.to_string())?;
    if !text.is_empty() {
        message.text = String::from_utf8(text).unwrap();
    }
    for row in service_types().iter().filter(|row| wanted.is_none_or(|(kind, _)| kind == row.name)) {
        let Some(section) = &row.section else { continue };
        let Some(node) = fields.get(section.key).filter(|node| !node.is_null()) else { continue };
        let compiled =
            (section.compile)(template, node).map_err(|error| format!("{}: {error}", error.path))?;
        let service = wanted.map(|(_, name)| name);
        let mut context =
            SectionContext { scope: &scope, runtime: &runtime, budget: &mut runtime.budget(), service };
        let into = message.sections.entry(section.key.to_owned()).or_default();
        compiled.render(&mut context, into).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn scope(vars: &serde_json::Map<String, Value>) -> Scope {
    let document = Document::parse(Value::Object(vars.clone()).to_string(), Numbers::Kubernetes).unwrap();
    vars.keys()
        .map(|name| (Str::from(name.as_str()), document.root().get(name).unwrap().to_value()))
        .collect()
}

fn console(case: &Case, send: &Send) -> Vec<String> {
    let message = match compose(case, send, "console", "console") {
        Ok(message) => message,
        Err(error) => return vec![format!("cannot be composed: {error}")],
    };
    let (printed, wanted) = (services::console::show(&message), send.prints.clone().unwrap_or_default());
    if printed == wanted { Vec::new() } else { vec![format!("prints: expected\n{wanted}got\n{printed}")] }
}

fn answer(answer: &crate::case::Answer) -> Answer {
    if answer.drop {
        return Answer::Drop;
    }
    let body = match &answer.body {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    answer
        .headers
        .iter()
        .fold(Answer::reply(answer.status, body), |answer, (name, value)| answer.with(name, value))
}

fn check_warnings(case: &Case, warnings: &[NodeError]) -> Vec<String> {
    let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let mut differences: Vec<String> = Vec::new();
    if texts.len() != case.warnings.len()
        || texts.iter().zip(&case.warnings).any(|(text, wanted)| !text.starts_with(wanted.as_str()))
    {
        differences.push(format!("warnings: expected {:?}, got {texts:?}", case.warnings));
    }
    differences
}

fn check_result(send: &Send, result: &Result<Receipt, DeliveryError>) -> Vec<String> {
    match (result, &send.error) {
        (Ok(receipt), None) if send.id.is_none() || receipt.id == send.id => Vec::new(),
        (Ok(receipt), None) => vec![format!("receipt: expected the id {:?}, got {receipt:?}", send.id)],
        (Ok(receipt), Some(error)) => vec![format!("expected {error:?}, got {receipt:?}")],
        (Err(error), None) => vec![format!("expected success, got {error:?}")],
        (Err(found), Some(wanted)) => {
            let retry = match found.retry {
                Retry::No => "no".to_owned(),
                Retry::Later => "later".to_owned(),
                Retry::After(pause) => format!("after {}s", pause.as_secs_f64()),
            };
            let good = found.kind.label() == wanted.kind
                && retry == wanted.retry
                && (wanted.status.is_none() || wanted.status == found.status)
                && wanted.contains.iter().all(|text| found.detail.contains(text.as_str()))
                && !wanted.never.iter().any(|text| found.detail.contains(text.as_str()));
            if good { Vec::new() } else { vec![format!("expected {wanted:?}, got {found:?}")] }
        }
    }
}

fn check_requests(send: &Send, found: &[Recorded], fill: &impl Fn(String) -> String) -> Vec<String> {
    let mut differences = Vec::new();
    if found.len() != send.requests.len() {
        let lines: Vec<String> = found.iter().map(Recorded::text).collect();
        differences.push(format!(
            "expected {} requests, got {}: {lines:?}",
            send.requests.len(),
            found.len()
        ));
    }
    let mut former = None;
    for (wanted, found) in send.requests.iter().zip(found) {
        let line = format!("{} {}", found.method, found.target);
        if line != wanted.line {
            differences.push(format!("expected {}, got {line}", wanted.line));
        }
        for (name, value) in &wanted.headers {
            let value = fill(value.clone());
            if found.header(name) != Some(value.as_str()) {
                differences.push(format!("header {name}: expected {value:?}, got {:?}", found.header(name)));
            }
        }
        differences.extend(check_body(wanted, found));
        let waited =
            former.map_or(0, |former| u64::try_from(found.at.duration_since(former).as_millis()).unwrap());
        if former.is_some() && waited * 10 < wanted.wait * 9 {
            differences.push(format!("came after {waited} ms, expected at least {} ms", wanted.wait));
        }
        former = Some(found.at);
    }
    differences
}

fn check_body(wanted: &crate::case::Request, found: &Recorded) -> Vec<String> {
    let text = String::from_utf8_lossy(&found.body).into_owned();
    if let Some(wanted) = &wanted.json {
        let found: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        return if found == *wanted {
            Vec::new()
        } else {
            vec![format!("body: expected {wanted}, got {found}")]
        };
    }
    if let Some(wanted) = &wanted.form {
        let found: BTreeMap<String, Value> = url::form_urlencoded::parse(&found.body)
            .map(|(name, value)| {
                let structured = wanted.get(name.as_ref()).is_some_and(|wanted| !wanted.is_string());
                let value = if structured {
                    serde_json::from_str(&value).unwrap()
                } else {
                    Value::from(value.into_owned())
                };
                (name.into_owned(), value)
            })
            .collect();
        return if found == *wanted {
            Vec::new()
        } else {
            vec![format!("form: expected {wanted:?}, got {found:?}")]
        };
    }
    match &wanted.text {
        Some(wanted) if *wanted != text => vec![format!("body: expected {wanted:?}, got {text:?}")],
        _ => Vec::new(),
    }
}

fn check_nats(send: &Send, found: &Traffic) -> Vec<String> {
    let mut differences = Vec::new();
    if let Some(wanted) = &send.connects {
        let connects: Vec<Value> =
            found.connects.iter().map(|(text, _)| serde_json::from_str(text).unwrap()).collect();
        let fits = |wanted: &Value, found: &Value| {
            wanted.as_object().unwrap().iter().all(|(name, value)| found.get(name) == Some(value))
        };
        let encrypted = found.connects.iter().all(|(_, encrypted)| *encrypted == send.encrypted);
        let all = wanted.iter().zip(&connects).all(|(wanted, found)| fits(wanted, found));
        if wanted.len() != connects.len() || !all || !encrypted {
            differences.push(format!("connects: expected {wanted:?}, got {:?}", found.connects));
        }
    }
    let shown: Vec<_> = found
        .messages
        .iter()
        .map(|message| {
            let payload = String::from_utf8_lossy(&message.payload).into_owned();
            (message.subject.clone(), payload, message.headers.iter().cloned().collect())
        })
        .collect();
    let wanted: Vec<(String, String, BTreeMap<String, String>)> = send
        .published
        .iter()
        .map(|message| (message.subject.clone(), message.payload.clone(), message.headers.clone()))
        .collect();
    if shown != wanted {
        differences.push(format!("published: expected {wanted:?}, got {shown:?}"));
    }
    differences
}

fn check_mails(case: &Case, send: &Send, found: &dodona_recorder::smtp::Mails) -> Vec<String> {
    let mut differences = Vec::new();
    if found.mails.len() != send.mails.len() {
        differences.push(format!("expected {} mails, got {:?}", send.mails.len(), found));
    }
    for (wanted, found) in send.mails.iter().zip(&found.mails) {
        let text = String::from_utf8_lossy(found).into_owned();
        let lines: Vec<&str> = text.split("\r\n").collect();
        for line in &wanted.lines {
            if !lines.contains(&line.as_str()) {
                differences.push(format!("no line {line:?} in\n{text}"));
            }
        }
        differences.extend(
            wanted
                .never
                .iter()
                .filter(|never| text.contains(never.as_str()))
                .map(|never| format!("{never:?} in\n{text}")),
        );
    }
    let mut said = found.transcript.iter().filter_map(|line| line.strip_prefix("C: "));
    for line in &send.says {
        if !said.any(|said| said == line) {
            differences.push(format!("the client did not say {line:?}: {:?}", found.transcript));
        }
    }
    for never in &case.smtp.never {
        if found.transcript.iter().any(|line| line.contains(never.as_str())) {
            differences.push(format!("{never:?} in {:?}", found.transcript));
        }
    }
    differences
}

/// YAML as JSON, for cases.
pub(crate) fn to_json(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Null => Value::Null,
        NodeKind::Bool(flag) => (*flag).into(),
        NodeKind::Int(number) => (*number).into(),
        NodeKind::Uint(number) => (*number).into(),
        NodeKind::Float(number) => (*number).into(),
        NodeKind::Text(text) => text.as_str().into(),
        NodeKind::List(items) => items.iter().map(to_json).collect(),
        NodeKind::Map(pairs) => {
            Value::Object(pairs.iter().map(|(key, node)| (key.text.clone(), to_json(node))).collect())
        }
    }
}
