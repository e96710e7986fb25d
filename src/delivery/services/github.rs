//! github: commit statuses, deployments, comments, check runs and dispatches of one repository (services 2.10).
//!
//! One message may ask for several of them, in this order; the first failure ends an attempt. What was done is remembered,
//! so that the next attempt goes on where the last one stopped instead of telling everything twice.

mod api;
mod identity;
mod section;
mod steps;

use std::sync::Arc;

use dodona_value::strconv::{parse_int, trim_zero_decimal};
use serde_json::Value;

use crate::delivery::conversation;
use crate::delivery::driver::{CallService, Caller};
use crate::delivery::options::Options;
use crate::delivery::progress::Progress;
use crate::delivery::section::text;
use crate::delivery::sign::jwt::SigningKey;
use crate::delivery::{BuildContext, DeliveryError, ErrorKind, SectionType, Service, ServiceType};
use crate::model::{GitUrl, Message, Node, NodeError, NodeKind, Receipt};
use api::Api;
use identity::{App, Identity};
use section::NOTHING;
use steps::Job;

/// The row of the table.
pub(super) const TYPE: ServiceType = ServiceType {
    name: "github",
    section: Some(SectionType { key: "github", compile: section::compile }),
    needs_recipient: false,
    build,
};

/// Where GitHub is.
const DEFAULT_API: &str = "https://api.github.com";

struct GitHub {
    api: Api,
    /// Keeps apart what is remembered for different apps and installations.
    account: String,
}

fn build(context: &mut BuildContext<'_>, settings: &Node) -> Result<Arc<dyn Service>, NodeError> {
    let mut options = Options::read(settings)?;
    let base = base(&options.text("enterpriseBaseURL")?);
    let token = options.secret("token")?;
    let identity =
        if token.is_empty() { Identity::App(Box::new(app(&mut options)?)) } else { Identity::Token(token) };
    let account = conversation::account("github", context.name, &[&base, &identity.name()]);
    let caller = Caller::new(context, &options)?;
    Ok(Arc::new(GitHub { api: Api::new(caller, base, identity), account }))
}

fn app(options: &mut Options<'_>) -> Result<App, NodeError> {
    let (app, installation) = (id(options, "appID")?, id(options, "installationID")?);
    let pem = options.secret("privateKey")?;
    let key = SigningKey::from_pem(&pem)
        .map_err(|error| options.error("privateKey", format!("could not parse private key: {error}")))?;
    Ok(App::new(app, installation, key))
}

/// An id as upstream reads it: a number whose fraction is cut, or a text with the prefixes of Go's literals; 0 if absent.
fn id(options: &Options<'_>, name: &str) -> Result<i64, NodeError> {
    let Some(node) = options.fields().get(name) else { return Ok(0) };
    let cannot = |what: String| {
        options.error(name, format!("unable to cast {what} to a number; expected the id of an app"))
    };
    match &node.kind {
        NodeKind::Null => Ok(0),
        NodeKind::Bool(flag) => Ok(i64::from(*flag)),
        NodeKind::Text(text) => {
            let number = parse_int(trim_zero_decimal(text.trim()), 0, 64);
            number.map_err(|_| cannot(format!("\"{}\"", text.escape_debug())))
        }
        NodeKind::Int(number) => Ok(*number),
        NodeKind::Uint(number) => i64::try_from(*number).map_err(|_| cannot(number.to_string())),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "upstream cuts fractions; beyond the range is no id anyway"
        )]
        NodeKind::Float(number) => Ok(*number as i64),
        _ => Err(node.expected("the id of an app")),
    }
}

/// The address of the API. That of an Enterprise server ends in `/api/v3`, for tokens too (services 2.10, FIX).
fn base(setting: &str) -> String {
    let setting = setting.trim().trim_end_matches('/');
    if setting.is_empty() {
        return DEFAULT_API.to_owned();
    }
    let host =
        setting.split_once("://").map_or(setting, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let is_api = setting.ends_with("/api/v3") || host.starts_with("api.") || host.contains(".api.");
    if is_api { setting.to_owned() } else { format!("{setting}/api/v3") }
}

impl CallService for GitHub {
    fn caller(&self) -> &Caller {
        self.api.caller()
    }

    async fn attempt(&self, message: &Message, _recipient: &str) -> Result<Receipt, DeliveryError> {
        let refuse = |detail: String| DeliveryError::permanent(ErrorKind::Rejected, detail);
        let Some(section) = message.section("github") else {
            return Err(refuse("config is empty: the template has no `github` section".to_owned()));
        };
        let (owner, repository) = repository(text(Some(section), "_repoURL"))?;
        let place = format!("{owner}/{repository}");
        let mut progress = Progress::resume(self.api.caller(), &self.account, &place, "github", message);
        let mut job = Job::new(&self.api, &self.account, (&owner, &repository), section, &message.text);
        let result = job.run(&mut progress).await;
        if result.is_err() {
            progress.save();
        }
        result.map(|told| Receipt { id: None, detail: format!("{place}: {told}") })
    }
}

/// Owner and repository out of the address in the message.
fn repository(url: &str) -> Result<(String, String), DeliveryError> {
    let usable = |part: &str| !part.contains(NOTHING) && part != "." && part != "..";
    let found = GitUrl::parse(url).repository();
    found.filter(|(owner, repository)| usable(owner) && usable(repository)).ok_or_else(|| {
        // What an address may hold before an `@` is nobody's business.
        let shown = url.rsplit_once('@').map_or(url, |(_, rest)| rest);
        DeliveryError::permanent(
            ErrorKind::Rejected,
            format!(
                "GitHub.repoURL ({shown}) does not have a `/` between owner and repository; set `github.repoURLPath` \
                 in the template"
            ),
        )
    })
}

/// A rendered part of the section, if the template has it.
fn part<'a>(section: &'a Value, name: &str) -> Option<&'a Value> {
    section.get(name).filter(|part| part.is_object())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_of_an_enterprise_server_is_below_api_v3() {
        for (setting, expected) in [
            ("", "https://api.github.com"),
            ("https://ghe.example.org", "https://ghe.example.org/api/v3"),
            ("https://ghe.example.org/", "https://ghe.example.org/api/v3"),
            ("https://ghe.example.org/api/v3/", "https://ghe.example.org/api/v3"),
            ("https://api.tenant.ghe.com", "https://api.tenant.ghe.com"),
            ("https://x.api.example.org/", "https://x.api.example.org"),
        ] {
            assert_eq!(base(setting), expected, "{setting}");
        }
    }

    #[test]
    fn a_repository_needs_owner_and_name() {
        assert_eq!(repository("git@github.com:org/repo.git").unwrap(), ("org".into(), "repo".into()));
        for url in
            ["<no value>", "https://github.com/repo", "https://github.com/a/<no value>", "https://h/../x", ""]
        {
            let error = repository(url).unwrap_err();
            assert!(error.detail.contains("does not have a `/`"), "{url}: {error}");
        }
        let error = repository("https://ann:secret@github.com/repo").unwrap_err();
        assert!(!error.detail.contains("secret"), "{error}");
    }
}
