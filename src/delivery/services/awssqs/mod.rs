//! awssqs: one message into a queue of Amazon SQS (services 2.20).

mod answer;
mod section;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::delivery::aws::{Account, AwsSettings, Role, Session};
use crate::delivery::driver::{CallService, Caller, Repeats, Reply, When};
use crate::delivery::options::Options;
use crate::delivery::request::Outgoing;
use crate::delivery::section::text;
use crate::delivery::sign::sigv4::{self, Keys, Scope};
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, SectionType, Service, ServiceType};
use crate::model::{Message, Node, NodeError, Receipt};

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "awssqs",
    section: Some(SectionType { key: "awssqs", compile: section::compile }),
    needs_recipient: false,
    build,
};

/// How long upstream hides a message from readers; queues of type FIFO allow no delay of a single message.
const DELAY_SECONDS: i64 = 10;

/// The longest delay that SQS allows.
const LONGEST_DELAY: i64 = 900;

/// Repeats within one attempt where `retryMax` is silent: three requests, as AWS's own clients make.
const REPEATS: Repeats = Repeats {
    most: 2,
    pause: Duration::from_millis(300),
    longest: Duration::from_secs(20),
    when: When::Temporary,
};

/// The most queues whose addresses are remembered.
const MOST_QUEUES: usize = 1000;

struct Sqs {
    name: String,
    queue: String,
    owner: String,
    delay: i64,
    repeats: Repeats,
    account: Account,
    caller: Caller,
    /// The addresses of queues by name.
    urls: Mutex<BTreeMap<String, String>>,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let keys = keys(&mut options)?;
    if keys.is_none() && (!options.text("key")?.is_empty() || !options.text("secret")?.is_empty()) {
        let message = "only one of `key` and `secret` is set: the credentials of the environment are used";
        context.warnings.push(options.error("key", message));
    }
    let role = Role { arn: options.text("roleArn")?, external_id: options.text("externalId")? };
    let delay = options.int("delaySeconds")?.unwrap_or(DELAY_SECONDS);
    if !(0..=LONGEST_DELAY).contains(&delay) {
        return Err(options.error("delaySeconds", format!("expected 0 to {LONGEST_DELAY}, found {delay}")));
    }
    let repeats = Repeats::read(&options, REPEATS)?;
    let settings = AwsSettings {
        service: "sqs",
        region: options.text("region")?.trim().to_owned(),
        endpoint: options.text("endpointUrl")?.trim().to_owned(),
        keys,
        role: Some(role).filter(|role| !role.arn.is_empty()),
    };
    let caller = Caller::new(context, &options)?;
    Ok(Arc::new(Sqs {
        name: context.name.to_owned(),
        queue: options.text("queue")?,
        owner: options.text("account")?,
        delay,
        repeats,
        account: Account::new(settings, &caller),
        caller,
        urls: Mutex::default(),
    }))
}

/// `key` and `secret`, if both are set.
fn keys(options: &mut Options<'_>) -> Result<Option<Keys>, NodeError> {
    let (id, secret) = (options.secret("key")?, options.secret("secret")?);
    let token = Some(options.secret("sessionToken")?).filter(|token| !token.is_empty());
    Ok(Some(Keys { id, secret, token }).filter(|keys| !keys.id.is_empty() && !keys.secret.is_empty()))
}

impl CallService for Sqs {
    fn caller(&self) -> &Caller {
        &self.caller
    }

    async fn attempt(&self, message: &Message, recipient: &str) -> Result<Receipt, DeliveryError> {
        let queue = if recipient.is_empty() { self.queue.as_str() } else { recipient };
        if queue.is_empty() {
            return Err(DeliveryError::permanent(
                ErrorKind::Config,
                format!("no queue: neither the recipient nor `queue` of service `{}` names one", self.name),
            ));
        }
        let deadline = self.caller.deadline();
        let session = self.account.session(deadline).await?;
        let keys = &session.keys;
        let caller = self.caller.hiding([keys.secret.as_str(), keys.token.as_deref().unwrap_or_default()]);
        let call = Call { service: self, session: &session, caller: &caller, deadline };
        let result = call.deliver(message, queue).await;
        match &result {
            // Temporary keys can end before their time; the next attempt asks for new ones.
            Err(error) if error.kind == ErrorKind::Auth => self.account.forget().await,
            // The queue may have been made anew with another address.
            Err(error) if error.kind == ErrorKind::NotFound => drop(self.urls().remove(queue)),
            _ => {}
        }
        result.map_err(|error| caller.clean(error))
    }
}

