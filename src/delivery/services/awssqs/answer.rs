//! What SQS answers: receipts with checksums, and errors by name (services 2.20).

use md5::{Digest as _, Md5};
use serde_json::Value;

use crate::delivery::driver::{Caller, Reply};
use crate::delivery::{DeliveryError, ErrorKind, Retry};
use crate::model::Receipt;

/// The address in an answer to `GetQueueUrl`.
pub(super) fn queue_url(reply: &Reply) -> Result<String, DeliveryError> {
    let url = reply.json().and_then(|body| Some(body.get("QueueUrl")?.as_str()?.to_owned()));
    url.filter(|url| !url.is_empty()).ok_or_else(|| {
        reply.error(format!("operation error SQS: GetQueueUrl, the answer names no queue: {}", reply.quote))
    })
}

/// The receipt for `text`, which SQS proves to have got whole by its checksum; a relay may have none.
pub(super) fn receipt(reply: &Reply, text: &str) -> Result<Receipt, DeliveryError> {
    let body = reply.json().unwrap_or_default();
    let member = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let (id, found) = (member("MessageId"), member("MD5OfMessageBody"));
    let bad = |detail: String| Err(reply.error(format!("operation error SQS: SendMessage, {detail}")));
    if id.is_empty() {
        return bad(format!("the answer is no receipt: {}", reply.quote));
    }
    let expected = u128::from_be_bytes(Md5::digest(text.as_bytes()).into());
    if !found.is_empty() && !found.eq_ignore_ascii_case(&format!("{expected:032x}")) {
        return bad(format!(
            "message checksum validation failed: the text that arrived as message {} is another one",
            id.escape_debug()
        ));
    }
    Ok(reply.receipt(Some(id.to_owned())))
}

/// The error in an answer that is no success: SQS names it, and the status says the rest.
pub(super) fn refusal(operation: &str, reply: &Reply, caller: &Caller) -> DeliveryError {
    let body = reply.json().unwrap_or_default();
    let kind = body.get("__type").and_then(Value::as_str).unwrap_or_default();
    // `com.amazonaws.sqs#QueueDoesNotExist`; some proxies append `:http://…`.
    let name = kind.rsplit('#').next().and_then(|name| name.split(':').next()).unwrap_or_default();
    let said = ["message", "Message"].iter().find_map(|member| body.get(member)?.as_str());
    let said = match (name, said) {
        ("", _) => reply.quote.clone(),
        (name, said) => caller.quote(&format!("{name}: {}", said.unwrap_or_default())),
    };
    let status = reply.status().as_u16();
    let mut error = reply.error(format!(
        "operation error SQS: {operation}, https response error StatusCode: {status}, {said}"
    ));
    if let Some((kind, again)) = meaning(name) {
        error.kind = kind;
        error.retry = match (again, error.retry) {
            (false, _) => Retry::No,
            (true, Retry::No) => Retry::Later,
            (true, retry) => retry,
        };
    }
    error
}

/// What an error's name means where the status, which mostly is 400, does not tell; and whether it may go away.
fn meaning(name: &str) -> Option<(ErrorKind, bool)> {
    let name = name.strip_suffix("Exception").unwrap_or(name);
    match name {
        "RequestThrottled"
        | "Throttling"
        | "ThrottledRequest"
        | "Throttled"
        | "RequestLimitExceeded"
        | "TooManyRequests"
        | "SlowDown"
        | "KmsThrottled"
        | "ProvisionedThroughputExceeded"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "LimitExceeded"
        | "OverLimit" => Some((ErrorKind::RateLimited, true)),
        "RequestTimeout" | "InternalFailure" | "InternalError" | "ServiceUnavailable" => {
            Some((ErrorKind::Unavailable, true))
        }
        "ExpiredToken" | "RequestExpired" | "RequestTimeTooSkewed" => Some((ErrorKind::Auth, true)),
        "QueueDoesNotExist"
        | "NonExistentQueue"
        | "AWS.SimpleQueueService.NonExistentQueue"
        | "QueueDeletedRecently" => Some((ErrorKind::NotFound, false)),
        "AccessDenied"
        | "InvalidClientTokenId"
        | "UnrecognizedClient"
        | "SignatureDoesNotMatch"
        | "InvalidSignature"
        | "MissingAuthenticationToken"
        | "IncompleteSignature"
        | "InvalidSecurity"
        | "InvalidAccessKeyId"
        | "AuthFailure"
        | "OptInRequired"
        | "KmsAccessDenied" => Some((ErrorKind::Auth, false)),
        _ => None,
    }
}
