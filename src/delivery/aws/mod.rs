//! What services of AWS share: which region and address, and as whom (services 2.20). Signing is `sign::sigv4`'s work.
//!
//! Nothing is asked for before the first message: a configuration loads although its keys are not there yet.

mod chain;
mod profile;
mod remote;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::ambient::Ambient;
use super::driver::Caller;
use super::renew::Renewing;
use super::sign::sigv4::Keys;
use super::{DeliveryError, ErrorKind};
use profile::Profile;

/// How long a metadata server may take: it is on the machine or not there at all.
const METADATA_TIMEOUT: Duration = Duration::from_secs(2);

/// What the settings of a service say; what is empty comes from the environment.
pub(super) struct AwsSettings {
    /// The service's name in addresses and variables: `sqs`.
    pub(super) service: &'static str,
    /// `region`.
    pub(super) region: String,
    /// `endpointUrl`.
    pub(super) endpoint: String,
    /// `key`, `secret` and `sessionToken`, if both of the former are set.
    pub(super) keys: Option<Keys>,
    /// `roleArn` and `externalId`: the role to take on with whatever keys were found.
    pub(super) role: Option<Role>,
}

/// A role to take on.
#[derive(Clone, Debug, Default)]
pub(super) struct Role {
    /// Its name in full.
    pub(super) arn: String,
    /// What its owner wants to be told.
    pub(super) external_id: String,
}

/// Keys and when they end.
#[derive(Clone, Debug)]
struct Found {
    keys: Keys,
    expires: Option<Timestamp>,
}

/// Where to send and as whom.
#[derive(Debug)]
pub(super) struct Session {
    /// The region in the signature; empty only with an address of the user's own.
    pub(super) region: String,
    /// The address, without a slash at its end.
    pub(super) endpoint: String,
    /// The keys.
    pub(super) keys: Keys,
}

/// An account of AWS as one service uses it.
pub(super) struct Account {
    settings: AwsSettings,
    ambient: Ambient,
    caller: Caller,
    session: Renewing<Arc<Session>>,
}

impl Account {
    /// The account of the service that `caller` sends for.
    pub(super) fn new(settings: AwsSettings, caller: &Caller) -> Self {
        let ambient = Ambient::new(caller.clients());
        Self { settings, ambient, caller: caller.confidential(), session: Renewing::default() }
    }

    /// The session to use now; found anew when the former one is about to end.
    pub(super) async fn session(&self, deadline: Instant) -> Result<Arc<Session>, DeliveryError> {
        if self.caller.clients().rehearsal().is_some() {
            return Ok(Arc::new(self.rehearsed()));
        }
        let open = async { self.open(deadline).await.map(|(session, end)| (Arc::new(session), end)) };
        let found = self.session.get("AWS credentials", self.caller.now(), deadline, open).await;
        found.map(|current| current.value)
    }

    /// Forgets the session, because AWS says that its keys do not work any more.
    pub(super) async fn forget(&self) {
        self.session.forget().await;
    }

    /// A session for looking at what would be sent: of the settings, and asking nobody.
    fn rehearsed(&self) -> Session {
        let AwsSettings { service, region, endpoint, keys, .. } = &self.settings;
        let region = if region.is_empty() { "us-east-1" } else { region };
        let fixed = || regional_endpoint(&self.ambient, service, region).unwrap_or_default();
        let none = || Keys { id: "rehearsal".to_owned(), secret: String::new(), token: None };
        Session {
            region: region.to_owned(),
            endpoint: if endpoint.is_empty() { fixed() } else { endpoint.clone() },
            keys: keys.clone().unwrap_or_else(none),
        }
    }

    async fn open(&self, deadline: Instant) -> Result<(Session, Option<Timestamp>), DeliveryError> {
        let profile = Profile::load(&self.ambient).await.map_err(refuse)?;
        let region = self.region(&profile);
        let endpoint = self.endpoint(&region, &profile)?;
        let search = chain::Search {
            ambient: &self.ambient,
            caller: &self.caller,
            profile: &profile,
            region: &region,
            deadline,
        };
        let found = match &self.settings.keys {
            Some(keys) => Found { keys: keys.clone(), expires: None },
            None => search.keys().await?,
        };
        let found = match &self.settings.role {
            Some(role) => search.take_on(role, &found.keys).await?,
            None => found,
        };
        Ok((Session { region, endpoint, keys: found.keys }, found.expires))
    }

