//! How redirects are followed: Go's rules, which differ from reqwest's for PUT and friends (services 1.4), and the limits
//! that a service sets which knows its receiver.

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, LOCATION, PROXY_AUTHORIZATION};
use http::{HeaderMap, Method, Request, StatusCode};
use url::Url;

use super::Failure;
use super::pool::shown_host;

/// Where a service's requests may be sent on to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirects {
    /// To other ports and paths of the same host, with method and body. Messages and the tokens in them are for one
    /// receiver, and a message that has become a GET is lost although the answer looks like a success.
    #[default]
    SameHost,
    /// Anywhere, as Go does it (webhook: what its receiver wants is the user's business).
    Anywhere,
}

/// Requests in all, the first one included.
pub(super) const MOST_REQUESTS: usize = 10;

/// The request that `status` and its `Location` ask for; `None` if it is no redirect that can be followed, an error if
/// `redirects` forbids it.
///
/// 301, 302 and 303 turn every method but GET and HEAD into GET and drop the body; 307 and 308 repeat both. Credentials
/// in headers do not travel to another host or port.
pub(super) fn next(
    redirects: Redirects,
    request: &Request<Bytes>,
    url: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<(Request<Bytes>, Url)>, Failure> {
    let keeps_body = match status.as_u16() {
        301..=303 => false,
        307 | 308 => true,
        _ => return Ok(None),
    };
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    let location = String::from_utf8_lossy(location.as_bytes());
    let target = url
        .join(&location)
        .map_err(|error| Failure::useless_answer(format!("redirect to an invalid URL: {error}")))?;
    if !matches!(target.scheme(), "http" | "https") {
        let scheme = target.scheme();
        return Err(Failure::useless_answer(format!(
            "redirect to a URL with the unsupported scheme `{scheme}`"
        )));
    }
    let asks = matches!(*request.method(), Method::GET | Method::HEAD);
    if redirects == Redirects::SameHost {
        let other_host = target.host_str() != url.host_str();
        if other_host || !keeps_body && !asks {
            let (from, to) = (shown_host(url), shown_host(&target));
            let why = if other_host { "another host" } else { "an address where the message would be lost" };
            return Err(Failure::useless_answer(format!(
                "{from} redirects ({status}) to {}://{to}, {why}; use the final address in the settings",
                target.scheme()
            )));
        }
    }
    let mut next = request.clone();
    if !keeps_body {
        *next.body_mut() = Bytes::new();
        if !asks {
            *next.method_mut() = Method::GET;
        }
    }
    if target.origin() != url.origin() {
        let names: Vec<HeaderName> = next.headers().keys().filter(|name| stays_home(name)).cloned().collect();
        for name in names {
            next.headers_mut().remove(name);
        }
    }
    Ok(Some((next, target)))
}

/// Headers that do not travel to another host: credentials by their standard names, and by the names that services give
/// them (`X-Api-Key`, `X-Auth-Token`).
fn stays_home(name: &HeaderName) -> bool {
    let telling = ["api-key", "apikey", "token", "secret", "password"];
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, HOST].contains(name)
        || telling.iter().any(|part| name.as_str().contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(method: &str, status: u16, location: &str) -> Option<(String, String, bool)> {
        let request =
            Request::builder().method(method).uri("http://a.example/x").header("authorization", "secret");
        let request = request.body(Bytes::from_static(b"body")).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, location.parse().unwrap());
        let url = Url::parse("http://a.example/x").unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        let (next, url) = next(Redirects::Anywhere, &request, &url, status, &headers).unwrap()?;
        assert_eq!(next.headers().contains_key(AUTHORIZATION), url.host_str() == Some("a.example"));
        Some((next.method().to_string(), url.to_string(), !next.body().is_empty()))
    }

    #[test]
    fn methods_and_bodies_follow_go() {
        for (method, status, after, body) in [
            ("POST", 302, "GET", false),
            ("PUT", 301, "GET", false),
            ("GET", 303, "GET", false),
            ("HEAD", 302, "HEAD", false),
            ("POST", 307, "POST", true),
            ("DELETE", 308, "DELETE", true),
        ] {
            let expected = Some((after.into(), "http://a.example/y".into(), body));
            assert_eq!(follow(method, status, "/y"), expected, "{method} {status}");
        }
        assert_eq!(follow("GET", 304, "/y"), None);
        assert!(follow("GET", 302, "https://b.example/").is_some());
    }

    #[test]
    fn services_that_know_their_receiver_stay_there() {
        let outcome = |method: &str, status: u16, location: &str| {
            let request = Request::builder().method(method).body(Bytes::from_static(b"body")).unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, location.parse().unwrap());
            let url = Url::parse("http://a.example/x").unwrap();
            let status = StatusCode::from_u16(status).unwrap();
            next(Redirects::SameHost, &request, &url, status, &headers)
                .map_err(|failure| failure.error.detail)
        };
        for (method, status, location) in
            [("POST", 307, "/y"), ("POST", 308, "https://a.example/x"), ("GET", 302, "http://a.example:81/")]
        {
            assert!(outcome(method, status, location).unwrap().is_some(), "{method} {status} {location}");
        }
        for (method, status, location, why) in [
            ("POST", 307, "https://b.example/token", "another host"),
            ("GET", 302, "https://b.example/token", "another host"),
            ("POST", 302, "/token", "lost"),
            ("PUT", 301, "https://a.example/token", "lost"),
        ] {
            let error = outcome(method, status, location).unwrap_err();
            assert!(error.contains(why) && !error.contains("token"), "{method} {status} {location}: {error}");
        }
    }
}
