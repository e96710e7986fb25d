//! nats: one message to a subject of NATS (services 2.19).

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use futures::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::delivery::ambient::Ambient;
use crate::delivery::client::{Clients, Transport, tls};
use crate::delivery::driver::within;
use crate::delivery::nats::{
    Connection, Login, NatsError, Publication, Seed, Server, credentials, has_blanks,
};
use crate::delivery::options::Options;
use crate::delivery::redact::Redactor;
use crate::delivery::{BuildContext, DeliveryError, DeliveryOptions, ErrorKind, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt};

/// The row of the table.
pub(super) const TYPE: ServiceType =
    ServiceType { name: "nats", section: None, needs_recipient: false, build };

/// How long one delivery may take where `timeout` is silent.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection that was not used for longer is made anew: servers drop those that do not answer their PINGs.
const LONGEST_IDLE: Duration = Duration::from_mins(1);

/// A connection that was used within this time is taken to work.
const FRESH: Duration = Duration::from_secs(5);

/// What upstream says when something fails.
const CONNECTING: &str = "failed to connect to NATS server";
const PUBLISHING: &str = "failed to publish message to NATS";

struct Nats {
    name: String,
    url: String,
    headers: Vec<(String, String)>,
    user: Option<(String, String)>,
    token: String,
    jwt: String,
    seed: String,
    /// A credentials file as text, from the settings.
    credentials: String,
    /// The same as a path.
    file: String,
    clients: Clients,
    transport: Transport,
    options: DeliveryOptions,
    redactor: Redactor,
    /// The connection between two messages, and since when it rests.
    resting: Mutex<Option<(Connection, Moment)>>,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let url = options.text("url")?.trim().to_owned();
    match Server::list(&url) {
        Ok(servers) if servers.is_empty() => {
            context.warnings.push(options.error("url", "no `url` is set: messages cannot be sent"));
        }
        Ok(servers) => servers.iter().for_each(|server| {
            options.redactor.add(server.password.as_deref().unwrap_or_default());
            if server.password.is_none() {
                options.redactor.add(server.user.as_deref().unwrap_or_default());
            }
        }),
        Err(problem) => {
            options.redactor.add_url(&url);
            context.warnings.push(options.error("url", problem));
        }
    }
    let (user, password) = (options.text("username")?, options.secret("password")?);
    if user.is_empty() != password.is_empty() {
        let message = "only one of `username` and `password` is set: neither is used";
        context.warnings.push(options.error("username", message));
    }
    let seed = options.secret("nkey")?;
    if let Some(problem) =
        Some(&seed).filter(|seed| !seed.is_empty()).and_then(|seed| Seed::parse(seed).err())
    {
        context.warnings.push(options.error("nkey", format!("messages cannot be sent: {problem}")));
    }
    let credentials = options.text("credentials")?;
    if let Some((jwt, seed)) = self::credentials(&credentials) {
        options.redactor.add(&jwt);
        options.redactor.add(&seed);
    }
    Ok(Arc::new(Nats {
        name: context.name.to_owned(),
        url,
        headers: headers(context, &options)?,
        user: Some((user, password)).filter(|(user, password)| !user.is_empty() && !password.is_empty()),
        token: options.secret("token")?,
        jwt: options.secret("jwt")?,
        seed,
        credentials,
        file: options.text("credsFile")?,
        clients: context.clients.clone(),
        transport: options.transport()?,
        options: options.delivery()?,
        redactor: options.redactor,
        resting: Mutex::default(),
    }))
}

/// Headers as they go out: line breaks in values are blanks; a name that no header can have is left out, as upstream does.
fn headers(
    context: &mut BuildContext<'_>,
    options: &Options<'_>,
) -> Result<Vec<(String, String)>, NodeError> {
    let mut headers = Vec::new();
    let Some(node) = options.fields().get("headers") else { return Ok(headers) };
    for (name, value) in node.text_map().map_err(|error| error.inside("headers"))? {
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            let message = format!("`{}` is no name of a header; it is left out", name.escape_debug());
            context.warnings.push(options.error("headers", message));
            continue;
        }
        let value = value.replace(['\r', '\n'], " ").trim().to_owned();
        headers.push((name, value));
    }
    Ok(headers)
}

impl Nats {
    async fn attempt(
        &self,
        message: &Message,
        subject: &str,
        deadline: Instant,
    ) -> Result<Receipt, DeliveryError> {
        if has_blanks(subject) {
            let detail =
                format!("{PUBLISHING}: nats: invalid subject: it has a blank or a control character");
            return Err(DeliveryError::permanent(ErrorKind::Rejected, detail));
        }
        if let Some(rehearsal) = self.clients.rehearsal() {
            rehearsal.answer(&self.rehearsed(message, subject));
            return Ok(Receipt { id: None, detail: "rehearsed".to_owned() });
        }
        // One message at a time: the server's PONG has to belong to it. The connection is taken out while it is used, so
        // that a delivery that is given up leaves no half message behind.
        let mut resting = self.resting.lock().await;
        let mut connection = match Self::rested(resting.take(), deadline).await {
            Some(connection) => connection,
            None => self.connect(deadline).await?,
        };
        let publication = Publication { subject, headers: &self.headers, payload: message.text.as_bytes() };
        let result = connection.publish(&publication, deadline).await;
        if matches!(
            result,
            Ok(()) | Err(NatsError::InvalidSubject | NatsError::NoHeaders | NatsError::TooLarge { .. })
        ) {
            *resting = Some((connection, Moment::now()));
        }
        result.map_err(|error| error.judge(PUBLISHING))?;
        Ok(Receipt { id: None, detail: "taken by the server".to_owned() })
    }

