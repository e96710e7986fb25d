//! Tokens and keys that end: fetched once for all messages, renewed before they end, kept while they work.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::{DeliveryError, ErrorKind};

/// What ends is fetched again this long before.
const EARLY: SignedDuration = SignedDuration::from_mins(5);

/// What has no end of its own (files, settings) is looked at again after this time.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(10);

struct Held<T> {
    value: T,
    /// From when on a new one is sought.
    renew: Timestamp,
    /// Until when it works.
    expires: Option<Timestamp>,
}

/// A value that is fetched again before it ends.
pub struct Renewing<T>(Mutex<Option<Held<T>>>);

/// A value, and whether it was fetched for this call.
pub struct Current<T> {
    /// The value.
    pub value: T,
    /// Whether it is new, so that asking once more would bring the same.
    pub fresh: bool,
}

impl<T> Default for Renewing<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Renewing<T> {
    /// The value to use at `now`. `fetch` brings a new one and its end; while it runs, others wait for it. If it fails, the
    /// former value serves until it ends; `what` names it in the log.
    pub async fn get(
        &self,
        what: &str,
        now: Timestamp,
        deadline: Instant,
        fetch: impl Future<Output = Result<(T, Option<Timestamp>), DeliveryError>>,
    ) -> Result<Current<T>, DeliveryError> {
        let slow = || DeliveryError::temporary(ErrorKind::Network, format!("{what} did not come in time"));
        let mut held = timeout_at(deadline, self.0.lock()).await.map_err(|_| slow())?;
        if let Some(known) = held.as_ref().filter(|known| now < known.renew) {
            return Ok(Current { value: known.value.clone(), fresh: false });
        }
        let fetched = timeout_at(deadline, fetch).await.unwrap_or_else(|_| Err(slow()));
        match (fetched, held.as_ref()) {
            (Ok((value, expires)), _) => {
                let renew = expires.map_or(now + LOOK_AGAIN, |end| (end - EARLY).max(now));
                *held = Some(Held { value: value.clone(), renew, expires });
                Ok(Current { value, fresh: true })
            }
            (Err(error), Some(known)) if known.expires.is_some_and(|end| now < end) => {
                tracing::warn!("{what}: not renewed, the former one still works: {error}");
                Ok(Current { value: known.value.clone(), fresh: true })
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Forgets the value, because it does not work any more.
    pub async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn get(held: &Renewing<u8>, now: &str, fetched: Result<(u8, &str), &str>) -> Result<u8, String> {
        let deadline = Instant::now() + Duration::from_secs(1);
        let fetch = async {
            let end = |(value, end): (u8, &str)| (value, Some(end.parse().unwrap()));
            fetched.map(end).map_err(|text| DeliveryError::temporary(ErrorKind::Auth, text))
        };
        let current = held.get("the token", now.parse().unwrap(), deadline, fetch).await;
        current.map(|current| current.value).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn values_are_renewed_early_and_kept_while_they_work() {
        let held = Renewing::default();
        let no = Err("no");
        assert_eq!(get(&held, "2026-01-01T00:00:00Z", no).await, Err("no".to_owned()));
        assert_eq!(get(&held, "2026-01-01T00:00:00Z", Ok((1, "2026-01-01T01:00:00Z"))).await, Ok(1));
        assert_eq!(get(&held, "2026-01-01T00:54:59Z", Ok((2, "2026-01-01T02:00:00Z"))).await, Ok(1));
        assert_eq!(get(&held, "2026-01-01T00:56:00Z", no).await, Ok(1));
        assert_eq!(get(&held, "2026-01-01T01:00:00Z", no).await, Err("no".to_owned()));
        assert_eq!(get(&held, "2026-01-01T00:56:00Z", Ok((2, "2026-01-01T02:00:00Z"))).await, Ok(2));
        held.forget().await;
        assert_eq!(get(&held, "2026-01-01T00:57:00Z", no).await, Err("no".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_message_may_take() {
        let held: Renewing<u8> = Renewing::default();
        let deadline = Instant::now() + Duration::from_secs(5);
        let result = held.get("the token", Timestamp::UNIX_EPOCH, deadline, std::future::pending()).await;
        assert!(result.is_err_and(|error| error.detail == "the token did not come in time"));
    }
}
