//! email: one mail to all recipients over SMTP (services 2.2).

mod address;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use lettre::message::header::{
    ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0,
};
use lettre::message::{Body, Mailbox};
use serde_json::Value;

use crate::delivery::client::{Clients, Transport, tls};
use crate::delivery::driver::within;
use crate::delivery::options::{Options, trim_line_end};
use crate::delivery::redact::Redactor;
use crate::delivery::section::{Field, FieldSection, text};
use crate::delivery::smtp::{self, Envelope, Security, Server};
use crate::delivery::{
    BuildContext, DeliveryError, DeliveryOptions, ErrorKind, SectionType, Service, ServiceType,
};
use crate::model::{Message, Node, NodeError, Receipt, Section};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "email",
    section: Some(SectionType { key: "email", compile }),
    needs_recipient: true,
    build,
};

/// How long one delivery may take where `timeout` is silent.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(55);

const FIELDS: &[Field] = &[Field::text("subject"), Field::text("body")];

fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    FieldSection::compile(template, section, FIELDS)
}

struct Email {
    name: String,
    server: Server,
    from: String,
    html: bool,
    transport: Transport,
    clients: Clients,
    options: DeliveryOptions,
    redactor: Redactor,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let username = trim_line_end(&options.text("username")?).to_owned();
    let password = options.secret("password")?;
    options.redactor.add(&format!("\0{username}\0{password}"));
    if username.is_empty() != password.is_empty() {
        let message = "only one of `username` and `password` is set: mail is sent without authentication";
        context.warnings.push(options.error("username", message));
    }
    let port = port(&options)?;
    let mut transport = options.transport()?;
    transport.insecure_skip_verify |= options.flag("insecure_skip_verify")?;
    let hello = options.text("helo")?;
    let host = options.text("host")?.trim().to_owned();
    if host.is_empty() {
        let message = "no `host` is set: mail goes to the server on this machine";
        context.warnings.push(options.error("host", message));
    }
    let server = Server {
        // As upstream, whose dialler takes an empty host for this.
        host: if host.is_empty() { "localhost".to_owned() } else { host },
        port,
        hello: if hello.is_empty() { "localhost".to_owned() } else { hello },
        security: security(&options, port)?,
        credentials: Some((username, password))
            .filter(|(user, password)| !user.is_empty() && !password.is_empty()),
    };
    if port == 0 {
        context.warnings.push(options.error("port", "no `port` is set: mail cannot be sent"));
    }
    Ok(Arc::new(Email {
        name: context.name.to_owned(),
        server,
        from: options.text("from")?,
        html: options.flag("html")?,
        transport,
        clients: context.clients.clone(),
        options: options.delivery()?,
        redactor: options.redactor,
    }))
}

fn port(options: &Options<'_>) -> Result<u16, NodeError> {
    let port = options.int("port")?.unwrap_or(0);
    u16::try_from(port)
        .map_err(|_| options.error("port", format!("expected a port from 1 to 65535, found {port}")))
}

/// `tls`: `auto` (implicit on port 465, otherwise STARTTLS if offered), `starttls`, `implicit`, `none`.
fn security(options: &Options<'_>, port: u16) -> Result<Security, NodeError> {
    match options.text("tls")?.as_str() {
        "" | "auto" if port == 465 => Ok(Security::Implicit),
        "" | "auto" => Ok(Security::IfOffered),
        "starttls" => Ok(Security::Required),
        "implicit" => Ok(Security::Implicit),
        "none" => Ok(Security::Never),
        other => Err(options
            .error("tls", format!("expected `auto`, `starttls`, `implicit` or `none`, found `{other}`"))),
    }
}

