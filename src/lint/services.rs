//! Settings of services that load and should not be there: credentials in plain text, addresses that are switched off.

use super::Findings;
use super::groups::Configuration;
use crate::config::raw::Key;
use crate::config::yaml;
use crate::model::{Node, NodeKind, Position};

/// Settings that are credentials, in small letters.
const CREDENTIALS: &[&str] = &[
    "accesskey",
    "apikey",
    "apikeys",
    "apisecret",
    "integrationkey",
    "password",
    "privatekey",
    "routingkey",
    "secretkey",
    "servicekeys",
    "signingsecret",
    "token",
];

/// Headers that carry credentials, in small letters.
const HEADERS: &[&str] = &["authorization", "x-api-key", "api-key", "private-token", "x-auth-token"];

/// Addresses that let everybody in who knows them.
const SECRET_URLS: &[&str] = &[
    "hooks.slack.com/services/",
    "hooks.slack.com/workflows/",
    ".webhook.office.com/",
    "discord.com/api/webhooks/",
    "chat.googleapis.com/v1/spaces/",
    ".logic.azure.com",
    "sig=",
    "api.telegram.org/bot",
];

/// Addresses of Microsoft's connectors, which are switched off.
const RETIRED: &[&str] =
    &["outlook.office.com/webhook", "outlook.office365.com/webhook", ".webhook.office.com/"];

/// What every certificate in PEM has.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// Looks at the settings of every service.
pub(super) fn check(configuration: &Configuration<'_>, findings: &mut Findings) {
    for (key, kind, value) in configuration.own() {
        let (Key::Service { .. }, Ok(node)) = (kind, yaml::parse_node(&value.text)) else { continue };
        let mut settings = Settings { configuration, key, findings };
        settings.walk(&node, "", "");
    }
}

struct Settings<'a, 'b> {
    configuration: &'a Configuration<'b>,
    key: &'a str,
    findings: &'a mut Findings,
}

impl Settings<'_, '_> {
    /// `field` is the name of the setting, `parent` that of the mapping around it. Recurses as deep as the tree, which the
    /// parser bounds.
    fn walk(&mut self, node: &Node, field: &str, parent: &str) {
        match &node.kind {
            NodeKind::Text(text) => self.text(text, node.at, field, parent),
            NodeKind::Int(_) if is_credential(field) => self.plain(node.at, field),
            NodeKind::List(items) => items.iter().for_each(|item| self.walk(item, field, parent)),
            NodeKind::Map(pairs) => {
                if let Ok(fields) = node.fields()
                    && parent != "headers"
                    && let (Ok(name), Some(value)) = (fields.text("name"), fields.get("value"))
                    && HEADERS.contains(&name.to_ascii_lowercase().as_str())
                    && value.text().is_ok_and(|text| !text.is_empty() && !text.contains('$'))
                {
                    self.plain(value.at, &name);
                }
                for (key, value) in pairs {
                    self.walk(value, &key.text, field);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, at: Position, field: &str, parent: &str) {
        let lower = text.to_ascii_lowercase();
        let refers = text.contains('$');
        let named = is_credential(field) || is_credential(parent);
        let is_open = SECRET_URLS.iter().any(|part| lower.contains(part)) || has_password(&lower);
        if !text.is_empty() && !refers && (named || is_open) {
            self.plain(at, if named { field } else { "the URL" });
        }
        if field.eq_ignore_ascii_case("caCert") && !refers && !text.is_empty() && !text.contains(CERTIFICATE)
        {
            let message = "this holds no certificate, so the system's authorities count as if it were not there; write the certificate itself (PEM), not the name of a file";
            self.configuration.add("service-setting", self.key, Some(at), self.key, message, self.findings);
        }
        if let Some(name) = self.braced(text) {
            let message = format!(
                "`${{{name}}}` is sent as it stands; a value of the Secret is `${name}`, without braces"
            );
            self.configuration.add("service-setting", self.key, Some(at), self.key, message, self.findings);
        }
        if self.is_retired(text) {
            let message = "Microsoft has switched off these connectors; make a flow in Teams (Workflows, \"when a webhook request is received\") and send to it with `service.teams-workflows`";
            self.configuration.add("retired-receiver", self.key, Some(at), self.key, message, self.findings);
        }
    }

    /// The key of the Secret that stands in braces in `text`. Names that other tools put in before (`${CLUSTER}`) are none.
    fn braced<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut names = text.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
        names.find(|name| self.configuration.config.secrets.contains_key(*name))
    }

    /// Whether `text`, or the value of the Secret that it names, is an address that is switched off.
    fn is_retired(&self, text: &str) -> bool {
        let secret = text.strip_prefix('$').and_then(|name| self.configuration.config.secrets.get(name));
        let secret = secret.map(|secret| String::from_utf8_lossy(secret.expose()).into_owned());
        let lower = secret.unwrap_or_else(|| text.to_owned()).to_ascii_lowercase();
        RETIRED.iter().any(|part| lower.contains(part))
    }

    fn plain(&mut self, at: Position, what: &str) {
        let message = format!(
            "{what} is readable by everybody who may read the ConfigMap or its repository; put it under a key of the notification Secret and write `$<key>` here"
        );
        self.configuration.add("secret-in-config", self.key, Some(at), self.key, message, self.findings);
    }
}

fn is_credential(field: &str) -> bool {
    CREDENTIALS.contains(&field.to_ascii_lowercase().as_str())
}

/// `https://user:password@host`.
fn has_password(url: &str) -> bool {
    let authority =
        url.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let user = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
    user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}