    /// The message as a request, for looking at what would be sent.
    fn rehearsed(&self, message: &Message, subject: &str) -> http::Request<bytes::Bytes> {
        let mut request = http::Request::new(bytes::Bytes::copy_from_slice(message.text.as_bytes()));
        *request.method_mut() = http::Method::from_bytes(b"PUB").unwrap_or_default();
        let server = Server::list(&self.url).ok().and_then(|servers| servers.into_iter().next());
        let server = server.map(|server| format!("{server:?}")).unwrap_or_default();
        *request.uri_mut() = format!("nats://{server}/{subject}").parse().unwrap_or_default();
        for (name, value) in &self.headers {
            let pair = (http::HeaderName::from_bytes(name.as_bytes()), http::HeaderValue::from_str(value));
            if let (Ok(name), Ok(value)) = pair {
                request.headers_mut().append(name, value);
            }
        }
        request
    }

    /// The connection of the message before, if it still works.
    async fn rested(resting: Option<(Connection, Moment)>, deadline: Instant) -> Option<Connection> {
        let (mut connection, since) = resting?;
        let idle = since.elapsed();
        let works = idle < FRESH || idle < LONGEST_IDLE && connection.is_alive(deadline).await;
        works.then_some(connection)
    }

    /// Connects to the first server that accepts us.
    async fn connect(&self, deadline: Instant) -> Result<Connection, DeliveryError> {
        let login = self.login().await?;
        let refuse =
            |problem: String| DeliveryError::permanent(ErrorKind::Config, format!("{CONNECTING}: {problem}"));
        let servers = Server::list(&self.url).map_err(refuse)?;
        let mut failed = refuse(format!("no `url` is set for service `{}`", self.name));
        for server in &servers {
            let tls = || self.tls(&server.host);
            match Connection::open(server, &login, &self.clients, tls, deadline).await {
                Ok(connection) => return Ok(connection),
                Err(error) => {
                    let error = error.judge(&format!("{CONNECTING}: {server:?}"));
                    tracing::debug!(service = %self.name, "{}", self.redactor.clean(&error.detail));
                    // One that may work later says more than one that will not.
                    if failed.retry == crate::delivery::Retry::No {
                        failed = error;
                    }
                }
            }
        }
        Err(failed)
    }

    /// Who we are; a credentials file is read anew for each connection, because it may be replaced.
    async fn login(&self) -> Result<Login, DeliveryError> {
        let refuse = |detail: String| DeliveryError::permanent(ErrorKind::Config, detail);
        let (mut jwt, mut seed) = (self.jwt.clone(), self.seed.clone());
        let text = match self.file.as_str() {
            "" => self.credentials.clone(),
            file => {
                let ambient = Ambient::new(&self.clients);
                ambient.read(Path::new(file)).await.map_err(|problem| {
                    let detail = format!("{CONNECTING}: credentials file: {problem}");
                    let error = DeliveryError::temporary(ErrorKind::Config, detail.clone());
                    if ambient.lends() { error } else { refuse(detail) }
                })?
            }
        };
        if !text.is_empty() {
            (jwt, seed) = credentials(&text).ok_or_else(|| {
                refuse(format!(
                    "{CONNECTING}: the credentials have no block `NATS USER JWT` followed by a block `USER NKEY SEED`"
                ))
            })?;
        }
        let seed = Some(seed).filter(|seed| !seed.is_empty()).map(|seed| Seed::parse(&seed)).transpose();
        let seed = seed.map_err(|problem| refuse(format!("failed to create NKey from seed: {problem}")))?;
        if !jwt.is_empty() && seed.is_none() {
            return Err(refuse(format!("{CONNECTING}: `jwt` needs `nkey`, the seed that belongs to it")));
        }
        Ok(Login { user: self.user.clone(), token: self.token.clone(), jwt, seed })
    }

    fn tls(&self, host: &str) -> Result<rustls::ClientConfig, NatsError> {
        let trust = self.clients.trust(host, &self.transport);
        tls::client_config(&trust, || self.clients.system_roots(), &[])
            .map_err(|error| NatsError::Tls(error.to_string()))
    }
}

impl Service for Nats {
    fn deliver<'a>(
        &'a self,
        message: &'a Message,
        recipient: &'a str,
    ) -> BoxFuture<'a, Result<Receipt, DeliveryError>> {
        Box::pin(async move {
            let limit = self.options.timeout.unwrap_or(DELIVERY_TIMEOUT);
            let deadline = Instant::now() + limit;
            let result = within(limit, self.attempt(message, recipient, deadline)).await;
            result.map_err(|mut error| {
                error.detail = self.redactor.quote(error.detail.as_bytes());
                error
            })
        })
    }

    fn options(&self) -> DeliveryOptions {
        self.options.clone()
    }
}
