//! Which requests go through a proxy (core 5.10.2).

/// Proxies as the environment names them. Loopback is never proxied, as in Go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// `HTTP_PROXY` or `http_proxy`: for plain HTTP.
    pub http: Option<String>,
    /// `HTTPS_PROXY` or `https_proxy`: for HTTPS.
    pub https: Option<String>,
    /// `NO_PROXY` or `no_proxy`: hosts, domains and networks that are reached directly.
    pub none: String,
}

/// What is never proxied, whatever `NO_PROXY` says: this machine, and the metadata servers that answer only to it.
const NEVER: &str = "localhost,127.0.0.0/8,::1,169.254.0.0/16,fd00:ec2::/32,metadata.google.internal";

impl Proxies {
    /// Reads the variables through `lookup`, upper case first.
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let either = |upper: &str, lower: &str| {
            lookup(upper).or_else(|| lookup(lower)).filter(|text| !text.is_empty())
        };
        Self {
            http: either("HTTP_PROXY", "http_proxy"),
            https: either("HTTPS_PROXY", "https_proxy"),
            none: either("NO_PROXY", "no_proxy").unwrap_or_default(),
        }
    }

    /// Whether requests with `scheme` go to a proxy, those aside that `NO_PROXY` names.
    pub(super) fn serve(&self, scheme: &str) -> bool {
        if scheme == "https" { self.https.is_some() } else { self.http.is_some() }
    }

    /// Whether no proxy is named at all.
    pub(super) fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    /// Tells a client builder. The builder never looks at the environment itself.
    pub(super) fn apply(
        &self,
        builder: reqwest::ClientBuilder,
    ) -> Result<reqwest::ClientBuilder, reqwest::Error> {
        let mut builder = builder.no_proxy();
        let direct = || reqwest::NoProxy::from_string(&format!("{NEVER},{}", self.none));
        if let Some(url) = &self.http {
            builder = builder.proxy(reqwest::Proxy::http(with_scheme(url))?.no_proxy(direct()));
        }
        if let Some(url) = &self.https {
            builder = builder.proxy(reqwest::Proxy::https(with_scheme(url))?.no_proxy(direct()));
        }
        Ok(builder)
    }
}

/// The host in a proxy's URL.
pub(super) fn host(proxy: &str) -> Option<String> {
    url::Url::parse(&with_scheme(proxy)).ok()?.host_str().map(ToOwned::to_owned)
}

/// `proxy.example.org:3128` means HTTP.
fn with_scheme(url: &str) -> String {
    if url.contains("://") { url.to_owned() } else { format!("http://{url}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_cases_of_the_variables_count() {
        let proxies = Proxies::from_variables(|name| match name {
            "HTTPS_PROXY" => Some("proxy:3128".into()),
            "https_proxy" => Some("other:1".into()),
            "no_proxy" => Some("example.org".into()),
            _ => None,
        });
        let expected = Proxies { http: None, https: Some("proxy:3128".into()), none: "example.org".into() };
        assert_eq!(proxies, expected);
    }
}
