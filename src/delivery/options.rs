//! Reads the settings of a service: leniently, once for all services, and with every secret remembered for redaction.

use std::collections::BTreeMap;
use std::time::Duration;

use super::DeliveryOptions;
use super::client::Transport;
use super::redact::Redactor;
use crate::model::{Fields, Node, NodeError};

/// The settings of one service while it is built.
pub struct Options<'a> {
    fields: Fields<'a>,
    /// What must not appear in any text.
    pub redactor: Redactor,
}

impl<'a> Options<'a> {
    /// Reads `settings`, which must be a mapping or nothing (services 1.2).
    pub fn read(settings: &'a Node) -> Result<Self, NodeError> {
        Ok(Self { fields: settings.fields()?, redactor: Redactor::default() })
    }

    /// The fields themselves, for what has no method here.
    pub fn fields(&self) -> Fields<'a> {
        self.fields
    }

    /// A text; empty if absent.
    pub fn text(&self, name: &str) -> Result<String, NodeError> {
        self.fields.text(name)
    }

    /// A token, key or password: remembered for redaction, and without the line breaks at its end that a Secret made
    /// with `echo` has (services 1.2, FIX).
    pub fn secret(&mut self, name: &str) -> Result<String, NodeError> {
        let text = trim_line_end(&self.fields.text(name)?).to_owned();
        self.redactor.add(&text);
        Ok(text)
    }

    /// A URL that may contain a token: trimmed and remembered.
    pub fn secret_url(&mut self, name: &str) -> Result<String, NodeError> {
        let text = self.fields.text(name)?.trim().to_owned();
        self.redactor.add_url(&text);
        Ok(text)
    }

    /// A URL that is no secret but for a password in it; trimmed.
    pub fn address(&mut self, name: &str) -> Result<String, NodeError> {
        let text = self.fields.text(name)?.trim().to_owned();
        if let Ok(url) = url::Url::parse(&text) {
            self.redactor.add(url.password().unwrap_or_default());
        }
        Ok(text)
    }

    /// `basicAuth`: user and password, if the setting is there.
    pub fn basic_auth(&mut self) -> Result<Option<(String, String)>, NodeError> {
        let Some(fields) = self.fields.fields("basicAuth")? else { return Ok(None) };
        let inside = |error: NodeError| error.inside("basicAuth");
        let (user, password) =
            (fields.text("username").map_err(inside)?, fields.text("password").map_err(inside)?);
        self.redactor.add(&password);
        self.redactor.add(&format!("{user}:{password}"));
        Ok(Some((user, password)))
    }

    /// A map of names to tokens, which are trimmed and remembered as [`Options::secret`] does it.
    pub fn secret_map(&mut self, name: &str) -> Result<BTreeMap<String, String>, NodeError> {
        let pairs = self.fields.text_map(name)?.into_iter();
        let pairs: BTreeMap<String, String> =
            pairs.map(|(key, text)| (key, trim_line_end(&text).to_owned())).collect();
        for text in pairs.values() {
            self.redactor.add(text);
        }
        Ok(pairs)
    }

    /// URLs by name, each of which may contain a token: trimmed and remembered.
    pub fn secret_urls(&mut self, name: &str) -> Result<Vec<(String, String)>, NodeError> {
        let mut urls = self.fields.text_map(name)?;
        for (_, url) in &mut urls {
            *url = url.trim().to_owned();
            self.redactor.add_url(url);
        }
        Ok(urls)
    }

    /// A boolean; false if absent.
    pub fn flag(&self, name: &str) -> Result<bool, NodeError> {
        self.fields.bool(name)
    }

    /// A whole number, if present.
    pub fn int(&self, name: &str) -> Result<Option<i64>, NodeError> {
        self.fields.opt_int(name)
    }

    /// A duration: `5s`, `1m30s`, or whole nanoseconds as upstream has it.
    pub fn duration(&self, name: &str) -> Result<Option<Duration>, NodeError> {
        self.fields.duration(name)
    }

    /// An error about the field `name`.
    pub fn error(&self, name: &str, message: impl Into<String>) -> NodeError {
        self.fields.error(name, message)
    }

    /// The options that every service has (issue: delivery options as extra fields).
    pub fn delivery(&self) -> Result<DeliveryOptions, NodeError> {
        self.delivery_within(self.positive("timeout")?)
    }

    /// The same for a service that reads `timeout` in its own way.
    pub fn delivery_within(&self, timeout: Option<Duration>) -> Result<DeliveryOptions, NodeError> {
        let retries = self.int("retries")?.map(|count| u32::try_from(count.max(0)).unwrap_or(u32::MAX));
        Ok(DeliveryOptions { timeout, retries, rate_limit: self.rate()?, max_age: self.positive("maxAge")? })
    }

    /// The transport options of the HTTP services (services 1.4, family E); accepted by all of them.
    pub fn transport(&self) -> Result<Transport, NodeError> {
        // Upstream counts an idle time that does not parse as "never"; it is no reason to refuse a service.
        let idle_timeout = self.fields.duration("idleConnTimeout").ok().flatten();
        Ok(Transport {
            insecure_skip_verify: self.flag("insecureSkipVerify")?,
            max_idle: self.int("maxIdleConns")?.unwrap_or(0),
            max_idle_per_host: self.int("maxIdleConnsPerHost")?.unwrap_or(0),
            max_per_host: self.int("maxConnsPerHost")?.unwrap_or(0),
            idle_timeout,
            authority: self.text("caCert")?,
        })
    }

    fn positive(&self, name: &str) -> Result<Option<Duration>, NodeError> {
        match self.duration(name)? {
            Some(Duration::ZERO) => Err(self.error(name, "must be longer than nothing, for example `30s`")),
            other => Ok(other),
        }
    }

    /// `rateLimit`: messages per second as a number, or `10/s`, `30/m`, `100/h`.
    fn rate(&self) -> Result<Option<f64>, NodeError> {
        let Some(node) = self.fields.get("rateLimit") else { return Ok(None) };
        let text = node.text()?;
        if text.is_empty() {
            return Ok(None);
        }
        let (count, unit) = text.split_once('/').unwrap_or((&text, "s"));
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => f64::NAN,
        };
        match count.trim().parse::<f64>().map(|count| count / seconds) {
            Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(Some(rate)),
            _ => {
                Err(self.error("rateLimit", "expected messages per second (`0.5`) or a rate such as `30/m`"))
            }
        }
    }
}

/// `text` without line breaks at its end.
pub fn trim_line_end(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}