impl Email {
    async fn attempt(&self, message: &Message, recipient: &str) -> Result<Receipt, DeliveryError> {
        if self.server.port == 0 {
            let detail = format!("no `port` is set for service `{}`", self.name);
            return Err(refuse(ErrorKind::Config, detail));
        }
        let from = address::parse(&self.from).map_err(|problem| {
            refuse(ErrorKind::Config, format!("the sender (`from`) cannot be used: {problem}"))
        })?;
        let to = address::list(recipient).map_err(|problem| refuse(ErrorKind::NotFound, problem))?;
        let now = self.clients.reach().clock.now();
        let mail = compose(&from, &to, message, self.html, now.into())?;
        if let Some(rehearsal) = self.clients.rehearsal() {
            rehearsal.mail(&mail);
            return Ok(Receipt { id: None, detail: "rehearsed".to_owned() });
        }
        let addresses = address::envelope(&to);
        let sender = from.email.to_string();
        let envelope = Envelope {
            from: &sender,
            to: &addresses,
            mail: &mail,
            needs_utf8: !sender.is_ascii() || addresses.iter().any(|address| !address.is_ascii()),
        };
        let warn = |text: &str| tracing::warn!(service = %self.name, "{text}");
        let addresses = self.clients.resolve(&self.server.host, self.server.port).await?;
        let result = smtp::deliver(&self.server, &addresses, self.tls()?, &envelope, warn).await;
        let word = result.map_err(|error| {
            let mut error = error.judge();
            error.detail = format!("{}:{}: {}", self.server.host, self.server.port, error.detail);
            error
        })?;
        Ok(Receipt { id: queue_id(&word), detail: format!("250 {}", self.redactor.quote(word.as_bytes())) })
    }

    fn tls(&self) -> Result<rustls::ClientConfig, DeliveryError> {
        let trust = self.clients.trust(&self.server.host, &self.transport);
        let mut config = tls::client_config(&trust, || self.clients.system_roots(), &[])
            .map_err(|error| refuse(ErrorKind::Internal, error.to_string()))?;
        config.enable_sni = !self.transport.insecure_skip_verify;
        Ok(config)
    }
}

impl Service for Email {
    fn deliver<'a>(
        &'a self,
        message: &'a Message,
        recipient: &'a str,
    ) -> BoxFuture<'a, Result<Receipt, DeliveryError>> {
        Box::pin(async move {
            let limit = self.options.timeout.unwrap_or(DELIVERY_TIMEOUT);
            let result = within(limit, self.attempt(message, recipient)).await;
            result.map_err(|mut error| {
                error.detail = self.redactor.clean(&error.detail);
                error
            })
        })
    }

    fn options(&self) -> DeliveryOptions {
        self.options.clone()
    }
}

fn refuse(kind: ErrorKind, detail: String) -> DeliveryError {
    DeliveryError::permanent(kind, detail)
}

/// The mail: headers as upstream sets them, and what tells other machines that no person wrote it.
fn compose(
    from: &Mailbox,
    to: &[Mailbox],
    message: &Message,
    html: bool,
    now: SystemTime,
) -> Result<Vec<u8>, DeliveryError> {
    let section: Option<&Value> = message.section("email");
    let body = Some(text(section, "body")).filter(|body| !body.is_empty()).unwrap_or(&message.text);
    let content_type = if html { ContentType::TEXT_HTML } else { ContentType::TEXT_PLAIN };
    let internal = |error: &dyn std::fmt::Display| {
        refuse(ErrorKind::Internal, format!("cannot build the mail: {error}"))
    };
    let body = Body::new_with_encoding(body.to_owned(), ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| internal(&"the body cannot be encoded"))?;
    // Made of the addresses themselves: read back from the headers, some of them would be lost.
    let people = to.iter().map(|mailbox| mailbox.email.clone()).collect();
    let envelope = lettre::address::Envelope::new(Some(from.email.clone()), people);
    let mut builder = lettre::Message::builder()
        .envelope(envelope.map_err(|error| internal(&error))?)
        .from(from.clone())
        .subject(text(section, "subject"))
        .date(now)
        .message_id(None)
        .header(MIME_VERSION_1_0)
        .header(AutoSubmitted)
        .header(content_type);
    for mailbox in to {
        builder = builder.to(mailbox.clone());
    }
    Ok(builder.body(body).map_err(|error| internal(&error))?.formatted())
}

/// RFC 3834: keeps holiday replies away.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The queue id in `queued as 4F3…` and the like.
fn queue_id(word: &str) -> Option<String> {
    let (_, id) = word.split_once("queued as ")?;
    id.split_whitespace().next().map(|id| id.trim_end_matches(['.', ',', ')']).to_owned())
}