    fn region(&self, profile: &Profile) -> String {
        let variable = || {
            let named = self.ambient.var("AWS_DEFAULT_REGION").or_else(|| self.ambient.var("AWS_REGION"));
            named.map(ToOwned::to_owned)
        };
        let own = Some(self.settings.region.clone()).filter(|region| !region.is_empty());
        own.or_else(variable).or_else(|| profile.get("region")).unwrap_or_default()
    }

    fn endpoint(&self, region: &str, profile: &Profile) -> Result<String, DeliveryError> {
        let service = self.settings.service;
        let own = Some(self.settings.endpoint.clone()).filter(|url| !url.is_empty());
        let configured = || configured_endpoint(&self.ambient, service, Some(profile));
        match own.or_else(configured) {
            Some(url) => Ok(url),
            None if region.is_empty() => {
                Err(refuse("no region is known: set `region`, or AWS_REGION in the environment".to_owned()))
            }
            None => regional_endpoint(&self.ambient, service, region).map_err(refuse),
        }
    }
}

fn refuse(detail: String) -> DeliveryError {
    DeliveryError::permanent(ErrorKind::Config, detail)
}

/// The address of `service` as the environment or the profile names it.
fn configured_endpoint(ambient: &Ambient, service: &str, profile: Option<&Profile>) -> Option<String> {
    if ambient.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
        return None;
    }
    let variable = format!("AWS_ENDPOINT_URL_{}", service.to_ascii_uppercase());
    let named = ambient.var(&variable).or_else(|| ambient.var("AWS_ENDPOINT_URL"));
    named.map(ToOwned::to_owned).or_else(|| profile?.get("endpoint_url"))
}

/// The address of `service` in `region`.
fn regional_endpoint(ambient: &Ambient, service: &str, region: &str) -> Result<String, String> {
    let is_label = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if region.len() > 63 || !region.chars().all(is_label) {
        return Err(format!(
            "`{}` is no region of AWS; expected one such as `eu-west-1`",
            region.escape_debug()
        ));
    }
    let (suffix, dual_stack) = partition(region);
    // The regions of the government have no others.
    let fips = ambient.flag("AWS_USE_FIPS_ENDPOINT") && !region.starts_with("us-gov-");
    let service = if fips { format!("{service}-fips") } else { service.to_owned() };
    let suffix = if ambient.flag("AWS_USE_DUALSTACK_ENDPOINT") { dual_stack } else { suffix };
    Ok(format!("https://{service}.{region}.{suffix}"))
}

/// The domains of a region's partition: usual, and for both generations of IP.
fn partition(region: &str) -> (&'static str, &'static str) {
    const PARTITIONS: &[(&str, &str, &str)] = &[
        ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
        ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
        ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
        ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
        ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ];
    let found = PARTITIONS.iter().find(|(prefix, _, _)| region.starts_with(prefix));
    found.map_or(("amazonaws.com", "api.aws"), |(_, usual, dual)| (usual, dual))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::delivery::client::{Clients, Reach};

    #[test]
    fn regions_have_addresses() {
        let ambient = |pairs: &[(&str, &str)]| {
            let environment: BTreeMap<String, String> =
                pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Ambient::new(&Clients::new(Reach { environment: Arc::new(environment), ..Reach::default() }))
        };
        let (plain, fips) = (ambient(&[]), ambient(&[("AWS_USE_FIPS_ENDPOINT", "true")]));
        let dual = ambient(&[("AWS_USE_DUALSTACK_ENDPOINT", "true")]);
        for (ambient, region, expected) in [
            (&plain, "eu-west-1", "https://sqs.eu-west-1.amazonaws.com"),
            (&plain, "cn-north-1", "https://sqs.cn-north-1.amazonaws.com.cn"),
            (&plain, "us-isob-east-1", "https://sqs.us-isob-east-1.sc2s.sgov.gov"),
            (&fips, "us-east-1", "https://sqs-fips.us-east-1.amazonaws.com"),
            (&fips, "us-gov-west-1", "https://sqs.us-gov-west-1.amazonaws.com"),
            (&dual, "us-east-1", "https://sqs.us-east-1.api.aws"),
        ] {
            assert_eq!(regional_endpoint(ambient, "sqs", region).as_deref(), Ok(expected));
        }
        assert!(regional_endpoint(&plain, "sqs", "x@evil.example/").is_err());
        let named = ambient(&[("AWS_ENDPOINT_URL_SQS", "http://a"), ("AWS_ENDPOINT_URL", "http://b")]);
        assert_eq!(configured_endpoint(&named, "sqs", None).as_deref(), Some("http://a"));
        assert_eq!(configured_endpoint(&named, "sts", None).as_deref(), Some("http://b"));
    }
}