impl Sqs {
    fn urls(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.urls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is sent: upstream's delay except where SQS refuses it (services 2.20, FIX).
    fn body(&self, message: &Message, queue: &str, url: &str) -> Value {
        let section = message.section("awssqs");
        let mut body = json!({"QueueUrl": url, "MessageBody": message.text});
        if queue.strip_suffix(".fifo").is_none() {
            body["DelaySeconds"] = self.delay.into();
        }
        for (field, wire) in
            [("messageGroupId", "MessageGroupId"), ("messageDeduplicationId", "MessageDeduplicationId")]
        {
            let text = text(section, field);
            if !text.is_empty() {
                body[wire] = text.into();
            }
        }
        if let Some(attributes) = section::message_attributes(section) {
            body["MessageAttributes"] = attributes;
        }
        body
    }
}

/// The calls of one delivery.
struct Call<'a> {
    service: &'a Sqs,
    session: &'a Session,
    caller: &'a Caller,
    deadline: Instant,
}

impl Call<'_> {
    async fn deliver(&self, message: &Message, queue: &str) -> Result<Receipt, DeliveryError> {
        let url = self.queue_url(queue).await?;
        let reply = self.call("SendMessage", &self.service.body(message, queue, &url)).await?;
        answer::receipt(&reply, &message.text)
    }

    /// The address of `queue`, asked for once; a queue may also be named by its address.
    async fn queue_url(&self, queue: &str) -> Result<String, DeliveryError> {
        if queue.starts_with("https://") || queue.starts_with("http://") {
            return Ok(queue.to_owned());
        }
        if let Some(url) = self.service.urls().get(queue) {
            return Ok(url.clone());
        }
        let mut body = json!({"QueueName": queue});
        if !self.service.owner.is_empty() {
            body["QueueOwnerAWSAccountId"] = self.service.owner.as_str().into();
        }
        let reply = self.call("GetQueueUrl", &body).await?;
        let url = answer::queue_url(&reply)?;
        let mut urls = self.service.urls();
        if urls.len() >= MOST_QUEUES {
            urls.clear();
        }
        urls.insert(queue.to_owned(), url.clone());
        Ok(url)
    }

    /// One operation, repeated while SQS asks to slow down; the answer is a success.
    async fn call(&self, operation: &str, body: &Value) -> Result<Reply, DeliveryError> {
        let mut repeats = self.service.repeats;
        loop {
            let reply = self.caller.send(self.request(operation, body)?, repeats, self.deadline).await?;
            if reply.status().is_success() {
                return Ok(reply);
            }
            let error = answer::refusal(operation, &reply, self.caller);
            let left = repeats.most.saturating_sub(reply.attempts - 1);
            let again = error.kind == ErrorKind::RateLimited && !repeats_by_itself(&reply) && left > 0;
            if !again || Instant::now() + repeats.pause >= self.deadline {
                return Err(error);
            }
            tokio::time::sleep(repeats.pause).await;
            repeats.most = left - 1;
            repeats.pause = repeats.pause.saturating_mul(2).min(repeats.longest);
        }
    }

    fn request(&self, operation: &str, body: &Value) -> Result<http::Request<bytes::Bytes>, DeliveryError> {
        let Session { region, endpoint, keys } = self.session;
        let mut request = Outgoing::new("POST", endpoint)?
            .header("content-type", "application/x-amz-json-1.0")?
            .header("x-amz-target", &format!("AmazonSQS.{operation}"))?
            .json(body);
        let scope = Scope { region, service: "sqs" };
        sigv4::sign(&mut request, keys, scope, self.caller.now())
            .map_err(|error| DeliveryError::permanent(ErrorKind::Config, error.to_string()))?;
        Ok(request)
    }
}

/// Whether [`Caller::send`] has repeated the request already because of its status.
fn repeats_by_itself(reply: &Reply) -> bool {
    reply.status().as_u16() == 429 || reply.status().is_server_error()
}
